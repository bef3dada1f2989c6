import copy
import doctest
import importlib
import inspect
import math
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from textwrap import dedent

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.lib.mixins import NDArrayOperatorsMixin

from thalweg.errors import FormulaError
from thalweg.formula import Formula, formula
from thalweg.formula.functions import CONSTANTS, FUNCTIONS
from thalweg.formula.tokens import MAX_DEPTH, MAX_LENGTH

X, Y, Z = 1.7, -2.3, 0.6


def message(text, variables=None):
    with pytest.raises(FormulaError) as caught:
        formula(text, variables)
    return str(caught.value)


# --- what binds how ---------------------------------------------------------------------------------------------------

PRECEDENCE = {
    "x + y*z": X + Y * Z,
    "x*y + z": X * Y + Z,
    "x - y - z": X - Y - Z,
    "x - (y - z)": X - (Y - Z),
    "x/y/z": X / Y / Z,
    "x/y*z": X / Y * Z,
    "x*y/z": X * Y / Z,
    "x/(y*z)": X / (Y * Z),
    "-x^2": -(X**2),
    "(-x)^2": (-X) ** 2,
    "-x**2": -(X**2),
    "x^-2": X**-2,
    "2^-1": 0.5,
    "2^3^2": 512.0,
    "(2^3)^2": 64.0,
    "2^-x^2": 2 ** -(X**2),
    "x*-y": X * -Y,
    "x - -y": X - -Y,
    "x--y": X + Y,
    "x+-y": X - Y,
    "--x": X,
    "+x": X,
    "+-+x": -X,
    "2x": 2 * X,
    "2x y": 2 * X * Y,
    "x y z": X * Y * Z,
    "2(x+1)": 2 * (X + 1),
    "(x+1)(x-1)": (X + 1) * (X - 1),
    "(x)y": X * Y,
    "2sin(x)": 2 * math.sin(X),
    "sin(x)cos(y)": math.sin(X) * math.cos(Y),
    "sin(x)^2": math.sin(X) ** 2,
    "x sin(y)": X * math.sin(Y),
    "1/2x": X / 2,
    "1/2(x)": X / 2,
    "x/2y": X / 2 * Y,
    "2x^2": 2 * X**2,
    "2^2x": 4 * X,
    "2^-1x": X / 2,
    "e^2x": math.e**2 * X,
    "x^2y": X**2 * Y,
    "-2x": -2 * X,
    "x -2": X - 2,
    "2e": 2 * math.e,
    "2e3": 2000.0,
    "2e-3x": 0.002 * X,
    "2exp(x)": 2 * math.exp(X),
    "2e x": 2 * math.e * X,
    "√x^2": math.sqrt(X**2),
    "√2x": math.sqrt(2) * X,
    "x√2": X * math.sqrt(2),
    "2^√x": 2 ** math.sqrt(X),
    "-√x": -math.sqrt(X),
    "√√x": X**0.25,
    "√(x+1)y": math.sqrt(X + 1) * Y,
    "|x-y|": abs(X - Y),
    "2|y|": 2 * abs(Y),
    "|y|x": abs(Y) * X,
    "|y||x|": abs(Y) * abs(X),
    "||y| - x|": abs(abs(Y) - X),
    "|x - |y||": abs(X - abs(Y)),
    "|y|x|z|": abs(Y) * X * abs(Z),
    "|(|y|)|": abs(Y),
    "|y|^2": Y**2,
    "-|y|": -abs(Y),
    "|-y|": abs(Y),
    "|y| |x| / |z|": abs(Y) * abs(X) / abs(Z),
}


@pytest.mark.parametrize("text", PRECEDENCE)
def test_precedence(text):
    f = formula(text, ["x", "y", "z"])
    assert f(X, Y, Z) == pytest.approx(PRECEDENCE[text], rel=1e-14)
    assert formula(f"({text})", ["x", "y", "z"]) == f
    assert formula(text.replace("x", "ｘ").replace("(", "（").replace("2", "２"), ["x", "y", "z"]) == f


ARITHMETIC = st.recursive(
    st.sampled_from(["x", "y", "z", "2", "0.5", "3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", "/", " * "]), inner).map("".join),
        inner.map("-{}".format),
        inner.map("({})".format),
        st.tuples(st.sampled_from(["x", "(1 + y)", "2"]), st.sampled_from(["**2", "**-1", "**3"])).map("".join),
    ),
    max_leaves=25,
)


@given(ARITHMETIC)
@settings(max_examples=300, deadline=None)
def test_arithmetic_is_pythons(text):
    """Whatever Python and the grammar both read, they read alike."""
    names = {name: np.float64(value) for name, value in zip("xyz", (X, Y, Z), strict=True)}
    with np.errstate(all="ignore"):
        try:
            truth = float(eval(text, {}, names))
        except ZeroDivisionError:
            return
        value = float(formula(text, "x y z")(X, Y, Z))
    assert value == pytest.approx(truth, rel=1e-12, abs=1e-300, nan_ok=True)


