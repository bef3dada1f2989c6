"""A number that hides its value, as a symbol does: arithmetic and elementary functions, but no comparison, no float()
before the end, no truth.
"""

from __future__ import annotations

import math
import operator

import numpy as np


class Symbol:
    """Stands in for a symbol of CasADi: NumPy finds ``exp``, ``sqrt`` and the others as methods of the element."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)

    def __bool__(self):
        raise TypeError("a symbol has no truth")

    def __lt__(self, other):
        raise TypeError("symbols are not compared")

    __le__ = __gt__ = __ge__ = __lt__

    def __neg__(self):
        return Symbol(-self.value)

    def __abs__(self):
        return Symbol(abs(self.value))

    def arctan2(self, other):
        return Symbol(math.atan2(self.value, other.value))


def _binary(name):
    function = getattr(operator, name)

    def forward(self, other):
        if isinstance(other, np.ndarray):
            return NotImplemented
        return Symbol(function(self.value, getattr(other, "value", other)))

    def reflected(self, other):
        return Symbol(function(other, self.value))

    setattr(Symbol, f"__{name}__", forward)
    setattr(Symbol, f"__r{name}__", reflected)


for _name in ("add", "sub", "mul", "truediv", "pow"):
    _binary(_name)

for _name in ("exp", "log", "sqrt", "sin", "cos", "tan", "erf"):
    setattr(Symbol, _name, lambda self, f=getattr(math, _name): Symbol(f(self.value)))
for _name in ("sin", "cos", "tan"):
    setattr(Symbol, f"arc{_name}", lambda self, f=getattr(math, f"a{_name}"): Symbol(f(self.value)))


def symbols(x):
    """An array of dtype object with a symbol for each number."""
    named = np.empty(len(x), dtype=object)
    named[:] = [Symbol(float(t)) for t in x]
    return named
