"""A lab cut into slides: which cells share one, what is left out, which notes go with it.

All of it comes from the solved notebook, which the build makes from the source with its figures.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field

from nbformat import NotebookNode

from course_utils.authoring.sources import Lab, LabError, read_notebook, tags_of
from course_utils.live.markup import to_html, to_inline_html
from course_utils.live.plan import HEADING
from course_utils.live.slide import HEADING_PX, LINE_PX, Slide, add_code, blocks_of, card, exercise, height

LINES = 14  # of text on a slide
CAPTION_CHARACTERS = {"": 620, "tall": 950}  # below a figure, beside a tall one; what is longer gets a slide of its own
OBJECTIVES = "You will be able to"
START = re.compile(r"^start\(", re.MULTILINE)


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
            last = [slide for chapter in chapters for slide in chapter.slides][-1]
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
    chapters = [chapter for chapter in chapters if chapter.slides]
    for chapter in chapters:
        if chapter.slides[0].kind != "title":
            chapter.slides[0].heading = chapter.slides[0].heading or chapter.name
    return chapters


def built_cells(lab: Lab) -> list[NotebookNode]:
    """Cells of the solved notebook, as they were built from the source."""
    if not lab.solved.exists():
        raise LabError(f"{lab.name_of(lab.solved)} is not there:  python3 course.py build {lab.number}  makes it.")
    return read_notebook(lab.solved).cells


# ---------------------------------------------------------------- text


def add_text(chapters: list[Chapter], text: str, figure: Slide | None) -> None:
    """Put a text cell on slides: below the figure above it if it is short, else as many slides as it needs."""
    blocks = list(blocks_of(text))
    if figure is not None:
        kept, room = 0, CAPTION_CHARACTERS["tall" if "<figure class=tall>" in figure.body else ""]
        while blocks and not HEADING.match(blocks[0]) and kept + len(blocks[0]) <= room:
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
