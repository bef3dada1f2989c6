"""What was measured, as a table, as verdicts on the numbers to reach, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers import COPIED
from benchmarks.row import ALONE, OURS, PLAIN, Row

SMALL = ("Rosenbrock n=2", "Rosenbrock n=10", "scalar formula with branches")


@dataclass
class Measured:
    """All of one run. ``threads`` holds for every candidate; ``cold`` is in seconds, ``memory`` in MiB, ``blas`` in
    GFlop/s."""

    machine: dict[str, Any]
    versions: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    cold: dict[str, float] = field(default_factory=dict)
    memory: dict[str, dict[str, float]] = field(default_factory=dict)
    blas: dict[str, float] = field(default_factory=dict)

    @property
    def geometric_mean(self) -> float | None:
        """Of our time over the fastest peer's, over the rows that have both."""
        return geometric_mean(r.ratio for r in self.rows)

    def json(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "versions": self.versions,
            "rows": [
                {
                    "name": r.name,
                    "seconds": r.seconds,
                    "best_peer": r.best,
                    "ratio_to_best_peer": r.ratio,
                    "over_function": r.over_function,
                    "gradient": r.gradient,
                    "tiers": r.tiers,
                    "rtol": r.rtol,
                    "largest_difference": r.difference,
                    "failed": r.failed,
                    "disagreements": r.disagreements,
                }
                for r in self.rows
            ],
            "geometric_mean": self.geometric_mean,
            "cold_seconds": self.cold,
            "memory_mib": self.memory,
            "blas_gflops": self.blas,
            "verdicts": [{"number": n, "figure": f, "reached": ok} for n, f, ok in verdicts(self)],
        }


def geometric_mean(ratios: Iterable[float | None]) -> float | None:
    known = [math.log(r) for r in ratios if r is not None]
    return math.exp(sum(known) / len(known)) if known else None


Verdict = tuple[str, str, bool]  # the number to reach, the figure measured, whether it is reached


def verdicts(m: Measured) -> list[Verdict]:
    """The numbers to reach, as far as this run measured them. A row without our answer does not reach its numbers."""
    found: list[Verdict] = []
    compared = [r for r in m.rows if r.peers]
    if compared:
        missed = [r for r in compared if r.ratio is None or r.ratio > 1]
        figure = f"{len(compared) - len(missed)} of {len(compared)} rows"
        if missed:
            figure += "; not: " + ", ".join(f"{r.name} ({_times(r.ratio)})" for r in missed)
        found.append(("warm: ratio to the best peer ≤ 1.0 on every row", figure, not missed))
        mean = m.geometric_mean
        lacking = sum(r.ratio is None for r in compared)
        figure = _times(mean) + (f", without {lacking} rows that have no time" if lacking else "")
        found.append(("warm: geometric mean ≤ 0.5", figure, mean is not None and mean <= 0.5 and not lacking))
        slower = [r for r in compared if r.ratio_of_calls is not None and r.ratio_of_calls > 1]
        mean = geometric_mean(r.ratio_of_calls for r in compared)
        figure = f"{_times(mean)}; slower: " + (
            ", ".join(f"{r.name} ({_times(r.ratio_of_calls)})" for r in slower) or "none"
        )
        found.append(("the same against calls that take and give arrays (CasADi's buffers copied)", figure,
                      mean is not None and mean <= 0.5 and not slower))  # fmt: skip
    small = [r for r in m.rows if r.name in SMALL]
    if small:
        times = [r.seconds.get(OURS, math.inf) for r in small]
        figure = ", ".join(f"{t * 1e6:.2f} µs" if t < math.inf else "none" for t in times)
        found.append(("warm: scalar functions, n ≤ 10, ≤ 3 µs a call", figure, max(times) <= 3e-6))
    if m.cold:
        for name in ("Thalweg, empty cache", "Thalweg, second run"):
            ours, theirs = m.cold[name], m.cold.get("JAX")
            figure = f"{ours:.3f} s" + (f", {ours / theirs:.2f} of JAX's" if theirs else "")
            reached = ours <= 0.4 and (theirs is None or ours <= theirs / 3)
            found.append((f"cold: ≤ 0.4 s, and ≤ 1/3 of JAX's ({name.split(', ')[1]})", figure, reached))
    asked = [r for r in m.rows if r.gradient]
    if asked:
        missed = [r for r in asked if r.over_function is None or r.over_function > 3]
        figure = f"{len(asked) - len(missed)} of {len(asked)} rows"
        if missed:
            figure += "; not: " + ", ".join(f"{r.name} ({_tiers(r) or _times(r.over_function)})" for r in missed)
        found.append(("gradient ≤ 3 × its function, same tier, on every row", figure, not missed))
    if m.blas:
        share = m.blas["mixture"] / m.blas["dgemm"]
        figure = f"{share:.0%}: {m.blas['mixture']:.1f} of {m.blas['dgemm']:.1f} GFlop/s"
        found.append(("mixture (64, 50, 1000): ≥ 40 % of a large matrix product", figure, share >= 0.4))
    if "Thalweg" in m.memory:
        for when, title in (("first", "the first call"), ("later", "warm")):
            ours = m.memory["Thalweg"]
            beyond = ours[when] - ours["results"]
            others = ", ".join(f"{k} {v[when]:.0f}" for k, v in m.memory.items() if k != "Thalweg")
            figure = f"{beyond:.0f} MiB beyond the results (peers' peaks: {others} MiB)"
            found.append((f"memory: inputs + outputs + 64 MiB, 10⁵ mixture ({title})", figure, beyond <= 64))
    return found


