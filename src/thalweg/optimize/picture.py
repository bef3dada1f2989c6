r"""Pictures of a run: how it converged, and for two variables the map of f with the way that was taken.

On the map the contours of f are drawn with the constraints: equalities as curves, inequalities as the boundary of what
is shaded, outside.  At a solution that constraints hold, Lagrange's condition

    ∇f = −Σ λᵢ ∇gᵢ

is what one sees: ∇f lies on the line of ∇g where one constraint is active, so contour and curve touch; and between
those of two.  Gradients are drawn at right angles to the contours also where the axes have different units.

matplotlib is loaded when the first picture is drawn, and is not needed otherwise.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg import calculus
from thalweg.errors import ArgumentError, MissingPackageError, ThalwegError

from .held import NEAR, Held
from .problem import Vector, did_not_travel

if TYPE_CHECKING:
    from .solution import Solution

__all__ = ["picture"]

#: Points of the map along each side; fewer where the function has to be called at one after the other.
FINE, COARSE = 240, 50
#: Ranges of the two variables that differ by more than this get units of their own.
UNEQUAL = 12.0
#: At least this part of the picture is on each side of the solution.
ROOM = 0.45
LEVELS = 16
INK, SOFT, PATH, STAR = "#2b2b2b", "#8a8f98", "#1f2430", "#d1495b"
CURVES = ("#e07a1f", "#7b4fa3", "#2a8c6a", "#b5395f", "#8c6d1f", "#3f6fb5")
LINES = ("#1f5fa8", "#e07a1f", "#2a8c6a")
OUTSIDE = "#6b7078"
STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.dpi": 110,
    "savefig.dpi": 160,
}


def picture(s: Solution, path: str | os.PathLike[str] | None = None, ax: Any = None) -> Any:
    """Draw a solution; return the axes, a tuple of two for a map beside the convergence.

    Parameters
    ----------
    s : Solution
        What to draw.
    path : str or path, optional
        The file to write.
    ax : matplotlib Axes, optional
        Where to draw, instead of a new figure.
    """
    try:
        import matplotlib
    except ImportError:
        raise MissingPackageError(
            "solution.plot() needs matplotlib, which is not installed: `pip install thalweg[plot]`."
        ) from None
    mapped = s.flat.size == 2 and s.built is not None
    if mapped and s.built is not None and s.built.travelled:
        did_not_travel()
    with matplotlib.rc_context(STYLE):
        if ax is not None:
            figure, axes = ax.figure, (ax,)
            (_map if mapped else _convergence)(s, ax)
        else:
            figure = _new_figure(11.0 if mapped else 6.4, path is None)
            if path is not None:
                _check_format(figure, path)
            axes = tuple(figure.subplots(1, 2 if mapped else 1, squeeze=False)[0])
            if mapped:
                _map(s, axes[0])
            _convergence(s, axes[-1])
        if path is not None:
            figure.savefig(os.fspath(path))
    return axes if len(axes) > 1 else axes[0]


def _new_figure(width: float, shown: bool) -> Any:
    """A figure: of pyplot where it is to be shown, and of nobody where it goes to a file."""
    if shown:
        from matplotlib import pyplot

        return pyplot.figure(figsize=(width, 5.2), layout="constrained")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, 5.2), layout="constrained")


def _check_format(figure: Any, path: str | os.PathLike[str]) -> None:
    known = figure.canvas.get_supported_filetypes()
    suffix = os.path.splitext(os.fspath(path))[1].lstrip(".").lower()
    if suffix not in known:
        raise ArgumentError(
            f"A picture cannot be written as {os.path.basename(os.fspath(path))!r}: end the name with .png, .svg or "
            ".pdf."
        )


# --- convergence ------------------------------------------------------------------------------------------------------


def _convergence(s: Solution, ax: Any) -> None:
    """The distance of the value from the best, the residual and the violation, on a logarithmic axis.

    Exact zeros, which have no place there, are open circles on a line of their own below everything else.
    """
    h = s.history
    constrained = s.built is not None and s.built.problem.constrained
    gap = h.value - s.value if s.sense == "minimize" else s.value - h.value
    side = "above" if s.sense == "minimize" else "below"
    label = f"value {side} the last" if np.all(gap >= 0) else "distance of the value from the last"
    residual = "residual of the optimality conditions" if constrained else "gradient norm"
    series: list[tuple[Any, ...]] = [(label, np.abs(gap), LINES[0], "-"), (residual, h.gradient_norm, LINES[1], "-")]
    if np.any(h.infeasibility > 0):
        series.append(("violation of the constraints", h.infeasibility, LINES[2], (0, (3, 2))))
    marker = "o" if len(h) <= 60 else ""
    positive = [values[np.isfinite(values) & (values > 0)] for _, values, _, _ in series]
    every = np.concatenate(positive)
    if every.size:
        floor = _floor(float(every.min()))
        zeros = False
        for (name, values, colour, dashes), above in zip(series, positive):
            if not above.size:
                continue
            shown = np.where(np.isfinite(values), np.maximum(values, floor), np.nan)
            ax.plot(h.iteration, shown, color=colour, lw=1.6, ls=dashes, marker=marker, ms=3.5, label=name)
            nothing = np.flatnonzero(values == 0)
            if nothing.size:
                zeros = True
                ax.plot(
                    h.iteration[nothing], np.full(nothing.size, floor), ls="", marker="o", ms=6, mfc="white",
                    mec=colour, mew=1.3, zorder=3,
                )  # fmt: skip
        ax.set_yscale("log")
        if zeros:
            _line_of_zeros(ax, floor)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=1)
    else:
        ax.text(0.5, 0.5, "exact from the start", ha="center", va="center", transform=ax.transAxes, color=SOFT)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("iteration")
    ax.grid(True, which="major", axis="y", color="#e6e8eb", lw=0.8)
    ax.set_axisbelow(True)
    ax.set_title(f"{s.method}: {str(s.status).replace('_', ' ')} after {_count(s)}", loc="left")


def _floor(smallest: float) -> float:
    """Where zeros are drawn on a logarithmic axis: the power of ten that is at least a decade below the smallest."""
    return float(10.0 ** max(np.floor(np.log10(smallest)) - 1.0, -307.0))


def _line_of_zeros(ax: Any, floor: float) -> None:
    """A line that stands for 0: its place on the axis has no other number."""
    from matplotlib.ticker import FuncFormatter

    plain = ax.yaxis.get_major_formatter()
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, at: plain(y, at) if y > 1.5 * floor else ""))
    ax.axhline(floor, color=SOFT, lw=0.8, ls=(0, (1, 3)), zorder=0)
    ax.text(
        -0.012, floor, "exactly 0", transform=ax.get_yaxis_transform(), ha="right", va="center", fontsize=9, color=INK
    )


# --- the map ----------------------------------------------------------------------------------------------------------


def _map(s: Solution, ax: Any) -> None:
    """Contours, constraints, the path, and the gradients at the solution."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    x_range, y_range = _view(s)
    X, Y, F, C = _on_grid(s, x_range, y_range)
    handles: list[Any] = []
    _contours(ax, X, Y, F)
    outside = np.zeros(X.shape, dtype=bool)
    for k, (one, values) in enumerate(zip(s.constraints, _values(s, X, Y, C))):
        colour = CURVES[k % len(CURVES)]
        outside |= _draw_constraint(ax, one, values, X, Y, colour)
        handles.append(Line2D([], [], color=colour, lw=2, label=_label(one)))
    lower, upper = _own_bounds(s)
    if np.isfinite(lower).any() or np.isfinite(upper).any():
        outside |= (X < lower[0]) | (X > upper[0]) | (Y < lower[1]) | (Y > upper[1])
        for j, line in enumerate((ax.axvline, ax.axhline)):
            for side in (lower[j], upper[j]):
                if np.isfinite(side):
                    line(side, color=OUTSIDE, lw=1.5)
        handles.append(Line2D([], [], color=OUTSIDE, lw=1.5, label="bounds"))
    if outside.any():
        ax.contourf(X, Y, outside.astype(float), levels=[0.5, 1.5], colors=[OUTSIDE], alpha=0.38, zorder=2)
        handles.append(Patch(facecolor=OUTSIDE, alpha=0.38, label="not allowed"))
    handles += _draw_path(s, ax)
    handles += _draw_gradients(s, ax, x_range, y_range)
    ax.set_xlim(*x_range)
    ax.set_ylim(*y_range)
    ax.set_box_aspect(1)
    ax.set_xlabel(_plain(s.names[0]))
    ax.set_ylabel(_plain(s.names[1]))
    ax.set_title(f"{s.kind[0].upper() + s.kind[1:]}, value {s.value:.6g}", loc="left")
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=2, handlelength=1.6)


