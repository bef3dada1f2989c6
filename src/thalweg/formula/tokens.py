"""Text → tokens: names become functions, constants or variables; brackets are paired; unwritten products written.

All that a formula's grammar would have to guess is decided here, from the token before and the token after:

- a bar after a value closes the innermost open bar, any other bar opens one;
- a value that follows a value is a product: a ``TIMES`` token is put between;
- ``[`` after a name or a closing bracket picks an entry, elsewhere it opens a vector.
"""

import keyword
import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from thalweg.formula.errors import Fault, character_name, shorten, suggestion
from thalweg.formula.functions import CONSTANTS, FUNCTIONS

if TYPE_CHECKING:
    import lark

MAX_LENGTH = 10_000  # characters of a formula, hence also tokens and steps of its program
MAX_DEPTH = 200  # brackets inside brackets

SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")

# Full-width forms stand for their ASCII twins, one character for one, so that positions stay.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: ord(" ")}

_LETTER = r"[^\W\d_π⁰¹²³⁴⁵⁶⁷⁸⁹]"
_WORD = r"[^\Wπ⁰¹²³⁴⁵⁶⁷⁸⁹]"
_SCAN = re.compile(
    rf"""(?P<SPACE>\s+)
    | (?P<NUMBER>(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<NAME>{_LETTER}{_WORD}*|π[0-9₀-₉_]{_WORD}*|π|∞)
    | (?P<SUPERSCRIPT>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
    | (?P<RELATION>[<>=!]=|[<>=≤≥≠])
    | (?P<POWER>\*\*|\^) | (?P<TIMES>[*×·⋅]) | (?P<DIVIDE>[/÷∕]) | (?P<PLUS>\+) | (?P<MINUS>[-−–])
    | (?P<ROOT>[√∛]) | (?P<COMMA>,) | (?P<COLON>:) | (?P<BAR>\|)
    | (?P<OPEN>\() | (?P<CLOSE>\)) | (?P<OPEN_VECTOR>\[) | (?P<CLOSE_VECTOR>\])""",
    re.VERBOSE,
)

_ENDS_VALUE = {"NUMBER", "CONSTANT", "VARIABLE", "CLOSE", "CLOSE_BAR", "CLOSE_VECTOR", "SUPERSCRIPT"}
_BEGINS_VALUE = {"CONSTANT", "VARIABLE", "FUNCTION", "OPEN", "OPEN_BAR", "OPEN_VECTOR", "ROOT"}
_CLOSED_BY = {"OPEN": "CLOSE", "OPEN_VECTOR": "CLOSE_VECTOR", "OPEN_INDEX": "CLOSE_VECTOR", "OPEN_BAR": "CLOSE_BAR"}
_CLOSING = {"OPEN": "')'", "OPEN_BAR": "'|'", "OPEN_VECTOR": "']'"}
_MULTIPLY_BRACKETS = {"pi", "π", "tau", "τ"}  # constants that may stand before a bracket: 2π(r + 1)
_DEFINITION = re.compile(r"\s*\w+\s*\([\w\s,]*\)\s*=(?!=)")

_INSTEAD = {
    ".": "a point stands only inside a number: attributes such as x.real are no part of a formula",
    "'": "a formula holds no text in quotes",
    '"': "a formula holds no text in quotes",
    "\\": "LaTeX commands and escapes are not read: write sqrt(x), pi, alpha",
    ";": "one formula at a time: nothing can follow a ';'",
    "_": "a name begins with a letter",
    "@": "write dot(x, y) for a product of vectors",
    "%": "write mod(x, y) for the remainder, x/100 for a percentage",
    "!": "write gamma(n + 1) for the factorial of n",
    "{": "group with '(' and ')'",
    "}": "group with '(' and ')'",
    "&": "to ask two things of x, write a range such as 0 <= x <= 5",
    "‖": "write norm(x)",
    "°": "write radians(x)",
}


class Lexeme(NamedTuple):
    """A piece of the text as it was found."""

    kind: str
    start: int
    end: int


