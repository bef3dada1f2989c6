"""A whole table: each column as numbers, or as text where a cell of it is no number, and where every row stands.

Numbers are float64 with NaN where a value is missing; text is an array of `str` with None there.  Which columns a model
can use, and what is wrong with them, is decided when they are asked for (`design`).
"""

from __future__ import annotations

import io
import sys
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

import numpy as np

from .csv_file import MISSING, Report, is_number, open_binary, open_rows, shortened

__all__ = ["Table", "read_table"]

ROWS_AT_ONCE = 128  # more of them leave the cache


@dataclass(eq=False)
class Table:
    """Columns by name, of one length.

    Attributes
    ----------
    label : str
        The file, as errors name it.
    columns : dict
        Name → float64 array, NaN where missing; or object array of str, None where missing.
    lines : array of int
        The line of the file on which each row stands; of a file without lines, the row.
    word : str
        'line' or 'row'.
    unusable : dict
        Names of further columns → what they hold (dates, lists …), which no model takes.
    unnamed : int
        How many columns had no name, and were left out.
    """

    label: str
    columns: dict[str, np.ndarray]
    lines: np.ndarray
    word: str = "line"
    unusable: dict[str, str] = field(default_factory=dict)
    unnamed: int = 0

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lines)

    def place(self, row: int, column: str) -> str:
        """Where a value stands, as errors say it."""
        return f"{self.label}, {self.word} {self.lines[row]}, column {column}"


def is_text(column: np.ndarray) -> bool:
    """Whether a column of a table is text."""
    return column.dtype == object


def read_table(path: str, report: Report | None = None, as_text: Collection[str] = ()) -> Table:
    """Read a CSV or Parquet file; `-` is CSV on standard input.

    Parameters
    ----------
    path : str
    report : callable, optional
        Is called now and then with a line on how far the reading is.
    as_text : collection of str
        Columns that are text even if all their cells are numbers.

    Raises
    ------
    ArgumentError
        Where the file cannot be read, with the line.
    """
    if path == "-":
        with open_binary(path) as stream:
            return _csv(path, report, set(as_text), _Standard(stream.read()))
    with open_binary(path) as file:
        magic = file.read(4)
    if magic == b"PAR1":
        from .parquet_file import parquet_table

        return parquet_table(path, as_text)
    return _csv(path, report, set(as_text))


class _Standard(io.BytesIO):
    """What came on standard input, which can be read once only."""


def _csv(path: str, report: Report | None, as_text: set[str], kept: BinaryIO | None = None) -> Table:
    while True:
        try:
            return _pass(path, report, as_text, kept)
        except _Becomes as column:
            as_text.add(column.name)
            if kept is not None:
                kept.seek(0)


class _Becomes(Exception):
    """A column that began as numbers has text further on: it is read again, so that its cells stay as they are."""

    def __init__(self, name: str) -> None:
        self.name = name


def _pass(path: str, report: Report | None, as_text: set[str], kept: BinaryIO | None) -> Table:
    with open_rows(path, report, kept) as rows:
        places = [place for place, name in enumerate(rows.header) if name]
        names = [rows.header[place] for place in places]
        rows.refuse_twice(names)
        cells: dict[str, array[float] | list[str | None]] = {
            name: [] if name in as_text else array("d") for name in names
        }
        lines: array[int] = array("q")
        given = iter(rows)
        while block := list(islice(given, ROWS_AT_ONCE)):
            first = not lines
            lines.extend(line for line, _ in block)
            across = list(zip(*(row for _, row in block)))
            for place, name in zip(places, names):
                _take(cells, name, across[place], first)
    columns = {name: np.frombuffer(c, np.float64) if isinstance(c, array) else _objects(c) for name, c in cells.items()}
    return Table(rows.label, columns, np.frombuffer(lines, np.int64), unnamed=len(rows.header) - len(places))


def _take(cells: dict[str, array[float] | list[str | None]], name: str, block: Sequence[str], first: bool) -> None:
    """Append a block of cells to their column."""
    column = cells[name]
    if isinstance(column, array):
        numbers = _numbers(block)
        if numbers is not None:
            column.extend(numbers)
            return
        if not first:
            raise _Becomes(name)
        column = cells[name] = []
    column.extend(None if missing(cell) else cell.strip() for cell in block)


def _numbers(block: Sequence[str]) -> array[float] | None:
    """The numbers of a block; None where one of its cells is text."""
    try:
        if "_" not in "".join(block):
            return array("d", map(float, block))
    except ValueError:
        pass
    numbers = array("d")
    for cell in block:
        if is_number(cell):
            numbers.append(float(cell))
        elif missing(cell):
            numbers.append(float("nan"))
        else:
            return None
    return numbers


def missing(cell: str) -> bool:
    """Whether a cell says that it has no value."""
    return cell.strip().lower() in MISSING


def _objects(cells: list[str | None]) -> np.ndarray:
    column = np.empty(len(cells), dtype=object)
    column[:] = [None if cell is None else sys.intern(cell) for cell in cells]
    return column


def first_text(column: np.ndarray) -> tuple[int, str]:
    """The row and the content of the first cell that is text: of one that is no number, where there is one."""
    for row, cell in enumerate(column):
        if cell is not None and not is_number(cell):
            return row, shortened(cell)
    row = next((row for row, cell in enumerate(column) if cell is not None), 0)
    return row, shortened(column[row] or "")
