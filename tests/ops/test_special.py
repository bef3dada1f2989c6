"""Every op of `thalweg.ops.special`: SciPy's values, derivatives against mpmath, adjoints, batching, late loading."""

import itertools
import pickle
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import scipy.special
from mpmath import mpf

from ops.derivatives import first, forward, inputs_like, run, second, true_first, true_second, true_value, value
from thalweg.errors import UnsupportedError
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import OPS, Graph, Op
from thalweg.ops import elementwise, special
from thalweg.transforms.batch import batched
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback

exp, log, sqrt, pi = mpmath.exp, mpmath.log, mpmath.sqrt, mpmath.pi


def normal(x):
    return mpmath.erfc(-x / sqrt(2)) / 2


def relative_entropy(a, b):
    return a * log(a / b)


ORDERS = [(0, 0.5), (1, 2.5), (2, 10.0), (2.5, 0.75), (3, 30.0)]

# op, parameters, points, the same function in mpmath
CASES = [
    ("erf", (), [-5.0, -0.3, 0.0, 1e-9, 2.0], mpmath.erf),
    ("erfc", (), [-5.0, -0.3, 0.0, 2.0, 20.0], mpmath.erfc),
    ("erfi", (), [-5.0, -0.3, 0.0, 2.0, 10.0], mpmath.erfi),
    ("dawsn", (), [-5.0, -0.3, 0.0, 2.0, 8.0], lambda x: sqrt(pi) / 2 * exp(-x * x) * mpmath.erfi(x)),
    ("erfcx", (), [-5.0, -0.3, 0.0, 2.0, 8.0, 25.0, 1e3, 1e6], lambda x: exp(x * x) * mpmath.erfc(x)),
    ("erfinv", (), [-0.999, -0.3, 0.0, 0.7, 1 - 1e-6], mpmath.erfinv),
    ("erfcinv", (), [1e-6, 0.3, 1.0, 1.9], lambda x: mpmath.erfinv(1 - x)),
    ("ndtr", (), [-20.0, -0.3, 0.0, 2.0], normal),
    ("log_ndtr", (), [-200.0, -20.0, -3.0, 0.0, 2.0, 8.0], lambda x: log(normal(x))),
    ("ndtri", (), [1e-6, 0.3, 0.5, 0.99], lambda x: sqrt(2) * mpmath.erfinv(2 * x - 1)),
    ("ndtri_exp", (), [-10.0, -3.0, -0.7, -0.01], lambda y: sqrt(2) * mpmath.erfinv(2 * exp(y) - 1)),
    ("logit", (), [1e-9, 0.3, 0.5, 1 - 1e-9], lambda x: log(x / (1 - x))),
    ("log_expit", (), [-30.0, -1.0, 0.0, 2.0, 40.0], lambda x: -mpmath.log1p(exp(-x))),
    ("xlogy", (), [(0.5, 2.0), (3.0, 1e-3), (-1.0, 5.0), (0.0, 3.0)], lambda x, y: x * log(y)),
    ("xlog1py", (), [(0.5, 2.0), (3.0, -0.999), (-1.0, 1e-9), (0.0, 3.0)], lambda x, y: x * mpmath.log1p(y)),
    ("entr", (), [1e-9, 0.3, 1.0, 5.0], lambda x: -x * log(x)),
    ("rel_entr", (), [(0.5, 2.0), (3.0, 1e-3), (2.0, 2.0)], relative_entropy),
    ("kl_div", (), [(0.5, 2.0), (3.0, 1e-3), (2.0, 2.5)], lambda a, b: relative_entropy(a, b) - a + b),
    ("polygamma", (0,), [-1.5, 1e-3, 1.0, 2.5, 1e6], lambda x: mpmath.psi(0, x)),
    ("polygamma", (1,), [1e-3, 1.0, 2.5, 1e6], lambda x: mpmath.psi(1, x)),
    ("polygamma", (3,), [0.1, 1.0, 2.5, 100.0], lambda x: mpmath.psi(3, x)),
    ("gamma", (), [-1.5, 0.1, 1.0, 4.5, 30.0], mpmath.gamma),
    ("gammaln", (), [-1.5, 1e-9, 0.7, 4.5, 1e6], lambda x: log(abs(mpmath.gamma(x)))),
    ("loggamma", (), [1e-9, 0.7, 4.5, 1e6], mpmath.loggamma),
    ("rgamma", (), [-4.0, -2.5, -1.0, -1e-9, 0.0, 0.3, 0.5, 1.0, 6.5], mpmath.rgamma),
    ("beta", (), [(0.5, 2.0), (3.0, 4.5), (10.0, 0.1)], mpmath.beta),
    ("betaln", (), [(0.5, 2.0), (3.0, 4.5), (10.0, 0.1)], lambda a, b: log(mpmath.beta(a, b))),
    ("poch", (), [(0.5, 2.0), (3.0, 4.5)], mpmath.rf),
    ("binom", (), [(5.5, 2.0), (8.0, 4.5)], mpmath.binomial),
    ("gammainc", (), [(0.5, 2.0), (3.0, 4.5), (20.0, 18.0)], lambda a, x: mpmath.gammainc(a, 0, x, regularized=True)),
    ("gammaincc", (), [(0.5, 2.0), (3.0, 4.5)], lambda a, x: mpmath.gammainc(a, x, mpmath.inf, regularized=True)),
    ("betainc", (), [(0.5, 2.0, 0.3), (3.0, 4.5, 0.9)], lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True)),
    ("zeta", (), [(2.0, 0.5), (3.5, 2.0), (1.1, 10.0)], lambda s, q: mpmath.zeta(s, q)),
    ("exprel", (0,), [-30.0, -1.0, -1e-5, 0.0, 1e-9, 0.1, 20.0], lambda x: mpmath.hyp1f1(1, 2, x)),
    ("exprel", (2,), [-5.0, -1.0, -1e-5, 0.0, 1e-9, 0.1, 20.0], lambda x: mpmath.hyp1f1(3, 4, x) / 3),
    ("exp10", (), [-30.0, 0.0, 2.5], lambda x: mpf(10) ** x),
    ("cosm1", (), [-2.0, 1e-9, 3.0], lambda x: mpmath.cos(x) - 1),
    ("expi", (), [-3.0, -0.1, 0.5, 10.0], mpmath.ei),
    ("exp1", (), [0.1, 1.0, 10.0], mpmath.e1),
    ("jv", (), ORDERS, mpmath.besselj),
    ("yv", (), ORDERS, mpmath.bessely),
    ("iv", (), ORDERS, mpmath.besseli),
    ("kv", (), ORDERS, mpmath.besselk),
    ("ive", (), ORDERS, lambda v, x: mpmath.besseli(v, x) * exp(-abs(x))),
    ("kve", (), ORDERS, lambda v, x: mpmath.besselk(v, x) * exp(x)),
    ("j0", (), [-3.0, 0.0, 0.1, 5.0, 50.0], lambda x: mpmath.besselj(0, x)),
    ("j1", (), [-3.0, 0.0, 0.1, 5.0, 50.0], lambda x: mpmath.besselj(1, x)),
    ("y0", (), [0.1, 2.0, 5.0, 50.0], lambda x: mpmath.bessely(0, x)),
    ("y1", (), [0.1, 2.0, 5.0, 50.0], lambda x: mpmath.bessely(1, x)),
    ("i0", (), [-3.0, 0.0, 0.1, 5.0, 50.0], lambda x: mpmath.besseli(0, x)),
    ("i1", (), [-3.0, 0.0, 0.1, 5.0, 50.0], lambda x: mpmath.besseli(1, x)),
    ("k0", (), [0.1, 2.0, 5.0, 50.0], lambda x: mpmath.besselk(0, x)),
    ("k1", (), [0.1, 2.0, 5.0, 50.0], lambda x: mpmath.besselk(1, x)),
    ("i0e", (), [-3.0, 0.1, 5.0, 50.0], lambda x: mpmath.besseli(0, x) * exp(-abs(x))),
    ("i1e", (), [-3.0, 0.1, 5.0, 50.0], lambda x: mpmath.besseli(1, x) * exp(-abs(x))),
    ("k0e", (), [0.1, 2.0, 5.0, 50.0], lambda x: mpmath.besselk(0, x) * exp(x)),
    ("k1e", (), [0.1, 2.0, 5.0, 50.0], lambda x: mpmath.besselk(1, x) * exp(x)),
]
REFUSED = {"jv": {0}, "yv": {0}, "iv": {0}, "kv": {0}, "ive": {0}, "kve": {0}, "gammainc": {0}, "gammaincc": {0},
           "betainc": {0, 1}, "zeta": {0}}  # fmt: skip
