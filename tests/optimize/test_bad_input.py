"""Bad input: each a clear status or error, in plain words, and nothing hangs."""

import re
from time import sleep

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError, TraceError, UnsupportedError

START = [3.0, 0.5]


def square(x):
    return x @ x


def valley(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def line(x):
    return x[0] + x[1] == 1


# --- errors -----------------------------------------------------------------------------------------------------------

ERRORS = {
    "x0 empty": ((square, []), {}, "holds no numbers"),
    "x0 text": ((square, "abc"), {}, "must hold real numbers, but x is 'abc'"),
    "x0 texts": ((square, ["a", "b"]), {}, r"x\[0\] is 'a'"),
    "x0 missing": ((square, None), {}, "x0 is missing"),
    "x0 complex": ((square, [1j, 2]), {}, "real numbers"),
    "x0 ragged": ((square, [[1, 2], [3]]), {}, "rows of x0 have different lengths"),
    "f no function": ((3, START), {}, "f must be a function, not 3"),
    "f a vector": ((lambda x: 2 * x, START), {"subject_to": line}, r"array of shape \(2,\).*np.sum"),
    "f None": ((lambda x: None, START), {"subject_to": line}, "return missing"),
    "bounds swapped": ((square, START), {"bounds": (2, 1)}, r"leave no number: 2 <= x\[0\] <= 1"),
    "bounds NaN": ((square, START), {"bounds": (np.nan, 1)}, "NaN"),
    "bounds empty side": ((square, START), {"bounds": (np.inf, np.inf)}, "leave no number"),
    "bounds too many": ((square, START), {"bounds": [(0, 1)] * 3}, "3 pairs of bounds, but 2 variables"),
    "bounds triples": ((square, START), {"bounds": [(0, 1, 2)] * 2}, "3 numbers, but there are 2"),
    "bounds a number": ((square, START), {"bounds": 3}, "pairs"),
    "bounds of texts": ((square, START), {"bounds": [("a", 1), (0, 1)]}, "two numbers"),
    "bounds of nothing": ((square, START), {"bounds": {"a": (0, 1)}}, r"of that name; there are x\[0\], x\[1\]"),
    "all fixed": ((square, START), {"bounds": [(2, 2), (1, 1)]}, "nothing to vary"),
    "bound against constraint": (
        (square, START), {"bounds": (0, 1), "subject_to": lambda x: x[0] >= 2}, r"x\[0\] >= 2 .*2 <= x\[0\] <= 1",
    ),
    "method": ((square, START), {"method": "newtn"}, "no method 'newtn'. Perhaps you meant 'newton'"),
    "method None": ((square, START), {"method": None}, "no method None"),
    "method and constraints": (
        (square, START), {"method": "bfgs", "subject_to": line}, "cannot keep constraints; use 'auto', or one of",
    ),
    "method and bounds": ((square, START), {"method": "bfgs", "bounds": (0, 1)}, "cannot keep bounds; use 'auto'"),
    "option": ((square, START), {"method": "newton", "learning_rat": 1}, "no option 'learning_rat'"),
    "option of another": ((square, START), {"method": "bfgs", "momentum": 1}, "use method='momentum'"),
    "tol negative": ((square, START), {"tol": -1}, "tol must be zero or positive"),
    "tol NaN": ((square, START), {"tol": np.nan}, "tol must be zero or positive"),
    "max_iterations negative": ((square, START), {"max_iterations": -1}, "max_iterations must be"),
    "max_iterations broken": ((square, START), {"max_iterations": 1.5}, "whole number"),
    "time_limit zero": ((square, START), {"time_limit": 0}, "positive number of seconds"),
    "time_limit NaN": ((square, START), {"time_limit": np.nan}, "positive number of seconds"),
    "starts zero": ((square, START), {"starts": 0}, "starts must be a number of runs"),
    "callback": ((square, START), {"callback": "stop"}, "callback must be a function"),
    "hess alone": ((square, START), {"hess": lambda x: np.eye(2)}, "needs grad="),
    "grad": ((square, START), {"grad": "a"}, "grad must be a function"),
    "derivatives": ((square, START), {"derivatives": "fd"}, "'exact' or 'finite-difference'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_it_is_an_error_that_says_what_to_do(name):
    args, options, match = ERRORS[name]
    with pytest.raises(ArgumentError, match=match):
        tw.minimize(*args, **options)


def test_values_that_cannot_be_differentiated():
    with pytest.raises(UnsupportedError, match="complex"):
        tw.minimize(lambda x: x[0] * 1j, START)
    with pytest.raises(TraceError, match="str"):
        tw.minimize(lambda x: "a", START)


# --- places where functions are not finite ----------------------------------------------------------------------------

NOT_FINITE = {
    "x0 NaN": (square, [np.nan, 1.0], None, r"x\[0\] is nan"),
    "x0 infinite": (square, [1.0, np.inf], line, r"x\[1\] is inf"),
    "f NaN": (lambda x: np.log(x[0]) + x[1] ** 2, [-1.0, 1.0], None, "value is nan.*NaN in log, x = -1"),
    "f infinite": (lambda x: 1 / x[0] + x[1] ** 2, [0.0, 1.0], None, "value is inf.*inf in divide"),
    "f NaN, constrained": (lambda x: np.sqrt(x[0]), [-1.0, 1.0], line, "value is nan.*NaN in sqrt"),
    "c NaN": (square, [-1.0, 1.0], lambda x: np.log(x[0]) >= 0, r"constraint np.log\(x\[0\]\) >= 0 is nan.*NaN in log"),
    "c infinite": (square, [0.0, 1.0], lambda x: 1 / x[0] >= 0.5, "constraint .* is inf.*inf in divide"),
    "gradient infinite": (lambda x: np.sqrt(x[0]) + x[1] ** 2, [0.0, 1.0], None, "gradient is not finite"),
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_not_finite_at_the_start(name):
    f, x0, subject_to, match = NOT_FINITE[name]
    s = tw.minimize(f, x0, subject_to=subject_to)
    assert s.status == "not_finite" and s.kind == "not stationary" and s.iterations == 0
    np.testing.assert_array_equal(s.x, x0)
    assert re.search(match, s.message), s.message


@pytest.mark.parametrize("bounds", [None, (0, None)])
def test_minus_infinity(bounds):
    s = tw.minimize(lambda x: np.log(x[0]), [1.0], bounds=bounds)
    assert s.status == "unbounded" and s.value == -np.inf and "the value is -inf" in s.message


@pytest.mark.parametrize("method", ["auto", "interior-point", "sqp", "augmented-lagrangian"])
@pytest.mark.parametrize("subject_to", [lambda x: [x[0] * x[1] <= 1, x[0] >= 0], line])
def test_a_pole_is_never_a_success(method, subject_to):
    s = tw.minimize(lambda x: np.log(x[0]) + x[1] ** 2, [1.0, 1.0], subject_to=subject_to, method=method, time_limit=5)
    assert s.status in ("unbounded", "stalled", "not_finite") and not s.success
    assert s.kind == "not stationary"


# --- constraints that contradict, repeat, or say nothing --------------------------------------------------------------


def test_infeasible_names_both_sides_of_the_conflict_with_their_lines():
    def conflict(x):
        return [
            x[0] ** 2 + x[1] ** 2 <= 1,
            x[0] + x[1] >= 3,
        ]

    s = tw.minimize(square, START, subject_to=conflict)
    first = conflict.__code__.co_firstlineno
    assert s.status == "infeasible" and not s.success
    np.testing.assert_allclose(s.x, np.full(2, np.sqrt(0.5)), atol=1e-4)  # the least violation
    assert s.infeasibility == pytest.approx(3 - np.sqrt(2), abs=1e-4)
    assert f"x[0] + x[1] >= 3 at test_bad_input.py:{first + 3}, by 1.59" in s.message
    assert f"What keeps them from holding: x[0] ** 2 + x[1] ** 2 <= 1 at test_bad_input.py:{first + 2}" in s.message


INFEASIBLE = {
    "parallel lines": (
        lambda x: [x[0] + x[1] >= 2, x[0] + x[1] <= 1],
        None,
        "What keeps them from holding: x[0] + x[1]",
    ),
    "two values": (lambda x: [x[0] == 2, x[0] == 1], None, "x[0] == 1 at"),
    "a square below zero": (lambda x: x[0] ** 2 + x[1] ** 2 == -1, None, "x[0] ** 2 + x[1] ** 2 == -1 at"),
    "against bounds": (lambda x: x[0] + x[1] >= 3, (0, 1), "What keeps them from holding: x[0] <= 1; x[1] <= 1"),
    "too many equalities": (lambda x: [x[0] + x[1] == 1, x[0] == x[1], x[0] * x[1] == 1], None, "x[0] * x[1] == 1 at"),
    "never depends": (lambda x: 0 * x[0] + 1 == 0, None, "0 * x[0] + 1 == 0 at"),
}


@pytest.mark.parametrize("name", INFEASIBLE)
@pytest.mark.parametrize("method", ["auto", "interior-point", "sqp"])
def test_infeasible(name, method):
    subject_to, bounds, said = INFEASIBLE[name]
    s = tw.minimize(square, START, subject_to=subject_to, bounds=bounds, method=method, time_limit=5)
    assert s.status == "infeasible" and s.infeasibility > 0.2
    if method == "auto":
        assert said in s.message


def test_bounds_that_contradict_are_found_before_the_run():
    with pytest.raises(ArgumentError, match=r"No point satisfies x\[0\] <= 1 .*2 <= x\[0\] <= 1"):
        tw.minimize(square, START, subject_to=lambda x: [x[0] >= 2, x[0] <= 1])


DEPENDENT = {
    "repeated": lambda x: [x[0] + x[1] == 1, x[0] + x[1] == 1, 2 * x[0] + 2 * x[1] == 2],
    "repeated inequality": lambda x: [x[0] + x[1] >= 1, x[0] + x[1] >= 1],
    "more than variables": lambda x: [x[0] + x[1] == 1, x[0] == x[1], x[0] * x[1] == 0.25],
    "says nothing": lambda x: [x[0] + x[1] == 1, 0 * x[0] + 1 >= 0],
}


@pytest.mark.parametrize("name", DEPENDENT)
@pytest.mark.parametrize("method", ["auto", "interior-point", "sqp", "augmented-lagrangian"])
def test_dependent_constraints(name, method):
    s = tw.minimize(square, START, subject_to=DEPENDENT[name], method=method)
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, [0.5, 0.5], atol=1e-6)
    J = s.built.problem.at(s.flat).J
    np.testing.assert_allclose(2 * s.x + J.T @ s.y, 0, atol=1e-6)  # some multipliers balance the gradient


def test_equal_values_on_a_curve_are_no_strict_minimum():
    """‖X‖² is 4 wherever X Xᵀ = 2 I; the matrix equation says the same twice off its diagonal."""
    s = tw.minimize(lambda X: np.sum(X * X), np.ones((2, 2)), subject_to=lambda X: X @ X.T == 2 * np.eye(2))
    assert s.value == pytest.approx(4) and s.kind in ("minimum", "degenerate")


# --- unbounded --------------------------------------------------------------------------------------------------------

UNBOUNDED = {
    "plain": (lambda x: x[0] + x[1], None, None),
    "along a line": (lambda x: x[0] + x[1], lambda x: x[0] - x[1] == 1, None),
    "in a cone": (lambda x: x[0] - 2 * x[1], lambda x: [x[0] >= 0, x[1] >= 0.3 * x[0]], None),
    "between bounds": (lambda x: x[0] - x[1], None, (0, None)),
}


@pytest.mark.parametrize("name", UNBOUNDED)
@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_unbounded_with_its_ray(name, sense):
    f, subject_to, bounds = UNBOUNDED[name]
    if sense == "minimize":
        s = tw.minimize(f, START, subject_to=subject_to, bounds=bounds)
    else:
        s = tw.maximize(lambda x: -f(x), START, subject_to=subject_to, bounds=bounds)
    assert s.status == "unbounded" and ("below" if sense == "minimize" else "above") in s.message
    assert s.ray is not None and f(s.ray) < -0.1  # f is linear: it falls along the ray for ever
    if name == "along a line":
        assert s.ray[0] - s.ray[1] == pytest.approx(0, abs=1e-6)
    if name == "in a cone":
        assert s.ray[1] >= 0.3 * s.ray[0] - 1e-6 and s.ray[0] >= -1e-6


# --- scales -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e15])
def test_scales_of_variables(scale):
    s = tw.minimize(lambda x: (x[0] - scale) ** 2 + x[1] ** 2, [0.0, 0.0], subject_to=lambda x: x[0] >= 2 * scale)
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, [2 * scale, 0], atol=1e-9 * scale)
    assert s.multipliers == pytest.approx(2 * scale)


@pytest.mark.parametrize("scale", [1e6, 1e12])
def test_scales_of_functions(scale):
    s = tw.minimize(lambda x: scale * (x @ x), START, subject_to=lambda x: scale * (x[0] + x[1]) == scale)
    assert s.success and s.multipliers == pytest.approx(-1)
    np.testing.assert_allclose(s.x, [0.5, 0.5], atol=1e-9)


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"subject_to": lambda x: x @ x <= 1}, {"bounds": (-2, 0.5)}])
def test_tol_zero_ends(options):
    s = tw.minimize(valley, [-1.2, 1.0], tol=0, time_limit=5, **options)
    assert s.status in ("converged", "stalled") and s.kind == "strict minimum"


