"""How a NumPy function under trace is compared with NumPy itself: value, shape, dtype and derivatives in both modes."""

import numpy as np

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph


def leaves(result):
    """The arrays of a result, nested results included."""
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in leaves(part)]
    return [np.asarray(result)]


def executed(f, *arrays):
    """What ``f`` gives when it is traced and its graph executed."""
    arrays = [np.asarray(a) for a in arrays]
    graph = tw.trace(lambda *xs: tuple(f(*xs)) if isinstance(f(*xs), list) else f(*xs), *arrays)
    return Interpreter(Graph(graph.inputs, graph.outputs), graph.guards)(*arrays)


def same_value(f, *arrays, rtol=1e-13, atol=1e-14):
    expected = leaves(f(*[np.array(a) for a in arrays]))
    found = executed(f, *arrays)
    assert len(found) == len(expected)
    for y, e in zip(found, expected):
        assert np.shape(y) == e.shape
        assert np.asarray(y).dtype == e.dtype
        np.testing.assert_allclose(y, e, rtol=rtol, atol=atol)


def flat_of(f):
    """``f`` with all its float results laid end to end."""
    return lambda *xs: np.concatenate([np.ravel(y) for y in _each(f(*xs))])


def _each(result):
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in _each(part)]
    return [result]


def central_jacobian(f, arrays, k, h):
    """∂f/∂(argument k) by central differences of plain NumPy; exact up to rounding if f is linear, with h = 1."""
    x = np.array(arrays[k], dtype=float)
    if x.size == 0:
        return np.zeros((f(*arrays).size, 0))
    columns = []
    for i in range(x.size):
        up, down = x.copy(), x.copy()
        up.flat[i] += h
        down.flat[i] -= h
        f_up = f(*[up if j == k else np.array(a) for j, a in enumerate(arrays)])
        f_down = f(*[down if j == k else np.array(a) for j, a in enumerate(arrays)])
        columns.append((f_up - f_down) / (2 * h))
    return np.array(columns).reshape(x.size, -1).T


def same_derivative(f, *arrays, h=1.0, atol=1e-12, argnums=None):
    """Both modes against central differences (accuracy h² · third derivative); a linear function takes h = 1."""
    g = flat_of(f)
    for k in range(len(arrays)) if argnums is None else argnums:
        J = central_jacobian(g, arrays, k, h)
        forward = np.reshape(tw.jacobian(g, wrt=k)(*arrays), J.shape)
        np.testing.assert_allclose(forward, J, atol=atol, rtol=1e-9 if h == 1.0 else 1e-6)
        w = np.cos(np.arange(J.shape[0]) * 1.7 + 0.3)
        reverse = tw.grad(lambda *xs: np.sum(g(*xs) * w), wrt=k)(*arrays)
        np.testing.assert_allclose(np.ravel(reverse), w @ forward, atol=1e-11)  # ⟨w, Jv⟩ = ⟨Jᵀw, v⟩ for all v
