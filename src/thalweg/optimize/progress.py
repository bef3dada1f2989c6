r"""A line on the terminal while a run takes long.

Nothing is shown in the first second, nor where standard error is no terminal; the line is rewritten in place a few
times a second and wiped at the end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from .state import State

__all__ = ["ProgressLine", "watcher"]


class ProgressLine:
    """Writes the state of a run into one line of a terminal."""

    def __init__(self, stream: TextIO | None = None, patience: float = 1.0, every: float = 0.2) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.patience = patience
        self.every = every
        self.shown_at: float | None = None

    def __call__(self, state: State) -> None:
        """Show the state, if it is time to."""
        due = self.patience if self.shown_at is None else self.shown_at + self.every
        if state.elapsed < due or not self.stream.isatty():
            return
        text = f"iteration {state.iteration}  value {state.value:.8g}  gradient {state.gradient_norm:.2g}"
        text += f"  step {state.step_length:.2g}  {state.elapsed:.0f} s"
        self.stream.write("\r" + text[:79].ljust(79))
        self.stream.flush()
        self.shown_at = state.elapsed

    def close(self) -> None:
        """Wipe the line."""
        if self.shown_at is not None:
            self.stream.write("\r" + " " * 79 + "\r")
            self.stream.flush()
            self.shown_at = None


def watcher(progress: bool | Callable[[State], object] | None) -> Callable[[State], object] | None:
    """Return what to call with every state: a progress line for True, the callable itself, or nothing."""
    if progress is True:
        return ProgressLine()
    return progress if callable(progress) else None
