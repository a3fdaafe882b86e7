"""`%hint`, `%reveal` and `%reset_exercise` of a lab's notebook, and `%save_class` where it is shown to a class."""
from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from course_utils.exercises import registry
from course_utils.exercises.solved import SolutionMissing, solved_cell, stub_cell
from course_utils.settings import live_notebook

_hints_shown: Counter[str] = Counter()
_steps_shown: Counter[str] = Counter()


def register() -> None:
    """Give them to the shell that this runs in, and begin with the first hint and step again."""
    _hints_shown.clear()
    _steps_shown.clear()
    shell = running_shell()
    if shell is None:
        return
    shell.register_magic_function(hint, "line", "hint")
    shell.register_magic_function(reveal, "line_cell", "reveal")
    shell.register_magic_function(reset_exercise, "line", "reset_exercise")
    if live_notebook() is not None:
        from course_utils.live.saving import save_class

        shell.register_magic_function(save_class, "line", "save_class")


def running_shell() -> Any:
    """The IPython shell that this runs in, or None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def hint(line: str) -> None:
    """`%hint 06.1`: the next hint of an exercise, from a nudge to the line that matters."""
    exercise = find_or_say(line, "hint")
    if exercise is None:
        return
    shown = _hints_shown[exercise.id] = min(_hints_shown[exercise.id] + 1, len(exercise.hints))
    print(f"Hint {shown} of {len(exercise.hints)} for {exercise.id}: {exercise.hints[shown - 1]}")


def reveal(line: str, cell: str | None = None) -> None:
    """`%reveal 06.1`: puts the solved cell in place of the cell that it is run in.

    Before a class (`course.py live 06`), and as `%reveal 06.1 step` everywhere, it goes one step further
    instead, and the cell begins with `%%reveal 06.1` until the last step; `%reveal 06.1 all` gives the whole.
    """
    name, _, how = line.strip().partition(" ")
    exercise = find_or_say(name, "reveal")
    if exercise is None:
        return
    if how.strip() not in ("", "step", "all"):
        print(f"`%reveal {exercise.id}` may be followed by `step` or `all`, not by {how.strip()!r}.")
        return
    by_steps = how.strip() != "all" and (how.strip() == "step" or cell is not None or live_notebook() is not None)
    try:
        if by_steps:
            from course_utils.exercises.stepping import next_step

            _steps_shown[exercise.id] += cell is None
            put_in_place(*next_step(exercise, cell, _steps_shown[exercise.id]))
        else:
            put_in_place(solved_cell(exercise), f"The solution of {exercise.id} stands in this cell: run it, then the check below.")
    except SolutionMissing as missing:
        print(f"{missing} Ask for `%hint {exercise.id}` instead.")


def reset_exercise(line: str) -> None:
    """`%reset_exercise 06.1`: puts the untouched cell of an exercise in place of the cell that it is run in."""
    exercise = find_or_say(line, "reset_exercise")
    if exercise is None:
        return
    _steps_shown[exercise.id] = _hints_shown[exercise.id] = 0
    try:
        put_in_place(stub_cell(exercise), f"The untouched cell of {exercise.id} stands here again.")
    except SolutionMissing as missing:
        print(f"{missing} Take the cell from a fresh copy of the notebook.")


def put_in_place(text: str, said: str) -> None:
    """Replace the cell that runs by `text` and say a sentence; print the text where there is no notebook."""
    text = text.rstrip("\n")
    shell = running_shell()
    if shell is not None and hasattr(shell, "set_next_input"):
        shell.set_next_input(text, replace=True)
        print(said)
    else:
        print(text)


def find_or_say(line: str, magic: str) -> Any:
    """The exercise that a magic's line names; where there is none, one sentence and None."""
    try:
        return registry.find(line.strip().strip("'\""))
    except registry.UnknownExercise as unknown:
        print(f"{unknown} Write for example `%{magic} 06.1`.")
        return None
