"""jvp, vjp, hvp and directional derivatives, against the matrices that they are products with."""

import dataclasses

import numpy as np
import pytest
import scipy.linalg

import thalweg as tw
from thalweg.errors import ArgumentError

RNG = np.random.default_rng(5)
A = RNG.normal(size=(4, 3))
x, v = RNG.normal(size=3), RNG.normal(size=3)


def F(x):
    return np.tanh(A @ x) * np.sum(x**2)


def f(x):
    return np.sum(np.exp(A @ x)) * x[0]


def test_jvp():
    value, tangent = tw.jvp(F, x, v)
    np.testing.assert_allclose(value, F(x), rtol=1e-15)
    np.testing.assert_allclose(tangent, tw.jacobian(F)(x) @ v, rtol=1e-13)


def test_vjp():
    value, pull = tw.vjp(F, x)
    w = RNG.normal(size=4)
    np.testing.assert_allclose(value, F(x), rtol=1e-15)
    np.testing.assert_allclose(pull(w), w @ tw.jacobian(F)(x), rtol=1e-13)
    np.testing.assert_allclose(pull(2 * w), 2 * pull(w), rtol=1e-14)


def test_hvp():
    np.testing.assert_allclose(tw.hvp(f)(x, v), tw.hessian(f)(x) @ v, rtol=1e-12)


def test_hvp_does_not_form_the_hessian():
    n = 100_000
    got = tw.hvp(lambda x: np.sum(x**4) + np.sum(x) ** 2)(np.ones(n), np.ones(n))
    np.testing.assert_allclose(got, np.full(n, 12.0 + 2 * n))


@dataclasses.dataclass
class Weights:
    W: np.ndarray
    b: np.ndarray


def test_nested_arguments():
    loss = lambda p: np.sum(np.tanh(p["layer"].W @ x + p["layer"].b) ** 2) * p["scale"]
    p = {"layer": Weights(A.copy(), np.ones(4)), "scale": 2.0}
    d = {"layer": Weights(RNG.normal(size=(4, 3)), RNG.normal(size=4)), "scale": -1.0}
    g = tw.grad(loss)(p)
    inner = np.sum(g["layer"].W * d["layer"].W) + g["layer"].b @ d["layer"].b + g["scale"] * d["scale"]
    assert tw.jvp(loss, p, d)[1] == pytest.approx(inner, rel=1e-12)
    assert tw.directional_derivative(loss)(p, d) == pytest.approx(inner, rel=1e-12)
    H = tw.hvp(loss)(p, d)
    assert isinstance(H["layer"], Weights)
    h = 1e-4
    move = lambda s: {
        "layer": Weights(p["layer"].W + s * d["layer"].W, p["layer"].b + s * d["layer"].b),
        "scale": p["scale"] + s * d["scale"],
    }
    slopes = [tw.grad(loss)(move(s))["layer"].W for s in (h, -h, 2 * h, -2 * h)]
    wanted = (8 * (slopes[0] - slopes[1]) - (slopes[2] - slopes[3])) / (12 * h)
    np.testing.assert_allclose(H["layer"].W, wanted, atol=1e-9)


def test_hvp_with_several_arguments():
    f = lambda a, b, c: np.sum(a * b**2) * c
    a, b = RNG.normal(size=(2, 3))
    da, db = RNG.normal(size=(2, 3))
    Ha, Hb = tw.hvp(f, wrt=("a", "b"))(a, b, 2.0, (da, db))
    np.testing.assert_allclose(Ha, 4 * b * db, rtol=1e-13)
    np.testing.assert_allclose(Hb, 4 * b * da + 4 * a * db, rtol=1e-13)
    np.testing.assert_allclose(tw.hvp(f, wrt=1)(a, b, 2.0, db), 4 * a * db, rtol=1e-13)


