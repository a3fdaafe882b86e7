"""Pages of `course_utils` from its docstrings. The package is read, not imported: nothing heavy is loaded."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = re.compile(r"lab\d\d\w*|__main__")  # the declarations of exercises come close to solutions
FOR_LABS = ("notebook", "datasets", "models", "training", "adversarial", "scoring", "plots", "widgets", "exercises", "settings")
ALIGNED = re.compile(r"(\w+) {2,}(\S.*)")
ANGLE = re.compile(r"<(?=[A-Za-z/!])")
CODE = re.compile(r"(`+[^`]*`+)")


@dataclass(frozen=True)
class Module:
    """One file of the package: its dotted name below `course_utils` and its syntax tree."""

    name: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The package or module right below `course_utils`."""
        return self.name.partition(".")[0]


def reference_pages(package: Path) -> dict[str, str]:
    """Markdown by page: `index`, and one page for each room of the package.

    Parameters
    ----------
    package : pathlib.Path
        The folder `course_utils`.
    """
    modules = list(read_modules(package))
    rooms = sorted({module.room for module in modules}, key=lambda room: (FOR_LABS.index(room) if room in FOR_LABS else len(FOR_LABS), room))
    pages = {room: room_page(room, [module for module in modules if module.room == room]) for room in rooms}
    pages = {room: page for room, page in pages.items() if page}
    heads = {module.name: first_sentence(ast.get_docstring(module.tree)) for module in modules if module.name in pages}
    inside = [room for room in pages if room in FOR_LABS]
    behind = [room for room in pages if room not in FOR_LABS]
    pages["index"] = "\n\n".join([
        "# course_utils", "What the labs import. A method that a lab teaches stands in the lab; what several labs share stands here.",
        "## In the labs", listing(inside, heads), "## Behind the labs", listing(behind, heads), "Every name stands in the {ref}`index <genindex>`.",
        "```{toctree}\n:hidden:\n\n" + "\n".join([*inside, *behind]) + "\n```\n"])
    return pages


def read_modules(package: Path) -> Iterator[Module]:
    """Every module that has a docstring, in the order of names, packages first."""
    for path in sorted(package.rglob("*.py"), key=lambda one: (one.parent, one.name != "__init__.py", one.name)):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if not parts or any(LEFT_OUT.fullmatch(part) or part.startswith("_") for part in parts):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if ast.get_docstring(tree):
            yield Module(".".join(parts), tree)


def listing(rooms: Iterable[str], heads: dict[str, str]) -> str:
    """A list of links, each with the first sentence of what it leads to."""
    return "\n".join(f"- [`{room}`]({room}.md): {heads[room]}" if room in heads else f"- [`{room}`]({room}.md)" for room in rooms)


def room_page(room: str, modules: list[Module]) -> str:
    """The page of a room: what the package says, then its modules."""
    if not any(public(module.tree) or "." not in module.name for module in modules):
        return ""
    parts = []
    for module in modules:
        full = f"course_utils.{module.name}"
        alone = module.name == room
        heading = f"# {full}" if alone else f"## {module.name.partition('.')[2]}"
        if alone or public(module.tree):
            parts += [heading, f"```{{py:module}} {full}\n```", prose(ast.get_docstring(module.tree, clean=False) or "")]
            parts += [described(node, full) for node in public(module.tree)]
    if not parts[0].startswith("# "):
        parts = [f"# course_utils.{room}", *parts]
    return "\n\n".join(parts) + "\n"


def public(tree: ast.Module | ast.ClassDef) -> list[ast.FunctionDef | ast.ClassDef]:
    """Functions and classes that have a docstring and no underscore in front."""
    return [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            and not node.name.startswith("_") and ast.get_docstring(node)]


def described(node: ast.FunctionDef | ast.ClassDef, module: str, depth: int = 0) -> str:
    """A Sphinx directive for a function, or for a class with its methods."""
    fence = ":" * (5 - depth)
    if isinstance(node, ast.ClassDef):
        start = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
        kind, signature = "class", fields(node) if start is None else f"({arguments(start, bound=True)})"
    else:
        kind = "method" if depth else "function"
        signature = f"({arguments(node, bound=bool(depth))})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")
    body = [sections(ast.get_docstring(node) or "")]
    if isinstance(node, ast.ClassDef):
        body += [described(one, module, depth + 1) for one in public(node) if not isinstance(one, ast.ClassDef)]
    options = "" if depth else f":module: {module}\n"
    return f"{fence}{{py:{kind}}} {node.name}{signature}\n{options}\n" + "\n\n".join(body) + f"\n{fence}"


def arguments(node: ast.FunctionDef, bound: bool) -> str:
    """The signature between the brackets, without `self`."""
    given = ast.unparse(node.args)
    first = re.match(r"(self|cls)(, |$)", given)
    return given[first.end():] if bound and first else given


def fields(node: ast.ClassDef) -> str:
    """The signature of a dataclass; empty for other classes."""
    if not any("dataclass" in ast.unparse(one) for one in node.decorator_list):
        return ""
    own = [one for one in node.body if isinstance(one, ast.AnnAssign)]
    return "(" + ", ".join(ast.unparse(one).replace("field(default_factory=list)", "[]").replace("field(default_factory=dict)", "{}")
                           for one in own) + ")"


def sections(docstring: str) -> str:
    """A docstring in numpydoc's form as Markdown: its text, then a list for each section."""
    from numpydoc.docscrape import NumpyDocString

    read = NumpyDocString(docstring)
    parts = [prose("\n".join([*read["Summary"], "", *read["Extended Summary"]]))]
    for name in ("Parameters", "Attributes", "Returns", "Yields", "Raises"):
        if read[name]:
            parts += [f"**{name}**", "\n\n".join(entry(*one) for one in read[name])]
    for name in ("Notes", "Examples", "References"):
        if read[name]:
            parts += [f"**{name}**", prose("\n".join(read[name]))]
    return "\n\n".join(part for part in parts if part.strip())


def entry(name: str, kind: str, said: list[str]) -> str:
    """One parameter as an item of a definition list; a short one has its meaning where its type would be."""
    text = prose("\n".join(said)).strip()
    if not text and kind.rstrip().endswith("."):
        kind, text = "", kind
    term = " ".join(filter(None, [f"`{name}`" if name else "", escaped(kind)]))
    if not text:
        return f"- {term}"
    body = "\n".join(f"  {line}".rstrip() for line in text.splitlines())
    return f"- {term}  \n{body}"


def prose(text: str) -> str:
    """Text of a docstring as Markdown: what looks like a tag and is none is shown as it is, names in a column become a list."""
    paragraphs = []
    for paragraph in text.strip("\n").split("\n\n"):
        lines = paragraph.splitlines()
        pairs = [ALIGNED.fullmatch(line) for line in lines]
        if len(lines) > 1 and all(pairs):
            paragraphs.append("\n".join(f"- `{pair[1]}` {escaped(pair[2])}" for pair in pairs))
        else:
            paragraphs.append("\n".join(line if line.startswith("    ") else escaped(line) for line in lines))
    return "\n\n".join(paragraphs)


def escaped(line: str) -> str:
    """A line whose angle brackets and dollar signs outside code mean themselves."""
    parts = CODE.split(line)
    parts[::2] = [ANGLE.sub("&lt;", part).replace("$", r"\$") for part in parts[::2]]
    return "".join(parts)


def first_sentence(docstring: str | None) -> str:
    """The first paragraph of a docstring on one line."""
    return escaped(" ".join((docstring or "").strip().partition("\n\n")[0].split()))
