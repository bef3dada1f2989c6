"""Calls: every kind of argument finds the trace that is right for it, in both tiers, between them, and in threads."""

import functools
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import thalweg as tw
from thalweg.calculus.transformed import Transformed
from thalweg.errors import ArgumentError

X = np.array([0.5, -1.0, 2.0])


@pytest.fixture(params=["0", "always"], ids=["interpreted", "native"])
def tier(request, monkeypatch):
    monkeypatch.setenv("THALWEG_NATIVE", request.param)
    return request.param


def cubes(x):
    return np.sum(x**3)


def weighted(p, scale=2.0):
    return scale * np.sum(p["a"] ** 2) + np.sum(p["b"][0] * p["b"][1])


def crossed(a, b):
    return np.sum(a**2 * b)


def warm(g, *args, **kwargs):
    """Called until whatever is remembered of such calls is in use."""
    for _ in range(3):
        result = g(*args, **kwargs)
    return result


def is_native(g):
    return any(entry.direct is not None for traces in g._cache.values() for entry in traces.entries)


def same(found, expected):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            same(found[key], expected[key])
    elif isinstance(expected, tuple | list):
        assert type(found) is type(expected)
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            same(a, b)
    else:
        expected = np.asarray(expected)
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        eps = 16 * np.finfo(expected.dtype).eps
        np.testing.assert_allclose(found, expected, rtol=eps, atol=eps)


def test_the_tier_is_the_one_asked_for(tier):
    g, kept = tw.grad(cubes), tw.grad(cubes, native=False)
    warm(g, X), warm(kept, X)
    assert is_native(g) is (tier == "always")
    assert not is_native(kept)


def test_one_function_called_with_arrays_of_every_kind_in_turn(tier):
    class Sub(np.ndarray):
        pass

    g = tw.value_and_grad(cubes)
    wide = np.arange(12.0).reshape(3, 4)
    kinds = [
        X, X[::-1], np.repeat(X, 2)[::2], wide, wide.T, np.asfortranarray(wide), X.astype(np.float32),
        X.astype(">f8"), X.view(Sub), np.zeros(0), np.array([1, 2, 3]), np.array([True, False]),
        X.astype(np.float16), np.broadcast_to(1.5, 3), X[:1], X,
    ]  # fmt: skip
    for x in (*kinds, *kinds[::-1]):
        for _ in range(2):
            real = np.asarray(x, dtype=np.float32 if x.dtype in (np.float16, np.float32) else np.float64)
            value, gradient = g(x)
            same(gradient, (3 * real**2).astype(real.dtype))
            np.testing.assert_allclose(value, np.sum(real**3), rtol=1e-6 if x.dtype.itemsize < 8 else 1e-14)
            assert type(value) is (np.float32 if real.dtype == np.float32 else np.float64)
            assert type(gradient) is np.ndarray


def test_one_function_called_with_numbers_of_every_kind_in_turn(tier):
    g = tw.value_and_grad(lambda t: t * t * t)
    for t in (2.0, 2, True, np.float64(2.0), np.float32(2.0), np.int64(2), np.array(2.0), np.array(2), 2.0):
        for _ in range(2):
            value, slope = g(t)
            assert type(value) is type(slope) is (np.float32 if type(t) is np.float32 else np.float64)
            assert (value, slope) == (float(t) ** 3, 3 * float(t) ** 2)
    d = tw.derivative(lambda t: t * t * t)
    for t in (2.0, np.array([1.0, 2.0]), [1.0, 2.0], 2.0, 3, np.float64(3.0)):
        np.testing.assert_allclose(d(t), 3 * np.asarray(t, dtype=float) ** 2)


def test_arguments_by_position_name_default_and_value(tier):
    def f(a, b, n=2, mode="sum"):
        return np.sum(a**n * b) if mode == "sum" else np.mean(a**n * b)

    b = np.array([1.0, 2.0, 3.0])
    g = tw.grad(f)
    for _ in range(3):
        same(g(X, b), 2 * X * b)
        same(g(X, b=b), 2 * X * b)
        same(g(X, b=b, n=3), 3 * X**2 * b)
        same(g(X, b, 3), 3 * X**2 * b)
        same(g(X, b, mode="mean"), 2 * X * b / 3)
        same(g(X, 2.0), 4 * X)
        same(g(X, 2), 4 * X)
        same(g(X, b, n=True), b)
    by_name = tw.grad(lambda x, scale=2.0: np.sum(x**2) * scale, wrt="scale")
    for _ in range(3):
        same(by_name(X), np.sum(X**2))
        same(by_name(X, 5.0), np.sum(X**2))
        same(by_name(X, scale=5.0), np.sum(X**2))


