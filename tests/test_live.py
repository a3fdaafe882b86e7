"""A lab in front of a class: steps of a solution, the plan and the notes, the copies, the slides."""
import ast
import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from course_utils import cli, magics
from course_utils.authoring.sources import Lab, find_labs, read_source, tags_of
from course_utils.exercises import registry
from course_utils.exercises.solved import solved_cell, stub_cell
from course_utils.exercises.stepping import advance, after, steps_of, take_apart
from course_utils.live import saving, session, slides
from course_utils.live.markup import AssetMissing, asset, inline, to_html
from course_utils.live.notes import notes_page
from course_utils.live.plan import plan_of, planned
from course_utils.live.slide import ROOM_PX
from course_utils.settings import course_root

LABS = find_labs(course_root())
LAB = find_labs(course_root(), ["06"])[0]
CELL = '''def scaled(p, method):
    """Scale p.

    At length.
    """
    # a number that is always there
    m = len(p)
    if method == "one":
        answer = p / m
    else:
        answer = sum(
            p
        )

    return answer
'''


# ---------------------------------------------------------------- a solution by steps


@pytest.mark.parametrize("exercise", registry.all_exercises(), ids=lambda exercise: exercise.id)
def test_the_steps_of_a_solution_end_with_its_cell(exercise):
    steps = steps_of(exercise)
    text, left = after(steps, 2 + len(steps.lines))
    assert (text.rstrip(), left) == (solved_cell(exercise).rstrip(), 0)
    only = ast.parse(steps.skeleton + "\n    pass").body[0].body
    assert [type(one) for one in only] == [ast.Expr, ast.Pass] and steps.skeleton.count("…") == len(steps.lines) > 0


def test_first_the_signature_then_a_comment_for_each_line_then_the_lines():
    steps = take_apart(CELL)
    first, left = advance(steps, "")
    assert (first, left) == ('def scaled(p, method):\n    """Scale p."""', 7)
    second, left = advance(steps, first)
    assert left == 6 and second.split("\n")[2:] == [
        "    # m = …", "    # if …:", "        # answer = …", "    # else: …", "        # answer = …", "    # return …"]
    third, left = advance(steps, second)
    assert left == 5 and "    # a number that is always there\n    m = len(p)\n    # if …:" in third


def test_what_is_typed_between_two_steps_stays():
    steps = take_apart(CELL)
    typed = steps.skeleton.replace("    # m = …", "    m = p.size").replace('        # answer = …\n    # else', '        answer = p  # mine\n    # else')
    text, left = advance(steps, typed)
    assert "    m = p.size\n    if method == \"one\":\n        answer = p  # mine" in text and left == 3
    while left:
        text, left = advance(steps, text)
    assert "m = p.size" in text and "answer = sum(\n            p\n        )" in text and "At length." in text and "…" not in text


def test_of_two_equal_comments_the_one_that_is_left_gets_its_own_line():
    steps = take_apart(CELL)
    typed = steps.skeleton.replace("    # m = …\n    # if …:\n        # answer = …\n    # else: …\n", "    if method == 'one':\n        answer = 1\n    else:\n")
    text, left = advance(steps, typed)
    assert "answer = sum(" in text and "p / m" not in text and left == 1


def test_the_untouched_cell_is_the_students(tmp_path):
    from course_utils.authoring.student import through_nbgrader, with_nbgrader

    cells = [cell for cell in read_source(LAB).cells if "exercise" in tags_of(cell)]
    declared = {exercise.id: exercise for exercise in registry.of_lab("06")}
    student = through_nbgrader(with_nbgrader(nbformat.from_dict({**read_source(LAB), "cells": cells}), declared), "lab 06")
    for exercise, cell in zip(declared.values(), student.cells, strict=True):
        assert stub_cell(exercise).rstrip() == cell.source.rstrip()


@pytest.fixture
def cell(monkeypatch):
    """What the magics put in place of the cell that they are run in: a list of texts."""
    class Shell:
        texts: list = []

        def set_next_input(self, text, replace):
            assert replace
            self.texts.append(text)

        def register_magic_function(self, *_):
            pass

    shell = Shell()
    monkeypatch.setattr(magics, "running_shell", lambda: shell)
    monkeypatch.setattr(Shell, "texts", [])
    monkeypatch.delenv("COURSE_LIVE", raising=False)
    magics.register()
    return shell.texts


def test_a_student_gets_the_whole_solution_at_once(cell):
    magics.reveal("06.1")
    assert cell == [solved_cell(registry.find("06.1")).rstrip()]


