"""What a function can read besides its arguments: found by following names.

From a function one gets to its closure cells, its defaults and the globals that its code names; from these to
containers, objects with their attributes, methods and class attributes, bound methods, partial functions; and to the
attributes of modules (``config.rate``, ``model.loss(x)``), whose functions are followed in turn. Attributes of classes
and modules are followed only where some code on the way mentions their name, so the walk stays near what can be read.

Installed packages, the standard library, NumPy, SciPy and Thalweg are taken as fixed: their functions are not followed,
but what they close over, hold or carry as state (a random generator, ``os.environ``) is.
"""

from __future__ import annotations

import collections
import dis
import functools
import io
import logging
import random
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from thalweg.tracing.context import is_library

MISSING = object()
GENERATORS = (np.random.Generator, np.random.BitGenerator, np.random.RandomState, random.Random)
HOLDERS = (dict, list, tuple, set, frozenset, collections.deque)

_PLAIN = frozenset(
    {int, float, bool, str, bytes, complex, type(None), type(Ellipsis), slice, range, np.ufunc, np.dtype}
)
_SILENT = (io.IOBase, logging.Logger, np.generic)  # written to, not read
_SETTING_UP = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__", "__class_getitem__"})
_DESCRIBING = frozenset({"__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__"})
_MOST = 200_000
_IMPORT = dis.opmap["IMPORT_NAME"]


class Surroundings:
    """Everything around some functions and objects.

    Attributes
    ----------
    functions : list of function
        Python functions of the user's that may be called.
    cells : list of (cell, content)
        Closure cells.
    names : list of (namespace, name, content)
        Names in modules and classes; the content is `MISSING` where a name would shadow another if it were bound.
    things : list
        Objects that can change: containers, arrays, random generators, iterators, objects with attributes.
    complete : bool
        Whether all was seen; the walk gives up on very many objects.
    """

    def __init__(self, *roots: Any) -> None:
        self.functions: list[types.FunctionType] = []
        self.cells: list[tuple[Any, Any]] = []
        self.names: list[tuple[Any, str, Any]] = []
        self.things: list[Any] = []
        self._package = {p for root in roots for p in [_package_of(root)] if p}
        self._mentioned: set[str] = set()
        self._seen: dict[int, Any] = {}
        self._named: set[tuple[int, str]] = set()
        self._modules: list[types.ModuleType] = []
        self._classes: dict[type, bool] = {}  # class → whether it may be called, rather than only its instances used
        self._stack: list[Any] = list(roots)
        before = -1
        while before != len(self._mentioned) + len(self._seen):
            before = len(self._mentioned) + len(self._seen)
            self._walk()
            for module in list(self._modules):
                self._attributes_of_module(module)
            for cls in list(self._classes):
                self._attributes_of_class(cls)
        self.complete = len(self._seen) < _MOST

    def _walk(self) -> None:
        stack, seen = self._stack, self._seen
        while stack and len(seen) < _MOST:
            thing = stack.pop()
            kind = type(thing)
            if kind in _PLAIN or id(thing) in seen:
                continue
            seen[id(thing)] = thing
            if kind is types.FunctionType:
                self._function(thing)
            elif isinstance(thing, types.MethodType):
                stack += (thing.__func__, thing.__self__)
            elif isinstance(thing, types.ModuleType):
                self._modules.append(thing)
            elif isinstance(thing, type):
                if not self._is_foreign(thing.__module__):
                    self._classes[thing] = True
            elif isinstance(thing, _SILENT):
                pass
            elif isinstance(thing, np.ndarray):
                self.things.append(thing)
                if thing.dtype.kind == "O":
                    stack += thing.flat
            elif isinstance(thing, functools.partial):
                stack += (thing.func, thing.args, thing.keywords)
            else:
                self._object(thing)

    def _function(self, f: types.FunctionType) -> None:
        for cell in f.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                continue
            self.cells.append((cell, content))
            self._stack.append(content)
        self._stack += (f.__defaults__, f.__kwdefaults__)
        if self._is_foreign(f.__globals__.get("__name__", "")):
            return
        self.functions.append(f)
        self._mentioned |= mentioned_names(f.__code__)
        for name in global_names(f.__code__):
            if name in f.__globals__:
                self._name(f.__globals__, f.__globals__, name)
        for name in _imports(f.__code__):
            self.names.append((sys.modules, name, sys.modules.get(name, MISSING)))
            self._stack.append(sys.modules.get(name))

    def _object(self, thing: Any) -> None:
        cls = type(thing)
        if isinstance(thing, GENERATORS):
            self.things.append(thing)
            return
        owner = getattr(thing, "__self__", None)  # a method of compiled code
        if owner is not None:
            self._stack.append(owner)
            return
        wrapped = getattr(thing, "__wrapped__", None) if callable(thing) else None
        if wrapped is not None:
            self._stack.append(wrapped)
            if is_library(cls.__module__):
                return
        if isinstance(thing, HOLDERS):
            self.things.append(thing)
            self._stack += contents(thing)
        elif isinstance(thing, property):
            self._stack += (thing.fget, thing.fset)
        elif isinstance(thing, classmethod | staticmethod):
            self._stack.append(thing.__func__)
        elif hasattr(cls, "__next__") or hasattr(cls, "__array__"):
            self.things.append(thing)
        if not self._is_foreign(cls.__module__):
            self._classes.setdefault(cls, False)
            if any(True for _ in slots(cls)):
                self.things.append(thing)
                self._stack += contents(thing)
        attributes = getattr(thing, "__dict__", None)
        if type(attributes) is dict:
            self._stack.append(attributes)

    def _attributes_of_module(self, module: types.ModuleType) -> None:
        name_of_module = module.__name__
        foreign = self._is_foreign(name_of_module)
        namespace = module.__dict__
        for name in self._mentioned & namespace.keys():
            value = namespace[name]
            if not foreign:
                self._name(namespace, namespace, name)
            elif isinstance(value, types.ModuleType) or isinstance(getattr(value, "__self__", None), GENERATORS):
                self._stack.append(value)
            elif not is_library(name_of_module) and not callable(value):
                self._name(namespace, namespace, name)

    def _attributes_of_class(self, cls: type) -> None:
        bases = [b for b in cls.__mro__ if not self._is_foreign(b.__module__)]
        for depth, base in enumerate(bases):
            namespace = base.__dict__
            for name, value in list(namespace.items()):
                if name not in self._mentioned:
                    special = name.startswith("__") and name.endswith("__") and name not in _DESCRIBING
                    if not special or not (callable(value) or isinstance(value, classmethod | staticmethod)):
                        continue
                    if name in _SETTING_UP and not self._classes[cls]:
                        continue
                for owner in bases[: depth + 1]:  # a class on the way to it may come to shadow it
                    self._name(owner, owner.__dict__, name)

    def _name(self, owner: Any, namespace: Any, name: str) -> None:
        if (id(owner), name) in self._named:
            return
        self._named.add((id(owner), name))
        content = namespace.get(name, MISSING)
        self.names.append((namespace, name, content))
        if content is not MISSING:
            self._stack.append(content)

    def _is_foreign(self, module: str) -> bool:
        return module.partition(".")[0] not in self._package and is_installed(module)


