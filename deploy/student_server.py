"""What the hub starts for a student: the labs are brought up to date, then this process becomes the server.

Runs as the student, with the shared environment's Python and the course of the release in force on its path.
"""
from __future__ import annotations

import sys

import update_labs

from course_utils.jupyter import UNUSED


def main() -> None:
    update_labs.main()
    # jsonschema imports this parser of addresses where it finds it; nothing here uses it, and it costs a second of a start.
    sys.modules.setdefault("rfc3987_syntax", None)
    from jupyterhub.singleuser import main as serve

    unused = {name: False for name in UNUSED if name != "nbgitpuller"}  # its links work here
    sys.argv[1:1] = [f"--ServerApp.jpserver_extensions={unused}"]
    serve()


if __name__ == "__main__":
    main()
