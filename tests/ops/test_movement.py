"""The movement ops: value against NumPy, both modes against the dense matrix of the map, batching against a loop."""

import numpy as np
import pytest

from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT32, FLOAT64, INT64, OPS, Graph, as_node, constant, full, input_node, zeros_like
from thalweg.ops import gather
from thalweg.ops import movement as m
from thalweg.transforms.batch import batched
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback


def positions(values):
    return constant(np.array(values, dtype=np.int64))


# name → (shapes of the arguments, the map in nodes, the map in NumPy); every map is linear in all arguments together
LINEAR = {
    "reshape": ([(2, 3)], lambda x: m.reshape(x, (3, 2)), lambda x: x.reshape(3, 2)),
    "transpose": ([(2, 3, 4)], lambda x: m.transpose(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    "broadcast": ([(3, 1)], lambda x: m.broadcast(x, (2, 3, 4)), lambda x: np.broadcast_to(x, (2, 3, 4))),
    "broadcast of scalar": ([()], lambda x: m.broadcast(x, (2,)), lambda x: np.broadcast_to(x, (2,))),
    "slice": ([(4, 5)], lambda x: m.slice_(x, ((3, None, -2), 1)), lambda x: x[3::-2, 1]),
    "slice of one": ([(4,)], lambda x: m.slice_(x, (2,)), lambda x: x[2]),
    "assemble": (
        [(4,), (2,), ()],
        lambda b, p, q: m.assemble(b, [p, q, p], [((0, 4, 2),), (2,), ((1, 3, 1),)]),
        lambda b, p, q: b + np.array([p[0], p[0], p[1] + p[1] + q, 0.0]),
    ),
    "update": (
        [(2, 3), (2,), ()],
        lambda b, p, q: m.update(b, [p, q], [((0, 2, 1), 1), (0, 0)]),
        lambda b, p, q: np.array([[q, p[0], b[0, 2]], [b[1, 0], p[1], b[1, 2]]]),
    ),
    "pack": ([(), ()], lambda a, b: m.pack([a, b, a]), lambda a, b: np.array([a, b, a])),
    "concatenate": (
        [(2, 1), (2, 2)],
        lambda a, b: m.concatenate([a, b, a], 1),
        lambda a, b: np.concatenate([a, b, a], 1),
    ),
    "take": (
        [(3, 4)],
        lambda x: gather.take(x, positions([[0, -1], [2, 2]]), 1),
        lambda x: np.take(x, [[0, -1], [2, 2]], 1),
    ),
    "scatter_add": (
        [(4,), (3,)],
        lambda b, g: gather.scatter_add(b, g, positions([2, 0, -2]), 0),
        lambda b, g: b + np.array([g[1], 0.0, g[0] + g[2], 0.0]),
    ),
    "scatter_add on an axis": (
        [(2, 3), (2, 2)],
        lambda b, g: gather.scatter_add(b, g, positions([1, 1]), 1),
        lambda b, g: b + np.stack([np.zeros(2), g.sum(1), np.zeros(2)], axis=1),
    ),
    "take_along": (
        [(2, 3)],
        lambda x: gather.take_along(x, positions([[2, 0], [-1, 1]]), 1),
        lambda x: np.take_along_axis(x, np.array([[2, 0], [-1, 1]]), 1),
    ),
}


def arrays_of(shapes, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s) for s in shapes]


def compute(inputs, outputs, arrays):
    return Interpreter(Graph(inputs, outputs))(*arrays)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32])
def test_value(name, dtype):
    shapes, build, plain = LINEAR[name]
    inputs = [input_node(s, dtype) for s in shapes]
    y = build(*inputs)
    arrays = [a.astype(dtype)[()] for a in arrays_of(shapes, 0)]
    (found,) = compute(inputs, [y], arrays)
    expected = plain(*arrays)
    assert (y.shape, y.dtype) == (expected.shape, dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == FLOAT32 else 1e-15)


