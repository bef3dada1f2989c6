"""``GaussianMixture``: the estimator over the algorithms of this folder."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from thalweg.errors import ArgumentError
from thalweg.models.callbacks import CallbackSupport, Watch, watched, with_callbacks
from thalweg.models.trained import Evidence, Trained
from thalweg.models.weights import checked_weights
from thalweg.optimize.solution import Solution

from .blocks import Array, Rows, own_threads
from .checks import checked_data, checked_parameters, checked_start, named
from .direct import direct
from .em import Run, em
from .fitted import FittedMixture
from .maximization import SingularError, collapses
from .objective import objective
from .start import fitting, responsibilities
from .state import Mixture, factors_of_precisions, to_parameters
from .words import EndOfEM, collapse_words, singular_words

__all__ = ["GaussianMixture"]


class GaussianMixture(CallbackSupport, Trained, FittedMixture):
    """A mixture of Gaussians, p(x) = Σₖ πₖ N(x | μₖ, Σₖ), fitted by maximum likelihood.

    Parameters and attributes are those of scikit-learn's ``GaussianMixture``, and the same start leads to the same
    mixture.  Beyond it: the likelihood is a public function (`objective`), it can be maximized directly, rows may have
    weights, values may be missing (NaN), estimates have standard errors, and `solution_` says what was found.

    Parameters
    ----------
    n_components : int
        How many Gaussians.
    covariance_type : {'full', 'tied', 'diag', 'spherical'}
        A covariance matrix for each component, one for all, a diagonal one each, or one variance each.
    tol : float
        EM ends when an iteration changes the mean log-likelihood of a row by less.
    reg_covar : float
        ρ, added to the diagonal of the covariances; it is part of `objective`.
    max_iter : int
        Iterations of EM from each start, and of the direct method, at most.  0 leaves the mixture that fits the start.
    n_init : int
        How many starts; the best end is kept.
    init_params : {'kmeans', 'k-means++', 'random', 'random_from_data'}
        Where to start: k-means; each row with the nearest of centres chosen by k-means++, or of random rows; or random
        shares of the rows in the components.
    weights_init, means_init, precisions_init : array, optional
        Parts of the start that are given; the shapes are those of `weights_`, `means_` and `precisions_`.
    random_state : int, RandomState or None
        For starts and for `sample`.
    warm_start : bool
        Begin where the last `fit` ended.
    verbose : int
        1: a line now and then; 2: with the gain and the time.
    verbose_interval : int
        Every how many iterations.
    method : {'em', 'gradient', 'auto'}
        'em': expectation–maximization, until `tol`.  'gradient': `objective` is minimized from each start, until its
        gradient vanishes.  'auto': EM, then the gradient from the best of its ends, so that `solution_` is a minimum.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
    means_ : ndarray of shape (n_components, n_features)
    covariances_, precisions_, precisions_cholesky_ : ndarray
        Σ, Σ⁻¹ and U with Σ⁻¹ = UUᵀ: (n_components, n_features, n_features), (n_features, n_features),
        (n_components, n_features) or (n_components,), by the type.  Always float64.
    converged_ : bool
    n_iter_ : int
        Iterations of the start that was kept.
    lower_bound_ : float
        The mean log-likelihood, with the regularization, that the last iteration found.
    lower_bounds_, loss_curve_ : list of float
        That of each iteration; and its negative, which is `objective`.
    collapsed_ : list of int
        Components that have lost their rows, or all variance in some direction; a warning has said so.
    solution_ : Solution
        Made when first asked for: what kind of point the mixture is, and the numbers that show it.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    C. M. Bishop (2006), *Pattern Recognition and Machine Learning*, section 9.2; A. P. Dempster, N. M. Laird and
    D. B. Rubin (1977), "Maximum likelihood from incomplete data via the EM algorithm", J. Royal Stat. Soc. B 39;
    Z. Ghahramani and M. I. Jordan (1994), "Supervised learning from incomplete data via an EM approach", NIPS 6.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.models import GaussianMixture
    >>> X = np.array([[1.0, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> model = GaussianMixture(n_components=2, covariance_type="spherical", method="auto", random_state=0).fit(X)
    >>> model.means_
    array([[10.,  2.],
           [ 1.,  2.]])
    >>> model.predict([[0, 0], [12, 3]]), model.solution_.kind
    (array([1, 0]), 'strict minimum')
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        method: str = "em",
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.method = method

    objective = staticmethod(objective)

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> GaussianMixture:
        """Fit the mixture.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            NaN where a value is missing: such rows count with the density of what they have.
        y : ignored
        sample_weight : array of shape (n_samples,), optional
            How often each row counts.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where a parameter or the data are not what they should be, or every start ends in a singular component
            (only with ``reg_covar=0``, or one that is far below the scale of the data); the message names it.
        """
        begun = perf_counter()
        checked_parameters(self)
        X = self._read(X, reset=True, rows=2)
        weights = checked_weights(sample_weight, len(X))
        if weights is not None and not np.all(weights > 0):
            X, weights = X[weights > 0], weights[weights > 0]
        checked_data(self, X, self.n_components)
        rows = Rows.of(X, weights)
        work = len(X) * self.n_components * X.shape[1] ** 2
        steps = self.n_init * self.max_iter if self.method == "em" else None
        with watched(self, steps, X=X, sample_weight=weights) as watch, own_threads(work) as threads:
            run, solution = self._best(rows, threads, watch)
        self._take(run, solution, rows, perf_counter() - begun)
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Array:
        """Fit, and return the number of the most probable component for each row."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

    # --- starts and runs ---

    def _best(self, rows: Rows, threads: int, watch: Watch) -> tuple[Run, Solution | None]:
        """The best of all starts; the last word has the direct method, where it is asked for."""
        warm = self.warm_start and hasattr(self, "converged_")
        starts = self._warm() if warm else self._starts(rows, threads)
        before = self.lower_bound_ if warm else -np.inf
        best: Run | None = None
        solution: Solution | None = None
        failed: list[SingularError] = []
        for number in range(1 if warm else self.n_init):
            report = Report(self.verbose, self.verbose_interval, number)
            step = partial(self._seen, watch, report)
            try:
                start = next(starts)
                if self.method == "gradient":
                    run, found = self._direct(rows, start, step)
                else:
                    found = None
                    run = em(
                        rows, start, reg_covar=self.reg_covar, tol=self.tol, max_iter=self.max_iter, threads=threads,
                        before=before, step=step,
                    )  # fmt: skip
            except SingularError as error:
                failed.append(error)
                starts = starts if warm else self._starts(rows, threads, self._random)
                continue
            report.end(run)
            if best is None or run.value > best.value:
                best, solution = run, found
            if run.stopped:
                best.stopped = run.stopped
                break
        if best is None:
            first = failed[0]
            raise ArgumentError(
                singular_words(first.component, first.rows, self.covariance_type, rows.features, len(failed))
            )
        if self.method == "auto" and not best.stopped and self.max_iter:
            more, solution = self._direct(rows, best.mixture, partial(self._seen, watch, Report(self.verbose, 1, None)))
            best = Run(more.mixture, more.value, best.curve + more.curve, more.converged, more.stopped)
        return best, solution

    def _starts(self, rows: Rows, threads: int, random: Any = None) -> Any:
        """The mixtures to start from, one after another."""
        self._random = check_random_state(self.random_state) if random is None else random
        weights, means, precisions = checked_start(self, rows.features)
        while True:
            given = Mixture("spherical", np.ones(1), np.zeros((1, 1)), np.ones(1))
            if weights is None or means is None or precisions is None:
                shares = responsibilities(rows, self.n_components, self.init_params, self._random, threads)
                given = fitting(rows, shares, self.n_components, self.covariance_type, self.reg_covar, threads)
            yield Mixture(
                self.covariance_type,
                given.weights if weights is None else weights,
                given.means if means is None else means,
                given.factors if precisions is None else factors_of_precisions(precisions, self.covariance_type),
            )

    def _warm(self) -> Any:
        mixture = self._mixture()
        shape = (self.n_components, self.n_features_in_)
        dimensions = {"full": 3, "tied": 2, "diag": 2, "spherical": 1}[self.covariance_type]
        if mixture.means.shape != shape or mixture.factors.ndim != dimensions:
            raise ArgumentError(
                f"warm_start=True goes on from the last fit, which had {len(mixture.means)} components and "
                f"{mixture.means.shape[1]} features; now n_components={shape[0]}, n_features={shape[1]} and "
                f"covariance_type={self.covariance_type!r}. Fit with warm_start=False."
            )
        yield mixture

    def _direct(self, rows: Rows, start: Mixture, step: Any) -> tuple[Run, Solution]:
        last, asked = -np.inf, False

        def seen(mixture: Mixture, value: float) -> bool:
            nonlocal last, asked
            change, last = value - last, value
            asked = bool(step(mixture, value, change))
            return asked

        mixture, curve, solution = direct(rows, start, reg_covar=self.reg_covar, max_iter=self.max_iter, step=seen)
        if not np.all(np.isfinite(mixture.factors)) or solution.status == "unbounded":
            raise SingularError(None if self.covariance_type == "tied" else 0, rows.total)
        value = curve[-1] if curve else -float(
            objective(to_parameters(mixture), rows.X, rows.weights, reg_covar=self.reg_covar)
        )  # fmt: skip
        stopped = "callback" if asked else "interrupted" if solution.status == "interrupted" else None
        return Run(mixture, value, curve, bool(solution.success), stopped), solution

    def _seen(self, watch: Watch, report: Report, mixture: Mixture, value: float, change: float) -> bool:
        report.step(change)
        return watch.step(
            lambda: {
                "weights_": mixture.weights,
                "means_": mixture.means,
                "precisions_cholesky_": mixture.factors,
                "lower_bound_": value,
            }
        )

    # --- what is left of it ---

    def _take(self, run: Run, solution: Solution | None, rows: Rows, seconds: float) -> None:
        mixture = run.mixture
        self.weights_, self.means_ = mixture.weights, mixture.means
        self.precisions_cholesky_ = mixture.factors
        self.covariances_, self.precisions_ = mixture.covariances(), mixture.precisions()
        self.converged_ = run.converged
        self.n_iter_ = len(run.curve)
        self.lower_bound_ = run.value
        self.lower_bounds_ = run.curve
        self.loss_curve_ = [-value for value in run.curve]
        self._random = None
        found = collapses(mixture, rows.variances(), self.reg_covar, rows.total)
        self.collapsed_ = sorted({k for c in found for k in ([c.component] if c.component is not None else [])})
        if found:
            words = collapse_words(found, partial(named, self), self.n_components, self.reg_covar)
            warnings.warn(words, ConvergenceWarning, stacklevel=4)
        if run.stopped == "interrupted":
            warnings.warn(
                f"Interrupted after {self.n_iter_} iterations; the best mixture so far is kept.", ConvergenceWarning,
                stacklevel=4,
            )  # fmt: skip
        elif not run.converged and not run.stopped and self.max_iter:
            warnings.warn(
                f"Not converged after max_iter={self.max_iter} iterations: raise max_iter or tol, try other starts "
                "(init_params, n_init), or method='auto'.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self._solution = None
        self._evidence = self._evidence_of(run, solution, rows, seconds)

    def _evidence_of(self, run: Run, solution: Solution | None, rows: Rows, seconds: float) -> Evidence:
        reg_covar = float(self.reg_covar)
        about: dict[str, Any] = {
            "objective": lambda p: objective(p, rows.X, rows.weights, reg_covar=reg_covar),
            "parameters": to_parameters(run.mixture),
            "iterations": len(run.curve),
            "seconds": seconds,
            "values": [-value for value in run.curve],
        }
        status = None if run.stopped is None else "interrupted"
        message = None if run.stopped is None else f"Stopped after {len(run.curve)} iterations ({run.stopped})."
        if solution is not None:
            how = solution.method if self.method == "gradient" else f"EM, then {solution.method}"
            return Evidence(
                **about, method=how, reason=solution.method_reason, status=status, message=message
            )  # fmt: skip
        ending = f"max_iter={self.max_iter} iterations were done"
        if run.converged:
            ending = f"an iteration gained less than tol={self.tol:g}"
        return EndOfEM(
            **about, method="expectation–maximization", status=status, message=message, ending=ending
        )  # fmt: skip


@dataclass
class Report:
    """What `verbose` prints."""

    verbose: int
    every: int
    number: int | None
    steps: int = 0
    since: float = 0.0

    def __post_init__(self) -> None:
        self.since = self.began = perf_counter()
        if self.verbose:
            print("Gradient" if self.number is None else f"Initialization {self.number}")

    def step(self, change: float) -> None:
        """An iteration is done."""
        self.steps += 1
        if self.verbose and self.steps % self.every == 0:
            now = perf_counter()
            more = f"\t time lapse {now - self.since:.5f}s\t ll change {change:.5f}" if self.verbose > 1 else ""
            print(f"  Iteration {self.steps}{more}")
            self.since = now

    def end(self, run: Run) -> None:
        """A start is done."""
        if self.verbose:
            words = "converged" if run.converged else "did not converge"
            more = f" time lapse {perf_counter() - self.began:.5f}s\t lower bound {run.value:.5f}."
            print(f"Initialization {words}.{more if self.verbose > 1 else ''}")
