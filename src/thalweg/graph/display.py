"""A graph as text: ``print(graph)``."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from thalweg.graph.graph import Graph
from thalweg.graph.node import Node, is_several
from thalweg.graph.places import describe_place


def show(graph: Graph) -> str:
    """The graph as text: one line a node."""
    names: dict[Node, str] = {n: f"in{i}" for i, n in enumerate(graph.inputs)}
    lines = ["(" + ", ".join(f"{names[n]}: {_type(n)}" for n in graph.inputs) + ")"]
    count = itertools.count()
    for n in graph.nodes:
        if n in names:
            continue
        if n.value is not None:
            names[n] = short(n.value)
            continue
        names[n] = name = f"%{next(count)}"
        params = "".join(f"; {p}" for p in n.params)
        call = f"{n.op.name}({', '.join(names[a] for a in n.args)}{params})"
        at = describe_place(n.where)
        lines.append(f"  {name}: {_type(n)} = {call}".ljust(64) + (f"  # {at}" if at else ""))
    lines.append("→ " + ", ".join(names[n] for n in graph.outputs))
    return "\n".join(line.rstrip() for line in lines)


def _type(node: Node) -> str:
    if is_several(node):
        return "tuple"
    return node.dtype.name + (str(list(node.shape)) if node.shape else "")


def short(value: Any) -> str:
    """A constant as a graph shows it."""
    if np.ndim(value) == 0:
        return f"{value:.6g}" if np.asarray(value).dtype.kind == "f" else str(value)
    if np.size(value) <= 4:
        return np.array2string(np.asarray(value), precision=6, separator=", ").replace("\n", "")
    return f"{np.asarray(value).dtype.name}{list(np.shape(value))}{{…}}"
