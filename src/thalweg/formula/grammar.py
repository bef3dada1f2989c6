"""The grammar, for lark's LALR(1) parser: linear time, no backtracking, no ambiguity.

The terminals are made by `tokens`, which has already told a function from a variable, an opening bar from a closing
one, and written the products that people leave out; so the grammar has nothing left to guess.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import lark

GRAMMAR = r"""
start: comparison

?comparison: sum (RELATION sum)*
?sum:        product ((PLUS | MINUS) product)*
?product:    signed ((TIMES | DIVIDE) signed)*
?signed:     MINUS signed -> negative
           | PLUS signed -> positive
           | power
?power:      primary POWER exponent -> raised
           | primary SUPERSCRIPT -> superscript
           | ROOT power -> root
           | primary
?exponent:   MINUS exponent -> negative
           | PLUS exponent -> positive
           | power
?primary:    NUMBER -> number
           | CONSTANT -> constant
           | VARIABLE -> variable
           | FUNCTION OPEN (comparison (COMMA comparison)*)? CLOSE -> call
           | OPEN comparison CLOSE -> group
           | OPEN_BAR sum CLOSE_BAR -> bars
           | OPEN_VECTOR sum (COMMA sum)* CLOSE_VECTOR -> vector
           | primary OPEN_INDEX item (COMMA item)* CLOSE_VECTOR -> entry

item:        bound
           | bound? COLON bound? (COLON bound?)? -> slice
bound:       MINUS? NUMBER

%declare RELATION PLUS MINUS TIMES DIVIDE POWER SUPERSCRIPT ROOT NUMBER CONSTANT VARIABLE FUNCTION COMMA COLON
%declare OPEN CLOSE OPEN_BAR CLOSE_BAR OPEN_VECTOR OPEN_INDEX CLOSE_VECTOR
"""


def make_parser(builder: Any) -> "lark.Lark":
    """A parser: a list of tokens in, what `builder` builds of them out. Threads may share it."""
    import lark
    from lark.lexer import Lexer

    class Prepared(Lexer):
        """The tokens come ready-made."""

        def __init__(self, lexer_conf: Any) -> None:
            pass

        def lex(self, tokens: Iterable["lark.Token"]) -> Iterator["lark.Token"]:  # type: ignore[override]
            return iter(tokens)

    return lark.Lark(GRAMMAR, parser="lalr", lexer=Prepared, transformer=builder, maybe_placeholders=False)
