"""Adam and AdamW against sequences by hand and the algorithm in exact fractions."""

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest

from thalweg.errors import ArgumentError
from thalweg.optimize.stochastic import Adam


def test_two_steps_by_hand():
    # β₁ = ½, β₂ = ¾, g = 1, then 3:
    # k=1: m = ½, v = ¼, m̂ = 1, v̂ = 1: step −η.
    # k=2: m = ¼ + 3/2 = 7/4, v = 3/16 + 9/4 = 39/16, m̂ = (7/4)/(3/4) = 7/3, v̂ = (39/16)/(7/16) = 39/7.
    adam = Adam(beta1=0.5, beta2=0.75, epsilon=1e-300)
    x = np.zeros(1)
    assert adam.step(x, np.array([1.0]), 0.1)[0] == pytest.approx(-0.1, rel=1e-14)
    assert adam.step(x, np.array([3.0]), 0.1)[0] == pytest.approx(-0.1 * (7 / 3) / sqrt(39 / 7), rel=1e-14)


def test_many_steps_in_exact_fractions():
    b1, b2, eps = Fraction(9, 10), Fraction(999, 1000), 1e-8
    gradients = [Fraction((7 * k) % 11 - 5, 4) for k in range(60)]
    adam, m, v = Adam(), Fraction(0), Fraction(0)
    for k, g in enumerate(gradients, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        expected = -0.01 * float(m / (1 - b1**k)) / (sqrt(v / (1 - b2**k)) + eps)
        assert adam.step(np.zeros(1), np.array([float(g)]), 0.01)[0] == pytest.approx(expected, rel=1e-11, abs=1e-16)


def test_the_first_step_does_not_depend_on_the_scale_of_the_gradient():
    for scale in (1e-3, 1.0, 1e6):
        np.testing.assert_allclose(Adam().step(np.zeros(2), scale * np.array([1.0, -2.0]), 0.1), [-0.1, 0.1], rtol=1e-4)


def test_decay_is_apart_from_the_gradient():
    rng = np.random.default_rng(0)
    plain, decaying, x = Adam(), Adam(weight_decay=0.3), rng.standard_normal(5)
    assert (plain.name, decaying.name) == ("Adam", "AdamW")
    for _ in range(5):
        g = rng.standard_normal(5)
        np.testing.assert_allclose(decaying.step(x, g, 0.1), plain.step(x, g, 0.1) - 0.1 * 0.3 * x, rtol=1e-13)


def test_a_reset_forgets_and_gradients_are_not_changed():
    adam, g = Adam(), np.array([1.0, -3.0])
    first = adam.step(np.zeros(2), g, 0.1)
    adam.step(np.zeros(2), 2 * g, 0.1)
    adam.reset()
    np.testing.assert_array_equal(adam.step(np.zeros(2), g, 0.1), first)
    np.testing.assert_array_equal(g, [1.0, -3.0])


@pytest.mark.parametrize("wrong", [{"beta1": 1.0}, {"beta2": -0.1}, {"epsilon": 0.0}, {"weight_decay": -1.0}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(ArgumentError):
        Adam(**wrong)
