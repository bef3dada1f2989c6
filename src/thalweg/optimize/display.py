"""How answers look: a table in the terminal, the same as HTML in a notebook, plain values for JSON.

Apart from the mathematics on purpose; the exact text is fixed by golden files in the tests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from .held import Held, bounds_text, sentences

if TYPE_CHECKING:
    from .certificate import Certificate
    from .classify import Classification
    from .solution import Solution

__all__ = ["classification_html", "classification_text", "number", "plain", "solution_html", "solution_text"]

#: At most so many coordinates or eigenvalues are listed; the rest is counted.
SHOWN = 8
WIDTH = 78
#: At most so many sentences about shadow prices.
PRICES = 4


def solution_text(s: Solution) -> str:
    """Return the solution as a table of text."""
    return _box(_solution_title(s), _solution_rows(s))


def solution_html(s: Solution) -> str:
    """Return the solution as an HTML table."""
    return _html(_solution_title(s), _solution_rows(s), s.success)


def classification_text(c: Classification) -> str:
    """Return the classification as a table of text."""
    return _box(_capital(c.kind), _classification_rows(c))


def classification_html(c: Classification) -> str:
    """Return the classification as an HTML table."""
    return _html(_capital(c.kind), _classification_rows(c), c.stationary)


def number(value: float, digits: int = 10) -> str:
    """Write a number with up to `digits` significant digits, and zero without a sign.

    Examples
    --------
    >>> number(0.1 + 0.2), number(-0.0), number(1.00211681802045, 12)
    ('0.3', '0', '1.00211681802')
    """
    return format(float(value) + 0.0, f".{digits}g")


def plain(value: Any) -> Any:
    """Return `value` made of plain Python objects: arrays as lists, dataclasses as dicts.

    Examples
    --------
    >>> plain({"a": np.array([1.0, 2.0]), "n": np.int64(3)})
    {'a': [1.0, 2.0], 'n': 3}
    """
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return value


def _solution_title(s: Solution) -> str:
    if s.success:
        return (
            f"{_capital(s.kind)} found" if s.kind not in ("degenerate",) else "Stationary point found, kind undecided"
        )
    return f"NOT CONVERGED: {str(s.status).replace('_', ' ')}"


def _solution_rows(s: Solution) -> list[tuple[str, str]]:
    constrained = s.built is not None and s.built.problem.constrained
    names, x = s.names, s.flat
    if s.built is not None and s.built.layout is not None and s.built.free is not None:
        names, x = s.built.layout.names, np.array(s.built.fixed)
        x[s.built.free] = s.flat
    return [
        *_coordinates(names, x),
        ("value", number(s.value, 12)),
        *(_constraint_rows(s) if constrained else [("gradient norm", number(s.gradient_norm, 3))]),
        *_eigenvalue_row(s.certificate.eigenvalues, "eigenvalues on tangent" if constrained else "Hessian eigenvalues"),
        ("kind", f"{s.kind}: {s.classification.why}"),
        *(_certificate_row(s.certificate) if constrained else []),
        *_minima_rows(s),
        ("status", s.message),
        *(("on the way", note) for note in s.notes[:3]),
        ("method", f"{s.method}, {s.method_reason}"),
        ("work", _work(s)),
    ]


def _constraint_rows(s: Solution) -> list[tuple[str, str]]:
    """Each constraint in the user's words, then what raising the right sides would give."""
    constraints = s.constraints
    rows = [("constraint", _constraint(one)) for one in constraints[:SHOWN]]
    if len(constraints) > SHOWN:
        rows.append(("…", f"{len(constraints) - SHOWN} more constraints"))
    if bounds := bounds_text(s):
        rows.append(("bounds", bounds))
    if s.success:
        prices = [text for one in constraints for text in sentences(one)]
        rows += [("shadow price", text) for text in prices[:PRICES]]
    return rows


def _constraint(one: Held) -> str:
    relation, active = one.relation, one.active
    worst = float(np.max(one.violation, initial=0.0))
    text = f"{str(relation).strip()}: "
    if worst > 1e-6 * (1 + float(np.max(np.abs(one.values), initial=0.0))):
        return f"{text}VIOLATED by {number(worst, 3)}"
    if relation.size == 1:
        if not active[0]:
            return f"{text}not active"
        return f"{text}active, multiplier {number(one.multiplier[0], 6)}"
    count = int(np.sum(active))
    if not count:
        return f"{text}none of {relation.size} active"
    which = "all" if count == relation.size else f"{count} of"
    shown = _listing(_digits(np.where(active, one.multiplier, 0.0), 6))
    return f"{text}{which} {relation.size} active, multipliers {shown}"


def _digits(values: np.ndarray, digits: int) -> np.ndarray:
    return np.array([float(number(v, digits)) for v in values])