def read(text: str, variables: tuple[str, ...] | None) -> list["lark.Token"]:
    """The tokens of the text. With `variables`, these names are variables and no other name may be."""
    from lark import Token

    listed = None if variables is None else dict.fromkeys(variables)
    narrow = text.translate(_NARROW)
    lexemes = _scan(narrow)
    tokens: list[Token] = []
    opened: list[Token] = []
    for lexeme, following in zip(lexemes, [*lexemes[1:], None], strict=True):
        kind, start, end = lexeme
        value = narrow[start:end]
        before = tokens[-1] if tokens and tokens[-1].type in _ENDS_VALUE else None  # the value that ends here
        if kind == "NAME":
            value = unicodedata.normalize("NFKC", value)
            kind = _name(text, value, lexeme, following, listed)
        elif kind == "BAR":
            kind = "CLOSE_BAR" if before and opened and opened[-1].type == "OPEN_BAR" else "OPEN_BAR"
        elif kind == "OPEN_VECTOR" and before and before.type not in ("NUMBER", "CONSTANT"):
            kind = "OPEN_INDEX"
        token = Token(kind, value, start_pos=start, end_pos=end)
        if before:
            _follow(text, before, token)
            if kind in _BEGINS_VALUE:
                tokens.append(Token("TIMES", "*", start_pos=start, end_pos=start))
        if kind in _CLOSED_BY:
            if len(opened) == MAX_DEPTH:
                raise Fault(f"more than {MAX_DEPTH} brackets inside one another", start, "write it in several formulas")
            opened.append(token)
        elif kind in _CLOSED_BY.values():
            _close(opened, token)
        tokens.append(token)
    if opened:
        raise _unclosed(opened[-1])
    return tokens


def variable_name(name: str) -> str:
    """The name of a variable as it is kept, or a `ValueError` that says why it cannot be one."""
    kept = unicodedata.normalize("NFKC", name.strip())
    if not _is_name(kept):
        raise ValueError(f"{shorten(name)!r} cannot be the name of a variable: write letters, digits and '_'")
    if keyword.iskeyword(kept):
        raise ValueError(f"{kept!r} cannot be the name of a variable: it is a word of Python")
    if kept in FUNCTIONS:
        raise ValueError(f"{kept!r} cannot be the name of a variable: it is a function")
    return kept


def _is_name(name: str) -> bool:
    """Whether the whole is read as one name, by the grammar and by Python."""
    match = _SCAN.match(name)
    return match is not None and match.lastgroup == "NAME" and match.end() == len(name) and name.isidentifier()


def _scan(text: str) -> list[Lexeme]:
    lexemes, position = [], 0
    while position < len(text):
        match = _SCAN.match(text, position)
        if match is None:
            character = text[position]
            raise Fault(f"unknown character {character_name(character)}", position, _INSTEAD.get(character, ""))
        if match.lastgroup != "SPACE":
            lexemes.append(Lexeme(str(match.lastgroup), position, match.end()))
        position = match.end()
    return lexemes


def _name(text: str, name: str, lexeme: Lexeme, following: Lexeme | None, listed: dict[str, None] | None) -> str:
    """What a name stands for: FUNCTION, CONSTANT or VARIABLE."""
    called = following is not None and following.kind == "OPEN"
    shown, start = shorten(name), lexeme.start
    if listed is not None and name in listed:
        kind = "VARIABLE"
    elif name in FUNCTIONS:
        if called:
            return "FUNCTION"
        raise Fault(f"{shown!r} is a function, not a variable", start, _how_to_call(text, name, following))
    elif name in CONSTANTS:
        kind = "CONSTANT"
    elif keyword.iskeyword(name):
        hint = {"lambda": "write λ for the letter", "and": "write a range such as 0 <= x <= 5"}.get(name, "")
        raise Fault(f"{shown!r} is a word of Python and no part of a formula", start, hint)
    elif not _is_name(name):
        raise Fault(f"'{shorten(text[start : lexeme.end])}' cannot be a name", start, "write letters, digits and '_'")
    elif listed is not None and not called:
        known = [*listed, *CONSTANTS]
        hint = suggestion(name, known) or f"the variables are {', '.join(listed) or 'none'}"
        raise Fault(f"unknown name {shown!r}", start, hint)
    else:
        kind = "VARIABLE"
    if called and not (kind == "CONSTANT" and name in _MULTIPLY_BRACKETS):
        raise _not_a_function(text, name, start)
    return kind


