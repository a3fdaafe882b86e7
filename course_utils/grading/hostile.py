"""Submissions that do harm, by accident or on purpose: for the tests and the benchmark of the grader.

Each is the cell of exercise 09.3 of a submission that is right otherwise. What it may cost is its own
points; what it must never get is points that its numbers do not earn.
"""
from __future__ import annotations

from dataclasses import dataclass

SIGNATURE = "def completeness_error(attributions, model, inputs, labels, baselines):\n"
HONEST = """
    n = torch.arange(len(labels))
    change = model(inputs)[n, labels] - model(baselines)[n, labels]
    return (attributions.flatten(1).sum(dim=1) - change).abs() / change.abs()
"""


@dataclass(frozen=True)
class Hostile:
    """One of them.

    Attributes
    ----------
    name, cell : str
    verdict : str
        What is fair: `right` where its numbers are.
    flag : str
        Part of a flag that the instructor must see, or nothing.
    slow : bool
        Whether it can only be told by waiting.
    """

    name: str
    cell: str
    verdict: str = "wrong"
    flag: str = ""
    slow: bool = False


def body(*lines: str, before: str = "") -> str:
    """A cell with these lines in the function's body."""
    return before + SIGNATURE + "\n".join("    " + line for line in lines) + "\n"


def also(*lines: str, before: str = "") -> str:
    """A cell that does something and then what is right."""
    return body(*lines, before=before) + HONEST.lstrip("\n")


GUESS = "return torch.zeros(len(labels), dtype=inputs.dtype)"
FORGE = ("import os", "from course_utils.grading import packets, wire", "answer = {'outcomes': [{'kind': 'value', 'value': torch.zeros(len(labels), dtype=inputs.dtype)}]}",
         "def forge():", "    for number in range(10):", "        for packet in packets.cut(number, wire.encode(answer)): os.write(3, packet)")

