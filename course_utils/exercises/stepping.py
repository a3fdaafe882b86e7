"""A solution a step at a time: the signature, a skeleton of comments, then line by line.

An instructor types between two steps: what stands in the cell is kept, and a step fills in the first
comment of the skeleton that is still there.
"""
from __future__ import annotations

import ast
import io
import keyword
import textwrap
import tokenize
from dataclasses import dataclass

from course_utils.exercises.contract import Exercise
from course_utils.exercises.solved import solved_cell

OPEN = "…"  # stands for what is not shown yet
ASSIGNING = {"=", "+=", "-=", "*=", "/=", "//=", "%=", "@=", "&=", "|=", "^=", ">>=", "<<=", "**="}
LAYOUT = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.COMMENT, tokenize.NL}


@dataclass(frozen=True)
class Line:
    """One statement of the solution, or the head of one that holds others.

    Attributes
    ----------
    source : str
        Its lines, indented as in the cell, with the comments above it.
    comment : str
        What stands for it in the skeleton, likewise indented: `    # scores = …`.
    """

    source: str
    comment: str


@dataclass(frozen=True)
class Steps:
    """A solved cell, taken apart.

    Attributes
    ----------
    head : str
        Signature with the whole docstring.
    short : str
        Signature with the first line of the docstring: leaves room for the code on a projector.
    lines : tuple of Line
        The body.
    """

    head: str
    short: str
    lines: tuple[Line, ...]

    @property
    def skeleton(self) -> str:
        """The short head and a comment for each line."""
        return "\n".join([self.short, *(line.comment for line in self.lines)])


def steps_of(exercise: Exercise) -> Steps:
    """The steps of an exercise.

    Raises
    ------
    SolutionMissing
        If its solution is not here.
    """
    return take_apart(solved_cell(exercise))


def take_apart(cell: str) -> Steps:
    """The steps of a cell that holds one function."""
    rows = cell.rstrip("\n").split("\n")
    function = next(node for node in ast.parse(cell).body if isinstance(node, ast.FunctionDef))
    described = ast.get_docstring(function, clean=True)
    body = function.body[1:] if described is not None else function.body
    begin = function.body[0].lineno - 1 if described is None else function.body[0].end_lineno
    while described is None and rows[begin - 1].lstrip().startswith("#"):
        begin -= 1
    head = rows[:begin]
    short = head
    if described is not None:
        indent = " " * function.body[0].col_offset
        short = [*rows[:function.body[0].lineno - 1], f'{indent}"""{described.splitlines()[0]}"""']
    return Steps("\n".join(head), "\n".join(short), tuple(logical_lines(rows[begin:])) if body else ())


def logical_lines(rows: list[str]) -> list[Line]:
    """Each statement of an indented block with the comment that stands for it."""
    text = textwrap.dedent("\n".join(rows)) + "\n"
    depth = min(len(row) - len(row.lstrip()) for row in rows if row.strip())
    plain, lines, statement, begin = text.split("\n"), [], [], 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            end = token.start[0]
            indent = " " * (depth + statement[0].start[1])
            source = textwrap.indent("\n".join(plain[begin:end]), " " * depth)
            lines.append(Line(source, f"{indent}# {outline(statement)}"))
            statement, begin = [], end
        elif token.type not in LAYOUT:
            statement.append(token)
    return lines


def outline(tokens: list[tokenize.TokenInfo]) -> str:
    """What a statement sets or begins, without how: `scores = …`, `for k in …:`, `return …`."""
    first, depth = tokens[0].string, 0
    colon = ":" if tokens[-1].string == ":" else ""
    if first == "for":
        depth_in = next(k for k, token in enumerate(tokens) if token.string == "in")
        return f"{text_of(tokens[:depth_in])} in {OPEN}{colon}"
    if first == "def":
        return f"def {tokens[1].string}({OPEN}):"
    if keyword.iskeyword(first) and first not in ("None", "True", "False", "not", "lambda", "await"):
        return f"{first} {OPEN}{colon}" if len(tokens) > 1 + bool(colon) else f"{first}{colon} {OPEN}"
    for k, token in enumerate(tokens):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        if depth == 0 and token.string in ASSIGNING:
            return f"{text_of(tokens[:k])} {token.string} {OPEN}"
    called = next((k for k, token in enumerate(tokens) if token.string == "("), None)
    return f"{text_of(tokens[:called])}({OPEN})" if called else OPEN


def text_of(tokens: list[tokenize.TokenInfo]) -> str:
    """Tokens as they stood in one line."""
    text, end = "", tokens[0].start
    for token in tokens:
        if text and token.start != end:
            text += " "
        text, end = text + token.string, token.end
    return text


def advance(steps: Steps, text: str) -> tuple[str, int]:
    """The next step from what stands in the cell.

    Parameters
    ----------
    steps : Steps
    text : str
        The cell; empty for the first step.

    Returns
    -------
    text : str
        With one step more; what was typed stays. After the last step the docstring is whole.
    left : int
        Steps that are left.
    """
    if not text.strip():
        return steps.short, 1 + len(steps.lines)
    rows = text.rstrip("\n").split("\n")
    waiting = places(steps, rows)
    if text.strip() == steps.short.strip():
        return (steps.skeleton, len(steps.lines)) if steps.lines else (steps.head, 0)
    if waiting:
        row, line = waiting[0]
        rows[row:row + 1] = line.source.split("\n")
    left = max(len(waiting) - 1, 0)
    text = "\n".join(rows)
    return (text if left else text.replace(steps.short, steps.head, 1)), left


def places(steps: Steps, rows: list[str]) -> list[tuple[int, Line]]:
    """Comments of the skeleton that are still in the cell, with the line that each stands for.

    Matched from the end: steps are taken from the top, so what is left is the end of the skeleton,
    and two equal comments are told apart.
    """
    found, last = [], len(steps.lines)
    for row in reversed(range(len(rows))):
        match = next((k for k in reversed(range(last)) if steps.lines[k].comment.strip() == rows[row].strip()), None)
        if match is not None:
            found.append((row, steps.lines[match]))
            last = match
    return found[::-1]


def after(steps: Steps, count: int) -> tuple[str, int]:
    """The cell after `count` steps where nobody has typed, and how many are left."""
    text, left = "", 1
    for _ in range(count):
        text, left = advance(steps, text)
        if not left:
            break
    return text, left



def next_step(exercise: Exercise, typed: str | None, count: int) -> tuple[str, str]:
    """The text of the cell after one step more, and a sentence to go with it.

    Parameters
    ----------
    exercise : Exercise
    typed : str or None
        What stands in the cell below `%%reveal`; None where the cell has only the line `%reveal`.
    count : int
        Steps to show where nothing was typed.

    Raises
    ------
    SolutionMissing
        If the solution is not here.
    """
    steps = steps_of(exercise)
    text, left = after(steps, count) if typed is None else advance(steps, typed)
    if not left:
        return text.rstrip("\n") + "\n", f"Nothing of {exercise.id} is left to reveal: run this cell, then the check below."
    total = 2 + len(steps.lines)
    return (f"%%reveal {exercise.id}\n{text}",
            f"Step {total - left} of {total} for {exercise.id}. Type in this cell as you like; run it again (Ctrl+Enter) for the next step.")
