"""The progress line: on terminals only, after a second, and wiped."""

import io
from types import SimpleNamespace

from optimize.problems import quadratic
from thalweg.optimize import minimize
from thalweg.optimize.progress import ProgressLine, watcher


class Terminal(io.StringIO):
    def isatty(self):
        return True


def state(elapsed):
    return SimpleNamespace(iteration=7, value=1.5, gradient_norm=0.25, step_length=0.1, elapsed=elapsed)


def test_nothing_in_the_first_second_then_a_few_times_a_second_then_wiped():
    stream = Terminal()
    line = ProgressLine(stream)
    line(state(0.9))
    assert stream.getvalue() == ""
    line(state(1.1))
    assert stream.getvalue().startswith("\riteration 7  value 1.5  gradient 0.25")
    written = stream.getvalue()
    line(state(1.2))
    assert stream.getvalue() == written
    line(state(1.4))
    assert stream.getvalue() != written
    line.close()
    assert stream.getvalue().endswith(" \r")
    size = len(stream.getvalue())
    line.close()
    assert len(stream.getvalue()) == size


def test_nothing_where_it_is_no_terminal():
    stream = io.StringIO()
    ProgressLine(stream)(state(100.0))
    assert stream.getvalue() == ""


def test_what_may_be_asked_for():
    assert watcher(None) is None and watcher(False) is None
    assert isinstance(watcher(True), ProgressLine)
    seen = []
    minimize(quadratic([[1.0]]), [1.0], progress=seen.append)
    assert [s.iteration for s in seen] == list(range(len(seen))) and len(seen) > 1
    assert minimize(quadratic([[1.0]]), [1.0], progress=True).success


def test_the_line_is_wiped_at_the_end_of_a_run(monkeypatch):
    import sys

    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(ProgressLine.__init__, "__defaults__", (None, 0.0, 0.0))
    minimize(quadratic([[1.0]]), [1.0], progress=True)
    assert stream.getvalue().endswith(" \r") and "iteration 0" in stream.getvalue()
