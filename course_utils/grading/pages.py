"""HTML of the grader: feedback for each student, a report for the instructor. Nothing in them is loaded from elsewhere."""
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from course_utils.exercises.verdict import COLOURS, SIGNS

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code,.line{font-family:ui-monospace,monospace;font-size:.9em}
.item{border-left:.35em solid #999;padding:.3em .9em;margin:.8em 0}.note{color:#555}.bar{background:#0072B2;height:.9em;display:inline-block}
.warn{border:2px solid #D55E00;padding:.6em .9em}
"""
WORDS = {"right": "right", "wrong": "not right yet", "not started": "not started", "missing": "missing", "unreadable": "not readable"}


def page(title: str, body: Iterable[str]) -> str:
    """A whole page; `body` is HTML already."""
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">'
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n" + "\n".join(body) + "\n</body></html>\n")


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """An HTML table; numbers stand to the right."""
    def cell(value: object, tag: str = "td") -> str:
        number = ' class="n"' if isinstance(value, (int, float)) else ""
        return f"<{tag}{number}>{value if isinstance(value, Html) else escape(str(value))}</{tag}>"

    head = "".join(cell(name, "th") for name in header)
    return f"<table><thead><tr>{head}</tr></thead><tbody>" + "".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows) + "</tbody></table>"


class Html(str):
    """A text that is HTML already."""


def feedback(record: Mapping, titles: Mapping[str, str], lab: str) -> str:
    """What a student gets: verdicts, and the sentence that helps on; no hidden input, no solution."""
    points, most = (sum(result[key] for result in record["results"]) for key in ("points", "max_points"))
    body = [f"<p>{escape(record['submission'])}: <strong>{points} of {most} points</strong></p>"]
    if record.get("refused"):
        body.append(f'<p class="warn">Your notebook could not be read: {escape(record["refused"])}.</p>')
    for result in record["results"]:
        status = result["verdict"] if result["verdict"] in SIGNS else "wrong"
        count = f": right on {result['passed']} of {result['total']} cases" if result["verdict"] == "wrong" and result["passed"] else ""
        lines = [f'<strong><span style="color:{COLOURS[status]}">{SIGNS[status]}</span> {escape(result["exercise"])} '
                 f'{escape(titles.get(result["exercise"], ""))}</strong> · {WORDS[result["verdict"]]}{count} · '
                 f'{result["points"]} of {result["max_points"]} points']
        lines += [f"<div>{escape(result['sentence'])}</div>"] if result["sentence"] else []
        lines += [f'<div class="line">{escape(result["line"])}</div>'] if result["line"] else []
        body.append(f'<div class="item" style="border-color:{COLOURS[status]}">' + "".join(lines) + "</div>")
    return page(f"Lab {lab}: feedback", body)


def write(path: Path, text: str) -> None:
    """Write a page whole or not at all."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8", newline="\n")
    os.replace(draft, path)
