"""Problems for any number of variables, a file a family, in plain NumPy; each also as CasADi writes it."""

from __future__ import annotations

from benchmarks.families import chain, control, links, obstacle, surface
from benchmarks.families.family import Family, LargeProblem

__all__ = ["ALL", "Family", "LargeProblem"]

ALL: list[Family] = [control.FAMILY, obstacle.FAMILY, chain.FAMILY, surface.FAMILY, links.FAMILY]
