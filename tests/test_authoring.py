"""The authoring tools, tried on a toy lab: what they build, when they execute, which outputs they refuse."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from toy_lab import EXERCISES, TOY, declared, put_toy

from course_utils.authoring import execute as running
from course_utils.authoring.budget import BUDGET_UNITS, calibrate, units
from course_utils.authoring.build import build, check_lab
from course_utils.authoring.holding import differing, untouched_complaints
from course_utils.authoring.inputs import input_files, inputs_key
from course_utils.authoring.lint import figure_breaches
from course_utils.authoring.sources import Lab, LabError, cell_ids, dump, find_labs, read_notebook, read_source, write
from course_utils.authoring.student import through_nbgrader, with_nbgrader
from course_utils.settings import course_root


@pytest.fixture(scope="module")
def toy_on_path():
    """Kernels find the toy's modules: they lie beside the source, and its copies' modules do too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(TOY), os.environ.get("PYTHONPATH")])))
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory, toy_on_path):
    """The toy lab, built once; tests that write take a copy."""
    lab = put_toy(tmp_path_factory.mktemp("built"))
    assert build(root=lab.root, declared=declared, progress=False) == 0
    return lab


@pytest.fixture
def copy(built, tmp_path):
    """A built toy lab of the test's own."""
    shutil.copytree(built.root, tmp_path / "course")
    return Lab(tmp_path / "course", "00_toy")


@pytest.fixture
def never_executed(monkeypatch):
    """Executing anything is an error."""
    def refuse(*args, **kwargs):
        raise AssertionError("the lab was executed again")

    monkeypatch.setattr(running, "execute", refuse)


def cells_of(path):
    return {cell.id: cell for cell in read_notebook(path).cells}


# What is built

def test_solved_notebook_keeps_outputs_and_is_valid(built):
    notebook = read_notebook(built.solved)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info", "course"}
    assert notebook.metadata.language_info == {"name": "python"}
    cells = cells_of(built.solved)
    assert "right on all 3 cases" in cells["ex-00-1-check"].outputs[0].data["text/plain"]
    widget = next(cell for cell in notebook.cells if cell.source.startswith("touch("))
    assert set(widget.outputs[0].data) == {"image/png", "text/plain"}
    assert all(key in ("tags", "label", "target", "nbgrader") for cell in notebook.cells for key in cell.metadata)
    text = built.solved.read_text(encoding="utf-8")
    assert text.endswith("}\n") and str(built.root) not in text and str(course_root()) not in text


def test_student_copy_has_stubs_and_nothing_of_the_solution(built):
    notebook = read_notebook(built.student)
    nbformat.validate(notebook)
    cells = cells_of(built.student)
    assert cells["ex-00-1"].source.endswith("    # YOUR CODE HERE\n    raise NotImplementedError()")
    assert '"""Root of the mean of the squares.' in cells["ex-00-1"].source
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    text = built.student.read_text(encoding="utf-8")
    for gone in ("BEGIN SOLUTION", "np.square", "a remark for those", "Three minutes", '"course"'):
        assert gone not in text


def test_nbgrader_metadata(built):
    cells = cells_of(built.student)
    stub, test = cells["ex-00-1"].metadata.nbgrader, cells["ex-00-1-check"].metadata.nbgrader
    assert (stub.grade, stub.solution, stub.locked, stub.schema_version) == (False, True, False, 3)
    assert (test.grade, test.solution, test.locked, test.points) == (True, False, True, 2)
    assert stub.checksum and test.checksum and not cells["ex-00-1-check"].metadata.editable
    solved = cells_of(built.solved)["ex-00-1"].metadata.nbgrader
    assert "checksum" not in solved and solved.grade_id == "ex-00-1"


