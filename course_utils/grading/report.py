"""The instructor's page on a run: how the class did, what it got wrong, whom to look at."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from course_utils.grading.pages import Html, Number, page, said, table

STALLED = 0.5                # share of the class that is not right


def report(records: Sequence[dict], titles: Mapping[str, str], lab: str, warnings: Sequence[str] = ()) -> str:
    """The page.

    Parameters
    ----------
    records : sequence of dict
        The last of each submission.
    titles : mapping of str to str
        Of the exercises, by id.
    lab : str
    warnings : sequence of str
        What the instructor has to know about the run itself.
    """
    totals = [sum(result["points"] for result in record["results"]) for record in records]
    most = max((sum(result["max_points"] for result in record["results"]) for record in records), default=0)
    body = [f'<p class="warn">{escape(warning)}</p>' for warning in warnings]
    mean = sum(totals) / max(len(totals), 1)
    body.append(f"<p>{len(records)} submissions · mean {mean:.1f} of {most} points · median {median(totals):g}</p>")
    body += ["<h2>Distribution</h2>", distribution(totals, most)]
    body += ["<h2>Exercises</h2>", exercises(records, titles)]
    body += ["<h2>Misconceptions, by frequency</h2>", misconceptions(records)]
    body += ["<h2>Flagged submissions</h2>", flagged(records), "<h2>Files that are the same to the byte</h2>", twins(records)]
    return page(f"Lab {lab}: report for the instructor", body)


def median(values: Sequence[int]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return 0.0 if not ordered else float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def distribution(totals: Sequence[int], most: int) -> str:
    counts = Counter(totals)
    largest = max(counts.values(), default=1)
    return table(("points", "submissions", ""), ((points, counts[points], bar(counts[points] / largest)) for points in range(most, -1, -1) if counts[points] or points in (0, most)))


def bar(share: float) -> Html:
    return Html(f'<span class="bar" style="width:{20 * share:.1f}rem"></span>')


def exercises(records: Sequence[dict], titles: Mapping[str, str]) -> str:
    """How each exercise went, among the submissions that could be read."""
    rows, ids = [], list(dict.fromkeys(result["exercise"] for record in records for result in record["results"]))
    for task in ids:
        results = [result for record in records for result in record["results"] if result["exercise"] == task and result["verdict"] != "unreadable"]
        verdicts = Counter(result["verdict"] for result in results)
        seconds = sorted(result["seconds"] for result in results if result["seconds"])
        share = verdicts["right"] / max(len(results), 1)
        rows.append((f"{task} {titles.get(task, '')}", Number(f"{100 * share:.0f} %"), verdicts["wrong"], verdicts["not started"], verdicts["missing"],
                     Number(f"{seconds[len(seconds) // 2]:.2f}" if seconds else "–"), "the class stalled here" if results and 1 - share >= STALLED else ""))
    return table(("exercise", "right", "wrong", "not started", "cell missing", "seconds, median", ""), rows)


def misconceptions(records: Sequence[dict]) -> str:
    seen, laws, told = Counter(), Counter(), {}
    for result in (result for record in records for result in record["results"]):
        if result["misconception"]:
            seen[result["exercise"], result["misconception"], result["sentence"]] += 1
        elif result["law"]:
            laws[result["exercise"], result["law"]] += 1
            told.setdefault((result["exercise"], result["law"]), result["sentence"])
    rows = [(count, task, name, Html(said(says))) for (task, name, says), count in seen.most_common()]
    rows += [(count, task, f"breaks a law: {law}", Html(said(told[task, law]))) for (task, law), count in laws.most_common()]
    return table(("how often", "exercise", "misconception or law", "what the student is told"), rows) if rows else "<p>None was recognised.</p>"


def flagged(records: Sequence[dict]) -> str:
    rows = [(link(record["submission"]), "; ".join(dict.fromkeys(all_flags(record)))) for record in records if all_flags(record)]
    note = '<p class="note">A flag is a reason to look at a submission. It takes no points.</p>'
    return note + table(("submission", "why"), rows) if rows else "<p>None.</p>"


def link(name: str) -> Html:
    """A submission's name, with the way to its feedback."""
    return Html(f'<a href="feedback/{quote(name)}.html">{escape(name)}</a>')


def all_flags(record: Mapping) -> list[str]:
    """Flags of a submission and of its exercises."""
    refused = [f"not readable: {record['refused']}"] if record.get("refused") else []
    return refused + list(record["flags"]) + [f"{result['exercise']}: {flag}" for result in record["results"] for flag in result["flags"]]


def twins(records: Sequence[dict]) -> str:
    """Submissions whose files are one: copies, or the untouched hand-out."""
    alike: dict[str, list[str]] = {}
    for record in records:
        alike.setdefault(record["digest"], []).append(record["submission"])
    rows = [(len(names), ", ".join(names)) for names in alike.values() if len(names) > 1]
    return table(("how many", "submissions"), sorted(rows, reverse=True)) if rows else "<p>No two are.</p>"
