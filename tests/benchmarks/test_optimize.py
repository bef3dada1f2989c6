"""The command `python -m benchmarks optimize` without its peers: what is judged, counted, fitted and written."""

import json
import math
import time
from argparse import Namespace

import numpy as np
import pytest
from benchmarks.families import LargeProblem
from benchmarks.optimize_report import IPOPT, OURS, OURS_SQUARES, POUNCE, READY, SLSQP, Measured, Row
from benchmarks.optimizers import ALL, PAIRS, available, descents, first, slsqp, squares, trust_constr, worker
from benchmarks.optimizers.judge import ELSEWHERE, FAILED, INEXACT, SOLVED, WRONG, judged, not_a_minimum, violation
from benchmarks.optimizers.solver import OutOfTime, constraints, renewed, timed
from benchmarks.optimizers.worker import Outcome, Task, Worker, done
from benchmarks.problem import TestProblem

from benchmarks import optimize, optimize_report, report

CIRCLE = TestProblem(
    "the lowest point of a circle, and a bound",
    lambda x: x[0] + x[1],
    (1.0, 0.5),
    -math.sqrt(2),
    ineq=lambda x: [1 - x[0] ** 2 - x[1] ** 2],
    lower=(-2.0, -math.inf),
    upper=(math.inf, 3.0),
)
LOWEST = np.full(2, -math.sqrt(0.5))
LEFT, TOP, RIGHT = np.sort(np.roots([4, 0, -4, 0.1]))  # the stationary points of the next
TWO_WELLS = TestProblem(
    "two wells",
    lambda x: (x[0] ** 2 - 1) ** 2 + 0.1 * x[0] + x[1] ** 2,
    (0.9, 0.3),
    float((LEFT**2 - 1) ** 2 + 0.1 * LEFT),
)


# --- judging


def test_a_point_is_solved_where_value_feasibility_and_success_agree():
    assert judged(CIRCLE, LOWEST, True).verdict == SOLVED
    assert judged(CIRCLE, LOWEST, False, "gave up").verdict == FAILED
    assert judged(CIRCLE, 1.1 * LOWEST, True).verdict == WRONG
    assert judged(CIRCLE, LOWEST * (1 - 1e-5), True).verdict == INEXACT
    assert judged(CIRCLE, np.array([np.nan, 0]), True).verdict == WRONG


def test_violations_are_distances():
    assert violation(CIRCLE, LOWEST) <= 1e-15
    steep = TestProblem("steep", lambda x: x[0], (0.0,), 0.0, eq=lambda x: [1e4 * (x[0] - 1)])
    assert violation(steep, np.array([1 + 1e-5])) == pytest.approx(1e-5, rel=1e-6)
    assert violation(CIRCLE, np.array([-3.0, 0.0])) == pytest.approx(8 / 6, rel=1e-12)  # 1 − 9, slope 6
    assert violation(CIRCLE, np.array([0.0, 6.0])) == pytest.approx(35 / 12, rel=1e-12)
    bounds = TestProblem("bounds", lambda x: x[0], (0.0,), 0.0, lower=(1000.0,), upper=(math.inf,))
    assert violation(bounds, np.array([999.0])) == pytest.approx(1e-3)
    assert violation(bounds, np.array([np.inf])) == np.inf


def test_a_success_elsewhere_is_a_minimum_or_wrong():
    assert judged(TWO_WELLS, np.array([LEFT, 0.0]), True).verdict == SOLVED
    found = judged(TWO_WELLS, np.array([RIGHT, 0.0]), True)
    assert found.verdict == ELSEWHERE and "instead of" in found.why
    found = judged(TWO_WELLS, np.array([TOP, 0.0]), True)
    assert found.verdict == WRONG and "negative curvature" in found.why
    found = judged(TWO_WELLS, np.array([0.5, 0.5]), True)
    assert found.verdict == WRONG and "not stationary" in found.why


def test_multipliers_of_the_wrong_sign_are_no_minimum():
    assert not_a_minimum(CIRCLE, LOWEST) == ""
    assert "not stationary" in not_a_minimum(CIRCLE, -LOWEST)  # the highest point
    saddle = TestProblem("on a line", lambda x: x[0] * x[1], (0.0, 0.0), -9.0, eq=lambda x: [x[0] + x[1] - 2])
    assert "negative curvature" in not_a_minimum(saddle, np.ones(2))
    bowl = TestProblem("on a line", lambda x: -x[0] * x[1], (0.0, 0.0), -9.0, eq=lambda x: [x[0] + x[1] - 2])
    assert not_a_minimum(bowl, np.ones(2)) == ""


