"""The primitives of linear algebra: values against NumPy and SciPy, first and second derivatives against central
differences (error about 1e-9 at step 1e-5, so 1e-6 is asked), adjoints, batching, and the points where formulas divide
by zero."""

import pickle

import numpy as np
import pytest
import scipy.linalg

from ops.matrices import STEP, close, general, positive, run, symmetric
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, constant, input_node
from thalweg.ops import linalg as la
from thalweg.ops.solve import factors
from thalweg.transforms.batch import batched
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback

SQUARE = [(0, 0), (1, 1), (2, 2), (4, 4), (5, 3, 3)]
TALL = [(3, 1), (5, 3), (2, 4, 2)]
WIDE = [(1, 3), (3, 5), (2, 2, 4)]
FULL = [s for s in SQUARE if s[-1]]

# name: (nodes → results, the same in NumPy, shapes, makers of the arguments)
OPS = {
    "solve": (lambda a, b: [la.solve(a, b)], lambda a, b: [np.linalg.solve(a, b)], SQUARE, "gb"),
    "solve transposed": (
        lambda a, b: [la.solve(a, b, True)],
        lambda a, b: [np.linalg.solve(np.swapaxes(a, -1, -2), b)],
        SQUARE,
        "gb",
    ),
    "triangular": (
        lambda a, b: [la.triangular_solve(a, b)],
        lambda a, b: [np.linalg.solve(np.tril(a), b)],
        SQUARE,
        "gb",
    ),
    "triangular upper, transposed, unit": (
        lambda a, b: [la.triangular_solve(a, b, False, True, True)],
        lambda a, b: [np.linalg.solve(np.swapaxes(np.triu(a, 1), -1, -2) + np.eye(a.shape[-1]), b)],
        SQUARE,
        "gb",
    ),
    "inv": (lambda a: [la.inv(a)], lambda a: [np.linalg.inv(a)], SQUARE, "g"),
    "pinv": (lambda a: [la.pinv(a, 1e-15)], lambda a: [np.linalg.pinv(a)], FULL + TALL + WIDE, "g"),
    "lstsq": (
        lambda a, b: [la.lstsq(a, b, 1e-15)[0]],
        lambda a, b: [np.linalg.pinv(a) @ b],
        FULL + TALL + WIDE,
        "gb",
    ),
    "det": (lambda a: [la.det(a)], lambda a: [np.linalg.det(a)], SQUARE + [(3, 3), (2, 5, 5)], "g"),
    "slogdet": (lambda a: la.slogdet(a), np.linalg.slogdet, SQUARE, "g"),
    "cholesky": (lambda a: [la.cholesky(a)], lambda a: [np.linalg.cholesky(a)], SQUARE, "p"),
    "qr": (lambda a: la.qr(a), np.linalg.qr, SQUARE + TALL + WIDE, "g"),
    "qr complete": (
        lambda a: la.qr(a, True),
        lambda a: np.linalg.qr(a, "complete"),
        [(5, 2), (4, 3), (3, 5), (2, 5, 2)],
        "g",
    ),
    "eigh": (lambda a: la.eigh(a), np.linalg.eigh, SQUARE, "p"),
    "eigvalsh": (lambda a: [la.eigvalsh(a)], lambda a: [np.linalg.eigvalsh(a)], SQUARE, "p"),
    "svd": (
        lambda a: la.svd(a),
        lambda a: np.linalg.svd(a, full_matrices=False),
        SQUARE + TALL + WIDE,
        "g",
    ),
    "svdvals": (
        lambda a: [la.svdvals(a)],
        lambda a: [np.linalg.svd(a, compute_uv=False)],
        SQUARE + TALL + WIDE,
        "g",
    ),
    "expm": (lambda a: [la.expm(a)], lambda a: [scipy.linalg.expm(a)], SQUARE, "s"),
}
CASES = [pytest.param(name, shape, id=f"{name} {shape}") for name, case in OPS.items() for shape in case[2]]


class Point:
    """An op at a point: nodes, numbers and random directions."""

    def __init__(self, name, shape):
        self.build, self.numpy, _, kinds = OPS[name]
        rng = np.random.default_rng(len(name) + 7 * sum(shape))
        make = {
            "g": lambda: general(rng, *shape),
            "p": lambda: positive(rng, *shape),
            "s": lambda: 0.3 * general(rng, *shape),
            "b": lambda: rng.normal(size=(*shape[:-1], 2)),
        }
        self.rng = rng
        self.values = [make[k]() for k in kinds]
        self.symmetric = kinds == "p"
        self.inputs = [input_node(v.shape, v.dtype) for v in self.values]
        self.outputs = list(self.build(*self.inputs))

    def direction(self):
        d = [self.rng.normal(size=v.shape) for v in self.values]
        return [symmetric(x) for x in d] if self.symmetric else d

    def nodes(self, values):
        return [input_node(np.shape(v), np.asarray(v).dtype) for v in values]

    def moved(self, direction, t):
        return [v + t * d for v, d in zip(self.values, direction)]


