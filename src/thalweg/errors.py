"""Every error of the library: one class, one sentence; the message adds the place and what to do."""

from __future__ import annotations


class ThalwegError(Exception):
    """Base of all errors that Thalweg raises on purpose."""


class ShapeError(ThalwegError, ValueError):
    """Arrays whose shapes do not fit together, with the line of the user's code that joined them."""


class TraceError(ThalwegError, TypeError):
    """A traced value was used where a plain number is needed (``float(t)``, a C buffer, a string)."""


class UnsupportedError(TraceError):
    """A call that Thalweg cannot differentiate, with the call, the line and what to write instead."""


class ArgumentError(ThalwegError, ValueError):
    """A public function was given an argument that it cannot use."""


class FormulaError(ThalwegError, ValueError):
    """A formula that cannot be read; the message shows the text with a caret under the place."""


class MissingPackageError(ThalwegError, ImportError):
    """A package that is needed for this only is not installed; the message says how to install it."""


class NativeCodeWarning(UserWarning):
    """Machine code cannot be made here, and why; functions run interpreted, with the same results."""