def test_large_problems_are_compared_by_value():
    n = 300
    sphere = LargeProblem("sphere", lambda x: np.sum((x - 1) ** 2) + 1, np.zeros(n), lambda ca, z: (z, None), value=1.0)
    assert judged(sphere, np.ones(n), True, relative=1e-4).verdict == SOLVED
    assert judged(sphere, np.zeros(n), True, relative=1e-4).verdict == WRONG


# --- stating


def test_a_renewed_function_is_another_with_the_same_text():
    shift = 3.0

    def f(x, *, scale=2.0):
        return scale * np.exp(x) + shift

    again = renewed(f)
    assert again is not f and again.__code__ is not f.__code__
    assert again(1.0) == f(1.0) and again(1.0, scale=1.0) == f(1.0, scale=1.0)
    assert renewed(None) is None
    assert renewed(np.sin)(1.0) == np.sin(1.0)


def test_np_can_be_another_module_also_in_functions_that_are_called():
    class Noted:
        pi = np.pi

        @staticmethod
        def sum(x):
            return "summed"

    names = {"np": np, "__name__": "benchmarks.made"}
    exec(
        "def inner(x):\n    return np.sum(x)\n"
        "def made():\n    hidden = lambda x: inner(x) if x.size else outer(x + 1)\n    return lambda x: hidden(x)\n"
        "def outer(x):\n    return inner(x)\n",
        names,
    )
    assert renewed(names["outer"], Noted)(np.ones(2)) == "summed"
    closed = names["made"]()
    assert renewed(closed, Noted)(np.ones(2)) == "summed"
    assert names["outer"](np.ones(2)) == closed(np.ones(2)) == 2


def test_constraints_are_one_function_with_two_sides():
    both = TestProblem("both", lambda x: x[0], (1.0, 2.0), 0.0, eq=lambda x: [x[0]], ineq=lambda x: [x[1], x[0] * x[1]])
    c, low, high = constraints(both)
    np.testing.assert_array_equal(c(np.array([1.0, 2.0])), [1, 2, 2])
    np.testing.assert_array_equal(low, [0, 0, 0])
    np.testing.assert_array_equal(high, [0, np.inf, np.inf])
    assert constraints(first.FREE)[0] is None


def test_an_objective_stops_a_solver_that_knows_no_limit():
    slow = timed(lambda x: time.sleep(0.01) or 1.0, 0.02)
    with pytest.raises(OutOfTime) as late:
        for _ in range(100):
            slow(np.array([7.0]))
    assert late.value.args[0] == [7.0]


# --- solvers that are always there


@pytest.mark.parametrize("solver", [slsqp.SLSQP, slsqp.READY, trust_constr.TRUST_CONSTR], ids=lambda s: s.name)
def test_scipys_solvers_of_constrained_problems(solver):
    answer = solver.solve(CIRCLE, 10.0)
    np.testing.assert_allclose(answer.x, LOWEST, atol=1e-5)
    assert answer.success and answer.seconds > 0 and answer.evaluations["gradient"] > 0


@pytest.mark.parametrize("method", descents.OPTIONS)
def test_scipys_descents(method):
    solver = descents.by(method)
    assert solver.fits(first.FREE) and not solver.fits(first.HELD)
    answer = solver.solve(first.FREE, 10.0)
    np.testing.assert_allclose(answer.x, 1, atol=1e-4)
    assert judged(first.FREE, answer.x, answer.success).verdict == SOLVED


def test_least_squares_of_scipy_and_a_time_limit():
    answer = squares.LEAST_SQUARES.solve(first.SQUARES, 10.0)
    np.testing.assert_allclose(answer.x, 1, atol=1e-6)
    assert slsqp.SLSQP.solve(CIRCLE, 0.0).message == "time limit"


def test_every_solver_is_listed_once_and_its_package_known():
    assert {"thalweg", "scipy"} <= set(available())
    assert all(name == s.name for name, s in ALL.items())
    assert {a.package for a, _ in PAIRS} == {"thalweg"}


