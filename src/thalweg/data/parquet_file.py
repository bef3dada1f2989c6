"""Parquet files through pyarrow: numbers and truth values as numbers, strings and their dictionaries as text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from unicodedata import normalize

import numpy as np

from thalweg.errors import ArgumentError, MissingPackageError

from .table import Table

__all__ = ["parquet_table"]

#: Columns that pandas writes for an index without a name.
INDEX = "__index_level_"


def parquet_table(path: str, as_text: Collection[str] = ()) -> Table:
    """Read a Parquet file as a table; `as_text` names columns whose numbers are texts."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingPackageError(
            f"{path} is a Parquet file, for which pyarrow is needed: pip install thalweg[models]"
        ) from None
    try:
        read = parquet.read_table(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise ArgumentError(f"{path} cannot be read as Parquet: {' '.join(str(error).split())[:200]}") from None
    if not read.num_columns or not read.num_rows:
        raise ArgumentError(f"{path} has no rows" if read.num_columns else f"{path} has no columns")
    columns: dict[str, np.ndarray] = {}
    unusable: dict[str, str] = {}
    unnamed = 0
    for given, column in zip(read.column_names, read.columns):
        name = normalize("NFKC", given.strip())
        if not name or name.startswith(INDEX):
            unnamed += 1
            continue
        if name in columns or name in unusable:
            raise ArgumentError(f"{path}: {name} names several columns; rename all but one")
        values = _values(column, pyarrow)
        if values is None:
            unusable[name] = str(column.type)
        else:
            columns[name] = _texts(values) if name in as_text and values.dtype != object else values
    lines = np.arange(1, read.num_rows + 1)
    return Table(path, columns, lines, word="row", unusable=unusable, unnamed=unnamed)


def _values(column: Any, pyarrow: Any) -> np.ndarray | None:
    """A column as numbers or text; None where it is neither."""
    kind, types = column.type, pyarrow.types
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
    elif types.is_string(kind) or types.is_large_string(kind):
        values = np.empty(len(column), dtype=object)
        values[:] = [None if cell is None or not cell.strip() else cell.strip() for cell in column.to_pylist()]
        return values
    elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)):
        return None
    if types.is_decimal(kind):
        column = column.cast(pyarrow.float64())
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _texts(values: np.ndarray) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = [None if np.isnan(v) else f"{v:.15g}" for v in values]
    return found
