"""How a function of ours enters a module: written once, as an internal function that LLVM puts where it is called.

So a loop over it contains nothing but arithmetic, and is vectorised on every processor, with or without a vector
library. The constants of the functions are given here too: a polynomial that approximates in the sense of Chebyshev is
found by the algorithm of Remez, in 200 bits; its error is below 2 % of a unit in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from thalweg.execution.native.arithmetic import FORMATS, hexadecimal, intrinsic
from thalweg.execution.native.module import Body


def inlined(name: str, write: Callable[..., str]) -> Callable[..., str]:
    """The rule that calls the function ``name``, whose body ``write(b, t, *values)`` writes."""

    def rule(b: Body, t: str, *values: str) -> str:
        symbol = f"thalweg.{name}.{FORMATS[t].suffix}"
        if not b.module.declared(symbol):
            parameters = [f"%x{k}" for k in range(len(values))]
            inside = Body(b.module)
            y = write(inside, t, *parameters)
            heading = ", ".join(f"{t} {p}" for p in parameters)
            attributes = b.module.attributes("alwaysinline nounwind willreturn memory(none)")
            lines = "\n".join(inside.lines)
            text = f"define internal {t} @{symbol}({heading}) {attributes} {{\n{lines}\nret {t} {y}\n}}"
            b.module.declare(symbol, text)
        return b.emit(f"call {t} @{symbol}({', '.join(f'{t} {v}' for v in values)})")

    return rule


def number(t: str, value: float) -> str:
    """A constant of type ``t``, rounded to it."""
    return hexadecimal(value if t == "double" else float(np.float32(value)))


def multiply_add(b: Body, t: str, x: str, y: str, z: str) -> str:
    """x·y + z, with one rounding where the processor has such an instruction."""
    return intrinsic(b, "fmuladd", t, x, y, z)


def polynomial(b: Body, t: str, x: str, coefficients: tuple[float, ...]) -> str:
    """Σ cₖ xᵏ by Estrin's scheme: pairs first, then pairs of pairs with x², x⁴, …, so that little waits for little."""
    terms = [number(t, c) for c in coefficients]
    while len(terms) > 1:
        pairs = [multiply_add(b, t, high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
        if len(terms) > 1:
            x = b.emit(f"fmul {t} {x}, {x}")
    return terms[0]


def bits(b: Body, t: str, x: str) -> str:
    """A number as the integer that has the same bits."""
    return b.emit(f"bitcast {t} {x} to {FORMATS[t].bits}")


def from_bits(b: Body, t: str, w: str) -> str:
    """The number that has the bits of an integer."""
    return b.emit(f"bitcast {FORMATS[t].bits} {w} to {t}")


class Constants(NamedTuple):
    """What the functions need to know of a floating-point type."""

    rounder: float  # 3·2ᵖ⁻²: adding it rounds to a whole number, which stands in the last bits of the sum
    rounder_bits: int
    ln2_high: float  # ln 2, of which multiples by exponents are exact, and the rest
    ln2_low: float
    tiny: float  # |x| below which x is x + x² to the last bit
    exponential: tuple[float, ...]  # (eʳ − 1 − r)/r² for |r| ≤ ½ ln 2
    power_of_two: tuple[float, ...]  # (2ʳ − 1)/r for |r| ≤ ½
    logarithm: tuple[float, ...]  # (2 artanh s − 2s)/s³ in s², for |s| ≤ 3 − 2√2


CONSTANTS = {
    "double": Constants(
        rounder=6755399441055744.0,
        rounder_bits=0x4338000000000000,
        ln2_high=6.93147180369123816490e-01,
        ln2_low=1.90821492927058770002e-10,
        tiny=2.0**-54,
        exponential=(
            0.5000000000000013, 0.166666666666667, 0.04166666666651496, 0.008333333333307009, 0.0013888888947149966,
            0.00019841269917789478, 2.480148979149004e-05, 2.7557215957736357e-06, 2.7631337900770085e-07,
            2.51179637751665e-08),
        power_of_two=(
            0.6931471805599453, 0.24022650695910133, 0.05550410866482174, 0.009618129107593049, 0.0013333558146378544,
            0.00015403530458470995, 1.5252733868005784e-05, 1.3215434607361653e-06, 1.017804627275687e-07,
            7.073898360308185e-09, 4.457414826832408e-10),
        logarithm=(
            0.6666666666666735, 0.3999999999941333, 0.2857142874272608, 0.22222198534818674, 0.18183566495965706,
            0.15313990802328448, 0.14796587694266625),
    ),
    "float": Constants(
        rounder=12582912.0,
        rounder_bits=0x4B400000,
        ln2_high=0.693359375,
        ln2_low=-2.12194440e-4,
        tiny=2.0**-25,
        exponential=(0.5000000095889177, 0.1666651859840654, 0.04166620410697932, 0.008368918320337851,
                     0.0013950587224184812),
        power_of_two=(0.6931472064065161, 0.24022651350726293, 0.05550327453675392, 0.009618003214743154,
                      0.0013400404755678772, 0.0001547650088586366),
        logarithm=(0.6666677648952797, 0.39977525020309823, 0.29872242433207524),
    ),
}  # fmt: skip
