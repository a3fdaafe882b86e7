"""`course.py grade --check`: says what the sandbox can do on this machine, and tries to break out of it."""
from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from course_utils.grading.sandbox import Limits, NoSandbox, Sandbox, SandboxBroken
from course_utils.grading.session import Gone, Late
from course_utils.settings import course_root

SEEN = """
import os, socket, ctypes, time, signal, glob
def attempt(work):
    try: return bool(work())
    except BaseException: return False
def write(path): open(path, "a").close(); return True
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(1); s.connect(address); return True
def grab():
    kept = []
    while len(kept) < 300: kept.append(bytearray(b"x" * (1 << 26)))
    return True
def spawn():
    made = 0
    for _ in range(400):
        pid = os.fork()
        if pid == 0: time.sleep(30); os._exit(0)
        made += 1
    return made == 400
def mark():
    open("/tmp/mark", "w").close(); open("/dev/shm/mark", "w").close(); return True
def linger():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(300)
        os._exit(0)
    return True
def left(): return os.path.exists("/tmp/mark") or os.path.exists("/dev/shm/mark")
libc = ctypes.CDLL(None)
def others():
    return [p for p in glob.glob("/proc/[0-9]*/environ") if f"/{os.getpid()}/" not in p and open(p, "rb").read(1)]
"""
TRIES = (  # (what is tried, expression that is true where it succeeds)
    ("read the solutions", "os.path.exists({solutions!r})"), ("read the results and the seeds", "os.path.exists({out!r})"),
    ("read a file of this user", "os.path.exists({secret!r})"), ("import the judge", "__import__('course_utils.exercises.judge')"),
    ("import an oracle", "__import__('course_utils.exercises.lab09')"), ("read the environment of others", "others()"),
    ("see this machine's processes", "os.path.exists('/proc/{pid}/cmdline') and {pid} != os.getpid() and {pid} > 50 and len(glob.glob('/proc/[0-9]*')) > 5"),
    ("write to the system", "write('/usr/mark')"), ("write to the course", "write('/course/mark')"), ("write to /", "write('/mark')"),
    ("write to /dev", "write('/dev/mark')"), ("reach the network", "connect(socket.AF_INET, ('127.0.0.1', {port}))"),
    ("open a raw socket", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"), ("open a netlink socket", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"),
    ("become root", "os.setuid(0) is None and os.getuid() == 0"), ("make a user namespace", "libc.unshare(0x10000000) == 0"),
    ("make a mount namespace", "libc.unshare(0x20000) == 0"), ("mount", "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0"),
    ("trace the process that starts submissions", "libc.ptrace(16, os.getppid(), 0, 0) == 0"), ("read that process's memory", "open(f'/proc/{{os.getppid()}}/mem', 'rb')"),
    ("signal that process", "os.kill(os.getppid(), 9) is None"), ("signal everybody", "os.kill(-1, 9) is None"),
    ("start a program", "os.execv('/bin/true', ['true'])"), ("take 19 GB", "grab()"), ("start 400 processes", "spawn()"),
    ("keep shared memory of System V", "libc.shmget(1234, 4096, 0o1666) >= 0"),
)


def prove(say: Callable[[str], None] = print) -> int:
    """Try everything in `TRIES` from inside; returns 0 where all failed, 1 where something succeeded or there is no sandbox."""
    import socket

    box = Sandbox(["course_utils.grading.inside.child"], [], Limits(memory_bytes=256 << 20))
    with tempfile.TemporaryDirectory(prefix="course-proof-") as folder, socket.create_server(("127.0.0.1", 0)) as server:
        secret = Path(folder, "secret")
        secret.write_text("x", encoding="utf-8")
        try:
            about = box.start()
        except NoSandbox as error:
            say(f"✗ no sandbox: {error}")
            return 1
        say(f"✓ bubblewrap and seccomp work; in there runs Python {about['python'].split()[0]} with numpy of this environment")
        say("✓ submissions run as a user that owns nothing" if os.getuid() == 0 else "✓ submissions run in a user namespace of their own")
        known = {"solutions": str(course_root() / "solutions"), "out": folder, "secret": str(secret), "pid": os.getpid(), "port": server.getsockname()[1]}
        broken = 0
        try:
            for what, expression in TRIES:
                succeeded = tried(box, expression.format(**known))
                broken += succeeded
                say(f"{'✗ could' if succeeded else '✓ could not'} {what}")
            tried(box, "mark() and linger()")
            remains = tried(box, "left() or len(glob.glob('/proc/[0-9]*')) > 3")
            broken += remains
            say(f"{'✗ finds' if remains else '✓ finds nothing of'} files or processes of the submission before")
        finally:
            box.close()
    say("The sandbox holds." if not broken else f"{broken} attempts succeeded: do not grade on this machine.")
    return 1 if broken else 0


def tried(box: Sandbox, expression: str) -> bool:
    """Whether an expression is true inside; a submission that is ended has not succeeded."""
    try:
        session = box.fork()
        try:
            session.ask({"cell": SEEN, "name": "<try>"}, 20, 1 << 16)
            cell = f"def answer():\n    return attempt(lambda: {expression})\n"
            session.ask({"cell": cell, "name": "<try>"}, 20, 1 << 16)
            asked = session.ask({"function": "answer", "through": None, "limit_s": 20.0, "wall_s": 20.0, "times": 1, "args": []}, 30, 1 << 16)
            return asked["outcomes"][0].get("value") is True
        except (Gone, Late, ValueError):
            return False
        finally:
            session.close()
            box.sweep()
    except SandboxBroken:
        box.close()
        box.start()
        return False
