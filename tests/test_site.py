"""The pages: no solution where none may be, links that lead somewhere, and all of it in a browser without a network."""
import copy
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from test_browser import chromium  # noqa: F401  (a fixture)

from course_utils.authoring.leaks import pack, telling_statements
from course_utils.authoring.sources import Lab, find_labs, read_notebook, read_source, tags_of
from course_utils.settings import course_root
from course_utils.website import build, front, lessons, reference
from course_utils.website.binder import binder_address

SHOWN = ("06", "12")  # a lab with figures to aim at and controls, and one with a part that unfolds
ADDRESS = "https://github.com/OWNER/NAME"
INSTRUCTORS = "Planned minutes: NOBODY-BUT-INSTRUCTORS"


# ---------------------------------------------------------------- sources of the pages


@pytest.fixture(scope="module")
def unsolved_sources(tmp_path_factory):
    """What Sphinx reads for the pages of all labs, as students see them."""
    pytest.importorskip("numpydoc", reason="the site's tools are not installed: run `python3 course.py test`")
    folder = tmp_path_factory.mktemp("sources") / "source"
    build.write_sources(folder, course_root(), build.built_labs(course_root(), None, False), False, ADDRESS)
    return folder


def text_of(path: Path) -> str:
    """All that can be read in a source: of a notebook, its cells."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


@pytest.mark.slow
def test_no_page_for_students_holds_a_line_of_a_solution(unsolved_sources):
    """The whole reference is searched as well: a docstring can give away what a lab asks for."""
    pages = {path.relative_to(unsolved_sources).as_posix(): pack(text_of(path)) for path in unsolved_sources.rglob("*") if path.suffix in (".ipynb", ".md")}
    statements = [one for lab in find_labs(course_root()) for cell in read_source(lab).cells if "exercise" in tags_of(cell)
                  for one in telling_statements(cell)]
    assert len(pages) > 25 and len(statements) > 200
    found = [(name, one.exercise, one.text) for one in statements for name, text in pages.items() if one.packed in text]
    # A later lab may do in passing what an earlier one asked for.
    assert [one for one in found if not (one[0].startswith("labs/") and one[0][5:7] > one[1][:2])] == []
    # The search does find what is there.
    assert any(one.packed in pack(text_of(Lab(course_root(), "06_saliency").solved)) for one in statements)


@pytest.mark.slow
def test_no_page_holds_what_instructors_say(unsolved_sources):
    for lab in find_labs(course_root()):
        notes = [cell.source.strip() for cell in read_source(lab).cells if {"instructor"} & set(tags_of(cell)) and len(cell.source.strip()) > 30]
        solved = lessons.lesson(read_notebook(lab.solved), lab.stem, {}, solved=True).notebook
        student = nbformat.read(unsolved_sources / "labs" / f"{lab.stem}.ipynb", as_version=4)
        assert notes, f"{lab.stem} has no notes to look for"
        for page in (solved, student):
            assert not any("instructor" in tags_of(cell) for cell in page.cells)
            assert not any(note in cell.source for cell in page.cells for note in notes)


@pytest.mark.slow
def test_students_pages_show_no_outputs_but_the_first_picture_of_each_widget(unsolved_sources):
    pictures = 0
    for path in sorted((unsolved_sources / "labs").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and cell.outputs:
                assert lessons.TOUCH.search(cell.source), f"{path.stem}: a cell without controls has outputs"
                assert ["image/png" in output.data for output in cell.outputs] == [True]
                pictures += 1
    assert pictures >= 10


def small_course(root: Path, stem: str = "06_saliency") -> Path:
    """A course with one lab of a few cells, solved and for students."""
    new = nbformat.v4
    picture = new.new_output("execute_result", {"image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC", "text/plain": "A red bar."}, metadata={"image/png": {"alt": "A red bar."}})
    cells = [
        new.new_markdown_cell("# Lab 06 · Saliency\n\nBuilds on lab 05 and lab 06; labs 05 and 07 help. $x^2$ in lab 05. Exercise of lab 05.1.\n\n## A section", id="title"),
        new.new_markdown_cell(INSTRUCTORS, metadata={"tags": ["instructor"]}, id="notes"),
        new.new_markdown_cell("### Exercise 06.1 · A bar\n*2 points · 5 minutes · difficulty ●○○*\n\nDraw `lab 05`.", metadata={"tags": ["card"]}, id="card"),
        new.new_code_cell("def bar():\n    return sorted_bar(THE_SOLUTION)", metadata={"tags": ["exercise"], "label": "06.1"}, id="ex-06-1"),
        new.new_code_cell("bars.explore()", outputs=[picture], id="touch"),
        new.new_code_cell("extra()", metadata={"tags": ["solution"]}, id="extra"),
    ]
    for folder in ("solutions", "notebooks"):
        (root / folder).mkdir(parents=True)
    python = {"language_info": {"name": "python"}}
    nbformat.write(new.new_notebook(cells=cells, metadata=python), root / "solutions" / f"{stem}.ipynb")
    student = [copy.deepcopy(cell) for cell in cells if not {"instructor", "solution"} & set(cell.metadata.get("tags", []))]
    student[2].source = "def bar():\n    raise NotImplementedError()"
    student[3].outputs = []
    nbformat.write(new.new_notebook(cells=student, metadata=python), root / "notebooks" / f"{stem}.ipynb")
    (root / "course_utils").mkdir()
    shutil.copyfile(course_root() / "course_utils" / "scoring.py", root / "course_utils" / "scoring.py")
    return root


def test_a_page_names_what_it_links_describes_and_boxes(tmp_path):
    lab = Lab(small_course(tmp_path), "06_saliency")
    page = lessons.lesson(read_notebook(lab.solved), lab.stem, {"Download": "../notebooks/x.ipynb", "Binder": "https://example.org/a&b"},
                          ["05_model", "06_saliency"], solved=True).notebook
    title, card, exercise, touch, still, extra = page.cells
    assert '<a class="notebook-link" href="../notebooks/x.ipynb" download>Download</a>' in title.source
    assert 'href="https://example.org/a&amp;b">Binder</a>' in title.source
    assert "Builds on [lab 05](05_model.ipynb) and lab 06; labs [05](05_model.ipynb) and 07 help." in title.source
    assert "in [lab 05](05_model.ipynb). Exercise of lab 05.1." in title.source
    assert card.source.startswith("### Exercise 06.1 · A bar\n\n:::::{container} exercise-card\n*2 points") and "`lab 05`" in card.source
    assert touch.metadata.mystnb == {"image": {"alt": "A red bar."}}
    assert lessons.STILL in still.source and "stands still" in still.source


def test_a_student_s_page_takes_the_picture_of_a_widget_from_the_solved_lab(tmp_path):
    lab = Lab(small_course(tmp_path), "06_saliency")
    student, solved = read_notebook(lab.student), read_notebook(lab.solved)
    with_picture = lessons.lesson(student, lab.stem, {}, touches=lessons.touch_pictures(solved)).notebook
    without = lessons.lesson(student, lab.stem, {}).notebook
    assert with_picture.cells[3].outputs == solved.cells[4].outputs and lessons.STILL in with_picture.cells[4].source
    assert without.cells[3].outputs == [] and lessons.UNSEEN in without.cells[4].source
    assert student.cells[3].outputs == [], "the notebook itself is left alone"


@pytest.mark.parametrize("repository, start", [
    ("https://github.com/OWNER/NAME", "https://mybinder.org/v2/gh/OWNER/NAME/HEAD?"),
    ("https://github.com/OWNER/NAME.git", "https://mybinder.org/v2/gh/OWNER/NAME/HEAD?"),
    ("https://gitlab.com/GROUP/SUB/NAME", "https://mybinder.org/v2/gl/GROUP%2FSUB%2FNAME/HEAD?"),
    ("https://git.example.org/OWNER/NAME", "https://mybinder.org/v2/git/https%3A%2F%2Fgit.example.org%2FOWNER%2FNAME/HEAD?"),
])
def test_binder_s_address_for_a_repository(repository, start):
    address = binder_address(repository, "notebooks/06_saliency.ipynb")
    assert address == start + "urlpath=lab%2Ftree%2Fnotebooks%2F06_saliency.ipynb"


@pytest.mark.parametrize("repository", ["", "OWNER/NAME", "git@github.com:OWNER/NAME", "https://github.com"])
def test_what_is_no_address_of_a_repository_is_refused(repository):
    with pytest.raises(ValueError, match="https://github.com/OWNER/NAME is expected"):
        binder_address(repository, "notebooks/06_saliency.ipynb")


def test_binder_is_linked_where_a_repository_is_configured_and_the_lab_can_run_there():
    torch_only, keras = Lab(course_root(), "06_saliency"), Lab(course_root(), "10_lrp_in_keras")
    assert list(build.buttons(torch_only, torch_only.student, "")) == ["Download the notebook"]
    assert list(build.buttons(torch_only, torch_only.student, ADDRESS)) == ["Download the notebook", "Open it on Binder"]
    assert list(build.buttons(keras, keras.student, ADDRESS)) == ["Download the notebook"]


def test_the_front_page_has_every_lab_with_minutes_and_lectures():
    stems = [lab.stem for lab in find_labs(course_root())]
    text = front.front_page((course_root() / "README.md").read_text(encoding="utf-8"), stems, solved=False)
    rows = [line for line in text.splitlines() if re.match(r"\| \[\d\d ", line)]
    assert [re.search(r"labs/(\w+)\.ipynb", row)[1] for row in rows] == stems
    assert all(re.fullmatch(r"\| \[.+\]\(.+\) \| .{10,} \| .{8,} \| \d+ \|", row) for row in rows)
    assert "](notebooks/" not in text and "CONTRIBUTING.md)" not in text, "links into the repository lead nowhere on a page"


def test_the_reference_has_what_labs_import_and_not_what_judges_them():
    pages = reference.reference_pages(course_root() / "course_utils")
    imported = {name for lab in find_labs(course_root())
                for name in re.findall(r"^from course_utils\.(\w+)|^from course_utils import (\w+)", lab.source.read_text(encoding="utf-8"), re.MULTILINE)
                for name in name if name}
    assert imported and imported <= set(pages)
    assert "{py:function} pointing_game(heats: Any, masks: Any, tolerance: int=0) -> np.ndarray" in pages["scoring"]
    assert "- `tolerance` int  \n  Pixels by which each mask is widened" in pages["scoring"]
    assert not re.search(r"exercises\.lab\d\d", "".join(pages.values()))


def test_docstrings_keep_their_meaning_as_markdown():
    text = reference.sections('One line.\n\nx       first\nlonger  second\n\nParameters\n----------\na : int\n    Of <b> and $1.\nb : the other one.\n\nRaises\n------\nValueError\n    If not.')
    assert "- `x` first\n- `longer` second" in text
    assert "- `a` int  \n  Of &lt;b> and \\$1." in text and "- `b`  \n  the other one." in text
    assert "**Raises**\n\n- ValueError  \n  If not." in text


def test_a_lab_that_is_not_there_is_said_in_one_sentence():
    with pytest.raises(build.SiteError, match="There is no lab 99 in notebooks/"):
        build.built_labs(course_root(), ["99"], solved=False)


# ---------------------------------------------------------------- the pages


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two labs, the front page, and what the helper package has for labs, as students see them."""
    pytest.importorskip("myst_nb", reason="the site's tools are not installed: run `python3 course.py test`")
    ours, root = course_root(), tmp_path_factory.mktemp("course")
    for lab in find_labs(ours, SHOWN):
        for path in (lab.student, lab.solved):
            (root / path.parent.name).mkdir(exist_ok=True)
            shutil.copyfile(path, root / path.parent.name / path.name)
    shutil.copyfile(ours / "README.md", root / "README.md")
    for room in ("datasets", "models", "plots"):
        shutil.copytree(ours / "course_utils" / room, root / "course_utils" / room)
    for module in ("notebook", "scoring", "settings", "training"):
        shutil.copyfile(ours / "course_utils" / f"{module}.py", root / "course_utils" / f"{module}.py")
    made = build.build_site(repository=ADDRESS, folder=tmp_path_factory.mktemp("site"), root=root)
    assert made.faults == ()
    return made.start.parent


