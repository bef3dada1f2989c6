"""Every entry of the elementwise table: values as NumPy's, derivatives against mpmath, adjoints, batching, dtypes."""

import itertools

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ops.derivatives import (
    first,
    forward,
    inputs_like,
    ones,
    run,
    second,
    true_first,
    true_second,
    value,
)
from thalweg.graph import BOOL, FLOAT32, FLOAT64, INT64, OPS, Op, substitute
from thalweg.ops import elementwise, special
from thalweg.ops.elementwise import logistic
from thalweg.transforms.batch import batched
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback

LN2 = mpmath.log(2)


def sign(x):
    return mpmath.sign(x)


def pairs(a, b):
    return list(itertools.product(a, b))


def log(x):
    return mpmath.log(x)


# op → (points, the same function in mpmath)
SMOOTH = {
    "add": (pairs([1.5, -2.0], [0.3, 1e10]), lambda a, b: a + b),
    "subtract": (pairs([1.5, -2.0], [0.3, 1e10]), lambda a, b: a - b),
    "multiply": (pairs([1.5, -2.0, 0.0], [0.3, 1e10]), lambda a, b: a * b),
    "chain_product": (pairs([1.5, -2.0, 0.0], [0.3, 1e10]), lambda a, b: a * b),
    "divide": (pairs([1.5, -2.0, 0.0], [0.3, -1e10]), lambda a, b: a / b),
    "negative": ([1.5, -2.0, 0.0], lambda x: -x),
    "square": ([1.5, -2.0, 0.0], lambda x: x * x),
    "reciprocal": ([1.5, -2.0, 1e-8, 1e8], lambda x: 1 / x),
    "power": (
        [(2.0, 3.5), (0.1, -2.25), (7.0, 0.0), (1.0, 1.0), (1e-3, 2.0), (30.0, 1.0), (5.0, -1.0)],
        lambda x, n: x**n,
    ),
    "sqrt": ([1e-300, 1e-8, 0.25, 2.0, 1e12], mpmath.sqrt),
    "cbrt": ([-27.0, -1e-9, 1e-9, 0.3, 64.0], lambda x: sign(x) * abs(x) ** (mpf(1) / 3)),
    "exp": ([-700.0, -1.0, 0.0, 2.5, 100.0], mpmath.exp),
    "exp2": ([-700.0, -1.0, 0.0, 2.5, 100.0], lambda x: 2**x),
    "expm1": ([-40.0, -20.0, -1e-9, 0.0, 1e-9, 3.0], mpmath.expm1),
    "log": ([1e-300, 1e-3, 1.0, 1e300], log),
    "log2": ([1e-100, 1e-3, 1.0, 1e100], lambda x: log(x) / LN2),
    "log10": ([1e-100, 1e-3, 1.0, 1e100], mpmath.log10),
    "log1p": ([-1 + 1e-12, -0.5, -1e-9, 0.0, 1e-9, 1e9], mpmath.log1p),
    "log_slope": ([1e-8, 0.5, 1e8], lambda x: 1 / x),
    "logistic": ([-700.0, -90.0, -30.0, -1.0, 0.0, 1.0, 30.0, 90.0], lambda x: 1 / (1 + mpmath.exp(-x))),
    "logaddexp": (
        [(0.3, 1.0), (-700.0, 5.0), (3.0, 3.0), (40.0, -40.0), (1000.0, 999.0)],
        lambda a, b: log(mpmath.exp(a) + mpmath.exp(b)),
    ),
    "logaddexp2": ([(0.3, 1.0), (-700.0, 5.0), (3.0, 3.0), (40.0, -40.0)], lambda a, b: log(2**a + 2**b) / LN2),
    "sin": ([-2.0, 0.0, 1e-9, 1.0, 1e5], mpmath.sin),
    "cos": ([-2.0, 0.0, 1e-9, 1.0, 1e5], mpmath.cos),
    "tan": ([-1.5, 0.0, 1e-9, 1.0, 1.57, 1e5], mpmath.tan),
    "arcsin": ([-1 + 1e-12, -0.3, 0.0, 1e-9, 0.7, 1 - 1e-12], mpmath.asin),
    "arccos": ([-1 + 1e-12, -0.3, 0.0, 1e-9, 0.7, 1 - 1e-12], mpmath.acos),
    "arctan": ([-1e9, -0.3, 0.0, 1e-9, 2.0, 1e30], mpmath.atan),
    "one_minus_square": ([-1 + 1e-12, -0.3, 0.0, 1e-9, 0.7, 2.0], lambda x: 1 - x * x),
    "arctan2": (
        [(1.0, 2.0), (-1.0, -2.0), (0.0, 1.0), (1.0, 0.0), (1e-40, -3e-40), (1e40, 1e40)],
        mpmath.atan2,
    ),
    "hypot": ([(3.0, 4.0), (0.0, 2.0), (-1e-40, 1e-40), (30.0, 1.0)], mpmath.hypot),
    "sinh": ([-30.0, -1e-9, 0.0, 2.0, 30.0], mpmath.sinh),
    "cosh": ([-30.0, -1e-9, 0.0, 2.0, 30.0], mpmath.cosh),
    "tanh": ([-100.0, -15.0, -1e-9, 0.0, 0.5, 19.0], mpmath.tanh),
    "arcsinh": ([-1e9, -0.3, 0.0, 1e-9, 2.0, 1e30], mpmath.asinh),
    "arccosh": ([1 + 1e-12, 1.5, 10.0, 1e30], mpmath.acosh),
    "arctanh": ([-1 + 1e-12, -0.3, 0.0, 1e-9, 0.7, 1 - 1e-12], mpmath.atanh),
    "deg2rad": ([-30.0, 0.0, 90.0], mpmath.radians),
    "rad2deg": ([-3.0, 0.0, 90.0], mpmath.degrees),
    "sinc": (
        [-3.3, -1.0, -1e-5, 0.0, 1e-12, 1e-5, 0.3, 0.6366, 0.95, 2.0, 40.25],
        lambda x: mpmath.sinc(mpmath.pi * x),
    ),
    "ldexp": ([(0.75, 3), (-1.5, -2)], lambda x, i: x * 2**i),
    # pieces that are smooth away from the kinks
    "absolute": ([-2.0, 3.0], abs),
    "copysign": ([(-2.0, 3.0), (2.0, -3.0), (-2.0, -1.0)], lambda a, b: abs(a) * sign(b)),
    "maximum": ([(1.0, 2.0), (2.0, 1.0)], max),
    "minimum": ([(1.0, 2.0), (2.0, 1.0)], min),
    "fmax": ([(1.0, 2.0), (2.0, 1.0)], max),
    "fmin": ([(1.0, 2.0), (2.0, 1.0)], min),
    "floor_divide": ([(7.3, 2.0), (-7.3, 2.0), (7.3, -2.0)], lambda a, b: mpmath.floor(a / b)),
    "remainder": ([(7.3, 2.0), (-7.3, 2.0), (7.3, -2.0)], lambda a, b: a - b * mpmath.floor(a / b)),
    "fmod": (
        [(7.3, 2.0), (-7.3, 2.0), (7.3, -2.0), (1e15, 0.7)],
        lambda a, b: sign(a) * mpmath.fmod(abs(a), abs(b)),
    ),
    "sign": ([-2.0, 3.0], sign),
    "floor": ([-2.5, 3.5], mpmath.floor),
    "ceil": ([-2.5, 3.5], mpmath.ceil),
    "trunc": ([-2.5, 3.5], lambda x: sign(x) * mpmath.floor(abs(x))),
    "rint": ([-2.3, 3.7], mpmath.nint),
    "heaviside": ([(-2.0, 0.5), (3.0, 0.5)], lambda x, h: mpf(x > 0)),
    "share": ([(1.0, 2.0), (2.0, 1.0)], lambda a, b: mpf(a > b)),
}  # fmt: skip

