"""Derivatives inside derivatives: no perturbation confusion (Siskind & Pearlmutter 2005), any depth and mixture."""

import numpy as np
import pytest

import thalweg as tw

D = tw.derivative


def test_the_classical_example():
    """d/dx [x · d/dy (x + y) at y = 1] = 1; a confused system answers 2."""
    assert D(lambda x: x * D(lambda y: x + y)(1.0))(1.0) == 1
    assert D(lambda x: x * D(lambda y: x * y)(2.0))(3.0) == 6


def test_the_same_in_reverse():
    assert tw.grad(lambda x: x * tw.grad(lambda y: x + y)(1.0))(1.0) == 1
    assert tw.grad(lambda x: x * D(lambda y: x * y**2)(2.0))(3.0) == 24
    assert D(lambda x: x * tw.grad(lambda y: x * y**2)(2.0))(3.0) == 24


def test_shadowed_names_and_equal_values():
    """Both variables stand at 1.0 and are called x."""
    inner = lambda x: D(lambda x: x**3)(x) * x
    assert D(inner)(1.0) == 9
    assert D(lambda x: D(lambda y: D(lambda z: x * y**2 * z**3)(y))(x))(1.0) == 48  # of x ↦ 12x⁴


def test_a_function_returned_from_a_derivative():
    """Higher-order functions: the amazing bug of Manzyuk et al. (2019): D of a function that returns a function."""
    s = lambda x: lambda f: lambda y: f(x + y)

    def shifted(f, at):
        return lambda y: D(lambda x: s(x)(f)(y))(at)

    h = lambda x: x**3
    assert shifted(lambda z: shifted(h, 0.0)(z), 0.0)(2.0) == pytest.approx(12)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_depth(depth):
    g = np.sin
    for _ in range(depth):
        g = D(g)
    assert g(0.3) == pytest.approx([np.sin, np.cos][depth % 2](0.3) * [1, 1, -1, -1][depth % 4], rel=1e-14)


MODES = {
    "grad": tw.grad,
    "derivative": tw.derivative,
    "jacobian": tw.jacobian,
    "jvp": lambda f: lambda x: tw.jvp(f, x, 1.0)[1],
    "vjp": lambda f: lambda x: tw.vjp(f, x)[1](1.0),
    "taylor": lambda f: lambda x: tw.taylor(f, x, 1).coefficients[1],
    "batch": lambda f: lambda x: tw.batch(tw.grad(f))(np.stack([x, x]))[1],
}


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_any_mode_inside_any_mode(outer, inner):
    f = lambda x: np.exp(x) * np.sin(2 * x)
    wanted = np.exp(0.3) * (4 * np.cos(0.6) - 3 * np.sin(0.6))
    assert MODES[outer](MODES[inner](f))(0.3) == pytest.approx(wanted, rel=1e-13)


def test_a_constant_of_the_outer_is_no_variable_of_the_inner():
    f = lambda x: np.sum(tw.grad(lambda y: np.sum(x * y))(np.ones(3)))  # = Σx
    np.testing.assert_array_equal(tw.grad(f)(np.arange(3.0)), np.ones(3))
    assert tw.derivative(lambda x: tw.derivative(lambda y: x)(1.0) + 0 * x)(2.0) == 0


def test_inner_derivatives_with_branches():
    def f(x):
        return tw.derivative(lambda y: y**2 * x if y > x else -y * x)(2.0)

    g = tw.derivative(f)
    assert [float(g(x)) for x in (1.0, 3.0, 1.0)] == [4, -1, 4]


def test_inner_newton_step():
    """A minimiser found by Newton steps inside a function, differentiated implicitly through them: x*(a) = √a."""

    def root(a):
        phi = lambda x: x**3 / 3 - a * x
        x = a
        while abs(tw.derivative(phi)(x)) > 1e-14:
            x = x - tw.derivative(phi)(x) / tw.derivative(phi, 2)(x)
        return x

    assert root(2.0) == pytest.approx(np.sqrt(2))
    assert tw.derivative(root)(2.0) == pytest.approx(0.5 / np.sqrt(2), rel=1e-10)


def test_hessians_of_gradients():
    f = lambda x: np.sum(x**2) * np.prod(x)
    x = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(tw.jacobian(tw.grad(f))(x), tw.hessian(f)(x), rtol=1e-13)
    np.testing.assert_allclose(
        tw.grad(lambda x: np.sum(tw.hessian(f)(x)))(x), tw.jacobian(tw.hessian(f))(x).sum((0, 1))
    )
