"""What was measured of the models, as a table, as JSON, and as Markdown."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.models.process import OURS, THEIRS
from benchmarks.report import seconds_text

HEADINGS = (
    "model and data", "peer", "first call", "peer's", "ratio", "later calls", "peer's", "ratio", "wanted",
    "peak MiB", "peer's", "allowed", "reached", "peer's", "verdict",
)  # fmt: skip


@dataclass
class Row:
    """A case as measured: for either candidate, seconds, MiB above the data, and what was reached (less is better)."""

    name: str
    peer: str
    target: float
    slack: float
    memory: float | None = None
    first: dict[str, float] = field(default_factory=dict)
    later: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)
    quality: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def first_ratio(self) -> float | None:
        return _ratio(self.first)

    @property
    def later_ratio(self) -> float | None:
        return _ratio(self.later)

    @property
    def worse(self) -> bool:
        """Whether ours failed, or reached less than the peer by more than the slack."""
        if OURS in self.failed:
            return True
        ours, theirs = self.quality.get(OURS), self.quality.get(THEIRS)
        if ours is None or theirs is None:
            return False
        return not ours <= theirs + self.slack * abs(theirs)

    @property
    def shortfalls(self) -> list[str]:
        """What was wanted and not reached."""
        missed = []
        if OURS in self.failed:
            missed.append(f"failed: {self.failed[OURS]}")
        elif self.worse:
            missed.append("worse")
        for when, ratio in (("first call", self.first_ratio), ("later calls", self.later_ratio)):
            if ratio is not None and ratio > self.target:
                missed.append(when)
        if self.memory is not None and self.peak.get(OURS, 0.0) > self.memory:
            missed.append("memory")
        return missed

    @property
    def verdict(self) -> str:
        if self.shortfalls:
            return "not reached: " + ", ".join(self.shortfalls)
        return "reached" if self.later_ratio is not None else f"{self.peer}: {self.failed.get(THEIRS, 'not measured')}"

    def cells(self) -> list[str]:
        def times(ratio: float | None) -> str:
            return "—" if ratio is None else f"{ratio:.3g}"

        def mib(value: float | None) -> str:
            return "—" if value is None else f"{value:.0f}"

        def reached(name: str) -> str:
            return f"{self.quality[name]:.8g}" if name in self.quality else "—"

        return [
            self.name, self.peer,
            seconds_text(self.first.get(OURS)), seconds_text(self.first.get(THEIRS)), times(self.first_ratio),
            seconds_text(self.later.get(OURS)), seconds_text(self.later.get(THEIRS)), times(self.later_ratio),
            f"≤ {self.target:g}", mib(self.peak.get(OURS)), mib(self.peak.get(THEIRS)), mib(self.memory),
            reached(OURS), reached(THEIRS), self.verdict,
        ]  # fmt: skip


@dataclass
class Measured:
    machine: dict[str, Any]
    versions: dict[str, str]
    rows: list[Row] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        rows = [
            {k: _finite(v) for k, v in asdict(r).items()}
            | {"first_ratio": r.first_ratio, "later_ratio": r.later_ratio, "worse": r.worse, "verdict": r.verdict}
            for r in self.rows
        ]
        return {"machine": self.machine, "versions": self.versions, "rows": rows}


def _ratio(seconds: dict[str, float]) -> float | None:
    return seconds[OURS] / seconds[THEIRS] if OURS in seconds and THEIRS in seconds else None


def _finite(value: Any) -> Any:
    """The same, with what JSON has no number for as text."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def show(m: Measured, console: Console) -> None:
    table = Table(title=f"Fit, {m.machine['threads']} threads for all; what is reached: less is better")
    for k, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if k in (0, 1, len(HEADINGS) - 1) else "right", no_wrap=k == 0)
    for row in m.rows:
        table.add_row(*row.cells())
    console.print(table)
    count = sum(not r.shortfalls for r in m.rows)
    console.print(f"{count} of {len(m.rows)} rows reach all that is wanted")


def markdown(m: Measured) -> str:
    lines = [
        ", ".join(f"{k}: {v}" for k, v in m.machine.items()) + "  ",
        ", ".join(f"{k} {v}" for k, v in m.versions.items()),
        "",
        "First calls: the median over processes of their own, libraries imported, nothing compiled before.",
        "Later calls: the median of interleaved rounds in one process. Peak: resident memory of the first call above",
        "the data. What is reached: less is better.",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|---|---|" + "---:|" * (len(HEADINGS) - 3) + "---|",
    ]
    return "\n".join(lines + ["| " + " | ".join(r.cells()) + " |" for r in m.rows])
