"""A mean over data, by batches and as a whole."""

import numpy as np
import pytest

from thalweg.errors import ArgumentError
from thalweg.optimize.stochastic import Batches, Sampled

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((23, 3)), rng.standard_normal(23)


def squares(w, batch):
    A, b = batch
    r = A @ w - b
    return float(r @ r) / len(b), 2 * A.T @ r / len(b)


W = np.array([0.3, -1.0, 2.0])
WHOLE = squares(W, (X, Y))


@pytest.mark.parametrize("size", [1, 4, 23, 100])
def test_the_whole_is_the_mean_over_rows_for_every_size_of_batch(size):
    value, gradient = Sampled(squares, Batches(X, Y, size=size)).whole(W)
    assert value == pytest.approx(WHOLE[0])
    np.testing.assert_allclose(gradient, WHOLE[1])


def test_batch_gradients_are_right_in_the_mean():
    sampled = Sampled(squares, Batches(X[:20], Y[:20], size=4))
    parts = [sampled.at(W, batch) for batch in sampled.epoch(7)]
    value, gradient = squares(W, (X[:20], Y[:20]))
    assert np.mean([v for v, _ in parts]) == pytest.approx(value)
    np.testing.assert_allclose(np.mean([g for _, g in parts], axis=0), gradient)


def test_any_iterable_that_begins_anew_will_do():
    parts = [(X[:10], Y[:10]), [X[10:], Y[10:]]]
    sampled = Sampled(squares, parts)
    for _ in range(2):
        value, gradient = sampled.whole(W)
        assert value == pytest.approx(WHOLE[0])
        np.testing.assert_allclose(gradient, WHOLE[1])
    alone = Sampled(lambda w, batch: (float(np.mean(batch[0]) * w[0]), np.array([np.mean(batch[0])])), [Y[:3], Y[3:]])
    assert alone.whole(np.array([2.0]))[0] == pytest.approx(2 * Y.mean())


def test_everything_at_once_where_it_is_given():
    sampled = Sampled(squares, Batches(X, Y, size=4), everything=lambda w: (7.0, w))
    assert sampled.whole(W)[0] == 7.0


def test_what_can_be_gone_through_once_only_is_refused():
    with pytest.raises(ArgumentError, match="only once"):
        Sampled(squares, iter([(X, Y)]))
    with pytest.raises(ArgumentError, match="no batches"):
        Sampled(squares, []).whole(W)
