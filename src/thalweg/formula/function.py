"""The formula as a function: a program in reverse Polish order, run on a stack by NumPy."""

import inspect
import json
import numbers
import operator
import re
import types
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from thalweg.errors import FormulaError
from thalweg.formula.errors import Fault, describe
from thalweg.formula.functions import CONSTANTS, FUNCTIONS
from thalweg.formula.latex import latex
from thalweg.formula.parser import Piece, Step, parse
from thalweg.formula.tokens import MAX_LENGTH, variable_name

_MAX_INTEGER_EXPONENT = 2**31

_OPERATORS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "negative": operator.neg,
    "vector": lambda *entries: np.array(list(entries)),
}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def formula(text: str, variables: str | Sequence[str] | None = None) -> "Formula":
    """Make a function from a formula as people write it.

    The text is read by a grammar (see `thalweg.formula`) and can do nothing but arithmetic in float64. Whatever is
    wrong with it is answered by a `FormulaError` that shows the place.

    Parameters
    ----------
    text : str
        The formula: ``"x^2*sin(y)"``, ``"2πr"``, ``"|x| + √(y² + 1)"``, ``"dot(x, x) <= 1"``. A product that is not
        written binds as one that is: ``1/2x`` is ``(1/2)*x``, ``e^2x`` is ``(e^2)*x``.
    variables : str or sequence of str, optional
        The arguments and their order, as ``["x", "y"]`` or ``"x y"``. A name that is not listed is refused then; one
        that is listed need not occur. ``e``, ``pi``, ``tau`` and ``inf`` are constants unless they are listed. Without
        it, the arguments are the names that occur, in alphabetical order with numbers by size (``x2`` before
        ``x10``).

    Returns
    -------
    Formula
        A function of these variables, for numbers, arrays and traced values.

    Raises
    ------
    FormulaError
        If the text is no formula, or the variables cannot be its variables.

    Examples
    --------
    >>> from thalweg.formula import formula
    >>> f = formula("100*(y - x^2)^2 + (1 - x)^2")
    >>> f.variables
    ('x', 'y')
    >>> float(f(0.5, 1.0))
    56.5
    >>> float(f(y=1.0, x=1.0))
    0.0
    >>> float(formula("1/2x")(6.0))
    3.0
    >>> formula("0 <= x[0] <= 5").relations
    ('<=', '<=')
    >>> formula("2*(x + ) - 1")
    Traceback (most recent call last):
        ...
    thalweg.errors.FormulaError: unexpected ')' at column 8
      2*(x + ) - 1
             ^
    expected a number, a name or '('
    """
    if not isinstance(text, str):
        raise TypeError(f"a formula is a text, not {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(text)} characters; at most {MAX_LENGTH} are read")
    if not text.strip():
        raise FormulaError("the formula is empty: write something such as x^2 + 1")
    listed = None if variables is None else _listed(variables)
    try:
        read = parse(text, listed)
    except Fault as fault:
        raise FormulaError(describe(text, fault)) from None
    program = tuple(read.steps)
    return Formula(text, _names(program) if listed is None else listed, program, read.pieces)


