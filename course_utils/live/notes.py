"""The speaker's view: one page with notes, exercises, the plan, and the time."""
from __future__ import annotations

import html
import json
from collections.abc import Iterable
from pathlib import Path
from string import Template

from course_utils.exercises.contract import Exercise
from course_utils.exercises.solved import SolutionMissing, solved_cell
from course_utils.live.markup import code_style, highlighted, mathjax, to_html, to_inline_html
from course_utils.live.plan import Entry, Plan, Section

TEMPLATE = Path(__file__).with_name("notes.html")


def notes_page(plan: Plan, key: str) -> str:
    """The page.

    Parameters
    ----------
    plan : Plan
    key : str
        Under which the browser keeps the time passed, so that a reload loses nothing.

    Raises
    ------
    AssetMissing
        If MathJax is not installed.
    """
    sections = [Section("Before you begin", None, plan.opening), *plan.sections]
    total = sum(section.minutes or 0 for section in sections)
    whole = f"{total} minutes planned" if total == plan.minutes else (
        f"The sections add up to {total} minutes, the plan says {plan.minutes}: leave something out")
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(plan.title), whole=whole, code_style=code_style(), mathjax=mathjax(),
        minutes=json.dumps([section.minutes for section in sections]), key=json.dumps(key),
        list="\n".join(row(index, section) for index, section in enumerate(sections)),
        sections="\n".join(section_html(section) for section in sections),
    )


def row(index: int, section: Section) -> str:
    """A line of the list of sections."""
    ids = [entry.exercise.id for entry in section.entries if entry.exercise]
    exercises = f'<small>{", ".join(ids)}</small>' if ids else ""
    minutes = f"{section.minutes} min" if section.minutes else ""
    return (f'<li><button type="button" data-section="{index}"><span>{to_inline_html(section.title)}{exercises}</span>'
            f'<span class="planned">{minutes}</span><span class="spent"></span></button></li>')


def section_html(section: Section) -> str:
    """Everything of one section, in order."""
    minutes = f"{section.minutes} minutes planned" if section.minutes else "no time planned"
    inside = "\n".join(map(entry_html, section.entries)) or "<p class=none>No notes for this section.</p>"
    return f"<section hidden><h2>{to_inline_html(section.title)}</h2><p class=planned>{minutes}</p>\n{inside}</section>"


def entry_html(entry: Entry) -> str:
    """One note, exercise or heading."""
    if entry.kind == "heading":
        return f"<h3>{to_inline_html(entry.text)}</h3>"
    if entry.exercise is not None:
        return exercise_html(entry.exercise, entry.text)
    where = f"<p class=place>after {to_inline_html(entry.place)}</p>" if entry.place else ""
    return f"<div class=note>{where}{to_html(entry.text)}</div>"


def exercise_html(exercise: Exercise, task: str) -> str:
    """An exercise with what an instructor wants at hand: hints, usual mistakes, solution."""
    points = f"{exercise.points} point{'s' if exercise.points != 1 else ''}"
    difficulty = "●" * exercise.difficulty + "○" * (3 - exercise.difficulty)
    try:
        solution = folded("Solution", f"<pre>{highlighted(solved_cell(exercise))}</pre>")
    except SolutionMissing:
        solution = ""
    return (f"<article><h3>{exercise.id} · {to_inline_html(exercise.title)}</h3>"
            f"<p class=planned>{points} · {exercise.minutes} minutes · {difficulty} · <code>{exercise.function}</code></p>{to_html(task)}"
            + folded("Hints", listed(exercise.hints))
            + folded("What people get wrong", listed(one.says for one in exercise.misconceptions))
            + solution + "</article>")


def folded(summary: str, inside: str) -> str:
    """Something that opens on demand."""
    return f"<details><summary>{summary}</summary>{inside}</details>"


def listed(texts: Iterable[str]) -> str:
    """Sentences as a numbered list."""
    return "<ol>" + "".join(f"<li>{to_inline_html(text)}</li>" for text in texts) + "</ol>"