@pytest.mark.parametrize("name", LINEAR)
def test_both_modes_and_their_adjoint(name):
    shapes, build, plain = LINEAR[name]
    inputs = [input_node(s, FLOAT64) for s in shapes]
    tangents = [input_node(s, FLOAT64) for s in shapes]
    y = build(*inputs)
    weight = input_node(y.shape, FLOAT64)
    (moved,) = pushforward([y], dict(zip(inputs, tangents)))
    parts = pullback([y], [weight], inputs)
    x, t, (u,) = arrays_of(shapes, 1), arrays_of(shapes, 2), arrays_of([y.shape], 3)
    values = compute([*inputs, *tangents, weight], [moved, *parts], [a[()] for a in (*x, *t, u)])
    np.testing.assert_allclose(values[0], plain(*t), rtol=1e-15)  # linear: the tangent is the map of the tangents
    assert abs(np.sum(u * values[0]) - sum(np.sum(g * a) for g, a in zip(values[1:], t))) < 1e-13


@pytest.mark.parametrize("name", LINEAR)
def test_one_moving_argument_at_a_time(name):
    shapes, build, plain = LINEAR[name]
    inputs = [input_node(s, FLOAT64) for s in shapes]
    y = build(*inputs)
    x, t = arrays_of(shapes, 1), arrays_of(shapes, 2)
    for k, node in enumerate(inputs):
        tangent = input_node(node.shape, FLOAT64)
        (moved,) = pushforward([y], {node: tangent})
        (value,) = compute([*inputs, tangent], [moved], [a[()] for a in (*x, t[k])])
        alone = [a if i == k else np.zeros_like(a) for i, a in enumerate(t)]
        np.testing.assert_allclose(value, plain(*alone), rtol=1e-15)


@pytest.mark.parametrize("name", LINEAR)
def test_batching_is_a_loop(name):
    shapes, build, plain = LINEAR[name]
    inputs = [input_node(s, FLOAT64) for s in shapes]
    y = build(*inputs)
    single = arrays_of(shapes, 4)
    many = arrays_of([(5, *s) for s in shapes], 5)
    for chosen in range(1, 2 ** len(inputs)):
        over = [bool(chosen >> k & 1) for k in range(len(inputs))]
        stacked = {n: input_node((5, *n.shape), FLOAT64) for n, b in zip(inputs, over) if b}
        (z,) = batched([y], stacked, 5)
        order = [stacked.get(n, n) for n in inputs]
        given = [a if b else s[()] for a, s, b in zip(many, single, over)]
        (found,) = compute(order, [z], given)
        expected = [plain(*(a[i] if b else s for a, s, b in zip(many, single, over))) for i in range(5)]
        np.testing.assert_allclose(found, expected, rtol=1e-15)


BY_POSITION = {
    "take": (lambda x, p: gather.take(x, p, 0), lambda x, p: np.take(x, p, 0), (3, 2)),
    "take on axis 1": (lambda x, p: gather.take(x, p, 1), lambda x, p: np.take(x, p, 1), (2, 3)),
    "take_along": (lambda x, p: gather.take_along(x, p, 0), lambda x, p: np.take_along_axis(x, p, 0), (3,)),
    "in_range": (lambda x, p: gather.in_range(p, 3, 0), lambda x, p: p % 3, (3,)),
    "writers": (lambda x, p: gather.writers(gather.in_range(p, 3, 0), 3), lambda x, p: _written(p), (3,)),
    "scatter_add": (
        lambda x, p: gather.scatter_add(zeros_like(x), gather.take(x, p, 0), p, 0),
        lambda x, p: _added(x, p),
        (3,),
    ),
}


def _written(p):
    source = np.arange(3)
    source[p] = 3 + np.arange(p.size)
    return source


def _added(x, p):
    out = np.zeros(3)
    np.add.at(out, p, x[p])
    return out


