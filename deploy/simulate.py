"""A class on a hub of this machine, on loopback: log in, open a lab, run it, hand it in, and be graded.

    python deploy/simulate.py --students 10 --lab 06

Everything is done as a browser does it: the login page, the start of the server, the notebook and its kernel over
the server's HTTP and websocket interfaces, `!submit` in the notebook. The hub runs with jupyterhub_config.py, except
that its students have no accounts (dummy authenticator, one system user). Memory and CPU time of servers and kernels
are measured on the way, in Linux. Every second student hands in the last exercise undone, so that marks have to differ:
a release holds no solutions to go on with, so it is solved for the run and emptied before the hand-in.
"""
from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psutil
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from collect import collect  # noqa: E402
from memory import Memory  # noqa: E402
from places import Places  # noqa: E402
from publish import publish  # noqa: E402

from course_utils.exercises import registry  # noqa: E402
from course_utils.exercises.solved import solved_cell  # noqa: E402
from course_utils.settings import course_root  # noqa: E402

HUB_START_S = 180
SERVER_START_S = 300
CELL_S = 600
PROXY = "configurable-http-proxy"

CONFIG = """
load_subconfig({config!r})
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.JupyterHub.cleanup_servers = True
c.JupyterHub.log_level = "INFO"
c.Spawner.environment |= {environment!r}
c.Spawner.args += {arguments!r}
"""


class Failed(RuntimeError):
    """A student could not go on; the message says where."""


def missing() -> str:
    """What this machine lacks for a hub, as a sentence; empty where all is there."""
    lacking = [name for name in ("jupyterhub", "nbgitpuller") if find_spec(name) is None]
    if lacking:
        return f"{' and '.join(lacking)} not installed: python -m pip install --constraint constraints.txt --editable '.[deploy]'"
    if not proxy():
        return f"{PROXY} is not on the path: npm install --global {PROXY}, or name its command in LABS_PROXY"
    if not shutil.which("git"):
        return "git is not installed"
    return ""


def proxy() -> str | None:
    """The command of the proxy: as `LABS_PROXY` says, from the path, or from this environment."""
    return os.environ.get("LABS_PROXY") or shutil.which(PROXY) or shutil.which(PROXY, path=str(Path(sys.executable).parent))


# ---------------------------------------------------------------- the hub


