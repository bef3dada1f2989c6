"""Sequential quadratic programming, and the quadratic programs that it is made of."""

from .quadratic import QPSolution, solve_qp
from .sqp import SQP

__all__ = ["SQP", "QPSolution", "solve_qp"]