cases = pytest.mark.parametrize("name, params, points, f", CASES, ids=[f"{n}{list(p) or ''}" for n, p, *_ in CASES])


def rows_of(points):
    return [p if isinstance(p, tuple) else (p,) for p in points]


def columns(points):
    return [np.array(c, dtype=float) for c in zip(*rows_of(points), strict=True)]


def moving(name, arrays):
    return [k for k in range(len(arrays)) if k not in REFUSED.get(name, ())]


def test_every_special_op_is_tested_here():
    table = {v.name for v in vars(special).values() if isinstance(v, Op)}
    shared = {v.name for v in vars(elementwise).values() if isinstance(v, Op)}
    assert table - shared == {name for name, *_ in CASES}


@cases
def test_values(name, params, points, f):
    arrays = columns(points)
    got = value(OPS[name], arrays, params)
    np.testing.assert_allclose(got, [true_value(f, row) for row in rows_of(points)], rtol=2e-13, atol=1e-300)
    if not params:
        np.testing.assert_array_equal(got, getattr(scipy.special, name)(*arrays))
    for i, row in enumerate(zip(*arrays, strict=True)):
        np.testing.assert_allclose(value(OPS[name], row, params), got[i], rtol=4e-16)
    big = [np.tile(a, 1000) for a in arrays]
    xs = inputs_like(big)
    np.testing.assert_allclose(run(xs, [-OPS[name](*xs, params=params)], big)[0], -np.tile(got, 1000), rtol=4e-16)


