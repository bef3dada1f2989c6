"""``scipy.linalg`` by reach: SciPy's own values, derivatives against central differences, whole functions."""

import autograd
import autograd.numpy as anp
import autograd.scipy.linalg
import numpy as np
import pytest
import scipy.linalg
from scipy.linalg import cho_factor, cho_solve, solve_triangular

import thalweg as tw
from checks import derivatives, same
from thalweg.errors import UnsupportedError

random = np.random.default_rng(0)
sl = scipy.linalg


def matrix(*shape):
    a = random.normal(size=shape)
    k = min(shape[-2:])
    a[..., range(k), range(k)] += 2.0 * np.arange(1, k + 1)
    return a


def positive(n):
    a = matrix(n, n)
    return a @ a.T


SQUARE = matrix(3, 3)
SYMMETRIC = positive(3)
METRIC = positive(3)

ONE = {
    "cholesky": (sl.cholesky, SYMMETRIC),
    "cholesky lower": (lambda a: sl.cholesky(a, lower=True, check_finite=False), SYMMETRIC),
    "cho_factor": (lambda a: cho_factor(a)[0] * np.triu(np.ones((3, 3))), SYMMETRIC),
    "inv": (lambda a: sl.inv(a, overwrite_a=False), SQUARE),
    "det": (sl.det, SQUARE),
    "eigh": (sl.eigh, SYMMETRIC),
    "eigh upper": (lambda a: sl.eigh(a, lower=False), SYMMETRIC),
    "eigh of a triangle": (lambda a: sl.eigh(a * np.tril(np.ones((3, 3)))), SQUARE),
    "eigh generalized": (lambda a: sl.eigh(a, METRIC)[0], SYMMETRIC),
    "eigh generalized vectors": (lambda a: sl.eigh(a, METRIC)[1] ** 2, SYMMETRIC),
    "eigh generalized upper": (lambda a: sl.eigh(a, METRIC, lower=False)[1] ** 2, SYMMETRIC),
    "eigh subset": (lambda a: sl.eigh(a, subset_by_index=[1, 2])[0], SYMMETRIC),
    "eigh values": (lambda a: sl.eigh(a, eigvals_only=True), SYMMETRIC),
    "eigvalsh": (sl.eigvalsh, SYMMETRIC),
    "eigvalsh subset": (lambda a: sl.eigvalsh(a, subset_by_index=(0, 1)), SYMMETRIC),
    "svd": (sl.svd, matrix(3, 2)),
    "svd reduced": (lambda a: sl.svd(a, full_matrices=False), matrix(2, 3)),
    "svd values": (lambda a: sl.svd(a, compute_uv=False), SQUARE),
    "svdvals": (sl.svdvals, SQUARE),
    "qr": (sl.qr, matrix(4, 2)),
    "qr economic": (lambda a: sl.qr(a, mode="economic"), matrix(3, 2)),
    "qr wide": (sl.qr, matrix(2, 3)),
    "qr r": (lambda a: sl.qr(a, mode="r"), matrix(3, 2)),
    "qr wrong": (lambda a: sl.qr(a, mode="wrong"), SQUARE),
    "pinv": (sl.pinv, matrix(3, 2)),
    "pinv atol": (lambda a: sl.pinv(a, atol=1.5, rtol=0.0), matrix(2, 4)),
    "pinv rtol": (lambda a: sl.pinv(a, rtol=0.6), SQUARE),
    "pinvh": (sl.pinvh, SYMMETRIC),
    "expm": (sl.expm, SQUARE / 3),
    "expm of a stack": (sl.expm, matrix(2, 2, 2) / 3),
    "norm": (sl.norm, SQUARE),
    "norm 1": (lambda a: sl.norm(a, 1), SQUARE),
    "norm axis": (lambda a: sl.norm(a, axis=0, keepdims=True), SQUARE),
    "block_diag": (lambda a: sl.block_diag(a, [[1.0]], a[:1]), matrix(2, 2)),
    "block_diag of vectors": (lambda a: sl.block_diag(a[0], 2.0, a), matrix(2, 2)),
    "toeplitz": (sl.toeplitz, random.normal(size=4)),
    "toeplitz with a row": (lambda a: sl.toeplitz(a, np.array([9.0, 8.0, 7.0])), random.normal(size=4)),
    "not square": (sl.expm, matrix(3, 2)),
    "singular": (sl.inv, np.zeros((2, 2))),
    "not positive": (sl.cholesky, -np.eye(2)),
}


