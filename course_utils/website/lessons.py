"""A lab's notebook as the source of its page: nothing is run, and what only instructors see is left out."""
from __future__ import annotations

import base64
import copy
import html
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from course_utils.authoring.sources import tags_of

DROPPED = {False: {"instructor", "solution"}, True: {"instructor"}}
TOUCH = re.compile(r"^\w+\.explore\(", re.MULTILINE)
ATTACHED = re.compile(r"\]\(attachment:([^)\s]+)\)")
MENTION = re.compile(r"(?P<word>\b[Ll]abs? )(?P<numbers>\d\d(?:(?:, | and | or | to )\d\d)*)(?!\.?\d)")
KEPT_APART = re.compile(r"(`+[^`]*`+|\$\$.*?\$\$|\$[^$\n]+\$)", re.DOTALL)
STILL = "In the notebook this picture has controls and answers them; on this page it stands still."
UNSEEN = "In the notebook this cell shows controls and a picture that answers them."


@dataclass
class Lesson:
    """The source of one page.

    Attributes
    ----------
    notebook : NotebookNode
    pictures : dict of str to bytes
        Files beside it, by name.
    """

    notebook: NotebookNode
    pictures: dict[str, bytes] = field(default_factory=dict)


def lesson(
    notebook: NotebookNode, stem: str, links: Mapping[str, str], known: Collection[str] = (), solved: bool = False,
    touches: Mapping[str, NotebookNode] | None = None,
) -> Lesson:
    """The page of one lab.

    Parameters
    ----------
    notebook : NotebookNode
        The student's copy, or the solved lab; it is not changed.
    stem : str
        `"06_saliency"`.
    links : mapping of str to str
        Addresses of the buttons below the title, by what they say.
    known : collection of str
        Stems of all labs that have a page: where the text names one of them, a link stands.
    solved : bool
        Whether cells tagged `solution` are kept; those tagged `instructor` never are.
    touches : mapping of str to NotebookNode
        By a cell's id: the output with the first picture of its widget, for cells without outputs.
    """
    made = Lesson(copy.deepcopy(notebook))
    made.notebook.metadata.pop("widgets", None)
    cells = []
    for cell in made.notebook.cells:
        if DROPPED[solved] & set(tags_of(cell)):
            continue
        if cell.cell_type == "markdown":
            cell.source = with_pictures(cell, stem, made.pictures)
            cell.source = with_links(cell.source, stem, known)
            if "card" in tags_of(cell):
                cell.source = card(cell.source)
            elif cell.id.startswith("target-"):
                cell.source = f":::::{{container}} target\n{cell.source}\n:::::"
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        moving = TOUCH.search(cell.source)
        if moving and not cell.outputs and touches and cell.id in touches:
            cell.outputs = [touches[cell.id]]
        describe_pictures(cell)
        if moving:
            said = STILL if any("image/png" in output.get("data", {}) for output in cell.outputs) else UNSEEN
            cells.append(new_markdown_cell(f":::{{container}} still\n{said}\n:::", id=f"still-{cell.id}"))
    if cells:
        cells[0].source = with_buttons(cells[0].source, links)
    made.notebook.cells = cells
    return made


def touch_pictures(solved: NotebookNode) -> dict[str, NotebookNode]:
    """The outputs of a solved lab that stand for a widget where none can run, by the cell's id."""
    return {
        cell.id: output
        for cell in solved.cells if cell.cell_type == "code" and TOUCH.search(cell.source)
        for output in cell.outputs if "image/png" in output.get("data", {})
    }


def with_pictures(cell: NotebookNode, stem: str, pictures: dict[str, bytes]) -> str:
    """A text cell with its attached pictures as files, which are added to `pictures`."""
    for name, kinds in cell.pop("attachments", {}).items():
        pictures[f"{stem}-{name}"] = base64.b64decode(next(iter(kinds.values())))
    return ATTACHED.sub(lambda found: f"](pictures/{stem}-{found[1]})", cell.source)


def with_links(text: str, stem: str, known: Collection[str]) -> str:
    """The text with a link wherever it names another lab that has a page; code and formulas stay as they are."""
    pages = {other[:2]: other for other in known if other != stem}

    def linked(found: re.Match) -> str:
        if found["numbers"] in pages:
            return f"[{found[0]}]({pages[found['numbers']]}.ipynb)"
        numbers = re.sub(r"\d\d", lambda number: f"[{number[0]}]({pages[number[0]]}.ipynb)" if number[0] in pages else number[0],
                         found["numbers"])
        return found["word"] + numbers

    parts = KEPT_APART.split(text)
    parts[::2] = ["".join(line if line.startswith("#") else MENTION.sub(linked, line) for line in part.splitlines(keepends=True))
                  for part in parts[::2]]
    return "".join(parts)


def card(text: str) -> str:
    """An exercise card: its heading stays a heading, the rest becomes a box below it."""
    heading, _, rest = text.strip().partition("\n")
    facts, _, task = rest.strip().partition("\n")
    return f"{heading}\n\n:::::{{container}} exercise-card\n{facts}\n\n{task.strip()}\n:::::"


def describe_pictures(cell: NotebookNode) -> None:
    """Hand the alternative text of a cell's pictures to the page; it travels in the outputs' metadata."""
    texts = [output.get("metadata", {}).get("image/png", {}).get("alt") or output["data"].get("text/plain", "")
             for output in cell.outputs if "image/png" in output.get("data", {})]
    texts = [" ".join(text.split()) for text in texts if text and not text.startswith("<Figure")]
    if texts:
        cell.metadata["mystnb"] = {"image": {"alt": " ".join(texts)}}


def with_buttons(text: str, links: Mapping[str, str]) -> str:
    """The first cell with a row of links below its title."""
    title, _, rest = text.partition("\n")
    buttons = "".join(
        f'<a class="notebook-link" href="{html.escape(address)}"{"" if "://" in address else " download"}>{html.escape(said)}</a>'
        for said, address in links.items())
    return f'{title}\n\n<div class="notebook-links">{buttons}</div>\n{rest}'
