"""Every elementwise op as native code, in straight lines and in vectorised loops, against NumPy and SciPy."""

import ctypes

import numpy as np
import pytest
from scipy import special

from thalweg.execution.native import arithmetic, llvm, scalar
from thalweg.execution.native.module import Body, Module, memory_type
from thalweg.execution.native.special import FORMULAS
from thalweg.graph import BOOL, DTYPES, FLOAT32, FLOAT64, INT64, OPS, input_node

np.seterr(all="ignore")


# --- the programs under test ------------------------------------------------------------------------------------------


def write_loop(module, symbol, name, params, dtypes, out, vector):
    """``void symbol(i64 n, ptr a, …, ptr result)``: the op on every element."""
    b = Body(module)
    arrays = ", ".join(f"ptr noalias %a{k}" for k in range(len(dtypes)))
    group = module.attributes('nounwind "prefer-vector-width"="512"')
    b.line(f"define void @{symbol}(i64 %n, {arrays}, ptr noalias %result) {group} {{")
    b.line("start:\nbr label %loop")
    b.label("loop")
    b.line("%i = phi i64 [0, %start], [%next, %loop]")
    values = []
    for k, dtype in enumerate(dtypes):
        pointer = b.emit(f"getelementptr {memory_type(dtype)}, ptr %a{k}, i64 %i")
        values.append(scalar.load(b, dtype, pointer))
    y = scalar.emit(b, name, params, dtypes, out, values, vector=vector)
    scalar.store(b, out, y, b.emit(f"getelementptr {memory_type(out)}, ptr %result, i64 %i"))
    b.line("%next = add nuw nsw i64 %i, 1\n%more = icmp ult i64 %next, %n")
    b.line("br i1 %more, label %loop, label %end\nend:\nret void\n}")
    module.define("\n".join(b.lines))


def compiled(cases, vector, level):
    module = Module()
    for k, (name, params, dtypes, out) in enumerate(cases):
        write_loop(module, f"case{k}", name, params, dtypes, out, vector)
    code = llvm.load(llvm.compile_ir(module.text(), level))

    def run(case, *arrays):
        address = code.address(f"case{cases.index(case)}")
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (len(arrays) + 1))(address)
        arrays = [np.ascontiguousarray(a) for a in arrays]
        result = np.empty(arrays[0].shape, case[3])
        function(result.size, *[a.ctypes.data for a in arrays], result.ctypes.data)
        return result

    return run


# --- what NumPy and SciPy say -----------------------------------------------------------------------------------------


def as_float(x):
    return x.astype(np.result_type(x, np.float32))


def logistic(x):
    return np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x)))


def share(a, b):
    y = np.where(a > b, 1.0, np.where(a == b, 0.5, 0.0))
    return np.where(np.isnan(a) | np.isnan(b), np.nan, y)


def chain_product(a, b):
    y = a * b
    return np.where(np.isnan(y) & ((a == 0) | (b == 0)), 0, y).astype(y.dtype)


MEANINGS = {
    "where": np.where,
    "log_slope": lambda x: np.where(x < 0, np.nan, 1 / x),
    "logistic": logistic,
    "one_minus_square": lambda x: (1 - as_float(x)) * (1 + as_float(x)),
    "share": share,
    "chain_product": chain_product,
    "exponent": lambda x: np.frexp(x)[1],
    "polygamma": special.digamma,
}
PARAMS = {"sinc": (0,), "polygamma": (0,), "exprel": (0,)}
EXACT = {
    "where", "chain_product", "add", "subtract", "multiply", "divide", "negative", "square", "reciprocal",
    "floor_divide", "remainder", "fmod", "ldexp", "log_slope", "sqrt", "one_minus_square", "deg2rad", "rad2deg",
    "share", "absolute", "sign", "copysign", "floor", "ceil", "trunc", "rint", "heaviside", "maximum", "minimum",
    "fmax", "fmin",
}  # fmt: skip
ULP = 4  # for the others
LOOSE = {"sinc": 8, "erfc": 64, "ndtr": 64}  # what NumPy and SciPy themselves are off by
NO_SIGN_OF_ZERO = {"maximum", "minimum", "fmax", "fmin"}  # NumPy itself takes either zero


def wide(a):
    """More digits than the result will have."""
    return a.astype(np.float64 if a.dtype == np.float32 else np.longdouble)


def expected(name, arrays, out):
    f = MEANINGS.get(name) or getattr(np, name, None) or getattr(special, name)
    if name not in EXACT and out.kind == "f":
        arrays = [a if a.dtype.kind == "f" else a.astype(np.float64) for a in arrays]
        if (hasattr(np, name) and name not in ("sinc", "power")) or name == "logistic":
            arrays = [wide(a) for a in arrays]
        elif not hasattr(np, name):  # SciPy's single precision is less than ours
            arrays = [a.astype(np.float64) for a in arrays]
    y = f(*arrays)
    if y.dtype == np.float16:  # booleans
        y = f(*[a.astype(np.float64) for a in arrays])
    return y


