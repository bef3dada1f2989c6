"""What is wrong, where, and what to write instead: a formula's error with a caret under the place."""

import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_INDENT = "  "
_SHOWN = 72  # characters of a long line that are shown around the place
_LONGEST_NAME = 40  # characters of a long name that are shown


class Fault(Exception):
    """A fault at a position of the text; `formula` turns it into the `FormulaError` that people see."""

    def __init__(self, title: str, position: int, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.position = position
        self.hint = hint


def describe(text: str, fault: Fault) -> str:
    """The fault in words: the title with its place, the line, a caret under the place, and the hint."""
    start = max(text.rfind("\n", 0, fault.position), -1) + 1
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)]
    offset = fault.position - start
    place = f"column {offset + 1}"
    if "\n" in text.strip():
        place = f"line {text.count(chr(10), 0, start) + 1}, {place}"
    shown, caret = _around(line, offset)
    message = f"{fault.title} at {place}\n{_INDENT}{shown}\n{_INDENT}{caret}^"
    return f"{message}\n{fault.hint}" if fault.hint else message


def shorten(name: str) -> str:
    """The name as it is put into a message."""
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"


def suggestion(name: str, known: Iterable[str]) -> str:
    """``did you mean 'sin' or 'sinh'?``, or nothing when no known name is close."""
    if len(name) > _LONGEST_NAME:
        return ""
    known = list(known)
    close = get_close_matches(name, known, n=3, cutoff=0.7) or get_close_matches(name.lower(), known, n=3, cutoff=0.7)
    return f"did you mean {alternatives([repr(other) for other in close])}?" if close else ""


def alternatives(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def character_name(character: str) -> str:
    """The character as a message names it: ``'¶' (PILCROW SIGN)``."""
    code = f"U+{ord(character):04X}"
    if not character.isprintable():
        return f"{code} ({unicodedata.name(character, 'a control character')})"
    if character == "'":
        return '"\'"'
    return f"'{character}' ({unicodedata.name(character, code)})" if ord(character) > 126 else f"'{character}'"


def _around(line: str, offset: int) -> tuple[str, str]:
    """The part of the line that is shown, and the blanks that bring a caret under the offset."""
    first = max(0, min(offset - _SHOWN // 2, len(line) - _SHOWN))
    last = first + _SHOWN
    before = ("…" if first else "") + _printable(line[first:offset])
    after = _printable(line[offset:last]) + ("…" if last < len(line) else "")
    return (before + after).rstrip(), " " * sum(map(_columns, before))


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line)


def _columns(character: str) -> int:
    """Columns that a character takes in a terminal. (No formula gets as far as past a combining character.)"""
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
