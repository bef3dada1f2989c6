"""What stands around the execution of a call: microseconds of each piece. ``python -m benchmarks.calls``

The function is sum(x²) of ten numbers, which native code evaluates with its gradient in well under 0.1 µs; all else is
the way from ``tw.value_and_grad(f)(x)`` to that code and back. First the pieces, then whole calls, then the growth of
the process over many calls and many functions.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import thalweg as tw
from benchmarks.timing import medians
from thalweg.calculus.call import Call, Form, flatten_call
from thalweg.calculus.transformed import Entry, Transformed
from thalweg.tracing.captured import Captured
from thalweg.tracing.reach import reach
from thalweg.tracing.surroundings import Surroundings

X = np.linspace(0.1, 1.0, 10)
WEIGHTS = np.ones(10)
LARGE = np.ones(1_000_000)
NESTED = {"weights": X, "layers": [X, X]}


class Model:
    def __init__(self) -> None:
        self.weights = np.ones(10)

    def loss(self, x: Any) -> Any:
        return np.sum((self.weights * x) ** 2)


def closure(weights: Any) -> Callable[[Any], Any]:
    return lambda x: np.sum((weights[: len(x)] * x) ** 2)


def of_nested(p: Any) -> Any:
    return np.sum(p["weights"] ** 2) + np.sum(p["layers"][0] * p["layers"][1])


def plain(x: Any) -> Any:
    return np.sum(x**2)


def of_global(x: Any) -> Any:
    return np.sum((WEIGHTS * x) ** 2)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "no closure, `np`": plain,
    "a global array of 10": of_global,
    "a captured array of 10": closure(WEIGHTS),
    "a captured array of 1e6": closure(LARGE),
    "a method": Model().loss,
}


def hot(g: Any, *args: Any, **kwargs: Any) -> Entry:
    """The trace that serves these arguments, called until it is native (or two seconds have passed)."""
    assert isinstance(g, Transformed)
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        g(*args, **kwargs)
        ((entry, *_),) = (traces.entries for traces in g._cache.values())
        if entry.direct is not None:
            break
    return entry


def show(title: str, candidates: dict[str, Callable[[], object]]) -> None:
    print(f"\n{title}")
    for name, seconds in medians(candidates, 5).items():
        print(f"  {name:44} {seconds * 1e6:9.3f} µs")


def pieces() -> None:
    g = tw.value_and_grad(plain)
    entry = hot(g, X)
    leaves, structure = flatten_call((NESTED,), {})
    form = Call(of_nested, 0, (NESTED,), {}).form()
    assert isinstance(form, Form)
    around = Surroundings(plain)

    def reached() -> None:
        with reach(plain, around):
            pass

    execute = entry.direct or entry.execute
    kind = "entry of the native code" if entry.direct is not None else "interpreter"
    show("pieces of a call", {
        kind: lambda: execute(X),
        "result put together": lambda: entry.assemble((1.0, X)),
        "nested argument taken apart": lambda: flatten_call((NESTED,), {}),
        "its key": lambda: form.key(leaves),
        "a gradient nested alike": lambda: structure.unflatten(leaves),
    })  # fmt: skip
    show(
        "is what was captured unchanged?",
        {name: Captured(Surroundings(f)).unchanged for name, f in FUNCTIONS.items()},
    )
    show("pieces of a first call", {
        "surroundings": lambda: Surroundings(plain),
        "reach": reached,
        "trace": lambda: tw.trace(plain, X),
        "all: tw.value_and_grad(f)(x)": lambda: tw.value_and_grad(plain)(X),
    })  # fmt: skip


def calls() -> None:
    two = tw.value_and_grad(lambda a, b: np.sum(a * b), wrt=(0, 1))
    power = tw.value_and_grad(lambda a, b, n: np.sum(a * b) * n)
    number = tw.derivative(lambda t: t * t)
    nested = tw.value_and_grad(of_nested)
    strided = np.ones(20)[::2]
    whole: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
        **{name: (tw.value_and_grad(f), (X,), {}) for name, f in FUNCTIONS.items()},
        "grad": (tw.grad(plain), (X,), {}),
        "hessian": (tw.hessian(plain), (X,), {}),
        "two arrays, wrt=(0, 1)": (two, (X, X), {}),
        "by keyword, with a plain integer": (power, (X,), {"b": X, "n": 2}),
        "derivative at a float": (number, (2.0,), {}),
        "a dict of arrays and a list": (nested, (NESTED,), {}),
        "an array with strides": (tw.value_and_grad(plain), (strided,), {}),
    }
    tiers = {}
    candidates: dict[str, Callable[[], object]] = {}
    for name, (g, args, kwargs) in whole.items():
        tiers[name] = "native" if hot(g, *args, **kwargs).direct is not None else "interpreted"
        candidates[f"{name} ({tiers[name]})"] = lambda g=g, args=args, kwargs=kwargs: g(*args, **kwargs)  # type: ignore[misc]
    show("whole calls of value_and_grad unless said otherwise", candidates)


def resident() -> float:
    """MiB of this process in memory."""
    gc.collect()
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096 / 2**20


def growth() -> None:
    g = tw.value_and_grad(plain)
    nested = tw.value_and_grad(of_nested)
    hot(g, X)
    hot(nested, NESTED)
    print("\ngrowth of the process")
    before = resident()
    for _ in range(1_000_000):
        g(X)
    print(f"  {'over 1e6 calls':44} {resident() - before:9.2f} MiB")
    before = resident()
    for _ in range(100_000):
        nested(NESTED)
    print(f"  {'over 1e5 nested calls':44} {resident() - before:9.2f} MiB")

    def functions(count: int, start: int = 0) -> None:
        for k in range(start, start + count):
            warm = tw.value_and_grad(lambda x, k=k: np.sum(x**2) * k + k)
            warm(X)
            warm(X)

    functions(200)
    before = resident()
    functions(1000)
    print(f"  {'over 1e3 new functions, interpreted':44} {resident() - before:9.2f} MiB")
    os.environ.update(THALWEG_NATIVE="always", THALWEG_CACHE_DIR="")
    functions(200)
    before = resident()
    start = time.perf_counter()
    functions(1000, 200)
    each = time.perf_counter() - start
    print(f"  {'over 1e3 new functions, all compiled':44} {resident() - before:9.2f} MiB  ({each:.1f} ms each)")


if __name__ == "__main__":
    pieces()
    calls()
    growth()
