"""What the optimizers did, as tables, as verdicts on the numbers to reach, and as JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.optimizers import PAIRS, SQUARES
from benchmarks.optimizers.judge import ELSEWHERE, FAILED, INEXACT, SOLVED, WRONG
from benchmarks.optimizers.worker import Outcome
from benchmarks.report import geometric_mean, markdown_table, seconds_text

OURS, OURS_SQUARES, SLSQP, READY = "Thalweg", "Thalweg least_squares", "SciPy SLSQP", "SLSQP, gradients ready"
IPOPT, POUNCE = "CasADi + IPOPT", "pounce"
TITLES = {
    "hs": "Hock and Schittkowski: from plain functions to the answer",
    "mgh": "Moré, Garbow and Hillstrom: from plain functions to the answer",
}


@dataclass
class Row:
    """One problem: what each solver's runs came to. ``first`` has the seconds of the first run."""

    part: str
    name: str
    n: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)

    def solved(self, *solvers: str) -> bool:
        """Whether all of these solved it."""
        return all(s in self.outcomes and self.outcomes[s].verdict == SOLVED for s in solvers)


@dataclass
class Measured:
    """All of one run."""

    machine: dict[str, Any]
    versions: dict[str, str]
    rows: list[Row] = field(default_factory=list)

    def of(self, part: str) -> list[Row]:
        return [r for r in self.rows if r.part == part]

    def json(self) -> dict[str, Any]:
        def plain(value: Any) -> Any:
            return None if isinstance(value, float) and not math.isfinite(value) else value

        return {
            "machine": self.machine,
            "versions": self.versions,
            "rows": [
                {
                    "part": r.part,
                    "name": r.name,
                    "n": r.n,
                    "outcomes": {s: {k: plain(v) for k, v in asdict(o).items()} for s, o in r.outcomes.items()},
                    "first_seconds": {s: plain(v) for s, v in r.first.items()},
                }
                for r in self.rows
            ],
            "verdicts": [{"number": n, "figure": f, "reached": ok} for n, f, ok in verdicts(self)],
        }


def line(row: Row) -> str:
    """A row in a line, while it runs."""
    size = f"n={row.n} " if row.n else ""
    marks = {SOLVED: "", INEXACT: " inexact", ELSEWHERE: " other", WRONG: " WRONG", FAILED: " failed"}
    return size + ", ".join(f"{s} {_seconds(o.seconds)}{marks[o.verdict]}" for s, o in row.outcomes.items())


def ratio(rows: Iterable[Row], ours: str, theirs: str, of: Callable[[Outcome], float] = lambda o: o.seconds) -> Any:
    """The geometric mean of ours over theirs on the problems that both solved; None where there are none."""
    both = [r for r in rows if r.solved(ours, theirs)]
    return geometric_mean(of(r.outcomes[ours]) / of(r.outcomes[theirs]) for r in both)


def evaluations(outcome: Outcome) -> float:
    """Of the function and its derivatives, all together."""
    return float(max(1, sum(outcome.evaluations.values())))


def medians(rows: Iterable[Row], ours: str, theirs: str) -> tuple[float, float] | None:
    """The median seconds of both on the problems that both solved."""
    both = [r for r in rows if r.solved(ours, theirs)]
    if not both:
        return None
    return tuple(statistics.median(r.outcomes[s].seconds for r in both) for s in (ours, theirs))  # type: ignore


def growth(rows: Iterable[Row], solver: str) -> float | None:
    """The exponent k of time ~ nᵏ by least squares over the sizes; None where a size is not solved."""
    rows = list(rows)
    if len(rows) < 2 or not all(r.solved(solver) for r in rows):
        return None
    x = [math.log(r.n) for r in rows]
    y = [math.log(r.outcomes[solver].seconds) for r in rows]
    return statistics.linear_regression(x, y).slope


# --- tables: a title, a head, rows of texts

Shown = tuple[str, list[str], list[list[str]]]


