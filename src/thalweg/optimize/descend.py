r"""The loop: one for all methods, and a public iterator.

    for state in descend(f, x0):          x₀, x₁, x₂, …
        …

Each turn asks the method's engine for the next iterate and yields the new state.  Everything that is not mathematics
of a method happens here, once: history, callbacks, progress, limits, interruption, values that are not finite,
divergence, and the question at the end: is this what was looked for (`judgement`)?

Whatever ends the loop, the best point so far is kept: Ctrl-C anywhere, also inside the user's function, ends it with
the status ``interrupted``; an error raised by the user's function goes on its way, with the solution so far as its
attribute ``best_so_far``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import fields, replace
from time import perf_counter
from typing import Any

import numpy as np

from . import ending
from .build import build
from .built import Built
from .classify import TOLERANCE, Classification
from .clock import until
from .composition import NoDirection, Stuck, Taken, better
from .ending import Ending
from .engine import Iterate, OutOfTime, Run
from .escape import escape
from .given import given_derivatives
from .judgement import Judge, residual_of
from .methods import choose
from .outcome import solution_of
from .polish import polished
from .problem import Evaluations, Point, Problem
from .progress import watcher
from .record import Record
from .settings import Settings
from .solution import Solution, Status
from .state import State
from .stochastic.engine import Stochastic

__all__ = ["Descent", "descend", "descent"]

#: So many iterations without a lower value or a smaller gradient are a standstill.
PATIENCE = 100
#: A run that has left so many stationary points will not end well.
MAX_ESCAPES = 50
#: Seconds for what is done although the time is up: the first evaluation, and a look at the last point.
BRIEFLY = 0.5


class Descent(Iterator[State]):
    """A run: iterate over it for its states, ask it for its solution. Made by `descend`."""

    def __init__(
        self,
        built: Built,
        method: str = "auto",
        settings: Settings | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        settings = settings or Settings()
        problem = replace(built.problem, count=Evaluations())  # each run counts for itself
        self.built = built
        self.settings = settings
        self.sign = settings.orientation
        self.user_problem = problem
        self.problem = problem if self.sign > 0 else problem.negated()
        self.start = built.start
        self.chosen = choose(method, problem, options)
        self.engine = self.chosen.engine
        self.judge = Judge(problem, self.sign, self.chosen.method.second_order)
        self.demand = settings.tol  # tightened where the gradient is small but the point still far
        limit = settings.max_iterations
        self.max_iterations = self.chosen.method.max_iterations if limit is None else int(limit)
        if limit is None and settings.time_limit is None and isinstance(self.engine, Stochastic):
            self.engine.unlimited()
        self.watchers = [w for w in (settings.callback, watcher(settings.progress)) if w is not None]
        self.record = Record(self.start)
        self.notes: list[str] = []
        self.called: float | None = None  # when the user called, before the function was read
        self._began: float | None = None
        self._current: Iterate | None = None
        self._escapes = 0
        self._solution: Solution | None = None
        self._before = 0.0  # seconds that the run took before it was resumed
        self._resumed: State | None = None
        self._settled: State | None = None  # the state that engine and record are still at
        self._states = self._run()
        self.run_of_engine = Run(self.problem, settings.tol, float("inf"), self.record.evaluated, self.notes)

    def __iter__(self) -> Descent:
        return self

    def __next__(self) -> State:
        try:
            return next(self._states)
        except StopIteration:
            raise
        except KeyboardInterrupt:
            self._finish(Ending(Status.INTERRUPTED, "Interrupted from the keyboard."))
            raise StopIteration from None
        except Exception as error:
            self._attach(error)
            raise

    def run(self) -> Solution:
        """Go on to the end, and return the solution."""
        try:
            for _ in self:
                pass
        except KeyboardInterrupt:
            self._finish(Ending(Status.INTERRUPTED, "Interrupted from the keyboard."))
        return self.solution()

    def interrupted(self) -> Solution:
        """Return the start, evaluated, as the solution of a run that was stopped from the keyboard before it began."""
        next(self, None)
        self._finish(Ending(Status.INTERRUPTED, "Interrupted from the keyboard."))
        return self.solution()

    def solution(self) -> Solution:
        """Return the solution; the best so far, with status ``interrupted``, while the run is not at its end."""
        if self._solution is not None:
            return self._solution
        if self._current is None and self._began is None:
            next(self, None)
            return self.solution()
        return self._result(Ending(Status.INTERRUPTED, f"Left by the caller after {self.iterations} iterations."))

    @property
    def iterations(self) -> int:
        """Steps taken so far."""
        return max(len(self.record.history) - 1, 0)

    # ------------------------------------------------------------------ the loop

    def _run(self) -> Generator[State, None, None]:
        begun = perf_counter()
        self._began = begun - self._before
        limit = float("inf") if self.settings.time_limit is None else self.settings.time_limit
        deadline = (begun if self.called is None else self.called) + limit
        state, stopped = self._resumed, None
        if state is None or self._current is None:
            try:
                with until(max(deadline, begun + BRIEFLY)):
                    self._current = self.engine.begin(self.start, self.run_of_engine)
            except OutOfTime:
                self._finish(ending.time_limit(limit, self._unseen()))
                return
        at = self._current
        self.run_of_engine.deadline = deadline
        while True:
            if state is None:
                state = self._state(at)
                self._settled = state
                stopped = self._watched(state)
            self._settled = state
            yield state
            with (
                np.errstate(all="ignore"),
                self.problem.undisturbed(),
                until(deadline),
            ):  # what is not finite is said in the ending
                outcome = stopped or self._next(at)
            if isinstance(outcome, Ending):
                self._finish(outcome)
                return
            at = self._current = outcome
            state = None

    def _next(self, at: Iterate) -> Iterate | Ending:
        """Take a step from an iterate, or say why the run ends here."""
        point, run = at.point, self.run_of_engine
        assert self.record.first is not None
        if (away := ending.runs_away(self.record.first, point, self.settings.sense)) is not None:
            return away
        if not point.finite:
            return ending.not_finite(point)
        try:
            left = self.iterations < self.max_iterations
            self._settled = self._settled if not left else None
            if at.residual <= self.demand and not (left and self.engine.worth_polishing(at, run)):
                if self.problem.constrained:
                    at = self._current = polished(at, run)
                judged = self._judged(at, max(self.settings.tol, TOLERANCE))
                if judged is not None:
                    return judged
            rate = self.chosen.options.get("learning_rate")
            if not left:
                return ending.iteration_limit(self.max_iterations, at, self.chosen.method.name, rate)
            if self.record.idle >= PATIENCE and not self.chosen.method.batches:  # batches rise and fall by chance
                judged = self._judged(at, self._floor) or self._instead(Stuck("it does not get on any more"))
                return judged or ending.standstill(at, self.chosen.method.name, rate)
            run.check()
            outcome = self.engine.advance(at, run)
            if not isinstance(outcome, Stuck):
                return outcome
            if outcome.status:
                return self._instead(outcome) or self._ended_by_method(outcome, at)
            if outcome.not_finite or outcome.too_far:
                return self._instead(outcome) or ending.stuck(outcome, at, None)
            return self._judged(at, self._floor) or self._instead(outcome) or ending.stuck(outcome, at, None)
        except NoDirection as problem:
            return ending.no_direction(str(problem), at)
        except OutOfTime:
            return ending.time_limit(self.settings.time_limit or 0.0, at)

    def _instead(self, stuck: Stuck) -> Iterate | None:
        """What the engine has left to try where it is stuck."""
        instead = getattr(self.engine, "instead", None)
        found = None if instead is None else instead(stuck, self.run_of_engine)
        if found is not None:
            self.record.idle = 0
            self.demand = self.settings.tol
        return found

    def _ended_by_method(self, outcome: Stuck, at: Iterate) -> Ending:
        if outcome.status == Status.ITERATION_LIMIT:
            return ending.over(outcome, at)
        if outcome.status == Status.INFEASIBLE:
            return ending.infeasible(outcome, at.point, self.built.relations)
        assert self.record.first is not None
        return ending.unbounded(outcome, self.record.first, at.point, self.settings.sense)

    def _judged(self, at: Iterate, tol: float) -> Iterate | Ending | None:
        """Say what a point with small residual is: the end, a place to leave, or (None) not yet stationary."""
        judge, run = self.judge, self.run_of_engine
        c = judge.kind_of(at, tol, self.record.travel(at.point), run.check)
        if c.kind == "not stationary":
            self.demand = 0.1 * at.residual
            return None
        way = judge.way_out(c)
        if not judge.is_wrong(c) and way is None:
            return ending.converged(c, self.settings.tol, bool(self.problem.convex))
        if self.settings.escape_saddles and way is not None and self._escapes < MAX_ESCAPES:
            self._escapes += 1
            outcome = escape(at.point, way, run.evaluate, self.record.reach)
            if isinstance(outcome, Taken):
                self.record.idle = 0
                self.demand = self.settings.tol
                left = "degenerate point" if c.kind == "degenerate" else c.kind
                message = f"left a {left} {judge.along(way)}"
                self.notes.append(f"iteration {self.iterations + 1} {message}")
                run.known(outcome.point)
                self._settled = None
                begun = self.engine.begin(outcome.point.x, run)
                return replace(begun, step=outcome.step, size=outcome.size, kind=outcome.kind, message=message)
        if self.settings.escape_saddles and way is not None and way.order > 2:
            why = f"{c.why}; but no step along it changes the value beyond rounding"
            return ending.converged(replace(c, kind="degenerate", why=why), self.settings.tol)
        return ending.standing_on(c, self.settings.sense, self.settings.escape_saddles)

    @property
    def _floor(self) -> float:
        """How exact a point must be that no step can improve."""
        return max(self.settings.tol, 1e-8)

    # ------------------------------------------------------------------ what surrounds it

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return 0.0 if self._began is None else perf_counter() - self._began

    def _state(self, at: Iterate) -> State:
        """Record the iterate that was reached, and describe it to whoever watches."""
        point = at.point
        step = np.zeros_like(point.x) if at.step is None else at.step
        self.record.reached(at, step, self.elapsed, self.sign)
        unravel = self.problem.unravel
        return State(
            iteration=self.iterations,
            x=unravel(point.x),
            value=self.sign * point.value,
            gradient=unravel(self.sign * point.gradient),
            gradient_norm=point.gradient_norm,
            residual=at.residual,
            infeasibility=point.violation,
            step=None if at.step is None else unravel(at.step),
            step_length=float(np.linalg.norm(step)),
            size=at.size,
            direction=at.kind,
            evaluations=self.problem.count.snapshot(),
            elapsed=self.elapsed,
            message=at.message,
            _run=self,
        )

    def _watched(self, state: State) -> Ending | None:
        """Show the state to whoever watches; a callback may stop the run."""
        for watch in self.watchers:
            try:
                answer = watch(state)
            except StopIteration:
                answer = True
            if answer is True or (isinstance(answer, np.bool_) and bool(answer)):
                return Ending(Status.INTERRUPTED, f"Stopped by the callback after {state.iteration} iterations.")
        return None

    # ------------------------------------------------------------------ the end

    def _finish(self, end: Ending) -> None:
        for watch in self.watchers:
            close = getattr(watch, "close", None)
            if close is not None:
                close()
        if self._solution is None:
            self._solution = self._result(end)

    def _result(self, end: Ending) -> Solution:
        at = self._final(end)
        c = end.classification
        if c is None or at is not self._current:
            c = self._last_classification(at, end.status)
        return solution_of(self, at, c, end)

    def _final(self, end: Ending) -> Iterate:
        """The iterate to report: what was found, or the best point that was evaluated."""
        current, best = self._current, self.record.best
        if current is None:
            return self._unseen() if best is None else Iterate(best, best.gradient_norm)
        if self.problem.sampled is not None and current.residual == np.inf:
            current = self._over_all_data(current)
        settled = end.classification is not None or end.status in (
            Status.CONVERGED, Status.UNBOUNDED, Status.INFEASIBLE,
        )  # fmt: skip
        if settled or best is None or not better(best, current.point):
            return current
        return Iterate(best, residual_of(best, current.y, current.z), current.y, current.z)

    def _over_all_data(self, at: Iterate) -> Iterate:
        """The iterate within an epoch with f itself: what one batch says of it is no value of f."""
        try:
            point = self.problem.at(at.point.x)
        except Exception:  # the error that ended the run, met again
            best = self.record.best
            point = at.point if best is None else best
        return Iterate(point, point.gradient_norm, at.y, at.z)

    def _unseen(self) -> Iterate:
        """The start, where nothing is known of the function."""
        problem, n = self.problem, self.start.size
        c, J = np.full(problem.m, np.nan), np.full((problem.m, n), np.nan)
        point = Point(replace(problem, sparse=False), self.start, float("nan"), np.full(n, np.nan), c, J)
        return Iterate(point, float("nan"))

    def _last_classification(self, at: Iterate, status: Status) -> Classification:
        """Say what an unfinished point is; without the cost of a Hessian where the gradient settles it in a hurry."""
        hurry = self.chosen.method.batches or status in (
            Status.INTERRUPTED, Status.TIME_LIMIT, Status.UNBOUNDED, Status.INFEASIBLE
        )  # fmt: skip
        tol = max(self.settings.tol, TOLERANCE)
        if not at.point.finite or (hurry and at.residual > tol):
            why = f"the run ended where {ending.measure(at)} is {at.residual:.4g}"
            why = why if at.point.finite else "the value or the gradient is not finite here"
            return self.judge.unlooked(at.point, at.residual, why)
        briefly = perf_counter() + BRIEFLY
        deadline = briefly if hurry else max(briefly, self.run_of_engine.deadline)

        def check() -> None:
            if perf_counter() > deadline:
                raise OutOfTime

        try:
            with until(deadline):
                return self.judge.kind_of(at, tol, self.record.travel(at.point), check)
        except (KeyboardInterrupt, ArithmeticError, np.linalg.LinAlgError, OutOfTime):
            return self.judge.unlooked(at.point, at.residual, "the second derivatives were not looked at")

    def _attach(self, error: Exception) -> None:
        """Let an error of the user's function carry what was found before it."""
        if self._current is None:
            return
        self._finish(Ending(Status.INTERRUPTED, f"The function raised {type(error).__name__}."))
        assert self._solution is not None
        error.best_so_far = self._solution  # type: ignore[attr-defined]
        error.add_note(
            f"After {self.iterations} iterations the best point was {self._solution.x!r} with value "
            f"{self._solution.value:.8g}; it is the attribute best_so_far of this error."
        )


