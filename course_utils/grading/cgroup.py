"""A control group around one sandbox, where this user may make one: memory and processes of all together.

Limits of single processes (`inside.zygote.limit`) hold everywhere; a bomb of many small processes is
held by the group alone. Root has it on most systems; without it the sandbox works as well.
"""
from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
USED = ("memory.usage_in_bytes", "memory.current")
FILES = {  # controller: (file of version 1, file of version 2)
    "memory": ("memory.limit_in_bytes", "memory.max"),
    "pids": ("pids.max", "pids.max"),
}


class Group:
    """The folders of one group: one with version 2, one for each controller with version 1.

    Parameters
    ----------
    name : str
    limits : dict of str to int
        By controller: bytes of memory, number of processes.
    """

    def __init__(self, name: str, limits: dict[str, int]) -> None:
        self.folders: list[Path] = []
        second = (MOUNT / "cgroup.controllers").exists()
        for controller, value in limits.items():
            folder = MOUNT / name if second else MOUNT / controller / name
            try:
                folder.mkdir(exist_ok=True)
                (folder / FILES[controller][second]).write_text(str(value), encoding="ascii")
            except OSError:  # not allowed, or no such controller here
                if folder not in self.folders and folder.is_dir():
                    folder.rmdir()
                continue
            self.folders += [] if folder in self.folders else [folder]

    def enter(self) -> Callable[[], None] | None:
        """What a child calls between fork and exec to be in the group; None where there is no group."""
        files = [os.fsencode(folder / "cgroup.procs") for folder in self.folders]

        def join() -> None:
            for name in files:
                descriptor = os.open(name, os.O_WRONLY)
                os.write(descriptor, b"0")
                os.close(descriptor)

        return join if files else None

    def hold(self, extra: int) -> None:
        """Let memory grow by no more than so many bytes from what the group uses now."""
        for folder in self.folders:
            for used, limit in zip(USED, FILES["memory"]):
                try:
                    now = int((folder / used).read_text(encoding="ascii"))
                    (folder / limit).write_text(str(now + extra), encoding="ascii")
                except OSError:  # the group counts something else
                    continue

    def close(self) -> None:
        """Remove the group, once its last process is gone."""
        for folder in self.folders:
            end = time.monotonic() + 5
            while folder.exists() and time.monotonic() < end:
                try:
                    folder.rmdir()
                except OSError:
                    time.sleep(0.01)
        self.folders = []
