"""Tracing: nested arguments, signatures, places, closures, errors that name the line, and threads."""

import copy
import itertools
import math
import threading
import time
from dataclasses import dataclass
from math import exp as bound_exp
from typing import NamedTuple

import numpy as np
import pytest
from numpy import zeros as bound_zeros

import thalweg as tw
from thalweg.errors import ArgumentError, TraceError, UnsupportedError
from thalweg.tracing import tree

scale = 2.0
table = np.array([1.0, 2.0, 3.0])


@dataclass
class Weights:
    matrix: np.ndarray
    bias: float


@dataclass(frozen=True)
class Frozen:
    value: np.ndarray


class Pair(NamedTuple):
    a: np.ndarray
    b: np.ndarray


def central(f, x, h=1e-6):
    """Central differences, error about 1e-9 for functions of size one."""
    x = np.asarray(x, float)
    g = np.empty_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        g[i] = (f(x + step) - f(x - step)) / (2 * h)
    return g


# --- arguments ---


def test_nested_arguments_keep_their_structure():
    def f(p):
        return np.sum(p["w"].matrix @ p["x"][0]) * p["w"].bias + p["x"][1]

    m, v = np.arange(6.0).reshape(2, 3), np.ones(3)
    g = tw.grad(f)({"w": Weights(m, 2.0), "x": [v, 3.0]})
    assert isinstance(g["w"], Weights)
    np.testing.assert_array_equal(g["w"].matrix, 2 * np.ones((2, 3)))
    assert g["w"].bias == m.sum()
    np.testing.assert_array_equal(g["x"][0], 2 * m.sum(0))
    assert g["x"][1] == 1.0


def test_named_tuples_and_frozen_dataclasses():
    g = tw.grad(lambda p: np.sum(p.a * p.b))(Pair(np.ones(2), np.array([3.0, 4.0])))
    assert isinstance(g, Pair)
    np.testing.assert_array_equal(g.a, [3.0, 4.0])
    g = tw.grad(lambda p: np.sum(p.value**2))(Frozen(np.array([1.0, 2.0])))
    assert isinstance(g, Frozen)
    np.testing.assert_array_equal(g.value, [2.0, 4.0])


def test_tree_round_trip_and_paths():
    value = {"b": [1.0, (2.0, None)], "a": Weights(np.zeros(2), 3.0)}
    leaves, structure = tree.flatten(value)
    assert len(leaves) == 4
    back = tree.unflatten(structure, leaves)
    assert back["b"] == [1.0, (2.0, None)]
    assert back["a"].bias == 3.0
    assert tree.paths({"a": 1.0, "b": [2.0, 3.0]}) == ["['a']", "['b'][0]", "['b'][1]"]
    assert tree.paths(1.0) == [""]


def f_named(a, b, *, c=3.0):
    return a * a * b + c * b


def test_wrt_by_position_and_name():
    assert tw.grad(f_named)(2.0, 5.0) == 20.0
    assert tw.grad(f_named, wrt=1)(2.0, 5.0) == 7.0
    assert tw.grad(f_named, wrt="b")(2.0, 5.0) == 7.0
    assert tw.grad(f_named, wrt="b")(2.0, b=5.0) == 7.0
    assert tw.grad(f_named, wrt="c")(2.0, 5.0) == 5.0  # the default is differentiated
    assert tw.grad(f_named, wrt="c")(2.0, 5.0, c=1.0) == 5.0
    assert tw.grad(f_named, wrt=("a", 1, "c"))(2.0, 5.0) == (20.0, 7.0, 5.0)
    assert tw.grad(f_named, wrt=-1)(2.0, 5.0) == 7.0
    assert tw.grad(f_named)(a=2.0, b=5.0) == 20.0  # position 0 passed by name


@pytest.mark.parametrize(
    ("wrt", "message"),
    [
        ("d", "no such argument; it has a, b, c"),
        (5, "wrt=5, but the function was called with 2"),
        ((), "name at least one"),
        (("a", 0), "names an argument twice"),
        (1.5, "give the position or the name"),
        (True, "give the position or the name"),
    ],
)
def test_wrong_wrt_says_so(wrt, message):
    with pytest.raises(ArgumentError, match=message):
        tw.grad(f_named, wrt=wrt)(2.0, 5.0)


