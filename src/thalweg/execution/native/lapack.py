"""Linear algebra in compiled code: factorizations and systems as LAPACK has them, for stacks of matrices.

The writers of single ops are in `triangles` and `lu`; matrices up to 3×3 are written out (`tiny`). A matrix that is
singular, or not positive definite, is told by a status.
"""

from __future__ import annotations

from collections.abc import Sequence

from thalweg.execution.native import lu, triangles
from thalweg.execution.native.axes import Operand
from thalweg.execution.native.counting import Loop
from thalweg.execution.native.linear_algebra import OPS, Scratch, Writer
from thalweg.execution.native.matrices import stacked
from thalweg.execution.native.module import IN_MEMORY, Body
from thalweg.graph import Node

__all__ = ["emit", "lu", "supports", "triangles"]


def supports(node: Node) -> bool:
    """Whether `emit` has a way to compute a node from its arguments."""
    if node.op.name not in OPS:
        return False
    dtype = node.args[0].dtype
    return dtype.char in "df" or (node.op.name == "triangle" and node.params[1] == 1)


def emit(body: Body, node: Node, operands: Sequence[Operand], outs: Sequence[Operand], scratch: Scratch) -> str | None:
    """Write the lines that compute an op of linear algebra into ``outs``, which are row-major.

    Parameters
    ----------
    operands, outs : sequence of Operand
        The arguments of ``node``, in any strides, and its results (one, or all of an op with several), C-contiguous and
        apart from the arguments.
    scratch : callable
        Gives the register with the address of so many bytes that are this op's alone (64-byte aligned).

    Returns
    -------
    str or None
        A status of type i32, other than 0 where NumPy raises ``LinAlgError`` (the results are then undefined);
        ``None``, with nothing written, for an op that is not handled.
    """
    if not supports(node) or any(isinstance(n, str) for x in (*operands, *outs) for n in x.shape):
        return None
    if all(0 in x.shape for x in outs):
        return "0"
    if any(0 in x.shape for x in operands):
        return None
    kind = IN_MEMORY[node.args[0].dtype.char]
    status = scratch(8)
    body.line(f"store i32 0, ptr {status}")
    stack = node.args[0].shape[:-2]
    loops = [Loop(body, n, as_written=True) for n in stack]
    index = [x.index for x in loops]
    kinds = [IN_MEMORY[a.dtype.char] for a in node.args]
    given = [stacked(x, kinds[k], index, body, vector=len(x.shape) == len(stack) + 1) for k, x in enumerate(operands)]
    wanted = [
        stacked(x, _result_kind(node, k, kind), index, body, vector=len(x.shape) == len(stack) + 1)
        for k, x in enumerate(outs)
    ]
    OPS[node.op.name](Writer(body, kind, scratch, status), given, wanted, node.params)
    for loop in reversed(loops):
        loop.close()
    return body.emit(f"load i32, ptr {status}")


def _result_kind(node: Node, k: int, kind: str) -> str:
    return "i64" if node.op.name == "lu_factor" and k == 1 else kind
