"""The process that has imported everything and computed nothing; it forks once for each submission.

It is the sandbox's first program and does what the judge's side tells it on a socket: `fork` with a
descriptor, on which the child answers; `spent`, for CPU seconds; `end`, upon which everything that the submission started is
killed and what it wrote is removed. It never reads what a submission sends.

A fork copies only the thread that forks: locks that other threads hold stay locked for ever in the
child, and a torch that has computed with two threads hangs there. So one thread is all that may be.
"""
from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import threading

PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 36, 4, 22, 38
PRIVATE = ("/tmp", "/dev/shm")
libc = ctypes.CDLL(None, use_errno=True)


def assert_one_thread() -> None:
    """Stop where a second thread lives, of Python's or of a library's.

    Raises
    ------
    RuntimeError
        With how many there are.
    """
    known = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else threading.active_count()
    if known != 1:
        raise RuntimeError(f"the zygote has {known} threads; a fork would hang: import less, and compute nothing")


def become(user: int) -> None:
    """Change to a user that owns nothing, where root started the sandbox; gives up every capability."""
    if os.getuid() == 0 and user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def load_modules(names: list[str]) -> list[str]:
    """Import what the lab needs; returns the names that could not be imported."""
    missing = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    return missing


def install_filter(code: bytes) -> None:
    """Let the kernel refuse what the compiled seccomp filter names, to this process and its children."""
    if not code:
        return
    block = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(block)))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "the seccomp filter was refused")


def limit(settings: dict) -> None:
    """Set the limits of a submission's process and of all that it starts."""
    used = 4096 * int(open("/proc/self/statm", encoding="ascii").read().split()[0])
    wanted = {
        resource.RLIMIT_CPU: settings["cpu_s"], resource.RLIMIT_FSIZE: settings["file_bytes"],
        resource.RLIMIT_NOFILE: settings["files"], resource.RLIMIT_NPROC: settings["processes"],
        resource.RLIMIT_AS: used + settings["memory_bytes"] + settings["address_slack_bytes"], resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: data_bytes() + settings["memory_bytes"], resource.RLIMIT_MEMLOCK: 0, resource.RLIMIT_MSGQUEUE: 0,
    }
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value + (1 if which == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0)))
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as handle:
        handle.write("1000")  # where memory runs out, the submission goes and not the zygote


def data_bytes() -> int:
    """Private memory that this process has mapped so far."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        lines = dict(line.split(":", 1) for line in status if line.startswith(("VmData", "VmStk")))
    return sum(1024 * int(value.split()[0]) for value in lines.values())


def child(channel: int, settings: dict, filter_code: bytes) -> None:
    """A submission's process, from the fork to its end."""
    from course_utils.grading.inside.child import serve  # imported long before, after root was given up

    try:
        os.setsid()
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self belongs to root; the zygote's own stays closed to it
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        os.dup2(channel, 3)
        os.closerange(4, 4096)
        limit(settings)
        install_filter(filter_code)
        gc.set_threshold(20_000, 20, 20)  # most submissions end before the first collection
        gc.enable()
        with socket.socket(fileno=3) as connection:
            serve(connection)
    finally:
        os._exit(0)


def spent(child: int) -> dict:
    """CPU seconds of a submission's process and of all that it started, and whether the process still is."""
    ticks, alive = 0, False
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in (1, os.getpid()):
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as handle:
                state, *numbers = handle.read().rpartition(b")")[2].split()
        except OSError:
            continue  # just ended
        ticks += sum(map(int, numbers[10:14]))  # user and system time, its own and of children that it waited for
        alive = alive or (int(name) == child and state not in (b"Z", b"X"))
    return {"cpu_s": ticks / os.sysconf("SC_CLK_TCK"), "alive": alive}


def sweep() -> dict:
    """End everything that the submission started, and empty what it could write to."""
    ended, killed = 0, False
    while True:
        if killed:
            libc.kill(-1, signal.SIGKILL)  # all but this process and the sandbox's own first one
        try:
            pid, _ = os.waitpid(-1, 0 if killed else os.WNOHANG)
        except ChildProcessError:
            break
        ended += pid > 0
        killed = killed or pid == 0
    files = 0
    for place in PRIVATE:
        with os.scandir(place) as entries:
            for entry in entries:
                files += 1
                remove(entry)
    empty = not any(os.listdir(place) for place in PRIVATE)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"left": max(ended - 1, 0), "files": files, "empty": empty, "cpu_s": usage.ru_utime + usage.ru_stime}


def remove(entry: os.DirEntry) -> None:
    """Remove what a submission wrote; what resists is found by who looks whether the place is empty."""
    try:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)
    except (OSError, RecursionError):
        pass


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    settings = json.loads(control.recv(1 << 20))
    become(settings["user"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    missing = load_modules(settings["modules"])
    where = {name: getattr(sys.modules.get(name), "__file__", None) for name in ("numpy", "torch")}
    gc.collect()
    gc.freeze()
    gc.disable()
    assert_one_thread()
    control.sendall(json.dumps({"ready": True, "pid": os.getpid(), "missing": missing, "where": where, "python": sys.version}).encode())
    filter_code = control.recv(1 << 16).removeprefix(b"filter")
    pid = 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        if not message:
            return
        if message == b"fork":
            assert_one_thread()
            pid = os.fork()
            if pid == 0:
                control.close()
                child(descriptors[0], settings["limits"], filter_code)
            control.sendall(json.dumps({"pid": pid}).encode())
        elif message == b"spent":
            control.sendall(json.dumps(spent(pid)).encode())
        elif message == b"end":
            control.sendall(json.dumps(sweep()).encode())
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    main()
