"""The sources of derivatives, one function at a time."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator

from thalweg.scipy.parts import Part, dense

FREE = np.full(2, np.inf)
X = np.array([1.5, -0.5])


def traced(x):
    return np.stack([x[0] ** 2 * x[1], np.sin(x[0])])


def hidden(x):
    return np.array([float(x[0]) ** 2 * x[1], np.sin(x[0])])


def jacobian(x):
    return [[2 * x[0] * x[1], x[0] ** 2], [np.cos(x[0]), 0]]


def hessian(x, y):
    return y[0] * np.array([[2 * x[1], 2 * x[0]], [2 * x[0], 0]]) + y[1] * np.array([[-np.sin(x[0]), 0], [0, 0]])


@pytest.mark.parametrize(
    "g, given, source, digits",
    [
        (traced, (None, None), "exact", (1e-14, 1e-13)),
        (hidden, (jacobian, hessian), "given", (1e-14, 1e-14)),
        (hidden, (jacobian, None), "given", (1e-14, 1e-8)),
        (hidden, (None, None), "differences", (1e-9, 1e-5)),
    ],
)
def test_sources(g, given, source, digits):
    part = Part(g, *given, -FREE, FREE, "g")
    y = np.array([2.0, 3.0])
    assert_allclose(part.jacobian(X), jacobian(X), atol=digits[0])
    assert_allclose(part.hessian(X, y), hessian(X, y), atol=digits[1])
    assert part.source == source and part.curvature == (source == "exact" or given[1] is not None)
    assert (part.note == "") == (source == "exact")
    assert source == "exact" or "test_parts.py" in part.note


def test_an_error_of_the_function_itself_is_raised():
    def broken(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        Part(broken, jacobian, None, -FREE, FREE, "g").jacobian(X)


def test_matrices_of_every_kind():
    M = np.array([[1.0, 2.0], [3.0, 4.0]])
    for form in (M, M.tolist(), csr_array(M), aslinearoperator(M)):
        assert_allclose(dense(form, (2, 2)), M)
    with pytest.raises(ValueError, match="should have"):
        dense(np.ones(3), (2, 2))