@pytest.mark.parametrize("name, shape", CASES)
def test_values_are_those_of_numpy(name, shape):
    point = Point(name, shape)
    got = run(point.outputs, point.inputs, point.values)
    close(got, point.numpy(*point.values), 1e-11)
    assert [g.dtype for g in got] == [o.dtype for o in point.outputs]
    assert [np.shape(g) for g in got] == [o.shape for o in point.outputs]


@pytest.mark.parametrize("name, shape", CASES)
def test_constants_fold(name, shape):
    point = Point(name, shape)
    outputs = point.build(*map(constant, point.values))
    assert all(o.is_constant for o in outputs if o.size)
    close([o.value for o in outputs if o.size], [e for e in point.numpy(*point.values) if np.size(e)], 1e-11)


@pytest.mark.parametrize("name, shape", CASES)
def test_single_precision_stays(name, shape):
    point = Point(name, shape)
    values = [v.astype(np.float32) for v in point.values]
    inputs = point.nodes(values)
    outputs = list(point.build(*inputs))
    gradients = pullback(outputs, [input_node(o.shape, o.dtype) for o in outputs], inputs)
    assert {n.dtype for n in (*outputs, *gradients)} == {np.dtype(np.float32)}
    got = run(outputs, inputs, values)
    assert {g.dtype for g in got} == {np.dtype(np.float32)}
    close(got, run(point.outputs, point.inputs, point.values), 2e-3)


