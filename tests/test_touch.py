"""The controls around a drawing function, without a browser, and every Touch of the labs over its whole range."""
import ast
import asyncio
import gc
import io
import itertools
import re
import threading
import time

import ipywidgets
import numpy as np
import pytest
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties
from PIL import Image

from course_utils import plots
from course_utils.authoring.sources import find_labs
from course_utils.plots import ahead
from course_utils.plots.style import alternative_text
from course_utils.settings import course_root
from course_utils.widgets import Choice, Slider, Switch, lettering, touch
from course_utils.widgets.controls import sweep
from course_utils.widgets.raster import settle
from touches import MODULES, explore

DRAWN = []
SENTENCE = r"[A-Z].+\."


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


def drag(move, values, made):
    """Let events arrive every 4 ms, whatever the kernel is doing, as a browser sends them, until the last picture is drawn."""
    async def dragging():
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def browser():
            for value in values:
                loop.call_soon_threadsafe(move, value)
                time.sleep(0.004)
            loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=browser).start()
        await sent.wait()
        while made.waiting or made.untidy:
            await asyncio.sleep(0.001)

    asyncio.run(dragging())


def test_moving_a_control_changes_the_picture():
    made = make()
    before = made.image.value
    made.controls["size"].value = 4
    assert made.image.value != before and made.image.alt == "A line to 4"
    made.controls["colour"].value = "blue"
    assert DRAWN[-1] == (4, "blue", False)


def test_picture_and_its_text_reach_the_browser_in_one_message(monkeypatch):
    made, sent = make(), []
    monkeypatch.setattr(type(made.image), "send_state", lambda self, key=None: sent.append(set(key)))
    made.controls["size"].value = 4
    assert sent == [{"alt", "value"}]


def test_a_setting_that_cannot_be_drawn_says_so_and_keeps_the_picture():
    made = make()
    before = made.image.value
    made.controls["size"].value = 3
    assert "Size 3 cannot be drawn" in made.message.value and made.image.value == before
    made.controls["size"].value = 2
    assert made.message.value == ""


def test_other_errors_are_said_and_not_swallowed():
    made = touch(lambda size: plots.panels()[0] if size == 1 else 1 / 0, size=Slider(1, 0, 5))
    with pytest.raises(ZeroDivisionError):
        made.controls["size"].value = 2
    assert "ZeroDivisionError" in made.message.value


def test_a_drag_of_thirty_events_is_answered_by_few_pictures_the_last_of_them_right():
    drawn = []

    def slow(size):
        drawn.append(size)
        end = time.perf_counter() + 0.03  # a picture that takes eight times as long as the pause between two events
        while time.perf_counter() < end:
            pass
        return draw(0, "red", False)

    made = touch(slow, size=Slider(0, 0, 100))
    drawn.clear()
    drag(lambda value: setattr(made.controls["size"], "value", value), range(1, 31), made)
    assert drawn[-1] == 30 and len(drawn) == len(set(drawn)) < 30


def test_the_first_move_is_answered_at_once_and_all_that_wait_by_one_picture():
    made = make()
    DRAWN.clear()
    made.ended = 0.0  # as if drawn long ago

    async def burst():
        for size in (2, 4, 5, 1, 4):
            made.controls["size"].value = size
        while made.waiting or made.untidy:
            await asyncio.sleep(0.001)

    asyncio.run(burst())
    assert DRAWN == [(2, "red", False), (4, "red", False)]


def test_sweep_takes_every_value_of_every_control():
    controls = {"size": Slider(1, 0, 5), "grid": Switch(False)}
    settings = sweep(controls)
    assert {s["size"] for s in settings} == {0, 1, 2, 3, 4, 5} and {s["grid"] for s in settings} == {True, False}
    assert {"size": 5, "grid": True} in settings
    assert {s["size"] for s in sweep(controls, 3)} == {0, 1, 2, 5} and len(sweep({str(k): Switch(False) for k in range(9)}, 5)) == 1 + 18 + 10


def test_a_settled_picture_has_its_panels_where_the_first_had_them():
    first, again = draw(1, "red", True), draw(1, "red", True)
    places = settle(first, None)
    assert settle(again, places) is places
    assert np.abs(np.asarray(first.canvas.buffer_rgba()).astype(int) - np.asarray(again.canvas.buffer_rgba())).mean() < 0.5


@pytest.mark.parametrize("lab", ["01", "09", "16"])
def test_copied_letters_look_as_drawn_ones_do(lab):
    made = explore(lab)
    copied, plain = (made.draw(**made.settings()) for _ in range(2))
    settle(copied, None)
    plain.canvas.draw()
    shown, wanted = (np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int) for figure in (copied, plain))
    letters = wanted.min(axis=2) < 100
    shifted = min(np.abs(np.roll(shown, move, axis=(0, 1)) - wanted)[letters].mean() for move in itertools.product((-1, 0, 1), repeat=2))
    assert shifted < 30  # a layout of its own may move all by a pixel, and a word stands on whole ones
    assert np.abs(shown.mean() - wanted.mean()) < 0.5


def test_widths_of_words_add_up_to_that_of_the_line():
    font, line = FontProperties(size=11), "at  step 12, 0.25 → −3.5 of Avion's fi"
    whole = RendererAgg(9, 9, 100).get_text_width_height_descent(line, font, False)
    assert lettering.LetteringRenderer(9, 9, 100).get_text_width_height_descent(line, font, False) == pytest.approx(whole)
    assert "".join(lettering.words(line, False)) == line and lettering.words("$a b$", True) == ["$a b$"]


