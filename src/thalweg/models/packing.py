"""What a fitted model is made of, as a tree for JSON and a list of arrays; and back.

Numbers, texts, None, lists, tuples, dicts, arrays of numbers or texts, the state of a random generator, models within
models (the steps of a pipeline) and the verdict on the trained point can be written, and nothing else: no function, no
class by its name, no object with code of its own.  An array that stands in two places is one again afterwards.

    3.5, "relu", None       as JSON has them
    {"array": 4}            the array with this number
    {"scalar": "float32", "value": 0.5}
    {"list": […]}, {"tuple": […]}, {"dict": [[key, value], …]}
    {"texts": […], "shape"}  an array of objects: texts, and None, numbers or truth values among them
    {"generator": …}        a random generator and where it stands
    {"model": "KMeans", "parameters": …, "attributes": …}
    {"record": "Solution", "fields": …}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from enum import StrEnum
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.optimize.certificate import Certificate
from thalweg.optimize.classify import Classification
from thalweg.optimize.history import History
from thalweg.optimize.problem import Evaluations
from thalweg.optimize.solution import Solution, Status

__all__ = ["Packer", "Unpacker", "Unreadable"]

#: The parts of a verdict.
RECORDS: dict[str, Any] = {c.__name__: c for c in (Solution, Classification, Certificate, Evaluations, History)}
#: What of them is not written: the problem with its functions, and ways out that were taken or not.
LEFT_OUT = {"built": None, "falling": None, "rising": None, "minima": ()}
BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
SCALARS = ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)), "float32", "float64")
FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, np.ufunc)
DEEP = 60


class Unreadable(Exception):
    """A tree that no model has made."""


# --- writing ----------------------------------------------------------------------------------------------------------


class Packer:
    """Goes through values and notes what it meets.

    Parameters
    ----------
    model : callable
        ``model(value, packer) -> dict or None``: the tree of a model that may be saved; None for what is no model.
    """

    def __init__(self, model: Callable[[Any, Packer], dict[str, Any] | None]) -> None:
        self.arrays: list[np.ndarray] = []
        self._model = model
        self._known: dict[int, int] = {}

    def tree(self, value: Any, where: str) -> Any:
        """The tree of a value; `where` it stands is named in errors."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, StrEnum):
            return str(value)
        if isinstance(value, np.ndarray):
            return self._array(value, where)
        if isinstance(value, np.generic):
            if value.dtype.name not in SCALARS and value.dtype.kind != "U":
                raise ArgumentError(f"{where} is a number of type {value.dtype}, which a model file cannot hold.")
            return {"scalar": "str" if value.dtype.kind == "U" else value.dtype.name, "value": value.item()}
        if type(value) in (list, tuple):
            kind = "list" if type(value) is list else "tuple"
            return {kind: [self.tree(item, f"{where}[{place}]") for place, item in enumerate(value)]}
        if isinstance(value, dict):
            return {
                "dict": [[self.tree(k, f"a key of {where}"), self.tree(v, f"{where}[{k!r}]")] for k, v in value.items()]
            }
        if isinstance(value, np.random.RandomState):
            return {"generator": "RandomState", "state": self.tree(value.get_state(), where)}
        if isinstance(value, np.random.Generator) and type(value.bit_generator).__name__ in BIT_GENERATORS:
            name = type(value.bit_generator).__name__
            return {"generator": name, "state": self.tree(dict(value.bit_generator.state), where)}
        if type(value) in RECORDS.values():
            return self._record(value, where)
        tree = self._model(value, self)
        if tree is None:
            raise ArgumentError(unsuitable(value, where))
        return tree

    def _array(self, value: np.ndarray, where: str) -> dict[str, Any]:
        if value.dtype == object:
            items = [str(item) if type(item) is np.str_ else item for item in value.ravel()]
            if all(item is None or type(item) in (str, bool, int, float) for item in items):
                return {"texts": items, "shape": list(value.shape)}
            bad = next(item for item in items if item is not None and type(item) not in (str, bool, int, float))
            raise ArgumentError(unsuitable(bad, f"an entry of {where}"))
        if value.dtype.kind not in "biufUS" or value.dtype.names is not None:
            raise ArgumentError(
                f"{where} is an array of {value.dtype}: a model file holds arrays of numbers and texts."
            )
        if id(value) not in self._known:
            self._known[id(value)] = len(self.arrays)
            self.arrays.append(value)
        return {"array": self._known[id(value)]}

    def _record(self, value: Any, where: str) -> dict[str, Any]:
        left = {f.name: LEFT_OUT[f.name] for f in fields(value) if f.name in LEFT_OUT}
        whole = replace(value, **left) if left else value
        content = {f.name: self.tree(getattr(whole, f.name), f"{where}.{f.name}") for f in fields(whole)}
        return {"record": type(value).__name__, "fields": content}


