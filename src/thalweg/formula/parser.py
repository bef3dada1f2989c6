"""Tokens → a program in reverse Polish order: ``x^2*sin(y)`` becomes ``x 2 ^ y sin *``.

A program is flat, so that nothing that reads it (running, comparing, hashing, printing) has to recurse: a text cannot
be nested so deeply that a formula breaks. An LALR parser meets the parts of a text in exactly this order; `Builder`
only has to write them down.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from thalweg.formula.errors import Fault, shorten
from thalweg.formula.functions import FUNCTIONS
from thalweg.formula.grammar import make_parser
from thalweg.formula.tokens import SUPERSCRIPTS, expected, read

if TYPE_CHECKING:
    from lark import Token

_MAX_INDEX = 2**31
_RELATIONS = {"==": "=", "≤": "<=", "≥": ">=", "≠": "!="}
_MISSPELT = {"=<": "<=", "=>": ">=", "<>": "!=", "===": "="}


class Step(NamedTuple):
    """One step of a program: take `arity` values from the stack, put one back."""

    op: str  # number constant variable | + - * / ^ negative vector entry call compare
    arity: int
    value: Any = None


class Piece(NamedTuple):
    """One side of a comparison: where it stands in the text, and its own program."""

    start: int
    end: int
    program: tuple[Step, ...]


@dataclass(slots=True)
class Fragment:
    """A part of the text that has been read, and its steps."""

    steps: list[Step]
    start: int
    end: int
    is_comparison: bool = False
    is_bars: bool = False
    pieces: tuple[Piece, ...] = ()


def parse(text: str, variables: tuple[str, ...] | None) -> Fragment:
    """Read the text, or raise a `Fault`."""
    from lark.exceptions import UnexpectedToken

    tokens = read(text, variables)
    try:
        return _parser().parse(tokens)
    except UnexpectedToken as error:
        raise _unexpected(text, tokens, error) from None


@cache
def _parser() -> Any:
    return make_parser(Builder())


def _unexpected(text: str, tokens: list["Token"], error: Any) -> Fault:
    token: Token = error.token
    if token.type == "$END":
        return Fault("unexpected end", len(text.rstrip()), expected(tokens, token))
    index = next(i for i, other in enumerate(tokens) if other is token)
    shown = shorten(text[token.start_pos : token.end_pos])
    hint = expected(tokens[:index], token)
    if index and tokens[index - 1].type == token.type == "RELATION":
        instead = _MISSPELT.get(tokens[index - 1] + token)
        hint = f"write {instead}" if instead else hint
    return Fault(f"unexpected '{shown}'", token.start_pos or 0, hint)


def _fragment(op: str, parts: list[Fragment], start: int, end: int, value: Any = None) -> Fragment:
    """The parts, one after another, and the step that joins them."""
    steps = parts[0].steps
    for part in parts[1:]:
        steps.extend(part.steps)
    steps.append(Step(op, len(parts), value))
    return Fragment(steps, start, end)


def _left_to_right(children: list[Any]) -> Fragment:
    """``a + b - c``: values at the even places, operators between."""
    for child in children[::2]:
        _number(child)
    result: Fragment = children[0]
    for sign, right in zip(children[1::2], children[2::2], strict=True):
        op = {"PLUS": "+", "MINUS": "-", "TIMES": "*", "DIVIDE": "/"}[sign.type]
        result = _fragment(op, [result, right], result.start, right.end)
    return result


def _number(part: Fragment) -> Fragment:
    """The part, which must not be a comparison."""
    if part.is_comparison:
        raise Fault(
            "a comparison where a number is needed", part.start, "write where(x > 0, 1, 0) to count it as 1 or 0"
        )
    return part


def _literal(token: "Token", digits: str) -> float:
    value = float(digits)
    if value == math.inf:
        raise Fault(
            "the number is too large", token.start_pos or 0, "the largest is about 1.8e308; write inf for infinity"
        )
    return value


class Builder:
    """What each rule of the grammar builds, under the rule's name."""

    def start(self, children: list[Any]) -> Fragment:
        return children[0]

    def comparison(self, children: list[Any]) -> Fragment:
        sides = [_number(side) for side in children[::2]]
        pieces = tuple(Piece(side.start, side.end, tuple(side.steps)) for side in sides)
        relations = tuple(_RELATIONS.get(sign.value, sign.value) for sign in children[1::2])
        result = _fragment("compare", sides, sides[0].start, sides[-1].end, relations)
        result.is_comparison, result.pieces = True, pieces
        return result

    sum = staticmethod(_left_to_right)
    product = staticmethod(_left_to_right)

    def negative(self, children: list[Any]) -> Fragment:
        sign, part = children
        return _fragment("negative", [_number(part)], sign.start_pos, part.end)

    def positive(self, children: list[Any]) -> Fragment:
        sign, part = children
        return Fragment(_number(part).steps, sign.start_pos, part.end)

    def raised(self, children: list[Any]) -> Fragment:
        base, _, exponent = children
        return _fragment("^", [_number(base), _number(exponent)], base.start, exponent.end)

    def superscript(self, children: list[Any]) -> Fragment:
        base, sign = children
        digits = sign.value.translate(SUPERSCRIPTS)
        steps = [Step("number", 0, _literal(sign, digits.lstrip("+-")))]
        if digits.startswith("-"):
            steps.append(Step("negative", 1))
        return _fragment("^", [_number(base), Fragment(steps, 0, 0)], base.start, sign.end_pos)

    def root(self, children: list[Any]) -> Fragment:
        sign, part = children
        return _fragment("call", [_number(part)], sign.start_pos, part.end, {"√": "sqrt", "∛": "cbrt"}[sign.value])

    def number(self, children: list["Token"]) -> Fragment:
        (token,) = children
        return Fragment([Step("number", 0, _literal(token, token.value))], token.start_pos or 0, token.end_pos or 0)

    def constant(self, children: list["Token"]) -> Fragment:
        (token,) = children
        name = {"π": "pi", "τ": "tau", "∞": "inf"}.get(token.value, token.value)
        return Fragment([Step("constant", 0, name)], token.start_pos or 0, token.end_pos or 0)

    def variable(self, children: list["Token"]) -> Fragment:
        (token,) = children
        return Fragment([Step("variable", 0, token.value)], token.start_pos or 0, token.end_pos or 0)

    def call(self, children: list[Any]) -> Fragment:
        name, _, *rest, closing = children
        arguments = rest[::2]
        function = FUNCTIONS[name.value]
        if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
            raise Fault(f"{name} {function.takes()}, not {len(arguments)},", name.start_pos)
        conditions = 1 if function.name == "where" else 0
        for argument in arguments[:conditions]:
            if not argument.is_comparison:
                raise Fault(
                    f"{name} needs a condition first", argument.start, "write a comparison such as where(x > 0, x, 0)"
                )
        for argument in arguments[conditions:]:
            _number(argument)
        if function.name == "pow":
            return _fragment("^", arguments, name.start_pos, closing.end_pos)
        return _fragment("call", arguments, name.start_pos, closing.end_pos, function.name)

    def group(self, children: list[Any]) -> Fragment:
        opening, inner, closing = children
        inner.start, inner.end, inner.is_bars = opening.start_pos, closing.end_pos, False
        return inner

    def bars(self, children: list[Any]) -> Fragment:
        opening, inner, closing = children
        if inner.is_bars:
            raise Fault(
                "'||…||' could mean two things",
                opening.start_pos,
                "write norm(x) for the norm, |x| for absolute values",
            )
        result = _fragment("call", [_number(inner)], opening.start_pos, closing.end_pos, "abs")
        result.is_bars = True
        return result

    def vector(self, children: list[Any]) -> Fragment:
        opening, *entries, closing = children
        return _fragment("vector", [_number(e) for e in entries[::2]], opening.start_pos, closing.end_pos)

    def entry(self, children: list[Any]) -> Fragment:
        part, _, *items, closing = children
        _number(part)
        if len(part.steps) == 1 and part.steps[0].op in ("number", "constant"):
            raise Fault("a number has no entries", part.start)
        return _fragment("entry", [part], part.start, closing.end_pos, tuple(items[::2]))

    def item(self, children: list[int]) -> int:
        return children[0]

    def slice(self, children: list[Any]) -> tuple[int | None, ...]:
        """(start, stop, step), as hashable as an entry's number: None where nothing is written."""
        places: list[int | None] = [None]
        for child in children:
            if isinstance(child, int):
                places[-1] = child
            else:
                places.append(None)
        if places[2:] == [0]:
            raise Fault("a slice cannot step by 0", children[-2].start_pos, "write a step such as x[::2]")
        return (*places, None) if len(places) == 2 else tuple(places)

    def bound(self, children: list["Token"]) -> int:
        digits, position = children[-1].value, children[-1].start_pos or 0
        if not digits.replace("_", "").isdecimal():
            raise Fault(f"'{shorten(digits)}' is not an integer", position, "entries are numbered 0, 1, 2, …")
        if len(digits) > 10 or int(digits) >= _MAX_INDEX:
            raise Fault(f"'{shorten(digits)}' is too large", position, "entries are numbered 0, 1, 2, …")
        return -int(digits) if len(children) == 2 else int(digits)
