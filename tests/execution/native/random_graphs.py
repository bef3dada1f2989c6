"""Random graphs, and the comparison of native code with the interpreter on them.

Inputs are small multiples of 1/4, and most ops keep values exact (sums, products, extrema, comparisons, movement): such
a result has to agree to the last bit, whatever the order of additions. What passes through exp, tanh or a quotient is
*rough*: it is compared to rounding, and never decides anything (no comparison, no floor, no position).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native import groups, llvm, program, scalarize, symbols, tiled
from thalweg.graph import BOOL, FLOAT32, FLOAT64, INT64, Graph, Node, as_node, constant, full, input_node, make
from thalweg.ops import elementwise as e
from thalweg.ops import gather, movement, reduce, softmax
from thalweg.ops.contract import CONTRACT

_BITS = 12  # of an exact value at most, in units of 1/4: far from rounding in float32 after one more product and a sum
_SIZE = 600  # elements of a value at most

ROUGH = ("tanh", "sin", "cos", "arctan", "logistic", "exp", "expm1", "log1p", "sqrt", "share", "erf")


class Builder:
    """Makes one random graph; ``random`` is a `random.Random`, or what hypothesis gives for one."""

    def __init__(self, random: Any, dtypes: Any = (FLOAT64, FLOAT32, INT64, BOOL), rough: bool = True) -> None:
        self.random = random
        self.dtypes = dtypes
        self.lengths = [random.choice([1, 2, 3, 4, 5, 7, 9]) for _ in range(3)]
        if random.random() < 0.3:
            self.lengths.append(random.choice([17, 40]))
        if random.random() < 0.1:
            self.lengths.append(0)
        self.bits: dict[Node, float] = {}  # log₂ of the greatest possible value, in units of the last exact place
        self.roughly: dict[Node, float] = {}  # the rounding error of a rough value, a few of its last places
        self.inputs: list[Node] = []
        self.nodes: list[Node] = []
        self.allow_rough = rough
        for _ in range(random.randint(1, 4)):
            self.new_input()

    # --- leaves -----------------------------------------------------------------------------------------------------

    def shape(self) -> tuple[int, ...]:
        rank = self.random.choice([0, 1, 1, 2, 2, 2, 3, 3, 4])
        shape: tuple[int, ...] = ()
        for _ in range(rank):
            n = self.random.choice([*self.lengths, self.random.choice([1, *self.lengths])])
            if int(np.prod(shape)) * n <= _SIZE:
                shape = (*shape, n)
        return shape

    def new_input(self) -> Node:
        n = input_node(self.shape(), self.random.choice(self.dtypes))
        self.inputs.append(n)
        self.add(n, 0 if n.dtype == BOOL else 3)
        return n

    def new_constant(self) -> Node:
        shape = self.shape()
        values = np.random.default_rng(self.random.randint(0, 99)).integers(-2, 3, shape)
        dtype = self.random.choice(self.dtypes)
        made = constant(np.asarray(values.astype(dtype))) if self.random.random() < 0.5 else full(shape, 1, dtype)
        return self.add(made, 3)

    # --- values -----------------------------------------------------------------------------------------------------

    def add(self, n: Node, bits: float, rough: float | None = None) -> Node:
        if n not in self.bits:
            self.bits[n] = bits
            if rough is not None and n.dtype.kind == "f":
                self.roughly[n] = max(rough, 2.0**bits * _eps(n.dtype))
            self.nodes.append(n)
        return n

    def pick(self, kinds: str = "fib", exact: bool = False, bits: float = 99) -> Node | None:
        fitting = [
            n
            for n in self.nodes
            if n.dtype.kind in kinds and not (exact and n in self.roughly) and self.bits[n] <= bits
        ]
        if not fitting:
            return None
        recent = fitting[-6:]
        return self.random.choice(recent if self.random.random() < 0.6 else fitting)

    def partner(self, a: Node, kinds: str = "fib", exact: bool = False, bits: float = 99) -> Node | None:
        """A value that broadcasts against ``a``."""
        for _ in range(4):
            b = self.pick(kinds, exact, bits)
            if b is None:
                return None
            b = self.fitted(b, a.shape)
            if b is not None:
                return b
        return None

    def fitted(self, b: Node, shape: tuple[int, ...]) -> Node | None:
        try:
            both = np.broadcast_shapes(shape, b.shape)
            return b if np.prod(both) <= _SIZE else None
        except ValueError:
            pass
        if len(b.shape) > 0 and b.size:  # cut down to one element along what does not fit
            k = self.random.randrange(b.ndim)
            index = tuple((0, n, 1) if i != k else self.random.randrange(n) for i, n in enumerate(b.shape))
            made = self.derive(movement.slice_(b, index), b)
            with contextlib.suppress(ValueError):
                np.broadcast_shapes(shape, made.shape)
                return made
        return None

    def derive(self, n: Node, *given: Node, more: float = 0.0) -> Node:
        """Add ``n``, whose values are those of ``given`` (with ``more`` bits)."""
        bits = max((self.bits.get(g, 3) for g in given), default=3) + more
        rough = [self.roughly[g] for g in given if g in self.roughly]
        return self.add(n, bits, max(rough) * 2.0**more if rough else None)

    # --- steps ------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        chosen = self.random.choice(_STEPS)
        chosen(self)

    def unary(self) -> None:
        name = self.random.choice(["negative", "absolute", "square", "sign", "floor", "rint", "isnan", "logical_not",
                                   "signbit", "cast", "trunc", "ceil"])  # fmt: skip
        if name == "cast":
            x = self.pick()
            if x is not None:
                dtype = self.random.choice(self.dtypes)
                if x in self.roughly and dtype.kind != "f":
                    return
                y = e.astype(x, dtype)
                self.derive(y, x)
            return
        if name == "signbit":  # only of what is given: whether a sum of products is 0 or −0 is not settled
            self.derive(make(_op(name), (self.random.choice(self.inputs),)), self.inputs[0])
            return
        discontinuous = name not in ("negative", "absolute", "square")
        x = self.pick("fi" if name != "isnan" else "f", exact=discontinuous)
        if name == "logical_not":
            x = self.pick("fib", exact=True)
        if x is None or (name == "square" and self.bits[x] * 2 > _BITS):
            return
        self.derive(make(_op(name), (x,)), x, more=self.bits[x] if name == "square" else 0)

    def binary(self) -> None:
        name = self.random.choice(["add", "subtract", "multiply", "multiply", "maximum", "minimum", "fmax", "fmin",
                                   "greater", "less_equal", "equal", "logical_and", "logical_xor",
                                   "bitwise_or", "heaviside", "not_equal"])  # fmt: skip
        exact = name not in ("add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin")
        kinds = {"heaviside": "f", "bitwise_or": "ib"}.get(name, "fib")
        a = self.pick(kinds, exact)
        b = None if a is None else self.partner(a, kinds, exact)
        if a is None or b is None:
            return
        if name == "subtract" and a.dtype.kind == b.dtype.kind == "b":
            return
        bits = self.bits[a] + self.bits[b] if name == "multiply" else max(self.bits[a], self.bits[b]) + 1
        if bits > _BITS:
            return
        made = make(_op(name), (a, b))
        self.derive(made, a, b, more=bits - max(self.bits[a], self.bits[b]))

    def rough(self) -> None:
        name = self.random.choice(ROUGH)
        x = self.pick("f")
        if not self.allow_rough or x is None or self.bits[x] > _BITS:
            return
        if name in ("exp", "expm1"):
            x = self.derive(e.minimum(x, as_node(2.0, x.dtype)), x)
        if name in ("sqrt", "log1p"):
            x = self.derive(e.absolute(x), x)
            if name == "sqrt":  # its slope at 0 is infinite: a rough 0 must not be one
                x = self.derive(x + 1, x, more=1)
        if name == "share":
            y = x / (x * x + 1)
        elif name == "erf":
            from thalweg.graph import OPS

            y = make(OPS["erf"], (x,))
        else:
            y = make(_op(name), (x,))
        self.add(y, max(4.0, self.bits[x]), max(8 * _eps(y.dtype), self.roughly.get(x, 0.0)))

    def where(self) -> None:
        c = self.pick("b")
        a = None if c is None else self.partner(c, "fib")
        if c is None or a is None:
            return
        b = self.partner(make(_op("add"), (e.astype(c, FLOAT64), e.astype(a, FLOAT64))), "fib")
        if b is None or a.dtype != b.dtype:
            b = as_node(1, a.dtype) if a.dtype != BOOL else as_node(True)
        self.derive(e.where(c, a, b), a, b)

    def view(self) -> None:
        x = self.pick()
        if x is None:
            return
        kind = self.random.choice(["reshape", "transpose", "slice", "slice", "broadcast"])
        if kind == "reshape":
            if x.size == 0:
                return
            y = movement.reshape(x, self.factored(x.size))
        elif kind == "transpose":
            axes = list(range(x.ndim))
            self.random.shuffle(axes)
            y = movement.transpose(x, tuple(axes))
        elif kind == "slice":
            y = movement.slice_(x, self.index(x.shape))
        else:
            shape = tuple(self.random.choice(self.lengths) if n == 1 else n for n in x.shape)
            if self.random.random() < 0.4:
                shape = (self.random.choice(self.lengths), *shape)
            if int(np.prod(shape)) > _SIZE:
                return
            y = movement.broadcast(x, shape)
        self.derive(y, x)

    def factored(self, size: int) -> tuple[int, ...]:
        shape: list[int] = []
        while size > 1 and len(shape) < 3:
            divisors = [d for d in range(2, size + 1) if size % d == 0]
            shape.append(self.random.choice(divisors))
            size //= shape[-1]
        if size > 1:
            shape.append(size)
        if self.random.random() < 0.3:
            shape.insert(self.random.randint(0, len(shape)), 1)
        return tuple(shape)

    def index(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        found: list[Any] = []
        for n in shape:
            kind = self.random.random()
            if kind < 0.2 and n:
                found.append(self.random.randrange(n))
            elif kind < 0.5:
                found.append(slice(None))
            else:
                ends = [self.random.randint(0, n), self.random.randint(0, n)]
                step = self.random.choice([1, 1, 2, -1, -2])
                found.append(slice(min(ends), max(ends), step) if step > 0 else slice(None, None, step))
        return movement.normalize_basic(shape, found)

    def reduction(self) -> None:
        name = self.random.choice(["sum", "sum", "sum", "max", "min", "any", "all", "prod", "argmax", "argmin",
                                   "logsumexp", "softmax", "weights"])  # fmt: skip
        x = self.pick("fi" if name in ("prod", "argmax", "argmin", "logsumexp", "softmax") else "fib",
                      exact=name in ("any", "all", "argmax", "argmin"))  # fmt: skip
        if x is None or x.ndim == 0:
            return
        axes = tuple(k for k in range(x.ndim) if self.random.random() < 0.6) or (self.random.randrange(x.ndim),)
        terms = int(np.prod([x.shape[a] for a in axes]))
        if name == "sum":
            more = float(np.log2(max(terms, 1))) + (3.0 if x.dtype == BOOL else 0.0)
            if self.bits[x] + more <= _BITS + 8:
                self.derive(reduce.sum_(x, axes), x, more=more)
        elif terms == 0:
            return
        elif name in ("max", "min"):
            self.derive(make({"max": reduce.MAX, "min": reduce.MIN}[name], (x,), (axes,)), x)
        elif name in ("any", "all"):
            self.derive(make({"any": reduce.ANY, "all": reduce.ALL}[name], (x,), (axes,)), x)
        elif name in ("argmax", "argmin"):
            self.add(make({"argmax": reduce.ARGMAX, "argmin": reduce.ARGMIN}[name], (x,), (axes[0],)), 8)
        elif name == "prod":
            bits = self.bits[x] * x.shape[axes[0]]
            if bits <= _BITS:
                self.derive(make(reduce.PROD, (x,), (axes[0],)), x, more=bits - self.bits[x])
        elif self.allow_rough and x.dtype.kind == "f" and self.bits[x] <= _BITS:
            op = {"logsumexp": reduce.LOGSUMEXP, "softmax": softmax.SOFTMAX, "weights": reduce.WEIGHTS}[name]
            y = make(op, (x,), (axes,))
            self.add(y, self.bits[x] + 1, max(8 * _eps(y.dtype), self.roughly.get(x, 0)))

    def scan(self) -> None:
        op = self.random.choice([reduce.CUMSUM, reduce.CUMSUM, reduce.CUMMAX, reduce.CUMMIN, reduce.CUMPROD])
        x = self.pick("fi")
        if x is None or x.ndim == 0 or x.size == 0:
            return
        axis = self.random.randrange(x.ndim)
        n = x.shape[axis]
        bits = {reduce.CUMSUM: self.bits[x] + np.log2(n), reduce.CUMPROD: self.bits[x] * n}.get(op, self.bits[x])
        if bits <= _BITS:
            self.derive(make(op, (x,), (axis,)), x, more=float(bits - self.bits[x]))

    def product(self) -> None:
        a, b = self.pick("fi", bits=5), self.pick("fi", bits=5)
        if a is None or b is None or a.dtype != b.dtype or a.ndim > 3 or b.ndim > 3:
            return
        la = tuple(range(a.ndim))
        lb: list[int] = []
        for n in b.shape:
            same = [k for k in la if a.shape[k] == n and k not in lb]
            lb.append(self.random.choice(same) if same and self.random.random() < 0.8 else 10 + len(lb))
        if 0 in (*a.shape, *b.shape) and not set(lb) <= set(la):
            return  # a sum of nothing times ∞: what that is depends on which is done first
        free = [*dict.fromkeys((*la, *lb))]
        lo = [k for k in free if self.random.random() < (0.3 if k in la and k in lb else 0.8)]
        self.random.shuffle(lo)
        sizes = dict(zip((*la, *lb), (*a.shape, *b.shape), strict=True))
        if np.prod([sizes[k] for k in lo]) > _SIZE or np.prod(list(sizes.values())) > 20 * _SIZE:
            return
        inner = float(np.log2(max(1, np.prod([sizes[k] for k in free if k not in lo]))))
        bits = self.bits[a] + self.bits[b] + inner
        if bits <= _BITS + 6:
            made = make(CONTRACT, (a, b), (la, tuple(lb), tuple(lo)))
            self.derive(made, a, b, more=bits - max(self.bits[a], self.bits[b]))

    def gathered(self) -> None:
        x = self.pick()
        if x is None or x.ndim == 0:
            return
        axis = self.random.randrange(x.ndim)
        n = x.shape[axis]
        if n == 0:
            return
        positions = self.positions(n)
        if x.size // n * positions.size <= _SIZE:
            self.derive(gather.take(x, positions, axis), x)

    def positions(self, n: int) -> Node:
        given = self.pick("i", exact=True)
        if given is not None and given.ndim <= 2 and self.random.random() < 0.5:  # computed ones
            return gather.in_range(make(_op("remainder"), (given, constant(np.asarray(n)))), n, 0)
        shape = self.random.choice([(), (3,), (2, 2), (self.random.choice(self.lengths),)])
        values = np.random.default_rng(self.random.randint(0, 99)).integers(-n, n, shape)
        return gather.in_range(constant(np.asarray(values)), n, 0)

    def scattered(self) -> None:
        base = self.pick("fi")
        if base is None or base.ndim == 0 or 0 in base.shape:
            return
        axis = self.random.randrange(base.ndim)
        positions = self.positions(base.shape[axis])
        shape = (*base.shape[:axis], *positions.shape, *base.shape[axis + 1 :])
        count = int(np.prod(shape))
        source = self.pick("fi")
        if source is None or count > _SIZE or source.dtype != base.dtype:
            return
        source = self.fitted(source, shape)
        if source is None or np.broadcast_shapes(source.shape, shape) != shape:
            return
        more = float(np.log2(max(2, positions.size)) + 1)
        if max(self.bits[base], self.bits[source]) + more > _BITS:
            return
        if self.random.random() < 0.3:
            base = full(base.shape, 0, base.dtype)
        made = gather.scatter_add(base, movement.broadcast(source, shape), positions, axis)
        self.derive(made, base, source, more=more)

    def pieces(self) -> None:
        base = self.pick("fi")
        if base is None or base.ndim == 0:
            return
        if self.random.random() < 0.5:
            self.bits.setdefault(base := full(base.shape, 0, base.dtype), 0)
        indices = [self.index(base.shape) for _ in range(self.random.randint(1, 3))]
        parts, sources = [], []
        for index in indices:
            shape = movement.index_shape(base.shape, index)
            part = self.pick("fi")
            part = None if part is None else self.fitted(part, shape)
            if part is None or part.dtype != base.dtype or np.broadcast_shapes(part.shape, shape) != shape:
                part = self.add(as_node(1, base.dtype), 3)
            sources.append(part)
            parts.append(movement.broadcast(part, shape))
        bits = max([self.bits[base], *(self.bits[p] for p in sources)]) + 2
        if bits > _BITS:
            return
        rough = [self.roughly[p] for p in (base, *sources) if p in self.roughly]
        if self.random.random() < 0.5:
            made = movement.assemble(base, parts, indices)
        else:
            made = base
            for part, index in zip(parts, indices, strict=True):  # one after the other: they may overlap
                made = movement.update(made, [part], [index])
        self.add(made, bits, max(rough) if rough else None)

    def joined(self) -> None:
        first = self.pick()
        if first is None:
            return
        if first.ndim == 0:
            scalars = [n for n in self.nodes if n.shape == () and n.dtype == first.dtype]
            chosen = [self.random.choice(scalars) for _ in range(self.random.randint(1, 4))]
            self.derive(movement.pack(chosen), *chosen)
            return
        axis = self.random.randrange(first.ndim)
        fitting = [
            n
            for n in self.nodes
            if n.dtype == first.dtype
            and n.ndim == first.ndim
            and all(k == axis or n.shape[k] == first.shape[k] for k in range(n.ndim))
        ]
        chosen = [first, *(self.random.choice(fitting) for _ in range(self.random.randint(0, 2)))]
        if sum(n.size for n in chosen) <= _SIZE:
            self.derive(movement.concatenate(chosen, axis), *chosen)

    # --- the whole --------------------------------------------------------------------------------------------------

    def graph(self, steps: int) -> tuple[Graph, list[tuple[Node, Any]]]:
        for _ in range(steps):
            if self.random.random() < 0.05:
                self.new_constant()
            self.step()
        count = self.random.randint(1, 4)
        ends = [self.random.choice(self.nodes[-8:]) for _ in range(count)]
        if self.random.random() < 0.2:
            ends.append(self.random.choice(self.nodes))
        if self.random.random() < 0.1:
            ends.append(self.random.choice(ends))
        guards = []
        asked = [n for n in self.nodes if n.dtype.kind in "ib" and n not in self.roughly and _varies(n)]
        if asked and self.random.random() < 0.3:
            guards.append((self.random.choice(asked), None))
        return Graph(self.inputs, ends), guards


def _varies(n: Node) -> bool:
    while n.op is movement.BROADCAST:
        n = n.args[0]
    return n.value is None


def _eps(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).eps)


def _op(name: str) -> Any:
    from thalweg.graph import OPS

    return OPS[name]


_STEPS = [
    *[Builder.unary] * 3, *[Builder.binary] * 6, *[Builder.rough] * 3, Builder.where, *[Builder.view] * 4,
    *[Builder.reduction] * 3, Builder.scan, *[Builder.product] * 2, Builder.gathered, Builder.scattered,
    *[Builder.pieces] * 2, Builder.joined,
]  # fmt: skip


# --- arguments --------------------------------------------------------------------------------------------------------


def values(shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator, special: bool = False) -> Any:
    """An argument: multiples of 1/4 up to 2; with ``special`` also NaN, infinities and −0."""
    if dtype == BOOL:
        return np.asarray(rng.random(shape) < 0.5)
    found = rng.integers(-8, 9, shape)
    if dtype == INT64:
        return np.asarray(found // 3)
    quarters = np.asarray(found / 4, dtype)
    if special and quarters.size:
        odd = rng.choice(np.array([np.nan, np.inf, -np.inf, -0.0, 0.0], dtype), size=shape)
        quarters = np.asarray(np.where(rng.random(shape) < 0.25, odd, quarters), dtype)
    return quarters


# --- comparison -------------------------------------------------------------------------------------------------------


def linked(built: Any, level: int = 0) -> Any:
    """The callable of a program, compiled at ``level``."""
    return program.link(built, symbols.load(llvm.compile_ir(built.ir, level)))


@contextlib.contextmanager
def tiles_forced() -> Iterator[None]:
    """Every program that can be cut into tiles is, into small ones on two threads."""
    was = groups._WORTH, groups._CHUNK, groups._CACHE, tiled._THREADS_FROM
    groups._WORTH, groups._CHUNK, groups._CACHE, tiled._THREADS_FROM = 0.0, 1.0, 64, 0.0
    try:
        yield
    finally:
        groups._WORTH, groups._CHUNK, groups._CACHE, tiled._THREADS_FROM = was


@contextlib.contextmanager
def scalars_kept(apart: bool) -> Iterator[None]:
    """Tiny arrays always, or never, taken apart into scalars."""
    was = scalarize.pays
    scalarize.pays = lambda order: apart
    try:
        yield
    finally:
        scalarize.pays = was


def assert_same(found: Any, wanted: Any, error: float | None, label: str) -> None:
    """Equal shape, dtype and values; to some hundred times ``error`` where one is given."""
    assert np.shape(found) == np.shape(wanted), label
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.dtype == wanted.dtype, label
    if error is None or wanted.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, err_msg=label)
        return
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(found, wanted, rtol=1000 * _eps(wanted.dtype), atol=1000 * error, err_msg=label)


def agree(builder: Builder, graph: Graph, guards: Any, seed: int, level: int = 0, special: bool = False) -> bool:
    """Native code and the interpreter give the same; whether there was native code."""
    rng = np.random.default_rng(seed)
    arrays = [values(n.shape, n.dtype, rng, special) for n in graph.inputs]
    given = [a if a.shape else a[()] for a in arrays]
    if guards and guards[0][1] is None:
        answer = np.asarray(Interpreter(Graph(graph.inputs, [guards[0][0]]))(*given)[0])
        if seed % 3 == 0:
            answer = ~answer
        guards = [(guards[0][0], answer if answer.shape else answer[()])]
    built = program.build(graph, guards)
    if built is None:
        return False
    wanted = Interpreter(graph, guards)(*given)
    run = linked(built, level)
    for _ in range(2):  # the second call finds used memory
        found = run(*given)
        assert (found is None) == (wanted is None)
        if wanted is None:
            continue
        for k, (x, y, n) in enumerate(zip(found, wanted, graph.outputs, strict=True)):
            rough = builder.roughly.get(n)
            if special and rough is None and n.dtype.kind == "f":
                rough = 0.0
            assert_same(x, y, rough, f"output {k}")
    return True
