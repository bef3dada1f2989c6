"""What docs/performance.md says in numbers and names, against the code."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

import thalweg as tw
from thalweg.execution.native import cache, threads, vectors
from thalweg.execution.native.scalarize import TINY

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "performance.md").read_text("utf-8")
MATRIX = np.random.default_rng(0).normal(size=(40, 40)) + 9 * np.eye(40)

LEFT = {
    "np.sort": lambda a: np.sum(np.sort(a[0]) ** 2),
    "np.partition": lambda a: np.sum(np.partition(a[0], 2) * a[1]),
    "np.median": lambda a: np.median(a[0]) * a[1, 1],
    "np.searchsorted": lambda a: np.sum(a[0] * np.searchsorted(a[0], a[1])),
    "np.interp": lambda a: np.sum(np.interp(a[0], np.arange(9.0), np.arange(9.0) ** 2)),
    "np.linalg.eigh": lambda a: np.sum(np.linalg.eigh(a + a.T)[0] ** 2),
    "np.linalg.svd": lambda a: np.sum(np.linalg.svd(a)[1] ** 3),
    "np.linalg.qr": lambda a: np.sum(np.linalg.qr(a)[1] ** 2),
    "np.linalg.pinv": lambda a: np.sum(np.linalg.pinv(a) ** 2),
    "np.linalg.lstsq": lambda a: np.sum(np.linalg.lstsq(a, a[0])[0] ** 2),
    "scipy.linalg.expm": lambda a: np.sum(scipy.linalg.expm(a) ** 2),
    "np.convolve": lambda a: np.sum(np.convolve(a[0], a[1]) ** 2),
}


def table(heading):
    """The rows below a heading line of a table, as lists of cells."""
    rows = PAGE.split(heading + "\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_errors_is_that_of_the_code():
    shown = {name.strip("`"): (float(a), float(b)) for name, a, b in table("| function | float64 | float32 |")}
    assert shown == vectors.ULP


def test_every_variable_of_the_environment_is_told():
    names = set(threads.VARIABLES)
    for file in (ROOT / "src").rglob("*.py"):
        names |= set(re.findall(r"\bTHALWEG_[A-Z_]*[A-Z]\b", file.read_text("utf-8")))
    assert {n for n in names if f"`{n}`" not in PAGE} == set()


def test_sizes_are_those_of_the_code(monkeypatch):
    monkeypatch.delenv("THALWEG_CACHE_MB", raising=False)
    assert PAGE.count(f" {cache.limit() >> 20} megabytes") == 1 and f", {cache.limit() >> 20} by default" in PAGE
    assert f"Arrays of up to {TINY} elements" in PAGE


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_numpy(name, monkeypatch):
    monkeypatch.delenv("THALWEG_NATIVE", raising=False)
    left = PAGE.split("These are left to NumPy and SciPy", 1)[1].split("\n\n", 1)[0]
    assert f"`{name}`" in left and len(re.findall(r"`", left)) == 2 * len(LEFT)
    assert "NumPy" in {s.kind for s in tw.grad(LEFT[name]).plan(MATRIX).steps}


def test_every_kind_of_step_is_explained(monkeypatch):
    monkeypatch.delenv("THALWEG_NATIVE", raising=False)
    kinds = " ".join(row[0] for row in table("| step | |"))
    functions = [*LEFT.values(), lambda a: np.sum(np.cumsum(a) ** 2), lambda a: np.linalg.slogdet(a)[1], np.trace]
    for f in functions:
        for s in tw.grad(f).plan(MATRIX).steps:
            assert all(word in kinds for word in s.kind.split())


def test_the_place_for_the_benchmarks_is_marked():
    assert PAGE.count("<!-- benchmarks -->") == PAGE.count("<!-- /benchmarks -->") == 1
