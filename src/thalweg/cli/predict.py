"""`thalweg predict MODEL DATA`: what a saved model says of the rows of a table, as CSV or JSON.

Columns are found by name. Rows keep their order, one line each.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import typer

from thalweg.cli.output import json_text, progress_line
from thalweg.cli.places import check_place
from thalweg.errors import ArgumentError

ANSWERED = 0


def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A file that `thalweg fit --out` has saved.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A CSV or Parquet file; - is CSV on standard input.")],
    out: Annotated[str | None, typer.Option(metavar="FILE.csv", help="Write the predictions there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON (see docs/command.md).")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> int:
    """What a saved model predicts for the rows of a table."""
    if out is not None:
        check_place(out, "--out")

    from thalweg.cli.training import nameless
    from thalweg.data import Recipe, read_table, redesign

    fitted = load(model)
    recipe: Recipe | None
    about = getattr(fitted, "_table", None)
    try:
        kind, target = (str(about["model"]), about["target"]) if about is not None else ("", None)
        recipe = Recipe.from_dict(about["recipe"]) if about is not None else Recipe(tuple(_names(fitted, model)))
    except (TypeError, KeyError, IndexError, AttributeError):
        recipe = None
    if recipe is None or len(recipe.names) != fitted.n_features_in_:
        raise ArgumentError(f"{model} does not say how its features are made: fit it anew")
    with progress_line() as tell, nameless():
        table = read_table(data, tell, recipe.texts)
        X = redesign(table, recipe, missing=_takes_missing(fitted))
        columns = predictions(fitted, X)
        score = _score(fitted, X, table, target)
    if as_json:
        content = {"command": "predict", "model": kind, "class": type(_last(fitted)).__name__, "rows": table.rows}
        print(json_text(content | {"columns": columns, "score": score}))
    if out is not None:
        write_csv(out, columns)
    if as_json:
        return ANSWERED
    said = f"{table.rows} rows predicted" + (f", {score['sentence']}" if score else "")
    if out is not None:
        print(f"{said}; saved in {out}")
    else:
        _csv(sys.stdout, columns)
        if score:
            print(f"thalweg: {said}", file=sys.stderr)
    return ANSWERED


def load(path: str) -> Any:
    """The model of a file; faults of the file are wrong use."""
    from thalweg.models.persistence import load as read

    try:
        return read(path)
    except FileNotFoundError:
        raise ArgumentError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise ArgumentError(f"{path} is a directory; name a model file in it") from None
    except (OSError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _last(model: Any) -> Any:
    """The model itself, behind what was put before it."""
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    return getattr(last, "regressor_", last)


def _names(model: Any, path: str) -> list[str]:
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise ArgumentError(
            f"{path} has no names of columns: fit the model on a frame with names (pandas, polars), or by `thalweg fit`"
        )
    return [str(name) for name in names]


def _takes_missing(model: Any) -> bool:
    return type(_last(model)).__name__ == "GaussianMixture"


def predictions(model: Any, X: np.ndarray) -> dict[str, np.ndarray]:
    """All that the model says of rows, by column."""
    match type(_last(model)).__name__:
        case "KMeans":
            distances = np.asarray(model.transform(X))
            labels = np.asarray(model.predict(X))
            return {"cluster": labels, "distance": distances[np.arange(len(X)), labels]}
        case "GaussianMixture":
            shares = np.asarray(model.predict_proba(X))
            found = {"component": np.asarray(model.predict(X))}
            found |= {f"probability_{k}": shares[:, k] for k in range(shares.shape[1])}
            return found | {"log_density": np.asarray(model.score_samples(X))}
        case "Autoencoder":
            code = np.asarray(model.transform(X))
            back = np.asarray(model.inverse_transform(code))
            found = {f"code_{k}": code[:, k] for k in range(code.shape[1])}
            return found | {"error": np.mean((X - back) ** 2, axis=1)}
        case "LinearRegression":
            interval = model.predict(X, interval="prediction")
            columns = _columns("prediction", interval.mean)
            return columns | _columns("lower", interval.lower) | _columns("upper", interval.upper)
    columns = _columns("prediction", np.asarray(model.predict(X)))
    if hasattr(model, "predict_proba"):
        shares = np.asarray(model.predict_proba(X))
        columns |= {f"probability_{c}": shares[:, k] for k, c in enumerate(model.classes_)}
    return columns


def _columns(name: str, values: Any) -> dict[str, np.ndarray]:
    """One column, or one for each target."""
    values = np.asarray(values)
    if values.ndim == 1 or values.shape[1] == 1:
        return {name: values.reshape(len(values))}
    return {f"{name}_{k}": values[:, k] for k in range(values.shape[1])}


def _score(model: Any, X: np.ndarray, table: Any, target: Any) -> dict[str, Any] | None:
    """How well the target is met, where the table has it."""
    if not isinstance(target, str) or target not in table.columns:
        return None
    seen = table.columns[target]
    text = seen.dtype == object
    known = np.array([cell is not None for cell in seen]) if text else np.isfinite(seen)
    if known.sum() < 2:
        return None
    predicted = np.asarray(model.predict(X))[known]
    true = seen[known]
    on = "" if known.all() else f" on the {int(known.sum())} rows that have {target}"
    if hasattr(model, "classes_"):
        if text != (np.asarray(model.classes_).dtype.kind in "OU"):
            return None
        value = float(np.mean(predicted == true))
        return {"name": "accuracy", "value": value, "rows": len(true), "sentence": f"accuracy {value:.6g}{on}"}
    if text:
        return None
    from sklearn.metrics import r2_score

    value = float(r2_score(true, predicted))
    return {"name": "r2", "value": value, "rows": len(true), "sentence": f"R² {value:.6g}{on}"}


# --- CSV --------------------------------------------------------------------------------------------------------------


def _csv(stream: Any, columns: Mapping[str, np.ndarray]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values())))


def write_csv(path: str, columns: Mapping[str, np.ndarray]) -> None:
    """Write the predictions into a file, whole or not at all."""
    from thalweg.optimize.whole_file import whole_file

    try:
        with whole_file(path, "The predictions") as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            _csv(text, columns)
            text.flush()
            text.detach()
    except OSError as error:
        raise ArgumentError(f"--out: {path}: {error.strerror or error}") from None
