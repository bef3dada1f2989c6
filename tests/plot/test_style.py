"""One style: colours told apart without colour vision, files with the right endings, nothing changed outside."""

import itertools
import sys

import numpy as np
import pytest

from thalweg.errors import ArgumentError, MissingPackageError
from thalweg.plot.style import COLOURS, MARKERS, STYLE, axes, colour, marker, plain_text, style, to_file

matplotlib = pytest.importorskip("matplotlib")

# Machado, Oliveira & Fernandes (2009), severity 1: what is seen without one kind of cones.
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(linear):
    """CIE L*a*b* of linear sRGB."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    t = xyz / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > 216 / 24389, np.cbrt(np.maximum(t, 0)), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_differ_for_every_kind_of_colour_vision(kind):
    seen = []
    for name in COLOURS:
        rgb = np.array(matplotlib.colors.to_rgb(name))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        seen.append(lab(np.clip(np.array(BLINDNESS[kind]) @ linear, 0, 1)))
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(a - b) > 10  # a difference of 2 can just be seen


def test_no_group_looks_like_another():
    looks = [(colour(k), marker(k)) for k in range(len(COLOURS) * len(MARKERS))]
    assert len(set(looks)) == len(looks)


def test_the_style_is_left_as_it_was():
    before = dict(matplotlib.rcParams)
    with style():
        assert matplotlib.rcParams["font.size"] == STYLE["font.size"]
    assert dict(matplotlib.rcParams) == before


def test_axes_that_are_given_are_drawn_on():
    from matplotlib import pyplot

    figure = pyplot.figure()
    ax = figure.subplots()
    assert axes(ax) is ax and not ax.spines["top"].get_visible()
    other = axes(None)
    assert other is not ax
    pyplot.close("all")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf", "PNG"])
def test_files(tmp_path, ending):
    path = tmp_path / f"picture.{ending}"
    to_file(path, [lambda ax: ax.plot([0, 1], [0, 1])])
    assert path.stat().st_size > 1000


def test_several_panels(tmp_path):
    drawn = []
    to_file(tmp_path / "p.png", [drawn.append, drawn.append])
    assert len(drawn[0].figure.axes) == 2 and drawn[0] is not drawn[1]


def test_files_that_cannot_be(tmp_path):
    with pytest.raises(ArgumentError, match=r"ends with \.png, \.svg or \.pdf, not 'p\.txt'"):
        to_file(tmp_path / "p.txt", [lambda ax: None])
    with pytest.raises(ArgumentError, match="cannot be written: No such file"):
        to_file(tmp_path / "nowhere" / "p.png", [lambda ax: None])


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r"pip install thalweg\[plot\]"), style():
        pass


def test_texts_are_shown_as_they_are():
    assert plain_text("price in $ or $$") == r"price in \$ or \$\$"
    assert plain_text("_hidden") == " _hidden"
    assert plain_text("x" * 100) == "x" * 39 + "…"