def test_arguments_that_are_not_differentiated():
    def f(x, n, mode="sum", mask=None):
        y = x
        for _ in range(n):
            y = y * x
        y = y if mask is None else y[mask]
        return np.sum(y) if mode == "sum" else np.prod(y)

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(tw.grad(f)(x, 2), 3 * x**2)
    np.testing.assert_allclose(tw.grad(f)(x, 3), 4 * x**3)  # a Python integer is a structure, not a variable
    np.testing.assert_allclose(tw.grad(f)(x, 1, mode="prod"), [2 * 4.0, 2 * 2.0])
    np.testing.assert_allclose(tw.grad(f)(x, 1, mask=np.array([False, True])), [0, 4.0])
    data = np.array([1.0, 5.0])
    g = tw.grad(lambda x, d: np.sum(x * d))
    np.testing.assert_array_equal(g(x, data), data)
    np.testing.assert_array_equal(g(x, 2 * data), 2 * data)  # the same trace, other data


def test_integers_are_real_numbers():
    assert tw.grad(lambda x: x**2)(3) == 6.0
    np.testing.assert_array_equal(tw.grad(lambda x: np.sum(x**2))(np.array([1, 2])), [2.0, 4.0])
    np.testing.assert_array_equal(tw.grad(lambda x: np.sum(x))(np.array([True, False])), [1.0, 1.0])


def test_float32_stays_float32():
    g = tw.grad(lambda x: np.sum(np.sin(x) * 2.0))(np.ones(3, np.float32))
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, 2 * np.cos(np.float32(1)), rtol=1e-6)


def test_what_cannot_be_a_variable():
    with pytest.raises(ArgumentError, match="complex numbers are not supported"):
        tw.grad(lambda x: x)(1j)
    with pytest.raises(ArgumentError, match="argument 0 cannot be differentiated"):
        tw.grad(lambda x: x)("text")
    with pytest.raises(ArgumentError, match="takes a function"):
        tw.grad(3.0)


def test_independent_of_the_input_has_zero_derivative():
    np.testing.assert_array_equal(tw.grad(lambda x: 3.0)(np.ones(2)), [0, 0])
    np.testing.assert_array_equal(tw.hessian(lambda x: np.sum(x))(np.ones(2)), np.zeros((2, 2)))
    np.testing.assert_array_equal(tw.jacobian(lambda x: np.ones(3))(np.ones(2)), np.zeros((3, 2)))


def test_the_result_must_be_one_number():
    with pytest.raises(ArgumentError, match=r"returned an array of shape \(2,\).*tw.jacobian"):
        tw.grad(lambda x: x)(np.ones(2))
    with pytest.raises(ArgumentError, match="is a `return` missing"):
        tw.grad(lambda x: None)(np.ones(2))
    assert tw.grad(lambda x: x[:1] * 3)(np.ones(2)).tolist() == [3, 0]  # one element is one number


# --- what a function takes from around it ---


def test_globals_and_closures_are_read_anew_when_they_change():
    global scale
    offset = np.array([1.0, 2.0])

    def f(x):
        return np.sum(scale * x * offset * table[:2])

    g = tw.grad(f)
    x = np.ones(2)
    np.testing.assert_array_equal(g(x), [2, 8])
    np.testing.assert_array_equal(g(x), [2, 8])
    try:
        scale = 3.0
        np.testing.assert_array_equal(g(x), [3, 12])
        table[0] = 10.0
        np.testing.assert_array_equal(g(x), [30, 12])
    finally:
        scale = 2.0
        table[0] = 1.0
    offset = offset * 2
    np.testing.assert_array_equal(g(x), [4, 16])
    offset[1] = 0.0
    np.testing.assert_array_equal(g(x), [4, 0])


