r"""A bracket: the interval of a line search, and where in it to look next.

A line search follows φ(t) = f(x + t d) from t = 0, φ'(0) < 0.  What it has learnt is an interval [a, b]:

    a   the right-most trial known to be too short:  φ(a) fell enough, and still falls, φ'(a) < 0;
    b   the left-most trial known to be too long:    φ rose, fell too little, or φ'(b) ≥ 0; at first there is none.

So φ has a local minimum between them, with a value that fell enough.  The next trial is the minimum of the cubic
through both values and slopes, or, where the two values differ by rounding only, the zero of the line through both
slopes.  It is kept off the ends, and an interval that has not shrunk by a third in two trials is halved, so the
interval shrinks to a point for any φ whatsoever.  Without b the search goes further out, by cubic extrapolation, at
most `stretch` times the last stride.  Where φ is not a number, there is a *wall*; trials stay in front of it.

References
----------
Moré & Thuente, *Line search algorithms with guaranteed sufficient decrease*, ACM TOMS 20 (1994), §2 and §4.
Nocedal & Wright, *Numerical Optimization* (2nd ed.), algorithms 3.5 and 3.6, and (3.59).
"""

from __future__ import annotations

from math import inf, sqrt
from typing import NamedTuple

from .problem import Point

__all__ = ["Bracket", "Trial", "cubic_minimum"]


class Trial(NamedTuple):
    """φ and φ' at a size t, and the point there."""

    t: float
    value: float
    slope: float
    point: Point


def cubic_minimum(p: Trial, q: Trial) -> float:
    """Return the minimizer of the cubic through values and slopes of two trials; NaN where it has none.

    Examples
    --------
    >>> def f(t):  # t³ − 3t + 5, smallest at 1
    ...     return Trial(t, t**3 - 3 * t + 5, 3 * t * t - 3, None)
    >>> cubic_minimum(f(0.0), f(3.0)), cubic_minimum(f(0.0), f(0.5))
    (1.0, 1.0)
    """
    h = q.t - p.t
    theta = 3 * (p.value - q.value) / h + p.slope + q.slope
    scale = max(abs(theta), abs(p.slope), abs(q.slope))
    if not 0 < scale < inf:
        return float("nan")
    root = (theta / scale) ** 2 - (p.slope / scale) * (q.slope / scale)
    if root < 0:
        return float("nan")
    gamma = scale * sqrt(root)
    if h < 0:
        gamma = -gamma
    # p + h r with r = (γ − p' + θ) / (2γ − p' + q'); the other form where that one cancels
    up, down = gamma - p.slope + theta, gamma + q.slope - theta
    whole = up + down
    if whole == 0:
        return float("nan")
    return p.t + h * (up / whole)


class Bracket:
    """What a line search knows about φ, and where it looks next.

    Parameters
    ----------
    start : Trial
        φ at 0.
    sufficient : float
        The part c₁ of the slope at 0 that a decrease must reach.
    noise : float
        Values that differ by less are equal but for rounding.
    margin : float
        The nearest that a trial comes to an end of the interval, as a part of its length.
    stretch : float
        The longest stride beyond the last trial, in strides.

    Examples
    --------
    >>> bracket = Bracket(Trial(0.0, 4.0, -4.0, None), 1e-4, 0.0)   # φ = (t − 2)²
    >>> bracket.add(Trial(3.0, 1.0, 2.0, None))
    >>> bracket.next()
    2.0
    """

    __slots__ = ("a", "b", "before", "margin", "noise", "start", "stretch", "sufficient", "wall", "widths")

    def __init__(
        self, start: Trial, sufficient: float, noise: float, margin: float = 0.05, stretch: float = 4.0
    ) -> None:
        self.start = self.a = start
        self.b: Trial | None = None
        self.before = start
        self.sufficient, self.noise, self.margin, self.stretch = sufficient, noise, margin, stretch
        self.wall = inf
        self.widths: tuple[float, float] = (inf, inf)

    def fell_enough(self, trial: Trial) -> bool:
        """Whether the value lies below Armijo's line, or above it by rounding only."""
        start = self.start
        return trial.value <= start.value + self.sufficient * trial.t * start.slope + self.noise

    def better(self, trial: Trial, other: Trial) -> bool:
        """Whether a trial is lower; where values differ by rounding only, whether it is flatter."""
        if abs(trial.value - other.value) > self.noise:
            return trial.value < other.value
        return abs(trial.slope) < abs(other.slope)

    def add(self, trial: Trial) -> None:
        """Narrow the interval by what a trial inside it, or beyond a, has shown."""
        if trial.slope >= 0 or trial.value > self.a.value + self.noise or not self.fell_enough(trial):
            self.b = trial
        else:
            self.before, self.a = self.a, trial

    def block(self, t: float) -> None:
        """Note that φ is not a number at t."""
        self.wall = min(self.wall, t)

    @property
    def upper(self) -> float:
        """The right end of the interval; infinite while there is none."""
        return self.wall if self.b is None else self.b.t

    def next(self) -> float:
        """Return the size to try next."""
        a, b = self.a, self.b
        if b is None:
            return self._further()
        width = b.t - a.t
        older, last = self.widths
        self.widths = (last, width)
        if width > 0.66 * older:
            self.widths = (inf, width)
            return a.t + 0.5 * width
        if abs(a.value - b.value) > 10 * self.noise:
            t = cubic_minimum(a, b)
        else:
            t = a.t + width * (a.slope / (a.slope - b.slope)) if b.slope > 0 else a.t + 0.5 * width
        margin = self.margin * width
        if not t > a.t + margin:
            return a.t + (margin if t <= a.t + margin else 0.5 * width)
        return min(t, b.t - margin)

    def _further(self) -> float:
        a, before = self.a, self.before
        if self.wall < inf:
            return a.t + 0.2 * (self.wall - a.t) if a.t == 0 else 0.5 * (a.t + self.wall)
        stride = a.t - before.t
        t = cubic_minimum(before, a)
        if not t > a.t:
            t = inf
        return min(max(t, a.t + 1.1 * stride), a.t + self.stretch * stride)
