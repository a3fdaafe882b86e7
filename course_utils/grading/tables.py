"""Marks as tables: one line for each submission and exercise, and one for each submission that learning platforms import."""
from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from course_utils.grading.labels import who
from course_utils.grading.report import all_flags

SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(SPREADSHEET) else text


def write_grades(records: Sequence[dict], path: Path) -> None:
    """`submission, exercise, points, max_points, verdict, seconds`, one line for each submission and exercise."""
    rows = [[safe(record["submission"]), result["exercise"], result["points"], result["max_points"], result["verdict"], f"{result['seconds']:.3f}"]
            for record in records for result in record["results"]]
    write_csv(path, ["submission", "exercise", "points", "max_points", "verdict", "seconds"], rows)


def write_totals(records: Sequence[dict], path: Path, lab: str) -> None:
    """One line a submission.

    `Student`, `ID`, `SIS User ID`, `SIS Login ID`, `Section` and the assignment are what Canvas's gradebook
    takes; `Identifier`, `Full name`, `Grade`, `Maximum Grade` what Moodle's grading worksheet takes. Ids
    are read off the names that these platforms give to exported files.
    """
    rows = []
    for record in records:
        points, most = (sum(result[key] for result in record["results"]) for key in ("points", "max_points"))
        name, canvas, moodle = who(record.get("label") or record["submission"])
        rows.append([safe(record["submission"]), safe(name or record["submission"]), canvas, "", "", "", points,
                     f"Participant {moodle}" if moodle else "", safe(name or record["submission"]), points, most,
                     safe("; ".join(dict.fromkeys(all_flags(record)))[:500])])
    write_csv(path, ["submission", "Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"Lab {lab}",
                     "Identifier", "Full name", "Grade", "Maximum Grade", "flags"], rows)


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence]) -> None:
    """Write a table whole or not at all; with the mark that makes Excel read UTF-8."""
    draft = path.with_name(path.name + ".part")
    with open(draft, "w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(rows)
    os.replace(draft, path)
