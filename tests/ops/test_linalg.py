"""The primitives of linear algebra: values against NumPy and SciPy, first and second derivatives against central
differences (error about 1e-9 at step 1e-5, so 1e-6 is asked), adjoints, batching, and the points where formulas divide
by zero."""

import pickle
from itertools import permutations

import numpy as np
import pytest
import scipy.linalg

from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, constant, input_node
from thalweg.ops import linalg as la
from thalweg.ops.elementwise import log
from thalweg.ops.factorizations import columns
from thalweg.ops.matrix import diagonal, product
from thalweg.ops.reduce import sum_
from thalweg.ops.solve import factors
from thalweg.transforms.batch import batched
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback

STEP = 1e-5


def run(outputs, inputs, values):
    return Interpreter(Graph(inputs, outputs))(*values)


def general(rng, *shape):
    """A matrix away from singular, its singular values well apart."""
    a = rng.normal(size=shape)
    k = min(shape[-2:])
    a[..., range(k), range(k)] += 2.0 * np.arange(1, k + 1)
    return a


def positive(rng, *shape):
    a = general(rng, *shape)
    return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])


def symmetric(a):
    return a + np.swapaxes(a, -1, -2)


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


def close(got, expected, tolerance):
    for g, e in zip(got, expected, strict=True):
        assert np.shape(g) == np.shape(e)
        np.testing.assert_allclose(g, e, rtol=tolerance, atol=tolerance * (1 + np.abs(e).max(initial=0)))


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


def gradient(build, a):
    x = input_node(a.shape, a.dtype)
    y = build(x)
    return run(pullback([y], [constant(np.asarray(1.0))], [x]), [x], [a])[0]


def hessian(build, a):
    """∂²y/∂aᵢ∂aⱼ by forward over reverse, one direction at a time."""
    x, t = input_node(a.shape, a.dtype), input_node(a.shape, a.dtype)
    g = pullback([build(x)], [constant(np.asarray(1.0))], [x])[0]
    (pushed,) = pushforward([g], {x: t})
    rows = [run([pushed], [x, t], [a, e.reshape(a.shape)])[0].ravel() for e in np.eye(a.size)]
    return np.array(rows)


def determinant_by_permutations(a):
    """Leibniz' formula: a polynomial, so its derivatives are known to rounding from exact differences."""
    n = len(a)
    total = 0.0
    for p in permutations(range(n)):
        sign = np.linalg.det(np.eye(n)[list(p)])
        total += sign * np.prod([a[i, p[i]] for i in range(n)])
    return total


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("rank_lost", [0, 1, 2])
def test_determinant_of_singular_matrices(n, rank_lost):
    rng = np.random.default_rng(n + 10 * rank_lost)
    u, _, v = np.linalg.svd(rng.normal(size=(n, n)))
    a = u[:, : n - rank_lost] @ (np.arange(1, n - rank_lost + 1)[:, None] * v[: n - rank_lost])
    f = determinant_by_permutations
    units = [e.reshape(n, n) for e in np.eye(n * n)]
    # det is linear in each entry: differences with step 1 are exact
    expected = np.array([(f(a + e) - f(a - e)) / 2 for e in units])
    np.testing.assert_allclose(gradient(la.det, a).ravel(), expected, atol=1e-12)
    second = [
        [(f(a + d + e) - f(a + d - e) - f(a - d + e) + f(a - d - e)) / 4 if d is not e else 0.0 for e in units]
        for d in units
    ]
    np.testing.assert_allclose(hessian(la.det, a), second, atol=1e-11)


def test_cofactors_near_singularity_keep_their_digits():
    """The same gradient on both sides of the switch from the inverse to singular values."""
    rng = np.random.default_rng(3)
    u, _, v = np.linalg.svd(rng.normal(size=(5, 5)))
    for smallest in (1e-3, 1e-5, 1e-7, 1e-9, 1e-12, 0.0):
        s = np.array([3.0, 2.0, 1.0, 0.5, smallest])
        sign = np.linalg.det(u) * np.linalg.det(v)
        cofactors = sign * (u * np.array([np.prod(np.delete(s, i)) for i in range(5)])) @ v
        np.testing.assert_allclose(gradient(la.det, (u * s) @ v), cofactors, atol=1e-9)
    assert np.isnan(gradient(la.det, np.full((4, 4), np.nan))).all()
    nan = np.full((4, 4), np.nan)
    assert np.isnan(hessian(la.det, nan)).all()