@contextlib.contextmanager
def hub(home: Path, password: str, profile: str) -> Iterator[tuple[str, psutil.Process]]:
    """A hub below the folder `home`; gives its address and its process, and ends all that it has started."""
    port, hub_port, proxy_port = free_ports(3)
    environment = {"COURSE_PROFILE": profile, "COURSE_DATA": "none"}
    arguments = ["--ServerApp.allow_root=True"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    config = home / "simulated_config.py"
    config.write_text(CONFIG.format(config=str(HERE / "jupyterhub_config.py"), password=password, homes=str(home / "homes"), port=port,
                                    hub_port=hub_port, proxy_port=proxy_port, environment=environment, arguments=arguments), encoding="utf-8")
    with open(home / "hub.log", "w", encoding="utf-8") as log:
        process = psutil.Popen([sys.executable, "-m", "jupyterhub", "--config", str(config)], cwd=home / "hub", stdout=log, stderr=log,
                               env=os.environ | {"LABS_HOME": str(home), "LABS_PROXY": proxy()}, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(f"{address}/hub/api/"), HUB_START_S, f"the hub (see {home / 'hub.log'})", process)
        yield address, process
    finally:
        started = [process, *process.children(recursive=True)] if process.is_running() else []
        process.terminate()
        _, alive = psutil.wait_procs(started, timeout=20)
        for one in alive:
            with contextlib.suppress(psutil.Error):
                one.kill()
        process.wait(10)


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def answers(address: str) -> bool:
    import requests

    try:
        return requests.get(address, timeout=5).ok
    except requests.RequestException:
        return False


def wait_for(condition, limit_s: float, what: str, process: psutil.Process | None = None) -> None:
    """Ask for a condition twice a second, which a class at once does not feel, until it holds."""
    end = time.monotonic() + limit_s
    while not condition():
        if process is not None and process.poll() is not None:
            raise Failed(f"{what} has ended")
        if time.monotonic() > end:
            raise Failed(f"{what}: nothing in {limit_s:.0f} s")
        time.sleep(0.5)


# ---------------------------------------------------------------- a student


@dataclass
class Student:
    """One student: what a browser holds (cookies), and how long each step took in seconds."""

    name: str
    address: str
    password: str
    seconds: dict[str, float] = field(default_factory=dict)
    receipt: str = ""

    def __post_init__(self):
        import requests

        self.web = requests.Session()

    @contextlib.contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = time.monotonic() - began

    def token(self, path: str) -> str:
        """The token against forged requests that the pages below a path were given."""
        return next((cookie.value for cookie in self.web.cookies if cookie.name == "_xsrf" and cookie.path == path), "")

    def ask(self, method: str, path: str, **more):
        """A request to the student's own server, as JupyterLab makes it."""
        answer = self.web.request(method, f"{self.address}/user/{self.name}/{path}", timeout=CELL_S,
                                  headers={"X-XSRFToken": self.token(f"/user/{self.name}/")}, **more)
        if not answer.ok:
            raise Failed(f"{self.name}: {method} {path} gave {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def log_in(self) -> None:
        self.web.get(f"{self.address}/hub/login", timeout=60)
        answer = self.web.post(f"{self.address}/hub/login", params={"next": "/hub/home"}, timeout=60,
                               data={"username": self.name, "password": self.password, "_xsrf": self.token("/hub/")})
        if not answer.url.endswith("/hub/home"):
            raise Failed(f"{self.name} could not log in: {answer.status_code} at {answer.url}")

    def start_server(self) -> None:
        """The start page, then the server's own pages as soon as they are there."""
        answer = self.web.get(f"{self.address}/hub/spawn/{self.name}", timeout=SERVER_START_S)
        if not answer.ok:
            raise Failed(f"{self.name}: the start of the server gave {answer.status_code}: {answer.reason}")

        def ready() -> bool:
            answer = self.web.get(f"{self.address}/user/{self.name}/lab", timeout=60)
            return answer.ok and f"/user/{self.name}/lab" in answer.url

        wait_for(ready, SERVER_START_S, f"the server of {self.name}")

    def work(self, lab: str, until: str, left_out: set[str], on_cell) -> None:
        """Open the notebook, solve the exercises, run its cells up to the check of exercise `until`, empty some, save, hand in."""
        name = next(item["name"] for item in self.ask("GET", "api/contents/labs")["content"] if item["name"].startswith(f"{lab}_"))
        notebook = self.ask("GET", f"api/contents/labs/{name}")["content"]
        session = self.ask("POST", "api/sessions", json={"path": f"labs/{name}", "name": name, "type": "notebook", "kernel": {"name": "python3"}})
        given = solve(notebook)
        with self.kernel(session["kernel"]["id"]) as kernel:
            for cell in cells_until(notebook, until):
                cell["outputs"] = kernel.run(cell["source"])
                on_cell()
            for cell in notebook["cells"]:
                if cell["id"] in {cell_of(task) for task in left_out}:
                    cell["source"] = given[cell["id"]]
            with self.timed("save"):
                self.ask("PUT", f"api/contents/labs/{name}", json={"type": "notebook", "format": "json", "content": notebook})
            with self.timed("submit"):
                said = kernel.run(f"!submit {lab}")
        self.receipt = "".join(output.get("text", "") for output in said)
        if "Receipt" not in self.receipt:
            raise Failed(f"{self.name} could not hand in: {self.receipt or said}")

    @contextlib.contextmanager
    def kernel(self, identity: str) -> Iterator[Kernel]:
        import websocket

        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.web.cookies if f"/user/{self.name}/".startswith(cookie.path))
        address = f"{self.address.replace('http', 'ws', 1)}/user/{self.name}/api/kernels/{identity}/channels"
        wire = websocket.create_connection(address, cookie=cookies, origin=self.address, timeout=CELL_S, suppress_origin=False)
        try:
            yield Kernel(wire, self.name)
        finally:
            wire.close()


class Kernel:
    """The notebook's end of a kernel's websocket."""

    def __init__(self, wire, student: str):
        self.wire, self.student, self.session = wire, student, uuid.uuid4().hex

    def run(self, code: str) -> list[dict]:
        """Execute a cell; gives its outputs as a notebook holds them.

        Raises
        ------
        Failed
            If the cell raises.
        """
        from nbformat.v4 import output_from_msg

        identity = uuid.uuid4().hex
        header = {"msg_id": identity, "msg_type": "execute_request", "session": self.session, "username": self.student, "version": "5.3", "date": ""}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        self.wire.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}))
        outputs, replied, idle = [], False, False
        while not (replied and idle):
            received = self.wire.recv()
            if not isinstance(received, str):
                continue  # a widget's message with buffers
            message = json.loads(received)
            if message["parent_header"].get("msg_id") != identity:
                continue
            kind = message["header"]["msg_type"]
            replied = replied or kind == "execute_reply"
            idle = idle or (kind == "status" and message["content"]["execution_state"] == "idle")
            if kind == "error":
                raise Failed(f"{self.student}: {message['content']['ename']}: {message['content']['evalue']}\nin the cell\n{code}")
            if kind in ("stream", "display_data", "execute_result"):
                outputs.append(dict(output_from_msg(message)))
        return outputs


