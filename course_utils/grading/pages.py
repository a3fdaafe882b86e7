"""HTML of the grader: feedback for each student, a report for the instructor. Nothing in them is loaded from elsewhere."""
from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from html import escape
from itertools import zip_longest
from pathlib import Path

from course_utils.exercises.verdict import COLOURS, SIGNS
from course_utils.grading.labels import who

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:CanvasText;background:Canvas}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #8886;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code,.line{font-family:ui-monospace,monospace;font-size:.9em}
.item{border-left:.35em solid #999;padding:.3em .9em;margin:.8em 0}.note{opacity:.75}.bar{background:#0072B2;height:.9em;display:inline-block}
.line{white-space:pre-wrap}.warn{border:2px solid #D55E00;padding:.6em .9em}a{color:LinkText}
@media print{.bar,.item{print-color-adjust:exact}}
"""
HOW = ("Each of your functions was tried on inputs that are not in the notebook. An exercise gives its points if it is right on all of them, "
       "unless its card says otherwise.")
AGAIN = ("Nothing in it was graded. Open the file that you handed in with JupyterLab: if it opens, save it and hand it in again; if it does not, "
         "hand in the notebook from the folder in which you worked.")
WORDS = {"right": "right", "wrong": "not right yet", "not started": "not started", "missing": "missing", "unreadable": "not readable"}


def page(title: str, body: Iterable[str]) -> str:
    """A whole page; `body` is HTML already."""
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">'
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n" + "\n".join(body) + "\n</body></html>\n")


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """An HTML table; numbers stand to the right."""
    rows = [list(row) for row in rows]
    numbers = [isinstance(value, (int, float, Number)) for value in rows[0]] if rows else []

    def cell(value: object, number: bool, tag: str = "td") -> str:
        kind = ' class="n"' if number else ""
        return f"<{tag}{kind}>{value if isinstance(value, Html) else escape(str(value))}</{tag}>"

    def line(values: Iterable[object], tag: str = "td") -> str:
        return "<tr>" + "".join(cell(value, number, tag) for value, number in zip_longest(values, numbers, fillvalue="")) + "</tr>"

    return f"<table><thead>{line(header, 'th')}</thead><tbody>" + "".join(map(line, rows)) + "</tbody></table>"


class Number(str):
    """A number as it is to be written: `50 %`, `0.38`."""


class Html(str):
    """A text that is HTML already."""


def said(text: str) -> str:
    """A sentence as HTML: what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def of_points(points: int, most: int) -> str:
    return f"{points} of {most} point{'' if most == 1 else 's'}"


def feedback(record: Mapping, titles: Mapping[str, str], lab: str) -> str:
    """What a student gets: verdicts, and the sentence that helps on; no hidden input, no solution."""
    points, most = (sum(result[key] for result in record["results"]) for key in ("points", "max_points"))
    name = who(record.get("label") or "")[0] or record["submission"]
    body = [f"<p>{escape(name)}: <strong>{of_points(points, most)}</strong></p>"]
    if record.get("refused"):
        body.append(f'<p class="warn">Your notebook could not be read: {escape(record["refused"])}. {AGAIN}</p>')
        return page(f"Lab {lab}: feedback", body)
    for result in record["results"]:
        status = result["verdict"] if result["verdict"] in SIGNS else "wrong"
        count = f": right on {result['passed']} of {result['total']} inputs" if result["verdict"] == "wrong" and result["passed"] else ""
        lines = [f'<strong><span style="color:{COLOURS[status]}">{SIGNS[status]}</span> {escape(result["exercise"])} '
                 f'{escape(titles.get(result["exercise"], ""))}</strong> · {WORDS[result["verdict"]]}{count} · '
                 f'{of_points(result["points"], result["max_points"])}']
        lines += [f"<div>{said(result['sentence'])}</div>"] if result["sentence"] else []
        lines += [f'<div class="line">{escape(result["line"])}</div>'] if result["line"] else []
        body.append(f'<div class="item" style="border-color:{COLOURS[status]}">' + "".join(lines) + "</div>")
    return page(f"Lab {lab}: feedback", [*body, f'<p class="note">{HOW}</p>'])


def write(path: Path, text: str) -> None:
    """Write a page whole or not at all."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8", newline="\n")
    os.replace(draft, path)
