"""The command `python -m benchmarks models`: what is measured, judged and written, on cases made for it."""

import json
import sys
import types
from argparse import Namespace

import numpy as np
import pytest
from benchmarks.models import Case, process, runner, table

MODULE = "cases_of_this_test"


def data():
    return (np.arange(1000.0),)


def mean(x):
    return float(np.mean(x))


def spread(found, x):
    return float(np.mean((x - found) ** 2))


def greedy(x):
    held = np.ones(4_000_000)
    return float(np.mean(x)) + 0 * held[0]


def fails(x):
    raise RuntimeError("no luck")


MEAN = Case("a mean", "scikit-learn", data, mean, mean, spread, 1e3)
CASES = {
    "equal": MEAN,
    "worse": Case("a median moved", "scikit-learn", data, lambda x: mean(x) + 1, mean, spread, 1e3),
    "slow": Case("a slow mean", "scikit-learn", data, lambda x: max(mean(x) for _ in range(200)), mean, spread, 1.0),
    "greedy": Case("a mean with room", "scikit-learn", data, greedy, mean, spread, 1e9, memory=16.0),
    "fails": Case("no mean", "scikit-learn", data, fails, mean, spread, 1.0),
    "alone": Case("a mean, and no peer", "PyTorch", data, mean, fails, spread, 1.0),
}


@pytest.fixture
def here(monkeypatch):
    """Cases are asked in this process, not in one of their own."""
    module = types.ModuleType(MODULE)
    module.CASES = list(CASES.values())
    monkeypatch.setitem(sys.modules, MODULE, module)

    def ask(what, place, *rest):
        case = process.case_at(place.module, place.index)
        try:
            return process.first(case, *rest) if what == "first" else process.later(case, 2, 0.5)
        except RuntimeError as error:
            return str(error)

    monkeypatch.setattr(runner, "ask", ask)
    places = {name: runner.Place(MODULE, k, case) for k, (name, case) in enumerate(CASES.items())}
    monkeypatch.setattr(runner, "places", lambda: list(places.values()))
    return places


def options(**given):
    return Namespace(**{"only": None, "rounds": 2, "budget": 0.5, "threads": 1, "json": None, "markdown": None,
                        "quick": True} | given)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shortfalls", "worse"),
    [
        ("equal", [], False),
        ("worse", ["worse"], True),
        ("greedy", ["memory"], False),
        ("fails", ["failed: no luck"], True),
        ("alone", [], False),
    ],
)
def test_what_is_wanted_and_not_reached(here, name, shortfalls, worse):
    row = runner.measured(here[name], 2, 0.5)
    if not sys.platform.startswith("linux"):
        shortfalls = [s for s in shortfalls if s != "memory"]
    assert row.shortfalls == shortfalls and row.worse == worse
    assert ("no luck" in row.verdict) == (name in ("fails", "alone"))


def test_slow_is_seen_in_later_calls(here):
    row = runner.measured(here["slow"], 2, 0.5)
    assert "later calls" in row.shortfalls and row.later_ratio > 10 and not row.worse


def test_slack_is_relative():
    row = table.Row("r", "p", 1.0, 1e-2, quality={"ours": 1.005, "theirs": 1.0})
    assert not row.worse
    row.quality["ours"] = 1.02
    assert row.worse
    row.quality["ours"] = float("nan")
    assert row.worse and json.loads(json.dumps(table.Measured({"threads": 1}, {}, [row]).json(), allow_nan=False))


def test_the_command_writes_and_fails_where_worse(here, tmp_path, capsys):
    page, numbers = tmp_path / "page.md", tmp_path / "numbers.json"
    page.write_text("before\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nafter\n")
    assert runner.run(options(only="a mean$", json=str(numbers), markdown=page)) == 0
    (row,) = json.loads(numbers.read_text())["rows"]
    assert row["name"] == "a mean" and row["later_ratio"] > 0 and row["quality"]["ours"] == spread(499.5, data()[0])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text and "| a mean |" in text
    assert "1 of 1 rows reach" in capsys.readouterr().out
    assert runner.run(options(only="moved")) == 1
    assert runner.run(options(only="there is none")) == 2


def test_imports_in_the_body_are_before_the_clock():
    def uses():
        import this_is_no_module

        return this_is_no_module

    with pytest.raises(ModuleNotFoundError, match="this_is_no_module"):
        process.import_what_it_imports(uses)


def test_a_process_of_its_own_answers(tmp_path, monkeypatch):
    (tmp_path / f"{MODULE}.py").write_text(
        "from benchmarks.models import Case\n"
        "def fails(x): raise ValueError('not today')\n"
        "CASES = [Case('n', 'p', lambda: (2.0,), lambda x: x, fails, lambda found, x: found, 1.0)]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    place = runner.Place(MODULE, 0, MEAN)
    assert runner.ask("first", place, "ours")["quality"] == 2.0
    assert runner.ask("first", place, "theirs") == "ValueError: not today"