def _view(s: Solution) -> tuple[tuple[float, float], tuple[float, float]]:
    """What to show: the path, the solution and other optima with some room, in the same units where sensible."""
    points = [s.flat[None, :], *(one.flat[None, :] for one in s.minima)]
    if s.history.x is not None:
        points.append(s.history.x)
    seen = np.concatenate(points)
    seen = seen[np.isfinite(seen).all(axis=1)]
    if not seen.size:
        return (-1.0, 1.0), (-1.0, 1.0)
    low, high = seen.min(axis=0), seen.max(axis=0)
    wide = high - low
    if not wide.any():
        wide = np.full(2, max(1.0, 0.2 * float(np.abs(low).max())))
    elif wide.max() <= UNEQUAL * wide.min() or wide.min() <= 1e-6 * wide.max():
        wide = np.full(2, wide.max())
    centre = s.flat if np.isfinite(s.flat).all() else 0.5 * (low + high)
    low, high = (
        np.minimum(low - 0.15 * wide, centre - ROOM * wide),
        np.maximum(high + 0.15 * wide, centre + ROOM * wide),
    )
    size = high - low
    if wide[0] == wide[1]:
        size = np.full(2, size.max())
    middle = 0.5 * (low + high)
    low, high = (middle - 0.5 * size).tolist(), (middle + 0.5 * size).tolist()
    return (low[0], high[0]), (low[1], high[1])


