"""The methods by name: which direction with which step rule, and how ``"auto"`` chooses.

To add a method: write its direction or its step rule in a file of its own, and give it a line in :data:`METHODS`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from thalweg.errors import ArgumentError

from .backtracking import Backtracking
from .composition import Direction, StepRule
from .fixed_rate import FixedRate
from .gradient_descent import steepest_descent
from .newton import newton
from .problem import Problem
from .trust_region import TrustRegion

__all__ = ["METHODS", "Chosen", "Method", "choose"]

#: "auto" forms Hessians up to this many variables.
NEWTON_LIMIT = 300


@dataclass(frozen=True)
class Method:
    """An entry of the table: what it is, and how to make its two parts."""

    name: str
    summary: str
    direction: Callable[[], Direction]
    rule: Callable[[float | None], StepRule]
    max_iterations: int
    second_order: bool = False
    takes_rate: bool = False


METHODS = {
    method.name: method
    for method in (
        Method(
            "gradient-descent",
            "steepest descent θ ← θ − η∇L(θ), with the learning rate η given or chosen by backtracking",
            direction=lambda: steepest_descent,
            rule=lambda rate: Backtracking() if rate is None else FixedRate(rate),
            max_iterations=20_000,
            takes_rate=True,
        ),
        Method(
            "newton",
            "trust region on the exact Hessian: quadratic convergence, leaves saddle points along negative curvature",
            direction=lambda: newton,
            rule=lambda rate: TrustRegion(),
            max_iterations=1_000,
            second_order=True,
        ),
    )
}


@dataclass(frozen=True)
class Chosen:
    """A method, made ready for one run, and why it was chosen."""

    method: Method
    reason: str
    direction: Direction
    rule: StepRule
    rate: float | None

    def fresh_rule(self) -> StepRule:
        """Return a step rule that remembers nothing, for a new beginning at another point."""
        return self.method.rule(self.rate)


def choose(name: str, problem: Problem, learning_rate: float | None = None) -> Chosen:
    """Return the method of that name, or the one that suits the problem for ``"auto"``.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> chosen = choose("auto", Problem(2, lambda x: (x @ x, 2 * x), lambda x: x))
    >>> chosen.method.name, chosen.reason
    ('newton', 'chosen for 2 variables, where the exact Hessian is cheap')
    """
    key = str(name).strip().lower().replace("_", "-").replace(" ", "-")
    reason = "as asked"
    if key == "auto":
        key, reason = _suited(problem, learning_rate)
    if key not in METHODS:
        raise ArgumentError(_unknown(name, key))
    method = METHODS[key]
    if learning_rate is not None and not method.takes_rate:
        raise ArgumentError(
            f"method={method.name!r} has no learning rate; leave learning_rate out, or use method='gradient-descent'."
        )
    if learning_rate is not None and not 0 < learning_rate < float("inf"):
        raise ArgumentError(f"learning_rate must be a positive number, not {learning_rate!r}.")
    return Chosen(method, reason, method.direction(), method.rule(learning_rate), learning_rate)


def _suited(problem: Problem, learning_rate: float | None) -> tuple[str, str]:
    many = "variable" if problem.n == 1 else "variables"
    if learning_rate is not None:
        return "gradient-descent", "chosen because a learning rate was given"
    if problem.f_hessian is None:
        return "gradient-descent", "chosen because there is no Hessian"
    if problem.n > NEWTON_LIMIT:
        return "gradient-descent", f"chosen for {problem.n} variables, where forming the Hessian would cost too much"
    return "newton", f"chosen for {problem.n} {many}, where the exact Hessian is cheap"


def _unknown(name: str, key: str) -> str:
    close = difflib.get_close_matches(key, [*METHODS, "auto"], n=1, cutoff=0.5)
    hint = f" Perhaps you meant {close[0]!r}." if close else ""
    width = max(len(known) for known in METHODS)
    lines = [f"  {'auto'.ljust(width)}  picks one of these for the problem, and says why"]
    lines += [f"  {method.name.ljust(width)}  {method.summary}" for method in METHODS.values()]
    return f"There is no method {name!r}.{hint} The methods are:\n" + "\n".join(lines)
