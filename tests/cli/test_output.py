"""Numbers, tables and JSON as the command prints them."""

import json
import math

import numpy as np
import pytest

from thalweg.cli import output


def test_numbers():
    assert [output.number(v) for v in (1, -0.0, 1 / 3, 1e-20, math.nan, -math.inf)] == [
        "1",
        "0",
        "0.3333333333",
        "1e-20",
        "nan",
        "-inf",
    ]


def test_points():
    point = {"x": 1.5, "w": np.arange(3.0), "A": np.eye(2)}
    assert output.point_text(point) == "x = 1.5, w = [0, 1, 2], A = [[1, 0], [0, 1]]"
    assert output.point_text({"w": np.zeros(14)}) == "w = [" + "0, " * 12 + "… 2 more]"
    assert output.entry_names(point) == ["x", "w[0]", "w[1]", "w[2]", "A[0,0]", "A[0,1]", "A[1,0]", "A[1,1]"]


def test_tables_align():
    assert output.table("Hessian", ["x", "y"], {"x": [1, -0.25], "y": [-0.25, 1000]}).splitlines() == [
        "Hessian      x      y",
        "  x          1  -0.25",
        "  y      -0.25   1000",
    ]


def test_tables_fold_where_the_screen_is_narrow(monkeypatch):
    monkeypatch.setattr(output, "screen_width", lambda: 20)
    assert output.table("g", ["x", "y", "z"], {"": [0.123456789, 0.123456789, 1]}).splitlines() == [
        "g             x",
        "    0.123456789",
        "g             y  z",
        "    0.123456789  1",
    ]


def test_long_tables_say_what_they_leave_out():
    lines = output.table("g", [str(n) for n in range(15)], {"": list(range(15))}).splitlines()
    assert lines[-1] == "  … 3 more; --json prints all"
    assert lines[1].split() == [str(n) for n in range(12)]


def test_json_is_strict():
    text = output.json_text({"a": np.float64(1), "b": np.array([1, math.nan]), "c": (math.inf, None, True), "λ": "é"})
    assert json.loads(text) == {"a": 1, "b": [1, "nan"], "c": ["inf", None, True], "λ": "é"}


def test_no_progress_line_without_a_terminal():
    with output.progress_line() as report:
        assert report is None


def test_the_progress_line_on_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with output.progress_line() as report:
        assert report is not None
        report("reading table.csv: 20,000 rows")


@pytest.mark.parametrize("terminal, width", [(False, math.inf), (True, 33)])
def test_the_width_is_that_of_a_terminal(monkeypatch, terminal, width):
    monkeypatch.setenv("COLUMNS", "33")
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    assert output.screen_width() == width
