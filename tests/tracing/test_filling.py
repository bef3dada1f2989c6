"""Filling arrays, views and aliases: programs run plainly and under trace give the same, and the same derivative."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thalweg as tw
from thalweg.errors import ShapeError, TraceError
from tracing.agreement import central_jacobian, executed, flat_of, same_derivative, same_value

X = np.array([0.5, -1.0, 2.0, 0.25])

PROGRAMS = {}


def program(f):
    PROGRAMS[f.__name__] = f
    return f


@program
def element_by_element(x):
    out = np.zeros(4)
    for i in range(4):
        out[i] = x[i] * 2.0
    return out


@program
def some_elements(x):
    out = np.ones(6)
    out[1] = x[0]
    out[-1] = x[1]
    return out


@program
def matrix_by_elements(x):
    out = np.empty((3, 4))
    for i in range(3):
        for j in range(4):
            out[i, j] = x[j] * (i + 1)
    return out


@program
def matrix_by_rows(x):
    out = np.empty((3, 4))
    for i in range(3):
        out[i] = x * i
    return out


@program
def matrix_by_rows_with_slices(x):
    out = np.zeros((3, 4))
    for i in range(3):
        out[i, :] = x + i
    return out


@program
def matrix_by_columns(x):
    out = np.zeros((4, 3))
    for j in range(3):
        out[:, j] = x * j
    return out


@program
def some_rows_then_elements(x):
    out = np.zeros((4, 4))
    out[1] = x
    out[1, 2] = 7.0
    out[3, :] = 2 * x
    out[0, 0] = x[3]
    return out


@program
def elements_then_row(x):
    out = np.zeros((2, 4))
    out[0, 1] = x[0]
    out[1, 1] = x[1]
    out[1] = x * 3.0
    return out


@program
def parts_of_rows(x):
    out = np.zeros((3, 5))
    for i in range(3):
        out[i, 1:] = x
        out[i, 0] = x[i]
        out[i, 2:4] += out[i, 0]
    return out


@program
def recurrence(x):
    out = np.zeros(6)
    out[0] = x[0]
    for i in range(1, 6):
        out[i] = 0.5 * out[i - 1] + x[i % 4]
    return out


@program
def two_step_recurrence(x):
    out = np.ones(8)
    out[0], out[1] = x[0], x[1]
    for i in range(2, 8):
        out[i] = out[i - 1] + out[i - 2] * 0.5
    return out


@program
def recurrence_of_rows(x):
    out = np.zeros((5, 4))
    out[0] = x
    for i in range(1, 5):
        out[i] = out[i - 1] * 0.5 + x[::-1]
    return out


@program
def recurrence_of_rows_read_by_elements(x):
    out = np.zeros((4, 2))
    out[0, 0], out[0, 1] = x[0], x[1]
    for i in range(1, 4):
        out[i, 0] = out[i - 1, 1]
        out[i, 1] = out[i - 1, 0] + out[i, 0]
    return out


@program
def rows_written_by_elements_read_whole(x):
    out = np.zeros((4, 2))
    out[0] = x[:2]
    for i in range(1, 4):
        row = out[i - 1]
        out[i, 0] = row[0] + row[1]
        out[i, 1] = row.sum()
    return out


@program
def running_window(x):
    out = np.zeros(7)
    out[:4] = x
    for i in range(4, 7):
        out[i] = np.sum(out[i - 3 : i]) * 0.5
    return out


@program
def prefix_sums(x):
    out = np.zeros(4)
    total = np.zeros(4)
    for i in range(4):
        out[i] = x[i]
        total[i] = out[: i + 1].sum()
    return total


@program
def slices_in_place(x):
    out = np.zeros(5)
    out[1:] += x
    out[:-1] -= 2 * x
    out[::2] *= 3.0
    out /= 2.0
    return out


@program
def whole_in_place(x):
    out = np.zeros(4)
    out += x
    out *= 2
    out -= x[0]
    return out


@program
def integers_from_outside(x):
    out = np.array([1, 2, 3, 4.0])
    out[np.array([0, 2])] = x[:2]
    out[np.array([True, False, False, True])] += 1.0
    return out


@program
def chained(x):
    out = np.zeros((3, 4))
    out[1][2] = x[0]
    out[2][1:][0] = x[1]
    out[0][:] = x
    out[0][1] *= 2.0
    return out


@program
def row_view(x):
    out = np.zeros((3, 4))
    row = out[1]
    row[0] = x[0]
    row += x
    out[1, 3] = 9.0
    return out, row


@program
def old_views_see_new_writes(x):
    out = np.zeros(4)
    tail, head = out[2:], out[:2]
    out[3] = x[0]
    head[1] = x[1]
    out[0] = tail[1] + head[1]
    return out, tail, head


@program
def view_of_view(x):
    out = np.zeros((4, 4))
    block = out[1:, ::2]
    part = block[::-1][:2]
    part[0] = x[:2]
    part[1, 1] = x[3]
    block[0, 0] = 5.0
    return out, part


@program
def transposed(x):
    out = np.zeros((4, 2))
    t = out.T
    t[0] = x
    t[1, 2] = x[0]
    out[3, 1] = t[0, 3] * 2.0
    return out, t


@program
def reshaped(x):
    out = np.zeros((2, 2))
    line = out.reshape(-1)
    for i in range(4):
        line[i] = x[i] + (line[i - 1] if i else 0.0)
    out[1, 1] += 1.0
    return out, line


@program
def raveled_and_flat(x):
    out = np.zeros((2, 2))
    out.ravel()[1] = x[0]
    out.T.ravel()[1] = 99.0
    out.flat[2] = x[1]
    out.T.flat[1] += x[2]
    return out


@program
def aliases(x):
    y = np.zeros(4)
    z = y
    z[0] = x[0]
    y += x
    z[1:] *= 2.0
    return y, z


@program
def new_objects_are_no_aliases(x):
    y = np.array(x)
    z = y
    z = z + 1.0
    z[0] = 5.0
    w = y.copy()
    w[1] = 7.0
    return y, z, w


@program
def arguments_of_helpers(x):
    def put(target, k, value):
        target[k] = value

    def scale(target):
        target *= 3.0
        return target

    out = np.zeros((2, 4))
    put(out, (0, 1), x[0])
    put(out[1], slice(None), x)
    scaled = scale(out[:, 1:])
    return out, scaled


@program
def writing_into_the_argument(x):
    x = np.array(x)
    x[0] = x[1] * x[2]
    x[1:3] = x[2:0:-1]
    return x


@program
def swapped_scalars(x):
    y = np.array(x)
    y[0], y[1] = y[1], y[0]
    y[2], y[3] = y[3] * 2.0, y[2]
    return y


@program
def swapped_rows_are_views(x):
    y = np.array([x, 2 * x, 3 * x])
    y[0], y[1] = y[1], y[0]
    return y


@program
def swapped_rows_by_list(x):
    y = np.array([x, 2 * x, 3 * x])
    y[[0, 2]] = y[[2, 0]]
    return y


@program
def overlapping_slices(x):
    y = np.array(x)
    y[1:] = y[:-1]
    y[:-1] += y[1:]
    return y


@program
def scalars_are_copies(x):
    y = np.array(x)
    s = y[0]
    s += 5.0
    t = y[1]
    y[1] = 9.0
    return y, s, t


@program
def out_arguments(x):
    out = np.empty(4)
    np.multiply(x, 2.0, out=out)
    np.add(out, x, out)
    np.exp(out[:2] * 0.0, out=out[2:])
    return out


@program
def unbuffered(x):
    out = np.zeros(3)
    np.add.at(out, [0, 2, 0, 0], x)
    np.subtract.at(out, [1, 1], x[:2])
    return out


@program
def masks(x):
    out = np.zeros(4)
    out[X > 0] = x[X > 0]
    out[out > 1.0] = 0.5
    out[x < 0] -= 2.0
    return out


@program
def deleted_by_overwriting(x):
    out = np.array(x)
    out[1] = np.nan
    out[1] = 2.0
    out[:] = out * 2.0
    out[...] = out[::-1]
    return out


@program
def created_from_lists(x):
    rows = []
    for i in range(3):
        row = np.zeros(2)
        row[0] = x[i]
        row[1] = i
        rows.append(row)
    return np.array(rows), np.vstack(rows)


@program
def dictionary_of_arrays(x):
    parts = {"a": np.zeros(2), "b": np.ones((2, 2))}
    parts["a"][:] = x[:2]
    parts["b"][1] = parts["a"]
    return parts["a"], parts["b"]


@program
def three_axes(x):
    out = np.zeros((2, 3, 4))
    out[0, 1] = x
    out[1, :, 2] = x[:3]
    out[..., 0] = 1.0
    out[1, 2, 3] = x[0] * x[1]
    plane = out[:, 1]
    plane[1] = -x
    return out


@program
def newaxis_views(x):
    out = np.zeros((2, 2))
    column = out[:, 0][:, None]
    column[:] = x[:2].reshape(2, 1)
    out[:, None, 1] = x[2:].reshape(2, 1)
    return out


@program
def differences_in_the_grid(x):
    u = np.array(x)
    for _ in range(3):
        new = u.copy()
        new[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u = new
    return u


@program
def triangular_solve(x):
    L = np.zeros((4, 4))
    for i in range(4):
        L[i, i] = 2.0 + i
        for j in range(i):
            L[i, j] = 0.1 * x[j]
    y = np.zeros(4)
    for i in range(4):
        y[i] = (x[i] - L[i, :i] @ y[:i]) / L[i, i]
    return y


@program
def cholesky(x):
    A = np.outer(x, x) + 3.0 * np.eye(4)
    L = np.zeros_like(A)
    for i in range(4):
        for j in range(i + 1):
            s = A[i, j] - np.dot(L[i, :j], L[j, :j])
            L[i, j] = np.sqrt(s) if i == j else s / L[j, j]
    return L


@program
def runge_kutta(x):
    y = np.zeros((6, 2))
    y[0] = x[:2]
    h = 0.1
    for n in range(5):
        f = lambda u: np.array([u[1], -x[2] * u[0]])
        k1 = f(y[n])
        k2 = f(y[n] + h / 2 * k1)
        y[n + 1] = y[n] + h * k2
    return y


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_numpy(name):
    f = PROGRAMS[name]
    same_value(f, X)
    same_derivative(f, X, h=1e-5, atol=2e-9)
    g = flat_of(f)
    w = np.sin(np.arange(np.size(g(X))) + 1.0)
    H = tw.hessian(lambda x: np.sum(w * g(x) ** 2))(X)
    slope = tw.grad(lambda x: np.sum(w * g(x) ** 2))
    np.testing.assert_allclose(H, central_jacobian(slope, [X], 0, 1e-5), atol=1e-6, rtol=1e-6)


def test_the_callers_array_is_left_alone():
    x = X.copy()

    def f(a):
        a[0] = 5.0
        a *= 2.0
        return np.sum(a)

    np.testing.assert_array_equal(tw.grad(f)(x), [0.0, 2.0, 2.0, 2.0])
    np.testing.assert_array_equal(x, X)


def test_zero_dimensional_views():
    def f(x):
        y = np.array(x)
        place = y[1, ...]
        place[...] = 3.0 * x[0]
        return y, place

    same_value(f, X)
    same_derivative(f, X)


# --- cost -----------------------------------------------------------------------------------------------------------


def nodes_of(f, *args):
    return len(tw.trace(f, *args))


def test_filling_element_by_element_is_linear():
    def f(x, n):
        out = np.zeros(n)
        out[0] = x
        for i in range(1, n):
            out[i] = out[i - 1] * 0.5
        return np.sum(out)

    assert nodes_of(f, 1.0, 1000) <= 1010
    assert nodes_of(f, 1.0, 10_000) <= 10_010
    assert abs(float(tw.grad(f)(1.0, 10_000)) - 2.0) < 1e-14


def test_filling_row_by_row_is_linear():
    def f(x, n):
        out = np.zeros((n, 3))
        out[0] = x
        for i in range(1, n):
            out[i] = out[i - 1] * 0.5
            out[i, 0] = 1.0
        return np.sum(out[:, 1])

    assert nodes_of(f, np.ones(3), 2000) <= 2 * 2000 + 20
    np.testing.assert_allclose(tw.grad(f)(np.ones(3), 2000), [0.0, 2.0, 0.0], atol=1e-14)


def test_views_kept_alive_do_not_slow_writing():
    def f(x, n):
        out = np.zeros(n)
        kept = []
        for i in range(1, n):
            out[i] = x * i
            kept.append(out[: i + 1])
        return kept[-1][-1] + kept[0][0]

    assert nodes_of(f, 1.0, 3000) < 20


def test_many_slices_that_are_read_are_one_sum():
    def f(x):
        return sum(np.sum(x[i : i + 3]) for i in range(len(x) - 3))

    x = np.ones(500)
    y = executed(lambda a: tw.grad(f)(a), x)[0]
    assert y[250] == 3.0
    gradient = tw.trace(tw.grad(f), x)
    assert sum(n.size for n in gradient.nodes if n.op.name in ("assemble", "update")) <= 2 * x.size


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, error",
    [
        (lambda x: np.zeros(3).__setitem__(slice(None), x), ShapeError),
        (lambda x: np.zeros(3).__setitem__(5, x[0]), IndexError),
        (lambda x: np.zeros((2, 2)).__setitem__((0, 2), x[0]), IndexError),
        (lambda x: np.zeros(3).__iadd__(x), ValueError),
        (lambda x: np.zeros(4, dtype=int).__iadd__(x), TypeError),
        (lambda x: np.zeros(4, dtype=int).__setitem__(0, x[0]), TraceError),
        (lambda x: np.add(x, x, out=np.zeros(3)), ValueError),
    ],
)
def test_wrong_writes_are_errors(f, error):
    with pytest.raises(error):
        tw.trace(f, X)


# --- any program at all ---------------------------------------------------------------------------------------------

_part = st.sampled_from(
    [
        "[0]",
        "[-1]",
        "[1:]",
        "[:-1]",
        "[::-1]",
        "[::2]",
        "[...]",
        ".T",
        ".reshape(-1)",
        ".ravel()",
        "[[0, -1]]",
        "[None]",
    ]
)
_value = st.sampled_from(["x[0]", "x[1] * x[2]", "2.5", "{other} * 0.5", "{other}.sum()", "{other}.T.copy()"])


@st.composite
def programs(draw):
    """Statements on three arrays ``v0 v1 v2`` (and what becomes of them): fills, views, aliases, changes in place."""
    lines = ["v0 = np.zeros((3, 3))", "v1 = np.array([x, 2 * x, x[::-1]])", "v2 = np.ones(3)"]
    count = 3
    for _ in range(draw(st.integers(2, 9))):
        source = f"v{draw(st.integers(0, count - 1))}"
        other = f"v{draw(st.integers(0, count - 1))}"
        parts = "".join(draw(st.lists(_part, min_size=0, max_size=2)))
        value = draw(_value).format(other=other)
        kind = draw(st.integers(0, 4))
        if kind == 0:
            lines.append(f"v{count} = {source}{parts}")
            count += 1
        elif kind == 1:
            lines.append(f"{source}{parts}[...] = {value}")
        elif kind == 2:
            target = parts if parts.endswith("]") else parts + "[...]"
            lines.append(f"{source}{target} {draw(st.sampled_from(['+=', '*=', '-=']))} {value}")
        elif kind == 3:
            lines.append(f"{source}[0] = {other}[-1]")
        else:
            lines.append(f"{source}[{draw(st.integers(-1, 1))}] = {value}")
    return lines, count


def run(lines, count, x):
    """The arrays after the statements."""
    names = {"np": np, "x": x}
    for line in lines:
        exec(line, names)
    return [names[f"v{i}"] for i in range(count) if f"v{i}" in names]


def _value_of(expression, names):
    try:
        return eval(expression, names)
    except (ValueError, IndexError, TypeError, NameError, AttributeError, SyntaxError):
        return None


def accepted(lines, x):
    """The statements that NumPy takes."""
    names = {"np": np, "x": np.array(x)}
    good = []
    for line in lines:
        target, source = re.split(r" [-+*]?= ", line)
        starts = [side[: m.start()] for side in (target, source) for m in re.finditer(r"[.\[]", side)]
        if any(isinstance(_value_of(start, names), np.generic) for start in starts):  # a scalar is no place to fill
            continue
        before = {k: v for k, v in names.items() if k.startswith("v")}
        values = {k: np.array(v) for k, v in before.items()}
        try:
            exec(line, names)
        except (ValueError, IndexError, TypeError, NameError, AttributeError):
            if any(not np.array_equal(values[k], before[k], equal_nan=True) for k in values):
                return good
            names = {"np": np, "x": names["x"], **before}
            continue
        if target in names and np.ndim(names[target]) == 0:  # a scalar: what follows would mean something else
            names.pop(target)
            continue
        good.append(line)
    return good


@settings(max_examples=300)
@given(programs())
def test_programs_as_numpy(case):
    lines, count = case
    x = np.array([0.5, -1.25, 2.0])
    lines = accepted(lines, x)
    same_value(lambda a: run(lines, count, a), x, rtol=1e-12)


@settings(max_examples=60)
@given(programs())
def test_programs_have_the_derivative_of_numpys(case):
    lines, count = case
    x = np.array([0.5, -1.25, 2.0])
    lines = accepted(lines, x)
    f = lambda a: run(lines, count, a)
    J = central_jacobian(flat_of(f), [x], 0, 1e-4)
    g = tw.jacobian(flat_of(f))(x)
    np.testing.assert_allclose(g, J, rtol=1e-5, atol=1e-5 * max(1.0, np.max(np.abs(J))))