@pytest.mark.parametrize("options", [{}, {"subject_to": line}, {"bounds": (-2, 5)}])
def test_no_iterations_at_all(options):
    s = tw.minimize(valley, START, max_iterations=0, **options)
    assert s.status == "iteration_limit" and s.iterations == 0 and "0 iterations" in s.message
    np.testing.assert_array_equal(s.x, START)


@pytest.mark.parametrize("method", ["auto", "interior-point", "sqp", "augmented-lagrangian"])
def test_a_tiny_time_limit(method):
    s = tw.minimize(valley, START, subject_to=line, time_limit=1e-9, method=method)
    assert s.status == "time_limit" and s.iterations == 0 and np.isfinite(s.value)
    assert "Raise time_limit" in s.message


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bounds": (0, 1)},
        {"subject_to": {"ineq": lambda x: x[0] + x[1] - 1}},
        {"subject_to": {"ineq": lambda x: x[0] + x[1] - 1}, "method": "interior-point"},
        {"starts": 50, "bounds": (0, 1)},
    ],
)
def test_slow_functions_end_within_the_time_limit(options):
    calls = []

    def slowly(x):
        calls.append(None)
        sleep(0.01)
        return float(np.sum(x**4 - x**2))

    s = tw.minimize(slowly, np.full(8, 0.3), derivatives="finite-difference", time_limit=0.2, **options)
    assert s.status == "time_limit"
    assert len(calls) < 120  # fewer on a busy machine; in seconds: `python -m benchmarks limits`


