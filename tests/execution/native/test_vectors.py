"""The functions in vectorised loops against mpmath, in units in the last place; the libraries behind them."""

import ctypes

import mpmath
import numpy as np
import pytest
from mpmath import mp

from thalweg.execution.native import llvm, scalar, vectors
from thalweg.execution.native.module import Body, Module, memory_type
from thalweg.graph import FLOAT32, FLOAT64

FUNCTIONS = {
    "exp": mp.exp, "exp2": lambda x: mp.mpf(2) ** x, "expm1": mp.expm1, "log": mp.log, "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10, "log1p": mp.log1p, "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "arcsin": mp.asin,
    "arccos": mp.acos, "arctan": mp.atan, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "arcsinh": mp.asinh,
    "arccosh": mp.acosh, "arctanh": mp.atanh, "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "logistic": lambda x: 1 / (1 + mp.exp(-x)), "erf": mp.erf, "erfc": lambda x: mp.erfc(min(x, mp.mpf(100))),
    "power": mp.power, "arctan2": mp.atan2, "hypot": mp.hypot, "log_expit": lambda x: -mp.log1p(mp.exp(-x)),
}  # fmt: skip
TWO = {"power", "arctan2", "hypot"}
DOMAINS = {"log": (0, None), "log2": (0, None), "log10": (0, None), "log1p": (-1, None), "arcsin": (-1, 1),
           "arccos": (-1, 1), "arccosh": (1, None), "arctanh": (-1, 1), "power": (0, None)}  # fmt: skip


def write_loop(module, symbol, name, dtype, count, width):
    b = Body(module)
    t = memory_type(dtype)
    arrays = ", ".join(f"ptr noalias %a{k}" for k in range(count))
    group = module.attributes(f'nounwind "prefer-vector-width"="{width}"')
    b.line(f"define void @{symbol}(i64 %n, {arrays}, ptr noalias %result) {group} {{")
    b.line("start:\nbr label %loop\nloop:\n%i = phi i64 [0, %start], [%next, %loop]")
    values = [scalar.load(b, dtype, b.emit(f"getelementptr {t}, ptr %a{k}, i64 %i")) for k in range(count)]
    y = scalar.emit(b, name, (), (dtype,) * count, dtype, values)
    scalar.store(b, dtype, y, b.emit(f"getelementptr {t}, ptr %result, i64 %i"))
    b.line("%next = add nuw nsw i64 %i, 1\n%more = icmp ult i64 %next, %n")
    b.line("br i1 %more, label %loop, label %end\nend:\nret void\n}")
    module.define("\n".join(b.lines))


def text_of(width=512):
    module = Module()
    for name in FUNCTIONS:
        for dtype in (FLOAT64, FLOAT32):
            write_loop(module, f"{name}.{dtype.char}", name, dtype, 1 + (name in TWO), width)
    return module.text()


def calls(code):
    def call(name, *arrays):
        dtype = arrays[0].dtype
        result = np.empty_like(arrays[0])
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (len(arrays) + 1))
        function(code.address(f"{name}.{dtype.char}"))(
            result.size, *[a.ctypes.data for a in arrays], result.ctypes.data
        )
        return result

    return call


@pytest.fixture(scope="module", params=[512, 128])
def call(request):
    return calls(llvm.load(llvm.compile_ir(text_of(request.param), 3)))


def sweep(name, dtype, n=120):
    """Arguments of all sizes: ordinary, near 0 and ±1, over the range of eˣ, of any exponent, subnormal, huge."""
    rng = np.random.default_rng(list(name.encode()))
    info = np.finfo(dtype)
    reach = np.log(float(info.max))
    sign = rng.choice([-1.0, 1.0], n)
    parts = [
        rng.uniform(-10, 10, n), rng.uniform(-1, 1, n), sign * 10 ** rng.uniform(-12, 0, n),
        rng.uniform(-reach * 1.06, reach, n), 1 + sign * 10 ** rng.uniform(-7, 0, n),
        sign * 2 ** rng.uniform(info.minexp, -info.minexp, n), sign * rng.uniform(0, 1, n) * float(info.tiny),
        rng.uniform(-1e5, 1e5, n), sign * 10 ** rng.uniform(5, 18, n),
    ]  # fmt: skip
    x = np.concatenate(parts).astype(dtype)
    low, high = DOMAINS.get(name, (None, None))
    if low is not None and high is None:
        x = np.abs(x) + dtype.type(low) if low >= 0 else np.abs(x)
    elif low is not None:
        with np.errstate(over="ignore"):
            x = np.where(np.abs(x) > 1, 1 / x, x)
    return x


