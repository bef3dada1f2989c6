r"""Where the Hessian is singular, higher derivatives decide: x⁴ has a minimum at 0, x³ an inflection.

Let v be a direction of zero curvature at a stationary point.  Along it

    f(x + t v) = f(x) + c₃ t³ + c₄ t⁴ + …

An odd first term takes both signs: the point is a saddle (for one variable, an inflection).  An even one settles the
case of one variable.  With more variables the valley may bend, and a straight line across it misses its floor.  If
the null space is one-dimensional and the rest of the Hessian positive, the floor is x + t v + w(t) with w ≈ −t² A⁺ b,
where b = ½ ∇³f[v, v, ·], and the function on it (the *reduced function* of Lyapunov–Schmidt, in the splitting lemma)
begins with

    φ(t) = f(x) + c₃ t³ + (c₄ − ½ bᵀA⁺b) t⁴ + …

so y² + x⁴ has a minimum at 0, but (y − x²)² − ½x⁴ a saddle, although it rises along every straight line through 0.
In two directions the same quartic is a form, and its sign is that of its values on a circle, which five of them give:
x⁴ + y⁴ has a minimum.

b is found from Taylor coefficients along lines by polarization: ∇³f[v, v, w] = c₃(v + w) − c₃(v − w) − 2 c₃(w).

What this does not settle is called degenerate, never guessed.

References
----------
Poston & Stewart, *Catastrophe Theory and its Applications* (1978), §4.5 (splitting lemma) and §8.
Golubitsky & Schaeffer, *Singularities and Groups in Bifurcation Theory* I (1985), §I.3 (Lyapunov–Schmidt).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .curvature import EPS, Curvature
from .engine import OutOfTime
from .patience import Check, in_time
from .problem import Matrix, Point, Vector

__all__ = ["Verdict", "Way", "decide_by_higher_order", "places_far_from"]

#: Highest order of the Taylor coefficients that are looked at.
ORDER = 8


@dataclass(frozen=True, eq=False)
class Way:
    """A curve t ↦ x + t v + t² bend along which the function changes by about rate · t^order.

    On constraints the curve is brought back to those `rows` of c that hold the point, and v leaves alone the variables
    that a bound holds (`retraction`).  `one_sided` where only t > 0 is allowed, and `noise` is by how much the value
    may differ for the constraints not being met exactly.
    """

    direction: Vector
    rate: float
    order: int
    bend: Vector | None = None
    rows: NDArray[np.intp] | None = None
    one_sided: bool = False
    noise: float = 0.0

    def step(self, t: float) -> Vector:
        """Return t v + t² bend."""
        return t * self.direction if self.bend is None else t * self.direction + t * t * self.bend

    @property
    def two_sided(self) -> bool:
        """Whether the function does the same on both sides."""
        return self.order % 2 == 0 and not self.one_sided


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the point is, why, and ways on which the function falls and rises, where known."""

    kind: str
    why: str
    falling: Way | None = None
    rising: Way | None = None


def decide_by_higher_order(point: Point, curvature: Curvature, check: Check | None = None) -> Verdict:
    """Say what a stationary point with a singular, one-signed Hessian is.

    Taylor coefficients of a long function take a while; those that would be late, judging by the first, are not begun.
    """
    problem = point.problem
    if check is not None and problem.f_line is not None:
        timed = Point(replace(problem, f_line=in_time(problem.f_line, check)), point.x, point.value, point.gradient)
        timed.__dict__["hessian"] = point.hessian
        point = timed
    try:
        return _decided(point, curvature)
    except OutOfTime:
        return Verdict(
            "degenerate", f"{_singular(point, curvature)}, and there was no time to look at higher derivatives"
        )


def _singular(point: Point, curvature: Curvature) -> str:
    """Say that the Hessian is singular."""
    if point.problem.n == 1:
        return "the second derivative is zero"
    if not (curvature.positive or curvature.negative):
        return "the Hessian is zero"
    k = curvature.zero
    return f"{_count(k)} Hessian eigenvalue{'s' if k > 1 else ''} of {point.problem.n} cannot be told from zero"


