"""Text → function, safely: ``formula("100*(y - x^2)^2 + (1 - x)^2")`` is a function of x and y.

A text goes one way: characters → tokens (`tokens`) → an LALR(1) parse by lark (`grammar`, `parser`) → a program in
reverse Polish order → a :class:`Formula` that runs it on a stack (`function`). No stage calls ``eval``, looks a name
up outside the two tables of `functions`, or recurses; the work is linear in a text of bounded length.

The grammar, loosest binding first:

======================  ==========================================  ==================================================
what                    how it is written                           how it is read
======================  ==========================================  ==================================================
comparison              ``= == != < <= > >= ≠ ≤ ≥``                 chains: ``0 <= x <= 5``; as a whole formula or as
                                                                    the condition of ``where``
sum                     ``+ - −``                                   from the left
product, quotient       ``* × · / ÷``                               from the left
product, unwritten      ``2x  3(x+1)  (x+1)(x-1)  x y  2πr``        as if ``*`` stood there: ``1/2x`` is ``(1/2)*x``
sign                    ``-x  +x``                                  ``-x^2`` is ``-(x^2)``
root                    ``√x  ∛x``                                  ``√x²`` is ``√(x²)``, ``√2x`` is ``(√2)*x``
power                   ``x^2  x**2  x²  x⁻¹``                      from the right: ``2^3^2`` is ``2^(3^2)``; ``2^-1``
entry                   ``x[0]  x[-1]  x[1:]  A[0, 1]``             integers and slices, counted from 0 as in Python
call                    ``sin(x)  max(x, y)  where(x > 0, x, 0)``   the functions of the table in `functions`
brackets                ``(x + 1)  |x|  [1, 2, x]``                 group, absolute value, vector
name                    ``x  x_1  xy  λ  速度``                     ``xy`` is one name; ``x y`` is a product
constant                ``pi π  e  inf ∞  tau τ``                   unless the name is listed in ``variables``
number                  ``1  1.5  .5  1e-3  1_000``                 float64
======================  ==========================================  ==================================================

What could be read in two ways is refused, with the way to write it: ``x(y + 1)`` (``x*(y + 1)``), ``sin x``
(``sin(x)``), ``x 2``, a new line in the place of an operator, ``||x||`` (``norm(x)``). A bar closes whenever one is
open and it stands after a value, so ``|x|y|z|`` is ``|x|*y*|z|``.

Names are read as Python reads its own (NFKC), so ``x₁`` and ``x1`` are one name; full-width characters count as their
ASCII forms.
"""

from thalweg.formula.function import Formula, formula

__all__ = ["Formula", "formula"]