def test_a_picture_on_axes_made_ahead_is_the_same_picture():
    stock, drawn = ahead.Stock(), []
    for _ in range(3):
        with ahead.using(stock):
            figure = draw(4, "red", True)
        settle(figure, None)
        drawn.append(np.asarray(figure.canvas.buffer_rgba()).copy())
        stock.note(figure)
        assert not stock.blank and len(stock.taken) == 1
        stock.restock()
        stock.restock()  # nothing was taken in between: what is there stays
        assert not stock.taken and len(stock.blank) == 1
    settle(once := draw(4, "red", True), None)
    assert all((pixels == np.asarray(once.canvas.buffer_rgba())).all() for pixels in drawn)


def test_axes_are_made_ahead_for_the_kind_that_is_drawn_and_the_collector_runs_again():
    made = make()

    async def moves():
        made.ended = 0.0  # as if drawn long ago
        made.controls["size"].value = 4
        assert made.untidy == 1 and not gc.isenabled()
        while made.untidy:
            await asyncio.sleep(0.001)

    asyncio.run(moves())
    assert gc.isenabled()
    (blank, _), = made.stock.blank.values()
    assert len(blank.axes) == 1 and not blank.axes[0].lines
    made.controls["size"].value = 5  # without a loop
    assert gc.isenabled() and made.untidy == 0


def test_without_a_kernel_there_is_a_grid_of_pictures():
    made = make()
    png, text = made.stills()
    wide, high = Image.open(io.BytesIO(png)).size
    one_wide, one_high = Image.open(io.BytesIO(made.image.value)).size
    assert made.along == "size"
    # Of the four sizes 0, 2, 3 and 5, the third cannot be drawn.
    assert re.findall(r"size: (\d): A line to (\d)\.", text) == [("0", "0"), ("2", "2"), ("5", "5")]
    assert one_wide < wide < 2 * one_wide and one_high < high < 2 * one_high


def test_a_slider_says_which_of_its_values_the_still_pictures_show():
    made = touch(draw, size=Slider(1, 0, 5, stills=(1, 4)), colour=Choice("red", ("red", "blue")), grid=Switch(False))
    assert re.findall(r"size: (\d):", made.stills()[1]) == ["1", "4"] and made.controls["size"].max == 5


def test_still_pictures_of_lab_01_show_the_step_that_they_name():
    named = re.findall(r"step: (\d+): .*?step (\d+) of 25", explore("01").stills()[1])
    assert [name for name, _ in named] == ["1", "9", "17", "25"] and all(name == step for name, step in named)


# The Touches of the labs

def test_every_touch_of_a_lab_is_among_them():
    used = set()
    for lab in find_labs(course_root()):
        used |= {(lab.number, name) for name in re.findall(r"^from course_utils\.widgets import (\w+)", lab.source.read_text(encoding="utf-8"), re.MULTILINE)}
    assert used == set(MODULES.items()) | {("08", "sketch")}


def test_a_drawing_module_never_draws_by_itself():
    """`explore` alone knows controls: draw, and all it calls, can be called by a page or a test."""
    for name in MODULES.values():
        tree = ast.parse((course_root() / "course_utils" / "widgets" / f"{name}.py").read_text(encoding="utf-8"))
        body = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "draw")
        assert not {"touch", "explore", "Slider", "display"} & {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}, name


@pytest.mark.parametrize("lab", MODULES)
def test_a_touch_is_labelled_and_answers_to_its_main_control(lab):
    made = explore(lab)
    for name, widget in made.controls.items():
        assert widget.description and widget.tabbable is not False, name  # ipywidgets ties the description to the input
        assert isinstance(widget, (ipywidgets.IntSlider, ipywidgets.FloatSlider, ipywidgets.Dropdown, ipywidgets.Checkbox))  # all have keys
    values = [value for value in made.declared[made.along].values() if value != made.declared[made.along].value]
    before = made.image.value, made.image.alt
    made.controls[made.along].value = values[0]
    assert made.message.value == "" and len(made.image.alt) > 40
    assert made.image.value != before[0] and made.image.alt != before[1]
    made.controls[made.along].value = made.declared[made.along].value
    assert (made.image.value, made.image.alt) == before  # a picture depends on the controls, not on the way there


@pytest.mark.slow
@pytest.mark.parametrize("lab", MODULES)
def test_every_callback_over_its_whole_range(lab):
    """Each control is moved by its widget, and an exception in a callback ends the test."""
    made = explore(lab)
    start, at_first, texts, refused = made.settings(), (made.image.value, made.image.alt), set(), 0
    for setting in sweep(made.declared, 7):
        moved = [name for name in setting if setting[name] != start[name]]
        if len(moved) > 1:  # a corner: to move to it would draw a picture for each control
            try:
                figure = made.draw(**setting)
            except ValueError as error:
                assert re.fullmatch(SENTENCE, str(error))
            else:
                assert alternative_text(figure)
            continue
        for name in moved:
            made.controls[name].value = setting[name]
            if made.message.value:
                assert re.fullmatch(f'<i role="alert">{SENTENCE}</i>', made.message.value)
                refused += 1
            else:
                assert made.image.value == at_first[0] or made.image.alt != at_first[1], "another picture with the same text"
                texts.add(made.image.alt)
            made.controls[name].unobserve(made.changed, names="value")
            made.controls[name].value = start[name]
            made.controls[name].observe(made.changed, names="value")
    assert len(texts) > 2 * refused
