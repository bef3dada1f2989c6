"""What an interior point method keeps in a saved state, and how it makes the rest anew.

The form of the problem, the position and the system of Newton's method follow from the problem, the scales and the
arrays.  While feasibility is being restored there is a second method within the first; its state is kept too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..composition import Stuck
from ..engine import Iterate, Run
from .form import Form
from .newton_system import NewtonSystem
from .position import Position
from .restoration import Recovery

if TYPE_CHECKING:
    from .interior_point import InteriorPoint

__all__ = ["made_anew", "state_of"]


def state_of(engine: InteriorPoint) -> dict[str, Any]:
    """The attributes without what can be made anew, and with the restoration in progress."""
    state = {name: None if name.startswith("_cached") else value for name, value in vars(engine).items()}
    recovery = engine._cached_recovery
    state["_kept"] = None
    if recovery is not None:
        at, ended = recovery.at, recovery.ended
        iterate = (at.point.x, at.residual, at.y, at.z, at.step, at.size, at.kind, at.message)
        reason = None if ended is None else ended.reason
        state["_kept"] = (recovery.problem.x, recovery.problem.zeta, recovery.engine, iterate, reason)
    return state


def made_anew(engine: InteriorPoint, at: Iterate, run: Run) -> Position:
    """Make what `state_of` left out; return where the method stands."""
    engine._cached_form = form = Form(run.problem)
    form.set_scales(engine.f_scale, engine.row_scale, at.point)
    if engine.relaxed:
        form.relax(engine.relaxed)
    engine._cached_system = NewtonSystem(form)
    # while restoring, the point is another one than the arrays are for; nothing is asked of the position then
    engine._cached_here = here = Position(form, form.place(at.point), engine.w, engine.d, engine.y, engine.v)
    if engine._kept is not None:
        x, zeta, inner, iterate, reason = engine._kept
        engine._cached_recovery = Recovery.resumed(form, run, inner, x, zeta)
        point = engine._cached_recovery.problem.problem.at(iterate[0])
        engine._cached_recovery.at = Iterate(point, *iterate[1:])
        engine._cached_recovery.ended = None if reason is None else Stuck(reason)
        engine._kept = None
    return here