def descend(f: Callable[..., Any] | Problem, x0: Any, method: str = "auto", **options: Any) -> Descent:
    """Go down a function step by step: an iterator over the states of a minimization.

    The first state is the starting point.  Leave the loop whenever you like and ask for ``.solution()``.  A `State` as
    `x0` goes on where its run was: the same iterates follow, bit for bit where the same code computes, as if it
    had not been interrupted, and iterations and seconds are counted on.

    Parameters
    ----------
    f, x0, method
        As for `minimize`, which runs this to its end.
    **options
        All other arguments of `minimize` but `starts`; and ``sense="maximize"`` to go up.

    Examples
    --------
    >>> import numpy as np
    >>> bowl = Problem(1, lambda x: (float(x @ x), 2 * x), lambda x: 2 * np.eye(1))
    >>> for state in descend(bowl, [8.0], "gradient-descent", learning_rate=0.25):
    ...     if state.iteration == 3:
    ...         break
    ...     print(state.iteration, state.x, state.value)
    0 [8.] 64.0
    1 [4.] 16.0
    2 [2.] 4.0
    """
    return descent(f, x0, method, **options)


def descent(
    f: Callable[..., Any] | Problem,
    x0: Any,
    method: str,
    *,
    subject_to: Any = None,
    bounds: Any = None,
    args: tuple[Any, ...] = (),
    residuals: bool = False,
    grad: Any = None,
    hess: Callable[..., Any] | None = None,
    derivatives: str = "exact",
    batches: Any = None,
    **others: Any,
) -> Descent:
    """Return a run that has not begun; `others` are the settings of the loop and the options of the method."""
    called = perf_counter()
    names = [item.name for item in fields(Settings)]
    settings = Settings(**{name: others.pop(name) for name in names if name in others})
    memory, state = None, x0
    if isinstance(state, State):
        from .resume import method_of

        x0, memory = state.x, state.memory()
        method, others, same = method_of(memory, method, others)
        memory = memory if same else None
    given = given_derivatives(grad, hess, derivatives, residuals)
    built = build(
        f, x0, subject_to=subject_to, bounds=bounds, args=args, residuals=residuals, given=given, batches=batches
    )
    run = Descent(built, method, settings, others)
    run.called = called
    if memory is not None:
        from .resume import resume

        resume(run, memory, state)
    return run
