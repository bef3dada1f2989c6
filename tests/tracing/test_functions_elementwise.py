"""Plain NumPy under trace: elementwise functions, operators, methods and Python's own, with the values NumPy gives."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from scipy import special
from scipy.special import logsumexp

import thalweg as tw
from thalweg.errors import TraceError, UnsupportedError
from thalweg.tracing.trace import trace_leaves

X = np.array([[0.3, -1.7, 2.5], [4.0, -0.2, 1.0]])
ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5, 3.5])


def traced(f, *args):
    """What ``f`` gives under trace: the values of its results (the graph is not executed if it depends on nothing)."""
    from thalweg.execution.interpreter import Interpreter
    from thalweg.tracing import tree

    arrays = [np.asarray(a) for a in args]
    graph = trace_leaves(f, arrays, [(a.shape, a.dtype) for a in arrays], lambda leaves: (tuple(leaves), {}))
    return tree.unflatten(graph.out_structure, Interpreter(graph, graph.guards)(*arrays))


def agrees(f, *args, rtol=1e-15, dtype=True):
    with np.errstate(all="ignore"):
        expected = f(*args)
    got = traced(f, *args)
    many = isinstance(expected, tuple)
    for a, b in zip(got if many else (got,), expected if many else (expected,), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol)
        assert np.shape(a) == np.shape(b)
        kinds = {np.asarray(a).dtype.kind, np.asarray(b).dtype.kind}
        assert len(kinds) == 1, kinds
        if kinds == {"f"} and dtype:
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_array_equal(np.signbit(a)[np.asarray(a) == 0], np.signbit(b)[np.asarray(b) == 0])


UNARY = [
    np.positive, np.negative, np.absolute, np.fabs, np.sign, np.sqrt, np.cbrt, np.square, np.reciprocal, np.exp,
    np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan,
    np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh, np.sinc, np.floor, np.ceil, np.trunc, np.fix,
    np.rint, np.round, np.around, np.deg2rad, np.rad2deg, np.radians, np.degrees, np.nan_to_num, np.real, np.conj,
    np.conjugate, np.angle, np.real_if_close, np.imag, np.modf, np.frexp, np.isnan, np.isinf, np.isfinite, np.isposinf,
    np.isneginf, np.signbit, np.logical_not, np.isreal, np.iscomplex, abs, lambda x: +x, lambda x: -x,
    lambda x: x.conj(), lambda x: x.conjugate(), lambda x: x.real, lambda x: x.clip(-1, 2), lambda x: x.round(1),
    lambda x: np.round(x, 2), lambda x: np.round(x, -1), lambda x: np.clip(x, None, 1.0),
    lambda x: np.clip(x, 0, None), lambda x: np.clip(x, min=0.5), lambda x: np.clip(x, max=1),
    lambda x: np.clip(x, -1, 1), lambda x: np.angle(x, deg=True),
    lambda x: np.nan_to_num(x, nan=7.0, posinf=8.0, neginf=-9.0), lambda x: np.astype(x, np.float32),
    lambda x: x.astype(bool), lambda x: x.astype("float64"), lambda x: np.ldexp(x, 3), lambda x: x**2, lambda x: x**3,
    lambda x: x**-1, lambda x: 2.0**x, lambda x: x // 0.7, lambda x: x % 0.7, lambda x: x % -0.7, lambda x: 5 % x,
    lambda x: 5 // x, lambda x: divmod(x, 0.7), lambda x: divmod(5.0, x), lambda x: np.divmod(x, 0.7),
    lambda x: x > 0.5, lambda x: (x > 0) & (x < 2), lambda x: (x > 0) | (x < -1), lambda x: (x > 0) ^ (x < 2),
    lambda x: ~(x > 0), lambda x: np.where(x > 0, x, -x), lambda x: np.where(x, 1.0, x), lambda x: np.isclose(x, 1.5),
    lambda x: np.allclose(x, x), lambda x: np.isclose(x, x, equal_nan=True), lambda x: np.array_equal(x, x),
    lambda x: np.array_equal(x, x + 1), lambda x: np.array_equal(x, x, equal_nan=True),
    lambda x: np.array_equal(x, np.zeros(17)), lambda x: np.array_equiv(x, np.zeros(17)),
]  # fmt: skip

ARRAYS = {"array": X, "odd": ODD, "single": X.astype(np.float32), "empty": np.zeros((0, 3)), "scalar": np.array(1.5)}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("k", range(len(UNARY)), ids=lambda k: f"{getattr(UNARY[k], '__name__', '')}{k}")
def test_functions_of_one_array(k, kind):
    agrees(UNARY[k], ARRAYS[kind], rtol=2e-6 if kind == "single" else 1e-15)


def test_functions_that_look_at_rows():
    agrees(lambda x: np.clip(x, [0.0, -1.0, 2.0], 2.0), X)
    agrees(lambda x: np.array_equiv(x[0], x), X)
    agrees(lambda x: np.array_equiv(x[0], x), np.ones((2, 3)))


INTEGERS = np.array([[1, 2, 7], [-3, 4, -5]])
OF_INTEGERS = [
    lambda n: n // 2, lambda n: n % 3, lambda n: n**2, lambda n: -n, abs, lambda n: n / 2, np.sqrt, np.sign,
    lambda n: n & 3, lambda n: n | 8, lambda n: n ^ 5, lambda n: ~n, lambda n: n << 2, lambda n: n >> 1, np.floor,
    np.round, np.exp, lambda n: np.round(n, -1), lambda n: np.float_power(n, 2), np.fabs, lambda n: np.maximum(n, 2),
    lambda n: n * 0.5, lambda n: n.astype(float), lambda n: np.clip(n, 0, 3), lambda n: np.sinc(n),
    lambda n: np.divmod(n, 2), lambda n: n == 2,
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(OF_INTEGERS)))
def test_integers_stay_integers_where_numpy_keeps_them(k):
    agrees(OF_INTEGERS[k], INTEGERS)


BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.true_divide, np.power, np.float_power, np.floor_divide,
    np.remainder, np.mod, np.fmod, np.divmod, np.arctan2, np.hypot, np.maximum, np.minimum, np.fmax, np.fmin,
    np.logaddexp, np.logaddexp2, np.heaviside, np.copysign, np.greater, np.greater_equal, np.less, np.less_equal,
    np.equal, np.not_equal, np.logical_and, np.logical_or, np.logical_xor, np.isclose,
]  # fmt: skip


@pytest.mark.parametrize("f", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shapes", [((3, 1), (4,)), ((), (2, 3)), ((2, 0), (1, 1)), ((8, 1), (8,))], ids=str)
def test_functions_of_two_arrays(f, shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=s) if s not in ((8, 1), (8,)) else ODD.reshape(s) for s in shapes)
    agrees(f, a, b)
    agrees(lambda x: f(x, b), a)  # the other one known
    agrees(lambda y: f(a, y), b)


@pytest.mark.parametrize("f", [np.modf, np.frexp], ids=["modf", "frexp"])
def test_parts_of_a_number_add_up_again(f):
    join = np.ldexp if f is np.frexp else np.add
    g = tw.grad(lambda x: np.sum(np.sin(join(*f(x)))))(X)
    np.testing.assert_allclose(g, np.cos(X), rtol=1e-15)


@pytest.mark.parametrize(
    "f",
    [
        lambda np, x: np.sum(np.tanh(x) * np.arctan2(x, 2.0) + np.sqrt(np.abs(x)) ** 3),
        lambda np, x: np.sum(np.where(x > 0, np.log1p(np.abs(x)), np.sinc(x))),
        lambda np, x: np.sum(np.clip(x, -1.0, 2.0) * np.maximum(x, 0.5) - np.logaddexp(x, 2 * x)),
        lambda np, x: np.sum(x % 0.7 + (x**2 + 1) ** x / 2.0**x),
        lambda np, x: np.sum(np.exp(-(x**2)) * np.cosh(x) / (1 + np.arcsinh(x) ** 2)),
    ],
)
def test_whole_functions_as_autograd_has_them(f):
    np.testing.assert_allclose(tw.grad(lambda x: f(np, x))(X), autograd.grad(lambda x: f(anp, x))(X), rtol=1e-13)


# --- positions decided by values --------------------------------------------------------------------------------------


def test_positions_by_guard():
    def f(x):
        (where,) = np.nonzero(x > 0)
        assert isinstance(where, np.ndarray)
        return np.sum(x[where] ** 2) + x[np.flatnonzero(x < 0)[0]] + np.sum(np.argwhere(x > 0) * 1.0) * x[0]

    def g(x):
        return np.sum(x[np.where(x > 0)] ** 3) + np.sum(x[x.nonzero()])

    for x in (np.array([1.0, -2.0, 3.0]), np.array([-1.0, 2.0, 3.0]), np.array([1.0, -2.0, 3.0])):
        where = np.flatnonzero(x > 0)
        expected = np.where(x > 0, 2 * x, 0.0)
        expected[np.flatnonzero(x < 0)[0]] += 1
        expected[0] += where.sum()
        np.testing.assert_allclose(tw.grad(f)(x), expected)
        np.testing.assert_allclose(tw.grad(g)(x), np.where(x > 0, 3 * x**2, 0.0) + 1)


def test_allclose_decides_a_branch():
    f = lambda x: x**2 if np.allclose(x, 1.0) else -x
    g = tw.grad(f)
    assert (g(1.0), g(2.0), g(1.0)) == (2.0, -1.0, 2.0)


# --- keyword arguments of ufuncs --------------------------------------------------------------------------------------


def test_out_where_and_dtype():
    def f(x):
        y = np.zeros(3)
        np.multiply(x, 2.0, out=y)
        np.add(y, x, out=y, where=x > 0)
        return np.sum(y * np.array([1.0, 10.0, 100.0]))

    x = np.array([1.0, -1.0, 2.0])
    assert tw.value_and_grad(f)(x)[0] == f(x)
    np.testing.assert_array_equal(tw.grad(f)(x), [3.0, 20.0, 300.0])

    def two(x):
        whole, rest = np.zeros(3), np.zeros(3)
        np.divmod(x, 0.75, out=(whole, rest))
        return np.sum(whole * x + rest)

    assert tw.value_and_grad(two)(x)[0] == two(x)
    np.testing.assert_array_equal(tw.grad(two)(x), x // 0.75 + 1)
    agrees(lambda x: np.add(x, x, dtype=np.float32), X)
    agrees(lambda x: np.sqrt(x, casting="same_kind", order="C"), np.abs(X))


def test_in_place_operators():
    def f(x):
        y = x * 1.0
        y += x
        y **= 2
        y //= 1.0
        y %= 7.0
        return y

    agrees(f, X)


def test_what_is_not_supported_is_named():
    with pytest.raises(UnsupportedError, match=r"np\.add with where= but without out="):
        tw.grad(lambda x: np.sum(np.add(x, x, where=x > 0)))(X)
    with pytest.raises(UnsupportedError, match="spacing"):
        tw.grad(lambda x: np.sum(np.spacing(x)))(X)
    with pytest.raises(TypeError, match=r"bitwise_and is not defined for bool and float64: use astype\n  at test_func"):
        tw.grad(lambda x: np.sum((x > 0) & x))(X)  # bits of a real number
    with pytest.raises(ValueError, match="either both or neither"):
        tw.grad(lambda x: np.sum(np.where(x > 0, x)))(X)
    with pytest.raises(TypeError, match="complex"):
        tw.grad(lambda x: np.sum(x.astype(complex)))(X)
    with pytest.raises(TraceError, match=r"float\(t\)"):
        tw.grad(lambda x: float(x))(1.0)


# --- Python's own functions -------------------------------------------------------------------------------------------


def test_builtins():
    f = lambda x: abs(x) ** 2 + pow(x, 3) + round(x, 1) * x + divmod(x, 2.0)[1] * x
    x = 2.75
    np.testing.assert_allclose(tw.value_and_grad(f)(x)[0], f(x))
    np.testing.assert_allclose(tw.grad(f)(x), 2 * x + 3 * x**2 + round(x, 1) + x + x % 2.0)
    assert tw.grad(lambda x: round(x) * x)(2.7) == 3.0


# --- scipy.special ----------------------------------------------------------------------------------------------------

POSITIVE = np.array([0.3, 0.9, 2.5, 7.0])
SINCE_1_17 = [special.softplus] if hasattr(special, "softplus") else []


@pytest.mark.parametrize(
    "f",
    [
        special.erf, special.expit, special.psi, special.digamma, special.exprel, special.gamma, special.exp2,
        special.cbrt, special.log1p, special.expm1, lambda x: special.jn(2, x), lambda x: special.yn(1, x),
        lambda x: special.kn(2, x), lambda x: special.boxcox(x, 0.5), lambda x: special.boxcox(x, 0.0),
        lambda x: special.boxcox1p(x, -1.5), lambda x: special.huber(1.0, x), lambda x: special.pseudo_huber(1.5, x),
        lambda x: special.pseudo_huber(x, 2.0), lambda x: special.huber(x, 2.0), lambda x: special.polygamma(2, x),
        lambda x: special.zeta(3.0, x), lambda x: special.multigammaln(x + 2.0, 3), lambda x: special.xlogy(2, x),
        lambda x: np.i0(x), *SINCE_1_17, lambda x: special.betainc(2.0, 3.0, x / 8), lambda x: special.softmax(x),
        lambda x: special.log_softmax(x), lambda x: special.logsumexp(x), lambda x: logsumexp(x, keepdims=True),
        lambda x: special.logsumexp(x.reshape(2, 2), axis=1), lambda x: special.softmax(x.reshape(2, 2), axis=0),
        lambda x: special.logsumexp(x.reshape(2, 2), axis=(0, 1)),
        lambda x: special.log_softmax(x.reshape(2, 2), axis=-1),
        lambda x: special.logsumexp(x, b=np.array([1.0, -0.5, 2.0, 0.0])), lambda x: special.logsumexp(100.0, b=x),
    ],
)  # fmt: skip
def test_special_functions(f):
    """Values as SciPy's; slopes by central differences of fourth order, exact to about 1e-7."""
    agrees(f, POSITIVE, rtol=1e-13)
    agrees(f, POSITIVE.astype(np.float32), rtol=3e-5, dtype=False)  # some of SciPy's widen
    h = 3e-5
    total = lambda x: np.sum(np.sin(f(x)))
    at = lambda k: np.array([total(POSITIVE + k * step) for step in np.eye(4) * h])
    numeric = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
    np.testing.assert_allclose(tw.grad(total)(POSITIVE), numeric, rtol=1e-6, atol=1e-8)


