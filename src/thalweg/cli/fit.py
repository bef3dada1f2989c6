"""`thalweg fit MODEL DATA`: the options of each model, and which model they make.

Parameters are scikit-learn's under names that a command line can have: --clusters is n_clusters, --epochs is max_iter.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from thalweg.errors import ArgumentError

ANSWERED = 0

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Fit a model to a table. `thalweg fit MODEL --help` lists the options of a model.",
)

DataFile = Annotated[str, typer.Argument(metavar="DATA", help="A CSV or Parquet file; - is CSV on standard input.")]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")]
Features = Annotated[
    list[str] | None,
    typer.Option(metavar="A,B,C", help="The columns to use; all others without it. May be repeated."),
]
OneHot = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMNS", help="Make a column of zeros and ones for each value of these; `all` is all columns of text."
    ),
]
Weights = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column with the weight of each row.")]
Hidden = Annotated[str, typer.Option(metavar="64,32", help="The width of each hidden layer; `none` for no such layer.")]
Activation = Annotated[
    str, typer.Option(metavar="NAME", help="identity, relu, tanh, logistic, softplus, gelu or swish.")
]
Solver = Annotated[str, typer.Option(metavar="NAME", help="adam, adamw, sgd, or lbfgs for few rows.")]
Rate = Annotated[float, typer.Option(metavar="RATE", help="The size of a step.")]
Alpha = Annotated[float, typer.Option(metavar="NUMBER", help="The penalty on the squares of the weights.")]
Batch = Annotated[int | None, typer.Option(metavar="N", min=1, help="Rows at a step; 200 without it.")]
Epochs = Annotated[int, typer.Option(metavar="N", min=1, help="Passes over the rows, at most.")]
Early = Annotated[bool, typer.Option("--early-stopping", help="Set a tenth aside, and keep what does best on it.")]
HeldOut = Annotated[
    float, typer.Option(metavar="SHARE", min=0.0, max=0.9, help="The share of rows for scoring; 0 trains on all.")
]
Starts = Annotated[int, typer.Option(metavar="N", min=1, help="Begin so often, and keep the best.")]
Iterations = Annotated[int, typer.Option(metavar="N", min=1, help="Stop after N iterations.")]
Scale = Annotated[
    bool, typer.Option("--standardize/--no-standardize", help="Bring every feature to mean 0 and variance 1 first.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Of all that is random.")]
Out = Annotated[str | None, typer.Option(metavar="FILE", help="Save the model, for `thalweg predict`.")]
Plot = Annotated[str | None, typer.Option(metavar="FILE", help="Draw the model into a file: .png, .svg or .pdf.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON (see docs/command.md).")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]


@app.command()
def linear(
    data: DataFile,
    target: Target,
    features: Features = None,
    one_hot: OneHot = None,
    weights: Weights = None,
    intercept: Annotated[bool, typer.Option("--intercept/--no-intercept", help="Whether there is a constant.")] = True,
    positive: Annotated[bool, typer.Option("--positive", help="Keep all coefficients at or above 0.")] = False,
    level: Annotated[float, typer.Option(metavar="SHARE", help="Of the confidence intervals.")] = 0.95,
    out: Out = None,
    plot: Plot = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Least squares, with standard errors and intervals."""
    if not 0 < level < 1:
        raise ArgumentError(f"--level: a number between 0 and 1, such as 0.95, is needed, not {level:g}")
    parameters = {"fit_intercept": intercept, "positive": positive}
    return _answer(
        "linear", data, parameters, target=target, features=features, one_hot=one_hot, weights=weights, level=level,
        reference=intercept, out=out, plot=plot, as_json=as_json,
    )  # fmt: skip