NUMBERS = {
    "1": 1.0,
    "1.5": 1.5,
    "1.": 1.0,
    ".5": 0.5,
    "1e-3": 1e-3,
    "1E+3": 1e3,
    "1_000": 1e3,
    "1_000.5": 1000.5,
    "12345678901234567890": 12345678901234567890.0,
    "1e-999": 0.0,
    "π": math.pi,
    "pi": math.pi,
    "2π": 2 * math.pi,
    "ℯ": math.e,
    "tau": math.tau,
    "τ": math.tau,
    "inf": math.inf,
    "-∞": -math.inf,
    "1/0": math.inf,
    "9^9^9^9": math.inf,
    "(-8)^(1/3)": math.nan,
    "π(1 + 1)": 2 * math.pi,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_constants(text):
    f = formula(text)
    assert f.variables == ()
    assert isinstance(f(), np.float64)
    np.testing.assert_equal(f(), NUMBERS[text])


# --- functions --------------------------------------------------------------------------------------------------------

V = np.array([0.3, -1.2, 2.5])
W = np.array([1.5, 0.4, -0.7])

# name: (meaning, arguments); every name of the table must be here
MEANINGS = {
    "sin": (np.sin, [V]),
    "cos": (np.cos, [V]),
    "tan": (np.tan, [V]),
    "sec": (lambda x: 1 / np.cos(x), [V]),
    "csc": (lambda x: 1 / np.sin(x), [V]),
    "cot": (lambda x: 1 / np.tan(x), [V]),
    "arcsin asin": (np.arcsin, [V / 3]),
    "arccos acos": (np.arccos, [V / 3]),
    "arctan atan": (np.arctan, [V]),
    "arctan2 atan2": (np.arctan2, [V, W]),
    "hypot": (np.hypot, [V, W]),
    "degrees": (np.degrees, [V]),
    "radians": (np.radians, [V]),
    "sinh": (np.sinh, [V]),
    "cosh": (np.cosh, [V]),
    "tanh": (np.tanh, [V]),
    "arcsinh asinh arsinh": (np.arcsinh, [V]),
    "arccosh acosh arcosh": (np.arccosh, [1 + V**2]),
    "arctanh atanh artanh": (np.arctanh, [V / 3]),
    "exp": (np.exp, [V]),
    "exp2": (np.exp2, [V]),
    "expm1": (np.expm1, [V]),
    "log ln": (np.log, [V**2]),
    "log2": (np.log2, [V**2]),
    "log10": (np.log10, [V**2]),
    "log1p": (np.log1p, [V**2]),
    "sqrt": (np.sqrt, [V**2]),
    "cbrt": (np.cbrt, [V]),
    "pow": (np.power, [V**2, W]),
    "abs": (np.abs, [V]),
    "sign sgn": (np.sign, [V]),
    "floor": (np.floor, [V]),
    "ceil ceiling": (np.ceil, [V]),
    "round": (np.round, [V]),
    "trunc": (np.trunc, [V]),
    "mod": (np.mod, [V, W]),
    "maximum": (np.maximum, [V, W]),
    "minimum": (np.minimum, [V, W]),
    "clip": (np.clip, [V, -1.0, 1.0]),
    "sigmoid expit": (scipy.special.expit, [V]),
    "logit": (scipy.special.logit, [V**2 / 10]),
    "softplus": (lambda x: np.log1p(np.exp(x)), [V]),
    "relu": (lambda x: x * (x > 0), [V]),
    "erf": (scipy.special.erf, [V]),
    "erfc": (scipy.special.erfc, [V]),
    "erfinv": (scipy.special.erfinv, [V / 3]),
    "gamma": (scipy.special.gamma, [V]),
    "lgamma gammaln": (scipy.special.gammaln, [V]),
    "digamma": (scipy.special.digamma, [V]),
    "sum": (np.sum, [V]),
    "prod": (np.prod, [V]),
    "mean": (np.mean, [V]),
    "var": (np.var, [V]),
    "std": (np.std, [V]),
    "norm": (np.linalg.norm, [V]),
    "dot": (np.dot, [V, W]),
    "max": (np.max, [V]),
    "min": (np.min, [V]),
}
BY_NAME = {name: meaning for names, meaning in MEANINGS.items() for name in names.split()}


def test_every_name_of_the_table_has_a_meaning_here():
    assert set(FUNCTIONS) == {*BY_NAME, "where"}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "where"])
def test_function_of_the_table(name):
    meaning, arguments = BY_NAME[name]
    names = [f"x{i}" for i in range(len(arguments))]
    f = formula(f"{name}({', '.join(names)})", names)
    np.testing.assert_allclose(f(*arguments), meaning(*arguments), rtol=1e-14)
    numbers = [np.ravel(a)[0] for a in arguments]
    literal = formula(f"{name}({', '.join(map(repr, map(float, numbers)))})")  # folded when it is read
    np.testing.assert_allclose(literal(), meaning(*numbers), rtol=1e-14)
    assert isinstance(literal(), np.float64)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_aliases_read_the_same_and_wrong_counts_are_refused(name):
    function = FUNCTIONS[name]
    arguments = ["x > 0", "y", "z"] if name == "where" else ["x", "y", "z"][: function.least]
    f = formula(f"{name}({', '.join(arguments)})")
    assert f == formula(f"{function.name}({', '.join(arguments)})")
    assert f.latex().count("{") == f.latex().count("}")
    assert f"{name} {function.takes()}, not 0, at column 1" in message(f"{name}()")
    if function.most is not None:
        assert f"{name} {function.takes()}, not 9, at column 5" in message(f"1 + {name}({', '.join('x' * 9)})")


