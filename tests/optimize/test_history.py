"""The history of a run as arrays."""

import sys

import numpy as np
import pytest

import thalweg as tw
from optimize.problems import quadratic
from thalweg.errors import MissingPackageError
from thalweg.optimize import minimize
from thalweg.optimize.history import COLUMNS, PATH_LIMIT, History


def test_columns_have_one_entry_an_iterate():
    s = minimize(quadratic(np.diag([1.0, 5.0])), [1.0, 1.0], learning_rate=0.1)
    h = s.history
    assert len(h) == s.iterations + 1
    for column in (h.iteration, h.value, h.gradient_norm, h.step_length, h.time, h.evaluations):
        assert column.shape == (len(h),)
    assert h.x.shape == (len(h), 2) and h.value[-1] == s.value
    np.testing.assert_allclose(h.step_length[1:], np.linalg.norm(np.diff(h.x, axis=0), axis=1))
    assert np.all(np.diff(h.time) >= 0) and h.evaluations[-1] == s.nfev


def test_the_path_is_kept_for_few_variables_only():
    n = PATH_LIMIT + 1
    s = minimize(quadratic(np.eye(n)), np.ones(n))
    assert s.history.x is None and len(s.history.value) == s.iterations + 1


def test_an_empty_history():
    h = History()
    assert len(h) == 0 and h.x is None and h.value.shape == (0,)


def test_a_data_frame_has_the_columns_and_the_path():
    s = minimize(quadratic(np.diag([1.0, 5.0])), [1.0, 1.0], learning_rate=0.1)
    frame = s.history.to_dataframe(s.names)
    assert frame.index.name == "iteration" and len(frame) == len(s.history)
    assert list(frame.columns) == [*COLUMNS[1:], "x[0]", "x[1]"]
    np.testing.assert_array_equal(frame["value"], s.history.value)
    np.testing.assert_array_equal(frame[["x[0]", "x[1]"]], s.history.x)
    large = minimize(quadratic(np.eye(PATH_LIMIT + 1)), np.ones(PATH_LIMIT + 1)).history
    assert list(large.to_dataframe().columns) == list(COLUMNS[1:])


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match=r"pip install thalweg\[pandas\]"):
        History().to_dataframe()


def test_infeasibility_is_a_column():
    s = tw.minimize(lambda x: x @ x, [3.0, 1.0], subject_to=lambda x: x[0] * x[1] == 1)
    assert s.history.infeasibility[0] == 2.0 and s.history.infeasibility[-1] < 1e-8
