"""Constraints at the solution: active or not, multipliers and prices in words."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.optimize.held import Held, bounds_text, sentences
from thalweg.optimize.relations import Relation

INF = np.inf


def row(sign, lower, upper, value, signed, text="g", shape=()):
    relation = Relation(text, "", sign, shape, *(np.atleast_1d(np.float64(side)) for side in (lower, upper)))
    return Held(relation, np.atleast_1d(np.float64(value)), np.atleast_1d(np.float64(signed)))


@pytest.mark.parametrize(
    "held, active, violation, multiplier, price",
    [
        (row("==", 0, 0, 1e-12, -1.0), True, 1e-12, -1.0, 1.0),
        (row("==", 0, 0, 0.5, -1.0), True, 0.5, -1.0, 1.0),
        (row("<=", -INF, 0, -1e-9, 2.0), True, 0.0, 2.0, -2.0),
        (row("<=", -INF, 0, -0.5, 0.0), False, 0.0, 0.0, 0.0),
        (row(">=", 0, INF, 1e-9, -2.0), True, 0.0, 2.0, 2.0),
        (row(">=", 0, INF, -1.0, -2.0), False, 1.0, 2.0, 2.0),
        (row("between", -1e8, 5, -1e8 + 1, -3.0), True, 0.0, -3.0, 3.0),
        (row("between", -1, 5, 4.9, 0.0), False, 0.0, 0.0, 0.0),
    ],
)
def test_rows(held, active, violation, multiplier, price):
    assert (held.active[0], held.violation[0], held.multiplier[0], held.price[0]) == (
        active,
        violation,
        multiplier,
        price,
    )
    content = held.to_dict()
    assert content["active"] is active and content["shadow_price"] == price


def test_sentences():
    assert sentences(row("<=", -INF, 0, 0, 0.25)) == [
        "raising the right side of g by 1 changes the optimum by about -0.25"
    ]
    assert "lower side of g" in sentences(row("between", 0, 1, 0, -3))[0]
    assert "upper side of g" in sentences(row("between", 0, 1, 1, 3))[0]
    assert sentences(row("<=", -INF, 0, -1, 0)) == []
    several = row("==", [0, 0, 0], [0, 0, 0], [0, 0, 0], [1.0, -3.0, 2.0], "A @ x == b", (3,))
    assert [text[26:41] for text in sentences(several)] == ["(A @ x == b)[1]", "(A @ x == b)[2]"]


@pytest.mark.parametrize("search, sign", [(tw.minimize, 1), (tw.maximize, -1)])
def test_the_price_is_the_change_of_the_optimum(search, sign):
    """Measured by solving again with the right side moved."""
    f = tw.formula(f"{sign}*((x - 2)^2 + 2*y^2 + x*y)")

    def optimum(b, c):
        texts = [f"x + 2*y = {b!r}", f"y >= {c!r}"]
        return search(f, {"x": 1.0, "y": 1.0}, subject_to=texts, tol=1e-10)

    h = 1e-4
    solution = optimum(3.0, 0.9)
    prices = [held.price[0] for held in solution.constraints]
    for k, moved in enumerate(((h, 0.0), (0.0, h))):
        ahead, behind = (optimum(3.0 + s * moved[0], 0.9 + s * moved[1]).value for s in (1, -1))
        assert prices[k] == pytest.approx((ahead - behind) / (2 * h), rel=1e-5)
        assert solution.shadow_prices[k] == pytest.approx(prices[k])
    assert all(held.active.all() for held in solution.constraints)


def test_bounds_in_words():
    f = lambda x: (x[0] - 3) ** 2 + (x[1] + 1) ** 2 + (x[2] - 1) ** 2 + x[3] ** 2
    s = tw.minimize(f, np.ones(4), bounds=[(0, 2), (0.5, None), (None, 9), (4, 4)])
    assert bounds_text(s) == (
        "x[0] at its upper bound 2, multiplier 2; x[1] at its lower bound 0.5, multiplier -3; x[3] fixed at 4"
    )
    assert bounds_text(tw.minimize(f, np.ones(4))) == ""
    assert bounds_text(tw.minimize(f, np.ones(4), bounds=(-9, 9))) == "none is active"
    many = tw.minimize(lambda x: np.sum(x), np.ones(7), bounds=(0, None))
    assert bounds_text(many).endswith("; 3 more")


def test_fixed_variables_are_in_their_place():
    f = tw.formula("x^2 + y^2 + z^2")
    s = tw.minimize(f, {"x": 1.0, "y": 1.0, "z": 1.0}, subject_to=["x + y + z = 6", "z >= 0"], bounds={"y": (3, 3)})
    first, second = s.constraints
    assert first.active[0] and not second.active[0]
    assert abs(first.values[0]) < 1e-8 and second.values[0] == pytest.approx(1.5)
