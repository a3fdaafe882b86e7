"""What pytest needs to know before it collects: how nbval runs the solved notebooks, and what runs together.

With `--nbval` each cell of a notebook in `solutions/` is a test, its committed output the expectation;
only cells tagged `nbval-ignore-output` are not compared. One test more for each notebook holds its
time against the budget.
"""
import functools
import re

import psutil
import pytest

from course_utils.authoring.budget import BUDGET_S, BUDGET_UNITS, calibrate, units
from course_utils.authoring.execute import CELL_TIMEOUT_S, environment

NBVAL_DEFAULT_TIMEOUT_S = 2000
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


def execute_with_history(self, cell_input, allow_stdin=None):
    """As nbval's own, but with history: else a trailing `;` shows its value, and `Out[n]` does not exist."""
    return self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


def with_budget(collect):
    """nbval's collection of a notebook's cells, and one test more at its end."""
    def collect_cells_and_budget(self):
        yield from collect(self)
        yield Budget.from_parent(self, name="budget")

    return collect_cells_and_budget


class Budget(pytest.Item):
    """CPU time of the kernel that ran the cells above, in units of a loop measured right after it."""

    def runtest(self):
        kernel = self.parent.kernel
        if kernel is None or not kernel.is_alive():
            pytest.skip("the kernel has ended: a cell above failed")
        kernel_process = psutil.Process(kernel.km.provisioner.pid)
        # On Windows an environment's python.exe only starts the real one, as its child.
        used = [process.cpu_times() for process in (kernel_process, *kernel_process.children(recursive=True))]
        seconds = sum(time.user + time.system for time in used) + used[0].children_user + used[0].children_system
        spent = units(seconds, calibrate())
        self.add_report_section("call", "budget", f"{spent:.0f} of {BUDGET_UNITS:.0f} units")
        if spent > BUDGET_UNITS:
            raise OverBudget(f"{self.path.name} takes {spent:.0f} units of CPU time; {BUDGET_UNITS:.0f}, which are "
                             f"{BUDGET_S:.0f} s on the reference machine, are its budget. Make the lab smaller.")

    def repr_failure(self, excinfo, style=None):
        return str(excinfo.value) if isinstance(excinfo.value, OverBudget) else super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::budget"


class OverBudget(AssertionError):
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
