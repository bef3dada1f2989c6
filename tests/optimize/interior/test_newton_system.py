"""The condensed system solves the whole one."""

from math import inf

import numpy as np
import pytest

from optimize.interior.samples import quadratic, sparse
from thalweg.optimize.interior.form import Form
from thalweg.optimize.interior.inertia import ROW_REGULARIZATION, Inertia
from thalweg.optimize.interior.newton_system import NewtonSystem


def whole(problem, form, d, v, shift):
    """The matrix with slacks, put together entry by entry."""
    A = problem.at(np.zeros(problem.n)).J
    C = np.zeros((form.m, form.size))
    C[:, : form.n] = A
    for slack, row in enumerate(form.ranged_rows):
        C[row, form.n + slack] = -1
    H = np.zeros((form.size, form.size))
    H[: form.n, : form.n] = problem.f_hessian(None)
    for b, k in enumerate(form.B):
        H[k, k] += v[b] / d[b]
    H += shift * np.eye(form.size)
    delta = np.zeros(form.m)
    delta[form.equality] = ROW_REGULARIZATION
    return H, C, np.block([[H, C.T], [C, -np.diag(delta)]])


@pytest.mark.parametrize("turn", [lambda p: p, sparse], ids=["dense", "sparse"])
@pytest.mark.parametrize("convexity", [1.0, -1.0])
def test_the_step_is_that_of_the_whole_system(convexity, turn):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 5))
    H = convexity * np.diag([1.0, 2, 3, 4, 5])
    problem = quadratic(H, np.ones(5), A, [0, -1, -inf, 2], [0, 1, 1, 2], np.zeros(5), np.full(5, inf))
    form = Form(turn(problem))
    system = NewtonSystem(form)
    d, v = rng.uniform(0.5, 1, form.bounds), rng.uniform(0.5, 1, form.bounds)
    point = turn(problem).at(np.ones(5))
    system.load(turn(problem).f_hessian(np.ones(5)), point.J, d, v)
    shift = system.factorize(Inertia())
    shifts = np.append(np.full(form.n, shift), np.full(form.slacks, min(shift, 1.0)))
    big, _, K = whole(problem, form, d, v, shifts)
    assert (shift == 0) == (convexity > 0)
    assert int((np.linalg.eigvalsh(K) < 0).sum()) == form.m
    r, c = rng.standard_normal((2, form.size)), rng.standard_normal((2, form.m))
    dw, dy = system.solve(r, c)
    exact = np.linalg.solve(K, -np.hstack([r, c]).T).T
    np.testing.assert_allclose(np.hstack([dw, dy]), exact, rtol=1e-6, atol=1e-8)
    one, y = system.solve(r[0], c[0])
    np.testing.assert_allclose(np.concatenate([one, y]), exact[0], rtol=1e-6, atol=1e-8)
    system.kkt.certain = False
    along = exact[0, : form.size] @ big @ exact[0, : form.size]
    across = c[0] @ exact[0, form.size :]
    assert system.curvature(r[0], c[0], one, y) == pytest.approx(along + max(0, -across), rel=1e-5)


def test_multipliers_of_least_squares():
    problem = quadratic(np.eye(3), [1, 2, 3], [[1, 1, 0], [0, 1, 1]], [0, 0], [0, 0])
    form = Form(problem)
    y = NewtonSystem(form).multipliers(problem.at(np.zeros(3)).J, np.array([1.0, 2, 3]))
    A = np.array([[1.0, 1, 0], [0, 1, 1]])
    np.testing.assert_allclose(y, np.linalg.lstsq(A.T, -np.array([1.0, 2, 3]))[0], rtol=1e-9)
