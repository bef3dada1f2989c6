"""Whole functions, as people write them, against autograd: gradients and products with the Hessian.

Every function takes the NumPy module that it works with, so that the same lines run on plain ``numpy`` here and on
``autograd.numpy`` there. Where autograd cannot follow (arrays that are filled, loops that stop on a value), its side is
written without.
"""

import itertools

import autograd
import autograd.numpy as anp
import autograd.scipy.special as asp
import numpy
import pytest
import scipy.special as sp

import thalweg as tw

RNG = numpy.random.default_rng(11)
X = RNG.normal(size=(30, 3))
LABELS = (X @ numpy.array([1.0, -2.0, 0.5]) + 0.3 * RNG.normal(size=30) > 0) * 1.0
COUNTS = RNG.poisson(3.0, size=30).astype(float)
CLASSES = numpy.eye(3)[RNG.integers(3, size=30)]
SIGNAL = RNG.normal(size=40)


def special(np):
    return asp if np is anp else sp


# optimization's classics


def rosenbrock(np, x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_loop(np, x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def himmelblau(np, x):
    a, b = x
    return (a**2 + b - 11) ** 2 + (a + b**2 - 7) ** 2


def rastrigin(np, x):
    return 10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x))


def ackley(np, x):
    n = len(x)
    return -20 * np.exp(-0.2 * np.sqrt(np.sum(x**2) / n)) - np.exp(np.sum(np.cos(2 * np.pi * x)) / n) + 20 + np.e


def styblinski_tang(np, x):
    return 0.5 * np.sum(x**4 - 16 * x**2 + 5 * x)


# likelihoods


def gaussian_likelihood(np, p):
    mean, log_scale = p[:3], p[3:6]
    z = (X - mean) / np.exp(log_scale)
    return 0.5 * np.sum(z**2) + len(X) * np.sum(log_scale) + 0.5 * X.size * np.log(2 * np.pi)


def multivariate_gaussian(np, p):
    L = np.array([[np.exp(p[0]), 0.0, 0.0], [p[1], np.exp(p[2]), 0.0], [p[3], p[4], np.exp(p[5])]])
    S = L @ L.T
    _, logdet = np.linalg.slogdet(S)
    return 0.5 * len(X) * logdet + 0.5 * np.sum(X.T * np.linalg.solve(S, X.T))


def logistic_regression(np, w):
    z = X @ w[:3] + w[3]
    return np.mean(np.logaddexp(0, z) - LABELS * z) + 0.01 * np.sum(w**2)


def poisson_regression(np, w):
    eta = X @ w[:3] + w[3]
    return np.sum(np.exp(eta) - COUNTS * eta + special(np).gammaln(COUNTS + 1))


def negative_binomial(np, w):
    r, mu = np.exp(w[4]), np.exp(X @ w[:3] + w[3])
    gammaln = special(np).gammaln
    return -np.sum(gammaln(COUNTS + r) - gammaln(r) + r * np.log(r / (r + mu)) + COUNTS * np.log(mu / (r + mu)))


def beta_likelihood(np, p):
    a, b = np.exp(p[0]), np.exp(p[1])
    y = 1 / (1 + np.exp(-X[:, 0]))
    gammaln = special(np).gammaln
    return -np.sum((a - 1) * np.log(y) + (b - 1) * np.log(1 - y) - gammaln(a) - gammaln(b) + gammaln(a + b))


def gaussian_mixture(np, p):
    logits, means, scales = p[:2], np.reshape(p[2:8], (2, 3)), p[8:10]
    weights = logits - np.log(np.sum(np.exp(logits)))
    distance = np.sum((X[:, None, :] - means[None, :, :]) ** 2, axis=2)
    parts = weights - 0.5 * distance / np.exp(2 * scales) - 3 * scales
    top = np.max(parts, axis=1, keepdims=True)
    return -np.sum(np.log(np.sum(np.exp(parts - top), axis=1)) + top[:, 0])


def probit(np, w):
    return -np.sum(np.log(0.5 * (1 + special(np).erf((2 * LABELS - 1) * (X @ w[:3] + w[3]) / np.sqrt(2)))))


def ordered_time_series(np, p):
    """An AR(1) with GARCH(1,1) variance."""
    phi, omega, alpha, beta = np.tanh(p[0]), np.exp(p[1]), 0.5 / (1 + np.exp(-p[2])), 0.5 / (1 + np.exp(-p[3]))
    variance, total = 1.0, 0.0
    for t in range(1, 20):
        residual = SIGNAL[t] - phi * SIGNAL[t - 1]
        total = total + 0.5 * np.log(variance) + 0.5 * residual**2 / variance
        variance = omega + alpha * residual**2 + beta * variance
    return total