@pytest.mark.parametrize("name", BY_POSITION)
def test_batching_of_positions_is_a_loop(name):
    build, plain, shape = BY_POSITION[name]
    x, p = input_node(shape, FLOAT64), input_node((4,), INT64)
    y = build(x, p)
    rng = np.random.default_rng(6)
    xs, ps = rng.normal(size=(5, *shape)), rng.integers(-3, 3, size=(5, 4))
    for over_x, over_p in ((True, True), (True, False), (False, True)):
        bx = input_node((5, *shape), FLOAT64) if over_x else x
        bp = input_node((5, 4), INT64) if over_p else p
        (z,) = batched([y], {a: b for a, b in ((x, bx), (p, bp)) if a is not b}, 5)
        (found,) = compute([bx, bp], [z], [xs if over_x else xs[0], ps if over_p else ps[0]])
        expected = [plain(xs[i] if over_x else xs[0], ps[i] if over_p else ps[0]) for i in range(5)]
        np.testing.assert_allclose(found, expected)


def test_argsort_batches():
    x, many = input_node((4,), FLOAT64), input_node((3, 4), FLOAT64)
    (z,) = batched([gather.ARGSORT(x, params=(0,))], {x: many}, 3)
    a = np.random.default_rng(7).normal(size=(3, 4))
    np.testing.assert_array_equal(compute([many], [z], [a])[0], np.argsort(a, axis=1))


def test_every_movement_op_can_be_batched():
    assert all(op.batch is not None for op in OPS.values() if op.family == "movement")


# --- identities -----------------------------------------------------------------------------------------------------


def test_identities_leave_nothing_to_do():
    x = input_node((2, 3), FLOAT64)
    row, column = ((0, 1, 1), (0, 3, 1)), ((0, 2, 1), (1, 2, 1))
    assert m.reshape(m.reshape(x, (6,)), (2, 3)) is x
    assert m.transpose(m.transpose(x, (1, 0)), (1, 0)) is x
    assert m.broadcast(x, (2, 3)) is x
    assert m.slice_(x, ((0, 2, 1), (0, 3, 1))) is x
    assert m.concatenate([x], 0) is x
    assert m.update(x, [], []) is x and m.assemble(x, [], []) is x
    p = input_node((1, 3), FLOAT64)
    assert m.slice_(m.update(x, [p], [row]), row) is p
    assert m.slice_(m.update(x, [as_node(1.0)], [(1, 0)]), (0, 0)) is m.slice_(x, (0, 0))
    assert m.slice_(m.update(x, [p], [row]), column).args[0].op is m.UPDATE
    assert m.assemble(full((2, 3), 0.0), [x], [((0, 2, 1), (0, 3, 1))]) is x
    s = input_node((), FLOAT64)
    assert m.slice_(m.pack([s, as_node(2.0)]), (0,)) is s
    assert m.slice_(full((9,), 3.0), (4,)) is as_node(3.0)
    assert gather.in_range(gather.in_range(input_node((2,), INT64), 5, 0), 5, 0).args[0].op.name == "input"


def test_a_long_chain_of_writes_is_read_without_recursion():
    x = full((3000,), 0.0)
    s = input_node((), FLOAT64)
    first = m.update(x, [s], [(0,)])
    y = first
    for i in range(1, 3000):
        y = m.update(y, [s * float(i)], [(i,)])
    (value,) = compute([s], [m.slice_(y, (0,))], [np.float64(2.5)])
    assert value == 2.5


@pytest.mark.parametrize("bad", [[3], [-4], [[0, 9]]])
def test_positions_out_of_range(bad):
    p = input_node(np.shape(bad), INT64)
    with pytest.raises(IndexError, match="out of bounds for axis 2 with size 3"):
        compute([p], [gather.in_range(p, 3, 2)], [np.array(bad)])
    with pytest.raises(IndexError, match="out of bounds for axis 2 with size 3"):
        gather.in_range(positions(bad), 3, 2)


@pytest.mark.parametrize("build", [
    lambda x: m.reshape(x, (5,)),
    lambda x: m.broadcast(x, (2, 4)),
    lambda x: m.broadcast(x, (3,)),
    lambda x: m.concatenate([x, input_node((3, 3), FLOAT64)], 1),
])  # fmt: skip
def test_shapes_that_do_not_fit(build):
    with pytest.raises(ValueError):
        build(input_node((2, 3), FLOAT64))
