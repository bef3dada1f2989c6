"""What the tests of an op's table share: the op as a function of arrays, and derivatives by mpmath."""

import mpmath
import numpy as np

from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, full, input_node
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback


def inputs_like(arrays):
    return [input_node(np.shape(a), np.asarray(a).dtype) for a in arrays]


def run(inputs, outputs, arrays):
    return Interpreter(Graph(inputs, outputs))(*arrays)


def ones(x):
    return full(x.shape, 1.0, x.dtype)


def value(op, arrays, params=()):
    xs = inputs_like(arrays)
    return run(xs, [op(*xs, params=params)], arrays)[0]


def forward(y, x, t=None):
    """The tangent of y for the tangent t (default 1) of x: a node; zero if y does not move."""
    moved = pushforward([y], {x: ones(x) if t is None else t})[0]
    return full(y.shape, 0.0, y.dtype) if moved is None else moved


def first(op, arrays, k, params=()):
    """∂op/∂argument k in forward and in reverse mode, element by element (all arguments of one shape)."""
    xs = inputs_like(arrays)
    y = op(*xs, params=params)
    return run(xs, [forward(y, xs[k]), pullback([y], [ones(y)], [xs[k]])[0]], arrays)


def second(op, arrays, k, m, params=()):
    """∂²op/∂k∂m by forward over forward, forward over reverse and reverse over reverse."""
    xs = inputs_like(arrays)
    y = op(*xs, params=params)
    g = pullback([y], [ones(y)], [xs[k]])[0]
    return run(xs, [forward(forward(y, xs[k]), xs[m]), forward(g, xs[m]), pullback([g], [ones(g)], [xs[m]])[0]], arrays)


def _shifted(x, k, h):
    return [v + h if i == k else v for i, v in enumerate(x)]


def slope(f, x, k):
    """∂f/∂x_k by central differences, with a step so small and so many digits that about half of these are right."""
    h = mpmath.mpf(10) ** (-mpmath.mp.dps // 4) * (abs(x[k]) or 1)
    return (f(*_shifted(x, k, h)) - f(*_shifted(x, k, -h))) / (2 * h)


def _exact(point):
    return [mpmath.mpf(float(v)) for v in point]


def true_first(f, point, k, digits=400):
    with mpmath.workdps(digits):
        return float(slope(f, _exact(point), k))


def true_second(f, point, k, m, digits=400):
    with mpmath.workdps(digits):
        return float(slope(lambda *z: slope(f, list(z), k), _exact(point), m))


def true_value(f, point):
    with mpmath.workdps(50):
        return float(f(*_exact(point)))
