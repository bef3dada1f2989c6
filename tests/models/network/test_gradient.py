"""Calls that are counted: the same bits in every training, whatever the clock says."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.models.network.gradient import Counted, Gradient
from thalweg.tracing import tree

W, b = np.linspace(-1, 1, 12).reshape(3, 4).astype(np.float32), np.zeros(4, np.float32)
X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


def loss(parameters, X):
    W, b = parameters
    return np.mean(np.tanh(X @ W + b) ** 2)


def leaves_and_structure():
    return tree.flatten((W, b))


def test_values_before_and_after_it_becomes_machine_code():
    leaves, structure = leaves_and_structure()
    counted = Counted(Gradient(loss), structure)
    expected, slopes = tw.value_and_grad(loss)((W.astype(float), b.astype(float)), X.astype(float))
    native = []
    for _ in range(3):
        value, gW, gb = counted(leaves, (X,))
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        np.testing.assert_allclose(gW, slopes[0], rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(gb, slopes[1], rtol=1e-4, atol=1e-7)
        native.append(counted._ways[50].native)
        counted.calls[50] = counted._ways[50].limit  # as if so many calls had been
    assert native == [False, True, True]


def test_two_trainings_have_the_same_bits_at_each_call():
    leaves, structure = leaves_and_structure()
    runs = []
    for _ in range(2):
        counted = Counted(Gradient(loss), structure)
        found = []
        for calls in (0, 1, 10**9):
            counted.calls[50] = calls
            found.append([np.asarray(v).tobytes() for v in counted(leaves, (X,))])
        runs.append(found)
    assert runs[0] == runs[1]


def test_batches_of_another_size_have_a_count_of_their_own():
    leaves, structure = leaves_and_structure()
    counted = Counted(Gradient(loss), structure)
    for rows in (50, 20, 50):
        counted(leaves, (X[:rows],))
    assert counted.calls == {50: 2, 20: 1}


def test_a_branch_that_turns_and_a_setting_that_changes_are_followed():
    factor = {"by": 1.0}

    def turning(w, X):
        y = np.sum(X @ w)
        return factor["by"] * (y if y > 0 else -2.0 * y)

    counted = Counted(Gradient(turning), tree.LEAF)
    ones = np.ones((1, 3))
    assert counted([np.ones(3)], (ones,))[0] == 3.0
    assert counted([-np.ones(3)], (ones,))[0] == 6.0
    factor["by"] = 10.0
    assert counted([np.ones(3)], (ones,))[0] == 30.0


def test_what_draws_numbers_is_drawn_anew():
    rng = np.random.default_rng(0)
    counted = Counted(Gradient(lambda w, X: np.sum(w * rng.normal(size=3))), tree.LEAF)
    first, second = (counted([np.ones(3)], (X,))[0] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("value", ["0", "off"])
def test_no_machine_code_where_it_is_switched_off(monkeypatch, value):
    monkeypatch.setenv("THALWEG_NATIVE", value)
    leaves, structure = leaves_and_structure()
    counted = Counted(Gradient(loss), structure)
    counted.calls[50] = 10**9
    counted(leaves, (X,))
    assert not counted._ways[50].native
