"""One sandbox: bubblewrap around a zygote, and the submissions that are forked from it one by one."""
from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_utils.grading import seccomp, slices
from course_utils.grading.cgroup import Group
from course_utils.grading.session import Session
from course_utils.settings import course_root

FIRST_USER = 61_700          # of systemd's range for users that exist only while something runs
PREFIX = "course-sandbox-"
START_S, SWEEP_S = 120.0, 20.0
PRIVATE = ("/tmp", "/dev/shm")  # empty for each submission, and its own
ZYGOTE = "course_utils.grading.inside.zygote"
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONPATH": "/course", "PYTHONUTF8": "1", "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "", "COURSE_DATA": "none", "COURSE_CACHE": "/tmp/cache",
    "MPLBACKEND": "agg", "MPLCONFIGDIR": "/tmp/matplotlib", "TQDM_DISABLE": "1",
}


class NoSandbox(RuntimeError):
    """This machine gives no sandbox; the message says what is missing and what mends it."""


class SandboxBroken(RuntimeError):
    """The sandbox itself stopped answering; a new one is needed."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes
    ----------
    memory_bytes : int
        Private memory of a process beyond the zygote's.
    address_slack_bytes : int
        Address space beyond that, for files and shared memory that are mapped.
    group_bytes : int
        Memory of the zygote while it starts, where a control group can be had; from then on everything in a
        sandbox together may take as much more as one process may, and what it may write.
    cpu_s, processes, files, file_bytes : int
        CPU seconds of a process, processes and threads together, open files, bytes of one file.
    disk_bytes : int
        Of /tmp, and as much again of /dev/shm.
    patience : float
        Times the CPU seconds that an exercise gives to a call.
    wall : float
        Times these, the seconds by the clock on the wall that a call may take.
    """

    memory_bytes: int = 768 << 20
    address_slack_bytes: int = 512 << 20
    group_bytes: int = 2 << 30
    cpu_s: int = 240
    processes: int = 64
    files: int = 256
    file_bytes: int = 32 << 20
    disk_bytes: int = 64 << 20
    patience: float = 1.0
    wall: float = 3.0


def find_bwrap() -> str:
    """Path of bubblewrap.

    Raises
    ------
    NoSandbox
        If it is not here, or libseccomp is not.
    """
    if not sys.platform.startswith("linux"):
        raise NoSandbox("The sandbox needs Linux; this is another system. Grade on a Linux machine, or in a Linux virtual machine.")
    found = shutil.which("bwrap")
    if not found:
        raise NoSandbox("bubblewrap is not installed:  sudo apt-get install bubblewrap  (or your system's package of that name).")
    try:
        seccomp.for_sandbox()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise NoSandbox(f"libseccomp cannot be used ({error}):  sudo apt-get install libseccomp2  mends that.") from None
    return found


def bound_folders() -> list[Path]:
    """Folders of this machine that a sandbox sees, read-only: the system's libraries, Python and its packages."""
    wanted = [Path(name) for name in ("/usr", "/lib", "/lib64", "/lib32", "/bin")]
    wanted += [Path(sys.base_prefix), Path(os.path.realpath(sys.base_prefix)), Path(os.path.realpath(sys.executable)).parent, Path(sys.prefix)]
    chosen: list[Path] = []
    for folder in wanted:
        if folder.is_dir() and not any(folder.is_relative_to(other) for other in chosen if not other.is_symlink()):
            chosen.append(folder)
    return chosen


def inside(path: Path) -> Path:
    """Where a sandbox sees a path of this machine: where it is, but for an environment under a folder that is private in there."""
    if any(path.is_relative_to(place) for place in PRIVATE) and path.is_relative_to(sys.prefix):
        return Path("/venv") / path.relative_to(sys.prefix)
    return path


