"""Who grades: processes of this machine, each with a sandbox of its own, or the workers of a dask cluster."""
from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from multiprocessing import get_context
from multiprocessing.util import Finalize
from typing import Any

from course_utils.grading.graft import Cell
from course_utils.grading.plan import Plan
from course_utils.grading.sandbox import Limits

TRIES = 3                    # of a submission whose worker was lost under it
ANSWER_S = 10.0              # for a scheduler to answer
AHEAD = 3                    # submissions that wait at a worker
LEAST_BYTES, SPARE = 256 << 20, 4  # memory of a submission: this much, or so many times what the solutions need
ALONE = 6.0                 # times its CPU seconds: what a call may take by the clock where nobody else is graded
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_graders: dict[str, Any] = {}


def work(task: dict) -> dict:
    """Grade one submission in this process; its sandbox is made at the first and kept.

    Parameters
    ----------
    task : dict
        Plain data: `plan`, `sandboxed`, `name`, `cells` (triples of texts).
    """
    plan = task["plan"]
    key = f"{plan['declared']}{plan['seeds']}{task['sandboxed']}{task['alone']}"
    if key not in _graders:
        from course_utils.grading.grader import Grader

        close_all()
        if "torch" in plan["modules"]:
            import torch

            torch.set_num_threads(1)
        _graders[key] = Grader(Plan(**plan), slot=os.getpid() % 4, limits=limits_for(plan, task["alone"]), sandboxed=task["sandboxed"])
    began = time.process_time()
    record = _graders[key].grade(task["name"], [Cell(*texts) for texts in task["cells"]])
    return record | {"judge_s": round(time.process_time() - began, 4), "worker": os.getpid()}


def limits_for(plan: dict, alone: bool) -> Limits:
    """What a submission may use: memory as its solution needs it, and time beside others or alone."""
    memory = max(LEAST_BYTES, SPARE * plan["need_bytes"])
    return Limits(memory_bytes=memory, wall=ALONE if alone else Limits.wall)


def close_all() -> None:
    """End the sandboxes of this process."""
    while _graders:
        _graders.popitem()[1].close()


def begin() -> None:
    """First thing in a worker's process: it ends with the process that started it, however that ends."""
    Finalize(None, close_all, exitpriority=10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() == 1:
            os._exit(1)


def task_of(plan: Plan, name: str, cells: Sequence[Cell], sandboxed: bool) -> dict:
    """A submission as it travels to a worker: text and numbers only."""
    return {"plan": asdict(plan), "sandboxed": sandboxed, "alone": False, "name": name, "cells": [(cell.id, cell.grade_id, cell.source) for cell in cells]}


def lost(task: dict, why: str) -> dict:
    """The record of a submission that no worker survived."""
    return {"submission": task["name"], "results": [], "flags": [f"could not be graded: {why}"], "lost": True}


def locally(tasks: Iterator[dict], jobs: int) -> Iterator[dict]:
    """Grade with processes of this machine; yields records as they come.

    A worker that dies takes no other submission with it: those that were in flight are graded again,
    one at a time, so that it shows which one did it. So are those that ran out of time without having
    computed for that long: the machine may have had no time for them.
    """
    saved = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield from pooled(tasks, jobs)
    finally:
        for name, value in saved.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def pooled(tasks: Iterator[dict], jobs: int) -> Iterator[dict]:
    suspects: list[dict] = []
    pool = new_pool(jobs)
    try:
        waiting: dict = {}
        tasks = iter(tasks)
        while True:
            while len(waiting) < jobs * AHEAD and (task := next(tasks, None)) is not None:
                waiting[pool.submit(work, task)] = task
            if not waiting:
                break
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            try:
                for future in done:
                    record = future.result()
                    task = waiting.pop(future)
                    if record["starved"]:
                        suspects.append(task)
                    else:
                        yield record
            except BrokenProcessPool:
                suspects += waiting.values()
                waiting = {}
                pool.shutdown(wait=False, cancel_futures=True)
                pool = new_pool(jobs)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    yield from alone(suspects)


def alone(tasks: Sequence[dict]) -> Iterator[dict]:
    """Grade submissions one at a time, with nobody beside them; a process that one of them ends is there for no other."""
    pool = None
    try:
        for task in tasks:
            for _ in range(TRIES):
                pool = pool or new_pool(1)
                try:
                    record = pool.submit(work, task | {"alone": True}).result()
                    break
                except BrokenProcessPool:
                    pool.shutdown(wait=False)
                    pool = None
            else:
                record = lost(task, "the grader's own process ended at it, every time")
            yield record
    finally:
        if pool is not None:
            pool.shutdown(wait=True)


def new_pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=begin)


def by_dask(tasks: Iterator[dict], address: str) -> Iterator[dict]:
    """Grade with the workers of a dask cluster, each of one thread; yields records as they come.

    Only texts and numbers travel. A worker that dies is replaced by another: its submissions are
    graded again there.

    Raises
    ------
    SchedulerMissing
        If nobody answers at the address.
    """
    from dask.distributed import Client, as_completed

    try:
        client = Client(address, timeout=ANSWER_S, set_as_default=False)
    except OSError as error:
        raise SchedulerMissing(f"No dask scheduler answers at {address} ({type(error).__name__}): start one with  dask scheduler  "
                               "and workers with  dask worker ADDRESS --nworkers 2 --nthreads 1.") from None
    with client:
        tasks = iter(tasks)
        flying: dict = {}
        suspects: list[dict] = []
        finished = as_completed(loop=client.loop)

        def launch() -> None:
            task = next(tasks, None)
            if task is not None:
                future = client.submit(work, task, pure=False, retries=TRIES)
                flying[future.key] = task
                finished.add(future)

        for _ in range(max(1, sum(client.nthreads().values())) * AHEAD):
            launch()
        for future in finished:
            task = flying.pop(future.key)
            record = result_of(future, task)
            if record.get("starved"):
                suspects.append(task)
            else:
                yield record
            launch()
        for task in suspects:
            yield result_of(client.submit(work, task | {"alone": True}, pure=False, retries=TRIES), task)


def result_of(future: Any, task: dict) -> dict:
    """The record of a submission that was sent to a cluster."""
    try:
        return future.result()
    except Exception as error:  # whatever a worker elsewhere met
        return lost(task, f"{type(error).__name__} on the worker")
    finally:
        future.release()


class SchedulerMissing(ConnectionError):
    """No scheduler at the address that was given."""
