"""The intermediate representation: ``Node``, ``Graph`` and the vocabulary of an ``Op``.

A function is a directed acyclic graph. A *node* applies an *op* to other nodes; it has a static shape and
dtype and never changes. Nodes are *hash-consed*: asking twice for ``sin(x)`` gives the same object, so
common subexpressions vanish by themselves (Ershov 1958; Filliâtre & Conchon 2006, "Type-safe modular
hash-consing"). Constants fold at construction, and each op may add identities that are safe for NaN,
infinities and signed zero.

Everything else in Thalweg is either a rewrite of a graph or a reading of it.
"""

from thalweg.graph.display import show
from thalweg.graph.graph import Graph, dependents, reachable, rebuild, source_of, substitute
from thalweg.graph.node import (
    CONSTANT,
    INPUT,
    ITEM,
    Node,
    as_node,
    building,
    canonical,
    constant,
    full,
    input_node,
    is_several,
    make,
    make_several,
    make_tuple,
    zeros_like,
)
from thalweg.graph.op import BOOL, DTYPES, FLOAT32, FLOAT64, INT64, LATE, OPS, Op, Rule, Shape
from thalweg.graph.places import describe_place, location, place, shape_error

__all__ = [
    "BOOL", "CONSTANT", "DTYPES", "FLOAT32", "FLOAT64", "INPUT", "INT64", "ITEM", "LATE", "OPS", "Graph", "Node", "Op",
    "Rule", "Shape", "as_node", "building", "canonical", "constant", "dependents", "describe_place", "full",
    "input_node", "is_several", "location", "make", "make_several", "make_tuple", "place", "reachable", "rebuild",
    "shape_error", "show", "source_of", "substitute", "zeros_like",
]  # fmt: skip
