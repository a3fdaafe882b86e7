"""The controls around a drawing function, without a browser."""
import asyncio

import pytest

from course_utils import plots
from course_utils.widgets import Choice, Slider, Switch, touch
from course_utils.widgets.touch import sweep

DRAWN = []


def draw(size, colour, grid):
    if size == 3:
        raise ValueError("Size 3 cannot be drawn; take another.")
    DRAWN.append((size, colour, grid))
    figure, axes = plots.panels(width=2, height=2)
    axes.plot([0, size], color=colour)
    axes.grid(grid)
    return plots.describe(figure, f"A line to {size}")


def make():
    return touch(draw, size=Slider(1, 0, 5), colour=Choice("red", ("red", "blue")), grid=Switch(False))


def test_moving_a_control_changes_the_picture():
    made = make()
    before = made.image.value
    made.controls["size"].value = 4
    assert made.image.value != before and made.image.alt == "A line to 4"
    made.controls["colour"].value = "blue"
    assert DRAWN[-1] == (4, "blue", False)


def test_a_setting_that_cannot_be_drawn_says_so_and_keeps_the_picture():
    made = make()
    before = made.image.value
    made.controls["size"].value = 3
    assert "Size 3 cannot be drawn" in made.message.value and made.image.value == before
    made.controls["size"].value = 2
    assert made.message.value == ""


def test_other_errors_are_not_swallowed():
    made = touch(lambda size: plots.panels()[0] if size == 1 else 1 / 0, size=Slider(1, 0, 5))
    with pytest.raises(ZeroDivisionError):
        made.controls["size"].value = 2


def test_a_burst_of_moves_is_answered_by_one_picture():
    async def drag():
        made = make()
        DRAWN.clear()
        for size in (2, 4, 5, 1, 4):
            made.controls["size"].value = size
        while made.waiting:
            await asyncio.sleep(0.005)

    asyncio.run(drag())
    assert DRAWN == [(4, "red", False)]


def test_sweep_takes_every_value_of_every_control():
    controls = {"size": Slider(1, 0, 5), "grid": Switch(False)}
    settings = sweep(controls)
    assert {s["size"] for s in settings} == {0, 1, 2, 3, 4, 5} and {s["grid"] for s in settings} == {True, False}
    assert {"size": 5, "grid": True} in settings
