r"""Networks for numbers: squared, absolute, Huber's and Poisson's loss, or one of your own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from thalweg.errors import ArgumentError
from thalweg.models.callbacks import with_callbacks

from .base import Network, network_of
from .layers import mean_loss, penalty
from .losses import LINKS, rows_of

__all__ = ["NeuralNetworkRegressor"]


class NeuralNetworkRegressor(RegressorMixin, Network):
    r"""A network that predicts numbers.

    Parameters and attributes are those of scikit-learn's `MLPRegressor` where there is one of that name; with float64
    and ``solver="sgd"`` the same `random_state` trains the same network.

    Parameters
    ----------
    loss : str or callable
        'squared_error' (half of it), 'absolute_error', 'huber', 'poisson' (counts; the network predicts their mean as
        e^output), or a function ``loss(y, prediction)`` that returns a number a row, or one an output.
    hidden_layer_sizes : int or sequence of int
        The width of each hidden layer; ``()`` for none.
    activation : str or callable
        'identity', 'relu', 'tanh', 'logistic', 'softplus', 'gelu', 'swish', or a function that works on each number of
        an array.
    solver : {'adam', 'adamw', 'sgd', 'lbfgs'}
        'lbfgs' sees all rows at each step, in float64: for small data.
    alpha : float
        The penalty α/(2n) Σ ‖W‖², n the rows of a batch.
    batch_size : int or 'auto'
        'auto' is 200, or all rows where there are fewer.
    learning_rate : str or callable
        'constant'; 'invscaling': after each epoch `learning_rate_init` / (rows seen + 1)^`power_t`; 'adaptive': a fifth
        whenever the loss stands still; 'cosine': down to 0 over `max_iter` epochs; or a function from the number of a
        step to its rate, such as `thalweg.optimize.schedules.Warmup`.
    learning_rate_init : float
    power_t : float
    max_iter : int
        Epochs at most; iterations with 'lbfgs'.
    shuffle : bool
        Whether the rows are put in a new order for each epoch.
    random_state : int, RandomState or None
        Decides start, orders, masks and which rows are set aside.  With an int every training comes out the same,
        whatever the number of threads.
    tol : float
        The least improvement that counts; with 'lbfgs' how small the gradient is to be.
    verbose : bool
        Whether a line is printed after each epoch.
    warm_start : bool
        Whether `fit` begins where the last one ended, with a new optimizer.
    momentum : float
        Of 'sgd'.
    nesterovs_momentum : bool
        Of 'sgd'.
    early_stopping : bool
        Whether some rows are set aside, and the network is kept that does best on them.
    validation_fraction : float
        Which part of the rows.
    beta_1, beta_2, epsilon : float
        Of 'adam' and 'adamw'.
    n_iter_no_change : int
        Epochs without improvement after which the training ends.
    max_fun : int
        Evaluations at most, of 'lbfgs'.
    weight_decay : float
        Of 'adamw': what each step takes off all parameters, in proportion to the learning rate.
    dropout : float
        The share of hidden outputs that are left out at each step.
    batch_normalization : bool
        Whether the sums of hidden layers are normalized over the batch, and by the moments of the training data when
        predicting.
    initialization : {'auto', 'glorot', 'he'}
        'auto' draws as scikit-learn does.
    architecture : callable, optional
        A network of your own, ``architecture(parameters, X) -> (rows, outputs)`` in plain NumPy; then
        `hidden_layer_sizes` and `activation` are not used.
    parameters : nested structure of arrays, or callable, optional
        The start for `architecture`, or a function of (X, y) or (X, y, rng) that returns it.
    dtype : {'auto', 'float32', 'float64'}
        What is computed in; 'auto' is float32, and float64 with 'lbfgs'.  Predictions are in float64.
    checkpoint : str or path, optional
        A file that the model is saved to after each epoch, so that a training that is killed can be loaded and resumed.
    delta : float
        Where Huber's loss goes over from squares to straight lines.

    Attributes
    ----------
    parameters_ : list of tuples, or nested structure of arrays
        What `objective` takes: ``(W, b)`` of each layer, ``(W, b, γ, β)`` with batch normalization.
    coefs_, intercepts_ : list of array
        The same by kind.
    loss_, best_loss_ : float
        Of the last epoch, and the least; the latter is None with early stopping.
    loss_curve_ : list of float
        The objective in each epoch, as the mean over its batches while they were learnt from.
    validation_scores_ : list of float or None
        The score of the rows that were set aside, after each epoch.
    best_validation_score_ : float or None
    n_iter_, t_ : int
        Epochs, and rows that were learnt from.
    n_layers_, n_outputs_ : int
        Input and output layers count.
    out_activation_ : str
        What makes outputs predictions: 'identity', or 'exp' with loss='poisson'.
    n_features_in_, feature_names_in_
        Of the training data.
    solution_ : Solution
        What kind of point the parameters are of the objective over all training rows, in float64.

    Examples
    --------
    >>> X = np.linspace(-3, 3, 200)[:, None]
    >>> network = NeuralNetworkRegressor(
    ...     hidden_layer_sizes=(20,), activation="tanh", solver="lbfgs", max_iter=2000, random_state=0
    ... ).fit(X, np.sin(X[:, 0]))
    >>> bool(abs(network.predict([[np.pi / 2]])[0] - 1) < 0.02)
    True

    References
    ----------
    Bishop, *Pattern Recognition and Machine Learning* (2006), ch. 5.  Kingma & Ba, *Adam*, ICLR (2015).
    """

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
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
        dropout: float = 0.0,
        batch_normalization: bool = False,
        initialization: str = "auto",
        architecture: Callable[..., Any] | None = None,
        parameters: Any = None,
        dtype: Any = "auto",
        checkpoint: Any = None,
        delta: float = 1.0,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
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
        self.dropout = dropout
        self.batch_normalization = batch_normalization
        self.initialization = initialization
        self.architecture = architecture
        self.parameters = parameters
        self.dtype = dtype
        self.checkpoint = checkpoint
        self.delta = delta

    @staticmethod
    def objective(
        parameters: Any,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        loss: Any = "squared_error",
        activation: Any = "relu",
        alpha: float = 0.0001,
        delta: float = 1.0,
        architecture: Callable[..., Any] | None = None,
    ) -> Any:
        """Return the mean loss and the penalty, as one plain function of the parameters.

        Parameters
        ----------
        parameters : list of tuples
            ``(W, b)`` of each layer, or what `architecture` takes.
        X : array (rows, features)
        y : array (rows,) or (rows, outputs)
        sample_weight : array (rows,), optional
        loss : str or callable
        activation : str or callable
        alpha : float
            The penalty is α/(2n) Σ ‖W‖², n the sum of the weights.
        delta : float
            Of Huber's loss.
        architecture : callable, optional

        Examples
        --------
        >>> layers = [(np.array([[2.0]]), np.zeros(1))]
        >>> NeuralNetworkRegressor.objective(layers, np.array([[1.0], [2.0]]), np.array([2.0, 5.0]), alpha=0)
        np.float64(0.25)
        """
        z = network_of(activation, architecture)(parameters, X)
        total = np.shape(X)[0] if sample_weight is None else np.sum(sample_weight)
        return mean_loss(z, np.reshape(y, np.shape(z)), sample_weight, rows_of(loss, delta)) + alpha / total * penalty(
            parameters
        )

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralNetworkRegressor:
        """Train the network.

        Parameters
        ----------
        X : array or sparse matrix (rows, features)
        y : array (rows,) or (rows, outputs)
        sample_weight : array (rows,), optional

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            Where a parameter is not what it may be, or the training diverges.
        """
        return self._fit(X, y, sample_weight, "fit")

    @available_if(lambda self: self._by_batches())
    @with_callbacks
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralNetworkRegressor:
        """Train for one epoch over these rows.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, "partial")

    @with_callbacks
    def _resume(self, X: Any, y: Any, sample_weight: Any) -> NeuralNetworkRegressor:
        return self._fit(X, y, sample_weight, "resume")

    def predict(self, X: Any) -> Any:
        """Return the prediction for each row.

        Parameters
        ----------
        X : array or sparse matrix (rows, features)

        Returns
        -------
        array (rows,) or (rows, outputs)
        """
        found = self._predicted(X)
        return found[:, 0] if found.shape[1] == 1 else found

    def _targets(self, X: Any, y: Any, *, first: bool, partial: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr"], multi_output=True, y_numeric=True, dtype=(np.float64, np.float32),
            reset=first,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if first:
            rows_of(self.loss, self.delta)
            self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        if self.loss == "poisson" and (low := np.flatnonzero(np.min(y.reshape(len(y), -1), axis=1) < 0)).size:
            raise ArgumentError(f"loss='poisson' is for counts, and row {low[0]} of y is negative.")
        return X, y[:, None] if y.ndim == 1 else y

    def _validation_score(self, z: Any, Y: Any, weights: Any) -> float:
        return float(r2_score(Y, LINKS[self.out_activation_](z), sample_weight=weights))

    def _options(self) -> dict[str, Any]:
        return {
            "activation": self.activation,
            "loss": self.loss,
            "delta": self.delta,
            "architecture": self.architecture,
        }
