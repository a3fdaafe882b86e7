"""An instructor in a real browser: the lab on the projector, the notes beside it; the slides."""
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from test_browser import ANSWER_MS, OUTPUT_TEXT, READY, START_S, chromium, free_port, tab  # noqa: F401  (fixtures)

from course_utils.authoring.execute import environment
from course_utils.authoring.sources import find_labs
from course_utils.exercises import registry
from course_utils.exercises.solved import solved_cell, stub_cell
from course_utils.live.deck import write_slides
from course_utils.live.session import NOTES
from course_utils.settings import course_root

LAB = find_labs(course_root(), ["16"])[0]  # its first cell loads no large library
FONT_SIZE = 24
CELL = "window.jupyterapp.shell.currentWidget.content.widgets"
SOURCE = f"(index) => {CELL}[index].model.sharedModel.getSource()"
RUN = """async ([index, text]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    await notebook.scrollToItem(index, 'start');
    if (text !== null) notebook.widgets[index].model.sharedModel.setSource(text);
    await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
FIND = f"(label) => {CELL}.findIndex(cell => cell.model.getMetadata('label') === label)"
LETTERS = """(selector) => [...document.querySelectorAll(selector)].map(one => parseFloat(getComputedStyle(one).fontSize))"""


@pytest.fixture
def classroom(tmp_path):
    """`course.py live`, with the user's settings and home somewhere else; gives the folder, the two addresses and the process."""
    settings = tmp_path / "settings"
    settings.mkdir()
    env = environment("fast") | {
        "JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"), "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    command = [sys.executable, "-P", "-m", "course_utils.cli", "live", LAB.number, "--folder", str(tmp_path / "classes"),
               "--font-size", str(FONT_SIZE), "--port", str(free_port()), "--no-browser"]
    log = tmp_path / "said.txt"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + START_S
        while "Leave this window" not in log.read_text(encoding="utf-8"):
            assert process.poll() is None and time.monotonic() < end, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield tmp_path / "classes", re.findall(r"http://\S+", log.read_text(encoding="utf-8"))[:2]
        assert list(settings.iterdir()) == []  # the user's own settings were left alone
    finally:
        process.terminate()  # the server ends its kernels
        process.wait(START_S)


@pytest.mark.browser
@pytest.mark.slow
def test_an_instructor_shows_a_lab(tab, classroom):  # noqa: F811
    folder, (address, notes) = classroom
    tracked = LAB.student.read_bytes()
    tab.goto(address)
    tab.wait_for_function("() => window.jupyterapp && window.jupyterapp.shell.currentWidget", timeout=ANSWER_MS)
    tab.wait_for_function(READY, arg=LAB.student.name, timeout=ANSWER_MS)

    def run(index, text=None):
        tab.evaluate(RUN, [index, text])
        return tab.evaluate(SOURCE, index)

    # Large letters in code, text and outputs: JupyterLab's own are 13 and 14.
    start = tab.evaluate(f"() => {CELL}.findIndex(cell => cell.model.sharedModel.getSource().includes('start('))")
    run(start)
    free = tab.evaluate(f"(from) => {CELL}.findIndex((cell, k) => k > from && cell.model.type === 'code')", start)
    run(free, "print('seen')")
    for selector in (".jp-CodeCell .cm-content", ".jp-MarkdownOutput p", ".jp-OutputArea-output pre"):
        sizes = tab.evaluate(LETTERS, selector)
        assert sizes and min(sizes) >= FONT_SIZE, selector

    # Steps, with a line that the instructor types; the untouched cell again.
    exercise = registry.of_lab(LAB.number)[0]
    at = tab.evaluate(FIND, exercise.id)
    signature = run(at, f"%reveal {exercise.id}")
    skeleton = run(at)
    assert signature.startswith(f"%%reveal {exercise.id}\ndef {exercise.function}") and "…" not in signature
    assert skeleton.startswith(signature) and skeleton.count("…") >= 2
    typed = re.sub(r"# .*….*", "typed = 1", skeleton, count=1)
    further = run(at, typed)
    assert "typed = 1" in further and further.count("…") == skeleton.count("…") - 2
    assert run(at, f"%reset_exercise {exercise.id}") == stub_cell(exercise).rstrip()
    assert run(at, f"%reveal {exercise.id} all") == solved_cell(exercise).rstrip()

    # The class's own notebook, once.
    run(free, "%save_class monday")
    saved = folder / f"{LAB.stem} monday.ipynb"
    assert str(saved) in tab.evaluate(OUTPUT_TEXT, free).replace("\\\\", "\\")
    cells = nbformat.read(saved, as_version=4).cells
    assert solved_cell(exercise).rstrip() in [cell.source for cell in cells] and not any("save_class" in cell.source for cell in cells)
    before = saved.read_bytes()
    run(free, "%save_class monday")
    assert "stays as it is" in tab.evaluate(OUTPUT_TEXT, free) and saved.read_bytes() == before
    assert LAB.student.read_bytes() == tracked

    speak(tab.context.browser.new_page(), notes)
    assert [error for error in tab.errors if "404" not in error and "ERR_UNKNOWN_URL_SCHEME" not in error] == []


