"""Positions read from an array, as indices into another: counted from the end where negative, and never outside."""

from __future__ import annotations

from thalweg.execution.native.module import Body

FAIL = "%fail"
"""Where a function notes that a position lies outside."""


def index(b: Body, p: str, known: str, length: int) -> str:
    """The position ``p`` as an index of an axis; ``known`` as by `tasks.known_of`."""
    if known == "within":
        return p
    return from_end(b, p, length) if known == "signed" else checked(b, p, length)


def from_end(b: Body, p: str, length: int) -> str:
    """A position that may count from the end."""
    negative = b.emit(f"icmp slt i64 {p}, 0")
    shifted = b.emit(f"add nsw i64 {p}, {length}")
    return b.emit(f"select i1 {negative}, i64 {shifted}, i64 {p}")


def checked(b: Body, p: str, length: int) -> str:
    """A position made positive; out of range it is noted, and 0."""
    p = from_end(b, p, length)
    good = b.emit(f"icmp ult i64 {p}, {length}")
    bad = b.emit(f"xor i1 {good}, true")
    wide = b.emit(f"zext i1 {bad} to i32")
    old = b.emit(f"load i32, ptr {FAIL}")
    b.line(f"store i32 {b.emit(f'or i32 {old}, {wide}')}, ptr {FAIL}")
    return b.emit(f"select i1 {good}, i64 {p}, i64 0")
