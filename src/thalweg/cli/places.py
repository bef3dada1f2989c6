"""Files that will be written: an error before long work rather than after it."""

from __future__ import annotations

import importlib.util
import os

from thalweg.errors import ArgumentError

PICTURES = (".png", ".svg", ".pdf")


def check_place(path: str, option: str, endings: tuple[str, ...] = ()) -> None:
    """An error where no file can be written to `path`, or its name has none of the endings of a picture."""
    if endings and not path.lower().endswith(endings):
        raise ArgumentError(f"{option}: end the name of the file with .png, .svg or .pdf, not {path!r}")
    if endings and importlib.util.find_spec("matplotlib") is None:
        raise ArgumentError(f"{option} needs matplotlib, which is not installed: pip install thalweg[plot]")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ArgumentError(f"{option}: there is no folder {folder}")
    if os.path.isdir(path):
        raise ArgumentError(f"{option}: {path} is a directory; name a file in it")
