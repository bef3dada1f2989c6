r"""An estimator of scikit-learn's from a loss: what fits, whatever is learned.

The trained parameters are a minimum of the mean of the loss over the rows,

    θ* = argmin  Σᵢ wᵢ ℓ(θ, xᵢ, yᵢ) / Σᵢ wᵢ,          w = 1 without sample weights,

free, between bounds, or under constraints.  A loss that returns one number is taken as it is.  Everything that is not
mathematics, scikit-learn's contract, stands here once: checks of the data, classes, weights, settings, warm starts.

References
----------
scikit-learn, *Developing scikit-learn estimators*.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from thalweg.errors import ArgumentError
from thalweg.execution.tiers import reproducible
from thalweg.optimize import Batches, minimize
from thalweg.optimize.solution import Solution, Status
from thalweg.optimize.stochastic.engine import EPOCHS

from .callbacks import CallbackSupport, watched, with_callbacks
from .recipe import Recipe

__all__ = ["BASES", "FromLoss"]


#: Evaluations of a run whose length is not limited, as an expectation.
CALLS = 50


class FromLoss(CallbackSupport, BaseEstimator):
    """What all estimators that are made from a loss share; `thalweg.estimator` makes a class of it.

    Attributes
    ----------
    parameters_ : nested structure of arrays
        The trained parameters, in the nesting of the start.
    solution_ : Solution
        The minimum that they are: kind, certificate, multipliers, status.
    loss_curve_ : list of float
        The objective at each iteration.
    n_iter_ : int
        Iterations of the method.
    classes_ : array
        Of a classifier: the labels, in the order of the indices that the loss is given.
    labels_ : array
        Of a clustering: the cluster of each training row.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    _recipe: ClassVar[Recipe]
    # the settings, given by the constructor that `estimator` writes
    method: str
    options: Mapping[str, Any] | None
    batches: int | None
    tol: float
    max_iter: int | None
    time_limit: float | None
    starts: int
    warm_start: bool
    random_state: Any
    verbose: bool
    solution_: Solution

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        recipe, given = self._recipe, y
        X, y = self._checked(X, y)
        weights = self._weights(X, sample_weight)
        settings = {name: getattr(self, name) for name in recipe.settings}
        start = self._start(X, y)
        rows = (X, y) if recipe.takes_y else (X,)
        objective = _mean(recipe, settings, weights is not None)
        data = rows if weights is None else (*rows, weights)
        with watched(self, self.max_iter, X=X, y=given, sample_weight=sample_weight) as watch:

            def seen(state: Any) -> bool:
                return state.iteration > 0 and watch.step(lambda: {"parameters_": state.x})

            with reproducible(self._calls(len(X))):
                solution = self._minimized(objective, start, data, seen)
        self.solution_ = solution
        self.parameters_ = solution.x
        self.n_iter_ = max(solution.iterations, 1)
        self.loss_curve_ = [float(value) for value in solution.history.value]
        self._say(solution)
        if recipe.kind == "cluster":
            self.labels_ = self._cluster(X)
        elif recipe.kind == "transformer":
            self._n_features_out = self._apply(recipe.predict, X[:1]).shape[1]
        return self

    def _minimized(
        self, objective: Callable[..., Any], start: Any, data: tuple[Any, ...], seen: Callable[[Any], bool]
    ) -> Solution:
        recipe = self._recipe
        options: dict[str, Any] = {"tol": self.tol, "time_limit": self.time_limit, **(self.options or {})}
        method = self.method
        if self.batches is None:
            options |= {"bounds": recipe.bounds, "subject_to": recipe.subject_to, "max_iterations": self.max_iter}
            options["starts"] = self.starts
            return minimize(
                lambda p: objective(p, *data), start, method=method, callback=seen, progress=self.verbose, **options
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        batches = Batches(*data, size=self.batches, seed=seed)
        if self.max_iter is not None:
            options["epochs"] = self.max_iter
        method = "adam" if method == "auto" else method
        return minimize(
            objective, start, method=method, batches=batches, bounds=recipe.bounds, subject_to=recipe.subject_to,
            callback=lambda state: bool(np.isfinite(state.residual)) and seen(state), progress=self.verbose, **options,
        )  # fmt: skip

    def _calls(self, rows: int) -> int:
        """How often the loss will be evaluated, roughly."""
        if self.batches is None:
            return CALLS if self.max_iter is None else self.max_iter
        return (EPOCHS if self.max_iter is None else self.max_iter) * -(-rows // self.batches)

    # ------------------------------------------------------------------ the data

    def _checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        recipe = self._recipe
        if recipe.kind not in ("regressor", "classifier"):
            X = validate_data(self, X, dtype=[np.float64, np.float32])
            if not recipe.takes_y:
                return X, None
            if y is None:
                raise ArgumentError(f"The loss {recipe.name} takes y: give it to fit(X, y).")
            return X, np.asarray(y)
        if recipe.kind == "classifier":
            X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
            check_classification_targets(y)
            self.classes_, indices = np.unique(column_or_1d(y, warn=True), return_inverse=True)
            return X, indices
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True)
        y = np.asarray(y, dtype=np.float64)
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _weights(self, X: Any, sample_weight: Any) -> Any:
        """Weights whose mean is 1; None without any."""
        if sample_weight is None:
            return None
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        total = weights.sum()
        return weights * (weights.size / total)

    def _start(self, X: Any, y: Any) -> Any:
        recipe = self._recipe
        if self.warm_start and hasattr(self, "parameters_"):
            return self.parameters_
        if recipe.parameters is None:
            raise ArgumentError(
                f"No start for the parameters of {recipe.name}: give estimator(…, parameters=…) an array, a dict of "
                "arrays, or a function of (X, y) that returns one."
            )
        if not callable(recipe.parameters):
            return recipe.parameters
        rng = np.random.default_rng(int(check_random_state(self.random_state).randint(2**31 - 1)))
        return recipe.parameters(*(X, y, rng)[: recipe.start_arguments])

    def _say(self, solution: Solution) -> None:
        """Warn where the run did not end at a minimum; the best parameters are kept."""
        expected = self.batches is not None and solution.status is Status.ITERATION_LIMIT  # so many epochs were asked
        if not solution.success and not expected:
            warnings.warn(f"{type(self).__name__}: {solution.message}", ConvergenceWarning, stacklevel=4)

    # ------------------------------------------------------------------ what a trained one says

    def _apply(self, function: Callable[..., Any], X: Any) -> Any:
        found = np.asarray(function(self.parameters_, X))
        if found.ndim == 0 or found.shape[0] != X.shape[0]:
            raise ArgumentError(
                f"{getattr(function, '__name__', 'predict')} must return a row for each row of X: for {X.shape[0]} "
                f"rows its result has the shape {found.shape}."
            )
        return found

    def _seen_data(self, X: Any) -> Any:
        check_is_fitted(self, "parameters_")
        return validate_data(self, X, dtype=[np.float64, np.float32], reset=False)

    def _cluster(self, X: Any) -> Any:
        found = self._apply(self._recipe.predict, X)
        if found.ndim == 2:
            return found.argmax(axis=1)
        return found.astype(np.int64)

    def _mean_loss(self, X: Any, y: Any) -> float:
        recipe = self._recipe
        settings = {name: getattr(self, name) for name in recipe.settings}
        rows = (X, y) if recipe.takes_y else (X,)
        return float(_mean(recipe, settings, False)(self.parameters_, *rows))


class _Supervised(FromLoss):
    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Find the parameters of least mean loss.

        Parameters
        ----------
        X : array or frame of shape (n, features)
        y : array of shape (n,) or, for numbers, (n, targets)
        sample_weight : array of shape (n,), optional
            Needs a loss that returns a value for each row.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight)