def test_directional_derivative():
    assert tw.directional_derivative(f)(x, v) == pytest.approx(tw.grad(f)(x) @ v, rel=1e-13)
    assert tw.directional_derivative(f)(x, 2 * v) == pytest.approx(2 * tw.grad(f)(x) @ v, rel=1e-13)
    unit = v / np.linalg.norm(v)
    assert tw.directional_derivative(f, normalize=True)(x, 7 * v) == pytest.approx(tw.grad(f)(x) @ unit, rel=1e-13)
    np.testing.assert_allclose(tw.directional_derivative(F)(x, v), tw.jacobian(F)(x) @ v, rtol=1e-13)


def test_the_gradient_is_the_steepest_direction():
    g = tw.grad(f)(x)
    D = tw.directional_derivative(f, normalize=True)
    assert D(x, g) == pytest.approx(np.linalg.norm(g), rel=1e-13)
    assert all(D(x, RNG.normal(size=3)) <= np.linalg.norm(g) + 1e-12 for _ in range(20))


def test_scalars_and_integers():
    value, tangent = tw.jvp(lambda x: x**3, 2, 1)
    assert (value, tangent) == (8, 12)
    assert tw.vjp(lambda x: x**3, 2)[1](1) == 12
    assert tw.hvp(lambda x: x**3)(2.0, 1.0) == 12


def test_guards_are_followed():
    g = lambda x: np.sum(x**2) if x[0] > 0 else -np.sum(x)
    for point, wanted in ((np.ones(2), 4.0), (-np.ones(2), -2.0), (np.ones(2), 4.0)):
        assert tw.jvp(g, point, np.ones(2))[1] == wanted


def test_products_nest():
    third = tw.jvp(lambda x: tw.hvp(f)(x, v), x, v)[1]
    np.testing.assert_allclose(third, np.einsum("ijk,j,k", tw.jacobian(tw.hessian(f))(x), v, v), rtol=1e-11)
    g = tw.grad(lambda x: tw.vjp(F, x)[1](np.ones(4)) @ v)(x)
    np.testing.assert_allclose(g, tw.hvp(lambda x: np.sum(F(x)))(x, v), rtol=1e-11)


def test_the_state_of_closures_is_seen():
    factor = [1.0]
    g = lambda x: factor[0] * x**2
    assert tw.jvp(g, 1.0, 1.0)[1] == 2
    factor[0] = 3.0
    assert tw.jvp(g, 1.0, 1.0)[1] == 6


def test_callables_that_cannot_be_hashed():
    class Model:
        __hash__ = None

        def __call__(self, x):
            return x**2

    assert tw.jvp(Model(), 3.0, 1.0)[1] == 6


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: tw.jvp(F, x, v[:2]),
        lambda: tw.jvp(F, x, (v,)),
        lambda: tw.hvp(f)(x, np.ones((3, 1))),
        lambda: tw.vjp(F, x)[1](np.ones(3)),
        lambda: tw.directional_derivative(f)(x, 1.0),
    ],
)
def test_directions_have_the_form_of_the_point(wrong):
    with pytest.raises(ArgumentError, match="alike"):
        wrong()


def test_hvp_needs_one_number():
    with pytest.raises(ArgumentError, match="one number"):
        tw.hvp(F)(x, v)
    with pytest.raises(ArgumentError, match="function"):
        tw.hvp(3.0)


def test_functions_of_libraries_by_themselves():
    x, v = np.array([[2.0, 1.0], [0.5, 3.0]]), np.array([[1.0, 0.0], [2.0, 1.0]])
    value, change = tw.jvp(scipy.linalg.det, x, v)  # d det = tr(adj(x) v)
    assert value == pytest.approx(5.5)
    assert change == pytest.approx(3 * 1 - 1 * 2 - 0.5 * 0 + 2 * 1)
    np.testing.assert_allclose(tw.hvp(scipy.linalg.det)(x, v), [[1, -2], [0, 1]], atol=1e-14)
