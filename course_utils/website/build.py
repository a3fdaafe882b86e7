"""`course.py site`: sources of the pages, then Sphinx over them, then the notebooks beside them."""
from __future__ import annotations

import io
import re
import shutil
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.authoring.sources import STEM, Lab, dump, read_notebook
from course_utils.settings import course_root
from course_utils.website import excerpts, front, look
from course_utils.website.binder import binder_address, configured_repository
from course_utils.website.lessons import lesson, touch_pictures
from course_utils.website.reference import reference_pages

OWN_PAGES = ("genindex", "search")  # Sphinx adds them
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class SiteError(RuntimeError):
    """The site cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Site:
    """What was made.

    Attributes
    ----------
    start : pathlib.Path
        The front page.
    pages, size : int
        Number of pages; bytes of the whole folder.
    seconds : float
    faults : tuple of str
        What Sphinx found wrong with the pages, one line each; none in a good site.
    """

    start: Path
    pages: int
    size: int
    seconds: float
    faults: tuple[str, ...]


def build_site(
    labs: Iterable[str] | None = None, solved: bool = False, repository: str = "", folder: Path | None = None, root: Path | None = None,
) -> Site:
    """Make the web pages.

    Parameters
    ----------
    labs : iterable of str, optional
        Numbers; all that are built, if not given.
    solved : bool
        Show the solved labs in place of the students' copies.
    repository : str
        Its address, for links to Binder; if empty, the one in `pyproject.toml`; no links if there is none.
    folder : pathlib.Path, optional
        Where to write, if not `site/unsolved` or `site/solved`. What lay there is replaced.
    root : pathlib.Path, optional
        The course, if not this one.

    Raises
    ------
    SiteError
        If a lab or a tool is missing, or the repository's address is none.
    """
    began = time.monotonic()
    root = root or course_root()
    kind = "solved" if solved else "unsolved"
    out = folder or root / "site" / kind
    work = root / ".course" / "site" / kind
    chosen = built_labs(root, labs, solved)
    repository = repository or configured_repository(root)
    for stale in (out, work):
        shutil.rmtree(stale, ignore_errors=True)
    write_sources(work / "source", root, chosen, solved, repository)
    notebooks = out / "notebooks"
    notebooks.mkdir(parents=True)
    for lab in chosen:
        shutil.copyfile(shown(lab, solved), notebooks / shown(lab, solved).name)
    faults = run_sphinx(work / "source", out, work / "doctrees", title_of(root), "solved" if solved else "")
    files = [path for path in out.rglob("*") if path.is_file()]
    return Site(out / "index.html", sum(path.suffix == ".html" for path in files), sum(path.stat().st_size for path in files),
                time.monotonic() - began, tuple(faults))


def built_labs(root: Path, wanted: Iterable[str] | None, solved: bool) -> list[Lab]:
    """Labs whose notebook is there; a student's course has the students' copies only."""
    place = root / ("solutions" if solved else "notebooks")
    labs = [Lab(root, path.stem) for path in sorted(place.glob("*.ipynb")) if STEM.fullmatch(path.stem)]
    if not labs:
        raise SiteError(f"The folder {place.name}/ holds no lab:  python3 course.py build  makes them.")
    if wanted is None:
        return labs
    numbers = {name.partition("_")[0].zfill(2) for name in wanted}
    missing = numbers - {lab.number for lab in labs}
    if missing:
        raise SiteError(f"There is no lab {min(missing)} in {place.name}/; there are {', '.join(lab.number for lab in labs)}.")
    return [lab for lab in labs if lab.number in numbers]


def shown(lab: Lab, solved: bool) -> Path:
    """The notebook that a lab's page shows."""
    return lab.solved if solved else lab.student


