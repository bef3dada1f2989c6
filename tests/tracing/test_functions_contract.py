"""Products of vectors, matrices and stacks under trace: NumPy's own values, and their derivatives."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import thalweg as tw
from checks import derivatives, needs, older, same

random = np.random.default_rng(0)
A, B = random.normal(size=(3, 4)), random.normal(size=(4, 5))
S, T, U = random.normal(size=(2, 3, 4)), random.normal(size=(2, 4, 5)), random.normal(size=(6, 1, 3, 4))
v, w = random.normal(size=4), random.normal(size=3)
Q = random.normal(size=(5, 4, 2))
OPERANDS = [A, B, S, T, U, v, w, Q, np.float64(2.0), np.zeros((0, 4)), np.zeros((4, 0))]
PRODUCTS = [np.matmul, np.dot, np.inner, np.outer, np.vdot, np.vecdot, np.matvec, np.vecmat]
IN_THE_PLANE = pytest.mark.skipif(not older(np, "2.5.0"), reason="NumPy 2.5 dropped cross products in the plane")


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda f: f.__name__)
def test_products_of_all_ranks(product):
    for a in OPERANDS:
        for b in OPERANDS:
            same(lambda x, y: product(x, y), a, b)


def test_the_operator_takes_plain_arrays_on_either_side():
    same(lambda x: A @ x, v)
    same(lambda x: x @ A, w)
    same(lambda x: [1, 2, 3.0] @ x, A)
    same(lambda x: x.dot(v), A)
    same(lambda x: x @ np.arange(4), A)
    same(lambda x: x @ A.astype(np.float32).T, A)
    same(lambda x, y: x @ y, A.astype(np.float32), B.astype(np.float32))
    same(lambda x: x @ np.arange(4), A.astype(np.float32))


def test_out_receives_the_product():
    def f(x, y, product):
        out = np.zeros((3, 5))
        product(x, y, out=out)
        return out

    for product in (np.matmul, np.dot):
        same(lambda x, y: f(x, y, product), A, B)


def test_functions_of_linalg():
    same(lambda x, y: np.linalg.vecdot(x, y, axis=1), S, U[0])
    same(lambda x, y: np.linalg.matmul(x, y), S, T)
    same(lambda x, y: np.linalg.outer(x, y), v, w)
    same(lambda x, y: np.linalg.outer(x, y), A, w)
    same(lambda x, y: np.linalg.tensordot(x, y, axes=1), A, B)


@pytest.mark.parametrize(
    "axes", [0, 1, 2, ([1], [0]), ([0, 2], [0, 1]), (-1, 0), ([2, 0], [1, 0]), 3, ([0], [5]), ([0, 1], [0])], ids=str
)
def test_tensordot(axes):
    same(lambda x, y: np.tensordot(x, y, axes=axes), S, T)
    same(lambda x, y: np.tensordot(x, y, axes=axes), S, np.moveaxis(S, 0, 2).copy())


def test_multi_dot():
    same(lambda a, b, c: np.linalg.multi_dot([a, b, c]), A, B, Q[:, :, 0])
    same(lambda a, b, c: np.linalg.multi_dot([a, b, c]), w, A, v)
    same(lambda a, b, c, d: np.linalg.multi_dot([a, b, c, d]), w, A, B, Q[:, :, 1])
    same(lambda a: np.linalg.multi_dot([a]), A)
    same(lambda a, b: np.linalg.multi_dot([a, b]), A, A)


# --- einsum ---------------------------------------------------------------------------------------------------------

M, C = random.normal(size=(4, 4)), random.normal(size=(4, 4, 4))
EINSUMS = [
    ("ij,jk", A, B), ("ij,jk->ki", A, B), ("ij->ji", A), ("ij->", A), ("ii", M), ("ii->i", M), ("iij->j", C),
    ("iji->ij", C), ("iii->i", C), ("iii", C), ("ij,ij->j", A, A), ("ij,ij->i", A, A),
    ("ij,ij->ji", A, A), ("ij,ij", A, A),
    ("ij,ji->", A, A.T.copy()), ("i,j->ij", w, v), ("i,j->ji", w, v), ("i,j->", w, v), ("i,j->j", w, v),
    ("bij,bjk->bik", S, T), ("bij,bjk->ikb", S, T), ("bij,bjk->kib", S, T), ("bij,bjk", S, T),
    ("...ij,...jk->...ik", U, T), ("...ij,...jk", U, T),
    ("ij...,jk...->ik...", np.moveaxis(S, 0, -1), np.moveaxis(T, 0, -1)), ("i...->...i", S),
    ("...i->...", S), ("...", S), ("ij,jk,kl->il", A, B, Q[:, :, 0]), ("ij,jk,k,i->", A, B, Q[:, 0, 0], w),
    ("a,ab,abc->abc", S[:, 0, 0], S[:, :, 0], S), ("i,i,i->i", v, v, v), ("i,i,i", v, v, v), ("ij,kj,lj->ikl", A, A, A),
    (",ij->ij", np.float64(2), A), ("ij,ij->ij", A, A[:1]), ("ij,jk->ik", A[:, :1], B), ("ij,jk->ik", A[:1], B),
    ("i,i->", np.ones(1), v),
    ("bqhd,bkhd->bhqk", Q[:, :, None, :] * np.ones((3, 1)), Q[:, :2, None, :] * np.ones((3, 1))),
    ("ijk,ijl->", S, S), ("ijk,ljm->ijkm", S, S), ("ab,cd->", A, B), ("Ab,bC", A, B), ("ba,ac", A, B),
]  # fmt: skip
WRONG = [
    ("ij,jk->iz", A, B),
    ("ij,jk->ii", A, B),
    ("ij,jk", A, A),
    ("ij$k", A),
    ("iij", S),
    ("ij,jk", A),
    ("ii", A),
    ("i...", A, A),
]


@pytest.mark.parametrize("case", [*EINSUMS, *WRONG], ids=lambda case: case[0])
def test_einsum(case):
    text, *operands = case
    same(lambda *xs: np.einsum(text, *xs), *operands)
    for optimize in (True, "optimal", ("greedy", 100)):
        same(lambda *xs: np.einsum(text, *xs, optimize=optimize), *operands)


def test_einsum_in_other_forms():
    same(lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [0, 2]), A, B)
    same(lambda x, y: np.einsum(x, [0, 1], y, [1, 2]), A, B)
    same(lambda x, y: np.einsum(x, [Ellipsis, 0, 1], y, [..., 1, 2], [..., 2]), U, T)
    same(lambda x, y, z: np.einsum("ij,jk,kl", x, y, z, optimize=["einsum_path", (1, 2), (0, 1)]), A, B, Q[:, :, 0])
    same(lambda x: np.einsum("ij,j->i", x, np.arange(4)), A)
    same(lambda x: np.einsum("ij,j->i", x > 0, np.arange(4) > 1), A)
    same(lambda x: np.einsum("ij->i", x > 0), A)


def test_einsum_called_wrongly():
    for text in ("ij,jk", "......", "ij->i...", "i..."):
        same(lambda x: np.einsum(text, x), A)
    same(lambda x: np.einsum("...i->i", x), S)
    with pytest.raises(ValueError, match="over 2 axes"):
        tw.trace(lambda x: np.tensordot(x, x, axes=2), v)
    same(lambda a, b, c: np.linalg.multi_dot([a, b, c]), S, A, B)
    same(lambda x, y: np.cross(x, y), np.float64(1.0), w)


@st.composite
def einsums(draw):
    """Subscripts of two or three operands over at most five labels, and operands to fit."""
    sizes = dict(zip("abcde", draw(st.lists(st.integers(1, 3), min_size=5, max_size=5))))
    terms = draw(st.lists(st.text("abcde", max_size=3), min_size=2, max_size=3))
    used = sorted(set("".join(terms)))
    out = "".join(draw(st.permutations(used))[: draw(st.integers(0, min(3, len(used))))])
    r = np.random.default_rng(5)
    return f"{','.join(terms)}->{out}", [r.normal(size=[sizes[c] for c in t]) for t in terms]


@given(einsums())
@settings(max_examples=150)
def test_any_einsum(case):
    text, operands = case
    same(lambda *xs: np.einsum(text, *xs), *operands)


@given(einsums())
@settings(max_examples=40)
def test_derivatives_of_any_einsum(case):
    text, operands = case
    derivatives(lambda *xs: np.einsum(text, *xs) ** 2, *operands, second=False)


# --- convolution, cross product -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["full", "same", "valid", "else"])
def test_convolution(mode):
    for n in range(1, 7):
        for m in range(1, 7):
            a, b = random.normal(size=n), random.normal(size=m)
            same(lambda x, y: np.convolve(x, y, mode), a, b)
            same(lambda x, y: np.correlate(x, y, mode), a, b)


def test_convolution_takes_sequences():
    same(lambda x: np.convolve(x, []), v)
    same(lambda x: np.convolve(x, v), A)
    same(lambda x: np.convolve(x, v), np.float64(2.0))
    same(lambda x, y: np.correlate(x, y), v, w)
    same(lambda x: np.convolve(x, [1, 2, 1]), v.astype(np.float32))


def test_cross_products():
    X, Y = random.normal(size=(5, 3)), random.normal(size=(5, 3))
    for a in (X, X[0], X[:, :2], X[0, :2], X[:, :1]):
        for b in (Y, Y[0], Y[:, :2], Y[0, :2]):
            same(lambda x, y: np.cross(x, y), a, b)
    same(lambda x, y: np.cross(x, y, axis=0), X.T, Y.T)
    same(lambda x, y: np.cross(x, y, axisa=0, axisb=1, axisc=0), X.T, Y)
    same(lambda x, y: np.linalg.cross(x, y), X, Y)
    same(lambda x, y: np.linalg.cross(x, y, axis=0), X.T, Y.T)
    same(lambda x, y: np.linalg.cross(x, y), X[:, :2], Y[:, :2])


@IN_THE_PLANE
def test_cross_products_in_the_plane_are_numbers():
    J = tw.jacobian(lambda x: np.cross(x, np.array([3.0, 4.0])))(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(J, [4.0, -3.0])


@needs(np, "2.5.0", "cross products in the plane are refused from there on")
def test_cross_products_in_the_plane_are_refused_as_in_numpy():
    for n, m in ((2, 2), (2, 3), (3, 2)):
        with pytest.raises(ValueError, match=f"3 components, but they have {n} and {m}"):
            tw.trace(np.cross, np.ones(n), np.ones(m))


# --- derivatives ----------------------------------------------------------------------------------------------------

a3, b3 = random.normal(size=(2, 3)), random.normal(size=(2, 3))
DIFFERENTIABLE = {
    "matrix times vector": (lambda x, y: x @ y, A[:2], v),
    "vector times matrix": (lambda x, y: x @ y, w, A),
    "vector times vector": (lambda x, y: x @ y, v, v + 1),
    "stack times stack": (lambda x, y: x @ y, S[:, :2, :3], T[:1, :3, :2]),
    "stack times vector": (lambda x, y: x @ y, S[:, :2], v),
    "Gram matrix": (lambda x: x.T @ x, A[:2, :3]),
    "vecdot": (lambda x, y: np.vecdot(x, y), S[:, :2, :3], a3),
    "outer": (lambda x, y: np.outer(x, y), w, v),
    "inner": (lambda x, y: np.inner(x, y), A[:2], B.T[:2]),
    "dot of stacks": (lambda x, y: np.dot(x, y), S[:, :2, :2], T[:, :2, :2]),
    "tensordot": (lambda x, y: np.tensordot(x, y, axes=([1, 2], [0, 1])), S[:, :2, :2], T[:, :2, :2]),
    "diagonal": (lambda x: np.einsum("iij->ij", x), C[:2, :2, :3]),
    "quadratic form": (lambda x, y: np.einsum("i,ij,j->", x, y, x), w, M[:3, :3]),
    "three operands": (lambda x, y, z: np.einsum("ij,kj,lj->ikl", x, y, z), a3, b3, a3 + 1),
    "multi_dot": (lambda x, y, z: np.linalg.multi_dot([x, y, z]), a3, b3.T, a3),
    "convolve full": (lambda x, y: np.convolve(x, y), v, w),
    "convolve same": (lambda x, y: np.convolve(x, y, "same"), v, w[:2]),
    "convolve valid": (lambda x, y: np.convolve(x, y, "valid"), w, v),
    "convolve with itself": (lambda x: np.convolve(x, x), v),
    "correlate": (lambda x, y: np.correlate(x, y, "full"), w, v),
    "cross": (lambda x, y: np.cross(x, y), a3, b3),
}  # fmt: skip


@pytest.mark.parametrize("case", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_derivatives(case):
    f, *operands = case
    derivatives(f, *operands)
    derivatives(lambda *xs: np.sin(f(*xs)), *operands)


@IN_THE_PLANE
@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@pytest.mark.parametrize("n, m", [(2, 2), (2, 3), (3, 2)])
def test_derivatives_of_cross_products_in_the_plane(n, m):
    derivatives(lambda x, y: np.cross(x, y), a3[:, :n], b3[:, :m])
    derivatives(lambda x, y: np.sin(np.cross(x, y)), a3[:, :n], b3[:, :m])


def test_jacobian_of_a_convolution_is_its_toeplitz_matrix():
    from scipy.linalg import toeplitz

    J = tw.jacobian(lambda x: np.convolve(x, w))(v)
    np.testing.assert_allclose(J, toeplitz([*w, 0, 0, 0], [w[0], 0, 0, 0]), atol=1e-15)


def test_hessian_of_least_squares_is_the_gram_matrix():
    b = random.normal(size=3)
    f = lambda x: 0.5 * np.linalg.norm(A @ x - b) ** 2
    np.testing.assert_allclose(tw.grad(f)(v), A.T @ (A @ v - b), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(tw.hessian(lambda x: 0.5 * np.sum((A @ x - b) ** 2))(v), A.T @ A, rtol=1e-13, atol=1e-13)