# op → points: no derivative at all
COMPARED = ((1.0, 2.0), (2.0, 2.0), (0.0, -3.0))
ASKED = ((0.0,), (-2.5,))
QUESTIONS = {
    **dict.fromkeys(["greater", "greater_equal", "less", "less_equal", "equal", "not_equal"], COMPARED),
    **dict.fromkeys(["logical_and", "logical_or", "logical_xor"], COMPARED),
    **dict.fromkeys(["logical_not", "isfinite", "isinf", "isnan", "signbit", "exponent"], ASKED),
}
OF_INTEGERS = {"bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift"}
APART = {"where", "cast"}  # tested below by themselves
PARAMS = {"sinc": (0,)}


def logistic_of(x):
    """Without overflow: the one form on the left, the other on the right."""
    left, right = np.exp(np.minimum(x, 0)), np.exp(-np.maximum(x, 0))
    return np.where(x < 0, left / (1 + left), 1 / (1 + right))


def product_of(a, b):
    y = a * b
    return np.where(np.isnan(y) & ((a == 0) | (b == 0)), 0.0, y).astype(y.dtype)


# what the op is in NumPy where NumPy has no name for it
MEANING = {
    "chain_product": product_of,
    "log_slope": lambda x: np.where(x < 0, np.nan, 1 / x),
    "logistic": logistic_of,
    "one_minus_square": lambda x: (1 - x) * (1 + x),
    "share": lambda a, b: np.where(a == b, 0.5, np.heaviside(a - b, 0.5)).astype(np.result_type(a, b)),
    "exponent": lambda x: np.frexp(x)[1],
}


