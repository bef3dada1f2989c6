"""One step of a reduction, and what a reduction begins with."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.execution.native.module import Body, register_type


def combine(body: Body, name: str, dtype: np.dtype[Any], a: str, b: str, free: bool) -> str:
    """One step of the reduction ``name``; ``free`` says that the order of additions does not matter."""
    kind = register_type(dtype)
    real = dtype.kind == "f"
    if name in ("sum", "prod"):
        verb = ("fadd" if name == "sum" else "fmul") if real else ("add" if name == "sum" else "mul")
        any_order = real and free and name == "sum"  # another order of factors may overflow on the way
        return body.emit(f"{verb}{' reassoc' if any_order else ''} {kind} {a}, {b}")
    if name in ("any", "all"):
        return body.emit(f"{'or' if name == 'any' else 'and'} i1 {a}, {b}")
    verb = {"max": "maximum" if real else "smax", "min": "minimum" if real else "smin"}[name]
    if dtype.kind == "b":
        return body.emit(f"{'or' if name == 'max' else 'and'} i1 {a}, {b}")
    short = {"double": "f64", "float": "f32", "i64": "i64"}[kind]
    body.module.declare(f"llvm.{verb}.{short}", f"declare {kind} @llvm.{verb}.{short}({kind}, {kind})")
    return body.emit(f"call {kind} @llvm.{verb}.{short}({kind} {a}, {kind} {b})")


def start_of(name: str, dtype: np.dtype[Any]) -> Any:
    """What a reduction begins with: combined with x it gives x."""
    if name == "sum":
        return dtype.type(-0.0) if dtype.kind == "f" else dtype.type(0)
    if name == "prod":
        return dtype.type(1)
    if name in ("any", "all"):
        return np.bool_(name == "all")
    if dtype.kind == "f":
        return dtype.type(-np.inf if name == "max" else np.inf)
    if dtype.kind == "b":
        return np.bool_(name == "min")
    return np.iinfo(dtype).min if name == "max" else np.iinfo(dtype).max
