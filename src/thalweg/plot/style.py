"""How pictures look: quiet axes, colours that colour-blind people tell apart, and a marker beside each colour.

The colours are those of Okabe and Ito, of which any two differ in lightness or hue for every kind of colour vision.

References
----------
Okabe & Ito, *Color Universal Design* (2008).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from thalweg.errors import ArgumentError, MissingPackageError
from thalweg.optimize.picture import INK, SOFT
from thalweg.optimize.picture import STYLE as RUNS

__all__ = [
    "COLOURS",
    "IMAGES",
    "INK",
    "MARKERS",
    "SIZE",
    "SOFT",
    "WITH_LEGEND",
    "axes",
    "colour",
    "marker",
    "plain_text",
    "style",
    "to_file",
]

STYLE = {**RUNS, "lines.linewidth": 1.8, "legend.handlelength": 1.6, "image.cmap": "Blues"}
#: Of groups: blue, vermilion, green, purple, sky blue, orange, black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#2b2b2b")
#: Beyond them, the same colours with another marker.
MARKERS = ("o", "s", "^", "D", "v")
SIZE = (6.4, 4.8)
#: Where the legend stands beside the picture.
WITH_LEGEND = (8.0, 4.8)
#: A strip of images.
IMAGES = (6.4, 2.6)
SUFFIXES = (".png", ".svg", ".pdf")


def colour(place: int) -> str:
    """The colour of a group."""
    return COLOURS[place % len(COLOURS)]


def marker(place: int) -> str:
    """The marker of a group: another one for each of the first groups, and no pair of colour and marker twice soon."""
    return MARKERS[(place + place // len(COLOURS)) % len(MARKERS)]


@contextmanager
def style() -> Iterator[None]:
    """The style, for what is drawn inside; matplotlib, or how to install it."""
    try:
        import matplotlib
    except ImportError:
        raise MissingPackageError(
            "Pictures need matplotlib, which is not installed: pip install thalweg[plot]"
        ) from None
    with matplotlib.rc_context(STYLE):
        yield


def axes(ax: Any, size: tuple[float, float] = SIZE) -> Any:
    """The axes to draw on: those that were given, or the only ones of a new figure."""
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.figure(figsize=size, layout="constrained").subplots()
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def to_file(path: str | os.PathLike[str], panels: Sequence[Callable[[Any], Any]]) -> None:
    """Draw into a file: each of ``draw(ax)`` on axes of its own, beside one another.

    Raises
    ------
    ArgumentError
        Where the name has no known ending, or the file cannot be written.
    """
    if os.path.splitext(os.fspath(path))[1].lower() not in SUFFIXES:
        raise ArgumentError(
            f"A picture's name ends with .png, .svg or .pdf, not {os.path.basename(os.fspath(path))!r}."
        )
    with style():
        from matplotlib.figure import Figure

        width = WITH_LEGEND[0] if len(panels) == 1 else SIZE[0] * len(panels)
        figure = Figure(figsize=(width, SIZE[1]), layout="constrained")
        for ax, draw in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
            draw(ax)
        try:
            figure.savefig(os.fspath(path))
        except OSError as error:
            raise ArgumentError(f"{os.fspath(path)} cannot be written: {error.strerror or error}") from None


def plain_text(text: object, most: int = 40) -> str:
    """A text that matplotlib shows as it is."""
    shown = str(text) if len(str(text)) <= most else f"{str(text)[: most - 1]}…"
    shown = shown.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
