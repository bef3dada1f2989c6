"""What is asked on the command line: a formula, the names that data fill, and a point for the names that remain.

A search may have constraints, with the same unknowns; then a starting point may be left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.cli.arguments import Value, read_point
from thalweg.cli.constraints import Bound, as_bound, as_bounds, guessed, read_comparisons, sides
from thalweg.cli.output import progress_line
from thalweg.data.csv_file import read_columns
from thalweg.errors import ArgumentError, ThalwegError
from thalweg.formula import Formula, formula


@dataclass(frozen=True)
class Question:
    """A formula with its data put in: a function of the unknowns, and the point it is asked at.

    Attributes
    ----------
    conditions : tuple of Formula
        Comparisons to hold.
    bounds : dict or None
        Lower and upper side by the name of an unknown.
    """

    formula: Formula
    data: Mapping[str, np.ndarray]
    point: Mapping[str, Value]
    conditions: tuple[Formula, ...] = ()
    bounds: Mapping[str, tuple[float, float]] | None = None

    def at(self, point: Mapping[str, Any]) -> Any:
        """The formula as a function of one argument: the unknowns by name."""
        return self.value(self.formula, point)

    def value(self, read: Formula, point: Mapping[str, Any]) -> Any:
        """Any formula of the question at a point."""
        known = {**point, **self.data}
        try:
            return read(**{name: known[name] for name in read.variables})
        except ThalwegError:
            raise
        except (IndexError, TypeError, ValueError) as error:  # shapes that do not fit, an entry that is not there
            shapes = ", ".join(f"{name} {size_text(value)}" for name, value in {**self.point, **self.data}.items())
            raise ArgumentError(f"{read.text} cannot be computed: {error} ({shapes})") from error

    @property
    def subject_to(self) -> list[Callable[[Any], Any]] | None:
        """The conditions as `subject_to=` takes them, each with its text; None without any."""
        return [self._condition(read) for read in self.conditions] or None

    def _condition(self, read: Formula) -> Callable[[Any], Any]:
        from thalweg.optimize.written import Texted

        return lambda point: Texted(self.value(read, point), " ".join(read.text.split()))

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


def read_question(
    text: str | None,
    data: str | None,
    points: Sequence[str] | None,
    option: str,
    subject_to: Sequence[str] | None = None,
    bounds: Sequence[str] | None = None,
    guess: bool = False,
) -> Question:
    """Read it all, and check that every name of the formula is either a column of the data or in the point.

    Where `guess` is true, unknowns that the point leaves out are numbers, and start inside their bounds.
    """
    if text is None:
        raise ArgumentError('a formula is needed, in quotes, such as "x^2 + y^2"')
    asked = formula(text.strip())
    if asked.is_comparison:
        raise ArgumentError(f"{asked.text} is a comparison; a formula whose value is a number is needed")
    conditions = read_comparisons(subject_to or (), "--subject-to")
    bounding = read_comparisons(bounds or (), "--bounds")
    point = read_point(points or [], option)
    read = [asked, *conditions, *bounding]
    constants = {step.value for one in read for part in one.parts for step in part.program if step.op == "constant"}
    columns = {} if data is None else columns_of(data, {name for one in read for name in one.variables} | constants)
    if taken := sorted(constants & {*columns, *point}):  # a column or an unknown called e is not the number e
        asked, *others = (formula(one.text, variables=_with(one, taken)) for one in read)
        conditions, bounding = others[: len(conditions)], others[len(conditions) :]
    sided = as_bounds(bounding, "--bounds")
    unknowns = [name for name in asked.variables if name not in columns]
    unknowns += further_unknowns(asked, conditions, sided, unknowns, columns, point, option)
    question = Question(asked, columns, point, tuple(conditions), sides(sided) or None)
    if guess and not {*point} - {*unknowns} and (missing := [name for name in unknowns if name not in point]):
        point = guessed_point(question, missing, sided, point) or point
    check_names(point, unknowns, columns, option)
    return Question(asked, columns, {name: point[name] for name in unknowns}, question.conditions, question.bounds)


def _with(read: Formula, taken: Sequence[str]) -> list[str]:
    """The variables of a formula, with those of its constants that are none here."""
    own = {step.value for part in read.parts for step in part.program if step.op == "constant"}
    return [*read.variables, *(name for name in taken if name in own)]


def further_unknowns(
    asked: Formula,
    conditions: Sequence[Formula],
    bounds: Sequence[Bound],
    unknowns: Sequence[str],
    columns: Mapping[str, Any],
    point: Mapping[str, Value],
    option: str,
) -> list[str]:
    """Names that stand in conditions only: they vary too if the point has them, else they may be slips."""
    found: list[str] = []
    named = [(one.text, name) for one in conditions for name in one.variables]
    named += [(f"the bound of {bound.entry}", bound.unknown) for bound in bounds]
    for where, name in named:
        if name in unknowns or name in columns or name in found:
            continue
        if name not in point:
            raise ArgumentError(
                f"{where} has {name}, which is not in the formula {asked.text}; its unknowns are "
                f"{', '.join(unknowns) or 'none'}. To let {name} vary too, add {name}=0 to {option}"
            )
        found.append(name)
    return found


def guessed_point(
    question: Question, missing: Sequence[str], bounds: Sequence[Bound], point: Mapping[str, Value]
) -> dict[str, Value] | None:
    """The point with numbers for the names that are missing; None where they cannot be numbers."""
    known = [*bounds, *(bound for one in question.conditions if (bound := as_bound(one)) is not None)]
    try:
        return guessed(missing, known, point, question.at)
    except ArgumentError:
        return None


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
