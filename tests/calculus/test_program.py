"""An objective together with its constraints: four values from one trace, and the Hessian of the Lagrangian."""

import numpy as np
import pytest
from scipy.sparse import issparse

import thalweg as tw
from thalweg.calculus import program as programs
from thalweg.calculus import sparse
from thalweg.calculus.program import Program
from thalweg.errors import ArgumentError
from thalweg.transforms.pattern import at_most


def program(x, p=1.0):
    f = p * x[0] ** 3 * x[1] + np.exp(x[2])
    return f, np.stack([x[0] * x[1] * x[2], np.sin(x[0]) + p * x[1] ** 2])


X = np.array([0.7, -1.2, 0.4])
Y = np.array([2.0, -3.0])


def test_values_are_those_of_the_parts():
    f, g, c, J = Program(program).values(X)
    assert f == pytest.approx(X[0] ** 3 * X[1] + np.exp(X[2]))
    np.testing.assert_allclose(g, [3 * X[0] ** 2 * X[1], X[0] ** 3, np.exp(X[2])])
    np.testing.assert_allclose(c, [np.prod(X), np.sin(X[0]) + X[1] ** 2])
    np.testing.assert_allclose(J, [[X[1] * X[2], X[0] * X[2], X[0] * X[1]], [np.cos(X[0]), 2 * X[1], 0]])


@pytest.mark.parametrize("evaluated", [False, True])
@pytest.mark.parametrize("factor", [0.0, 1.0, 2.5])
def test_the_hessian_of_the_lagrangian(evaluated, factor):
    """Whether or not the values were asked for before: by hand from the second derivatives of each part."""
    made = Program(program)
    if evaluated:
        made.values(X)
    a, b, e = X
    of_f = np.array([[6 * a * b, 3 * a**2, 0], [3 * a**2, 0, 0], [0, 0, np.exp(e)]])
    of_product = np.array([[0, e, b], [e, 0, a], [b, a, 0]])
    of_second = np.diag([-np.sin(a), 2.0, 0.0])
    np.testing.assert_allclose(
        made.hessian(X, factor, Y), factor * of_f + Y[0] * of_product + Y[1] * of_second, atol=1e-12
    )


def test_parameters():
    made = Program(program)
    for p in (1.0, 4.0):
        f, _, c, _ = made.values(X, p)
        assert f == pytest.approx(p * X[0] ** 3 * X[1] + np.exp(X[2])) and c[1] == pytest.approx(
            np.sin(X[0]) + p * X[1] ** 2
        )
        H = made.hessian(X, 1.0, Y, p)
        whole = tw.hessian(lambda x, p=p: program(x, p)[0] + Y @ program(x, p)[1])(X)
        np.testing.assert_allclose(H, whole, atol=1e-12)


def test_sparse_and_dense_agree():
    n = 60

    def chain(x):
        return np.sum((x[1:] - x[:-1] ** 2) ** 2), x[1:] * x[:-1]

    x, y = np.linspace(-1, 1, n), np.linspace(1, 2, n - 1)
    dense, sparse = Program(chain), Program(chain, 1.0)
    (f, g, c, J), (fs, gs, cs, Js) = dense.values(x), sparse.values(x)
    assert issparse(Js) and Js.nnz == 2 * (n - 1)
    assert f == pytest.approx(fs)
    np.testing.assert_allclose(g, gs)
    np.testing.assert_allclose(c, cs)
    np.testing.assert_allclose(J, Js.toarray())
    H = sparse.hessian(x, 0.5, y)
    assert issparse(H)
    np.testing.assert_allclose(dense.hessian(x, 0.5, y), H.toarray(), atol=1e-12)


def test_without_rows():
    for few in (False, True):
        made = Program(lambda x: (np.sum(x**4), np.zeros(0)), float(few))
        _, _, c, J = made.values(X)
        assert made.rows == 0 and c.size == 0 and J.shape == (0, 3)
        H = made.hessian(X, 2.0, np.zeros(0))
        np.testing.assert_allclose(H.toarray() if few else H, np.diag(24 * X**2))


