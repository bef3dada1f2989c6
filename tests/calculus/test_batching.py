"""batch: stacked arguments, guards that differ from row to row, and batches inside derivatives."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError

RNG = np.random.default_rng(2)


def halved(x):
    """A loop that runs differently often for different rows."""
    n = 0
    while x > 1:
        x = x / 2
        n += 1
    return x * (n + 1)


def kinked(x):
    return x**2 if x > 0 else -x


X = np.array([0.5, 3.0, 10.0, 100.0, 4.0, -1.0])


def test_against_a_loop():
    A, B = RNG.normal(size=(5, 3, 4)), RNG.normal(size=(5, 4))
    np.testing.assert_allclose(tw.batch(lambda a, b: np.tanh(a @ b))(A, B), [np.tanh(a @ b) for a, b in zip(A, B)])


def test_axes():
    A, B = RNG.normal(size=(3, 5)), RNG.normal(size=(5, 4, 3))
    wanted = np.stack([B[i] @ A[:, i] for i in range(5)])
    f = lambda a, b: b @ a
    np.testing.assert_allclose(tw.batch(f, in_axes=(1, 0))(A, B), wanted)
    np.testing.assert_allclose(tw.batch(f, in_axes=(-1, 0))(A, B), wanted)
    np.testing.assert_allclose(tw.batch(f, in_axes=(None, 0))(A[:, 0], B), B @ A[:, 0])


def test_nested_arguments_and_results():
    data = {"x": RNG.normal(size=(4, 2)), "t": (RNG.normal(size=4), 2.0)}
    got = tw.batch(lambda d: {"sum": np.sum(d["x"]) * d["t"][1], "t": d["t"][0] ** 2})(data)
    np.testing.assert_allclose(got["sum"], 2 * data["x"].sum(1))
    np.testing.assert_allclose(got["t"], data["t"][0] ** 2)


def test_numbers_are_shared_and_keywords_are_mapped():
    f = lambda x, a=1.0: a * np.sum(x)
    np.testing.assert_array_equal(tw.batch(f)(np.ones((3, 2)), 2.0), [4, 4, 4])
    np.testing.assert_array_equal(tw.batch(f)(np.ones((3, 2)), a=np.arange(3.0)), [0, 2, 4])
    np.testing.assert_array_equal(
        tw.batch(lambda x, a: x * a[1], in_axes=(0, None))(np.ones(2), np.arange(3.0)), [1, 1]
    )


def test_integers_decide_shapes_and_branches():
    f = lambda x, k: x[k] if k % 2 else -x[k]
    np.testing.assert_array_equal(tw.batch(f, in_axes=(None, 0))(np.arange(4.0), np.array([0, 1, 2, 3])), [0, 1, -2, 3])


@pytest.mark.parametrize("f", [halved, kinked])
def test_every_row_goes_its_own_way(f):
    g = tw.batch(f)
    wanted = [f(x) for x in X]
    np.testing.assert_allclose(g(X), wanted)
    np.testing.assert_allclose(g(X[::-1]), wanted[::-1])  # from the traces that are kept
    many = np.linspace(-5, 50, 1000)
    np.testing.assert_allclose(g(many), [f(x) for x in many])


def test_a_row_of_its_own_kind_does_not_touch_the_others():
    f = lambda x: np.log(x) if x > 0 else x
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(tw.batch(f)(np.array([1.0, -2.0, 1.0])), [0, -2, 0])
    np.testing.assert_array_equal(tw.batch(tw.grad(f))(np.array([2.0, -2.0, 4.0])), [0.5, 1, 0.25])


def test_derivatives_of_rows():
    np.testing.assert_allclose(tw.batch(tw.grad(kinked))(X), np.where(X > 0, 2 * X, -1))
    P = RNG.normal(size=(4, 3))
    f = lambda x: np.prod(x) * np.sum(x**2)
    np.testing.assert_allclose(tw.batch(tw.hessian(f))(P), [tw.hessian(f)(p) for p in P], rtol=1e-12)
    value, slope = tw.batch(tw.value_and_grad(f))(P)
    np.testing.assert_allclose(value, [f(p) for p in P])
    np.testing.assert_allclose(slope, [tw.grad(f)(p) for p in P], rtol=1e-13)


def test_derivatives_through_batches():
    got = tw.grad(lambda X: np.sum(tw.batch(halved)(X) ** 2))(X)
    np.testing.assert_allclose(got, tw.derivative(lambda x: halved(x) ** 2)(X))
    H = tw.hessian(lambda X: np.sum(tw.batch(lambda x: np.sum(x) ** 3)(X)))(np.arange(4.0).reshape(2, 2))
    wanted = np.zeros((2, 2, 2, 2))
    for i, s in enumerate((1.0, 5.0)):
        wanted[i, :, i, :] = 6 * s
    np.testing.assert_allclose(H, wanted)


def test_guards_of_rows_become_guards_of_the_whole():
    """The same gradient function at points whose rows part differently."""
    g = tw.grad(lambda X: np.sum(tw.batch(kinked)(X) * np.arange(1.0, 4.0)))
    for signs in ((1, 1, 1), (1, -1, 1), (-1, -1, -1), (-1, 1, -1), (1, -1, 1)):
        X = np.array([1.0, 2.0, 3.0]) * signs
        np.testing.assert_allclose(g(X), np.where(X > 0, 2 * X, -1) * np.arange(1.0, 4.0))


def test_shared_arguments_are_differentiated():
    X, w = RNG.normal(size=(6, 3)), RNG.normal(size=3)
    predict = lambda w, x: np.tanh(w @ x)
    loss = lambda w: np.sum(tw.batch(predict, in_axes=(None, 0))(w, X) ** 2)
    plain = lambda w: np.sum(np.tanh(X @ w) ** 2)
    np.testing.assert_allclose(tw.grad(loss)(w), tw.grad(plain)(w), rtol=1e-13)
    closure = lambda w: np.sum(tw.batch(lambda x: np.tanh(w @ x))(X) ** 2)
    np.testing.assert_allclose(tw.grad(closure)(w), tw.grad(plain)(w), rtol=1e-13)


def test_batches_of_batches():
    A = RNG.normal(size=(3, 4, 2))
    np.testing.assert_allclose(tw.batch(tw.batch(np.sum))(A), A.sum(2))
    np.testing.assert_array_equal(tw.batch(tw.batch(tw.batch(kinked)))(A), np.where(A > 0, A**2, -A))


def test_empty_batches():
    assert tw.batch(lambda x: np.outer(x, x))(np.zeros((0, 3))).shape == (0, 3, 3)
    assert tw.batch(tw.grad(np.sum))(np.zeros((0, 3))).shape == (0, 3)


def test_closures_are_looked_at_again():
    scale = np.ones(1)
    f = tw.batch(lambda x: scale[0] * x)
    np.testing.assert_array_equal(f(np.ones(2)), [1, 1])
    scale[0] = 5
    np.testing.assert_array_equal(f(np.ones(2)), [5, 5])


def test_the_sizes_may_change():
    f = tw.batch(lambda x: np.sum(x**2))
    for n in (1, 7, 3, 7, 20, 4, 1):
        np.testing.assert_allclose(f(np.full((n, 2), 2.0)), np.full(n, 8.0))


def test_wrong_use():
    with pytest.raises(ArgumentError, match="argument 0 has 3, argument 1 has 4"):
        tw.batch(np.dot)(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(ArgumentError, match="no array to map over"):
        tw.batch(np.sin)(1.0)
    with pytest.raises(ArgumentError, match="no axis 2"):
        tw.batch(np.sum, in_axes=2)(np.ones((3, 2)))
    with pytest.raises(ArgumentError, match="2 entries"):
        tw.batch(np.sum, in_axes=(0, 0))(np.ones(3))
    with pytest.raises(ArgumentError, match="in_axes"):
        tw.batch(np.sum, in_axes="0")
    with pytest.raises(ArgumentError, match="different form"):
        tw.batch(lambda x: np.ones(2) * x if x > 0 else x)(np.array([1.0, -1.0]))
    with pytest.raises(ArgumentError, match="different form"):
        tw.grad(lambda X: np.sum(tw.batch(lambda x: np.ones(2) * x if x > 0 else x)(X)))(np.array([1.0, -1.0]))


def test_few_odd_rows_among_many():
    x = np.ones(1000)
    x[[3, 500]] = -2.0
    f = lambda x, a: a * x**2 if x > 0 else -x
    g = tw.batch(f)
    for _ in range(2):
        np.testing.assert_array_equal(g(x, 3.0), np.where(x > 0, 3 * x**2, -x))


def test_kinds_of_results_are_joined():
    f = lambda x: x if x > 0 else 1
    got = tw.batch(f)(np.array([-1.0, 2.5]))
    np.testing.assert_array_equal(got, [1, 2.5])
    assert got.dtype == np.float64
    assert tw.batch(f)(np.array([2.5, -1.0])).dtype == np.float64


def test_what_is_no_array_is_passed_on():
    f = lambda x, options, kind: x * options["n"] if kind == "times" else x
    np.testing.assert_array_equal(tw.batch(f)(np.ones(2), {"n": 3}, "times"), [3, 3])
    tag = type("Tag", (), {"__hash__": None, "factor": 4})()
    np.testing.assert_array_equal(tw.batch(lambda x, t: x * t.factor)(np.ones(2), tag), [4, 4])


def test_display_and_callables():
    assert repr(tw.batch(kinked)) == "<thalweg batch(kinked)>"
    with pytest.raises(ArgumentError, match="function"):
        tw.batch(np.ones(3))