@app.command()
def network(
    data: DataFile,
    target: Target,
    features: Features = None,
    one_hot: OneHot = None,
    weights: Weights = None,
    classifier: Annotated[
        bool | None,
        typer.Option(
            "--classifier/--regressor",
            help="Predict classes or numbers; without it the target decides, and it is said.",
        ),
    ] = None,
    hidden: Hidden = "100",
    activation: Activation = "relu",
    solver: Solver = "adam",
    learning_rate: Rate = 0.001,
    alpha: Alpha = 0.0001,
    batch_size: Batch = None,
    epochs: Epochs = 1000,
    early_stopping: Early = False,
    held_out: HeldOut = 0.2,
    standardize: Scale = True,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """A neural network that predicts classes or numbers."""
    parameters = {
        "hidden_layer_sizes": widths(hidden), "activation": activation, "solver": solver,
        "learning_rate_init": learning_rate, "alpha": alpha, "batch_size": batch_size or "auto", "max_iter": epochs,
        "early_stopping": early_stopping, "random_state": seed,
    }  # fmt: skip
    return _answer(
        "network", data, parameters, target=target, features=features, one_hot=one_hot, weights=weights,
        classifier=classifier, held_out=held_out, standardize=standardize, seed=seed, out=out, plot=plot,
        as_json=as_json,
    )  # fmt: skip


@app.command()
def kmeans(
    data: DataFile,
    clusters: Annotated[int, typer.Option(metavar="N", min=1, help="How many clusters.")],
    features: Features = None,
    one_hot: OneHot = None,
    weights: Weights = None,
    starts: Starts = 10,
    max_iterations: Iterations = 300,
    standardize: Scale = False,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Clusters around centres, by k-means."""
    parameters = {
        "n_clusters": clusters, "n_init": starts, "max_iter": max_iterations, "tol": 0.0, "random_state": seed
    }  # fmt: skip
    return _answer(
        "kmeans", data, parameters, features=features, one_hot=one_hot, weights=weights, standardize=standardize,
        out=out, plot=plot, as_json=as_json,
    )  # fmt: skip


@app.command()
def mixture(
    data: DataFile,
    components: Annotated[int, typer.Option(metavar="N", min=1, help="How many Gaussian components.")],
    features: Features = None,
    one_hot: OneHot = None,
    weights: Weights = None,
    covariance: Annotated[str, typer.Option(metavar="FORM", help="full, tied, diag or spherical.")] = "full",
    starts: Starts = 1,
    max_iterations: Iterations = 1000,
    standardize: Scale = False,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Gaussian mixture; values may be missing."""
    parameters = {
        "n_components": components, "covariance_type": covariance, "n_init": starts, "max_iter": max_iterations,
        "random_state": seed, "method": "auto",
    }  # fmt: skip
    return _answer(
        "mixture", data, parameters, features=features, one_hot=one_hot, weights=weights, standardize=standardize,
        missing=True, out=out, plot=plot, as_json=as_json,
    )  # fmt: skip


@app.command()
def autoencoder(
    data: DataFile,
    components: Annotated[int, typer.Option(metavar="N", min=1, help="The width of the code.")] = 2,
    features: Features = None,
    one_hot: OneHot = None,
    weights: Weights = None,
    hidden: Hidden = "none",
    activation: Activation = "relu",
    solver: Annotated[
        str, typer.Option(metavar="NAME", help="adam, adamw, sgd or lbfgs; auto is lbfgs for few rows, else adam.")
    ] = "auto",
    learning_rate: Rate = 0.001,
    alpha: Alpha = 0.0001,
    batch_size: Batch = None,
    epochs: Epochs = 1000,
    early_stopping: Early = False,
    held_out: HeldOut = 0.2,
    standardize: Scale = True,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Rows squeezed through a few numbers and made anew."""
    parameters = {
        "n_components": components, "hidden_layer_sizes": widths(hidden), "activation": activation, "solver": solver,
        "learning_rate_init": learning_rate, "alpha": alpha, "batch_size": batch_size or "auto", "max_iter": epochs,
        "early_stopping": early_stopping, "random_state": seed,
    }  # fmt: skip
    return _answer(
        "autoencoder", data, parameters, features=features, one_hot=one_hot, weights=weights, held_out=held_out,
        standardize=standardize, seed=seed, out=out, plot=plot, as_json=as_json,
    )  # fmt: skip


def widths(text: str) -> tuple[int, ...]:
    """The widths of hidden layers, `64,32`; none for `none`.

    Examples
    --------
    >>> widths("64, 32"), widths("none")
    ((64, 32), ())
    """
    if text.strip().lower() in ("none", "0"):
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 0 < len(part) <= 7 and int(part) > 0 for part in parts):
        raise ArgumentError(f"--hidden: the width of each layer is needed, such as 64,32, not {text[:60]!r}")
    return tuple(int(part) for part in parts)


def _answer(model: str, data: str, parameters: dict[str, Any], **asked: Any) -> int:
    from thalweg.cli.training import Question, answer

    return answer(Question(model, data, parameters, **asked))
