"""The optimizers, a file a peer, called as their documentation advises."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from benchmarks.optimizers import descents, ipopt, optimistix, ours, pounce, slsqp, squares, trust_constr
from benchmarks.optimizers.solver import Answer, Solver

__all__ = ["ALL", "CONSTRAINED", "FREE", "LARGE", "PAIRS", "SQUARES", "Answer", "Solver", "available"]

DISTRIBUTIONS = {"pounce": "pounce-solver"}

#: For constrained problems of a few variables, ours first.
CONSTRAINED = [
    ours.OURS,
    slsqp.SLSQP,
    slsqp.READY,
    trust_constr.TRUST_CONSTR,
    ipopt.IPOPT,
    pounce.POUNCE,
    optimistix.BFGS,
]
#: For problems without constraints, whatever the method.
FREE = [ours.OURS, slsqp.SLSQP, ipopt.IPOPT, pounce.POUNCE, optimistix.BFGS]
#: A method of ours and its counterpart, for problems without constraints.
PAIRS = [
    (ours.by("bfgs"), descents.by("BFGS")),
    (ours.by("l-bfgs"), descents.by("L-BFGS-B")),
    (ours.by("conjugate-gradients"), descents.by("CG")),
    (ours.by("newton"), descents.by("trust-exact")),
    (ours.by("newton"), descents.by("Newton-CG")),
]
SQUARES = [ours.LEAST_SQUARES, squares.LEAST_SQUARES, optimistix.LEAST_SQUARES]
LARGE = [ours.OURS, ipopt.IPOPT, pounce.POUNCE, descents.by("L-BFGS-B")]

ALL: dict[str, Solver] = {s.name: s for s in (*CONSTRAINED, *(s for pair in PAIRS for s in pair), *SQUARES, *LARGE)}


def available() -> dict[str, str]:
    """The packages that are installed, with their versions."""
    packages = dict.fromkeys(s.package for s in ALL.values())
    there = [p for p in packages if importlib.util.find_spec(p) is not None]
    return {p: importlib.metadata.version(DISTRIBUTIONS.get(p, p)) for p in there}
