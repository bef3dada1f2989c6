"""The table of first-order methods: every row on every problem, its options, and its evaluations against SciPy."""

import numpy as np
import pytest
from scipy import optimize as scipy_optimize

from optimize.problems import STANDARD, standard
from optimize.walks import rosenbrock
from thalweg.errors import ArgumentError
from thalweg.optimize import Problem, minimize
from thalweg.optimize.engine import Run
from thalweg.optimize.first_order import FIRST_ORDER
from thalweg.optimize.schedules import Cosine, InverseTime

ROWS = {row.name: row for row in FIRST_ORDER}
FAST = ("conjugate-gradients", "bfgs", "l-bfgs")


def run(name, problem, start, tol, limit, **options):
    engine, lend = ROWS[name].make(problem, **options), Run(problem, tol)
    it = engine.begin(np.array(start, float), lend)
    for _ in range(limit):
        if it.residual <= tol:
            break
        it = engine.advance(it, lend)
    return it


def test_the_names_and_that_every_row_explains_itself():
    assert list(ROWS) == ("gradient-descent momentum nesterov conjugate-gradients bfgs l-bfgs sgd adam adamw".split())
    assert all(len(row.summary) > 30 and row.max_iterations >= 10_000 for row in FIRST_ORDER)
    assert [row.name for row in FIRST_ORDER if row.batches] == ["sgd", "adam", "adamw"]


@pytest.mark.parametrize("name", sorted(set(STANDARD) - {"mountain-pass-top", "rosenbrock-10"}))
@pytest.mark.parametrize("method", FAST)
def test_minimize_finds_the_published_minima_also_from_saddles(method, name):
    problem, start, value = standard(name)
    s = minimize(problem, start, method=method)
    assert s.success, s.message
    assert s.value == pytest.approx(value, abs=1e-9) and s.kind in ("strict minimum", "degenerate")


BOWL = Problem(2, lambda x: (float(x[0] ** 2 + 5 * x[1] ** 2), np.array([2, 10]) * x))
OPTIONS = [
    ("gradient-descent", {}),
    ("gradient-descent", {"learning_rate": 0.1}),
    ("gradient-descent", {"learning_rate": InverseTime(0.15, 0.001)}),
    ("gradient-descent", {"schedule": Cosine(0.15, 1000, 0.05)}),
    ("gradient-descent", {"search": "exact"}),
    ("gradient-descent", {"search": "Barzilai-Borwein"}),
    ("gradient-descent", {"search": "wolfe"}),
    ("momentum", {}),
    ("momentum", {"learning_rate": 0.05, "momentum": 0.5}),
    ("nesterov", {}),
    ("nesterov", {"learning_rate": 0.1, "restart": False}),
    ("conjugate-gradients", {"search": "exact"}),
    ("bfgs", {"search": "exact"}),
    ("l-bfgs", {"memory": 2}),
    ("sgd", {"learning_rate": 0.1}),
    ("sgd", {"learning_rate": 0.05, "momentum": 0.5, "nesterov": True}),
    ("adam", {"schedule": Cosine(0.5, 3000)}),
]


@pytest.mark.parametrize("method, options", OPTIONS, ids=str)
def test_every_option_leads_to_the_minimum(method, options):
    assert set(options) <= set(ROWS[method].options)
    it = run(method, BOWL, [3.0, -1.0], 1e-7, 3000, **options)
    assert it.residual <= 1e-7


def test_decay_draws_adamw_towards_zero():
    shifted = Problem(1, lambda x: (float((x[0] - 1) ** 2), 2 * (x - 1)))
    ends = [
        run("adamw", shifted, [2.0], 1e-9, 4000, schedule=Cosine(0.1, 4000), weight_decay=w).point.x[0]
        for w in (0.0, 0.1)
    ]
    assert ends[0] == pytest.approx(1, abs=1e-4) and ends[1] < 0.999


WRONG = [
    ("gradient-descent", {"learning_rate": 0.1, "search": "exact"}),
    ("gradient-descent", {"learning_rate": 0.1, "schedule": Cosine(0.1, 10)}),
    ("gradient-descent", {"search": "magic"}),
    ("momentum", {"momentum": 1.0}),
    ("bfgs", {"search": "backtracking"}),
    ("l-bfgs", {"memory": 0}),
    ("sgd", {"epochs": 0}),
    ("sgd", {"momentum": 2}),
    ("adam", {"beta1": 1.5}),
]


@pytest.mark.parametrize("method, options", WRONG, ids=str)
def test_what_makes_no_sense_is_refused(method, options):
    with pytest.raises(ArgumentError):
        ROWS[method].make(BOWL, **options)


