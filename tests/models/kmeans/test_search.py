"""Bounds and machine code against distances that are all computed by NumPy."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

from thalweg.execution.native import llvm
from thalweg.models.kmeans.rows import Rows
from thalweg.models.kmeans.search import BoundedSearch, PlainSearch, nearest, search

native = pytest.mark.skipif(not llvm.available(), reason="LLVM cannot start here")
DTYPES = [np.float64, np.float32]


def exact(X, centers):
    """The distances of all rows to all centres, by differences in float64."""
    return np.sqrt(((X[:, None, :].astype(float) - centers.astype(float)) ** 2).sum(axis=2))


@native
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("n", "d", "k"), [(1, 1, 1), (7, 3, 2), (50, 1, 4), (2048, 8, 5), (5001, 17, 12), (2049, 33, 3)]
)
def test_bounds_leave_the_labels_as_they_are(n, d, k, dtype):
    random = np.random.default_rng(n + d + k)
    X = random.standard_normal((n, d)).astype(dtype) + dtype(2)
    rows = Rows.centred(X)
    bounded, plain = BoundedSearch(rows, k), PlainSearch(rows)
    centers, shift = random.standard_normal((k, d)).astype(dtype), None
    left_out = 0
    for step in range(12):
        bounded.assign(centers, shift)
        plain.assign(centers)
        distances = exact(X - rows.origin, centers)
        own = distances[np.arange(n), bounded.labels]
        rounding = 1e-13 if dtype == np.float64 else 1e-5
        np.testing.assert_allclose(own, distances.min(axis=1), atol=rounding, rtol=0)
        assert np.mean(bounded.labels != plain.labels) <= (0 if dtype == np.float64 else 0.01)  # ties of float32
        distances[np.arange(n), bounded.labels] = np.inf
        assert np.all(bounded._arrays["upper"] >= own - 1e-15)
        assert np.all(bounded._arrays["lower"] <= distances.min(axis=1) + 1e-15)
        left_out += n - bounded.seen[1]
        move = random.standard_normal((k, d)) * 0.3 / (step + 1) ** 2 * (random.random((k, 1)) < 0.7)
        after = (centers + move).astype(dtype)
        shift, centers = np.linalg.norm(after.astype(float) - centers, axis=1), after
    assert left_out > 0


@native
def test_equal_centres_and_equal_rows_take_the_first():
    X = np.repeat(np.arange(4.0), 600)[:, None] * np.ones(5)
    rows = Rows.centred(X)
    centers = np.repeat(np.arange(4.0), 2)[:, None] * np.ones(5) - rows.origin
    found = BoundedSearch(rows, 8)
    for shift in (None, np.zeros(8), np.zeros(8)):
        found.assign(centers, shift)
        np.testing.assert_array_equal(found.labels, np.repeat([0, 2, 4, 6], 600))


@native
def test_rows_far_from_the_origin_lose_no_digits():
    random = np.random.default_rng(0)
    near = random.standard_normal((3000, 6))
    rows, far = Rows.centred(near), Rows.centred(near + 1e7)
    centers = random.standard_normal((9, 6))
    for way in (PlainSearch, lambda r: BoundedSearch(r, 9)):
        a, b = way(rows), way(far)
        a.assign(centers)
        b.assign(centers)
        assert np.mean(a.labels != b.labels) < 1e-3  # 1e7 itself has rounded the rows to 2e-9


def test_sizes_decide_which_way_is_taken():
    small = Rows.centred(np.ones((100, 2)))
    assert type(search(small, 3)) is PlainSearch
    large = Rows.centred(np.ones((1 << 16, 16)))
    assert type(search(large, 16)) is (BoundedSearch if llvm.available() else PlainSearch)
    assert type(search(Rows.centred(scipy.sparse.csr_array(np.ones((1 << 16, 16)))), 16)) is PlainSearch


def test_without_machine_code_numpy_does_it(monkeypatch):
    random = np.random.default_rng(1)
    rows = Rows.centred(random.standard_normal((1 << 16, 16)))
    centers = random.standard_normal((16, 16))
    with_it = nearest(rows, centers)
    monkeypatch.setenv("THALWEG_NATIVE", "0")
    assert type(search(rows, 16)) is PlainSearch
    np.testing.assert_array_equal(nearest(rows, centers), with_it)


PROGRAM = """
import numpy as np
from threadpoolctl import threadpool_limits
from thalweg.execution.native import threads
from thalweg.models.kmeans import KMeans
X = np.random.default_rng(0).standard_normal((60001, 11))
w = np.random.default_rng(1).random(60001)
found = []
for count in (1, 2, 1):
    with threadpool_limits(count):
        m = KMeans(30, random_state=3, max_iter=15).fit(X, sample_weight=w)
    found.append((m.cluster_centers_.tobytes(), m.labels_.tobytes(), m.inertia_, m.loss_curve_))
print(threads.limit(), found[0] == found[1] == found[2])
"""


@native
def test_threads_change_nothing():
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True)
    limit, same = run.stdout.split()
    assert same == "True"
    if (os.cpu_count() or 1) > 1 and hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1:
        assert int(limit) > 1  # else nothing has been compared
