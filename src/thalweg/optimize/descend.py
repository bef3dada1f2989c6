r"""The loop: one for all methods, and a public iterator.

    for state in descend(f, x0):          x₀, x₁, x₂, …
        …

Each turn draws the direction's path at the point, lets the step rule walk it, and yields the new state.  Everything
that is not mathematics of a method happens here, once: history, callbacks, progress, limits, interruption, values
that are not finite, divergence, and the question at the end — is this what was looked for?  A stationary point of the
wrong kind is left along a way on which the function falls (`escape`), or reported as such; it is never a success.

Whatever ends the loop, the best point so far is kept: Ctrl-C anywhere, also inside the user's function, ends it with
the status ``interrupted``; an error raised by the user's function goes on its way, with the solution so far as its
attribute ``best_so_far``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from . import ending
from .build import problem_from
from .certificate import Certificate
from .classify import TOLERANCE, Classification, classify_point
from .composition import NoDirection, Path, Taken, better
from .degenerate import Way
from .ending import Ending
from .escape import escape
from .methods import choose
from .problem import DENSE_LIMIT, Evaluations, Point, Problem, Vector
from .progress import watcher
from .record import Record
from .solution import Solution, Status
from .state import State

__all__ = ["Descent", "descend"]

#: So many iterations without a lower value or a smaller gradient are a standstill.
PATIENCE = 100
#: A run that has left so many stationary points will not end well.
MAX_ESCAPES = 50


class _OutOfTime(Exception):
    """The time limit passed between two evaluations."""


class Descent(Iterator[State]):
    """A run: iterate over it for its states, ask it for its solution. Made by `descend`."""

    def __init__(
        self,
        problem: Problem,
        start: Vector,
        method: str = "auto",
        *,
        sense: str = "minimize",
        tol: float = 1e-8,
        max_iterations: int | None = None,
        time_limit: float | None = None,
        callback: Callable[[State], object] | None = None,
        progress: bool | Callable[[State], object] | None = None,
        learning_rate: float | None = None,
        escape_saddles: bool = True,
    ) -> None:
        if not tol >= 0:
            raise ArgumentError(f"tol must be zero or positive, not {tol!r}.")
        if max_iterations is not None and max_iterations < 0:
            raise ArgumentError(f"max_iterations must be zero or positive, not {max_iterations!r}.")
        if time_limit is not None and not time_limit > 0:
            raise ArgumentError(f"time_limit must be a positive number of seconds, not {time_limit!r}.")
        problem = replace(problem, count=Evaluations())  # each run counts for itself
        self.user_problem = problem
        self.sense = sense
        self.problem = problem if sense == "minimize" else problem.negated()
        self.sign = 1.0 if sense == "minimize" else -1.0
        self.start = start
        self.chosen = choose(method, problem, learning_rate)
        self.rule = self.chosen.rule
        self.tol = tol
        self.demand = tol  # tightened where the gradient is small but the point still far
        self.max_iterations = self.chosen.method.max_iterations if max_iterations is None else max_iterations
        self.time_limit = time_limit
        self.escape_saddles = escape_saddles
        self.watchers = [w for w in (callback, watcher(progress)) if w is not None]
        self.record = Record(start)
        self.notes: list[str] = []
        self._began: float | None = None
        self._current: Point | None = None
        self._escapes = 0
        self._previous = np.inf
        self._in_vain = 0
        self._paths: tuple[Point, Path] | None = None
        self._turned: tuple[Point, Point] | None = None
        self._solution: Solution | None = None
        self._states = self._run()

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
        self._began = perf_counter()
        point = self._current = self._evaluate(self.start)
        taken: Taken | None = None
        while True:
            state = self._state(point, taken)
            stopped = self._watched(state)
            yield state
            with np.errstate(all="ignore"), self.problem.undisturbed():  # what is not finite is said in the ending
                outcome = stopped or self._next(point)
            if isinstance(outcome, Ending):
                self._finish(outcome)
                return
            taken = outcome
            point = self._current = outcome.point

    def _next(self, point: Point) -> Taken | Ending:
        """Take a step from `point`, or say why the run ends here."""
        assert self.record.first is not None
        if (away := ending.runs_away(self.record.first, point, self.sense)) is not None:
            return away
        if not point.finite:
            return ending.not_finite(point)
        try:
            if point.gradient_norm <= self.demand and not self._worth_polishing(point):
                judged = self._judge(point, max(self.tol, TOLERANCE))
                if judged is not None:
                    return judged
            if self.iterations >= self.max_iterations:
                return ending.iteration_limit(self.max_iterations, point, self.chosen.method.name, self.chosen.rate)
            if self.record.idle >= PATIENCE:
                return self._judge(point, self._floor) or ending.standstill(
                    point, self.chosen.method.name, self.chosen.rate
                )
            outcome = self.rule(point, self._path(point), self._evaluate)
            if isinstance(outcome, Taken):
                return outcome
            if outcome.not_finite or outcome.too_far:
                return ending.stuck(outcome, point, None)
            return self._judge(point, self._floor) or ending.stuck(outcome, point, None)
        except NoDirection as problem:
            return ending.no_direction(str(problem), point)
        except _OutOfTime:
            return ending.time_limit(self.time_limit or 0.0, point)

    def _judge(self, point: Point, tol: float) -> Taken | Ending | None:
        """Say what a point with small gradient is: the end, a place to leave, or (None) not yet stationary."""
        c = self._classify(point, tol)
        if c.kind == "not stationary":
            self.demand = 0.1 * point.gradient_norm
            return None
        way = c.falling if self.sense == "minimize" else c.rising
        if c.kind not in self._wrong_kinds and way is None:
            return ending.converged(c, self.tol)
        if self.escape_saddles and way is not None and self._escapes < MAX_ESCAPES:
            self._escapes += 1
            outcome = escape(point, way, self._evaluate, self.record.reach)
            if isinstance(outcome, Taken):
                self.rule, self._previous, self._in_vain = self.chosen.fresh_rule(), np.inf, 0
                self.record.idle = 0
                message = f"left a {'degenerate point' if c.kind == 'degenerate' else c.kind} {self._along(way)}"
                self.notes.append(f"iteration {self.iterations + 1} {message}")
                return replace(outcome, message=message)
        return ending.standing_on(c, self.sense, self.escape_saddles)

    def _along(self, way: Way) -> str:
        if way.order < 2:
            return "down a kink" if self.sense == "minimize" else "up a kink"
        if way.order == 2:
            return f"along {'negative' if self.sense == 'minimize' else 'positive'} curvature"
        return f"along a direction where f {'falls' if self.sense == 'minimize' else 'rises'} with power {way.order}"

    @property
    def _wrong_kinds(self) -> tuple[str, ...]:
        return ("saddle", "maximum") if self.sense == "minimize" else ("saddle", "minimum", "strict minimum")

    @property
    def _floor(self) -> float:
        """How exact a point must be that no step can improve."""
        return max(self.tol, 1e-8)

    def _worth_polishing(self, point: Point) -> bool:
        """Whether another Newton step may gain digits: until the third that does not divide the gradient by ten."""
        if not self.chosen.method.second_order or self.iterations >= self.max_iterations or point.gradient_norm == 0:
            return False
        path = self._path(point)
        ahead = path(path.natural * (1 + 1e-8))
        if ahead.kind != "Newton":
            return False
        gained = point.gradient_norm <= 0.1 * self._previous
        self._previous = point.gradient_norm
        if gained:
            return True
        self._in_vain += 1
        return self._in_vain <= 2 and ahead.size > 1e-9 * path.measure(point.x)

    # ------------------------------------------------------------------ what surrounds it

    def _evaluate(self, x: Vector) -> Point:
        if self.time_limit is not None and self.record.best is not None and self._elapsed > self.time_limit:
            raise _OutOfTime
        point = self.problem.at(x)
        self.record.evaluated(point)
        return point

    @property
    def _elapsed(self) -> float:
        return 0.0 if self._began is None else perf_counter() - self._began

    def _path(self, point: Point) -> Path:
        if self._paths is None or self._paths[0] is not point:
            self._paths = (point, self.chosen.direction(point))
        return self._paths[1]

    def _state(self, point: Point, taken: Taken | None) -> State:
        """Record the point that was reached, and describe it to whoever watches."""
        step = np.zeros_like(point.x) if taken is None else taken.step
        self.record.reached(point, step, self._elapsed, self.sign)
        unravel = self.problem.unravel
        return State(
            iteration=self.iterations,
            x=unravel(point.x),
            value=self.sign * point.value,
            gradient=unravel(self.sign * point.gradient),
            gradient_norm=point.gradient_norm,
            step=None if taken is None else unravel(taken.step),
            step_length=float(np.linalg.norm(step)),
            size=0.0 if taken is None else taken.size,
            direction="" if taken is None else taken.kind,
            evaluations=self.problem.count.snapshot(),
            elapsed=self._elapsed,
            message="" if taken is None else taken.message,
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

    def _as_user_sees(self, point: Point) -> Point:
        """The same point of the function that the user wrote, whose sign a maximization has turned."""
        if self.sense == "minimize":
            return point
        if self._turned is None or self._turned[0] is not point:
            seen = Point(self.user_problem, point.x, -point.value, -point.gradient)
            if "hessian" in point.__dict__:
                seen.__dict__["hessian"] = -point.hessian
            self._turned = (point, seen)
        return self._turned[1]

    def _classify(self, point: Point, tol: float) -> Classification:
        if self.chosen.method.second_order and point.finite:
            _ = point.hessian  # affordable, as the method forms it at every step, and it shows all eigenvalues
        return classify_point(self._as_user_sees(point), tol, self.record.travel(point))

    # ------------------------------------------------------------------ the end

    def _finish(self, end: Ending) -> None:
        for watch in self.watchers:
            close = getattr(watch, "close", None)
            if close is not None:
                close()
        if self._solution is None:
            self._solution = self._result(end)

    def _result(self, end: Ending) -> Solution:
        point = self._final_point(end)
        c = end.classification
        if c is None or point is not self._current:
            c = self._last_classification(point, end.status)
        seen = self._as_user_sees(point)
        known = "hessian" in seen.__dict__ and self.problem.n <= DENSE_LIMIT
        return Solution(
            x=self.problem.unravel(point.x),
            value=seen.value,
            status=end.status,
            message=end.message,
            gradient=self.problem.unravel(seen.gradient),
            classification=c,
            method=self.chosen.method.name,
            method_reason=self.chosen.reason,
            iterations=self.iterations,
            evaluations=self.problem.count.snapshot(),
            time=self._elapsed,
            history=self.record.history,
            names=tuple(self.problem.names),
            flat=point.x,
            hessian=seen.hessian if known else None,
            sense=self.sense,
            notes=tuple(self.notes),
        )

    def _final_point(self, end: Ending) -> Point:
        """Where the run converged; otherwise the lowest point that it has evaluated."""
        current, best = self._current, self.record.best
        if current is None or best is None:
            nowhere = np.full(self.start.size, np.nan)
            return best or Point(self.problem, self.start, float("nan"), nowhere)
        settled = end.classification is not None or end.status in (Status.CONVERGED, Status.UNBOUNDED)
        return current if settled or not better(best, current) else best

    def _last_classification(self, point: Point, status: Status) -> Classification:
        """Say what an unfinished point is; without the cost of a Hessian where the gradient settles it in a hurry."""
        hurry = status in (Status.INTERRUPTED, Status.TIME_LIMIT, Status.UNBOUNDED)
        seen = self._as_user_sees(point)
        if not point.finite or (hurry and point.gradient_norm > max(self.tol, TOLERANCE)):
            why = f"the run ended where the gradient's largest component is {point.gradient_norm:.4g}"
            why = why if point.finite else "the value or the gradient is not finite here"
        else:
            try:
                return classify_point(seen, max(self.tol, TOLERANCE), self.record.travel(point))
            except (KeyboardInterrupt, ArithmeticError, np.linalg.LinAlgError):
                why = "the second derivatives were not looked at"
        x = self.problem.unravel(point.x)
        return Classification(
            "not stationary", why, x, seen.value, point.gradient_norm, Certificate(point.gradient_norm)
        )

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


def descend(
    f: Callable[..., Any] | Problem,
    x0: Any,
    method: str = "auto",
    *,
    sense: str = "minimize",
    tol: float = 1e-8,
    max_iterations: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[State], object] | None = None,
    progress: bool | Callable[[State], object] | None = None,
    learning_rate: float | None = None,
    escape_saddles: bool = True,
) -> Descent:
    """Go down a function step by step: an iterator over the states of a minimization.

    The arguments are those of `minimize`, which runs this to its end.  The first state is the starting point.  Leave
    the loop whenever you like and ask for ``.solution()``.

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
    if sense not in ("minimize", "maximize"):
        raise ArgumentError(f"sense must be 'minimize' or 'maximize', not {sense!r}.")
    problem, start = problem_from(f, x0)
    return Descent(
        problem,
        start,
        method,
        sense=sense,
        tol=tol,
        max_iterations=max_iterations,
        time_limit=time_limit,
        callback=callback,
        progress=progress,
        learning_rate=learning_rate,
        escape_saddles=escape_saddles,
    )
