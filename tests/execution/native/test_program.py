"""Native programs against the interpreter: every op, random graphs in every way to run them, and whole functions."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import thalweg as tw
from execution.native.random_graphs import Builder, agree, assert_same, linked, scalars_kept, tiles_forced
from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native import program
from thalweg.graph import BOOL, FLOAT32, FLOAT64, INT64, OPS, Graph, constant, full, input_node, make
from thalweg.ops import elementwise as e
from thalweg.ops import gather, movement, reduce, special
from thalweg.ops.contract import contract

DTYPES = (FLOAT64, FLOAT32, INT64, BOOL)
SHAPES = [((),), ((0,),), ((1,),), ((5,),), ((3, 1), (4,)), ((2, 1, 3, 2), (5, 1, 1)), ((2, 3), ()), ((0, 2), (1, 2))]
"""Shapes of the arguments, repeated in turn."""


def compared(inputs, outputs, arrays, error=2.0, level=0):
    """Native and interpreted, for one graph; the errors are in units of the last place of what is near 1."""
    graph = Graph(inputs, outputs)
    built = program.build(graph)
    assert built is not None
    given = [a if a.ndim else a[()] for a in arrays]
    for found, wanted, node in zip(linked(built, level)(*given), Interpreter(graph)(*given), outputs, strict=True):
        ε = np.finfo(node.dtype).eps if node.dtype.kind == "f" else 0.0
        assert_same(
            found, wanted, error * ε, f"{node} of {[a.dtype for a in node.args]}, {[a.shape for a in node.args]}"
        )


# --- one op at a time -------------------------------------------------------------------------------------------------

ELEMENTWISE = [name for name, op in OPS.items() if op.elementwise] + [
    name for name in vars(special) if name in OPS and OPS[name].elementwise and name not in vars(e)
]
ELEMENTWISE = list(dict.fromkeys(ELEMENTWISE))
ORDERS = {"sinc": [(0,), (1,)], "polygamma": [(0,), (1,)], "exprel": [(0,), (1,)], "cast": [(d,) for d in DTYPES]}


def arguments(shape, dtype, k):
    random = np.random.default_rng(17 * k + len(shape))
    if dtype == BOOL:
        return np.asarray(random.random(shape) < 0.5)
    if dtype == INT64:
        return np.asarray(random.integers(-3 if k == 2 else 0, 4, shape))
    return np.asarray(random.uniform(-0.8 if k == 2 else 0.1, 0.9, shape).astype(dtype))


def arity(op):
    return len(op.partials or op.chains)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_elementwise_op_on_all_shapes_and_dtypes(name):
    op = OPS[name]
    count = arity(op)
    inputs, outputs, arrays = [], [], []
    for dtype in DTYPES:
        for shapes in SHAPES:
            given = [
                input_node(shapes[k % len(shapes)], BOOL if name == "where" and k == 0 else dtype) for k in range(count)
            ]
            if name == "ldexp":
                given[1] = input_node(given[1].shape, INT64)
            for params in ORDERS.get(name, [()]):
                try:
                    made = make(op, tuple(given), params)
                except (TypeError, ValueError):  # not an op of such numbers
                    continue
                outputs.append(made)
            inputs += given
            arrays += [arguments(n.shape, n.dtype, k) for k, n in enumerate(given)]
    assert outputs
    x = inputs[0]  # so that there is native code even where the op itself is left to NumPy and SciPy
    outputs.append(e.add(e.multiply(e.astype(x, FLOAT64), e.astype(x, FLOAT64)), e.astype(x, FLOAT64)))
    compared(inputs, outputs, arrays, error=64.0)


def floats(x):
    return x if x.dtype.kind == "f" else e.astype(x, FLOAT64)


def positions(values):
    return constant(np.array(values, dtype=np.int64))


# name → maps of one array of some shapes; all ops of the families movement, reduce and contract
OF_ARRAYS = {
    "reshape": ([(4, 3), (2, 0)], lambda x: movement.reshape(x, (x.size // 2, 2))),
    "transpose": ([(2, 3), (2, 3, 4), (1, 0, 2)], lambda x: movement.transpose(x, (x.ndim - 1, *range(x.ndim - 1)))),
    "broadcast": ([(), (3, 1), (1, 4, 1, 3)], lambda x: movement.broadcast(x, (2, *[max(n, 3) for n in x.shape]))),
    "slice": ([(5, 4), (1, 3)], lambda x: movement.slice_(x, ((x.shape[0] - 1, None, -2), (1, x.shape[1], 2)))),
    "assemble": (
        [(4, 3)],
        lambda x: movement.assemble(
            x, [movement.slice_(x, ((0, 2, 1), 1)), x], [((2, 4, 1), 2), ((3, None, -1), (0, 3, 1))]
        ),
    ),
    "update": (
        [(4, 3)],
        lambda x: movement.update(
            movement.update(x, [movement.slice_(x, (0, (0, 3, 1)))], [(1, (2, None, -1))]),
            [movement.slice_(x, ((2, 4, 1), 0))],
            [((0, 2, 1), 1)],
        ),
    ),
    "pack": ([(3,)], lambda x: movement.pack([movement.slice_(x, (k,)) for k in (2, 0, 2)])),
    "concatenate": ([(2, 3), (0, 2)], lambda x: movement.concatenate([x, x * x if x.dtype != BOOL else x, x], 0)),
    "take": ([(4, 3)], lambda x: gather.take(x, positions([[0, -1], [2, 2]]), 0)),
    "scatter_add": (
        [(4, 3)],
        lambda x: gather.scatter_add(x, gather.take(x, positions([0, 1, 1]), 1), positions([2, 0, -1]), 1),
    ),
    "in_range": ([(4,)], lambda x: gather.take(x, gather.in_range(e.astype(x, INT64), 4, 0), 0)),
    "writers": ([(4,)], lambda x: make(OPS["writers"], (positions([1, 1, 0]),), (4, 0)) + e.astype(x, INT64)),
    "argsort": ([(4, 5)], lambda x: make(gather.ARGSORT, (x,), (1,))),
    "argselect": ([(7,)], lambda x: make(OPS["argselect"], (x,), ((2, 3),))),
    "argpartition": ([(7,)], lambda x: gather.take(x, make(OPS["argpartition"], (x,), (3, 0)), 0)),
    "searchsorted": ([(4,)], lambda x: make(OPS["searchsorted"], (constant(np.arange(4.0)), x), ("left",))),
    "sum": ([(4, 3), (2, 3, 2, 2), (3, 0)], lambda x: reduce.sum_(x, (x.ndim - 1, *range(x.ndim - 2)))),
    "max": ([(4, 3), (2, 3, 2)], lambda x: make(reduce.MAX, (x,), ((0, x.ndim - 1),))),
    "min": ([(4, 3), (2, 3, 2)], lambda x: make(reduce.MIN, (x,), ((1,),))),
    "argmax": ([(4, 3), (2, 3, 2)], lambda x: make(reduce.ARGMAX, (x,), (1,))),
    "argmin": ([(4, 3), (2, 3, 2)], lambda x: make(reduce.ARGMIN, (x,), (0,))),
    "any": ([(4, 3), (3, 0)], lambda x: make(reduce.ANY, (x,), ((1,),))),
    "all": ([(4, 3), (3, 0)], lambda x: make(reduce.ALL, (x,), ((0,),))),
    "logsumexp": ([(4, 3), (5,)], lambda x: reduce.logsumexp(x, tuple(range(x.ndim)))),
    "logsumexp_weights": ([(4, 3)], lambda x: make(reduce.WEIGHTS, (floats(x),), ((0,),))),
    "softmax": ([(4, 3)], lambda x: make(OPS["softmax"], (floats(x),), ((1,),))),
    "cumsum": ([(4, 3), (6,)], lambda x: reduce.cumsum(x, x.ndim - 1)),
    "recurrence": ([(4, 3), (6,)], lambda x: reduce.recurrence(x, x + 1, 0)),
    "cumprod": ([(4, 3), (6,)], lambda x: reduce.cumprod(x, 0)),
    "prod": ([(4, 3), (6,)], lambda x: make(reduce.PROD, (x,), (x.ndim - 1,))),
    "cummax": ([(4, 3), (6,)], lambda x: make(reduce.CUMMAX, (x,), (0,))),
    "cummin": ([(4, 3), (6,)], lambda x: make(reduce.CUMMIN, (x,), (x.ndim - 1,))),
    "contract": ([(4, 3), (3, 0)], lambda x: contract(x, x, (0, 1), (2, 1), (2, 0))),
    "correlate": ([(5,)], lambda x: make(OPS["correlate"], (x, movement.slice_(x, ((0, 3, 1),))))),
    "convolve": ([(5,)], lambda x: make(OPS["convolve"], (x, movement.slice_(x, ((0, 3, 1),))))),
}  # fmt: skip


def test_the_table_has_all_ops_of_arrays():
    assert {n for n, op in OPS.items() if op.family in ("movement", "reduce", "contract")} == set(OF_ARRAYS)


@pytest.mark.parametrize("name", OF_ARRAYS)
@pytest.mark.parametrize("computed", [False, True], ids=["of an input", "of a value"])
def test_an_op_of_arrays_on_all_shapes_and_dtypes(name, computed):
    shapes, build = OF_ARRAYS[name]
    inputs, outputs, arrays = [], [], []
    for dtype in DTYPES:
        for shape in shapes:
            x = input_node(shape, dtype)
            value = (e.logical_not(x) if dtype == BOOL else 2 - x) if computed else x
            try:
                made = build(value)
            except (TypeError, ValueError):  # not an op of such numbers
                continue
            inputs.append(x)
            arrays.append(arguments(shape, dtype, 0))
            outputs += [made, value * value if dtype != BOOL else e.logical_not(value)]
    compared(inputs, outputs, arrays, error=16.0)


# --- arguments as they come -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_arguments_of_any_strides(dtype):
    """Views, reversed and transposed arrays, and foreign byte orders, through what users call."""
    from thalweg.execution.tiers import Executable

    x, y = input_node((3, 4), dtype), input_node((0, 2), dtype)
    run = Executable(Graph([x, y], [x + x if dtype != BOOL else e.logical_not(x), reduce.sum_(x, (0,)), e.equal(y, y)]))
    assert run.compile_now()
    base = arguments((6, 8), dtype, 0)
    plain = np.ascontiguousarray(base[::2, ::2])
    empty = np.empty((0, 2), dtype)
    wanted = Interpreter(run.graph)(plain, empty)
    swapped = plain.astype(plain.dtype.newbyteorder()) if dtype != BOOL else plain
    unaligned = np.frombuffer(b"?" + plain.tobytes(), np.uint8)[1:].view(dtype).reshape(plain.shape)
    readonly = plain.copy()
    readonly.flags.writeable = False
    for array in (
        base[::2, ::2], plain[::-1, ::-1][::-1, ::-1], np.asfortranarray(plain), swapped, unaligned, readonly,
        np.repeat(plain, 2, axis=1)[:, ::2], plain.view(type("Own", (np.ndarray,), {})),
    ):  # fmt: skip
        for nothing in (empty, np.empty((5, 2), dtype)[5:], np.empty((2, 0), dtype).T):
            for found, value in zip(run(array, nothing), wanted, strict=True):
                assert_same(found, value, None, "")


def test_results_are_new_arrays():
    """Outputs that are inputs, constants, views or the same value do not share memory, and nothing is overwritten."""
    x = input_node((3, 2), FLOAT64)
    y = x * 2
    fixed = constant(np.arange(6.0).reshape(3, 2))
    outputs = [
        x,
        y,
        y,
        movement.transpose(y, (1, 0)),
        fixed,
        movement.slice_(x, (1, (0, 2, 1))),
        full((2,), 3.0, FLOAT64),
    ]
    run = linked(program.build(Graph([x], outputs)))
    a = np.arange(6.0).reshape(3, 2)
    first = run(a)
    wanted = [a, 2 * a, 2 * a, 2 * a.T, fixed.value, a[1], np.full(2, 3.0)]
    for found, value in zip(first, wanted, strict=True):
        assert_same(found, value, None, "")
        assert found.flags.writeable and found.flags.owndata and not np.shares_memory(found, a)
        found[...] = -1
    for found, value in zip(run(a), wanted, strict=True):
        assert_same(found, value, None, "")
    assert np.array_equal(a, np.arange(6.0).reshape(3, 2))


def test_what_fails_between_segments_is_left_to_the_interpreter():
    """NumPy refuses negative powers of integers; but a guard may say that another branch is taken."""
    x, n = input_node((3,), FLOAT64), input_node((2,), INT64)
    power = make(OPS["power"], (n, n))  # NumPy's, as the sort is
    least = movement.slice_(gather.take_along(x, make(gather.ARGSORT, (x,), (0,)), 0), (0,))
    graph = Graph([x, n], [e.sin(e.astype(power, FLOAT64)) * 2, e.exp(x) * x + 1])
    guards = [(e.greater(least * 2, full((), 1.0, FLOAT64)), np.True_)]
    run = linked(program.build(graph, guards))
    up, good, bad = np.array([3.0, 1.0, 2.0]), np.array([1, 2]), np.array([2, -2])
    for found, wanted in zip(run(up, good), Interpreter(graph, guards)(up, good), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-14)
    assert run(-up, good) is None
    assert run(up, bad) is run(-up, bad) is NotImplemented
    assert Interpreter(graph, guards)(-up, bad) is None


# --- random graphs ----------------------------------------------------------------------------------------------------

FEW = settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)


def grown(random, steps):
    builder = Builder(random)
    return builder, *builder.graph(steps)


@FEW
@given(st.randoms(use_true_random=False), st.integers(1, 25), st.integers(0, 99), st.booleans())
def test_random_graphs(random, steps, seed, special_values):
    assert agree(*grown(random, steps), seed, special=special_values) in (True, False)


@FEW
@given(st.randoms(use_true_random=False), st.integers(1, 25), st.integers(0, 99), st.booleans())
def test_random_graphs_in_tiles(random, steps, seed, special_values):
    with tiles_forced():
        agree(*grown(random, steps), seed, special=special_values)


@FEW
@given(st.randoms(use_true_random=False), st.integers(1, 15), st.integers(0, 99), st.booleans())
def test_random_graphs_taken_apart_or_not(random, steps, seed, apart):
    with scalars_kept(apart):
        agree(*grown(random, steps), seed)


@settings(FEW, max_examples=20)
@given(
    st.randoms(use_true_random=False), st.integers(1, 20), st.integers(0, 99), st.sampled_from([1, 3]), st.booleans()
)
def test_random_graphs_optimized(random, steps, seed, level, in_tiles):
    made = grown(random, steps)
    if in_tiles:
        with tiles_forced():
            agree(*made, seed, int(level))
    else:
        agree(*made, seed, int(level))


# --- whole functions --------------------------------------------------------------------------------------------------

rng = np.random.default_rng(8)
M = rng.normal(size=(6, 6))
S = M @ M.T + np.eye(6)
T = rng.normal(size=(30, 6))
LINEAR_ALGEBRA = {
    "solve": lambda x: np.linalg.solve(S * x[0], x),
    "inv": lambda x: np.linalg.inv(S + np.outer(x, x)),
    "stacked inv": lambda x: np.linalg.inv(np.stack([S * x[0], S + np.outer(x, x)])),
    "det": lambda x: np.linalg.det(S * x),
    "slogdet": lambda x: np.linalg.slogdet(S + np.outer(x, x))[1],
    "cholesky": lambda x: np.linalg.cholesky(S + np.outer(x, x)),
    "qr": lambda x: np.abs(np.linalg.qr(T * x)[1]),
    "eigh": lambda x: np.linalg.eigh(S + np.outer(x, x))[0],
    "eigvalsh": lambda x: np.linalg.eigvalsh(S + np.outer(x, x)),
    "svd": lambda x: np.abs(np.linalg.svd(T * x, full_matrices=False)[0]),
    "svdvals": lambda x: np.linalg.svd(T * x, compute_uv=False),
    "pinv": lambda x: np.linalg.pinv(T * x),
    "lstsq": lambda x: np.linalg.lstsq(T, T @ x**2, rcond=None)[0],
    "norm": lambda x: np.linalg.norm(S * x) + np.linalg.norm(S * x, 2),
    "triu": lambda x: np.triu(S * x, 1) @ x,
}


@pytest.mark.parametrize("name", LINEAR_ALGEBRA)
def test_linear_algebra_and_its_gradient(name):
    f = LINEAR_ALGEBRA[name]
    x = rng.uniform(0.5, 1.5, 6)
    loss = lambda x: np.sum(np.tanh(f(x)) * np.sqrt(x[0])) + np.sum(np.sin(x) ** 2)
    t = tw.trace(tw.value_and_grad(loss), x)
    compared(t.inputs, t.outputs, [x], error=1e5)


def lstm(w, x):
    h = c = np.zeros(3)
    for row in x:
        z = w @ np.concatenate([row, h, np.ones(1)])
        gates = 1 / (1 + np.exp(-z[:9].reshape(3, 3)))
        c = gates[0] * c + gates[1] * np.tanh(z[9:])
        h = gates[2] * np.tanh(c)
    return np.sum(h**2)


def mixture(θ, x):
    α, μ, q = θ[:3], θ[3:9].reshape(3, 2), np.exp(θ[9:15].reshape(3, 2))
    z = (x[:, None, :] - μ) * q
    inside = α + np.sum(np.log(q), 1) - 0.5 * np.sum(z * z, -1)
    top = np.max(inside, 1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(inside - top), 1)) + top[:, 0]) - len(x) * np.log(np.sum(np.exp(α)))


def filled(x):
    out = np.zeros(len(x) + 1)
    for i in range(len(x)):
        out[i + 1] = out[i] * 0.5 + np.sin(x[i])
    return np.sum(out**2)


FUNCTIONS = {
    "rosenbrock": (lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), (30,)),
    "lstm": (lambda w: lstm(w.reshape(12, 8), T[:5, :4]), (96,)),
    "mixture": (lambda θ: mixture(θ, T[:, :2]), (15,)),
    "filled": (filled, (12,)),
    "logistic regression": (lambda w: np.sum(np.logaddexp(0, -(T @ w) * np.sign(T[:, 0]))), (6,)),
    "distances": (lambda c: np.sum(np.min(np.sum((T[:, None] - c.reshape(4, 6)) ** 2, -1), 1)), (24,)),
    "layers": (lambda w: np.mean(np.maximum(T @ w[:30].reshape(6, 5), 0) @ w[30:35] - T[:, 0]) ** 2, (35,)),
    "stencil": (lambda x: np.sum((x.reshape(6, 5)[1:] - x.reshape(6, 5)[:-1]) ** 2) + np.sum(np.diff(x) ** 4), (30,)),
    "attention": (lambda w: np.sum(_attention(T[:8] @ w.reshape(6, 6)) ** 2), (36,)),
    "gathered": (lambda x: np.sum(x[np.array([0, 3, 3, -1])] ** 3) + np.prod(x[::2]), (8,)),
    "cumulative": (lambda x: np.sum(np.cumsum(x)[::-1] * np.cumsum(x**2)), (9,)),
    "where": (lambda x: np.sum(np.where(x > 0.6, np.log(x), x**2) * np.clip(x, 0.5, 0.9)), (20,)),
}


def _attention(x):
    s = x @ x.T / np.sqrt(6)
    p = np.exp(s - np.max(s, 1, keepdims=True))
    return (p / np.sum(p, 1, keepdims=True)) @ x


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("in_tiles", [False, True], ids=["", "in tiles"])
def test_gradients_agree_with_autograd(name, in_tiles):
    f, shape = FUNCTIONS[name]
    x = rng.uniform(0.3, 1.2, shape)
    t = tw.trace(tw.value_and_grad(f), x)
    if in_tiles:
        with tiles_forced():
            built = program.build(Graph(t.inputs, t.outputs), t.guards)
    else:
        built = program.build(Graph(t.inputs, t.outputs), t.guards)
    value, gradient = linked(built, 1)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-12)
    np.testing.assert_allclose(gradient, by_autograd(name, x), rtol=1e-9, atol=1e-10)


def by_autograd(name, x):
    """autograd's own gradient; it traces its own NumPy, which stands for ``np`` in the functions meanwhile."""
    import autograd
    import autograd.numpy as anp

    own, globals()["np"] = np, anp
    try:
        if name == "filled":  # autograd cannot see writes: the same recurrence in numbers
            return autograd.grad(lambda x: _recurrence(x, anp))(x)
        return autograd.grad(FUNCTIONS[name][0])(x)
    finally:
        globals()["np"] = own


def _recurrence(x, anp):
    last, total = 0.0, 0.0
    for i in range(len(x)):
        last = last * 0.5 + anp.sin(x[i])
        total = total + last**2
    return total
