"""Loops: sums as exact as NumPy's, whatever is summed and over which axes; extremes and signed zeros as NumPy's."""

import math

import numpy as np
import pytest

from execution.native.random_graphs import linked
from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native import program
from thalweg.graph import FLOAT32, FLOAT64, OPS, Graph, as_node, constant, input_node, make
from thalweg.ops import elementwise as e
from thalweg.ops import gather, movement, reduce

rng = np.random.default_rng(4)


def of(name, *args):
    return make(OPS[name], args)


LONG = 30_000
AT = rng.integers(0, LONG, LONG)
# name → (shapes, the terms, the axes that are summed)
SUMS = {
    "short": ([(100,)], lambda x: x, (0,)),
    "a thousand": ([(1000,)], lambda x: x * x, (0,)),
    "long": ([(LONG,)], lambda x: x, (0,)),
    "of a vector function": ([(LONG,)], lambda x: e.sin(x), (0,)),
    "of a function without vectors": ([(LONG,)], lambda x: of("gammaln", x + 5), (0,)),
    "of what is gathered": ([(LONG,)], lambda x: gather.take(x, constant(AT), 0), (0,)),
    "backwards": ([(LONG,)], lambda x: reduce.flip(x, 0), (0,)),
    "of a column": ([(LONG, 3)], lambda x: movement.slice_(x, ((0, LONG, 1), 1)), (0,)),
    "transposed": ([(200, 300), (1, 1)], lambda x, y: movement.transpose(x, (1, 0)) * y, (0, 1)),
    "outer, square": ([(200, 1), (200,)], lambda x, y: x * y, (0, 1)),
    "outer, narrow": ([(LONG, 1), (3,)], lambda x, y: x * y, (0, 1)),
    "outer, wide": ([(3, 1), (LONG,)], lambda x, y: x * y, (0, 1)),
    "outer, three axes": ([(40, 1, 1), (1, 40, 1), (40,)], lambda x, y, z: x * y * z, (0, 1, 2)),
    "rows": ([(20, 900)], lambda x: x, (1,)),
    "two of three axes": ([(50, 30, 40)], lambda x: x + 1, (1, 2)),
}


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32], ids=str)
@pytest.mark.parametrize("name", SUMS)
def test_sums_are_as_exact_as_numpy_s_pairwise_sum(name, dtype):
    """Against `math.fsum` of the terms. Equal terms are the hard case: all roundings go one way.

    NumPy adds up to 128 terms in 8 sums of 16, and pairs of such blocks: about log₂n + 12 roundings, each of half a
    last place of its sum. Two in a hundred of that are typical; a plain sum of n terms would be off by up to n/4.
    """
    shapes, terms, axes = SUMS[name]
    inputs = [input_node(s, dtype) for s in shapes]
    wanted = terms(*inputs)
    graph = Graph(inputs, [reduce.sum_(wanted, axes)])
    built = program.build(graph)
    run = linked(built, built.level)
    for draw in (lambda s: rng.random(s), lambda s: np.full(s, 0.1), lambda s: np.exp(3 * rng.normal(size=s))):
        arrays = [draw(s).astype(dtype) for s in shapes]
        (plain,) = Interpreter(Graph(inputs, [wanted]))(*arrays)
        found = np.atleast_1d(run(*arrays)[0])
        numpys = np.atleast_1d(np.sum(plain, axis=axes))
        lines = np.moveaxis(plain, axes, range(-len(axes), 0)).reshape(found.size, -1).astype(float)
        for mine, theirs, line in zip(found, numpys, lines, strict=True):
            exact, size = math.fsum(line), math.fsum(np.abs(line)) * np.finfo(dtype).eps
            # functions round, too, and not as NumPy's do: by up to two last places, at random
            functions = 2.0 if "function" in name else 0.0
            assert abs(mine - exact) <= abs(theirs - exact) + (6 + functions) * size


def test_sums_in_straight_loops_are_as_exact():
    """Without optimisation there are no vectors; blocks then bound the error at 512 terms, not at all of them."""
    x = input_node((100_000,), FLOAT64)
    run = linked(program.build(Graph([x], [reduce.sum_(x, (0,))])), 0)
    a = np.full(100_000, 0.1)
    assert abs(run(a)[0] - math.fsum(a)) <= 256 * 1e4 * np.finfo(float).eps


@pytest.mark.parametrize("level", [0, 3])
def test_what_is_not_finite(level):
    """Sums, extrema and products of infinities, NaN, signed zeros and what overflows, along both axes."""
    x = input_node((6, 900), FLOAT64)
    y = x * 1.0
    outputs = []
    for axes in ((0,), (1,), (0, 1)):
        outputs += [reduce.sum_(y, axes), make(reduce.MAX, (y,), (axes,)), make(reduce.MIN, (y,), (axes,))]
    outputs += [make(reduce.PROD, (y,), (1,)), make(reduce.PROD, (y,), (0,)), e.copysign(as_node(1.0), y)]
    graph = Graph([x], outputs)
    run = linked(program.build(graph), level)
    a = np.full((6, 900), -0.0)
    a[1] = rng.normal(size=900)
    a[2, 700] = np.inf
    a[3, [5, 800]] = np.inf, -np.inf
    a[4, 899] = np.nan
    a[5, :4] = 1e300, 1e300, 1e-300, 1e-300  # ∞ in this order, 1 in another
    a[5, 4:] = 1.0
    for given in (a, np.zeros((6, 900)), np.full((6, 900), -0.0), np.full((6, 900), 1e306)):
        with np.errstate(all="ignore"):
            for found, wanted in zip(run(given), Interpreter(graph)(given), strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-13)
    minus = run(np.full((6, 900), -0.0))
    assert np.all(np.signbit(minus[0])) and np.all(np.signbit(minus[3])) and np.signbit(minus[6])  # −0 − 0 = −0
    assert not np.any(np.signbit(run(np.zeros((6, 900)))[3]))