def test_logsumexp_is_stable():
    for x in ([1000.0, 1000.0], [-1e4, -1e4 + 1], [-np.inf, 0.0], [-np.inf, -np.inf], [np.inf, 1.0], [np.inf, np.inf]):
        x = np.array(x)
        np.testing.assert_allclose(traced(lambda x: special.logsumexp(x), x), special.logsumexp(x), rtol=1e-15)
        top = special.logsumexp(x)
        weights = np.exp(x - top) if np.isfinite(top) else (x == top) / np.sum(x == top)
        np.testing.assert_allclose(tw.grad(lambda x: special.logsumexp(x))(x), weights, rtol=1e-12)
    big = np.array([-1e300, 3.0, 1e300])
    np.testing.assert_array_equal(tw.grad(lambda x: special.logsumexp(x))(big), [0.0, 0.0, 1.0])


def test_a_weight_of_zero_takes_no_part_in_logsumexp():
    x, b = np.array([1e4, 1.0, 2.0]), np.array([0.0, 1.0, 3.0])
    value, g = tw.value_and_grad(lambda x: special.logsumexp(x, b=b))(x)
    np.testing.assert_allclose(value, special.logsumexp(x, b=b), rtol=1e-15)
    np.testing.assert_allclose(g, [0.0, *(b[1:] * np.exp(x[1:] - value))], rtol=1e-14)