def command(bwrap: str, course: Path, limits: Limits, filter_descriptor: int, control: int) -> list[str]:
    """The bubblewrap command that starts a zygote.

    Parameters
    ----------
    bwrap : str
    course : pathlib.Path
        What `slices.write_course` made; seen as /course.
    limits : Limits
    filter_descriptor, control : int
        Inherited: the seccomp filter, and the zygote's socket.
    """
    root = os.getuid() == 0
    args = [bwrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent",
            "--new-session", "--hostname", "sandbox"]
    # Root makes the namespaces as root and the zygote becomes another user at once; anybody else gets a user namespace.
    args += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else [
        "--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
    made: set[Path] = {Path("/")}

    def parents(path: Path) -> None:
        for folder in reversed(path.parents):
            if folder not in made:
                made.add(folder)
                args.extend(["--perms", "0755", "--dir", str(folder)])  # bubblewrap's own are 0700: nobody could pass them

    folders = bound_folders()
    for folder in folders:
        parents(inside(folder))
        if folder.is_symlink():
            args += ["--symlink", os.readlink(folder), str(folder)]
        else:
            args += ["--ro-bind", str(folder), str(inside(folder))]
            made.add(folder)
    for hidden in (course_root() / "course_utils", course_root() / "solutions", *installed_copies()):
        if hidden.exists() and any(hidden.is_relative_to(folder) for folder in folders):
            args += ["--tmpfs", str(inside(hidden))]
    for name in ("/etc/ld.so.cache",):
        parents(Path(name))
        args += ["--ro-bind-try", name, name]
    args += ["--proc", "/proc", "--dev", "/dev"]
    for place in PRIVATE:
        args += ["--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", place]
    args += ["--ro-bind", str(course), "/course"]
    data = course_root() / "data"
    args += ["--ro-bind", str(data), "/course/data"] if data.is_dir() else []
    args += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--seccomp", str(filter_descriptor)]
    return [*args, str(inside(Path(sys.executable))), "-P", "-s", "-m", ZYGOTE, str(control)]


def clear_leftovers() -> None:
    """Remove the folders of sandboxes whose graders were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            Group(folder.name, {"memory": 1 << 30, "pids": 64}).close()
            shutil.rmtree(folder, ignore_errors=True)


def installed_copies() -> list[Path]:
    """Copies of the course among the installed packages, which hold the oracles."""
    return [path for base in (sys.prefix, sys.base_prefix) for path in Path(base).glob("lib/python3*/site-packages/course_utils")]


@dataclass
class Sandbox:
    """A zygote behind its wall.

    Attributes
    ----------
    modules : sequence of str
        What the zygote imports.
    names : sequence of str
        `"module:function"` of what builds inputs, for `slices.write_course`.
    limits : Limits
    slot : int
        Sandboxes that run side by side have different ones: root gives each a user of its own.
    """

    modules: Sequence[str]
    names: Sequence[str]
    limits: Limits = field(default_factory=Limits)
    slot: int = 0
    process: subprocess.Popen | None = None
    started: int = 0
    cpu_s: float = 0.0

    def start(self) -> dict:
        """Start it; returns what the zygote says of itself.

        Raises
        ------
        NoSandbox
            If bubblewrap or Python cannot start in there; the sentence quotes what they said.
        """
        bwrap = find_bwrap()
        clear_leftovers()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self.folder.chmod(0o755)
        course = slices.write_course(self.folder, self.names)
        (course / "data").mkdir()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.group = Group(self.folder.name, {"memory": self.limits.group_bytes, "pids": 2 * self.limits.processes})
        with tempfile.TemporaryFile() as code, tempfile.TemporaryFile() as said:
            code.write(seccomp.for_sandbox())
            code.seek(0)
            self.process = subprocess.Popen(
                command(bwrap, course, self.limits, code.fileno(), theirs.fileno()), env=ENVIRONMENT, cwd="/",
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, pass_fds=(code.fileno(), theirs.fileno()), start_new_session=True,
                preexec_fn=self.group.enter())
            theirs.close()
            user = FIRST_USER + (os.getpid() * 4 + self.slot) % 3000 if os.getuid() == 0 else 0
            try:
                self.control.send(json.dumps({"user": user, "modules": list(self.modules), "limits": asdict(self.limits)}).encode())
                about = self.receive(START_S)
                self.control.send(b"filter" + seccomp.for_submission(about["pid"]))
            except (OSError, SandboxBroken) as error:
                self.close()
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                raise NoSandbox(f"bubblewrap starts no sandbox on this machine: {lines[-1] if lines else error}") from None
        self.group.hold(self.limits.memory_bytes + 2 * self.limits.disk_bytes)
        self.started += 1
        self.cpu_s = 0.0
        expected, found = str(inside(Path(sys.prefix))), about["where"].get("numpy") or ""
        if not found.startswith(expected):
            self.close()
            raise NoSandbox(f"Python in the sandbox took numpy from {found or 'nowhere'}, not from {expected}.")
        return about

    def receive(self, seconds: float) -> dict:
        """What the zygote answers."""
        ready, _, _ = select.select([self.control], [], [], seconds)
        message = self.control.recv(1 << 16) if ready else b""
        if not message:
            raise SandboxBroken("the zygote ended" if ready else "the zygote does not answer")
        return json.loads(message)

    def fork(self) -> Session:
        """A fresh process for a submission.

        Raises
        ------
        SandboxBroken
            If the zygote does not fork.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            socket.send_fds(self.control, [b"fork"], [theirs.fileno()])
            self.receive(SWEEP_S)
        except (OSError, SandboxBroken) as error:
            ours.close()
            raise SandboxBroken(f"no fork: {error}") from None
        finally:
            theirs.close()
        return Session(ours)

    def spent(self) -> dict:
        """What the submission has used since its fork.

        Returns
        -------
        dict
            `cpu_s`: CPU seconds of its process and of all that it started; `alive`: whether the process still is.

        Raises
        ------
        SandboxBroken
            If the zygote does not say.
        """
        try:
            self.control.send(b"spent")
        except OSError as error:
            raise SandboxBroken(f"no account: {error}") from None
        return self.receive(SWEEP_S)

    def sweep(self) -> dict:
        """End all that the submission started and empty what it wrote to; says what there was.

        Returns
        -------
        dict
            `left`: processes that outlived it; `files`: what it left in /tmp and /dev/shm; `cpu_s`.

        Raises
        ------
        SandboxBroken
            If that cannot be had; the caller closes this sandbox, which ends everything in it.
        """
        try:
            self.control.send(b"end")
            found = self.receive(SWEEP_S)
        except OSError as error:
            raise SandboxBroken(f"no sweep: {error}") from None
        if not found["empty"]:
            raise SandboxBroken("its files cannot be removed")
        found["cpu_s"], self.cpu_s = found["cpu_s"] - self.cpu_s, found["cpu_s"]
        return found

    def close(self) -> None:
        """End everything in it. The kernel kills all of a process namespace with its first process."""
        if self.process is not None:
            self.control.close()
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
            self.group.close()
            shutil.rmtree(self.folder, ignore_errors=True)
