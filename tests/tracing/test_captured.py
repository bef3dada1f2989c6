"""What a function reads from around it: no trace outlives a change of it."""

import collections
import functools
import itertools
import random
import sys
import threading
import types

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import UnsupportedError
from thalweg.tracing.captured import undisturbed

rate = 1.0


class Config:
    rate = 1.0


class Base:
    scale = 1.0

    def weight(self):
        return rate

    @property
    def share(self):
        return self.scale


class Model(Base):
    def __init__(self):
        self.nested = {"a": {"b": {"c": {"d": {"e": np.ones(2)}}}}}

    def loss(self, x):
        return self.weight() * self.share * x

    def __call__(self, x):
        return self.nested["a"]["b"]["c"]["d"]["e"][0] * x


class Slotted:
    __slots__ = ("_Slotted__hidden", "rate")

    def __init__(self):
        self.rate = 1.0


class Table:
    """As data frames are: an object of compiled code whose elements only ``np.asarray`` shows."""

    __slots__ = ()
    data = np.ones(2)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype=dtype)


@pytest.fixture
def module(monkeypatch):
    """Two modules of the user's, one calling the other, with math bound by name."""
    below, above = types.ModuleType("user_below"), types.ModuleType("user_above")
    exec("from math import exp\nrate = 1.0\ndef inner(x):\n    return rate * exp(x)", below.__dict__)
    monkeypatch.setitem(sys.modules, "user_below", below)
    exec("import user_below\ndef outer(x):\n    return user_below.inner(x)", above.__dict__)
    monkeypatch.setitem(sys.modules, "user_above", above)
    return below, above


def follows(g, x, change, before, after):
    assert g(x) == pytest.approx(before)
    change()
    assert g(x) == pytest.approx(after)


def test_attributes_of_modules_and_functions_two_modules_away(module):
    below, above = module
    for f in (lambda x: below.rate * np.exp(x), lambda x: below.inner(x), lambda x: above.outer(x), above.outer):
        below.rate = 1.0
        follows(tw.grad(f), 0.5, lambda: setattr(below, "rate", 3.0), np.exp(0.5), 3 * np.exp(0.5))


def test_a_module_imported_inside_the_function(module):
    def f(x):
        import user_below

        return user_below.rate * x

    follows(tw.grad(f), 0.5, lambda: setattr(module[0], "rate", 3.0), 1.0, 3.0)


def test_attributes_of_classes_methods_and_properties(monkeypatch):
    m = Model()
    for g in (tw.grad(m.loss), tw.grad(lambda x: m.loss(x))):
        with monkeypatch.context() as patch:
            follows(g, 2.0, lambda: patch.setattr(Base, "scale", 5.0), 1.0, 5.0)
            follows(g, 2.0, lambda: patch.setattr(Model, "scale", 7.0, raising=False), 5.0, 7.0)
            follows(g, 2.0, lambda: patch.setitem(globals(), "rate", 2.0), 7.0, 14.0)
            follows(g, 2.0, lambda: patch.setattr(Model, "weight", lambda self: 10.0), 14.0, 70.0)
    follows(tw.grad(lambda x: Config.rate * x), 2.0, lambda: monkeypatch.setattr(Config, "rate", 4.0), 1.0, 4.0)
    deep = m.nested["a"]["b"]["c"]["d"]["e"]
    follows(tw.grad(m), 2.0, lambda: deep.__setitem__(0, 6.0), 1.0, 6.0)


def test_containers_of_every_kind_and_size():
    queue, bag, long, words, slotted, table = (
        collections.deque([1.0]), {1.0}, [1.0] * 1000, {"a": 1.0}, Slotted(), Table(),
    )  # fmt: skip
    parts = [[1.0] for _ in range(1000)]
    array = np.ones(2)
    partial = functools.partial(lambda a, x: a[0] * x, array)

    def rename():
        words["b"] = words.pop("a")

    def replace():
        bag.clear()
        bag.add(4.0)

    for f, change, before, after in (
        (lambda x: queue[0] * x, lambda: queue.__setitem__(0, 3.0), 1, 3),
        (lambda x: sum(bag) * x, replace, 1, 4),
        (lambda x: sum(long) * x, lambda: long.__setitem__(999, 3.0), 1000, 1002),
        (lambda x: sum(p[0] for p in parts) * x, lambda: parts[999].__setitem__(0, 3.0), 1000, 1002),
        (lambda x: (1.0 if "a" in words else 5.0) * x, rename, 1, 5),
        (lambda x: slotted.rate * x, lambda: setattr(slotted, "rate", 3.0), 1, 3),
        (lambda x: np.sum(np.asarray(table)) * x, lambda: Table.data.__setitem__(0, 2.0), 2, 3),
        (partial, lambda: array.__setitem__(0, 3.0), 1, 3),
    ):
        follows(tw.grad(f), 2.0, change, before, after)


def test_a_small_element_beside_large_ones():
    data = np.full(100_000, 1e20)
    data[5] = 1.0
    follows(tw.grad(lambda x: data[5] * x), 2.0, lambda: data.__setitem__(5, 2.0), 1.0, 2.0)


