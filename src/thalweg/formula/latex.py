"""A program in reverse Polish order → LaTeX."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thalweg.formula.parser import Step

# How strongly a piece of LaTeX holds together; a piece is bracketed where a stronger one is needed.
_COMPARISON, _SUM, _SIGNED, _PRODUCT, _POWER, _ATOM = range(6)

_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi o pi rho sigma tau upsilon varphi "
        "chi psi omega".split(),
        strict=True,
    )
) | dict(zip("ΓΔΘΛΞΠΣΦΨΩ", "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split(), strict=True))
_COMMANDS = {name for name in _GREEK.values() if len(name) > 1} | {"epsilon", "phi"}
_NAMED = "sin cos tan sec csc cot arcsin arccos arctan sinh cosh tanh exp max min".split()
_SIGNS = {"=": "=", "!=": r"\ne", "<": "<", "<=": r"\le", ">": ">", ">=": r"\ge"}
_CALLS = {
    "sqrt": r"\sqrt{%s}",
    "cbrt": r"\sqrt[3]{%s}",
    "abs": r"\left|%s\right|",
    "floor": r"\left\lfloor %s\right\rfloor",
    "ceil": r"\left\lceil %s\right\rceil",
    "norm": r"\left\|%s\right\|",
    "sum": r"\sum\left(%s\right)",
    "log": r"\ln\left(%s\right)",
    "log2": r"\log_{2}\left(%s\right)",
    "log10": r"\log_{10}\left(%s\right)",
    "gamma": r"\Gamma\left(%s\right)",
    "erf": r"\operatorname{erf}\left(%s\right)",
}

Piece = tuple[str, int]


def latex(program: Sequence["Step"]) -> str:
    r"""The program in LaTeX.

    >>> from thalweg.formula import formula
    >>> print(formula("x_1^2/2 + sin(theta)").latex())
    \frac{x_{1}^{2}}{2} + \sin\left(\theta\right)
    """
    stack: list[Piece] = []
    for op, count, value in program:
        pieces = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        stack.append(_piece(op, value, pieces))
    return stack[0][0]


def _piece(op: str, value: Any, pieces: list[Piece]) -> Piece:
    match op:
        case "number":
            return _number(value)
        case "constant":
            return {"pi": r"\pi", "tau": r"\tau", "inf": r"\infty"}.get(value, value), _ATOM
        case "variable":
            return _name(value), _ATOM
        case "+":
            return f"{_at(_SUM, pieces[0])} + {_at(_PRODUCT, pieces[1])}", _SUM
        case "-":
            return f"{_at(_SUM, pieces[0])} - {_at(_PRODUCT, pieces[1])}", _SUM
        case "*":
            left, right = _at(_SIGNED, pieces[0]), _at(_POWER, pieces[1])
            sign = r" \cdot " if right[0].isdigit() else r" \, "
            return f"{left}{sign}{right}", _SIGNED if pieces[0][1] == _SIGNED else _PRODUCT
        case "/":
            return rf"\frac{{{pieces[0][0]}}}{{{pieces[1][0]}}}", _POWER
        case "^":
            return f"{_at(_ATOM, pieces[0])}^{{{pieces[1][0]}}}", _POWER
        case "negative":
            return f"-{_at(_PRODUCT, pieces[0])}", _SIGNED
        case "vector":
            return r"\begin{pmatrix}" + r" \\ ".join(text for text, _ in pieces) + r"\end{pmatrix}", _ATOM
        case "entry":
            return f"{{{_at(_ATOM, pieces[0])}}}_{{[{', '.join(map(_place, value))}]}}", _ATOM
        case "compare":
            sides = [_at(_SUM, piece) for piece in pieces]
            signs = [f" {_SIGNS[sign]} " for sign in value] + [""]
            return "".join(side + sign for side, sign in zip(sides, signs, strict=True)), _COMPARISON
        case _:
            return _call(value, [text for text, _ in pieces])


def _at(strength: int, piece: Piece) -> str:
    text, own = piece
    return text if own >= strength else rf"\left({text}\right)"


def _number(value: float) -> Piece:
    text = f"{value:.17g}" if value != float(f"{value:.15g}") else f"{value:.15g}"
    mantissa, _, exponent = text.partition("e")
    return (rf"{mantissa} \cdot 10^{{{int(exponent)}}}", _PRODUCT) if exponent else (text, _ATOM)


def _name(name: str) -> str:
    """``x_1`` and ``x1`` with the 1 below; Greek letters by their command; longer names upright."""
    stem, _, index = name.partition("_")
    if not index:
        stem = name.rstrip("0123456789")
        index = name[len(stem) :]
    return _word(stem) + (f"_{{{index if index.isdigit() else _word(index)}}}" if index else "")


def _word(word: str) -> str:
    if word in _GREEK:
        command = _GREEK[word]
        return f"\\{command}" if len(command) > 1 else command
    if word in _COMMANDS:
        return f"\\{word}"
    return word if len(word) == 1 else r"\mathrm{" + word.replace("_", r"\_") + "}"


def _place(item: Any) -> str:
    if not isinstance(item, tuple):
        return str(item)
    start, stop, step = ("" if bound is None else str(bound) for bound in item)
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


def _call(name: str, arguments: list[str]) -> Piece:
    inside = ", ".join(arguments)
    if name == "where":
        condition, yes, no = arguments
        return rf"\begin{{cases}}{yes} & {condition} \\ {no} & \text{{otherwise}}\end{{cases}}", _ATOM
    if name == "exp":
        return f"e^{{{inside}}}", _POWER
    if name == "dot":
        return rf"\left\langle {inside}\right\rangle", _ATOM
    if name in _CALLS and len(arguments) == 1:
        return _CALLS[name] % inside, _ATOM
    head = f"\\{name}" if name in _NAMED else rf"\operatorname{{{name}}}"
    return rf"{head}\left({inside}\right)", _ATOM
