"""One call of a transformed function: its arguments flattened, and sorted into differentiated, traced and plain ones.

Floats and arrays become inputs of the graph; integers, strings and other objects are passed as they are, and a trace is
remembered under their values. What is the same in all calls of one form — which argument ``wrt`` names, which leaves
are differentiated — is worked out once (`Form`), so that a later call only looks at types, shapes and dtypes.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.graph import BOOL, FLOAT32, FLOAT64, INT64, Node, canonical
from thalweg.tracing import tree
from thalweg.tracing.surroundings import Surroundings
from thalweg.tracing.trace import Signature, Traced, input_signature, is_traceable, trace_leaves
from thalweg.tracing.tracer import Tracer

Wrt = int | str | tuple[int | str, ...]
Assemble = Callable[[Sequence[Any]], Any]
"""From the values of the outputs of a graph to what the user gets."""

first: Assemble = operator.itemgetter(0)


class Variables:
    """The inputs of a traced call with respect to which derivatives are taken, and how they nest.

    Attributes
    ----------
    nodes : list of Node
        The differentiated inputs, one a leaf.
    structures : list
        The nesting of each differentiated argument.
    several : bool
        Whether several arguments were named (the result is then a tuple).
    """

    def __init__(self, nodes: list[Node], structures: list[Any], counts: list[int], several: bool) -> None:
        self.nodes = nodes
        self.structures = structures
        self.counts = counts
        self.several = several

    def nest(self, leaves: Sequence[Any]) -> Any:
        """One value a leaf, put together as the arguments were."""
        parts, start = [], 0
        for structure, count in zip(self.structures, self.counts, strict=True):
            parts.append(tree.unflatten(structure, list(leaves[start : start + count])))
            start += count
        return tuple(parts) if self.several else parts[0]

    @property
    def plain(self) -> bool:
        """Whether no differentiated argument is nested."""
        return all(structure is tree.LEAF for structure in self.structures)

    def nesting(self) -> Assemble:
        """`nest`, in the cheapest form for these structures."""
        if self.plain:
            return tuple if self.several else first
        return self.nest if self.several else self.structures[0].unflatten


def as_returned(traced: Traced) -> Assemble:
    """Values of the outputs nested as the function returned them."""
    structure = traced.out_structure
    return first if structure is tree.LEAF else lambda values: tree.unflatten(structure, values)


class Form:
    """What the calls with one nesting of arguments have in common.

    Attributes
    ----------
    traces : dict
        The traces remembered for each signature of such calls; the values are of whoever keeps them.
    """

    __slots__ = ("differentiated", "traces")

    def __init__(self, differentiated: tuple[bool, ...]) -> None:
        self.differentiated = differentiated
        self.traces: dict[Any, Any] = {}

    def key(self, leaves: Sequence[Any]) -> tuple[Any, ...] | None:
        """The signature of a call, where all its leaves are of the usual kinds."""
        key: list[Any] = []
        for x, differentiated in zip(leaves, self.differentiated, strict=True):
            kind = type(x)
            if kind is np.ndarray:
                dtype = x.dtype
                if not (dtype is FLOAT64 or dtype is FLOAT32):
                    if differentiated or not (dtype is INT64 or dtype is BOOL):
                        return None
                key.append((x.shape, dtype))
            elif kind is float or kind is np.float64:
                key.append(_NUMBER)
            elif kind in _PLAIN and not differentiated:
                key.append((kind, x))
            else:
                return None
        return tuple(key)


_NUMBER = ((), FLOAT64)
_PLAIN = frozenset({int, bool, str})


def flatten_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Sequence[Any], Any]:
    """The leaves of all arguments, and their nesting; for arguments that are not nested, their number says it."""
    if not kwargs:
        for x in args:
            kind = type(x)
            if kind is not np.ndarray and kind is not float and kind is not np.float64:
                break
        else:
            return args, len(args)
    return tree.flatten((args, kwargs))


def prepared(leaves: Sequence[Any]) -> list[Any]:
    """Leaves as the interpreter takes them: arrays, and for numbers NumPy's scalars."""
    return [np.float64(x) if type(x) is float else x if x.ndim else x[()] for x in leaves]


