"""What is said of a fitted model: a summary for people, an object for programs, a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from thalweg.cli.output import box, number, table
from thalweg.cli.training import Fitted
from thalweg.data.csv_file import counted

LISTED = 12

Rows = list[tuple[str, str]]


def text(fitted: Fitted) -> str:
    """The summary."""
    return TELLERS[fitted.question.model](fitted).rstrip()


def content(fitted: Fitted) -> dict[str, Any]:
    """The answer for programs."""
    question, solution = fitted.question, fitted.solution
    found = {
        "command": "fit",
        "model": question.model,
        "class": type(fitted.inner).__name__,
        "data": {
            "path": fitted.table.label, "rows": fitted.table.rows, "features": fitted.design.names,
            "target": question.target, "weights": question.weights, "held_out": len(fitted.test),
            "standardized": question.standardize,
        },
        "parameters": {k: v for k, v in fitted.inner.get_params(deep=False).items()},
        "verdict": {
            "ended": fitted.ended, "kind": solution.kind, "why": solution.classification.why,
            "status": str(solution.status),
            "success": solution.success, "message": solution.message, "value": float(solution.value),
            "gradient_norm": float(solution.gradient_norm), "method": solution.method,
            "iterations": solution.iterations, "time": solution.time,
        },
        "notes": fitted.notes,
        **CONTENTS[question.model](fitted),
    }  # fmt: skip
    return found


def draw(fitted: Fitted, path: str) -> None:
    """The picture."""
    from thalweg.plot.style import to_file

    panels = PICTURES[fitted.question.model](fitted)
    to_file(path, panels)


# --- what all have ----------------------------------------------------------------------------------------------------


def _data_rows(fitted: Fitted) -> Rows:
    table_, names = fitted.table, fitted.design.names
    shown = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
    held = f", {len(fitted.test)} of them held out" if len(fitted.test) else ""
    rows = [("data", f"{table_.label}, {counted(table_.rows, 'row')}{held}")]
    rows.append(("features", shown + (", standardized" if fitted.question.standardize else "")))
    if fitted.question.weights:
        rows.append(("weights", fitted.question.weights))
    return rows


def _verdict_rows(fitted: Fitted) -> Rows:
    solution = fitted.solution
    rows = [
        ("kind", f"{solution.kind}: {solution.classification.why}"),
        ("status", solution.message),
        ("method", solution.method + (f", {solution.method_reason}" if solution.method_reason else "")),
        ("work", f"{counted(solution.iterations, 'iteration')}, {_time(solution.time)}"),
    ]
    rows += [("note", note) for note in fitted.notes]
    if fitted.question.out:
        rows.append(("saved", fitted.question.out))
    return rows


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _short(values: Any) -> list[float]:
    """Numbers as a table shows them."""
    return [float(f"{value:.6g}") for value in values]


def _title(fitted: Fitted, text: str) -> str:
    return text if fitted.ended else f"{text}: NOT CONVERGED"


def _score(fitted: Fitted, rows: np.ndarray) -> float:
    y = fitted.design.y
    assert y is not None
    weights = {} if fitted.design.weights is None else {"sample_weight": fitted.design.weights[rows]}
    return float(fitted.model.score(fitted.design.X[rows], y[rows], **weights))


# --- linear -----------------------------------------------------------------------------------------------------------


def _linear_text(fitted: Fitted) -> str:
    summary = fitted.inner.summary(fitted.question.level)
    named = replace(summary, titles=(f"Linear regression of {fitted.question.target}",))
    coded = [
        ("reference", f"{column} = {values[0]}, which the other values of {column} are compared with")
        for column, values in fitted.design.recipe.values.items()
        if fitted.design.recipe.reference
    ]
    return f"{named}\n\n{box(_title(fitted, 'Fit'), [*_data_rows(fitted), *coded, *_verdict_rows(fitted)])}"


def _linear_content(fitted: Fitted) -> dict[str, Any]:
    s, level = fitted.inner.statistics_, fitted.question.level
    names, interval = list(s.names), s.interval(level)
    columns = {
        "estimate": s.estimate, "standard_error": s.standard_error, "t": s.t, "p": s.p, "lower": interval[:, 0],
        "upper": interval[:, 1],
    }  # fmt: skip
    return {
        "coefficients": [{"name": n} | {k: float(v[j]) for k, v in columns.items()} for j, n in enumerate(names)],
        "level": level,
        "sigma": s.sigma, "df_model": s.df_model, "df_residual": s.df_residual, "r2": s.r2,
        "adjusted_r2": s.adjusted_r2, "f": s.f, "f_p": s.f_p, "log_likelihood": s.log_likelihood, "aic": s.aic,
        "bic": s.bic, "rank": int(fitted.inner.rank_), "condition": float(fitted.inner.condition_),
        "dependencies": list(fitted.inner.dependencies_),
    }  # fmt: skip


def _linear_panels(fitted: Fitted) -> list[Callable[[Any], Any]]:
    from thalweg import plot

    made, target = fitted.design, fitted.question.target or "y"
    return [
        lambda ax: plot.regression(
            fitted.model, made.X, made.y, names=made.names, target=target, level=fitted.question.level, ax=ax
        )
    ]


# --- networks ---------------------------------------------------------------------------------------------------------


def _layers(fitted: Fitted) -> str:
    sizes = [fitted.inner.coefs_[0].shape[0], *(W.shape[1] for W in fitted.inner.coefs_)]
    return f"{' → '.join(map(str, sizes))}, {fitted.inner.activation}"


def _is_classifier(fitted: Fitted) -> bool:
    return hasattr(fitted.model, "classes_")


def _network_text(fitted: Fitted) -> str:
    kind = "classifier" if _is_classifier(fitted) else "regressor"
    name = "accuracy" if _is_classifier(fitted) else "R²"
    rows: Rows = [("layers", _layers(fitted)), ("loss", number(fitted.inner.loss_curve_[-1]))]
    if len(fitted.test):
        rows.append((f"{name}, held out", f"{_score(fitted, fitted.test):.6g} on {counted(len(fitted.test), 'row')}"))
    rows.append((f"{name}, training", f"{_score(fitted, fitted.train):.6g} on {counted(len(fitted.train), 'row')}"))
    title = _title(fitted, f"Neural network, {kind} of {fitted.question.target}")
    shown = box(title, [*_data_rows(fitted), *rows, *_verdict_rows(fitted)])
    if not _is_classifier(fitted):
        return shown
    found = {
        _class_name(c): [n, p, right, *_short([100 * right / n if n else float("nan")])]
        for c, n, p, right in _by_class(fitted)
    }
    whose = "held-out rows" if len(fitted.test) else "training rows"
    return f"{shown}\n\n{table(whose, ['rows', 'predicted', 'right', '%'], found)}"


def _by_class(fitted: Fitted) -> list[tuple[Any, int, int, int]]:
    """For each class: rows, rows predicted as it, and right ones, of the scored rows."""
    assert fitted.design.y is not None
    true = fitted.design.y[fitted.held]
    predicted = fitted.model.predict(fitted.design.X[fitted.held])
    return [
        (c, int((true == c).sum()), int((predicted == c).sum()), int(((true == c) & (predicted == c)).sum()))
        for c in fitted.model.classes_
    ]


def _class_name(value: Any) -> str:
    return str(value)


def _network_content(fitted: Fitted) -> dict[str, Any]:
    found: dict[str, Any] = {
        "task": "classifier" if _is_classifier(fitted) else "regressor",
        "metric": "accuracy" if _is_classifier(fitted) else "r2",
        "layers": [fitted.inner.coefs_[0].shape[0], *(W.shape[1] for W in fitted.inner.coefs_)],
        "loss": float(fitted.inner.loss_curve_[-1]),
        "loss_curve": [float(v) for v in fitted.inner.loss_curve_],
        "score_held_out": _score(fitted, fitted.test) if len(fitted.test) else None,
        "score_training": _score(fitted, fitted.train),
    }
    scores = fitted.inner.validation_scores_
    found["validation_scores"] = None if scores is None else [float(v) for v in scores]
    if _is_classifier(fitted):
        found["classes"] = [
            {"class": _class_name(c), "rows": n, "predicted": p, "right": right} for c, n, p, right in _by_class(fitted)
        ]
    return found


def _network_panels(fitted: Fitted) -> list[Callable[[Any], Any]]:
    from thalweg import plot

    X, y = fitted.design.X[fitted.held], fitted.design.y
    assert y is not None
    seen = y[fitted.held]

    def second(ax: Any) -> None:
        if _is_classifier(fitted):
            plot.confusion(fitted.model, X, seen, ax=ax)
        else:
            names, target = fitted.design.names, fitted.question.target or "y"
            plot.regression(fitted.model, X, seen, names=names, target=target, ax=ax)
        _say_held_out(fitted, ax)

    return [lambda ax: plot.loss_curve(fitted.inner, ax=ax), second]


def _say_held_out(fitted: Fitted, ax: Any) -> None:
    if len(fitted.test):
        ax.set_xlabel(f"{ax.get_xlabel()} (rows held out)")


# --- k-means ----------------------------------------------------------------------------------------------------------


def _unscaled(fitted: Fitted, points: np.ndarray) -> np.ndarray:
    """Points in the units of the table."""
    steps = getattr(fitted.model, "steps", None)
    return np.asarray(steps[0][1].inverse_transform(points) if steps else points, dtype=np.float64)


def _sizes(labels: np.ndarray, count: int) -> list[int]:
    return [int(n) for n in np.bincount(labels, minlength=count)]


def _kmeans_text(fitted: Fitted) -> str:
    model = fitted.inner
    centres = _unscaled(fitted, model.cluster_centers_)
    sizes = _sizes(model.labels_, len(centres))
    title = _title(fitted, f"k-means, {counted(len(centres), 'cluster')}")
    shown = box(title, [*_data_rows(fitted), ("inertia", number(model.inertia_)), *_verdict_rows(fitted)])
    rows = {f"cluster {k}": [n, *_short(centre)] for k, (n, centre) in enumerate(zip(sizes, centres))}
    return f"{shown}\n\n{table('centres', ['rows', *fitted.design.names], rows)}"


def _kmeans_content(fitted: Fitted) -> dict[str, Any]:
    model = fitted.inner
    centres = _unscaled(fitted, model.cluster_centers_)
    sizes = _sizes(model.labels_, len(centres))
    return {
        "inertia": float(model.inertia_),
        "clusters": [
            {"rows": n, "centre": dict(zip(fitted.design.names, map(float, c)))} for n, c in zip(sizes, centres)
        ],
        "labels": model.labels_,
    }


def _kmeans_panels(fitted: Fitted) -> list[Callable[[Any], Any]]:
    from thalweg import plot

    return [lambda ax: plot.clusters(fitted.model, fitted.design.X, names=fitted.design.names, ax=ax)]


# --- mixture ----------------------------------------------------------------------------------------------------------


def _mixture_numbers(fitted: Fitted) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int], float, float, float]:
    """Weights; means and standard deviations in the units of the table; rows; log-likelihood, BIC, AIC."""
    from thalweg.plot.mixture import covariances_of

    model, X = fitted.inner, fitted.design.X
    steps = getattr(fitted.model, "steps", None)
    scale = np.asarray(steps[0][1].scale_) if steps else np.ones(X.shape[1])
    seen = steps[0][1].transform(X) if steps else X
    deviations = np.sqrt(np.diagonal(covariances_of(model), axis1=1, axis2=2)) * scale
    labels = model.predict(seen)
    weights = {} if fitted.design.weights is None else {"sample_weight": fitted.design.weights}
    row = model.score_samples(seen)
    total = float(np.sum(row * weights.get("sample_weight", 1.0)))
    criteria = [float(ask(seen, **_taken(ask, weights))) for ask in (model.bic, model.aic)]
    return (
        np.asarray(model.weights_), _unscaled(fitted, model.means_), deviations, _sizes(labels, len(model.weights_)),
        total, *criteria,
    )  # fmt: skip


def _taken(ask: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Those of the options that a method takes."""
    from inspect import signature

    return {k: v for k, v in options.items() if k in signature(ask).parameters}