@cases
def test_first_derivatives(name, params, points, f):
    arrays = columns(points)
    for k in moving(name, arrays):
        truth = [true_first(f, row, k, 60) for row in rows_of(points)]
        for got in first(OPS[name], arrays, k, params):
            np.testing.assert_allclose(got, truth, rtol=1e-12, atol=1e-25, err_msg=f"∂/∂{k}")


@cases
def test_second_derivatives(name, params, points, f):
    arrays = columns(points)
    for k, m in itertools.product(moving(name, arrays), repeat=2):
        truth = [true_second(f, row, k, m, 60) for row in rows_of(points)]
        for got in second(OPS[name], arrays, k, m, params):
            np.testing.assert_allclose(got, truth, rtol=1e-10, atol=1e-16, err_msg=f"∂²/∂{k}∂{m}")


@cases
def test_nan_and_infinities_pass_as_in_scipy(name, params, points, f):
    edge = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0])
    count = len(columns(points))
    grid = [g.ravel() for g in np.meshgrid(*([edge] * count))]
    with np.errstate(all="ignore"):
        expected = OPS[name].evaluate(*grid, *params)
    np.testing.assert_array_equal(value(OPS[name], grid, params), expected)
    if not params:
        np.testing.assert_array_equal(expected, getattr(scipy.special, name)(*grid))


@cases
def test_reverse_is_the_transpose_of_forward_and_a_batch_is_a_loop(name, params, points, f):
    rng = np.random.default_rng(2)
    rows = rows_of(points)
    shapes = [(3, 1), (4,), ()][: len(rows[0])]
    arrays = [np.full(s, float(v)) for s, v in zip(shapes, rows[1], strict=True)]
    xs = inputs_like(arrays)
    y = OPS[name](*xs, params=params)
    active = [xs[k] for k in moving(name, arrays)]
    v = [rng.standard_normal(x.shape) for x in active]
    u = rng.standard_normal(y.shape)
    ts, w = inputs_like(v), inputs_like([u])[0]
    (jv,) = run([*xs, *ts], pushforward([y], dict(zip(active, ts, strict=True))), [*arrays, *v])
    back = run([*xs, w], pullback([y], [w], active), [*arrays, u])
    left, right = np.sum(u * jv), sum(np.sum(b * t) for b, t in zip(back, v, strict=True))
    np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-11 * np.sum(np.abs(u * jv)))
    columns_ = columns(points)
    scalars = inputs_like([c[0] for c in columns_])
    wholes = inputs_like(columns_)
    (whole,) = batched([OPS[name](*scalars, params=params)], dict(zip(scalars, wholes, strict=True)), len(rows))
    loop = [value(OPS[name], row, params) for row in zip(*columns_, strict=True)]
    np.testing.assert_allclose(run(wholes, [whole], columns_)[0], loop, rtol=4e-16)


@pytest.mark.parametrize("name, k", [(n, k) for n, ks in REFUSED.items() for k in ks])
def test_a_derivative_that_is_not_known_is_refused(name, k):
    arrays = columns(next(points for n, _, points, _ in CASES if n == name))
    xs = inputs_like(arrays)
    y = OPS[name](*xs)
    with pytest.raises(UnsupportedError, match=f"scipy.special.{name} has no derivative in its"):
        forward(y, xs[k])
    with pytest.raises(UnsupportedError):
        pullback([y], [y], [xs[k]])


def test_single_precision_stays_single():
    x = np.array([0.3, 0.7], dtype=np.float32)
    for name in ("erf", "gammaln", "log_ndtr", "j1", "logit", "erfcx", "rgamma"):
        for got in (value(OPS[name], [x]), *first(OPS[name], [x], 0)):
            assert got.dtype == np.float32
        np.testing.assert_allclose(got, first(OPS[name], [x.astype(float)], 0)[0], rtol=1e-5)


def test_the_family_loads_when_a_graph_that_needs_it_is_unpickled():
    x = inputs_like([np.zeros(2)])
    text = pickle.dumps(Interpreter(Graph(x, [OPS["erf"](*x)])))
    program = (
        "import sys, pickle, thalweg; assert 'scipy.special' not in sys.modules, 'loaded too early';"
        f"print(pickle.loads({text!r})([0.0, 0.5])[0])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[0.         0.52049988]"
