"""torchvision can be imported, each time in an interpreter that has not met it yet."""
import subprocess
import sys

import pytest


def in_fresh_interpreter(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_torchvision_works_whatever_torch_it_was_built_for():
    said = in_fresh_interpreter(
        "from course_utils.models.torchvision_compat import torchvision, state\n"
        "import torch\n"
        "from torchvision.transforms import v2\n"
        "network = torchvision.models.squeezenet1_1(weights=None).eval()\n"
        "picture = v2.Resize(64)(torch.zeros(1, 3, 80, 80))\n"
        "print(tuple(network(picture).shape), torchvision.datasets.MNIST.__name__, state(), sep='|')"
    )
    assert said.startswith("(1, 1000)|MNIST|")
    assert said.split("|")[2] in ("complete", "operators declared by the course (built for another torch)")


@pytest.mark.slow
def test_a_second_import_and_other_libraries_find_the_same_torchvision():
    said = in_fresh_interpreter(
        "from course_utils.models.torchvision_compat import torchvision as first\n"
        "import gc; gc.collect()\n"
        "import torchvision as second, torchvision.transforms.v2, torch\n"
        "print(first is second, torch.ops.torchvision.nms is not None)"
    )
    assert said == "True True"


def broken_torchvision(missing: str) -> str:
    """Code that puts a stand-in for torchvision in place, whose import needs an operator, as the real one's does."""
    return (
        "import sys, tempfile, pathlib\n"
        "folder = pathlib.Path(tempfile.mkdtemp()); (folder / 'torchvision').mkdir()\n"
        "(folder / 'torchvision' / '__init__.py').write_text('from torchvision import shapes', encoding='utf-8')\n"
        f"(folder / 'torchvision' / 'shapes.py').write_text({missing!r}, encoding='utf-8')\n"
        "sys.path.insert(0, str(folder))\n"
    )


@pytest.mark.parametrize("operator", ["nms", "qnms"])
def test_missing_operators_are_declared(operator):
    """On every system, also where the installed torchvision is complete."""
    needs = f"import torch\n@torch.library.register_fake('torchvision::{operator}')\ndef shape(d, s, t): return d.new_empty(0)"
    said = in_fresh_interpreter(
        broken_torchvision(needs)
        + "from course_utils.models.torchvision_compat import torchvision, state; print(torchvision.shapes.__name__, state())"
    )
    assert said.startswith("torchvision.shapes operators declared")


@pytest.mark.slow
def test_nothing_is_declared_where_nothing_is_missing():
    said = in_fresh_interpreter(
        broken_torchvision("")
        + "import torch\n"
        "from course_utils.models.torchvision_compat import state\n"
        "print(state(), torch._C._dispatch_has_kernel('torchvision::nms'), hasattr(torch.ops.torchvision, 'qnms'))"
    )
    assert said == "complete False False"


@pytest.mark.slow
def test_other_errors_are_not_swallowed():
    code = broken_torchvision("raise RuntimeError('the disk is on fire')") + "import course_utils.models.torchvision_compat"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=120)
    assert ran.returncode == 1 and "the disk is on fire" in ran.stderr