def test_third_derivative_of_a_larger_determinant():
    rng = np.random.default_rng(4)
    a, d = general(rng, 4, 4) / 3, rng.normal(size=(4, 4))
    x, t = input_node(a.shape, a.dtype), input_node(a.shape, a.dtype)
    y = la.det(x)
    for _ in range(3):
        (y,) = pushforward([y], {x: t})
    coefficients = np.polynomial.Polynomial.fit(
        np.arange(-2, 3), [determinant_by_permutations(a + k * d) for k in range(-2, 3)], 4
    ).convert()
    assert run([y], [x, t], [a, d])[0] == pytest.approx(6 * coefficients.coef[3], rel=1e-9)


def test_symmetric_functions_of_repeated_eigenvalues():
    """Σ log λ and Σ λ² at a multiple of I, and at a matrix with one pair that coincides to rounding."""
    rng = np.random.default_rng(5)
    q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    for a in (2 * np.eye(4), (q * np.array([1.0, 3.0, 3.0, 5.0])) @ q.T):
        a = (a + a.T) / 2
        log_sum = lambda x: total(log(la.eigvalsh(x)))
        square_sum = lambda x: total(la.eigvalsh(x) * la.eigvalsh(x))
        g = gradient(log_sum, a)
        np.testing.assert_allclose(g + g.T, 2 * np.linalg.inv(a), atol=1e-12)
        g = gradient(square_sum, a)
        np.testing.assert_allclose(g + g.T, 4 * a, atol=1e-12)


def total(x):
    return sum_(x, tuple(range(x.ndim)))


def first_projector(a):
    """v vᵀ for the lowest eigenvalue: whatever the others do, it has a derivative."""
    v = la.eigh(a)[1]
    column = columns(v, 0, 1)
    return total(column * column * column_weights(a.shape[-1]))


def column_weights(n):
    return constant(np.arange(1.0, n + 1)[:, None])


def test_an_eigenvector_beside_coinciding_eigenvalues():
    a = np.diag([1.0, 2.0, 2.0, 3.0])
    g = gradient(first_projector, a)
    assert np.isfinite(g).all()
    rng = np.random.default_rng(6)
    d = symmetric(rng.normal(size=(4, 4)))

    def f(a):
        v = np.linalg.eigh(a)[1][:, 0]
        return np.sum(v * v * np.arange(1, 5))

    expected = (f(a + STEP * d) - f(a - STEP * d)) / (2 * STEP)
    assert np.sum(g * d) == pytest.approx(expected, abs=1e-8)


def test_vectors_of_coinciding_eigenvalues_have_no_derivative():
    """Vᵀ depends on the direction from which the point is reached: NaN, never a number that looks right."""
    g = gradient(lambda x: total(la.eigh(x)[1] * column_weights(2)), np.eye(2))
    assert np.isnan(g).any()


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 5)])
def test_singular_values_that_are_zero_or_repeated(shape):
    """The nuclear norm: U Vᵀ over the positive singular values, the subgradient of least norm."""
    rng = np.random.default_rng(7)
    m, n = shape
    u, _ = np.linalg.qr(rng.normal(size=(m, 3)))
    v, _ = np.linalg.qr(rng.normal(size=(n, 3)))
    for s in ([2.0, 2.0, 2.0], [3.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]):
        s = np.array(s)
        g = gradient(lambda x: total(la.svdvals(x)), (u * s) @ v.T)
        np.testing.assert_allclose(g, (u * (s > 0)) @ v.T, atol=1e-12)
        g = gradient(lambda x: total(la.svd(x)[1]), (u * s) @ v.T)
        np.testing.assert_allclose(g, (u * (s > 0)) @ v.T, atol=1e-12)


def test_a_leading_singular_vector_of_a_matrix_of_lower_rank():
    rng = np.random.default_rng(8)
    a = rng.normal(size=(5, 2)) @ rng.normal(size=(2, 4))
    f = lambda u: np.sum(u[:, :1] ** 2 * np.arange(1, 6)[:, None])
    leading = lambda x: columns(la.svd(x)[0], 0, 1)
    g = gradient(lambda x: total(leading(x) * leading(x) * column_weights(5)), a)
    d = rng.normal(size=(5, 4))
    expected = (f(np.linalg.svd(a + STEP * d)[0]) - f(np.linalg.svd(a - STEP * d)[0])) / (2 * STEP)
    assert np.sum(g * d) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (2, 6, 3)])
