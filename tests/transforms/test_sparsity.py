"""Structures: exact where they can be, never too small, linear in what they say."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT64, INT64, OPS, Graph, Op, as_node, constant, input_node, make
from thalweg.graph.op import LATE
from thalweg.ops import elementwise as e
from thalweg.ops import gather, movement, reduce
from thalweg.transforms import pattern as pt
from thalweg.transforms.forward import pushforward
from thalweg.transforms.known import Known
from thalweg.transforms.reading import RULES
from thalweg.transforms.sparsity import SAMPLE, share, structure

N = 6
TRI = np.triu(np.tril(np.ones((N, N)), 1), -1)


def pattern_of(f, *shape):
    """The structure of the Jacobian of f at ones of ``shape``."""
    traced = tw.trace(f, np.linspace(0.5, 2, int(np.prod(shape))).reshape(shape))
    (x,) = traced.inputs
    v = input_node(x.shape, x.dtype)
    moved = pushforward(traced.outputs, {x: v})
    return structure(moved, [y.size for y in traced.outputs], [v]).toarray()


def rows(*columns, n=N):
    out = np.zeros((len(columns), n), dtype=bool)
    for i, c in enumerate(columns):
        out[i, list(c)] = True
    return out


LOWER = np.tri(N, dtype=bool)
EXACT = {
    "elementwise": (lambda x: np.sin(x) * x, np.eye(N)),
    "differences": (np.diff, rows(*[(i, i + 1) for i in range(N - 1)])),
    "second differences": (lambda x: np.diff(x, 2), rows(*[(i, i + 1, i + 2) for i in range(N - 2)])),
    "reversed": (lambda x: x[::-1], np.eye(N)[::-1]),
    "turned": (lambda x: x.reshape(2, 3).T, rows((0,), (3,), (1,), (4,), (2,), (5,))),
    "stretched": (lambda x: x[:2, None] * x[4:], rows((0, 4), (0, 5), (1, 4), (1, 5))),
    "gathered": (lambda x: x[[1, -1, 1]], rows((1,), (5,), (1,))),
    "where on constants": (lambda x: np.where([True, False, False], x[:3], x[3:]), rows((0,), (4,), (5,))),
    "where on values": (lambda x: np.where(x[:3] > 1, x[:3], x[3:]), rows((0, 3), (1, 4), (2, 5))),
    "zero factor": (lambda x: x * [1, 0, 0, 2, 0, 0], np.diag([1, 0, 0, 1, 0, 0])),
    "zero numerator": (lambda x: np.array([0.0, 1.0]) * x[:2] / 3.0, rows((), (1,))),
    "sum": (lambda x: np.sum(x), rows(range(N))),
    "sums of rows": (lambda x: np.sum(x.reshape(2, 3), 1), rows((0, 1, 2), (3, 4, 5))),
    "sums of columns": (lambda x: np.sum(x.reshape(2, 3), 0), rows((0, 3), (1, 4), (2, 5))),
    "greatest of rows": (lambda x: np.max(x.reshape(3, 2), 1), rows((0, 1), (2, 3), (4, 5))),
    "running sum": (np.cumsum, LOWER),
    "sums down columns": (lambda x: np.cumsum(x.reshape(3, 2), 0)[1:], rows((0, 2), (1, 3), (0, 2, 4), (1, 3, 5))),
    "running product": (np.cumprod, LOWER),
    "filled": (lambda x: np.concatenate([x[:2], np.zeros(1), x[1:3]]), rows((0,), (1,), (), (1,), (2,))),
    "matrix of zeros and ones": (lambda x: TRI @ x, TRI),
    "from the right": (lambda x: x @ (TRI * 2), TRI.T),
    "matrix on a matrix": (lambda x: TRI[:2, :2] @ x.reshape(2, 3), rows(*[(0, 3), (1, 4), (2, 5)] * 2)),
    "triangular": (lambda x: np.eye(3)[:2] @ x.reshape(3, 2), rows((0,), (1,), (2,), (3,))),
    "one row of a matrix": (lambda x: np.array([[0, 0, 1.0]]) @ x.reshape(3, 2), rows((4,), (5,))),
    "upper triangle": (lambda x: np.triu(x[:4].reshape(2, 2)), rows((0,), (1,), (), (3,))),
    "diagonal": (lambda x: np.diag(x[:2]), rows((0,), (), (), (1,))),
    "diagonal times": (lambda x: np.diag(x[:2]) @ x[2:4], rows((0, 2), (1, 3))),
    "convolution": (lambda x: np.convolve(x[:3], [1.0, 0.0, 1.0]), rows((0,), (0, 1), (0, 1, 2), (1, 2), (2,))),
    "correlation": (lambda x: np.correlate(x, np.ones(2), "valid"), rows(*[(i, i + 1) for i in range(5)])),
    "solutions": (lambda x: np.linalg.solve(np.eye(3) + 1, x.reshape(3, 2)), rows(*[(0, 2, 4), (1, 3, 5)] * 3)),
    "sorted rows": (lambda x: np.sort(x.reshape(2, 3), 1), rows(*[(0, 1, 2)] * 3, *[(3, 4, 5)] * 3)),
    "determinants": (lambda x: _determinants(x), rows((0, 1, 2, 3), (2, 3, 4, 5))),
    "overwritten": (lambda x: _overwritten(x), rows((1,), (2,), (2,), (3, 5))),
    "written to a number": (lambda x: _number(x), rows((1, 2))),
    "steps": (np.floor, rows(*[()] * N)),
}  # fmt: skip


def _overwritten(x):
    y = x[:4] * 1
    y[:2] = x[1:3]
    y[-1] += x[5]
    return y


def _determinants(x):
    return np.linalg.det(np.stack([x[:4].reshape(2, 2), x[2:].reshape(2, 2)]))


def _number(x):
    y = np.zeros(())
    y[()] = x[1] * x[2]
    return y * 1.0


@pytest.mark.parametrize("name", EXACT)
def test_exact_structures(name):
    f, expected = EXACT[name]
    np.testing.assert_array_equal(pattern_of(f, N), np.asarray(expected, dtype=bool))


def test_every_linear_op_of_the_table_has_a_rule():
    """What carries a tangent: elementwise ops, and those with a transpose."""
    for module in LATE:
        importlib.import_module(module)
    carriers = [op for op in OPS.values() if op.transpose is not None]
    assert [op.name for op in carriers if op not in RULES] == []
    assert len(carriers) > 15


def test_an_op_without_a_rule_reads_everything():
    op = Op("some_op_of_tomorrow", lambda x: (x.shape, x.dtype), np.sort, family="test", linear=(0,))
    del OPS[op.name]  # the table keeps only its own
    x = input_node((4,), FLOAT64)
    found = structure([make(op, (movement.slice_(x, ((1, 3, 1),)),))], [2], [x])
    np.testing.assert_array_equal(found.toarray(), rows((1, 2), (1, 2), n=4))


def test_structure_of_several_results_and_directions():
    x, y = input_node((2,), FLOAT64), input_node((), FLOAT64)
    results = [x * y.dtype.type(2), None, y, movement.reshape(x, (2, 1)) + y]
    found = structure(results, [2, 3, 1, 2], [x, y])
    expected = rows((0,), (1,), (), (), (), (2,), (0, 2), (1, 2), n=3)
    np.testing.assert_array_equal(found.toarray(), expected)


def test_maps_of_a_stencil_share_memory():
    """A slice of the input is a view: as long as elements are only moved, nothing of their number is written."""
    whole = pt.identity((1000,), 0, 1000)
    part = whole.moved(lambda a: a[1:-1], (998,))
    assert np.shares_memory(part.maps[0], whole.maps[0])
    again = pt.union(
        [part, whole.moved(lambda a: a[1:999], (998,)), whole.moved(lambda a: a[2:], (998,))], (998,), 1000
    )
    assert len(again.maps) == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 300), max_size=80), min_size=1, max_size=12), st.data())
def test_unions_of_columns(sets, data):
    kept = [pt.columns_of(np.array(sorted(s), dtype=np.int32)) for s in sets]
    plain = [set(s) for s in sets]
    for _ in range(10):
        i, j = (data.draw(st.integers(0, len(kept) - 1)) for _ in range(2))
        kept.append(pt.joined(kept[i], kept[j]))
        plain.append(plain[i] | plain[j])
    for a, b in zip(kept, plain, strict=True):
        assert pt.written(a).tolist() == sorted(b)


def test_adding_terms_one_by_one_is_linear():
    """Of n unions, each one larger by one column, only some are written out: the parts have to double."""
    n = 20_000
    total = frozenset([0])
    work = 0
    for i in range(1, n):
        total = pt.joined(total, frozenset([i]))
        work += total.known.size if isinstance(total, pt.Columns) and total.known is not None else 0
    assert pt.written(total).size == n
    assert work <= 4 * n


# --- what is known of values ------------------------------------------------------------------------------------------


def test_zeros_that_stand_fast():
    a = constant(np.array([[1.0, 0.0], [0.0, 2.0]]))
    x = input_node((2, 2), FLOAT64)
    known = Known()
    eye = np.eye(2, dtype=bool)
    np.testing.assert_array_equal(known.nonzero(a * x), eye)
    np.testing.assert_array_equal(known.nonzero(-(a * x)), eye)
    np.testing.assert_array_equal(known.nonzero((a * x) / x), eye)
    np.testing.assert_array_equal(known.nonzero(movement.transpose(a * x, (1, 0))), eye)
    np.testing.assert_array_equal(known.nonzero(movement.slice_(a * x, (0, (0, 2, 1)))), eye[0])
    condition = constant(np.eye(2, dtype=bool))
    np.testing.assert_array_equal(known.nonzero(e.where(condition, x, as_node(0.0))), eye)
    assert known.nonzero(x) is None
    assert known.nonzero(x + a) is None
    part = movement.slice_(x, (0, (0, 2, 1)))
    base = make(OPS["broadcast"], (as_node(0.0),), ((2, 2),))
    for place in (movement.update, movement.assemble):
        np.testing.assert_array_equal(known.nonzero(place(base, [part], [(1, (0, 2, 1))])), [[False] * 2, [True] * 2])
    added = gather.scatter_add(base, part, constant(np.array(0)), 1)
    np.testing.assert_array_equal(known.nonzero(added), [[True, False]] * 2)


INTEGERS = {
    "argsort": lambda x: gather.ARGSORT(x, params=(1,)),
    "argmax": lambda x: reduce.ARGMAX(x, params=(0,)),
    "shifted": lambda x: gather.ARGSORT(x, params=(1,)) + constant(np.array([[10], [20]])),
    "scaled": lambda x: gather.ARGSORT(x, params=(1,)) * constant(np.array([[-2], [3]])),
    "difference": lambda x: gather.ARGSORT(x, params=(0,)) - gather.ARGSORT(x, params=(1,)),
    "in range": lambda x: gather.in_range(gather.ARGSORT(x, params=(1,)) - 3, 4, 0),
    "chosen": lambda x: e.where(x > 0, constant(np.arange(3)), gather.ARGSORT(x, params=(1,)) + 7),
    "counted": lambda x: e.astype(x > 0, INT64) * constant(np.arange(3)),
    "record": lambda x: reduce.CUMMAX(e.astype(x > 0, INT64) * constant(np.arange(6).reshape(2, 3)), params=(1,)),
    "taken": lambda x: gather.take(constant(np.array([4, 9, 7])), gather.ARGSORT(x, params=(1,)), 0),
    "made positive": lambda x: gather.where_negative(gather.ARGSORT(x, params=(1,)), 3),
    "turned": lambda x: movement.transpose(gather.ARGSORT(x, params=(1,)), (1, 0)),
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(INTEGERS)), st.integers(0, 10_000))
def test_bounds_hold(name, seed):
    x = input_node((2, 3), FLOAT64)
    node = INTEGERS[name](x)
    found = Known().bounds(node)
    assert found is not None
    (value,) = Interpreter(Graph([x], [node]))(np.random.default_rng(seed).normal(size=(2, 3)))
    low, high = (np.broadcast_to(b, node.shape) for b in found)
    assert (low <= value).all() and (value <= high).all()
    assert high.max() <= 30 and low.min() >= -10


def test_unknown_positions_reach_their_row_only():
    x = input_node((3, 4), FLOAT64)
    v = input_node((3, 4), FLOAT64)
    (moved,) = pushforward([gather.take_along(x, gather.ARGSORT(x, params=(1,)), 1)], {x: v})
    found = structure([moved], [12], [v]).toarray()
    np.testing.assert_array_equal(found, np.kron(np.eye(3), np.ones((4, 4))).astype(bool))
    back = gather.scatter_add(movement.reshape(v * 0.0 + 1.0, (12,)) * 0.0, movement.reshape(v, (12,)),
                              movement.reshape(gather.ARGSORT(x, params=(1,)), (12,)), 0)  # fmt: skip
    found = structure([back], [12], [v]).toarray()
    assert found[:4].all() and not found[4:].any()


BAND = np.triu(np.tril(np.ones((40, 40)), 1), -1)
DATA = np.where(np.arange(60 * 8).reshape(60, 8) % 3 == 0, 0.0, 1.5)
WIDE = {
    "band": (lambda x: BAND @ np.sin(x), 40),
    "stencil": (lambda x: x[2:] * x[:-2] + x[1:-1] ** 2, 40),
    "running": (lambda x: np.cumsum(np.exp(x)), 40),
    "layers": (lambda x: np.tanh(np.tanh(DATA @ x[:32].reshape(8, 4)) @ x[32:].reshape(4, 2)), 40),
    "sorted": (lambda x: np.sort(x), 40),
    "one number": (lambda x: np.log(np.sum(np.exp(x))), 40),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_few_columns_are_those_of_the_whole(name):
    f, n = WIDE[name]
    traced = tw.trace(f, np.linspace(0.5, 2, n))
    (x,) = traced.inputs
    v = input_node(x.shape, x.dtype)
    moved = pushforward(traced.outputs, {x: v})
    sizes = [y.size for y in traced.outputs]
    whole = structure(moved, sizes, [v]).toarray()
    only = np.array([0, 7, 21, 39])
    some = structure(moved, sizes, [v], only).toarray()
    np.testing.assert_array_equal(some[:, only], whole[:, only])
    assert not np.delete(some, only, axis=1).any()
    assert share(moved, sizes, [v]) == pytest.approx(whole.mean(), abs=0.25)


def test_the_share_of_a_small_matrix_is_exact_and_of_too_much_is_all(monkeypatch):
    x = input_node((SAMPLE,), FLOAT64)
    v = input_node((SAMPLE,), FLOAT64)
    moved = pushforward([x * x], {x: v})
    assert share(moved, [SAMPLE], [v]) == pytest.approx(1 / SAMPLE)
    monkeypatch.setattr("thalweg.transforms.sparsity._SAMPLED", 3)
    summed = pushforward([movement.broadcast(reduce.sum_(x * x, (0,)), (9,))], {x: v})
    assert share(summed, [9], [v]) == 1.0
