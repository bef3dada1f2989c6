r"""From how many variables on what is done: all limits of size, with their reasons.

A dense Hessian of n variables costs about n products ∇²f·v and n² numbers, and n³/3 operations to factorize (n³·10 for
all eigenvalues): nothing for a few hundred variables, a second or so for a thousand, minutes and gigabytes for ten
thousand.  A sparse one costs as many products as it has colours, mostly a few dozen, whatever n is; but to find the
structure takes a second trace's time, which is felt where everything else takes milliseconds.
"""

from __future__ import annotations

__all__ = [
    "ALL_DENSE", "DENSE_LIMIT", "DENSE_SHARE", "FEW", "LOOKED_AT", "NEWTON_LIMIT", "POLISHED", "QUASI_NEWTON_LIMIT",
    "SMALL", "SPARSE_FROM",
]  # fmt: skip

#: Up to this many variables the Hessian is formed in full without a question; beyond, its structure is looked at, and
#: where that is not sparse, products with vectors are used.  (Its eigenvalues take about 10 ms.)
DENSE_LIMIT = 200
#: From so many variables on, a problem with constraints has sparse matrices if their structure is: its linear systems
#: are larger than those of a problem without, and a factorization is what a step costs.
SPARSE_FROM = 100
#: A matrix in which a larger share of the entries can be nonzero is dense: its factors fill, and colours are as many
#: as columns.
DENSE_SHARE = 0.3
#: No dense Hessian of more variables is formed unless the user's method asks for one at each step; "auto" never does.
NEWTON_LIMIT = 1_000
#: "auto" keeps the dense matrices of BFGS up to here, where there is no Hessian: they cost n² operations a step.
QUASI_NEWTON_LIMIT = 500
#: Up to so many variables and rows together few steps matter more than cheap ones: "auto" takes `sqp` first.
FEW = 60
#: Constraints with dense derivatives are factorized up to this many variables: n³/3 operations a step, a second.
SMALL = 3_000
#: Up to so many variables sparse matrices are filled to say what a point is: all eigenvalues, in 30 ms.
ALL_DENSE = 300
#: Up to so many variables the eigenvalues of a constant Hessian are looked at, to see whether a problem is convex.
LOOKED_AT = 300
#: Up to so many variables and rows together the last digits come from a dense factorization with all its refinement.
POLISHED = 400