# --- interruption -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "interior-point", "sqp", "augmented-lagrangian"])
def test_ctrl_c_inside_the_function_gives_the_best_so_far(method):
    calls = []

    def f(x):
        calls.append(0)
        if len(calls) > 8:
            raise KeyboardInterrupt
        return float(valley(x))

    def slope(x):
        return tw.grad(valley)(x)

    s = tw.minimize(f, [-1.2, 1.0], grad=slope, subject_to=lambda x: x @ x <= 1.5, method=method)
    assert s.status == "interrupted" and "keyboard" in s.message and np.isfinite(s.value)
    assert s.value < valley(np.array([-1.2, 1.0]))


@pytest.mark.parametrize("options", [{"subject_to": lambda x: x @ x <= 1.5}, {"bounds": (-2, 0.5)}, {}])
def test_a_callback_stops(options):
    s = tw.minimize(valley, [-1.2, 1.0], callback=lambda state: state.iteration == 3, **options)
    assert s.status == "interrupted" and s.iterations == 3 and "callback" in s.message


def test_an_error_carries_the_best_so_far():
    calls = []

    def f(x):
        calls.append(0)
        if len(calls) > 8:
            raise RuntimeError("the simulation broke")
        return float(valley(x))

    with pytest.raises(RuntimeError, match="broke") as error:
        tw.minimize(f, [-1.2, 1.0], grad=tw.grad(valley), subject_to=lambda x: x @ x <= 1.5)
    best = error.value.best_so_far
    assert best.status == "interrupted" and best.value < 24.2
    assert "best_so_far" in error.value.__notes__[-1]