def test_before_a_class_reveal_goes_a_step_further_at_each_call(cell, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_LIVE", "06_saliency.ipynb")
    for _ in range(5):
        magics.reveal("06.1")
    assert [text.count("…") for text in cell] == [0, 3, 2, 1, 0]
    assert all(text.startswith("%%reveal 06.1\ndef saliency") for text in cell[:-1]) and cell[-1].startswith("def saliency")
    assert "Step 1 of 5" in capsys.readouterr().out
    magics.reset_exercise("06.1")
    assert cell[-1] == stub_cell(registry.find("06.1")).rstrip()
    magics.reveal("06.1")
    assert cell[-1] == cell[0]
    magics.reveal("06.1 all")
    assert cell[-1] == solved_cell(registry.find("06.1")).rstrip()


def test_run_again_the_cell_itself_goes_on(cell):
    magics.reveal("06.1 step")
    for _ in range(4):
        line, _, body = cell[-1].partition("\n")
        assert line == "%%reveal 06.1"
        magics.reveal("06.1", body)
    assert cell[-1] == solved_cell(registry.find("06.1")).rstrip()


def test_another_word_after_the_exercise_is_one_sentence(cell, capsys):
    magics.reveal("06.1 slowly")
    assert cell == [] and "`step` or `all`" in capsys.readouterr().out


# ---------------------------------------------------------------- the plan and the notes


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.number)
def test_the_plan_has_every_note_and_every_exercise_in_order(lab):
    plan = plan_of(lab)
    entries = [*plan.opening, *(entry for section in plan.sections for entry in section.entries)]
    notes = [entry.text for entry in entries if entry.kind == "note"]
    assert notes == [cell.source for cell in read_source(lab).cells if "instructor" in tags_of(cell)]
    assert [entry.exercise for entry in entries if entry.exercise] == list(registry.of_lab(lab.number))
    assert plan.minutes >= 90
    for section in plan.sections:
        assert section.minutes or not any(entry.exercise for entry in section.entries), f"no minutes for {section.title}"


@pytest.mark.parametrize("text, items", [
    ("1 Sliding 6 · 2 Going up 16 (exercise 01.1) ·\n3 Board 9 (01.6). Section 10 is optional.", [(1, 1, 6), (2, 2, 16), (3, 3, 9)]),
    ("1-3 occlusion 32 · 4 Task 4.2 12.", [(1, 3, 32), (4, 4, 12)]),
    ("8 Library 5 · 9 Motifs and 10 Touch 8. In 90 minutes: less.", [(8, 8, 5), (9, 10, 8)]),
    ("8-11 accounts, table: 15 minutes of reading, or homework.", [(8, 11, 15)]),
    ("5 tests 15 · 6 pictures, for reading at home.", [(5, 5, 15), (6, 6, None)]),
])
def test_a_plan_is_read_as_people_write_it(text, items):
    said, found = planned([new_markdown_cell(f"**Plan, 100 minutes:** {text}\n\nOpen with 3 questions.", metadata={"tags": ["instructor"]})])
    assert said == 100 and [(one.first, one.last, one.minutes) for one in found] == items


def test_sections_that_the_plan_names_together_are_one():
    plan = plan_of(find_labs(course_root(), ["08"])[0])
    assert [section.minutes for section in plan.sections][:3] == [32, 5, 13]
    assert {"1 ·", "2 ·", "3 ·"} <= {entry.text[:3] for entry in plan.sections[0].entries if entry.kind == "heading"}


def test_the_notes_page_has_notes_minutes_hints_and_solutions_and_asks_nobody():
    page = notes_page(plan_of(LAB), "key")
    script = page[page.rindex('"use strict"'):]
    assert json.loads(re.search(r"const minutes = (\[.*?\]);", script)[1])[:4] == [None, 5, 30, 15]
    for said in ("Two grey levels, invisible", "30 minutes planned", "after the check of 06.1", "What people get wrong", "requires_grad_"):
        assert said in page
    assert not re.search(r"""<(script|img|link)[^>]+(src|href)=["']https?:""", page)


def test_formulas_are_for_mathjax_and_code_with_a_dollar_stays():
    page = to_html("so $a_1 < b$ and `$x$`\n\n$$c$$")
    assert "\\(a_1 &lt; b\\)" in page and "<code>$x$</code>" in page and "\\[c\\]" in page and page.count("$") == 2
    assert "</script" not in inline('var a = "</script>";')


def test_what_is_not_installed_is_one_sentence():
    with pytest.raises(AssetMissing, match="course.py install --site"):
        asset("no-such-package", "file.js")


# ---------------------------------------------------------------- copies, settings, saved classes


@pytest.fixture
def toy(tmp_path):
    """A lab of two cells in a folder of its own."""
    lab = Lab(tmp_path / "course", "06_saliency")
    lab.student.parent.mkdir(parents=True)
    notebook = new_notebook(cells=[new_markdown_cell("# Lab"), new_code_cell("x = 1")])
    lab.student.write_text(nbformat.writes(notebook), encoding="utf-8")
    return lab


def test_each_start_has_a_copy_of_its_own(toy, tmp_path):
    copies = [session.scratch_copy(toy, tmp_path / "classes") for _ in range(3)]
    assert len(set(copies)) == 3
    before = toy.student.read_bytes()
    copies[0].write_text("typed", encoding="utf-8")
    assert copies[1].read_bytes() == copies[2].read_bytes() == toy.student.read_bytes() == before