def test_several_arguments_and_a_change_of_their_order_of_shapes(tier):
    both, last = tw.grad(crossed, wrt=(0, 1)), tw.value_and_grad(crossed, wrt=(1, 0))
    single = tw.grad(crossed, wrt=(0,))
    for a, b in ((X, X + 1), (X, 2.0), (2.0, X), (X[:2], X[1:]), (X, X + 1)):
        for _ in range(2):
            da, db = 2 * a * np.asarray(b), np.asarray(a) ** 2 * np.ones(np.shape(b))
            da, db = (da if np.ndim(a) else np.sum(da)), (db if np.ndim(b) else np.sum(db))
            same(both(a, b), (da, db))
            same(last(a, b), (np.sum(a**2 * b), (db, da)))
            same(single(a, b), (da,))


def test_nested_arguments_of_changing_structure(tier):
    g = tw.value_and_grad(weighted)
    small = {"a": X, "b": [X, 2 * X]}
    other = {"a": np.ones((2, 2)), "b": (1.5, X)}
    for p in (small, other, {"b": small["b"], "a": X}, small):
        for _ in range(2):
            value, gradient = g(p)
            b = p["b"]
            expected = {"a": 4 * p["a"], "b": type(b)([b[1] * 1.0, b[0] * 1.0])}
            if np.ndim(b[0]) == 0:
                expected["b"] = (np.sum(b[1]), np.full(3, b[0]))
            same(gradient, expected)
            same(value, weighted(p))
            same(g(p, scale=1.0)[1]["a"], 2 * p["a"])
    with pytest.raises(IndexError):
        g(X)


def test_branches_in_any_order(tier):
    def f(x):
        if x[0] > 0:
            return np.sum(x**2)
        return np.sum(x**3) if x[1] > 0 else -np.sum(x)

    g = tw.value_and_grad(f)
    points = [X, -X, np.array([-1.0, -1.0, 3.0])]
    for k in (0, 1, 0, 2, 2, 1, 0, 0, 2, 1):
        x = points[k]
        same(g(x), (f(x), (2 * x, 3 * x**2, -np.ones(3))[k]))


rate = 2.0


class Model:
    def __init__(self):
        self.weights = np.ones(3)

    def loss(self, x):
        return np.sum(self.weights * x)


def test_what_is_captured_is_looked_at_before_each_call(tier, monkeypatch):
    weights, model = np.ones(3), Model()
    box = [1.0]

    def f(x):
        return rate * box[0] * np.sum(weights * x)

    g, h = tw.grad(f), tw.grad(model.loss)
    same(warm(g, X), 2 * np.ones(3))
    weights[1] = 5.0
    same(warm(g, X), 2 * weights)
    monkeypatch.setitem(globals(), "rate", 3.0)
    same(warm(g, X), 3 * weights)
    box[0] = 0.5
    same(warm(g, X), 1.5 * weights)
    weights = np.zeros(3)
    same(warm(g, X), np.zeros(3))
    same(warm(h, X), np.ones(3))
    model.weights[0] = 7.0
    same(warm(h, X), model.weights)
    model.weights = np.arange(3.0)
    same(warm(h, X), model.weights)


def test_arrays_that_change_their_form_in_place(tier):
    matrix = np.arange(4.0)
    g = tw.grad(lambda x: np.sum(matrix * x))
    for change in (
        lambda: setattr(matrix, "shape", (2, 2)),
        lambda: setattr(matrix, "shape", (4, 1)),
        lambda: matrix.resize((2, 1), refcheck=False),
    ):
        change()
        same(warm(g, 2.0), np.sum(matrix))


def test_a_function_in_use_takes_part_in_a_trace(tier):
    inner = tw.grad(cubes)
    warm(inner, X)
    same(tw.grad(lambda x: np.sum(inner(x) * inner(X)))(X), 6 * X * 3 * X**2)
    same(tw.jacobian(inner)(X), np.diag(6 * X))

    def outer(t):
        hidden = tw.grad(lambda x: t * np.sum(x**2))  # reads the variable of the enclosing trace
        return np.sum(warm(hidden, X))

    same(tw.grad(outer)(3.0), np.sum(2 * X))