# --- determinism and invariance ---------------------------------------------------------------------------------------


def saddle(x, order=(0, 1, 2), units=(1.0, 1.0, 1.0)):
    a, b, c = (x[k] * u for k, u in zip(order, units))
    return a**2 - b**2 + b**4 + (c - 0.3) ** 2


@pytest.mark.parametrize("method", ["auto", "interior-point", "sqp"])
def test_the_same_run_twice_is_the_same(method):
    runs = [tw.minimize(saddle, [1.0, 0.0, 0.0], subject_to=lambda x: x @ x <= 4, method=method) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].x, runs[1].x)
    assert runs[0].iterations == runs[1].iterations and runs[0].value == runs[1].value


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("units", [(1.0, 1.0, 1.0), (10.0, 1.0, 0.1)])
def test_order_and_units_do_not_change_the_verdict(order, units):
    start = np.zeros(3)
    start[order[0]] = 1.0 / units[0]
    inside = np.array([4.0, 4.0, 4.0])

    def f(x):
        return saddle(x, order, units)

    def box(x):
        return [(x[k] * u) ** 2 <= r for k, u, r in zip(order, units, inside)]

    s = tw.minimize(f, start, subject_to=box)
    assert s.success and s.kind == "strict minimum" and s.value == pytest.approx(-0.25)
    found = tw.classify(f, start * 0, subject_to=box).kind
    middle = np.zeros(3)
    middle[order[2]] = 0.3 / units[2]
    assert found == "not stationary" and tw.classify(f, middle, subject_to=box).kind == "saddle"
