r"""Networks for classes: softmax and cross-entropy, or a logistic output for each yes or no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from thalweg.errors import ArgumentError
from thalweg.models.callbacks import with_callbacks

from .base import Network, network_of
from .layers import mean_loss, penalty
from .losses import LOSSES

__all__ = ["NeuralNetworkClassifier"]


class NeuralNetworkClassifier(ClassifierMixin, Network):
    r"""A network that tells classes apart, by least cross-entropy.

    Parameters and attributes are those of scikit-learn's `MLPClassifier` where there is one of that name; with float64
    and ``solver="sgd"`` the same `random_state` trains the same network.

    Parameters
    ----------
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
        A network of your own, ``architecture(parameters, X) -> (rows, outputs)`` in plain NumPy, before softmax or the
        logistic function; then `hidden_layer_sizes` and `activation` are not used.
    parameters : nested structure of arrays, or callable, optional
        The start for `architecture`, or a function of (X, y) or (X, y, rng) that returns it.
    dtype : {'auto', 'float32', 'float64'}
        What is computed in; 'auto' is float32, and float64 with 'lbfgs'.  Predictions are in float64.
    checkpoint : str or path, optional
        A file that the model is saved to after each epoch, so that a training that is killed can be loaded and resumed.
    class_weight : dict, 'balanced' or None
        Weights of classes, which multiply those of the rows; 'balanced' gives each class the same total.

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
        What makes outputs predictions: 'softmax', or 'logistic' for two classes and for several labels a row.
    n_features_in_, feature_names_in_
        Of the training data.
    solution_ : Solution
        What kind of point the parameters are of the objective over all training rows, in float64.
    classes_ : array
        The labels, in the order of the columns of `predict_proba`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> network = NeuralNetworkClassifier((10,), solver="lbfgs", alpha=1.0, max_iter=1000, random_state=0).fit(X, y)
    >>> network.predict(X[[0, 60, 149]]), network.score(X, y) > 0.95
    (array([0, 1, 2]), True)

    References
    ----------
    Bishop, *Pattern Recognition and Machine Learning* (2006), ch. 5.  Kingma & Ba, *Adam*, ICLR (2015).
    """

    def __init__(
        self,
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
        class_weight: Any = None,
    ) -> None:
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
        self.class_weight = class_weight

    @staticmethod
    def objective(
        parameters: Any,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        activation: Any = "relu",
        alpha: float = 0.0001,
        loss: str = "cross_entropy",
        architecture: Callable[..., Any] | None = None,
    ) -> Any:
        """Return the mean cross-entropy and the penalty, as one plain function of the parameters.

        Parameters
        ----------
        parameters : list of tuples
            ``(W, b)`` of each layer, or what `architecture` takes.
        X : array (rows, features)
        y : array (rows, classes)
            One-hot; for loss='binary' zeros and ones in a column for each label.
        sample_weight : array (rows,), optional
        activation : str or callable
        alpha : float
            The penalty is α/(2n) Σ ‖W‖², n the sum of the weights.
        loss : {'cross_entropy', 'binary'}
        architecture : callable, optional

        Examples
        --------
        >>> X, y = np.eye(2), np.eye(2)
        >>> round(float(NeuralNetworkClassifier.objective([(np.zeros((2, 2)), np.zeros(2))], X, y)), 6)  # log 2
        0.693147
        """
        z = network_of(activation, architecture)(parameters, X)
        total = np.shape(X)[0] if sample_weight is None else np.sum(sample_weight)
        return mean_loss(z, y, sample_weight, LOSSES[loss]) + alpha / total * penalty(parameters)

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralNetworkClassifier:
        """Train the network.

        Parameters
        ----------
        X : array or sparse matrix (rows, features)
        y : array (rows,) of labels, or (rows, labels) of zeros and ones
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> NeuralNetworkClassifier:
        """Train for one epoch over these rows.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array, optional
            All labels that there are; needed in the first call.

        Returns
        -------
        self
        """
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self._settle_labels(unique_labels(y) if type_of_target(y).startswith("multilabel") else classes, y)
        elif classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )
        return self._fit(X, y, sample_weight, "partial")

    @with_callbacks
    def _resume(self, X: Any, y: Any, sample_weight: Any) -> NeuralNetworkClassifier:
        return self._fit(X, y, sample_weight, "resume")

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each row; for several labels a row, which of them it has.

        Parameters
        ----------
        X : array or sparse matrix (rows, features)

        Returns
        -------
        array (rows,) or (rows, labels)
        """
        found = self._predicted(X)
        if self._labels == "multilabel":
            return (found > 0.5).astype(int)
        if found.shape[1] == 1:
            return self.classes_[
                (found[:, 0] > 0.5).astype(int) if len(self.classes_) > 1 else np.zeros(len(found), int)
            ]
        return self.classes_[np.argmax(found, axis=1)]

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : array or sparse matrix (rows, features)

        Returns
        -------
        array (rows, classes)
        """
        found = self._predicted(X)
        if found.shape[1] == 1 and self._labels != "multilabel":
            return np.hstack([1 - found, found])
        return found

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array or sparse matrix (rows, features)

        Returns
        -------
        array (rows, classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _settle_labels(self, classes: Any, y: Any) -> None:
        """Settle which labels there are, and of what kind they are."""
        self._labels = "multilabel" if type_of_target(y).startswith("multilabel") else "classes"
        self.classes_ = np.arange(np.shape(y)[1]) if self._labels == "multilabel" else unique_labels(classes)
        several = self._labels == "classes" and len(self.classes_) > 2
        self.out_activation_ = "softmax" if several else "logistic"

    @property
    def loss(self) -> str:
        """The loss by its name: cross-entropy over the classes, or for each label."""
        return "binary" if getattr(self, "out_activation_", "") == "logistic" else "cross_entropy"

    def _targets(self, X: Any, y: Any, *, first: bool, partial: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr"], multi_output=True, dtype=(np.float64, np.float32),
            reset=first or not hasattr(self, "n_features_in_"),
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if first and not (partial and hasattr(self, "classes_")):
            self._settle_labels(unique_labels(y), y)
        if type_of_target(y).startswith("multilabel") != (self._labels == "multilabel"):
            raise ArgumentError(
                f"y is of the kind {type_of_target(y)!r}, and the network was trained on {self._labels}."
            )
        if self._labels == "multilabel":
            return X, np.asarray(y.toarray() if hasattr(y, "toarray") else y) != 0
        found = unique_labels(y)
        unknown = np.setdiff1d(found, self.classes_)
        if len(unknown):
            raise ArgumentError(
                f"`y` has classes not in `self.classes_`: {unknown}. `self.classes_` has {self.classes_}."
            )
        if self.warm_start and not first and not partial and len(found) != len(self.classes_):
            raise ArgumentError(
                f"warm_start needs the same classes as before: {self.classes_}; `y` has {found}. Call fit with "
                "warm_start=False, or partial_fit."
            )
        codes = np.searchsorted(self.classes_, y)
        if len(self.classes_) <= 2:
            return X, (codes == 1)[:, None]
        return X, codes[:, None] == np.arange(len(self.classes_))

    def _row_weights(self, y: Any, weights: Any) -> Any:
        if self.class_weight is None:
            return weights
        of_classes = compute_sample_weight(self.class_weight, y)
        return of_classes if weights is None else weights * of_classes

    def _stratified(self) -> bool:
        return True

    def _validation_score(self, z: Any, Y: Any, weights: Any) -> float:
        if self._labels == "multilabel" or z.shape[1] == 1:
            return float(accuracy_score(Y > 0.5, z > 0, sample_weight=weights))
        return float(accuracy_score(np.argmax(Y, axis=1), np.argmax(z, axis=1), sample_weight=weights))

    def _options(self) -> dict[str, Any]:
        return {"activation": self.activation, "loss": self.loss, "architecture": self.architecture}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
