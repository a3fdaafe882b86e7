"""What an instructor says and when: the sections of a lab with planned minutes, notes and exercises in order.

All of it comes from the source: headings, cells tagged `instructor`, cards. The plan is the first
instructor cell: `**Plan, 110 minutes:** 1 The network 5 · 2 Slope and linear model 30 (06.1, 06.2) · ...`.
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nbformat import NotebookNode

from course_utils.authoring.sources import Lab, label_of, read_source, tags_of
from course_utils.exercises import registry
from course_utils.exercises.contract import Exercise

HEADING = re.compile(r"^(#{1,3}) +(?:(\d+) *[·.] *)?(.+)$")
PLAN = re.compile(r"\*\*Plan, (\d+) minutes[.:]\*\*(.*?)(?:\n\n|\Z)", re.DOTALL)
ITEM = re.compile(r"\s*(\d+)(?: *[-–] *(\d+))? +(.+)", re.DOTALL)
WHOLE_NUMBER = re.compile(r"(?<![\d.])\d+(?!\d|\.\d)")  # 12, not the 4 of "Task 4.2"
SENTENCE_END = re.compile(r"\.(?:\s|$)|\(")
CLAIM = re.compile(r'^ *claim\(f?"([^"]+)"', re.MULTILINE)
PLACE_CHARACTERS = 90


@dataclass(frozen=True)
class Entry:
    """Something at its place in a section.

    Attributes
    ----------
    kind : {"heading", "note", "exercise"}
    text : str
        Markdown.
    place : str
        Of a note: what stands right above it in the lab; empty at the head of a section.
    exercise : Exercise or None
    """

    kind: str
    text: str
    place: str = ""
    exercise: Exercise | None = None


@dataclass(frozen=True)
class Section:
    """What is planned in one piece: a section of the lab, or several that the plan names together.

    Attributes
    ----------
    title : str
    minutes : int or None
        None where the plan has no time for it: it is for reading, or for the break.
    entries : tuple of Entry
    """

    title: str
    minutes: int | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Plan:
    """A lab as its instructor sees it.

    Attributes
    ----------
    title : str
    minutes : int
        What the plan says for the whole; the sum of its sections where it says nothing.
    opening : tuple of Entry
        Notes above the first section.
    sections : tuple of Section
    """

    title: str
    minutes: int
    opening: tuple[Entry, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Planned:
    """One item of the plan: the first and the last section that it names, its words, its minutes."""

    first: int
    last: int
    words: str
    minutes: int | None


def plan_of(lab: Lab) -> Plan:
    """The plan of a lab, from its source."""
    cells = read_source(lab).cells
    said, items = planned(cells)
    title, opening, parts = "", [], []
    for level, number, heading, entries in pieces(cells):
        if level == 1:
            title, opening = heading, [replace(entry, place="") for entry in entries]
        else:
            parts.append((number, heading, entries))
    sections = tuple(sections_of(parts, items))
    return Plan(title, said or sum(section.minutes or 0 for section in sections), tuple(opening), sections)


def planned(cells: Sequence[NotebookNode]) -> tuple[int, list[Planned]]:
    """Minutes of the whole and the items of the plan; 0 and none where no instructor cell has one."""
    for cell in cells:
        found = PLAN.search(cell.source) if "instructor" in tags_of(cell) else None
        if not found:
            continue
        items = []
        for part in re.split(r"\s·\s", found[2]):
            item = ITEM.match(" ".join(part.split()))
            if not item:
                continue
            words = SENTENCE_END.split(item[3])[0]
            numbers = list(WHOLE_NUMBER.finditer(words))
            first, last = int(item[1]), int(item[2] or item[1])
            if len(numbers) > 1 and int(numbers[0][0]) == last + 1:  # "9 Motifs and 10 Touch 8"
                last += 1
            text = words[:numbers[-1].start()] if numbers else words.partition(",")[0]
            items.append(Planned(first, last, text.strip(" :,"), int(numbers[-1][0]) if numbers else None))
        return int(found[1]), items
    return 0, []


def pieces(cells: Sequence[NotebookNode]) -> Iterator[tuple[int, int | None, str, list[Entry]]]:
    """Level, number, heading and entries of each part of the lab that a heading of level 1 or 2 opens."""
    level, number, heading, entries, above = 1, None, "", [], ""
    for cell in cells:
        tags = tags_of(cell)
        if "instructor" in tags:
            entries.append(Entry("note", cell.source, above))
            continue
        if "card" in tags:
            exercise = registry.find(label_of(cell).removesuffix("-card"))
            entries.append(Entry("exercise", cell.source.partition("\n\n")[2].strip(), exercise=exercise))
            above = f"exercise {exercise.id}"
            continue
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                found = HEADING.match(line)
                if found and len(found[1]) < 3:
                    if heading:
                        yield level, number, heading, entries
                    level, number, heading, entries = len(found[1]), int(found[2]) if found[2] else None, found[3].strip(), []
                elif found:
                    entries.append(Entry("heading", found[3].strip()))
        above = place(cell, above)
    if heading:
        yield level, number, heading, entries


def place(cell: NotebookNode, above: str) -> str:
    """How a note that follows this cell finds its place; code that claims nothing leaves the place where it was."""
    if "check" in tags_of(cell):
        return f"the check of {label_of(cell).removesuffix('-check')}"
    if cell.cell_type == "code":
        claims = CLAIM.findall(cell.source)
        return f"the claim “{shortened(claims[-1])}”" if claims else above
    heading = HEADING.match(cell.source)
    text = cell.source[heading.end():] if heading else cell.source
    return f"“{shortened(text)}”" if text.strip() else ""


def shortened(text: str) -> str:
    """The beginning of a text, on one line, without emphasis."""
    text = " ".join(text.replace("*", "").split())
    return text if len(text) <= PLACE_CHARACTERS else text[:PLACE_CHARACTERS].rsplit(" ", 1)[0] + " …"


def sections_of(parts: Sequence[tuple[int | None, str, list[Entry]]], items: Sequence[Planned]) -> Iterator[Section]:
    """The parts of a lab with their minutes; those that the plan names together are one."""
    waiting = list(parts)
    while waiting:
        number, heading, entries = waiting.pop(0)
        item = next((one for one in items if number is not None and one.first <= number <= one.last), None)
        if item is None or item.first == item.last:
            yield Section(f"{number} · {heading}" if number else heading, item.minutes if item else None, tuple(entries))
            continue
        entries = [Entry("heading", f"{number} · {heading}"), *entries]
        while waiting and waiting[0][0] is not None and waiting[0][0] <= item.last:
            further, title, more = waiting.pop(0)
            entries += [Entry("heading", f"{further} · {title}"), *more]
        yield Section(f"{item.first}–{item.last} · {item.words[:1].upper()}{item.words[1:]}", item.minutes, tuple(entries))