def columns(name):
    points = SMOOTH[name][0] if name in SMOOTH else QUESTIONS[name]
    rows = [p if isinstance(p, tuple) else (p,) for p in points]
    return [np.array(c, dtype=np.int64 if type(c[0]) is int else float) for c in zip(*rows, strict=True)], rows


def meaning(name):
    return MEANING.get(name) or getattr(np, name)


def ops_of(module):
    return {v.name for v in vars(module).values() if isinstance(v, Op)}


def test_every_elementwise_op_is_tested_here():
    elsewhere = ops_of(special) - ops_of(elementwise)
    table = {op.name for op in OPS.values() if op.elementwise} - elsewhere
    assert table == {*SMOOTH, *QUESTIONS, *OF_INTEGERS, *APART}


@pytest.mark.parametrize("name", [*SMOOTH, *QUESTIONS])
def test_values_are_those_of_numpy(name):
    arrays, _ = columns(name)
    with np.errstate(all="ignore"):
        expected = meaning(name)(*arrays)
        got = value(OPS[name], arrays, PARAMS.get(name, ()))
    np.testing.assert_allclose(got, expected, rtol=4e-16, atol=0)
    assert got.dtype.kind == expected.dtype.kind and got.shape == expected.shape


@pytest.mark.parametrize("name", [*SMOOTH, *QUESTIONS])
def test_scalars_and_large_arrays_agree(name):
    """The interpreter computes scalars by other means, and large arrays into buffers."""
    arrays, rows = columns(name)
    params = PARAMS.get(name, ())
    middle = value(OPS[name], arrays, params)
    for i, row in enumerate(zip(*arrays, strict=True)):
        np.testing.assert_allclose(value(OPS[name], row, params), middle[i], rtol=4e-16)
        np.testing.assert_allclose(value(OPS[name], [np.asarray(v) for v in row], params), middle[i], rtol=4e-16)
    times = 1 + 6000 // len(rows)
    big = [np.tile(a, times) for a in arrays]
    xs = inputs_like(big)
    y = OPS[name](*xs, params=params)
    if y.dtype.kind == "f":  # a negation behind it, so that the result of the op itself may live in a buffer
        np.testing.assert_allclose(run(xs, [-y], big)[0], -np.tile(middle, times), rtol=4e-16)


@pytest.mark.parametrize("name", SMOOTH)
def test_first_derivatives(name):
    arrays, rows = columns(name)
    f = SMOOTH[name][1]
    for k, a in enumerate(arrays):
        if a.dtype.kind == "f":
            truth = [true_first(f, row, k) for row in rows]
            for got in first(OPS[name], arrays, k, PARAMS.get(name, ())):
                np.testing.assert_allclose(got, truth, rtol=1e-12, atol=1e-120, err_msg=f"∂/∂{k}")


@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivatives(name):
    arrays, rows = columns(name)
    f = SMOOTH[name][1]
    moving = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
    for k, m in itertools.product(moving, moving):
        truth = [true_second(f, row, k, m) for row in rows]
        for got in second(OPS[name], arrays, k, m, PARAMS.get(name, ())):
            np.testing.assert_allclose(got, truth, rtol=1e-10, atol=1e-90, err_msg=f"∂²/∂{k}∂{m}")


@pytest.mark.parametrize("order", [3, 4, 5, 8])
def test_high_derivatives_of_sinc(order):
    x = np.array([-2.7, -0.5, -1e-5, 0.0, 1e-9, 1e-5, 1e-2, 0.31, 0.7, 1.0, 1.4, 1.6, 2.5, 9.0])
    with mpmath.workdps(60):
        truth = [
            float(
                mpmath.quad(
                    lambda s, v=mpf(v): mpmath.pi**order * s**order * mpmath.cos(mpmath.pi * (s * v + order / mpf(2))),
                    mpmath.linspace(0, 1, 12),
                )
            )
            for v in x
        ]
    got = value(OPS["sinc"], [x], (order,))
    np.testing.assert_allclose(got, truth, rtol=1e-11, atol=1e-12 * np.pi**order / (order + 1))
    np.testing.assert_allclose(got[np.abs(x) < 0.02], np.array(truth)[np.abs(x) < 0.02], rtol=1e-13, atol=1e-50)