class Call:
    """One call: its arguments flattened, sorted into differentiated, traced and static ones."""

    def __init__(self, f: Callable[..., Any], wrt: Wrt, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.f = f
        self.several = isinstance(wrt, tuple)
        chosen = wrt if isinstance(wrt, tuple) else (wrt,)
        if self.several and not chosen:
            raise ArgumentError("wrt=(): name at least one argument to differentiate")
        given, kwargs = len(kwargs), dict(kwargs)
        places = [_resolve(f, w, args, kwargs) for w in chosen]
        if len(set(places)) != len(places):
            raise ArgumentError(f"wrt={wrt!r} names an argument twice")
        self.leaves: list[Any] = []
        self.signatures: list[Signature | None] = []
        self.slices: dict[int | str, slice] = {}
        self.structures: dict[int | str, Any] = {}
        for place, argument in _placed(args, kwargs):
            self._add(place, argument, place in places)
        self.places = places
        self.positional = len(args)
        self.names = tuple(sorted(kwargs))
        self.completed = len(kwargs) != given

    def _add(self, place: int | str, argument: Any, differentiated: bool) -> None:
        leaves, structure = tree.flatten(argument)
        start = len(self.leaves)
        for leaf in leaves:
            if differentiated:
                self.signatures.append(self._differentiable(place, leaf))
            else:
                self.signatures.append(input_signature(leaf, False) if is_traceable(leaf) else None)
        self.leaves.extend(leaves)
        self.slices[place] = slice(start, len(self.leaves))
        self.structures[place] = structure

    def _differentiable(self, place: int | str, leaf: Any) -> Signature:
        try:
            return input_signature(leaf, True)
        except (TypeError, ValueError) as error:
            which = f"argument {place}" if isinstance(place, int) else f"argument {place!r}"
            raise ArgumentError(
                f"{which} cannot be differentiated: {error}. Give numbers or arrays, or choose another argument by wrt="
            ) from None

    def key(self) -> Any:
        static = tuple(
            s if s is not None else static_key(leaf) for s, leaf in zip(self.signatures, self.leaves, strict=True)
        )
        structures = tuple(self.structures[p] for p in (*range(self.positional), *self.names))
        return (structures, self.names, static, tuple(self.places))

    def put_together(self, leaves: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        values = {p: tree.unflatten(self.structures[p], leaves[s]) for p, s in self.slices.items()}
        return tuple(values[i] for i in range(self.positional)), {name: values[name] for name in self.names}

    def form(self) -> Form | None:
        """What calls like this one have in common; ``None`` if a default of the function entered this one."""
        if self.completed:
            return None
        differentiated = [False] * len(self.leaves)
        for place in self.places:
            where = self.slices[place]
            differentiated[where] = [True] * (where.stop - where.start)
        return Form(tuple(differentiated))

    def trace(self, around: Surroundings | None = None) -> Traced:
        return trace_leaves(self.f, self.leaves, self.signatures, self.put_together, around)

    def traced_leaves(self) -> list[Any]:
        return [x for x, s in zip(self.leaves, self.signatures, strict=True) if s is not None]

    def arrays(self) -> list[Any]:
        return [
            x if type(x) is Tracer else np.asarray(canonical(np.asarray(x)), dtype=s[1])[()]
            for x, s in zip(self.leaves, self.signatures, strict=True)
            if s is not None
        ]

    def variables(self, traced: Traced) -> Variables:
        order = [i for i, s in enumerate(self.signatures) if s is not None]
        input_at = dict(zip(order, traced.inputs, strict=True))
        nodes: list[Node] = []
        structures: list[Any] = []
        counts: list[int] = []
        for place in self.places:
            where = self.slices[place]
            nodes.extend(input_at[i] for i in range(where.start, where.stop))
            structures.append(self.structures[place])
            counts.append(where.stop - where.start)
        return Variables(nodes, structures, counts, self.several)


def _placed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[int | str, Any]]:
    """The arguments of a call with their places: positions, then names in alphabetical order."""
    return [*enumerate(args), *sorted(kwargs.items())]


def traced_call(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], read: Callable[..., Any]) -> Any:
    """``read(traced, variables, arrays)`` for one call of ``f``, every float argument being a variable."""
    floats = tuple(
        place
        for place, argument in _placed(args, kwargs)
        if (leaves := tree.flatten(argument)[0]) and all(_is_float(x) for x in leaves)
    )
    if not floats:
        floats = (0,)
    call = Call(f, floats, args, kwargs)
    traced = call.trace()
    return read(traced, call.variables(traced), call.arrays())


def _is_float(leaf: Any) -> bool:
    return isinstance(leaf, float) or (isinstance(leaf, np.ndarray | np.floating) and leaf.dtype.kind in "fiu")


def plain_leaves(leaves: Sequence[Any], signatures: Sequence[Signature | None]) -> list[Any]:
    """What is passed as it is; such an object may change, or be read in part only."""
    return [x for x, s in zip(leaves, signatures, strict=True) if s is None]


def static_key(leaf: Any) -> Any:
    try:
        hash(leaf)
    except TypeError:
        return ("by identity", id(leaf))
    return (type(leaf), leaf)


def _resolve(f: Callable[..., Any], wrt: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
    """Where the argument ``wrt`` stands in this call: a position, or a keyword. A default is brought into the call."""
    if isinstance(wrt, bool) or not isinstance(wrt, int | str):
        raise ArgumentError(f"wrt={wrt!r}: give the position or the name of an argument, or a tuple of these")
    if isinstance(wrt, int) and -len(args) <= wrt < len(args):
        return wrt % len(args)
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters]
    if isinstance(wrt, int):
        if 0 <= wrt < len(names) and names[wrt] in kwargs:
            return names[wrt]
        raise ArgumentError(f"wrt={wrt}, but the function was called with {len(args)} positional argument(s)")
    if wrt in kwargs:
        return wrt
    if wrt in names:
        position = names.index(wrt)
        if position < len(args):
            return position
        default = parameters[position].default
        if default is not inspect.Parameter.empty:
            kwargs[wrt] = default
            return wrt
        raise ArgumentError(f"wrt={wrt!r}: the call does not give this argument")
    raise ArgumentError(f"wrt={wrt!r}: the function has no such argument; it has {', '.join(names) or 'none'}")
