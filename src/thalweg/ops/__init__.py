"""The primitives, one file a family. Importing this package fills the table ``graph.OPS``.

``special`` is loaded when one of its ops is met: ``scipy.special`` takes longer to import than all the rest.
"""

from thalweg.graph import LATE
from thalweg.ops import contract, correlate, elementwise, linalg, movement, order, reduce, sinc, softmax

__all__ = ["contract", "correlate", "elementwise", "linalg", "movement", "order", "reduce", "sinc", "softmax"]

LATE.append("thalweg.ops.special")