@pytest.mark.slow
def test_copies_are_what_nbgrader_itself_generates(tmp_path, monkeypatch):
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # it calls alembic by name
    lab = put_toy(tmp_path / "toy")
    notebook = with_nbgrader(read_source(lab), {exercise.id: exercise for exercise in EXERCISES})
    write(notebook, tmp_path / "source" / "week1" / "toy.ipynb")
    config = Config()
    config.CourseDirectory.update(root=str(tmp_path), assignment_id="week1", db_url=f"sqlite:///{tmp_path / 'grades.db'}")
    course = CourseDirectory(config=config)
    GenerateAssignment(coursedir=course, config=config, create_assignment=True).start()
    assert read_notebook(tmp_path / "release" / "week1" / "toy.ipynb").cells == through_nbgrader(notebook, "ours").cells


def test_target_figure_stands_above_its_exercise(built):
    cells = read_notebook(built.student).cells
    place = next(index for index, cell in enumerate(cells) if cell.id == "ex-00-2")
    above = cells[place - 1]
    assert above.id == "target-ex-00-2" and cells[place - 2].id == "ex-00-2-card"
    assert "![Noise of 200 samples, smoothed over 25" in above.source
    shown = next(cell for cell in read_notebook(built.solved).cells if cell.metadata.get("target") == "00.2")
    assert above.attachments["target-ex-00-2.png"]["image/png"] == shown.outputs[0].data["image/png"]


def test_unchanged_lab_is_neither_executed_nor_written(copy, never_executed):
    before = {path: path.read_bytes() for path in (copy.solved, copy.student)}
    assert build(root=copy.root, declared=declared, progress=False) == 0
    assert build(root=copy.root, declared=declared, progress=False, check=True) == 0
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.slow
def test_a_second_execution_gives_the_same_bytes(copy):
    before = copy.solved.read_bytes(), copy.student.read_bytes()
    copy.solved.unlink()
    copy.student.unlink()
    assert build(root=copy.root, declared=declared, progress=False) == 0
    assert (copy.solved.read_bytes(), copy.student.read_bytes()) == before


def test_prose_is_mended_without_execution(copy, never_executed):
    text = copy.source.read_text(encoding="utf-8").replace("keeps close to zero", "stays near zero")
    copy.source.write_text(text, encoding="utf-8")
    assert build(root=copy.root, declared=declared, progress=False) == 0
    assert "stays near zero" in copy.student.read_text(encoding="utf-8")


@pytest.mark.slow
def test_changed_code_is_executed(copy):
    text = copy.source.read_text(encoding="utf-8").replace("those who have the solution", "the instructor")
    copy.source.write_text(text, encoding="utf-8")
    assert build(root=copy.root, declared=declared, progress=False) == 0
    assert "a remark for the instructor" in copy.solved.read_text(encoding="utf-8")


def test_check_names_what_is_old(copy, never_executed, capsys):
    text = copy.source.read_text(encoding="utf-8")
    copy.source.write_text(text.replace("keeps close to zero", "stays near zero"), encoding="utf-8")
    assert build(root=copy.root, declared=declared, check=True) == 1
    said = capsys.readouterr().err
    assert "solutions/00_toy.ipynb is not what its source gives" in said and "stays near zero" in said
    copy.source.write_text(text.replace("size=200", "size=100"), encoding="utf-8")
    with pytest.raises(LabError, match="is older than the code it comes from"):
        check_lab(copy, declared)
    copy.student.unlink()
    with pytest.raises(LabError, match="notebooks/00_toy.ipynb is not there; run `python course.py build 00`"):
        check_lab(copy, declared)


def test_check_notices_outputs_and_copies_changed_by_hand(copy):
    notebook = read_notebook(copy.student)
    notebook.cells[1].source += "\n"
    copy.student.write_text(dump(notebook), encoding="utf-8")
    with pytest.raises(LabError, match="notebooks/00_toy.ipynb is not what its source gives: cell 2 .* differs in source"):
        check_lab(copy, declared)
    copy.solved.write_text(copy.solved.read_text(encoding="utf-8").replace("right on all 3", "right on all 4"), encoding="utf-8")
    with pytest.raises(LabError, match="changed by hand"):
        check_lab(copy, declared)


