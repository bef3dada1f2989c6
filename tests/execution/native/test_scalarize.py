"""Tiny arrays taken apart into scalars: the same values as the interpreter's, as one piece of straight-line code."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native import llvm, pieces, program, scalarize
from thalweg.execution.native.canonical import canonical
from thalweg.graph import BOOL, FLOAT32, FLOAT64, INT64, Graph, constant, input_node, make, reachable
from thalweg.ops import elementwise as e
from thalweg.ops import gather, movement, reduce, softmax
from thalweg.ops.contract import CONTRACT

rng = np.random.default_rng(5)
SCANS = (reduce.CUMSUM, reduce.CUMPROD, reduce.CUMMAX, reduce.CUMMIN)
REDUCTIONS = (reduce.SUM, reduce.MAX, reduce.MIN, reduce.ANY, reduce.ALL)


def native(graph, *arrays, guards=()):
    built = program.build(graph, guards)
    assert built is not None
    return program.link(built, llvm.load(llvm.compile_ir(built.ir, min(built.level, 1))))(*arrays)


def agree(graph, *arrays, rtol=1e-13):
    wanted = Interpreter(graph)(*arrays)
    found = native(graph, *arrays)
    for x, y in zip(wanted, found, strict=True):
        assert np.shape(x) == np.shape(y) and np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_allclose(y, x, rtol=1e-5 if np.asarray(x).dtype == FLOAT32 else rtol, atol=1e-14)


def apart(*outputs):
    """The outputs taken apart, whether that pays or not."""
    was, scalarize.pays = scalarize.pays, lambda order: True
    try:
        return scalarize.scalarize(outputs, {})
    finally:
        scalarize.pays = was


@pytest.fixture(autouse=True)
def always(monkeypatch):
    monkeypatch.setattr(scalarize, "pays", lambda order: True)


def values(shape, dtype=FLOAT64):
    if dtype == BOOL:
        return rng.random(shape) < 0.6
    if dtype == INT64:
        return rng.integers(-4, 5, shape)
    return rng.normal(size=shape).astype(dtype)


def no_arrays(outputs):
    """Whether nothing is computed but numbers, and what joins them."""
    joins = (movement.PACK, movement.RESHAPE, movement.SLICE, movement.BROADCAST, movement.UPDATE)
    return all(not n.args or n.shape == () or n.op in joins for n in reachable(outputs))


# --- op by op ---------------------------------------------------------------------------------------------------------

shapes = [(1,), (3,), (2, 3), (2, 1, 4), (4, 4)]
dtypes = [FLOAT64, FLOAT32, INT64, BOOL]


@pytest.mark.parametrize("dtype", dtypes, ids=str)
@pytest.mark.parametrize("shape", shapes, ids=str)
def test_reductions_over_any_axes(shape, dtype):
    x = input_node(shape, dtype)
    outputs = []
    for op in REDUCTIONS:
        outputs += [make(op, (x,), ((axis,),)) for axis in range(len(shape))]
        outputs.append(make(op, (x,), (tuple(range(len(shape))),)))
    outputs += [
        make(op, (x,), (axis,)) for op in (reduce.PROD, reduce.ARGMAX, reduce.ARGMIN) for axis in range(len(shape))
    ]
    assert no_arrays(apart(*outputs))
    agree(Graph([x], outputs), values(shape, dtype))


@pytest.mark.parametrize("op", [reduce.MAX, reduce.MIN, reduce.ARGMAX, reduce.ARGMIN], ids=lambda op: op.name)
def test_extrema_of_nan_and_ties(op):
    x = input_node((4,), FLOAT64)
    graph = Graph([x], [make(op, (x,), ((0,) if op in (reduce.MAX, reduce.MIN) else 0,))])
    for given in (
        [0, 0, 0, 0],
        [1, np.nan, 3, np.nan],
        [2, 1, 2, 1],
        [np.inf, -np.inf, np.inf, 0],
        [np.nan] * 4,
        [0.0, -0.0, 0, 0],
    ):
        agree(graph, np.array(given, float))


@pytest.mark.parametrize("dtype", dtypes, ids=str)
@pytest.mark.parametrize("op", SCANS, ids=lambda op: op.name)
def test_scans(op, dtype):
    if dtype == BOOL and op in (reduce.CUMMAX, reduce.CUMMIN):
        return
    x = input_node((3, 4), dtype)
    outputs = [make(op, (x,), (axis,)) for axis in (0, 1)]
    assert no_arrays(apart(*outputs))
    agree(Graph([x], outputs), values((3, 4), dtype))


def test_recurrence():
    a, b = input_node((2, 5), FLOAT64), input_node((2, 5), FLOAT64)
    outputs = [reduce.recurrence(a, b, axis) for axis in (0, 1)]
    assert no_arrays(apart(*outputs))
    agree(Graph([a, b], outputs), values((2, 5)), values((2, 5)))


def test_elementwise_with_stretching():
    a, b, c = input_node((3, 1), FLOAT64), input_node((1, 4), FLOAT32), input_node((), FLOAT64)
    outputs = [a * b + c, e.where(a > b, a, c), e.exp(b), e.maximum(b, a) / c]
    assert no_arrays(apart(*outputs))
    agree(Graph([a, b, c], outputs), values((3, 1)), values((1, 4), FLOAT32), np.float64(0.7))


def test_views_cost_nothing():
    x = input_node((2, 6), FLOAT64)
    y = x * 2.0
    outputs = [
        movement.transpose(y, (1, 0)),
        movement.reshape(y, (3, 4)),
        movement.slice_(y, ((0, 2, 1), (5, None, -2))),
        movement.slice_(y, (1, (1, 5, 2))),
        movement.broadcast(movement.slice_(y, (1, (0, 3, 1))), (2, 3)),
        movement.slice_(y, (1, 3)),
    ]
    assert sum(n.op.name == "multiply" for n in reachable(apart(*outputs))) == 12
    agree(Graph([x], outputs), values((2, 6)))


def test_pieces_written_added_and_joined():
    x, y = input_node((5,), FLOAT64), input_node((2,), FLOAT64)
    z = y * 3.0
    outputs = [
        movement.update(x, [z, movement.slice_(z, (0,))], [((1, 3, 1),), (4,)]),
        movement.assemble(x, [z, z], [((0, 4, 2),), ((1, 3, 1),)]),
        movement.concatenate([z, x, z * z], 0),
        movement.concatenate([movement.reshape(z, (1, 2)), movement.reshape(z + 1.0, (1, 2))], 0),
        movement.PACK(movement.slice_(z, (1,)), movement.slice_(x, (3,))),
    ]
    agree(Graph([x, y], outputs), values(5), values(2))


def test_tiny_pieces_of_a_large_array_are_not_packed():
    x, y = input_node((100,), FLOAT64), input_node((3,), FLOAT64)
    z = e.sin(y)
    outputs = [
        movement.update(x, [z], [((50, 53, 1),)]),
        movement.assemble(x * 2.0, [z, z], [((0, 3, 1),), ((2, 5, 1),)]),
        movement.concatenate([x, z], 0),
    ]
    assert not any(n.op is movement.PACK for n in reachable(apart(*outputs)))
    agree(Graph([x, y], outputs), values(100), values(3))


PRODUCTS = [
    ((0,), (0,), ()),
    ((0, 1), (1,), (0,)),
    ((0, 1), (1, 2), (0, 2)),
    ((0, 1), (1, 2), (2, 0)),
    ((3, 0), (3, 1), (3, 0, 1)),
    ((0, 1), (2,), (0,)),
]


@pytest.mark.parametrize("labels", PRODUCTS, ids=str)
def test_products(labels):
    la, lb, lo = labels
    size = {0: 2, 1: 3, 2: 4, 3: 2}
    a, b = input_node(tuple(size[x] for x in la), FLOAT64), input_node(tuple(size[x] for x in lb), FLOAT64)
    outputs = [make(CONTRACT, (a, b), (la, lb, lo))]
    assert no_arrays(apart(*outputs))
    agree(Graph([a, b], outputs), values(a.shape), values(b.shape))


def test_a_product_with_a_large_matrix_stays_one():
    a, b = input_node((40, 3), FLOAT64), input_node((3,), FLOAT64)
    outputs = apart(make(CONTRACT, (a, b * 2.0), ((0, 1), (1,), (0,))))
    assert any(n.op is CONTRACT for n in reachable(outputs))
    agree(Graph([a, b], outputs), values((40, 3)), values(3))


def test_positions():
    x, big, g = input_node((2, 4), FLOAT64), input_node((30, 2), FLOAT64), input_node((3, 2), FLOAT64)
    at = constant(np.array([0, -1, 2]))
    i = input_node((2,), INT64)
    outputs = [
        gather.take(x * 2.0, at, 1),
        gather.take(big, at, 0),
        gather.scatter_add(big, g * 2.0, at, 0),
        gather.scatter_add(movement.reshape(g * g, (3, 2)), g, constant(np.array([1, 1, 0])), 0),
        gather.in_range(i + 0, 4, 1),
        gather.take(x, gather.in_range(i, 4, 1), 1),
    ]
    agree(Graph([x, big, g, i], outputs), values((2, 4)), values((30, 2)), values((3, 2)), np.array([3, -4]))


@pytest.mark.parametrize("op", [reduce.LOGSUMEXP, reduce.WEIGHTS, softmax.SOFTMAX], ids=lambda op: op.name)
def test_composed_reductions(op):
    x = input_node((2, 3), FLOAT64)
    graph = Graph([x], [make(op, (x,), (axes,)) for axes in ((1,), (0, 1))])
    agree(graph, values((2, 3)))
    if op is not softmax.SOFTMAX:
        agree(graph, np.array([[np.inf, 1, np.inf], [-np.inf] * 3]))


# --- whole functions --------------------------------------------------------------------------------------------------


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def predator_and_prey(p, steps=4, h=0.1):
    def slope(y):
        return np.array([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1], np.sin(y[2]) - y[0]])

    y = np.array([1.0, 0.5, 0.2])
    for _ in range(steps):
        a = slope(y)
        b = slope(y + h / 2 * a)
        c = slope(y + h / 2 * b)
        y = y + h / 6 * (a + 2 * b + 2 * c + slope(y + h * c))
    return np.sum(y**2)


def by_minors(a):
    if len(a) == 1:
        return a[0, 0]
    rows = a[1:]
    return sum(
        (-1) ** j * a[0, j] * by_minors(np.concatenate([rows[:, :j], rows[:, j + 1 :]], axis=1)) for j in range(len(a))
    )


def projection(x):
    """A rotated, shifted and distorted point: the residual of bundle adjustment."""
    axis, shift, point = x[:3], x[3:6], x[6:9]
    angle = np.sqrt(np.sum(axis * axis))
    w = axis / angle
    q = point * np.cos(angle) + np.cross(w, point) * np.sin(angle) + w * (w @ point) * (1 - np.cos(angle)) + shift
    u = q[:2] / q[2]
    return np.sum((u * (1 + x[9] * np.sum(u * u)) - np.array([0.3, 0.4])) ** 2)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (rosenbrock, np.linspace(0.1, 1.9, 2)),
        (rosenbrock, np.linspace(0.1, 1.9, 10)),
        (predator_and_prey, np.array([1.0, 0.7, 0.3, 0.2])),
        (lambda a: np.log(np.abs(by_minors(a))), rng.normal(size=(4, 4))),
        (projection, np.linspace(0.1, 1.9, 10)),
    ],
    ids=["rosenbrock 2", "rosenbrock 10", "differential equation", "determinant", "bundle adjustment"],
)
def test_gradients_are_straight_line_code(f, x):
    traced = tw.trace(tw.value_and_grad(f), x)
    graph = Graph(traced.inputs, traced.outputs)
    outputs, _ = canonical(graph.outputs, ())
    assert all(
        not n.args or n.shape == () or n.op in (movement.UPDATE, movement.RESHAPE, movement.BROADCAST)
        for n in reachable(outputs)
    )
    agree(graph, x, rtol=1e-11)


def test_large_arrays_are_left_alone(monkeypatch):
    monkeypatch.undo()
    x = input_node((1000, 5), FLOAT64)
    w = input_node((5,), FLOAT64)
    y = reduce.sum_(e.tanh(x * w), (0, 1))
    assert apart(y)[0] is y
    assert scalarize.scalarize([y], {})[0] is y


def test_long_chains_in_one_small_array_stay_a_loop(monkeypatch):
    monkeypatch.undo()
    x = input_node((16,), FLOAT64)
    y = x
    for _ in range(50):
        y = e.sin(y) * 1.5
    assert scalarize.scalarize([y], {})[0] is y


# --- long code --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [20, 400, 3000])
def test_long_code_is_cut_into_pieces(steps):
    x, k = input_node((), FLOAT64), input_node((), INT64)
    y, early = x, []
    for i in range(steps):
        y = e.where(y > x, y * 0.5 + x, e.sin(y) + e.astype(k, FLOAT64) * 0.1)
        if i % 100 == 7:
            early.append((y, y < 0.3, k + i))
    for a, less, i in early:
        y = y + e.where(less, a, a * 0.25) * e.astype(i, FLOAT64)
    graph = Graph([x, k], [y, early[0][1], movement.pack([a for a, _, _ in early])])
    built = program.build(graph)
    pieces_run = built.ir.count("call void @straight")
    assert pieces_run >= len(graph.nodes) // (2 * pieces.PIECE)
    different = built.ir.count("define internal void @straight")
    assert different <= pieces_run // 2 + 4  # the steps are alike, and so is most of their code
    agree(graph, np.float64(0.4), np.int64(3), rtol=1e-10)


def test_guards_between_pieces():
    x = input_node((), FLOAT64)
    y, guards = x, []
    for i in range(1200):
        y = e.sin(y) + 0.3
        if i % 300 == 299:
            guards.append((y > 0.9, True))
    graph = Graph([x], [y])
    interpreted = Interpreter(graph, guards)
    for given in (np.float64(0.1), np.float64(np.nan)):
        found = native(graph, given, guards=guards)
        wanted = interpreted(given)
        assert (found is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
