"""The shift of the Hessian is measured in the units of the variables."""

import numpy as np
import pytest

import thalweg as tw


@pytest.mark.parametrize("method", ["interior-point", "auto"])
def test_units_a_million_apart_do_not_hold_the_run_up(method):
    u = np.array([1e3, 1.0, 1e-3])

    def f(x):
        return (u[0] * x[0]) ** 2 - x[1] ** 2 + x[1] ** 4 + (u[2] * x[2] - 0.3) ** 2

    s = tw.minimize(f, [1e-3, 0.0, 0.0], subject_to=lambda x: (u * x) ** 2 <= 4, method=method, max_iterations=400)
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(u * s.x, [0, np.sqrt(0.5), 0.3], atol=1e-6)


@pytest.mark.parametrize("s", [1.0, 1e-3, 1e-5])
def test_a_saddle_on_a_disc_of_any_size(s):
    found = tw.minimize(
        lambda z: (z[0] / s) ** 2 - (z[1] / s) ** 2,
        [s, 0],
        subject_to=lambda z: (z / s) @ (z / s) <= 1,
        method="interior-point",
        max_iterations=300,
    )
    assert found.success and found.value == pytest.approx(-1, abs=1e-8)
