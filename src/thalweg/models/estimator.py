"""`estimator`: any loss that is a plain NumPy function becomes an estimator under scikit-learn's contract."""

from __future__ import annotations

import inspect
import re
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from thalweg.errors import ArgumentError

from .from_loss import BASES, FromLoss
from .recipe import Recipe

__all__ = ["estimator"]


def estimator(
    loss: Callable[..., Any],
    *,
    predict: Callable[..., Any],
    parameters: Any,
    kind: str = "regressor",
    inverse: Callable[..., Any] | None = None,
    bounds: Any = None,
    subject_to: Any = None,
    method: str = "auto",
    batches: int | None = None,
    options: Mapping[str, Any] | None = None,
    tol: float = 1e-8,
    max_iter: int | None = None,
    time_limit: float | None = None,
    starts: int = 1,
    warm_start: bool = False,
    random_state: Any = None,
    verbose: bool = False,
    **settings: Any,
) -> Any:
    """Make a scikit-learn estimator from a loss, for `Pipeline`, `GridSearchCV` and all the rest.

    Parameters
    ----------
    loss : callable
        ``loss(parameters, X, y, **settings)`` in plain NumPy: a value for each row, whose mean is minimized (so that
        sample weights and batches have a meaning), or one number.  A classifier is given y as indices 0, 1, … of
        `classes_`.  Without labels, ``loss(parameters, X, **settings)``.  Keyword arguments with defaults become
        hyperparameters, for `set_params` and `GridSearchCV`.  A penalty on the parameters can be added to the values.
    predict : callable
        ``predict(parameters, X)``: numbers, (n,) or the shape of y; for a classifier probabilities, (n, classes) or
        those of the second of two classes, (n,), or class indices (integers); for a transformer the new features;
        for a cluster its index, or memberships (n, clusters).
    parameters : number, array, nested dict, tuple or list of arrays, or callable
        Where to start, or a function of (X), (X, y) or (X, y, rng) that returns it; rng is a NumPy Generator made
        from `random_state`.
    kind : {'regressor', 'classifier', 'transformer', 'cluster'}
    inverse : callable, optional
        ``inverse(parameters, new_features)`` of a transformer.
    bounds, subject_to : optional
        As for `minimize`, over the nesting of `parameters`.
    method, options : str, dict
        As for `minimize`: the method, and its options such as ``{"learning_rate": 0.01}``.
    batches : int, optional
        Rows in a mini-batch, for the methods 'adam', 'adamw' and 'sgd'; 'auto' is then 'adam', and `max_iter` counts
        epochs.
    tol, max_iter, time_limit, starts : optional
        As for `minimize`: `tol`, `max_iterations`, `time_limit` and `starts`.
    warm_start : bool
        Whether `fit` begins at the parameters of the last one.
    random_state : int, RandomState or None
        For the start and the order of the batches.
    verbose : bool
        Whether to show progress.
    **settings
        Other values for the keyword arguments of `loss`.

    Returns
    -------
    estimator
        With `fit`, `score`, `parameters_`, `solution_`, `loss_curve_`, `n_iter_`; `predict` or `transform`;
        `predict_proba` of a classifier; `labels_` of a clustering.

    Raises
    ------
    ArgumentError
        Where the functions do not take what they must, or a setting is no keyword argument of `loss`.

    Examples
    --------
    A straight line that outliers do not bend (Huber 1964):

    >>> import numpy as np
    >>> import thalweg as tw
    >>> def line(p, X):
    ...     return X @ p["slope"] + p["intercept"]
    >>> def huber(p, X, y, delta=1.0):
    ...     r = np.abs(y - line(p, X))
    ...     return np.where(r < delta, r**2 / 2, delta * (r - delta / 2))
    >>> def start(X):
    ...     return {"slope": np.zeros(X.shape[1]), "intercept": 0.0}
    >>> robust = tw.estimator(huber, predict=line, parameters=start)
    >>> X = np.arange(10.0).reshape(-1, 1)
    >>> y = 2 * X[:, 0] + 1
    >>> y[3] = 100.0
    >>> robust.fit(X, y).parameters_["slope"].round(1)
    array([2.])
    >>> robust.get_params()["delta"], robust.solution_.kind
    (1.0, 'strict minimum')
    """
    recipe = Recipe(loss, predict, inverse, parameters, kind, bounds, subject_to)
    given = dict(
        method=method, batches=batches, options=options, tol=tol, max_iter=max_iter, time_limit=time_limit,
        starts=starts, warm_start=warm_start, random_state=random_state, verbose=verbose,
    )  # fmt: skip
    clash = [name for name in recipe.settings if name in given]
    if clash:
        raise ArgumentError(
            f"The loss {recipe.name} has a keyword argument {clash[0]}, which estimator() has too; rename it."
        )
    unknown = [name for name in settings if name not in recipe.settings]
    if unknown:
        known = ", ".join(recipe.settings) or "none"
        raise ArgumentError(f"The loss {recipe.name} has no keyword argument {unknown[0]}; it has {known}.")
    return class_of(recipe)(**given, **settings)


#: The settings that every estimator has, besides those of its loss.
_DEFAULTS: dict[str, Any] = {
    p.name: p.default
    for p in inspect.signature(estimator).parameters.values()
    if p.name in "method batches options tol max_iter time_limit starts warm_start random_state verbose".split()
}
_classes: weakref.WeakValueDictionary[Any, type[FromLoss]] = weakref.WeakValueDictionary()


def class_of(recipe: Recipe) -> type[FromLoss]:
    """Return the class of estimators that learn by a recipe, the same for the same functions.

    Its constructor has the settings of the loss as keyword arguments, as scikit-learn's `clone` and `get_params` need.
    """
    parts = (recipe.loss, recipe.predict, recipe.inverse, recipe.parameters, recipe.bounds, recipe.subject_to)
    key = (recipe.kind, *map(id, parts))  # alive as long as the class, which holds the recipe
    if key in _classes:
        return _classes[key]
    defaults = recipe.settings | _DEFAULTS

    def __init__(self: Any, **given: Any) -> None:
        for name in given:
            if name not in defaults:
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(defaults)}.")
        for name, default in defaults.items():
            setattr(self, name, given.get(name, default))

    keyword = inspect.Parameter.KEYWORD_ONLY
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [own, *(inspect.Parameter(name, keyword, default=default) for name, default in defaults.items())]
    )

    def __reduce__(self: Any) -> Any:
        return _unpickled, (recipe,), self.__getstate__()

    made = type(
        _name(recipe),
        (BASES[recipe.kind],),
        {
            "_recipe": recipe,
            "__init__": __init__,
            "__reduce__": __reduce__,
            "__doc__": recipe.loss.__doc__ or f"An estimator of least {recipe.name}.",
            "__module__": __name__,
            "objective": staticmethod(recipe.loss),
        },
    )
    _classes[key] = made
    return made


def _unpickled(recipe: Recipe) -> Any:
    made = class_of(recipe)
    return made.__new__(made)


def _name(recipe: Recipe) -> str:
    """`huber_loss` → `HuberLossRegressor`."""
    words = [word for word in re.split(r"[^0-9A-Za-z]+", recipe.name) if word]
    stem = "".join(word[0].upper() + word[1:] for word in words if word != "lambda") or "Loss"
    return stem + recipe.kind.capitalize()