def _mixture_text(fitted: Fitted) -> str:
    weights, means, deviations, sizes, total, bic, aic = _mixture_numbers(fitted)
    absent = int(np.isnan(fitted.design.X).any(axis=1).sum())
    rows: Rows = [("log-likelihood", number(total)), ("BIC, AIC", f"{number(bic)}, {number(aic)}")]
    if absent:
        rows.append(("missing", f"{counted(absent, 'row')} with missing values, which are integrated out"))
    title = _title(
        fitted, f"Gaussian mixture, {counted(len(weights), 'component')}, {fitted.inner.covariance_type} covariances"
    )
    shown = box(title, [*_data_rows(fitted), *rows, *_verdict_rows(fitted)])
    names = fitted.design.names
    first = {f"component {k}": [*_short(weights[[k]]), sizes[k], *_short(means[k])] for k in range(len(weights))}
    second = {f"component {k}": _short(deviations[k]) for k in range(len(weights))}
    centres = table("means", ["weight", "rows", *names], first)
    return f"{shown}\n\n{centres}\n\n{table('standard deviations', names, second)}"


def _mixture_content(fitted: Fitted) -> dict[str, Any]:
    weights, means, deviations, sizes, total, bic, aic = _mixture_numbers(fitted)
    names = fitted.design.names
    return {
        "log_likelihood": total, "bic": bic, "aic": aic,
        "components": [
            {
                "weight": float(weights[k]), "rows": sizes[k], "mean": dict(zip(names, map(float, means[k]))),
                "standard_deviation": dict(zip(names, map(float, deviations[k]))),
            }
            for k in range(len(weights))
        ],
    }  # fmt: skip


