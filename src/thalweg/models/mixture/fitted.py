"""What a fitted mixture can do: densities, components, criteria, samples, standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from thalweg.errors import ArgumentError
from thalweg.models.weights import checked_weights

from .blocks import Array, Rows, own_threads
from .expectation import log_joint_rows, softmax
from .information import StandardErrors, standard_errors
from .state import Mixture, number_of_parameters, to_parameters

__all__ = ["FittedMixture"]


class FittedMixture(DensityMixin, BaseEstimator):
    """The methods that need nothing but the attributes weights_, means_ and precisions_cholesky_."""

    weights_: Array
    means_: Array
    precisions_cholesky_: Array
    covariance_type: str
    reg_covar: float
    random_state: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _mixture(self) -> Mixture:
        return Mixture(self.covariance_type, self.weights_, self.means_, self.precisions_cholesky_)

    @property
    def parameters_(self) -> dict[str, Array]:
        """The fitted parameters, as `objective` takes them."""
        check_is_fitted(self)
        return to_parameters(self._mixture())

    def _read(self, X: Any, *, reset: bool = False, rows: int = 1) -> Array:
        return np.asarray(
            validate_data(
                self, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan",
                ensure_min_samples=rows,
            )
        )  # fmt: skip

    def _log_joint(self, X: Any) -> Array:
        check_is_fitted(self)
        X = self._read(X)
        mixture = self._mixture()
        with own_threads(X.size * mixture.factors.size) as threads:
            return log_joint_rows(Rows(X, None, mixture.weights @ mixture.means), mixture, threads)

    def score_samples(self, X: Any) -> Array:
        """Return log p(x) for each row; where values are missing, the marginal density of the others.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return softmax(self._log_joint(X))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the mean of log p(x) over the rows.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        y : ignored
        sample_weight : array of shape (n_samples,), optional
        """
        each = self.score_samples(X)
        weights = checked_weights(sample_weight, len(each))
        return float(np.mean(each) if weights is None else weights @ each / weights.sum())

    def predict(self, X: Any) -> Array:
        """Return the number of the most probable component for each row.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        ndarray of int, shape (n_samples,)
        """
        return self._log_joint(X).argmax(axis=0)

    def predict_proba(self, X: Any) -> Array:
        """Return the probability that a row belongs to each component.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        joint = self._log_joint(X)
        softmax(joint)
        return np.ascontiguousarray(joint.T)

    def aic(self, X: Any, sample_weight: Any = None) -> float:
        """Return Akaike's criterion, −2 log L + 2 p; less is better.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        sample_weight : array of shape (n_samples,), optional
            How often each row counts.
        """
        return self._deviance(X, sample_weight)[0] + 2 * self._n_parameters()

    def bic(self, X: Any, sample_weight: Any = None) -> float:
        """Return Schwarz's criterion, −2 log L + p log n; less is better.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        sample_weight : array of shape (n_samples,), optional
            How often each row counts.
        """
        deviance, total = self._deviance(X, sample_weight)
        return deviance + self._n_parameters() * float(np.log(total))

    def _deviance(self, X: Any, sample_weight: Any) -> tuple[float, float]:
        each = self.score_samples(X)
        weights = checked_weights(sample_weight, len(each))
        weights = np.ones(len(each)) if weights is None else weights
        return float(-2 * weights @ each), float(weights.sum())

    def _n_parameters(self) -> int:
        return number_of_parameters(self.covariance_type, *self.means_.shape)

    def sample(self, n_samples: int = 1) -> tuple[Array, Array]:
        """Draw rows from the fitted mixture, by `random_state`.

        Parameters
        ----------
        n_samples : int

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The rows of one component after those of another.
        y : ndarray of int, shape (n_samples,)
            Their components.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ArgumentError(
                f"Invalid value for 'n_samples': {n_samples}. The sampling requires at least one sample."
            )
        random = check_random_state(self.random_state)
        mixture = self._mixture()
        components = np.repeat(np.arange(len(mixture.weights)), random.multinomial(n_samples, mixture.weights))
        z = random.standard_normal((n_samples, mixture.means.shape[1]))
        if mixture.kind == "tied":
            steps = z @ mixture.unwhitened().T
        elif mixture.kind == "full":
            L = mixture.unwhitened()
            steps = np.concatenate([z[components == k] @ L[k].T for k in range(len(L))])
        else:
            scale = mixture.factors[components]
            steps = z / (scale if mixture.kind == "diag" else scale[:, None])
        return mixture.means[components] + steps, components

    def standard_errors(self, X: Any, sample_weight: Any = None) -> StandardErrors:
        """Return standard errors of weights, means and covariances, from the observed information.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            The data that the mixture was fitted to.
        sample_weight : array of shape (n_samples,), optional
            How often each row counts; as it was given to `fit`.

        Returns
        -------
        StandardErrors
            With the arrays `weights`, `means` and `covariances`, each in the shape of the attribute of its name.

        Raises
        ------
        ArgumentError
            Where the estimate is no strict maximum of the likelihood.

        Notes
        -----
        A `ConvergenceWarning` is given where the estimate is more than a tenth of a standard error away from the
        maximum, as it may be after EM: fit with ``method="auto"``.

        References
        ----------
        G. McLachlan and D. Peel (2000), *Finite Mixture Models*, section 2.15.

        Examples
        --------
        For one component they are the known ones, √(Σⱼⱼ/n) for a mean:

        >>> import numpy as np
        >>> from thalweg.models import GaussianMixture
        >>> X = np.random.default_rng(0).normal(size=(400, 2))
        >>> model = GaussianMixture(reg_covar=0).fit(X)
        >>> errors = model.standard_errors(X)
        >>> bool(np.allclose(errors.means[0], np.sqrt(np.diag(model.covariances_[0]) / 400)))
        True
        """
        check_is_fitted(self)
        X = self._read(X)
        weights = checked_weights(sample_weight, len(X))
        if weights is not None:
            X, weights = X[weights > 0], weights[weights > 0]
        return standard_errors(Rows.of(X, weights), self._mixture(), float(self.reg_covar))
