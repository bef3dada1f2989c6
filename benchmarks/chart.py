"""The table as a picture: for each workload, how many times Thalweg's time each peer takes, on a logarithmic scale."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import Measured
from benchmarks.row import OURS, PLAIN

MARKS = {  # colours that differ also for the colour-blind (Okabe & Ito)
    "JAX": ("o", "#0072B2"),
    "PyTorch": ("s", "#D55E00"),
    "torch.compile": ("D", "#E69F00"),
    "CasADi": ("^", "#009E73"),
    "CasADi C": ("v", "#56B4E9"),
    "autograd": ("P", "#CC79A7"),
}


def chart(m: Measured, path: Path) -> None:
    """Write the picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [r for r in m.rows if OURS in r.seconds and r.peers]
    figure, axes = pyplot.subplots(figsize=(9, 1.6 + 0.34 * len(rows)), layout="constrained")
    for y, row in enumerate(rows):
        ratios = [s / row.seconds[OURS] for s in row.peers.values()]
        axes.plot([min(1, *ratios), max(1, *ratios)], [y, y], color="0.85", linewidth=1.5, zorder=1)
    for peer, (marker, colour) in MARKS.items():
        points = [(r.seconds[peer] / r.seconds[OURS], y) for y, r in enumerate(rows) if peer in r.seconds]
        if points:
            axes.scatter(*zip(*points, strict=True), marker=marker, color=colour, s=38, label=peer, zorder=3)
    alone = [(r.seconds[PLAIN] / r.seconds[OURS], y) for y, r in enumerate(rows) if PLAIN in r.seconds]
    if alone:
        axes.scatter(*zip(*alone, strict=True), marker="|", color="0.4", s=90, label="NumPy, f alone", zorder=2)
    axes.axvline(1, color="black", linewidth=1.5, zorder=2)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [r.name for r in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x", which="major", color="0.9")
    axes.set_axisbelow(True)
    where = f"{m.machine['processor']}, {m.machine['threads']} threads, {m.machine['date']}"
    axes.set_xlabel(f"time of a call / time of Thalweg's (right of the line: slower than Thalweg)\n{where}")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.legend(loc="outside upper center", ncols=7, frameon=False, fontsize="small", columnspacing=1.2)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
