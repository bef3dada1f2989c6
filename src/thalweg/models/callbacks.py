"""scikit-learn's callbacks (`set_callbacks`, `ProgressBar`, `ScoringMonitor`), served by any iterative `fit`.

scikit-learn has them from version 1.9 on; with an older one there is no `set_callbacks`, and nothing else changes.
A `fit` is a task whose iterations are subtasks:

    class Model(CallbackSupport, BaseEstimator):
        @with_callbacks
        def fit(self, X, y):
            with watched(self, self.max_iter, X=X, y=y) as watch:
                for _ in range(self.max_iter):
                    …
                    if watch.step(lambda: {"coef_": coef}):
                        break                                   # a callback asks to stop

References
----------
scikit-learn, user guide, *Callbacks*; the protocol of `sklearn.callback`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["CallbackSupport", "Watch", "watched", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
    from sklearn.callback import with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method: Any) -> Any:
        """Return the method."""
        return method


class Watch:
    """The iterations of one fit, as its callbacks see them; without callbacks each costs one comparison.

    Parameters
    ----------
    estimator : estimator
        Which is being fitted.
    context : CallbackContext, optional
        The task of the whole fit.
    about : mapping
        The arguments X, y and metadata of the hooks.
    name : str
        What an iteration is called.
    """

    def __init__(
        self, estimator: Any, context: Any = None, about: Mapping[str, Any] | None = None, name: str = "iteration"
    ) -> None:
        self._estimator, self._context, self._about, self._name = estimator, context, about or {}, name
        self._left = None if context is None else context.max_subtasks
        self._iteration = self._begun()

    def _begun(self) -> Any:
        """The next iteration, begun; None where there are no callbacks or no iterations left."""
        if self._context is None or self._left == 0:
            return None
        self._left = None if self._left is None else self._left - 1
        iteration = self._context.subcontext(task_name=self._name)
        iteration.call_on_fit_task_begin(estimator=self._estimator, **self._about)
        return iteration

    def step(self, attributes: Callable[[], Mapping[str, Any]]) -> bool:
        """Say that an iteration is done, and return whether a callback asks to stop.

        `attributes` returns what `predict` and `score` would need if the fit ended here.
        """
        if self._iteration is None:
            return False
        stop = self._iteration.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=attributes, **self._about
        )
        self._iteration = None if stop else self._begun()
        return bool(stop)

    def close(self, attributes: Callable[[], Mapping[str, Any]] | None = None) -> None:
        """Say that the fit is over."""
        if self._iteration is not None:  # begun, and not needed any more
            self._iteration.call_on_fit_task_end(estimator=self._estimator)
        if self._context is not None:
            self._context.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes=attributes, **self._about
            )


@contextmanager
def watched(
    estimator: Any,
    iterations: int | None,
    *,
    name: str = "iteration",
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
) -> Iterator[Watch]:
    """Run a fit, whose method is decorated with `with_callbacks`, under the callbacks of an estimator, if it has any.

    Parameters
    ----------
    estimator : estimator
        With `CallbackSupport` among its bases.
    iterations : int or None
        The most iterations that there can be, where that is known.
    name : str
        What an iteration is called.
    X, y, sample_weight
        What is fitted, for callbacks that score.
    """
    if not getattr(estimator, "_skl_callbacks", None) and not hasattr(estimator, "_parent_callback_ctx"):
        yield Watch(estimator)
        return
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    about = {"X": X, "y": y, "metadata": metadata}
    context = estimator._init_callback_context(max_subtasks=iterations)
    context.call_on_fit_task_begin(estimator=estimator, **about)
    watch = Watch(estimator, context, about, name)
    yield watch
    watch.close()