def unsuitable(value: Any, where: str) -> str:
    """Why a value cannot be saved."""
    if isinstance(value, FUNCTIONS) or (callable(value) and not hasattr(value, "get_params")):
        name = getattr(value, "__name__", type(value).__name__)
        return (
            f"{where} is a function, {name}, and a model file holds no code: keep the function in a module of yours "
            "and save the numbers (numpy.savez), or pickle the model for your own use."
        )
    return (
        f"{where} is a {type(value).__name__}: a model file holds numbers, texts, arrays, and lists, tuples and dicts "
        "of these."
    )


# --- reading ----------------------------------------------------------------------------------------------------------


class Unpacker:
    """Makes values from a tree and its arrays.

    Parameters
    ----------
    arrays : list of array
    model : callable
        ``model(tree, unpacker, depth) -> model``.
    """

    def __init__(self, arrays: list[np.ndarray], model: Callable[[Mapping[str, Any], Unpacker, int], Any]) -> None:
        self._arrays = arrays
        self._model = model

    def value(self, tree: Any, depth: int = 0) -> Any:
        """The value that a tree stands for."""
        if depth > DEEP:
            raise Unreadable("its values are nested too deeply")
        if not isinstance(tree, dict):
            if isinstance(tree, list):
                raise Unreadable("it has a list where a value should be")
            return tree
        match tree:
            case {"array": number}:
                return self._array(number)
            case {"scalar": "str", "value": str(item)}:
                return np.str_(item)
            case {"scalar": str(name), "value": bool() | int() | float() as item} if name in SCALARS:
                return np.dtype(name).type(item)
            case {"list": list(items)}:
                return [self.value(item, depth + 1) for item in items]
            case {"tuple": list(items)}:
                return tuple(self.value(item, depth + 1) for item in items)
            case {"dict": list(pairs)}:
                return self._dict(pairs, depth)
            case {"texts": list(items), "shape": list(shape)}:
                return _texts(items, shape)
            case {"generator": str(name), "state": state}:
                return _generator(name, self.value(state, depth + 1))
            case {"record": str(name), "fields": dict(content)} if name in RECORDS:
                return self._record(RECORDS[name], content, depth)
            case {"model": str()}:
                return self._model(tree, self, depth + 1)
        raise Unreadable(f"it has a value of an unknown kind ({', '.join(map(str, tree))})"[:200])

    def _array(self, number: Any) -> np.ndarray:
        if type(number) is not int or not 0 <= number < len(self._arrays):
            raise Unreadable("it speaks of an array that it does not have")
        return self._arrays[number]

    def _dict(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        found = {}
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise Unreadable("it has a dict that is none")
            found[self.value(pair[0], depth + 1)] = self.value(pair[1], depth + 1)
        return found

    def _record(self, cls: Any, content: Mapping[str, Any], depth: int) -> Any:
        names = {f.name for f in fields(cls)}
        if unknown := set(content) - names:
            raise Unreadable(f"its {cls.__name__} has {', '.join(sorted(unknown))}, which is unknown here"[:200])
        values = {name: self.value(item, depth + 1) for name, item in content.items() if name not in LEFT_OUT}
        if cls is Solution:
            values["status"] = Status(values["status"])
        made = {f.name: LEFT_OUT[f.name] for f in fields(cls) if f.name in LEFT_OUT}
        return cls(**(made | values))


def _texts(items: list[Any], shape: list[Any]) -> np.ndarray:
    if any(type(length) is not int or length < 0 for length in shape) or math.prod(shape) != len(items):
        raise Unreadable("it has an array of texts of another size than it says")
    if any(isinstance(item, (list, dict)) for item in items):
        raise Unreadable("it has an array of texts with something else in it")
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(shape)


def _generator(name: str, state: Any) -> Any:
    if name == "RandomState":
        made = np.random.RandomState()
        made.set_state(state)
        return made
    if name not in BIT_GENERATORS:
        raise Unreadable(f"it has an unknown random generator {name}"[:200])
    bits = getattr(np.random, name)()
    bits.state = state
    return np.random.Generator(bits)
