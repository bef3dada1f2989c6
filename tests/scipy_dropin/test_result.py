"""What a result carries beside SciPy's fields, and that it travels."""

import copy
import pickle

import numpy as np
import pytest
from scipy.optimize import OptimizeResult, rosen

import thalweg.scipy
from checks import older
from thalweg.optimize import Solution
from thalweg.scipy import minimize


def test_extras():
    result = minimize(rosen, [1.2, 1.1], constraints={"type": "ineq", "fun": lambda x: 1 - x @ x})
    assert isinstance(result.solution, Solution) and "solution" in dir(result) and "solution" not in result
    assert result.kind == "strict minimum" and result.certificate.constraint_rank == 1
    assert result.multipliers.shape == (1,) and result.multipliers[0] > 0
    assert result["x"] is result.x
    text = str(result)
    assert "kind: strict minimum" in text and "history" not in text


def test_results_are_pickled_without_the_solution():
    result = minimize(rosen, [1.2, 1.1], method="L-BFGS-B")
    again = pickle.loads(pickle.dumps(result))
    assert isinstance(again, OptimizeResult) and again.solution is None
    assert np.array_equal(again.x, result.x) and again.message == result.message
    assert np.array_equal(copy.deepcopy(result).x, result.x)


def test_what_is_not_here_is_scipys():
    import scipy.optimize

    assert thalweg.scipy.linprog is scipy.optimize.linprog
    assert thalweg.scipy.Bounds is scipy.optimize.Bounds
    assert thalweg.scipy.rosen is rosen
    assert set(scipy.optimize.__all__) <= set(dir(thalweg.scipy))
    with pytest.raises(AttributeError, match="neither"):
        _ = thalweg.scipy.nonsense


@pytest.mark.parametrize("name", thalweg.scipy.__all__)
def test_signatures_are_scipys(name):
    import inspect

    import scipy.optimize

    if name == "least_squares" and older(scipy, "1.16.0"):
        pytest.skip("needs SciPy 1.16: least_squares with callback= and workers=")
    mine, theirs = (inspect.signature(getattr(m, name)).parameters for m in (thalweg.scipy, scipy.optimize))
    assert list(mine) == list(theirs)
    assert {k: p.default for k, p in mine.items()} == {k: p.default for k, p in theirs.items()}
    assert [p.kind for p in mine.values()] == [p.kind for p in theirs.values()]


def test_importing_thalweg_does_not_import_it():
    import subprocess
    import sys

    code = "import sys, thalweg; print('thalweg.scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
