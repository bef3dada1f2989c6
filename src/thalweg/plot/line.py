"""Groups of rows along a single feature: stacked histograms, for there is no second axis to spread them on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .style import colour, plain_text

__all__ = ["histograms"]

MOST_BINS = 40


def histograms(ax: Any, values: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> float:
    """Draw how many rows of each group lie where, stacked; return the width of the bins."""
    finite = np.isfinite(values)
    edges = np.histogram_bin_edges(values[finite], bins="auto")
    if len(edges) > MOST_BINS + 1:
        edges = np.linspace(edges[0], edges[-1], MOST_BINS + 1)
    groups = [values[finite & (labels == k)] for k in range(len(names))]
    ax.hist(
        groups, bins=edges, stacked=True, color=[colour(k) for k in range(len(names))], alpha=0.75, edgecolor="white",
        linewidth=0.6, label=[plain_text(f"{n}: {len(g)} row{'s' * (len(g) != 1)}") for n, g in zip(names, groups)],
    )  # fmt: skip
    ax.set_ylabel("rows")
    return float(edges[1] - edges[0])
