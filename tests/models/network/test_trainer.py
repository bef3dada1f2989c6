"""Epochs: steps are those of plain gradient descent on the objective, and a state goes on as if nothing had been."""

import numpy as np
import pytest
from scipy import sparse

import thalweg as tw
from thalweg.models.network.flat import Flat
from thalweg.models.network.gradient import Gradient
from thalweg.models.network.trainer import Diverged, Trainer, cut, is_sparse
from thalweg.optimize.stochastic import SGD, Adam

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(23, 3)), RNG.normal(size=(23, 2))
START = [(RNG.normal(size=(3, 2)), RNG.normal(size=2))]


def loss(parameters, X, Y, weights):
    ((W, b),) = parameters
    rows = np.sum((X @ W + b - Y) ** 2, axis=1)
    return np.mean(rows) if weights is None else np.sum(weights * rows) / np.sum(weights)


def trainer(update=None, random=0, dtype=float, weights=None, arrays=(X, Y), alpha=0.1, **more):
    random = None if random is None else np.random.RandomState(random)
    return Trainer(
        Flat(START, dtype), Gradient(loss), update or Adam(), lambda step: 0.01, (*arrays, weights), 10, random,
        weights, alpha, **more
    )  # fmt: skip


def test_an_epoch_is_so_many_steps_along_gradients_with_the_penalty():
    t = trainer(SGD(), random=None)
    value = t.epoch()
    W, b = (p.copy() for p in START[0])
    total = 0.0
    for first in (0, 10, 20):
        rows = slice(first, first + 10)
        n = len(X[rows])
        f = lambda p: loss(p, X[rows], Y[rows], None) + 0.1 / (2 * n) * np.sum(p[0][0] ** 2)
        (slopes,) = tw.grad(f)([(W, b)])
        total += n * f([(W, b)])
        W, b = W - 0.01 * slopes[0], b - 0.01 * slopes[1]
    assert value == pytest.approx(total / 23, rel=1e-13)
    np.testing.assert_allclose(t.flat.nested[0][0], W, rtol=1e-13)
    np.testing.assert_allclose(t.flat.nested[0][1], b, rtol=1e-13)
    assert (t.steps, t.epochs) == (3, 1)


def test_every_row_is_seen_once_an_epoch_in_another_order():
    seen = []
    t = trainer(draw=lambda step, rows: (seen.append((step, rows)), ())[1])
    orders = []
    for _ in range(3):
        t.epoch()
        orders.append(t._order.copy())
        assert sorted(t._order) == list(range(23))
    assert not (orders[0] == orders[1]).all()
    assert seen[:4] == [(0, 10), (1, 10), (2, 3), (3, 10)]


@pytest.mark.parametrize("update", [lambda: Adam(), lambda: Adam(weight_decay=0.1), lambda: SGD(0.9, True), SGD])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_state_goes_on_bit_for_bit(update, dtype):
    whole = trainer(update(), dtype=dtype, arrays=(X.astype(dtype), Y.astype(dtype)))
    for epoch in range(5):
        whole.epoch()
        if epoch == 1:
            state = whole.state()
    part = trainer(update(), random=99, dtype=dtype, arrays=(X.astype(dtype), Y.astype(dtype)))
    part.restore(state)
    for _ in range(3):
        part.epoch()
    assert part.flat.vector.tobytes() == whole.flat.vector.tobytes()
    assert part.state()["steps"] == whole.state()["steps"]


def test_a_state_is_made_of_plain_things():
    def plain(value):
        if isinstance(value, (list, tuple)):
            return all(map(plain, value))
        return value is None or isinstance(value, (np.ndarray, int, float, str))

    t = trainer()
    t.epoch()
    assert all(plain(v) for v in t.state().values())


def test_sparse_rows_are_the_same_rows():
    dense, other = trainer(), trainer(arrays=(sparse.csr_array(X), Y))
    assert dense.epoch() == other.epoch()
    assert is_sparse(sparse.csr_matrix(X))
    np.testing.assert_array_equal(cut(sparse.csr_array(X), np.array([3, 1])), X[[3, 1]])


def test_weights_of_zero_are_rows_left_out():
    weights = np.ones(23)
    weights[10:20] = 0  # a whole batch without weight
    t = trainer(SGD(), random=None, weights=weights)
    t.epoch()
    keep = np.flatnonzero(weights)
    without = trainer(SGD(), random=None, arrays=(X[keep], Y[keep]))
    without.epoch()
    np.testing.assert_allclose(t.flat.vector, without.flat.vector, rtol=1e-13)


def test_a_step_into_nowhere_is_noticed():
    t = trainer(SGD())
    t.rate = lambda step: 1e200
    with pytest.raises(Diverged), np.errstate(all="ignore"):
        for _ in range(3):
            t.epoch()
