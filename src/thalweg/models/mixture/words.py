"""What is said of a run: where it ended short of a minimum, and where a component has collapsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from thalweg.models.trained import Evidence
from thalweg.optimize.solution import Solution, Status

from .maximization import Collapse

__all__ = ["EndOfEM", "collapse_words", "singular_words"]

_ADVICE = (
    "Use fewer components, a larger reg_covar, covariance_type='diag' or 'tied', or other starts (n_init); data of a "
    "small scale are to be scaled."
)


def singular_words(component: int | None, rows: float, kind: str, features: int, failed: int) -> str:
    """Why nothing could be fitted."""
    whose = "The covariance that all components share" if component is None else f"Component {component}"
    starts = "" if failed == 1 else f" (and so in each of {failed} starts)"
    spanned = {"full": f"fewer than {features} dimensions", "tied": f"fewer than {features} dimensions"}
    flat = spanned.get(kind, "no extent in some feature" if kind == "diag" else "no extent")
    has = f"has {flat}" if flat.startswith("no") else f"spans {flat}"
    return (
        f"{whose} has become singular{starts}: what belongs to it, about {rows:.3g} rows, {has}, so that the "
        "likelihood has no bound. Set reg_covar above 0 (1e-6 for data of order 1), use fewer components, "
        "covariance_type='diag' or 'tied', other starts (n_init), or data in float64 of comparable scales."
    )


def collapse_words(found: list[Collapse], named: Callable[[int], str], components: int, reg_covar: float) -> str:
    """The warning about components without rows or variance."""
    flat = [c for c in found if c.feature is not None]
    shared = {c.feature for c in flat}
    if flat and len(shared) == 1 and (flat[0].component is None or len(flat) == components):
        name = named(next(iter(f for f in shared if f is not None)))
        return (
            f"In {name}, or a combination that it leads, no component has more variance than reg_covar={reg_covar:g} "
            "puts there: it is constant, depends on the other features, or is of a smaller scale. Leave it out, or "
            "scale the data (StandardScaler), or lower reg_covar."
        )
    words = []
    for c in found:
        if c.feature is None:
            words.append(f"component {c.component} has no rows left")
        else:
            words.append(
                f"component {c.component} has collapsed onto {c.rows:.3g} rows: in {named(c.feature)}, or a "
                f"combination that it leads, it has no more variance than reg_covar={reg_covar:g} puts there"
            )
    text = "; ".join(words)
    return f"{text[0].upper()}{text[1:]}. Its density and the likelihood mean little. {_ADVICE}"


@dataclass(eq=False)
class EndOfEM(Evidence):
    """EM's point: if its gradient vanishes all is well, and if not it is said why it ended."""

    ending: str = ""

    def judged(self) -> Solution:
        """Return the solution, with the verdict."""
        solution = super().judged()
        if self.status is not None or solution.status == Status.CONVERGED:
            return solution
        status = Status.ITERATION_LIMIT if self.ending.startswith("max_iter") else Status.STALLED
        message = (
            f"EM ended before the gradient vanished, because {self.ending}. For the minimum itself fit with "
            "method='auto', which goes on from there by the gradient, or with a smaller tol and more iterations."
        )
        return replace(solution, status=status, message=message)
