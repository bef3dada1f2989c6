"""The primitives, one file a family. Importing this package fills the table ``graph.OPS``."""

from thalweg.ops import contract, elementwise, movement, reduce

__all__ = ["contract", "elementwise", "movement", "reduce"]
