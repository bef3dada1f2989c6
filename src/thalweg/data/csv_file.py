"""Columns of a CSV file as arrays, read row by row; every fault is named by file, line and column.

A header is needed. The delimiter (comma, semicolon or tab) is the one that splits the header into most names.
Only the columns that are asked for are converted, so text may stand in the others.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import math
import os
import sys
from array import array
from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO
from unicodedata import normalize

import numpy as np

from thalweg.errors import ArgumentError

DELIMITERS = ",;\t"
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}
ROWS_BETWEEN_REPORTS = 20_000

Report = Callable[[str], None]


def read_columns(path: str, names: Collection[str], report: Report | None = None) -> dict[str, np.ndarray]:
    """The columns of the file `path` (`-` is standard input) whose header is in `names`.

    `report` is called now and then with a line on how far the reading is.
    """
    with open_rows(path, report) as rows:
        header = rows.header
        rows.refuse_twice(names)
        wanted = [(place, name, array("d")) for place, name in enumerate(header) if name in names]
        if not wanted:
            listed = ", ".join(name for name in header if name)
            raise ArgumentError(f"{rows.label} has the columns {listed}; none of them is in the formula")
        for line, row in rows:
            for place, name, values in wanted:
                values.append(number(row[place], rows.label, line, name))
    return {name: np.frombuffer(values, dtype=np.float64) for _, name, values in wanted}


class Rows:
    """The rows of an open file below its header, with the line on which each ends."""

    def __init__(self, text: io.TextIOWrapper, label: str, tick: Callable[[int], None]) -> None:
        start = list(up_to_first_filled(text))
        if not start:
            raise ArgumentError(f"{label} is empty; a line of column names is needed, then rows of numbers")
        self.label, self._tick = label, tick
        self._reader = csv.reader(itertools.chain(start, text), delimiter=delimiter_of(start[-1]), strict=True)
        try:
            filled = (row for row in self._reader if "".join(row).strip())
            row = next(filled, [])
        except csv.Error as error:
            raise self._no_csv(error) from None
        self._line = self._reader.line_num
        self.header = [normalize("NFKC", name.strip()) for name in row]  # as names in formulas are read
        if all(is_number(name) for name in self.header):  # also where the header is empty
            raise ArgumentError(
                f"{label}, line {self._line}: no column names here; add a first line that names the columns"
            )

    def refuse_twice(self, names: Collection[str]) -> None:
        """An error where one of `names` stands over several columns."""
        for name in names:
            if self.header.count(name) > 1:
                raise ArgumentError(
                    f"{self.label}, line {self._line}: {name} names {self.header.count(name)} columns; rename all but "
                    "one"
                )

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        rows, reader, fields = 0, self._reader, len(self.header)
        try:
            for row in reader:
                if len(row) != fields:
                    if len(row) <= 1 and not "".join(row).strip():
                        continue  # a blank line
                    raise ArgumentError(
                        f"{self.label}, line {reader.line_num}: {counted(len(row), 'field')} where the header has "
                        f"{fields}"
                    )
                yield reader.line_num, row
                rows += 1
                if rows % ROWS_BETWEEN_REPORTS == 0:
                    self._tick(rows)
        except csv.Error as error:
            raise self._no_csv(error) from None
        if not rows:
            raise ArgumentError(f"{self.label} has column names but no rows of numbers below them")

    def _no_csv(self, error: csv.Error) -> ArgumentError:
        return ArgumentError(f"{self.label}, line {self._reader.line_num}: this is not CSV ({error})")


@contextlib.contextmanager
def open_rows(path: str, report: Report | None = None, binary: BinaryIO | None = None) -> Iterator[Rows]:
    """The rows of a file; of `binary`, which `path` names, where that is given."""
    label = "standard input" if path == "-" else path
    with contextlib.ExitStack() as opened:
        given = binary if binary is not None else opened.enter_context(open_binary(path))
        size = os.fstat(given.fileno()).st_size if path != "-" else 0
        text = io.TextIOWrapper(given, encoding="utf-8-sig", newline="")
        try:
            yield Rows(text, label, lambda rows: progress(report, label, rows, given, size))
        except UnicodeDecodeError:
            place = "" if path == "-" else f", line {first_undecodable_line(path)}"
            raise ArgumentError(f"{label}{place}: this is not UTF-8 text; save the file as CSV in UTF-8") from None
        finally:
            text.detach()


@contextlib.contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    if path == "-":
        if sys.stdin is None:
            raise ArgumentError("standard input is closed; name a CSV file in the place of -")
        yield sys.stdin.buffer
        return
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        raise ArgumentError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise ArgumentError(f"{path} is a directory; name a CSV file in it") from None
    except (OSError, ValueError) as error:  # no permission, a name too long, a NUL in the name
        raise ArgumentError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    with file:
        yield file


def up_to_first_filled(lines: io.TextIOWrapper) -> Iterator[str]:
    """The blank lines at the top, if any, and the first line with something in it; nothing if there is none."""
    blank = []
    for line in lines:
        blank.append(line)
        if line.strip():
            yield from blank
            return


def delimiter_of(header: str) -> str:
    """The delimiter that splits the header into most fields, quotes respected; a comma where all are equal."""
    return max(DELIMITERS, key=lambda delimiter: len(next(csv.reader([header], delimiter=delimiter), [])))


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def number(cell: str, label: str, line: int, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and "_" not in cell:
        return value
    place = f"{label}, line {line}, column {column}"
    if cell.strip().lower() in MISSING:
        shown = f"the value is missing ({cell.strip()})" if cell.strip() else "the value is missing"
        raise ArgumentError(f"{place}: {shown}; fill it in or remove the row")
    if math.isinf(value):
        raise ArgumentError(f"{place}: {cell.strip()} is not finite; correct it or remove the row")
    hint = "; write decimals with a point" if is_number(cell.replace(",", ".", 1)) else ""
    raise ArgumentError(f"{place}: {shortened(cell)!r} is not a number{hint}")


def shortened(cell: str) -> str:
    return cell if len(cell) <= 30 else cell[:29] + "…"


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def progress(report: Report | None, label: str, rows: int, binary: BinaryIO, size: int) -> None:
    if report is None:
        return
    share = f", {100 * binary.tell() // size} %" if size else ""
    report(f"reading {label}: {rows:,} rows{share}")


def first_undecodable_line(path: str) -> int:
    with open(path, "rb") as file:
        for count, line in enumerate(file, start=1):
            try:
                line.decode("utf-8-sig")
            except UnicodeDecodeError:
                return count
    return count
