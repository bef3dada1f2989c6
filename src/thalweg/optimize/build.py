r"""From what a user writes to a `Problem`: here its functions are differentiated.

The function of a structure becomes a function of a flat vector,

    F(v) = f(unravel(v)),

and `thalweg.calculus` gives ∇F, ∇²F, ∇²F·v and the Taylor coefficients of t ↦ F(x + t v) exactly.  With constraints,
the objective and all rows are one function (`calculus.program`): f, ∇f, c and J come from one graph, and the Hessian
of the Lagrangian from another.  The constraints are read from the trace of that function (`reading`).

Variables whose bounds coincide are constants: the problem is stated over the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

import numpy as np

from thalweg import calculus
from thalweg.calculus.program import Program, sum_of_squares
from thalweg.errors import ArgumentError
from thalweg.tracing.captured import undisturbed
from thalweg.tracing.tracer import Tracer

from .bounds import read_bounds
from .built import Built
from .calling import call
from .facts import Facts, facts_of
from .given import Given
from .problem import Constraints, Matrix, Once, Problem, Residuals, Vector
from .reading import read_constraints
from .relations import Relations
from .returned import half_sum_of_squares, residual_vector, scalar
from .sizes import DENSE_LIMIT, DENSE_SHARE, LOOKED_AT, SPARSE_FROM
from .stochastic import Sampled
from .structure import Structure, layout_of
from .written import accepted, written

__all__ = ["build", "problem_from", "traced_constraints"]

NO_ROWS: Vector = np.zeros(0)


def build(
    f: Callable[..., Any] | Problem,
    x0: Any,
    *,
    subject_to: Any = None,
    bounds: Any = None,
    args: tuple[Any, ...] = (),
    residuals: bool = False,
    given: Given | None = None,
    batches: Any = None,
) -> Built:
    """Return the problem of f on its constraints, and the starting point as a vector.

    Parameters
    ----------
    f : callable or Problem
        A scalar function of one argument with the structure of `x0` (and of `args`).  A formula of several variables
        is called with them: by name if `x0` is a dict, in order if it is a sequence.  A `Problem` is taken as it is.
    x0 : number, array, or nested dict, tuple, list or dataclass of them
        The starting point.
    subject_to, bounds
        As for `minimize`.
    args : tuple
        Further arguments for f, and for constraints that take as many.
    residuals : bool
        Whether f returns residuals r, and the objective is ½ ‖r‖².
    given : Given, optional
        Derivatives that the user supplies, or how they are to be approximated, for functions that cannot be traced.
    batches : Batches or iterable, optional
        Mini-batches of data: f is called as ``f(x, *batch)`` and is the mean over the rows of a batch.

    Examples
    --------
    >>> built = build(lambda p: p["a"] ** 2 + p["b"], {"a": 3.0, "b": 1.0}, bounds={"b": (0, None)})
    >>> built.problem.names, built.problem.at(built.start).gradient, built.problem.lower
    (('a', 'b'), array([6., 1.]), array([-inf,   0.]))
    """
    if isinstance(f, Problem):
        if subject_to is not None or bounds is not None:
            raise ArgumentError("A Problem has its own constraints and bounds; give them there.")
        start = np.atleast_1d(np.asarray(x0, dtype=np.float64))
        if start.shape != (f.n,):
            raise ArgumentError(f"The problem has {f.n} variables, but x0 has the shape {start.shape}.")
        return Built(f, start)
    if not callable(f):
        raise ArgumentError(f"f must be a function, not {f!r}; for a text, use thalweg.formula(text).")
    args = args if isinstance(args, (tuple, list)) else (args,)
    layout = layout_of(f, x0)
    lower, upper = read_bounds(bounds, layout, x0)
    if batches is not None:
        if subject_to is not None or args or given is not None or residuals:
            raise ArgumentError("With batches the function is f(x, *batch): no constraints, args or given derivatives.")
        return _by_batches(f, layout, lower, upper, batches)
    if given is not None:
        return given.built(f, subject_to, layout, lower, upper, tuple(args))
    return _Builder(f, subject_to, layout, tuple(args), residuals).built(lower, upper)


def traced_constraints(
    subject_to: Any, layout: Structure, lower: Vector, upper: Vector, args: tuple[Any, ...]
) -> Built:
    """Return the problem of nothing but the constraints, for an objective that is not traced."""
    return _Builder(lambda x, *given: 0.0 * layout.start[0], subject_to, layout, args).built(lower, upper)


def problem_from(f: Callable[..., Any] | Problem, x0: Any) -> tuple[Problem, Vector]:
    """Return the problem of f without constraints, and the starting point as a vector.

    Examples
    --------
    >>> problem, start = problem_from(lambda p: p["a"] ** 2 + p["b"], {"a": 3.0, "b": 1.0})
    >>> problem.names, problem.at(start).gradient
    (('a', 'b'), array([6., 1.]))
    """
    built = build(f, x0)
    return built.problem, built.start


def _by_batches(f: Callable[..., Any], layout: Structure, lower: Vector, upper: Vector, batches: Any) -> Built:
    """The problem of a mean over data that come in batches."""

    def flat(v: Any, *rows: Any) -> Any:
        return scalar(call(f, layout.unravel(v), rows))

    if np.isfinite(lower).any() or np.isfinite(upper).any():
        raise ArgumentError("Stochastic methods keep no bounds; write the variable as a function of a free one.")
    value_and_grad = calculus.value_and_grad(flat)
    sampled = Sampled(lambda x, batch: value_and_grad(x, *batch), batches)
    problem = Problem(
        n=layout.start.size,
        f_and_gradient=sampled.whole,
        unravel=layout.unravel,
        names=layout.names,
        undisturbed=undisturbed,
        sampled=sampled,
    )
    return Built(problem, layout.start, Relations(), layout)


class _Builder:
    """Makes the functions of one problem."""

    def __init__(
        self, f: Callable[..., Any], subject_to: Any, layout: Structure, args: tuple[Any, ...], residuals: bool = False
    ) -> None:
        self.f = f
        self.residuals = residuals
        self.objective = half_sum_of_squares if residuals else scalar
        self.layout = layout
        self.args = args
        variables = tuple(str(v) for v in getattr(f, "variables", ()))
        self.constraints = written(subject_to, lambda g, x, given: call(g, x, accepted(g, given)), variables)

    def built(self, lower: Vector, upper: Vector) -> Built:
        """State the problem over the variables that these bounds leave free."""
        same = lower == upper
        if same.all():
            raise ArgumentError("The bounds fix every variable, so there is nothing to vary.")
        free = np.flatnonzero(~same) if same.any() else None
        fixed = np.where(same, lower, self.layout.start)
        names = self.layout.names if free is None else tuple(self.layout.names[j] for j in free)
        whole = _whole(free, fixed)
        structured = self.layout.unravel
        start = self.layout.start if free is None else self.layout.start[free]

        def point(v: Any) -> Any:
            return structured(whole(v))

        if self.constraints is None:
            problem, degree = self._free_problem(point, start, names), float("inf")
            program, relations = self._unconstrained(point), Relations()
            rows_lower = rows_upper = None
        else:
            program, problem, degree, relations = self._program(whole, start, names, free)
            rows_lower, rows_upper = self._tightened(relations, lower, upper)
            if np.any((rows_lower == rows_upper) & ~same):
                # constraints that fix variables, which are taken out
                return replace(self.built(rows_lower, rows_upper), lower=lower, upper=upper)
        low = lower if rows_lower is None else rows_lower
        high = upper if rows_upper is None else rows_upper
        if free is not None:
            low, high = low[free], high[free]
        if np.isfinite(low).any() or np.isfinite(high).any():
            problem = replace(problem, lower=low, upper=high)
        slope = None if free is None else self._slope(relations)
        return Built(
            problem, start, relations, self.layout, free, fixed, program, self.args, degree, lower, upper, self.f, slope
        )

    def _slope(self, relations: Relations) -> Callable[..., Any]:
        """∇f + Jᵀy over all variables, also those that are taken for constants."""

        def lagrangian(v: Any, y: Any, *given: Any) -> Any:
            x = self.layout.unravel(v)
            value = self.objective(call(self.f, x, given))
            if self.constraints is None:
                return value
            read = read_constraints(self.constraints(x, given), None, True)
            bodies, row = iter(read.rows), 0
            for known, here in zip(relations.all, read.relations.all, strict=True):
                body = next(bodies) if here.variables is None else None
                if known.variables is None:
                    value = value + y[row : row + known.size] @ body
                    row += known.size
            return value

        slope, args = calculus.grad(lagrangian), self.args
        return lambda v, y: np.asarray(slope(v, y, *args))

    def _tightened(self, relations: Relations, lower: Vector, upper: Vector) -> tuple[Vector, Vector]:
        """The bounds with those that constraints say, or an error where they leave no number."""
        low, high = lower.copy(), upper.copy()
        for relation in relations.all:
            if relation.variables is not None:
                np.maximum.at(low, relation.variables, relation.lower)
                np.minimum.at(high, relation.variables, relation.upper)
                if np.any(low > high):
                    j = int(np.argmax(low > high))
                    name = self.layout.names[j]
                    raise ArgumentError(
                        f"No point satisfies {relation} together with the other bounds: they ask for "
                        f"{low[j]:g} <= {name} <= {high[j]:g}."
                    )
        return low, high

    # ---------------------------------------------------------------- without constraints

    def _free_problem(self, point: Callable[[Any], Any], start: Vector, names: tuple[str, ...]) -> Problem:
        f, args = self.f, self.args

        def flat(v: Any, *given: Any) -> Any:
            return self.objective(call(f, point(v), given))

        alone = self._unconstrained(point)
        n = start.size
        program = Program(alone, DENSE_SHARE if n > DENSE_LIMIT else 0.0)
        at = program.values if not args else lambda x: program.values(x, *args)
        squares: Residuals | None = None

        def f_and_gradient(x: Vector) -> tuple[float, Vector]:
            return at(x)[:2]

        facts = Facts("", None)
        smooth: bool | Once | None = Once(lambda: program.smooth)  # asked at points that were evaluated
        form = _form(program, start, args)
        if self.residuals and n <= DENSE_LIMIT:
            f_and_gradient, squares, smooth = self._residuals(point, start)
        elif self.residuals:
            squares = self._many_residuals(point, form)
        elif n <= DENSE_LIMIT:
            at(start)  # traced now, for what the graph shows
            second = None if args else lambda x: program.hessian(x, 1.0, NO_ROWS)
            facts = facts_of(program.degree, program.squares, (), second, start)
            smooth = program.smooth or None
            if program.squares and not args:
                squares = Residuals(sum_of_squares(alone))
        return Problem(
            n=n,
            smooth=smooth,
            convex=facts.convex,
            structure=facts.text,
            residuals=squares,
            values=_batch(flat, args),
            f_and_gradient=f_and_gradient,
            f_hessian=lambda x: program.hessian(x, 1.0, NO_ROWS, *args),
            f_hessian_product=_product(flat, args) if n > DENSE_LIMIT else None,
            f_line=_line(flat, args),
            unravel=point,
            names=names,
            explain=_explain(flat, args),
            undisturbed=undisturbed,
            sparse=form,
        )

    def _unconstrained(self, point: Callable[[Any], Any]) -> Callable[..., Any]:
        """The program of an objective alone."""
        return lambda v, *given: (self.objective(call(self.f, point(v), given)), np.zeros(0))

    def _residuals(
        self, point: Callable[[Any], Any], start: Vector
    ) -> tuple[Callable[..., Any], Residuals, bool | None]:
        """½ ‖r‖² with its gradient, r with its Jacobian, of one evaluation; and whether they are known to be smooth."""
        args = self.args
        program = Program(self._both(point))
        values = program.values
        last: list[Any] = [None, None]  # the vector that was evaluated last, and what came out

        def at(x: Vector) -> Any:
            if last[0] is not x:
                last[:] = [x, values(x, *args)]
            return last[1]

        at(start)  # traced now, for what the graph shows
        return lambda x: at(x)[:2], Residuals(lambda x: at(x)[2:]), program.smooth or None

    def _many_residuals(self, point: Callable[[Any], Any], sparse: bool | Once) -> Residuals:
        """r with its Jacobian for many variables: made for methods that ask, in the form of the Hessian."""
        args, both = self.args, self._both(point)
        made: list[Program] = []

        def at(x: Vector) -> Any:
            if not made:
                made.append(Program(both, float(bool(sparse))))
            return made[0].values(x, *args)[2:]

        return Residuals(at)

    def _both(self, point: Callable[[Any], Any]) -> Callable[..., Any]:
        """½ ‖r‖² and r."""
        f = self.f

        def both(v: Any, *given: Any) -> tuple[Any, Any]:
            r = residual_vector(call(f, point(v), given))
            return 0.5 * (r @ r), r

        return both

    # ---------------------------------------------------------------- with constraints

    def _program(
        self, whole: Callable[[Any], Any], start: Vector, names: tuple[str, ...], free: Any
    ) -> tuple[Callable[..., Any], Problem, float, Relations]:
        f, constraints, args = self.f, self.constraints, self.args
        structured = self.layout.unravel

        def point(v: Any) -> Any:
            return structured(whole(v))

        found: SimpleQueue[Relations] = SimpleQueue()  # a list is watched: to write to it would make a trace stale

        def program(v: Any, *given: Any) -> tuple[Any, Any]:
            everything = whole(v)
            x = structured(everything)
            value = self.objective(call(f, x, given))
            variable = everything.node if type(everything) is Tracer else None
            read = read_constraints(constraints(x, given), variable, free is not None)
            if found.empty():
                found.put(read.relations)
            rows = read.rows
            if not rows:
                return value, np.zeros(0)
            return value, rows[0] if len(rows) == 1 else np.concatenate(rows)

        n = start.size
        derivatives = Program(program, DENSE_SHARE if n > SPARSE_FROM else 0.0)
        if args and n > SPARSE_FROM:
            derivatives.is_sparse(start, *args)
        derivatives.values(start, *args)
        relations = found.get()
        m = derivatives.rows
        values = derivatives.values
        rows = [r for r in relations.all if r.variables is None]
        lower = np.concatenate([r.lower for r in rows]) if rows else np.zeros(0)
        upper = np.concatenate([r.upper for r in rows]) if rows else np.zeros(0)
        linear = np.concatenate([np.full(r.size, r.degree <= 1) for r in rows]) if rows else np.zeros(0, bool)
        at = values if not args else lambda x: values(x, *args)
        none = np.zeros(m)
        looked = not args and n <= LOOKED_AT and derivatives.degree == 2 and not derivatives.is_sparse(start)
        second = (lambda x: derivatives.hessian(x, 1.0, none)) if looked else None
        facts = facts_of(derivatives.degree, derivatives.squares, linear, second, start)

        def lagrangian(x: Vector, factor: float, y: Vector) -> Any:
            return derivatives.hessian(x, float(factor), y, *args)

        def c_and_jacobian(x: Vector) -> tuple[Vector, Any]:
            return at(x)[2:]

        def f_and_gradient(x: Vector) -> tuple[float, Vector]:
            return at(x)[:2]

        def objective(v: Any, *given: Any) -> Any:
            return self.objective(call(f, point(v), given))

        problem = Problem(
            n=n,
            f_and_gradient=f_and_gradient,
            f_hessian=lambda x: lagrangian(x, 1.0, none),
            f_hessian_product=_product(objective, args) if n > DENSE_LIMIT and not m else None,
            f_line=_line(objective, args),
            values=_batch(objective, args),
            unravel=point,
            names=names,
            explain=_explain(program, args),
            undisturbed=undisturbed,
            constraints=Constraints(
                lower, upper, c_and_jacobian, lambda x, y: lagrangian(x, 0.0, y), linear, relations.names
            )
            if m
            else None,
            first=at,
            lagrangian=lagrangian,
            sparse=_form(derivatives, start, args),
            smooth=derivatives.smooth or None,
            convex=facts.convex,
            structure=facts.text,
        )
        return program, problem, derivatives.degree, relations


def _form(program: Program, start: Vector, args: tuple[Any, ...]) -> bool | Once:
    """Whether matrices are sparse, as far as it is known by now."""
    return Once(lambda: program.is_sparse(start, *args)) if program.sparse is None else program.sparse


def _whole(free: Any, fixed: Vector) -> Callable[[Any], Any]:
    """From the free variables to all of them."""
    if free is None:
        return lambda v: v
    held = np.setdiff1d(np.arange(fixed.size), free)
    order = np.empty(fixed.size, dtype=np.int64)
    order[free] = np.arange(free.size)
    order[held] = free.size + np.arange(held.size)
    constants = fixed[held]
    return lambda v: np.concatenate([v, constants])[order]


def _product(flat: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[Vector, Vector], Vector]:
    product = calculus.hvp(flat if not args else lambda v: flat(v, *args))
    return lambda x, v: np.asarray(product(x, v))


def _line(flat: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[Vector, Vector, int], Vector]:
    at = flat if not args else lambda v: flat(v, *args)

    def line(x: Vector, v: Vector, order: int) -> Vector:
        coefficients = np.zeros(order + 1)
        along = calculus.taylor(at, x, order, direction=v)
        found = np.asarray(along.coefficients, dtype=np.float64)
        coefficients[: found.size] = found
        return coefficients

    return line


def _batch(flat: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[Matrix], Vector]:
    """The function at many points at once; one after another where it cannot be batched."""

    def values(points: Matrix) -> Vector:
        at = flat if not args else lambda v: flat(v, *args)
        try:
            return np.asarray(calculus.batch(at)(points), dtype=np.float64)
        except TypeError:
            return np.array([float(at(x)) for x in points])

    return values


def _explain(flat: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[Vector], str | None]:
    def explain(x: Vector) -> str | None:
        if not np.all(np.isfinite(x)):
            return None  # no fault of the function
        found = calculus.diagnose(flat, x, *args)
        return "; ".join(str(fault) for fault in found.faults) or None

    return explain