def _decided(point: Point, curvature: Curvature) -> Verdict:
    sign = 1 if curvature.positive else -1 if curvature.negative else 0
    null = curvature.null
    k = null.shape[1]
    singular = _singular(point, curvature)
    if point.problem.line(point.x, null[:, 0], 1) is None:
        return Verdict("degenerate", f"{singular}, and higher derivatives are not available to decide")

    leading = [(v, *_leading_term(point, curvature, v)) for v in _samples(null)]
    for v, rate, order in leading:
        if order == 1:
            return Verdict(
                "not stationary", "the gradient is small, but the function is straight here: it goes on falling"
            )
        if order > 0 and order % 2:
            up = v * np.sign(rate)
            where = "f changes" if point.problem.n == 1 else "along that direction f changes"
            return Verdict(
                "saddle",
                f"{singular}, and {where} with the {_ordinal(order)} power: down on one side, up on the other",
                Way(-up, -abs(rate), order),
                Way(up, abs(rate), order),
            )
    falling = next((Way(v, rate, order) for v, rate, order in leading if rate < 0), None)
    rising = next((Way(v, rate, order) for v, rate, order in leading if rate > 0), None)
    against = rising if sign < 0 else falling
    if (falling and rising) or (sign and against):
        order = (against or falling or rising).order  # type: ignore[union-attr]
        return Verdict(
            "saddle",
            f"{singular}, and in such a direction f {'rises' if sign < 0 else 'falls'} "
            f"with the {_ordinal(order)} power, "
            "against the other directions",
            falling or _quadratic_way(curvature, -1),
            rising or _quadratic_way(curvature, +1),
        )
    if not falling and not rising and any(order < 0 for _, _, order in leading):
        return Verdict("degenerate", f"{singular}, and no higher derivative rules at the distance to which x is known")
    if not falling and not rising:
        return _flat(point, sign, singular)
    if k == 2 and all(order in (0, 4) for _, _, order in leading):
        return _in_a_plane(point, curvature, sign, singular)
    if k > 1:
        tendency = "falls" if falling else "rises"
        return Verdict(
            "degenerate", f"{singular}; f {tendency} in the directions tried, which does not prove it for all"
        )
    return _along_one_direction(point, curvature, leading[0], sign, singular)


def _along_one_direction(
    point: Point, curvature: Curvature, term: tuple[Vector, float, int], sign: int, singular: str
) -> Verdict:
    v, rate, order = term
    up = rate > 0
    decided = f"{singular}, and the first derivative along that direction that is not zero is of order {order} and "
    if point.problem.n == 1:
        decided = f"the derivatives up to order {order - 1} are zero, and the one of order {order} is "
        if up:
            return Verdict("strict minimum", decided + "positive", None, Way(v, rate, order))
        return Verdict("maximum", decided + "negative: a strict maximum", Way(v, rate, order), None)
    if order > 4:
        return Verdict("degenerate", f"{decided}does not decide when the others may bend")
    reduced, bend = _reduced_quartic(point, curvature, v, rate)
    if abs(reduced) <= 1e-9 * max(abs(rate), abs(reduced - rate)):
        return Verdict(
            "degenerate", f"{singular}, and along the curved floor of the valley the fourth order is zero as well"
        )
    if (reduced > 0) == up:
        if up:
            return Verdict(
                "strict minimum", f"{singular}, but along the floor of the valley f rises with the fourth power"
            )
        return Verdict("maximum", f"{singular}, but along the crest f falls with the fourth power: a strict maximum")
    way = Way(v, reduced, 4, bend)
    other = _quadratic_way(curvature, sign)
    return Verdict(
        "saddle",
        f"{singular}, and along a curved {'valley' if up else 'crest'} f {'falls' if up else 'rises'} "
        "with the fourth power",
        way if reduced < 0 else other,
        way if reduced > 0 else other,
    )


