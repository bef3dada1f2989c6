"""The commands as a user types them: what is printed, where, and the exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import thalweg
from thalweg.cli import app as command
from thalweg.cli import main, places

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(thalweg.__file__).parent.parent)}
ROSENBROCK = "100*(y - x^2)^2 + (1 - x)^2"
LINE = ["mean((y - (a*x + b))^2)", "--data", str(ROOT / "examples" / "norris.csv")]


@pytest.fixture
def run(capsys):
    """Run the command in this process: (exit code, standard output, standard error)."""

    def run(*arguments):
        code = main([str(a) for a in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def fails(run):
    """Run the command, expect wrong use, and return the complaint."""

    def fails(*arguments):
        code, out, error = run(*arguments)
        assert (code, out) == (2, "")
        assert error.startswith("thalweg: ") and "Traceback" not in error
        return error.removeprefix("thalweg: ").rstrip("\n")

    return fails


def shell(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "thalweg", *map(str, arguments)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        **options,
    )


# --- minimize and maximize ---


def test_minimize_says_what_it_found(run):
    code, out, error = run("minimize", ROSENBROCK, "--start", "x=-1.2,y=1")
    assert (code, error) == (0, "")
    for said in (
        "Strict minimum",
        "gradient norm",
        "Hessian eigenvalues  0.399361, 1001.6",
        "levenberg-marquardt",
        "iterations",
        "ms",
    ):
        assert said in out
    assert "\x1b" not in out


def test_maximize(run):
    code, out, _ = run("maximize", "-(x - 2)^2 + 3", "--start", "x=0", "--json")
    answer = json.loads(out)
    assert code == 0
    assert (answer["sense"], answer["kind"], answer["x"]["x"], answer["value"]) == ("maximize", "maximum", 2, 3)


def test_a_formula_that_starts_with_a_minus(run):
    assert run("maximize", "-x^2", "--start", "x=1", "--quiet")[:2] == (0, "x=0.0\n")
    assert run("minimize", "--start", "x=1", "--", "-x^2 + x^4", "--quiet")[0] == 2  # after -- all are formulas


def test_data_give_the_certified_line_of_norris(run):
    code, out, _ = run("minimize", *LINE, "--start", "a=0,b=0", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["x"]["a"] == pytest.approx(1.00211681802045, rel=1e-10)
    assert answer["x"]["b"] == pytest.approx(-0.262323073774029, rel=1e-9)
    assert answer["value"] * 36 == pytest.approx(26.6173985294224, rel=1e-9)


def test_data_give_the_certified_curve_of_misra1a(run):
    data = ROOT / "examples" / "misra1a.csv"
    for start in ("b1=500,b2=1e-4", "b1=250,b2=5e-4"):
        code, out, _ = run(
            "minimize", "sum((y - b1*(1 - exp(-b2*x)))^2)", "--data", data, "--start", start, "--json", "--tol", 1e-6
        )
        answer = json.loads(out)
        assert code == 0, answer["message"]
        assert answer["x"]["b1"] == pytest.approx(2.3894212918e2, rel=1e-6)
        assert answer["x"]["b2"] == pytest.approx(5.5015643181e-4, rel=1e-6)
        assert answer["value"] == pytest.approx(1.2455138894e-1, rel=1e-9)


def test_quiet_prints_what_start_takes(run):
    _, out, error = run("minimize", "sum((w - [1, 2])^2) + b^2", "--start", "w=[0,0],b=1", "--quiet")
    assert (out, error) == ("b=0.0,w=[1.0,2.0]\n", "")
    code, again, _ = run("minimize", "sum((w - [1, 2])^2) + b^2", "--start", out.strip(), "--quiet")
    assert (code, again) == (0, out)


def test_not_converged_is_exit_code_1(run):
    code, out, _ = run("minimize", ROSENBROCK, "--start", "x=-1.2,y=1", "--max-iterations", 2)
    assert code == 1
    assert "NOT CONVERGED: iteration limit" in out
    assert run("minimize", "x^3", "--start", "x=1")[0] == 1
    assert run("minimize", "log(x)", "--start", "x=-1")[0] == 1
    assert run("minimize", ROSENBROCK, "--start", "x=-1.2,y=1", "--time-limit", 1e-9)[0] == 1


def test_method_and_learning_rate(run):
    code, out, _ = run("minimize", "(x-3)^2", "--start", "x=0", "--method", "gradient-descent", "--learning-rate", 0.1)
    assert code == 0
    assert "gradient-descent" in out
    code, out, _ = run("minimize", "--method", "help")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["auto", *thalweg.optimize.METHODS]
    assert all(len(line.split()) > 3 for line in out.splitlines())


def test_a_column_or_an_unknown_called_e_is_not_the_constant(run, tmp_path):
    (tmp_path / "t.csv").write_text("x,e\n1,10\n2,20\n")
    code, out, _ = run("minimize", "sum((e - a*x)^2)", "--data", tmp_path / "t.csv", "--start", "a=0", "--quiet")
    assert (code, out) == (0, "a=10.0\n")
    assert run("minimize", "(e - 1)^2", "--start", "e=0", "--quiet")[:2] == (0, "e=1.0\n")
    assert run("diff", "x*e", "--at", "x=1", "--json")[1].count("2.718281828459045") == 2


# --- diff, taylor, classify ---


def test_diff(run):
    code, out, _ = run("diff", "x^2*sin(y)", "--at", "x=1,y=2", "--order", 2)
    assert code == 0
    assert out.split("\n\n") == [
        "at      x = 1, y = 2\nvalue   0.9092974268",
        "gradient            x              y\n          1.818594854  -0.4161468365",
        "Hessian              x              y\n"
        "  x        1.818594854  -0.8322936731\n"
        "  y      -0.8322936731  -0.9092974268\n",
    ]


def test_diff_as_json(run):
    answer = json.loads(run("diff", "b*sum(w^2)", "--at", "b=2,w=[1,3]", "--order", 2, "--json")[1])
    assert answer == {
        "command": "diff",
        "formula": "b*sum(w^2)",
        "at": {"b": 2, "w": [1, 3]},
        "entries": ["b", "w[0]", "w[1]"],
        "value": 20,
        "gradient": [10, 4, 12],
        "hessian": [[0, 2, 6], [2, 4, 0], [6, 0, 4]],
    }


def test_diff_of_higher_order(run):
    answer = json.loads(run("diff", "exp(2x)", "--at", "x=0", "--order", 5, "--json")[1])
    assert answer["derivatives"] == pytest.approx([2, 4, 8, 16, 32])
    _, out, _ = run("diff", "x^3", "--at", "x=2", "--order", 4)
    assert out.splitlines()[3:] == [
        "derivatives   x",
        "  order 1    12",
        "  order 2    12",
        "  order 3     6",
        "  order 4     0",
    ]


def test_diff_of_a_vector(run):
    answer = json.loads(run("diff", "[x*y, x + y]", "--at", "x=2,y=3", "--json")[1])
    assert (answer["value"], answer["jacobian"]) == ([6, 5], [[3, 2], [1, 1]])
    _, out, _ = run("diff", "[x*y, x + y]", "--at", "x=2,y=3")
    assert out.splitlines()[3:] == ["Jacobian  x  y", "  [0]     3  2", "  [1]     1  1"]


def test_diff_that_is_not_finite_is_exit_code_1(run):
    code, out, error = run("diff", "log(x)", "--at", "x=-1")
    assert code == 1
    assert "nan" in out
    assert "not finite" in error and "log" in error and "x = -1" in error
    code, out, _ = run("diff", "log(x)", "--at", "x=-1", "--json")
    assert (code, json.loads(out)["value"]) == (1, "nan")
    code, _, error = run("taylor", "sqrt(x)", "--at", "x=0")
    assert code == 1 and "not finite" in error


def test_taylor(run):
    code, out, _ = run("taylor", "x^3", "--at", "x=1", "--order", 3)
    assert code == 0
    assert "1 + 3(x-1) + 3(x-1)² + (x-1)³" in out
    assert "Exact: the function is this polynomial." in out
    assert run("taylor", "t^2", "--at", "t=0")[1].startswith("t²\n")
    answer = json.loads(run("taylor", "exp(x)*sin(x)", "--at", "x=0", "--order", 5, "--json")[1])
    assert answer["coefficients"] == pytest.approx([0, 1, 1, 1 / 3, 0, -1 / 30], abs=1e-15)
    assert answer["exact"] is False
    answer = json.loads(run("taylor", "x^2*y", "--at", "x=1,y=2", "--order", 3, "--json")[1])
    assert answer["entries"] == ["x", "y"]
    assert {"powers": [2, 1], "coefficient": 1} in answer["terms"]
    assert (answer["text"][:13], answer["exact"]) == ("2 + 4(x-1) + ", True)


def test_classify(run):
    code, out, _ = run("classify", "x^2 - y^2", "--at", "x=0,y=0")
    assert code == 0
    assert out.startswith("Saddle\n") and "-2, 2" in out
    assert json.loads(run("classify", "x^4", "--at", "x=0", "--json")[1])["kind"] == "strict minimum"


# --- constraints ---


def test_the_textbooks_line(run):
    code, out, error = run("minimize", "x^2 + y^2", "--subject-to", "x + y = 1")
    assert (code, error) == (0, "")
    said = " ".join(out.split())
    for text in (
        "Strict minimum found",
        "x 0.5 y 0.5 value 0.5",
        "x + y = 1: active, multiplier -1",
        "raising the right side of x + y = 1 by 1 changes the optimum by about +1",
    ):
        assert text in said


def test_the_box_of_largest_volume_is_the_cube(run):
    code, out, _ = run(
        "maximize", "x*y*z", "--subject-to", "2*(x*y + y*z + z*x) = 6", "--bounds", "x >= 0, y >= 0",
        "--bounds", "0 <= z", "--start", "x=1,y=2,z=3", "--json",
    )  # fmt: skip
    answer = json.loads(out)
    assert (code, answer["kind"]) == (0, "maximum")
    assert answer["x"] == pytest.approx({"x": 1, "y": 1, "z": 1})
    assert answer["multipliers"] == [pytest.approx(-0.25)] and answer["shadow_prices"] == [pytest.approx(0.25)]
    assert answer["constraints"][0]["text"] == "2*(x*y + y*z + z*x) = 6"
    assert answer["bound_multipliers"] == pytest.approx({"x": 0, "y": 0, "z": 0}, abs=1e-8)


def test_several_constraints_and_ranges(run):
    code, out, _ = run(
        "minimize", "(x - 4)^2 + (y - 3)^2", "--subject-to", "x*y <= 2, x + y >= 1", "--subject-to", "0 <= x <= 1",
        "--json",
    )  # fmt: skip
    answer = json.loads(out)
    assert code == 0 and answer["x"] == pytest.approx({"x": 1, "y": 2})
    assert [one["active"] for one in answer["constraints"]] == [True, False, True]
    assert answer["multipliers"] == pytest.approx([2, 0, 2], abs=1e-7)


def test_constraints_on_vectors_and_data(run, tmp_path):
    code, out, _ = run("minimize", "sum((w - [3, 1, 1])^2)", "--start", "w=[0,0,0]", "--subject-to", "sum(w) = 2",
                       "--bounds", "w >= 0.5", "--bounds", "w[0] <= 0.75", "--quiet")  # fmt: skip
    assert code == 0
    point = [float(part) for part in out.strip().removeprefix("w=[").removesuffix("]").split(",")]
    assert point == pytest.approx([0.75, 0.625, 0.625])
    (tmp_path / "d.csv").write_text("t,y\n0,1\n1,2\n2,6\n")
    code, out, _ = run("minimize", "sum((a*t + b - y)^2)", "--data", tmp_path / "d.csv", "--subject-to",
                       "a*max(t) + b = 4", "--json")  # fmt: skip
    answer = json.loads(out)
    assert code == 0 and 2 * answer["x"]["a"] + answer["x"]["b"] == pytest.approx(4)


def test_an_unknown_of_the_constraints_only_varies_if_it_has_a_start(run, fails):
    code, out, _ = run("minimize", "t", "--subject-to", "(x - 1)^2 + 2 <= t", "--start", "x=3,t=9", "--json")
    assert code == 0 and json.loads(out)["x"] == pytest.approx({"t": 2, "x": 1}, abs=1e-6)
    code, out, _ = run("minimize", "t", "--subject-to", "(x - 1)^2 + 2 <= t", "--start", "x=3", "--quiet")
    assert code == 0
    message = fails("minimize", "x^2 + y", "--subject-to", "x + z = 1")
    assert "x + z = 1 has z, which is not in the formula x^2 + y; its unknowns are x, y" in message
    assert "add z=0 to --start" in message
    assert "the bound of z has z" in fails("minimize", "x^2", "--bounds", "z >= 0", "--start", "x=1")


@pytest.mark.parametrize(
    "arguments, start",
    [
        (["x^2 + y", "--bounds", "2 <= x <= 4", "--bounds", "y >= -3"], {"x": 3, "y": 0}),
        (["x^2", "--bounds", "x <= 10"], {"x": 0}),
        (["x^2", "--bounds", "x >= 10"], {"x": 20}),
        (["log(x) + x", "--subject-to", "x^2 >= 4"], {"x": 1}),
        (["(x - 1)^2 + e", "--bounds", "e >= 2", "--start", "e=5"], {"x": 0, "e": 5}),
        (["x + w[0]", "--subject-to", "x + w[0] = 1", "--start", "w=[3,4]"], {"x": 0, "w": [3, 4]}),
    ],
)
def test_where_a_search_with_constraints_starts(arguments, start, monkeypatch, run):
    begun = []

    def minimize(f, x0, **options):
        begun.append({name: np.asarray(value).tolist() for name, value in x0.items()})
        raise KeyboardInterrupt

    monkeypatch.setattr(thalweg.optimize, "minimize", minimize)
    run("minimize", *arguments)
    assert begun == [start]


def test_several_starts(run):
    code, out, _ = run("minimize", "(x^2 + y - 11)^2 + (x + y^2 - 7)^2", "--bounds", "-5 <= x <= 5", "--bounds",
                       "-5 <= y <= 5", "--starts", 12, "--json")  # fmt: skip
    answer = json.loads(out)
    assert code == 0 and len(answer["minima"]) == 4
    found = sorted((round(one["x"]["x"], 4), round(one["x"]["y"], 4)) for one in answer["minima"])
    assert found == [(-3.7793, -3.2832), (-2.8051, 3.1313), (3.0, 2.0), (3.5844, -1.8481)]


def test_infeasible_and_unbounded_are_exit_code_1(run):
    code, out, _ = run("minimize", "x^2", "--subject-to", "x^2 <= -1")
    assert code == 1 and "NOT CONVERGED: infeasible" in out and "x^2 <= -1: VIOLATED by" in out
    code, out, _ = run("minimize", "x + y", "--subject-to", "x - y = 1")
    assert code == 1 and "unbounded" in out


def test_classify_on_constraints(run):
    code, out, _ = run("classify", "x^2 + y^2", "--at", "x=1/2,y=1/2", "--subject-to", "x + y = 1", "--json")
    answer = json.loads(out)
    assert (code, answer["kind"], answer["multipliers"]) == (0, "strict minimum", [pytest.approx(-1)])
    code, out, _ = run("classify", "x^2 + y^2", "--at", "x=1,y=0", "--subject-to", "x >= 1", "--json")
    answer = json.loads(out)
    assert answer["kind"] == "strict minimum" and answer["multipliers"] == [pytest.approx(2)]
    assert run("classify", "x^2 + y^2", "--at", "x=1,y=0", "--bounds", "x >= 0")[1].startswith("Not stationary")
    assert run("classify", "x", "--at", "x=0", "--bounds", "0 <= x <= 1")[1].startswith("Strict minimum")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_plot(run, tmp_path, ending):
    file = tmp_path / f"out.{ending}"
    code, out, _ = run("minimize", "x^2 + y^2", "--subject-to", "x + y = 1", "--plot", file)
    assert code == 0 and "Strict minimum" in out and file.stat().st_size > 1000


def test_plot_that_cannot_be_drawn_is_said_before_the_search(fails, tmp_path, monkeypatch):
    line = ["minimize", "x^2", "--start", "x=1", "--plot"]
    assert "end the name of the file with .png, .svg or .pdf, not 'out.gif'" in fails(*line, "out.gif")
    assert "there is no folder" in fails(*line, tmp_path / "nowhere" / "p.png")
    monkeypatch.setattr(places.importlib.util, "find_spec", lambda name: None)
    assert "pip install thalweg[plot]" in fails(*line, "out.png")


def test_plot_that_cannot_be_written(run, tmp_path):
    (tmp_path / "p.png").mkdir()
    code, out, error = run("minimize", "x^2", "--start", "x=1", "--plot", tmp_path / "p.png")
    assert code == 2 and out == "" and "p.png is a directory; name a file in it" in error


# --- JSON ---


@pytest.mark.parametrize(
    "arguments, keys",
    [
        (
            ["minimize", "x^2", "--start", "x=1"],
            "sense x value kind why status success message gradient gradient_norm multipliers shadow_prices"
            " bound_multipliers infeasibility constraints ray eigenvalues certificate method method_reason iterations"
            " evaluations time notes minima",
        ),
        (
            ["maximize", "x*y", "--subject-to", "x + y = 1", "--subject-to", "[x, y] >= 0", "--bounds", "x <= 5"],
            "sense x value kind why status success message gradient gradient_norm multipliers shadow_prices"
            " bound_multipliers infeasibility constraints ray eigenvalues certificate method method_reason iterations"
            " evaluations time notes minima",
        ),
        (["diff", "x^2", "--at", "x=1", "--order", 2], "at entries value gradient hessian"),
        (["diff", "x^2", "--at", "x=1", "--order", 3], "at entries value derivatives"),
        (["diff", "[x, x]", "--at", "x=1"], "at entries value jacobian"),
        (["taylor", "x^2", "--at", "x=1"], "at entries order coefficients text exact"),
        (["taylor", "x*y", "--at", "x=1,y=1"], "at entries order terms text exact"),
        (
            ["classify", "x^2", "--at", "x=1"],
            "x value kind why gradient_norm eigenvalues certificate multipliers",
        ),
    ],
)
def test_json_has_the_documented_keys(run, arguments, keys):
    answer = json.loads(run(*arguments, "--json")[1])
    assert sorted(answer) == sorted(["command", "formula", *keys.split()])
    assert (answer["command"], answer["formula"]) == (arguments[0], arguments[1])
    page = (ROOT / "docs" / "command.md").read_text("utf-8")
    keys_inside = [*answer, *answer.get("certificate", ()), *answer.get("evaluations", ())]
    keys_inside += [key for one in answer.get("constraints", ()) for key in one]
    assert [key for key in keys_inside if f"`{key}`" not in page] == []


# --- wrong use ---


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["minimize"], "a formula is needed, in quotes"),
        (["minimize", ""], "the formula is empty"),
        (["minimize", "x + )", "--start", "x=1"], "  x + )\n      ^\n"),
        (["minimize", "sinn(x)", "--start", "x=1"], "did you mean 'sin'"),
        (["minimize", "x^2 + y^2"], "no value is given for x, y: for example --start x=0,y=0"),
        (["minimize", "x^2 + y^2", "--start", "x=1"], "no value is given for y: add y=0 to --start"),
        (["minimize", "x^2", "--start", "x=1,z=2"], "z is not in the formula; its unknowns are x"),
        (["minimize", "x^2", "--start", "x=one"], "x=one is not a number"),
        (["minimize", "3 + 4"], "nothing to vary: it has no names"),
        (["minimize", "x + y = 1", "--start", "x=0,y=0"], "is a comparison"),
        (
            ["minimize", "x*[1, 2]", "--start", "x=1"],
            "x*[1, 2] has 2 entries; one number is needed",
        ),
        (["minimize", "x[5]", "--start", "x=[1,2]"], "index 5 is out of bounds"),
        (["minimize", "sum(x*y)", "--start", "x=[1,2],y=[1,2,3]"], "cannot be computed: operands"),
        (["minimize", "x^2", "--start", "x=1", "--method", "simplex"], "There is no method 'simplex'"),
        (["minimize", "x^2", "--start", "x=1", "--tol", "small"], "--tol"),
        (["minimize", "x^2", "--start", "x=1", "--tol", "-1"], "tol must be"),
        (["minimize", "x^2", "--start", "x=1", "--max-iterations", "0"], "--max-iterations"),
        (["minimize", "x^2", "--strat", "x=1"], "No such option"),
        (["minimize", "x^2", "y^2", "--start", "x=1"], "unexpected extra argument"),
        (["minimise", "x^2"], "No such command 'minimise'"),
        (["minimize", *LINE], "no value is given for a, b"),
        (["minimize", *LINE, "--start", "a=0,b=0,x=1"], "x is a column of the data"),
        (["minimize", "sum(x*y)", "--data", LINE[2]], "every name in it is a column"),
        (["minimize", "sum(u*a)", "--data", LINE[2], "--start", "a=0"], "none of them is in the formula"),
        (["minimize", "x*a", "--data", "nowhere.csv", "--start", "a=0"], "there is no file nowhere.csv"),
        (["minimize", "x*a", "--data", str(ROOT), "--start", "a=0"], "is a directory"),
        (["diff", "x^2"], "for example --at x=0"),
        (["diff", "x*y", "--at", "x=1,y=1", "--order", "3"], "a formula of one unknown number, here are x, y; "),
        (["diff", "sum(x^3)", "--at", "x=[1,2]", "--order", "3"], "unknown number, here are x[0], x[1]; "),
        (["diff", "x^2", "--at", "x=1", "--order", "0"], "--order"),
        (["diff", "[x, x]", "--at", "x=1", "--order", "2"], "has 2 entries, which have a Jacobian"),
        (["minimize", "x^2", "--subject-to", "x + * 1 = 2"], "  x + * 1 = 2\n      ^\n"),
        (
            ["minimize", "x^2", "--subject-to", "x + 1"],
            "--subject-to: x + 1 is no comparison; write it with =, <= or >=",
        ),
        (["minimize", "x^2", "--subject-to", "x != 1"], "--subject-to: x != 1 says 'not equal'"),
        (["minimize", "x^2", "--subject-to", "1 <= 2"], "does not depend on the variables"),
        (["minimize", "x^2 + y", "--bounds", "x <= y"], "does not bound one unknown by numbers"),
        (["minimize", "x^2", "--bounds", "x^2 <= 4"], "does not bound one unknown by numbers"),
        (["minimize", "x^2", "--bounds", "5 <= x <= 0"], "leave no number"),
        (["minimize", "x^2", "--bounds", "x >= 1", "--subject-to", "x <= 0"], "No point satisfies x <= 0 together"),
        (["minimize", "x^2", "--start", "x=1", "--starts", "0"], "--starts"),
        (["minimize", "sum(w[0:2])", "--subject-to", "w[0] = 1"], "no value is given for w"),
        (["minimize", "x^2", "--subject-to", "x + y = 1", "--start", "x=1,z=2"], "x + y = 1 has y"),
        (["minimize", "x^2 + y^2", "--subject-to", "x + y = 1", "--method", "newton"], "cannot keep constraints"),
        (["taylor", "[x, y]", "--at", "x=1,y=1"], "tw.taylor"),
        (["classify", "[x, x]", "--at", "x=1"], "[x, x] has 2 entries; one number is needed"),
    ],
)
def test_wrong_use(fails, arguments, message):
    assert message in fails(*arguments)


def test_complaints_are_short(fails):
    assert fails("minimize", "x + )", "--start", "x=1").count("\n") == 3  # the caret lines of a formula
    assert fails("minimize", "x^2").count("\n") == 0
    assert fails("minimize", "x^2", "--foo").count("\n") == 0


def test_debug_adds_the_traceback(run):
    code, _, error = run("minimize", "x^2", "--debug")
    assert code == 2
    assert error.startswith("Traceback") and "\nthalweg: no value" in error
    assert run("--debug", "minimize", "x^2", "--start", "x=1", "--quiet")[:2] == (0, "x=0.0\n")


def test_a_fault_of_ours_is_said_to_be_one(run, monkeypatch):
    monkeypatch.setattr(command, "read_question", lambda *_: 1 / 0)
    code, _, error = run("diff", "x", "--at", "x=1")
    assert code == 1
    assert "ZeroDivisionError" in error and "a fault of thalweg" in error


def test_memory(run, monkeypatch):
    def exhaust(*_):
        raise MemoryError

    monkeypatch.setattr(command, "read_question", exhaust)
    code, _, error = run("diff", "x", "--at", "x=1")
    assert code == 1 and "memory" in error


def test_help_and_version(run):
    code, out, _ = run("--version")
    assert (code, out) == (0, f"thalweg {thalweg.__version__}\n")
    for arguments in ([], ["--help"], ["-h"]):
        code, out, _ = run(*arguments)
        assert code == 0
        assert all(name in out for name in ("minimize", "maximize", "diff", "taylor", "classify"))
    code, out, _ = run("minimize", "--help")
    assert code == 0 and "--learning-rate" in out


# --- as a program ---


def test_as_a_program():
    done = shell("minimize", ROSENBROCK, "--start", "x=-1.2,y=1")
    assert done.returncode == 0
    assert "Strict minimum" in done.stdout and done.stderr == ""
    assert shell("minimize", "x^2").returncode == 2
    assert shell("minimize", "x^2", "--start", "x=1", "--max-iterations", "0").returncode == 2


def test_data_from_standard_input():
    text = (ROOT / "examples" / "norris.csv").read_text()
    done = shell("minimize", LINE[0], "--data", "-", "--start", "a=0,b=0", "--quiet", input=text)
    assert done.returncode == 0 and done.stdout.startswith("a=1.0021168180")


def test_a_narrow_or_simple_terminal_does_not_matter():
    plain = {
        **ENVIRONMENT,
        "COLUMNS": "20",
        "TERM": "dumb",
        "PYTHONIOENCODING": "ascii",
        "LC_ALL": "C",
    }
    done = subprocess.run(
        [sys.executable, "-m", "thalweg", "minimize", ROSENBROCK, "--start", "x=-1.2,y=1"],
        env=plain,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and "Strict minimum" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
class TestPosix:
    def test_a_closed_pipe_is_no_error(self):
        running = subprocess.Popen(
            [sys.executable, "-m", "thalweg", "minimize", ROSENBROCK, "--start", "x=-1.2,y=1"],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.stdout.close()
        error = running.stderr.read()
        running.wait(60)
        assert error == ""

    def test_ctrl_c_prints_the_best_so_far(self):
        for seconds in (3, 10, 30):  # a busy machine may not have begun by then
            running = subprocess.Popen(
                [
                    *(sys.executable, "-m", "thalweg", "minimize", ROSENBROCK, "--start", "x=-1.2,y=1"),
                    *("--method", "gradient-descent", "--learning-rate", "1e-9", "--max-iterations", "1000000000"),
                ],
                cwd=ROOT,
                env=ENVIRONMENT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            time.sleep(seconds)
            running.send_signal(signal.SIGINT)
            out, error = running.communicate(timeout=60)
            if running.returncode == 1:
                break
        assert running.returncode == 1, error
        assert "NOT CONVERGED: interrupted" in out and "Traceback" not in error

    def test_a_full_disk_is_said_in_a_line(self):
        if not Path("/dev/full").exists():
            return
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "thalweg", "minimize", "x^2", "--start", "x=1"],
                cwd=ROOT, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.startswith("thalweg: the answer cannot be written") and done.stderr.count("\n") == 1

    def test_closed_streams(self):
        command = f'"{sys.executable}" -m thalweg minimize'
        for line, code in ((f'{command} "x^2" --start x=1 >&-', 0), (f'{command} "mean(x)*a^2" --data - <&-', 2)):
            done = subprocess.run(line, shell=True, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
            assert done.returncode == code and "Traceback" not in done.stderr and "fault" not in done.stderr

    def test_letters_are_utf8_whatever_the_locale(self):
        environment = {**ENVIRONMENT, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        environment.pop("PYTHONIOENCODING", None)
        done = subprocess.run(
            [sys.executable, "-m", "thalweg", "minimize", "λ²", "--start", "λ=1", "--quiet"],
            cwd=ROOT, env=environment, capture_output=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, b"?=0.0\n")


def test_complaints_are_short_and_end_well(fails):
    assert fails("minimise").endswith("'maximize'? See `thalweg --help`.")
    assert len(fails("minimize", "-" * 5000)) < 500


def test_a_name_that_is_no_column(fails, tmp_path):
    (tmp_path / "d.csv").write_text("x,y\n1,2\n")
    assert "it is no column of the data" in fails(
        "minimize", "mean(y-a*z)", "--data", tmp_path / "d.csv", "--start", "a=1"
    )


def test_a_kink_is_said(run):
    for arguments in (("diff", "abs(x)*y", "--at", "x=0,y=1"), ("taylor", "abs(x)", "--at", "x=0")):
        code, _, error = run(*arguments)
        assert code == 0 and "has a kink here, x = 0" in error
    assert run("taylor", "abs(x)", "--at", "x=1")[2] == ""
