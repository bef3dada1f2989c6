"""`thalweg.scipy.least_squares` on SciPy's documented examples."""

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

from thalweg.scipy import least_squares


def rosenbrock(x):
    return np.array([10 * (x[1] - x[0] ** 2), (1 - x[0])])


def test_the_documented_rosenbrock():
    result = least_squares(rosenbrock, np.array([2, 2]))
    assert_allclose(result.x, [1, 1], atol=1e-10)
    assert result.cost < 1e-20 and result.success and result.status == 1 and result.kind == "strict minimum"
    theirs = scipy.optimize.least_squares(rosenbrock, np.array([2, 2]))
    assert set(theirs) <= set(result)


def test_the_documented_bound():
    result = least_squares(rosenbrock, np.array([2, 2]), bounds=([-np.inf, 1.5], np.inf))
    assert_allclose(result.x, [1.22437075, 1.5], atol=1e-8)
    assert_allclose(result.cost, 0.025213093946805685, rtol=1e-10)
    assert result.active_mask.tolist() == [0, -1]


def test_the_documented_complex_function():
    def f_wrap(x):
        fx = (x[0] + 1j * x[1]) - (0.5 + 0.5j)
        return np.array([fx.real, fx.imag])

    result = least_squares(f_wrap, (0.1, 0.1), bounds=([0, 0], [1, 1]))
    assert_allclose(result.x, [0.5, 0.5], atol=1e-8)


def test_the_documented_broyden_function():
    def broyden(x):
        f = (3 - x) * x + 1
        f[1:] -= x[:-1]
        f[:-1] -= 2 * x[1:]
        return f

    result = least_squares(broyden, -np.ones(50), jac_sparsity=np.eye(50))
    assert result.cost < 1e-20 and "not needed: jac_sparsity" in result.message


def data(seed=0):
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 10, 15)
    error = 0.1 * rng.standard_normal(t.size)
    error[rng.integers(0, t.size, 3)] *= 10
    return t, 0.5 + 2.0 * np.exp(-t) + error


def model(x, t, y):
    return x[0] + x[1] * np.exp(x[2] * t) - y


def cauchy(z):
    return np.array([np.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2])


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan", cauchy])
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), ([0, 0, -2], [3, 1.7, 0])])
def test_robust_losses(loss, bounds):
    words = {"loss": loss, "f_scale": 0.1, "args": data(), "bounds": bounds}
    result = least_squares(model, [1.0, 1.0, -0.5], **words)
    theirs = scipy.optimize.least_squares(model, [1.0, 1.0, -0.5], ftol=1e-15, xtol=1e-15, gtol=1e-13, **words)
    assert result.success
    assert result.cost <= theirs.cost * (1 + 1e-12)
    assert_allclose(result.x, theirs.x, rtol=1e-5)
    assert_allclose(result.jac, theirs.jac, atol=1e-4 * np.max(np.abs(theirs.jac)))
    assert_allclose(result.fun, theirs.fun, atol=1e-5)


def test_keywords_and_a_jacobian_that_is_not_needed():
    result = least_squares(lambda x, *, a: x - a, [1.0, 2.0], jac=lambda x, *, a: np.eye(2), kwargs={"a": 5.0})
    assert_allclose(result.x, [5, 5])
    assert_allclose(result.jac, np.eye(2))


def test_a_saddle_of_the_cost_is_left():
    """½ (x² − y² + y⁴ + 1)² has a saddle at 0, where Gauss and Newton's model has a minimum."""
    result = least_squares(lambda x: [x[0] ** 2 - x[1] ** 2 + x[1] ** 4 + 1], [1.0, 0.0])
    assert result.success
    assert_allclose(result.cost, 0.5 * 0.75**2, rtol=1e-12)


def test_levenberg_marquardt_is_helped_out_of_a_long_valley():
    """SciPy's page shows this fit to fail, unless the user knows a scale for each parameter."""
    t = np.linspace(0, 4, 50)
    y = 500000 * np.exp(-0.01 * t) + 15
    result = least_squares(lambda p: p[0] * np.exp(-p[1] * t) + p[2] - y, np.ones(3))
    assert result.success
    assert_allclose(result.x, [500000, 0.01, 15], rtol=1e-6)


def test_limits():
    result = least_squares(rosenbrock, [-1.2, 1.0], max_nfev=3)
    assert (result.status, result.success) == (0, False) and "maximum number of function evaluations" in result.message


def test_verbose(capsys):
    least_squares(rosenbrock, [2, 2], verbose=1)
    assert "first-order optimality" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        {"method": "nonsense"},
        {"jac": "4-point"},
        {"tr_solver": "nonsense"},
        {"loss": "nonsense"},
        {"method": "lm", "loss": "huber"},
        {"verbose": 5},
        {"max_nfev": 0},
        {"bounds": (0, 1, 2)},
        {"bounds": ([0, 0, 0], 3)},
        {"bounds": (3, 1)},
        {"bounds": (3, 4)},
        {"method": "lm", "bounds": (0, 3)},
        {"method": "lm", "ftol": 1e-20},
        {"ftol": None, "xtol": None, "gtol": None},
        {"x0": [[1.0, 2.0]]},
        {"x0": [1j, 2.0]},
        {"x0": [np.nan, 2.0]},
    ],
)
@pytest.mark.filterwarnings("ignore:Setting")
def test_errors_are_scipys(words):
    arguments = {"x0": [2.0, 2.0], **words}
    for module in (scipy.optimize.least_squares, least_squares):
        with pytest.raises(ValueError):
            module(rosenbrock, **arguments)


def test_a_loss_of_the_wrong_shape():
    with pytest.raises(ValueError, match="wrong shape"):
        least_squares(rosenbrock, [2.0, 2.0], loss=lambda z: z)


def test_too_few_residuals_for_lm():
    with pytest.raises(ValueError):
        least_squares(lambda x: [x[0]], [1.0, 2.0], method="lm")
    with pytest.raises(ValueError):
        least_squares(lambda x: np.eye(2) * x, [1.0, 2.0])
