"""Python's operators on tracers: each is one op, placed at the line of the user's code that wrote it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.graph import OPS, Node, as_node, location, make
from thalweg.ops.contract import matmul
from thalweg.ops.elementwise import absolute, negative
from thalweg.tracing.context import lift, mark_place
from thalweg.tracing.tracer import PLAIN, Tracer, node_of, stack_sequence, unsupported


def _operand(value: Any, like: np.dtype[Any]) -> Node | None:
    kind = type(value)
    if kind is Tracer:
        return value.node
    if kind in PLAIN:
        return as_node(value, like)
    if isinstance(value, np.ndarray | np.generic):
        return lift(value)
    if isinstance(value, list | tuple):
        return stack_sequence(value)
    if hasattr(kind, "__array__"):
        return node_of(value)
    if kind is complex:
        raise unsupported("a complex number")
    return None


def _install_binary(symbol: str, name: str, build: Callable[[Node, Node], Node] | None = None) -> None:
    op = OPS.get(name)
    if build is None:
        assert op is not None
        the_op = op
        build = lambda a, b: make(the_op, (a, b))  # noqa: E731

    def left(self: Tracer, other: Any) -> Any:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        a = self.node
        b = _operand(other, a.dtype)
        return NotImplemented if b is None else Tracer(build(a, b))

    def right(self: Tracer, other: Any) -> Any:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        a = self.node
        b = _operand(other, a.dtype)
        return NotImplemented if b is None else Tracer(build(b, a))

    def in_place(self: Tracer, other: Any) -> Any:
        result = left(self, other)
        if result is NotImplemented or not self.shape:
            return result
        mark_place()
        value = result.node
        if value.dtype != self.dtype:
            if value.dtype.kind == "f" and self.dtype.kind != "f":
                raise TypeError(
                    f"cannot write a {value.dtype.name} result into an array of dtype {self.dtype.name}: "
                    "create it with dtype=float"
                )
            value = OPS["cast"](value, params=(self.dtype,))
        if value.shape != self.shape:
            raise ValueError(
                f"an in-place operation on an array of shape {self.shape} would need the shape {value.shape}"
            )
        self.assign(value)
        return self

    setattr(Tracer, f"__{symbol}__", left)
    setattr(Tracer, f"__r{symbol}__", right)
    setattr(Tracer, f"__i{symbol}__", in_place)


def _install_comparison(symbol: str, name: str) -> None:
    op = OPS[name]

    def compare(self: Tracer, other: Any) -> Any:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        a = self.node
        b = _operand(other, a.dtype)
        return NotImplemented if b is None else Tracer(make(op, (a, b)))

    setattr(Tracer, f"__{symbol}__", compare)


def _install_unary(symbol: str, build: Callable[[Node], Node]) -> None:
    def apply(self: Tracer) -> Tracer:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        return Tracer(build(self.node))

    setattr(Tracer, f"__{symbol}__", apply)


def install() -> None:
    """Give `Tracer` the operators of Python."""
    for symbol, name in (
        ("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("truediv", "divide"), ("pow", "power"),
        ("floordiv", "floor_divide"), ("mod", "remainder"),
    ):  # fmt: skip
        _install_binary(symbol, name)
    _install_binary("matmul", "", matmul)
    for symbol, name in (
        ("lt", "less"), ("le", "less_equal"), ("gt", "greater"), ("ge", "greater_equal"), ("eq", "equal"),
        ("ne", "not_equal"),
    ):  # fmt: skip
        _install_comparison(symbol, name)
    for symbol, name in (
        ("and", "bitwise_and"), ("or", "bitwise_or"), ("xor", "bitwise_xor"), ("lshift", "left_shift"),
        ("rshift", "right_shift"),
    ):  # fmt: skip
        _install_binary(symbol, name)
    _install_unary("neg", negative)
    _install_unary("pos", lambda x: x)
    _install_unary("abs", absolute)
    _install_unary("invert", OPS["invert"])


install()
