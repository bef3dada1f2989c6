"""`thalweg diff`: value, gradient, Hessian or higher derivatives at a point, as plain content and as text.

All is done over one flat vector that holds the entries of the unknowns, so a number, a vector and a matrix differ
only in the names of their entries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from thalweg import calculus
from thalweg.cli.arguments import Value
from thalweg.cli.output import array_text, entry_names, point_text, table
from thalweg.cli.question import Question, size_text
from thalweg.errors import ArgumentError

NUMBERS = ("value", "gradient", "jacobian", "hessian", "derivatives", "coefficients")


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
    name, start = only_number(question.point, order)
    coefficients = calculus.taylor(lambda t: question.at({name: t}), start, order).coefficients
    return [float(c) * math.factorial(k) for k, c in enumerate(coefficients)][1:]


def only_number(point: Mapping[str, Value], order: int) -> tuple[str, float]:
    """The one unknown and its value, or an error where there are several or it is a vector."""
    (name, value), *others = point.items()
    if others or np.ndim(value):
        raise ArgumentError(
            f"--order {order} is for a formula of one unknown number, here are {', '.join(entry_names(point))}; "
            "the terms of higher order are those of `thalweg taylor`"
        )
    return name, float(value)


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


def expansion(question: Question, order: int) -> tuple[Any, dict[str, Any]]:
    """The Taylor polynomial about the point, and the content of the JSON answer."""
    content: dict[str, Any] = {"at": dict(question.point), "entries": entry_names(question.point), "order": order}
    (name, start), *others = question.point.items()
    polynomial: Any
    if others or np.ndim(start):
        polynomial = calculus.taylor(question.at, dict(question.point), order)
        content["terms"] = [{"powers": powers, "coefficient": c} for powers, c in polynomial.coefficients.items()]
    else:
        polynomial = calculus.taylor(lambda t: question.at({name: t}), start, order)
        polynomial.variable = name
        content["coefficients"] = polynomial.coefficients
    return polynomial, content | {"text": str(polynomial), "exact": polynomial.exact}


def why_convention(question: Question) -> str | None:
    """That the function has a kink here, where its derivatives are what docs/ops.md says, or None."""
    for kink in calculus.diagnose(question.at_entries, question.entries).kinks[:1]:
        return f"{kink.operation} has a kink here, {kink.arguments}: derivatives at a kink are conventions"
    return None


def why_not_finite(question: Question, content: dict[str, Any]) -> str | None:
    """Where a value or derivative stopped being a finite number, or None where all are finite."""
    numbers = [content[key] for key in NUMBERS if key in content]
    numbers += [term["coefficient"] for term in content.get("terms", ())]
    if all(np.isfinite(array).all() for array in numbers):
        return None
    reason = "the value or a derivative is not finite here"
    for fault in calculus.diagnose(question.at_entries, question.entries).faults[:1]:
        whose = "the derivative, by " if fault.derivative else ""
        reason += f": {fault.what} in {whose}{fault.operation}, {fault.arguments}"
    return reason
