"""What pytest needs to know before it collects: how nbval runs the solved notebooks, and what runs together.

With `--nbval` each cell of a notebook in `solutions/` is a test, its committed output the expectation;
only cells tagged `nbval-ignore-output` are not compared. Two tests more for each notebook hold its
time against the budget, and against the record of what it took before.
"""
import contextlib
import functools
import re

import pytest

from course_utils.authoring import growth
from course_utils.authoring.budget import BUDGET_S, BUDGET_UNITS, Meter, calibrator
from course_utils.authoring.execute import CELL_TIMEOUT_S, environment
from course_utils.authoring.sources import find_labs
from course_utils.bench.machine import processor
from course_utils.settings import course_root

NBVAL_DEFAULT_TIMEOUT_S = 2000
CALIBRATION = contextlib.ExitStack()
BY_LAB = ("tests/test_gates.py", "tests/test_notebooks.py")  # parametrised by lab or exercise, and long


def pytest_configure(config):
    if not config.getoption("nbval", default=False):
        return
    import nbval.kernel
    import nbval.plugin

    if config.option.nbval_cell_timeout == NBVAL_DEFAULT_TIMEOUT_S:
        config.option.nbval_cell_timeout = CELL_TIMEOUT_S
    # The kernels get the environment in which the build ran them, whatever this run was started with.
    nbval.kernel.start_new_kernel = functools.partial(nbval.kernel.start_new_kernel, env=environment())
    nbval.kernel.RunningKernel.execute_cell_input = execute_with_history
    nbval.plugin.IPyNbFile.collect = with_budget(nbval.plugin.IPyNbFile.collect)


def pytest_unconfigure(config):
    CALIBRATION.close()


@functools.cache
def calibrate():
    """The one process of this run that measures rounds of the calibration loop."""
    return CALIBRATION.enter_context(calibrator())


def execute_with_history(self, cell_input, allow_stdin=None):
    """As nbval's own, but with history: else a trailing `;` shows its value, and `Out[n]` does not exist."""
    if not hasattr(self, "meter"):
        self.meter = Meter(self.km.provisioner.pid, calibrate()).watch()
    return self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


def with_budget(collect):
    """nbval's collection of a notebook's cells, and the two tests more at its end."""
    def collect_cells_and_budget(self):
        yield from collect(self)
        yield Budget.from_parent(self, name="budget")
        if self.path.parent == course_root() / "solutions":
            yield Growth.from_parent(self, name="growth")

    return collect_cells_and_budget


class TimeItem(pytest.Item):
    """A test of the CPU time that the kernel of the cells above has taken, in units of the calibration loop."""

    def spent(self):
        kernel = self.parent.kernel
        if kernel is None or not kernel.is_alive() or not hasattr(kernel, "meter"):
            pytest.skip("the kernel has ended, or ran no cell: a cell above failed, or none was chosen")
        kernel.meter.look(now=True)
        return kernel.meter.spent

    def repr_failure(self, excinfo, style=None):
        return str(excinfo.value) if isinstance(excinfo.value, TooSlow) else super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::{self.name}"


class Budget(TimeItem):
    """The time against what any lab may take."""

    def runtest(self):
        spent = self.spent()
        self.add_report_section("call", "budget", f"{spent:.0f} of {BUDGET_UNITS:.0f} units")
        if spent > BUDGET_UNITS:
            raise TooSlow(f"{self.path.name} takes {spent:.0f} units of CPU time; {BUDGET_UNITS:.0f}, which are "
                          f"{BUDGET_S:.0f} s on the reference machine, are its budget. Make the lab smaller.")


class Growth(TimeItem):
    """The time against what this lab took when it was put on record."""

    def runtest(self):
        try:
            once = growth.recorded(course_root(), self.path.stem, processor())
        except growth.NoRecord as nothing:
            pytest.skip(str(nothing))
        lab = find_labs(course_root(), [self.path.stem])[0]
        sentence = growth.complaint(lab.stem, self.spent(), once, lambda: growth.run_once(lab, calibrate()).units)
        if sentence:
            raise TooSlow(sentence)


class TooSlow(AssertionError):
    """A lab takes more time than it may."""


def pytest_xdist_make_scheduler(config, log):
    """Whole modules and whole notebooks stay on one worker; the modules BY_LAB are dealt out lab by lab."""
    from xdist.scheduler import LoadScopeScheduling

    class ByLab(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            scope = super()._split_scope(nodeid)
            lab = re.search(r"\[(\d\d)", nodeid)
            return f"{scope}[{lab[1]}]" if lab and scope in BY_LAB else scope

    return ByLab(config, log) if config.getvalue("dist") == "loadscope" else None
