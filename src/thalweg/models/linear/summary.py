"""The table of a fit, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .statistics import Statistics

__all__ = ["Summary", "summary"]

WIDTH = 78


@dataclass(frozen=True, eq=False)
class Summary:
    """The table of a fit: ``print(model.summary())``; in a notebook it shows itself.

    Attributes
    ----------
    titles : tuple of str
        One for each target.
    facts : tuple of tuple of (name, value)
        R², F, log-likelihood, … of each target.
    header : tuple of str
        The heads of the columns of `coefficients`.
    coefficients : tuple of tuple of rows
        Name, estimate, standard error, t, p, and the interval, as text, for each target.
    notes : tuple of str
        What a reader must know: columns that repeat, constraints, an ill condition.
    """

    titles: tuple[str, ...]
    facts: tuple[tuple[tuple[str, str], ...], ...]
    header: tuple[str, ...]
    coefficients: tuple[tuple[tuple[str, ...], ...], ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return str(self)

    def _lines(self) -> Iterator[str]:
        for title, facts, rows in zip(self.titles, self.facts, self.coefficients):
            widths = [max(len(r[k]) for r in (self.header, *rows)) for k in range(len(self.header))]
            width = max(WIDTH, sum(widths) + 2 * len(widths) - 2)
            yield title.center(width).rstrip()
            yield "=" * width
            half = (len(facts) + 1) // 2
            side = (width - 4) // 2
            for k in range(half):
                pair = [facts[k], facts[half + k] if half + k < len(facts) else ("", "")]
                yield "    ".join(f"{name} {value:>{side - len(name) - 1}}" for name, value in pair).rstrip()
            yield "-" * width
            gap = (width - sum(widths)) // max(1, len(widths) - 1)
            for r in (self.header, *rows):
                cells = [f"{c:<{widths[0]}}" if k == 0 else f"{c:>{widths[k] + gap}}" for k, c in enumerate(r)]
                yield "".join(cells).rstrip()
                if r is self.header:
                    yield "-" * width
            yield "=" * width
        yield from self.notes

    def _repr_html_(self) -> str:
        parts = []
        for title, facts, rows in zip(self.titles, self.facts, self.coefficients):
            half = (len(facts) + 1) // 2
            padded = [*facts, *[("", "")] * (2 * half - len(facts))]
            top = "".join(
                "<tr>" + "".join(f"<th>{_safe(n)}</th><td>{_safe(v)}</td>" for n, v in (padded[k], padded[half + k]))
                + "</tr>"
                for k in range(half)
            )  # fmt: skip
            head = "".join(f"<th>{_safe(h)}</th>" for h in self.header)
            body = "".join(
                f"<tr><th>{_safe(r[0])}</th>" + "".join(f"<td>{_safe(c)}</td>" for c in r[1:]) + "</tr>" for r in rows
            )
            parts.append(
                f"<table><caption>{_safe(title)}</caption>{top}</table>"
                f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            )
        return "".join(parts) + "".join(f"<p>{_safe(note)}</p>" for note in self.notes)


def _safe(text: str) -> str:
    return html.escape(text)


def summary(
    s: Statistics,
    level: float,
    how: str,
    target: str | None,
    condition: float,
    dependencies: list[str],
    constrained: bool,
) -> Summary:
    """Return the table of the statistics."""
    single = np.ndim(s.sigma) == 0

    def of(value: Any, j: int) -> Any:
        return value if single else value[j]

    interval = s.interval(level)
    tail = (1 - level) / 2
    header = ("", "coef", "std err", "t", "P>|t|", f"[{tail:.4g}", f"{1 - tail:.4g}]")
    titles, facts, tables = [], [], []
    for j in range(1 if single else len(s.sigma)):
        name = target if target is not None else "y" if single else f"y{j}"
        titles.append(f"Linear regression of {name}")
        facts.append(
            (
                ("Observations", str(s.n)),
                ("Df model, residual", f"{s.df_model}, {s.df_residual}"),
                ("Residual std error", _number(of(s.sigma, j))),
                ("Condition number", f"{condition:.3g}"),
                ("Method", how),
                ("R²" if "intercept" in s.names[:1] else "R² (uncentred)", _number(of(s.r2, j))),
                ("Adjusted R²", _number(of(s.adjusted_r2, j))),
                ("F statistic", f"{_number(of(s.f, j))} (p {_p(of(s.f_p, j))})"),
                ("Log-likelihood", _number(of(s.log_likelihood, j))),
                ("AIC, BIC", f"{_number(of(s.aic, j))}, {_number(of(s.bic, j))}"),
            )
        )
        numbers = [of(a, j) for a in (s.estimate, s.standard_error, s.t, s.p, interval)]
        tables.append(tuple(_row(*values) for values in zip(s.names, *numbers)))
    notes = []
    if dependencies:
        notes.append(
            f"Columns repeat others: {'; '.join(dependencies)}. Of all coefficients that fit as well, these have the "
            "least sum of squares; a standard error is given where the data determine the coefficient."
        )
    if constrained:
        notes.append("The errors are those with the active constraints held; what they hold has none.")
    if s.df_residual <= 0:
        notes.append("As many coefficients as observations: the errors cannot be estimated.")
    return Summary(tuple(titles), tuple(facts), header, tuple(tables), tuple(notes))


def _row(name: str, estimate: float, error: float, t: float, p: float, interval: Any) -> tuple[str, ...]:
    t_text = f"{t:.3f}" if np.isfinite(t) else _number(t)
    return name, _number(estimate), _number(error), t_text, _p(p), _number(interval[0]), _number(interval[1])


def _number(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else "—"


def _p(value: float) -> str:
    if not np.isfinite(value):
        return "—"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"