@pytest.mark.parametrize("name", ONE)
def test_values_are_scipys(name):
    f, a = ONE[name]
    same(f, a, rtol=1e-10, atol=1e-11)


SMOOTH = [
    name for name in ONE if name not in ("qr wrong", "qr", "not square", "singular", "not positive", "cho_factor")
]


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name):
    """Of the first result; symmetric arguments are kept so along the way."""
    f, a = ONE[name]

    def first(a):
        result = f(0.5 * (a + a.T)) if a.shape == (3, 3) and name.startswith(("cho", "eig", "pinvh")) else f(a)
        return result[0] if isinstance(result, tuple) else result

    derivatives(first, a, rtol=1e-6)


A, B, VECTOR = matrix(3, 3), random.normal(size=(3, 2)), random.normal(size=3)
TWO = {
    "solve_triangular": (solve_triangular, A, VECTOR),
    "solve_triangular lower": (lambda a, b: solve_triangular(a, b, lower=True), A, B),
    "solve_triangular trans": (lambda a, b: solve_triangular(a, b, trans="T", unit_diagonal=True), A, B),
    "solve_triangular trans 1": (lambda a, b: solve_triangular(a, b, 1, True), A, VECTOR),
    "solve": (sl.solve, A, B),
    "solve transposed": (lambda a, b: sl.solve(a, b, transposed=True), A, VECTOR),
    "solve pos": (lambda a, b: sl.solve(a @ a.T, b, assume_a="pos"), A, VECTOR),
    "solve pos lower": (lambda a, b: sl.solve(a @ a.T, b, lower=True, assume_a="positive definite"), A, VECTOR),
    "solve sym": (lambda a, b: sl.solve(a, b, assume_a="sym"), A, B),
    "solve sym lower": (lambda a, b: sl.solve(a, b, assume_a="sym", lower=True), A, B),
    "solve triangular": (lambda a, b: sl.solve(a, b, assume_a="upper triangular"), A, B),
    "cho_solve": (lambda a, b: cho_solve(cho_factor(a @ a.T), b), A, VECTOR),
    "cho_solve lower": (lambda a, b: cho_solve((sl.cholesky(a @ a.T, lower=True), True), b), A, B),
    "lstsq": (lambda a, b: sl.lstsq(a, b)[0], matrix(4, 2), random.normal(size=(4, 2))),
    "lstsq residuals": (lambda a, b: sl.lstsq(a, b)[1], matrix(4, 2), random.normal(size=4)),
    "lstsq values": (lambda a, b: sl.lstsq(a, b)[3], matrix(2, 3), random.normal(size=2)),
    "eigvalsh": (lambda a, b: sl.eigvalsh(a + a.T, b @ b.T), A, matrix(3, 3)),
    "toeplitz": (sl.toeplitz, VECTOR, random.normal(size=2)),
    "block_diag": (sl.block_diag, B, VECTOR),
}


@pytest.mark.parametrize("name", TWO)
def test_two_arguments(name):
    f, a, b = TWO[name]
    same(f, a, b, rtol=1e-10, atol=1e-11)
    derivatives(f, a, b, rtol=1e-6)


def test_a_constant_matrix_is_factored_once():
    """Its factors are constants of the graph."""
    a = positive(3)
    graph = tw.trace(lambda b: cho_solve(cho_factor(a), b) + sl.solve(a, b), VECTOR)
    assert not {n.op.name for n in graph.nodes} & {"cholesky", "lu_factor"}
    same(lambda b: cho_solve(cho_factor(a), b), VECTOR)
    np.testing.assert_allclose(tw.jacobian(lambda b: sl.solve(a, b))(VECTOR), np.linalg.inv(a), rtol=1e-12)


def test_ranks_that_scipy_returns():
    a = np.diag([3.0, 1.0, 0.0])
    same(lambda a: sl.pinv(a, return_rank=True)[0], a)
    assert tw.trace(lambda a: sl.pinv(a, return_rank=True)[1] * 1.0, a).outputs[0].shape == ()
    f = lambda a: sl.pinv(a, return_rank=True)[1] * np.sum(a)
    assert tw.value_and_grad(f)(a)[0] == 8.0
    f = lambda a: sl.pinvh(a, atol=2.0, rtol=0.0, return_rank=True)[1] * np.sum(a)
    assert tw.value_and_grad(f)(a)[0] == 4.0