def test_the_hessian_of_logsumexp_is_that_of_softmax():
    x = np.array([0.1, -0.4, 2.0])
    p = special.softmax(x)
    np.testing.assert_allclose(tw.hessian(lambda x: special.logsumexp(x))(x), np.diag(p) - np.outer(p, p), rtol=1e-13)
    np.testing.assert_allclose(tw.jacobian(lambda x: special.softmax(x))(x), np.diag(p) - np.outer(p, p), rtol=1e-13)
    np.testing.assert_allclose(tw.jacobian(lambda x: special.log_softmax(x))(x), np.eye(3) - p, rtol=1e-13)


def test_special_functions_outside_of_what_is_known():
    with pytest.raises(UnsupportedError, match="return_sign"):
        tw.grad(lambda x: special.logsumexp(x, return_sign=True)[0])(POSITIVE)
    with pytest.raises(UnsupportedError, match="order"):
        tw.grad(lambda x: special.polygamma(x, 2.0))(1.0)
    with pytest.raises(UnsupportedError, match="order"):
        tw.grad(lambda v: special.jv(v, 2.0))(1.0)
    with pytest.raises(UnsupportedError, match="exponent"):
        tw.grad(lambda s: special.zeta(s, 2.0))(3.0)
    assert special.logsumexp.__module__.startswith("scipy")  # the original is back