@pytest.mark.parametrize("name", [*SMOOTH, *QUESTIONS])
def test_nan_infinities_and_signed_zeros_pass_as_in_numpy(name):
    arrays, _ = columns(name)
    edge = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 5e-324, 1.7e308])
    grid = [g.ravel() for g in np.meshgrid(*([edge] * len(arrays)))]
    if name == "ldexp":
        grid[1] = np.resize(np.array([-3, 0, 4]), grid[0].size)
    with np.errstate(all="ignore"):
        expected = meaning(name)(*grid)
    got = value(OPS[name], grid, PARAMS.get(name, ()))
    np.testing.assert_array_equal(got, expected) if name != "logistic" else np.testing.assert_allclose(got, expected)
    if got.dtype.kind == "f" and name != "chain_product":  # its zeros have no sign
        np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(expected[got == 0]))
    for i in range(len(grid[0])):  # and so do scalars
        for scalars in ([g[i] for g in grid], [np.asarray(g[i]) for g in grid]):
            np.testing.assert_allclose(value(OPS[name], scalars, PARAMS.get(name, ())), got[i], rtol=4e-16)


@pytest.mark.parametrize("name", [*SMOOTH, *QUESTIONS])
def test_single_precision_stays_single(name):
    arrays, _ = columns(name)
    arrays = [np.clip(a, -1e30, 1e30).astype(np.float32) if a.dtype.kind == "f" else a for a in arrays]
    params = PARAMS.get(name, ())
    with np.errstate(all="ignore"):
        expected = meaning(name)(*arrays)
        got = value(OPS[name], arrays, params)
    assert got.dtype.kind == expected.dtype.kind
    assert got.dtype.kind != "f" or got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    if name in SMOOTH:
        for derivative in first(OPS[name], arrays, 0, params):
            assert derivative.dtype == np.float32


SHAPES = {1: [((3, 4),), ((),), ((0, 2),)], 2: [((3, 1), (4,)), ((), (2, 3)), ((2, 3), ()), ((0, 1), (2,))]}


def filled(name, shapes, seed):
    """Arrays of these shapes, each full of the coordinate of one point in the op's domain."""
    rows = columns(name)[1]
    chosen = rows[np.random.default_rng(seed).integers(len(rows))]
    return [np.full(s, v) for s, v in zip(shapes, chosen, strict=True)]


@pytest.mark.parametrize("name", SMOOTH)
def test_reverse_is_the_transpose_of_forward(name):
    """⟨u, J v⟩ = ⟨Jᵀu, v⟩ for arguments that are stretched to each other's shape."""
    rng = np.random.default_rng(2)
    count = len(columns(name)[0])
    for shapes in SHAPES[count]:
        arrays = filled(name, shapes, 3)
        xs = inputs_like(arrays)
        moving = [x for x in xs if x.dtype.kind == "f"]
        y = OPS[name](*xs, params=PARAMS.get(name, ()))
        v = {x: rng.standard_normal(x.shape) for x in moving}
        u = rng.standard_normal(y.shape)
        ts, w = inputs_like(v.values()), inputs_like([u])[0]
        moved = pushforward([y], dict(zip(moving, ts, strict=True)))[0]
        jv = np.zeros(y.shape) if moved is None else run([*xs, *ts], [moved], [*arrays, *v.values()])[0]
        back = run([*xs, w], pullback([y], [w], moving), [*arrays, u])
        assert [b.shape for b in back] == [x.shape for x in moving] and jv.shape == y.shape
        left, right = np.sum(u * jv), sum(np.sum(b * t) for b, t in zip(back, v.values(), strict=True))
        np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-11 * (1 + np.sum(np.abs(u * jv))))


@pytest.mark.parametrize("name", [*SMOOTH, *QUESTIONS])
def test_a_batch_is_a_loop(name):
    arrays, rows = columns(name)
    size = len(rows)
    rng = np.random.default_rng(5)
    for which in itertools.product([True, False], repeat=len(arrays)):
        if not any(which):
            continue
        order = [rng.permutation(size) if len(arrays) == 1 else np.arange(size) for _ in arrays]
        stacked = [np.stack([a[o], a[o]], 1) if b else a[:2] for a, o, b in zip(arrays, order, which, strict=True)]
        if size < 2:
            continue
        singles = inputs_like([s[0] if b else s for s, b in zip(stacked, which, strict=True)])
        wholes = inputs_like(stacked)
        y = OPS[name](*singles, params=PARAMS.get(name, ()))
        together = {s: w for s, w, b in zip(singles, wholes, which, strict=True) if b}
        rest = {s: w for s, w, b in zip(singles, wholes, which, strict=True) if not b}
        (whole,) = substitute(batched([y], together, size), rest)
        with np.errstate(all="ignore"):
            got = run(wholes, [whole], stacked)[0]
            for i in range(size):
                one = run(singles, [y], [s[i] if b else s for s, b in zip(stacked, which, strict=True)])[0]
                np.testing.assert_array_equal(got[i], one)


