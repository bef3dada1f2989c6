r"""The memory of a run in a file, and back.

What a run remembers, the attributes of its engine above all, is plain data: numbers, texts, arrays, and objects of this
room made of these.  `pack` writes it as a tree that JSON can hold and a list of arrays; `unpack` makes it anew, and
`restored` puts it into objects that exist already.  An array, a point or an object that stands in two places is one
again afterwards, since methods ask whether a point is the very one they know.

Left out are attributes whose names begin with ``_cached``, which are made anew where they are None (or, in an engine,
as its constructor leaves them), and functions and problems, which come from the call that goes on.

The file is an ``.npz`` without pickled objects: reading it runs no code.  It is written beside its place and moved
there when complete, so there is an old file or a new one, never a half.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .problem import Constraints, Point, Problem, Residuals
from .whole_file import whole_file

__all__ = ["Packed", "pack", "read", "restored", "unpack", "write"]

FORMAT = "thalweg state"
VERSION = 1
#: The entry of the file that holds the tree.
TREE = "tree"
ROOM = __name__.rsplit(".", 1)[0]
_PLACE = re.compile(r"(\w+\.)*\w+:\w+")
_NOT_DATA = (FunctionType, BuiltinFunctionType, MethodType, type, np.ufunc, Problem, Constraints, Residuals)
_LEFT_OUT = {"left out": True}


@dataclass(eq=False)
class Packed:
    """A tree for JSON, and the arrays it speaks of by number."""

    tree: Any = None
    arrays: list[np.ndarray] = field(default_factory=list)


class _Packer:
    """Goes through a value and notes what it meets."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.known: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no number of an object is given twice

    def tree(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(value)
        if type(value) in (list, tuple):
            kind = "list" if type(value) is list else "tuple"
            return {kind: [self.tree(item) for item in value]}
        if type(value) is dict:
            if not all(type(key) in (str, int) for key in value):
                raise ArgumentError("A dict can be saved to a file only if its keys are texts or whole numbers.")
            return {"dict": [[key, self.tree(item)] for key, item in value.items()]}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"named": _place(type(value)), "of": [self.tree(item) for item in value]}
        if isinstance(value, _NOT_DATA):
            return _LEFT_OUT
        return self._object(value)

    def _array(self, value: Any) -> Any:
        if value.dtype.kind not in "fiub":
            raise ArgumentError(f"An array of dtype {value.dtype} cannot be saved to a file.")
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        if kind == "array" and id(value) in self.known:
            return {kind: self.known[id(value)]}
        number = len(self.arrays)
        self.arrays.append(np.asarray(value))
        if kind == "array":
            self.known[id(value)] = number
            self.kept.append(value)
        return {kind: number}

    def _object(self, value: Any) -> Any:
        if id(value) in self.known:
            return {"again": self.known[id(value)]}
        if type(value).__name__ in ("csr_array", "csr_matrix"):
            content = [self.tree(part) for part in (value.data, value.indices, value.indptr)]
            found: dict[str, Any] = {"csr": content, "shape": [int(k) for k in value.shape]}
        elif isinstance(value, Point):
            parts = (value.x, value.value, value.gradient, value.c, value.J)
            found = {"point": [self.tree(part) for part in parts]}
        else:
            found = self._attributes(value)
        found["number"] = self.known[id(value)] = len(self.kept)
        self.kept.append(value)
        return found

    def _attributes(self, value: Any) -> dict[str, Any]:
        place, content, cached = _place(type(value)), {}, []
        for name, item in _state_of(value).items():
            if name.startswith("_cached"):
                cached.append(name)
            else:
                content[name] = self.tree(item)
        return {"object": place, "has": content, "cached": cached}


def _place(cls: type) -> str:
    """Where a class of this room is; no other can be saved."""
    if not cls.__module__.startswith(ROOM + ".") or "<" in cls.__qualname__:
        raise ArgumentError(
            f"A {cls.__name__} cannot be saved to a file, which holds numbers, texts, arrays, and lists, tuples and "
            "dicts of them; let x be one of these."
        )
    return f"{cls.__module__[len(ROOM) + 1 :]}:{cls.__name__}"


def _state_of(value: Any) -> dict[str, Any]:
    """The attributes of an object; as its class has it where it says how it is to be stored."""
    if "__getstate__" in vars(type(value)):
        return dict(value.__getstate__())
    if hasattr(value, "__dict__"):
        return dict(vars(value))
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    raise ArgumentError(f"A {type(value).__name__} cannot be saved to a file.")


def pack(value: Any) -> Packed:
    """Write `value` as a tree and arrays; the arrays are not copied.

    Examples
    --------
    >>> x = np.ones(2)
    >>> packed = pack({"x": x, "again": [x, 0.5, None]})
    >>> len(packed.arrays), packed.tree["dict"][0]
    (1, ['x', {'array': 0}])
    """
    packer = _Packer()
    tree = packer.tree(value)
    return Packed(tree, packer.arrays)


