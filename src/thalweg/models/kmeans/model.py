"""``KMeans``: the estimator over the algorithms of this folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from thalweg.models.callbacks import CallbackSupport, Watch, watched, with_callbacks
from thalweg.models.trained import Trained

from .checks import checked_finite, checked_parameters, checked_start, checked_weights, runs_wanted
from .distances import Distance, generalized
from .evidence import evidence_of
from .lloyd import Run, lloyd, same_clusters
from .minibatch import MiniBatches, learn
from .rows import Array, Rows, total
from .search import nearest
from .seeding import plus_plus, random_rows
from .totals import inertia

__all__ = ["KMeans"]

_FLOATS = [np.float64, np.float32]
_csr_array: Any = scipy.sparse.csr_array


def _learns_by_means(estimator: Any) -> bool:
    return estimator.distance is None


class KMeans(CallbackSupport, Trained, ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """k-means clustering: centres c₁ … c_k that make Σ wᵢ minₖ ‖xᵢ − cₖ‖² least.

    Parameters and attributes are those of scikit-learn's ``KMeans``, and the same start leads to the same labels. Rows
    that provably keep their centre are not looked at (Hamerly's and Elkan's bounds); labels are exact all the same.

    Parameters
    ----------
    n_clusters : int
        How many centres.
    init : {'k-means++', 'random'}, callable or array of shape (n_clusters, n_features)
        Where to start: greedy k-means++, rows at random, ``init(X, n_clusters, random_state=…)``, or the centres.
    n_init : 'auto' or int
        How many starts; the best end is kept. 'auto': 10 for 'random' and callables (3 with mini-batches), else 1.
    max_iter : int
        Iterations of a start at most; with mini-batches, passes over the data.
    tol : float
        It ends when Σ ‖move of a centre‖² is at most tol × the mean variance of the features. With 0 it goes on until
        no row changes its cluster, which is the minimum that ``solution_`` certifies. Not used with mini-batches.
    verbose : int
        1: a line for each iteration.
    random_state : int, RandomState or None
        For the starts and the mini-batches.
    copy_x : bool
        For scikit-learn's sake: the data are neither changed nor copied, whatever it says.
    algorithm : {'lloyd', 'elkan'}
        Likewise: bounds are used wherever they pay, and both names give the same result.
    batch_size : int, optional
        Learn from so many random rows at a time (mini-batch k-means) instead of all.
    max_no_improvement : int or None
        Mini-batches: how many may pass without a better smoothed objective.
    reassignment_ratio : float
        Mini-batches: centres of fewer than this share of the heaviest one's rows are placed anew now and then.
    distance : callable, optional
        ``distance(x, c)`` of a row and a centre, a plain NumPy function that takes the place of ‖x − c‖². Centres are
        then found by `thalweg.minimize`, a cluster at a time.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
    labels_ : ndarray of int32, shape (n_samples,)
        The nearest centre of each row.
    inertia_ : float
        The objective.
    n_iter_ : int
        Iterations of the start that was kept.
    loss_curve_ : list of float
        The objective after each of them, with the labels before the centres moved.
    solution_ : Solution
        Made when first asked for: what kind of point the centres are, and the numbers that show it.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    S. P. Lloyd (1982), "Least squares quantization in PCM", IEEE Trans. Inform. Theory 28; G. Hamerly (2010), "Making
    k-means even faster", SDM; C. Elkan (2003), "Using the triangle inequality to accelerate k-means", ICML;
    D. Arthur and S. Vassilvitskii (2007), "k-means++", SODA; D. Sculley (2010), "Web-scale k-means clustering", WWW.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.models import KMeans
    >>> X = np.array([[1.0, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> model = KMeans(n_clusters=2, random_state=0).fit(X)
    >>> model.labels_
    array([1, 1, 1, 0, 0, 0], dtype=int32)
    >>> model.cluster_centers_
    array([[10.,  2.],
           [ 1.,  2.]])
    >>> model.inertia_, model.solution_.kind
    (16.0, 'strict minimum')
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: Any = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "lloyd",
        batch_size: int | None = None,
        max_no_improvement: int | None = 10,
        reassignment_ratio: float = 0.01,
        distance: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.batch_size = batch_size
        self.max_no_improvement = max_no_improvement
        self.reassignment_ratio = reassignment_ratio
        self.distance = distance

    # --- the objective ---

    @staticmethod
    def objective(parameters: Any, X: Any, sample_weight: Any = None, distance: Any = None) -> Any:
        """Σ w min_k ‖x − c_k‖², the sum over rows of the squared distance to the nearest centre.

        Parameters
        ----------
        parameters : array of shape (n_clusters, n_features)
            The centres.
        X : array of shape (n_samples, n_features)
        sample_weight : array of shape (n_samples,), optional
        distance : callable, optional
            In place of the squared distance, as for the class.

        Examples
        --------
        >>> import thalweg as tw
        >>> X = np.array([[0.0], [1.0], [5.0]])
        >>> float(KMeans.objective(np.array([[0.0], [4.0]]), X))
        2.0
        >>> tw.grad(KMeans.objective)(np.array([[0.0], [4.0]]), X)
        array([[-2.],
               [-2.]])
        """
        if distance is None:
            each = np.sum((X[:, None, :] - parameters) ** 2, axis=2)
        else:
            each = Distance(distance).table(X, parameters)
        nearest = np.min(each, axis=1)
        return np.sum(nearest if sample_weight is None else sample_weight * nearest)

    @property
    def parameters_(self) -> Array:
        """The centres, as `objective` takes them."""
        check_is_fitted(self)
        return self.cluster_centers_

    # --- fitting ---

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeans:
        """Find the centres.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        y : ignored
        sample_weight : array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where a parameter or the data are not what they should be; the message names them.
        """
        start = perf_counter()
        checked_parameters(self)
        X = self._checked(X, reset=True)
        weights = checked_weights(sample_weight, X, self.n_clusters)
        random = check_random_state(self.random_state)
        rows = Rows.centred(X, weights) if self.distance is None else Rows(X, weights, np.zeros(X.shape[1], X.dtype))
        init = checked_start(self.init, X, self.n_clusters)
        runs = runs_wanted(self, init)
        if self.batch_size is not None:
            run = self._fit_batches(rows, init, runs, random)
        else:
            with watched(self, runs * self.max_iter, X=X, sample_weight=sample_weight) as watch:
                run = self._fit_runs(rows, init, runs, random, watch)
        self._take(run, rows, perf_counter() - start)
        return self

    def _fit_runs(self, rows: Rows, init: Any, runs: int, random: Any, watch: Watch) -> Run:
        """The best of several runs."""
        best: Run | None = None
        step = partial(self._seen, watch, rows)
        report = print if self.verbose else None
        tol = self.tol * rows.squares[1] if self.tol else 0.0
        for _ in range(runs):
            start = self._start(rows, init, random)
            if report is not None:
                report("Initialization complete")
            algorithm = lloyd if self.distance is None else partial(generalized, distance=self.distance)
            run = algorithm(rows, start, max_iter=self.max_iter, tol=tol, step=step, report=report)
            if best is None or (
                run.inertia < best.inertia and not same_clusters(run.labels, best.labels, self.n_clusters)
            ):
                best = run
            if run.stopped:
                best.stopped, best.status, best.message = True, run.status, run.message
                break
        assert best is not None
        return best

    def _fit_batches(self, rows: Rows, init: Any, runs: int, random: Any) -> Run:
        start = partial(self._start, init=init, random=random)
        with watched(self, None, X=rows.X, sample_weight=rows.weights) as watch:
            run, state = learn(
                rows, start, self._mini_batches(), runs=runs, max_iter=self.max_iter,
                patience=self.max_no_improvement, random=random, step=partial(self._seen, watch, rows),
                report=print if self.verbose else None,
            )  # fmt: skip
        self._counts, self._since = state.counts, state.since
        self.n_steps_ = state.steps
        return run

    def _mini_batches(self) -> MiniBatches:
        return MiniBatches(
            clusters=self.n_clusters, size=self.batch_size or 0, reassignment_ratio=self.reassignment_ratio
        )

    def _start(self, rows: Rows, init: Any, random: Any) -> Array:
        """The centres to start from, from the origin of the rows."""
        if isinstance(init, str):
            if init == "random":
                return random_rows(rows, self.n_clusters, random)
            if self.distance is not None:
                return Distance(self.distance).plus_plus(rows, self.n_clusters, random)
            return plus_plus(rows, self.n_clusters, random)[0]
        if callable(init):
            init = checked_start(init(rows.X, self.n_clusters, random_state=random), rows.X, self.n_clusters)
        return init - rows.origin

    def _seen(self, watch: Watch, rows: Rows, centers: Array) -> bool:
        return watch.step(lambda: self._reconstruction(rows, centers))

    def _reconstruction(self, rows: Rows, centers: Array) -> dict[str, Any]:
        return {
            "cluster_centers_": centers + rows.origin,
            "_n_features_out": len(centers),
            "_origin": rows.origin,
            "_n_features_in": rows.features,
        }

    def _take(self, run: Run, rows: Rows, seconds: float) -> None:
        """Set what has been found."""
        if run.status == "interrupted":
            warnings.warn(f"KMeans: {run.message}; the best centres so far are kept.", ConvergenceWarning, stacklevel=3)
        used = len(np.unique(run.labels))
        if used < self.n_clusters and not run.partial:
            warnings.warn(
                f"KMeans found {used} distinct clusters where n_clusters={self.n_clusters} were asked for: possibly "
                "there are no more different rows.",
                ConvergenceWarning,
                stacklevel=3,
            )
        self._origin = rows.origin
        self.cluster_centers_ = run.centers + rows.origin
        self._n_features_out = len(run.centers)
        self.labels_, self.inertia_ = run.labels, run.inertia
        self.n_iter_, self.loss_curve_ = run.iterations, run.curve
        self._solution = None
        self._evidence = evidence_of(run, rows, self.cluster_centers_, self.distance, seconds)

    @available_if(_learns_by_means)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeans:
        """Move the centres by one mini-batch: these rows.

        The first call finds a start among them. ``labels_`` and ``inertia_`` are those of the rows of the last call.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        y : ignored
        sample_weight : array of shape (n_samples,), optional

        Returns
        -------
        self
        """
        start = perf_counter()
        checked_parameters(self)
        first = not hasattr(self, "cluster_centers_")
        X = self._checked(X, reset=first)
        weights = checked_weights(sample_weight, X, self.n_clusters if first else 0)
        random = check_random_state(self.random_state)
        state_of_random: Any = getattr(self, "_random", None)
        if state_of_random is not None:
            random = np.random.RandomState()
            random.set_state(state_of_random)
        batch = Rows.centred(X, weights)
        if first:
            origin = batch.origin
            centers = self._start(batch, checked_start(self.init, X, self.n_clusters), random)
            self._counts, self._since, self.n_steps_ = np.zeros(self.n_clusters), 0, 0
        else:
            origin = self._origin
            batch = Rows(X, weights, origin)
            centers = self.cluster_centers_ - origin
            if not hasattr(self, "_counts"):  # after fit: the centres have learnt from the rows of their clusters
                self._counts = np.bincount(self.labels_, minlength=self.n_clusters).astype(np.float64)
                self._since, self.n_steps_ = 0, 0
        state = self._mini_batches()
        state.counts, state.since, state.steps = self._counts, self._since, self.n_steps_
        centers, _ = state.step(batch, centers, random)
        self._counts, self._since, self.n_steps_ = state.counts, state.since, state.steps
        self._random = random.get_state(legacy=False)
        labels = nearest(batch, centers)
        run = Run(
            centers, labels, inertia(batch, centers, labels), getattr(self, "n_iter_", 0) + 1, status="stalled",
            message="one mini-batch more has been learnt; partial_fit ends where it is left", partial=True,
        )  # fmt: skip
        run.curve = [*getattr(self, "loss_curve_", []), run.inertia]
        self._take(run, batch, perf_counter() - start)
        return self

    # --- using ---

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Array:
        """Fit, and return ``labels_``."""
        return self.fit(X, sample_weight=sample_weight).labels_

    def predict(self, X: Any) -> Array:
        """Return the number of the nearest centre for each row.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of int32, shape (n_samples,)
        """
        return self._assigned(X)[1]

    def _assigned(self, X: Any, sample_weight: Any = None) -> tuple[Rows, Array]:
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        rows = Rows(X, checked_weights(sample_weight, X), self._origin.astype(X.dtype))
        if self.distance is not None:
            return rows, Distance(self.distance).nearest(X, self.cluster_centers_)[0]
        return rows, nearest(rows, self._centers(rows))

    def _centers(self, rows: Rows) -> Array:
        return (self.cluster_centers_ - self._origin).astype(rows.X.dtype)

    def transform(self, X: Any) -> Array:
        """Return the distance of each row to each centre.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
            ‖x − c‖, or ``distance(x, c)`` where one was given.
        """
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        if self.distance is not None:
            return np.concatenate([block for _, block in Distance(self.distance).blocks(X, self.cluster_centers_)])
        return euclidean_distances(X, self.cluster_centers_)

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Array:
        """Fit, and return the distances to the centres."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the objective on these rows: greater is better.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        y : ignored
        sample_weight : array of shape (n_samples,), optional
        """
        if self.distance is not None:
            check_is_fitted(self)
            X = self._checked(X, reset=False)
            weights = checked_weights(sample_weight, X)
            least = Distance(self.distance).nearest(X, self.cluster_centers_)[1]
            return -total(least, weights)
        rows, labels = self._assigned(X, sample_weight)
        return -inertia(rows, self._centers(rows), labels)

    # --- scikit-learn's contract ---

    def _checked(self, X: Any, reset: bool) -> Any:
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr" if self.distance is None else False,
            dtype=_FLOATS,
            order="C",
            accept_large_sparse=False,
            ensure_all_finite=False,
        )
        checked_finite(X, getattr(self, "feature_names_in_", None))
        return _csr_array(X) if scipy.sparse.issparse(X) else X

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.distance is None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
