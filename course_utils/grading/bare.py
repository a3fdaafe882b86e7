"""Grading without a wall, for those who insist: a fresh process for each submission, with limits on time and memory only.

Where there is no sandbox (macOS, Windows, a hardened Linux) this still parts a crash and an endless loop
from the class. It does not part a hostile submission from the files of whoever grades.
"""
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict

import psutil

from course_utils.grading.sandbox import ENVIRONMENT, Limits, SandboxBroken
from course_utils.grading.session import Session
from course_utils.settings import course_root

PROGRAM = "course_utils.grading.inside.bare"
KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Bare:
    """Stands in for a `Sandbox`: forks are new processes, a sweep ends what descends from the last one."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.process: subprocess.Popen | None = None
        self.child: subprocess.Popen | None = None
        self.started = 0

    def start(self) -> dict:
        """Nothing is prepared."""
        self.started += 1
        self.folder = tempfile.TemporaryDirectory(prefix="course-bare-", ignore_cleanup_errors=True)
        self.process = subprocess.Popen([sys.executable, "-c", ""])
        return {}

    def fork(self) -> Session:
        """A fresh process, which connects to a port of this machine and says a word that nobody else knows."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(60)
            word = os.urandom(16).hex()
            settings = json.dumps({"port": server.getsockname()[1], "word": word, "limits": asdict(self.limits)})
            environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
                name: value for name, value in ENVIRONMENT.items() if name not in ("PATH", "HOME", "PYTHONPATH", "MPLCONFIGDIR", "COURSE_CACHE")}
            environment |= {"PYTHONPATH": str(course_root()), "HOME": self.folder.name}
            self.child = subprocess.Popen([sys.executable, "-m", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL, cwd=self.folder.name, env=environment)
            self.child.stdin.write(settings.encode() + b"\n")
            self.child.stdin.close()
            try:
                connection, _ = server.accept()
                if connection.recv(64, socket.MSG_WAITALL if hasattr(socket, "MSG_WAITALL") else 0)[:32] != word.encode():
                    raise OSError("a stranger answered")
            except OSError as error:
                raise SandboxBroken(f"no process: {error}") from None
        return Session(connection)

    def spent(self) -> dict:
        """CPU seconds of the process and what descends from it, and whether it still is."""
        try:
            process = psutil.Process(self.child.pid)
            found = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return {"cpu_s": 0.0, "alive": False}
        return {"cpu_s": sum(seconds_of(one) for one in found), "alive": self.child.poll() is None}

    def sweep(self) -> dict:
        """End the process and what descends from it; what has cut itself loose stays."""
        if self.child is None:
            return {"left": 0, "files": 0, "cpu_s": 0.0}
        try:
            process = psutil.Process(self.child.pid)
            found = process.children(recursive=True)
            spent = sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            found, spent = [], 0.0
        for one in found:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        self.child.kill()
        self.child.wait()
        self.child = None
        return {"left": len(found), "files": 0, "cpu_s": spent}

    def close(self) -> None:
        self.sweep()
        if self.process is not None:
            self.process.wait()
            self.process = None
            self.folder.cleanup()


def seconds_of(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.Error:
        return 0.0
