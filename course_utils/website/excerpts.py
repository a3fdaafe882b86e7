"""The text of every section, for the page of the search: from it each result shows where the words stand.

Sphinx would fetch the pages that it found, which a browser refuses where they are files.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEXT, SCRIPT = "excerpts-text.js", "excerpts.js"


def sections_of(doctree: Any) -> list[tuple[str, str, str]]:
    """Anchor, title and own text of each section of a page."""
    from docutils import nodes

    return [(section["ids"][0], section.next_node(nodes.title).astext(), text_of(section)) for section in doctree.findall(nodes.section)]


def text_of(section: Any) -> str:
    """The text of a section without its title, its subsections and its formulas, on one line."""
    from docutils import nodes

    words, waiting = [], list(section.children)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, nodes.Text):
            words.append(node.astext())
        elif not isinstance(node, (nodes.section, nodes.title, nodes.raw, nodes.math, nodes.math_block)):
            waiting = [*node.children, *waiting]
            if isinstance(node, (nodes.Body, nodes.Part)) and words:
                words.append(" ")
    return " ".join("".join(words).split())


def write_texts(static: Path, texts: Mapping[str, list[tuple[str, str, str]]]) -> None:
    """Write the texts, by page, as a script: the only thing that a page opened from a folder may load."""
    said = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    (static / TEXT).write_text(f"window.COURSE_TEXTS = {said};\n", encoding="utf-8")
