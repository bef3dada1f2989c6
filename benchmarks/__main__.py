"""``python -m benchmarks``: Thalweg and its peers in one run: derivatives. ``… optimize``: minima.

``python -m benchmarks foundation``: the interpreter. ``… limits``: what may take so long and no longer.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from benchmarks import threads


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Thalweg and its peers, in one run.")
    parser.add_argument("what", nargs="?", default="native", choices=["native", "foundation", "limits", "optimize"])
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        help="rows, or cold, memory, blas, hs, mgh, families, whose name has this expression",
    )
    parser.add_argument("--peers", metavar="NAMES", help="these peers only, separated by commas; none for none")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds of a row")
    parser.add_argument("--budget", type=float, default=20.0, metavar="S", help="seconds for the rounds of a row")
    parser.add_argument("--quick", action="store_true", help="few short rounds, and no cold or memory runs")
    parser.add_argument("--threads", type=int, default=threads.cores(), help="for everybody; default: all cores")
    parser.add_argument("--json", metavar="FILE", help="write the numbers; - for standard output")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the tables, between the marks of a page")
    parser.add_argument("--chart", metavar="FILE", type=Path, help="write a picture")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    options = arguments(given)
    threads.limit(options.threads)  # before anything that computes is imported
    if options.what == "foundation":
        from benchmarks import foundation

        foundation.main()
        return 0
    if options.what == "limits":
        from benchmarks import limits

        return limits.main(options.rounds)
    if options.what == "optimize":
        os.environ["THALWEG_CACHE_DIR"] = ""  # nothing compiled is kept from one run for the next
        from benchmarks import optimize

        return optimize.run(options)
    with tempfile.TemporaryDirectory() as folder:  # nothing is found there that an earlier run has compiled
        os.environ["THALWEG_CACHE_DIR"] = folder
        return native(options)


def native(options: argparse.Namespace) -> int:
    from rich.console import Console

    from benchmarks import environment, peers, report
    from benchmarks.blas import blas_share
    from benchmarks.cold import cold
    from benchmarks.memory import memory
    from benchmarks.row import Effort, measured
    from benchmarks.workloads import ALL

    console = Console(file=sys.stderr if options.json == "-" else sys.stdout)
    console.width = max(console.width, 190)
    available = peers.available(options.threads)
    if options.peers is not None:
        wanted = options.peers.split(",")
        available = {name: version for name, version in available.items() if name in wanted}
    left_out = [name for name in peers.PACKAGES if name not in available]
    m = report.Measured(environment.machine(options.threads), environment.versions() | available)
    console.print(", ".join(f"{k}: {v}" for k, v in m.machine.items()))
    console.print(", ".join(f"{k} {v}" for k, v in m.versions.items()))
    if left_out:
        console.print(f"left out: {', '.join(left_out)}")

    effort = Effort(options.rounds, options.budget)
    if options.quick:
        effort = Effort(min(options.rounds, 3), min(options.budget, 2.0), 0.2, 0.005)

    def chosen(name: str) -> bool:
        return options.only is None or re.search(options.only, name, re.IGNORECASE) is not None

    for workload in ALL:
        if chosen(workload.name):
            row = measured(workload, available, effort)
            m.rows.append(row)
            times = ", ".join(f"{k} {report.seconds_text(s)}" for k, s in row.seconds.items())
            console.print(f"  {row.name}: {times}", style="dim")
    extra = options.only is not None or not options.quick
    if chosen("blas") and extra:
        m.blas = blas_share(effort)
    if chosen("cold") and extra:
        m.cold = cold(set(available))
    if chosen("memory") and extra:
        m.memory = memory(["Thalweg", *(p for p in ("JAX", "PyTorch", "torch.compile", "autograd") if p in available)])
    report.show(m, console)
    if options.json:
        text = json.dumps(m.json(), indent=1, ensure_ascii=False)
        if options.json == "-":
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")
    if options.markdown is not None:
        page = options.markdown.read_text("utf-8") if options.markdown.exists() else ""
        options.markdown.write_text(report.put_between_marks(page, report.markdown(m)), encoding="utf-8")
    if options.chart is not None:
        from benchmarks.chart import chart

        chart(m, options.chart)
    return 1 if any(r.disagreements for r in m.rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
