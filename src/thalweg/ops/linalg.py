"""Linear algebra: the names of all its primitives in one place.

`solve` (systems, inverses) · `least_squares` · `determinant` · `factorizations` (Cholesky, QR) · `spectral`
(eigenvalues, singular values) · `expm`, all on stacks of matrices.
"""

from thalweg.ops.determinant import det, slogdet
from thalweg.ops.expm import expm
from thalweg.ops.factorizations import cholesky, qr
from thalweg.ops.least_squares import lstsq, pinv
from thalweg.ops.matrix import mirror, mT
from thalweg.ops.solve import inv, solve, triangular_solve
from thalweg.ops.spectral import eigh, eigvalsh, svd, svdvals

__all__ = ["cholesky", "det", "eigh", "eigvalsh", "expm", "inv", "lstsq", "mT", "mirror", "pinv", "qr", "slogdet",
           "solve", "svd", "svdvals", "triangular_solve"]  # fmt: skip
