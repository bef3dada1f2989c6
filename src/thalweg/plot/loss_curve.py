"""How a training went: the loss after each epoch, and the score of the rows that were set aside."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .style import COLOURS, axes, style

__all__ = ["loss_curve"]

#: A loss that falls by more than this is drawn on a logarithmic axis.
WIDE = 20.0


def loss_curve(model: Any, *, ax: Any = None) -> Any:
    """Draw the loss of a trained model, iteration by iteration, and its validation score where rows were set aside.

    Parameters
    ----------
    model : estimator with `loss_curve_`, or a pipeline that ends with one
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes
        Of the loss; the validation score has an axis of its own on the right.

    Examples
    --------
    >>> class Model:
    ...     loss_curve_ = [3.0, 2.0, 1.5]
    >>> loss_curve(Model()).lines[0].get_ydata()
    array([3. , 2. , 1.5])
    """
    inner = model.steps[-1][1] if hasattr(model, "steps") else model
    inner = getattr(inner, "regressor_", inner)
    loss = np.asarray(getattr(inner, "loss_curve_", []), dtype=np.float64)
    if not loss.size:
        raise ArgumentError(f"A {type(inner).__name__} has no loss curve: there were no iterations.")
    scores = getattr(inner, "validation_scores_", None)
    with style():
        ax = axes(ax)
        steps = np.arange(1, loss.size + 1)
        mark = {"marker": "o", "ms": 4} if loss.size <= 30 else {}
        ax.plot(steps, loss, color=COLOURS[0], label="loss of the training rows", **mark)
        finite = loss[np.isfinite(loss)]
        if finite.size and finite.min() > 0 and finite.max() > WIDE * finite.min():
            ax.set_yscale("log")
        ax.set_xlabel("epoch" if hasattr(inner, "learning_rate_init") and inner.solver != "lbfgs" else "iteration")
        ax.set_ylabel("loss")
        _whole_steps(ax)
        handles = list(ax.lines)
        if scores is not None and len(scores):
            beside = ax.twinx()
            beside.spines["top"].set_visible(False)
            beside.spines["right"].set_visible(True)
            (line,) = beside.plot(
                np.arange(1, len(scores) + 1), scores, color=COLOURS[1], ls=(0, (4, 1.5)),
                label="score of rows set aside", **mark,
            )  # fmt: skip
            beside.set_ylabel("validation score")
            handles.append(line)
        ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=2)
    return ax


def _whole_steps(ax: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
