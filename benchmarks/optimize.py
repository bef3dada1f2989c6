"""``python -m benchmarks optimize``: minima, found by Thalweg and by its peers, in one run.

Three parts. *hs*: the collection of Hock and Schittkowski, from plain functions to the answer. *mgh*: that of Moré,
Garbow and Hillstrom; also method against method, and as sums of squares. *families*: sparse problems of up to 10⁵
variables. Every run is timed and judged in a warm process (`benchmarks.optimizers`), and has a time limit. The families
have all threads; the small problems have one, since threads that wait for each other cost a small problem more than
they do for it (SciPy's L-BFGS-B took three times as long with two on a busy machine).
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import environment, families, hs, mgh, optimize_report, report
from benchmarks.optimize_report import Measured, Row
from benchmarks.optimizers import CONSTRAINED, DISTRIBUTIONS, FREE, LARGE, PAIRS, SQUARES, Solver, available
from benchmarks.optimizers.judge import FAILED
from benchmarks.optimizers.worker import Outcome, Task, Worker

#: Seconds that a run may take: with a few variables, with many.
LIMIT, LARGE_LIMIT = 10.0, 120.0
#: A run that took so many seconds is not repeated.
LONG = 0.5
#: The values of large problems are compared to so many digits: interior points stop at a gap for every active bound.
LARGE_RELATIVE = 1e-4
QUICK = 10  # every tenth problem

#: What a problem calls those that cannot run its functions.
KNOWN_AS = {"optimistix": "jax"}
DESCENTS = list({s.name: s for s in (*FREE, *(s for pair in PAIRS for s in pair))}.values())


def run(options: argparse.Namespace) -> int:
    """Measure, print, write what is asked for."""
    console = Console(file=sys.stderr if options.json == "-" else sys.stdout)
    console.width = max(console.width, 170)
    versions = available()
    if options.peers is not None:
        wanted = {"thalweg", *options.peers.split(",")}
        versions = {package: v for package, v in versions.items() if package in wanted}
    left_out = [p for p in dict.fromkeys(s.package for s in (*CONSTRAINED, *SQUARES)) if p not in versions]
    peers = {DISTRIBUTIONS.get(p, p): v for p, v in versions.items() if p not in ("thalweg", "scipy")}
    m = Measured(environment.machine(options.threads), environment.versions() | peers)
    console.print(", ".join(f"{k}: {v}" for k, v in m.machine.items()))
    console.print(", ".join(f"{k} {v}" for k, v in m.versions.items()))
    if left_out:
        console.print(f"left out, not installed: {', '.join(DISTRIBUTIONS.get(p, p) for p in left_out)}")
    rounds = 1 if options.quick else options.rounds
    worker, part = None, ""
    try:
        for tasks in planned(options.only, options.quick, set(versions)):
            if worker is None or (tasks[0].collection == "families") != (part == "families"):
                if worker is not None:
                    worker.close()
                worker = Worker(options.threads if tasks[0].collection == "families" else 1)
            part = tasks[0].collection
            row = measured(worker, tasks, rounds)
            m.rows.append(row)
            console.print(f"  {row.part}: {row.name}: {optimize_report.line(row)}", style="dim", markup=False)
    finally:
        if worker is not None:
            worker.close()
    optimize_report.show(m, console)
    if options.json:
        text = json.dumps(m.json(), indent=1, ensure_ascii=False)
        if options.json == "-":
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")
    if options.markdown is not None:
        page = options.markdown.read_text("utf-8") if options.markdown.exists() else ""
        text = optimize_report.markdown(m)
        options.markdown.write_text(report.put_between_marks(page, text), encoding="utf-8")
    return 0


def planned(only: str | None, quick: bool, packages: set[str]) -> Iterable[list[Task]]:
    """The tasks, those of one problem together."""

    def chosen(part: str, name: str) -> bool:
        return only is None or re.search(only, f"{part} {name}", re.IGNORECASE) is not None

    def solvers(among: list[Solver], problem: Any) -> list[Solver]:
        there = [s for s in among if s.package in packages and s.fits(problem)]
        return [s for s in there if KNOWN_AS.get(s.package, s.package) not in problem.peers_skip]

    every = QUICK if quick and only is None else 1
    for p in [p for p in hs.ALL if chosen("hs", p.name)][::every]:
        yield [Task("hs", p.name, s.name, LIMIT) for s in solvers(CONSTRAINED, p)]
    free = {p.name for p in mgh.UNCONSTRAINED}
    for p in [p for p in mgh.ALL if chosen("mgh", p.name)][::every]:
        among = DESCENTS + SQUARES if p.name in free else SQUARES
        yield [Task("mgh", p.name, s.name, LIMIT) for s in solvers(among, p)]
    for family in families.ALL:
        if chosen("families", family.name):
            for n in family.sizes[:1] if quick else family.sizes:
                limit = LARGE_LIMIT
                some = solvers(LARGE, family.at(100))
                yield [Task("families", family.name, s.name, limit, n, LARGE_RELATIVE) for s in some]


def measured(worker: Worker, tasks: list[Task], rounds: int) -> Row:
    """All solvers on one problem, in turn, ``rounds`` times; the median of the seconds that each took."""
    row = Row(tasks[0].collection, tasks[0].problem, tasks[0].n)
    seconds: dict[str, list[float]] = {}
    for k in range(rounds):
        for task in tasks:
            if k and (row.outcomes[task.solver].seconds > LONG or _ended(row.outcomes[task.solver])):
                continue
            outcome = worker.ask(task)
            seconds.setdefault(task.solver, []).append(outcome.seconds)
            if k == 0:
                row.outcomes[task.solver] = outcome
    for solver, times in seconds.items():
        row.outcomes[solver] = replace(row.outcomes[solver], seconds=statistics.median(times))
        row.first[solver] = times[0]
    return row


def _ended(outcome: Outcome) -> bool:
    """Whether there was no answer at all."""
    return outcome.verdict == FAILED and outcome.seconds != outcome.seconds
