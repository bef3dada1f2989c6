"""What the command prints: numbers, labelled tables that fit the screen, JSON. Plain text, no colour codes.

Answers go to standard output; complaints and progress go to standard error, progress only on a terminal.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np

WIDTH = 78
SHOWN = 12  # rows and columns of a table, or entries of a vector, before the rest is only counted


def number(value: float) -> str:
    return format(float(value) + 0.0, ".10g")  # + 0.0: no negative zero


def point_text(point: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {array_text(np.asarray(value))}" for name, value in point.items())


def array_text(value: np.ndarray) -> str:
    if value.ndim == 0:
        return number(float(value))
    parts = [array_text(item) for item in value[:SHOWN]]
    if len(value) > SHOWN:
        parts.append(f"… {len(value) - SHOWN} more")
    return "[" + ", ".join(parts) + "]"


def box(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """A title over labelled texts, folded."""
    head = max(len(label) for label, _ in rows) + 2
    lines = [title, "─" * min(WIDTH, max(len(title), 40))]
    for label, text in rows:
        folded = wrap(text, WIDTH - head, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append(label.ljust(head) + folded[0])
        lines += [" " * head + rest for rest in folded[1:]]
    return "\n".join(lines)


def entry_names(point: Mapping[str, Any]) -> list[str]:
    """A name for every entry of a point: x, w[0], w[1], A[0,0] …"""
    names = []
    for name, value in point.items():
        for index in np.ndindex(np.shape(value)):
            names.append(f"{name}[{','.join(map(str, index))}]" if index else name)
    return names


def table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    """Labelled columns, right-aligned; split into blocks of columns where the screen is too narrow."""
    left_out = len(columns) - SHOWN, len(rows) - SHOWN
    columns = columns[:SHOWN]
    cells = {label: [number(v) for v in list(values)[:SHOWN]] for label, values in list(rows.items())[:SHOWN]}
    head = max(len(title), *(len(label) + 2 for label in cells))
    widths = [
        max(len(text) for text in [name, *(row[place] for row in cells.values())]) + 2
        for place, name in enumerate(columns)
    ]
    lines = []
    for block in blocks(widths, screen_width() - head):
        lines.append(title.ljust(head) + "".join(columns[place].rjust(widths[place]) for place in block))
        for label, row in cells.items():
            lines.append(f"  {label}".ljust(head) + "".join(row[place].rjust(widths[place]) for place in block))
    if max(left_out) > 0:
        lines.append(f"  … {max(left_out)} more; --json prints all")
    return "\n".join(line.rstrip() for line in lines)


def blocks(widths: Sequence[int], room: float) -> Iterator[list[int]]:
    """Consecutive places whose widths fit in `room` together, at least one at a time."""
    block: list[int] = []
    for place, width in enumerate(widths):
        if block and sum(widths[p] for p in block) + width > room:
            yield block
            block = []
        block.append(place)
    yield block


def screen_width() -> float:
    """Of the terminal; without bound where the output is a file or a pipe, since nobody folds lines there."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else math.inf


def json_text(content: Mapping[str, object]) -> str:
    return json.dumps(plain(content), ensure_ascii=False, indent=2, allow_nan=False)


def plain(value: object) -> object:
    """The JSON types. Numbers that JSON cannot say are the strings "nan", "inf" and "-inf"."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


@contextlib.contextmanager
def progress_line() -> Iterator[Callable[[str], None] | None]:
    """A function that shows a line of text in place, or None where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with contextlib.ExitStack() as shown:
        status: Any = None

        def report(text: str) -> None:
            nonlocal status
            if status is None:  # nothing is imported or shown for what is quickly done
                from rich.console import Console

                status = shown.enter_context(Console(stderr=True).status(text))
            status.update(text)

        yield report