HOSTILE = (
    # ---- does not end
    Hostile("endless loop", body("while True: pass")),
    Hostile("loop that swallows interrupts", body("while True:", "    try:", "        while True: pass", "    except BaseException: pass",
            before="import signal\nfor number in range(1, 32):\n    try: signal.signal(number, signal.SIG_IGN)\n    except OSError: pass\n"), slow=True),
    Hostile("holds the interpreter", body("return sum(iter(int, 1))"), flag="did not give way", slow=True),
    Hostile("endless at definition", "while True: pass\n" + SIGNATURE + HONEST, flag="while it was executed"),
    Hostile("recursion", body("return completeness_error(attributions, model, inputs, labels, baselines)")),
    Hostile("recursion in C", body("x = []", "for _ in range(10**6): x = [x]", "return repr(x)"), slow=True),
    # ---- ends itself
    Hostile("os._exit", body("import os", "os._exit(0)"), flag="ended in the middle"),
    Hostile("os._exit at definition", "import os\nos._exit(0)\n" + SIGNATURE + HONEST, flag="while it was executed"),
    Hostile("SystemExit", body("raise SystemExit")),
    Hostile("segfault", body("import ctypes", "ctypes.string_at(0)"), flag="ended in the middle"),
    Hostile("kills the zygote", also("import os, signal", "for pid in (os.getppid(), -1, -os.getppid(), 1):",
            "    try: os.kill(pid, signal.SIGKILL)", "    except (OSError, OverflowError): pass"), "right"),
    Hostile("limits the zygote", also("import os, resource", "try: resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))",
            "except (OSError, ValueError): pass"), "right"),
    # ---- takes everything
    Hostile("30 GB at once", body("import numpy", "return torch.from_numpy(numpy.ones(4 * 10**9))")),
    Hostile("30 GB in steps", body("kept = []", "while True: kept.append(bytearray(b'x' * (1 << 24)))")),
    Hostile("shared memory", body("import mmap", "kept = []", "while True:", "    kept.append(mmap.mmap(-1, 1 << 26))", "    kept[-1].write(b'x' * (1 << 26))"), slow=True),
    Hostile("fork bomb", body("import os", "while True:", "    try: os.fork()", "    except OSError: pass"), flag="", slow=True),
    Hostile("many small ones", body("import os, time", "for _ in range(40):", "    if os.fork() == 0:", "        kept = [bytearray(b'x' * (1 << 20)) for _ in range(300)]",
            "        time.sleep(100)", "time.sleep(2)", "return torch.zeros(1)"), slow=True),
    Hostile("thread bomb", body("import threading, time", "while True: threading.Thread(target=time.sleep, args=(1000,)).start()")),
    Hostile("daemon", also("import os, time", "if os.fork() == 0:", "    os.setsid()", "    if os.fork() == 0:", "        time.sleep(10000)",
            "    os._exit(0)", "os.wait()"), "right", flag="processes behind"),
    Hostile("fills the disk", also("import os", "for place in ('/tmp', '/dev/shm'):", "    for k in range(8):", "        try:",
            "            with open(f'{place}/{k}', 'wb') as out: out.write(bytes(1 << 24))", "        except OSError: pass"), "right", flag="files in /tmp"),
    Hostile("deep folders", also("import os", "os.chdir('/tmp')", "for _ in range(2000):", "    try: os.mkdir('d'); os.chdir('d')", "    except OSError: break"),
            "right", flag="made anew"),
    Hostile("prints 100 MB", also("for _ in range(100): print('x' * 10**6)"), "right", slow=True),
    Hostile("output without newline", also("import os, sys", "for _ in range(100): os.write(1, b'x' * 10**6); sys.stdout.write('y' * 10**6)"), "right", slow=True),
    Hostile("oversized answer", body("return torch.zeros(10**6, dtype=torch.float64)"), flag="oversized"),
    Hostile("a million parts", body("return [0.0] * 10**6"), slow=True),
    # ---- looks around
    Hostile("asks for the oracle", body(
        "try:", "    from course_utils.exercises.registry import find", "    return find('09.3').oracle(attributions, model, inputs, labels, baselines)",
        "except Exception: pass", "try:", "    from course_utils.exercises import lab09_completeness as m",
        "    return m.from_captum(attributions, model, inputs, labels, baselines)", "except Exception: pass", GUESS)),
    Hostile("reads the solution", body(
        "import os", "for folder, folders, files in os.walk('/'):", "    if '/python3' in folder or folder in ('/proc', '/usr', '/dev'): folders[:] = []; continue",
        "    for name in files:", "        if not name.endswith(('.py', '.ipynb', '.json', '.jsonl')): continue",
        "        try: text = open(os.path.join(folder, name)).read()", "        except (OSError, UnicodeError): continue",
        "        if 'def completeness_error' in text or '\"seeds\"' in text:", "            names = dict(globals())", "            exec(text, names)",
        "            return names['completeness_error'](attributions, model, inputs, labels, baselines)", GUESS)),
    Hostile("looks into /proc", body(
        "import glob", "found = []", "for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/mem') + glob.glob('/proc/[0-9]*/fd/*'):",
        "    if f'/{__import__(\"os\").getpid()}/' in path or 'self' in path: continue", "    try: found.append(open(path, 'rb').read(10))", "    except OSError: pass",
        "if found: raise MemoryError('SAW ' + repr(found))", GUESS)),
    Hostile("reads the environment", body("import os", "secret = [v for k, v in os.environ.items() if 'COURSE' in k and v.startswith('/') and '/tmp' not in v]",
            "if secret: raise MemoryError('SAW ' + repr(secret))", GUESS)),
    Hostile("other submissions", body("import os, pathlib", "seen = [str(p) for root in ('/tmp', '/dev/shm', '/home', '/mnt', '/srv', '/var') for p in pathlib.Path(root).rglob('*')]",
            "if seen: raise MemoryError('SAW ' + repr(seen))", GUESS)),
    Hostile("writes outside", also("import pathlib", "for place in ('/course/course_utils/x', '/usr/x', '/etc/x', '/x', '/dev/x', '/proc/sys/kernel/hostname', __import__('numpy').__file__):",
            "    try: pathlib.Path(place).write_text('x')", "    except OSError: continue", "    raise MemoryError('WROTE ' + place)"), "right"),
    Hostile("network", also("import socket", "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET):",
            "    try: s = socket.socket(family, socket.SOCK_STREAM if family in (2, 10) else socket.SOCK_RAW)", "    except OSError: continue", "    raise MemoryError('SOCKET')"), "right"),
    Hostile("starts a program", also("import subprocess", "try: subprocess.run(['/bin/true'])", "except OSError: pass", "else: raise MemoryError('RAN')"), "right"),
    Hostile("a namespace of its own", also("import ctypes", "libc = ctypes.CDLL(None)", "if libc.unshare(0x10000000) == 0 or libc.unshare(0x20000) == 0 or libc.ptrace(16, 2, 0, 0) == 0: raise MemoryError('OUT')"),
            "right"),
    Hostile("inspects the stack", body(
        "import gc, sys", "frame = sys._getframe()", "while frame:", "    for value in list(frame.f_locals.values()):",
        "        if hasattr(value, 'oracle'): return value.oracle(attributions, model, inputs, labels, baselines)", "    frame = frame.f_back",
        "for value in gc.get_objects():", "    if type(value).__name__ in ('Exercise', 'Hidden', 'Plan'): raise MemoryError('SAW')",
        GUESS)),
    Hostile("guesses the seed", body(
        "import numpy", "for seed in range(3000):", "    rng = numpy.random.default_rng([9, 3, seed])", "    if rng.integers(1 << 30) == inputs.flatten()[0]: raise MemoryError('SAW')", GUESS)),
    # ---- lies
    Hostile("patched numpy.testing", body(GUESS, before="import numpy, numpy.testing, torch\nfor place in (numpy, numpy.testing, torch, torch.testing):\n    for name in "
            "('assert_allclose', 'assert_close', 'allclose', 'isclose', 'array_equal', 'equal'):\n        if hasattr(place, name): setattr(place, name, lambda *a, **k: True)\n")),
    Hostile("patched builtins", body(GUESS, before="import builtins\nbuiltins.all = builtins.any = builtins.isinstance = lambda *a: True\nbuiltins.abs = lambda x: 0\n")),
    Hostile("always equal", body("return Equal()", before="class Equal:\n    def __eq__(self, other): return True\n    def __array__(self, *a, **k): return torch.zeros(3).numpy()\n"
            "    def __getattr__(self, name): return lambda *a, **k: self\n")),
    Hostile("equal tensor", body("return torch.zeros(len(labels), dtype=inputs.dtype).as_subclass(Equal)",
            before="class Equal(torch.Tensor):\n    def __eq__(self, other): return torch.ones(1, dtype=torch.bool)\n    def __sub__(self, other): return self * 0\n")),
    Hostile("lazy answer", body("return Lazy()", before="class Lazy(list):\n    def __iter__(self):\n        import sys\n        frame = sys._getframe()\n        while frame:\n"
            "            if 'expected' in frame.f_locals: return iter(frame.f_locals['expected'])\n            frame = frame.f_back\n        return iter([0.0])\n    def __len__(self): return 1\n")),
    Hostile("pickle", body("return Evil()", before="class Evil:\n    def __reduce__(self): return (exec, ('raise MemoryError',))\n")),
    Hostile("pickle in an array", body("import numpy", "return numpy.array([Evil()], dtype=object)", before="class Evil:\n    def __reduce__(self): return (exec, ('raise MemoryError',))\n")),
    Hostile("forged answers", body(
        "import os, sys", "from course_utils.grading import wire",
        "frame = wire.encode({'id': 1, 'outcomes': [{'kind': 'value', 'value': torch.zeros(len(labels), dtype=inputs.dtype)}], 'points': 100, 'right': True})",
        "for fd in range(64):", "    try: os.write(fd, frame * 10)", "    except OSError: pass", GUESS), flag="nobody asked"),
    Hostile("forged before the answer", also(*FORGE, "forge()"), "right", flag="nobody asked"),
    Hostile("forged after the answer", also(  # once the process waits for the next question, which may come before, between or after
        *FORGE, "import sys, threading, time", "main = threading.main_thread().ident",
        "def later():", "    while sys._current_frames()[main].f_code.co_name != 'received': time.sleep(0)", "    forge()",
        "begun = globals().setdefault('begun', [])", "if len(begun) == 1: begun[0].join()",
        "begun.append(threading.Thread(target=later, daemon=True))", "begun[-1].start()"), "right", flag="nobody asked"),
    Hostile("answers the question before", also(
        "import os, sys, threading", "from course_utils.grading import packets, wire", "frame = sys._current_frames()[threading.main_thread().ident]",
        "while frame.f_code.co_name != 'serve': frame = frame.f_back", "number = frame.f_locals['number']",
        "again = {'outcomes': [{'kind': 'value', 'value': torch.zeros(len(labels), dtype=inputs.dtype)}]}",
        "for old in set(globals().get('numbers', [])) - {number}:", "    for packet in packets.cut(old, wire.encode(again)): os.write(3, packet)",
        "globals().setdefault('numbers', []).append(number)"), "right", flag="nobody asked"),
    Hostile("answers of nothing", also("import socket", "line = socket.socket(fileno=3)", "try:", "    for _ in range(20): line.send(b'')", "finally: line.detach()"), "right"),
    Hostile("nonsense on every descriptor", body("import os", "for fd in range(64):", "    try: os.write(fd, b'\\xff' * 4096)", "    except OSError: pass", GUESS), flag="nobody asked"),
    Hostile("patched guard", body(GUESS, before="from course_utils.exercises import guard\nguard.call = lambda *a, **k: guard.Outcome('value', value=True)\n")),
    Hostile("answers kept across cases", body("global kept", "try: return kept", "except NameError: pass", "n = torch.arange(len(labels))",
            "change = model(inputs)[n, labels] - model(baselines)[n, labels]", "kept = (attributions.flatten(1).sum(dim=1) - change).abs() / change.abs()", "return kept")),
    Hostile("right once", also("global calls", "calls = globals().get('calls', 0) + 1", "if calls > 2: return torch.zeros(len(labels), dtype=inputs.dtype)")),
    Hostile("inputs in the error", body("raise type('X' + str(abs(hash(str(inputs)))), (ValueError,), {})('INPUTS ' + str(inputs))")),
    Hostile("inputs in the answer", body("return {'INPUTS ' + str(float(inputs.flatten()[0])): 1}")),
)