@pytest.mark.parametrize("name", sorted(OF_INTEGERS))
def test_bits(name):
    a, b = np.array([5, -3, 12, 0]), np.array([3, 1, 2, 7])
    arrays = [a] if name == "invert" else [a, b]
    np.testing.assert_array_equal(value(OPS[name], arrays), getattr(np, name)(*arrays))
    if "shift" not in name:
        arrays = [x > 2 for x in arrays]
        got = value(OPS[name], arrays)
        np.testing.assert_array_equal(got, getattr(np, name)(*arrays))
        assert got.dtype == BOOL
    with pytest.raises(TypeError):
        OPS[name](*inputs_like([x.astype(float) for x in arrays]))


def test_where_takes_the_derivative_of_the_branch_taken():
    c, a, b = np.array([True, False, True]), np.array([1.0, 2.0, 3.0]), np.array([-1.0, -2.0, -3.0])
    xs = inputs_like([c, a, b])
    y = OPS["where"](*xs)
    got = run(xs, [y, *pullback([y], [ones(y)], xs[1:]), forward(y, xs[1])], [c, a, b])
    np.testing.assert_array_equal(got[0], [1.0, -2.0, 3.0])
    np.testing.assert_array_equal(got[1], [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(got[2], [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(got[3], [1.0, 0.0, 1.0])


@pytest.mark.parametrize("dtype", [FLOAT32, INT64, BOOL])
def test_cast(dtype):
    x = np.array([0.0, 1.5, -2.7])
    xs = inputs_like([x])
    y = OPS["cast"](*xs, params=(dtype,))
    np.testing.assert_array_equal(run(xs, [y], [x])[0], x.astype(dtype))
    (g,) = pullback([y], [ones(y)], xs) if dtype.kind == "f" else pullback([y], [None], xs)
    np.testing.assert_array_equal(run(xs, [g], [x])[0], np.full(3, float(dtype.kind == "f")))
    assert g.dtype == FLOAT64


OF_BOOLEANS = [
    (name, params)
    for name, op in OPS.items()
    if op.elementwise and name not in ("where", "cast", "ldexp")
    for params in ([(0,), (1,), (2,)] if name in ("sinc", "polygamma", "exprel") else [()])
]


@pytest.mark.parametrize("name, params", OF_BOOLEANS)
def test_booleans_count_in_double_precision(name, params):
    """NumPy computes functions of booleans in half precision, SciPy in single or double, by version; a graph in double.

    Beside other numbers booleans take the type of the result.
    """
    op = OPS[name]
    columns = [np.array([True, True, False, False]), np.array([True, False, True, False]), np.array([True] * 4)]
    arrays = columns[: len(op.partials or op.chains)]
    for others in (BOOL, FLOAT32, FLOAT64):
        given = [a.astype(others) if k else a for k, a in enumerate(arrays)]
        if others != BOOL and len(arrays) == 1:
            continue
        xs = inputs_like(given)
        try:
            y = op(*xs, params=params)
        except TypeError:  # not defined for booleans
            continue
        (got,) = run(xs, [y], given)
        assert got.dtype == y.dtype
        if y.dtype.kind != "f":
            continue
        assert y.dtype == FLOAT64 or others == FLOAT32  # beside float32, SciPy's order decides
        wide = [a.astype(y.dtype) for a in given]
        np.testing.assert_array_equal(got, value(op, wide, params))
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(op.evaluate(*given, *params), got)


def test_logistic_does_not_overflow():
    x = np.array([-1000.0, -745.0, -709.9, 709.9, 1000.0])
    np.testing.assert_allclose(value(logistic, [x]), [0.0, np.exp(-745.0), np.exp(-709.9), 1.0, 1.0], rtol=1e-15)


@pytest.mark.parametrize("name", ["log", "log2", "log10", "log1p", "arctanh", "sqrt", "arcsin", "arccos", "arccosh"])
def test_outside_the_domain_derivatives_of_every_order_are_nan(name):
    x = np.array([{"arccosh": 0.5}.get(name, -3.0), np.nan])
    for got in (*first(OPS[name], [x], 0), *second(OPS[name], [x], 0, 0)):
        assert np.isnan(got).all()