def assert_equal(name, got, want, arrays):
    want_rounded = want.astype(got.dtype)
    same = (got == want_rounded) | ((got != got) & (want_rounded != want_rounded))
    if got.dtype.kind == "f":
        if name not in NO_SIGN_OF_ZERO:
            same &= (got != 0) | (np.signbit(got) == np.signbit(want_rounded))
        if name not in EXACT:
            unit = np.spacing(np.abs(want_rounded))
            same |= np.abs(got.astype(want.dtype) - want) <= LOOSE.get(name, ULP) * unit
    wrong = np.flatnonzero(~same)[:5]
    assert wrong.size == 0, (
        f"{name}: {[tuple(a[wrong].tolist()) for a in arrays]} → {got[wrong]}, not {want_rounded[wrong]}"
    )


# --- all of them ------------------------------------------------------------------------------------------------------

MIXED = {
    1: [],
    2: [(FLOAT64, INT64), (BOOL, FLOAT64), (FLOAT32, INT64), (FLOAT32, FLOAT64), (INT64, BOOL), (BOOL, FLOAT32)],
    3: [(BOOL, FLOAT64, FLOAT64), (BOOL, FLOAT32, INT64), (BOOL, INT64, BOOL), (FLOAT64, BOOL, FLOAT32)],
}
IN_NUMPY = {"zeta"}  # left to NumPy and SciPy for all dtypes


def cases():
    assert OPS["erf"].elementwise  # and loads all special functions
    for op in OPS.values():
        if not op.elementwise or op.name == "cast":
            continue
        n = 3 if op.name == "where" else len(op.partials or op.chains)
        params = PARAMS.get(op.name, ())
        mixed = MIXED[n] if op.evaluate in vars(np).values() or n == 3 else []
        for dtypes in [(d,) * n for d in DTYPES] + mixed:
            try:
                _, out = op.infer(*[input_node((), d) for d in dtypes], *params)
            except TypeError:
                continue
            if op.name == "ldexp" and dtypes[1] == BOOL:  # NumPy refuses
                continue
            if scalar.supports(op.name, params, dtypes, out):
                yield op.name, params, dtypes, out


CASES = list(cases())
RNG = np.random.default_rng(7)
SAMPLES = {
    "d": np.concatenate([
        [0, -0.0, 1, -1, 2, 0.5, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1e300, -1e300, 3.7, -2.5, 1e18, -3, 7],
        RNG.normal(size=12) * 10, RNG.uniform(0, 1, 6)]),
    "l": np.array([0, 1, -1, 2, -2, 63, 64, -64, 65, 2**63 - 1, -(2**63), 7, -7, 3, -3, 100]),
    "?": np.array([False, True] * 4),
}  # fmt: skip
SAMPLES["f"] = np.where(SAMPLES["d"] == 5e-324, 1e-45, SAMPLES["d"]).astype(np.float32)


def grid(dtypes, few=18):
    samples = [SAMPLES[d.char][: few if len(dtypes) > 2 else None] for d in dtypes]
    return [a.ravel().copy() for a in np.meshgrid(*samples, indexing="ij")]


OF_SCIPY = {c[0] for c in CASES if hasattr(special, c[0]) and c[0] not in FORMULAS and not hasattr(np, c[0])}
IN_LOOPS = [
    c
    for c in CASES
    if (len(set(c[2])) == 1 and c[0] not in OF_SCIPY and (c[0] in arithmetic.FLOAT or c[2][0].kind == "f"))
    or c[0] == "where"
]
NAMED = {"ids": lambda c: f"{c[0]}-{''.join(d.char for d in c[2])}"}


@pytest.fixture(scope="module")
def straight():
    return compiled(CASES, vector=False, level=1)


@pytest.fixture(scope="module")
def loops():
    return compiled(IN_LOOPS, vector=True, level=3)


@pytest.mark.parametrize("case", CASES, **NAMED)
def test_in_straight_lines(straight, case):
    name, _, dtypes, out = case
    arrays = grid(dtypes)
    assert_equal(name, straight(case, *arrays), expected(name, arrays, out), arrays)


@pytest.mark.parametrize("case", IN_LOOPS, **NAMED)
def test_in_loops(loops, case):
    name, _, dtypes, out = case
    arrays = grid(dtypes)
    assert_equal(name, loops(case, *arrays), expected(name, arrays, out), arrays)


def test_every_op_is_native_but_a_known_few():
    native = {c[0] for c in CASES} | {"cast"}
    assert {op.name for op in OPS.values() if op.elementwise} - native == IN_NUMPY