def _helical(x):
    turn = np.arctan2(x[1], x[0]) / (2 * np.pi)
    turn = turn if turn > -0.25 else turn + 1
    r2 = x[0] ** 2 + x[1] ** 2
    a, b = 10 * (x[2] - 10 * turn), 10 * (np.sqrt(r2) - 1)
    da = -100 / (2 * np.pi * r2) * np.array([-x[1], x[0], 0.0]) + np.array([0.0, 0.0, 10.0])
    db = 10 * np.array([x[0], x[1], 0.0]) / np.sqrt(r2)
    return float(a * a + b * b + x[2] ** 2), 2 * a * da + 2 * b * db + np.array([0.0, 0.0, 2 * x[2]])


def _powell(x):
    a, b, c, d = x[::4] + 10 * x[1::4], x[2::4] - x[3::4], x[1::4] - 2 * x[2::4], x[::4] - x[3::4]
    g = np.empty_like(x)
    g[::4], g[1::4] = 2 * a + 40 * d**3, 20 * a + 4 * c**3
    g[2::4], g[3::4] = 10 * b - 8 * c**3, -10 * b - 40 * d**3
    return float(a @ a + 5 * b @ b + np.sum(c**4) + 10 * np.sum(d**4)), g


def _brown_dennis(x):
    t = np.arange(1, 21) / 5
    a, b = x[0] + t * x[1] - np.exp(t), x[2] + x[3] * np.sin(t) - np.cos(t)
    r = a * a + b * b
    return float(r @ r), np.array([4 * r @ a, 4 * r @ (a * t), 4 * r @ b, 4 * r @ (b * np.sin(t))])


def _penalty(x):
    a, b = x - 1, x @ x - 0.25
    return float(1e-5 * a @ a + b * b), 2e-5 * a + 4 * b * x


AGAINST_SCIPY = {  # of Moré, Garbow & Hillstrom (1981), with hand-written gradients: function, start, minimum
    "rosenbrock": (rosenbrock(2)[0].f_and_gradient, [-1.2, 1.0], 0.0),
    "rosenbrock 20": (rosenbrock(20)[0].f_and_gradient, [-1.2, 1.0] * 10, 0.0),
    "helical valley": (_helical, [-1.0, 0.0, 0.0], 0.0),
    "powell singular": (_powell, [3.0, -1.0, 0.0, 1.0], 0.0),
    "powell singular 20": (_powell, [3.0, -1.0, 0.0, 1.0] * 5, 0.0),
    "brown and dennis": (_brown_dennis, [25.0, 5.0, -5.0, -1.0], 85822.2016),
    "penalty I 4": (_penalty, np.arange(1.0, 5.0), 2.24997e-5),
    "penalty I 10": (_penalty, np.arange(1.0, 11.0), 7.08765e-5),
}


class _Reached(Exception):
    pass


def _evaluations(f, start, tol, descend):
    """Evaluations up to the first whose gradient is small."""
    spent = 0

    def counted(x):
        nonlocal spent
        spent += 1
        value, g = f(np.asarray(x))
        if np.abs(g).max() <= tol:
            raise _Reached
        return value, g

    try:
        descend(counted, np.array(start))
    except _Reached:
        return spent
    return None


@pytest.mark.parametrize("method, peer", [("bfgs", "BFGS"), ("l-bfgs", "L-BFGS-B"), ("conjugate-gradients", "CG")])
def test_fewer_evaluations_than_scipys_counterpart(method, peer):
    def ours(f, x):
        run(method, Problem(x.size, f), x, 0.0, 5000)

    def scipys(f, x):
        options = {"maxiter": 5000} | ({"ftol": 0, "gtol": 0} if peer == "L-BFGS-B" else {"gtol": 0})
        with np.errstate(all="ignore"):
            scipy_optimize.minimize(f, x, jac=True, method=peer, options=options)

    ratios = []
    for name, (f, start, _) in AGAINST_SCIPY.items():
        mine = _evaluations(f, start, 1e-6, ours)
        assert mine is not None, name
        theirs = _evaluations(f, start, 1e-6, scipys)
        if theirs is not None:
            ratios.append(mine / theirs)
    assert len(ratios) >= 5 and np.exp(np.mean(np.log(ratios))) < 1


@pytest.mark.parametrize("name", AGAINST_SCIPY)
@pytest.mark.parametrize("method", FAST)
def test_the_published_values(method, name):
    f, start, value = AGAINST_SCIPY[name]
    it = run(method, Problem(len(start), f), start, 1e-6, 2000)
    assert it.residual <= 1e-6 and it.point.value == pytest.approx(value, rel=2e-6, abs=1e-8)