class _Unpacker:
    """Makes values from a tree; into objects that are there already, where they are of the same class."""

    def __init__(self, packed: Packed, problem: Problem | None) -> None:
        self.packed = packed
        self.problem = problem
        self.arrays: dict[int, np.ndarray] = {}
        self.objects: dict[int, Any] = {}

    def value(self, tree: Any, into: Any = None) -> Any:
        if not isinstance(tree, dict):
            return tree
        if "array" in tree:
            number = tree["array"]
            if number not in self.arrays:
                self.arrays[number] = self.packed.arrays[number].copy(order="K")
            return self.arrays[number]
        if "scalar" in tree:
            return self.packed.arrays[tree["scalar"]][()]
        if "list" in tree:
            return [self.value(item) for item in tree["list"]]
        if "tuple" in tree:
            return tuple(self.value(item) for item in tree["tuple"])
        if "dict" in tree:
            return {key: self.value(item) for key, item in tree["dict"]}
        if "named" in tree:
            return _class(tree["named"])(*(self.value(item) for item in tree["of"]))
        if "again" in tree:
            return self.objects[tree["again"]]
        if "left out" in tree:
            return into
        found = self._object(tree, into)
        self.objects[tree["number"]] = found
        return found

    def _object(self, tree: dict[str, Any], into: Any) -> Any:
        if "csr" in tree:
            from scipy.sparse import csr_array

            return csr_array(tuple(self.value(part) for part in tree["csr"]), shape=tuple(tree["shape"]))
        if "point" in tree:
            x, value, gradient, c, J = (self.value(part) for part in tree["point"])
            assert self.problem is not None
            return Point(self.problem, x, value, gradient, c, J)
        cls = _class(tree["object"])
        made: Any = into if type(into) is cls else _blank(cls)
        if "__setstate__" in vars(cls):
            made.__setstate__({name: self.value(item) for name, item in tree["has"].items()})
            return made
        for name, item in tree["has"].items():
            object.__setattr__(made, name, self.value(item, getattr(made, name, None)))
        for name in tree["cached"]:
            object.__setattr__(made, name, getattr(cls, name, None))
        return made


def _class(place: str) -> type:
    """A class of this room by its place: nothing else can be named."""
    if _PLACE.fullmatch(place):
        module, name = place.split(":")
        if importlib.util.find_spec(f"{ROOM}.{module}") is not None:
            found = getattr(importlib.import_module(f"{ROOM}.{module}"), name, None)
            if isinstance(found, type) and found.__module__ == f"{ROOM}.{module}":
                return found
    raise ArgumentError(f"there is no {place!r} in this version")


def _blank(cls: type) -> Any:
    """An object without its attributes, but for the defaults of a dataclass."""
    made: Any = object.__new__(cls)
    for f in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
        if f.default is not dataclasses.MISSING:
            object.__setattr__(made, f.name, f.default)
        elif f.default_factory is not dataclasses.MISSING:
            object.__setattr__(made, f.name, f.default_factory())
    return made


def unpack(packed: Packed, problem: Problem | None = None) -> Any:
    """Make the value anew; its points belong to `problem`.

    Examples
    --------
    >>> found = unpack(pack({"x": np.ones(2), "more": (1, "two", [3.0])}))
    >>> found
    {'x': array([1., 1.]), 'more': (1, 'two', [3.0])}
    """
    return _Unpacker(packed, problem).value(packed.tree)


def restored(packed: Packed, problem: Problem, existing: Mapping[str, Any]) -> dict[str, Any]:
    """Make a packed dict anew, and put its objects into those of `existing` under the same keys."""
    unpacker = _Unpacker(packed, problem)
    return {key: unpacker.value(item, existing.get(key)) for key, item in packed.tree["dict"]}


# --- the file ---------------------------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], packed: Packed) -> None:
    """Write the file, whole or not at all.

    Raises
    ------
    OSError
        Where it cannot be written; what was there is untouched.
    """
    head = json.dumps({"format": FORMAT, "version": VERSION, "content": packed.tree}).encode()
    entries: dict[str, Any] = {TREE: np.frombuffer(head, dtype=np.uint8)}
    entries |= {f"array{number}": array for number, array in enumerate(packed.arrays)}
    with whole_file(path, "The state") as file:
        np.savez(file, **entries)


def read(path: str | os.PathLike[str]) -> Packed:
    """Read a file that `write` made.

    Raises
    ------
    ArgumentError
        Where it is no such file, is damaged, or is of a later version.
    OSError
        Where there is none, or it cannot be read.
    """
    shown = os.fspath(path)
    with open(path, "rb") as file:  # its own errors are clear
        if file.read(4) != b"PK\x03\x04":
            raise ArgumentError(f"{shown} is no saved state: State.save writes these.")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as entries:
                if TREE not in entries.files:
                    raise ArgumentError(f"{shown} is no saved state: State.save writes these.")
                head = json.loads(entries[TREE].tobytes().decode())
                if not isinstance(head, dict) or head.get("format") != FORMAT:
                    raise ArgumentError(f"{shown} is no saved state: State.save writes these.")
                if head["version"] != VERSION:
                    raise ArgumentError(
                        f"{shown} was saved by another version of thalweg: its format is {head['version']}, and this "
                        f"version reads {VERSION}."
                    )
                names = len(entries.files) - 1
                return Packed(head["content"], [entries[f"array{number}"] for number in range(names)])
        except ArgumentError:
            raise
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError, NotImplementedError, zlib.error) as error:
            raise ArgumentError(f"{shown} is damaged and cannot be read as a saved state ({error}).") from None
