"""What instructors get back, readable or not."""
import io
import json
import os
import zipfile

import pytest
from handed_in import finished, untouched, without_pictures, write

from course_utils.grading import stripping, submission
from course_utils.grading.submission import Source, collect, read


def one(path) -> submission.Submission:
    return read(Source(path.stem, path))


def raw(tmp_path, content: bytes, name: str = "student.ipynb") -> submission.Submission:
    path = tmp_path / name
    path.write_bytes(content)
    return one(path)


def test_a_student_copy_is_read(tmp_path):
    found = one(write(untouched(), tmp_path / "a.ipynb"))
    assert found.refused == "" and found.flags == [] and {"ex-09-1", "ex-09-6"} <= {cell.id for cell in found.cells}
    assert all(cell.grade_id == cell.id for cell in found.cells if cell.id.startswith("ex-"))


@pytest.mark.parametrize("content, why", [
    (b"", "empty"), (b" \n", "empty"), (b"not json", "no JSON"), (b"[1, 2]", "no list of cells"), (b"{}", "no list of cells"),
    (b'{"cells": 3}', "no list of cells"), (json.dumps({"cells": []}).encode()[:-3], "no JSON"), (b"PK\x03\x04nonsense", "no JSON"),
    (b"\x93NUMPY\x01\x00", "no JSON"), (b"[" * 200_000, "no JSON"), (b'{"cells": [' + b'{"cells": [' * 50_000, "no JSON"),
], ids=range(11))
def test_what_is_no_notebook_is_said_so(tmp_path, content, why):
    found = raw(tmp_path, content)
    assert why in found.refused and found.cells == [] and len(found.digest) == 64


def test_a_notebook_without_cells_is_read_and_flagged(tmp_path):
    found = raw(tmp_path, b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    assert found.refused == "" and "no code cells" in found.flags[0]


@pytest.mark.parametrize("cell", [3, None, {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5}, {"cell_type": "code", "source": [1, "x = 1"]},
                                  {"cell_type": "code", "id": 7, "metadata": [], "source": "x"}, {"cell_type": "code", "metadata": {"nbgrader": "no"}, "source": "x"}])
def test_cells_of_any_shape_are_read(tmp_path, cell):
    found = raw(tmp_path, json.dumps({"cells": [cell, {"cell_type": "code", "id": "ex-09-1", "source": "y"}]}).encode())
    assert found.refused == "" and found.cells[-1].source == "y"


@pytest.mark.parametrize("encoding, flag", [("utf-16", "utf-16"), ("utf-8-sig", ""), ("cp1252", "not in UTF-8"), ("utf-32", "utf-32")])
def test_other_encodings_are_read_and_flagged(tmp_path, encoding, flag):
    notebook = without_pictures(finished(ex_09_1="name = 'Zoë'"))
    text = json.dumps(notebook, ensure_ascii=False)
    found = raw(tmp_path, text.encode(encoding, errors="replace"))
    assert "name = 'Zoë'" in [cell.source for cell in found.cells]
    assert (flag in "".join(found.flags)) and bool(found.flags) == bool(flag)


def test_another_kernel_is_flagged(tmp_path):
    notebook = untouched()
    notebook["metadata"] = {"kernelspec": {"name": "ir", "language": "R"}}
    found = one(write(notebook, tmp_path / "a.ipynb"))
    assert "its kernel is 'R'" in found.flags[0] and found.cells


def test_two_cells_with_one_id_are_flagged(tmp_path):
    notebook = untouched()
    notebook["cells"].append(next(cell for cell in notebook["cells"] if cell["id"] == "ex-09-1"))
    assert "one id" in one(write(notebook, tmp_path / "a.ipynb")).flags[0]


def test_ten_thousand_cells_are_read(tmp_path):
    notebook = without_pictures(finished())
    notebook["cells"] = [{"cell_type": "code", "id": f"c{k}", "metadata": {}, "source": f"x{k} = {k}"} for k in range(10_000)] + notebook["cells"]
    found = one(write(notebook, tmp_path / "a.ipynb"))
    assert len(found.cells) > 10_000 and found.refused == ""


def test_stale_outputs_are_stripped_and_not_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(stripping, "LARGE", 1000)
    monkeypatch.setattr(submission, "LARGE", 1000)
    notebook = untouched()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": 'x "outputs": [ \\ " ] } ' * 50},
                               {"output_type": "display_data", "data": {"application/json": [[1, [2, {"outputs": []}]]]}}]
    path = write(notebook, tmp_path / "a.ipynb")
    plain = json.loads(stripping.stripped(path))
    assert all(cell.get("outputs") is None for cell in plain["cells"])
    assert [cell["source"] for cell in plain["cells"]] == [cell["source"] for cell in notebook["cells"]]
    found = one(path)
    assert "stripped of its outputs" in found.flags[0] and "ex-09-6" in {cell.id for cell in found.cells}


