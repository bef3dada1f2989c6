"""Divergence, curl, Laplacian: closed forms and the identities of vector analysis."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError

P = np.array([0.7, -1.2, 0.4])


def F(p):
    x, y, z = p
    return np.array([x * y * z, np.sin(x) + z**2, np.exp(x * y)])


def f(p):
    return np.exp(p[0]) * np.sin(p[1] * p[2]) + p[0] * p[2] ** 3


def test_closed_forms():
    x, y, z = P
    assert tw.divergence(F)(P) == pytest.approx(y * z, rel=1e-14)
    e = np.exp(x * y)
    np.testing.assert_allclose(tw.curl(F)(P), [x * e - 2 * z, x * y - y * e, np.cos(x) - x * z], rtol=1e-13)
    laplacian = np.exp(x) * np.sin(y * z) * (1 - z**2 - y**2) + 6 * x * z
    assert tw.laplacian(f)(P) == pytest.approx(laplacian, rel=1e-13)


def test_identities():
    assert tw.divergence(tw.curl(F))(P) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(tw.curl(tw.grad(f))(P), np.zeros(3), atol=1e-12)
    assert tw.divergence(tw.grad(f))(P) == pytest.approx(tw.laplacian(f)(P), rel=1e-12)
    curl_curl = tw.grad(tw.divergence(F))(P) - tw.laplacian(F)(P)
    np.testing.assert_allclose(tw.curl(tw.curl(F))(P), curl_curl, rtol=1e-11)


def test_harmonic_functions():
    assert tw.laplacian(lambda p: 1 / np.linalg.norm(p))(P) == pytest.approx(0, abs=1e-14)
    assert tw.laplacian(lambda p: np.log(p @ p))(P[:2]) == pytest.approx(0, abs=1e-14)


def test_the_laplacian_is_the_trace_of_the_hessian_in_many_dimensions():
    x = np.linspace(-1, 1, 40)
    g = lambda x: np.sum(np.sin(np.outer(x, x))) / (1 + x @ x)
    assert tw.laplacian(g)(x) == pytest.approx(np.trace(tw.hessian(g)(x)), rel=1e-11)


def test_laplacian_of_arrays_of_any_shape():
    X = np.arange(6.0).reshape(2, 3)
    assert tw.laplacian(lambda X: np.sum(X**3))(X) == pytest.approx(6 * np.sum(X))
    np.testing.assert_allclose(tw.laplacian(lambda x: x * (x @ x))(P), (2 * 3 + 4) * P, rtol=1e-13)
    assert tw.laplacian(lambda x: x**4)(2.0) == pytest.approx(48)
    assert tw.laplacian(lambda x: 3.0)(P) == 0


def test_plane_fields():
    Q = np.array([1.5, -0.5])
    rotation = lambda p: [-p[1], p[0]]
    assert tw.curl(rotation)(Q) == 2
    assert tw.divergence(rotation)(Q) == 0
    vortex = lambda p: np.array([-p[1], p[0]]) / (p @ p)
    assert tw.curl(vortex)(Q) == pytest.approx(0, abs=1e-15)


def test_on_a_grid_and_with_parameters():
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(tw.batch(tw.curl(F))(points), [tw.curl(F)(p) for p in points], rtol=1e-13)
    np.testing.assert_allclose(tw.batch(tw.laplacian(f))(points), [tw.laplacian(f)(p) for p in points], rtol=1e-12)
    assert tw.divergence(lambda p, a: a * p)(P, 2.0) == 6


def test_wrong_shapes_say_what_is_needed():
    with pytest.raises(ArgumentError, match=r"R³ → R³ \(or R² → R²\).*\(3,\) to \(2,\).*tw\.jacobian"):
        tw.curl(lambda p: p[:2])(P)
    with pytest.raises(ArgumentError, match="R³"):
        tw.curl(lambda p: p)(np.ones(4))
    with pytest.raises(ArgumentError, match=r"tw\.divergence needs a field"):
        tw.divergence(lambda p: np.sum(p))(P)
    with pytest.raises(ArgumentError, match="nested"):
        tw.laplacian(lambda p: p["x"] ** 2)({"x": 1.0})
