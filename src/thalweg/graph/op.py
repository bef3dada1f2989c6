"""``Op``: the vocabulary of a primitive, and the table of all of them by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from thalweg.graph.node import Node

FLOAT64: np.dtype[Any] = np.dtype(np.float64)
FLOAT32: np.dtype[Any] = np.dtype(np.float32)
INT64: np.dtype[Any] = np.dtype(np.int64)
BOOL: np.dtype[Any] = np.dtype(np.bool_)
DTYPES = (FLOAT64, FLOAT32, INT64, BOOL)

Shape = tuple[int, ...]
Rule = Callable[..., Any]


class Op:
    """A primitive: how it shapes, what it computes, how it differentiates and how it maps over an axis.

    Parameters
    ----------
    name : str
        The name that ``print(graph)`` shows.
    infer : callable
        ``infer(*args, *params) -> (shape, dtype)``; raises `ShapeError` where the arguments do not fit. An op with
        several results returns a tuple of such pairs.
    evaluate : callable
        ``evaluate(*arrays, *params)``: the meaning in NumPy.
    partials : tuple, optional
        For elementwise ops, one entry an argument: ``p(*args, y)`` gives ∂y/∂argument as an expression, or ``None``
        where it is zero almost everywhere.
    linear : tuple of int
        The arguments in which the op is linear; ``transpose(g, k, args, *params)`` gives the cotangent of argument k.
    jvp : callable, optional
        ``jvp(tangents, args, y, *params)`` for the others: the tangent of y. A missing tangent is ``None``.
    batch : callable, optional
        ``batch(args, batched, size, *params)`` maps the op over a leading axis of the arguments that carry one.
    simplify : callable, optional
        ``simplify(args, params)`` may return an equal, simpler node, or ``None``.
    """

    __slots__ = ("batch", "chains", "elementwise", "evaluate", "family", "infer", "jvp", "kernel", "linear", "name",
                 "note", "partials", "simplify", "transpose")  # fmt: skip

    def __init__(
        self,
        name: str,
        infer: Rule,
        evaluate: Rule,
        *,
        family: str,
        partials: tuple[Rule | None, ...] | None = None,
        chains: tuple[Rule | None, ...] | None = None,
        linear: tuple[int, ...] | None = None,
        transpose: Rule | None = None,
        jvp: Rule | None = None,
        batch: Rule | None = None,
        simplify: Rule | None = None,
        kernel: Rule | None = None,
        note: str = "",
    ) -> None:
        self.name = name
        self.infer = infer
        self.evaluate = evaluate
        self.family = family
        self.partials = partials
        self.chains = chains
        self.elementwise = family == "elementwise"
        self.linear = linear
        self.transpose = transpose
        self.jvp = jvp
        self.batch = batch
        self.simplify = simplify
        self.kernel = kernel
        self.note = note
        if name in OPS:
            raise ValueError(f"two ops named {name!r}")
        OPS[name] = self

    def __call__(self, *args: Node, params: tuple[Any, ...] = ()) -> Node:
        from thalweg.graph.node import make

        return make(self, args, params)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_op_by_name, (self.name,))


class _Table(dict[str, Op]):
    """The ops by name. Families that load late (``LATE``) are loaded when a name is met that no other has."""

    def __missing__(self, name: str) -> Op:
        for module in LATE:
            importlib.import_module(module)
            if name in self:
                return self[name]
        raise KeyError(name)


OPS: dict[str, Op] = _Table()
LATE: list[str] = []


def _op_by_name(name: str) -> Op:
    return OPS[name]