def test_how_many_arguments_in_words():
    assert FUNCTIONS["sin"].takes() == "takes 1 argument"
    assert FUNCTIONS["hypot"].takes() == "takes 2 arguments"
    assert FUNCTIONS["log"].takes() == "takes 1 or 2 arguments"
    assert FUNCTIONS["max"].takes() == "takes 1 argument or more"


def test_functions_of_several_arguments():
    f = formula("max(x, y, z) - min(x, y, z)")
    assert f(X, Y, Z) == X - Y
    np.testing.assert_array_equal(formula("max(x, 0)")(V), np.maximum(V, 0))
    assert formula("maximum(1, 2, 3)")() == 3
    assert formula("log(x, 2)")(8.0) == pytest.approx(3)


def test_where_and_ranges():
    x = np.array([-2.0, 0.0, 0.5, 3.0])
    np.testing.assert_array_equal(formula("where(x > 0, x^2, -x)")(x), np.where(x > 0, x**2, -x))
    np.testing.assert_array_equal(formula("where((0 <= x < 1), 1, 2)")(x), [2, 1, 1, 2])
    np.testing.assert_array_equal(formula("where(x ≠ 0, 1, 0)")(x), [1, 0, 1, 1])
    assert formula("where(1 < 2, 3, 4)")() == 3
    np.testing.assert_array_equal(formula("where(1 < 2, x, 4)")(x), x)


def test_extreme_arguments_do_not_overflow():
    assert formula("softplus(x)")(1000.0) == 1000
    assert formula("sigmoid(-x)")(1000.0) == 0
    assert formula("hypot(x, x)")(1e200) == pytest.approx(math.sqrt(2) * 1e200)


def test_small_arguments_keep_their_digits():
    assert formula("expm1(x)")(1e-12) == math.expm1(1e-12)
    assert formula("log1p(x)")(1e-12) == math.log1p(1e-12)
    assert formula("erfc(x)")(10.0) == pytest.approx(math.erfc(10), rel=1e-12)


# --- unicode ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("x² + y³", "x^2 + y^3"),
        ("x⁴⁵⁶⁷⁸⁹⁰¹", "x^45678901"),
        ("x⁻¹", "x^-1"),
        ("x⁺²", "x^2"),
        ("(x+1)²y", "(x+1)^2*y"),
        ("2^x²", "2^(x^2)"),
        ("x·y × z ÷ 2", "x*y*z/2"),
        ("x⋅y − z – 1", "x*y - z - 1"),
        ("√x + ∛y", "sqrt(x) + cbrt(y)"),
        ("x ≤ y", "x <= y"),
        ("x ≥ y", "x >= y"),
        ("x ≠ y", "x != y"),
        ("x == y", "x = y"),
        ("πr²", "pi*r^2"),
        ("2πr", "2*pi*r"),
        ("rπ", "r*pi"),
        ("∞", "inf"),
        ("１．５ｘ＋［１，２］［０］", "1.5x + [1,2][0]"),
        ("ｓｉｎ（ｘ）　／　｜ｙ｜", "sin(x) / |y|"),
        ("x₁ + x₂", "x1 + x2"),
        ("ϕ", "φ"),
    ],
)
def test_unicode_reads_like(text, plain):
    assert formula(text) == formula(plain)


def test_names():
    assert set(formula("λθ + λ*θ + 速度 + x_1 + xy + π₁").variables) == {"λθ", "λ", "θ", "速度", "x_1", "xy", "π1"}
    assert formula("x10 + x9 + x1 + b + a").variables == ("a", "b", "x1", "x9", "x10")
    assert formula("b x a")(b=2, x=3, a=5) == 30
    assert formula("self + args + kwargs")(self=1, args=2, kwargs=3) == 6


def test_constants_are_variables_when_listed():
    assert formula("e*x", ["x", "e"])(3.0, 2.0) == 6
    assert formula("pi + π", ["pi"])(1.0) == 1 + math.pi
    assert formula("2π", "π")(4.0) == 8
    assert "'τ' is not a function" in message("τ(x)", "τ x")


# --- vectors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("x[0]", V[0]),
        ("x[-1]", V[-1]),
        ("x[1:]", V[1:]),
        ("x[:-1]", V[:-1]),
        ("x[:]", V),
        ("x[::2]", V[::2]),
        ("x[::-1]", V[::-1]),
        ("x[0:2]", V[0:2]),
        ("x[0:3:2]", V[0:3:2]),
        ("x[1:][0]", V[1]),
        ("2x[1]^2", 2 * V[1] ** 2),
        ("(x + 1)[0]", V[0] + 1),
        ("exp(x)[1]", np.exp(V[1])),
        ("[1, 2, x[0]]", np.array([1, 2, V[0]])),
        ("[[1, 2], [3, 4]][1, 0]", 3.0),
        ("[[1, 2], [3, 4]][:, 1]", np.array([2.0, 4.0])),
        ("2[1, 2, 3]", np.array([2.0, 4.0, 6.0])),
        ("[x[0]]", V[:1]),
        ("dot(x, [1, 0, 2])", V[0] + 2 * V[2]),
        ("sum(x^2)", np.sum(V**2)),
        ("norm(x - [1, 1, 1])", np.linalg.norm(V - 1)),
        ("sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)", scipy.optimize.rosen(V)),
        ("|x|", np.abs(V)),
        ("max([x[0], 7])", 7.0),
    ],
)
def test_vectors(text, truth):
    value = formula(text, ["x"])(V)
    np.testing.assert_allclose(value, truth, rtol=1e-14)
    assert np.shape(value) == np.shape(truth)


