"""The history of a run as arrays."""

import numpy as np

from optimize.problems import quadratic
from thalweg.optimize import minimize
from thalweg.optimize.history import PATH_LIMIT, History


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
