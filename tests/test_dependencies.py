"""One list of dependencies in three files: pyproject.toml, environment.yml, constraints.txt."""
import re
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from course_utils.doctor import pins
from course_utils.settings import course_root

PYPROJECT = (course_root() / "pyproject.toml").read_text(encoding="utf-8")
CONDA = (course_root() / "environment.yml").read_text(encoding="utf-8")
CONSTRAINTS = (course_root() / "constraints.txt").read_text(encoding="utf-8")
CONDA_ONLY = {"python", "pip", "libblas"}


def pip_requirements() -> dict[str, Requirement]:
    project = tomllib.loads(PYPROJECT)["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


def conda_requirements() -> dict[str, Requirement]:
    entries = yaml.safe_load(CONDA)["dependencies"]
    lines = [entry for entry in entries if isinstance(entry, str) and not entry.startswith("libblas=")]
    lines += [line for entry in entries if isinstance(entry, dict) for line in entry["pip"] if not line.startswith("--")]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


def test_conda_and_pip_users_get_the_same_packages_in_the_same_bounds():
    conda, pip = conda_requirements(), pip_requirements()
    assert set(conda) - CONDA_ONLY == set(pip)
    for name, requirement in pip.items():
        assert conda[name].specifier == requirement.specifier, name
        assert str(conda[name].marker) == str(requirement.marker), name


def test_both_files_allow_the_same_pythons():
    assert conda_requirements()["python"].specifier == SpecifierSet(tomllib.loads(PYPROJECT)["project"]["requires-python"])


def test_the_course_itself_is_installed_by_both():
    assert re.search(r"^\s+- --editable \.\s", CONDA, flags=re.MULTILINE)


def test_every_dependency_has_lower_and_upper_bound():
    for name, requirement in pip_requirements().items():
        operators = {one.operator for one in requirement.specifier}
        assert operators == {">=", "<"}, f"{name} has the bounds {requirement.specifier}"


def lines_without_reason(text: str, dependency: str) -> list[str]:
    """Lines of a file that match `dependency` and end without a comment of at least two words' length."""
    found = [line for line in text.splitlines() if re.match(dependency, line)]
    assert len(found) > 20, "the pattern finds no dependencies"
    return [line for line in found if not re.search(r"\s#\s*\S.{4,}", line)]


def test_every_dependency_says_what_it_is_for():
    assert lines_without_reason(PYPROJECT, r'^  "[\w-]+[<>=]') == []
    assert lines_without_reason(CONDA, r"^\s+- (?!conda-forge|nodefaults)[-\w]") == []


def test_both_files_give_the_same_reasons():
    in_pip = dict(re.findall(r'^  "([\w-]+)[<>=][^"]*",\s+# (.+)$', PYPROJECT, flags=re.MULTILINE))
    in_conda = dict(re.findall(r"^\s+- ([\w-]+)[<>=].*?\s# (.+)$", CONDA, flags=re.MULTILINE))
    assert len(in_pip) == len(pip_requirements())
    assert {name: in_conda.get(name) for name in in_pip} == in_pip


def test_constraints_satisfy_the_bounds():
    tested = pins(CONSTRAINTS)
    for name, requirement in pip_requirements().items():
        assert name in tested, f"constraints.txt has no version for {name}"
        assert requirement.specifier.contains(tested[name]), f"{name}=={tested[name]} is not {requirement.specifier}"


def test_constraints_are_exact_and_of_no_one_machine():
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    assert len(lines) > 100
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==[\w.]+", line), line  # no local label such as +cpu, no path, no address


def test_constraints_cover_what_the_dependencies_need():
    """Every package that is installed because of the course has its tested version."""
    import importlib.metadata

    tested, waiting, seen = pins(CONSTRAINTS), list(pip_requirements().values()), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # not needed on this system
        waiting += [Requirement(line) for line in needs]
    of_torch = ("nvidia-", "cuda-", "triton")  # its CUDA build names their exact versions itself
    assert {name for name in seen if name not in tested and not name.startswith(of_torch)} == set()


def test_the_tested_versions_allow_every_python_of_the_course():
    """Systems ship first releases for years: 3.11.2 on Debian 12, where a package that wants 3.11.5 stops everything."""
    import importlib.metadata

    refused = []
    for name, version in pins(CONSTRAINTS).items():
        try:
            wanted = importlib.metadata.metadata(name).get("Requires-Python") or ""
        except importlib.metadata.PackageNotFoundError:
            continue  # not needed on this system
        refused += [f"{name}=={version} wants Python {wanted}" for python in ("3.11.0", "3.12.0", "3.13.0")
                    if not SpecifierSet(wanted).contains(python)]
    assert refused == []
