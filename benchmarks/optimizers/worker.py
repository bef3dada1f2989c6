"""One process in which all solvers run, warm, and which is ended when one of them does not stop.

Limits that a solver keeps itself, and limits raised from within the objective, end most runs; a factorization in
compiled code heeds neither. So the runs are done by a child, and when it does not answer in time it is ended and
followed by another. That another process has been started never lies within a measured time.
"""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.optimizers.judge import FAILED, VALUE, judged
from benchmarks.threads import VARIABLES

#: Seconds beyond its limit after which a run is ended from outside.
GRACE = 5.0
#: Seconds for the imports and first steps of a solver.
FIRST = 120.0


@dataclass(frozen=True)
class Task:
    """A problem, by its collection (``hs``, ``mgh``, ``families``), name and size; a solver; and the seconds it has."""

    collection: str
    problem: str
    solver: str
    limit: float
    n: int = 0
    relative: float = VALUE


@dataclass(frozen=True)
class Outcome:
    """A run that was timed and judged."""

    seconds: float
    verdict: str
    value: float = float("nan")
    violation: float = float("nan")
    error: float = float("nan")
    why: str = ""
    evaluations: dict[str, int] = field(default_factory=dict)
    iterations: int | None = None


def problem(collection: str, name: str, n: int) -> Any:
    """The problem of that name."""
    if collection == "families":
        from benchmarks import families

        (family,) = (f for f in families.ALL if f.name == name)
        return family.at(n)
    if collection == "mgh":
        from benchmarks import mgh as published
    elif collection == "hs":
        from benchmarks import hs as published  # type: ignore[no-redef]
    else:
        from benchmarks.optimizers import first as published  # type: ignore[no-redef]
    (found,) = (p for p in published.ALL if p.name == name)
    return found


def done(task: Task) -> Outcome:
    """The task, in this process."""
    from benchmarks.optimizers import ALL

    stated = problem(task.collection, task.problem, task.n)
    try:
        answer = ALL[task.solver].solve(stated, task.limit)
    except Exception as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        return Outcome(float("nan"), FAILED, why=text[:300])
    j = judged(stated, answer.x, answer.success, answer.message, task.relative)
    return Outcome(
        answer.seconds, j.verdict, j.value, j.violation, j.error, j.why, answer.evaluations, answer.iterations
    )


def _serve(tasks: Connection) -> None:
    import gc
    import warnings

    for stream in (1, 2):  # solvers in compiled code print what nobody asked for
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    warnings.simplefilter("ignore")
    while (task := tasks.recv()) is not None:
        gc.collect()
        tasks.send(done(task))


class Worker:
    """``ask`` it; ``close`` it at the end. Every library in it uses ``threads`` threads."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._process: Any = None
        self._warm: set[str] = set()

    def ask(self, task: Task) -> Outcome:
        """The outcome of a task; a failure where it does not end, or ends the process."""
        if task.solver not in self._warm:
            from benchmarks.optimizers import first

            for collection, name in first.FOR.get(_kind(task), ()):
                outcome = self._once(Task(collection, name, task.solver, 20.0), FIRST)
                if self._process is None:
                    return outcome
            self._warm.add(task.solver)
        return self._once(task, task.limit + GRACE)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._tasks.send(None)
            self._process.join(5)
            self._stop()

    def _once(self, task: Task, patience: float) -> Outcome:
        if self._process is None:
            spawning = multiprocessing.get_context("spawn")
            self._tasks, theirs = spawning.Pipe()
            self._process = spawning.Process(target=_serve, args=(theirs,), daemon=True)
            before = dict(os.environ)
            os.environ.update(dict.fromkeys(VARIABLES, str(self._threads)))
            self._process.start()
            os.environ.clear()
            os.environ.update(before)
            theirs.close()
            patience += FIRST
        self._tasks.send(task)
        try:
            if self._tasks.poll(patience):
                outcome: Outcome = self._tasks.recv()
                return outcome
            why = f"did not end within {task.limit:g} s"
        except (EOFError, ConnectionResetError):
            why = "ended the process"
        self._stop()
        return Outcome(float("nan"), FAILED, why=why)

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._tasks.close()
        self._process = None
        self._warm.clear()


def _kind(task: Task) -> str:
    from benchmarks.optimizers import SQUARES

    return "squares" if task.solver in {s.name for s in SQUARES} else task.collection
