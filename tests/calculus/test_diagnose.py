"""A NaN, an infinity or a kink is blamed on the line that makes it."""

import numpy as np

import thalweg as tw


def model(x):
    y = np.abs(x)
    z = np.sqrt(x - 2)  # at fault
    return np.sum(z * y + np.sin(z))


def test_nan_in_the_value():
    report = tw.diagnose(model, np.array([1.3, 5.0]))
    assert not report.finite
    fault = report.faults[0]
    assert (fault.what, fault.operation, fault.arguments, fault.count) == ("NaN", "sqrt", "x = -0.7", 1)
    assert not fault.derivative
    assert "z = np.sqrt(x - 2)  # at fault" in str(report).splitlines()[0]
    assert "test_diagnose.py" in str(report)
    assert all("at fault" in f.place for f in report.faults)  # what only hands it on is not blamed


def test_infinity_in_the_derivative_only():
    report = tw.diagnose(model, np.array([2.0, 5.0]))
    assert not report.finite
    assert report.faults and all(f.derivative and f.what == "inf" for f in report.faults)
    assert "np.sqrt(x - 2)" in report.faults[0].place
    assert [k.operation for k in report.kinks] == ["sqrt"]


def test_cancelled_infinity_is_no_fault():
    report = tw.diagnose(lambda x: x * np.sqrt(x), 0.0)
    assert report.finite and not report.faults
    assert [k.operation for k in report.kinks] == ["sqrt"]


def test_all_is_well():
    report = tw.diagnose(lambda x: x @ x, np.ones(2))
    assert report.finite
    assert str(report) == "the value and the gradient are finite"


def test_bad_argument_is_named():
    report = tw.diagnose(lambda x: np.sum(x), np.array([1.0, np.nan]))
    assert str(report.faults[0]) == "the argument  → NaN in the argument, x[1] = nan"


def test_kinks():
    assert [k.operation for k in tw.diagnose(lambda x: np.abs(x), 0.0).kinks] == ["abs"]
    assert not tw.diagnose(lambda x: np.abs(x), 0.1).kinks
    report = tw.diagnose(lambda x: np.maximum(x[0], x[1]) + np.floor(x[0]), np.array([2.0, 2.0]))
    assert [k.operation for k in report.kinks] == ["maximum", "floor"]
    report = tw.diagnose(lambda x: x.max(), np.array([1.0, 3.0, 3.0]))
    assert [(k.operation, k.count) for k in report.kinks] == [("max", 2)]


def test_several_arguments_and_structures():
    def f(p, k):
        return np.sum(np.log(p["a"]) / k)

    report = tw.diagnose(f, {"a": np.array([1.0, 0.0])}, 2.0)
    assert report.faults[0].what == "inf" and report.faults[0].arguments == "x = 0"
    report = tw.diagnose(f, {"a": np.array([1.0, 2.0])}, 0.0)
    assert report.faults[0].operation == "divide"


def test_formula():
    report = tw.diagnose(tw.formula("log(x) + y"), x=-1.0, y=2.0)
    assert "log" in str(report) and not report.finite


def test_a_formula_is_blamed_by_its_text():
    report = tw.diagnose(tw.formula("sqrt(x) + log(y)"), 1.0, -2.0)
    assert str(report) == "formula: sqrt(x) + log(y)  → NaN in log, x = -2"
