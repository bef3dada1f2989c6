"""NIST's reference data sets for linear regression, with the values that NIST certifies to fifteen digits.

Longley, Filip, Wampler 1–5, Norris: https://www.itl.nist.gov/div898/strd/lls/lls.shtml (in the public domain). The
certified values were computed by NIST in 500 digits; `exact` solves the same in rational numbers, so that a slip of
the pen in the data below cannot hide.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

LONGLEY = """
60323 83.0 234289 2356 1590 107608 1947
61122 88.5 259426 2325 1456 108632 1948
60171 88.2 258054 3682 1616 109773 1949
61187 89.5 284599 3351 1650 110929 1950
63221 96.2 328975 2099 3099 112075 1951
63639 98.1 346999 1932 3594 113270 1952
64989 99.0 365385 1870 3547 115094 1953
63761 100.0 363112 3578 3350 116219 1954
66019 101.2 397469 2904 3048 117388 1955
67857 104.6 419180 2822 2857 118734 1956
68169 108.4 442769 2936 2798 120445 1957
66513 110.8 444546 4681 2637 121950 1958
68655 112.6 482704 3813 2552 123366 1959
69564 114.2 502601 3931 2514 125368 1960
69331 115.7 518173 4806 2572 127852 1961
70551 116.9 554894 4007 2827 130081 1962
"""
FILIP = """
0.8116 -6.860120914 0.9072 -4.324130045 0.9052 -4.358625055 0.9039 -4.358426747 0.8053 -6.955852379
0.8377 -6.661145254 0.8667 -6.355462942 0.8809 -6.118102026 0.7975 -7.115148017 0.8162 -6.815308569
0.8515 -6.519993057 0.8766 -6.204119983 0.8885 -5.853871964 0.8859 -6.109523091 0.8959 -5.79832982
0.8913 -5.482672118 0.8959 -5.171791386 0.8971 -4.851705903 0.9021 -4.517126416 0.909 -4.143573228
0.9139 -3.709075441 0.9199 -3.499489089 0.8692 -6.300769497 0.8872 -5.953504836 0.89 -5.642065153
0.891 -5.031376979 0.8977 -4.680685696 0.9035 -4.329846955 0.9078 -3.928486195 0.7675 -8.56735134
0.7705 -8.363211311 0.7713 -8.107682739 0.7736 -7.823908741 0.7775 -7.522878745 0.7841 -7.218819279
0.7971 -6.920818754 0.8329 -6.628932138 0.8641 -6.323946875 0.8804 -5.991399828 0.7668 -8.781464495
0.7633 -8.663140179 0.7678 -8.473531488 0.7697 -8.247337057 0.77 -7.971428747 0.7749 -7.676129393
0.7796 -7.352812702 0.7897 -7.072065318 0.8131 -6.774174009 0.8498 -6.478861916 0.8741 -6.159517513
0.8061 -6.835647144 0.846 -6.53165267 0.8751 -6.224098421 0.8856 -5.910094889 0.8919 -5.598599459
0.8934 -5.290645224 0.894 -4.974284616 0.8957 -4.64454848 0.9047 -4.290560426 0.9129 -3.885055584
0.9209 -3.408378962 0.9219 -3.13200249 0.7739 -8.726767166 0.7681 -8.66695597 0.7665 -8.511026475
0.7703 -8.165388579 0.7702 -7.886056648 0.7761 -7.588043762 0.7809 -7.283412422 0.7961 -6.995678626
0.8253 -6.691862621 0.8602 -6.392544977 0.8809 -6.067374056 0.8301 -6.684029655 0.8664 -6.378719832
0.8834 -6.065855188 0.8898 -5.752272167 0.8964 -5.132414673 0.8963 -4.811352704 0.9074 -4.098269308
0.9119 -3.66174277 0.9228 -3.2644011
"""
WAMPLER = """
759 -2048 2048 -2048 2523 -2048 2048 -2048 1838 -2048 2048 -2048 1838 -2048 2048 -2048 2523 -2048 2048 -2048 759
"""


@dataclass(frozen=True)
class Reference:
    """A data set in the text's decimals, and what is certified: intercept first."""

    name: str
    X: tuple[tuple[Fraction, ...], ...]
    y: tuple[Fraction, ...]
    coefficients: tuple[float, ...]
    errors: tuple[float, ...]
    sigma: float
    r2: float

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array([[float(v) for v in row] for row in self.X]), np.array([float(v) for v in self.y])


