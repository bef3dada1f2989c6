"""A plan as a table of at most a hundred columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from thalweg.execution.native.plan import Line, Plan, Step

_WIDTH = 100
_WHAT = 46
_SHOWN = 60  # rows of steps


def text(plan: Plan) -> str:
    """What ``print(plan)`` shows."""
    parts = [_wrapped(f"{plan.name}: {plan.signature}" if plan.name else plan.signature), _wrapped(plan.why)]
    if plan.tier in ("counting", "on trial", "on disk"):
        parts.append("as machine code:")
    parts += ["", *_table(plan.steps), "", *_totals(plan)]
    return "\n".join(parts)


def _wrapped(line: str) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _table(steps: Sequence[Step]) -> Iterator[str]:
    yield _row("step", "", "", "flop", "moved", "line").replace("step ", "step", 1)
    rows = list(_rows(steps))
    for row in rows[:_SHOWN]:
        yield from row
    if len(rows) > _SHOWN:
        yield f"     … and {len(rows) - _SHOWN} rows more; `steps` has all"


def _rows(steps: Sequence[Step]) -> Iterator[list[str]]:
    number = 1
    for step, equal in groupby(steps):
        count = len(list(equal))
        yield list(_lines_of(step, str(number), step.kind, count))
        for inner, same in groupby(step.steps):
            yield list(_lines_of(inner, "", f"· {inner.kind}", len(list(same))))
        number += count


def _lines_of(step: Step, number: str, kind: str, count: int) -> Iterator[str]:
    what = step.what if count == 1 else f"{step.what}; {count} such steps"
    texts = textwrap.wrap(what, _WHAT, break_on_hyphens=False) or [""]
    yield _row(number, kind, texts[0], quantity(count * step.flop), memory(count * step.bytes), places(step.lines))
    for more in texts[1:]:
        yield _row("", "", more, "", "", "")


def _row(number: str, kind: str, what: str, flop: str, moved: str, line: str) -> str:
    return f"{number:>3}  {kind:<11} {what:<{_WHAT}}{flop:>8}{moved:>10}  {line}".rstrip()


def _totals(plan: Plan) -> Iterator[str]:
    yield f"in all   {quantity(plan.flop)}flop, {memory(plan.bytes)} read and written"
    parts = [counted(plan.arrays, "array") + ("" if plan.native else " kept between calls")] if plan.arrays else []
    if plan.in_tiles:
        more = f"and {plan.in_tiles}" if parts else counted(plan.in_tiles, "array")
        parts.append(f"{more} a tile at a time ({memory(plan.tile_bytes)} a thread)")
    size = memory(plan.scratch_bytes) if plan.scratch_bytes else "none"
    yield _wrapped(f"memory   {size} beside arguments and results{': ' if parts else ''}{', '.join(parts)}")
    if plan.conditions:
        yield f"asks     {counted(plan.conditions, 'condition')} of Python's `if` at each call"


def quantity(count: float) -> str:
    """A count with three digits: ``12.3 M``."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{_digits(count / size)} {unit}"
    return f"{count:.0f} "


def memory(count: float) -> str:
    """Bytes with three digits: ``12.3 MiB``."""
    for size, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= size:
            return f"{_digits(count / size)} {unit}"
    return f"{count:.0f} B"


def _digits(x: float) -> str:
    return f"{x:.0f}" if x >= 99.95 else f"{x:.1f}" if x >= 9.995 else f"{x:.2f}"


def seconds(duration: float) -> str:
    """A time with two digits: ``12 ms``."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if duration >= 0.995 * size:
            return f"{duration / size:.2g} {unit}" if duration < 99.5 * size else f"{duration / size:.0f} {unit}"
    return "0 s" if duration < 1e-9 else f"{duration * 1e6:.2g} µs"


def places(lines: Sequence[Line], width: int = _WIDTH - 83) -> str:
    """``model.py:7-9, 12``; what is too long ends in …."""
    by_file: dict[str, list[int]] = {}
    for file, line in lines:
        formula = file.startswith("formula: ")
        name = "formula" if formula else file.replace("\\", "/").rsplit("/", 1)[-1]
        by_file.setdefault(name, []).extend([] if formula else [line])
    shown = ", ".join(f"{name}:{_ranges(numbers)}" if numbers else name for name, numbers in by_file.items())
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def _ranges(numbers: Sequence[int]) -> str:
    """2, 3, 4, 7 → ``2-4,7``."""
    found: list[list[int]] = []
    for n in sorted(set(numbers)):
        if found and n == found[-1][-1] + 1:
            found[-1].append(n)
        else:
            found.append([n])
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in found)


def counted(k: int, noun: str) -> str:
    return f"{k} {noun}" if k == 1 else f"{k} {noun}s"