def test_large_letters_come_on_top_of_the_users_own_settings(tmp_path):
    own = tmp_path / "own"
    themes = session.setting_file(own, session.THEMES)
    themes.parent.mkdir(parents=True)
    themes.write_text('{// mine\n "theme": "JupyterLab Dark", "overrides": {"code-font-family": "Fira", "code-font-size": "12px"},}', encoding="utf-8")
    other = session.setting_file(own, "@jupyterlab/shortcuts-extension:shortcuts")
    other.parent.mkdir(parents=True)
    other.write_text("{}", encoding="utf-8")
    before = themes.read_bytes()
    session.projector_settings(own, tmp_path / "copy", 24)
    assert themes.read_bytes() == before
    made = session.read_setting(tmp_path / "copy", session.THEMES)
    assert made["theme"] == "JupyterLab Dark" and made["overrides"]["code-font-family"] == "Fira"
    assert made["overrides"]["code-font-size"] == made["overrides"]["content-font-size1"] == "24px"
    assert session.setting_file(tmp_path / "copy", "@jupyterlab/shortcuts-extension:shortcuts").exists()
    assert session.read_setting(tmp_path / "copy", session.DOCUMENTS)["autosaveInterval"] <= 10


def test_a_class_is_saved_once_under_its_name(toy, tmp_path):
    copy = session.scratch_copy(toy, tmp_path / "classes")
    notebook = nbformat.read(copy, as_version=4)
    notebook.cells += [new_code_cell("typed = 2"), new_code_cell("%save_class monday")]
    nbformat.write(notebook, copy)
    target = saving.target_of(copy, "monday group")
    assert saving.keep(saving.read_whole(copy), target) == tmp_path / "classes" / "06_saliency monday group.ipynb"
    assert [cell.source for cell in nbformat.read(target, as_version=4).cells] == ["# Lab", "x = 1", "typed = 2"]
    kept = target.read_bytes()
    with pytest.raises(saving.NotSaved, match="stays as it is"):
        saving.target_of(copy, "monday group")
    with pytest.raises(saving.NotSaved, match="cannot be written"):
        saving.keep(saving.read_whole(copy), target)
    assert target.read_bytes() == kept
    copy.write_text('{"cells": [', encoding="utf-8")
    assert saving.read_whole(copy) is None  # JupyterLab is still writing


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "c:d"])
def test_a_name_that_is_none_is_one_sentence(toy, tmp_path, name, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_LIVE", str(session.scratch_copy(toy, tmp_path)))
    saving.save_class(name)
    assert "Give the class a name" in capsys.readouterr().out


def test_saving_a_class_where_there_is_none_is_one_sentence(monkeypatch, capsys):
    monkeypatch.delenv("COURSE_LIVE", raising=False)
    saving.save_class("monday")
    assert "course.py live" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["live", "slides"])
def test_both_verbs_explain_themselves(verb):
    said = CliRunner().invoke(cli.app, [verb, "--help"])
    assert said.exit_code == 0 and "06" in said.output and len(said.output.splitlines()) > 6


# ---------------------------------------------------------------- slides


@pytest.fixture(scope="module")
def cut():
    """Lab 06 as slides."""
    return [slide for chapter in slides.chapters_of(LAB) for slide in chapter.slides]


def test_every_figure_and_every_note_of_a_lab_is_on_a_slide(cut):
    cells = slides.built_cells(LAB)
    figures = sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    assert sum(slide.body.count("<img src=") for slide in cut) == figures > 10
    notes = "".join(note for slide in cut for note in slide.notes)
    for cell in cells:
        if "instructor" in tags_of(cell):
            assert to_html(cell.source) in notes
    assert all('alt=""' not in slide.body for slide in cut)


def test_solutions_stand_in_the_notes_unless_they_are_asked_for(cut):
    telling = "autograd.grad(scores.sum(), x)"

    def plain(texts):
        return re.sub(r"<.*?>", "", " ".join(texts))

    assert telling not in plain(slide.body for slide in cut) and telling in plain(note for slide in cut for note in slide.notes)
    solved = [slide for chapter in slides.chapters_of(LAB, solved=True) for slide in chapter.slides]
    assert telling in plain(slide.body for slide in solved)
    assert not any("check(&quot;06.1" in slide.body or "start(" in slide.body for slide in solved)


def test_a_long_text_becomes_several_slides_under_its_heading():
    chapters = []
    slides.add_text(chapters, "# Lab\n\nintro", None)
    slides.add_text(chapters, "## 1 · Long\n\n" + "\n\n".join(["word " * 60] * 9), None)
    assert [chapter.name for chapter in chapters] == ["Lab", "1 · Long"]
    made = chapters[1].slides
    assert {slide.heading for slide in made} == {"1 · Long"} and all(slide.taken <= ROOM_PX for slide in made)
    assert 3 <= len(made) <= 6 and "".join(slide.body for slide in made).count("word") == 540


def test_a_long_list_becomes_several_lists():
    parts = slides.parts_of("\n".join(f"- item {k} " + "word " * 20 for k in range(20)))
    assert len(parts) > 2 and "\n".join(parts).count("- item") == 20
    assert all(slides.height(part) <= slides.LINES for part in parts)
