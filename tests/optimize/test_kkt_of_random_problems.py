"""The conditions of Karush, Kuhn and Tucker recomputed by hand, on random problems with a known least value.

A minimizer x* is drawn first, with active constraints and multipliers of right signs; the objective is a strongly
convex quadratic (plus a convex quartic) whose gradient at x* they balance.  Constraints are convex, so x* is the only
minimum.
"""

import numpy as np
import pytest

import thalweg as tw

METHODS = ["auto", "interior-point", "sqp", "augmented-lagrangian"]


def drawn(seed):
    """n variables: equalities, linear and ball inequalities (some active), bounds (some active)."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 9))
    x = np.round(rng.normal(size=n), 2)
    e, k = int(rng.integers(0, n // 2)), int(rng.integers(1, 4))
    A, B = rng.normal(size=(e, n)), rng.normal(size=(k, n))
    lam, mu = rng.normal(size=e), np.where(rng.random(k) < 0.5, rng.uniform(0.5, 2, k), 0.0)
    b = B @ x + np.where(mu > 0, 0.0, rng.uniform(0.5, 1, k))
    center = x - rng.normal(size=n)
    ball = float(np.sum((x - center) ** 2)) if seed % 2 else 100.0
    beta = 0.7 if seed % 2 else 0.0
    low = np.where(rng.random(n) < 0.2, x, x - 1.0)
    at_low = low == x
    z = np.where(at_low, -rng.uniform(0.5, 2, n), 0.0)
    Q = rng.normal(size=(n, n))
    Q = Q @ Q.T + np.eye(n)
    slope = -(A.T @ lam + B.T @ mu + 2 * beta * (x - center) + z)

    def f(v):
        d = v - x
        return 0.5 * d @ Q @ d + np.sum(d**4) + slope @ d

    def constraints(v):
        found = {"less": B @ v <= b, "ball": np.sum((v - center) ** 2) <= ball, "low": v >= low}
        return {"equal": A @ v == A @ x, **found} if e else found

    start = x + rng.normal(size=n)
    return f, constraints, start, x, (A, B, b, center, ball, low)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(8))
def test_residuals_by_hand(seed, method):
    f, constraints, start, x, (A, B, b, center, ball, low) = drawn(seed)
    s = tw.minimize(f, start, subject_to=constraints, method=method)
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, x, atol=2e-5)
    lam = s.multipliers
    v = s.x
    left = tw.grad(f)(v) + B.T @ lam["less"] + 2 * lam["ball"] * (v - center) - lam["low"]
    if len(A):
        left = left + A.T @ lam["equal"]
        np.testing.assert_allclose(A @ v, A @ x, atol=1e-7)
    np.testing.assert_allclose(left, 0, atol=1e-6)
    for multiplier, room in (
        (lam["less"], b - B @ v), (lam["ball"], ball - np.sum((v - center) ** 2)), (lam["low"], v - low),
    ):  # fmt: skip
        assert np.all(np.asarray(multiplier) >= -1e-9) and np.all(np.asarray(room) >= -1e-7)
        np.testing.assert_allclose(np.asarray(multiplier) * np.asarray(room), 0, atol=1e-5)
    assert s.certificate.stationarity == pytest.approx(np.max(np.abs(left)), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_order_and_units_of_random_problems(seed):
    """v = P D u: the same minimum in other units and another order, with the multipliers of the rows unchanged."""
    f, constraints, start, x, _ = drawn(seed)
    n = x.size
    order = np.random.default_rng(seed + 100).permutation(n)
    units = 10.0 ** np.linspace(-1, 1, n)
    plain = tw.minimize(f, start, subject_to=constraints)
    s = tw.minimize(
        lambda u: f((units * u)[order]), start[np.argsort(order)] / units,
        subject_to=lambda u: constraints((units * u)[order]),
    )  # fmt: skip
    assert s.success and s.kind == plain.kind
    np.testing.assert_allclose((units * s.x)[order], plain.x, atol=1e-5)
    np.testing.assert_allclose(s.multipliers["less"], plain.multipliers["less"], atol=1e-4)
