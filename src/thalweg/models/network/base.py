r"""What networks for classes and for numbers have in common: data and start, training, the verdict, prediction."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from thalweg.errors import ArgumentError
from thalweg.models.callbacks import watched
from thalweg.tracing import tree

from .activations import activation_of
from .explanation import Backpropagation, explained
from .flat import Flat
from .gradient import Gradient
from .layers import forward, mean_loss, start, statistics
from .learner import Learner
from .losses import LINKS, rows_of
from .settings import checked, dtype_of, sizes_of
from .trainer import cut, is_sparse

__all__ = ["Network", "as_double", "gradient_of", "in_dtype", "network_of"]

#: Rows that are predicted at once, and rows at most that the moments of batch normalization are taken over.
BLOCK, MANY = 4096, 16384


def network_of(activation: Any, architecture: Callable[..., Any] | None) -> Callable[..., Any]:
    """Return ``network(parameters, X, masks=None, moments=None)``, whose result has two axes."""
    if architecture is None:
        φ = activation_of(activation)
        return lambda parameters, X, masks=None, moments=None: forward(parameters, X, φ, masks, moments)

    def network(parameters: Any, X: Any, masks: Any = None, moments: Any = None) -> Any:
        z = architecture(parameters, X)
        return z if np.ndim(z) == 2 else np.reshape(z, (-1, 1))

    return network


@lru_cache(maxsize=32)
def gradient_of(activation: Any, loss: Any, delta: float, architecture: Any) -> Gradient:
    """Return value and gradient of ``loss(parameters, X, y, weights, masks)``."""
    network, rows = network_of(activation, architecture), rows_of(loss, delta)

    def batch_loss(parameters: Any, X: Any, y: Any, weights: Any, masks: Any = None) -> Any:
        return mean_loss(network(parameters, X, masks), y, weights, rows)

    return Gradient(batch_loss)


class Network(Learner):
    """The base of `NeuralNetworkClassifier` and `NeuralNetworkRegressor`."""

    loss: Any
    delta: float = 1.0
    hidden_layer_sizes: Any
    activation: Any
    random_state: Any
    warm_start: bool
    validation_fraction: float
    dropout: float
    batch_normalization: bool
    initialization: str
    architecture: Callable[..., Any] | None
    parameters: Any
    dtype: Any
    objective: Callable[..., Any]
    out_activation_: str

    # ------------------------------------------------------------------ what the two differ in

    def _targets(self, X: Any, y: Any, *, first: bool, partial: bool) -> tuple[Any, Any]:
        """Return X and y, checked, and y as an array (rows, outputs)."""
        raise NotImplementedError

    def _validation_score(self, z: Any, Y: Any, weights: Any) -> float:
        """Return the score of outputs against targets."""
        raise NotImplementedError

    def _row_weights(self, y: Any, weights: Any) -> Any:
        """Return the weights of rows, those of their classes included."""
        return weights

    # ------------------------------------------------------------------ training

    def _fit(self, X: Any, y: Any, sample_weight: Any, way: str) -> Any:
        """Train: from the start ("fit"), by one epoch more ("partial"), or on from where it was left ("resume")."""
        begun = perf_counter()
        self._checked()
        fresh = not hasattr(self, "parameters_") or (way == "fit" and not self.warm_start)
        partial = way == "partial"
        given_X, given_y = X, y
        X, Y = self._targets(X, y, first=fresh, partial=partial)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        weights = self._row_weights(given_y, weights)
        dtype = dtype_of(self.dtype, self.solver)
        X, Y = in_dtype(X, dtype), np.ascontiguousarray(Y, dtype=dtype)
        weights = None if weights is None else np.asarray(weights, dtype)
        if weights is not None and not weights.sum() > 0:
            raise ArgumentError("The sample weights add up to 0: at least one row must count.")
        random = check_random_state(self.random_state)
        if fresh:
            self._begin(X, Y, random, dtype)
        elif Y.shape[1] != self.n_outputs_:
            raise ArgumentError(f"y has {Y.shape[1]} outputs, and the network was trained for {self.n_outputs_}.")
        flat = Flat(self.parameters_, dtype)
        self._evidence = self._solution = None
        limit = 1 if partial else self.max_iter
        with watched(self, limit, name="epoch", X=given_X, y=given_y, sample_weight=sample_weight) as watch:
            if self.solver == "lbfgs":
                arrays = (X.toarray() if is_sparse(X) else X, Y, weights)
                status, message = self._descend(
                    flat, self._gradient(), arrays, weights, watch, fitted=lambda p: self._fitted(p, X)
                )
                batches = 1
            else:
                trainer, score = self._trainer(
                    flat, self._gradient(), (X, Y, weights), random, way,
                    drawn=self._masks if self.dropout else None,
                    divided=lambda random: self._set_aside(X, Y, weights, random),
                )  # fmt: skip
                status, message = self._learn(
                    trainer, watch, score=score, fitted=lambda p: self._fitted(p, X), once=partial
                )
                X, Y, weights = trainer.arrays
                batches = -(-trainer.rows // trainer.size)
        if not all(np.isfinite(p).all() for p in tree.flatten(self.parameters_)[0]):
            raise ArgumentError("The training ended at parameters that are not finite: scale the features.")
        self._witness(self._whole(X, Y, weights, batches), as_double(self.parameters_), status, message, begun)
        return self

    def _checked(self) -> None:
        checked(self)
        sizes_of(self.hidden_layer_sizes)
        own = self.architecture is not None
        if own and (self.dropout or self.batch_normalization):
            raise ArgumentError("dropout and batch_normalization belong to hidden_layer_sizes, not to architecture=.")
        if own and self.parameters is None:
            raise ArgumentError("architecture= needs parameters=, a start, or a function of (X, y) that returns one.")
        if self.solver == "lbfgs" and self.dropout:
            raise ArgumentError("solver='lbfgs' sees the same objective at each step, and dropout=0 only.")

    def _begin(self, X: Any, Y: Any, random: np.random.RandomState, dtype: Any) -> None:
        """Draw the parameters to begin with."""
        self.n_outputs_ = Y.shape[1]
        self.moments_ = None
        if self.architecture is None:
            sizes = [X.shape[1], *sizes_of(self.hidden_layer_sizes), self.n_outputs_]
            self.parameters_ = start(
                sizes, random, dtype, initialization=self.initialization, activation=self.activation,
                normalized=self.batch_normalization,
            )  # fmt: skip
            self.n_layers_ = len(sizes)
        else:
            self.parameters_ = _given(self.parameters, X, Y, random)
            shape = np.shape(network_of(None, self.architecture)(self.parameters_, cut(X, slice(0, 2))))
            if shape[1:] != (self.n_outputs_,):
                raise ArgumentError(
                    f"The architecture returns the shape {shape} for 2 rows, and the targets have {self.n_outputs_} "
                    f"outputs a row: return an array of shape (rows, {self.n_outputs_})."
                )
        self._new_course()
        self._training = {}

    def _gradient(self) -> Gradient:
        return gradient_of(self.activation, self.loss, float(self.delta), self.architecture)

    def _set_aside(
        self, X: Any, Y: Any, weights: Any, random: np.random.RandomState
    ) -> tuple[tuple[Any, ...], Callable[[Any], float]]:
        """Divide the rows, and return those to learn from, and the score of the others."""
        stratify = Y if self._stratified() and self.n_outputs_ == 1 else None
        arrays = [X, Y] if weights is None else [X, Y, weights]
        parts = train_test_split(*arrays, random_state=random, test_size=self.validation_fraction, stratify=stratify)
        kept, aside = parts[::2], parts[1::2]
        if aside[0].shape[0] < 2:
            raise ArgumentError("The validation set is too small: raise validation_fraction, or give more rows.")

        def score(parameters: Any) -> float:
            z = self._outputs(parameters, aside[0], self._moments(parameters, kept[0]))
            if not np.isfinite(z).all():
                return float("nan")
            return self._validation_score(z, aside[1], aside[2] if weights is not None else None)

        return (kept[0], kept[1], kept[2] if weights is not None else None), score

    def _stratified(self) -> bool:
        return False

    def _masks(self, seed: Any, dtype: Any) -> Callable[[int, int], tuple[Any, ...]]:
        """Draw what the hidden outputs are multiplied by, for a step and so many rows."""
        keep, widths = 1.0 - self.dropout, sizes_of(self.hidden_layer_sizes)

        def draw(step: int, rows: int) -> tuple[Any, ...]:
            rng = np.random.default_rng([seed, step])
            factor = np.asarray(1.0 / keep, dtype)
            return ([(rng.random((rows, width), np.float32) < keep) * factor for width in widths],)

        return draw

    def resume(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Go on with a training that was interrupted, or has reached its `max_iter`.

        What follows is what would have followed without the interruption, bit for bit: also in another process, with a
        model that was saved and loaded, if data and parameters are the same.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`, and the same.

        Returns
        -------
        self

        Examples
        --------
        >>> import warnings; warnings.simplefilter("ignore")
        >>> X, y = np.arange(20.0).reshape(10, 2) / 20, np.arange(10) % 2
        >>> from thalweg.models.network import NeuralNetworkClassifier
        >>> whole = NeuralNetworkClassifier((5,), max_iter=7, random_state=0).fit(X, y)
        >>> parts = NeuralNetworkClassifier((5,), max_iter=3, random_state=0).fit(X, y)
        >>> parts = parts.set_params(max_iter=7).resume(X, y)
        >>> bool((parts.coefs_[0] == whole.coefs_[0]).all())
        True
        """
        return self if self._rests() else self._resume(X, y, sample_weight)

    # ------------------------------------------------------------------ what is left of it

    @property
    def coefs_(self) -> list[Any]:
        """The weights of each layer."""
        return [layer[0] for layer in self._layers()]

    @property
    def intercepts_(self) -> list[Any]:
        """The biases of each layer."""
        return [layer[1] for layer in self._layers()]

    def _layers(self) -> Any:
        if not hasattr(self, "n_layers_"):
            raise AttributeError("There are no layers before fit, nor in a network that is a function of your own.")
        return self.parameters_

    def _fitted(self, parameters: Any, X: Any) -> dict[str, Any]:
        return {"parameters_": parameters, "moments_": self._moments(parameters, X)}

    def _moments(self, parameters: Any, X: Any) -> Any:
        """Mean and variance of the sums of hidden layers, for batch normalization."""
        if self.architecture is not None or not self.batch_normalization:
            return None
        rows = slice(None, None, -(-X.shape[0] // MANY))
        return statistics(as_double(parameters), _dense(X[rows]), activation_of(self.activation))

    def _outputs(self, parameters: Any, X: Any, moments: Any) -> Any:
        """Outputs before the link, in double precision: what a row gets does not depend on the rows beside it."""
        parameters, network = as_double(parameters), network_of(self.activation, self.architecture)
        blocks = [
            np.asarray(network(parameters, _dense(X[first : first + BLOCK]), None, moments))
            for first in range(0, max(X.shape[0], 1), BLOCK)
        ]
        return np.concatenate(blocks)

    def _predicted(self, X: Any) -> Any:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr"], dtype=(np.float64, np.float32), reset=False)
        return LINKS[self.out_activation_](self._outputs(self.parameters_, X, self.moments_))

    def _whole(self, X: Any, Y: Any, weights: Any, batches: int) -> Callable[[Any], Any]:
        """The objective that the batches have in the mean, as a function of the parameters alone."""
        objective, options = type(self).objective, self._options()
        options["alpha"] = self.alpha * batches
        double: list[Any] = []

        def loss(parameters: Any) -> Any:
            if not double:
                double.extend(
                    (_dense(X), np.asarray(Y, float), None if weights is None else np.asarray(weights, float))
                )
            return objective(parameters, *double, **options)

        return loss

    def _options(self) -> dict[str, Any]:
        """The settings of the objective."""
        raise NotImplementedError

    def explain_backpropagation(self, X: Any, y: Any) -> Backpropagation:
        """Show the chain rule, layer by layer, with the numbers of this network on these rows.

        Parameters
        ----------
        X : array (rows, features)
        y : array (rows,) or (rows, outputs)

        Returns
        -------
        Backpropagation
            Printing it shows the steps; `deltas`, `outputs` and `gradients` hold the arrays.
        """
        check_is_fitted(self)
        if self.architecture is not None:
            raise ArgumentError(
                "A network that is a function of your own has no layers to show; tw.grad has its chain rule."
            )
        X, Y = self._targets(X, y, first=False, partial=True)
        rows = rows_of(self.loss, self.delta)
        return explained(
            as_double(self.parameters_), _dense(X), np.asarray(Y, float), activation_of(self.activation), rows,
            self.activation if isinstance(self.activation, str) else getattr(self.activation, "__name__", "φ"),
            self.moments_,
        )  # fmt: skip

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def in_dtype(X: Any, dtype: Any) -> Any:
    """Return X in the dtype to compute in; where it does not fit, the place is named."""
    X = csr_array(X) if is_sparse(X) else X
    with np.errstate(over="ignore"):
        found = X.astype(dtype, copy=False)
    if is_sparse(found):
        return found
    found = np.ascontiguousarray(found)
    if found.dtype != X.dtype and not np.isfinite(found).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(found))[0])
        raise ArgumentError(
            f"X[{row}, {column}] = {X[row, column]:g} is too large for {dtype.name}: scale the features, or say "
            "dtype='float64'."
        )
    return found


def _dense(X: Any) -> Any:
    return np.asarray(X.toarray() if is_sparse(X) else X, dtype=np.float64)


def as_double(parameters: Any) -> Any:
    """Return nested parameters in double precision."""
    leaves, structure = tree.flatten(parameters)
    return tree.unflatten(structure, [np.asarray(leaf, dtype=np.float64) for leaf in leaves])


def _given(parameters: Any, X: Any, Y: Any, random: np.random.RandomState) -> Any:
    """A start of the user's own: itself, or what their function of (X, y), or (X, y, rng), returns."""
    if not callable(parameters):
        return parameters
    try:
        count = len(inspect.signature(parameters).parameters)
    except (TypeError, ValueError):
        count = 2
    if count > 2:
        return parameters(X, Y, np.random.default_rng(int(random.randint(2**31 - 1))))
    return parameters(X, Y)
