"""A model fitted to a table: read, held out, standardized, trained, judged; then told, drawn and saved.

Standardizing is a step of the model (a scikit-learn Pipeline), so that what is saved takes the table as it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thalweg.cli.output import json_text, progress_line
from thalweg.cli.places import PICTURES, check_place
from thalweg.data import Design, Table, design, read_table
from thalweg.data.csv_file import counted
from thalweg.data.design import names_of
from thalweg.data.table import is_text
from thalweg.errors import ArgumentError, ThalwegError

CONVERGED, NOT_CONVERGED = 0, 1
#: A target of whole numbers is taken for classes where it has at most so many.
CLASSES = 20
TRAININGS = ("network", "autoencoder")


@dataclass(frozen=True)
class Question:
    """What is asked: the model's name and parameters, the data, and what is wanted of the answer."""

    model: str
    data: str
    parameters: dict[str, Any]
    target: str | None = None
    features: Sequence[str] | None = None
    one_hot: Sequence[str] | None = None
    weights: str | None = None
    classifier: bool | None = None
    held_out: float = 0.0
    standardize: bool = False
    missing: bool = False
    reference: bool = False
    level: float = 0.95
    seed: int = 0
    out: str | None = None
    plot: str | None = None
    as_json: bool = False


@dataclass(eq=False)
class Fitted:
    """A trained model with what it was trained on.

    Attributes
    ----------
    model : estimator
        As it is saved: with the standardization before it, if there is one.
    inner : estimator
        The model itself.
    design : Design
    train, test : array of int
        Rows that were learnt from, and held out; all of them and none where none are.
    notes : list of str
    """

    question: Question
    table: Table
    model: Any
    inner: Any
    design: Design
    train: np.ndarray
    test: np.ndarray
    notes: list[str] = field(default_factory=list)

    @property
    def solution(self) -> Any:
        """The verdict."""
        return self.inner.solution_

    @property
    def ended(self) -> bool:
        """Whether the fit ended by its own rule, not by a limit: a training by batches ends where the loss stands."""
        status = self.solution.status
        return bool(self.solution.success) or (status == "stalled" and self.question.model in TRAININGS)

    @property
    def held(self) -> np.ndarray:
        """The rows to score: those held out, or all."""
        return self.test if len(self.test) else self.train


def answer(question: Question) -> int:
    """Fit, print, draw and save; return the exit code."""
    if question.plot is not None:
        check_place(question.plot, "--plot", PICTURES)
    if question.out is not None:
        check_place(question.out, "--out")
    fitted = fit(question)

    from thalweg.cli import report

    with nameless():
        said = json_text(report.content(fitted)) if question.as_json else report.text(fitted)
        if question.out is not None:
            save(fitted.model, question.out)
        print(said)
        if question.plot is not None:
            report.draw(fitted, question.plot)
    return CONVERGED if fitted.ended else NOT_CONVERGED


def save(model: Any, path: str) -> None:
    """Write the model; an error of the option where it cannot be."""
    from thalweg.models.persistence import save as write

    try:
        write(model, path)
    except OSError as error:
        raise ArgumentError(f"--out: {path}: {error.strerror or error}") from None


def fit(question: Question) -> Fitted:
    """Read the data and train the model."""
    import thalweg.models  # noqa: F401  # says what to install, before a long reading

    features, one_hot = names_of(question.features, "--features"), names_of(question.one_hot, "--one-hot")
    with progress_line() as tell:
        table = read_table(question.data, tell)
        made = design(
            table, question.target, features, one_hot, question.weights,
            reference=question.reference, missing=question.missing,
        )  # fmt: skip
        notes = list(made.notes)
        made, model = _model(question, table, made, notes)
        train, test = _divided(question, made)
        with _in_words(notes):
            fitted, inner = _trained(question, model, made, train, tell)
    fitted._table = {
        "recipe": made.recipe.to_dict(), "target": question.target, "model": question.model, "thalweg": 1,
    }  # fmt: skip
    return Fitted(question, table, fitted, inner, made, train, test, notes)


# --- which model ------------------------------------------------------------------------------------------------------


def _model(question: Question, table: Table, made: Design, notes: list[str]) -> tuple[Design, Any]:
    """The estimator; and the design, with classes for a target where it is to be classified."""
    from thalweg import models

    classes: dict[str, Any] = {
        "linear": "LinearRegression", "kmeans": "KMeans", "mixture": "GaussianMixture", "autoencoder": "Autoencoder"
    }  # fmt: skip
    if question.model != "network":
        if made.y is not None and is_text(made.y):
            raise ArgumentError(
                f"{table.label}: {question.target} is text ({made.y[0]}, …), and linear regression predicts numbers; "
                "`thalweg fit network` predicts classes"
            )
        return made, getattr(models, classes[question.model])(**question.parameters)
    assert made.y is not None
    classify, why = _classified(question, made.y)
    notes.append(why)
    name = "NeuralNetworkClassifier" if classify else "NeuralNetworkRegressor"
    if classify:
        y = made.y if is_text(made.y) or not _whole(made.y) else made.y.astype(np.int64)
        y = y if is_text(y) or _whole(y) else _texts(y)
        if len(np.unique(y)) < 2:
            raise ArgumentError(f"{table.label}: {question.target} has one class only, {y[0]}; two are needed")
        made = Design(made.X, made.names, y, made.weights, made.recipe, made.notes)
    return made, getattr(models, name)(**question.parameters)


