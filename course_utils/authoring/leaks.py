"""Finds in a student's copy what must not be there: the solution, in whatever cell it was repeated."""
from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from course_utils.authoring.markers import BEGIN, END
from course_utils.authoring.sources import Lab, label_of, name_of_cell, tags_of

SHOWN = re.compile(r"#\s*shown\b")
MIN_TOKENS = 10     # `scores = model(pictures)` has six: an idiom that tells nothing
MIN_CHARACTERS = 24


@dataclass(frozen=True)
class Telling:
    """One statement of a solution that gives it away.

    Attributes
    ----------
    exercise : str
        Label of its cell.
    text : str
        As the author wrote it.
    packed : str
        Without white space and without the name that it is assigned to.
    """

    exercise: str
    text: str
    packed: str


def leaks(lab: Lab, source: Sequence[NotebookNode], student: Sequence[NotebookNode]) -> list[str]:
    """One sentence for each statement of a solution that stands in the student's copy.

    Short statements are left out, and those whose line ends with the comment `# shown`: an author's
    word that the student is meant to see it.
    """
    telling = [statement for cell in source if "exercise" in tags_of(cell) for statement in telling_statements(cell)]
    found = []
    for index, cell in enumerate(student):
        packed = pack(cell.source)
        for statement in telling:
            if statement.packed in packed:
                kind = "the text" if cell.cell_type == "markdown" else "the code"
                found.append(f"{lab.name_of(lab.source)}, {name_of_cell(cell, index)}: {kind} gives away a line of the "
                             f"solution of {statement.exercise}, `{statement.text}`; say it in other words, or end the "
                             "solution's line with '# shown' if students may see it.")
    return found


def telling_statements(cell: NotebookNode) -> Iterator[Telling]:
    """The statements between the markers that nobody would write by chance."""
    lines = cell.source.splitlines()
    inside, solved = False, set()
    for number, line in enumerate(lines, 1):
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif inside:
            solved.add(number)
    for node in ast.walk(ast.parse(cell.source)):
        if not isinstance(node, ast.stmt) or node.lineno not in solved:
            continue
        if any(SHOWN.search(line) for line in lines[node.lineno - 1 : node.end_lineno]):
            continue
        expression = expression_of(node)
        text = ast.get_source_segment(cell.source, expression) if expression is not None else None
        if text and count_tokens(text) >= MIN_TOKENS and len(pack(text)) >= MIN_CHARACTERS:
            yield Telling(label_of(cell), " ".join(text.split()), pack(text))


def expression_of(node: ast.stmt) -> ast.expr | None:
    """What a statement computes: the name that it is given to can be changed by anybody."""
    if isinstance(node, (ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)):
        return node.value
    if isinstance(node, (ast.If, ast.While)):
        return node.test
    if isinstance(node, ast.For):
        return node.iter
    return None


def pack(text: str) -> str:
    """Text without white space."""
    return re.sub(r"\s+", "", text)


def count_tokens(text: str) -> int:
    """Names, numbers and signs in a piece of Python."""
    tokens = tokenize.generate_tokens(io.StringIO(f"({text})").readline)
    return sum(token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.OP, tokenize.STRING) for token in tokens) - 2
