"""The environment for Binder: the course's own bounds without TensorFlow, and labs that can be imported in it."""
import os
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_utils.authoring.sources import find_labs, read_notebook
from course_utils.settings import course_root
from course_utils.website.build import needs_tensorflow

BINDER = course_root() / "binder"
LEFT_OUT = {"tensorflow", "tensorflow-cpu", "nbgrader", "nbconvert", "nbclient", "distributed", "pyseccomp"}
MODULES_LEFT_OUT = {"tensorflow", "keras", "nbgrader", "nbconvert", "nbclient", "distributed", "dask", "pyseccomp"}

IMPORT_IN_BINDER = """
import ast, sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError("No module named " + name)

sys.meta_path.insert(0, Wall())
for source in {sources!r}:
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    exec(compile(tree, "first cell", "exec"), {{}})
from course_utils.exercises.registry import all_exercises
print(len(list(all_exercises())))
"""


def requirements(text: str) -> dict[str, Requirement]:
    lines = [line.partition(" #")[0].strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


def test_binder_has_the_course_s_packages_in_its_bounds_and_no_tensorflow():
    project = tomllib.loads((course_root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = {canonicalize_name(Requirement(line).name): Requirement(line) for line in project["dependencies"]}
    binder = requirements((BINDER / "packages.txt").read_text(encoding="utf-8"))
    assert set(binder) == set(ours) - LEFT_OUT, "a package was added to one of the two files; if Binder is to do without it, say so in LEFT_OUT"
    for name, requirement in binder.items():
        assert requirement.specifier == ours[name].specifier, name
    assert not {"tensorflow", "tensorflow-cpu", "keras"} & (set(binder) | set(requirements((BINDER / "requirements.txt").read_text(encoding="utf-8"))))


def test_binder_s_files_agree_with_the_course():
    python = re.fullmatch(r"python-(\d+\.\d+)\n", (BINDER / "runtime.txt").read_text(encoding="utf-8"))[1]
    project = tomllib.loads((course_root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert Requirement(f"python{project['requires-python']}").specifier.contains(f"{python}.0")
    prepare = (BINDER / "postBuild").read_text(encoding="utf-8")
    for named in re.findall(r"(?:--constraint|--requirement) (\S+)", prepare):
        assert (course_root() / named).is_file(), named
    assert prepare.count("--requirement binder/packages.txt") == prepare.count("--torch-backend cpu") == 1
    assert (BINDER / "start").read_text(encoding="utf-8").rstrip().endswith('exec "$@"'), "Binder's start has to hand over"
    assert not any("://" in path.read_text(encoding="utf-8") for path in BINDER.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no bash, and marks no file as executable")
@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_binder_s_scripts_can_be_run(name):
    assert os.access(BINDER / name, os.X_OK)
    assert (BINDER / name).read_bytes().startswith(b"#!/bin/bash\n")
    checked = subprocess.run(["bash", "-n", str(BINDER / name)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.slow
def test_every_lab_that_is_linked_to_binder_can_be_imported_there():
    labs = [lab for lab in find_labs(course_root()) if not needs_tensorflow(lab.student)]
    assert len(labs) >= 16
    first = [next(cell.source for cell in read_notebook(lab.student).cells if cell.cell_type == "code") for lab in labs]
    program = IMPORT_IN_BINDER.format(missing=MODULES_LEFT_OUT, sources=first)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=course_root())
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 50