def _mixture_panels(fitted: Fitted) -> list[Callable[[Any], Any]]:
    from thalweg import plot

    return [lambda ax: plot.mixture(fitted.model, fitted.design.X, names=fitted.design.names, ax=ax)]


# --- autoencoder ------------------------------------------------------------------------------------------------------


def _errors(fitted: Fitted, rows: np.ndarray) -> tuple[float, float]:
    """The mean squared error of a number as the model sees it, and the share of the variance that is kept."""
    X = fitted.design.X
    steps = getattr(fitted.model, "steps", None)
    seen = steps[0][1].transform(X) if steps else X
    model = fitted.inner
    made = np.asarray(model.inverse_transform(model.transform(seen[rows])))
    error = float(np.mean((seen[rows] - made) ** 2))
    spread = float(np.mean((seen[rows] - seen[fitted.train].mean(axis=0)) ** 2))
    return error, 1 - error / spread if spread > 0 else float("nan")


def _autoencoder_text(fitted: Fitted) -> str:
    rows: Rows = [("layers", _code_layers(fitted)), ("loss", number(fitted.inner.loss_curve_[-1]))]
    for name, places in (("held out", fitted.test), ("training", fitted.train)):
        if len(places):
            error, kept = _errors(fitted, places)
            what = f"{error:.6g}, {100 * kept:.4g} % of the variance kept, on {counted(len(places), 'row')}"
            rows.append((f"error, {name}", what))
    count, code = len(fitted.design.names), fitted.inner.n_components
    title = _title(fitted, f"Autoencoder, {counted(count, 'feature')} in {counted(code, 'number')}")
    return box(title, [*_data_rows(fitted), *rows, *_verdict_rows(fitted)])