class _Unsupervised(FromLoss):
    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Find the parameters of least mean loss.

        Parameters
        ----------
        X : array or frame of shape (n, features)
        y : array of n rows, optional
            For a loss that takes one.
        sample_weight : array of shape (n,), optional
            Needs a loss that returns a value for each row.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean loss over these rows with its sign turned: more is better."""
        X = self._seen_data(X)
        return -self._mean_loss(X, y)


class LossRegressor(RegressorMixin, _Supervised):
    """Numbers from a loss."""

    def predict(self, X: Any) -> Any:
        """Return the prediction for each row of X."""
        X = self._seen_data(X)
        return self._apply(self._recipe.predict, X)


class LossClassifier(ClassifierMixin, _Supervised):
    """Classes from a loss."""

    def predict(self, X: Any) -> Any:
        """Return the class of each row of X."""
        X = self._seen_data(X)
        found = self._apply(self._recipe.predict, X)
        if found.ndim == 2:
            chosen = found.argmax(axis=1)
        elif np.issubdtype(found.dtype, np.floating):
            chosen = (found > 0.5).astype(np.int64)
        else:
            chosen = found.astype(np.int64)
        if chosen.size and not (0 <= chosen.min() and chosen.max() < self.classes_.size):
            raise ArgumentError(
                f"predict named the class {int(chosen.max())}; there are {self.classes_.size} classes, from 0."
            )
        return self.classes_[chosen]

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class for each row of X, (n, classes)."""
        X = self._seen_data(X)
        found = self._apply(self._recipe.predict, X)
        if not np.issubdtype(found.dtype, np.floating):
            raise ArgumentError("predict of this estimator returns class indices, so there are no probabilities.")
        if found.ndim == 1:
            found = np.stack([1 - found, found], axis=1)
        low, sums = float(found.min(initial=0.0)), found.sum(axis=1)
        if low < 0 or np.abs(sums - 1).max(initial=0.0) > 1e-6:
            raise ArgumentError(
                "predict of this estimator returns scores that are no probabilities (not in [0, 1], or not adding up "
                "to 1); let it return the softmax or the logistic function of them."
            )
        return found


class LossTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Unsupervised):
    """New features from a loss."""

    def transform(self, X: Any) -> Any:
        """Return the new features, (n, new features)."""
        X = self._seen_data(X)
        found = self._apply(self._recipe.predict, X)
        return found[:, np.newaxis] if found.ndim == 1 else found

    def inverse_transform(self, X: Any) -> Any:
        """Return the rows that have these new features, by the function `inverse` that the estimator was made with."""
        check_is_fitted(self, "parameters_")
        if self._recipe.inverse is None:
            raise ArgumentError("This estimator was made without inverse=, a function of (parameters, new features).")
        return self._apply(self._recipe.inverse, np.asarray(X))


class LossCluster(ClusterMixin, _Unsupervised):
    """Clusters from a loss."""

    def predict(self, X: Any) -> Any:
        """Return the index of the cluster of each row of X."""
        return self._cluster(self._seen_data(X))


BASES: dict[str, type[FromLoss]] = {
    "regressor": LossRegressor,
    "classifier": LossClassifier,
    "transformer": LossTransformer,
    "cluster": LossCluster,
}


def _mean(recipe: Recipe, settings: Mapping[str, Any], weighted: bool) -> Callable[..., Any]:
    """The mean of the loss over rows, as a function of the parameters, the rows and, if `weighted`, their weights."""

    def objective(p: Any, *rows: Any) -> Any:
        data = rows[:-1] if weighted else rows
        value = recipe.loss(p, *data, **settings)
        shape, n = np.shape(value), data[0].shape[0]
        if shape == ():
            if weighted:
                raise ArgumentError(
                    f"Sample weights need a loss with a value for each row; {recipe.name} returns one number. Return "
                    f"the {n} values before they are averaged."
                )
            return value
        if shape != (n,):
            raise ArgumentError(
                f"The loss {recipe.name} must return a value for each of the {n} rows, or one number; it returns an "
                f"array of shape {shape}. Do y and the prediction have different shapes?"
            )
        return np.mean(rows[-1] * value if weighted else value)

    return objective