def test_check_names_notebooks_without_source(copy, capsys):
    shutil.copy(copy.student, copy.student.with_name("01_gone.ipynb"))
    assert build(root=copy.root, declared=declared, check=True, progress=False) == 1
    assert "notebooks/01_gone.ipynb has no source" in capsys.readouterr().err


def test_unknown_lab_is_one_sentence(copy, capsys):
    assert build(["07"], root=copy.root, declared=declared) == 1
    assert capsys.readouterr().err == "There is no lab '07': give the number or the name of one of these: 00_toy.\n"
    assert [lab.stem for lab in find_labs(copy.root, ["00", "00_toy"])] == ["00_toy"]


def test_equal_cells_have_ids_of_their_own():
    cells = [new_code_cell("a = 1"), new_code_cell("a = 1"), new_code_cell("b", metadata={"label": "06.1-check"})]
    ids = cell_ids("06_x", cells)
    assert len(set(ids)) == 3 and ids[2] == "ex-06-1-check"
    assert ids == cell_ids("06_x", cells) and ids[0] != cell_ids("07_x", cells)[0]


# What the outputs depend on

def test_inputs_follow_imports(copy):
    code = ["from course_utils.notebook import check"]
    names = {path.name for path in input_files(copy, code, course_root())}
    assert {"notebook.py", "judge.py", "contract.py", "settings.py", "style.py", "lab00.py"} - names == {"lab00.py"}
    assert "build.py" not in names and "zoo.py" not in names


def test_a_change_of_any_input_changes_the_key(copy, tmp_path):
    package = tmp_path / "code" / "course_utils"
    (package / "models").mkdir(parents=True)
    (package / "exercises").mkdir()
    texts = {"__init__.py": "", "models/__init__.py": "from .net import load\n", "models/net.py": "import course_utils.deep\n",
             "deep.py": "NAME = 'weights_a'\n", "other.py": "", "exercises/lab00.py": "", "exercises/lab01.py": ""}
    for name, text in texts.items():
        (package / name).write_text(text, encoding="utf-8")
    (copy.root / "data").mkdir()
    for name in ("weights_a.safetensors", "weights_b.safetensors"):
        (copy.root / "data" / name).write_bytes(b"1")
    code = ["from course_utils.models import load"]

    def key():
        return inputs_key(copy, code, package.parent)

    first = key()
    for path in (package / "deep.py", package / "models" / "__init__.py", package / "exercises" / "lab00.py",
                 copy.root / "data" / "weights_a.safetensors", copy.root / "constraints.txt"):
        with open(path, "a", encoding="utf-8") as file:
            file.write("# changed\n")
        assert key() != first, path
        first = key()
    for path in (package / "other.py", package / "exercises" / "lab01.py", copy.root / "data" / "weights_b.safetensors"):
        path.write_text("# changed", encoding="utf-8")
        assert key() == first, path
    text = (package / "deep.py").read_bytes()
    (package / "deep.py").write_bytes(text.replace(b"\n", b"\r\n"))
    assert key() == first


# What the outputs must show, and must not

def test_figure_needs_a_text_below(built):
    cells = read_notebook(built.solved).cells
    assert figure_breaches(built, cells) == []
    place = next(index for index, cell in enumerate(cells) if "target" in cell.metadata)
    sentences = figure_breaches(built, cells[: place + 1] + cells[place + 2:])
    assert len(sentences) == 1 and "it shows a figure and no text follows" in sentences[0]



def run_cells(folder, *sources):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    running.execute(notebook, folder, "solutions/09_x.py")
    return running.output_complaints(running.clean(notebook), "solutions/09_x.py", folder)


