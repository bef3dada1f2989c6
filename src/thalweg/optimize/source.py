"""What stood in the user's source where a node was made: for messages, and as the name of a constraint."""

from __future__ import annotations

import linecache
from types import CodeType

from thalweg.graph import Node
from thalweg.graph.places import place

__all__ = ["at_line", "code_text", "oriented", "place_text", "source_text"]


def at_line(where: str) -> str:
    """The last line of an error, if there is a place to name."""
    return f"\n  at {where}" if where else ""


def place_text(node: Node) -> str:
    """``model.py:7``; empty where it cannot be told."""
    at = place(node.where)
    if at is None or at[0].startswith("formula: "):
        return ""
    name = at[0].rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    return f"{name}:{at[1]}"


def code_text(code: CodeType, line: int | None) -> str:
    """``model.py:7`` for a line of a piece of code, its first where none is given; empty for a formula."""
    if code.co_filename.startswith("formula: "):
        return ""
    name = code.co_filename.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    return f"{name}:{code.co_firstlineno if line is None else line}"


def source_text(node: Node) -> str:
    """What was written where the node was made, on one line; empty where the source is not at hand."""
    if node.where is None or isinstance(node.where[0], str):
        return ""
    code, offset = node.where
    if code.co_filename.startswith("formula: "):
        return str(code.co_filename[len("formula: ") :])
    if place(node.where) is None:
        return ""
    positions = list(code.co_positions())[offset // 2]
    first, last, start, end = positions
    if first is None or last is None or start is None or end is None:
        return ""
    lines = [linecache.getline(code.co_filename, k) for k in range(first, last + 1)]
    if not all(lines):
        return ""
    raw = [line.encode() for line in lines]
    raw[-1] = raw[-1][:end]
    raw[0] = raw[0][start:]
    return " ".join(b" ".join(raw).decode(errors="ignore").split())


def oriented(text: str, sign: str) -> str:
    """A comparison with its number on the right, where it was read so: ``3 <= x + y`` as ``x + y >= 3``.

    Examples
    --------
    >>> oriented("3 <= x + y", ">="), oriented("x + y >= 3", ">="), oriented("1 == f(a == b)", "==")
    ('x + y >= 3', 'x + y >= 3', 'f(a == b) == 1')
    """
    found = _comparisons(text)
    if len(found) != 1 or sign == "between":
        return text
    start, end = found[0]
    left, written, right = text[:start].strip(), text[start:end], text[end:].strip()
    if written[0] in "<>" and sign in ("<=", ">="):
        turned = written[0] != sign[0]
    else:
        turned = _is_number(left) and not _is_number(right)
    mirrored = {"<": ">", ">": "<", "=": "="}[written[0]] + written[1:]
    return f"{right} {mirrored} {left}" if turned else text


def _comparisons(text: str) -> list[tuple[int, int]]:
    """Where the comparison signs stand that are not within brackets."""
    found, depth, k = [], 0, 0
    while k < len(text):
        if text[k] in "([{":
            depth += 1
        elif text[k] in ")]}":
            depth -= 1
        elif depth == 0 and text[k] in "<>=" and text[k : k + 2] not in ("<<", ">>"):
            end = k + 2 if text[k + 1 : k + 2] == "=" else k + 1
            found.append((k, end))
            k = end
            continue
        k += 1
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
