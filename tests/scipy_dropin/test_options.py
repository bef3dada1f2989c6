"""SciPy's options as settings."""

import numpy as np
import pytest

from thalweg.scipy.options import TIGHTEST, TOLERANCE, asked


@pytest.mark.parametrize(
    "options, method, tol, expected",
    [
        ({}, "bfgs", None, TOLERANCE),
        ({}, "bfgs", 1e-3, 1e-3),  # the gradient's
        ({"gtol": 1e-4}, "bfgs", 1e-3, 1e-4),
        ({}, "slsqp", 1e-3, TOLERANCE),  # the value's: no reason to stop early
        ({"ftol": 1e-10}, "slsqp", None, 1e-10),
        ({"ftol": 1e-30}, "slsqp", None, TIGHTEST),
        ({"gtol": -1}, "tnc", None, TOLERANCE),
        ({"xatol": np.array([1e-3, 1e-4])}, "nelder-mead", None, TOLERANCE),
    ],
)
def test_tolerance(options, method, tol, expected):
    assert asked(options, method, tol).tol == expected


def test_limits():
    wanted = asked({"maxiter": 7.0, "maxfun": 9, "f_target": -2, "disp": True, "return_all": True}, "", None)
    assert (wanted.iterations, wanted.evaluations, wanted.target) == (7, 9, -2.0)
    assert wanted.display and wanted.keep_all and wanted.notes == []
    none = asked({"maxiter": None, "maxfev": np.inf, "verbose": 0, "f_target": None}, "", None)
    assert (none.iterations, none.evaluations, none.target, none.display) == (None, None, -np.inf, False)
    with pytest.raises(ValueError, match="maxiter"):
        asked({"maxiter": [3]}, "", None)


def test_notes():
    notes = asked({"ftol": 1e-9, "maxls": 3, "eps": 1e-8}, "l-bfgs-b", None).notes
    assert notes == ["the run ended by the optimality conditions, not by ftol", "not needed: maxls, eps"]