def _times(ratio: float | None) -> str:
    return "no time" if ratio is None else f"{ratio:.2f}×"


def _tiers(row: Row) -> str:
    """Why there is no ratio where the function alone runs in another tier."""
    ours, alone = row.tiers.get(OURS), row.tiers.get(ALONE)
    return "" if ours == alone else f"{ours}, its function {alone}"


def seconds_text(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    for unit, name in ((1e-6, "µs"), (1e-3, "ms")):
        if seconds < 999.5 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} s"


def row_table(m: Measured) -> Table:
    names = [n for n in m.versions if n in {k for r in m.rows for k in (*r.seconds, *r.failed)}]
    peers = [n for n in names if n not in (OURS, "NumPy")]
    table = Table(title=f"Seconds a call, median of interleaved rounds, {m.machine['threads']} threads for all")
    table.add_column("workload", no_wrap=True)
    for name in (OURS, *peers, "Thalweg / best peer", "∇f / f, Thalweg", "f, Thalweg", "f, NumPy"):
        table.add_column(name, justify="right")
    for r in m.rows:
        cells = []
        for name in (OURS, *peers):
            mark = "failed" if name in r.failed else seconds_text(r.seconds.get(name))
            if name == OURS and r.tiers.get(OURS, "native") != "native":
                mark += " " + r.tiers[OURS][0]
            if name in r.disagreements:
                mark = f"[red]{mark} (differs)[/red]"
            cells.append(f"[bold]{mark}[/bold]" if name == r.best else mark)
        ratio, over = r.ratio, r.over_function
        colour = "" if ratio is None else "[green]" if ratio <= 1 else "[yellow]"
        cells.append(f"{colour}{ratio:.2f}" if ratio is not None else "—")
        cells.append(f"{over:.2f}" if over is not None else "—")
        alone = seconds_text(r.seconds.get(ALONE))
        if r.tiers.get(ALONE, "native") != "native":
            alone += " " + r.tiers[ALONE][0]
        cells += [alone, seconds_text(r.seconds.get(PLAIN))]
        table.add_row(r.name, *cells)
    return table


