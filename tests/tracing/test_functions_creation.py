"""Creation of arrays inside a traced function: for the user's code fillable, for library code plain."""

import threading

import numpy as np
import pytest
import scipy.interpolate

import thalweg as tw
from thalweg.errors import TraceError, UnsupportedError
from thalweg.tracing.tracer import Tracer
from tracing.agreement import executed, same_derivative, same_value

V = np.array([3.0, -1.0, 2.5, 0.5])
A = np.cos(np.arange(6.0)).reshape(2, 3)
S = np.array(0.3)
DATA = np.array([1.0, 2.0, 4.0, 8.0])


def filled(create):
    """A function that writes its argument into places of a new array."""

    def f(x):
        out = create(x)
        out[0] = 2.0 * x[1]
        out[-1] += x[0] * 3.0
        return out

    return f


FILLED = {
    "zeros": lambda x: np.zeros(4),
    "zeros list": lambda x: np.zeros([4]),
    "ones": lambda x: np.ones(4),
    "full": lambda x: np.full(4, 2.5),
    "full traced": lambda x: np.full(4, x[2]),
    "full traced array": lambda x: np.full((2, 4), x)[1],
    "eye": lambda x: np.eye(4)[1],
    "identity": lambda x: np.identity(4)[:, 1],
    "arange": lambda x: np.arange(4.0),
    "linspace": lambda x: np.linspace(0, 1, 4),
    "array": lambda x: np.array([1.0, 2.0, 3.0, 4.0]),
    "array of data": lambda x: np.array(DATA),
    "asarray": lambda x: np.asarray([1.0, 2.0, 3.0, 4.0]),
    "copy": lambda x: np.copy(DATA),
    "fromiter": lambda x: np.fromiter(range(4), float),
    "zeros_like data": lambda x: np.zeros_like(DATA),
    "ones_like data": lambda x: np.ones_like(DATA),
    "full_like data": lambda x: np.full_like(DATA, 7.0),
    "full_like data traced": lambda x: np.full_like(DATA, x[2]),
    "zeros_like": lambda x: np.zeros_like(x),
    "zeros_like shape": lambda x: np.zeros_like(x, shape=(4,)),
    "ones_like": lambda x: np.ones_like(x, dtype=float),
    "full_like": lambda x: np.full_like(x, x[1]),
    "copy of traced": lambda x: x.copy(),
    "np.copy of traced": lambda x: np.copy(x),
    "tri": lambda x: np.tri(4)[2],
    "results of plain functions": lambda x: np.unique(np.array([3.0, 1.0, 2.0, 1.0, 0.0])),
}


@pytest.mark.parametrize("name", FILLED)
def test_what_is_created_can_be_filled(name):
    f = filled(FILLED[name])
    same_value(f, V)
    same_derivative(f, V)


@pytest.mark.parametrize("create", [np.empty, lambda n: np.empty_like(np.zeros(n))])
def test_unwritten_places_of_empty_are_seen(create):
    def f(x):
        out = create(4)
        out[:2] = x[:2]
        return out

    (y,) = executed(f, V)
    np.testing.assert_array_equal(np.isnan(y), [False, False, True, True])


def test_large_arrays_of_one_value_are_kept_as_value_and_shape():
    def f(x):
        out = np.ones(100_000)
        out[7] = x
        return out

    graph = tw.trace(f, 2.0)
    assert max((np.size(n.value) for n in graph.nodes if n.is_constant), default=0) <= 1
    (y,) = executed(f, 2.0)
    assert y.sum() == 99_999 + 2.0


def test_like_functions_take_dtype_and_shape():
    same_value(lambda x: np.zeros_like(x, dtype=int), A)
    same_value(lambda x: np.ones_like(x, dtype=np.float32), A)
    same_value(lambda x: np.ones_like(x, shape=(2, 1)), A)
    same_value(lambda x: np.zeros_like(x, shape=3), A)
    same_value(lambda x: np.full_like(x, 7), A)
    same_value(lambda x: np.full_like(x, 2.7, dtype=int), A)
    same_value(lambda x: np.empty_like(x, dtype=int) * 0, A)