def collection(rows: list[Row], title: str, least: str = OURS) -> Shown:
    """Of all solvers that were given these problems: what they solved, and how fast."""
    solvers = list(dict.fromkeys(s for r in rows for s in r.outcomes))
    lines = []
    for s in solvers:
        of = [r.outcomes[s] for r in rows if s in r.outcomes]
        count = [sum(o.verdict == v for o in of) for v in (SOLVED, INEXACT, ELSEWHERE, WRONG, FAILED)]
        times = [o.seconds for o in of if o.verdict == SOLVED]
        cells = [s, str(len(of)), *map(str, count), _seconds(statistics.median(times) if times else math.nan)]
        both = sum(r.solved(least, s) for r in rows)  # of the problems that both were given
        cells.append("" if s == least else f"{_times(ratio(rows, least, s))} of {both}")
        lines.append(cells)
    head = ["solver", "problems", "solved", "inexact", "another minimum", "wrong success", "failed", "median time"]
    return title, [*head, f"{least} / it, geometric mean"], lines


def pairs(rows: list[Row]) -> Shown:
    """Method against method."""
    lines = []
    for ours, theirs in ((a.name, b.name) for a, b in PAIRS):
        both = [r for r in rows if r.solved(ours, theirs)]
        counts = [str(sum(r.solved(s) for r in rows)) for s in (ours, theirs)]
        both_ratios = [_times(ratio(rows, ours, theirs, evaluations)), _times(ratio(rows, ours, theirs))]
        if any(s in r.outcomes for r in rows for s in (theirs,)):
            lines.append([ours, theirs, *counts, str(len(both)), *both_ratios])
    head = [
        "ours",
        "theirs",
        "ours solved",
        "theirs solved",
        "both",
        "evaluations, ours / theirs",
        "time, ours / theirs",
    ]
    return "Method against method, the same gradient: geometric means over the problems that both solved", head, lines


def large(rows: list[Row]) -> Shown:
    """The families: times by size, growth, and what went wrong."""
    sizes = sorted({r.n for r in rows})
    lines = []
    for family in dict.fromkeys(r.name for r in rows):
        mine = [r for r in rows if r.name == family]
        for s in dict.fromkeys(s for r in mine for s in r.outcomes):
            cells = [family, s]
            for n in sizes:
                found = [r.outcomes[s] for r in mine if r.n == n and s in r.outcomes]
                cells.append(_large_cell(found[0]) if found else "")
            exponent = growth(mine, s)
            lines.append([*cells, "—" if exponent is None else f"{exponent:.2f}"])
    return (
        "Large sparse families: seconds, iterations",
        ["family", "solver", *(f"n ≈ {n:,}" for n in sizes), "growth"],
        lines,
    )


def _large_cell(o: Outcome) -> str:
    if o.verdict == FAILED:
        return "failed" if not math.isfinite(o.seconds) else f"failed ({_seconds(o.seconds)})"
    text = _seconds(o.seconds) + (f", {o.iterations}" if o.iterations is not None else "")
    return text if o.verdict == SOLVED else f"{text} ({o.verdict})"


def failures(m: Measured) -> list[str]:
    """Every run that did not solve its problem, a line each."""
    return [
        f"{r.part} {r.name}{f' n={r.n}' if r.n else ''}: {s}: {o.verdict}: {o.why}"
        for r in m.rows
        for s, o in r.outcomes.items()
        if o.verdict != SOLVED
    ]


def tables(m: Measured) -> list[Shown]:
    found = []
    if m.of("hs"):
        found.append(collection(m.of("hs"), TITLES["hs"]))
    if rows := m.of("mgh"):
        squares = {s.name for s in SQUARES}
        free = [r for r in _only(rows, lambda s: s not in squares) if r.outcomes]
        if free:
            found.append(collection(free, TITLES["mgh"]))
        found.append(pairs(rows))
        squared = [r for r in _only(rows, lambda s: s in squares) if r.outcomes]
        if squared:
            found.append(collection(squared, "The same as least squares", OURS_SQUARES))
    if m.of("families"):
        found.append(large(m.of("families")))
    return found


def _only(rows: list[Row], keep: Callable[[str], bool]) -> list[Row]:
    return [Row(r.part, r.name, r.n, {s: o for s, o in r.outcomes.items() if keep(s)}) for r in rows]


# --- the numbers to reach

Verdict = tuple[str, str, bool]  # the number to reach, the figure measured, whether it is reached