@pytest.mark.slow
def test_two_hundred_megabytes_of_outputs_take_little_memory(tmp_path):
    import subprocess
    import sys

    notebook = without_pictures(finished())
    for cell in [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][:20]:
        cell["outputs"] = [{"output_type": "display_data", "data": {"image/png": "A" * (10 << 20)}}]
    path = write(notebook, tmp_path / "large.ipynb")
    assert path.stat().st_size > 200e6
    code = ("import sys; from pathlib import Path; from course_utils.grading.submission import Source, read\n"
            "found = read(Source('a', Path(sys.argv[1])))\n"
            "heap = [line for line in open('/proc/self/status') if line.startswith('RssAnon')] if sys.platform == 'linux' else []\n"
            "print(len(found.cells), found.refused, (heap or ['x 0 kB'])[0].split()[1])")
    said = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, encoding="utf-8", check=True).stdout.split()
    assert int(said[0]) > 20 and int(said[-1]) < 100_000  # kB of the process's own memory


def test_what_stays_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(stripping, "LARGE", 1000)
    monkeypatch.setattr(stripping, "MAX_KEPT", 5000)
    assert "larger than a notebook" in raw(tmp_path, json.dumps({"cells": [{"cell_type": "code", "source": "x" * 9000}]}).encode()).refused
    monkeypatch.setattr(stripping, "MAX_TOKENS", 1000)
    assert "do not end" in raw(tmp_path, b'{"cells": [{"outputs": [' + b"[" * 4000).refused


# ---------------------------------------------------------------- folders and archives


def archive(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            made.writestr(name, content)
    return out.getvalue()


NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "id": "ex-09-1", "metadata": {}, "source": "x = 1"}]}).encode()


def test_a_folder_of_notebooks_and_one_for_each_student(tmp_path):
    for name in ("Ann.ipynb", "b/Lab 09.ipynb", "c/Lab 09.ipynb", "c/.ipynb_checkpoints/Lab 09-checkpoint.ipynb", "notes.txt", "Zoë O'Brien \"Z\".ipynb"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(NOTEBOOK)
    assert [source.name for source in collect(tmp_path)] == ["Ann", "b", "c", "Zoë O'Brien _Z_"]
    assert all(read(source).cells for source in collect(tmp_path))


def test_two_students_with_one_file_name_stay_two(tmp_path):
    whole = tmp_path / "export.zip"
    whole.write_bytes(archive(("g1/Lab.ipynb", NOTEBOOK), ("G1/Lab.ipynb", NOTEBOOK), ("g2/Lab.ipynb", NOTEBOOK)))
    found = collect(whole)
    assert len({source.name.casefold() for source in found}) == 3
    assert len({source.member for source in found}) == 3 and all(read(source).cells for source in found)


def test_the_export_of_a_learning_platform(tmp_path):
    whole = tmp_path / "export.zip"
    whole.write_bytes(archive(("Ann Lee_1234_assignsubmission_file_/09.ipynb", NOTEBOOK), ("leeann_55_66_09-1.ipynb", NOTEBOOK),
                              ("Bo_77_assignsubmission_file_/own.zip", archive(("work/09.ipynb", NOTEBOOK))), ("__MACOSX/._09.ipynb", b"x"), ("readme.txt", b"x")))
    found = {source.name: read(source) for source in collect(whole)}
    assert set(found) == {"Ann Lee_1234_assignsubmission_file_", "leeann_55_66_09-1", "Bo_77_assignsubmission_file_"}
    assert all(one.cells and not one.refused for one in found.values())


def test_names_in_archives_are_never_paths(tmp_path):
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    (folder / "evil.zip").write_bytes(archive(("../../../escaped.ipynb", NOTEBOOK), ("/etc/escaped.ipynb", NOTEBOOK)))
    whole = tmp_path / "export.zip"
    whole.write_bytes(archive(("../../out.ipynb", NOTEBOOK), ("..\\..\\win.ipynb", NOTEBOOK), ("/abs.ipynb", NOTEBOOK)))
    before = sorted(os.walk(tmp_path.parent))
    found = [read(source) for source in [*collect(folder), *collect(whole)]]
    assert sorted(os.walk(tmp_path.parent)) == before
    assert all(one.cells for one in found) and "outside itself" in found[0].flags[0]
    assert not any("/" in one.name or "\\" in one.name or one.name.startswith(".") for one in found)


def test_a_bomb_is_refused_before_it_unpacks(tmp_path):
    (tmp_path / "bomb.zip").write_bytes(archive(("a.ipynb", b"\0" * (300 << 20))))
    [source] = collect(tmp_path)
    assert "bomb" in read(source).refused


def test_archives_that_are_none_or_hold_nothing(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "b.zip").write_bytes(archive(("readme.txt", b"x")))
    first, second = (read(source) for source in collect(tmp_path))
    assert "cannot be read" in first.refused and "holds no notebook" in second.refused


@pytest.mark.parametrize("name", ["nothing", "file.txt"])
def test_a_wrong_place_gets_a_sentence(tmp_path, name):
    (tmp_path / "file.txt").write_text("x", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="give the folder"):
        collect(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no links without rights of their own")
def test_links_are_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "in" / "a.ipynb").symlink_to(tmp_path / "secret.ipynb")
    with pytest.raises(FileNotFoundError, match="holds no notebooks"):
        collect(tmp_path / "in")
