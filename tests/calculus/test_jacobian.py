"""jacobian and hessian: shapes, sides, structures."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError

A = np.random.default_rng(4).normal(size=(8, 3))


@pytest.mark.parametrize("A", [A, A.T], ids=["tall: forward", "wide: reverse"])
def test_both_sides(A):
    x = np.linspace(-1, 1, A.shape[1])
    J = tw.jacobian(lambda x: np.tanh(A @ x))(x)
    np.testing.assert_allclose(J, (1 - np.tanh(A @ x) ** 2)[:, None] * A, rtol=1e-13)


@pytest.mark.parametrize(
    ("inputs", "outputs"), [((), ()), ((2,), ()), ((), (3,)), ((2, 3), (4,)), ((2,), (2, 2)), ((0,), (2,))]
)
def test_shape_is_output_then_input(inputs, outputs):
    f = lambda x: np.sum(x**2) * np.ones(outputs) if outputs else np.sum(x**2)
    x = np.arange(1.0, 1 + np.prod(inputs, dtype=int)).reshape(inputs)
    J = tw.jacobian(f)(x)
    assert J.shape == outputs + inputs
    np.testing.assert_array_equal(J, np.broadcast_to(2 * x, outputs + inputs))


def test_change_of_variables():
    """The textbook's polar coordinates: det J = r."""
    polar = lambda p: np.array([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])])
    for r, angle in ((1.0, 0.3), (2.5, -2.0)):
        assert np.linalg.det(tw.jacobian(polar)(np.array([r, angle]))) == pytest.approx(r)


def test_nested_structures():
    f = lambda p: {"s": p["a"] * p["b"], "v": (p["b"][0], p["a"])}
    p = {"a": 2.0, "b": np.array([1.0, 3.0])}
    J = tw.jacobian(f)(p)
    np.testing.assert_array_equal(J["s"]["a"], [1, 3])
    np.testing.assert_array_equal(J["s"]["b"], 2 * np.eye(2))
    np.testing.assert_array_equal(J["v"][0]["b"], [1, 0])
    assert J["v"][0]["a"] == 0
    assert J["v"][1]["a"] == 1


def test_several_arguments():
    Ja, Jb = tw.jacobian(lambda a, b: np.outer(a, b), wrt=(0, 1))(np.ones(2), np.arange(3.0))
    assert Ja.shape == (2, 3, 2)
    assert Jb.shape == (2, 3, 3)
    np.testing.assert_array_equal(Ja[0, :, 0], np.arange(3.0))


def test_hessian_is_symmetric_and_right():
    f = lambda x: np.exp(x[0] * x[1]) + x[2] ** 3 * x[0]
    x = np.array([0.5, -1.0, 2.0])
    H = tw.hessian(f)(x)
    e = np.exp(x[0] * x[1])
    wanted = [[e * x[1] ** 2, e * (1 + x[0] * x[1]), 3 * x[2] ** 2], [0, e * x[0] ** 2, 0], [0, 0, 6 * x[2] * x[0]]]
    wanted = np.triu(wanted) + np.triu(wanted, 1).T
    np.testing.assert_allclose(H, wanted, rtol=1e-13, atol=1e-14)


def test_hessian_of_structures():
    H = tw.hessian(lambda p: p["a"] ** 2 * np.sum(p["b"]))({"a": 3.0, "b": np.array([1.0, 2.0])})
    assert H["a"]["a"] == 6
    np.testing.assert_array_equal(H["a"]["b"], [6, 6])
    np.testing.assert_array_equal(H["b"]["a"], [6, 6])
    np.testing.assert_array_equal(H["b"]["b"], np.zeros((2, 2)))


def test_hessian_of_a_matrix_argument():
    X = np.arange(4.0).reshape(2, 2)
    H = tw.hessian(lambda X: np.sum(X**3))(X)
    assert H.shape == (2, 2, 2, 2)
    np.testing.assert_array_equal(H.reshape(4, 4), np.diag(6 * X.ravel()))


def test_hessians_at_kinks_and_minima():
    np.testing.assert_array_equal(tw.hessian(lambda x: x @ x)(np.zeros(2)), 2 * np.eye(2))
    np.testing.assert_array_equal(tw.hessian(lambda x: np.linalg.norm(x) ** 2)(np.zeros(2)), 2 * np.eye(2))


def test_hessian_needs_one_number():
    with pytest.raises(ArgumentError, match="one number"):
        tw.hessian(lambda x: x)(np.ones(2))


def test_reverse_side_where_some_inputs_do_not_matter():
    f = lambda a, b: np.array([np.sum(a**2), 3.0])
    Ja, Jb = tw.jacobian(f, wrt=(0, 1))(np.ones(6), np.ones(4))
    np.testing.assert_array_equal(Ja, [[2] * 6, [0] * 6])
    np.testing.assert_array_equal(Jb, np.zeros((2, 4)))


def test_integer_results_have_no_slope():
    np.testing.assert_array_equal(tw.jacobian(lambda x: np.argsort(x))(np.ones(2)), np.zeros((2, 2)))
