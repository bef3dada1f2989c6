"""Contractions in machine code against ``numpy.einsum``: shapes, orders of labels, strides, types, ways, threads."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from thalweg.execution.native import divided, llvm, products, runtime, tiling
from thalweg.execution.native.axes import Operand, axes_of
from thalweg.execution.native.contraction import emit_contraction, plan_contraction
from thalweg.execution.native.module import Body, Module, memory_type
from thalweg.execution.native.tiles import Tiles

Labels = tuple[int, ...]
TOLERANCE = {"float64": 1e-13, "float32": 2e-5, "int64": 0, "bool": 0}


@pytest.fixture(scope="module", autouse=True)
def _threads() -> None:
    runtime.start()


def operands(arrays: list[Any], labels: list[Labels], free: int | None) -> list[Operand]:
    return [
        Operand(
            pointer,
            tuple(s // x.itemsize for s in x.strides),
            tuple("%n" if label == free else n for label, n in zip(names, x.shape, strict=True)),
        )
        for pointer, x, names in zip(("%a", "%b", "%o"), arrays, labels, strict=True)
    ]


def compute(
    arrays: list[Any], labels: list[Labels], free: int | None = None, way: Any = None, threaded: bool = False
) -> None:
    """Fill the last array by compiled code; ``free`` is the label whose length the code is told when it runs."""
    body = Body(Module())
    a, b, o = operands(arrays, labels, free)
    dtype = arrays[0].dtype
    if way is None:
        assert emit_contraction(body, dtype, a, labels[0], b, labels[1], o, labels[2], threaded)
    else:
        way(body, memory_type(dtype), axes_of(*zip(*((x.shape, x.strides) for x in (a, b, o)), strict=True), labels))
    text = "\n".join(body.lines)
    body.module.define(f"define void @f(ptr %a, ptr %b, ptr %o, i64 %n) {{\nentry:\n{text}\nret void\n}}")
    code = llvm.load(llvm.compile_ir(body.module.text(), 1))
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    lengths = dict(zip((*labels[0], *labels[1]), (*arrays[0].shape, *arrays[1].shape), strict=True))
    kind(code.address("f"))(*(x.ctypes.data for x in arrays), lengths.get(free, 0))


def expected(arrays: list[Any], labels: list[Labels]) -> Any:
    a, b, o = arrays
    exact = np.longdouble if o.dtype.kind == "f" else np.int64
    y = np.einsum(a.astype(exact), labels[0], b.astype(exact), labels[1], labels[2])
    return y > 0 if o.dtype == bool else y


def assert_computed(arrays: list[Any], labels: list[Labels]) -> None:
    tolerance = TOLERANCE[arrays[2].dtype.name]
    want = expected(arrays, labels)
    size = np.abs(want).max(initial=1) if want.dtype != bool else 1
    np.testing.assert_allclose(
        arrays[2].astype(float), want.astype(float), rtol=tolerance, atol=float(tolerance * size) * 8
    )


def array(rng: np.random.Generator, shape: list[int], dtype: str, out: bool) -> Any:
    """An array whose axes lie in memory in any order, whole, sliced, backwards or (arguments only) stretched."""
    order = rng.permutation(len(shape))
    base: list[int] = []
    index: list[Any] = []
    stretched: list[int] = []
    for place, axis in enumerate(order):
        n, how = shape[axis], rng.random()
        if how < 0.6:
            base.append(n)
            index.append(slice(None))
        elif how < 0.75:
            base.append(2 * n + 1)
            index.append(slice(0, 2 * n, 2))
        elif how < 0.9 or out:
            base.append(n)
            index.append(slice(None, None, -1))
        else:
            base.append(1)
            index.append(slice(None))
            stretched.append(place)
    x = rng.normal(size=base) * 3 if dtype != "bool" else rng.random(base) < 0.4
    x = np.array(x).astype(dtype)[tuple(index)]
    x = np.lib.stride_tricks.as_strided(
        x, [shape[axis] for axis in order], [0 if k in stretched else s for k, s in enumerate(x.strides)]
    )
    return x.transpose(np.argsort(order))


def case(seed: int) -> tuple[list[Any], list[Labels], int | None]:
    rng = np.random.default_rng(seed)
    sizes = rng.choice([0, 1, 2, 3, 4, 5, 8, 9, 12, 17, 33], size=int(rng.integers(1, 5)), p=[0.03, *[0.097] * 10])
    la, lb = ([int(x) for x in rng.permutation(len(sizes)) if rng.random() < 0.7] for _ in range(2))
    lo = [int(x) for x in rng.permutation(len(sizes)) if x in {*la, *lb} and rng.random() < 0.6]
    dtype = str(rng.choice(["float64", "float32", "int64", "bool"], p=[0.5, 0.3, 0.1, 0.1]))
    labels = [tuple(x) for x in (la, lb, lo)]
    arrays = [array(rng, [int(sizes[x]) for x in names], dtype, names is labels[2]) for names in labels]
    free = int(rng.choice(la)) if la and rng.random() < 0.3 else None
    return arrays, labels, free


@pytest.mark.parametrize("seed", range(60))
def test_any_contraction_is_einsums(seed: int) -> None:
    arrays, labels, free = case(seed)
    compute(arrays, labels, free)
    assert_computed(arrays, labels)


def by_tiling(which: int) -> Callable[..., None]:
    def write(body: Body, kind: str, axes: Any) -> None:
        found = list(tiling.tilings(axes, kind))
        Tiles(body, kind, found[which % len(found)]).emit("%a", "%b", "%o")

    return write


@pytest.mark.parametrize("seed", range(100, 160))
def test_every_tiling_gives_the_same(seed: int) -> None:
    arrays, labels, free = case(seed)
    if any(x.size == 0 for x in arrays):
        arrays, labels, free = case(seed + 1000)
    for which in range(3):
        if arrays[2].size:
            arrays[2][...] = 1
        compute(arrays, labels, free, by_tiling(which) if all(x.size for x in arrays) else None)
        assert_computed(arrays, labels)


BLAS_CASES = [
    ("mk", "kn", "mn", "gemm"),
    ("mk", "nk", "mn", "gemm"),
    ("km", "kn", "nm", "gemm"),
    ("km", "nk", "mn", "gemm"),
    ("bmk", "kn", "bmn", "gemm"),
    ("mk", "bkn", "bmn", "gemm"),
    ("mk", "k", "m", "gemv"),
    ("km", "k", "m", "gemv"),
    ("k", "kn", "n", "gemv"),
    ("k", "bnk", "bn", "gemv"),
    ("k", "k", "", "dot"),
    ("bk", "bk", "b", "dot"),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("a", "b", "o", "name"), BLAS_CASES)
def test_calls_of_blas(a: str, b: str, o: str, name: str, dtype: str) -> None:
    sizes = {"m": 7, "k": 5, "n": 6, "b": 3}
    rng = np.random.default_rng(3)
    labels = [tuple("mknb".index(x) for x in names) for names in (a, b, o)]
    arrays = [rng.normal(size=[sizes[x] for x in names]).astype(dtype) for names in (a, b, o)]
    called = []

    def call(body: Body, kind: str, axes: Any) -> None:
        found = products.best_call(axes)
        assert found is not None
        called.append(found.name)
        products.emit_call(body, kind, found, "%a", "%b", "%o")

    compute(arrays, labels, way=call)
    assert called == [name]
    assert_computed(arrays, labels)
    if name != "gemm":  # vectors backwards and with gaps, a length known at run time
        x = rng.normal(size=2 * sizes["k"]).astype(dtype)[::-2]
        which = next((i for i, names in enumerate((a, b)) if names == "k"), None)
        if which is not None:
            arrays[which] = x
            compute(arrays, labels, way=call)
            assert_computed(arrays, labels)
    if "m" in o and a[0] in "bm":
        compute(arrays, labels, free=0, way=call)
        assert_computed(arrays, labels)


@pytest.mark.parametrize("seed", range(200, 240))
def test_parts_for_threads_put_together_are_the_whole(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divided, "_WORTH_THREADS", 10.0)
    monkeypatch.setattr(divided, "_PART", 5.0)
    arrays, labels, _ = case(seed)
    compute(arrays, labels, threaded=True)
    assert_computed(arrays, labels)


@pytest.mark.parametrize(
    ("a", "b", "o", "sizes"),
    [
        ("mk", "kn", "mn", {"m": 301, "k": 70, "n": 90}),
        ("pc", "pd", "cd", {"p": 20011, "c": 3, "d": 17}),
        ("bmk", "bkn", "bmn", {"b": 67, "m": 30, "k": 31, "n": 29}),
        ("p", "p", "", {"p": 1_000_003}),
        ("mk", "k", "m", {"m": 5003, "k": 130}),
    ],
)
def test_large_contractions_on_threads(a: str, b: str, o: str, sizes: dict[str, int]) -> None:
    rng = np.random.default_rng(1)
    names = list(sizes)
    labels = [tuple(names.index(x) for x in each) for each in (a, b, o)]
    arrays = [rng.normal(size=[sizes[x] for x in each]) for each in (a, b, o)]
    arrays[2] = np.asarray(arrays[2])
    compute(arrays, labels, threaded=True)
    want = np.einsum(arrays[0], labels[0], arrays[1], labels[1], labels[2], optimize=True)
    np.testing.assert_allclose(arrays[2], want, rtol=1e-12, atol=1e-11 * np.abs(want).max())
    again = arrays[2].copy()
    for _ in range(3):
        compute(arrays, labels, threaded=True)
        np.testing.assert_array_equal(arrays[2], again)


def test_infinities_outside_the_lanes_in_use_do_no_harm() -> None:
    """A vector that is only half in use must not multiply what lies beyond the end, nor 0 with ∞."""
    beyond = np.full((3, 24), np.inf)
    a, b, o = beyond[:, :11], np.full(24, np.nan)[:11], np.empty(3)
    a[...] = np.arange(33).reshape(3, 11)
    b[...] = 1
    compute([a, b, o], [(0, 1), (1,), (0,)])
    np.testing.assert_array_equal(o, a.sum(1))
    stretched = np.broadcast_to(np.inf, (3, 11))
    compute([stretched, b, o], [(0, 1), (1,), (0,)])
    np.testing.assert_array_equal(o, np.inf)


def test_nothing_beyond_the_result_is_written() -> None:
    o = np.full((9, 40), 7.0)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(9, 5)), rng.normal(size=(5, 19))
    compute([a, b, o[:, :19]], [(0, 1), (1, 2), (0, 2)])
    np.testing.assert_allclose(o[:, :19], a @ b, rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(o[:, 19:], 7)


def test_products_of_integers_wrap_around() -> None:
    a = np.array([[2**62, 3]])
    b = np.array([[2], [5]])
    o = np.zeros((1, 1), np.int64)
    compute([a, b, o], [(0, 1), (1, 2), (0, 2)])
    assert o[0, 0] == np.iinfo(np.int64).min + 15


def test_a_plan_says_what_is_done() -> None:
    def plan(sa: tuple[int, ...], sb: tuple[int, ...], so: tuple[int, ...], *labels: Labels) -> Any:
        c = lambda s: tuple(int(np.prod(s[i + 1 :])) for i in range(len(s)))
        args = [x for s, names in zip((sa, sb, so), labels, strict=True) for x in (s, c(s), names)]
        return plan_contraction(np.dtype(float), *args)

    small = plan((3, 4), (4, 5), (3, 5), (0, 1), (1, 2), (0, 2))
    assert (small.kind, small.m, small.n, small.k, small.flops, small.parts) == ("loops", 3, 5, 4, 120, 1)
    huge = plan((4000, 4000), (4000, 4000), (4000, 4000), (0, 1), (1, 2), (0, 2))
    assert (huge.kind, huge.m, huge.n, huge.k) == ("gemm", 4000, 4000, 4000)
    assert plan((3, 0), (0, 5), (3, 5), (0, 1), (1, 2), (0, 2)).kind == "zeros"
    assert plan((0, 3), (3, 5), (0, 5), (0, 1), (1, 2), (0, 2)).kind == "nothing"


def test_a_type_that_is_not_handled_leaves_no_line() -> None:
    body = Body(Module())
    x = Operand("%a", (1,), (3,))
    assert not emit_contraction(body, np.dtype(complex), x, (0,), x, (0,), Operand("%o", (), ()), ())
    assert body.lines == []