def contents(thing: Any) -> tuple[Any, ...]:
    """What a container, or an object with slots, holds at this moment."""
    if isinstance(thing, dict):
        return (*thing.keys(), *thing.values())
    if isinstance(thing, HOLDERS):
        return tuple(thing)
    return tuple(getattr(thing, name, MISSING) for name in slots(type(thing)))


def slots(cls: type) -> Iterator[str]:
    """The names of the slots that the classes of the user's give to their instances."""
    for base in cls.__mro__:
        names: str | Iterable[str] = base.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name not in ("__dict__", "__weakref__"):
                private = name.startswith("__") and not name.endswith("__")
                yield f"_{base.__name__.lstrip('_')}{name}" if private else name


def global_names(code: types.CodeType) -> frozenset[str]:
    """The global names (and attributes) that a function and the functions written inside it mention."""
    return _names_in(code)[0]


def mentioned_names(code: types.CodeType) -> frozenset[str]:
    """`global_names` and the words among its constants, which ``getattr`` may be given."""
    return _names_in(code)[1]


def _imports(code: types.CodeType) -> frozenset[str]:
    return _names_in(code)[2]


_known: dict[types.CodeType, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {}


def _names_in(code: types.CodeType) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    found = _known.get(code)
    if found is None:
        names: set[str] = set(code.co_names)
        words: set[str] = set()
        imports: set[str] = set()
        for const in code.co_consts:
            if isinstance(const, types.CodeType):
                inner = _names_in(const)
                names |= inner[0]
                words |= inner[1]
                imports |= inner[2]
            elif type(const) is str and const.isidentifier():
                words.add(const)
        if _IMPORT in code.co_code[::2]:
            imports |= {i.argval for i in dis.get_instructions(code) if i.opcode == _IMPORT}
        if len(_known) > 10_000:
            _known.clear()
        found = _known[code] = (frozenset(names), frozenset(names | words), frozenset(imports))
    return found


def is_installed(module: str) -> bool:
    """Whether a module is of the standard library or an installed package, rather than of the user."""
    found = _installed.get(module)
    if found is None:
        top = module.partition(".")[0]
        found = is_library(module) or (top in sys.stdlib_module_names and top != "__main__")
        if not found:
            path = (getattr(sys.modules.get(module), "__file__", None) or "").replace("\\", "/")
            found = "/site-packages/" in path or "/dist-packages/" in path
        _installed[module] = found
    return found


_installed: dict[str, bool] = {}


def _package_of(thing: Any) -> str:
    """The package of the function itself, which is the user's wherever it is installed."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    name = getattr(thing, "__module__", None)
    if not isinstance(name, str) or is_library(name) or name.partition(".")[0] in sys.stdlib_module_names:
        return ""
    return name.partition(".")[0]
