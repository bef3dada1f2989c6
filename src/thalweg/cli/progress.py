"""The progress of a fit on the terminal, through scikit-learn's callbacks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

#: Seconds between two lines.
OFTEN = 0.1
BAR = 24


class Progress:
    """A callback that tells how far a fit is.

    Parameters
    ----------
    report : callable
        ``report(text)`` shows a line in place of the last one.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._done = 0
        self._told = time.monotonic()

    def setup(self, estimator: Any, context: Any) -> None:
        """Before the fit."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """An iteration begins."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """An iteration is over."""
        if context.parent is None:
            return
        self._done += 1
        now = time.monotonic()
        if now - self._told >= OFTEN:
            self._told = now
            self._report(line(context.task_name or "iteration", self._done, context.parent.max_subtasks, estimator))

    def teardown(self, estimator: Any, context: Any) -> None:
        """After the fit."""


def line(name: str, done: int, most: int | None, estimator: Any) -> str:
    """Such as ``━━━━━━        epoch 120 of 500, loss 0.123``; most fits end before the most that they may take.

    Examples
    --------
    >>> line("epoch", 5, 10, None)
    '━━━━━━━━━━━━             epoch 5 of 10'
    """
    text = f"{name} {done}"
    if most:
        filled = min(BAR, BAR * done // most)
        text = f"{'━' * filled}{' ' * (BAR - filled)} {text} of {most}"
    curve = getattr(estimator, "loss_curve_", None)
    return f"{text}, loss {curve[-1]:.6g}" if isinstance(curve, list) and curve else text