def test_matrix_times_vector():
    A = np.arange(9.0).reshape(3, 3)
    np.testing.assert_allclose(formula("dot(A, x)")(A, V), A @ V)


# --- comparisons ------------------------------------------------------------------------------------------------------


def test_comparison_and_its_parts():
    f = formula("x + y ≤ 2y^2")
    assert f.is_comparison
    assert f.relations == ("<=",)
    left, right = f.parts
    assert (left.text, right.text) == ("x + y", "2y^2")
    assert left.variables == right.variables == ("x", "y")
    assert left == formula("x + y") and right == formula("2y^2", ["x", "y"])
    assert left(1.0, 3.0) == 4 and right(1.0, 3.0) == 18
    assert f(1.0, 3.0) is np.True_
    assert f(1.0, 0.1) is np.False_


def test_range_and_its_parts():
    f = formula(" ( 0 <= (x - 1) < 5 ) ")
    assert f.relations == ("<=", "<")
    assert [part.text for part in f.parts] == ["0", "(x - 1)", "5"]
    assert [part(3.0) for part in f.parts] == [0, 2, 5]
    np.testing.assert_array_equal(f(np.array([0.0, 1.0, 5.9, 6.0])), [False, True, True, False])


@pytest.mark.parametrize("sign", ["=", "==", "!=", "<", "<=", ">", ">=", "≤", "≥", "≠"])
def test_every_relation(sign):
    meaning = {"=": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
    f = formula(f"x {sign} 1")
    grid = np.array([0.0, 1.0, 2.0])
    np.testing.assert_array_equal(f(grid), getattr(np, meaning[f.relations[0]])(grid, 1))


def test_no_comparison_is_its_own_part():
    f = formula("x + where(x > 0, 1, 2)")
    assert not f.is_comparison
    assert f.relations == ()
    assert f.parts == (f,)


# --- the function object ----------------------------------------------------------------------------------------------


def test_calling():
    f = formula("x - 2y")
    assert f(5, 1) == f(5, y=1) == f(x=5, y=1) == f(y=1, x=5) == 3
    assert isinstance(f(5, 1), np.float64)


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((1,), {}, "the formula is a function of x, y: y is missing"),
        ((), {}, "the formula is a function of x, y: x, y are missing"),
        ((1, 2, 3), {}, "the formula is a function of x, y: 3 values were given"),
        ((1, 2), {"z": 3}, "the formula is a function of x, y: there is no 'z'"),
        ((1,), {"x": 3}, "the formula is a function of x, y: 'x' was given twice"),
        ((1, "2"), {}, "a formula computes with numbers and arrays, not with str"),
        ((1, None), {}, "a formula computes with numbers and arrays, not with NoneType"),
    ],
)
def test_wrong_calls(args, kwargs, words):
    with pytest.raises(TypeError) as caught:
        formula("x + y")(*args, **kwargs)
    assert str(caught.value) == words


def test_values_are_computed_in_float64():
    f = formula("x^-1")
    np.testing.assert_array_equal(f(np.array([1, 2, 4])), [1, 0.5, 0.25])
    np.testing.assert_array_equal(f([1, 2, 4]), [1, 0.5, 0.25])
    assert f(Fraction(1, 2)) == 2
    assert f(2) == 0.5 and f(True) == 1 and f(np.int8(4)) == 0.25
    with np.errstate(divide="ignore", invalid="ignore"):
        assert formula("1/x")(0) == np.inf
        assert formula("1/x")(0.0) == np.inf
        assert math.isnan(formula("x^(1/3)")(-8))  # never a complex number
    assert formula("x^100")(10) == 1e100  # no integers that overflow
    assert formula("2x + 1")(np.float32(3)).dtype == np.float32  # literals do not widen


def test_integer_exponents_are_integers():
    class Base:
        def __pow__(self, exponent):
            return exponent

    for text in ["x^2", "x**2", "x²", "x^2.0", "x^(1+1)", "pow(x, 2)"]:
        exponent = formula(text)(Base())
        assert exponent == 2 and type(exponent) is int
    assert formula("x^0.5")(Base()) == 0.5
    assert formula("x^-2")(Base()) == -2
    assert isinstance(formula("x^1e300")(Base()), float)


def test_variables_fix_the_order():
    f = formula("x - y", ["y", "x"])
    assert f.variables == ("y", "x")
    assert f(1, 3) == 2
    assert formula("x - y", "y x") == formula("x - y", "y, x") == f
    assert formula("x", ("x", "unused"))(3, 4) == 3
    assert formula("1", [])() == 1


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (["x", "x"], "the variable 'x' is listed twice"),
        (["x", "ｘ"], "the variable 'x' is listed twice"),
        (["x", "gamma"], "'gamma' cannot be the name of a variable: it is a function"),
        (["x", "lambda"], "'lambda' cannot be the name of a variable: it is a word of Python"),
        (["x", "2y"], "'2y' cannot be the name of a variable: write letters, digits and '_'"),
        (["x", "_y"], "'_y' cannot be the name of a variable: write letters, digits and '_'"),
        (["x", "a b"], "'a b' cannot be the name of a variable: write letters, digits and '_'"),
        (["x", ""], "'' cannot be the name of a variable: write letters, digits and '_'"),
    ],
)
def test_variables_that_cannot_be(variables, words):
    assert message("x", variables) == words