# networks


def multilayer_perceptron(np, p):
    W1, b1, W2, b2 = np.reshape(p[:12], (3, 4)), p[12:16], np.reshape(p[16:20], (4, 1)), p[20]
    return np.mean((np.tanh(X @ W1 + b1) @ W2 + b2 - X[:, :1] ** 2) ** 2)


def softmax_classifier(np, p):
    W, b = np.reshape(p[:9], (3, 3)), p[9:12]
    logits = X @ W + b
    logits = logits - np.max(logits, axis=1, keepdims=True)
    return -np.mean(np.sum(CLASSES * (logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))), axis=1))


def relu_network(np, p):
    hidden = np.maximum(0, X @ np.reshape(p[:12], (3, 4)) + p[12:16])
    return np.sum((hidden @ p[16:20] - LABELS) ** 2)


def attention(np, p):
    Q, K, V = (np.dot(X[:8], np.reshape(part, (3, 2))) for part in (p[:6], p[6:12], p[12:18]))
    scores = np.exp(np.matmul(Q, K.T) / np.sqrt(2.0))
    return np.sum(np.sin(np.dot(scores / np.sum(scores, axis=1, keepdims=True), V)))


def recurrent_network(np, p):
    W, u = np.reshape(p[:9], (3, 3)), p[9:12]
    h, loss = np.zeros(3), 0.0
    for x, target in itertools.pairwise(SIGNAL[:11]):
        h = np.tanh(np.dot(W, h) + u * x)
        loss = loss + (np.sum(h) - target) ** 2
    return loss


def convolution(np, p):
    y = np.array([np.sum(p * SIGNAL[i : i + len(p)]) for i in range(20)])
    return np.sum(np.log(1 + y**2))


def autoencoder(np, p):
    W, V = np.reshape(p[:6], (3, 2)), np.reshape(p[6:12], (2, 3))
    return np.sum((np.dot(np.tanh(np.dot(X, W)), V) - X) ** 2) + np.sum(np.abs(W))


# models and matrices


def k_means(np, p):
    centers = np.reshape(p, (3, 3))
    return np.sum(np.min(np.sum((X[:, None] - centers[None]) ** 2, axis=2), axis=1))


def kalman_filter(np, p):
    a, q, r = np.tanh(p[0]), np.exp(p[1]), np.exp(p[2])
    F, H = np.array([[1.0, 1.0], [0.0, a]]), np.array([[1.0, 0.0]])
    m, P, loss = np.array([0.0, 0.0]), np.eye(2), 0.0
    for y in SIGNAL[:12]:
        m, P = np.dot(F, m), np.dot(np.dot(F, P), F.T) + q * np.eye(2)
        S = np.dot(np.dot(H, P), H.T)[0, 0] + r
        residual = y - np.dot(H, m)[0]
        K = np.dot(P, H.T)[:, 0] / S
        m, P = m + K * residual, P - np.outer(K, np.dot(H, P)[0])
        loss = loss + 0.5 * np.log(S) + 0.5 * residual**2 / S
    return loss


def gaussian_process(np, p):
    length, noise = np.exp(p[0]), np.exp(p[1])
    t, y = numpy.linspace(0, 1, 12), SIGNAL[:12]
    K = np.exp(-0.5 * (t[:, None] - t[None, :]) ** 2 / length**2) + noise * np.eye(12)
    return 0.5 * np.dot(y, np.linalg.solve(K, y)) + 0.5 * np.linalg.slogdet(K)[1]


def log_determinant_divergence(np, p):
    A = np.reshape(p, (3, 3))
    S = np.dot(A, A.T) + np.eye(3)
    return np.trace(S) - np.linalg.slogdet(S)[1] + np.sum(np.linalg.inv(S) ** 2)


def ridge_by_cholesky(np, p):
    S = np.dot(X.T, X) + np.exp(p[0]) * np.eye(3)
    L = np.linalg.cholesky(S)
    return np.sum(np.log(np.diag(L))) + np.sum(np.linalg.solve(S, np.dot(X.T, LABELS)) ** 2)


def spectral(np, p):
    A = np.reshape(p, (3, 3))
    values, vectors = np.linalg.eigh(np.dot(A, A.T) + np.diag(np.array([1.0, 2.0, 3.0])))
    return np.sum(np.log(values)) + np.sum(values * vectors[0] ** 2)


