"""``numpy.linalg`` under trace: NumPy's own values, derivatives against central differences, whole functions against
autograd."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import thalweg as tw
from checks import derivatives, older, same
from thalweg.errors import UnsupportedError

random = np.random.default_rng(0)
la = np.linalg


def matrix(*shape):
    a = random.normal(size=shape)
    k = min(shape[-2:])
    a[..., range(k), range(k)] += 2.0 * np.arange(1, k + 1)
    return a


def positive(*shape):
    a = matrix(*shape)
    return a @ np.swapaxes(a, -1, -2)


ARRAYS = {
    "3×3": matrix(3, 3),
    "1×1": matrix(1, 1),
    "stack": matrix(2, 3, 3),
    "stack of stacks": matrix(2, 1, 2, 2),
    "tall": matrix(4, 2),
    "wide": matrix(2, 4),
    "tall stack": matrix(2, 4, 2),
    "single precision": matrix(3, 3).astype(np.float32),
    "integers": np.array([[2, 1], [1, 3]]),
    "symmetric": positive(3, 3),
    "symmetric stack": positive(2, 3, 3),
    "singular": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "zero": np.zeros((2, 2)),
    "singular in a stack": np.array([[[1.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]]]),
    "NaN": np.array([[1.0, np.nan], [0.0, 1.0]]),
    "NaN in a stack": np.array([[[1.0, np.nan], [0.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]]),
    "infinite": np.array([[1.0, np.inf], [0.0, 1.0]]),
    "empty": np.zeros((0, 0)),
    "no matrices": np.zeros((0, 2, 2)),
    "vector": np.arange(3.0),
    "number": np.float64(2.0),
}
FUNCTIONS = {
    "inv": la.inv,
    "det": la.det,
    "slogdet": lambda a: tuple(la.slogdet(a)),
    "cholesky": la.cholesky,
    "cholesky upper": lambda a: la.cholesky(a, upper=True),
    "eigvalsh": la.eigvalsh,
    "eigvalsh U": lambda a: la.eigvalsh(a, UPLO="U"),
    "eigh": lambda a: tuple(la.eigh(a)),
    "eigh U": lambda a: tuple(la.eigh(a, "U")),
    "svd": lambda a: tuple(la.svd(a)),
    "svd reduced": lambda a: tuple(la.svd(a, full_matrices=False)),
    "svd values": lambda a: la.svd(a, compute_uv=False),
    "svdvals": la.svdvals,
    "qr": lambda a: tuple(la.qr(a)),
    "qr complete": lambda a: tuple(la.qr(a, mode="complete")),
    "qr r": lambda a: la.qr(a, "r"),
    "qr wrong": lambda a: la.qr(a, "wrong"),
    "pinv": la.pinv,
    "pinv cut": lambda a: la.pinv(a, rcond=0.4),
    "pinv rtol": lambda a: la.pinv(a, rtol=0.4),
    "matrix_rank": la.matrix_rank,
    "matrix_rank tol": lambda a: la.matrix_rank(a, tol=2.5),
    "matrix_rank rtol": lambda a: la.matrix_rank(a, rtol=0.7),
    "matrix_transpose": la.matrix_transpose,
    "diagonal": la.diagonal,
    "diagonal above": lambda a: la.diagonal(a, offset=1),
    "diagonal below": lambda a: la.diagonal(a, offset=-1),
    "diagonal outside": lambda a: la.diagonal(a, offset=9),
    "trace": la.trace,
    "trace above": lambda a: la.trace(a, offset=1),
    "trace dtype": lambda a: la.trace(a, dtype=np.float32),
    **{f"power {n}": (lambda a, n=n: la.matrix_power(a, n)) for n in (-3, -1, 0, 1, 2, 3, 7)},
    "power real": lambda a: la.matrix_power(a, 0.5),
    **{
        f"cond {p}": (lambda a, p=p: la.cond(a, p))
        for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc", "wrong")
    },
    **{f"norm {p}": (lambda a, p=p: la.norm(a, p, (-2, -1))) for p in ("nuc", 2, -2)},
}


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_shapes_dtypes_and_errors_are_numpys(name, array):
    a = ARRAYS[array]
    if name.startswith(("eigh", "eigvalsh", "cholesky")) and a.ndim >= 2 and a.shape[-1] == a.shape[-2]:
        a = (a + np.swapaxes(a, -1, -2)).astype(a.dtype)
    if name.startswith("norm") and array == "empty":
        return  # its value has changed between versions of NumPy
    if name.startswith("matrix_rank") and array == "empty" and older(np, "2.4.5"):
        pytest.skip("needs NumPy 2.4.5: the rank of an empty matrix was an error")
    if name == "slogdet" and not np.isfinite(a).all():
        return  # NumPy's sign is ±1 also beside a NaN
    same(FUNCTIONS[name], a, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(
    "a, b",
    [
        (matrix(3, 3), random.normal(size=3)),
        (matrix(3, 3), random.normal(size=(3, 2))),
        (matrix(3, 3), random.normal(size=(4, 3, 2))),
        (matrix(2, 3, 3), random.normal(size=3)),
        (matrix(2, 1, 3, 3), random.normal(size=(4, 3, 1))),
        (matrix(3, 3).astype(np.float32), random.normal(size=3).astype(np.float32)),
        (matrix(3, 3).astype(np.float32), random.normal(size=3)),
        (np.array([[2, 1], [1, 3]]), np.array([1, 2])),
        (np.zeros((0, 0)), np.zeros((0, 2))),
        (np.zeros((0, 0)), np.zeros(0)),
        (matrix(3, 3), random.normal(size=4)),
        (matrix(3, 2), random.normal(size=3)),
        (matrix(3, 3), np.float64(1.0)),
        (random.normal(size=3), random.normal(size=3)),
    ],
)
def test_solve_is_numpys(a, b):
    same(la.solve, a, b, rtol=1e-10)


@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (3, 3), (3, 1), (0, 2), (3, 0)])
@pytest.mark.parametrize("columns", [(), (1,), (3,), (0,)])
def test_lstsq_is_numpys(shape, columns):
    a, b = random.normal(size=shape), random.normal(size=(shape[0], *columns))

    def parts(a, b):
        x, residuals, rank, s = la.lstsq(a, b, rcond=None)
        return x, residuals, rank * 1.0, s

    same(parts, a, b, rtol=1e-10)
    same(lambda a, b: la.lstsq(a.astype(np.float32), b, rcond=0.5)[0], a, b, rtol=1e-4)


def test_lstsq_of_lower_rank():
    a = np.outer(np.arange(1.0, 6.0), [1.0, 2.0, -1.0])
    b = random.normal(size=5)
    same(lambda a, b: la.lstsq(a, b)[0], a, b)
    same(lambda a, b: la.lstsq(a, b)[1], a, b)
    assert tw.jacobian(lambda b: la.lstsq(a, b)[0])(b) == pytest.approx(la.pinv(a), abs=1e-12)
    # along a change that keeps the rank, least squares of least norm has the derivative of that family
    u, v = np.arange(1.0, 6.0), np.array([1.0, 2.0, -1.0])
    d, e = random.normal(size=5), random.normal(size=3)
    f = lambda t: la.lstsq(np.outer(u + t * d, v + t * e), b)[0]
    h = 1e-5
    expected = (f(h) - f(-h)) / (2 * h)
    np.testing.assert_allclose(tw.jacobian(f)(0.0), expected, atol=1e-8)
    np.testing.assert_allclose(
        tw.jacobian(lambda t: la.pinv(np.outer(u + t * d, v + t * e)) @ b)(0.0), expected, atol=1e-8
    )


@pytest.mark.parametrize("a, b", [((3,), (3,)), ((3, 3), (2,)), ((3, 3), (3, 1, 1))])
def test_lstsq_refuses_what_numpy_refuses(a, b):
    same(la.lstsq, np.ones(a), np.ones(b))


def test_tensor_equations():
    a = random.normal(size=(2, 3, 6))
    same(la.tensorsolve, a, random.normal(size=(2, 3)), rtol=1e-9)
    same(
        lambda a, b: la.tensorsolve(a, b, axes=(0,)), random.normal(size=(2, 6, 3)), random.normal(size=(6,)), rtol=1e-9
    )
    same(la.tensorsolve, a, random.normal(size=4))
    same(la.tensorinv, random.normal(size=(4, 6, 8, 3)), rtol=1e-9)
    same(lambda a: la.tensorinv(a, ind=1), random.normal(size=(24, 8, 3)), rtol=1e-9)
    same(lambda a: la.tensorinv(a, ind=0), a)
    same(la.tensorinv, a)


def test_results_have_numpys_names():
    def f(a):
        sign, logabsdet = la.slogdet(a)
        assert la.slogdet(a).logabsdet.shape == logabsdet.shape
        w = la.eigh(a).eigenvalues
        return w[0] + la.svd(a).S[0] + la.qr(a).R[0, 0] + la.svd(a).Vh[0, 0] ** 2 + sign * logabsdet

    same(f, positive(3, 3), rtol=1e-11)


# --- derivatives ------------------------------------------------------------------------------------------------------

DERIVATIVES = {
    "inv": (la.inv, matrix(3, 3)),
    "inv of a stack": (la.inv, matrix(2, 2, 2)),
    "det 2": (la.det, matrix(2, 2)),
    "det 4": (la.det, matrix(4, 4) / 3),
    "det singular": (la.det, np.ones((3, 3))),
    "slogdet": (lambda a: la.slogdet(a)[1], matrix(3, 3)),
    "pinv": (la.pinv, matrix(3, 2)),
    "pinv truncated": (lambda a: la.pinv(a, rcond=0.4), np.diag([3.0, 1.0, 2.0]) + 0.1 * matrix(3, 3)),
    "lstsq truncated": (lambda a: la.lstsq(a, np.ones(4), rcond=0.4)[0], np.eye(4, 3) * [3.0, 1.0, 2.0] + 0.1),
    "qr": (lambda a: la.qr(a)[0] @ la.qr(a)[1] + la.qr(a)[0], matrix(3, 2)),
    "qr complete": (lambda a: la.qr(a, "complete")[0], matrix(3, 2)),
    "qr r": (lambda a: la.qr(a, "r"), matrix(2, 3)),
    "svd": (lambda a: la.svd(a, full_matrices=False)[0] ** 2, matrix(3, 2)),
    "svdvals": (la.svdvals, matrix(2, 3)),
    "matrix_power": (lambda a: la.matrix_power(a, 3), matrix(2, 2)),
    "matrix_power negative": (lambda a: la.matrix_power(a, -2), matrix(2, 2)),
    "matrix_power zero": (lambda a: la.matrix_power(a, 0) + a, matrix(2, 2)),
    **{f"cond {p}": (lambda a, p=p: la.cond(a, p), matrix(3, 3)) for p in (None, -2, 1, "fro", "nuc")},
    "tensorinv": (lambda a: la.tensorinv(a, 1), random.normal(size=(4, 2, 2))),
    "trace": (lambda a: la.trace(a @ a, offset=1), matrix(3, 3)),
    "diagonal": (lambda a: la.diagonal(a, offset=-1) ** 2, matrix(3, 3)),
    "of a Gram matrix, cholesky": (lambda a: la.cholesky(a @ a.T), matrix(3, 3)),
    "of a Gram matrix, cholesky upper": (lambda a: la.cholesky(a @ a.T, upper=True), matrix(2, 2)),
    "of a Gram matrix, eigh": (lambda a: (lambda w, v: (v * np.sqrt(w)) @ v.T)(*la.eigh(a @ a.T)), matrix(3, 3)),
    "of a Gram matrix, eigh U": (lambda a: la.eigh(a @ a.T, "U")[0], matrix(2, 2)),
    "of a Gram matrix, eigvalsh": (lambda a: la.eigvalsh(a @ a.T, "U"), matrix(2, 2)),
    "of a Gram matrix, svd hermitian": (lambda a: la.svd(a + a.T, hermitian=True)[1], matrix(2, 2)),
    "of a Gram matrix, pinv hermitian": (lambda a: la.pinv(a + a.T, hermitian=True), matrix(2, 2)),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives(name):
    f, a = DERIVATIVES[name]
    derivatives(f, a, rtol=1e-6)


def test_derivatives_in_both_arguments():
    derivatives(la.solve, matrix(3, 3), random.normal(size=3), rtol=1e-6)
    derivatives(la.solve, matrix(2, 2), random.normal(size=(2, 2, 1)), rtol=1e-6)
    derivatives(lambda a, b: la.lstsq(a, b)[0], matrix(2, 3), random.normal(size=2), rtol=1e-6)
    derivatives(lambda a, b: la.lstsq(a, b)[1], matrix(4, 2), random.normal(size=4), rtol=1e-6)
    derivatives(la.tensorsolve, random.normal(size=(2, 2, 4)), random.normal(size=(2, 2)), rtol=1e-5)


def test_a_matrix_filled_in_its_lower_triangle():
    """The loop that a user of Cholesky writes: NumPy does not look at the rest."""

    def f(x):
        a = np.zeros((3, 3))
        for i in range(3):
            for j in range(i + 1):
                a[i, j] = np.exp(-((x[i] - x[j]) ** 2))
        return np.sum(la.cholesky(a))

    derivatives(f, np.array([0.0, 1.0, 2.5]))


def test_conventions():
    assert tw.grad(lambda a: la.matrix_rank(a) * 1.0)(np.eye(2)) == pytest.approx(np.zeros((2, 2)))
    assert tw.grad(lambda a: la.slogdet(a)[0])(np.eye(2)) == pytest.approx(np.zeros((2, 2)))
    assert tw.value_and_grad(lambda a: la.det(a))(np.zeros((4, 4)))[1] == pytest.approx(np.zeros((4, 4)))
    assert np.isnan(tw.grad(lambda a: np.sum(la.inv(a)))(np.full((2, 2), np.nan))).any()


@pytest.mark.parametrize(
    "f, message",
    [
        (lambda a: la.inv(a), "Singular matrix"),
        (lambda a: la.solve(a, np.ones(2)), "Singular matrix"),
        (lambda a: la.cholesky(a - 1.0), "not positive definite"),
    ],
)
def test_an_error_of_lapack_names_the_line(f, message):
    with pytest.raises(la.LinAlgError, match=rf"{message}[\s\S]*at test_functions_linalg.py:\d+ .*la\."):
        tw.grad(lambda a: np.sum(f(a)))(np.zeros((2, 2)))


def test_what_cannot_be_differentiated_says_so():
    for f in (la.eig, la.eigvals, lambda a: la.qr(a, "raw")):
        with pytest.raises(UnsupportedError, match=r"eigh|reduced"):
            tw.trace(f, np.eye(2))
    with pytest.raises(ValueError, match="UPLO"):
        tw.trace(lambda a: la.eigh(a, "X"), np.eye(2))
    with pytest.raises(ValueError):
        tw.trace(lambda a: la.pinv(a, rcond=0.1, rtol=0.1), np.eye(2))
    with pytest.raises(ValueError):
        tw.trace(lambda a: la.matrix_rank(a, tol=0.1, rtol=0.1), np.eye(2))


# --- whole functions, against autograd --------------------------------------------------------------------------------

POINTS = random.normal(size=(6, 2))
TARGETS = random.normal(size=6)


def gaussian_log_likelihood(np, parameters):
    """A Gaussian process by Cholesky."""
    scale, length, noise = np.exp(parameters)
    differences = POINTS[:, None, :] - POINTS[None, :, :]
    k = scale * np.exp(-np.sum(differences**2, axis=-1) / length) + noise * np.eye(6)
    factor = np.linalg.cholesky(k)
    z = np.linalg.solve(factor, TARGETS)
    logdet = np.sum(np.log(np.sum(factor * np.eye(6), axis=0)))
    return -0.5 * np.dot(z, z) - logdet


def gaussian_by_slogdet(np, parameters):
    s = np.dot(POINTS.T, POINTS) * np.exp(parameters[0]) + np.eye(2) * np.exp(parameters[1])
    residual = TARGETS[:2] - parameters[2:4]
    return 0.5 * np.dot(residual, np.linalg.solve(s, residual)) + 0.5 * np.linalg.slogdet(s)[1]


def kalman_filter(np, parameters):
    """Log-likelihood of a local linear trend."""
    q, r = np.exp(parameters[0]), np.exp(parameters[1])
    f, h = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    x, p, total = np.zeros(2), np.eye(2), 0.0
    for y in TARGETS:
        x, p = np.dot(f, x), np.dot(np.dot(f, p), f.T) + q * np.eye(2)
        s = np.dot(np.dot(h, p), h.T) + r * np.eye(1)
        gain = np.linalg.solve(s, np.dot(h, p)).T
        e = y - np.dot(h, x)
        total = total - 0.5 * np.dot(e, np.linalg.solve(s, e)) - 0.5 * np.linalg.slogdet(s)[1]
        x, p = x + np.dot(gain, e), p - np.dot(np.dot(gain, s), gain.T)
    return total


def square_root_of_a_matrix(np, parameters):
    b = np.reshape(parameters[:4], (2, 2))
    w, v = np.linalg.eigh(np.dot(b, b.T) + np.diag(np.array([1.0, 3.0])))
    root = np.dot(v * np.sqrt(w), v.T)
    return np.sum(root * np.array([[1.0, 2.0], [3.0, 4.0]]))


def weighted_least_squares(np, parameters):
    w = np.exp(parameters)
    a = np.reshape(w, (6, 1)) * POINTS
    x = np.dot(np.linalg.pinv(a), w * TARGETS)
    return np.sum((np.dot(POINTS, x) - TARGETS) ** 4)


def change_of_variables(np, parameters):
    a = np.reshape(parameters, (3, 3)) + 3 * np.eye(3)
    return np.log(np.abs(np.linalg.det(a))) + np.trace(np.linalg.inv(a)) + np.linalg.det(a) ** 2


def spectral_norms(np, parameters):
    a = np.reshape(parameters, (3, 3)) + np.diag(np.array([1.0, 4.0, 9.0]))
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return s[0] / s[-1] + np.sum(np.dot(u, vh) ** 3)


WHOLE = [
    (gaussian_log_likelihood, 3),
    (gaussian_by_slogdet, 4),
    (kalman_filter, 2),
    (square_root_of_a_matrix, 4),
    (weighted_least_squares, 6),
    (change_of_variables, 9),
    (spectral_norms, 9),
]


@pytest.mark.parametrize("f, n", WHOLE, ids=lambda x: getattr(x, "__name__", ""))
def test_whole_functions_against_autograd(f, n):
    x = 0.3 * random.normal(size=n)
    truth = lambda x: f(anp, x)
    ours = lambda x: f(np, x)
    assert tw.trace(ours, x).outputs[0].shape == ()
    np.testing.assert_allclose(tw.grad(ours)(x), autograd.grad(truth)(x), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(tw.hessian(ours)(x), autograd.jacobian(autograd.grad(truth))(x), rtol=1e-7, atol=1e-8)


def test_linear_regression_three_ways():
    """lstsq, QR and the pseudo-inverse solve one problem, and so do their derivatives."""

    def by_lstsq(a):
        return la.lstsq(a, TARGETS)[0]

    def by_qr(a):
        q, r = la.qr(a)
        return la.solve(r, q.T @ TARGETS)

    def by_pinv(a):
        return la.pinv(a) @ TARGETS

    first = tw.jacobian(by_lstsq)(POINTS)
    for f in (by_qr, by_pinv):
        np.testing.assert_allclose(tw.jacobian(f)(POINTS), first, atol=1e-11)
