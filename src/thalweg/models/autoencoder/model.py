r"""The estimator: a transformer whose codes are learnt by reconstruction."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from thalweg.errors import ArgumentError
from thalweg.models.callbacks import watched, with_callbacks
from thalweg.models.network.activations import activation_of
from thalweg.models.network.base import as_double, in_dtype
from thalweg.models.network.flat import Flat
from thalweg.models.network.gradient import Gradient
from thalweg.models.network.layers import penalty
from thalweg.models.network.learner import Learner
from thalweg.models.network.losses import rows_of
from thalweg.models.network.settings import checked, dtype_of, sizes_of

from .codes import decode, encode, parameters_to_begin_with, reconstruction_loss

__all__ = ["Autoencoder"]

#: Up to so many numbers in X, "auto" takes L-BFGS.
SMALL = 200_000


@lru_cache(maxsize=32)
def _gradient_of(activation: Any, loss: Any, delta: float, variational: bool, beta: float) -> Gradient:
    """Value and gradient of ``loss(parameters, X, weights, noise, draws)``."""
    φ, rows = activation_of(activation), rows_of(loss, delta)

    def batch_loss(parameters: Any, X: Any, weights: Any, noise: Any = None, draws: Any = None) -> Any:
        return reconstruction_loss(
            parameters, X, weights, noise, draws, activation=φ, rows=rows, variational=variational, beta=beta
        )

    return Gradient(batch_loss)


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Learner):
    r"""A network that sends rows through a narrow code, and learns to bring them back.

    With ``hidden_layer_sizes=()``, or ``activation="identity"``, it is linear, and its codes span what principal
    component analysis finds.

    Parameters
    ----------
    n_components : int
        The width of the code.
    hidden_layer_sizes : int or sequence of int
        The widths of the layers between the rows and the code.
    activation : str or callable
        Of these layers: 'identity', 'relu', 'tanh', 'logistic', 'softplus', 'gelu', 'swish', or a function.  Code and
        reconstruction have none.
    decoder_layer_sizes : int or sequence of int, optional
        The widths between the code and the reconstruction; by default those of `hidden_layer_sizes`, in reverse.
    tied : bool
        Whether the decoder has the encoder's matrices, transposed.
    noise : float
        σ of the normal noise that is added to what is encoded, while it learns to bring back what was there before.
    variational : bool
        Whether codes are drawn, and held near the standard normal distribution.
    beta : float
        The weight of that.
    loss : str or callable
        'squared_error' (half of it), 'absolute_error', 'huber', or a function ``loss(x, reconstruction)`` that returns
        a number a row, or one a feature.
    solver : {'auto', 'adam', 'adamw', 'sgd', 'lbfgs'}
        'auto' is 'lbfgs' for small data without randomness, and 'adam' for all other.
    alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, \
warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, \
n_iter_no_change, max_fun, weight_decay, initialization, dtype, checkpoint
        As for `NeuralNetworkRegressor`; with early stopping, the network is kept that brings back the rows which were
        set aside best.
    delta : float
        Of Huber's loss.

    Attributes
    ----------
    parameters_ : dict
        What `objective` takes: the layers of "encoder" and "decoder".
    loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_, n_iter_, t_
        As for `NeuralNetworkRegressor`; validation scores are those of `score`.
    n_features_in_, feature_names_in_
        Of the training data.
    solution_ : Solution
        What kind of point the parameters are of the objective over all training rows, in float64.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X = load_iris().data
    >>> autoencoder = Autoencoder(n_components=2, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape, round(float(autoencoder.reconstruction_error(X).mean()), 4)
    ((150, 2), 0.0253)

    References
    ----------
    Hinton & Salakhutdinov, Science 313 (2006).  Baldi & Hornik, Neural Networks 2 (1989).
    Vincent et al., JMLR 11 (2010).  Kingma & Welling, ICLR (2014).
    """

    def __init__(
        self,
        n_components: int = 2,
        hidden_layer_sizes: Any = (),
        activation: Any = "relu",
        *,
        decoder_layer_sizes: Any = None,
        tied: bool = False,
        noise: float = 0.0,
        variational: bool = False,
        beta: float = 1.0,
        loss: Any = "squared_error",
        solver: str = "auto",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        weight_decay: float = 0.01,
        initialization: str = "auto",
        delta: float = 1.0,
        dtype: Any = "auto",
        checkpoint: Any = None,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.decoder_layer_sizes = decoder_layer_sizes
        self.tied = tied
        self.noise = noise
        self.variational = variational
        self.beta = beta
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.weight_decay = weight_decay
        self.initialization = initialization
        self.delta = delta
        self.dtype = dtype
        self.checkpoint = checkpoint

    @staticmethod
    def objective(
        parameters: Any,
        X: Any,
        sample_weight: Any = None,
        *,
        activation: Any = "relu",
        loss: Any = "squared_error",
        alpha: float = 0.0001,
        noise: Any = None,
        variational: bool = False,
        beta: float = 1.0,
        draws: Any = None,
        delta: float = 1.0,
    ) -> Any:
        """Return the mean loss of the reconstructions and the penalty, as one plain function of the parameters.

        Parameters
        ----------
        parameters : dict
            ``{"encoder": [(W, b), …], "decoder": [(W, b), …]}``; with tied weights the decoder's layers are ``(b,)``.
        X : array (rows, features)
        sample_weight : array (rows,), optional
        activation : str or callable
        loss : str or callable
        alpha : float
            The penalty is α/(2n) Σ ‖W‖², n the sum of the weights.
        noise : array (rows, features), optional
            What is added to the rows before they are encoded.
        variational : bool
        beta : float
            The weight of the divergence of a variational code.
        draws : array (rows, components), optional
            Standard normal numbers, for a variational code; by default its mean is decoded.
        delta : float
            Of Huber's loss.

        Examples
        --------
        >>> mean = {"encoder": [(np.full((2, 1), 0.5), np.zeros(1))], "decoder": [(np.ones((1, 2)), np.zeros(2))]}
        >>> float(Autoencoder.objective(mean, np.array([[1.0, 3.0]]), alpha=0))
        1.0
        """
        total = np.shape(X)[0] if sample_weight is None else np.sum(sample_weight)
        found = reconstruction_loss(
            parameters, X, sample_weight, noise, draws, activation=activation_of(activation),
            rows=rows_of(loss, delta), variational=variational, beta=beta,
        )  # fmt: skip
        return found + alpha / total * penalty(parameters)

    # ------------------------------------------------------------------ training

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Autoencoder:
        """Learn codes of rows.

        Parameters
        ----------
        X : array (rows, features)
        y : None
            Not used.
        sample_weight : array (rows,), optional

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            Where a parameter is not what it may be, or the training diverges.
        """
        return self._fit(X, sample_weight, "fit")

    @available_if(lambda self: self._by_batches())
    @with_callbacks
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Autoencoder:
        """Learn for one epoch over these rows; 'auto' is 'adam' here.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
        """
        return self._fit(X, sample_weight, "partial")

    def resume(self, X: Any, y: Any = None, sample_weight: Any = None) -> Autoencoder:
        """Go on with a training that was interrupted, or has reached its `max_iter`.

        What follows is what would have followed without the interruption, bit for bit, if data and parameters are the
        same.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
        """
        return self if self._rests() else self._resume(X, sample_weight)

    @with_callbacks
    def _resume(self, X: Any, sample_weight: Any) -> Autoencoder:
        return self._fit(X, sample_weight, "resume")

    @property
    def _method(self) -> str:
        return getattr(self, "_taken", "adam") if self.solver == "auto" else self.solver

    def _fit(self, X: Any, sample_weight: Any, way: str) -> Autoencoder:
        begun = perf_counter()
        self._checked()
        fresh = not hasattr(self, "parameters_") or (way == "fit" and not self.warm_start)
        given = X
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=fresh)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        if way != "resume":
            certain = not (self.noise or self.variational or self.early_stopping or way == "partial")
            self._taken = "lbfgs" if certain and X.size <= SMALL else "adam"
        dtype = dtype_of(self.dtype, self._method)
        X = in_dtype(X, dtype)
        weights = None if weights is None else np.asarray(weights, dtype)
        random = check_random_state(self.random_state)
        if fresh:
            self._begin(X, weights, random, dtype)
        flat = Flat(self.parameters_, dtype)
        self._evidence = self._solution = None
        gradient = _gradient_of(self.activation, self.loss, self.delta, bool(self.variational), float(self.beta))
        with watched(self, 1 if way == "partial" else self.max_iter, name="epoch", X=given) as watch:
            batches = 1
            if self._method == "lbfgs":
                status, message = self._descend(flat, gradient, (X, weights), weights, watch, fitted=_fitted)
            else:
                trainer, score = self._trainer(
                    flat, gradient, (X, weights), random, way,
                    drawn=self._drawn if self.noise or self.variational else None,
                    divided=lambda random: self._divided(X, weights, random),
                )  # fmt: skip
                status, message = self._learn(trainer, watch, score=score, fitted=_fitted, once=way == "partial")
                X, weights = trainer.arrays
                batches = -(-trainer.rows // trainer.size)
        self._witness(self._whole(X, weights, batches), as_double(self.parameters_), status, message, begun)
        return self

    def _checked(self) -> None:
        checked(self)
        if self.tied and self.decoder_layer_sizes is not None:
            raise ArgumentError("tied=True takes the decoder from the encoder: leave decoder_layer_sizes out.")
        if self.loss == "poisson":
            raise ArgumentError("loss='poisson' predicts logarithms of counts, and a reconstruction is of the rows.")
        if self.solver == "lbfgs" and (self.noise or self.variational):
            raise ArgumentError("solver='lbfgs' sees the same objective at each step: noise=0, variational=False.")
        rows_of(self.loss, self.delta)

    def _begin(self, X: Any, weights: Any, random: np.random.RandomState, dtype: Any) -> None:
        """Draw the parameters to begin with."""
        n, k = X.shape[1], int(self.n_components)
        hidden = sizes_of(self.hidden_layer_sizes)
        back = (
            hidden[::-1]
            if self.decoder_layer_sizes is None
            else sizes_of(self.decoder_layer_sizes, "decoder_layer_sizes")
        )
        self.parameters_ = parameters_to_begin_with(
            [n, *hidden, 2 * k if self.variational else k], [k, *back, n],
            np.average(X, axis=0, weights=weights), random, dtype,
            activation=self.activation, initialization=self.initialization, tied=self.tied,
        )  # fmt: skip
        self._n_features_out = k
        self._new_course()
        self._training = {}

    def _drawn(self, seed: int, dtype: Any) -> Callable[[int, int], tuple[Any, ...]]:
        """Draw noise and codes, for a step and so many rows."""
        features, k = self.n_features_in_, self._n_features_out
        sigma = np.asarray(self.noise, dtype)

        def draw(step: int, rows: int) -> tuple[Any, ...]:
            rng = np.random.default_rng([seed, step])
            noise = sigma * rng.standard_normal((rows, features), dtype) if self.noise else None
            return noise, rng.standard_normal((rows, k), dtype) if self.variational else None

        return draw

    def _divided(
        self, X: Any, weights: Any, random: np.random.RandomState
    ) -> tuple[tuple[Any, ...], Callable[[Any], float]]:
        """The rows to learn from, and the score of the others."""
        arrays = [X] if weights is None else [X, weights]
        parts = train_test_split(*arrays, random_state=random, test_size=self.validation_fraction)
        aside, of_aside = parts[1], None if weights is None else parts[3]

        def score(parameters: Any) -> float:
            return -float(np.average(self._errors(parameters, aside), weights=of_aside))

        return (parts[0], None if weights is None else parts[2]), score

    def _whole(self, X: Any, weights: Any, batches: int) -> Callable[[Any], Any]:
        """The objective over all rows as a function of the parameters alone: without noise, and of the mean code."""
        options = {
            "activation": self.activation, "loss": self.loss, "alpha": self.alpha * batches,
            "variational": self.variational, "beta": self.beta, "delta": self.delta,
        }  # fmt: skip
        double: list[Any] = []

        def loss(parameters: Any) -> Any:
            if not double:
                double.extend((np.asarray(X, float), None if weights is None else np.asarray(weights, float)))
            return Autoencoder.objective(parameters, *double, **options)

        return loss

    # ------------------------------------------------------------------ what it is for

    def transform(self, X: Any) -> Any:
        """Return the codes of rows; of a variational autoencoder their means.

        Parameters
        ----------
        X : array (rows, features)

        Returns
        -------
        array (rows, components)
        """
        check_is_fitted(self)
        return self._codes(self.parameters_, self._rows(X))

    def inverse_transform(self, X: Any) -> Any:
        """Return the rows that codes stand for.

        Parameters
        ----------
        X : array (rows, components)

        Returns
        -------
        array (rows, features)
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float64)
        if codes.shape[1] != self._n_features_out:
            raise ArgumentError(
                f"The codes have {codes.shape[1]} columns; this autoencoder has {self._n_features_out}."
            )
        return decode(as_double(self.parameters_), codes, activation_of(self.activation))

    def reconstruction_error(self, X: Any) -> Any:
        """Return the mean square of the differences between each row and its reconstruction.

        Parameters
        ----------
        X : array (rows, features)

        Returns
        -------
        array (rows,)
        """
        check_is_fitted(self)
        return self._errors(self.parameters_, self._rows(X))

    def score_samples(self, X: Any) -> Any:
        """Return minus the reconstruction error of each row: what the training data have nothing like has a low score.

        Parameters
        ----------
        X : array (rows, features)

        Returns
        -------
        array (rows,)
        """
        return -self.reconstruction_error(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the mean reconstruction error.

        Parameters
        ----------
        X : array (rows, features)
        y : None
            Not used.
        sample_weight : array (rows,), optional

        Returns
        -------
        float
        """
        return float(np.average(self.score_samples(X), weights=sample_weight))

    def _rows(self, X: Any) -> Any:
        return validate_data(self, X, dtype=(np.float64, np.float32), reset=False)

    def _codes(self, parameters: Any, X: Any) -> Any:
        """Codes in double precision: what a row gets does not depend on the rows beside it."""
        codes = encode(as_double(parameters), np.asarray(X, float), activation_of(self.activation))
        return codes[:, : self._n_features_out]

    def _errors(self, parameters: Any, X: Any) -> Any:
        codes = self._codes(parameters, X)
        again = decode(as_double(parameters), codes, activation_of(self.activation))
        return np.mean((again - X) ** 2, axis=1)


def _fitted(parameters: Any) -> dict[str, Any]:
    return {"parameters_": parameters}