def test_wrong_types():
    with pytest.raises(TypeError, match="a formula is a text, not int"):
        formula(3)
    with pytest.raises(TypeError, match="the name of a variable is a text, not int"):
        formula("x", [3])


def test_signature_and_name():
    f = formula("y*x^2")
    assert str(inspect.signature(f)) == "(x, y)"
    assert inspect.signature(f).bind(1, y=2).arguments == {"x": 1, "y": 2}
    assert f.__name__ == "y*x^2"
    assert inspect.signature(Formula).parameters  # help(Formula) works
    assert str(f) == f.text == "y*x^2"


def test_repr_reads_back():
    for f in [formula("x^2*sin(y)"), formula("x - y", "y x"), formula("速度\n+ 1"), formula("1", ["x"])]:
        assert eval(repr(f)) == f
    assert repr(formula("x^2*sin(y)")) == 'formula("x^2*sin(y)")'
    assert repr(formula("x - y", "y x")) == 'formula("x - y", variables=["y", "x"])'


def test_equality_is_of_structure():
    f = formula("2x^2 + sin(y)")
    assert f == formula("(2 * x**2.0) + (sin( y ))")
    assert hash(f) == hash(formula("2*x² + sin(y)"))
    assert len({f, formula("2x² + sin(y)"), formula("sin(y) + 2x²")}) == 2
    assert f != formula("2x^2 + sin(y)", "y x")
    assert formula("(x + y) + z") == formula("x + y + z") != formula("x + (y + z)")
    assert formula("x < y") != formula("x <= y")
    assert formula("x[0]") != formula("x[1]") and formula("x[1:]") == formula("x[1::]")
    assert f != "2x^2 + sin(y)"


def test_frozen():
    with pytest.raises(AttributeError):
        formula("x").text = "y"


@pytest.mark.parametrize("text", ["x^2*sin(y)", "0 <= x + e <= 5", "where(x > 0, x₁, [1, 2][0])", "|x| + π₁"])
def test_pickle_and_copy(text):
    f = formula(text)
    for twin in [pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)]:
        assert twin == f and twin.text == text and twin.variables == f.variables
        assert twin(*range(1, 1 + len(f.variables))) == f(*range(1, 1 + len(f.variables)))
    for part in f.parts:
        assert pickle.loads(pickle.dumps(part)) == part


def test_pickle_where_the_package_has_a_function_of_the_modules_name(monkeypatch):
    """`thalweg.formula` is the function for those who import thalweg, and the module for pickle."""
    monkeypatch.setattr(sys.modules["thalweg"], "formula", formula, raising=False)
    assert pickle.loads(pickle.dumps(formula("x + 1")))(1) == 2


def test_threads_share_the_parser():
    texts = [f"{i}x^{i} + sin(x*{i}) - |x - {i}|" for i in range(1, 200)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(formula, texts))
    assert together == [formula(text) for text in texts]


def test_latex():
    assert formula("x_1^2/2 + sqrt(theta)").latex() == r"\frac{x_{1}^{2}}{2} + \sqrt{\theta}"
    assert formula("-(x + 1)^2*y").latex() == r"-\left(x + 1\right)^{2} \, y"
    assert formula("x - (y - z)").latex() == r"x - \left(y - z\right)"
    assert formula("x*2*(y + 1)").latex() == r"x \cdot 2 \, \left(y + 1\right)"
    assert formula("(a/b)^c").latex() == r"\left(\frac{a}{b}\right)^{c}"
    assert formula("0 <= λ < 1.5e-7").latex() == r"0 \le \lambda < 1.5 \cdot 10^{-7}"
    assert formula("where(x > 0, 1, exp(x))").latex() == (
        r"\begin{cases}1 & x > 0 \\ e^{x} & \text{otherwise}\end{cases}"
    )
    assert formula("x[0] + A[1:, -1] + x[::2]").latex() == r"{x}_{[0]} + {A}_{[1:, -1]} + {x}_{[::2]}"
    assert formula("dot([1, x], v_max)").latex() == (
        r"\left\langle \begin{pmatrix}1 \\ x\end{pmatrix}, v_{\mathrm{max}}\right\rangle"
    )
    assert formula("0.1x")._repr_latex_() == r"$0.1 \, x$"


# --- traced values ----------------------------------------------------------------------------------------------------


SLOPES = {
    np.add: lambda x, y: (1, 1),
    np.subtract: lambda x, y: (1, -1),
    np.multiply: lambda x, y: (y, x),
    np.divide: lambda x, y: (1 / y, -x / y**2),
    np.power: lambda x, n: (n * x ** (n - 1), 0),
    np.negative: lambda x: (-1,),
    np.sin: lambda x: (np.cos(x),),
    np.exp: lambda x: (np.exp(x),),
    np.sqrt: lambda x: (0.5 / np.sqrt(x),),
    np.absolute: lambda x: (np.sign(x),),
    np.maximum: lambda x, y: (x > y, x <= y),
    np.logaddexp: lambda x, y: (1 / (1 + np.exp(y - x)), 1 / (1 + np.exp(x - y))),
    scipy.special.erf: lambda x: (2 / np.sqrt(np.pi) * np.exp(-(x**2)),),
}