@pytest.mark.parametrize("name, shape", CASES)
def test_derivatives_of_first_and_second_order(name, shape):
    point = Point(name, shape)
    first, second = point.direction(), point.direction()
    t, s = point.nodes(first), point.nodes(second)
    pushed = pushforward(point.outputs, dict(zip(point.inputs, t)))
    smooth = [k for k, p in enumerate(pushed) if p is not None]
    one = [pushed[k] for k in smooth]
    outputs = [point.outputs[k] for k in smooth]
    got = run(one, point.inputs + t, point.values + first)

    def values(x):
        return run(outputs, point.inputs, x)

    def slopes(x):
        return run(one, point.inputs + t, x + first)

    ahead, behind = values(point.moved(first, STEP)), values(point.moved(first, -STEP))
    close(got, [(a - b) / (2 * STEP) for a, b in zip(ahead, behind)], 1e-6)

    two = pushforward(one, dict(zip(point.inputs, s)))
    curved = [k for k, p in enumerate(two) if p is not None]
    got_two = run([two[k] for k in curved], point.inputs + t + s, point.values + first + second)
    ahead, behind = slopes(point.moved(second, STEP)), slopes(point.moved(second, -STEP))
    close(got_two, [(ahead[k] - behind[k]) / (2 * STEP) for k in curved], 1e-5)

    # ⟨w, J v⟩ = ⟨Jᵀ w, v⟩, for the op and for its derivative
    for results, pushed_numbers, direction in ((outputs, got, first), ([one[k] for k in curved], got_two, second)):
        weights = [point.rng.normal(size=r.shape) for r in results]
        w = point.nodes(weights)
        back = run(pullback(results, w, point.inputs), point.inputs + t + w, point.values + first + weights)
        left = sum(np.sum(a * b) for a, b in zip(weights, pushed_numbers))
        right = sum(np.sum(a * b) for a, b in zip(back, direction))
        assert left == pytest.approx(right, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("name, shape", CASES)
def test_a_batch_is_a_loop(name, shape):
    """For the op, its tangent and its pullback, over every choice of batched arguments."""
    point = Point(name, shape)
    direction = point.direction()
    t = point.nodes(direction)
    weights = [point.rng.normal(size=o.shape) for o in point.outputs]
    w = point.nodes(weights)
    graph = [
        *point.outputs,
        *(p for p in pushforward(point.outputs, dict(zip(point.inputs, t))) if p is not None),
        *pullback(point.outputs, w, point.inputs),
    ]
    inputs = [*point.inputs, *t, *w]
    values = [*point.values, *direction, *weights]
    size = 3
    count = len(point.inputs)
    choices = [set(range(len(inputs))), set(range(count, len(inputs)))] + ([{0}, {1}] if count == 2 else [])
    for chosen in choices:
        stacked = {}
        for k in chosen:
            noise = 0.05 * point.rng.normal(size=(size, *values[k].shape))
            stacked[k] = values[k] + (symmetric(noise) if point.symmetric and k < count else noise)
        wide = {k: input_node(v.shape, v.dtype) for k, v in stacked.items()}
        outputs = batched(graph, {inputs[k]: n for k, n in wide.items()}, size)
        once = [wide.get(k, inputs[k]) for k in range(len(inputs))]
        got = run(outputs, once, [stacked.get(k, values[k]) for k in range(len(inputs))])
        loop = [
            run(graph, inputs, [stacked[k][i] if k in chosen else v for k, v in enumerate(values)]) for i in range(3)
        ]
        close(got, [np.stack(parts) for parts in zip(*loop)], 1e-7)


def test_stacks_broadcast_in_solve():
    rng = np.random.default_rng(1)
    for sa, sb in [((2, 1, 3, 3), (4, 3, 2)), ((3, 3), (5, 4, 3, 1)), ((6, 3, 3), (3, 2))]:
        a, b = general(rng, *sa), rng.normal(size=sb)
        x, y = input_node(sa, a.dtype), input_node(sb, b.dtype)
        close(run([la.solve(x, y)], [x, y], [a, b]), [np.linalg.solve(a, b)], 1e-12)
        close(run([la.triangular_solve(x, y)], [x, y], [a, b]), [np.linalg.solve(np.tril(a), b)], 1e-12)


def test_one_factorization_serves_value_and_derivatives():
    a, b = input_node((6, 6), np.dtype(float)), input_node((6, 1), np.dtype(float))
    x = la.solve(a, b)
    outputs = [x, la.inv(a), *la.slogdet(a), la.det(a)]
    graph = Graph([a, b], [*outputs, *pullback([x, outputs[3]], [b, constant(np.float64(1.0))], [a, b])])
    assert sum(n.op.name == "lu_factor" for n in graph.nodes) == 1


def test_lu_of_a_stack():
    rng = np.random.default_rng(2)
    a = general(rng, 3, 2, 4, 4)
    node = input_node(a.shape[2:], a.dtype)
    lu, pivots = factors(node)
    wide = input_node((6, 4, 4), a.dtype)
    got_lu, got_pivots = run(batched([lu, pivots], {node: wide}, 6), [wide], [a.reshape(6, 4, 4)])
    for k in range(6):
        expected, expected_pivots = scipy.linalg.lu_factor(a.reshape(6, 4, 4)[k])
        np.testing.assert_allclose(got_lu[k], expected)
        np.testing.assert_array_equal(got_pivots[k], expected_pivots)


@pytest.mark.parametrize(
    "build, a, message",
    [
        (lambda x: la.solve(x, x), np.ones((2, 2)), "Singular matrix"),
        (lambda x: la.solve(x, x), np.ones((3, 2, 2)), "Singular matrix"),
        (lambda x: la.inv(x), np.zeros((3, 3)), "Singular matrix"),
        (lambda x: la.triangular_solve(x, x), np.array([[1.0, 2.0], [3.0, 0.0]]), "zero in row 1"),
        (lambda x: la.cholesky(x), -np.eye(2), "not positive definite"),
        (lambda x: la.slogdet(x)[1], np.zeros((2, 2)), None),
    ],
)
def test_errors_of_lapack_are_numpys(build, a, message):
    x = input_node(a.shape, a.dtype)
    y = build(x)
    if message is None:
        assert run([y], [x], [a])[0] == -np.inf
        return
    with pytest.raises(np.linalg.LinAlgError, match=message):
        run([y], [x], [a])


def test_shapes_that_do_not_fit():
    square, tall, vector = (input_node(s, np.dtype(float)) for s in [(3, 3), (4, 3), (3,)])
    for wrong in (
        lambda: la.solve(tall, tall),
        lambda: la.inv(vector),
        lambda: la.cholesky(tall),
        lambda: la.det(vector),
        lambda: la.svd(vector),
        lambda: la.qr(vector),
        lambda: la.expm(tall),
        lambda: la.eigh(tall),
    ):
        with pytest.raises(np.linalg.LinAlgError):
            wrong()
    for wrong in (lambda: la.solve(square, tall), lambda: la.lstsq(tall, square, 0.0)):
        with pytest.raises(ValueError, match="do not fit together"):
            wrong()


def test_quiet_inverse_is_nan_where_singular():
    a = np.stack([np.eye(2), np.ones((2, 2)), 2 * np.eye(2)])
    x = input_node(a.shape, a.dtype)
    got = run([la.inv(x, quiet=True)], [x], [a])[0]
    assert np.isnan(got[1]).all()
    np.testing.assert_allclose(got[[0, 2]], np.linalg.inv(a[[0, 2]]))
    x = input_node((2, 2), a.dtype)
    assert np.isnan(run([la.inv(x, quiet=True)], [x], [a[1]])[0]).all()


def test_a_graph_with_several_results_pickles():
    x = input_node((3, 3), np.dtype(float))
    graph = Graph([x], list(la.eigh(x)))
    a = positive(np.random.default_rng(14), 3, 3)
    close(Interpreter(pickle.loads(pickle.dumps(graph)))(a), np.linalg.eigh(a), 1e-12)