# --- running


@pytest.mark.parametrize("name", ["free", "held"])
def test_thalweg_solves_what_comes_first(name):
    outcome = done(Task("first", name, "Thalweg", 10.0))
    assert outcome.verdict == SOLVED and outcome.seconds > 0


def test_an_error_of_a_solver_is_a_failure_with_its_words():
    outcome = done(Task("first", "free", "SciPy least_squares", 10.0))
    assert outcome.verdict == FAILED and "TypeError" in outcome.why and math.isnan(outcome.seconds)


def test_the_worker_answers_and_ends_what_does_not(monkeypatch):
    monkeypatch.setattr(worker, "GRACE", -100.0)  # no patience at all
    monkeypatch.setattr(worker, "FIRST", 99.0)
    working = Worker()
    try:
        outcome = working.ask(Task("first", "free", "SciPy BFGS", 1.0))
        assert outcome.verdict == FAILED and "did not end" in outcome.why
        assert working._process is None
        monkeypatch.setattr(worker, "GRACE", 60.0)
        monkeypatch.setattr(worker, "FIRST", 60.0)
        outcome = working.ask(Task("first", "free", "SciPy BFGS", 30.0))
        assert outcome.verdict == SOLVED and outcome.iterations > 0
    finally:
        working.close()
    assert working._process is None


class Counting:
    """A worker that answers at once, a little later each time."""

    def __init__(self, seconds):
        self.seconds, self.asked = seconds, []

    def ask(self, task):
        self.asked.append(task.solver)
        return Outcome(self.seconds[task.solver] * len(self.asked), SOLVED)


def test_rounds_are_taken_in_turn_and_long_runs_once():
    fake = Counting({"SciPy BFGS": 1e-3, "SciPy CG": 10.0})
    tasks = [Task("mgh", "MGH1", s, 1.0) for s in ("SciPy BFGS", "SciPy CG")]
    row = optimize.measured(fake, tasks, 3)
    assert fake.asked == ["SciPy BFGS", "SciPy CG", "SciPy BFGS", "SciPy BFGS"]
    assert row.outcomes["SciPy BFGS"].seconds == 3e-3 and row.first["SciPy BFGS"] == 1e-3


def test_tasks_fit_their_problems():
    everybody = {s.package for s in ALL.values()}
    tasks = [t for of_one in optimize.planned(None, False, everybody) for t in of_one]
    by = {(t.collection, t.problem): {s.solver for s in tasks if s.problem == t.problem} for t in tasks}
    assert len([k for k in by if k[0] == "hs"]) >= 100
    assert {OURS, SLSQP, READY, IPOPT, POUNCE} <= by["hs", "HS71"] and "optimistix BFGS" not in by["hs", "HS71"]
    assert IPOPT not in by["hs", "HS87"]
    assert {OURS, "SciPy BFGS", OURS_SQUARES, "optimistix LM"} <= by["mgh", "MGH7"]
    assert "SciPy L-BFGS-B" in by["families", "obstacle"] and "SciPy L-BFGS-B" not in by["families", "optimal control"]
    quick = list(optimize.planned(None, True, {"thalweg"}))
    assert len(quick) < 30 and all(t.solver.startswith("Thalweg") for of_one in quick for t in of_one)
    (only,) = optimize.planned("^hs HS71$", False, everybody)
    assert only[0].problem == "HS71"


# --- reporting


def outcome(seconds, verdict=SOLVED, **more):
    return Outcome(seconds, verdict, **more)