def _in_a_plane(point: Point, curvature: Curvature, sign: int, singular: str) -> Verdict:
    """Decide by the form of order four on a null space of two dimensions: its values on a circle."""
    null = curvature.null

    def form_on(v: Vector) -> tuple[float, Vector]:
        c = point.problem.line(point.x, v, 4)
        return _reduced_quartic(point, curvature, v, 0.0 if c is None else float(c[4]))

    sizes = np.array([abs(form_on(v)[0]) for v in null.T]) ** 0.25
    null = null / np.where(sizes > 0, sizes, 1.0)  # units in which the form is of size one along both

    def form(angle: float) -> tuple[float, Vector]:
        return form_on(np.cos(angle) * null[:, 0] + np.sin(angle) * null[:, 1])

    five: Vector = np.linspace(0.0, 0.8 * np.pi, 5)
    q = np.array([form(angle)[0] for angle in five])
    powers = np.arange(5)

    def monomials(angles: Vector) -> Matrix:
        return np.asarray(np.cos(angles)[:, None] ** (4 - powers) * np.sin(angles)[:, None] ** powers)

    grid: Vector = np.linspace(0.0, np.pi, 721)
    values = monomials(grid) @ np.linalg.solve(monomials(five), q)
    low, high, clear = float(np.min(values)), float(np.max(values)), 1e-3 * float(np.max(np.abs(values)))

    def way(place: int) -> Way:
        v = np.cos(grid[place]) * null[:, 0] + np.sin(grid[place]) * null[:, 1]
        rate, bend = form(float(grid[place]))
        return Way(v, rate, 4, bend)

    decided = f"{singular}, and in those directions f "
    if low > clear and sign >= 0:
        return Verdict("strict minimum", f"{decided}rises with the fourth power", None, way(int(np.argmax(values))))
    if high < -clear and sign <= 0:
        return Verdict(
            "maximum", f"{decided}falls with the fourth power: a strict maximum", way(int(np.argmin(values)))
        )
    falls, rises = low < -clear, high > clear
    if (falls and (rises or sign > 0)) or (rises and sign < 0):
        falling = way(int(np.argmin(values))) if falls else _quadratic_way(curvature, -1)
        rising = way(int(np.argmax(values))) if rises else _quadratic_way(curvature, +1)
        return Verdict("saddle", f"{decided}falls and rises with the fourth power", falling, rising)
    return Verdict("degenerate", f"{decided}changes with the fourth power in some only")


def _leading_term(point: Point, curvature: Curvature, v: Vector) -> tuple[float, int]:
    """Return coefficient and order of the term that rules along v; order 0 where all are zero, −1 where none rules.

    "Rules" means: at a distance well beyond the error of the point it is larger than all others together.  Where the
    point is exact this is the first term that is not zero.
    """
    c = point.problem.line(point.x, v, ORDER)
    if c is None or not np.isfinite(c).all():
        return 0.0, -1
    length = max(1.0, float(np.linalg.norm(point.x)))
    if _still_sloping(point, c, length):
        return float(c[1]), 1
    orders = np.arange(ORDER + 1)
    weight = np.abs(c) * length**orders
    weight[:3] = 1e-3 * weight[0], 0.0, 0.0
    c = np.where(weight <= 1e-13 * np.max(weight), 0.0, c)
    distance = max(300 * abs(float(v @ curvature.newton_step)), 1e-6 * length)
    scale = min(distance, 0.5 * length) ** orders
    nearby: Vector | None = None
    while True:
        terms = (np.abs(c) * scale)[3:]
        place = int(np.argmax(terms))
        if terms[place] == 0:
            return 0.0, 0
        if nearby is None:
            turned = v + (10 * float(np.linalg.norm(curvature.newton_step)) / length) * np.cos(1.0 + np.arange(v.size))
            nearby = point.problem.line(_shaken(point.x), turned, ORDER)
        if nearby is None or abs(nearby[3 + place] - c[3 + place]) <= 1e-3 * abs(c[3 + place]):
            break
        c[3 + place] = 0.0  # what rounding left of terms that cancel, or v is no nearer to the null space than that
    if terms[place] <= 4 * (np.sum(terms) - terms[place]):
        return 0.0, -1
    return float(c[3 + place]), 3 + place