def test_plain_arguments_go_to_scipy():
    """Inside a trace too: the result is an array, not a traced value."""

    def f(x):
        factor = sl.cholesky(SYMMETRIC)
        assert type(factor) is np.ndarray
        return x @ factor @ x

    np.testing.assert_allclose(tw.grad(f)(VECTOR), (sl.cholesky(SYMMETRIC) + sl.cholesky(SYMMETRIC).T) @ VECTOR)


def test_what_is_refused():
    for f in (
        lambda a: sl.qr(a, pivoting=True)[0],
        lambda a: sl.qr(a, mode="raw")[0],
        lambda a: sl.eigh(a, subset_by_value=[0, 1])[0],
        lambda a: sl.eigh(a, type=2)[0],
        lambda a: sl.lu_factor(a)[0],
        lambda a: sl.sqrtm(a),
        sl.logm,
        sl.eigvals,
    ):
        with pytest.raises(UnsupportedError, match="cannot be differentiated"):
            tw.trace(f, SYMMETRIC)
    with pytest.raises(UnsupportedError, match="no_such_option"):
        tw.trace(lambda a: sl.expm(a, no_such_option=1), SQUARE)
    with pytest.raises(ValueError, match="trans"):
        tw.trace(lambda a: solve_triangular(a, a, trans=3), SQUARE)
    with pytest.raises(ValueError, match="indices"):
        tw.trace(lambda a: sl.eigh(a, subset_by_index=[1, 3])[0], SYMMETRIC)
    with pytest.raises(ValueError, match="dimension"):
        tw.trace(lambda a: sl.block_diag(a), np.zeros((2, 2, 2)))
    with pytest.raises(np.linalg.LinAlgError, match=r"zero in row 2[\s\S]*test_functions_scipy_linalg.py"):
        tw.grad(lambda a: np.sum(solve_triangular(a, VECTOR)))(np.diag([1.0, 2.0, 0.0]))


# --- whole functions --------------------------------------------------------------------------------------------------

POINTS, TARGETS = random.normal(size=(8, 2)), random.normal(size=8)


def gaussian_process(np, solve_triangular, parameters):
    """Log marginal likelihood, as in Rasmussen & Williams (2006), algorithm 2.1."""
    scale, length, noise = np.exp(parameters)
    differences = POINTS[:, None, :] - POINTS[None, :, :]
    k = scale * np.exp(-np.sum(differences**2, axis=-1) / length) + noise * np.eye(8)
    factor = np.linalg.cholesky(k)
    z = solve_triangular(factor, TARGETS, lower=True)
    alpha = solve_triangular(factor, z, trans="T", lower=True)
    return -0.5 * np.dot(TARGETS, alpha) - np.sum(np.log(np.sum(factor * np.eye(8), axis=1)))


def test_gaussian_process_against_autograd():
    x = np.array([0.3, -0.2, -1.0])
    ours = lambda x: gaussian_process(np, solve_triangular, x)
    truth = lambda x: gaussian_process(anp, autograd.scipy.linalg.solve_triangular, x)
    np.testing.assert_allclose(tw.grad(ours)(x), autograd.grad(truth)(x), rtol=1e-9)
    np.testing.assert_allclose(tw.hessian(ours)(x), autograd.hessian(truth)(x), rtol=1e-8)


def test_a_linear_system_of_differential_equations():
    """x(t) = exp(tA) x₀: the derivative in t is A x(t), and the one in A has a closed form where A is diagonal."""
    a, start = matrix(3, 3) / 4, VECTOR
    state = lambda t: sl.expm(t * a) @ start
    np.testing.assert_allclose(tw.jacobian(state)(0.7), a @ sl.expm(0.7 * a) @ start, rtol=1e-12)
    np.testing.assert_allclose(tw.jacobian(tw.jacobian(state))(0.7), a @ a @ sl.expm(0.7 * a) @ start, rtol=1e-11)
    d = np.array([0.5, -0.3, 1.2])
    gap = np.subtract.outer(d, d) + np.eye(3)
    quotients = np.where(np.eye(3) > 0, np.exp(d)[:, None], (np.exp(d)[:, None] - np.exp(d)) / gap)
    np.testing.assert_allclose(tw.grad(lambda a: np.sum(sl.expm(a)))(np.diag(d)), quotients, rtol=1e-12)
