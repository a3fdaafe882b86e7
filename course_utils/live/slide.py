"""Single slides of a lab: a card with what is to be written, code with what it prints, a figure with its text."""
from __future__ import annotations

import ast
import base64
import html
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode

from course_utils.authoring.sources import label_of
from course_utils.authoring.student import alternative_text
from course_utils.exercises import registry
from course_utils.exercises.solved import solved_cell, stub_cell
from course_utils.live.markup import highlighted, parser, to_html, to_inline_html

LINE_CHARACTERS = 88
LINE_PX, ROOM_PX, HEADING_PX = 38, 620, 62  # of a slide of 1280 by 720
CODE_WIDTH_PX, CODE_SIZES = 1150, (16, 21)  # smallest and largest letters; what is wider wraps
PRINTED_PX = 26
TALL = 0.58               # a figure of this height to width or more has its text beside it


@dataclass
class Slide:
    """One slide.

    Attributes
    ----------
    kind : {"title", "text", "exercise", "code", "figure"}
    heading : str
        HTML; empty where the section's name above the slide is enough.
    body : str
        HTML.
    notes : list of str
        HTML for the speaker.
    taken : float
        Of a slide with text: pixels of its height that are used.
    """

    kind: str
    heading: str
    body: str
    notes: list[str] = field(default_factory=list)
    taken: float = ROOM_PX


def blocks_of(text: str) -> Iterator[str]:
    """Paragraphs, lists, formulas, tables and headings of a text, one by one."""
    rows = text.splitlines()
    for token in parser().parse(text):
        if token.level == 0 and token.map and token.nesting >= 0:
            yield "\n".join(rows[token.map[0]:token.map[1]]).strip("\n")


def height(block: str) -> float:
    """Lines that a block takes on a slide, roughly; with the space below it."""
    if block.startswith("$$"):
        return 2.5 + 1.2 * block.count("\\\\")
    if block.startswith(("|", "```")):
        return block.count("\n") + 1.5
    if re.match(r"([-*]|\d+\.) ", block):
        return sum(math.ceil(len(item) / LINE_CHARACTERS) + 0.3 for item in re.split(r"\n(?=(?:[-*]|\d+\.) )", block)) + 0.3
    shown = re.sub(r"\\[a-zA-Z]+|[{}$*`]", "", block)
    return math.ceil(len(shown) / LINE_CHARACTERS) + 0.6


def card(cell: NotebookNode) -> Slide:
    """The card of an exercise; its hints go to the speaker."""
    declared = registry.find(label_of(cell).removesuffix("-card"))
    rows = cell.source.splitlines()
    hints = "".join(f"<li>{to_inline_html(hint)}</li>" for hint in declared.hints)
    task = "\n".join(rows[1:]).strip()
    taken = HEADING_PX + LINE_PX * sum(map(height, blocks_of(task)))
    return Slide("exercise", to_inline_html(rows[0].lstrip("# ")), f"<div>{to_html(task)}</div>", [f"<p>Hints</p><ol>{hints}</ol>"], taken)


def exercise(cell: NotebookNode, shown: Slide, solved: bool) -> list[Slide]:
    """What is to be written, with its specification; the solution, on a slide or in the notes of the card."""
    declared = registry.find(label_of(cell))
    stub = stub_cell(declared).partition("    # YOUR CODE HERE")[0].rstrip()
    slides = []
    if shown.taken + code_height(stub, CODE_SIZES[0]) <= ROOM_PX:
        shown.body += pre(stub, ROOM_PX - shown.taken)
    else:
        slides.append(Slide("code", f"{declared.id} · <code>{declared.function}</code>", pre(stub, ROOM_PX - HEADING_PX)))
    solution = solved_cell(declared).rstrip()
    if solved:
        slides.append(Slide("code", f"{declared.id} · solution", pre(without_docstring(solution), ROOM_PX - HEADING_PX)))
    else:
        shown.notes.append(f"<p>Solution</p><pre>{highlighted(without_docstring(solution))}</pre>")
    return slides


def without_docstring(source: str) -> str:
    """A function without its specification, which stands on the slide before."""
    statement = ast.parse(source).body[0]
    first = statement.body[0]
    if ast.get_docstring(statement) is None or len(statement.body) == 1:
        return source
    rows = source.splitlines()
    return "\n".join(rows[:first.lineno - 1] + rows[first.end_lineno:])


def add_code(slides: list[Slide], cell: NotebookNode) -> None:
    """A code cell: its figure with the code folded away, or the code with what it prints, below the text above if both fit."""
    text = "\n".join(filter(None, map(printed_text, cell.outputs)))
    printed = f"<pre class=printed>{html.escape(text)}</pre>" if text else ""
    figure = figure_of(cell)
    if figure is not None:
        data, alt, tall = figure
        slides.append(Slide("figure", "", f'<figure{" class=tall" if tall else ""}><img src="data:image/png;base64,{data}" alt="{html.escape(alt)}">'
                                          f"<figcaption>{printed}</figcaption></figure><details><summary>code</summary>{pre(cell.source, ROOM_PX)}</details>"))
        return
    room = ROOM_PX - (PRINTED_PX * (text.count("\n") + 1) + 15 if text else 0)
    if slides and slides[-1].kind == "text" and slides[-1].taken + code_height(cell.source, CODE_SIZES[0]) <= room:
        above = slides[-1]
        above.kind, above.body = "code", f"<div>{above.body}</div>{pre(cell.source, room - above.taken)}{printed}"
    else:
        slides.append(Slide("code", "", pre(cell.source, room) + printed))


def printed_text(output: NotebookNode) -> str:
    """What an output shows as text: what was printed, or the value of the last line where it has no picture."""
    if output.output_type == "stream":
        return output.text.rstrip() if output.name == "stdout" else ""
    data = output.get("data", {})
    shown = data.get("text/plain", "") if output.output_type == "execute_result" and not {"image/png", "text/html"} & set(data) else ""
    return "" if re.match(r"<|\w+\(children=", shown) else shown


def figure_of(cell: NotebookNode) -> tuple[str, str, bool] | None:
    """Picture of a cell in base64, its alternative text, and whether it is tall; None where it shows none."""
    for output in cell.get("outputs", []):
        data = output.get("data", {}).get("image/png")
        if data:
            data = "".join(data.split())
            width, high = png_size(data)
            return data, alternative_text(output), high / width >= TALL
    return None


def png_size(data: str) -> tuple[int, int]:
    """Width and height of a PNG in base64, from its header."""
    return struct.unpack(">II", base64.b64decode(data[:44])[16:24])


def code_height(source: str, size: int) -> float:
    """Pixels that code takes in letters of this size, with its frame."""
    return 1.4 * size * sum(math.ceil(max(len(row), 1) * 0.61 * size / CODE_WIDTH_PX) for row in source.splitlines()) + 45


def letters(source: str, room: float) -> int:
    """Size of the letters, in pixels, in which code fits into the width of a slide and a height; not too small to be read."""
    smallest, largest = CODE_SIZES
    longest = max(map(len, source.splitlines()), default=1)
    widest = min(largest, math.floor(CODE_WIDTH_PX / (0.61 * max(longest, 1))))
    return next((size for size in range(widest, smallest, -1) if code_height(source, size) <= room), smallest)


def pre(source: str, room: float) -> str:
    """Code in letters as large as width and height allow; what is still too long scrolls."""
    return f'<pre class=code tabindex=0 style="font-size: {letters(source, room)}px">{highlighted(source)}</pre>'
