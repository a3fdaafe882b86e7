"""A lab cut into slides: which cells share one, what is left out, which notes go with it.

All of it comes from the solved notebook, which the build makes from the source with its figures.
"""
from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from course_utils.authoring.sources import Lab, LabError, label_of, read_notebook, tags_of
from course_utils.authoring.student import alternative_text
from course_utils.exercises import registry
from course_utils.exercises.solved import solved_cell, stub_cell
from course_utils.live.markup import highlighted, parser, to_html, to_inline_html
from course_utils.live.plan import HEADING

LINES = 13                # of text on a slide
LINE_CHARACTERS = 88
LINE_PX, ROOM_PX, HEADING_PX = 38, 620, 62
CAPTION_CHARACTERS = {"": 620, "tall": 950}  # below a figure, beside a tall one; what is longer gets a slide of its own
CODE_WIDTH_PX, CODE_SIZES = 1150, (12, 21)  # smallest and largest letters
PRINTED_PX = 26
TALL = 0.58               # a figure of this height to width or more has its text beside it
OBJECTIVES = "You will be able to"
START = re.compile(r"^start\(", re.MULTILINE)


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


@dataclass
class Chapter:
    """A section of the lab: its name as HTML, and its slides."""

    name: str
    slides: list[Slide] = field(default_factory=list)


def chapters_of(lab: Lab, solved: bool = False) -> list[Chapter]:
    """The slides of a lab, section by section.

    Parameters
    ----------
    lab : Lab
    solved : bool
        Show the solutions too; else they stand in the notes.

    Raises
    ------
    LabError
        If the lab is not built.
    """
    chapters: list[Chapter] = []
    for cell in built_cells(lab):
        tags = tags_of(cell)
        if "instructor" in tags:
            last = chapters[-1].slides[-1]
            last.notes.insert(0 if last.kind == "exercise" else len(last.notes), to_html(cell.source))  # what to say before the hints
        elif "check" in tags or START.search(cell.source) or ("solution" in tags and not solved):
            continue
        elif "card" in tags:
            chapters[-1].slides.append(card(cell))
        elif "exercise" in tags:
            chapters[-1].slides += exercise(cell, chapters[-1].slides[-1], solved)
        elif cell.cell_type == "markdown":
            last = chapters[-1].slides[-1] if chapters and chapters[-1].slides else None
            add_text(chapters, cell.source, last if last is not None and last.kind == "figure" and "<p>" not in last.body else None)
        else:
            add_code(chapters[-1].slides, cell)
    return [chapter for chapter in chapters if chapter.slides]


def built_cells(lab: Lab) -> list[NotebookNode]:
    """Cells of the solved notebook, as they were built from the source."""
    if not lab.solved.exists():
        raise LabError(f"{lab.name_of(lab.solved)} is not there:  python3 course.py build {lab.number}  makes it.")
    return read_notebook(lab.solved).cells


# ---------------------------------------------------------------- text


def add_text(chapters: list[Chapter], text: str, figure: Slide | None) -> None:
    """Put a text cell on slides: below the figure above it if it is short, else as many slides as it needs."""
    blocks = list(blocks_of(text))
    if figure is not None and not any(HEADING.match(block) for block in blocks):
        kept, room = 0, CAPTION_CHARACTERS["tall" if "<figure class=tall>" in figure.body else ""]
        while blocks and kept + len(blocks[0]) <= room:
            kept += len(blocks[0])
            figure.body = figure.body.replace("</figcaption>", to_html(blocks.pop(0)) + "</figcaption>")
    heading, waiting, lines = "", [], 0
    for block in blocks:
        found = HEADING.match(block)
        if found and (level := len(found[1])) < 3:
            flush(chapters, heading, waiting)
            title = f"{found[2]} · {found[3]}" if found[2] else found[3]
            chapters.append(Chapter(to_inline_html(title)))
            heading, waiting, lines = to_inline_html(title), [], 0
            if level == 1:
                heading = f"<h1>{heading}</h1>"
            continue
        if found or block.strip(" :") == OBJECTIVES:
            flush(chapters, heading, waiting)
            heading, waiting, lines = to_inline_html(found[3] if found else OBJECTIVES), [], 0
            continue
        for part in parts_of(block):
            if waiting and lines + height(part) > LINES:
                flush(chapters, heading, waiting)
                heading, waiting, lines = "" if heading.startswith("<h1>") else heading, [], 0
            waiting.append(part)
            lines += height(part)
    flush(chapters, heading, waiting)


