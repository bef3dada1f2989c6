"""`thalweg diff`: value, gradient, Hessian or higher derivatives at a point, as plain content and as text.

All is done over one flat vector that holds the entries of the unknowns, so a number, a vector and a matrix differ
only in the names of their entries.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thalweg import calculus
from thalweg.cli.output import array_text, entry_names, point_text, table
from thalweg.cli.question import Question, size_text
from thalweg.errors import ArgumentError


def derivatives(question: Question, order: int) -> dict[str, Any]:
    """The derivatives up to `order`: the content of the JSON answer (docs/command.md)."""
    x = question.entries
    value = np.asarray(question.at(question.point), dtype=float)
    content: dict[str, Any] = {"at": dict(question.point), "entries": entry_names(question.point), "value": value}
    if value.ndim:
        if order > 1:
            raise ArgumentError(
                f"{question.formula.text} {size_text(value)}, which have a Jacobian (--order 1); "
                "for higher orders use a formula with one value, such as sum(…)"
            )
        content["jacobian"] = calculus.jacobian(question.at_entries)(x)
        return content
    if order > 2:
        content["derivatives"] = higher_derivatives(question, order)
        return content
    content["gradient"] = calculus.grad(question.at_entries)(x)
    if order == 2:
        content["hessian"] = calculus.hessian(question.at_entries)(x)
    return content


def higher_derivatives(question: Question, order: int) -> list[float]:
    """f′, f″, … of a formula of one unknown: k! times its Taylor coefficients."""
    name, start = question.only_number(f"derivatives of order {order}")
    coefficients = calculus.taylor(lambda t: question.at({name: t}), start, order).coefficients
    return [c * math.factorial(k) for k, c in enumerate(coefficients)][1:]


def derivatives_text(content: dict[str, Any]) -> str:
    names = content["entries"]
    value = content["value"]
    parts = [f"at      {point_text(content['at'])}\nvalue   {array_text(value)}"]
    if "jacobian" in content:
        rows = {str(list(index)): content["jacobian"][index] for index in np.ndindex(value.shape)}
        parts.append(table("Jacobian", names, rows))
    if "derivatives" in content:
        rows = {f"order {k}": [d] for k, d in enumerate(content["derivatives"], start=1)}
        parts.append(table("derivatives", names, rows))
    if "gradient" in content:
        parts.append(table("gradient", names, {"": content["gradient"]}))
    if "hessian" in content:
        parts.append(table("Hessian", names, dict(zip(names, content["hessian"]))))
    return "\n\n".join(parts)
