"""Tasks: what a program does one after the other; and what is known of a node before it becomes part of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thalweg.execution.native import scalar
from thalweg.execution.native.layout import (
    VIEWS,
    Place,
)
from thalweg.graph import CONSTANT as CONSTANT_OP
from thalweg.graph import INPUT as INPUT_OP
from thalweg.graph import ITEM, Node, Shape
from thalweg.ops import gather, reduce
from thalweg.ops.contract import CONTRACT
from thalweg.ops.movement import ASSEMBLE, BROADCAST, RESHAPE, UPDATE

REDUCTIONS = {op.name: op for op in (reduce.SUM, reduce.MAX, reduce.MIN, reduce.ANY, reduce.ALL, reduce.PROD)}


@dataclass(eq=False)
class Store:
    """``place[...] = node`` within a loop over the shape of ``node``."""

    node: Node
    place: Place


@dataclass(eq=False)
class Reduce:
    """A reduction of a value of the loop over some of its axes, into ``place``."""

    node: Node
    place: Place
    axes: tuple[int, ...]

    @property
    def source(self) -> Node:
        return self.node.args[0]


class Add(Store):
    """``place[...] += node``."""


@dataclass(eq=False)
class Scatter:
    """``out[..., positions, ...] += node``: a loop over the shape of ``node`` in order."""

    node: Node
    place: Place
    positions: Place
    axis: int
    known: str


@dataclass(eq=False)
class Loop:
    """A nest of loops over ``space`` with the statements of its body."""

    level: int
    space: Shape
    statements: list[Any] = field(default_factory=list)
    phase: int = 1


@dataclass(eq=False)
class Product:
    """A contraction of two stored operands."""

    level: int
    node: Node
    a: Place
    b: Place
    out: Place
    phase: int = 1


@dataclass(eq=False)
class Call:
    """An op of whole arrays that is a function of its own: from stored operands to all its results."""

    level: int
    node: Node
    operands: list[Place]
    outs: list[Place]
    phase: int = 1


@dataclass(eq=False)
class Check:
    """A guard: the program ends if the scalar in ``place`` is not ``answer``."""

    level: int
    place: Place
    answer: Any
    number: int


class Unsupported(Exception):
    """A node that native code has no way to compute; carries the node."""

    def __init__(self, node: Node) -> None:
        super().__init__(node.op.name)
        self.node = node


def literal_of(node: Node) -> Any:
    """The number that every element of ``node`` is, if it is a constant spread over a shape; else ``None``."""
    while node.op is BROADCAST or (node.op is RESHAPE and node.args[0].op is BROADCAST):
        node = node.args[0]
    return node.value if node.value is not None and node.shape == () else None


def known_of(positions: Node, length: int) -> str:
    """What is known of positions on an axis: "within" it, "signed" (some count from the end), or "nothing"."""
    while positions.op in VIEWS:
        positions = positions.args[0]
    if positions.op is gather.IN_RANGE and positions.params[0] <= length:
        return "within"
    if positions.value is None or not np.size(positions.value):
        return "nothing"
    least, most = np.min(positions.value), np.max(positions.value)
    if most >= length or least < -length:
        return "nothing"
    return "within" if least >= 0 else "signed"


def is_map(node: Node) -> bool:
    """Whether a node is computed element by element from its arguments."""
    return node.op.elementwise or node.op is gather.TAKE or node.op is gather.IN_RANGE


def is_call(node: Node) -> bool:
    """Whether ``node`` is computed by a function of its own."""
    if node.op.elementwise or not node.args:
        return False
    from thalweg.execution.native import lapack, scans

    return scans.supports(node) or lapack.supports(node)


def supports(node: Node) -> bool:
    """Whether native code can compute ``node`` from its arguments."""
    op = node.op
    if op is ITEM:
        return is_call(node.args[0])
    if op.elementwise:
        return scalar.supports(op.name, node.params, tuple(a.dtype for a in node.args), node.dtype)
    return (
        op in VIEWS
        or op in (INPUT_OP, CONSTANT_OP, gather.TAKE, gather.IN_RANGE, gather.SCATTER_ADD, ASSEMBLE, UPDATE, CONTRACT)
        or (op.name in REDUCTIONS and node.args[0].size > 0)
        or is_call(node)
    )