RANGES = {
    "linspace": (lambda s: np.linspace(s, 2.0, 5), S),
    "linspace to": (lambda s: np.linspace(1, s, 4), S),
    "linspace open": (lambda s: np.linspace(s, 2 * s + 1, 5, endpoint=False), S),
    "linspace of arrays": (lambda v: np.linspace(v, 2 * v, 3), V),
    "linspace axis": (lambda v: np.linspace(v, 1.0, 3, axis=-1), V),
    "linspace step": (lambda s: np.linspace(s, 2.0, 5, retstep=True), S),
    "linspace one": (lambda s: np.linspace(s, 2.0, 1), S),
    "linspace none": (lambda s: np.linspace(s, 2.0, 0), S),
    "arange": (lambda s: np.arange(s, 3.0, 0.5), S),
    "arange to": (lambda s: np.arange(10 * s + 0.2), S),
    "arange step": (lambda s: np.arange(0.0, 1.0, s), S),
}
CURVED = {
    "logspace": (lambda s: np.logspace(s, 1.0, 4), S),
    "logspace base": (lambda s: np.logspace(0.0, 1.0, 4, base=s), S),
    "geomspace": (lambda s: np.geomspace(s, 10.0, 5), S),
    "geomspace negative": (lambda s: np.geomspace(-s, -10.0, 3, endpoint=False), S),
    "vander": (lambda v: np.vander(v), V),
    "vander increasing": (lambda v: np.vander(v, 3, increasing=True), V),
    "vander 1": (lambda v: np.vander(v, 1), V),
    "vander 0": (lambda v: np.vander(v, 0), V),
    "kron": (lambda a, v: np.kron(a, v), A, V),
    "kron matrices": (lambda a: np.kron(a, a.T), A),
    "kron with plain": (lambda a: np.kron(np.eye(2), a), A),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges_as_numpy(name):
    f, *arrays = RANGES[name]
    same_value(f, *arrays)
    if "none" not in name:
        same_derivative(f, *arrays, h=1e-3, atol=1e-10)


@pytest.mark.parametrize("name", CURVED)
def test_products_as_numpy(name):
    f, *arrays = CURVED[name]
    same_value(f, *arrays, rtol=1e-12)
    if name != "vander 0":
        same_derivative(f, *arrays, h=1e-4, atol=1e-5)


GRIDS = {
    "meshgrid": (lambda v, a: np.meshgrid(v, a[0]), V, A),
    "meshgrid ij": (lambda v, a: np.meshgrid(v, a[0], [1.0, 2.0], indexing="ij"), V, A),
    "meshgrid sparse": (lambda v, a: np.meshgrid(v, a[0], sparse=True), V, A),
    "meshgrid one": (lambda v: np.meshgrid(v), V),
    "ix_": (lambda a: a[np.ix_([1, 0], [True, False, True])], A),
    "ix_ traced": (lambda a: a[np.ix_(np.argsort(a[:, 0]), a[0] > 0)], A),
    "apply_along_axis": (lambda a: np.apply_along_axis(lambda r: r[::-1] * 2.0, 1, a), A),
    "apply_along_axis scalar": (lambda a: np.apply_along_axis(lambda r: r[0] - r[1], 0, a), A),
    "apply_along_axis matrix": (lambda a: np.apply_along_axis(np.diag, 1, a), A),
    "apply_over_axes": (lambda a: np.apply_over_axes(np.sum, a, [0, -1]), A),
    "vectorize": (lambda v: np.vectorize(lambda t: t * 2.0 if t > 0 else -t)(v), V),
    "vectorize two": (lambda a, v: np.vectorize(lambda t, u: (t + u, u))(a, v[:3]), A, V),
    "ndenumerate": (lambda a: sum(t * (i + 2 * j) for (i, j), t in np.ndenumerate(a)), A),
    "ndindex": (lambda a: sum(a[i] * (i[0] + 1) for i in np.ndindex(*a.shape)), A),
    "iteration": (lambda a: sum(t for row in a for t in row), A),
    "flat": (lambda a: sum(t * k for k, t in enumerate(a.flat)), A),
}


@pytest.mark.parametrize("name", GRIDS)
def test_grids_and_loops_as_numpy(name):
    f, *arrays = GRIDS[name]
    same_value(f, *arrays)
    same_derivative(f, *arrays, h=1e-3, atol=1e-9)


def test_questions_about_dtypes():
    def f(x):
        assert np.result_type(x, np.float32) == np.float64
        assert np.can_cast(x, np.float64) and not np.can_cast(x, np.int64)
        assert np.common_type(x, np.ones(1, np.float32)) is np.float64
        return x

    tw.trace(f, V)


def test_conversions():
    same_value(lambda v: np.array(v, dtype=np.float32), V)
    same_value(lambda v: np.asarray(v, dtype=np.float32), V)
    same_value(lambda v: np.array(v, ndmin=2), V)
    same_value(lambda v: np.array([v[0] > 0, v[1] > 0]), V)
    same_value(lambda v: np.array([v[0] > 0, 2]), V)
    same_value(lambda v: np.ascontiguousarray(v[0]), V)
    same_value(lambda v: np.require(v), V)
    same_value(lambda v: [np.array(v.tolist()), v.sum().item(), v.item(2), v.reshape(2, 2).item(1, 0)], V)


@pytest.mark.parametrize(
    "f, error",
    [
        (lambda x: np.array([x[0], x[1]], dtype=object), UnsupportedError),
        (lambda x: np.linspace(x, 1.0, -1), ValueError),
        (lambda x: np.logspace(0, 1, base=x), UnsupportedError),
        (lambda x: np.ix_(x.reshape(2, 2) > 0), ValueError),
        (lambda x: np.meshgrid(x, x, indexing="yx"), ValueError),
        (lambda x: np.vander(x.reshape(2, 2)), ValueError),
        (lambda x: np.apply_along_axis(np.sum, 1, x), np.exceptions.AxisError),
        (lambda x: np.apply_along_axis(np.sum, 0, x[:, None][:, :0]), ValueError),
        (lambda x: x.item(), ValueError),
    ],
)
def test_wrong_use_is_an_error(f, error):
    with pytest.raises(error):
        tw.trace(f, V)


# --- who asks -------------------------------------------------------------------------------------------------------


def test_library_code_gets_plain_arrays():
    def f(x):
        xs = np.linspace(0.0, 3.0, 7)
        spline = scipy.interpolate.CubicSpline(xs, np.sin(xs))
        weights = spline(np.array([0.5, 1.5, 2.5, 2.75]))
        assert isinstance(weights, np.ndarray)
        return np.sum(weights * x)

    xs = np.linspace(0.0, 3.0, 7)
    expected = scipy.interpolate.CubicSpline(xs, np.sin(xs))([0.5, 1.5, 2.5, 2.75])
    np.testing.assert_allclose(tw.grad(f)(V), expected, rtol=1e-14)


def test_numpys_own_code_gets_plain_arrays():
    def f(x):
        k = np.polyfit(np.arange(4.0), DATA, 1)  # not traced: plain data, inside NumPy
        return np.sum(x * k[0]) + np.quantile(DATA, 0.3) + np.median(np.array([1.0, 5.0, 2.0]))

    slope = np.polyfit(np.arange(4.0), DATA, 1)[0]
    np.testing.assert_allclose(tw.grad(f)(V), np.full(4, slope), rtol=1e-12)


def test_compiled_code_gets_plain_arrays():
    """``Generator.permutation`` reads the memory of what ``np.asarray`` gives it."""

    def f(x):
        rng = np.random.default_rng(1)
        order = rng.permutation(np.arange(4))
        rng.shuffle(np.asarray(order))
        return np.sum(x[order] * DATA) + rng.choice(np.arange(3.0)) + np.asarray([1.0])[0]

    rng = np.random.default_rng(1)
    order = rng.permutation(np.arange(4))
    rng.shuffle(order)
    np.testing.assert_array_equal(tw.grad(f)(V), DATA[np.argsort(order)])
    with pytest.raises(TraceError, match="a plain array was asked"):
        tw.trace(lambda x: np.random.default_rng(1).permutation(x), V)


def test_who_calls_is_found_without_a_source():
    names = {"np": np, "made": []}
    exec(
        "def f(x):\n"
        "    made.append(np.zeros(2))\n"
        "    return x * np.random.default_rng(0).permutation(np.arange(2.0)).sum()\n",
        names,
    )
    assert float(tw.grad(names["f"])(2.0)) == 1.0
    assert isinstance(names["made"][0], Tracer)


def test_other_names_for_the_functions():
    from numpy import ones as of_ones

    local = np.zeros

    def f(x):
        inner = np.full
        out = [local(2), of_ones(2), inner(2, 0.0), (np.zeros)(2), np.zeros(
            2,
        )]  # fmt: skip
        for a in out:
            a[0] = x
        return sum(a[0] for a in out)

    assert float(tw.grad(f)(2.0)) == 5.0


def test_library_code_at_work_on_traced_values_may_fill():
    from scipy.optimize import rosen, rosen_der

    np.testing.assert_allclose(tw.grad(rosen)(V), rosen_der(V), rtol=1e-12)
    H = tw.jacobian(rosen_der)(V)
    np.testing.assert_allclose(H, tw.hessian(rosen)(V), rtol=1e-12)


def test_created_arrays_are_plain_numbers_where_these_are_wanted():
    def f(x):
        a = np.array([1.0, 2.0, 3.0])
        k = np.arange(3)
        assert float(a[0]) == 1.0 and int(k[2]) == 2 and f"{a[1]:.1f}" == "2.0" and str(a[1]) == "2.0"
        assert isinstance(a[0], np.float64) and {2: "two"}[k[2]] == "two" and [10, 20, 30][k[1]] == 20
        assert [int(i) for i in k] == [0, 1, 2] and a.tolist() == [1.0, 2.0, 3.0] and 2 in k
        assert np.asarray(a).dtype == float and range(k[2]) == range(2) and a.item(1) == 2.0
        assert np.linalg.matrix_rank(np.eye(3)) == 3 and np.histogram(a, bins=2)[0].sum() == 3
        assert a.byteswap().dtype == float and str(np.zeros(2)) == "[0. 0.]" and float(np.ones(9000)[5]) == 1.0
        assert complex(np.fft.fft(np.ones(4))[0]) == 4.0
        return x * a[1]

    assert float(tw.grad(f)(2.0)) == 2.0


def test_other_dtypes_are_left_alone():
    def f(x):
        assert isinstance(np.zeros(2, dtype=complex), np.ndarray)
        assert isinstance(np.zeros(2, dtype=np.int8), np.ndarray)
        assert isinstance(np.array(["a"]), np.ndarray)
        assert isinstance(np.array([None]), np.ndarray)
        assert isinstance(np.zeros(2), Tracer)
        return x

    tw.trace(f, 1.0)


def test_other_threads_never_notice():
    inside, seen = threading.Event(), []
    done = threading.Event()

    def f(x):
        inside.set()
        assert done.wait(20)
        out = np.zeros(2)
        out[0] = x
        return np.sum(out)

    def other():
        assert inside.wait(20)
        seen.extend([np.zeros(3), np.array([1.0]), np.arange(3), np.full(2, 1.0), np.ones_like(DATA)])
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    assert float(tw.grad(f)(1.0)) == 1.0
    thread.join()
    assert len(seen) == 5 and all(type(a) is np.ndarray for a in seen)


def test_an_exception_puts_numpy_back():
    before = (np.zeros, np.array, np.arange, np.full_like, np.vectorize)

    def f(x):
        np.zeros(3)
        raise KeyError("of the user")

    with pytest.raises(KeyError):
        tw.grad(f)(1.0)
    assert (np.zeros, np.array, np.arange, np.full_like, np.vectorize) == before
    assert type(np.zeros(3)) is np.ndarray


OUTSIDE = np.zeros(3)


def test_writing_into_an_array_from_outside_says_what_to_write():
    def f(x):
        OUTSIDE[0] = x
        return OUTSIDE

    with pytest.raises(
        TraceError, match=r"(?s)written into an array that was made outside.*np\.zeros.*OUTSIDE\[0\] = x"
    ):
        tw.trace(f, 1.0)
    assert OUTSIDE[0] == 0


def test_a_real_value_in_an_array_of_integers_is_refused():
    def f(x):
        out = np.zeros(3, dtype=int)
        out[0] = x
        return out

    with pytest.raises(TraceError, match="dtype=float"):
        tw.trace(f, 1.5)
    with pytest.raises(TraceError, match="dtype=float"):
        tw.trace(lambda x: np.full_like(np.arange(3), x), 1.5)

    def counts(x):
        out = np.zeros(3, dtype=int)
        out[np.argmax(x)] += 1
        out[0] = 2.7  # a plain number: cut off, as NumPy does
        return out

    same_value(counts, np.array([1.0, 5.0, 2.0]))