def write_sources(source: Path, root: Path, labs: Sequence[Lab], solved: bool, repository: str) -> None:
    """What Sphinx reads: a page for each lab, the front page, the pages of the helper package."""
    stems = [lab.stem for lab in labs]
    pictures = source / "labs" / "pictures"
    pictures.mkdir(parents=True)
    for lab in labs:
        path = shown(lab, solved)
        touches = touch_pictures(read_notebook(lab.solved)) if not solved and lab.solved.exists() else {}
        page = lesson(read_notebook(path), lab.stem, buttons(lab, path, repository), stems, solved, touches)
        (source / "labs" / f"{lab.stem}.ipynb").write_text(dump(page.notebook), encoding="utf-8")
        for name, content in page.pictures.items():
            (pictures / name).write_bytes(content)
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else "# Labs\n"
    (source / "index.md").write_text(front.front_page(text, stems, solved), encoding="utf-8")
    (source / "reference").mkdir()
    for name, page in reference_pages(root / "course_utils").items():
        (source / "reference" / f"{name}.md").write_text(page, encoding="utf-8")


def buttons(lab: Lab, path: Path, repository: str) -> dict[str, str]:
    """What stands below a lab's title: the notebook, and Binder where the repository is known and the lab can run there."""
    links = {"Download the notebook": f"../notebooks/{path.name}"}
    if repository and not needs_tensorflow(path):
        try:
            links["Open it on Binder"] = binder_address(repository, lab.name_of(path))
        except ValueError as error:
            raise SiteError(str(error)) from None
    return links


def needs_tensorflow(path: Path) -> bool:
    """Whether a lab's imports, in the notebook's first code cell, ask for Keras, which Binder's small environment lacks."""
    code = next((cell.source for cell in read_notebook(path).cells if cell.cell_type == "code"), "")
    return bool(re.search(r"^(?:import|from) .*(?:keras|tensorflow)", code, flags=re.MULTILINE))


def title_of(root: Path) -> str:
    """The first line of README.md, the title of all pages."""
    readme = root / "README.md"
    return readme.read_text(encoding="utf-8").strip().partition("\n")[0].lstrip("# ") if readme.exists() else "Labs"


def collect_texts(app: Any) -> dict[str, list[tuple[str, str, str]]]:
    """A dictionary that fills with the sections of every page as Sphinx writes it; the page of the search gets its scripts."""
    texts: dict[str, list[tuple[str, str, str]]] = {}

    def collect(app: Any, page: str, template: str, context: dict, doctree: Any) -> None:
        if doctree is not None:
            texts[page] = excerpts.sections_of(doctree)
        elif page == "search":
            app.add_js_file(excerpts.TEXT)
            app.add_js_file(excerpts.SCRIPT)

    app.connect("html-page-context", collect)
    return texts


@contextmanager
def quiet() -> Iterator[None]:
    """Without the deprecation warnings that extensions and theme owe each other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        yield


def run_sphinx(source: Path, out: Path, doctrees: Path, title: str, subtitle: str) -> list[str]:
    """Make the pages with a progress bar; what Sphinx warned about."""
    try:
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace, patch_docutils
        from tqdm import tqdm

        mathjax = look.mathjax_file()
    except (ImportError, FileNotFoundError) as error:
        raise SiteError(f"The tools of the site are not there ({error}):  python3 course.py install --site  brings them.") from error
    said = io.StringIO()
    count = sum(path.suffix in (".md", ".ipynb") for path in source.rglob("*"))
    with docutils_namespace(), patch_docutils(), tqdm(total=2 * count + len(OWN_PAGES), desc="site", unit="step", file=sys.stdout) as bar, quiet():
        app = Sphinx(source, None, out, doctrees, "html", confoverrides=look.settings(title, subtitle), status=None, warning=said)
        app.connect("source-read", lambda *_: bar.update(1) and None)
        app.connect("html-page-context", lambda *_: bar.update(1) and None)
        texts = collect_texts(app)
        app.build()
    excerpts.write_texts(out / "_static", texts)
    (out / "_static" / "mathjax").mkdir(exist_ok=True)
    shutil.copyfile(mathjax, out / "_static" / "mathjax" / mathjax.name)
    shutil.rmtree(out / "_sources", ignore_errors=True)
    for litter in (".buildinfo", "objects.inv"):
        (out / litter).unlink(missing_ok=True)
    return [line.replace(str(source), "") for line in ESCAPES.sub("", said.getvalue()).splitlines() if line.strip()]
