"""What docs/optimize.md says in names and tables, against the code; its blocks are run by `test_readme`."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

import thalweg as tw
from thalweg.optimize import KINDS, METHODS, Batches, Status
from thalweg.optimize import schedules as schedules_file
from thalweg.optimize.certificate import Certificate

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "optimize.md").read_text("utf-8")


def section(heading):
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def table(heading):
    """The rows below a heading line of a table, as lists of cells."""
    rows = PAGE.split(heading + "\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split(" |")] for row in rows if row.startswith("|")]


def test_every_method_has_its_line():
    shown = {name.strip("` "): (summary, keeps, options) for name, summary, keeps, options in table(
        "| method | | keeps | options |"
    )}  # fmt: skip
    known = {}
    for m in METHODS.values():
        keeps = "bounds, constraints" if m.constraints else "bounds" if m.bounds else ""
        known[m.name] = (m.summary, keeps, ", ".join(f"`{option}`" for option in m.options))
    assert shown == known


def ill(n):
    """A convex function whose Hessian is full, and that is no sum of squares by its ops."""
    w = 1.0 + np.arange(n) / n
    return lambda x: np.logaddexp(0, w @ x) + np.sum(np.cosh(x)) + np.exp(-w @ x)


def plain(x):
    return float(np.cosh(x[0])) + float(np.sum(x[1:] ** 2))


def plain_slope(x):
    return np.array([np.sinh(x[0]), *(2 * x[1:])])


X = np.ones((4, 2))
FEW = np.zeros(2)
CASES = {
    "no constraints": [(lambda: tw.descend(ill(2), FEW), "newton")],
    "bounds only": [(lambda: tw.descend(ill(2), FEW, bounds=(0, 1)), "projected-newton")],
    "a sum of squares that the graph shows, or `tw.least_squares`": [
        (
            lambda: tw.descend(lambda x: (np.exp(x[0]) - 2) ** 2 + (x[1] * x[0] - 1) ** 2, FEW),
            "levenberg-marquardt+newton",
        ),
        (lambda: tw.descend(lambda x: np.exp(x) - 2, FEW, residuals=True), "levenberg-marquardt+newton"),
    ],
    "constraints, at most 60 variables and rows": [
        (lambda: tw.descend(ill(59), np.zeros(59), subject_to=lambda x: np.sum(x) == 1), "sqp+interior-point")
    ],
    "constraints, more than that": [
        (lambda: tw.descend(ill(60), np.zeros(60), subject_to=lambda x: np.sum(x) == 1), "interior-point")
    ],
    "`learning_rate=` or `schedule=` given": [
        (lambda: tw.descend(ill(2), FEW, learning_rate=0.1), "gradient-descent"),
        (lambda: tw.descend(ill(2), FEW, schedule=lambda step: 0.1), "gradient-descent"),
    ],
    "`batches=` given": [
        (lambda: tw.descend(lambda w, x: np.mean((x @ w - 1) ** 2), FEW, batches=Batches(X, size=2)), "adam")
    ],
    "a gradient but no Hessian (`grad=`, finite differences)": [
        (lambda: tw.descend(plain, np.zeros(500), grad=plain_slope), "bfgs"),
        (lambda: tw.descend(plain, np.zeros(501), grad=plain_slope), "l-bfgs"),
        (lambda: tw.descend(plain, FEW, derivatives="finite-difference", bounds=(-1, 1)), "l-bfgs-b"),
    ],
}


def test_auto_takes_what_the_page_says():
    shown = dict(table("| problem | `auto` takes |"))
    from thalweg.optimize import methods

    assert methods.FEW == 60 and methods.QUASI_NEWTON_LIMIT == 500
    assert set(shown) == set(CASES)
    for problem, runs in CASES.items():
        for run, method in runs:
            assert run().chosen.method.name == method, problem
            assert f"`{method}`" in shown[problem]


def test_every_number_of_the_certificate_is_explained():
    shown = " ".join(row[0] for row in table("| | what it is | good is |"))
    names = {field.name for field in dataclasses.fields(Certificate)} | {"licq"}
    assert {name.strip("`, ") for name in re.findall(r"`\w+`", shown)} == names


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_example(status):
    if status is Status.CONVERGED:
        assert "`converged` alone" in PAGE
    else:
        assert f"**`{status}`**" in section("When it fails")


def test_every_kind_is_named():
    text = section("Reading a solution").split("**`kind`**", 1)[1].split("\n\n", 1)[0]
    assert {kind for kind in KINDS if f"`{kind}`" not in text} == set()


def test_every_schedule_is_named():
    classes = {name for name in schedules_file.__all__ if name[0].isupper()} - {"Schedule"}
    assert {name for name in classes if f"`{name}`" not in section("Which method")} == set()