def _shaken(x: Vector) -> Vector:
    """A place hardly to be told from x: coefficients that are others there are rounding errors."""
    return np.asarray(x * (1.0 + 1e-10 * np.cos(np.arange(x.size))))


def _still_sloping(point: Point, c: Vector, length: float) -> bool:
    """Whether the slope, however small, is real and nothing balances it."""
    with np.errstate(over="ignore"):
        noise = 100 * EPS * float(np.linalg.norm(np.abs(point.hessian) @ np.abs(point.x) + np.abs(point.gradient)))
    balanced = np.any(np.abs(c[2:]) * (1e-3 * length) ** np.arange(2, ORDER + 1) > 1e-3 * abs(c[1]) * (1e-3 * length))
    return bool(abs(c[1]) > noise and abs(c[1]) * length > 1e-10 * abs(c[0]) and not balanced)


def _reduced_quartic(point: Point, curvature: Curvature, v: Vector, c4: float) -> tuple[float, Vector]:
    """Return c₄ − ½ bᵀA⁺b and the bend −A⁺b of the valley's floor."""
    across = np.abs(curvature.scaled) > curvature.tolerance
    W, A = curvature.directions[:, across], curvature.scaled[across]
    b = np.array([0.5 * _third(point, v, w) for w in W.T])
    return c4 - 0.5 * float(np.sum(b * b / A)), -W @ (b / A)


def _third(point: Point, v: Vector, w: Vector) -> float:
    """Return ∇³f[v, v, w]."""
    length = float(np.linalg.norm(w))
    u = w / length

    def cubic(direction: Vector) -> float:
        c = point.problem.line(point.x, direction, 3)
        return 0.0 if c is None else float(c[3])

    return (cubic(v + u) - cubic(v - u) - 2 * cubic(u)) * length


def _samples(null: Matrix) -> list[Vector]:
    """Directions that between them see every cubic form on a null space of up to four dimensions."""
    k = null.shape[1]
    found = [null[:, i] for i in range(k)]
    if k <= 6:
        for i, j in combinations(range(k), 2):
            found += [(null[:, i] + null[:, j]) / np.sqrt(2), (null[:, i] - null[:, j]) / np.sqrt(2)]
    if k <= 4:
        found += [null[:, list(c)].sum(axis=1) / np.sqrt(3) for c in combinations(range(k), 3)]
    return found


def _flat(point: Point, sign: int, singular: str) -> Verdict:
    if sign and _is_quadratic(point):
        kind, word = ("minimum", "minima") if sign > 0 else ("maximum", "maxima")
        shape = "positive" if sign > 0 else "negative"
        return Verdict(kind, f"f is quadratic and its Hessian {shape} semidefinite: a whole line or plane of {word}")
    return Verdict("degenerate", f"{singular}, and f is flat along it up to order {ORDER}")


def _is_quadratic(point: Point) -> bool:
    """Whether the Hessian is the same at places far away."""
    H = point.hessian
    bound = 1e-12 * float(np.max(np.abs(H), initial=0.0))
    return all(bool(np.all(np.abs(point.problem.hessian(p) - H) <= bound)) for p in places_far_from(point.x))


def places_far_from(x: Vector) -> list[Vector]:
    """Places around x, on both sides of it: a function may be as good as quadratic on one side, like x² + exp(−y)."""
    length = max(1.0, float(np.max(np.abs(x))))
    pattern = np.cos(1.0 + 2.0 * np.arange(x.size))
    steps = (length * pattern, -3.7 * length * np.roll(pattern, 1))
    return [x + sign * step for sign in (1.0, -1.0) for step in steps]


def _quadratic_way(curvature: Curvature, sign: int) -> Way | None:
    v, value = curvature.extreme(sign)
    return Way(v, 0.5 * value, 2) if sign * value > 0 else None


def _count(k: int) -> str:
    return {1: "one", 2: "two", 3: "three", 4: "four"}.get(k, str(k))


def _ordinal(order: int) -> str:
    return {3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth"}[order]
