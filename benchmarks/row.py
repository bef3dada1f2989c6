"""One row: every candidate answers the question once, the answers are compared, and then the clock runs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peers import COPIED
from benchmarks.results import Disagreement, agree, arrays
from benchmarks.timing import medians, warmed
from benchmarks.workload import Workload
from thalweg.execution.tiers import Executable

OURS, ALONE, PLAIN = "Thalweg", "Thalweg f", "NumPy f"


@dataclass
class Effort:
    """How long is measured."""

    rounds: int = 9
    budget: float = 20.0
    warm: float = 1.0
    at_least: float = 0.02


@dataclass
class Row:
    """What was measured of one workload.

    Attributes
    ----------
    seconds
        The median seconds a call of each candidate.
    tiers
        Of ours: whether machine code ran, or the interpreter.
    failed
        What each candidate without a time said.
    difference
        The largest relative difference of a peer's answer from ours.
    """

    name: str
    gradient: bool
    rtol: float
    seconds: dict[str, float] = field(default_factory=dict)
    tiers: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    disagreements: dict[str, str] = field(default_factory=dict)
    difference: float = 0.0

    @property
    def peers(self) -> dict[str, float]:
        return {k: s for k, s in self.seconds.items() if k not in (OURS, ALONE, PLAIN, COPIED)}

    @property
    def best(self) -> str | None:
        """The fastest peer."""
        return min(self.peers, key=self.peers.__getitem__, default=None)

    @property
    def ratio(self) -> float | None:
        """Our time over that of the fastest peer."""
        if OURS not in self.seconds or self.best is None:
            return None
        return self.seconds[OURS] / self.peers[self.best]

    @property
    def ratio_of_calls(self) -> float | None:
        """Our time over the fastest peer's that takes arrays and gives arrays: CasADi's with its buffers copied."""
        given = {k: s for k, s in self.peers.items() if not k.startswith("CasADi")}
        if COPIED in self.seconds:
            given[COPIED] = self.seconds[COPIED]
        return self.seconds[OURS] / min(given.values()) if OURS in self.seconds and given else None

    @property
    def over_function(self) -> float | None:
        """Our time over that of the function alone, executed by us in the same tier."""
        if OURS not in self.seconds or ALONE not in self.seconds or self.tiers.get(OURS) != self.tiers.get(ALONE):
            return None
        return self.seconds[OURS] / self.seconds[ALONE]


def executables() -> dict[int, Executable]:
    """All executable graphs of this process."""
    return {id(thing): thing for thing in gc.get_objects() if type(thing) is Executable}


def tier(used: Iterable[Executable]) -> str:
    """How these graphs run: native, interpreted, mixed; or unsettled while that may change."""
    called = [e for e in used if e.spent > 0 or e.settled is not None]
    if any(e.settled is None for e in called):
        return "unsettled"
    kinds = {"native" if e.native else "interpreted" for e in called}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def measured(workload: Workload, peers: Iterable[str], effort: Effort) -> Row:
    """The row of a workload, among the peers that are there."""
    row = Row(workload.name, workload.gradient, workload.rtol)
    args = workload.data()
    builders: dict[str, Callable[[], Any]] = {
        OURS: lambda: workload.ours(args),
        ALONE: lambda: workload.value(args),
        PLAIN: lambda: workload.plain(args),
    }
    for peer in peers:
        if peer in workload.peers:
            builders[peer] = lambda build=workload.peers[peer]: build(*args)
    calls: dict[str, Callable[[], Any]] = {}
    executed: dict[str, list[Executable]] = {}
    reference: Any = None
    for name, build in builders.items():
        before = executables()
        try:
            call = build()
            answer = call()
        except Exception as error:
            row.failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            continue
        calls[name] = call
        if name in (OURS, ALONE):
            executed[name] = [e for key, e in executables().items() if key not in before]
        if name in (ALONE, PLAIN):
            continue
        if reference is None:
            reference = [a.copy() for a in arrays(answer)]
            continue
        try:
            row.difference = max(row.difference, agree(reference, answer, workload.rtol))
        except Disagreement as error:
            row.disagreements[name] = str(error)
        if hasattr(call, "copied"):
            calls[COPIED] = call.copied
    for name, call in calls.items():
        if name in executed:
            used = executed[name]
            warmed(call, effort.warm, 20 * effort.warm, lambda used=used: tier(used) != "unsettled")
            row.tiers[name] = tier(used)
        else:
            warmed(call, effort.warm / 4, effort.warm)
    if OURS in calls and reference is not None:  # what a warm call answers is what the first one did
        try:
            agree(reference, calls[OURS](), workload.rtol)
        except Disagreement as error:
            row.disagreements[OURS] = f"first and later calls differ: {error}"
    row.seconds = medians(calls, effort.rounds, effort.budget, effort.at_least)
    del calls, reference, executed
    gc.collect()
    return row
