"""Pictures: what is drawn where, in the user's words, with nothing over anything else."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

import thalweg as tw
from optimize.problems import quadratic
from thalweg.errors import ArgumentError, MissingPackageError
from thalweg.optimize import Status, picture
from thalweg.optimize.picture import STYLE, _on_grid, _view

ROOT = Path(__file__).parent.parent.parent
CASES = {
    "line": lambda: tw.minimize(tw.formula("x^2 + y^2"), {"x": 2.0, "y": 1.5}, subject_to="x + y = 1"),
    "free": lambda: tw.minimize(tw.formula("100*(y - x^2)^2 + (1 - x)^2"), {"x": -1.2, "y": 1.0}),
    "vertex": lambda: tw.maximize(
        tw.formula("3*x + 2*y"), {"x": 1.0, "y": 1.0}, subject_to=["x + y <= 4", "x + 3*y <= 6"], bounds=(0, 3)
    ),
    "units": lambda: tw.minimize(
        tw.formula("(a - 1000)^2 + 1e6*(b - 0.5)^2"), {"a": 900.0, "b": 0.1}, subject_to="a*b = 200"
    ),
    "domain": lambda: tw.minimize(tw.formula("x^2 - log(x) + y^2 - sqrt(y)"), {"x": 3.0, "y": 2.0}),
    "fixed": lambda: tw.minimize(
        tw.formula("x^2 + y^2 + z^2"), {"x": 1.0, "y": 1.0, "z": 1.0}, subject_to="x + y + z >= 6",
        bounds={"y": (3, 3)},
    ),
    "own": lambda: tw.minimize(quadratic(np.diag([1.0, 3.0])), [1.0, 1.0], learning_rate=0.1),
    "vectors": lambda: tw.minimize(
        lambda x: (x[0] - 3) ** 2 + x[1] ** 2, np.ones(2), subject_to=lambda x: [x <= np.array([2.0, 5.0]), x @ x >= 1]
    ),
    "at once": lambda: tw.minimize(tw.formula("x^2 + y^2"), {"x": 0.0, "y": 0.0}),
    "many variables": lambda: tw.minimize(lambda x: np.sum((x - 1) ** 4), np.zeros(5)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(STYLE, "savefig.dpi", 50)
    monkeypatch.setattr(picture, "FINE", 120)


@pytest.fixture(scope="module")
def solutions():
    return {name: make() for name, make in CASES.items()}


def drawn(s):
    """The axes of a picture on a figure that nobody shows."""
    ax = Figure(figsize=(6, 6)).add_subplot()
    s.plot(ax=ax)
    return ax


@pytest.mark.parametrize("name", ["line", "free", "vertex", "units", "vectors", "many variables"])
def test_no_text_is_over_another(name, solutions, tmp_path):
    s = solutions[name]
    axes = s.plot(tmp_path / "p.png")
    axes = axes if isinstance(axes, tuple) else (axes,)
    assert len(axes) == (1 if name == "many variables" else 2)
    figure = axes[0].figure
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = []
    for ax in axes:
        texts = [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        for axis, (low, high) in ((ax.xaxis, sorted(ax.get_xlim())), (ax.yaxis, sorted(ax.get_ylim()))):
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        texts += ax.get_legend().get_texts() if ax.get_legend() else []
        boxes += [t.get_window_extent(renderer) for t in texts if t.get_text().strip() and t.get_visible()]
    assert boxes
    for k, one in enumerate(boxes):
        assert one.x0 >= -1 and one.y0 >= -1 and one.x1 <= figure.bbox.x1 + 1 and one.y1 <= figure.bbox.y1 + 1
        for other in boxes[k + 1 :]:
            across = min(one.x1, other.x1) - max(one.x0, other.x0)
            along = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert across <= 1 or along <= 1


@pytest.mark.parametrize("suffix, begins", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_files(suffix, begins, solutions, tmp_path):
    solutions["own"].plot(tmp_path / f"p.{suffix}")
    assert (tmp_path / f"p.{suffix}").read_bytes().startswith(begins)


def test_a_name_without_a_known_ending(solutions, tmp_path):
    for name in ("p", "p.txt"):
        with pytest.raises(ArgumentError, match=r"end the name with \.png, \.svg or \.pdf"):
            solutions["own"].plot(tmp_path / name)
        assert not (tmp_path / name).exists()


def test_the_words_are_the_users(solutions):
    legend = [text.get_text() for text in drawn(solutions["line"]).get_legend().get_texts()]
    assert "x + y = 1" in legend and "∇f" in legend and "∇g of x + y = 1, λ = -1" in legend
    ax = drawn(solutions["line"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    legend = [text.get_text() for text in drawn(solutions["vertex"]).get_legend().get_texts()]
    assert {"x + y <= 4", "x + 3*y <= 6", "bounds", "not allowed"} <= set(legend)


def arrows(ax):
    return {a.get_label(): np.subtract(*reversed(a._posA_posB)) for a in ax.patches if isinstance(a, FancyArrowPatch)}


def test_gradients_are_parallel_where_one_constraint_holds_the_point(solutions):
    for name in ("line", "units"):
        found = arrows(drawn(solutions[name]))
        f = found.pop("∇f")
        (g,) = found.values()
        assert abs(f[0] * g[1] - f[1] * g[0]) < 1e-6 * np.linalg.norm(f) * np.linalg.norm(g)
    f = arrows(drawn(solutions["line"]))["∇f"]
    np.testing.assert_allclose(f / np.linalg.norm(f), np.sqrt([0.5, 0.5]))  # at (½, ½) of x² + y²


def test_gradients_stand_at_right_angles_to_the_contours_as_drawn(solutions):
    s = solutions["units"]
    ax = drawn(s)
    size = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    assert not np.isclose(*size)
    gradient = np.array(list(s.gradient.values()))
    along = np.array([-gradient[1], gradient[0]])  # the contour
    assert abs((along / size) @ (arrows(ax)["∇f"] / size)) < 1e-9 * np.linalg.norm(along / size)
    FigureCanvasAgg(ax.figure).draw()
    box = ax.get_window_extent()
    assert box.width == pytest.approx(box.height)


def test_no_gradients_where_nothing_holds_the_point(solutions):
    assert arrows(drawn(solutions["free"])) == {}


def test_the_constraint_is_drawn_where_it_holds(solutions):
    ax = drawn(solutions["line"])
    curves = [c for c in ax.collections if isinstance(c, ContourSet) and list(c.levels) == [0.0]]
    (curve,) = curves
    points = np.concatenate([path.vertices for path in curve.get_paths()])
    np.testing.assert_allclose(points.sum(axis=1), 1.0)


def test_what_is_not_allowed_is_shaded(solutions):
    ax = drawn(solutions["vertex"])
    (shade,) = [c for c in ax.collections if isinstance(c, ContourSet) and list(c.levels) == [0.5, 1.5]]
    contains = lambda x, y: any(path.contains_point((x, y)) for path in shade.get_paths())
    assert contains(3.5, 1.0) and contains(2.0, -0.1) and contains(1.5, 2.0)
    assert not contains(2.0, 1.0) and not contains(2.9, 0.5)


def test_the_path_is_drawn_from_the_start_to_the_solution(solutions):
    s = solutions["free"]
    ax = drawn(s)
    line = next(item for item in ax.lines if item.get_label() == f"{s.iterations} iterations")
    np.testing.assert_array_equal(np.column_stack(line.get_data()), s.history.x)
    (low, high), (bottom, top) = _view(s)
    assert low < -1.2 and high > 1.0 and bottom < 0 and top > 1.3
    assert any(item.get_label() == "start (-1.2, 1)" for item in ax.lines)


@pytest.mark.parametrize("name", ["at once", "domain", "own", "fixed"])
def test_values_on_the_grid(name, solutions):
    s = solutions[name]
    X, Y, F, C = _on_grid(s, (-1.0, 2.0), (-0.5, 2.5))
    for place in [(3, 4), (20, 30), (40, 11)]:
        with np.errstate(all="ignore"):
            point = s.built.problem.at([X[place], Y[place]])
        np.testing.assert_allclose(F[place], point.value)
        np.testing.assert_allclose(C[place], point.c)
    assert X.size > 5000 or name == "own"


def test_a_function_that_cannot_be_traced_is_drawn_point_by_point():
    f = lambda x: float(x[0]) ** 2 + float(x[1]) ** 2
    s = tw.minimize(f, [1.0, 2.0], grad=lambda x: 2 * np.asarray(x), method="gradient-descent")
    X, _, F, _ = _on_grid(s, (0.0, 1.0), (0.0, 1.0))
    assert X.shape == (50, 50) and F[-1, -1] == 2.0
    assert drawn(s).collections


def test_other_optima_are_marked():
    s = tw.minimize(tw.formula("(x^2 + y - 11)^2 + (x + y^2 - 7)^2"), {"x": 0.0, "y": 0.0}, starts=8, bounds=(-5, 5))
    (also,) = [item for item in drawn(s).lines if item.get_label() == "also found"]
    assert len(also.get_xdata()) == len(s.minima) - 1 >= 2


def test_convergence_is_on_a_logarithmic_axis(solutions):
    s = solutions["many variables"]
    ax = drawn(s)
    assert ax.get_yscale() == "log" and ax.get_xlabel() == "iteration"
    labels = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(labels["gradient norm"], s.history.gradient_norm)
    assert "value above the last" in labels


def test_exact_zeros_are_drawn_below_everything_else():
    s = tw.minimize(lambda x: np.sum((x - 1) ** 2), np.zeros(3))
    assert s.history.gradient_norm.tolist() == [2.0, 0.0] and s.history.value.tolist() == [3.0, 0.0]
    ax = drawn(s)
    lines = {line.get_label(): line for line in ax.lines}
    for label, first in (("gradient norm", 2.0), ("value above the last", 3.0)):
        np.testing.assert_allclose(lines[label].get_ydata(), [first, 0.1])
    assert [line.get_ydata().tolist() for line in ax.lines if line.get_markerfacecolor() == "white"] == [[0.1], [0.1]]
    assert [t.get_text() for t in ax.texts] == ["exactly 0"]
    FigureCanvasAgg(ax.figure).draw()
    shown = [tick.label1.get_text() for tick in ax.yaxis.get_major_ticks() if tick.get_loc() <= 0.1]
    assert set(shown) <= {""}, "no other number stands at the place of 0"
    assert ax.get_ylim()[0] < 0.1


def test_unfinished_runs_are_drawn_too():
    infeasible = tw.minimize(lambda x: x @ x, [3.0, 1.0], subject_to=lambda x: [x[0] + x[1] == 1, x[0] + x[1] >= 3])
    assert infeasible.status == Status.INFEASIBLE
    unbounded = tw.minimize(lambda x: x[0] - x[1] ** 2, [1.0, 1.0])
    outside = tw.minimize(lambda x: np.log(x[0]) + x[1] ** 2, [-1.0, 1.0])
    stopped = tw.minimize(lambda x: x @ x, [3.0, 1.0], max_iterations=0)
    for s in (infeasible, unbounded, outside, stopped):
        assert not s.success
        FigureCanvasAgg(drawn(s).figure).draw()


def test_names_are_shown_as_they_are():
    s = tw.minimize(lambda p: (p["_a$b$"] - 1) ** 2 + p["c_d"] ** 2, {"_a$b$": 0.0, "c_d": 1.0})
    ax = drawn(s)
    assert ax.get_xlabel() == r"x['_a\$b\$']" and ax.get_ylabel() == "c_d"
    assert picture._plain("_a >= 1") == " _a >= 1"  # a label that begins with _ would be left out of the legend
    FigureCanvasAgg(ax.figure).draw()


def test_a_new_figure_can_be_shown(solutions, monkeypatch):
    import matplotlib

    monkeypatch.setattr(matplotlib, "get_backend", matplotlib.get_backend)
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = solutions["own"].plot()
    assert pyplot.fignum_exists(axes[0].figure.number)
    pyplot.close(axes[0].figure)


def test_without_matplotlib_the_error_says_what_to_install(solutions, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r"pip install thalweg\[plot\]"):
        solutions["own"].plot()


def test_the_extra_is_declared_and_nothing_loads_matplotlib_by_itself():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert any(item.startswith("matplotlib") for item in project["optional-dependencies"]["plot"])
    code = "import sys, thalweg as tw; print(tw.minimize(lambda x: x * x, 1.0)); assert 'matplotlib' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
