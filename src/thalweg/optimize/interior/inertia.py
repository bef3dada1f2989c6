r"""Correction of the inertia: how much must be added to the Hessian until Newton's direction goes downhill.

The direction is one of descent on the constraints if K has n positive and m negative eigenvalues, that is, if
W + D_x is positive definite on the null space of J.  If not, δ I is added to W, with δ growing until it is:

    first  δ = 10⁻⁴, or a third of what was needed last time;   then ×100 while nothing is known, else ×8.

Rows that depend on one another would make K singular.  A tiny −δ_c in the lower right block is always there, so that a
singular K never occurs for their sake: along dependent rows it chooses multipliers of least change, and elsewhere the
step is changed by a relative 10⁻¹⁰ or so, which Newton's method mends with the next step.

References
----------
Wächter & Biegler, Math. Program. 106 (2006), §3.1 and algorithm IC.
Friedlander & Orban, Math. Prog. Comp. 4 (2012), for the permanent regularization.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Inertia"]

FIRST, LEAST, MOST = 1e-4, 1e-20, 1e40
#: What is always subtracted in the lower right block, for rows whose gradients have size one to a hundred.
ROW_REGULARIZATION = 1e-11


@dataclass
class Inertia:
    """The shifts δ that are tried, in turn.

    Examples
    --------
    >>> inertia = Inertia()
    >>> inertia.first(), inertia.larger(1e-4)
    (0.0001, 0.01)
    >>> inertia.succeeded(0.01); inertia.first()
    0.00333...
    """

    last: float = 0.0

    def first(self) -> float:
        """Return the shift to try after none at all has failed."""
        return FIRST if self.last == 0.0 else max(LEAST, self.last / 3)

    def larger(self, shift: float) -> float:
        """Return the next larger shift; infinite where it makes no sense to go on."""
        grown = shift * (100.0 if self.last == 0.0 else 8.0)
        return grown if grown <= MOST else float("inf")

    def succeeded(self, shift: float) -> None:
        """Remember what was enough."""
        if shift:
            self.last = shift
