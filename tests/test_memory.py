"""Memory that a kernel keeps: a loop over batches gets no new pages."""
import ctypes
import subprocess
import sys

import pytest

from course_utils import memory

# New pages in 20 rounds of a loop that makes a block of 48 MiB and lets go of it.
LOOP = """
import resource, sys
import numpy as np
from course_utils.memory import keep_freed_memory

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "keep":
    assert keep_freed_memory() is True
np.ones(48 * 2**17)
before = pages()
for _ in range(20):
    np.ones(48 * 2**17)
print(pages() - before)
"""


def new_pages(way):
    done = subprocess.run([sys.executable, "-c", LOOP, way], capture_output=True, text=True, encoding="utf-8", check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"), reason="this system's C library is not GNU's")
def test_a_loop_gets_the_same_pages_again():
    kept, given_back = new_pages("keep"), new_pages("give back")
    assert kept < 100 < 20 * 10 < given_back


def test_elsewhere_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert memory.keep_freed_memory() is False
    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())  # a C library without mallopt
    assert memory.keep_freed_memory() is False
