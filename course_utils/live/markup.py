"""Markdown, code and formulas of the labs as HTML that needs no network."""
from __future__ import annotations

import html
import importlib.metadata
from functools import cache
from pathlib import Path

MATHJAX = """<script>
window.MathJax = {
  tex: {inlineMath: [["\\\\(", "\\\\)"]], displayMath: [["\\\\[", "\\\\]"]]},
  svg: {fontCache: "local"}, options: {enableMenu: false}
};
</script>
<script>%s</script>"""


class AssetMissing(RuntimeError):
    """A script that pages need is not installed; the sentence says what installs it."""


def asset(package: str, path: str) -> str:
    """Text of a file that an installed package carries.

    Raises
    ------
    AssetMissing
        If the package or the file is not there.
    """
    try:
        file = Path(str(importlib.metadata.distribution(package).locate_file(path)))
        return file.read_text(encoding="utf-8")
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise AssetMissing(f"{package} is not installed, or not whole:  python3 course.py install --site  mends it.") from error


@cache
def mathjax() -> str:
    """Script elements that typeset `\\(...\\)` and `\\[...\\]`, with the fonts as curves inside."""
    return MATHJAX % inline(asset("sphinx-mathjax-offline", "sphinx-mathjax-offline/static/mathjax/tex-svg.js"))


def inline(script: str) -> str:
    """A script that can stand between script tags."""
    return script.replace("</script", "<\\/script")


@cache
def parser():
    """Markdown as JupyterLab reads it: tables, and formulas between dollars."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    def formula(content: str, options: dict) -> str:
        opening, closing = ("\\[", "\\]") if options.get("display_mode") else ("\\(", "\\)")
        return opening + html.escape(content.strip()) + closing

    markdown = MarkdownIt("commonmark", {"highlight": lambda code, language, _: highlighted(code) if language == "python" else ""})
    return markdown.enable("table").use(dollarmath_plugin, allow_labels=False, double_inline=True, renderer=formula)


def to_html(text: str) -> str:
    """A piece of a lab's Markdown as HTML."""
    return parser().render(text)


def to_inline_html(text: str) -> str:
    """One line of Markdown as HTML, without a paragraph around it."""
    return parser().renderInline(text)


def highlighted(code: str) -> str:
    """Python as HTML with the classes of Pygments."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))


def code_style() -> str:
    """Style sheet of `highlighted`: dark letters on light, each with a contrast of 4.5 or more."""
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style="xcode").get_style_defs("pre")
