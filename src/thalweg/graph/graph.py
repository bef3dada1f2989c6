"""``Graph``: inputs, outputs and all that lies between; walking and rewriting it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from thalweg.graph.node import CONSTANT, INPUT, Node, constant, input_node, is_several, make, make_several
from thalweg.graph.op import OPS
from thalweg.graph.places import location, place


class Graph:
    """A function in the form of a graph: inputs, outputs and all that lies between.

    ``print(graph)`` shows one line a node, in the order in which they are computed.
    """

    __slots__ = ("__weakref__", "_nodes", "inputs", "outputs")

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self._nodes: tuple[Node, ...] | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes that the outputs need, arguments before what uses them (a node is younger than its arguments)."""
        if self._nodes is None:
            self._nodes = reachable(self.outputs)
        return self._nodes

    @property
    def free(self) -> tuple[Node, ...]:
        """Inputs of some enclosing trace that this graph uses without owning them."""
        own = set(self.inputs)
        return tuple(n for n in self.nodes if n.op is INPUT and n not in own)

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        from thalweg.graph.display import show

        return show(self)

    def __repr__(self) -> str:
        ins = ", ".join(f"{n.dtype.name}{list(n.shape)}" for n in self.inputs)
        outs = ", ".join(f"{n.dtype.name}{list(n.shape)}" for n in self.outputs)
        return f"<Graph ({ins}) → ({outs}), {len(self.nodes)} nodes>"

    def __reduce__(self) -> tuple[Any, ...]:
        index: dict[Node, int] = {}
        rows: list[Any] = []
        for n in dict.fromkeys((*self.inputs, *self.nodes)):
            index[n] = len(rows)
            if n.op is INPUT or n.op is CONSTANT:
                rows.append((n.op.name, (), (n.shape, n.dtype, n.value), source_of(n), False))
            else:
                rows.append((n.op.name, tuple(index[a] for a in n.args), n.params, source_of(n), is_several(n)))
        return (_unpickle, (rows, [index[n] for n in self.inputs], [index[n] for n in self.outputs]))


def _unpickle(rows: list[Any], inputs: list[int], outputs: list[int]) -> Graph:
    nodes: list[Node] = []
    for name, args, params, where, several in rows:
        location.where = where
        if name == "input":
            nodes.append(input_node(params[0], params[1]))
        elif name == "constant":
            nodes.append(constant(np.asarray(params[2])))
        else:
            nodes.append((make_several if several else make)(OPS[name], tuple(nodes[i] for i in args), params))
    location.where = None
    return Graph([nodes[i] for i in inputs], [nodes[i] for i in outputs])


def reachable(outputs: Iterable[Node]) -> tuple[Node, ...]:
    """Every node that ``outputs`` depend on, in an order in which they can be computed."""
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        n = stack.pop()
        if n not in seen:
            seen.add(n)
            stack.extend(n.args)
    return tuple(sorted(seen, key=_by_serial))


def _by_serial(node: Node) -> int:
    return node.serial


def dependents(nodes: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes among ``nodes`` (in topological order) that depend on one of ``sources``."""
    found = set(sources)
    for n in nodes:
        if n not in found:
            for a in n.args:
                if a in found:
                    found.add(n)
                    break
    return found


def rebuild(node: Node, args: tuple[Node, ...]) -> Node:
    """``node`` with other arguments."""
    if args == node.args:
        return node
    location.where = node.where
    if is_several(node):
        return make_several(node.op, args, node.params)
    return make(node.op, args, node.params)


def substitute(outputs: Sequence[Node], replacement: dict[Node, Node]) -> list[Node]:
    """``outputs`` with some nodes replaced by others, and all between made anew."""
    new: dict[Node, Node] = dict(replacement)
    before = location.where
    for n in reachable(outputs):
        if n in new:
            continue
        new[n] = rebuild(n, tuple(new[a] for a in n.args)) if n.args else n
    location.where = before
    return [new[n] for n in outputs]


def source_of(node: Node) -> tuple[str, int] | None:
    """File name and line number of the user's code that made ``node``, if known."""
    return place(node.where)
