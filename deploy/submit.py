#!/usr/bin/env python3
"""For students: `!submit 06` in a notebook, or `submit 06` in a terminal, hands in lab 06 as it is saved."""
import hashlib
import json
import os
import sys
import time
from pathlib import Path

LARGEST_MB = 64


def submit(wanted: str, labs: Path, collect: Path) -> str:
    """Copy a notebook to the student's folder of submissions, whole or not at all.

    Parameters
    ----------
    wanted : number of a lab, or a path to a notebook.
    labs : folder of the student's notebooks.
    collect : the student's folder of submissions.

    Returns
    -------
    The receipt: name, size, time, and the first characters of the file's sha256.

    Raises
    ------
    ValueError
        If there is no such notebook, or it is none; the sentence says what to do.
    """
    path = notebook(wanted, labs)
    if path.stat().st_size > LARGEST_MB << 20:
        raise ValueError(f"{path.name} has more than {LARGEST_MB} MB. Clear its outputs (Edit, Clear Outputs of All Cells), save, and submit again.")
    content = path.read_bytes()
    try:
        cells = json.loads(content)["cells"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path.name} cannot be read as a notebook. Open it, save it, and submit again.") from None
    if not collect.is_dir():
        raise ValueError("Your folder for submissions is not there. Restart your server (File, Hub Control Panel); if that does not help, tell "
                         "your instructor.")
    number = path.name[:2]
    target = collect / f"{number}_submission.ipynb"  # one name whatever the copy is called: the last one counts
    draft = collect / f".{number}-{os.getpid()}.part"
    draft.write_bytes(content)
    os.replace(draft, target)
    code = sum(cell.get("cell_type") == "code" for cell in cells)
    return (f"Handed in: {path.name} as it was saved at {time.strftime('%H:%M:%S', time.localtime(path.stat().st_mtime))}, {code} code cells, "
            f"{len(content) / 1000:.0f} kB. Receipt {hashlib.sha256(content).hexdigest()[:12]}. You may hand in again; the last one counts.")


def notebook(wanted: str, labs: Path) -> Path:
    """The notebook that a student means."""
    if wanted.endswith(".ipynb"):
        path = Path(wanted).expanduser()
        path = path if path.exists() else labs / wanted
        if not path.is_file() or not path.name[:2].isdigit():
            raise ValueError(f"{wanted} is no notebook of a lab here. Give the lab's number, for example: submit 06")
        return path
    number = wanted.zfill(2)
    found = [path for path in sorted(labs.glob(f"{number}_*.ipynb")) if not path.name.endswith(".new.ipynb") and "__" not in path.name]
    if not found:
        raise ValueError(f"There is no notebook of lab {number} in {labs}.")
    if len(found) > 1:
        raise ValueError(f"There are several: {', '.join(path.name for path in found)}. Say which:  submit {found[0].name}")
    return found[0]


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("Say which lab:  submit 06")
        return 2
    try:
        print(submit(sys.argv[1], Path(os.environ.get("LABS_FOLDER", "~/labs")).expanduser(), Path(os.environ["LABS_COLLECT"])))
    except KeyError:
        print("This works on the course's server only. Elsewhere, hand in the .ipynb file the way your instructor said.")
        return 1
    except (ValueError, OSError) as error:
        print(f"Not handed in. {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
