"""Problem 85: the profit of a wood-pulp plant, from a chain of balances and empirical formulas."""

from __future__ import annotations

LOWEST = (213.1, 17.505, 11.275, 214.228, 7.458, 0.961, 1.612, 0.146, 107.99, 922.693, 926.832, 18.766, 1072.163)
LOWEST += (8961.448, 0.063, 71084.33, 2802713)
HIGHEST = (405.23, 1053.6667, 35.03, 665.585, 584.463, 265.916, 7.046, 0.222, 273.366, 1286.105, 1444.046, 537.141)
HIGHEST += (3247.039, 26844.086, 0.386, 140000, 12146108)


def balances(x):
    """The quantities y₁ … y₁₇ of the book, and c₁₂, c₁₅, c₁₆ of its intermediate ones."""
    y1 = x[1] + x[2] + 41.6
    c1 = 0.024 * x[3] - 4.62
    y2 = 12.5 / c1 + 12
    c2 = 0.0003535 * x[0] ** 2 + 0.5311 * x[0] + 0.08705 * y2 * x[0]
    c3 = 0.052 * x[0] + 78 + 0.002377 * y2 * x[0]
    y3 = c2 / c3
    y4 = 19 * y3
    c4 = 0.04782 * (x[0] - y3) + 0.1956 * (x[0] - y3) ** 2 / x[1] + 0.6376 * y4 + 1.594 * y3
    c5 = 100 * x[1]
    c6 = x[0] - y3 - y4
    c7 = 0.95 - c4 / c5
    y5 = c6 * c7
    y6 = x[0] - y5 - y4 - y3
    c8 = 0.995 * (y5 + y4)
    y7 = c8 / y1
    y8 = c8 / 3798
    c9 = y7 - 0.0663 * y7 / y8 - 0.3153
    y9 = 96.82 / c9 + 0.321 * y1
    y10 = 1.29 * y5 + 1.258 * y4 + 2.29 * y3 + 1.71 * y6
    y11 = 1.71 * x[0] - 0.452 * y4 + 0.58 * y3
    c10 = 12.3 / 752.3
    c11 = 1.75 * y2 * 0.995 * x[0]
    c12 = 0.995 * y10 + 1998
    y12 = c10 * x[0] + c11 / c12
    y13 = c12 - 1.75 * y2
    y14 = 3623 + 64.4 * x[1] + 58.4 * x[2] + 146312 / (y9 + x[4])
    c13 = 0.995 * y10 + 60.8 * x[1] + 48 * x[3] - 0.1121 * y14 - 5095
    y15 = y13 / c13
    y16 = 148000 - 331000 * y15 + 40 * y13 - 61 * y15 * y13
    c14 = 2324 * y10 - 28740000 * y2
    y17 = 14130000 - 1328 * y10 - 531 * y11 + c14 / c12
    c15 = y13 / y15 - y13 / 0.52
    c16 = 1.104 - 0.72 * y15
    return (y1, y2, y3, y4, y5, y6, y7, y8, y9, y10, y11, y12, y13, y14, y15, y16, y17), (c12, c15, c16)


def loss(x):
    """Minus the net profit."""
    y, (c12, c15, c16) = balances(x)
    return (
        -5.843e-7 * y[16]
        + 1.17e-4 * y[13]
        + 0.1365
        + 2.358e-5 * y[12]
        + 1.502e-6 * y[15]
        + 0.0321 * y[11]
        + 0.004324 * y[4]
        + 1e-4 * c15 / c16
        + 37.48 * y[1] / c12
    )


def limits(x):
    """Every quantity between its least and its greatest value, and four balances."""
    y, _ = balances(x)
    return [
        1.5 * x[1] - x[2],
        *(q - low for q, low in zip(y, LOWEST)),
        *(high - q for q, high in zip(y, HIGHEST)),
        y[3] - 0.28 / 0.72 * y[4],
        21 - 3496 * y[1] / (0.995 * y[9] + 1998),
        62212 / (y[8] + x[4]) - 110.6 - y[0],
    ]
