"""Twice the precision, against rational numbers; and where refinement does not help, it says so."""

from fractions import Fraction

import numpy as np

from thalweg.models.linear.refinement import minus, plus, product, refined, split, times, total, two_sum

RNG = np.random.default_rng(0)
A, B = (RNG.normal(size=200) * 10.0 ** RNG.integers(-8, 8, 200) for _ in range(2))


def rational(pair):
    return [Fraction(float(a)) + Fraction(float(b)) for a, b in zip(*pair)]


def test_sums_and_products_are_exact():
    assert rational(two_sum(A, B)) == [Fraction(a) + Fraction(b) for a, b in zip(A, B)]
    assert rational(product(A, split(A), B)) == [Fraction(a) * Fraction(b) for a, b in zip(A, B)]


def test_pairs_have_thirty_digits():
    C = two_sum(A, B * 1e-17)
    D = two_sum(B, A * 1e-18)
    exact_c, exact_d = rational(C), rational(D)
    for found, exact in (
        (plus(C, D), [c + d for c, d in zip(exact_c, exact_d)]),
        (minus(C, D), [c - d for c, d in zip(exact_c, exact_d)]),
        (times(C, split(C[0]), D), [c * d for c, d in zip(exact_c, exact_d)]),
    ):
        for f, e, c, d in zip(rational(found), exact, exact_c, exact_d):
            size = max(abs(e), abs(c), abs(d)) if found is not None else 0
            assert abs(f - e) <= size * max(1, abs(c)) * Fraction(10) ** -30
    for n in (1, 2, 7, 200):
        high, low = total((C[0][:n], C[1][:n]), axis=0)
        assert abs(Fraction(float(high)) + Fraction(float(low)) - sum(exact_c[:n])) <= Fraction(10) ** -23


def test_what_is_too_ill_conditioned_is_left_alone():
    X = np.vander(np.linspace(1, 2, 30), 24)[:, :-1]
    A = np.column_stack([np.ones(30), X])
    Q, R = np.linalg.qr(A)
    y = np.sin(np.arange(30.0))
    start = np.linalg.lstsq(A, y, rcond=None)[0]
    assert refined(X, np.zeros(23), y, None, True, Q, R, start) is None
    assert refined(X * 1e295, np.zeros(23), y, None, True, Q, R, start) is None
