"""``diff``, ``ediff1d``, ``gradient`` and ``interp``."""

import numpy as np
import pytest

import thalweg as tw
from tracing.agreement import same_derivative, same_value

A = np.cos(np.arange(20.0)).reshape(4, 5)
V = np.array([3.0, -1.0, 2.5, 0.5, 7.0])
H = np.array([0.0, 0.5, 1.5, 1.75, 3.0])
S = np.array(0.3)
XP = np.array([0.0, 1.0, 2.5, 4.0])
FP = np.array([1.0, 3.0, -2.0, 0.5])
AT = np.array([[-1.0, 0.2, 1.7], [2.6, 3.9, 4.5]])

LINEAR = {
    "diff": (lambda x: np.diff(x), A),
    "diff axis": (lambda x: np.diff(x, axis=0), A),
    "diff 2": (lambda x: np.diff(x, n=2), A),
    "diff 0": (lambda x: np.diff(x, n=0), A),
    "diff all": (lambda x: np.diff(x, n=6), V),
    "diff prepend": (lambda x, s: np.diff(x, prepend=s, append=[1.0, 2.0]), V, S),
    "diff prepend matrix": (lambda x: np.diff(x, prepend=0, append=x[:1], axis=0), A),
    "ediff1d": (lambda x: np.ediff1d(x), A),
    "ediff1d ends": (lambda x, s: np.ediff1d(x, to_begin=s, to_end=[1.0, 2.0]), V, S),
    "gradient": (lambda x: np.gradient(x), A),
    "gradient step": (lambda x: np.gradient(x, 0.5), A),
    "gradient steps": (lambda x: np.gradient(x, 0.5, 2), A),
    "gradient axis": (lambda x: np.gradient(x, axis=1), A),
    "gradient axes": (lambda x: np.gradient(x, 2.0, H, axis=(0, 1)), A),
    "gradient axes turned": (lambda x: np.gradient(x, axis=(1, 0)), A),
    "gradient coordinates": (lambda x: np.gradient(x, H), V),
    "gradient edge 2": (lambda x: np.gradient(x, edge_order=2), V),
    "gradient edge 2 coordinates": (lambda x: np.gradient(x, H, edge_order=2), V),
    "gradient edge 2 axes": (lambda x: np.gradient(x, 0.5, H, edge_order=2), A),
    "gradient of two": (lambda x: np.gradient(x), V[:2]),
    "interp in fp": (lambda fp: np.interp(AT, XP, fp), FP),
    "interp left right": (lambda fp, s: np.interp(AT, XP, fp, left=s, right=2 * s), FP, S),
    "interp periodic": (lambda fp: np.interp(AT, XP, fp, period=4.5), FP),
    "interp one point": (lambda fp: np.interp([0.0, 1.0, 2.0], [1.0], fp), FP[:1]),
    "interp at points": (lambda fp: np.interp(XP, XP, fp), FP),
    "interp scalar": (lambda fp: np.interp(1.5, XP, fp), FP),
}
SMOOTH = {
    "gradient in coordinates": (lambda x, h: np.gradient(x, h, edge_order=2), V, H),
    "gradient in step": (lambda x, s: np.gradient(x, s), V, S),
    "interp in all": (lambda x, xp, fp: np.interp(x, xp, fp), AT, XP, FP),
    "interp periodic in all": (lambda x, xp, fp: np.interp(x, xp, fp, period=5.0), AT + 0.03, XP + 0.1, FP),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_as_numpy(name):
    f, *arrays = LINEAR[name]
    same_value(f, *arrays)
    same_derivative(f, *arrays)


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_as_numpy(name):
    f, *arrays = SMOOTH[name]
    same_value(f, *arrays)
    same_derivative(f, *arrays, h=1e-4, atol=1e-5)


def test_integers_and_booleans():
    same_value(np.diff, np.array([1, 5, 2]))
    same_value(lambda x: np.diff(x > 1), V)
    same_value(np.gradient, np.array([1, 5, 2]))
    same_value(np.ediff1d, np.array([1, 5, 2]))


def test_interp_special_values():
    fp = np.array([1.0, np.inf, np.inf, 2.0])
    same_value(lambda x: np.interp(x, XP, FP), np.array([np.nan, np.inf, -np.inf, 0.0, 4.0, 2.5]))
    same_value(lambda x: np.interp(x, XP, fp), np.array([1.0, 1.7, 2.5]))


def test_slope_of_interp_at_a_point_of_the_table_is_that_on_its_right():
    slope = tw.jacobian(lambda x: np.interp(x, XP, FP))
    np.testing.assert_allclose(np.diag(slope(XP)), [2.0, -5.0 / 1.5, 2.5 / 1.5, 0.0])


@pytest.mark.parametrize(
    "f, error",
    [
        (lambda x: np.diff(x, n=-1), ValueError),
        (lambda x: np.diff(x[0, 0]), ValueError),
        (lambda x: np.diff(x, axis=2), np.exceptions.AxisError),
        (lambda x: np.gradient(x, 1.0, 1.0, 1.0), TypeError),
        (lambda x: np.gradient(x, x, axis=0), ValueError),
        (lambda x: np.gradient(x, [1.0, 2.0], axis=0), ValueError),
        (lambda x: np.gradient(x, edge_order=3), ValueError),
        (lambda x: np.gradient(x[:1]), ValueError),
        (lambda x: np.interp(1.0, x, x), ValueError),
        (lambda x: np.interp(1.0, x[0], x[0, :2]), ValueError),
        (lambda x: np.interp(1.0, x[0, :0], x[0, :0]), ValueError),
        (lambda x: np.interp(1.0, x[0, 0], x[0, 0]), ValueError),
        (lambda x: np.interp(1.0, x[0], x[0], period=0), ValueError),
    ],
)
def test_wrong_use_is_an_error(f, error):
    with pytest.raises(error):
        tw.trace(f, A)
