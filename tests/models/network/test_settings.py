"""What may be given, and what is said where something else is."""

import numpy as np
import pytest

from thalweg.errors import ArgumentError
from thalweg.models.network import NeuralNetworkClassifier, NeuralNetworkRegressor
from thalweg.models.network.settings import CHECKS, dtype_of, sizes_of

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
WRONG = {
    "solver": "newton", "alpha": -1, "batch_size": 0, "learning_rate": "fast", "learning_rate_init": 0,
    "power_t": -1.0, "max_iter": 0, "shuffle": 1, "tol": -1e-4, "warm_start": None, "momentum": 1.0,
    "nesterovs_momentum": "yes", "early_stopping": 2, "validation_fraction": 1.0, "beta_1": 1.0, "beta_2": -0.1,
    "epsilon": 0.0, "n_iter_no_change": 0, "max_fun": 0.5, "weight_decay": -1, "dropout": 1.0,
    "batch_normalization": "on", "initialization": "ones", "delta": 0,
}  # fmt: skip


def test_every_parameter_that_is_checked_is_tested():
    of_autoencoders = {"n_components", "tied", "noise", "variational", "beta"}
    assert set(WRONG) | of_autoencoders == set(CHECKS)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_parameter_is_named(name):
    made = NeuralNetworkRegressor if name == "delta" else NeuralNetworkClassifier
    with pytest.raises(ArgumentError, match=f"^{name}="):
        made(**{name: WRONG[name]}).fit(X, Y)


@pytest.mark.parametrize("sizes", [0, (5, 0), (2.5,), "100"])
def test_widths(sizes):
    with pytest.raises(ArgumentError, match="hidden_layer_sizes must be > 0"):
        NeuralNetworkRegressor(hidden_layer_sizes=sizes).fit(X, Y)


def test_widths_that_are_right():
    assert sizes_of(7) == [7]
    assert sizes_of(np.array([3, 4])) == [3, 4]
    assert sizes_of(()) == []


def test_dtypes():
    assert dtype_of("auto", "adam") == np.float32
    assert dtype_of("auto", "lbfgs") == np.float64
    assert dtype_of(np.float64, "adam") == np.float64
    for wrong in ("float16", int, "sixteen", None):
        if wrong is not None:
            with pytest.raises(ArgumentError, match="dtype="):
                dtype_of(wrong, "adam")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"architecture": lambda p, X: X @ p}, "needs parameters="),
        ({"architecture": lambda p, X: X @ p, "parameters": np.ones((2, 1)), "dropout": 0.5}, "belong to hidden"),
        ({"architecture": lambda p, X: X, "parameters": np.ones(1)}, r"returns the shape \(2, 2\) for 2 rows"),
        ({"solver": "lbfgs", "dropout": 0.5}, "dropout=0 only"),
        ({"activation": "reul"}, "activation='reul'"),
    ],
)
def test_settings_that_do_not_go_together(settings, words):
    with pytest.raises(ArgumentError, match=words):
        NeuralNetworkClassifier(**settings).fit(X, Y)
