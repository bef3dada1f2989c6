"""Collects the cases of the five models and measures them: see `benchmarks.models.process` for what is in a time.

First calls have a process each, ours and the peer's in turn, as many as `FIRST` seconds allow, at most five, with an
empty folder for compiled code; the median counts.  Later calls of both are timed in turn in one process.  The exit
status is 1 where we reached less than the peer by more than the slack of the case.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import environment, report
from benchmarks.models import Case
from benchmarks.models.process import OURS, THEIRS
from benchmarks.models.table import Measured, Row, markdown, show

MODELS = ("linear", "kmeans", "mixture", "network", "autoencoder")
PEERS = {"scikit-learn": "scikit-learn", "PyTorch": "torch"}
ROOT = Path(__file__).parent.parent.parent
#: Processes of a first call for either, and the seconds after which no more are begun.
PROCESSES, FIRST = 5, 20.0
#: A process that takes longer is ended.
LIMIT = 1800.0


@dataclass(frozen=True)
class Place:
    """Where a process finds a case."""

    module: str
    index: int
    case: Case


def places() -> list[Place]:
    """All cases of the files that there are."""
    found = []
    for model in MODELS:
        name = f"benchmarks.models.{model}"
        if importlib.util.find_spec(name) is not None:
            found += [Place(name, k, case) for k, case in enumerate(importlib.import_module(name).CASES)]
    return found


def run(options: argparse.Namespace) -> int:
    """Measure, print, write what is asked for."""
    console = Console(file=sys.stderr if options.json == "-" else sys.stdout)
    console.width = max(console.width, 210)
    chosen = [p for p in places() if options.only is None or re.search(options.only, _title(p), re.IGNORECASE)]
    m = Measured(environment.machine(options.threads), environment.versions() | _peers({p.case.peer for p in chosen}))
    console.print(", ".join(f"{k}: {v}" for k, v in m.machine.items()))
    console.print(", ".join(f"{k} {v}" for k, v in m.versions.items()))
    if not chosen:
        console.print(f"no case has the expression {options.only!r}" if options.only else "there are no cases")
        return 2
    rounds, budget = (1, 2.0) if options.quick else (options.rounds, options.budget)
    for place in chosen:
        row = measured(place, rounds, budget)
        m.rows.append(row)
        console.print(f"  {row.name}: {row.verdict}", style="dim", markup=False)
    show(m, console)
    if options.json:
        text = json.dumps(m.json(), indent=1, ensure_ascii=False)
        if options.json == "-":
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")
    if options.markdown is not None:
        page = options.markdown.read_text("utf-8") if options.markdown.exists() else ""
        options.markdown.write_text(report.put_between_marks(page, markdown(m)), encoding="utf-8")
    return 1 if any(r.worse for r in m.rows) else 0


def _title(place: Place) -> str:
    return f"{place.module.rpartition('.')[2]} {place.case.name}"


def _peers(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in sorted(names):
        try:
            found[name] = importlib.metadata.version(PEERS.get(name, name))
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def measured(place: Place, rounds: int, budget: float) -> Row:
    """The row of a case: first calls, each in a process of its own, then later ones."""
    case = place.case
    row = Row(case.name, case.peer, case.target, case.slack, case.memory)
    firsts: dict[str, list[dict[str, Any]]] = {OURS: [], THEIRS: []}
    begun = time.perf_counter()
    for k in range(min(PROCESSES, rounds)):
        if k and time.perf_counter() - begun > FIRST:
            break
        for name, calls in firsts.items():
            if name not in row.failed:
                answer = ask("first", place, name)
                if isinstance(answer, str):
                    row.failed[name] = answer
                else:
                    calls.append(answer)
    for name, calls in firsts.items():
        if calls and name not in row.failed:
            row.first[name] = statistics.median(c["seconds"] for c in calls)
            row.quality[name] = statistics.median(c["quality"] for c in calls)
            if calls[0]["peak"] is not None:
                row.peak[name] = statistics.median(c["peak"] for c in calls)
    if not row.failed:
        answer = ask("later", place, str(rounds), str(budget))
        if isinstance(answer, str):
            row.failed[OURS] = f"later calls: {answer}"
        else:
            row.later = {name: answer[name]["seconds"] for name in (OURS, THEIRS)}
            # The worst of ours and the best of theirs, should calls differ.
            row.quality[OURS] = max(row.quality[OURS], answer[OURS]["quality"])
            row.quality[THEIRS] = min(row.quality[THEIRS], answer[THEIRS]["quality"])
    return row


def ask(what: str, place: Place, *rest: str) -> Any:
    """What the process of `benchmarks.models.process` prints; the last line of its error where it fails."""
    command = [sys.executable, "-m", "benchmarks.models.process", what, place.module, str(place.index), *rest]
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=ROOT, timeout=LIMIT,
                env=os.environ | {"THALWEG_CACHE_DIR": empty},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"ended after {LIMIT:g} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return json.loads(done.stdout.splitlines()[-1])
