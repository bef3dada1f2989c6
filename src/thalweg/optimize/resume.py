r"""Going on where a run was: its memory taken, and given to a new run.

What a run is at one of its states: the iterate, what the engine remembers, the record (history, best point, progress),
the counts and the notes.  A new run of the same method with the same options that gets all of that takes the same steps
bit for bit, if the functions are computed by the same code: a hot function becomes machine code at some time, which may
round the last bit otherwise than the interpreter (``THALWEG_NATIVE=0`` keeps to the latter).

The functions themselves are not part of the memory: they are given again, and must have the value at x that they had.
With another method or other options nothing can be used but x, where the run then begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.errors import ArgumentError

from .engine import Iterate, Run
from .saved import Packed, pack, restored, unpack
from .state import State

if TYPE_CHECKING:
    from .descend import Descent

__all__ = ["method_of", "resume", "taken"]

#: Values of f that differ by more than this, relatively, are not those of the same function.
SAME = 1e-6


def taken(run: Descent, state: State) -> Packed:
    """Take the memory of a run that stands on a state."""
    at, known = run._current, run.run_of_engine._last
    if run._settled is not state or at is None:
        raise ArgumentError(
            f"The state of iteration {state.iteration} can no longer be saved or resumed: its run has gone on from "
            "there. Save it in the callback or inside the loop; to begin anew from its x, give state.x as x0."
        )
    problem = run.problem
    return pack(
        {
            "method": run.chosen.method.name,
            "options": dict(run.chosen.options),
            "sense": run.settings.sense,
            "n": problem.n,
            "m": problem.m,
            "names": list(problem.names)[:100],
            "tol": run.settings.tol,
            "demand": run.demand,
            "escapes": run._escapes,
            "elapsed": run.elapsed,
            "notes": list(run.notes),
            "counts": problem.count,
            "at": at,
            "known": known is at.point,
            "record": run.record,
            "engine": run.engine,
        }
    )


def method_of(memory: Packed, method: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any], bool]:
    """The method and the options to go on with, and whether they are the same, so that the memory is of use."""
    had = dict(memory.tree["dict"])
    name = had["method"]
    if str(method).strip().lower().replace("_", "-").replace(" ", "-") not in ("auto", name):
        return method, dict(options), False
    given = {key: value for key, value in options.items() if value is not None}
    kept, same = dict(given), True
    for key, tree in had["options"]["dict"]:
        if isinstance(tree, dict) and "left out" in tree:
            if key not in given:
                raise ArgumentError(f"The saved run had a function as {key}, which no file holds: give {key} again.")
            continue
        value = unpack(Packed(tree, memory.arrays))
        kept.setdefault(key, value)
        same = same and _equal(kept[key], value)
    known = [key for key, _ in had["options"]["dict"]]
    return name, kept, same and all(key in known for key in given)


def resume(run: Descent, memory: Packed, state: State) -> None:
    """Give a run that has not begun the memory of another."""
    had = dict(memory.tree["dict"])
    problem = run.problem
    _check(run, had)
    notes = list(run.notes)
    found = _restored(run, memory)
    at: Iterate = found["at"]
    _compare(run, at)
    run._current, run._before, run._escapes = at, found["elapsed"], found["escapes"]
    tol = run.settings.tol
    run.demand = tol if found["demand"] == found["tol"] else min(found["demand"], tol)
    run.notes[:] = [*notes, *found["notes"]]
    for name, value in vars(found["counts"]).items():
        setattr(problem.count, name, value)
    if found["known"]:
        run.run_of_engine.known(at.point)
    run._resumed = replace(state, x=problem.unravel(at.point.x), _run=run, _memory=None)


def _restored(run: Descent, memory: Packed) -> dict[str, Any]:
    """The memory, put into the engine and the record of the run."""
    engine = run.engine
    fresh = {name: value for name, value in vars(engine).items() if name.startswith("_cached")}
    engine.begin(run.start, Run(run.problem, run.settings.tol))  # so that all its parts are there
    found = restored(memory, run.problem, {"engine": engine, "record": run.record})
    for name in [name for name in vars(engine) if name.startswith("_cached")]:
        delattr(engine, name)
    vars(engine).update(fresh)
    return found


def _check(run: Descent, had: Mapping[str, Any]) -> None:
    problem = run.problem
    if had["sense"] != run.settings.sense:
        raise ArgumentError(f"The state is of a run to {had['sense']}; go on with tw.{had['sense']}.")
    names = list(problem.names)[:100]
    if (had["n"], had["m"]) != (problem.n, problem.m) or had["names"]["list"] != names:
        raise ArgumentError(
            f"The state is of a problem with {had['n']} free variables and {had['m']} rows of constraints, and this "
            f"one has {problem.n} and {problem.m}: give the same function, constraints and bounds as before, or start "
            "anew with state.x as x0."
        )


def _compare(run: Descent, at: Iterate) -> None:
    """Whether the function is the one that it was."""
    if run.chosen.method.batches:
        return
    here, before = run.problem.at(at.point.x), at.point
    pairs = [(here.value, before.value), *zip(here.c.tolist(), before.c.tolist())]
    for now, then in pairs:
        neither = now != now and then != then  # both are NaN
        if not (neither or now == then or abs(now - then) <= SAME * max(abs(now), abs(then), 1e-9)):
            raise ArgumentError(
                "The function or a constraint is not the one of the saved run: where that had the value "
                f"{run.sign * then:.8g}, it has {run.sign * now:.8g}. To begin anew with another function, give "
                "state.x as x0."
            )


def _equal(one: Any, other: Any) -> bool:
    return one is other or (np.shape(one) == np.shape(other) and bool(np.all(np.asarray(one) == np.asarray(other))))