def _on_grid(s: Solution, x_range: tuple[float, float], y_range: tuple[float, float]) -> tuple[Any, Any, Any, Any]:
    """f and the rows of the constraints on a grid: all points in one call where the function can be traced."""
    built = s.built
    assert built is not None
    with np.errstate(all="ignore"):
        if built.program is not None:
            X, Y = _grid(x_range, y_range, FINE)
            points = np.stack([X.ravel(), Y.ravel()], axis=1)
            program, args = built.program, built.args
            try:
                F, C = calculus.batch(lambda v: program(v, *args))(points)
                return X, Y, np.reshape(F, X.shape), np.reshape(C, (*X.shape, -1))
            except (ThalwegError, ArithmeticError, np.linalg.LinAlgError):
                pass  # some point is outside of what the function can do: one after the other
        X, Y = _grid(x_range, y_range, COARSE)
        F, C = np.full(X.shape, np.nan), np.full((*X.shape, s.c.size), np.nan)
        for place in np.ndindex(X.shape):
            try:
                point = built.problem.at(np.array([X[place], Y[place]]))
            except (ThalwegError, ArithmeticError, ValueError):
                continue
            F[place], C[place] = point.value, point.c
    return X, Y, F, C


def _grid(x_range: tuple[float, float], y_range: tuple[float, float], size: int) -> tuple[Any, Any]:
    X, Y = np.meshgrid(np.linspace(*x_range, size), np.linspace(*y_range, size))
    return X, Y