def speak(page, address):
    """Go through the speaker's notes by keyboard, with a clock that the test turns."""
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    assert page.request.get(address.partition("?")[0], max_redirects=0).status in (302, 403)  # only with the token
    page.clock.install()
    page.goto(address)
    assert NOTES in page.url and page.locator("main > section:visible h2").inner_text() == "Before you begin"
    assert "Plan, 120 minutes" in page.locator("main > section:visible .note").first.inner_text()
    page.keyboard.press("Space")
    assert page.locator("main > section:visible h2").inner_text().startswith("1 ·")
    planned = int(re.search(r"\d+", page.locator("nav [aria-current] .planned").inner_text())[0])
    page.clock.run_for(60_000 * (planned + 3) + 20_000)  # far from a whole minute: time goes on by itself as well
    assert page.locator("#state").inner_text() == "3 min behind"
    assert re.fullmatch(rf"{planned + 3}:\d\d of {planned}", page.locator("#here").inner_text())
    page.keyboard.press("PageDown")
    assert page.locator("main > section:visible h2").inner_text().startswith("2 ·")
    assert page.locator("#state").inner_text() == "on time" and re.search(rf"{planned + 3}:\d\d spent", page.locator("nav").inner_text())
    page.reload()
    assert page.locator("main > section:visible h2").inner_text().startswith("2 ·")
    assert page.locator("#passed").inner_text().startswith(f"{planned + 3}:")
    page.keyboard.press("ArrowLeft")
    assert page.locator("main > section:visible h2").inner_text().startswith("1 ·")
    assert errors == []
    page.close()


LOOK = """() => Array.from({length: Reveal.getTotalSlides()}, (_, k) => {
    if (k) Reveal.next();
    const slide = Reveal.getCurrentSlide(), image = slide.querySelector('figure img'), page = slide.querySelector('.page');
    const box = one => { const r = one.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
    return {
        kind: page.className.replace('page ', ''), page: box(page), image: image && box(image), loaded: !image || image.naturalWidth > 0,
        raw: (slide.querySelector('.content').innerText.match(/\\\\\\(|\\\\\\[|\\$\\$/) || []).length,
        letters: Math.min(...[...slide.querySelectorAll('.content p, .content li')].map(one => parseFloat(getComputedStyle(one).fontSize))),
        long: [...slide.querySelectorAll('.content, figcaption')].filter(one => one.scrollHeight > one.clientHeight + 2
              && getComputedStyle(one).overflowY === 'hidden').length,
    };
})"""
FIRST_EXERCISE = "Reveal.slide(...Object.values(Reveal.getIndices(document.querySelector('.page.exercise').parentNode)).slice(0, 2))"


@pytest.mark.browser
@pytest.mark.slow
def test_an_instructor_shows_slides(tab, tmp_path):  # noqa: F811
    path = write_slides(find_labs(course_root(), ["06"])[0], tmp_path / "slides" / "06.html")
    assert list(path.parent.iterdir()) == [path]  # one file
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.goto(Path(path).as_uri())
    tab.wait_for_selector("body[data-ready]", timeout=ANSWER_MS)
    assert tab.evaluate("document.querySelectorAll('mjx-container svg').length") > 40
    seen = tab.evaluate(LOOK)
    figures = [look for look in seen if look["image"]]
    assert len(seen) > 50 and len(figures) > 10
    for number, look in enumerate(seen, 1):
        left, top, right, bottom = look["page"]
        assert 0 <= left < right <= 1280 and 0 <= top < bottom <= 720, f"slide {number} is larger than the screen"
        assert look["raw"] == 0, f"slide {number} shows a formula's source"
        assert look["loaded"] and look["long"] == 0, f"slide {number} is cut"
        assert look["letters"] is None or look["letters"] >= 16, f"the letters of slide {number} are small"
    for look in figures:
        x0, y0, x1, y1 = look["image"]
        assert 0 <= x0 < x1 <= 1280 and 0 <= y0 < y1 <= 720 and y1 - y0 >= 100
    tab.evaluate(FIRST_EXERCISE)
    with tab.context.expect_page() as opened:
        tab.keyboard.press("s")
    opened.value.wait_for_selector(".speaker-controls-notes >> text=Hints", timeout=ANSWER_MS)
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
    assert tab.errors == []
    opened.value.close()
