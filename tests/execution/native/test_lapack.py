"""Linear algebra in machine code against NumPy and SciPy: single matrices and stacks, every stride, failures."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from thalweg.execution.native import blas, lapack, llvm
from thalweg.execution.native.axes import Operand
from thalweg.execution.native.module import Body, Module
from thalweg.graph import Node, input_node, is_several, make, make_several
from thalweg.ops.cholesky_change import CHOLESKY_COTANGENT, CHOLESKY_TANGENT
from thalweg.ops.determinant import DET, SLOGDET
from thalweg.ops.factorizations import CHOLESKY
from thalweg.ops.matrix import PAIR_WEIGHTS, TRIANGLE
from thalweg.ops.solve import INV, LU, SOLVE, TRIANGULAR_SOLVE

DTYPES = ("float64", "float32")


def results(node: Node) -> list[tuple[Any, Any]]:
    return list(zip(node.shape, node.dtype, strict=True)) if is_several(node) else [(node.shape, node.dtype)]


def run(op: Any, arrays: list[Any], params: tuple[Any, ...] = ()) -> tuple[int, list[Any]]:
    """The status and the results of an op by compiled code."""
    build = make_several if op in (LU, SLOGDET) else make
    node = build(op, tuple(input_node(x.shape, x.dtype) for x in arrays), params)
    outs = [np.full(shape, 7, dtype) for shape, dtype in results(node)]
    body = Body(Module())
    rooms: list[Any] = []

    def scratch(size: int) -> str:
        rooms.append(np.full(size + 64, 255, np.uint8))
        slot = body.emit(f"getelementptr ptr, ptr %scratch, i64 {len(rooms) - 1}")
        return body.emit(f"load ptr, ptr {slot}")

    pointers = [body.emit(f"load ptr, ptr {body.emit(f'getelementptr ptr, ptr %data, i64 {k}')}") for k in range(9)]
    operands = [
        Operand(pointers[k], tuple(s // x.itemsize for s in x.strides), x.shape) for k, x in enumerate((*arrays, *outs))
    ]
    status = lapack.emit(body, node, operands[: len(arrays)], operands[len(arrays) :], scratch)
    assert status is not None
    text = "\n".join(body.lines)
    body.module.define(f"define i32 @f(ptr %data, ptr %scratch) {{\nentry:\n{text}\nret i32 {status}\n}}")
    code = llvm.load(llvm.compile_ir(body.module.text(), 1))
    data = (ctypes.c_void_p * 9)(*(x.ctypes.data for x in (*arrays, *outs)))
    places = (ctypes.c_void_p * max(1, len(rooms)))(*(-(-x.ctypes.data // 64) * 64 for x in rooms))
    failed = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)(code.address("f"))(data, places)
    return failed, outs


def matrices(n: int, stack: tuple[int, ...], dtype: str, seed: int = 0, columns: int | None = None) -> Any:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(*stack, n, n if columns is None else columns))
    return (x + 2 * np.eye(n) if columns is None else x).astype(dtype)


def positive(n: int, stack: tuple[int, ...], dtype: str) -> Any:
    x = matrices(n, stack, dtype)
    return x @ np.swapaxes(x, -1, -2) + np.eye(n, dtype=dtype)


def close(dtype: str, condition: float = 1.0) -> dict[str, float]:
    eps = float(np.finfo(dtype).eps)
    return {"rtol": 2e3 * eps * condition, "atol": 2e3 * eps * condition}


def turned(x: Any) -> Any:
    """The same numbers, column after column in memory."""
    return np.swapaxes(np.ascontiguousarray(np.swapaxes(x, -1, -2)), -1, -2)


def sparse(x: Any) -> Any:
    """The same numbers with gaps between them."""
    room = np.full((*x.shape[:-2], 2 * x.shape[-2], 3 * x.shape[-1]), np.inf, x.dtype)
    room[..., ::2, ::3] = x
    return room[..., ::2, ::3]


LAYOUTS = (np.ascontiguousarray, turned, sparse)
every = pytest.mark.parametrize(
    ("n", "stack", "dtype"),
    [(n, *how) for n in (1, 2, 3, 5, 20) for how in (((), "float64"), ((2, 2), "float64"), ((3,), "float32"))],
)


@every
def test_cholesky(n: int, stack: tuple[int, ...], dtype: str) -> None:
    a = positive(n, stack, dtype)
    for layout in LAYOUTS:
        x = layout(a)
        x[..., *np.triu_indices(n, 1)] = np.nan  # the upper triangle is not read
        status, (L,) = run(CHOLESKY, [x])
        assert status == 0
        np.testing.assert_allclose(L, np.linalg.cholesky(a), **close(dtype, 10))
        assert not np.triu(L, 1).any()


@pytest.mark.parametrize("n", [1, 2, 3, 5, 40])
def test_cholesky_of_what_is_not_positive_definite(n: int) -> None:
    a = positive(n, (3,), "float64")
    a[1, n - 1, n - 1] = -1
    assert run(CHOLESKY, [a])[0] != 0
    a[1, n - 1, n - 1] = np.nan
    status, (L,) = run(CHOLESKY, [a])
    assert status == 0
    np.testing.assert_array_equal(np.isnan(L), np.isnan(np.linalg.cholesky(a)))
    assert run(CHOLESKY, [np.zeros((n, n))])[0] != 0


@pytest.mark.parametrize(("n", "stack", "dtype"), [
    (1, (), "float64"), (2, (3,), "float64"), (5, (2,), "float32"), (33, (), "float64"), (70, (), "float64"),
    (150, (), "float64"), (70, (), "float32"),
])  # fmt: skip
def test_changes_of_cholesky_factors(n: int, stack: tuple[int, ...], dtype: str) -> None:
    """The formulas L Φ(L⁻¹ S L⁻ᵀ) and the symmetric part of L⁻ᵀ Φ(Lᵀ G) L⁻¹ as they stand, in double precision."""
    L = np.linalg.cholesky(positive(n, stack, dtype) / n)
    g = matrices(n, stack, dtype, 3)
    mT = lambda x: np.swapaxes(x, -1, -2)
    phi = np.tril(np.ones((n, n)), -1) + 0.5 * np.eye(n)
    w = np.linalg.inv(L.astype(float))
    tangent = L @ (phi * (w @ ((g + mT(g)) / 2) @ mT(w)))
    half = mT(w) @ (phi * (mT(L) @ g)) @ w
    for layout in LAYOUTS:
        for op, want in ((CHOLESKY_TANGENT, tangent), (CHOLESKY_COTANGENT, (half + mT(half)) / 2)):
            scale = np.abs(want).max()
            for found in (run(op, [layout(L), layout(g)])[1][0], op.evaluate(L, g)):
                np.testing.assert_allclose(found / scale, want / scale, **close(dtype, 10))


@every
def test_triangular_systems(n: int, stack: tuple[int, ...], dtype: str) -> None:
    a, b = (
        matrices(n, stack, dtype) / n + np.eye(n, dtype=dtype),
        matrices(n, stack, dtype, 1, columns=3 - 2 * (n == 5)),
    )
    cases = [(1, 0, 0), (0, 0, 1), (1, 1, 0), (0, 1, 0), (1, 1, 1)]
    for k, (lower, transposed, unit) in enumerate(cases):
        t = np.tril(a) if lower else np.triu(a)
        t[..., range(n), range(n)] = 1 if unit else t[..., range(n), range(n)]
        want = np.linalg.solve(np.swapaxes(t, -1, -2) if transposed else t, b)
        layout = LAYOUTS[k % 3]
        other = LAYOUTS[(k + 1) % 3]
        status, (x,) = run(TRIANGULAR_SOLVE, [layout(a), other(b)], (bool(lower), bool(transposed), bool(unit)))
        assert status == 0
        np.testing.assert_allclose(x, want, **close(dtype, float(np.linalg.cond(t).max())))


@pytest.mark.parametrize("n", [1, 3, 6])
def test_a_triangle_with_a_zero_on_its_diagonal(n: int) -> None:
    a, b = matrices(n, (2,), "float64"), matrices(n, (2,), "float64", 1, columns=2)
    a[1, n // 2, n // 2] = 0
    assert run(TRIANGULAR_SOLVE, [a, b], (True, False, False))[0] != 0
    assert run(TRIANGULAR_SOLVE, [a, b], (True, False, True))[0] == 0


@every
def test_lu_has_the_pivots_of_scipy(n: int, stack: tuple[int, ...], dtype: str) -> None:
    a = matrices(n, stack, dtype)
    for layout in LAYOUTS:
        status, (lu, pivots) = run(LU, [layout(a)])
        assert status == 0
        for i in np.ndindex(stack):
            want, where = scipy.linalg.lu_factor(a[i])
            np.testing.assert_array_equal(pivots[i], where)
            np.testing.assert_allclose(lu[i], want, **close(dtype, 20))


@every
def test_systems(n: int, stack: tuple[int, ...], dtype: str) -> None:
    a, b = matrices(n, stack, dtype), matrices(n, stack, dtype, 1, columns=2)
    lu, pivots = run(LU, [a])[1]
    for transposed in (False, True):
        want = np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)
        for k, layout in enumerate(LAYOUTS):
            factor = [[], [lu, pivots], [turned(lu), pivots]][k]
            status, (x,) = run(SOLVE, [layout(a), LAYOUTS[k - 1](b), *factor], (transposed,))
            assert status == 0
            np.testing.assert_allclose(x, want, **close(dtype, float(np.linalg.cond(a).max())))


@every
def test_inverses_and_determinants(n: int, stack: tuple[int, ...], dtype: str) -> None:
    a = matrices(n, stack, dtype)
    lu, pivots = run(LU, [a])[1]
    near = close(dtype, float(np.linalg.cond(a).max()))
    for k, layout in enumerate(LAYOUTS):
        args = [layout(a), *([lu, pivots] if k == 1 else [])]
        status, (x,) = run(INV, args, (False,))
        assert status == 0
        np.testing.assert_allclose(x, np.linalg.inv(a), **near)
        sign, logarithm = run(SLOGDET, args)[1]
        np.testing.assert_array_equal(sign, np.linalg.slogdet(a)[0])
        np.testing.assert_allclose(logarithm, np.linalg.slogdet(a)[1], **near)
        np.testing.assert_allclose(run(DET, args)[1][0], np.linalg.det(a), rtol=near["rtol"], atol=0)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 30])
def test_singular_matrices(n: int) -> None:
    a = matrices(n, (3,), "float64")
    a[1, :, n // 2] = 0
    b = matrices(n, (3,), "float64", 1, columns=2)
    lu, pivots = run(LU, [a[1]])[1]
    assert run(SOLVE, [a, b], (False,))[0] != 0
    assert run(SOLVE, [a[1], b[1], lu, pivots], (True,))[0] != 0
    assert run(INV, [a], (False,))[0] != 0
    status, (x,) = run(INV, [a], (True,))
    assert status == 0
    assert np.isnan(x[1]).all()
    np.testing.assert_allclose(x[::2], np.linalg.inv(a[::2]), rtol=1e-10)
    sign, logarithm = run(SLOGDET, [a])[1]
    assert sign[1] == 0
    assert logarithm[1] == -np.inf
    assert run(DET, [a])[1][0][1] == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 5), (5, 2), (2, 6, 6)])
def test_triangles(shape: tuple[int, ...], dtype: str) -> None:
    a = np.random.default_rng(0).normal(size=shape).astype(dtype)
    a[..., 0, -1] = np.nan
    for lower in (True, False):
        for weight in (1.0, 0.5, 0.0):
            for layout in LAYOUTS:
                np.testing.assert_array_equal(
                    run(TRIANGLE, [layout(a)], (lower, weight))[1][0], TRIANGLE.evaluate(a, lower, weight)
                )


def test_a_triangle_of_integers() -> None:
    a = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(run(TRIANGLE, [a], (True, 1.0))[1][0], np.tril(a))


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_of_pairs(dtype: str) -> None:
    a = positive(6, (4,), dtype)
    a[1, 2, 3] += 1
    a[2][np.triu_indices(6, 1)] = 0
    a[3, 0, 4] *= 1 + 2 * np.finfo(dtype).eps
    for layout in LAYOUTS:
        for one in (a, *a):
            want = PAIR_WEIGHTS.evaluate(np.ascontiguousarray(one))
            np.testing.assert_array_equal(run(PAIR_WEIGHTS, [layout(one)])[1][0], want)


def test_by_scipys_pointers_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where NumPy's library is not found: integers of half the width."""
    before = set(blas._REGISTERED)
    monkeypatch.setattr(blas, "_bundled", lambda: None)
    blas.integer.cache_clear()
    blas._REGISTERED.clear()
    try:
        a, b = matrices(20, (2,), "float64"), matrices(20, (2,), "float64", 1, columns=3)
        np.testing.assert_allclose(run(SOLVE, [a, b], (False,))[1][0], np.linalg.solve(a, b), rtol=1e-10)
        lu, pivots = run(LU, [a[0]])[1]
        np.testing.assert_array_equal(pivots, scipy.linalg.lu_factor(a[0])[1])
        np.testing.assert_allclose(run(INV, [a[0], lu, pivots], (False,))[1][0], np.linalg.inv(a[0]), rtol=1e-10)
        assert run(CHOLESKY, [-np.eye(20)])[0] != 0
    finally:
        monkeypatch.undo()
        blas.integer.cache_clear()
        blas._REGISTERED.clear()
        for name in before:
            blas.symbol(name)


def test_what_is_not_handled_leaves_no_line() -> None:
    body = Body(Module())
    a = input_node((0, 0), np.dtype(float))
    x = Operand("%a", (0, 1), (0, 0))
    node = make_several(SLOGDET, (a,))
    assert lapack.emit(body, node, [x], [Operand("%s", (), ()), Operand("%l", (), ())], lambda _: "%room") is None
    assert body.lines == []