def _contours(ax: Any, X: Any, Y: Any, F: Any) -> None:
    """Contours through equal areas: dark where f is low."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap

    finite = F[np.isfinite(F)]
    levels = np.unique(np.quantile(finite, np.linspace(0.0, 1.0, LEVELS + 1))) if finite.size else np.zeros(0)
    if levels.size < 3 or not levels[-1] > levels[0]:
        return
    shades = ListedColormap(colormaps["Blues_r"](np.linspace(0.42, 0.97, levels.size - 1)))
    masked = np.ma.masked_invalid(F)
    ax.contourf(X, Y, masked, levels=levels, cmap=shades, norm=BoundaryNorm(levels, levels.size - 1), zorder=0)
    ax.contour(X, Y, masked, levels=levels[1:-1], colors="white", linewidths=0.7, alpha=0.9, zorder=1)


def _values(s: Solution, X: Any, Y: Any, C: Any) -> list[Any]:
    """The values of each constraint's rows on the grid, rows last."""
    assert s.built is not None
    found, row = [], 0
    places = np.arange(2) if s.built.free is None else s.built.free
    for one in s.constraints:
        relation = one.relation
        if relation.variables is None:
            found.append(C[..., row : row + relation.size])
            row += relation.size
        else:
            both = {int(places[0]): X, int(places[1]): Y}
            fixed = s.flat if s.built.free is None else s.built.fixed
            parts = [both[j] if j in both else np.full(X.shape, fixed[j]) for j in map(int, relation.variables)]
            found.append(np.stack(parts, axis=-1))
    return found


def _draw_constraint(ax: Any, one: Held, values: Any, X: Any, Y: Any, colour: str) -> Any:
    """Draw the sides of each row as curves; return where an inequality is violated."""
    outside = np.zeros(X.shape, dtype=bool)
    for k in range(one.relation.size):
        g = values[..., k]
        low, high = one.relation.lower[k], one.relation.upper[k]
        sides = [side for side in np.unique([low, high]) if np.isfinite(side)]
        finite = g[np.isfinite(g)]
        for side in sides:
            if finite.size and finite.min() < side < finite.max():
                ax.contour(X, Y, np.ma.masked_invalid(g), levels=[side], colors=[colour], linewidths=2.0, zorder=3)
        if low != high:
            with np.errstate(invalid="ignore"):
                outside |= (g < low) | (g > high)
    return outside


def _own_bounds(s: Solution) -> tuple[Vector, Vector]:
    """The bounds of the argument `bounds`, for the two free variables."""
    built = s.built
    assert built is not None
    lower, upper = built.lower, built.upper
    if built.layout is None and built.problem.lower is not None and built.problem.upper is not None:
        lower, upper = built.problem.lower, built.problem.upper
    elif built.free is not None and lower is not None and upper is not None:
        lower, upper = lower[built.free], upper[built.free]
    if lower is None or upper is None:
        return np.full(2, -np.inf), np.full(2, np.inf)
    return lower, upper


def _draw_path(s: Solution, ax: Any) -> list[Any]:
    """The iterates, from the start to the solution."""
    handles = []
    path = s.history.x
    if path is not None and len(path) > 1:
        size = 3.5 if len(path) <= 60 else 0.0
        (line,) = ax.plot(*path.T, color=PATH, lw=1.3, marker="o", ms=size, zorder=4, label=_count(s))
        handles.append(line)
    if path is not None and len(path):
        (start,) = ax.plot(
            *path[0], "o", ms=7, mfc="white", mec=PATH, mew=1.4, zorder=5, ls="", label=f"start {_pair(path[0])}"
        )
        handles.append(start)
    others = [one for one in s.minima if not np.array_equal(one.flat, s.flat)]
    if others:
        (also,) = ax.plot(
            *np.stack([one.flat for one in others]).T, "D", ms=6, mfc="white", mec=STAR, mew=1.3, zorder=6, ls="",
            label="also found",
        )  # fmt: skip
        handles.append(also)
    (end,) = ax.plot(*s.flat, "*", ms=15, mfc=STAR, mec="white", mew=0.8, zorder=8, ls="", label=f"x = {_pair(s.flat)}")
    return [*handles, end]