def _code_layers(fitted: Fitted) -> str:
    model = fitted.inner
    hidden = model.hidden_layer_sizes
    widths = [hidden] if isinstance(hidden, int) else list(hidden)
    sizes = [len(fitted.design.names), *widths, model.n_components, *reversed(widths), len(fitted.design.names)]
    return f"{' → '.join(map(str, sizes))}, {model.activation}"


def _autoencoder_content(fitted: Fitted) -> dict[str, Any]:
    held = _errors(fitted, fitted.test) if len(fitted.test) else (None, None)
    training = _errors(fitted, fitted.train)
    return {
        "loss": float(fitted.inner.loss_curve_[-1]),
        "loss_curve": [float(v) for v in fitted.inner.loss_curve_],
        "error_held_out": held[0], "variance_kept_held_out": held[1],
        "error_training": training[0], "variance_kept_training": training[1],
    }  # fmt: skip


def _autoencoder_panels(fitted: Fitted) -> list[Callable[[Any], Any]]:
    from thalweg import plot

    X = fitted.design.X[fitted.held]

    def second(ax: Any) -> None:
        plot.reconstruction(fitted.model, X, names=fitted.design.names, rows=6, ax=ax)
        _say_held_out(fitted, ax)

    return [lambda ax: plot.loss_curve(fitted.inner, ax=ax), second]


TELLERS = {
    "linear": _linear_text, "network": _network_text, "kmeans": _kmeans_text, "mixture": _mixture_text,
    "autoencoder": _autoencoder_text,
}  # fmt: skip
CONTENTS = {
    "linear": _linear_content, "network": _network_content, "kmeans": _kmeans_content, "mixture": _mixture_content,
    "autoencoder": _autoencoder_content,
}  # fmt: skip
PICTURES = {
    "linear": _linear_panels, "network": _network_panels, "kmeans": _kmeans_panels, "mixture": _mixture_panels,
    "autoencoder": _autoencoder_panels,
}  # fmt: skip