def show(m: Measured, console: Console) -> None:
    """The table and what stands below it."""
    if m.rows:
        console.print(row_table(m))
        console.print(
            "—: not written, as its documentation would not advise it, or not installed. Bold: the best peer."
        )
        console.print("Thalweg runs machine code, except where marked: i interpreted, m in part, u not yet settled.")
        for r in m.rows:
            for name, message in r.failed.items():
                console.print(f"  {r.name}: {name} failed: {message}", markup=False)
            for name, message in r.disagreements.items():
                console.print(f"  {r.name}: {name} differs: {message}", markup=False)
        copied = [r for r in m.rows if r.seconds.get(COPIED, 1.0) < 20e-6 and OURS in r.seconds]
        if copied:
            parts = (f"{r.name} {seconds_text(r.seconds[COPIED])}" for r in copied)
            console.print("CasADi's times are of its raw buffers, which take and return nothing. With the arguments")
            console.print("copied in and the results out, as a call has it: " + ", ".join(parts) + ".")
        if m.geometric_mean is not None:
            console.print(f"Geometric mean of Thalweg / best peer: {m.geometric_mean:.2f}")
    for title, unit, values in (
        ("Process start to first gradient, Rosenbrock n=10", "s", m.cold),
        ("GFlop/s", "", m.blas),
    ):
        if values:
            console.print(f"{title}: " + ", ".join(f"{k} {v:.3f} {unit}".rstrip() for k, v in values.items()))
    for name, v in m.memory.items():
        console.print(
            f"Memory, mixture of 10⁵, {name}: arguments {v['arguments']:.1f} MiB, results {v['results']:.2f}; "
            f"peak beyond what resided: first call {v['first']:.0f}, warm {v['later']:.0f}"
        )
    found = verdicts(m)
    if found:
        table = Table(title="Numbers to reach")
        for name in ("number", "figure", "reached"):
            table.add_column(name)
        for number, figure, ok in found:
            table.add_row(number, figure, "[green]yes" if ok else "[red]no")
        console.print(table)


# --- markdown, for docs/performance.md

START, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def markdown(m: Measured) -> str:
    """The rows, the numbers to reach, and what they were measured on."""
    machine = ", ".join(f"{m.machine[k]}" for k in ("date", "processor", "system") if k in m.machine)
    parts = [
        f"Measured on {machine}, {m.machine['threads']} threads for all; "
        + ", ".join(f"{name} {version}" for name, version in m.versions.items())
        + "."
    ]
    if m.rows:
        peers = [n for n in m.versions if any(n in r.peers or n in r.failed for r in m.rows)]
        head = ["workload", OURS, *peers, "Thalweg / best peer", "gradient / function"]
        rows = [_markdown_row(r, peers) for r in m.rows]
        parts.append(markdown_table(head, rows))
        note = "Time of a call. Bold: the fastest peer. —: not written, as its documentation would not advise it."
        if m.geometric_mean is not None:
            note += f" Geometric mean of Thalweg / best peer: **{m.geometric_mean:.2f}**."
        parts.append(note)
    if m.cold:
        rows = [[name, f"{seconds:.2f} s"] for name, seconds in m.cold.items()]
        parts.append(markdown_table(["from process start to the first gradient, Rosenbrock n=10", ""], rows))
    if m.memory:
        rows = [[name, f"{v['first']:.0f} MiB", f"{v['later']:.0f} MiB"] for name, v in m.memory.items()]
        parts.append(markdown_table(["memory, mixture of 10⁵: peak beyond the arguments", "first call", "warm"], rows))
    found = [[number, figure, "yes" if ok else "no"] for number, figure, ok in verdicts(m)]
    if found:
        parts.append(markdown_table(["number to reach", "figure", "reached"], found))
    return "\n\n".join(parts)


def _markdown_row(r: Row, peers: list[str]) -> list[str]:
    cells = [r.name]
    for name in (OURS, *peers):
        text = "failed" if name in r.failed else seconds_text(r.seconds.get(name))
        if name in r.disagreements:
            text += " (differs)"
        if name == OURS and r.tiers.get(OURS, "native") != "native":
            text += f" ({r.tiers[OURS]})"
        cells.append(f"**{text}**" if name == r.best else text)
    return [*cells, _ratio(r.ratio), _ratio(r.over_function)]


def _ratio(ratio: float | None) -> str:
    return "—" if ratio is None else f"{ratio:.2f}"


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(x.replace("|", "\\|") for x in line) + " |" for line in lines)


def put_between_marks(page: str, text: str) -> str:
    """``page`` with ``text`` between its marks; the text alone, marked, for a page without them."""
    before, mark, after = page.partition(START)
    _, end, after = after.partition(END)
    return f"{before if mark and end else ''}{START}\n{text}\n{END}{after if mark and end else chr(10)}"
