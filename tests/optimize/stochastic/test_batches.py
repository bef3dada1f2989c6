"""Every row once an epoch, in an order that the seed decides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalweg.errors import ArgumentError
from thalweg.optimize.stochastic import Batches


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 5), st.booleans())
def test_an_epoch_is_a_partition_of_the_rows(rows, size, epoch, shuffle):
    batches = Batches(np.arange(rows), 10.0 * np.arange(rows), size=size, seed=3, shuffle=shuffle)
    parts = list(batches.epoch(epoch))
    assert len(parts) == len(batches)
    assert all(len(a) <= size and np.array_equal(10.0 * a, b) for a, b in parts)
    assert all(len(a) == min(size, rows) for a, _ in parts[:-1])
    seen = np.concatenate([a for a, _ in parts])
    np.testing.assert_array_equal(np.sort(seen), np.arange(rows))
    if not shuffle:
        np.testing.assert_array_equal(seen, np.arange(rows))
    in_order = np.concatenate([a for a, _ in batches.in_order()])
    np.testing.assert_array_equal(in_order, np.arange(rows))


def order(**options):
    epoch = options.pop("epoch", 0)
    return np.concatenate([a for (a,) in Batches(np.arange(50), size=7, **options).epoch(epoch)]).tolist()


def test_the_seed_and_the_epoch_decide_the_order_and_nothing_else():
    assert order(seed=1) == order(seed=1) != order(seed=2)
    assert order(seed=1, epoch=1) == order(seed=1, epoch=1) != order(seed=1)
    assert [a.tolist() for (a,) in Batches(np.arange(5), size=2)] == [
        a.tolist() for (a,) in Batches(np.arange(5), size=2).epoch(0)
    ]


def test_rows_may_be_arrays_themselves():
    X = np.arange(24).reshape(4, 3, 2)
    ((x, y),) = Batches(X, [1, 2, 3, 4], size=4, shuffle=False).epoch(0)
    assert x.shape == (4, 3, 2) and y.tolist() == [1, 2, 3, 4]
    assert repr(Batches(X, size=3, seed=5)) == "Batches(4 rows, size=3, seed=5)"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Batches(),
        lambda: Batches(np.zeros((3, 2)), np.zeros(4)),
        lambda: Batches(np.float64(3)),
        lambda: Batches(np.zeros((0, 2))),
        lambda: Batches(np.zeros(3), size=0),
        lambda: Batches(np.zeros(3), size=2.5),
        lambda: Batches(np.zeros(3), size=True),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ArgumentError):
        wrong()
