"""Every workload of the benchmarks once, at a small size: our answer against central differences; and the report.

The peers are not needed. Gradients are compared with (f(x + h) − f(x − h)) / 2h of the plain function, second
derivatives with the same of our own gradients, which were checked so before.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from benchmarks.chart import MARKS
from benchmarks.peers import PACKAGES
from benchmarks.results import Disagreement, agree, arrays
from benchmarks.row import ALONE, OURS, PLAIN, Effort, Row, measured
from benchmarks.timing import medians, warmed
from benchmarks.workloads import ALL, kmeans

import thalweg as tw
from benchmarks import report

STEP = 1e-5  # relative to the size of a number that is not 0
GRADIENTS = [w for w in ALL if w.gradient]


def slopes(f, x):
    """Central differences of ``f`` (a number or an array) in the array ``x``, along the last axis."""
    x = np.asarray(x, float)
    columns = []
    for k in range(x.size):
        up, down = x.copy().ravel(), x.copy().ravel()
        h = STEP * (abs(up[k]) or 1.0)
        up[k] += h
        down[k] -= h
        columns.append((np.asarray(f(up.reshape(x.shape))) - np.asarray(f(down.reshape(x.shape)))) / (2 * h))
    return np.stack(columns, axis=-1)


def replaced(args, k, value):
    return (*args[:k], value, *args[k + 1 :])


def doubles(args):
    """The arguments with float32 as float64, so that differences of them say something."""
    if isinstance(args, dict):
        return {name: doubles(a) for name, a in args.items()}
    if isinstance(args, tuple):
        return tuple(doubles(a) for a in args)
    return args.astype(np.float64) if getattr(args, "dtype", None) == np.float32 else args


@pytest.mark.parametrize("workload", GRADIENTS, ids=lambda w: w.name)
def test_gradients_are_those_of_central_differences(workload):
    args = doubles(workload.small())
    f, args = workload.bound(args)
    value, slope = workload.ask(f)(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    if isinstance(slope, dict):
        for name, part in slope.items():
            truth = slopes(lambda p, name=name: f({**args[0], name: p}, *args[1:]), args[0][name])
            np.testing.assert_allclose(part.ravel(), truth, rtol=1e-6, atol=1e-8)
        return
    for k, part in enumerate(slope if isinstance(slope, tuple) else (slope,)):
        truth = slopes(lambda p, k=k: f(*replaced(args, k, p)), args[k])
        np.testing.assert_allclose(part.ravel(), truth, rtol=1e-5, atol=1e-5 * np.max(np.abs(truth)))


@pytest.mark.parametrize("workload", [w for w in ALL if w.name.startswith(("Hessian", "sparse"))], ids=lambda w: w.name)
def test_hessians_are_the_slopes_of_gradients(workload):
    (x,) = workload.small()
    H = workload.ours((x,))()
    assert scipy.sparse.issparse(H) == workload.name.startswith("sparse")
    H = H.toarray() if scipy.sparse.issparse(H) else H
    np.testing.assert_allclose(H, slopes(tw.grad(workload.f), x), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("workload", kmeans.WORKLOADS, ids=lambda w: w.name)
def test_kmeans_counts_its_points(workload):
    """In the centres the Hessian is 2 n(k) on the diagonal, n(k) being the points next to centre k."""
    centres, x = workload.small()
    value, slope, diagonal = workload.ours((centres, x))()
    squares = np.sum((x[:, None] - centres) ** 2, axis=2)
    nearest = np.argmin(squares, axis=1)
    counts = np.bincount(nearest, minlength=len(centres))
    assert value == pytest.approx(np.sum(np.min(squares, axis=1)))
    sums = np.stack([np.sum(x[nearest == k], axis=0) for k in range(len(centres))])
    np.testing.assert_allclose(slope, 2 * (counts[:, None] * centres - sums), atol=1e-9)
    np.testing.assert_allclose(diagonal, np.repeat(2.0 * counts[:, None], x.shape[1], axis=1))


def test_bundle_adjustment_is_sparse_and_right():
    (workload,) = (w for w in ALL if w.name.startswith("bundle"))
    args = workload.small()
    f, (theta,) = workload.bound(args)
    J = workload.ours(args)()
    assert scipy.sparse.issparse(J)
    observations = len(args[1])
    assert J.nnz <= 31 * observations
    np.testing.assert_allclose(J.toarray(), slopes(f, theta), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("workload", ALL, ids=lambda w: w.name)
def test_the_function_alone_is_what_numpy_says(workload):
    args = workload.small()
    agree(workload.plain(args)(), workload.value(args)(), workload.rtol)


def test_names_are_distinct_and_peers_known():
    assert len({w.name for w in ALL}) == len(ALL)
    assert set(MARKS) == set(PACKAGES)
    for workload in ALL:
        assert set(workload.peers) <= set(PACKAGES)
        assert all(n in {w.name for w in ALL} for n in report.SMALL)


def test_data_are_the_same_in_every_run():
    for workload in ALL:
        first, second = (list(arrays([a for a in workload.small() if isinstance(a, np.ndarray)])) for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


# --- measuring and reporting

EFFORT = Effort(rounds=3, budget=0.05, warm=0.005, at_least=0.0005)


def small(workload, **peers):
    return replace(workload, data=workload.small, peers=peers)


def test_a_row_has_times_a_ratio_and_the_cost_of_a_gradient():
    workload = ALL[1]
    plain = small(workload, JAX=lambda x: lambda: tw.value_and_grad(workload.f, native=False)(x))
    row = measured(plain, ["JAX", "CasADi"], EFFORT)
    assert set(row.seconds) == {OURS, ALONE, PLAIN, "JAX"}
    assert row.best == "JAX" and row.ratio > 0
    if row.tiers[OURS] == row.tiers[ALONE]:  # on a busy machine the warm-up may end before both are compiled
        assert row.over_function > 0
    else:
        assert row.over_function is None
    assert not row.failed and not row.disagreements and row.difference < 1e-12


def test_a_peer_that_differs_or_fails_is_told():
    def wrong(x):
        return lambda: (0.0, x)

    def broken(x):
        raise RuntimeError("no compiler\nand more")

    row = measured(small(ALL[1], JAX=wrong, CasADi=broken), ["JAX", "CasADi"], EFFORT)
    assert "relative difference" in row.disagreements["JAX"]
    assert row.failed == {"CasADi": "RuntimeError: no compiler"}


def test_answers_are_compared_over_kinds():
    dense = np.array([[1.0, 0.0], [0.0, 2.0]])
    assert agree([1.0, {"a": dense}], (1.0, [dense]), 0.0) == 0
    assert agree(scipy.sparse.csr_array(dense), scipy.sparse.csc_array(dense), 0.0) == 0
    for other in (dense + 1e-3, np.full((2, 2), np.nan), dense[0]):
        with pytest.raises(Disagreement):
            agree(dense, other, 1e-6)


def test_medians_take_turns_within_a_budget():
    calls = []
    found = medians({k: lambda k=k: calls.append(k) for k in "ab"}, rounds=50, budget=0.0, at_least=0.0)
    assert set(found) == {"a", "b"} and len(calls) < 30
    assert calls[:2] == ["a", "b"]


def test_warming_waits_until_it_is_settled():
    state = []
    warmed(lambda: state.append(0), least=0.0, most=30.0, settled=lambda: len(state) > 10_000)
    assert len(state) > 10_000


def reported(**seconds):
    rows = [
        Row("Rosenbrock n=2", True, 1e-9, {OURS: 2e-6, ALONE: 1e-6, PLAIN: 5e-6, "JAX": 4e-6, "CasADi": 1e-6}),
        Row("Rosenbrock n=10⁶", True, 1e-9, {OURS: 1e-3, ALONE: 0.2e-3, PLAIN: 2e-3, "JAX": 4e-3}),
    ]
    return report.Measured({"threads": 2, "processor": "p", "date": "d"}, {"Thalweg": "0", "JAX": "1"}, rows, **seconds)


def test_verdicts_name_what_is_missed():
    m = reported(
        cold={"Thalweg, empty cache": 0.3, "Thalweg, second run": 0.5, "JAX": 1.0},
        blas={"dgemm": 100.0, "mixture": 39.0},
        memory={"Thalweg": {"arguments": 10, "results": 1.0, "first": 90.0, "later": 60.0}},
    )
    assert m.geometric_mean == pytest.approx((2 / 4) ** 0.5)
    found = {number: (figure, ok) for number, figure, ok in report.verdicts(m)}
    assert [ok for _, ok in found.values()] == [False, False, True, True, True, False, False, False, False, True]
    figures = " ".join(figure for figure, _ in found.values())
    assert "Rosenbrock n=2 (2.00×)" in figures and "Rosenbrock n=10⁶ (5.00×)" in figures and "39%" in figures


def test_a_row_without_our_time_reaches_nothing():
    m = reported()
    m.rows.append(Row("sparse", True, 1e-9, {"JAX": 1e-3}, failed={OURS: "no"}))
    assert not any(ok for number, _, ok in report.verdicts(m) if "warm: ratio" in number or "mean" in number)


def test_tiers_are_not_mixed_in_a_ratio():
    m = reported()
    m.rows[0].tiers.update({OURS: "interpreted", ALONE: "native"})
    m.rows[1].tiers.update({OURS: "native", ALONE: "native"})
    assert m.rows[0].over_function is None and m.rows[1].over_function == 5.0
    (figure,) = (figure for number, figure, _ in report.verdicts(m) if number.startswith("gradient"))
    assert "Rosenbrock n=2 (interpreted, its function native)" in figure


def test_the_report_prints_and_is_json(capsys):
    from rich.console import Console

    m = reported()
    m.rows[0].disagreements["JAX"] = "relative difference 0.1"
    report.show(m, Console(width=200))
    text = capsys.readouterr().out
    assert "Rosenbrock n=10⁶" in text and "2 µs" in text and "differs" in text and "Numbers to reach" in text
    again = json.loads(json.dumps(m.json()))
    assert again["rows"][0]["ratio_to_best_peer"] == 2.0 and again["rows"][0]["best_peer"] == "CasADi"


def test_the_report_as_markdown():
    m = reported(
        cold={"Thalweg, empty cache": 0.3, "Thalweg, second run": 0.25, "JAX": 1.0},
        memory={"Thalweg": {"arguments": 10, "results": 1.0, "first": 40.0, "later": 30.0}},
    )
    m.rows[0].failed["PyTorch"] = "no"
    m.versions["PyTorch"] = "2"
    lines = report.markdown(m).splitlines()
    assert "| workload | Thalweg | JAX | PyTorch | Thalweg / best peer | gradient / function |" in lines
    assert "| Rosenbrock n=10⁶ | 1 ms | **4 ms** | — | 0.25 | 5.00 |" in lines
    assert any(line.startswith("| Rosenbrock n=2 | 2 µs | 4 µs | failed |") for line in lines)
    assert "| Thalweg, second run | 0.25 s |" in lines and "| Thalweg | 40 MiB | 30 MiB |" in lines
    tables = [line.count("|") for line in lines if line.startswith("|")]
    assert set(tables) <= {3, 4, 7}


def test_the_tables_go_between_the_marks():
    page = f"# A\n\n{report.START}\nold\n{report.END}\n\nmore\n"
    new = report.put_between_marks(page, "| a |")
    assert new == f"# A\n\n{report.START}\n| a |\n{report.END}\n\nmore\n"
    assert report.put_between_marks(new, "| a |") == new
    assert report.put_between_marks("", "x") == f"{report.START}\nx\n{report.END}\n"
    assert report.put_between_marks("# no marks\n", "x").startswith(report.START)
