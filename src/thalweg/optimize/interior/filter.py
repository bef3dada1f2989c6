r"""The filter: a trial point is acceptable unless an earlier one was better in both infeasibility and barrier value.

With θ = ‖c‖₁ and the barrier function φ, each step must make enough progress in one of the two,

    θ⁺ ≤ (1 − γ_θ) θ    or    φ⁺ ≤ φ − γ_φ θ,

and must not lie in the region that earlier points have forbidden.  Where the step promises a decrease of φ that is
large beside θ (the *switching condition*), φ itself has to fall by Armijo's rule, so that a feasible point which is no
minimum is not a place to stay.

References
----------
Fletcher & Leyffer, Math. Program. 91 (2002).
Wächter & Biegler, Math. Program. 106 (2006), §2.3, equations 18–23.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Filter"]

GAMMA_THETA, GAMMA_PHI = 1e-5, 1e-8
S_THETA, S_PHI, DELTA, ARMIJO = 1.1, 2.3, 1.0, 1e-8
EPS = 2.220446049250313e-16


@dataclass
class Filter:
    """What earlier points forbid.

    Examples
    --------
    >>> filter = Filter(theta_most=1e4, theta_least=1e-4)
    >>> filter.accepts(1.0, 0.0, 1.0, -1.0, 0.5, -0.5)
    True
    >>> filter.accepts(1.0, 0.0, 1.0, -1.0, 2.0, 0.5)
    False
    """

    theta_most: float = float("inf")
    theta_least: float = 0.0
    entries: list[tuple[float, float]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all but the largest infeasibility."""
        self.entries.clear()

    def forbids(self, theta: float, phi: float) -> bool:
        """Whether the region that earlier points forbid holds (θ, φ)."""
        if theta > self.theta_most:
            return True
        slack = 10 * EPS * abs(phi)
        for t, p in self.entries:
            if theta >= t and phi - slack >= p:
                return True
        return False

    def switches(self, theta: float, slope: float, alpha: float) -> bool:
        """Whether the promised decrease of φ is large beside θ."""
        if slope >= 0 or theta > self.theta_least:
            return False
        return bool(alpha * (-slope) ** S_PHI > DELTA * theta**S_THETA)

    def accepts(self, theta: float, phi: float, alpha: float, slope: float, new_theta: float, new_phi: float) -> bool:
        """Whether a step from (θ, φ) to the new pair may be taken."""
        slack = 10 * EPS * abs(phi)
        if self.switches(theta, slope, alpha):
            good = new_phi - phi - slack <= ARMIJO * alpha * slope
        else:
            good = new_theta <= (1 - GAMMA_THETA) * theta or new_phi - phi - slack <= -GAMMA_PHI * theta
        return good and not self.forbids(new_theta, new_phi)

    def taken(self, theta: float, phi: float, alpha: float, slope: float, new_phi: float) -> None:
        """Remember the point that was left, unless φ fell by Armijo's rule."""
        slack = 10 * EPS * abs(phi)
        if not (self.switches(theta, slope, alpha) and new_phi - phi - slack <= ARMIJO * alpha * slope):
            self.add(theta, phi)

    def add(self, theta: float, phi: float) -> None:
        """Forbid what is worse than (θ, φ)."""
        t, p = (1 - GAMMA_THETA) * theta, phi - GAMMA_PHI * theta
        self.entries = [e for e in self.entries if e[0] < t or e[1] < p]
        self.entries.append((t, p))

    def shortest(self, theta: float, slope: float) -> float:
        """Return the step length below which a line search is given up."""
        if slope >= 0:
            return 0.05 * GAMMA_THETA
        least = min(GAMMA_THETA, GAMMA_PHI * theta / -slope)
        switch = (-slope) ** S_PHI  # zero where the slope is tiny
        if theta <= self.theta_least and switch > 0:
            least = min(least, DELTA * theta**S_THETA / switch)
        return 0.05 * float(least)
