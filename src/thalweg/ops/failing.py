"""``fails``: whether a factorization fails, as a value; the question behind ``try … except LinAlgError``."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import BOOL, OPS, Node, Op, make


def _fails_once(name: str, params: tuple[Any, ...], arrays: Any) -> bool:
    try:
        OPS[name].evaluate(*arrays, *params)
    except np.linalg.LinAlgError:
        return True
    return False


def _evaluate(*args: Any) -> Any:
    *arrays, name, params, batched, size = args
    if not size:
        return np.bool_(_fails_once(name, params, arrays))
    rows = [
        _fails_once(name, params, [a[i] if b else a for a, b in zip(arrays, batched, strict=True)]) for i in range(size)
    ]
    return np.array(rows, dtype=bool)


def _infer(*args: Any) -> Any:
    return ((args[-1],) if args[-1] else ()), BOOL


def _batch(
    args: tuple[Node, ...], batched: tuple[bool, ...], size: int, name: str, params: Any, rows: Any, before: int
) -> Node:
    if before:
        raise NotImplementedError("a failure that is caught inside a batch of batches")
    return make(FAILS, args, (name, params, batched, size))


FAILS = Op("fails", _infer, _evaluate, family="leaf", batch=_batch, note="whether an op raises LinAlgError")


def fails(node: Node) -> Node:
    """Whether computing ``node`` from its arguments fails."""
    return make(FAILS, node.args, (node.op.name, node.params, (), 0))