def solve(notebook: dict) -> dict[str, str]:
    """Write the solution into every exercise cell of a notebook; gives what stood there, by the cells' ids."""
    solutions = {cell_of(exercise.id): exercise for exercise in registry.all_exercises()}
    given = {}
    for cell in notebook["cells"]:
        if cell.get("id") in solutions:
            given[cell["id"]] = cell["source"]
            cell["source"] = solved_cell(solutions[cell["id"]])
    return given


def cell_of(task: str) -> str:
    """Id of an exercise's cell."""
    return f"ex-{task.replace('.', '-')}"


def cells_until(notebook: dict, until: str) -> list[dict]:
    """The code cells up to the check of an exercise; all if it is empty."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    last = f"{cell_of(until)}-check"
    return code[:next(k for k, cell in enumerate(code) if cell["id"] == last) + 1] if until else code


# ---------------------------------------------------------------- the class


def simulate(home: Path, students: int, lab: str, until: str = "", at_once: int = 0, profile: str = "fast") -> dict:
    """A whole class below an empty folder.

    Parameters
    ----------
    home : folder that stands for `LABS_HOME`.
    students : how many.
    lab : number of the lab.
    until : run the cells up to the check of this exercise only, and grade up to it; all if empty.
    at_once : how many work at the same time; all if 0.
    profile : the profile of the kernels, `fast` or `full` as students have it.

    Returns
    -------
    Marks and expected marks by student, seconds by step, memory and CPU time, versions.
    """
    exercises = [exercise for exercise in registry.all_exercises() if exercise.lab == lab]
    exercises = exercises[:next((k for k, exercise in enumerate(exercises, 1) if exercise.id == until), len(exercises))]
    publish([lab], [], Places(home))
    (home / "homes").mkdir()
    password = secrets.token_urlsafe(16)
    names = [f"student{k:02d}" for k in range(1, students + 1)]
    unsolved = {name: {exercises[-1].id} if k % 2 else set() for k, name in enumerate(names)}
    expected = {name: sum(exercise.points for exercise in exercises if exercise.id not in unsolved[name]) for name in names}
    began = time.monotonic()
    with hub(home, password, profile) as (address, process), Memory(process) as memory:
        class_ = [Student(name, address, password) for name in names]
        handed_out = next((Places(home).course.resolve() / "notebooks").glob(f"{lab}_*.ipynb"))
        number = len(cells_until(json.loads(handed_out.read_text(encoding="utf-8")), until))
        with tqdm(total=students * (number + 2), desc=f"lab {lab}, {students} students", unit="step", file=sys.stdout, mininterval=1) as bar:
            lock = threading.Lock()

            def step() -> None:
                with lock:
                    bar.update()

            def one(student: Student) -> None:
                with student.timed("log in"):
                    student.log_in()
                with student.timed("start"):
                    student.start_server()
                step()
                with student.timed("work"):
                    student.work(lab, until, unsolved[student.name], step)
                step()

            with ThreadPoolExecutor(at_once or students) as pool:
                list(pool.map(one, class_))
        worked = time.monotonic() - began
        measured = memory.report()
    disk = sorted(sum(path.lstat().st_size for path in (home / "homes" / name).rglob("*")) / 1e6 for name in names)
    found = collect(lab, Places(home).collect, home / "submissions")
    graded, marks = grade(home, lab, [exercise.id for exercise in exercises])
    return {"students": students, "lab": lab, "until": until, "profile": profile, "worked_s": worked, "graded_s": graded, "handed_in": len(found), "marks": marks,
            "expected": expected, "seconds": {student.name: student.seconds for student in class_}, "memory": measured, "home_mb": disk[len(disk) // 2]}


def grade(home: Path, lab: str, tasks: list[str]) -> tuple[float, dict[str, float]]:
    """`course.py grade` on what was collected: its seconds, and points by student."""
    from course_utils.grading.sandbox import NoSandbox, Sandbox

    command = [sys.executable, "-P", "-m", "course_utils.cli", "grade", str(home / "submissions"), "--lab", lab, "--out", str(home / "results"),
               "--tasks", ",".join(tasks), "--jobs", "1"]
    box = Sandbox(["numpy"], [])
    try:
        box.start()
    except NoSandbox:
        command.append("--no-sandbox")  # these submissions are our own
    finally:
        box.close()
    began = time.monotonic()
    done = subprocess.run(command, cwd=course_root(), capture_output=True, encoding="utf-8")
    if done.returncode:
        raise Failed(f"course.py grade ended with {done.returncode}: {done.stdout}{done.stderr}")
    with open(home / "results" / "totals.csv", encoding="utf-8-sig", newline="") as handle:
        return time.monotonic() - began, {row["submission"]: float(row["Grade"]) for row in csv.DictReader(handle)}


def table(result: dict) -> str:
    """What was measured, as text."""
    lines = [f"{result['handed_in']} of {result['students']} handed in lab {result['lab']}; worked {result['worked_s']:.0f} s, graded in "
             f"{result['graded_s']:.0f} s; marks {'as expected' if result['marks'] == result['expected'] else 'NOT AS EXPECTED'}"]
    for step in ("log in", "start", "work", "save", "submit"):
        taken = sorted(seconds[step] for seconds in result["seconds"].values())
        lines.append(f"  {step:8s} median {taken[len(taken) // 2]:7.1f} s   longest {taken[-1]:7.1f} s")
    for kind, row in result["memory"]["kinds"].items():
        lines.append(f"  {kind:8s} " + "   ".join(f"{name} {value:.0f}" for name, value in row.items()))
    lines.append("  all      " + "   ".join(f"{name} {value:.0f}" for name, value in result["memory"]["all"].items()))
    lines.append(f"  a student's folder: {result['home_mb']:.0f} MB")
    return "\n".join(lines)


def main() -> int:
    reader = argparse.ArgumentParser(description="A simulated class on a hub of this machine.")
    reader.add_argument("--students", type=int, default=10)
    reader.add_argument("--lab", default="06")
    reader.add_argument("--until", default="", help="run the cells up to the check of this exercise only, for example 06.2")
    reader.add_argument("--at-once", type=int, default=0, help="students at a time; all unless set")
    reader.add_argument("--profile", choices=("fast", "full"), default="fast", help="full: as students have it")
    reader.add_argument("--out", type=Path, help="write what was measured to this JSON file")
    given = reader.parse_args()
    if missing():
        sys.exit(f"There can be no hub here: {missing()}.")
    with tempfile.TemporaryDirectory(prefix="labs-", ignore_cleanup_errors=True) as home:
        try:
            result = simulate(Path(home), given.students, given.lab.zfill(2), given.until, given.at_once, given.profile)
        except Failed as error:
            log = Path(home) / "hub.log"
            said = log.read_text(encoding="utf-8").splitlines()[-30:] if log.exists() else []
            sys.exit("\n".join([*said, f"✗ {error}"]))
    print(table(result))
    if given.out:
        given.out.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0 if result["marks"] == result["expected"] else 1


if __name__ == "__main__":
    sys.exit(main())