class Dual(NDArrayOperatorsMixin):
    """A value and its derivative: the smallest thing that NumPy's protocols carry through a formula."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        duals = [x if isinstance(x, Dual) else Dual(x) for x in inputs]
        values = [x.value for x in duals]
        if ufunc in (np.greater, np.less, np.less_equal, np.logical_and):
            return ufunc(*values)
        slopes = SLOPES[ufunc](*values)
        return Dual(ufunc(*values), sum(s * x.slope for s, x in zip(slopes, duals, strict=True)))

    def __array_function__(self, function, types, args, kwargs):
        if function is np.where:
            condition, x, y = args
            return x if condition else y
        assert function is np.sum
        return Dual(np.sum(args[0].value), np.sum(args[0].slope))

    def __getitem__(self, place):
        return Dual(self.value[place], self.slope[place])


@pytest.mark.parametrize(
    "text",
    [
        "x^3 - 2/x",
        "sin(2x)*exp(-x)",
        "√x + |1 - x|",
        "3 - x",
        "-x²/2",
        "erf(x) + softplus(x)",
        "max(x, 1) + relu(x - 1)",
        "where(x > 1, x^2, x)",
        "where(1 < x <= 5, x^2, x)",
        "2^3*x",
    ],
)
def test_differentiated_through_numpys_protocols(text):
    f = formula(text)
    h = 1e-6
    dual = f(Dual(X, 1.0))
    assert dual.value == pytest.approx(f(X), rel=1e-14)
    assert dual.slope == pytest.approx((f(X + h) - f(X - h)) / (2 * h), rel=1e-7)


def test_vectors_differentiated_through_numpys_protocols():
    dual = formula("sum(x[1:]^2) + 3x[0]")(Dual(V, np.array([1.0, 0.0, 1.0])))
    assert dual.slope == pytest.approx(3 + 2 * V[2])


def test_functions_are_looked_up_when_called(monkeypatch):
    f = formula("sin(x) + erf(x) + [x, 1][0] + norm([x])")
    seen = []

    def spy(module, name):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args: seen.append(name) or original(*args))

    spy(np, "sin"), spy(np, "array"), spy(np.linalg, "norm"), spy(scipy.special, "erf")
    f(X)
    assert sorted(seen) == ["array", "array", "erf", "norm", "sin"]


# --- errors -----------------------------------------------------------------------------------------------------------

GOLDEN = """
unexpected ')' at column 8
  2*(x + ) - 1
         ^
expected a number, a name or '('

unexpected '*' at column 5
  x + * 2
      ^
expected a number, a name or '('

unexpected end at column 4
  x +
     ^
expected a number, a name or '('

unexpected ',' at column 3
  (1, 2)
    ^
a comma stands between the arguments of a function and in a vector [x, y]; decimals take a point

unexpected ',' at column 2
  1,5
   ^
a comma stands between the arguments of a function and in a vector [x, y]; decimals take a point

unexpected ':' at column 3
  (x:2)
    ^
expected an operator or ')'

unexpected ':' at column 8
  sin(x) : 2
         ^
expected an operator or the end

unexpected ':' at column 3
  x : 2
    ^
expected an operator or the end

unexpected ']' at column 7
  [1, 2,]
        ^
expected a number, a name or '('

unexpected ']' at column 2
  []
   ^
expected a number, a name or '('

unexpected 'i' at column 3
  x[i]
    ^
expected an integer or a slice, such as x[0], x[-1], x[1:] or x[:-1]

unexpected '+' at column 4
  x[1+1]
     ^
expected an integer or a slice, such as x[0], x[-1], x[1:] or x[:-1]

'1.5' is not an integer at column 3
  x[1.5]
    ^
entries are numbered 0, 1, 2, …

'99999999999' is too large at column 3
  x[99999999999]
    ^
entries are numbered 0, 1, 2, …

a slice cannot step by 0 at column 4
  x[::0]
     ^
write a step such as x[::2]

a number has no entries at column 1
  (2)[0]
  ^

unexpected '=' at column 6
  x == = 1
       ^
write =

