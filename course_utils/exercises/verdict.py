"""What the judge says of an answer, as text and as HTML."""
from __future__ import annotations

import html
from dataclasses import dataclass, field

SIGNS = {"right": "✓", "wrong": "✗", "not started": "○"}
# Okabe-Ito: told apart by colour-blind readers, and never without the sign beside them.
COLOURS = {"right": "#009E73", "wrong": "#D55E00", "not started": "#56B4E9"}


@dataclass
class Verdict:
    """The judgement of one function.

    Attributes
    ----------
    id, title : str
        The exercise.
    status : str
        `"right"`, `"wrong"` or `"not started"`.
    sentence : str
        What is wrong, or which laws the answer was held to.
    details : list of str
        Numbers, the student's line, further broken laws: may show inputs of the case.
    notes : list of str
        What does not make the answer wrong and is still worth mending.
    misconception, law : str or None
        Name of the misconception recognised, and of the first law broken.
    passed, total : int
        Cases that were right, and all cases.
    stuck : bool
        Whether the function could not be stopped.
    points : int
        Of the exercise's points, what a part of the answer is worth where the exercise gives partial credit.
    going_on : str
        With which function the lab goes on.
    """

    id: str
    title: str
    status: str
    sentence: str = ""
    details: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    misconception: str | None = None
    law: str | None = None
    passed: int = 0
    total: int = 0
    stuck: bool = False
    points: int = 0
    going_on: str = ""

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.status == "right"

    @property
    def headline(self) -> str:
        """Sign, exercise and verdict in one line."""
        said = {"right": f"right on all {self.total} cases", "wrong": f"right on {self.passed} of {self.total} cases",
                "not started": "not started yet"}[self.status]
        worth = f", worth {self.points} point{'s' if self.points != 1 else ''}" if self.points else ""
        return f"{SIGNS[self.status]} {self.id} {self.title}: {said}{worth}"

    def __str__(self) -> str:
        lines = [self.headline, *filter(None, [self.sentence]), *self.details, *(f"Note: {note}" for note in self.notes),
                 *filter(None, [self.going_on])]
        return "\n  ".join(lines)

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        def paragraph(text: str, style: str = "") -> str:
            return f'<div style="margin:.25em 0;{style}">{html.escape(text)}</div>'

        colour = COLOURS[self.status]
        rows = [f'<div style="font-weight:600"><span style="color:{colour}">{SIGNS[self.status]}</span>'
                f"{html.escape(self.headline[1:])}</div>"]
        rows += [paragraph(self.sentence)] if self.sentence else []
        rows += [paragraph(detail, "font-family:monospace;white-space:pre-wrap") for detail in self.details]
        rows += [paragraph(f"Note: {note}") for note in self.notes]
        rows += [paragraph(self.going_on, "opacity:.75")] if self.going_on else []
        return (f'<div role="status" style="border-left:.35em solid {colour};padding:.4em .9em;margin:.3em 0">'
                + "".join(rows) + "</div>")