def test_attributes_dicts_and_helpers_are_watched():
    class Model:
        def __init__(self):
            self.rate = 1.0
            self.parts = {"k": 2.0}

        def loss(self, x):
            return self.rate * self.parts["k"] * x

    model = Model()
    g = tw.grad(model.loss)
    assert g(1.0) == 2.0
    model.rate = 5.0
    assert g(1.0) == 10.0
    model.parts["k"] = 3.0
    assert g(1.0) == 15.0


def test_a_function_that_draws_random_numbers_is_traced_each_time():
    rng = np.random.default_rng(0)
    g = tw.grad(lambda x: x * rng.normal())
    assert g(1.0) != g(1.0)


def test_a_constant_array_may_change_inside_the_function():
    def f(x):
        a = np.arange(40.0)
        y = np.sum(x * a)
        a[:] = 0.0
        return y + np.sum(x * a)

    np.testing.assert_array_equal(tw.grad(f)(np.ones(40)), np.arange(40.0))


# --- reach ---


def helper_with_bound_names(t):
    out = bound_zeros(2)
    out[0] = bound_exp(t)
    out[1] = math.sin(t)
    return out


def test_bound_names_are_reached_and_restored():
    g = tw.grad(lambda t: np.sum(helper_with_bound_names(t)))
    assert g(0.5) == pytest.approx(np.exp(0.5) + np.cos(0.5), rel=1e-15)
    assert bound_exp is math.exp
    assert bound_zeros is np.zeros
    assert type(np.zeros(1)) is np.ndarray
    assert math.exp.__name__ == "exp" and type(math.exp(1.0)) is float


def test_names_in_closures_are_reached():
    from math import tanh

    assert tw.grad(lambda t: tanh(t))(0.3) == pytest.approx(1 - np.tanh(0.3) ** 2, rel=1e-14)
    assert tanh is math.tanh


def test_everything_is_restored_after_an_error():
    original = np.zeros

    def f(x):
        np.zeros(3)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        tw.grad(f)(1.0)
    assert np.zeros is original
    with pytest.raises(TraceError, match="after the function"):
        leak = []
        tw.grad(lambda x: leak.append(x) or x)(1.0)
        bool(leak[0])


def test_names_that_the_user_binds_anew_are_kept(monkeypatch):
    own_exp, own_log = lambda x: 1.0, lambda x: 2.0
    f = lambda x: math.exp(2 * x)
    assert tw.grad(f)(0.0) == 2.0
    with monkeypatch.context() as patch:
        patch.setattr(math, "exp", own_exp)
        assert tw.grad(f)(0.0) == 2.0  # by the name, which is in the table
        assert math.exp is own_exp
        tw.grad(lambda x: patch.setattr(math, "log", own_log) or x)(3.0)  # while the trace runs
        assert math.log is own_log
        assert tw.grad(lambda x: math.log(x))(0.5) == 2.0
        assert math.log is own_log
    assert tw.grad(f)(0.0) == 2.0
    assert math.exp(0.0) == 1.0


def test_other_threads_never_notice():
    tracing, seen = threading.Event(), threading.Event()
    results = []

    def other():
        tracing.wait(10)
        results.append(type(np.zeros(2)))
        results.append(type(math.exp(1.0)))
        results.append(type(bound_zeros(2)))
        seen.set()

    thread = threading.Thread(target=other)
    thread.start()

    def f(x):
        tracing.set()
        assert seen.wait(10)
        out = np.zeros(1)
        out[0] = x
        return out[0] * bound_zeros(1)[0]

    tw.grad(f)(2.0)
    thread.join()
    assert results == [np.ndarray, float, np.ndarray]


def test_one_function_in_many_threads():
    g = tw.value_and_grad(lambda x: np.sum(np.sin(x) ** 2 * x) if x[0] > 0 else np.sum(x))
    errors = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(100):
            x = rng.normal(size=rng.integers(1, 4) * 1500)
            _value, slope = g(x)
            expected = np.sin(2 * x) * x + np.sin(x) ** 2 if x[0] > 0 else np.ones_like(x)
            if not np.allclose(slope, expected, rtol=1e-12, atol=1e-12):
                errors.append(seed)

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors


# --- errors that name the line ---


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: float(x[0]), "float"),
        (lambda x: int(x[0]), "int"),
        (lambda x: complex(x[0]), "complex"),
        (lambda x: f"{x[0]:.3f}", "formatted string"),
        (lambda x: str(x), "a string"),
        (lambda x: np.fft.fft(x), "np.fft.fft cannot be differentiated"),
        (lambda x: x.tobytes(), "the array method .tobytes"),
        (lambda x: memoryview(x), "buffer|bytes-like"),
        (lambda x: np.linalg.eig(np.outer(x, x)), "eig"),
    ],
)
def test_what_cannot_be_traced_names_the_line(f, message):
    with pytest.raises(TypeError, match=message) as error:
        tw.grad(f)(np.ones(3))
    if isinstance(error.value, TraceError):
        assert "test_trace.py" in str(error.value)


def test_writing_into_an_array_from_outside_says_what_to_do():
    outside = np.zeros(3)

    def f(x):
        outside[0] = x[0]
        return outside.sum()

    with pytest.raises(TraceError, match=r"[Cc]reate it inside the function") as error:
        tw.grad(f)(np.ones(3))
    assert "outside[0] = x[0]" in str(error.value)


def test_unsupported_keyword_is_named():
    with pytest.raises(UnsupportedError, match=r"np\.sort with order="):
        tw.grad(lambda x: np.sum(np.sort(x, order="a")))(np.ones(3))


def test_repr_shows_the_value_while_tracing():
    shown = []
    tw.grad(lambda x: shown.append(repr(np.sin(x))) or np.sum(x))(np.array([0.0, 1.0]))
    assert shown == ["<traced float64[2]: [0.      , 0.841471]>"]


def test_tracers_behave_as_arrays():
    def f(x):
        assert x.shape == (2, 3) and x.ndim == 2 and x.size == 6 and len(x) == 2
        assert x.dtype == np.float64 and x.nbytes == 48 and x.itemsize == 8
        rows = list(x)
        assert len(rows) == 2 and rows[0].shape == (3,)
        assert copy.copy(x).shape == copy.deepcopy(x).shape == (2, 3)
        with pytest.raises(ValueError, match="ambiguous"):
            bool(x > 0)
        with pytest.raises(TypeError, match="unhashable"):
            hash(x)
        with pytest.raises(AttributeError, match="no attribute 'foo'"):
            x.foo
        with pytest.raises(TypeError):
            len(x[0, 0])
        return np.sum(rows[0] * x.T[:, 1] + x.real[0] + x.imag[0])

    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(tw.grad(f)(x), central(lambda v: np.sum(v[0] * v[1] + v[0]), x), atol=1e-8)


def test_trace_prints_guards():
    text = str(tw.trace(lambda x: x * 2 if x > 0 else x, 1.0))
    assert text.splitlines()[-1].startswith("where %") and text.endswith("is True")