class Page(HTMLParser):
    """What a page offers and asks for: anchors, links, files that it loads, pictures without a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors, self.links, self.loaded, self.silent = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if given.get("id"):
            self.anchors.add(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in ("next", "prev", "index", "search") or tag in ("script", "img"):
            self.loaded += [given[name] for name in ("href", "src") if given.get(name)]
        if tag == "img" and not given.get("alt"):
            self.silent.append(given.get("src"))


def pages_of(folder: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html") if "_static" not in path.parts}


@pytest.mark.slow
def test_links_lead_to_pages_anchors_and_files_that_are_there(site):
    pages, wrong, inner, outer = pages_of(site), [], 0, set()
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme:
                outer.add(link)
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            inner += 1
            if not target.is_file() or parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                wrong.append(f"{path.relative_to(site)}: {link}")
    assert inner > 1000
    assert sorted(set(wrong)) == []
    assert outer and all(re.fullmatch(r"https://mybinder\.org/v2/gh/OWNER/NAME/HEAD\?urlpath=lab%2Ftree%2Fnotebooks%2F\w+\.ipynb", link) for link in outer)


@pytest.mark.slow
def test_nothing_that_a_page_loads_comes_from_elsewhere(site):
    for path, page in pages_of(site).items():
        assert [one for one in page.loaded if urlsplit(one).scheme not in ("", "data") or one.startswith("//")] == [], path
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style


@pytest.mark.slow
def test_each_lab_s_page_offers_the_notebook_that_it_shows(site):
    for number in SHOWN:
        lab = find_labs(course_root(), [number])[0]
        page = pages_of(site / "labs")[site / "labs" / f"{lab.stem}.html"]
        assert f"../notebooks/{lab.stem}.ipynb" in page.links
        assert (site / "notebooks" / f"{lab.stem}.ipynb").read_bytes() == lab.student.read_bytes()


@pytest.mark.slow
def test_every_figure_keeps_its_alternative_text(site):
    lab = find_labs(course_root(), ["06"])[0]
    text = (site / "labs" / f"{lab.stem}.html").read_text(encoding="utf-8")
    wanted = [cell.source.partition("![")[2].partition("]")[0] for cell in read_notebook(lab.student).cells if cell.id.startswith("target-")]
    assert len(wanted) >= 3
    for alternative in wanted:
        assert f'alt="{alternative}"' in text
    assert pages_of(site / "labs")[site / "labs" / f"{lab.stem}.html"].silent == []


@pytest.mark.slow
def test_the_switch_shows_solutions_and_without_it_there_are_none(tmp_path):
    pytest.importorskip("myst_nb", reason="the site's tools are not installed: run `python3 course.py test`")
    root = small_course(tmp_path / "course")
    texts = {}
    for solved in (False, True):
        made = build.build_site(solved=solved, root=root)
        assert made.start == root / "site" / ("solved" if solved else "unsolved") / "index.html" and made.pages >= 5 and made.faults == ()
        texts[solved] = "".join(path.read_text(encoding="utf-8") for path in made.start.parent.rglob("*") if path.suffix in (".html", ".ipynb", ".js"))
    page = {solved: (root / "site" / kind / "labs" / "06_saliency.html").read_text(encoding="utf-8") for solved, kind in ((True, "solved"), (False, "unsolved"))}
    assert "THE_SOLUTION" in page[True] and "THE_SOLUTION" not in texts[False]
    assert "NotImplementedError" in page[False]
    assert "NOBODY-BUT-INSTRUCTORS" not in texts[False] and "NOBODY-BUT-INSTRUCTORS" not in page[True]
    assert 'alt="A red bar."' in page[True] and 'alt="A red bar."' in page[False]


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def page(chromium):  # noqa: F811  (the fixture)
    """A page that fails the test if it asks for anything but files, or its console says that something is wrong."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    opened, asked, errors = context.new_page(), [], []
    opened.on("request", lambda request: asked.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
    opened.on("requestfailed", lambda request: errors.append(f"not loaded: {request.url}"))
    opened.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert asked == [] and errors == []


@pytest.mark.browser
@pytest.mark.slow
def test_search_finds_a_term_and_leads_to_its_lab(site, page):
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("ControlOrMeta+k")
    page.keyboard.type("SmoothGrad")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=SmoothGrad*")
    first = page.locator("#search-results li a").first
    first.wait_for()
    assert "Lab 06" in first.inner_text()
    excerpt = page.locator("#search-results li").first.locator(".search-excerpt").first
    assert "smoothgrad" in excerpt.locator("mark").first.inner_text().lower()
    excerpt.locator("a").click()
    page.wait_for_url("**/labs/06_saliency.html#*")
    section = page.locator(f"[id='{urlsplit(page.url).fragment}']")
    assert "SmoothGrad" in section.inner_text()


@pytest.mark.browser
@pytest.mark.slow
def test_formulas_are_drawn(site, page):
    page.goto((site / "labs" / "06_saliency.html").as_uri())
    page.wait_for_function("() => window.MathJax && MathJax.startup && MathJax.startup.promise && document.querySelector('mjx-container svg path, mjx-container svg use')")
    page.evaluate("() => MathJax.startup.promise")
    drawn, written = page.locator("mjx-container > svg").count(), page.locator("span.math, div.math").count()
    assert drawn == written > 30
    assert page.locator("[data-mjx-error], mjx-merror").count() == 0
    assert "\\(" not in page.locator("article").inner_text()


@pytest.mark.browser
@pytest.mark.slow
def test_the_reader_switches_between_light_and_dark(site, page):
    page.goto((site / "labs" / "06_saliency.html").as_uri())
    background = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    assert page.evaluate("() => document.documentElement.dataset.theme") == "light"
    page.locator(".theme-switch-button").first.click()
    page.get_by_role("button", name="Dark", exact=True).click()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(background) != light
    page.reload()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark", "the choice is kept"


@pytest.mark.browser
@pytest.mark.slow
def test_pages_fit_a_phone(site, page):
    page.set_viewport_size({"width": 390, "height": 800})
    for name in ("index", "labs/06_saliency", "labs/12_activation_maximisation", "reference/index", "reference/training", "reference/plots", "genindex"):
        page.goto((site / f"{name}.html").as_uri())
        wide, seen = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide <= seen, f"{name} is {wide} pixels wide on a screen of {seen}"