'(' is never closed at column 1
  (x + 1
  ^
write the ')' that belongs to it

'[' is never closed at column 6
  (x + [1, 2
       ^
write the ']' that belongs to it

'(' is never closed at column 4
  2*[(x + 1] - 3
     ^
write the ')' that belongs to it

'|' is never closed at column 5
  2 + |x - 1
      ^
write the '|' that belongs to it, or abs(…) for the absolute value

')' closes nothing at column 2
  x) + 1
   ^
remove it, or open a bracket before it

'||…||' could mean two things at column 1
  ||x||
  ^
write norm(x) for the norm, |x| for absolute values

'x' is not a function at column 3
  2*x(y + 1)
    ^
to multiply, write x*(…)

unknown function 'sine' at column 5
  1 + sine(x)
      ^
did you mean 'sin', 'sinh' or 'sign'?; to multiply, write sine*(…)

unknown function 'Sqrt' at column 1
  Sqrt(x)
  ^
did you mean 'sqrt'?; to multiply, write Sqrt*(…)

'e' is not a function at column 1
  e(x)
  ^
for the exponential write exp(…); to multiply, write e*(…)

'f' is not a function at column 1
  f(x, y) = x + y
  ^
give only what stands to the right of '='

'gamma' is a function, not a variable at column 1
  gamma + 1
  ^
write gamma(…); a variable needs another name

'sin' is a function, not a variable at column 3
  2 sin x
    ^
write sin(x)

'sin' is a function, not a variable at column 1
  sin^2(x)
  ^
write sin(…)^2 for the power of sin(…)

'log' is a function, not a variable at column 5
  x + log
      ^
write log(…); a variable needs another name

where needs a condition first at column 7
  where(x, 1, 2)
        ^
write a comparison such as where(x > 0, x, 0)

a comparison where a number is needed at column 5
  1 + (x > 0)
      ^
write where(x > 0, 1, 0) to count it as 1 or 0

a comparison where a number is needed at column 5
  sum(x > 0)
      ^
write where(x > 0, 1, 0) to count it as 1 or 0

unexpected '<' at column 4
  [x < 1]
     ^
a comparison is a whole formula, or the condition of where(x > 0, x, 0)

unexpected '<' at column 4
  x =< 3
     ^
write <=

two numbers side by side at column 3
  2 3
    ^
write an operator or a comma between them

two numbers side by side at column 4
  1.5.2
     ^
write an operator or a comma between them

unexpected number '2' at column 3
  x 2
    ^
write x*2 or x^2

'0x1f' is not a number here at column 1
  0x1f
  ^
write the number in decimal digits

unexpected '^' after an exponent at column 3
  x²^3
    ^
group what the first exponent belongs to: (x²)^3

the number is too large at column 5
  1 + 1e999999
      ^
the largest is about 1.8e308; write inf for infinity

unknown character '@' at column 3
  x @ y
    ^
write dot(x, y) for a product of vectors

unknown character '¶' (PILCROW SIGN) at column 3
  x ¶ y
    ^

unknown character '_' at column 1
  __class__
  ^
a name begins with a letter

unknown character '.' at column 2
  x.real
   ^
a point stands only inside a number: attributes such as x.real are no part of a formula

unknown character "'" at column 1
  'a'
  ^
a formula holds no text in quotes

unknown character ';' at column 2
  x; y
   ^
one formula at a time: nothing can follow a ';'

unknown character '\\' at column 1
  \\sin(x)
  ^
LaTeX commands and escapes are not read: write sqrt(x), pi, alpha

unknown character '!' at column 2
  x!
   ^
write gamma(n + 1) for the factorial of n

'lambda' is a word of Python and no part of a formula at column 1
  lambda x: x
  ^
write λ for the letter

'and' is a word of Python and no part of a formula at column 7
  x > 0 and x < 5
        ^
write a range such as 0 <= x <= 5

'½' cannot be a name at column 1
  ½
  ^
write letters, digits and '_'

unknown character '@' at column 6
  速度 + ＠ 3
         ^
write dot(x, y) for a product of vectors

unexpected '）' at column 7
  （ｘ１ ＋ ） * ２
            ^
expected a number, a name or '('
"""


def golden():
    for block in GOLDEN.strip().replace("\\\\", "\\").split("\n\n"):
        yield pytest.param(block.split("\n")[1].removeprefix("  "), block, id=block.split("\n")[1].strip())


@pytest.mark.parametrize(("text", "block"), list(golden()))
def test_golden_errors(text, block):
    assert message(text) == block


def test_unknown_names_when_variables_are_listed():
    assert message("x + z", ["x", "y"]) == dedent("""\
        unknown name 'z' at column 5
          x + z
              ^
        the variables are x, y""")
    assert message("speed + sped", ["speed"]).endswith("did you mean 'speed'?")
    assert message("x", []).endswith("the variables are none")


def test_the_line_of_a_text_of_several_lines():
    assert message("x +\n  y*\n  * 2 +\n z") == dedent("""\
        unexpected '*' at line 3, column 3
            * 2 +
            ^
        expected a number, a name or '('""")
    assert formula("x +\n  y\r\n  - 1")(2, 3) == 4


@pytest.mark.parametrize("gap", ["\n", "\r\n", " \n ", "\u2028"])
def test_a_new_line_is_no_product(gap):
    assert message(f"x + 1{gap}y").startswith("a new line without an operator")
    assert message(f"x{gap}[0]").startswith("a new line without an operator")


def test_caret_under_combining_and_tabs():
    lines = message("が\t+ $").split("\n")
    assert lines[1:3] == ["  が + $", "  " + " " * 5 + "^"]
    combining = message("y + x\u0302").split("\n")
    assert combining[0] == "unknown character '\u0302' (COMBINING CIRCUMFLEX ACCENT) at column 6"
    assert message("x\x00")[:60].startswith("unknown character U+0000 (a control character) at column 2")
    assert "U+200B (ZERO WIDTH SPACE)" in message("x\u200b")
    assert message("\ud800").isprintable() or "\ud800" not in message("\ud800")


def test_long_lines_are_cut_around_the_place():
    title, line, caret, _ = message("x + " * 500 + "* 2" + " + x" * 500).split("\n")
    assert title == "unexpected '*' at column 2001"
    assert len(line) < 80
    assert line.startswith("  …") and line.endswith("…")
    assert line[caret.index("^")] == "*"


def test_empty_and_too_long():
    for text in ["", "  \n\t", "\u3000"]:
        assert message(text) == "the formula is empty: write something such as x^2 + 1"
    assert message("x" * (MAX_LENGTH + 1)) == "the formula has 10001 characters; at most 10000 are read"
    assert formula("x" * MAX_LENGTH)(2) == 2


def test_errors_show_no_inner_exception():
    with pytest.raises(FormulaError) as caught:
        formula("x +")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert isinstance(caught.value, ValueError)


# --- hostile texts ----------------------------------------------------------------------------------------------------

N = MAX_LENGTH
HOSTILE = {
    "brackets": "(" * N,
    "vectors": "[" * N,
    "bars": "|" * N,
    "signs": "-" * (N - 1) + "x",
    "powers": "x^" * (N // 2 - 1) + "x",
    "towers": "9^" * (N // 2 - 1) + "9",
    "doubled": "**" * (N // 2),
    "sum": "x+" * (N // 2 - 1) + "x",
    "product": "x " * (N // 2),
    "values": "|x|" * (N // 3),
    "digits": "9" * N,
    "underscores": "1_" * (N // 2),
    "exponents": "1e" * (N // 2),
    "superscripts": "x" + "²" * (N - 1),
    "roots": "√" * (N - 1) + "x",
    "entries": "x" + "[0]" * (N // 3 - 1),
    "arguments": "max(" + "x," * (N // 2 - 4) + "x)",
    "comparisons": "0<" * (N // 2 - 1) + "x",
    "calls": "sin(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH,
    "conditions": "where(x>0," * (MAX_DEPTH - 1) + "x" + ",1)" * (MAX_DEPTH - 1),
    "names": "+".join(f"x{i}" for i in range(1600)),
    "one name": "x" * N,
    "number in a name": "x" + "9" * (N // 2) + "+x" + "8" * (N // 2 - 3),
    "not a function": "s" * (N - 3) + "(x)",
    "expanding": "\ufdfa" * N,
    "blanks": "x" + " " * (N - 2) + "!",
    "lines": "x\n" * (N // 2),
    "index": f"x[{'1' * (N - 3)}]",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_are_answered(kind):  # at once: `python -m benchmarks limits`
    text = HOSTILE[kind]
    assert len(text) <= N
    try:
        f = formula(text)
    except FormulaError as error:
        assert len(str(error)) < 500
    else:
        repr(f), hash(f), f.latex(), f.parts
        assert f == f
        with np.errstate(all="ignore"):
            f(*np.full(len(f.variables), 0.5)) if "[" not in text else f
        assert pickle.loads(pickle.dumps(f)) == f


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('echo')",
        "x.__class__",
        "().__class__.__bases__[0]",
        "lambda: 0",
        "[y for y in x]",
        "x if x else y",
        "x; import os",
        "x := 3",
        "f'{x}'",
        "eval(x)",
        "exec(x)",
        "getattr(x, y)",
        "open(x)",
        "np.sin(x)",
        "x['a']",
        "print(x)",
        "`x`",
        "x\\y",
        "True",
        "None",
        "import os",
        "＿＿class＿＿",
        "x．real",
        "\uff3f\uff3fimport\uff3f\uff3f(x)",
    ],
)
def test_code_is_refused(text):
    assert "at column" in message(text)


def test_depth_is_bounded():
    fits = "(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH
    assert formula(fits) == formula("x")
    assert message(f"({fits})").startswith(f"more than {MAX_DEPTH} brackets inside one another at column")


ALPHABET = "xye2.10 ()[]|,:+-*/^=<>!_²⁻√π∞λ\n'\"\\;@%{}½ｘ（が\u0302\u200b"
WORDS = ["sin", "max", "where", "sum", "pi", "x", "y", "2", "(", ")", "[", "]", "|", ",", ":", "+", "-", "^", "<=", "="]


def read_or_refuse(text):
    try:
        f = formula(text)
    except FormulaError as error:
        assert str(error)
    else:
        assert pickle.loads(pickle.dumps(f)) == f
        assert eval(repr(f)) == f
        assert len(f.parts) == max(1, len(f.relations) + 1)
        for part in f.parts:
            assert formula(part.text, f.variables) == part
        inspect.signature(f)
        f.latex()


@given(st.text(max_size=60))
@settings(max_examples=500, deadline=None)
@example("xℼ")
@example("\x85x")
def test_any_text_is_read_or_refused(text):
    read_or_refuse(text)


@given(st.text(alphabet=ALPHABET, max_size=30))
@settings(max_examples=1000, deadline=None)
def test_any_text_of_signs_is_read_or_refused(text):
    read_or_refuse(text)


@given(st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join))
@settings(max_examples=1000, deadline=None)
def test_any_words_are_read_or_refused(text):
    read_or_refuse(text)


# --- the module -------------------------------------------------------------------------------------------------------


def test_nothing_is_imported_before_it_is_needed():
    script = (
        "import sys; from thalweg.formula import formula; a = 'lark' in sys.modules;"
        "formula('sin(x)')(1.0); b = 'lark' in sys.modules; print(a, b)"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    answer = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("name", ["function", "latex"])
def test_examples_in_the_docstrings(name):
    outcome = doctest.testmod(importlib.import_module(f"thalweg.formula.{name}"))
    assert outcome.attempted > 0 and outcome.failed == 0


def test_every_constant():
    for name, value in CONSTANTS.items():
        assert formula(name)() == value
