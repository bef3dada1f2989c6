"""Nested arguments: dicts, tuples, lists, named tuples and dataclasses of arrays, flattened to a list and back."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

_NAMESPACE = "thalweg"
_SIMPLE = {np.ndarray, np.float64, float, int, bool, str}
_registered: set[type] = set()


class _Leaf:
    """The structure of a single array: nothing to flatten."""

    def __repr__(self) -> str:
        return "*"

    def __reduce__(self) -> str:
        return "LEAF"  # one object, also after pickling


LEAF = _Leaf()


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of ``tree`` in a fixed order (dicts by sorted key), and its structure.

    Anything that is not a container is a leaf; ``None`` holds no leaf.
    """
    kind = type(tree)
    if kind is np.ndarray or kind is float or kind is int or kind is np.float64 or kind.__name__ == "Tracer":
        return [tree], LEAF
    leaves, structure = _flatten_containers(tree)
    kinds = {*map(type, leaves)} - _SIMPLE
    found = {kind for kind in kinds if dataclasses.is_dataclass(kind)} - _registered if kinds else None
    if not found:
        return leaves, structure
    for cls in found:
        _register(cls)
    return flatten(tree)


def _flatten_containers(tree: Any) -> tuple[list[Any], Any]:
    """``optree``'s, which is loaded when the first container comes."""
    global _flatten_containers
    import optree

    _flatten_containers = functools.partial(optree.tree_flatten, namespace=_NAMESPACE)
    return _flatten_containers(tree)


def unflatten(structure: Any, leaves: Sequence[Any]) -> Any:
    """The inverse of `flatten`."""
    return leaves[0] if structure is LEAF else structure.unflatten(leaves)


def paths(tree: Any) -> list[str]:
    """A readable name for each leaf: ``['a']``, ``[0]``, ``.weights``."""
    if flatten(tree)[1] is LEAF:
        return [""]
    import optree

    accessors = optree.tree_accessors(tree, namespace=_NAMESPACE)
    return [accessor.codify("") for accessor in accessors]


def _register(cls: type) -> None:
    """Let ``optree`` see into a dataclass: its fields are its children."""
    import optree

    names = tuple(f.name for f in dataclasses.fields(cls))

    def take_apart(value: Any) -> tuple[Any, Any, Any]:
        return tuple(getattr(value, name) for name in names), names, names

    def put_together(_: Any, children: Any) -> Any:
        value: Any = object.__new__(cls)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(value, name, child)
        return value

    optree.register_pytree_node(cls, take_apart, put_together, namespace=_NAMESPACE)
    _registered.add(cls)