def test_random_numbers_are_drawn_anew():
    legacy, generator, python = np.random.RandomState(1), np.random.default_rng(1), random.Random(1)
    for draw in (np.random.normal, legacy.normal, generator.normal, python.random, lambda: np.random.normal()):
        g = tw.grad(lambda x, draw=draw: x * draw())
        assert len({float(g(1.0)) for _ in range(4)}) == 4
    np.random.seed(3)
    expected = [np.random.normal() for _ in range(3)]
    np.random.seed(3)
    g = tw.grad(lambda x: x * np.random.normal())
    assert [g(1.0) for _ in range(3)] == expected


def test_iterators_are_read_on():
    batches = iter([1.0, 2.0, 3.0])
    g = tw.grad(lambda x: next(batches) * x)
    assert [g(1.0) for _ in range(3)] == [1.0, 2.0, 3.0]


def test_objects_among_the_arguments_may_change():
    settings = types.SimpleNamespace(rate=1.0, values=[1.0])
    g = tw.grad(lambda x, s: s.rate * sum(s.values) * x)
    assert g(1.0, settings) == 1.0
    settings.values[0] = 2.0
    assert g(1.0, settings) == 2.0
    for k in range(50):  # objects that are gone, with others in their place
        assert g(1.0, types.SimpleNamespace(rate=float(k), values=[1.0])) == k


def test_what_is_not_read_does_not_force_a_new_trace():
    count = itertools.count()

    class Network:
        def __init__(self):
            self.w = np.random.normal(size=3)

        def shuffle(self):
            return np.random.permutation(3)

        def loss(self, x):
            next(count)
            return np.sum(self.w * x)

    network = Network()
    g = tw.grad(network.loss)
    for _ in range(3):
        g(np.ones(3))
        network.shuffle()
    assert next(count) == 1


def test_names_bound_from_math_are_reached_through_methods_and_modules(module):
    assert tw.grad(module[1].outer)(0.5) == pytest.approx(np.exp(0.5))
    namespace = {"__name__": "user_third"}
    exec("from math import exp\nclass M:\n    def f(self, x):\n        return exp(x)\nm = M()", namespace)
    m = namespace["m"]
    assert tw.grad(lambda x: m.f(x))(0.5) == pytest.approx(np.exp(0.5))


def test_series_and_tables_take_part_as_arrays():
    table = Table()
    table_values = np.array(Table.data)
    for f in (lambda x: np.sum(x * table), lambda x: np.sum(table * x), lambda x: np.sum(np.multiply(x, table))):
        np.testing.assert_array_equal(tw.grad(f)(np.array([1.0, 2.0])), table_values)
    np.testing.assert_array_equal(tw.grad(lambda x: np.sum(np.array(table) @ x))(np.ones(2)), table_values)


def test_complex_numbers_are_refused_at_the_users_line():
    with pytest.raises(UnsupportedError, match=r"complex number.*\n(.*\n)*.*1j"):
        tw.grad(lambda x: abs(1j * x))(1.0)


def test_in_a_block_without_code_of_the_users_large_arrays_are_looked_at_once():
    small, large = np.ones(3), np.ones(100_000)
    g = tw.grad(lambda x: np.sum(small * x) + large[0] * np.sum(x))
    x = np.zeros(3)
    g(x)
    with undisturbed():
        np.testing.assert_array_equal(g(x), np.full(3, 2.0))
        large[0] = 9.0  # against the promise of the block
        np.testing.assert_array_equal(g(x), np.full(3, 2.0))
        tw.grad(lambda x: x**2)(1.0)  # code of the user's
        np.testing.assert_array_equal(g(x), np.full(3, 10.0))
        small[:] = 2.0
        np.testing.assert_array_equal(g(x), np.full(3, 11.0))  # small ones are looked at all the same
    large[0] = 1.0
    with undisturbed():
        np.testing.assert_array_equal(g(x), np.full(3, 3.0))
    large[0] = 2.0
    np.testing.assert_array_equal(g(x), np.full(3, 4.0))


def test_another_thread_has_its_own_block():
    large = np.ones(100_000)
    g = tw.grad(lambda x: large[0] * x)
    seen = []
    with undisturbed():
        assert g(1.0) == g(1.0) == 1.0
        large[0] = 4.0
        thread = threading.Thread(target=lambda: seen.append(g(1.0)))
        thread.start()
        thread.join()
    assert seen == [4.0]


def test_a_deleted_name_and_one_that_shadows_are_seen(monkeypatch):
    def make():
        scale = 2.0

        def f(x):
            return scale * x

        def forget():
            nonlocal scale
            del scale

        return f, forget

    f, forget = make()
    g = tw.grad(f)
    assert g(1.0) == g(1.0) == 2.0
    forget()
    with pytest.raises(NameError):
        g(1.0)
    monkeypatch.setitem(globals(), "rate", 1.0)
    h = tw.grad(lambda x: rate * x)
    assert h(1.0) == h(1.0) == 1.0
    monkeypatch.delitem(globals(), "rate")
    with pytest.raises(NameError):
        h(1.0)


def test_a_function_may_keep_what_it_is_called_with():
    seen = []

    def f(x):
        seen.append(x)
        return x @ x

    np.testing.assert_array_equal(tw.grad(f)(np.ones(2)), [2.0, 2.0])
    np.testing.assert_array_equal(tw.hessian(f)(np.ones(2)), 2 * np.eye(2))
    np.testing.assert_array_equal(tw.grad(f)(np.full(2, 3.0)), [6.0, 6.0])
    assert len(seen) == 3
