"""Progress: on terminals and in notebooks only, after a second, and wiped."""

import io
import os
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import thalweg as tw
from optimize.problems import quadratic
from thalweg.optimize import minimize
from thalweg.optimize.progress import NotebookTable, ProgressLine, columns, watcher


class Terminal(io.StringIO):
    def isatty(self):
        return True


def state(elapsed, **more):
    shown = {"iteration": 7, "value": 1.5, "gradient_norm": 0.25, "residual": 0.25, "infeasibility": 0.0}
    return SimpleNamespace(**{**shown, "step_length": 0.1, "elapsed": elapsed, **more})


@pytest.fixture(autouse=True)
def width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def begun(watch):
    watch(state(0.0, iteration=0))
    return watch


def test_nothing_in_the_first_second_then_a_few_times_a_second_then_wiped():
    stream = Terminal()
    line = begun(ProgressLine(stream))
    line(state(0.9))
    assert stream.getvalue() == ""
    line(state(1.1))
    assert stream.getvalue().startswith("\riteration 7  value 1.5  gradient 0.25  step 0.1  time 1 s")
    written = stream.getvalue()
    line(state(1.2))
    assert stream.getvalue() == written
    line(state(1.4))
    assert stream.getvalue() != written
    assert all(len(part) <= 79 for part in stream.getvalue().split("\r"))
    line.close()
    assert stream.getvalue().endswith(" \r")
    size = len(stream.getvalue())
    line.close()
    assert len(stream.getvalue()) == size


def test_a_resumed_run_waits_a_second_too():
    stream = Terminal()
    line = ProgressLine(stream)
    line(state(100.0, iteration=40))
    line(state(100.5, iteration=41))
    assert stream.getvalue() == ""
    line(state(101.1, iteration=42))
    assert "iteration 42" in stream.getvalue() and "1 min 41 s" in stream.getvalue()


def test_with_constraints_the_residual_and_the_violation_are_shown():
    shown = dict(columns(state(2.0, residual=1e-3, infeasibility=0.5)))
    assert shown["KKT residual"] == "0.001" and shown["violation"] == "0.5" and "gradient" not in shown
    assert dict(columns(state(2.0)))["gradient"] == "0.25"


def test_a_narrow_terminal_gets_the_numbers(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    stream = Terminal()
    line = begun(ProgressLine(stream))
    line(state(2.0))
    assert stream.getvalue() == "\r" + "7  1.5  0.25  0.1  2 s".ljust(29)


def test_nothing_where_it_is_no_terminal():
    stream = io.StringIO()
    begun(ProgressLine(stream))(state(100.0))
    assert stream.getvalue() == ""


def test_what_may_be_asked_for():
    assert watcher(None) is None and watcher(False) is None
    assert isinstance(watcher(True), ProgressLine)
    seen = []
    minimize(quadratic([[1.0]]), [1.0], progress=seen.append)
    assert [s.iteration for s in seen] == list(range(len(seen))) and len(seen) > 1
    assert minimize(quadratic([[1.0]]), [1.0], progress=True).success


def test_the_line_is_wiped_at_the_end_of_a_run(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(ProgressLine.__init__, "__defaults__", (None, 0.0, 0.0))
    minimize(quadratic([[1.0]]), [1.0], progress=True)
    assert stream.getvalue().endswith(" \r") and "iteration 0" in stream.getvalue()


# --- in a notebook ---


class Handle:
    def __init__(self, shown):
        self.shown = [shown]

    def update(self, shown):
        self.shown.append(shown)


@pytest.fixture
def notebook(monkeypatch):
    """An IPython that runs a kernel, as far as it is looked at."""
    handles = []

    def display(shown, display_id):
        assert display_id is True
        handles.append(Handle(shown))
        return handles[-1]

    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    ipython.display = SimpleNamespace(display=display)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return handles


def test_a_notebook_gets_a_table_that_is_updated_and_taken_away(notebook):
    table = watcher(True)
    assert isinstance(table, NotebookTable)
    begun(table)(state(1.1))
    table(state(1.2))
    table(state(1.7, value=np.float64(1.25)))
    (handle,) = notebook
    first, second = handle.shown
    assert "<th" in first._repr_html_() and ">1.25</td>" in second._repr_html_()
    assert repr(first).startswith("iteration 7  value 1.5")
    table.close()
    assert handle.shown[-1]._repr_html_() == "" and repr(handle.shown[-1]) == ""
    table.close()
    assert len(handle.shown) == 3


def test_a_run_in_a_notebook(notebook, monkeypatch):
    monkeypatch.setattr(NotebookTable.__init__, "__defaults__", (0.0, 0.0))
    tw.minimize(lambda x: x @ x, [3.0, 1.0], subject_to=lambda x: x[0] + x[1] == 1, progress=True)
    (handle,) = notebook
    assert "KKT residual" in handle.shown[1]._repr_html_() and handle.shown[-1]._repr_html_() == ""


def test_ipython_in_a_terminal_is_a_terminal(notebook):
    sys.modules["IPython"].get_ipython = lambda: SimpleNamespace()
    assert isinstance(watcher(True), ProgressLine)
    sys.modules["IPython"].get_ipython = lambda: None
    assert isinstance(watcher(True), ProgressLine)
    assert os.environ["COLUMNS"] == "80"