def test_what_the_trace_shows():
    for f, degree, smooth in (
        (lambda x: (x @ x, x[:1]), 2, True),
        (lambda x: (3 * x[0] - x[1], x[:1]), 1, True),
        (lambda x: (np.exp(x[0]), x[:1]), np.inf, True),
        (lambda x: (np.abs(x[0]), x[:1]), np.inf, False),
        (lambda x: (x @ x, np.maximum(x, 0.0)), 2, False),
    ):
        made = Program(f)
        made.values(X)
        assert (made.degree, made.smooth) == (degree, smooth)


def test_branches_are_traced_anew():
    def bent(x):
        return (x[0] ** 2 if x[0] > 0 else -(x[0] ** 3)), x[:1] * 2

    made = Program(bent)
    for at, slope, second in ((2.0, 4.0, 2.0), (-2.0, -12.0, 12.0), (3.0, 6.0, 2.0)):
        assert made.values(np.array([at]))[1] == pytest.approx([slope])
        assert made.hessian(np.array([at]), 1.0, np.zeros(1)) == pytest.approx(np.array([[second]]))
    made.values(np.array([2.0]))
    assert made.hessian(np.array([-2.0]), 1.0, np.zeros(1)) == pytest.approx(np.array([[12.0]]))


def test_nothing_of_second_order_is_made_before_it_is_asked_for(monkeypatch):
    made = []
    for name in ("moved_gradient", "read_hessian", "dense_hessian"):
        real = getattr(programs, name)
        monkeypatch.setattr(programs, name, lambda *a, name=name, real=real: (made.append(name), real(*a))[1])
    chain, x = Program(lambda x: (np.sum((x[1:] - x[:-1] ** 2) ** 2), np.zeros(0)), 0.3), np.linspace(0, 1, 50)
    chain.values(x)
    assert made == [] and chain.sparse is None
    assert chain.is_sparse(x) and made == ["moved_gradient"]
    assert issparse(chain.hessian(x, 1.0, np.zeros(0))) and made == ["moved_gradient", "read_hessian"]


def test_a_dense_structure_is_denied_by_a_few_columns(monkeypatch):
    followed = []
    real = sparse.structure
    monkeypatch.setattr(sparse, "structure", lambda *a: (followed.append(a), real(*a))[1])
    A = np.random.default_rng(0).standard_normal((40, 300))
    for f in (lambda x: (np.sum(np.tanh(A @ x) ** 2), np.zeros(0)), lambda x: (np.exp(np.sum(x)), x[:3])):
        dense, x = Program(f, 0.3), np.zeros(300)
        dense.values(x)
        assert not dense.is_sparse(x) and isinstance(dense.hessian(x, 1.0, np.zeros(dense.rows)), np.ndarray)
    assert followed == [] or all(len(a[1]) == 1 and a[1][0] == 3 for a in followed)  # but for the rows of x[:3]


def test_positions_among_the_arguments_decide_too():
    n = 300
    ring = Program(lambda x, after: (np.sum((x[after] - x**2) ** 2), np.zeros(0)), 0.3)
    assert ring.is_sparse(np.zeros(n), np.roll(np.arange(n), 1))
    with_rows = Program(lambda x, after: (np.sum((x[after] - x**2) ** 2), x[:5]), 0.3)
    assert with_rows.is_sparse(np.zeros(n), np.roll(np.arange(n), 1))
    dense = Program(lambda x, after: (np.sum(x[after]) ** 2, x[:5]), 0.3)
    assert not dense.is_sparse(np.zeros(n), np.roll(np.arange(n), 1))


def test_what_has_too_many_entries_is_dense(monkeypatch):
    monkeypatch.setattr(sparse, "_WORTH", 100)
    assert not Program(lambda x: (np.sum(x**4), np.zeros(0)), 0.3).is_sparse(np.ones(300))


def test_what_is_not_sparse_says_so_where_it_was_asked_for():
    with at_most(1000), pytest.raises(ArgumentError, match="not sparse"):
        Program(lambda x: (x @ x, np.sum(x) * x), 1.0).values(np.ones(60))