def _how_to_call(text: str, name: str, following: Lexeme | None) -> str:
    if following is None:
        return f"write {name}(…); a variable needs another name"
    if following.kind in ("SUPERSCRIPT", "POWER"):
        return f"write {name}(…)^2 for the power of {name}(…)"
    if following.kind in ("NAME", "NUMBER"):
        return f"write {name}({shorten(text[following.start : following.end])})"
    return f"write {name}(…); a variable needs another name"


def _not_a_function(text: str, name: str, start: int) -> Fault:
    shown = shorten(name)
    if _DEFINITION.match(text):
        return Fault(f"{shown!r} is not a function", start, "give only what stands to the right of '='")
    close = suggestion(name, FUNCTIONS)
    if name == "e":
        close = "for the exponential write exp(…)"
    multiply = f"to multiply, write {shown}*(…)"
    known = len(name) > 1 and close
    return Fault(
        f"unknown function {shown!r}" if known else f"{shown!r} is not a function",
        start,
        f"{close}; {multiply}" if close and (known or name == "e") else multiply,
    )


def _follow(text: str, before: "lark.Token", token: "lark.Token") -> None:
    """Refuse two values side by side where a product would be a guess."""
    gap = text[before.end_pos : token.start_pos]
    start = token.start_pos or 0
    shown = shorten(text[before.start_pos : before.end_pos]), shorten(text[token.start_pos : token.end_pos])
    if token.type == "NUMBER":
        if before.type == "NUMBER":
            raise Fault("two numbers side by side", start, "write an operator or a comma between them")
        raise Fault(f"unexpected number {shown[1]!r}", start, f"write {shown[0]}*{shown[1]} or {shown[0]}^{shown[1]}")
    if before.type == "NUMBER" and before == "0" and not gap and re.fullmatch(r"[xXoObB][0-9a-fA-F_]+", token):
        raise Fault(f"'0{shown[1]}' is not a number here", before.start_pos or 0, "write the number in decimal digits")
    if before.type == "SUPERSCRIPT" and token.type in ("SUPERSCRIPT", "POWER", "OPEN_INDEX"):
        raise Fault(
            f"unexpected {shown[1]!r} after an exponent", start, "group what the first exponent belongs to: (x²)^3"
        )
    if (token.type in _BEGINS_VALUE or token.type == "OPEN_INDEX") and len((gap + ".").splitlines()) > 1:
        raise Fault("a new line without an operator", start, "write '*' for a product; one formula at a time")


def _close(opened: list["lark.Token"], token: "lark.Token") -> None:
    if not opened:
        raise Fault(f"{token.value!r} closes nothing", token.start_pos or 0, "remove it, or open a bracket before it")
    if _CLOSED_BY[opened[-1].type] != token.type:
        raise _unclosed(opened[-1])
    opened.pop()


def _unclosed(token: "lark.Token") -> Fault:
    closing = _CLOSING.get(token.type, "']'")
    extra = ", or abs(…) for the absolute value" if token.type == "OPEN_BAR" else ""
    return Fault(
        f"{token.value!r} is never closed", token.start_pos or 0, f"write the {closing} that belongs to it{extra}"
    )


def expected(before: "list[lark.Token]", found: "lark.Token") -> str:
    """What could stand after the tokens `before`, in words, where `found` cannot."""
    opened: list[str] = []
    for token in before:
        if token.type in _CLOSED_BY:
            opened.append(token.type)
        elif token.type in _CLOSED_BY.values():
            opened.pop()
    innermost = opened[-1] if opened else ""
    if innermost == "OPEN_INDEX":
        return "expected an integer or a slice, such as x[0], x[-1], x[1:] or x[:-1]"
    if not before or before[-1].type not in _ENDS_VALUE:
        return "expected a number, a name or '('"
    if found.type == "COMMA":
        return "a comma stands between the arguments of a function and in a vector [x, y]; decimals take a point"
    if found.type == "RELATION":
        return "a comparison is a whole formula, or the condition of where(x > 0, x, 0)"
    return f"expected an operator or {_CLOSING.get(innermost, 'the end')}"
