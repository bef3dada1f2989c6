"""NumPy function → Graph."""

from thalweg import ops as _ops  # the primitives must be there before anything is traced
from thalweg.tracing import functions as _functions
from thalweg.tracing.trace import Traced, trace

__all__ = ["Traced", "trace"]
