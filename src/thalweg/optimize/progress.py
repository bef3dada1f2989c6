r"""How a run gets on, while it takes long: a line on a terminal, a small table in a notebook.

Nothing is shown in the first second.  Then what is shown is rewritten in place a few times a second, and wiped at the
end, as the solution says it all.  Where standard error is no terminal, nothing is shown.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from html import escape
from typing import Any, TextIO

from .state import State

__all__ = ["NotebookTable", "ProgressLine", "columns", "watcher"]


def columns(state: State) -> list[tuple[str, str]]:
    """What is shown of a state: names and numbers.

    With constraints the residual is that of the Karush–Kuhn–Tucker conditions, and the violation is shown too.
    """
    constrained = state.infeasibility > 0 or state.residual != state.gradient_norm
    shown = [("iteration", str(state.iteration)), ("value", f"{state.value:.8g}")]
    if constrained:
        shown += [("KKT residual", f"{state.residual:.2g}"), ("violation", f"{state.infeasibility:.2g}")]
    else:
        shown += [("gradient", f"{state.gradient_norm:.2g}")]
    return [*shown, ("step", f"{state.step_length:.2g}"), ("time", _seconds(state.elapsed))]


def _seconds(elapsed: float) -> str:
    minutes, seconds = divmod(int(elapsed), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


class _Watch:
    """Knows when it is time to show a state."""

    def __init__(self, patience: float, every: float) -> None:
        self.patience = patience
        self.every = every
        self.shown_at: float | None = None
        self.began: float | None = None

    def due(self, state: State) -> bool:
        """Whether to show this state; a resumed run has its seconds counted on, so the first state sets the clock."""
        if self.began is None:
            self.began = state.elapsed if state.iteration else 0.0
        wait = self.began + self.patience if self.shown_at is None else self.shown_at + self.every
        return state.elapsed >= wait


class ProgressLine(_Watch):
    """Writes the state of a run into one line of a terminal."""

    def __init__(self, stream: TextIO | None = None, patience: float = 1.0, every: float = 0.2) -> None:
        super().__init__(patience, every)
        self.stream = sys.stderr if stream is None else stream

    def __call__(self, state: State) -> None:
        """Show the state, if it is time to."""
        if not self.due(state) or self.stream is None or not self.stream.isatty():
            return
        width = shutil.get_terminal_size().columns - 1
        shown = columns(state)
        text = "  ".join(f"{name} {number}" for name, number in shown)
        if len(text) > width:
            text = "  ".join(number for _, number in shown)
        self.stream.write("\r" + text[:width].ljust(width))
        self.stream.flush()
        self.shown_at = state.elapsed

    def close(self) -> None:
        """Wipe the line."""
        if self.shown_at is not None:
            self.stream.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            self.stream.flush()
            self.shown_at = None


class NotebookTable(_Watch):
    """Shows the state of a run as a table in the output of a notebook's cell.

    Parameters
    ----------
    display : callable
        IPython's ``display``.
    """

    def __init__(self, display: Callable[..., Any], patience: float = 1.0, every: float = 0.5) -> None:
        super().__init__(patience, every)
        self.display = display
        self.handle: Any = None

    def __call__(self, state: State) -> None:
        """Show the state, if it is time to."""
        if not self.due(state):
            return
        shown = _Shown(columns(state))
        if self.handle is None:
            self.handle = self.display(shown, display_id=True)
        else:
            self.handle.update(shown)
        self.shown_at = state.elapsed

    def close(self) -> None:
        """Take the table away."""
        if self.handle is not None:
            self.handle.update(_Shown([]))
            self.handle, self.shown_at = None, None


class _Shown:
    """What a notebook displays: a table of one row, or nothing."""

    def __init__(self, cells: list[tuple[str, str]]) -> None:
        self.cells = cells

    def __repr__(self) -> str:
        return "  ".join(f"{name} {number}" for name, number in self.cells)

    def _repr_html_(self) -> str:
        if not self.cells:
            return ""
        style = 'style="text-align:right"'
        head = "".join(f"<th {style}>{escape(name)}</th>" for name, _ in self.cells)
        row = "".join(f"<td {style}>{escape(number)}</td>" for _, number in self.cells)
        return f"<table>\n<tr>{head}</tr>\n<tr>{row}</tr>\n</table>"


def _notebook() -> Callable[..., Any] | None:
    """IPython's ``display`` where this runs in a notebook; IPython is not imported for that."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        return None
    return getattr(ipython, "display", None) and ipython.display.display


def watcher(progress: bool | Callable[[State], object] | None) -> Callable[[State], object] | None:
    """Return what to call with every state: a line or table for True, the callable itself, or nothing."""
    if progress is True:
        display = _notebook()
        return ProgressLine() if display is None else NotebookTable(display)
    return progress if callable(progress) else None
