"""How the pages look: settings of Sphinx, of its theme and of MathJax, all of them files on this machine."""
from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

STATIC = Path(__file__).with_name("static")
MATHJAX = "tex-svg.js"  # one file that draws formulas without fonts: a page opened from a folder may load none in some browsers
THEME = {
    "navbar_persistent": [],       # the search stands in the side bar already
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": False,  # each lab links the notebook itself
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "logo": {},
}


def settings(title: str, subtitle: str) -> dict[str, Any]:
    """Sphinx's settings for pages that ask nothing of any other place."""
    return {
        "extensions": ["myst_nb", "sphinx.ext.mathjax"],
        "project": title,
        "author": "",
        "html_title": title,
        "html_theme": "sphinx_book_theme",
        "html_theme_options": THEME | {"logo": {"text": f"{title}<br><small>{subtitle}</small>" if subtitle else title}},
        "html_static_path": [str(STATIC)],
        "html_css_files": ["course.css"],
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_show_copyright": False,
        "html_show_sphinx": False,
        "html_show_search_summary": False,  # it would fetch pages, which a browser refuses where they are files
        "html_context": {"default_mode": "auto"},  # light or dark as the reader's system has it, until the reader says
        "html_domain_indices": False,
        "html_last_updated_fmt": None,
        "python_maximum_signature_line_length": 90,
        "add_module_names": False,
        "toc_object_entries_show_parents": "hide",
        "nb_execution_mode": "off",
        "nb_ipywidgets_js": {},  # else every page with a widget loads two files from elsewhere
        "nb_merge_streams": True,
        "myst_enable_extensions": ["amsmath", "colon_fence", "dollarmath"],
        "myst_heading_anchors": 3,
        "mathjax_path": f"mathjax/{MATHJAX}",
        "mathjax3_config": {"options": {"enableMenu": False}, "svg": {"fontCache": "global"}},
        "suppress_warnings": ["ref.python"],  # a type in a signature that two modules have
    }


def mathjax_file() -> Path:
    """MathJax 3 as it lies in the package `sphinx-mathjax-offline`.

    Raises
    ------
    FileNotFoundError
        If the package is not installed.
    """
    try:
        files = importlib.metadata.files("sphinx-mathjax-offline") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    found = next((file for file in files if file.name == MATHJAX), None)
    if found is None:
        raise FileNotFoundError(f"The package sphinx-mathjax-offline does not hold {MATHJAX}:  python3 course.py install --site  mends it.")
    return Path(found.locate())
