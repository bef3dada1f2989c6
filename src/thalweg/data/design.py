"""From a table to what a model takes: a matrix of features with their names, and a target.

What a model cannot take is an error that names the column and the first row where it stands: text in a feature, a
missing value (where the model has no treatment of it), an infinite number.  Text becomes numbers only when asked, by a
column of zeros and ones for each of its values; a `Recipe` remembers how, so that later tables are read the same way.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize

import numpy as np

from thalweg.errors import ArgumentError

from .csv_file import counted, shortened
from .table import Table, first_text, is_text

__all__ = ["Design", "Recipe", "design", "names_of", "redesign"]

#: A column that is to become zeros and ones has at most so many values.
MOST_VALUES = 100
#: Column names that an error lists.
LISTED = 12
ALL = "all"


@dataclass(frozen=True)
class Recipe:
    """How features are made from a table.

    Attributes
    ----------
    columns : tuple of str
        The columns that are used, in order.
    values : dict
        Name of a column that becomes zeros and ones → its values, texts or numbers, the first left out where
        `reference` is true.
    reference : bool
        Whether the first value of each is the one that the others are compared with.
    """

    columns: tuple[str, ...]
    values: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)
    reference: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the features: a column's own, or column_value."""
        found = []
        for column in self.columns:
            if column in self.values:
                found += [f"{column}_{_shown(v)}" for v in self.values[column][self.reference :]]
            else:
                found.append(column)
        return found

    @property
    def texts(self) -> list[str]:
        """The columns that are text."""
        return [column for column, values in self.values.items() if isinstance(values[0], str)]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for a file."""
        return {
            "columns": list(self.columns),
            "values": {column: list(values) for column, values in self.values.items()},
            "reference": self.reference,
        }

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> Recipe:
        """Back from plain values."""
        return Recipe(
            tuple(plain["columns"]),
            {column: tuple(values) for column, values in plain["values"].items()},
            bool(plain["reference"]),
        )


@dataclass(frozen=True, eq=False)
class Design:
    """What a model takes.

    Attributes
    ----------
    X : array of shape (rows, features)
    names : list of str
        Of the features.
    y : array or None
        Numbers, or texts as objects.
    weights : array or None
    recipe : Recipe
    notes : list of str
        What the user should know: a column that is constant, columns without a name.
    """

    X: np.ndarray
    names: list[str]
    y: np.ndarray | None
    weights: np.ndarray | None
    recipe: Recipe
    notes: list[str]


def design(
    table: Table,
    target: str | None = None,
    features: Sequence[str] | None = None,
    one_hot: Collection[str] = (),
    weights: str | None = None,
    *,
    reference: bool = False,
    missing: bool = False,
) -> Design:
    """Make features, target and weights from a table.

    Parameters
    ----------
    table : Table
    target : str, optional
        The column that is to be predicted.
    features : sequence of str, optional
        The columns to predict from; all others without it.
    one_hot : collection of str
        Columns that become a column of zeros and ones for each of their values; ``all`` stands for all columns of text.
    weights : str, optional
        The column with the weight of each row.
    reference : bool
        Leave out the first value of each such column: beside an intercept, the others say what differs from it.
    missing : bool
        Whether the model takes missing values.

    Raises
    ------
    ArgumentError
        Where a column is not there, or holds what the model cannot take; with the row.
    """
    known = [*table.columns, *table.unusable]
    for option, name in (("--target", target), ("--weights", weights)):
        if name is not None:
            _check_known(table, name, known, option)
    for name in features or ():
        _check_known(table, name, known, "--features")
        if name in (target, weights):
            raise ArgumentError(f"--features: {name} is the {'target' if name == target else 'column of weights'}")
    chosen = list(dict.fromkeys(features)) if features else [n for n in table.columns if n not in (target, weights)]
    if not features and table.unusable:
        name, kind = next(iter(table.unusable.items()))
        others = ",".join(n for n in chosen)
        raise ArgumentError(
            f"{table.label}, column {name} holds {kind}, which is no number; leave it out: --features {others}"
        )
    if not chosen:
        raise ArgumentError(f"{table.label} has no columns left to fit: {_listed(known)}")
    coded = _coded(table, chosen, one_hot)
    recipe = Recipe(tuple(chosen), {name: _values(table, name) for name in chosen if name in coded}, reference)
    X = _matrix(table, recipe, missing)
    y = None if target is None else _target(table, target)
    w = None if weights is None else _weights(table, weights)
    return Design(X, recipe.names, y, w, recipe, [*_notes(table, X, recipe.names)])


def redesign(table: Table, recipe: Recipe, missing: bool = False) -> np.ndarray:
    """Make the features of a recipe from another table, whose columns are found by name."""
    absent = [name for name in recipe.columns if name not in table.columns]
    if absent:
        plural = "s" if len(absent) > 1 else ""
        raise ArgumentError(
            f"{table.label} lacks the column{plural} {', '.join(absent[:LISTED])}, from which the model predicts; it "
            f"has {_listed(table.columns)}"
        )
    return _matrix(table, recipe, missing)


def names_of(texts: Sequence[str] | None, option: str) -> list[str]:
    """The column names of an option: separated by commas, in quotes where a name has one, the option repeated or not.

    Examples
    --------
    >>> names_of(['age, "weight, kg"', "site"], "--features")
    ['age', 'weight, kg', 'site']
    """
    found = []
    for text in texts or ():
        try:
            (row,) = csv.reader([text], skipinitialspace=True, strict=True)
        except (csv.Error, ValueError):
            raise ArgumentError(f"{option}: {shortened(text)!r} is no list of column names") from None
        found += [normalize("NFKC", name.strip()) for name in row or [""]]
    if not all(found):
        raise ArgumentError(f"{option}: a name between the commas is empty")
    return found


# --- features ---------------------------------------------------------------------------------------------------------


def _check_known(table: Table, name: str, known: Collection[str], option: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean {near[0]}?" if near else f"; there are {_listed(known)}"
        raise ArgumentError(f"{option}: {table.label} has no column {shortened(name)}{meant}")


def _coded(table: Table, chosen: Sequence[str], one_hot: Collection[str]) -> set[str]:
    """The columns that become zeros and ones."""
    coded = set()
    for name in one_hot:
        if name == ALL and ALL not in table.columns:
            coded |= {n for n in chosen if n in table.columns and is_text(table.columns[n])}
            continue
        _check_known(table, name, [*table.columns, *table.unusable], "--one-hot")
        if name not in chosen:
            raise ArgumentError(f"--one-hot: {name} is none of the features")
        coded.add(name)
    return coded


def _values(table: Table, name: str) -> tuple[str | float, ...]:
    """The values of a column in order, for zeros and ones."""
    column = table.columns[name]
    found: list[Any]
    if is_text(column):
        found = sorted({cell for cell in column if cell is not None})
    else:
        found = np.unique(column[np.isfinite(column)]).tolist()
    if not found:
        raise ArgumentError(f"{table.label}, column {name} has no values")
    if len(found) > MOST_VALUES:
        raise ArgumentError(
            f"--one-hot: {name} has {len(found)} different values, and columns for at most {MOST_VALUES} are made; "
            "leave it out with --features"
        )
    return tuple(found)


def _matrix(table: Table, recipe: Recipe, missing: bool) -> np.ndarray:
    X = np.empty((table.rows, len(recipe.names)))
    at = 0
    for name in recipe.columns:
        if name in recipe.values:
            values = recipe.values[name]
            block = _indicators(table, name, values, missing)[:, recipe.reference :]
            X[:, at : at + block.shape[1]] = block
            at += block.shape[1]
        else:
            X[:, at] = _numbers(table, name, missing)
            at += 1
    return X


def _numbers(table: Table, name: str, missing: bool) -> np.ndarray:
    """A column as numbers that a model can take."""
    if name in table.unusable:
        raise ArgumentError(f"{table.label}, column {name} holds {table.unusable[name]}, which is no number")
    column = table.columns[name]
    if is_text(column):
        row, cell = first_text(column)
        hint = "; write decimals with a point" if _is_number_with_comma(cell) else ""
        advice = hint or f"; leave {name} out (--features), or make zeros and ones of it: --one-hot {name}"
        raise ArgumentError(f"{table.place(row, name)}: {cell!r} is text, not a number{advice}")
    _refuse_infinite(table, name, column)
    if not missing or np.isnan(column).all():
        _refuse_missing(table, name, np.isnan(column))
    return column


def _is_number_with_comma(cell: str) -> bool:
    try:
        float(cell.replace(",", ".", 1))
    except ValueError:
        return False
    return "," in cell


def _refuse_infinite(table: Table, name: str, column: np.ndarray) -> None:
    infinite = np.isinf(column)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise ArgumentError(f"{table.place(row, name)}: the value is infinite; correct it or remove the row")


def _refuse_missing(table: Table, name: str, absent: np.ndarray) -> None:
    if absent.any():
        row, count = int(np.argmax(absent)), int(absent.sum())
        more = "" if count == 1 else f" ({count} of {counted(table.rows, 'row')})"
        raise ArgumentError(
            f"{table.place(row, name)}: the value is missing{more}; fill it in, remove the row, or leave {name} out"
        )


def _indicators(table: Table, name: str, values: Sequence[str | float], missing: bool) -> np.ndarray:
    """A column of zeros and ones for each value; missing where the value is."""
    column = table.columns[name]
    text = isinstance(values[0], str)
    if not is_text(column) and np.isnan(column).all():
        _refuse_missing(table, name, np.isnan(column))
    if text != is_text(column):
        raise ArgumentError(
            f"{table.label}, column {name} holds {'text' if not text else 'numbers'}, and held "
            f"{'text' if text else 'numbers'} when the model was fitted"
        )
    if not text:
        _refuse_infinite(table, name, column)
    absent = np.array([cell is None for cell in column]) if text else np.isnan(column)
    if not missing or absent.all():
        _refuse_missing(table, name, absent)
    order = {value: place for place, value in enumerate(values)}
    block = np.zeros((table.rows, len(values)))
    for row, cell in enumerate(column.tolist()):
        if absent[row]:
            block[row] = np.nan
        elif cell in order:
            block[row, order[cell]] = 1.0
        else:
            shown = ", ".join(_shown(v) for v in values[:LISTED])
            raise ArgumentError(
                f"{table.place(row, name)}: {shortened(_shown(cell))} is none of the values that the model has met: "
                f"{shown}"
            )
    return block


def _notes(table: Table, X: np.ndarray, names: Sequence[str]) -> list[str]:
    notes = []
    if table.unnamed:
        notes.append(
            f"{counted(table.unnamed, 'column')} without a name {'is' if table.unnamed == 1 else 'are'} left out"
        )
    low, high = (f(X, axis=0, where=~np.isnan(X), initial=i) for f, i in ((np.min, np.inf), (np.max, -np.inf)))
    constant = [name for name, a, b in zip(names, low, high) if a == b]
    if constant and table.rows > 1:
        what = (
            "has the same value in every row, and says" if len(constant) == 1 else "have one value in all rows, and say"
        )
        notes.append(f"{_listed(constant)} {what} nothing")
    return notes


# --- target and weights -----------------------------------------------------------------------------------------------


def _target(table: Table, name: str) -> np.ndarray:
    if name in table.unusable:
        raise ArgumentError(f"{table.label}, column {name} holds {table.unusable[name]}, which cannot be predicted")
    column = table.columns[name]
    if is_text(column):
        _refuse_missing(table, name, np.array([cell is None for cell in column]))
    else:
        _refuse_infinite(table, name, column)
        _refuse_missing(table, name, np.isnan(column))
    return column


def _weights(table: Table, name: str) -> np.ndarray:
    column = _numbers(table, name, missing=False)
    if (column < 0).any():
        row = int(np.argmax(column < 0))
        raise ArgumentError(f"{table.place(row, name)}: the weight {column[row]:g} is negative")
    if not column.any():
        raise ArgumentError(f"{table.label}, column {name}: all weights are zero")
    return column


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.15g}"


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:LISTED])
    return shown if len(names) <= LISTED else f"{shown} and {len(names) - LISTED} more"
