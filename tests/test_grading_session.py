"""The line to a submission: only an answer under the number of the open question counts, whenever anything else arrives."""
import socket
import threading
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

import numpy as np
import pytest

from course_utils.exercises.guard import TimeUp
from course_utils.grading import packets, wire, workers
from course_utils.grading.attempt import Attempt
from course_utils.grading.graft import Graft
from course_utils.grading.grader import Grader
from course_utils.grading.inside.child import run_for
from course_utils.grading.judging import Result, outcome_of
from course_utils.grading.plan import Plan
from course_utils.grading.session import Gone, Late, Session

ANSWER, FORGED = wire.encode({"points": 1}), wire.encode({"points": 100})
LARGE = wire.encode({"points": np.zeros(600)})
KINDS = [pytest.param("SOCK_SEQPACKET", marks=pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Unix's")), "SOCK_STREAM"]


class Line(Session):
    """A session whose other side is played by a script: what it sends once a question has gone out, and once it was answered."""

    def __init__(self, kind: str, answers) -> None:
        ours, self.theirs = socket.socketpair(type=getattr(socket, kind)) if hasattr(socket, "AF_UNIX") else socket.socketpair()
        super().__init__(ours)
        self.answers, self.numbers = answers, []
        self.theirs.settimeout(10)

    def wait(self, reading, clock):
        if reading and len(self.numbers) < len(self.answers):  # all of a question has been sent
            try:
                self.theirs.setblocking(False)
                asked = packets.Packets(self.theirs).next()[0]
                self.theirs.settimeout(10)
            except BlockingIOError:
                asked = None
            if asked is not None:
                self.numbers.append(asked)
                for number, frame in self.answers[len(self.numbers) - 1](self.numbers):
                    for packet in packets.cut(number, frame):
                        self.theirs.sendall(packet)
        super().wait(reading, clock)


def asked(kind: str, *answers, limit: int = 1 << 20) -> tuple[list, int]:
    """What two questions bring, and how many packets came unasked."""
    line = Line(kind, answers)
    try:
        return [line.ask({"question": k}, 5, limit)["points"] for k in range(len(answers))], line.drain()
    finally:
        line.close()
        line.theirs.close()


def honest(numbers):
    return [(numbers[-1], ANSWER)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scripts", [
    (lambda numbers: [(5, FORGED), *honest(numbers)], honest),                                       # before the answer
    (lambda numbers: [*honest(numbers), (5, FORGED)], honest),                                       # after it: lies there when the next is put
    (honest, lambda numbers: [(numbers[0], FORGED), *honest(numbers)]),                              # an answer to the question before
    (honest, lambda numbers: [*honest(numbers), (numbers[1], FORGED)]),                              # the last, answered twice
    (lambda numbers: [*honest(numbers), (numbers[0], FORGED)], honest),                              # answered twice, another question after
], ids=["before", "after", "of the question before", "twice at the end", "twice"])
def test_what_nobody_asked_for_changes_no_answer_in_whatever_order(kind, scripts):
    assert asked(kind, *scripts) == ([1, 1], 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0, 1, 4])
def test_a_packet_in_the_middle_of_an_answer_leaves_it_whole(monkeypatch, kind, place):
    def cut(number, frame):
        parts = list(original(number, frame))
        if frame is LARGE:
            assert len(parts) == 5
            parts.insert(place, next(original(7, FORGED)))
        return parts

    original = packets.cut
    monkeypatch.setattr(packets, "MOST", 1000)
    monkeypatch.setattr(packets, "cut", cut)
    found, unasked = asked(kind, lambda numbers: [(numbers[-1], LARGE)], honest)
    assert np.array_equal(found[0], np.zeros(600)) and found[1] == 1 and unasked == 1


def test_packets_of_nothing_and_of_no_form_are_no_answers():
    line = Line("SOCK_SEQPACKET", [])
    for rubbish in (b"", b"", b"x", b"\xff" * 4096, packets.HEAD.pack(3, 10)):
        line.theirs.send(rubbish)
    line.answers = [honest]
    assert line.ask({}, 5, 1 << 20) == {"points": 1} and line.drain() == 3
    line.close()
    line.theirs.close()


@pytest.mark.parametrize("script, raised", [
    (lambda numbers: [(numbers[0], wire.encode({"points": np.zeros(2000)}))], wire.Malformed),                   # oversized
    (lambda numbers: [(numbers[0], wire.LENGTHS.pack(4, 0) + b"null and more")], wire.Malformed),                   # longer than it says
    (lambda numbers: [(numbers[0], wire.encode([1]))], wire.Malformed), (lambda numbers: [(numbers[0], b"x" * 40)], wire.Malformed)])
def test_what_comes_under_the_number_has_to_be_an_answer(script, raised):
    with pytest.raises(raised):
        asked("SOCK_STREAM", script, limit=1000)


def test_a_side_that_hangs_up_is_gone():
    line = Line("SOCK_STREAM", [])
    line.theirs.close()
    with pytest.raises(Gone):
        line.ask({}, 5, 1000)
    line.close()


# ---------------------------------------------------------------- time


class Accounts:
    """Stands in for a sandbox: says what a submission has used, one account after the other."""

    def __init__(self, *spent: float, alive: bool = True) -> None:
        self.left, self.alive, self.limits = list(spent), alive, type("Limits", (), {"wall": 1000.0})

    def spent(self) -> dict:
        return {"cpu_s": self.left.pop(0), "alive": self.alive}

    def sweep(self) -> dict:
        return {"cpu_s": 0.0, "left": 0, "files": 0}