@dataclass(frozen=True, repr=False, eq=False)
class Formula:
    """A function that was read from a text; `formula` makes it.

    Call it with numbers or arrays, by position in the order of `variables` or by name. Integers become float64. A
    comparison returns what NumPy's comparison returns, true or false for each entry; a range such as ``0 <= x <= 5``
    is true where all its comparisons are. Equality (``=``) is exact.

    Two formulas are equal when they read the same: ``x^2`` and ``x²`` are, ``x + y`` and ``y + x`` are not.

    Attributes
    ----------
    text : str
        The formula as it was written.
    variables : tuple of str
        The names of the arguments, in their order.
    program : tuple of Step
        The formula in reverse Polish order.
    """

    text: str
    variables: tuple[str, ...]
    program: tuple[Step, ...]
    _pieces: tuple[Piece, ...] = ()
    _code: tuple[tuple[int, Any], ...] = field(init=False)
    _evaluate: Callable[..., Any] = field(init=False)

    def __post_init__(self) -> None:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in self.variables]
        object.__setattr__(self, "_code", _compile(self.program, self.variables))
        object.__setattr__(self, "_evaluate", _evaluator(self.text))
        object.__setattr__(self, "__name__", self.text)
        object.__setattr__(self, "__qualname__", self.text)
        object.__setattr__(self, "__signature__", inspect.Signature(parameters))

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        values = args if not kwargs and len(args) == len(self.variables) else self._bind(args, kwargs)
        return self._evaluate(self._code, [_as_number(value) for value in values])

    @property
    def is_comparison(self) -> bool:
        """Whether the formula is a comparison, such as ``x + y <= 1``."""
        return bool(self._pieces)

    @property
    def relations(self) -> tuple[str, ...]:
        """The signs of a comparison from left to right, each one of ``= != < <= > >=``; empty for another formula."""
        return self.program[-1].value if self._pieces else ()

    @property
    def parts(self) -> tuple["Formula", ...]:
        """The sides of a comparison from left to right, each a function of all the variables.

        They are one more than `relations`. A formula that is no comparison is its own single part.
        """
        if not self._pieces:
            return (self,)
        return tuple(Formula(self.text[p.start : p.end], self.variables, p.program) for p in self._pieces)

    def latex(self) -> str:
        """The formula in LaTeX, without dollar signs."""
        return latex(self.program)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = json.dumps(self.text, ensure_ascii=False)
        if self.variables == _names(self.program):
            return f"formula({text})"
        return f"formula({text}, variables={json.dumps(self.variables, ensure_ascii=False)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Formula):
            return NotImplemented
        return self.variables == other.variables and self.program == other.program

    def __hash__(self) -> int:
        return hash((self.variables, self.program))

    def __reduce__(self) -> tuple[Callable[..., "Formula"], tuple[str, tuple[str, ...]]]:
        return formula, (self.text, self.variables)

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """The values in the order of the variables, or a `TypeError` in plain words."""
        of = f"the formula is a function of {', '.join(self.variables) or 'no variable'}"
        if len(args) > len(self.variables):
            raise TypeError(f"{of}: {len(args)} values were given")
        values = dict(zip(self.variables, args, strict=False))
        known = set(self.variables)
        for name, value in kwargs.items():
            if name not in known:
                raise TypeError(f"{of}: there is no {name!r}")
            if name in values:
                raise TypeError(f"{of}: {name!r} was given twice")
            values[name] = value
        if missing := [name for name in self.variables if name not in values]:
            raise TypeError(f"{of}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
        return [values[name] for name in self.variables]


def _listed(variables: str | Sequence[str]) -> tuple[str, ...]:
    """The variables that the caller lists, checked."""
    names = re.split(r"[\s,]+", variables.strip()) if isinstance(variables, str) else list(variables)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the name of a variable is a text, not {type(name).__name__}")
    try:
        kept = tuple(variable_name(name) for name in names if name or not isinstance(variables, str))
    except ValueError as error:
        raise FormulaError(str(error)) from None
    if twice := [name for name, times in Counter(kept).items() if times > 1]:
        raise FormulaError(f"the variable {twice[0]!r} is listed twice")
    return kept


def _names(program: tuple[Step, ...]) -> tuple[str, ...]:
    """The variables of a program: alphabetical, with runs of digits ordered as numbers."""

    def key(name: str) -> list[tuple[int, str]]:
        runs = re.split(r"(\d+)", name)
        return [(len(run.lstrip("0")) if place % 2 else 0, run) for place, run in enumerate(runs)]

    return tuple(sorted({step.value for step in program if step.op == "variable"}, key=key))


# The code of a formula: pairs of a count and a thing. A count of 0 puts the thing, a constant, on the stack; −1 puts
# the argument with that number there; n > 0 applies the thing to the n values on top.
_CONSTANT, _ARGUMENT = 0, -1


def _compile(program: tuple[Step, ...], variables: tuple[str, ...]) -> tuple[tuple[int, Any], ...]:
    """The code of a program. Constant parts are computed here, in float64."""
    code: list[tuple[int, Any]] = []
    begins: list[int] = []  # for each value on the stack, the place in the code where it begins
    places = {name: place for place, name in enumerate(variables)}
    for op, count, value in program:
        if count == 0:
            begins.append(len(code))
            if op == "variable":
                code.append((_ARGUMENT, places[value]))
            else:
                code.append((_CONSTANT, CONSTANTS[value] if op == "constant" else value))
            continue
        function = _meaning(op, value)
        first = begins[-count]
        constant = len(code) - first == count and all(kind == _CONSTANT for kind, _ in code[first:])
        if constant and op not in ("vector", "entry"):
            code[first:] = [(_CONSTANT, _fold(function, [thing for _, thing in code[first:]]))]
        else:
            if op == "^" and code[-1][0] == _CONSTANT:
                code[-1] = (_CONSTANT, _exponent(code[-1][1]))
            code.append((count, function))
        del begins[len(begins) - count + 1 :]
    return tuple(code)


def _run(code: tuple[tuple[int, Any], ...], values: list[Any]) -> Any:
    stack: list[Any] = []
    for count, thing in code:
        if count == 2:
            right = stack.pop()
            stack[-1] = thing(stack[-1], right)
        elif count == 1:
            stack[-1] = thing(stack[-1])
        elif count == _CONSTANT:
            stack.append(thing)
        elif count == _ARGUMENT:
            stack.append(values[thing])
        else:
            stack[-count:] = [thing(*stack[-count:])]
    (result,) = stack
    return np.asarray(result)[()] if type(result) in (float, bool) else result  # a constant formula


def _evaluator(text: str) -> Callable[..., Any]:
    """`_run` under the name of the formula: who asks for the place of an error in the user's code finds the text."""
    code = _run.__code__.replace(co_filename=f"formula: {' '.join(text.split())}")
    return types.FunctionType(code, {**_run.__globals__, "__name__": "formula"}, "formula")


def _meaning(op: str, value: Any) -> Callable[..., Any]:
    if op == "call":
        return FUNCTIONS[value].meaning
    if op == "compare":
        return _chain(value)
    if op == "entry":
        places = tuple(slice(*item) if isinstance(item, tuple) else item for item in value)
        return operator.itemgetter(places[0] if len(places) == 1 else places)
    return _OPERATORS[op]


def _chain(relations: tuple[str, ...]) -> Callable[..., Any]:
    """``a <= b < c``: true where every comparison is."""

    def compare(*sides: Any) -> Any:
        links = (_COMPARISONS[sign](*pair) for sign, pair in zip(relations, pairwise(sides), strict=True))
        return reduce(lambda x, y: np.logical_and(x, y), links)

    return compare


def _fold(function: Callable[..., Any], values: list[Any]) -> float | bool:
    with np.errstate(all="ignore"):
        result = function(*(np.float64(value) if isinstance(value, float) else value for value in values))
    return bool(result) if isinstance(result, bool | np.bool_) else float(result)


def _exponent(value: float) -> float | int:
    """An exponent that is an integer, as one: powers of integers are exact and know their sign."""
    return int(value) if value.is_integer() and abs(value) <= _MAX_INTEGER_EXPONENT else value


def _as_number(value: Any) -> Any:
    """Python numbers, sequences and integers as float64; other arrays and traced values as they are."""
    if type(value) is float:
        return np.float64(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.astype(np.float64) if value.dtype.kind in "biu" else value
    if isinstance(value, float | int):
        return np.float64(value)
    if isinstance(value, list | tuple):
        return _as_number(np.array(value))
    if value is None or isinstance(value, str | bytes | dict | set):
        raise TypeError(f"a formula computes with numbers and arrays, not with {type(value).__name__}")
    if isinstance(value, numbers.Rational):
        return np.float64(float(value))
    return value
