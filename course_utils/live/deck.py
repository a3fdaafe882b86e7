"""`course.py slides`: the slides of a lab as one HTML file with everything inside."""
from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template

from course_utils.authoring.sources import Lab
from course_utils.live.markup import asset, code_style, inline, mathjax
from course_utils.live.plan import Plan, plan_of
from course_utils.live.slides import Chapter, Slide, chapters_of
from course_utils.running import write_whole

TEMPLATE = Path(__file__).with_name("deck.html")
PACKAGE, REVEAL = "sphinx-revealjs", "sphinx_revealjs/_static/revealjs"


def write_slides(lab: Lab, out: Path | None = None, solved: bool = False) -> Path:
    """Write the slides of a lab and return the path.

    Parameters
    ----------
    lab : Lab
    out : pathlib.Path, optional
        `runs/NAME.slides.html` in the lab's root if not given.
    solved : bool
        Show the solutions.

    Raises
    ------
    LabError
        If the lab is not built.
    AssetMissing
        If reveal.js or MathJax is not installed.
    """
    path = out or lab.root / "runs" / f"{lab.stem}.slides.html"
    write_whole(path, deck(plan_of(lab), chapters_of(lab, solved)))
    return path


def deck(plan: Plan, chapters: list[Chapter]) -> str:
    """The page."""
    scripts = [asset(PACKAGE, f"{REVEAL}/{name}") for name in ("dist/reveal.js", "plugin/notes/notes.js", "plugin/zoom/zoom.js")]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=plan.title.replace("&", "&amp;").replace("<", "&lt;"), seconds=json.dumps(60 * plan.minutes),
        reveal_style=asset(PACKAGE, f"{REVEAL}/dist/reset.css") + asset(PACKAGE, f"{REVEAL}/dist/reveal.css"),
        code_style=code_style(), mathjax=mathjax(), scripts="\n".join(f"<script>{inline(script)}</script>" for script in scripts),
        slides="\n".join(chapter_html(chapter) for chapter in chapters),
    )


def chapter_html(chapter: Chapter) -> str:
    """A section of the lab: slides one below the other."""
    return "<section>\n" + "\n".join(slide_html(slide, chapter.name) for slide in chapter.slides) + "\n</section>"


def slide_html(slide: Slide, chapter: str) -> str:
    """One slide with the name of its section above it."""
    notes = f'<aside class="notes">{"".join(slide.notes)}</aside>' if slide.notes else ""
    if slide.kind == "title":
        return f'<section><div class="page title"><div class=content>{slide.body}</div></div>{notes}</section>'
    heading = slide.heading
    above = "" if re.sub("<.*?>", "", heading) == re.sub("<.*?>", "", chapter) else f"<p class=chapter>{chapter}</p>"
    title = f"<h2>{heading}</h2>" if heading else ""
    return (f'<section><div class="page {slide.kind}"><header>{above}{title}</header>'
            f"<div class=content>{slide.body}</div></div>{notes}</section>")
