"""The toy lab of the tests: a course of one small lab, in `toy/`."""
import importlib.util
import shutil
from pathlib import Path

from course_utils.authoring.sources import Lab

TOY = Path(__file__).parent / "toy"
SOURCE = (TOY / "solutions" / "00_toy.py").read_text(encoding="utf-8")


def load_declarations():
    spec = importlib.util.spec_from_file_location("toy_declarations", TOY / "lab00.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EXERCISES


EXERCISES = load_declarations()


def declared(number):
    return EXERCISES if number == "00" else ()


def put_toy(folder, text=SOURCE):
    """A copy of the toy course with this source of its lab."""
    shutil.copytree(TOY, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    lab = Lab(folder, "00_toy")
    lab.source.write_text(text, encoding="utf-8")
    return lab
