"""The committed notebooks of every lab: built from their source, and running as they should.

nbval runs the solved notebooks in full (`pytest --nbval solutions`, see the conftest); here an untouched
student's copy is run, and the solved lab once more with two threads, both in the fast profile.
"""
from functools import cache

import pytest

from course_utils.authoring.build import check_lab
from course_utils.authoring.execute import environment, execute, output_complaints
from course_utils.authoring.holding import differing, untouched_complaints
from course_utils.authoring.sources import find_labs, read_notebook
from course_utils.exercises import registry
from course_utils.settings import course_root

LABS = find_labs(course_root())


@pytest.fixture(params=LABS, ids=[lab.stem for lab in LABS])
def lab(request):
    return request.param


@cache
def run(path, profile, threads=1):
    """The notebook after a run; tests of one lab share it."""
    name = path.relative_to(course_root()).as_posix()
    return execute(read_notebook(path), path.parent, name, environment(profile, threads))


def test_both_notebooks_are_what_the_source_gives(lab):
    assert check_lab(lab, registry.of_lab) == "as committed"


@pytest.mark.slow
def test_untouched_copy_runs_to_its_end(lab):
    assert untouched_complaints(run(lab.student, "fast"), lab.name_of(lab.student), lab.root) == []


@pytest.mark.slow
def test_two_threads_and_the_untouched_copy_say_the_same(lab):
    """The copy goes on with the solution's functions, so it has to end where the solved lab does."""
    solved = run(lab.solved, "fast", threads=2)
    name = lab.name_of(lab.solved)
    assert output_complaints(solved, name, lab.root) == []
    assert list(differing(run(lab.student, "fast"), solved, name, checks=False)) == []


@pytest.mark.slow
def test_verdicts_do_not_depend_on_profile_and_threads(lab):
    committed, name = read_notebook(lab.solved), lab.name_of(lab.solved)
    verdicts = [cell for cell in committed.cells if "check" in cell.metadata.get("tags", [])]
    committed.cells = verdicts
    assert verdicts and list(differing(committed, run(lab.solved, "fast", threads=2), name)) == []


@pytest.mark.slow
def test_untouched_copy_runs_in_full():
    """One lab: what the full profile adds is held by nbval, and the copy by the fast runs above."""
    lab = LABS[0]
    assert untouched_complaints(run(lab.student, "full"), lab.name_of(lab.student), lab.root) == []