def _classified(question: Question, y: np.ndarray) -> tuple[bool, str]:
    """Whether the target is classes, and why."""
    target = question.target
    if is_text(y):
        if question.classifier is False:
            raise ArgumentError(f"--regressor: {target} is text; numbers are needed")
        return True, f"{target} is text, so its {counted(len(set(y)), 'value')} are classes"
    if question.classifier is not None:
        return (
            question.classifier,
            f"{target} is predicted as {'classes' if question.classifier else 'numbers'}, as asked",
        )
    count = len(np.unique(y))
    if _whole(y) and count <= CLASSES:
        return True, f"{target} has {counted(count, 'whole number')}, taken for classes; --regressor predicts numbers"
    return False, f"{target} is predicted as numbers; --classifier takes its values for classes"


def _whole(y: np.ndarray) -> bool:
    return bool((y == np.round(y)).all() and (np.abs(y) < 2**53).all())


def _texts(y: np.ndarray) -> np.ndarray:
    found = np.empty(len(y), dtype=object)
    found[:] = [f"{v:.15g}" for v in y]
    return found


# --- training ---------------------------------------------------------------------------------------------------------


def _divided(question: Question, made: Design) -> tuple[np.ndarray, np.ndarray]:
    """The rows to learn from and those held out, of every class a share where that can be."""
    rows = np.arange(len(made.X))
    count = round(question.held_out * len(rows))
    if not count:
        return rows, rows[:0]
    from sklearn.model_selection import train_test_split

    y, stratify = made.y, None
    if y is not None and question.model == "network" and y.dtype != np.float64:
        counts = np.unique(y, return_counts=True)[1]
        stratify = y if counts.min() >= 2 and min(count, len(rows) - count) >= len(counts) else None
    if len(rows) - count < 1:
        raise ArgumentError(f"--held-out: no row is left of {len(rows)} to learn from")
    train, test = train_test_split(rows, test_size=count, random_state=question.seed, stratify=stratify)
    return np.sort(train), np.sort(test)


def _trained(
    question: Question, model: Any, made: Design, train: np.ndarray, tell: Callable[[str], None] | None
) -> tuple[Any, Any]:
    """The model as it is saved, and the model itself."""
    from thalweg.cli.progress import Progress

    if tell is not None and hasattr(model, "set_callbacks"):
        model.set_callbacks(Progress(tell))
    X, y = made.X[train], None if made.y is None else made.y[train]
    weights = {} if made.weights is None else {"sample_weight": made.weights[train]}
    names = np.array(made.names, dtype=object)
    steps: list[tuple[str, Any]] = []
    if question.standardize:
        from sklearn.preprocessing import StandardScaler

        scale = StandardScaler()
        X = scale.fit_transform(X, **weights)
        scale.feature_names_in_ = names
        steps.append(("standardize", scale))
    last = model
    if question.standardize and type(model).__name__ == "NeuralNetworkRegressor":
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.preprocessing import StandardScaler

        last = TransformedTargetRegressor(model, transformer=StandardScaler()).fit(X, y, **weights)
        model = last.regressor_
    elif y is None:
        model.fit(X, **weights)
    else:
        model.fit(X, y, **weights)
    if hasattr(model, "set_callbacks"):
        model.set_callbacks()
    if not steps:
        model.feature_names_in_ = names
        return model, model
    from sklearn.pipeline import Pipeline

    return Pipeline([*steps, (question.model, last)]), model


@contextmanager
def _in_words(notes: list[str]) -> Iterator[None]:
    """What a fit warns of becomes a note, and what its checks refuse a complaint."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            yield
        except ThalwegError:
            raise
        except ValueError as error:
            raise ArgumentError(" ".join(str(error).split())[:400]) from error
    for warning in said:
        text = " ".join(str(warning.message).split())
        ours = issubclass(warning.category, (ConvergenceWarning, UserWarning)) and "valid feature names" not in text
        if ours and text not in notes:
            notes.append(text)


@contextmanager
def nameless() -> Iterator[None]:
    """Rows whose columns are known to be right go without their names, and scikit-learn need not say so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*valid feature names")
        yield
