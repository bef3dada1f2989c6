"""A saved engine goes on exactly as it would have."""

import numpy as np
import pytest

from optimize.interior.samples import hs71, quadratic, sparse
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Iterate, Run
from thalweg.optimize.interior import InteriorPoint
from thalweg.optimize.saved import pack, unpack


def path(engine, at, run, count):
    found = []
    for _ in range(count):
        at = engine.advance(at, run)
        if isinstance(at, Stuck):
            return [*found, at.status]
        found.append(at.point.x.copy())
    return found


def contradiction():
    return quadratic(np.eye(2), np.zeros(2), [[1, 1], [1, 1]], [1, 2], [1, 2])


@pytest.mark.parametrize("turn", [lambda p: p, sparse], ids=["dense", "sparse"])
@pytest.mark.parametrize("make, start, before", [(hs71, [1, 5, 5, 1], 4), (contradiction, [3, 1], 3)])
def test_a_saved_engine_goes_on_as_it_would_have(make, start, before, turn):
    problem = turn(make())
    run, engine = Run(problem), InteriorPoint()
    at = engine.begin(np.array(start, dtype=float), run)
    for _ in range(before):
        at = engine.advance(at, run)
    assert make is hs71 or engine.restoring
    saved = unpack(pack({"engine": engine, "x": at.point.x}), problem)
    again = Iterate(problem.at(saved["x"]), at.residual, at.y, at.z)
    expected = path(engine, at, run, 9)
    found = path(saved["engine"], again, Run(problem), 9)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        if isinstance(a, str):
            assert a == b
        else:
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
