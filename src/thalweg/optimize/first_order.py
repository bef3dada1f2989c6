r"""The rows of the table of methods that need gradients only.

    name                  direction               step rule
    gradient-descent      −∇f                     a rate, a schedule, backtracking, exact, Barzilai–Borwein
    momentum              β v − ∇f                a rate or a schedule; else 1/L as met
    nesterov              accelerated gradient    a rate or a schedule; else 1/L as met
    conjugate-gradients   Hager–Zhang             strong Wolfe with c₂ = 0.1, or exact
    bfgs, l-bfgs          −H ∇f                   strong Wolfe with c₂ = 0.9, or exact
    sgd, adam, adamw      a batch's gradient      a rate or a schedule

Which of them when: `l-bfgs` for many variables; `bfgs` where second derivatives are dear; `conjugate-gradients` where
memory is; the stochastic ones where f is a mean over many rows; the others to learn from, and where a rate is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from thalweg.errors import ArgumentError

from .backtracking import Backtracking
from .barzilai_borwein import BarzilaiBorwein
from .bfgs import BFGS
from .composition import StepRule
from .conjugate_gradient import ConjugateGradient
from .decaying_rate import DecayingRate
from .directed import Directed
from .engine import Engine
from .exact_search import ExactSearch
from .fixed_rate import FixedRate
from .gradient_descent import steepest_descent
from .lbfgs import LBFGS
from .local_rate import LocalRate
from .method import Method
from .momentum import Momentum
from .nesterov import Nesterov
from .problem import Problem
from .schedules import Schedule, schedule_from
from .stochastic import SGD, Adam, Sampled, Stochastic, Update
from .wolfe import Wolfe

__all__ = ["FIRST_ORDER", "conjugate_gradient_search", "search_named"]

#: The curvature condition of conjugate gradients, which live on exact searches.
TIGHT = 0.1


def search_named(name: str, searches: dict[str, Callable[[], StepRule]]) -> Callable[[], StepRule]:
    """Return the rule of that name.

    Examples
    --------
    >>> search_named("Exact", {"exact": ExactSearch})().curvature
    1e-07
    """
    key = str(name).strip().lower().replace("_", "-").replace(" ", "-").replace("–", "-")
    if key not in searches:
        raise ArgumentError(f"There is no search={name!r} here; it is one of: {', '.join(map(repr, searches))}.")
    return searches[key]


def _rate_rule(learning_rate: Any, schedule: Schedule | None) -> Callable[[], StepRule] | None:
    """The rule that a rate or a schedule asks for, if there is one."""
    if learning_rate is None and schedule is None:
        return None
    if schedule is None and not callable(learning_rate):
        rate = schedule_from(learning_rate)(0)
        return lambda: FixedRate(rate)
    plan = schedule_from(learning_rate, schedule)
    return lambda: DecayingRate(plan)


def _part(name: str, number: float) -> float:
    if not 0 <= number < 1:
        raise ArgumentError(f"{name} must lie between 0 and 1 (1 excluded), not {number!r}.")
    return float(number)


def conjugate_gradient_search() -> Wolfe:
    """Return the line search of conjugate gradients: strong Wolfe, nearly exact."""
    return Wolfe(curvature=TIGHT)


_DESCENT: dict[str, Callable[[], StepRule]] = {
    "backtracking": Backtracking,
    "exact": ExactSearch,
    "barzilai-borwein": BarzilaiBorwein,
    "wolfe": Wolfe,
}
_SEARCHES: dict[str, Callable[[], StepRule]] = {"wolfe": Wolfe, "exact": ExactSearch}


def _gradient_descent(
    problem: Problem, learning_rate: Any = None, schedule: Schedule | None = None, search: str | None = None
) -> Engine:
    rule = _rate_rule(learning_rate, schedule)
    if rule is not None and search is not None:
        raise ArgumentError("Give learning_rate, schedule or search, not two of them: each decides the size of steps.")
    return Directed(lambda: steepest_descent, rule or search_named(search or "backtracking", _DESCENT))


def _momentum(
    problem: Problem, learning_rate: Any = None, schedule: Schedule | None = None, momentum: float = 0.9
) -> Engine:
    beta = _part("momentum", momentum)
    rule = _rate_rule(learning_rate, schedule)
    return Directed(lambda: Momentum(beta, restart=rule is None), rule or LocalRate)


def _nesterov(
    problem: Problem, learning_rate: Any = None, schedule: Schedule | None = None, restart: bool = True
) -> Engine:
    return Directed(lambda: Nesterov(bool(restart)), _rate_rule(learning_rate, schedule) or LocalRate)


def _conjugate_gradients(problem: Problem, search: str = "wolfe") -> Engine:
    return Directed(ConjugateGradient, search_named(search, {**_SEARCHES, "wolfe": conjugate_gradient_search}))


def _bfgs(problem: Problem, search: str = "wolfe") -> Engine:
    return Directed(BFGS, search_named(search, _SEARCHES))


def _lbfgs(problem: Problem, memory: int | None = None, search: str = "wolfe") -> Engine:
    if memory is not None and (isinstance(memory, bool) or int(memory) != memory or memory < 1):
        raise ArgumentError(f"memory must be a positive whole number of steps, not {memory!r}.")
    kept = None if memory is None else int(memory)
    return Directed(lambda: LBFGS(kept), search_named(search, _SEARCHES))


def _stochastic(
    update: Update, learning_rate: Any, schedule: Schedule | None, default: float, sampled: Any, epochs: int | None
) -> Engine:
    if epochs is not None and (isinstance(epochs, bool) or int(epochs) != epochs or epochs < 1):
        raise ArgumentError(f"epochs must be a positive whole number, not {epochs!r}.")
    return Stochastic(update, schedule_from(learning_rate, schedule, default), sampled, epochs)


def _sgd(
    problem: Problem,
    learning_rate: Any = None,
    schedule: Schedule | None = None,
    momentum: float = 0.0,
    nesterov: bool = False,
    sampled: Sampled | None = None,
    epochs: int | None = None,
) -> Engine:
    return _stochastic(SGD(momentum, bool(nesterov)), learning_rate, schedule, 0.01, sampled, epochs)


def _adam(
    problem: Problem,
    learning_rate: Any = None,
    schedule: Schedule | None = None,
    sampled: Sampled | None = None,
    epochs: int | None = None,
    **numbers: Any,
) -> Engine:
    return _stochastic(Adam(**numbers), learning_rate, schedule, 0.001, sampled, epochs)


def _adamw(problem: Problem, weight_decay: float = 0.01, **options: Any) -> Engine:
    return _adam(problem, weight_decay=weight_decay, **options)


_ADAM = ("learning_rate", "schedule", "beta1", "beta2", "epsilon", "epochs")

FIRST_ORDER = (
    Method(
        "gradient-descent",
        "steepest descent θ ← θ − η∇L(θ), with the learning rate η given or chosen by backtracking",
        _gradient_descent,
        20_000,
        ("learning_rate", "schedule", "search"),
    ),
    Method(
        "momentum",
        "the heavy ball: gradient descent that goes on in the direction of the last step",
        _momentum,
        20_000,
        ("learning_rate", "schedule", "momentum"),
    ),
    Method(
        "nesterov",
        "accelerated gradient with adaptive restart: the best order that gradients alone allow on convex functions",
        _nesterov,
        20_000,
        ("learning_rate", "schedule", "restart"),
    ),
    Method(
        "conjugate-gradients",
        "Hager and Zhang's conjugate gradients: in the memory of a few vectors; n steps on a quadratic",
        _conjugate_gradients,
        20_000,
        ("search",),
    ),
    Method(
        "bfgs",
        "quasi-Newton: learns the inverse Hessian from gradients; superlinear, for up to some thousand variables",
        _bfgs,
        10_000,
        ("search",),
    ),
    Method(
        "l-bfgs",
        "limited-memory quasi-Newton: the last 10 to 30 steps stand for the Hessian; for a million variables",
        _lbfgs,
        20_000,
        ("memory", "search"),
    ),
    Method(
        "sgd",
        "stochastic gradient descent along mini-batches, with momentum if wanted",
        _sgd,
        1_000_000,
        ("learning_rate", "schedule", "momentum", "nesterov", "epochs"),
        batches=True,
    ),
    Method(
        "adam",
        "stochastic gradients with a step size for each variable; the usual choice for neural networks",
        _adam,
        1_000_000,
        _ADAM,
        batches=True,
    ),
    Method(
        "adamw",
        "Adam with decay of the variables apart from the gradient",
        _adamw,
        1_000_000,
        (*_ADAM, "weight_decay"),
        batches=True,
    ),
)
