"""The front page: the parts of README.md that a reader of the pages needs, with links to the pages."""
from __future__ import annotations

import re
from collections.abc import Collection

SECTIONS = ("The labs", "How a lab works", "Start", "Real data", "If something is different on your machine", "Licences")
LINK = re.compile(r"\[([^\]]+)\]\((?!https?://|#)([^)]+)\)")
TABLE = re.compile(r"(?:^\|.*\|[ ]*\n)+", re.MULTILINE)


def front_page(readme: str, stems: Collection[str], solved: bool) -> str:
    """Markdown of the front page.

    Parameters
    ----------
    readme : str
        Text of README.md; of its sections those are taken that `SECTIONS` names.
    stems : collection of str
        Labs that have a page.
    solved : bool
        Whether the pages show the solved labs.
    """
    lead, *rest = re.split(r"^## ", readme.strip(), flags=re.MULTILINE)
    sections = {title.strip(): text.strip() for title, _, text in (part.partition("\n") for part in rest)}
    title, _, lead = lead.strip().partition("\n")
    kind = "These pages show the **solved labs**." if solved else "These pages show the labs as students get them, with the figures to aim at."
    parts = [title, lead.strip(), f"{kind} They need no network and no server. Press <kbd>Ctrl</kbd> <kbd>K</kbd> to search."]
    if "The labs" not in sections or not TABLE.search(sections["The labs"] + "\n"):
        sections = {"The labs": plain_list(stems), **sections}
    parts += [f"## {name}\n\n{sections[name]}" for name in SECTIONS if name in sections]
    text = with_page_links("\n\n".join(parts), stems)
    text = TABLE.sub(lambda found: f":::{{table}}\n:class: {'labs' if 'labs/' in found[0] else 'plain'}\n\n{found[0]}:::\n", text + "\n", count=1)
    pages = "\n".join(f"labs/{stem}" for stem in sorted(stems))
    return f"{text}\n```{{toctree}}\n:hidden:\n:caption: Labs\n\n{pages}\n```\n\n```{{toctree}}\n:hidden:\n:caption: Helper package\n\nreference/index\n```\n"


def with_page_links(text: str, stems: Collection[str]) -> str:
    """Links to notebooks become links to their pages; links to other files of the repository become plain text."""

    def target(found: re.Match) -> str:
        said, path = found.groups()
        stem = path.rpartition("/")[2].removesuffix(".ipynb")
        return f"[{said}](labs/{stem}.ipynb)" if stem in stems else said

    return LINK.sub(target, text)


def plain_list(stems: Collection[str]) -> str:
    """The labs where README.md has no table of them."""
    return "\n".join(f"- [{stem[:2]} {stem[3:].replace('_', ' ')}](notebooks/{stem}.ipynb)" for stem in sorted(stems))
