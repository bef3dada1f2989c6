"""What a function under trace must agree with: NumPy in value, central differences in derivatives, itself in batches.

``same`` compares value, shape and dtype with NumPy, or the kind of error. ``derivatives`` compares first and second
derivatives with five-point central differences of NumPy's own values (error about h⁴ + ε/h, h = 10⁻³: 10⁻⁹ here),
tests the adjoint identity ⟨u, Jv⟩ = ⟨Jᵀu, v⟩ to rounding, and a batch against a loop.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, constant, full
from thalweg.transforms.batch import batched
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback

H = 1e-3


def older(package: Any, version: str) -> bool:
    """Whether the NumPy (SciPy, pandas) that is installed came before ``version``."""
    return bool(np.lib.NumpyVersion(package.__version__) < version)


def needs(package: Any, version: str, why: str) -> Any:
    """The mark of a test that is skipped before ``version`` of NumPy (SciPy, pandas), and says why."""
    return pytest.mark.skipif(older(package, version), reason=f"needs {package.__name__} {version}: {why}")


def run(inputs: Any, outputs: Any, arrays: Any, guards: Any = ()) -> list[Any]:
    """The values of nodes."""
    values = Interpreter(Graph(inputs, outputs), guards)(*[np.asarray(a)[()] for a in arrays])
    assert values is not None
    return values


def traced_value(f: Callable[..., Any], *xs: Any) -> tuple[Any, ...]:
    """f(*xs) by way of a graph."""
    t = tw.trace(f, *xs)
    return tuple(run(t.inputs, t.outputs, xs, t.guards))


def same(f: Callable[..., Any], *xs: Any, rtol: float = 1e-12, atol: float = 1e-13) -> None:
    """f gives under trace what it gives in NumPy: value, shape and dtype; or an error of the same kind."""
    xs = tuple(np.asarray(x)[()] for x in xs)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            wanted = f(*xs)
        except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
            kind = next(k for k in (ZeroDivisionError, TypeError, IndexError, ValueError) if isinstance(error, k))
            try:
                got = traced_value(f, *xs)
            except kind:
                return
            raise AssertionError(f"NumPy raises {error!r}; under trace the result is {got}") from None
        got = traced_value(f, *xs)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    assert len(got) == len(wanted)
    for g, w in zip(got, wanted, strict=True):
        assert np.shape(g) == np.shape(w)
        assert np.asarray(g).dtype == np.asarray(w).dtype
        if np.asarray(w).dtype == np.float32:
            np.testing.assert_allclose(g, w, rtol=max(rtol, 2e-6), atol=max(atol, 2e-6))
        else:
            np.testing.assert_allclose(g, w, rtol=rtol, atol=atol)


def central(f: Callable[[np.ndarray], Any], x: np.ndarray, h: float = H) -> np.ndarray:
    """∂f/∂x in the shape f.shape + x.shape, by five points."""
    columns = []
    for i in range(x.size):
        e = np.zeros(x.size)
        e[i] = h
        e = e.reshape(x.shape)
        columns.append((8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h))
    return np.stack(columns, -1).reshape(np.shape(f(x)) + x.shape) if columns else np.zeros(np.shape(f(x)) + x.shape)


def derivatives(f: Callable[..., Any], *xs: Any, rtol: float = 2e-8, second: bool = True) -> None:
    """First and second derivatives, forward and reverse, the adjoint identity and batching, in every argument."""
    random = np.random.default_rng(len(xs) + sum(np.size(x) for x in xs))
    xs = tuple(np.asarray(x, dtype=float) for x in xs)
    weights = random.normal(size=np.shape(f(*xs)))

    def scalar(*args: Any) -> Any:
        return np.sum(f(*args) * weights)

    gradient = tw.grad(scalar, wrt=tuple(range(len(xs))))(*xs)
    for k, x in enumerate(xs):
        one = lambda v, k=k: scalar(*xs[:k], v, *xs[k + 1 :])
        close(gradient[k], central(one, x), rtol)
        if second:
            slope = tw.grad(one)
            close(tw.hessian(one)(x), central(lambda v: np.asarray(slope(v)), x), rtol)
    adjoint(f, *xs)
    loop(f, *xs)


def close(got: Any, wanted: Any, rtol: float) -> None:
    wanted = np.asarray(wanted)
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol * scale)


def adjoint(f: Callable[..., Any], *xs: Any) -> None:
    """⟨u, Jv⟩ = ⟨Jᵀu, v⟩ for random u and v."""
    random = np.random.default_rng(7)
    t = tw.trace(f, *xs)
    v = [random.normal(size=n.shape) for n in t.inputs]
    u = random.normal(size=t.outputs[0].shape)
    nodes = dict(zip(t.inputs, map(constant, map(np.asarray, v)), strict=True))
    (moved,) = pushforward(t.outputs[:1], nodes)
    back = pullback(t.outputs[:1], [constant(np.asarray(u))], t.inputs)
    jv, *jtu = run(t.inputs, [moved if moved is not None else full(t.outputs[0].shape, 0.0), *back], xs)
    left, right = np.sum(u * jv), sum(np.sum(a * b) for a, b in zip(jtu, v, strict=True))
    size = np.sum(np.abs(u * jv)) + sum(np.sum(np.abs(a * b)) for a, b in zip(jtu, v, strict=True))
    assert abs(left - right) <= 1e-12 * max(size, 1.0)


def loop(f: Callable[..., Any], *xs: Any) -> None:
    """A batch of arguments gives what a loop gives: with all arguments mapped, and with each one alone."""
    random = np.random.default_rng(11)
    t = tw.trace(f, *xs)
    if t.guards:
        return
    from thalweg.graph import input_node

    choices = {tuple(range(len(xs))), *((k,) for k in range(len(xs)))}
    for chosen in sorted(choices):
        stacks = {k: xs[k] + 1e-3 * random.normal(size=(3, *np.shape(xs[k]))) for k in chosen}
        new = {t.inputs[k]: input_node((3, *t.inputs[k].shape), t.inputs[k].dtype) for k in chosen}
        outputs = batched(t.outputs, new, 3)
        others = [n for k, n in enumerate(t.inputs) if k not in chosen]
        arrays = [*(stacks[k] for k in chosen), *(xs[k] for k in range(len(xs)) if k not in chosen)]
        (got,) = run([*new.values(), *others], outputs, arrays)
        rows = [f(*(stacks[k][i] if k in chosen else xs[k] for k in range(len(xs)))) for i in range(3)]
        np.testing.assert_allclose(got, np.stack(rows), rtol=1e-11, atol=1e-12)