class Silent(Session):
    """A submission that answers only after so many askings for its account."""

    def __init__(self, after: int) -> None:
        self.after, self.waits = after, []
        super().__init__(socket.socketpair()[0])

    def ask(self, request, seconds, limit, over):
        while len(self.waits) < self.after:
            self.waits.append(over(0.0))
        return {"clock": 1.0}


def attempt(box: Accounts, after: int) -> Attempt:
    made = Attempt.__new__(Attempt)
    made.sandbox, made.session, made.clock, made.flags, made.cpu_s = box, Silent(after), 0.5, [], 0.0
    return made


def test_time_is_up_when_it_has_been_computed_away_not_when_the_clock_says_so():
    """Two seconds of computing may take a crowded machine a hundred."""
    waiting = attempt(Accounts(0.6, 1.0, 2.4), after=3)
    assert waiting.put({}, 2.0, 1000) == {"clock": 1.0} and waiting.clock == 1.0
    with pytest.raises(Late) as late:
        attempt(Accounts(0.6, 1.0, 2.5), after=3).put({}, 2.0, 1000)
    assert not late.value.starved


def test_one_that_never_computes_is_given_up_as_starved():
    box = Accounts(0.6)
    box.limits.wall = 0.0
    with pytest.raises(Late) as late:
        attempt(box, after=1).put({}, 2.0, 1000)
    assert late.value.starved


def test_a_dead_process_is_not_waited_for():
    with pytest.raises(Gone):
        attempt(Accounts(0.6, alive=False), after=1).put({}, 2.0, 1000)


def test_a_call_is_stopped_by_what_it_computed():
    def spin():
        with suppress(TimeUp):
            while True:
                pass

    ended, cpu_s = run_for(spin, limit_s=0.1, wall_s=60.0)
    assert ended and 0.1 <= cpu_s < 2.0
    assert run_for(lambda: None, 60.0, 60.0)[0]


def test_a_call_that_only_waits_is_stopped_by_the_clock():
    def wait():
        with suppress(TimeUp):
            while True:
                never.wait(0.01)

    never = threading.Event()
    ended, cpu_s = run_for(wait, limit_s=60.0, wall_s=0.1)
    assert ended and cpu_s < 10.0


# ---------------------------------------------------------------- once more
def test_what_a_call_that_ran_out_of_time_has_started_ends_with_it():
    """A bomb whose first process gives way leaves a hundred at work, which would take the next exercise's time."""
    made = attempt(Accounts(), after=0)
    made.answered, made.own_s = set(), 0.0
    made.session.ask = lambda *_: {"outcomes": [{"kind": "value", "cpu_s": 0.5}]}
    made.ask({"function": "f"}, 2.0, 1000)
    assert made.session is not None and made.own_s == 0.5
    made.session.ask = lambda *_: {"outcomes": [{"kind": "timeout", "cpu_s": 2.0}]}
    made.ask({"function": "f"}, 2.0, 1000)
    assert made.session is None


@pytest.mark.parametrize("late, beside, looked_at_again", [(True, True, True), (True, False, False), (False, True, False)])
def test_who_ran_out_of_time_beside_others_is_looked_at_again_without_them(late, beside, looked_at_again):
    results = [Result("09.1", "right", 1, 1), Result("09.3", "wrong", 0, 1, late=late, beside=beside, misconception="" if late else "known")]
    grader = Grader.__new__(Grader)
    grader.plan = Plan("09", ["09.1", "09.3"])
    assert list(grader.second_looks(Graft(found={"09.1": "", "09.3": ""}), results)) == ([1] if looked_at_again else [])


@pytest.mark.parametrize("cpu_s, starved", [(9.9, False), (3.0, True), ("much", False), (-1.0, True)])
def test_a_call_that_has_not_computed_its_time_away_may_have_been_starved(cpu_s, starved):
    found = outcome_of({"outcomes": [{"kind": "timeout", "cpu_s": cpu_s}]}, 1, 0, 10.0)
    assert (found.outcome.kind, found.starved) == ("timeout", starved)


class Pool:
    """Stands in for processes: `played(task)` is the record, or raises."""

    def __init__(self, played) -> None:
        self.played = played

    def submit(self, work, task):
        future = Future()
        try:
            future.set_result(self.played(task))
        except BrokenProcessPool as error:
            future.set_exception(error)
        return future

    def shutdown(self, **_) -> None:
        pass


def test_who_ran_out_of_time_unheard_is_graded_once_more_alone_after_all_others(monkeypatch):
    def played(task):
        order.append((task["name"], task["alone"]))
        return {"submission": task["name"], "starved": ["09.1"] if task["name"] == "b" else []}

    order = []
    monkeypatch.setattr(workers, "new_pool", lambda jobs: Pool(played))
    records = list(workers.pooled(iter({"name": name, "alone": False} for name in "abc"), 1))
    assert [record["submission"] for record in records][-1] == "b" and len(records) == 3
    assert sorted(order[:3]) == [("a", False), ("b", False), ("c", False)] and order[3:] == [("b", True)]


def test_who_ends_the_graders_process_is_lost_and_the_next_is_graded(monkeypatch):
    def played(task):
        if task["name"] == "b":
            raise BrokenProcessPool
        return {"submission": task["name"], "starved": []}

    pools = []
    monkeypatch.setattr(workers, "new_pool", lambda jobs: pools.append(jobs) or Pool(played))
    records = list(workers.alone([{"name": name} for name in "abc"]))
    assert [record.get("lost", False) for record in records] == [False, True, False] and len(pools) == workers.TRIES + 1