def flush(chapters: list[Chapter], heading: str, waiting: list[str]) -> None:
    """Make a slide of what has gathered, if anything has."""
    if not waiting and not heading:
        return
    if heading.startswith("<h1>"):
        chapters[-1].slides.append(Slide("title", "", heading + to_html("\n\n".join(waiting))))
    elif waiting:
        taken = LINE_PX * sum(map(height, waiting)) + (HEADING_PX if heading else 0)
        chapters[-1].slides.append(Slide("text", heading, to_html("\n\n".join(waiting)), taken=taken))


def blocks_of(text: str) -> Iterator[str]:
    """Paragraphs, lists, formulas, tables and headings of a text, one by one."""
    rows = text.splitlines()
    for token in parser().parse(text):
        if token.level == 0 and token.map and token.nesting >= 0:
            yield "\n".join(rows[token.map[0]:token.map[1]]).strip("\n")


def parts_of(block: str) -> list[str]:
    """A long list as several lists; everything else as it is."""
    if not re.match(r"[-*] ", block) or height(block) <= LINES:
        return [block]
    parts, gathered = [], ""
    for item in re.split(r"\n(?=[-*] )", block):
        if gathered and height(gathered + "\n" + item) > LINES:
            parts.append(gathered)
            gathered = ""
        gathered = f"{gathered}\n{item}" if gathered else item
    return [*parts, gathered]


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


# ---------------------------------------------------------------- exercises, code, figures


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
    if shown.taken + code_height(stub) <= ROOM_PX:
        shown.body += pre(stub)
    else:
        slides.append(Slide("code", f"{declared.id} · <code>{declared.function}</code>", pre(stub)))
    solution = solved_cell(declared).rstrip()
    if solved:
        slides.append(Slide("code", f"{declared.id} · solution", pre(without_docstring(solution))))
    else:
        shown.notes.append(f"<p>Solution</p><pre>{highlighted(without_docstring(solution))}</pre>")
    return slides


def without_docstring(source: str) -> str:
    """A function without its specification, which stands on the slide before."""
    import ast

    statement = ast.parse(source).body[0]
    first = statement.body[0]
    if ast.get_docstring(statement) is None or len(statement.body) == 1:
        return source
    rows = source.splitlines()
    return "\n".join(rows[:first.lineno - 1] + rows[first.end_lineno:])


def add_code(slides: list[Slide], cell: NotebookNode) -> None:
    """A code cell: its figure with the code folded away, or the code with what it prints, below the text above if both fit."""
    text = "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout").rstrip()
    printed = f"<pre class=printed>{html.escape(text)}</pre>" if text else ""
    figure = figure_of(cell)
    if figure is not None:
        data, alt, tall = figure
        slides.append(Slide("figure", "", f'<figure{" class=tall" if tall else ""}><img src="data:image/png;base64,{data}" alt="{html.escape(alt)}">'
                                          f"<figcaption>{printed}</figcaption></figure><details><summary>code</summary>{pre(cell.source)}</details>"))
        return
    needed = code_height(cell.source) + (PRINTED_PX * (text.count("\n") + 1) + 15 if text else 0)
    body = pre(cell.source) + printed
    if slides and slides[-1].kind == "text" and slides[-1].taken + needed <= ROOM_PX:
        slides[-1].kind, slides[-1].body, slides[-1].taken = "code", f"<div>{slides[-1].body}</div>{body}", ROOM_PX
    else:
        slides.append(Slide("code", "", body))


def figure_of(cell: NotebookNode) -> tuple[str, str, bool] | None:
    """Picture of a cell in base64, its alternative text, and whether it is tall; None where it shows none."""
    for output in cell.get("outputs", []):
        data = output.get("data", {}).get("image/png")
        if data:
            data = "".join(data.split())
            width, high = png_size(data)
            return data, alternative_text(output), high / width >= TALL
    return None


def png_size(data: Any) -> tuple[int, int]:
    """Width and height of a PNG in base64, from its header."""
    import base64
    import struct

    return struct.unpack(">II", base64.b64decode(data[:44])[16:24])


def code_height(source: str) -> float:
    """Pixels that code takes, with its frame."""
    return 1.4 * letters(source) * (source.count("\n") + 1) + 45


def letters(source: str) -> int:
    """Size of the letters, in pixels, in which the longest line of code fits on a slide."""
    smallest, largest = CODE_SIZES
    longest = max(map(len, source.splitlines()), default=1)
    return min(largest, max(smallest, math.floor(CODE_WIDTH_PX / (0.61 * max(longest, 1)))))


def pre(source: str) -> str:
    """Code in letters as large as its longest line allows; what does not fit scrolls."""
    return f'<pre class=code tabindex=0 style="font-size: {letters(source)}px">{highlighted(source)}</pre>'
