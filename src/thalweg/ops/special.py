"""Special functions: the calculus table of ``scipy.special``, loaded when one of them is met.

References: NIST Digital Library of Mathematical Functions, §5 (gamma), §7 (error functions), §10 (Bessel), §25 (zeta).
Where a textbook formula cancels (erfcx far to the right, 1/Γ at its zeros), the rule is another form of the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from scipy import special

from thalweg.errors import UnsupportedError
from thalweg.graph import Node, Op, as_node, describe_place, location, make
from thalweg.ops.chain import chain_product
from thalweg.ops.elementwise import cos, exp, log, log1p, log_slope, logistic, sign, sin, where
from thalweg.ops.entry import batch_elementwise, elementwise, infer_like

# rules that name entries further down
zeta: Op
jv: Op
yv: Op
iv: Op
kv: Op
ive: Op
kve: Op
j1: Op
y1: Op
i1: Op
k1: Op
i1e: Op
k1e: Op

_PI, _LN10 = float(np.pi), float(np.log(10))
_ROOT_PI, _ROOT_2, _ROOT_2PI = float(np.sqrt(np.pi)), float(np.sqrt(2)), float(np.sqrt(2 * np.pi))


def _refused(name: str, argument: str) -> Callable[..., NoReturn]:
    """The rule of an argument in which there is no derivative in closed form."""

    def refuse(*_: Any) -> NoReturn:
        at = describe_place(location.where)
        raise UnsupportedError(
            f"scipy.special.{name} has no derivative in its {argument} here.\n"
            f"  Compute the {argument} outside the function if it does not depend on the variables."
            + (f"\n  at {at}" if at else "")
        )

    return refuse


def _by_order(name: str, evaluate: Callable[[Any, int], Any], note: str = "") -> Op:
    """A family f₀, f₁, … in which each member is the derivative of the one before; the order is a parameter."""

    def evaluate_in_the_type_of_the_result(x: Any, n: int) -> Any:
        dtype = d if (d := np.result_type(x)).kind == "f" else np.dtype(np.float64)
        return np.asarray(evaluate(np.asarray(x, dtype), n), dtype)[()]

    op = Op(
        name,
        infer_like(name, np.exp),
        evaluate_in_the_type_of_the_result,
        family="elementwise",
        chains=(lambda t, x, y: chain_product(t, make(op, (x,), (y.params[0] + 1,))),),
        note=note,
    )
    op.batch = batch_elementwise(op)
    return op


# --- error functions and the normal distribution ----------------------------------------------------------------------

erf = elementwise("erf", special.erf, lambda x, y: exp(-(x * x)) * (2 / _ROOT_PI))
erfc = elementwise("erfc", special.erfc, lambda x, y: exp(-(x * x)) * (-2 / _ROOT_PI))
erfi = elementwise("erfi", special.erfi, lambda x, y: exp(x * x) * (2 / _ROOT_PI))
dawsn = elementwise("dawsn", special.dawsn, lambda x, y: 1 - 2 * x * y)
erfcx = elementwise("erfcx", special.erfcx, lambda x, y: _erfcx_slope(x, y))
erfinv = elementwise("erfinv", special.erfinv, lambda x, y: exp(y * y) * (_ROOT_PI / 2))
erfcinv = elementwise("erfcinv", special.erfcinv, lambda x, y: exp(y * y) * (-_ROOT_PI / 2))
ndtr = elementwise("ndtr", special.ndtr, lambda x, y: exp(-0.5 * (x * x)) / _ROOT_2PI)
log_ndtr = elementwise("log_ndtr", special.log_ndtr, lambda x, y: (2 / _ROOT_2PI) / erfcx(x / -_ROOT_2))
ndtri = elementwise("ndtri", special.ndtri, lambda x, y: exp(0.5 * (y * y)) * _ROOT_2PI)
ndtri_exp = elementwise("ndtri_exp", special.ndtri_exp, lambda x, y: erfcx(y / -_ROOT_2) * (_ROOT_2PI / 2))


def _erfcx_slope(x: Node, y: Node) -> Node:
    """2x·erfcx(x) − 2/√π; far to the right, where the two cancel, the asymptotic series (DLMF 7.12.1)."""
    far = x > 20
    u = 1 / (x * x)
    tail = as_node(1.0, x.dtype)
    for k in range(8, 0, -1):  # Σ (−1)ᵏ (2k+1)!!/(2x²)ᵏ, from the inside
        tail = 1 - (k + 0.5) * u * tail
    near = 2 * x * y - 2 / _ROOT_PI
    return where(far, -(u * tail) / _ROOT_PI, near)


# --- logistic and entropy ---------------------------------------------------------------------------------------------

logit = elementwise("logit", special.logit, lambda x, y: log_slope(x * (1 - x)))
log_expit = elementwise("log_expit", special.log_expit, lambda x, y: logistic(-x))
xlogy = elementwise("xlogy", special.xlogy, lambda x, z, y: log(z), lambda x, z, y: chain_product(x, log_slope(z)),
                    note="x·log x at 0 has the derivative −∞")  # fmt: skip
xlog1py = elementwise("xlog1py", special.xlog1py,
                      lambda x, z, y: log1p(z), lambda x, z, y: chain_product(x, log_slope(1 + z)),
                      note="as xlogy")  # fmt: skip
entr = elementwise("entr", special.entr, lambda x, y: -log(x) - 1, note="+∞ at 0")
rel_entr = elementwise(
    "rel_entr", special.rel_entr, lambda a, b, y: log(a / b) + 1, lambda a, b, y: -chain_product(a, log_slope(b))
)
kl_div = elementwise(
    "kl_div", special.kl_div, lambda a, b, y: log(a / b), lambda a, b, y: 1 - chain_product(a, log_slope(b))
)

# --- gamma and relatives ----------------------------------------------------------------------------------------------

polygamma = _by_order("polygamma", lambda x, n: special.digamma(x) if n == 0 else special.polygamma(n, x))
gamma = elementwise("gamma", special.gamma, lambda x, y: y * digamma(x))
gammaln = elementwise("gammaln", special.gammaln, lambda x, y: digamma(x))
loggamma = elementwise("loggamma", special.loggamma, lambda x, y: digamma(x) + 0 * y)  # 0·y: NaN left of 0
rgamma = elementwise("rgamma", special.rgamma, lambda x, y: _rgamma_slope(x, y))
beta = elementwise(
    "beta",
    special.beta,
    lambda a, b, y: y * (digamma(a) - digamma(a + b)),
    lambda a, b, y: y * (digamma(b) - digamma(a + b)),
)
betaln = elementwise(
    "betaln", special.betaln, lambda a, b, y: digamma(a) - digamma(a + b), lambda a, b, y: digamma(b) - digamma(a + b)
)
poch = elementwise(
    "poch", special.poch, lambda z, m, y: y * (digamma(z + m) - digamma(z)), lambda z, m, y: y * digamma(z + m)
)
binom = elementwise("binom", special.binom, lambda n, k, y: y * (digamma(n + 1) - digamma(n - k + 1)),
                    lambda n, k, y: y * (digamma(n - k + 1) - digamma(k + 1)))  # fmt: skip
gammainc = elementwise(
    "gammainc", special.gammainc, _refused("gammainc", "parameter"), lambda a, x, y: _gamma_density(a, x)
)
gammaincc = elementwise(
    "gammaincc", special.gammaincc, _refused("gammaincc", "parameter"), lambda a, x, y: -_gamma_density(a, x)
)
betainc = elementwise("betainc", special.betainc, _refused("betainc", "parameters"), _refused("betainc", "parameters"),
                      lambda a, b, x, y: exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b)))  # fmt: skip
zeta = elementwise("zeta", lambda s, q, out=None: _hurwitz(s, q, out), _refused("zeta", "exponent"),
                   lambda s, q, y: -s * zeta(s + 1, q), like=special.xlogy)  # fmt: skip


def _hurwitz(s: Any, q: Any, out: Any = None) -> Any:
    y = special.zeta(s, q)
    if out is None:
        return y
    np.copyto(out, y)
    return out


def digamma(x: Node) -> Node:
    return make(polygamma, (x,), (0,))


def _gamma_density(a: Node, x: Node) -> Node:
    return exp(xlogy(a - 1, x) - x - gammaln(a))


def _rgamma_slope(x: Node, y: Node) -> Node:
    """−ψ(x)/Γ(x); on the left, where ψ has poles at the zeros of 1/Γ, by the reflection 1/Γ(x) = sin(πx) Γ(1−x)/π."""
    left = x < 0.5
    z = where(left, 1 - x, as_node(1.0, x.dtype))
    mirrored = (cos(x * _PI) - sin(x * _PI) / _PI * digamma(z)) * gamma(z)
    return where(left, mirrored, -y * digamma(where(left, as_node(1.0, x.dtype), x)))


# --- exponentials and integrals of them -------------------------------------------------------------------------------


def _exprel(x: Any, n: int) -> Any:
    """The n-th derivative of (eˣ − 1)/x, ∫₀¹ sⁿ eˣˢ ds: a series near 0, else x·fₙ = eˣ − n·fₙ₋₁."""
    if n == 0:
        return special.exprel(x)
    with np.errstate(all="ignore"):
        z = np.asarray(x, dtype=np.float64)
        near = np.abs(z) < n + 1
        term = np.where(near, np.abs(z), 0.0)
        left, right = np.zeros_like(z), np.zeros_like(z)  # for x < 0 by Kummer's transformation: no cancellation
        for k in reversed(range(24 + 4 * n)):
            left = 1 + left * term / (n + 2 + k)
            right = 1 / (n + 1 + k) + right * term / (k + 1)
        series = np.where(z < 0, np.exp(z) * left / (n + 1), right)
        f: Any = special.exprel(z)
        for m in range(1, n + 1):
            f = (np.exp(z) - m * f) / z
        y = np.where(near, series, f)
        y = np.where(z > 709, np.inf, np.where(z == -np.inf, 0.0, y))
    return y.astype(np.result_type(x, np.float32))


exprel = _by_order("exprel", _exprel, note="smooth: at 0 all derivatives are right")
exp10 = elementwise("exp10", special.exp10, lambda x, y: y * _LN10)
cosm1 = elementwise("cosm1", special.cosm1, lambda x, y: -sin(x))
expi = elementwise("expi", special.expi, lambda x, y: exp(x) / x)
exp1 = elementwise("exp1", special.exp1, lambda x, y: -exp(-x) * log_slope(x))

# --- Bessel functions -------------------------------------------------------------------------------------------------

jv = elementwise("jv", special.jv, _refused("jv", "order"), lambda v, x, y: 0.5 * (jv(v - 1, x) - jv(v + 1, x)))
yv = elementwise("yv", special.yv, _refused("yv", "order"), lambda v, x, y: 0.5 * (yv(v - 1, x) - yv(v + 1, x)))
iv = elementwise("iv", special.iv, _refused("iv", "order"), lambda v, x, y: 0.5 * (iv(v - 1, x) + iv(v + 1, x)))
kv = elementwise("kv", special.kv, _refused("kv", "order"), lambda v, x, y: -0.5 * (kv(v - 1, x) + kv(v + 1, x)))
ive = elementwise("ive", special.ive, _refused("ive", "order"),
                  lambda v, x, y: 0.5 * (ive(v - 1, x) + ive(v + 1, x)) - sign(x) * y,
                  note="a kink at 0: the mean of both sides")  # fmt: skip
kve = elementwise(
    "kve", special.kve, _refused("kve", "order"), lambda v, x, y: y - 0.5 * (kve(v - 1, x) + kve(v + 1, x))
)
j0 = elementwise("j0", special.j0, lambda x, y: -j1(x))
j1 = elementwise("j1", special.j1, lambda x, y: 0.5 * (j0(x) - _second(jv, x)))
y0 = elementwise("y0", special.y0, lambda x, y: -y1(x))
y1 = elementwise("y1", special.y1, lambda x, y: 0.5 * (y0(x) - _second(yv, x)))
i0 = elementwise("i0", special.i0, lambda x, y: i1(x))
i1 = elementwise("i1", special.i1, lambda x, y: 0.5 * (i0(x) + _second(iv, x)))
k0 = elementwise("k0", special.k0, lambda x, y: -k1(x))
k1 = elementwise("k1", special.k1, lambda x, y: -0.5 * (k0(x) + _second(kv, x)))
i0e = elementwise("i0e", special.i0e, lambda x, y: i1e(x) - sign(x) * y, note="a kink at 0: the mean of both sides")
i1e = elementwise("i1e", special.i1e, lambda x, y: 0.5 * (i0e(x) + _second(ive, x)) - sign(x) * y)
k0e = elementwise("k0e", special.k0e, lambda x, y: y - k1e(x))
k1e = elementwise("k1e", special.k1e, lambda x, y: y - 0.5 * (k0e(x) + _second(kve, x)))


def _second(family: Op, x: Node) -> Node:
    return family(as_node(2.0, x.dtype), x)
