"""Where BLAS and LAPACK are found, in NumPy's own library and by SciPy's pointers."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from thalweg.execution.native import blas, llvm
from thalweg.execution.native.module import Body, Module


@pytest.fixture(params=["bundled", "scipy"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both ways to the routines; afterwards the names mean again what they meant."""
    if request.param == "scipy":
        monkeypatch.setattr(blas, "_bundled", lambda: None)
        blas.integer.cache_clear()
    before = set(blas._REGISTERED)
    blas._REGISTERED.clear()
    yield request.param
    monkeypatch.undo()
    blas.integer.cache_clear()
    blas._REGISTERED.clear()
    for name in before:
        blas.symbol(name)


def test_a_product_by_either_library(library: str) -> None:
    assert blas.integer() == ("i32" if library == "scipy" else "i64")
    for kind, dtype in (("double", np.float64), ("float", np.float32)):
        body = Body(Module())
        blas.gemm(body, kind, (False, False), (5, "%n", 3), ("%b", 5), ("%a", 3), ("%o", 5))
        text = "\n".join(body.lines)
        body.module.define(f"define void @f(ptr %a, ptr %b, ptr %o, i64 %n) {{\nentry:\n{text}\nret void\n}}")
        code = llvm.load(llvm.compile_ir(body.module.text(), 1))
        rng = np.random.default_rng(0)
        a, b, o = (rng.normal(size=s).astype(dtype) for s in ((4, 3), (3, 5), (4, 5)))
        f = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        f(code.address("f"))(a.ctypes.data, b.ctypes.data, o.ctypes.data, 4)
        np.testing.assert_allclose(o, a @ b, rtol=1e-5 if kind == "float" else 1e-14)


def test_an_unknown_routine_is_named(library: str) -> None:
    with pytest.raises(LookupError, match="dnonsense"):
        blas.address("dnonsense")