def _certificate_row(c: Certificate) -> list[tuple[str, str]]:
    """The residuals of the optimality conditions, and whether the multipliers are unique."""
    parts = [f"gradient of L {number(c.stationarity, 2)}", f"violation {number(c.feasibility, 2)}"]
    if c.number_active is not None and c.constraint_rank is not None:
        parts.append(f"complementarity {number(c.complementarity, 2)}")
        parts.append(f"signs {'right' if c.multiplier_signs == 0 else f'wrong by {number(c.multiplier_signs, 2)}'}")
        if c.licq:
            parts.append(f"{c.number_active} active, independent")
        else:
            parts.append(f"{c.number_active} active of which {c.constraint_rank} independent: multipliers not unique")
    if c.strict_complementarity is not None and c.strict_complementarity < 1e-6:
        parts.append("not strictly complementary")
    if c.mfcq is False:
        parts.append("multipliers unbounded")
    if not np.isnan(c.expected_error):
        parts.append(f"expected error of x {number(c.expected_error, 2)}")
    return [("certificate", ", ".join(parts))]


def _minima_rows(s: Solution) -> list[tuple[str, str]]:
    """The other optima that a search from several starts has found."""
    others = [one for one in s.minima if not (one.value == s.value and np.array_equal(one.flat, s.flat))]
    rows = [("also found", f"{one.kind}, value {number(one.value, 8)} at {_listing(one.x)}") for one in others[:4]]
    return rows + ([("…", f"{len(others) - 4} more")] if len(others) > 4 else [])


def _work(s: Solution) -> str:
    e = s.evaluations
    parts = [
        _plural(s.iterations, "iteration"),
        _plural(e.value, "evaluation"),
        *([_plural(e.hessian, "Hessian")] if e.hessian else []),
        _duration(s.time),
    ]
    return ", ".join(parts)


def _classification_rows(c: Classification) -> list[tuple[str, str]]:
    constrained = c.multipliers is not None
    rows = [
        ("why", c.why),
        ("x", _listing(c.x)),
        ("value", number(c.value, 12)),
        ("gradient norm of L" if constrained else "gradient norm", number(c.gradient_norm, 3)),
    ]
    if constrained:
        rows.append(("constraint violation", number(c.certificate.feasibility, 3)))
        rows.append(("multipliers", _listing(c.multipliers)))
    title = "eigenvalues on tangent" if constrained else "Hessian eigenvalues"
    return rows + _eigenvalue_row(c.certificate.eigenvalues, title)


def _coordinates(names: tuple[str, ...], x: np.ndarray) -> list[tuple[str, str]]:
    rows = [(name, number(value, 12)) for name, value in list(zip(names, x))[:SHOWN]]
    if len(x) > SHOWN:
        rows.append(("…", f"{len(x) - SHOWN} more"))
    return rows


def _eigenvalue_row(eigenvalues: np.ndarray, title: str) -> list[tuple[str, str]]:
    if not len(eigenvalues):
        return []
    if len(eigenvalues) <= SHOWN:
        return [(title, ", ".join(number(v, 6) for v in eigenvalues))]
    ends = ", ".join(number(v, 6) for v in eigenvalues[:3]), ", ".join(number(v, 6) for v in eigenvalues[-3:])
    return [(title, f"{ends[0]}, … {len(eigenvalues) - 6} more …, {ends[1]}")]


def _listing(x: Any) -> str:
    if isinstance(x, Mapping):
        return ", ".join(f"{key} = {_listing(value)}" for key, value in x.items())
    if isinstance(x, (list, tuple)):
        return "[" + ", ".join(_listing(item) for item in x) + "]"
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return ", ".join(f"{f.name} = {_listing(getattr(x, f.name))}" for f in dataclasses.fields(x))
    array = np.asarray(x)
    if array.ndim == 0:
        return number(float(array), 12)
    shown = [_listing(item) for item in array[:SHOWN]]
    if len(array) > SHOWN:
        shown.append(f"… {len(array) - SHOWN} more")
    return "[" + ", ".join(shown) + "]"


def _box(title: str, rows: list[tuple[str, str]]) -> str:
    head = max(len(label) for label, _ in rows) + 2
    lines = [title, "─" * min(WIDTH, max(len(title), 40))]
    for label, text in rows:
        folded = wrap(text, WIDTH - head, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append(label.ljust(head) + folded[0])
        lines += [" " * head + rest for rest in folded[1:]]
    return "\n".join(lines)


def _html(title: str, rows: list[tuple[str, str]], good: bool) -> str:
    colour = "inherit" if good else "#b00020"
    body = "\n".join(
        f'<tr><th style="text-align:left">{escape(label)}</th><td style="text-align:left">{escape(text)}</td></tr>'
        for label, text in rows
    )
    return f'<table>\n<caption style="color:{colour};font-weight:bold">{escape(title)}</caption>\n{body}\n</table>'


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.3g} s"