def verdicts(m: Measured) -> list[Verdict]:
    """The numbers to reach, as far as this run measured them."""
    found: list[Verdict] = []
    hs = [r for r in m.of("hs") if OURS in r.outcomes]
    ours = [(r, s) for part in ("hs", "mgh") for r in m.of(part) for s in (OURS, OURS_SQUARES) if s in r.outcomes]
    if ours:
        solved = sum(r.solved(s) for r, s in ours)
        share = solved / len(ours)
        found.append(("≥ 97 % of the collections solved", f"{solved} of {len(ours)}, {share:.1%}", share >= 0.97))
        wrong = [r.name for r, s in ours if r.outcomes[s].verdict == WRONG]
        found.append(("no wrong success", ", ".join(wrong) or "none", not wrong))
    if len({s for r in hs for s in r.outcomes}) > 1:
        counts = {s: sum(r.solved(s) for r in hs) for s in dict.fromkeys(s for r in hs for s in r.outcomes)}
        figure = ", ".join(f"{s} {n}" for s, n in counts.items())
        found.append(("hs: solved ≥ every peer", figure, counts[OURS] >= max(counts.values())))
    for peer, title in ((SLSQP, "SLSQP given exact gradients"), (READY, "SLSQP given gradients that are ready")):
        if pair := medians(hs, OURS, peer):
            figure = f"{_seconds(pair[0])}, {_seconds(pair[1])}"
            found.append((f"hs: median time ≤ {title}", figure, pair[0] <= pair[1]))
    for peer in (IPOPT, POUNCE):
        mean = ratio(hs, OURS, peer)
        if mean is not None:
            found.append((f"hs: geometric mean ≤ 1.0 × {peer}", _times(mean), mean <= 1))
    mgh = m.of("mgh")
    for ours, theirs in ((a.name, b.name) for a, b in PAIRS):
        fewer, faster = ratio(mgh, ours, theirs, evaluations), ratio(mgh, ours, theirs)
        if fewer is not None:
            title = f"unconstrained: {ours} ≤ 1.0 × evaluations, ≤ 0.5 × time of {theirs}"
            found.append((title, f"{_times(fewer)}, {_times(faster)}", fewer <= 1 and faster <= 0.5))
    rows = m.of("families")
    for family in dict.fromkeys(r.name for r in rows):
        mine = [r for r in rows if r.name == family]
        exponent = growth(mine, OURS)
        if len(mine) > 1:
            figure = "not all sizes solved" if exponent is None else f"n^{exponent:.2f}"
            found.append((f"{family}: time grows ≤ n^1.3", figure, exponent is not None and exponent <= 1.3))
        last = mine[-1]
        if IPOPT in last.outcomes and last.n >= 10**5:
            over = last.outcomes[OURS].seconds / last.outcomes[IPOPT].seconds if last.solved(OURS, IPOPT) else None
            reached = over is not None and over <= 1.5
            found.append((f"{family}: ≤ 1.5 × IPOPT at n = {last.n:,}", _times(over), reached))
    return found


def show(m: Measured, console: Console) -> None:
    """Everything, on the terminal."""
    for title, head, lines in tables(m):
        table = Table(title=title)
        for k, name in enumerate(head):
            table.add_column(name, justify="left" if k == 0 else "right")
        for cells in lines:
            table.add_row(*cells, style="bold" if cells[0].startswith("Thalweg") or "Thalweg" in cells[1] else None)
        console.print(table)
    for text in failures(m):
        console.print(f"  {text}", markup=False, style="dim")
    found = verdicts(m)
    if found:
        table = Table(title="Numbers to reach")
        for name in ("number", "figure", "reached"):
            table.add_column(name)
        for number, figure, ok in found:
            table.add_row(number, figure, "[green]yes" if ok else "[red]no")
        console.print(table)


def markdown(m: Measured) -> str:
    """The tables, for a page."""
    machine = ", ".join(str(m.machine[k]) for k in ("date", "processor", "system") if k in m.machine)
    versions = ", ".join(f"{name} {version}" for name, version in m.versions.items())
    parts = [
        f"Measured on {machine}, {m.machine['threads']} threads for large problems, one for small ones; {versions}."
    ]
    for title, head, lines in tables(m):
        parts += [f"**{title}**", markdown_table(head, lines)]
    ours = [text for text in failures(m) if ": Thalweg: " in text]
    if ours:
        parts += ["Not solved by Thalweg:", "\n".join(f"- {text}" for text in ours)]
    found = [[number, figure, "yes" if ok else "no"] for number, figure, ok in verdicts(m)]
    if found:
        parts.append(markdown_table(["number to reach", "figure", "reached"], found))
    return "\n\n".join(parts)


def _seconds(seconds: float) -> str:
    return seconds_text(seconds if math.isfinite(seconds) else None)


def _times(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}×"