def test_a_factorization_that_fails_is_caught_by_the_function_however_often(tier):
    def f(x):
        try:
            return np.sum(np.linalg.cholesky(np.array([[x[0], 0.5], [0.5, x[1]]])))
        except np.linalg.LinAlgError:
            return -np.sum(x)

    g = tw.grad(f)
    for _ in range(4):
        same(g(np.array([-1.0, 2.0])), -np.ones(2))
        assert np.all(g(np.array([2.0, 2.0])) > 0)

    h = tw.grad(lambda x: np.sum(np.linalg.cholesky(np.diag(x))))
    same(warm(h, np.array([4.0, 1.0])), 0.5 / np.sqrt([4.0, 1.0]))
    for _ in range(3):
        with pytest.raises(np.linalg.LinAlgError):
            h(np.array([-1.0, 1.0]))


def test_results_belong_to_the_caller(tier):
    g = tw.value_and_grad(cubes)
    first = warm(g, X)[1]
    kept = first.copy()
    second = g(2 * X)[1]
    np.testing.assert_array_equal(first, kept)
    second[:] = 0
    same(g(X)[1], kept)


def test_one_function_in_many_threads(tier):
    def f(x):
        return np.sum(x**2) if x[0] > 0 else np.sum(x**3)

    g, n = tw.value_and_grad(f), tw.grad(weighted)
    faults = []

    def work(seed):
        rng = np.random.default_rng(seed)
        try:
            for k in range(300):
                x = rng.normal(size=3 + k % 3)
                value, gradient = g(x)
                if k % 50 == seed:
                    same(tw.grad(lambda y: np.sum(g(y)[1]))(x), np.full(x.size, 2.0) if x[0] > 0 else 6 * x)
                same(gradient, 2 * x if x[0] > 0 else 3 * x**2)
                same(value, f(x))
                same(n({"a": x, "b": [x, x]})["a"], 4 * x)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if faults:
        raise faults[0]


TRANSFORMS = {
    "grad": tw.grad,
    "value_and_grad": tw.value_and_grad,
    "jacobian": tw.jacobian,
    "hessian": tw.hessian,
    "sparse hessian": functools.partial(tw.hessian, sparse=True),
    "laplacian": tw.laplacian,
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_pickle(name, tier):
    g = TRANSFORMS[name](cubes)
    expected = warm(g, X)
    back = pickle.loads(pickle.dumps(g))
    found = warm(back, X)
    if name.startswith("sparse"):
        found, expected = found.toarray(), expected.toarray()
    same(found, expected)
    assert repr(back) == repr(g)


def test_transforms_with_settings_pickle(tier):
    pickled = lambda g: pickle.loads(pickle.dumps(g))
    same(pickled(tw.hvp(cubes))(X, X), 6 * X * X)
    same(pickled(tw.directional_derivative(cubes, normalize=True))(X, 2 * X), 3 * X**2 @ X / np.linalg.norm(X))
    third = pickled(tw.derivative(cubes, order=3))
    same(third(2.0), 6.0)
    same(third(X), np.full(3, 6.0))
    same(pickled(tw.grad(crossed, wrt=("b", "a"), native=False))(X, X), (X**2, 2 * X * X))
    same(pickled(tw.batch(tw.grad(cubes)))(np.stack([X, -X])), np.stack([3 * X**2, 3 * X**2]))
    same(pickled(tw.divergence(tw.grad(cubes)))(X), np.sum(6 * X))


def test_functions_that_are_gone_leave_nothing(tier):
    def made():
        data = np.ones(100)
        g = tw.grad(lambda x: np.sum(x * data[:3]))
        warm(g, X)
        assert isinstance(g, Transformed)
        return weakref.ref(data)

    references = [made() for _ in range(5)]
    gc.collect()
    assert [r() for r in references] == [None] * 5


@pytest.mark.parametrize("native", ["no", 0, 1, "off"])
def test_native_is_true_false_or_none(native):
    with pytest.raises(ArgumentError, match="native="):
        tw.grad(np.sum, native=native)
    with pytest.raises(ArgumentError, match="native="):
        tw.batch(np.sum, native=native)


def test_the_trace_of_a_call_is_at_hand_before_it_and_after():
    turning = tw.value_and_grad(lambda x: np.sum(x) if x[0] > 0 else np.sum(x**2))
    entry = turning.entry(X)
    value, slope = entry.values([X])
    assert (value, slope.tolist()) == (1.5, [1.0, 1.0, 1.0])
    assert entry.values([-X]) is None  # the other branch
    assert turning.entry(X) is entry
    assert turning.entry(-X) is not entry
    entry.execute.compile_now()
    assert turning(X)[0] == 1.5
    assert turning.entry(X).execute.native or entry.execute.reason in ("off", "none")