def measured():
    rows = [
        Row("hs", "HS1", 0, {OURS: outcome(2e-3), SLSQP: outcome(1e-3), READY: outcome(3e-3), IPOPT: outcome(4e-3)}),
        Row("hs", "HS2", 0, {OURS: outcome(2e-3), SLSQP: outcome(8e-3), READY: outcome(3e-3), IPOPT: outcome(1e-3)}),
        Row("hs", "HS3", 0, {OURS: outcome(9.0, WRONG, why="saddle"), SLSQP: outcome(1e-3, ELSEWHERE)}),
        Row("mgh", "MGH1", 0, {
            "Thalweg bfgs": outcome(1e-3, evaluations={"value": 10, "gradient": 10}),
            "SciPy BFGS": outcome(4e-3, evaluations={"value": 40, "gradient": 40}),
            OURS_SQUARES: outcome(1e-3), "SciPy least_squares": outcome(2e-3),
        }),
        *(
            Row("families", "obstacle", n, {OURS: outcome(n * 1e-5, iterations=9), IPOPT: outcome(n**1.5 * 1e-6)})
            for n in (10**3, 10**4, 10**5)
        ),
        Row("families", "surface", 10**3, {OURS: outcome(math.nan, FAILED, why="no"), IPOPT: outcome(1.0)}),
    ]  # fmt: skip
    return Measured({"threads": 2, "processor": "p", "date": "d"}, {"Thalweg": "0", "casadi": "1"}, rows)


def test_verdicts_say_what_is_reached():
    found = {number: (figure, ok) for number, figure, ok in optimize_report.verdicts(measured())}
    assert found["≥ 97 % of the collections solved"] == ("3 of 4, 75.0%", False)
    assert found["no wrong success"] == ("HS3", False)
    assert found["hs: solved ≥ every peer"][1]
    assert found["hs: median time ≤ SLSQP given exact gradients"] == ("2 ms, 4.5 ms", True)
    assert found["hs: median time ≤ SLSQP given gradients that are ready"] == ("2 ms, 3 ms", True)
    assert found["hs: geometric mean ≤ 1.0 × CasADi + IPOPT"] == ("1.00×", True)
    (pair,) = (v for k, v in found.items() if k.startswith("unconstrained"))
    assert pair == ("0.25×, 0.25×", True)
    assert found["obstacle: time grows ≤ n^1.3"] == ("n^1.00", True)
    assert found["obstacle: ≤ 1.5 × IPOPT at n = 100,000"][1]


def test_growth_needs_all_sizes():
    rows = [r for r in measured().rows if r.name == "obstacle"]
    assert optimize_report.growth(rows, IPOPT) == pytest.approx(1.5)
    rows[1].outcomes[IPOPT] = outcome(1.0, FAILED)
    assert optimize_report.growth(rows, IPOPT) is None


def test_ratios_are_of_problems_that_both_solved():
    rows = measured().of("hs")
    assert optimize_report.ratio(rows, OURS, SLSQP) == pytest.approx((2 * 0.25) ** 0.5)
    assert optimize_report.ratio(rows, OURS, POUNCE) is None
    assert optimize_report.medians(rows, OURS, POUNCE) is None


def test_tables_as_text_json_and_markdown(capsys):
    from rich.console import Console

    m = measured()
    optimize_report.show(m, Console(width=200))
    text = capsys.readouterr().out
    assert "Hock and Schittkowski" in text and "saddle" in text and "10 ms, 9" in text
    again = json.loads(json.dumps(m.json(), allow_nan=False))
    assert again["rows"][-1]["outcomes"][OURS]["seconds"] is None
    lines = optimize_report.markdown(m).splitlines()
    assert "- hs HS3: Thalweg: wrong success: saddle" in lines
    assert any(line.startswith("| Thalweg bfgs | SciPy BFGS | 1 | 1 | 1 | 0.25× | 0.25× |") for line in lines)
    assert any(line.startswith("| obstacle | Thalweg | 10 ms, 9 | 100 ms, 9 | 1 s, 9 | 1.00 |") for line in lines)


def test_the_command_writes_its_files(tmp_path, monkeypatch):
    class Quick(Counting):
        def close(self):
            self.closed = True

    fake = Quick(dict.fromkeys(ALL, 1e-3))
    monkeypatch.setattr(optimize, "Worker", lambda threads: fake)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.START}\nold\n{report.END}\nafter\n")
    options = Namespace(
        only="HS7[12]", quick=False, peers="scipy", rounds=2, threads=1, json=str(tmp_path / "o.json"), markdown=page
    )
    assert optimize.run(options) == 0 and fake.closed
    assert {r["name"] for r in json.loads((tmp_path / "o.json").read_text())["rows"]} == {"HS71", "HS72"}
    text = page.read_text()
    assert text.startswith("before") and text.endswith("after\n") and "SciPy SLSQP" in text and "old" not in text
    assert not any(s.startswith(("CasADi", "pounce", "opt")) for s in fake.asked)