# --- casts and constants ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", DTYPES)
@pytest.mark.parametrize("vector", [False, True])
def test_casts(given, vector):
    cases = [("cast", (d,), (given,), d) for d in DTYPES]
    run = compiled(cases, vector, 3 if vector else 1)
    values = SAMPLES[given.char]
    if given.kind == "f":
        values = np.concatenate([values, np.array([2.0**63, -(2.0**63), 2.0**62, -(2.0**63) * 1.001], given)])
    for case in cases:
        want = values.astype(case[3])
        np.testing.assert_array_equal(run(case, values), want)
        assert run(case, values).tobytes() == want.tobytes() or case[3].kind == "f"


def constant_function(value, dtype):
    """A function without arguments that writes a constant."""
    module = Module()
    b = Body(module)
    b.line("define void @f(ptr %result) {")
    scalar.store(b, dtype, scalar.literal(value, dtype), "%result")
    b.line("ret void\n}")
    module.define("\n".join(b.lines))
    code = llvm.load(llvm.compile_ir(module.text(), 0))
    result = np.empty((), dtype)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("f"))(result.ctypes.data)
    return result


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(0.1, FLOAT64), (-0.0, FLOAT64), (np.inf, FLOAT64), (-np.inf, FLOAT32), (5e-324, FLOAT64), (1e-45, FLOAT32),
     (np.float32(0.1), FLOAT32), (0.1, FLOAT32), (1.7976931348623157e308, FLOAT64), (-(2**63), INT64), (7, INT64),
     (True, BOOL), (np.False_, BOOL), (np.int64(2**62 + 1), INT64)],
)  # fmt: skip
def test_literals_are_exact(value, dtype):
    assert constant_function(value, dtype).tobytes() == np.array(value, dtype).tobytes()


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32])
def test_a_literal_nan_is_nan(dtype):
    assert np.isnan(constant_function(np.nan, dtype))


# --- constant powers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32])
@pytest.mark.parametrize("exponent", [0, 1, -1, 2, -2, 3, -3, 4, -4, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.5])
def test_powers_with_a_constant_exponent(exponent, dtype):
    module = Module()
    b = Body(module)
    b.line("define void @f(ptr %x, ptr %result) {")
    values = [scalar.load(b, dtype, "%x"), scalar.literal(exponent, dtype)]
    y = scalar.emit(b, "power", (), (dtype, dtype), dtype, values)
    scalar.store(b, dtype, y, "%result")
    b.line("ret void\n}")
    module.define("\n".join(b.lines))
    assert "@pow" not in module.text()
    code = llvm.load(llvm.compile_ir(module.text(), 1))
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(code.address("f"))
    x = np.concatenate([SAMPLES[dtype.char], np.float64([1e-103, 1e103, 3e-154, 1e154, 1e-300]).astype(dtype)])
    got = np.empty_like(x)
    for k in range(x.size):
        function(x[k : k + 1].ctypes.data, got[k : k + 1].ctypes.data)
    exact = np.power(x.astype(np.longdouble), exponent)
    assert_equal("power", got, exact, [x])


@pytest.mark.parametrize("exponent", [-3.5, 0.3, 5, np.inf, np.nan])
def test_other_constant_exponents_go_to_the_library(exponent):
    b = Body(Module())
    scalar.emit(b, "power", (), (FLOAT64, FLOAT64), FLOAT64, ["%x", scalar.literal(exponent, FLOAT64)])
    assert "@pow" in b.lines[-1]


# --- what is not covered ----------------------------------------------------------------------------------------------


def test_whole_powers_are_left_to_numpy_which_refuses_negative_exponents():
    assert not scalar.supports("power", (), (INT64, INT64), INT64)
    with pytest.raises(NotImplementedError, match="no native code for power of int64, int64"):
        scalar.emit(Body(Module()), "power", (), (INT64, INT64), INT64, ["1", "2"])


@pytest.mark.parametrize("name", ["sort", "matmul", "no_such_op"])
def test_ops_of_other_families_are_not_supported(name):
    assert not scalar.supports(name, (), (FLOAT64,), FLOAT64)


@pytest.mark.parametrize("name", ["sinc", "polygamma", "exprel"])
def test_derivatives_of_families_are_left_to_numpy(name):
    assert scalar.supports(name, (0,), (FLOAT64,), FLOAT64)
    assert not scalar.supports(name, (1,), (FLOAT64,), FLOAT64)


def test_costs_are_ordered():
    assert scalar.cost("add") == 1 < scalar.cost("divide") < scalar.cost("exp") < scalar.cost("power")
    assert all(scalar.cost(op.name) >= 1 for op in OPS.values() if op.elementwise)