@pytest.mark.parametrize("dtype", [float, np.float32, np.int64, np.int8, bool])
@pytest.mark.parametrize("size", [3, 2000, 100_000])
@pytest.mark.parametrize("kept", [1 << 28, 0])
def test_any_change_of_a_captured_array_is_seen(dtype, size, kept, monkeypatch):
    monkeypatch.setattr("thalweg.tracing.captured._KEPT", kept)  # 0: by checksum, as very large arrays are
    rng = np.random.default_rng(0)
    data = (rng.normal(size=size) * 3 > 0.5) if dtype is bool else (rng.normal(size=size) * 20).astype(dtype)
    g = tw.grad(lambda x: np.sum(x * data))
    x = np.ones(size)
    np.testing.assert_array_equal(g(x), data)
    for change in (
        lambda: data.__setitem__(size // 2, not data[size // 2]) if dtype is bool else data.__setitem__(1, 7),
        lambda: data.__setitem__(slice(0, 2), data[1::-1].copy()),
        lambda: rng.shuffle(data),
    ):
        change()
        np.testing.assert_array_equal(g(x), data)


def test_captured_nan_does_not_force_a_new_trace():
    data = np.ones(5000)
    data[7] = np.nan
    count = itertools.count()

    def f(x):
        next(count)
        return np.sum(np.where(np.isnan(data), 0.0, x * data))

    g = tw.grad(f)
    for _ in range(3):
        g(np.ones(5000))
    assert next(count) == 1
    data[9] = 5.0
    assert g(np.ones(5000))[9] == 5.0


def test_a_function_of_the_library_shows_what_it_closes_over():
    weight = 2.0

    def user(x):
        return weight * x

    g = tw.grad(lambda x: tw.batch(user)(x)[0])
    x = np.array([1.0])
    assert g(x) == [2.0]
    weight = 5.0
    assert g(x) == [5.0]


def test_questions_for_the_type_are_answered_as_without_a_trace():
    seen = []

    def f(x):
        seen.append([isinstance(v, t) for v in (x, x[0], x > 0, x[0] > 0) for t in (np.ndarray, np.floating, float)])
        seen[-1] += [np.isscalar(x), np.isscalar(x[0]), isinstance(x[0] > 0, np.bool_)]
        return np.sum(x**2) if isinstance(x, np.ndarray) and not isinstance(x, list) else 0.0

    x = np.array([1.0, 2.0])
    f(x)
    np.testing.assert_array_equal(tw.grad(f)(x), 2 * x)
    assert seen[1] == seen[0]
    np.testing.assert_array_equal(tw.grad(lambda v: v**2 if isinstance(v, float | int) else v)(3.0), 6.0)


@pytest.mark.parametrize(
    "other", [np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]]), np.matrix([[1.0, 2.0], [3.0, 4.0]])]
)
def test_arrays_whose_operators_mean_something_else_are_refused(other):
    x = np.ones((2, 2))
    kind = "np.matrix" if isinstance(other, np.matrix) else "masked"
    for f in (lambda x: np.sum(x * other), lambda x: np.sum(other * x), lambda x: np.sum(np.add(x, other))):
        with pytest.raises(TraceError, match=rf"{kind}(.*\n)*.*test_trace.py"):
            tw.grad(f)(x)
    with pytest.raises(ArgumentError, match=kind):
        tw.grad(np.sum)(other)
    with pytest.raises(TypeError, match=kind):
        tw.grad(lambda x, a: np.sum(x))(x, other)


def test_view_shows_the_array_itself():
    def f(x):
        y = x * 1
        y.view()[0] *= 3
        return np.sum(y.view(np.ndarray) ** 2) + np.sum(y.view(float))

    np.testing.assert_allclose(tw.grad(f)(np.array([1.0, 2.0])), [21.0, 5.0])
    with pytest.raises(UnsupportedError, match=r"\.view to int64"):
        tw.grad(lambda x: np.sum(x.view(np.int64)))(np.ones(2))


def test_a_fresh_random_seed_and_the_clock_are_read_at_each_call():
    noisy = tw.grad(lambda x: np.random.default_rng().normal() * x)
    assert noisy(1.0) != noisy(1.0)
    rows = tw.batch(lambda x: np.random.default_rng().normal() * x)
    assert rows(np.ones(2))[0] != rows(np.ones(2))[0]
    nested = tw.grad(lambda x: tw.grad(lambda y: np.random.default_rng().normal() * y * y)(x))
    assert nested(1.0) != nested(1.0)
    clock = tw.grad(lambda x: time.perf_counter() * x)
    assert clock(1.0) < clock(1.0)
    seeded = tw.grad(lambda x: np.random.default_rng(5).normal() * x)
    assert seeded(1.0) == seeded(1.0) == np.random.default_rng(5).normal()
    assert len(seeded._cache) == 1 and all(seeded._cache.values())


def test_the_cache_is_bounded():
    g = tw.grad(lambda x, n: x**n)
    for n in range(1, 400):
        assert g(1.0, n) == n
    assert len(g._cache) <= 256


def test_plain_arguments_of_a_batch_are_watched():
    class Scale:
        factor = 2.0

    scale = Scale()
    f = tw.batch(lambda x, s: s.factor * x, in_axes=(0, None))
    np.testing.assert_array_equal(f(np.ones(2), scale), [2, 2])
    scale.factor = 3.0
    np.testing.assert_array_equal(f(np.ones(2), scale), [3, 3])
