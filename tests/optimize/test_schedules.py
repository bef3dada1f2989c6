"""Learning rates by step."""

import numpy as np
import pytest

from thalweg.errors import ArgumentError
from thalweg.optimize.schedules import Constant, Cosine, Exponential, InverseTime, Steps, Warmup, schedule_from

FIRST = {
    "constant": Constant(0.3),
    "inverse time": InverseTime(0.3, 0.1),
    "exponential": Exponential(0.3, 0.9),
    "steps": Steps(0.3, 5, 0.5),
    "cosine": Cosine(0.3, 40, 0.01),
}


@pytest.mark.parametrize("name", FIRST)
def test_each_begins_with_its_rate_and_never_rises(name):
    rates = np.array([FIRST[name](k) for k in range(100)])
    assert rates[0] == 0.3 and np.all(np.diff(rates) <= 1e-15) and np.all(rates > 0)


def test_inverse_time_has_the_sums_of_robbins_and_monro():
    k = np.arange(10**6)
    rates = InverseTime(1.0, decay=1.0)(k)
    assert rates.sum() > np.log(10**6) and (rates**2).sum() < np.pi**2 / 6


def test_values_by_hand():
    assert InverseTime(0.3, 0.1)(20) == pytest.approx(0.1)
    assert Exponential(0.3, 0.9)(2) == pytest.approx(0.243)
    assert Steps(0.3, 5, 0.5)(14) == pytest.approx(0.075)
    cosine = Cosine(1.0, 6, 0.2)
    assert [cosine(k) for k in (0, 2, 3, 4, 6, 60)] == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.2])


def test_warmup_rises_to_the_first_rate_and_then_follows():
    schedule = Warmup(5, then=Exponential(1.0, 0.5))
    assert [schedule(k) for k in range(8)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 0.5, 0.25])


def test_what_a_user_may_mean():
    assert schedule_from(0.1) == schedule_from(np.float64(0.1)) == Constant(0.1)
    cosine = Cosine(1.0, 3)
    assert schedule_from(cosine) is cosine and schedule_from(schedule=cosine) is cosine
    assert schedule_from(lambda k: 1 / (k + 1))(3) == 0.25


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: schedule_from(0.1, Cosine(1.0, 3)),
        lambda: schedule_from(-0.1),
        lambda: schedule_from(float("nan")),
        lambda: schedule_from("fast"),
        lambda: schedule_from(lambda k: -1.0),
        lambda: Constant(0.0),
        lambda: InverseTime(0.1, decay=-1),
        lambda: Exponential(0.1, factor=1.5),
        lambda: Steps(0.1, every=0),
        lambda: Cosine(0.1, over=10, final=0.2),
        lambda: Warmup(0, Constant(0.1)),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ArgumentError):
        wrong()