def _polynomial(x: list[Fraction], degree: int) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(tuple(v**k for k in range(1, degree + 1)) for v in x)


def _rows(text: str, width: int) -> list[list[Fraction]]:
    values = [Fraction(v) for v in text.split()]
    return [values[k : k + width] for k in range(0, len(values), width)]


def _longley() -> Reference:
    rows = _rows(LONGLEY, 7)
    return Reference(
        "Longley", tuple(tuple(r[1:]) for r in rows), tuple(r[0] for r in rows),
        (-3482258.63459582, 15.0618722713733, -0.358191792925910e-01, -2.02022980381683, -1.03322686717359,
         -0.511041056535807e-01, 1829.15146461355),
        (890420.383607373, 84.9149257747669, 0.334910077722432e-01, 0.488399681651699, 0.214274163161675,
         0.226073200069370, 455.478499142212),
        304.854073561965, 0.995479004577296,
    )  # fmt: skip


def _filip() -> Reference:
    rows = _rows(FILIP, 2)
    return Reference(
        "Filip", _polynomial([r[1] for r in rows], 10), tuple(r[0] for r in rows),
        (-1467.48961422980, -2772.17959193342, -2316.37108160893, -1127.97394098372, -354.478233703349,
         -75.1242017393757, -10.8753180355343, -1.06221498588947, -0.670191154593408e-01, -0.246781078275479e-02,
         -0.402962525080404e-04),
        (298.084530995537, 559.779865474950, 466.477572127796, 227.204274477751, 71.6478660875927, 15.2897178747400,
         2.23691159816033, 0.221624321934227, 0.142363763154724e-01, 0.535617408889821e-03, 0.896632837373868e-05),
        0.334801051324544e-02, 0.996727416185620,
    )  # fmt: skip


def _wampler(k: int) -> Reference:
    x = [Fraction(v) for v in range(21)]
    unit = Fraction(1, 10) if k == 2 else Fraction(1)
    noise = [Fraction(v) for v in WAMPLER.split()]
    size = {1: 0, 2: 0, 3: 1, 4: 100, 5: 10000}[k]
    y = tuple(sum((unit * v) ** j for j in range(6)) + size * e for v, e in zip(x, noise))
    errors = (2152.32624678170, 2363.55173469681, 779.343524331583, 101.475507550350, 5.64566512170752,
              0.112324854679312)  # fmt: skip
    return Reference(
        f"Wampler{k}", _polynomial(x, 5), y, tuple(float(unit**j) for j in range(6)),
        tuple(size * e for e in errors), size * 2360.14502379268,
        {1: 1.0, 2: 1.0, 3: 0.999995559025820, 4: 0.957478440825662, 5: 0.224668921574940e-02}[k],
    )  # fmt: skip


ALL = (_longley(), _filip(), *(_wampler(k) for k in range(1, 6)))


def exact(X: list[list[Fraction]], y: list[Fraction]) -> list[Fraction]:
    """The coefficients that solve the normal equations in rational numbers, intercept first."""
    A = [[Fraction(1), *row] for row in X]
    p = len(A[0])
    M = [[sum(a[i] * a[j] for a in A) for j in range(p)] + [sum(a[i] * v for a, v in zip(A, y))] for i in range(p)]
    for i in range(p):
        pivot = next(k for k in range(i, p) if M[k][i])
        M[i], M[pivot] = M[pivot], M[i]
        M[i] = [v / M[i][i] for v in M[i]]
        for k in range(p):
            if k != i and M[k][i]:
                M[k] = [v - M[k][i] * w for v, w in zip(M[k], M[i])]
    return [row[-1] for row in M]


def digits(found: float, certified: float) -> float:
    """The digits that agree, as NIST counts them: −log₁₀ of the relative error, at most 15."""
    error = abs(found - certified) / (abs(certified) or 1.0)
    return 15.0 if error == 0 else float(min(15.0, -np.log10(error)))