def test_outputs_that_are_refused(tmp_path):
    sentences = run_cells(
        tmp_path, "import warnings; warnings.warn('old'); 1", "import sys; sys.stderr.write('lost');", "object()",
        "import os; print(os.getcwd())", "import sys; sys.prefix", "from tqdm import tqdm; list(tqdm(range(3)))",
        "import os; print(os.environ['COURSE_DATA'], 'at 0x12')")
    told = ["cell 1", "cell 2", "cell 3", "cell 4", "cell 5"]
    assert [any(f"{cell} (" in sentence for sentence in sentences) for cell in told] == [True] * 5
    assert len(sentences) == 5 and "writes to stderr: 'lost'" in sentences[1] and "address of an object" in sentences[2]


def test_a_cell_that_raises_is_named(tmp_path):
    with pytest.raises(LabError, match=r"solutions/09_x.py, cell 2 \('1 / 0'\) raises ZeroDivisionError: division by zero"):
        run_cells(tmp_path, "a = 1", "1 / 0")


def test_a_kernel_that_ends_is_named(tmp_path):
    with pytest.raises(LabError, match="cell 1 .* ended its kernel"):
        run_cells(tmp_path, "import os; os._exit(1)")


def test_real_data_are_out_of_sight(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "somewhere")
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    env = running.environment(threads=2)
    assert env["COURSE_DATA"] == "none" and env["COURSE_PROFILE"] == "full" and env["OMP_NUM_THREADS"] == "2"


# What the tests of the labs rest on

@pytest.mark.slow
def test_an_untouched_copy_is_held_to_its_verdicts(built):
    notebook = running.execute(read_notebook(built.student), built.student.parent, "the copy", running.environment("fast"))
    assert untouched_complaints(notebook, "the copy", built.root) == []
    solved = running.execute(read_notebook(built.solved), built.solved.parent, "solved", running.environment("fast", 2))
    sentences = untouched_complaints(solved, "solved", built.root)
    assert len(sentences) == 2 and "its verdict should be 'not started' and is '✓ 00.1" in sentences[0]
    assert list(differing(notebook, solved, "toy", checks=False)) == []
    assert len(list(differing(notebook, solved, "toy"))) == 2
    claimed = next(cell for cell in solved.cells if cell.source.startswith("values = np.array"))
    claimed.outputs[0].text = "another"
    assert "one run shows ✓ The root" in next(differing(notebook, solved, "toy", checks=False))
    claimed.metadata.tags = ["nbval-ignore-output"]
    assert list(differing(notebook, solved, "toy", checks=False)) == []


@pytest.mark.slow
def test_budget_is_a_ratio():
    once, twice = calibrate(2), calibrate(2)
    assert once / 2 < twice < once * 2  # CPU time: steady on a busy machine as well
    assert units(10 * once, once) == 10 and units(BUDGET_UNITS * once * 1.1, once) > BUDGET_UNITS


@pytest.mark.slow
def test_nbval_is_strict_and_knows_semicolons_and_out(tmp_path):
    cells = [("1 + 1", "2", []), ("Out[1] + 1", "3", []), ("5;", None, []), ("6", "7", []), ("8", "9", ["nbval-ignore-output"])]
    notebook = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    for count, (source, value, tags) in enumerate(cells, 1):
        outputs = [new_output("execute_result", {"text/plain": value}, execution_count=count)] if value else []
        notebook.cells.append(new_code_cell(source, outputs=outputs, execution_count=count, metadata={"tags": tags}))
    path = tmp_path / "strict.ipynb"
    nbformat.write(notebook, path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-rA", str(path)],
        cwd=course_root(), capture_output=True, text=True, encoding="utf-8")
    results = {line.split("::")[1].split(" - ")[0].strip(): line.split()[0] for line in done.stdout.splitlines()
               if line.startswith(("PASSED", "FAILED")) and "::" in line}
    assert results == {"Cell 0": "PASSED", "Cell 1": "PASSED", "Cell 2": "PASSED", "Cell 3": "FAILED", "Cell 4": "PASSED",
                       "budget": "PASSED"}, done.stdout + done.stderr


def test_progress_goes_to_the_terminal_only(copy, capsys):
    assert build(root=copy.root, declared=declared, progress=True) == 0
    assert capsys.readouterr().out == "00_toy: as it was\n"
