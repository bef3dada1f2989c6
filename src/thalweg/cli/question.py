"""What is asked on the command line: a formula, the names that data fill, and a point for the names that remain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.cli.arguments import Value, read_point
from thalweg.cli.data import read_columns
from thalweg.cli.output import progress_line
from thalweg.errors import ArgumentError, ThalwegError
from thalweg.formula import Formula, formula


@dataclass(frozen=True)
class Question:
    """A formula with its data put in: a function of the unknowns, and the point it is asked at."""

    formula: Formula
    data: Mapping[str, np.ndarray]
    point: Mapping[str, Value]

    def at(self, point: Mapping[str, Any]) -> Any:
        """The formula as a function of one argument: the unknowns by name."""
        try:
            return self.formula(**point, **self.data)
        except ThalwegError:
            raise
        except (IndexError, TypeError, ValueError) as error:  # shapes that do not fit, an entry that is not there
            shapes = ", ".join(f"{name} {size_text(value)}" for name, value in {**self.point, **self.data}.items())
            raise ArgumentError(f"{self.formula.text} cannot be computed: {error} ({shapes})") from error

    def needs_one_number(self) -> None:
        """An error where the formula has a vector as its value, which cannot be the least."""
        value = np.asarray(self.at(self.point))
        if value.size != 1:
            raise ArgumentError(
                f"{self.formula.text} {size_text(value)}; one number is needed, such as the sum(…) or mean(…) of these"
            )

    def at_entries(self, entries: Any) -> Any:
        """The same as a function of one flat vector, in the order of the unknowns."""
        point, start = {}, 0
        for name, value in self.point.items():
            shape = np.shape(value)
            stop = start + math.prod(shape)
            point[name] = entries[start:stop].reshape(shape)
            start = stop
        return self.at(point)

    @property
    def entries(self) -> np.ndarray:
        return np.concatenate([np.ravel(value) for value in self.point.values()]).astype(float)


def size_text(value: Any) -> str:
    shape = np.shape(value)
    return f"has {' × '.join(map(str, shape))} entries" if shape else "is a number"


def read_question(text: str | None, data: str | None, points: Sequence[str] | None, option: str) -> Question:
    """Read it all, and check that every name of the formula is either a column of the data or in the point."""
    if text is None:
        raise ArgumentError('a formula is needed, in quotes, such as "x^2 + y^2"')
    asked = formula(text.strip())
    if asked.is_comparison:
        raise ArgumentError(f"{asked.text} is a comparison; a formula whose value is a number is needed")
    point = read_point(points or [], option)
    constants = {step.value for step in asked.program if step.op == "constant"}
    columns = {} if data is None else columns_of(data, {*asked.variables, *constants})
    if taken := constants & {*columns, *point}:  # a column or an unknown called e is not the number e
        asked = formula(asked.text, variables=[*asked.variables, *sorted(taken)])
    unknowns = [name for name in asked.variables if name not in columns]
    check_names(point, unknowns, columns, option)
    return Question(asked, columns, {name: point[name] for name in unknowns})


def columns_of(path: str, names: set[str]) -> dict[str, np.ndarray]:
    with progress_line() as report:
        return read_columns(path, names, report)


def check_names(point: Mapping[str, Value], unknowns: list[str], columns: Mapping[str, Any], option: str) -> None:
    for name in point:
        if name in columns:
            raise ArgumentError(f"{option}: {name} is a column of the data and cannot be given; rename one of the two")
        if name not in unknowns:
            known = f"its unknowns are {', '.join(unknowns)}" if unknowns else "it has no unknowns"
            raise ArgumentError(f"{option}: {name} is not in the formula; {known}")
    if not unknowns:
        reason = "every name in it is a column of the data" if columns else "it has no names"
        raise ArgumentError(f"the formula has nothing to vary: {reason}")
    if missing := [name for name in unknowns if name not in point]:
        example = ",".join(f"{name}=0" for name in missing)
        advice = f"add {example} to {option}" if point else f"for example {option} {example}"
        if columns:
            advice = f"it is no column of the data; {advice}" if len(missing) == 1 else f"no columns; {advice}"
        raise ArgumentError(f"no value is given for {', '.join(missing)}: {advice} (a vector: {missing[0]}=[0,0])")