def principal_component(np, w):
    """Rayleigh's quotient."""
    Xw = np.dot(X, w)
    return np.dot(Xw, Xw) / np.dot(w, w)


def matrix_factorization(np, p):
    U, V = np.reshape(p[:8], (4, 2)), np.reshape(p[8:14], (2, 3))
    return np.sum((np.dot(U, V) - X[:4]) ** 2 * (X[:4] > -0.5)) + 0.1 * np.sum(p**2)


def einsum_tensor(np, p):
    A = np.reshape(p, (2, 3, 2))
    return np.sum(np.einsum("ijk,ljk,jm->ilm", A, A, X[:3]) ** 2)


# physics and finance


def double_pendulum_energy(np, s):
    a, b, da, db = s
    kinetic = da**2 + 0.5 * db**2 + da * db * np.cos(a - b)
    return kinetic - 9.81 * (2 * np.cos(a) + np.cos(b))


def lennard_jones(np, p):
    positions = np.reshape(p, (4, 3)) + numpy.array([[0, 0, 0], [1.2, 0, 0], [0, 1.2, 0], [0, 0, 1.2]])
    energy = 0.0
    for i in range(4):
        for j in range(i):
            r2 = np.sum((positions[i] - positions[j]) ** 2)
            energy = energy + 4 * (1 / r2**6 - 1 / r2**3)
    return energy


def black_scholes(np, p):
    spot, strike, rate, volatility, time = 100 * np.exp(p[0]), 95.0, 0.05 * p[1], np.exp(p[2]), 1 + 0.1 * p[3]
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * time) / (volatility * np.sqrt(time))
    normal = lambda z: 0.5 * (1 + special(np).erf(z / np.sqrt(2.0)))
    return spot * normal(d1) - strike * np.exp(-rate * time) * normal(d1 - volatility * np.sqrt(time))