def _draw_gradients(s: Solution, ax: Any, x_range: tuple[float, float], y_range: tuple[float, float]) -> list[Any]:
    """∇f and the gradients of the active constraints at the solution."""
    normals = _normals(s)
    gradient = np.asarray(_free_gradient(s), dtype=np.float64)
    if not normals or not np.isfinite(gradient).all() or not np.linalg.norm(gradient) > 0:
        return []
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch

    size = np.array([x_range[1] - x_range[0], y_range[1] - y_range[0]])
    handles: list[Any] = []
    arrows = [(normal, 0.14, 4.0, colour, label) for normal, colour, label in normals]
    for vector, length, width, colour, label in [*arrows, (gradient, 0.2, 1.7, INK, "∇f")]:
        shown = vector * size  # the direction at right angles to the contours as they are drawn
        tip = s.flat + length * size * shown / np.linalg.norm(shown)
        arrow = FancyArrowPatch(
            tuple(s.flat), tuple(tip), arrowstyle="-|>", mutation_scale=8 + 1.8 * width, lw=width, color=colour,
            shrinkA=0, shrinkB=0, zorder=7, label=label, capstyle="butt", joinstyle="miter",
        )  # fmt: skip
        ax.add_patch(arrow)
        handles.append(Line2D([], [], color=colour, lw=width, label=label))
    return handles


def _normals(s: Solution) -> list[tuple[Vector, str, str]]:
    """Gradients of the active constraints and bounds, with a colour and a label."""
    assert s.built is not None
    point = s.built.problem.at(s.flat)
    J = point.J.toarray() if hasattr(point.J, "toarray") else point.J
    found: list[tuple[Vector, str, str]] = []
    row = 0
    places = np.arange(2) if s.built.free is None else s.built.free
    for k, one in enumerate(s.constraints):
        relation, active = one.relation, one.active
        for i in range(relation.size):
            if relation.variables is None:
                normal = np.asarray(J[row + i], dtype=np.float64)
            else:
                normal = (places == relation.variables[i]).astype(np.float64)
            if relation.sign == ">=":
                normal = -normal
            if active[i] and np.isfinite(normal).all() and np.linalg.norm(normal) > 0:
                label = f"∇g of {_short(relation.row_name(i))}, λ = {one.multiplier[i]:.4g}"
                found.append((normal, CURVES[k % len(CURVES)], label))
        if relation.variables is None:
            row += relation.size
    for j, (low, high) in enumerate(zip(*_own_bounds(s))):
        for side, sign in ((low, -1.0), (high, 1.0)):
            if np.isfinite(side) and abs(s.flat[j] - side) <= NEAR * (1 + abs(side)):
                found.append((sign * np.eye(2)[j], OUTSIDE, f"normal of the bound of {_plain(s.names[j])}"))
    return found if len(found) <= 4 else []


def _free_gradient(s: Solution) -> Any:
    assert s.built is not None
    return s.built.problem.at(s.flat).gradient


# --- labels -----------------------------------------------------------------------------------------------------------


def _label(one: Held) -> str:
    return _short(one.relation.text or "constraint")


def _short(text: str, most: int = 34) -> str:
    return _plain(text if len(text) <= most else f"{text[: most - 1]}…")


def _plain(text: str) -> str:
    """A text that matplotlib shows as it is."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _count(s: Solution) -> str:
    return f"{s.iterations} iteration{'s' * (s.iterations != 1)}"


def _pair(x: Vector) -> str:
    return f"({x[0] + 0.0:.4g}, {x[1] + 0.0:.4g})"