def test_the_span_of_the_further_singular_vectors(shape):
    """What they span is a function of the matrix, even if they themselves are LAPACK's choice."""
    rng = np.random.default_rng(9)
    a, d = general(rng, *shape), rng.normal(size=shape)
    weights = rng.normal(size=(*shape[:-2], 6, 6))
    k = min(shape[-2:])

    def f(a):
        u, _, vh = np.linalg.svd(a)
        u, v = u[..., :, k:], np.swapaxes(vh, -1, -2)[..., :, k:]
        u, v = u @ np.swapaxes(u, -1, -2), v @ np.swapaxes(v, -1, -2)
        m, n = a.shape[-2:]
        return np.sum(u * weights[..., :m, :m]) + np.sum(v * weights[..., :n, :n])

    def build(x):
        m, n = shape[-2:]
        u, _, vh = la.svd(x, True)
        u, v = columns(u, k, m), columns(la.mT(vh), k, n)
        parts = [(w, size) for w, size in ((u, m), (v, n)) if w.shape[-1]]
        terms = [
            total(product(w, la.mT(w)) * constant(np.ascontiguousarray(weights[..., :size, :size])))
            for w, size in parts
        ]
        return terms[0]

    g = gradient(build, a)
    assert np.sum(g * d) == pytest.approx((f(a + STEP * d) - f(a - STEP * d)) / (2 * STEP), abs=1e-7)


def test_cholesky_of_a_matrix_given_by_its_lower_triangle():
    """NumPy reads that triangle alone, so the derivative in the other is 0."""
    rng = np.random.default_rng(10)
    a = np.tril(positive(rng, 3, 3))
    weights = rng.normal(size=(3, 3))
    for build, f in (
        (lambda x: total(la.cholesky(x) * constant(weights)), lambda a: np.sum(np.linalg.cholesky(a) * weights)),
        (lambda x: total(la.eigvalsh(x) * constant(weights[0])), lambda a: np.sum(np.linalg.eigvalsh(a) * weights[0])),
    ):
        g = gradient(build, a)
        for i, j in np.ndindex(3, 3):
            e = np.zeros((3, 3))
            e[i, j] = STEP
            assert g[i, j] == pytest.approx((f(a + e) - f(a - e)) / (2 * STEP), abs=1e-8)


def test_the_gradient_at_a_symmetric_matrix_is_symmetric():
    a = positive(np.random.default_rng(11), 4, 4)
    for build in (
        lambda x: total(log(diagonal(la.cholesky(x)))),
        lambda x: total(log(la.eigvalsh(x))) * 0.5,
    ):
        np.testing.assert_allclose(gradient(build, a), 0.5 * np.linalg.inv(a), atol=1e-12)


def test_expm_against_integral_and_large_directions():
    """L(A, E) = ∫₀¹ exp(sA) E exp((1−s)A) ds by Gauss–Legendre, small and large (the two algorithms), any size of E."""
    rng = np.random.default_rng(12)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    for n, scale in [(3, 1.0), (3, 1e6), (40, 1.0), (40, 1e-6)]:
        a, e = rng.normal(size=(n, n)) / np.sqrt(n), scale * rng.normal(size=(n, n))
        x, t = input_node(a.shape, a.dtype), input_node(a.shape, a.dtype)
        got = run(pushforward([la.expm(x)], {x: t}), [x, t], [a, e])[0]
        expected = sum(
            w / 2 * scipy.linalg.expm((s + 1) / 2 * a) @ e @ scipy.linalg.expm((1 - s) / 2 * a)
            for s, w in zip(nodes, weights)
        )
        np.testing.assert_allclose(got / scale, expected / scale, atol=1e-12 * n)
    nan = np.full((40, 40), np.nan)
    x, t = input_node(nan.shape, nan.dtype), input_node(nan.shape, nan.dtype)
    assert np.isnan(run(pushforward([la.expm(x)], {x: t}), [x, t], [nan, np.eye(40)])[0]).all()


def test_expm_to_fourth_order():
    """d⁴/dt⁴ exp(A + tI) = exp(A), through four nested derivatives."""
    a = np.random.default_rng(13).normal(size=(2, 2))
    x, t = input_node((2, 2), a.dtype), input_node((2, 2), a.dtype)
    y = la.expm(x)
    for _ in range(4):
        (y,) = pushforward([y], {x: t})
    np.testing.assert_allclose(run([y], [x, t], [a, np.eye(2)])[0], scipy.linalg.expm(a), rtol=1e-11)


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