def runge_kutta(np, p):
    """Lotka–Volterra."""
    rates = lambda y: np.array([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]])
    y, h = np.array([1.0, 0.5]), 0.1
    for _ in range(10):
        k1 = rates(y)
        k2 = rates(y + h / 2 * k1)
        k3 = rates(y + h / 2 * k2)
        k4 = rates(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(y**2)


def heat_equation(np, p):
    u = p
    for _ in range(15):
        u = u + 0.2 * (np.roll(u, 1) - 2 * u + np.roll(u, -1))
    return np.sum((u - SIGNAL[: len(p)]) ** 2)


def fluid_advection(np, p):
    field = np.reshape(p, (4, 4))
    flow = np.sin(np.roll(field, 1, axis=0) - np.roll(field, -1, axis=1))
    return np.sum(flow * field) + np.sum(np.concatenate([flow[0], field[:, 1]]) ** 3)


# numerical methods inside functions


def trapezoid(np, p):
    t = numpy.linspace(0, 1, 50)
    y = np.exp(-p[0] * t) * np.sin(p[1] * t)
    return np.sum((y[1:] + y[:-1]) / 2 * (t[1] - t[0]))


def horner(np, p):
    total = 0.0
    for c in p[::-1]:
        total = total * 0.7 + np.sin(c)
    return total**2


def fibonacci(np, p):
    def value(n):
        return p[n] if n < 2 else np.sin(value(n - 1)) + p[2] * value(n - 2)

    return value(10)


def sorting_statistics(np, p):
    s = np.sort(p)
    return s[len(p) // 2] ** 2 + np.var(p) + np.sum(s * numpy.arange(len(p))) / np.std(p) + np.prod(p)


def piecewise_function(np, p):
    return np.sum(np.where(p > 0, np.sqrt(np.abs(p)) ** 3, p**2)) + np.sum(np.clip(p, -0.5, 0.5) * p)


def huber(np, p):
    r = np.dot(X, p[:3]) - LABELS
    return np.sum(np.where(np.abs(r) < 0.5, 0.5 * r**2, 0.5 * (np.abs(r) - 0.25)))


def norms(np, p):
    A = np.reshape(p, (2, 3))
    return np.linalg.norm(p) * np.linalg.norm(A, axis=0)[1] + np.sum(np.abs(p) ** 1.5)


def angles(np, p):
    return np.sum(np.arctan2(p[1:], p[:-1])) + np.sum(np.arcsinh(p) * np.arctan(p)) + np.log1p(np.sum(p**2))


CASES = {
    rosenbrock: 10,
    rosenbrock_loop: 6,
    himmelblau: 2,
    rastrigin: 5,
    ackley: 5,
    styblinski_tang: 5,
    gaussian_likelihood: 6,
    multivariate_gaussian: 6,
    logistic_regression: 4,
    poisson_regression: 4,
    negative_binomial: 5,
    beta_likelihood: 2,
    gaussian_mixture: 10,
    probit: 4,
    ordered_time_series: 4,
    multilayer_perceptron: 21,
    softmax_classifier: 12,
    relu_network: 20,
    attention: 18,
    recurrent_network: 12,
    convolution: 5,
    autoencoder: 12,
    k_means: 9,
    kalman_filter: 3,
    gaussian_process: 2,
    log_determinant_divergence: 9,
    ridge_by_cholesky: 1,
    spectral: 9,
    principal_component: 3,
    matrix_factorization: 14,
    einsum_tensor: 12,
    double_pendulum_energy: 4,
    lennard_jones: 12,
    black_scholes: 4,
    runge_kutta: 4,
    heat_equation: 8,
    fluid_advection: 16,
    trapezoid: 2,
    horner: 6,
    fibonacci: 3,
    sorting_statistics: 7,
    piecewise_function: 6,
    huber: 3,
    norms: 6,
    angles: 4,
}


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_gradient_and_hessian_product(f):
    rng = numpy.random.default_rng(CASES[f])
    x, v = 0.4 * rng.normal(size=(2, CASES[f]))
    ours, theirs = lambda x: f(numpy, x), lambda x: f(anp, x)
    value, gradient = tw.value_and_grad(ours)(x)
    wanted = autograd.grad(theirs)(x)
    scale = numpy.abs(wanted).max()
    assert value == pytest.approx(f(numpy, x), rel=1e-12)
    numpy.testing.assert_allclose(gradient, wanted, rtol=1e-10, atol=1e-11 * scale)
    product = autograd.grad(lambda x: anp.dot(autograd.grad(theirs)(x), v))(x)
    numpy.testing.assert_allclose(
        tw.hvp(ours)(x, v), product, rtol=1e-8, atol=1e-9 * max(scale, numpy.abs(product).max())
    )


# what only plain NumPy can say: filled arrays, loops that look at values


def test_filled_trajectory():
    """The state of an ODE written into np.zeros, step by step; autograd gets a list."""
    steps, h = 30, 0.05

    def filled(p):
        trajectory = numpy.zeros((steps + 1, 2))
        trajectory[0] = p[:2]
        for k in range(steps):
            position, speed = trajectory[k]
            trajectory[k + 1, 1] = speed - h * (p[2] * numpy.sin(position) + p[3] * speed)
            trajectory[k + 1, 0] = position + h * trajectory[k + 1, 1]
        return numpy.sum(trajectory[::5] ** 2) + trajectory[-1, 0]

    def listed(p):
        states = [p[:2]]
        for _ in range(steps):
            position, speed = states[-1]
            speed = speed - h * (p[2] * anp.sin(position) + p[3] * speed)
            states.append(anp.array([position + h * speed, speed]))
        trajectory = anp.stack(states)
        return anp.sum(trajectory[::5] ** 2) + trajectory[-1, 0]

    p = numpy.array([1.0, 0.0, 4.0, 0.3])
    numpy.testing.assert_allclose(tw.grad(filled)(p), autograd.grad(listed)(p), rtol=1e-12)
    numpy.testing.assert_allclose(tw.hessian(filled)(p), autograd.hessian(listed)(p), rtol=1e-10, atol=1e-10)


def test_filled_by_a_helper_in_place():
    def smooth(a):
        for i in range(1, len(a) - 1):
            a[i] += 0.5 * (a[i - 1] - 2 * a[i] + a[i + 1])

    def f(x):
        a = numpy.empty(len(x))
        a[:] = x**2
        smooth(a)
        a[1:] *= a[:-1]
        return numpy.sum(a**2)

    def functional(x):
        a = [x[i] ** 2 for i in range(5)]
        for i in range(1, 4):
            a[i] = a[i] + 0.5 * (a[i - 1] - 2 * a[i] + a[i + 1])
        a = [a[0], *(a[i] * a[i - 1] for i in range(1, 5))]
        return sum(v**2 for v in a)

    x = numpy.linspace(0.5, 1.5, 5)
    assert f(x.copy()) == pytest.approx(functional(x))
    numpy.testing.assert_allclose(tw.grad(f)(x), autograd.grad(functional)(x), rtol=1e-12)


def test_newton_loop():
    """The root of z³ + a z = b by a loop that stops when it is found: dz/da = −z/(3z² + a), dz/db = 1/(3z² + a)."""

    def root(p):
        a, b = p
        z = b
        while abs(z**3 + a * z - b) > 1e-13:
            z = z - (z**3 + a * z - b) / (3 * z**2 + a)
        return z

    for p in (numpy.array([1.0, 2.0]), numpy.array([5.0, 0.3]), numpy.array([1.0, -7.0])):
        z = root(p)
        slope = 1 / (3 * z**2 + p[0])
        numpy.testing.assert_allclose(tw.grad(root)(p), [-z * slope, slope], rtol=1e-9)


def test_bisection_passes_no_derivative_but_newton_does():
    """A value found by comparisons only is a constant: its derivative is zero, not an error."""

    def f(a):
        low, high = 0.0, 2.0
        while high - low > 1e-12:
            middle = 0.5 * (low + high)
            if middle**2 < a:
                low = middle
            else:
                high = middle
        return low - (low**2 - a) / (2 * low)

    assert f(2.0) == pytest.approx(numpy.sqrt(2))
    assert tw.derivative(f)(2.0) == pytest.approx(0.5 / numpy.sqrt(2), rel=1e-10)


def test_adaptive_integration():
    """Simpson's rule that splits where it must, recursively; the derivative of ∫₀¹ exp(−a x²) dx."""

    def integrate(g, a, b, tolerance):
        def simpson(a, b):
            return (b - a) / 6 * (g(a) + 4 * g((a + b) / 2) + g(b))

        middle = (a + b) / 2
        whole, halves = simpson(a, b), simpson(a, middle) + simpson(middle, b)
        if abs(whole - halves) < tolerance:
            return halves
        return integrate(g, a, middle, tolerance / 2) + integrate(g, middle, b, tolerance / 2)

    f = lambda a: integrate(lambda x: numpy.exp(-a * x * x), 0.0, 1.0, 1e-10)
    wanted = numpy.sqrt(numpy.pi) / 2 * sp.erf(numpy.sqrt(2.0)) / numpy.sqrt(2.0)
    assert f(2.0) == pytest.approx(wanted, rel=1e-9)
    slope = (numpy.exp(-2.0) - wanted) / 4  # d/da of √π erf(√a) / (2√a)
    assert tw.derivative(f)(2.0) == pytest.approx(slope, rel=1e-7)


def test_spline_evaluation():
    """Piecewise cubics between knots, by searchsorted: Catmull–Rom."""
    knots = numpy.linspace(0, 5, 6)

    def spline(values, t):
        k = numpy.clip(numpy.searchsorted(knots, t, side="right") - 1, 1, 3)
        s = t - k
        p0, p1, p2, p3 = (values[k + i] for i in (-1, 0, 1, 2))
        return 0.5 * (
            2 * p1 + (p2 - p0) * s + (2 * p0 - 5 * p1 + 4 * p2 - p3) * s**2 + (3 * p1 - p0 - 3 * p2 + p3) * s**3
        )

    values, t = numpy.sin(knots), numpy.array([1.3, 2.5, 3.9])
    J = tw.jacobian(spline)(values, t)
    numpy.testing.assert_allclose(J @ values, spline(values, t), rtol=1e-13)  # linear in the values
    h = 1e-4
    moved = (
        8 * (spline(values, t + h) - spline(values, t - h)) - spline(values, t + 2 * h) + spline(values, t - 2 * h)
    ) / (12 * h)
    numpy.testing.assert_allclose(tw.batch(tw.grad(spline, wrt=1), in_axes=(None, 0))(values, t), moved, rtol=1e-9)


def test_a_model_with_state():
    """A class with arrays as attributes, dataclass parameters and a method as the function."""

    class Model:
        def __init__(self):
            self.A = RNG.normal(size=(3, 3))

        def loss(self, parameters):
            hidden = numpy.tanh(self.A @ parameters["w"])
            return numpy.sum(hidden**2) * parameters["scale"]

    model = Model()
    p = {"w": numpy.array([0.1, -0.4, 0.7]), "scale": 2.0}
    g = tw.grad(model.loss)(p)
    wanted = autograd.grad(lambda w: 2.0 * anp.sum(anp.tanh(anp.dot(model.A, w)) ** 2))(p["w"])
    numpy.testing.assert_allclose(g["w"], wanted, rtol=1e-12)
    model.A = model.A * 2
    numpy.testing.assert_allclose(
        tw.grad(model.loss)(p)["w"],
        autograd.grad(lambda w: 2.0 * anp.sum(anp.tanh(anp.dot(model.A, w)) ** 2))(p["w"]),
        rtol=1e-12,
    )
