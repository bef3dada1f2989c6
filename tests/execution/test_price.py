"""The estimate of compile time: larger for larger graphs, and corrected by what compilations took."""

import pytest

from thalweg.execution import price
from thalweg.graph import FLOAT64, Graph, input_node


def chain(count):
    x = y = input_node((), FLOAT64)
    for k in range(count):
        y = y * x + float(k)
    return Graph([x], [y])


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(price, "_factors", {False: 1.0, True: 1.0})
    monkeypatch.setitem(price.sys.modules, "llvmlite.binding", object())


def test_more_operations_cost_more(fresh):
    several = [price.compile_seconds(chain(n)) for n in (1, 10, 100, 1000)]
    assert several == sorted(several)
    assert several[0] < 0.1
    large = [price.compile_seconds(chain(n)) for n in (5_000, 20_000)]
    assert 3 < large[1] / large[0] < 4.1  # linear


def test_the_first_compilation_pays_for_starting_llvm(fresh, monkeypatch):
    graph = chain(3)
    started = price.compile_seconds(graph)
    monkeypatch.delitem(price.sys.modules, "llvmlite.binding")
    assert price.compile_seconds(graph) > started + 0.01


def test_what_compilations_take_corrects_the_estimate(fresh):
    small, large = chain(10), chain(5_000)
    told = price.compile_seconds(small), price.compile_seconds(large)
    for _ in range(30):
        price.learn(small, 4 * told[0])
    assert price.compile_seconds(small) == pytest.approx(4 * told[0], rel=1e-3)
    assert price.compile_seconds(chain(20)) > 3 * told[0]
    assert price.compile_seconds(large) == told[1]
    price.learn(small, told[0])  # one that was quicker does not turn the estimate round
    assert 2 * told[0] < price.compile_seconds(small) < 4 * told[0]


def test_the_calls_that_pay_are_the_same_in_every_process(fresh):
    graph = chain(200)
    count = price.calls_that_pay(graph)
    assert not price.pays(graph, count - 1)
    assert price.pays(graph, count)
    for _ in range(5):
        price.learn(graph, 100.0)
    assert price.calls_that_pay(graph) == count


def test_what_computes_nothing_never_pays():
    x = input_node((3,), FLOAT64)
    assert not price.pays(Graph([x], [x]), 10**9)
    assert price.pays(chain(10), 10**9)
