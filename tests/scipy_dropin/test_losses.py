"""Robust losses against SciPy's formulas as documented, and their derivatives against differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import thalweg as tw
from thalweg.scipy.losses import LOSSES, robust_cost, slopes, triggs

FORMULAS = {
    "soft_l1": lambda z: 2 * ((1 + z) ** 0.5 - 1),
    "huber": lambda z: z if z <= 1 else 2 * z**0.5 - 1,
    "cauchy": lambda z: np.log(1 + z),
    "arctan": lambda z: np.arctan(z),
}
R = np.array([0.0, 0.1, -0.7, 1.3, -5.0])


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "linear"])
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_values_and_derivatives(loss, scale):
    cost = robust_cost(lambda x: x, loss, scale)
    assert_allclose(cost(R), 0.5 * scale**2 * sum(FORMULAS[loss](float(z)) for z in (R / scale) ** 2))
    first, second = slopes(loss, R, scale)
    z, h = (R / scale) ** 2, 1e-5
    numeric = [(FORMULAS[loss](v + h) - FORMULAS[loss](v - h)) / (2 * h) for v in z[1:]]
    assert_allclose(first[1:], numeric, rtol=1e-6)
    assert_allclose(tw.grad(cost)(R), first * R, atol=1e-12)
    assert_allclose(np.diag(tw.hessian(cost)(R)), first + 2 * second * z, atol=1e-10)


def test_triggs_is_gauss_and_newton_where_that_is_convex():
    r, J = np.array([0.2, -0.4]), np.array([[1.0, 2.0], [0.5, -1.0]])
    scaled = triggs("cauchy", r, J, 1.0)
    exact = tw.hessian(lambda p: robust_cost(lambda x: r + J @ x, "cauchy", 1.0)(p))(np.zeros(2))
    assert_allclose(scaled.T @ scaled, exact, rtol=1e-12)


def test_a_loss_of_the_users():
    def mine(z):
        return np.array([np.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2])

    assert_allclose(robust_cost(lambda x: x, mine, 0.5)(R), robust_cost(lambda x: x, "cauchy", 0.5)(R))
    for a, b in zip(slopes(mine, R, 0.5), slopes("cauchy", R, 0.5)):
        assert_allclose(a, b)
