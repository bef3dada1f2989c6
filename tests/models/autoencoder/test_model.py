"""The autoencoder: principal components, scikit-learn's checks, noise, variation, and the same bits again."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import subspace_angles
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_estimator

from thalweg.errors import ArgumentError
from thalweg.models.autoencoder import Autoencoder

X, SPECIES = load_iris(return_X_y=True)
DIGITS = load_digits().data[:500] / 16
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_pass():
    results = check_estimator(Autoencoder(), on_skip=None, on_fail=None)
    assert not [r for r in results if r["status"] not in ("passed", "skipped")]
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= {"check_array_api_input"}


@pytest.mark.parametrize(
    "settings",
    [{}, {"tied": True}, {"hidden_layer_sizes": (3,), "activation": "identity"}, {"activation": "relu"}],
    ids=str,
)
@pytest.mark.parametrize("components", [1, 2])
def test_a_linear_one_spans_the_principal_components(settings, components):
    model = Autoencoder(components, alpha=0, tol=1e-9, max_iter=3000, random_state=0, **settings).fit(X)
    pca = PCA(components).fit(X)
    expected = np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2)
    assert -model.score(X) == pytest.approx(expected, rel=1e-9)
    moves = model.inverse_transform(np.eye(components)) - model.inverse_transform(np.zeros((1, components)))
    assert np.max(subspace_angles(moves.T, pca.components_.T)) < 1e-5


def test_by_batches_it_comes_near_them():
    model = Autoencoder(2, solver="adam", alpha=0, learning_rate="cosine", learning_rate_init=0.02, batch_size=50,
                        max_iter=300, random_state=0, tol=0.0, n_iter_no_change=np.inf)  # fmt: skip
    rows = X - X.mean(axis=0)
    pca = PCA(2).fit(rows)
    expected = np.mean((pca.inverse_transform(pca.transform(rows)) - rows) ** 2)
    assert -model.fit(rows).score(rows) == pytest.approx(expected, rel=0.03)


def test_layers_bring_back_more_than_principal_components():
    model = Autoencoder(2, (12,), "tanh", alpha=0, max_iter=600, random_state=0).fit(X)
    pca = PCA(2).fit(X)
    assert -model.score(X) < 0.95 * np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2)


def test_the_objective_is_what_was_lowered():
    model = Autoencoder(2, (6,), "tanh", alpha=0.1, max_iter=40, random_state=0).fit(X)
    assert model.loss_ == pytest.approx(model.objective(model.parameters_, X, activation="tanh", alpha=0.1), rel=1e-12)
    assert model.loss_curve_[-1] == model.loss_
    assert model.n_iter_ == 40


def test_the_verdict():
    model = Autoencoder(1, alpha=0.5, tol=1e-9, max_iter=3000, random_state=0).fit(X)
    assert model.solution_.kind == "degenerate"  # what one bias adds to the code, the other may take away
    assert model.solution_.certificate.stationarity < 1e-8


def test_a_decoder_of_its_own():
    model = Autoencoder(3, (8, 6), "tanh", decoder_layer_sizes=(7,), max_iter=3, random_state=0).fit(X)
    assert [W.shape for W, _ in model.parameters_["encoder"]] == [(4, 8), (8, 6), (6, 3)]
    assert [W.shape for W, _ in model.parameters_["decoder"]] == [(3, 7), (7, 4)]


def test_what_auto_takes():
    assert Autoencoder(max_iter=2).fit(X)._method == "lbfgs"
    assert Autoencoder(max_iter=2, noise=0.1).fit(X)._method == "adam"
    assert Autoencoder(max_iter=2, variational=True).fit(X)._method == "adam"
    assert Autoencoder(max_iter=2).fit(np.ones((2001, 100)))._method == "adam"
    assert Autoencoder(max_iter=2).fit(X).parameters_["encoder"][0][0].dtype == np.float64
    assert Autoencoder(max_iter=2, solver="adam").fit(X).parameters_["encoder"][0][0].dtype == np.float32


def test_denoising_brings_back_what_was_there_before_the_noise():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 2)) @ rng.normal(size=(2, 20))
    spoilt = rows + rng.normal(size=rows.shape)
    settings = dict(solver="adam", learning_rate="cosine", learning_rate_init=0.01, max_iter=60, random_state=0,
                    alpha=0, tol=0.0, n_iter_no_change=np.inf)  # fmt: skip
    model = Autoencoder(2, noise=1.0, **settings).fit(rows)
    again = model.inverse_transform(model.transform(spoilt))
    assert np.mean((again - rows) ** 2) < 0.2 * np.mean((spoilt - rows) ** 2)


def test_the_noise_is_drawn_as_said():
    model = Autoencoder(2, noise=0.3, variational=True, solver="adam", max_iter=1, random_state=0).fit(X)
    draw = model._drawn(5, np.dtype(np.float32))
    noise, draws = draw(7, 5000)
    assert (noise.shape, draws.shape, noise.dtype) == ((5000, 4), (5000, 2), np.float32)
    assert np.std(noise) == pytest.approx(0.3, rel=0.03)
    assert np.std(draws) == pytest.approx(1.0, rel=0.03)
    np.testing.assert_array_equal(draw(7, 5000)[0], noise)
    assert (draw(8, 5000)[0] != noise).any()


def test_variational_codes_are_held_near_the_normal_distribution():
    rows = scale(X) * 3
    settings = dict(solver="adam", learning_rate_init=0.01, max_iter=400, random_state=0, tol=0.0)
    spread = {}
    for beta in (1.0, 100.0):
        model = Autoencoder(2, (10,), "tanh", variational=True, beta=beta, n_iter_no_change=np.inf, **settings)
        spread[beta] = model.fit(rows).transform(rows).std()
    assert 0.5 < spread[1.0] < 1.5
    assert spread[100.0] < 0.1  # nothing is worth its price
    assert model.transform(rows).shape == (150, 2)


def test_what_it_has_not_seen_has_a_low_score():
    model = Autoencoder(2, random_state=0).fit(X)
    strange = np.array([[5.0, 9.0, -3.0, 2.0]])
    assert model.score_samples(strange)[0] < 10 * model.score_samples(X).min()
    np.testing.assert_allclose(model.score_samples(X), -model.reconstruction_error(X))
    assert model.score(X, sample_weight=np.eye(150)[3]) == pytest.approx(model.score_samples(X)[3])


@pytest.mark.parametrize("settings", [{}, {"noise": 0.1}, {"variational": True}, {"early_stopping": True}], ids=str)
def test_a_training_in_two_parts_is_the_whole_one(settings):
    settings = dict(hidden_layer_sizes=(6,), solver="adam", batch_size=40, random_state=0, **settings)
    whole = Autoencoder(2, max_iter=9, **settings).fit(X)
    part = pickle.loads(pickle.dumps(Autoencoder(2, max_iter=4, **settings).fit(X)))
    part.set_params(max_iter=9).resume(X)
    assert part.loss_curve_ == whole.loss_curve_
    assert part.transform(X).tobytes() == whole.transform(X).tobytes()


def test_early_stopping_keeps_the_best():
    model = Autoencoder(2, solver="adam", early_stopping=True, learning_rate_init=0.05, max_iter=50, random_state=0)
    model.fit(X)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_partial_fit_learns():
    model = Autoencoder(2, learning_rate_init=0.01, random_state=0)
    losses = [model.partial_fit(X).loss_ for _ in range(150)]
    assert losses[-1] < 0.5 * losses[0]
    assert not hasattr(Autoencoder(solver="lbfgs"), "partial_fit")


def test_frames_names_and_pipelines():
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = Autoencoder(2, random_state=0).set_output(transform="pandas").fit(frame)
    codes = model.transform(frame)
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    np.testing.assert_allclose(model.inverse_transform(codes), model.inverse_transform(codes.to_numpy()))
    assert make_pipeline(Autoencoder(2, random_state=0), LogisticRegression()).fit(X, SPECIES).score(X, SPECIES) > 0.9


def test_digits():
    model = Autoencoder(10, (40,), "relu", max_iter=60, learning_rate_init=0.005, random_state=0, solver="adam")
    model.fit(DIGITS)
    mean = np.mean((DIGITS - DIGITS.mean(axis=0)) ** 2)
    assert -model.score(DIGITS) < 0.45 * mean


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_components": 0}, "n_components=0"),
        ({"noise": -1.0}, "noise=-1.0"),
        ({"tied": True, "decoder_layer_sizes": (3,)}, "leave decoder_layer_sizes out"),
        ({"solver": "lbfgs", "noise": 0.1}, "noise=0, variational=False"),
        ({"solver": "newton"}, "solver='newton'"),
        ({"loss": "poisson"}, "loss='poisson'"),
        ({"decoder_layer_sizes": (0,)}, "decoder_layer_sizes must be > 0"),
    ],
)
def test_what_is_wrong_is_named(settings, words):
    with pytest.raises(ArgumentError, match=words):
        Autoencoder(**settings).fit(X)


def test_codes_of_another_width():
    with pytest.raises(ArgumentError, match="3 columns; this autoencoder has 2"):
        Autoencoder(2, max_iter=2).fit(X).inverse_transform(np.ones((1, 3)))