def error_in_ulp(got, exact, dtype):
    """|got − exact| in units in the last place of the exact result, and 0 where it is the rounded one."""
    info = np.finfo(dtype)
    smallest = mp.mpf(float(info.smallest_subnormal))
    if 0 < abs(exact) < smallest / 4:
        return float(abs(mp.mpf(float(got))) / smallest)
    if exact == 0 or abs(exact) > mp.mpf(float(info.max)) * (1 + mp.mpf(float(info.eps)) / 4):
        return 0.0 if got == float(mp.sign(exact) * mp.inf if exact else 0) else np.inf
    _, exponent = mp.frexp(exact)
    unit = mp.ldexp(1, max(int(exponent) - info.nmant - 1, info.minexp - info.nmant))
    return float(abs(mp.mpf(float(got)) - exact) / unit)


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_errors_stay_below_the_table(call, name, dtype):
    x = sweep(name, dtype)
    arrays = [x]
    if name in TWO:
        arrays.append(np.random.default_rng(5).uniform(-10, 10, x.size).astype(dtype))
    got = call(name, *arrays)
    with mpmath.workprec(200):
        exact = [FUNCTIONS[name](*[mp.mpf(float(v)) for v in point]) for point in zip(*arrays, strict=True)]
        errors = [error_in_ulp(g, e, dtype) for g, e in zip(got, exact, strict=True)]
    worst = int(np.argmax(errors))
    at = [a[worst] for a in arrays]
    bound = vectors.ULP[name][dtype == FLOAT32]
    assert errors[worst] <= bound <= 4, f"{name}{at} is off by {errors[worst]} ulp"


SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0]


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32])
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"logistic", "erf", "erfc", "log_expit"}))
def test_special_values_are_those_of_numpy(call, name, dtype):
    info = np.finfo(dtype)
    x = np.array([*SPECIAL, info.max, -info.max, info.tiny, info.smallest_subnormal] * 3, dtype)  # 33: a rest as well
    arrays = [x]
    if name in TWO:
        arrays = [a.ravel().copy() for a in np.meshgrid(x[:11], np.append(x[:11], dtype.type(2.5)), indexing="ij")]
    with np.errstate(all="ignore"):
        want = getattr(np, name)(*arrays)
    got = call(name, *arrays)
    np.testing.assert_allclose(got, want, rtol=4 * float(info.eps), atol=4 * float(info.smallest_subnormal))
    np.testing.assert_array_equal(np.signbit(got)[want == 0], np.signbit(want)[want == 0])


def test_exact_cases():
    call = calls(llvm.load(llvm.compile_ir(text_of(), 3)))
    k = np.arange(-1074.0, 1024.0)
    powers = np.ldexp(1.0, k.astype(int))
    assert np.array_equal(call("exp2", k), powers)
    assert np.array_equal(call("log2", powers), k)
    tens = np.arange(-307.0, 309.0)
    assert np.array_equal(call("log10", np.array([float(f"1e{int(n)}") for n in tens])), tens)


# --- libraries --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hidden(monkeypatch):
    """A machine without libmvec."""
    monkeypatch.setattr(vectors, "library", lambda: None)
    vectors.variants.cache_clear()
    yield
    vectors.variants.cache_clear()


def test_without_the_vector_library_the_same_code_calls_one_function_an_element(hidden):
    text = text_of()
    assert "_ZGV" not in text
    call = calls(llvm.load(llvm.compile_ir(text, 3)))
    x = np.random.default_rng(0).uniform(0.1, 0.9, 37)
    for name in set(FUNCTIONS) - {"logistic", "erf", "erfc", "log_expit", "arccosh"}:
        arrays = [x, x[::-1].copy()][: 1 + (name in TWO)]
        np.testing.assert_allclose(call(name, *arrays), getattr(np, name)(*arrays), rtol=4 * 2**-52)


def test_only_vector_functions_that_exist_are_named():
    known = vectors.variants("atan", "double")
    assert all(hasattr(vectors.library(), symbol) for symbol, _ in known)
    assert all(symbol.endswith("v_atan") and f"N{lanes}" in symbol for symbol, lanes in known)
    assert vectors.variants("no_such_function", "double") == ()
    assert vectors.variants("erf", "double") == () or vectors.variants("erff", "float")


@pytest.mark.parametrize("has, letters", [(["+avx2", "+avx512f"], "bde"), (["+avx2"], "bd"), ([], "b")])
def test_only_vector_functions_whose_registers_the_cpu_has_are_named(monkeypatch, has, letters):
    """A loop that also works on narrower numbers would call those of wider registers: an illegal instruction."""
    monkeypatch.setattr(llvm, "features", lambda: frozenset(has))
    vectors.variants.cache_clear()
    found = {symbol[len("_ZGV")] for symbol, _ in vectors.variants("atan", "double")} - {"n"}
    vectors.variants.cache_clear()
    assert found <= set(letters)


def test_a_missing_library_is_none(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no such file")

    vectors.library.cache_clear()
    monkeypatch.setattr(vectors.ctypes, "CDLL", refuse)
    assert vectors.library() is None
    monkeypatch.undo()
    vectors.library.cache_clear()


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_other_systems_have_none(monkeypatch, system):
    vectors.library.cache_clear()
    monkeypatch.setattr(vectors.platform, "system", lambda: system)
    assert vectors.library() is None
    monkeypatch.undo()
    vectors.library.cache_clear()
