"""`thalweg fit` as a user types it: what is printed, drawn and saved, and what is said where it cannot be done."""

import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

import thalweg
import thalweg as tw
from thalweg.cli import main, training
from thalweg.cli.fit import widths
from thalweg.errors import ArgumentError

ROOT = Path(__file__).parent.parent.parent
IRIS, DIABETES = ROOT / "examples" / "iris.csv", ROOT / "examples" / "diabetes.csv"
NUMBERS = "sepal_length,sepal_width,petal_length,petal_width"
X, y = load_iris(return_X_y=True)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command in this process: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main([str(a) for a in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def answers(run):
    """Fit with --json, and return the object."""

    def answers(*arguments, code=0):
        got, out, error = run("fit", *arguments, "--json")
        assert (got, error) == (code, "")
        return json.loads(out)

    return answers


@pytest.fixture
def fails(run):
    """Run the command, expect wrong use, and return the complaint."""

    def fails(*arguments):
        code, out, error = run(*arguments)
        assert (code, out) == (2, ""), error
        assert error.startswith("thalweg: ") and error.count("\n") == 1
        return error.removeprefix("thalweg: ").rstrip("\n")

    return fails


@pytest.fixture
def table(tmp_path):
    """Write a table, and return its name."""

    def table(content, name="t.csv"):
        (tmp_path / name).write_text(content)
        return name

    return table


def test_the_examples_are_scikit_learns_data():
    iris = np.genfromtxt(IRIS, delimiter=",", names=True, dtype=None, encoding="utf-8")
    assert np.array_equal(np.column_stack([iris[name] for name in NUMBERS.split(",")]), X)
    assert iris["species"].tolist() == load_iris().target_names[y].tolist()
    diabetes = np.genfromtxt(DIABETES, delimiter=",", skip_header=1)
    truth = load_diabetes(scaled=False)
    assert np.array_equal(diabetes, np.column_stack([truth.data, truth.target]))


# --- linear ---


def test_linear(answers):
    found = answers("linear", DIABETES, "--target", "progression")
    truth = load_diabetes(scaled=False)
    A = np.column_stack([np.ones(442), truth.data])
    b, rss, *_ = np.linalg.lstsq(A, truth.target)
    error = np.sqrt(rss[0] / 431 * np.diag(np.linalg.inv(A.T @ A)))
    assert [row["name"] for row in found["coefficients"]] == ["intercept", *truth.feature_names]
    assert np.allclose([row["estimate"] for row in found["coefficients"]], b)
    assert np.allclose([row["standard_error"] for row in found["coefficients"]], error)
    assert found["r2"] == pytest.approx(1 - rss[0] / np.sum((truth.target - truth.target.mean()) ** 2))
    verdict = found["verdict"]
    assert (verdict["kind"], verdict["success"], verdict["ended"]) == ("strict minimum", True, True)
    assert found["data"]["features"] == truth.feature_names and found["command"] == "fit"


def test_linear_is_told_as_people_know_it(run):
    code, out, error = run("fit", "linear", DIABETES, "--target", "progression", "--features", "bmi,bp", "--level", 0.9)
    assert (code, error) == (0, "")
    assert "Linear regression of progression" in out and "Adjusted R²" in out
    assert re.search(r"^bmi +8\.\d+ ", out, re.MULTILINE) and "0.95]" in out
    assert "kind      strict minimum" in out and "features  bmi, bp" in out


def test_linear_with_a_column_of_text(answers, run):
    arguments = (
        "linear",
        IRIS,
        "--target",
        "petal_width",
        "--features",
        "sepal_length,species",
        "--one-hot",
        "species",
    )
    found = answers(*arguments)
    names = [row["name"] for row in found["coefficients"]]
    assert names == ["intercept", "sepal_length", "species_versicolor", "species_virginica"]
    A = np.column_stack([np.ones(150), X[:, 0], y == 1, y == 2])
    assert np.allclose([row["estimate"] for row in found["coefficients"]], np.linalg.lstsq(A, X[:, 3])[0])
    assert "reference  species = setosa, which the other values" in run("fit", *arguments)[1]
    without = answers(*arguments, "--no-intercept")
    assert len(without["coefficients"]) == 4 and without["coefficients"][1]["name"] == "species_setosa"


def test_linear_options(answers, table):
    name = table("x,z,w,y\n0,1,1,1\n1,0,1,3\n2,1,0,99\n3,2,2,6\n4,4,1,8\n")
    found = answers("linear", name, "--target", "y", "--weights", "w", "--features", "x")
    x, v, w = np.array([0, 1, 3, 4]), np.array([1, 3, 6, 8]), np.array([1, 1, 2, 1])
    slope, height = np.polyfit(x, v, 1, w=np.sqrt(w))
    assert np.allclose([row["estimate"] for row in found["coefficients"]], [height, slope])
    falling = table("x,y\n0,3\n1,2\n2,1\n", "f.csv")
    kept = answers("linear", falling, "--target", "y", "--positive")
    assert kept["coefficients"][1]["estimate"] == 0


def test_columns_that_repeat_are_named(run, table):
    code, out, _ = run("fit", "linear", table("a,b,y\n1,2,1\n2,4,3\n3,6,4\n5,10,6\n"), "--target", "y")
    assert code == 0 and "b = 2*a" in out


def test_constant_columns_are_noted(run, table):
    _, out, _ = run("fit", "linear", table("a,b,y\n1,7,1\n2,7,3\n3,7,4\n"), "--target", "y")
    assert "note      b has the same value in every row, and says nothing" in out


# --- networks ---


def test_a_target_of_text_is_classes(answers):
    found = answers("network", IRIS, "--target", "species", "--hidden", "8", "--epochs", 2000)
    assert (found["class"], found["task"], found["layers"]) == ("NeuralNetworkClassifier", "classifier", [4, 8, 3])
    assert found["notes"][0] == "species is text, so its 3 values are classes"
    assert found["score_held_out"] > 0.9 and found["data"]["held_out"] == 30
    assert [c["class"] for c in found["classes"]] == ["setosa", "versicolor", "virginica"]
    assert [c["rows"] for c in found["classes"]] == [10, 10, 10]
    assert found["verdict"]["ended"] and len(found["loss_curve"]) == found["verdict"]["iterations"]


def test_a_target_of_numbers_is_numbers(answers):
    found = answers("network", DIABETES, "--target", "progression", "--hidden", "none", "--solver", "lbfgs")
    assert (found["class"], found["metric"]) == ("NeuralNetworkRegressor", "r2")
    assert found["score_held_out"] > 0.3  # without hidden layers it is linear regression
    assert found["verdict"]["success"]


@pytest.mark.parametrize("option, task", [((), "classifier"), (["--regressor"], "regressor")])
def test_whole_numbers_are_classes_unless_it_is_said(answers, table, option, task):
    rows = "\n".join(f"{k % 10},{k % 10 // 5}" for k in range(100))
    found = answers("network", table("x,late\n" + rows), "--target", "late", "--solver", "lbfgs", *option)
    assert found["task"] == task
    if not option:
        assert found["notes"][0] == "late has 2 whole numbers, taken for classes; --regressor predicts numbers"
        assert [c["class"] for c in found["classes"]] == ["0", "1"]


def test_numbers_can_be_classes(answers, table):
    rows = "\n".join(f"{k % 10},{0.5 if k % 10 < 5 else 1.5}" for k in range(50))
    found = answers("network", table("x,t\n" + rows), "--target", "t", "--classifier", "--solver", "lbfgs")
    assert [c["class"] for c in found["classes"]] == ["0.5", "1.5"]


def test_limits_are_exit_code_1_and_said(run):
    code, out, error = run("fit", "network", IRIS, "--target", "species", "--epochs", 2)
    assert (code, error) == (1, "")
    assert out.startswith("Neural network, classifier of species: NOT CONVERGED\n")
    assert "2 epochs are over" in out


def test_the_same_seed_is_the_same_network(answers):
    arguments = ("network", IRIS, "--target", "species", "--hidden", "4", "--epochs", 30)
    first, again, other = (answers(*arguments, "--seed", seed, code=1) for seed in (3, 3, 4))
    assert first["loss_curve"] == again["loss_curve"] != other["loss_curve"]


def test_held_out_rows(answers):
    found = answers("network", IRIS, "--target", "species", "--solver", "lbfgs", "--held-out", 0)
    assert found["score_held_out"] is None and found["data"]["held_out"] == 0
    assert sum(c["rows"] for c in found["classes"]) == 150


def test_early_stopping(answers):
    found = answers("network", IRIS, "--target", "species", "--early-stopping", "--hidden", "8")
    assert len(found["validation_scores"]) == len(found["loss_curve"])


# --- clusters and mixtures ---


def test_kmeans(answers, run):
    arguments = ("kmeans", IRIS, "--clusters", 3, "--features", NUMBERS)
    found = answers(*arguments)
    assert found["inertia"] == pytest.approx(78.851441426)  # the known best
    assert sorted(c["rows"] for c in found["clusters"]) == [38, 50, 62]
    labels = np.array(found["labels"])
    for k, cluster in enumerate(found["clusters"]):
        assert np.allclose(list(cluster["centre"].values()), X[labels == k].mean(axis=0))
    _, out, _ = run("fit", *arguments)
    assert "inertia   78.85144143" in out and re.search(r"cluster \d +62 +5\.90161", out)


def test_centres_are_in_the_units_of_the_table(answers):
    found = answers("kmeans", IRIS, "--clusters", 2, "--features", NUMBERS, "--standardize")
    labels = np.array(found["labels"])
    for k, cluster in enumerate(found["clusters"]):
        assert np.allclose(list(cluster["centre"].values()), X[labels == k].mean(axis=0))


def test_mixture(answers, run):
    from sklearn.mixture import GaussianMixture

    arguments = ("mixture", IRIS, "--components", 2, "--features", NUMBERS)
    found = answers(*arguments)
    truth = GaussianMixture(2, tol=1e-10, max_iter=1000, random_state=0).fit(X)
    assert found["log_likelihood"] == pytest.approx(truth.score(X) * 150, rel=1e-6)
    assert found["bic"] == pytest.approx(truth.bic(X), rel=1e-6)
    small = min(found["components"], key=lambda c: c["weight"])
    assert small["mean"]["petal_length"] == pytest.approx(1.462, abs=1e-4)
    assert small["standard_deviation"]["petal_length"] == pytest.approx(X[:50, 2].std(), abs=1e-3)
    assert found["verdict"]["kind"] == "strict minimum"
    _, out, _ = run("fit", *arguments)
    assert "BIC, AIC        574.017832" in out and "standard deviations" in out


def test_a_mixture_in_other_units_is_the_same(answers):
    plain, scaled = (
        answers("mixture", IRIS, "--components", 2, "--features", NUMBERS, *more) for more in ((), ("--standardize",))
    )
    for a, b in zip(*(sorted(f["components"], key=lambda c: c["weight"]) for f in (plain, scaled))):
        assert a["weight"] == pytest.approx(b["weight"], abs=1e-3)
        assert a["mean"] == pytest.approx(b["mean"], abs=1e-2)
        assert a["standard_deviation"] == pytest.approx(b["standard_deviation"], abs=1e-2)


def test_a_mixture_takes_missing_values(run, table):
    lines = IRIS.read_text().splitlines()
    lines[3] = ",3.2,1.3,0.2,setosa"
    arguments = ("--components", 2, "--features", NUMBERS)
    code, out, _ = run("fit", "mixture", table("\n".join(lines)), *arguments)
    assert code == 0 and "missing         1 row with missing values, which are integrated out" in out


def test_autoencoder(answers, run):
    from sklearn.decomposition import PCA

    arguments = ("autoencoder", IRIS, "--features", NUMBERS, "--held-out", 0, "--alpha", 0)
    found = answers(*arguments)
    standard = (X - X.mean(0)) / X.std(0)
    kept = PCA(2).fit(standard).explained_variance_ratio_.sum()
    assert found["variance_kept_training"] == pytest.approx(kept, abs=1e-4)  # linear: the principal subspace
    assert found["error_held_out"] is None
    assert f"{100 * kept:.2f}"[:4] in run("fit", *arguments)[1]


# --- files ---


@pytest.mark.parametrize(
    "arguments, kind",
    [
        (("linear", DIABETES, "--target", "progression", "--features", "bmi"), "LinearRegression"),
        (("network", IRIS, "--target", "species", "--solver", "lbfgs", "--hidden", "4"), "Pipeline"),
        (("network", DIABETES, "--target", "bmi", "--solver", "lbfgs", "--hidden", "none"), "Pipeline"),
        (("kmeans", IRIS, "--clusters", 2, "--features", NUMBERS), "KMeans"),
        (("mixture", IRIS, "--components", 2, "--features", NUMBERS), "GaussianMixture"),
        (("autoencoder", IRIS, "--features", NUMBERS), "Pipeline"),
    ],
)
def test_pictures_and_models_are_written(run, tmp_path, arguments, kind):
    code, out, error = run("fit", *arguments, "--plot", "p.png", "--out", "m.tw")
    assert (code, error) == (0, "") and re.search("^saved +m.tw$", out, re.MULTILINE)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    model = tw.models.load(tmp_path / "m.tw")
    assert type(model).__name__ == kind
    inner = model[-1] if kind == "Pipeline" else model
    assert getattr(inner, "regressor_", inner).solution_.kind  # the verdict is in the file
    assert sorted(os.listdir(tmp_path)) == ["m.tw", "p.png"]


def test_a_saved_model_takes_the_table_as_it_is(run, tmp_path):
    run("fit", "network", IRIS, "--target", "species", "--solver", "lbfgs", "--hidden", "4", "--out", "m.tw")
    import pandas

    frame = pandas.read_csv(IRIS)
    model = tw.models.load(tmp_path / "m.tw")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.predict(frame[NUMBERS.split(",")])
    assert np.mean(found == frame["species"]) > 0.9


# --- complaints ---


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["linear", IRIS], "Missing option '--target'"),
        (["kmeans", IRIS], "Missing option '--clusters'"),
        (["linear"], "Missing argument 'DATA'"),
        (["nonsense", IRIS], "No such command 'nonsense'"),
        (["linear", "nowhere.csv", "--target", "y"], "there is no file nowhere.csv"),
        (["linear", IRIS, "--target", "specie"], "no column specie; did you mean species?"),
        (
            ["linear", IRIS, "--target", "species"],
            "species is text (setosa, …), and linear regression predicts numbers",
        ),
        (
            ["linear", IRIS, "--target", "petal_width"],
            "iris.csv, line 2, column species: 'setosa' is text, not a number",
        ),
        (["network", IRIS, "--target", "species", "--regressor"], "--regressor: species is text; numbers are needed"),
        (["network", IRIS, "--target", "species", "--hidden", "64;32"], "--hidden: the width of each layer is needed"),
        (["network", IRIS, "--target", "species", "--hidden", "__import__('os')"], "--hidden: the width of each"),
        (["network", IRIS, "--target", "species", "--activation", "sine"], "sine"),
        (["network", IRIS, "--target", "species", "--solver", "newton"], "solver='newton': give one of"),
        (["network", IRIS, "--target", "species", "--learning-rate", "-1"], "learning_rate_init=-1.0: give a number"),
        (["network", IRIS, "--target", "species", "--held-out", "0.99"], "'--held-out'"),
        (["kmeans", IRIS, "--clusters", 0, "--features", NUMBERS], "'--clusters'"),
        (["kmeans", IRIS, "--clusters", 151, "--features", NUMBERS], "151"),
        (["mixture", IRIS, "--components", 2, "--features", NUMBERS, "--covariance", "round"], "covariance_type"),
        (["linear", IRIS, "--target", "petal_width", "--level", "2"], "--level: a number between 0 and 1"),
        (["linear", IRIS, "--target", "petal_width", "--plot", "p.txt"], "--plot: end the name of the file with .png"),
        (["linear", IRIS, "--target", "petal_width", "--out", "no/m.tw"], "--out: there is no folder no"),
        (["linear", IRIS, "--target", "petal_width", "--out", "."], "--out: . is a directory; name a file in it"),
    ],
)
def test_wrong_use_is_one_clear_sentence(fails, arguments, message):
    assert message in fails("fit", *arguments)


def test_data_that_cannot_be_fitted(fails, table):
    one = table("x,y\n1,a\n2,a\n3,a\n")
    assert "y has one class only, a; two are needed" in fails("fit", "network", one, "--target", "y")
    gap = table("x,y\n1,1\n,2\n3,3\n")
    assert "t.csv, line 3, column x: the value is missing" in fails("fit", "kmeans", gap, "--clusters", 2)
    infinite = table("x,y\n1,1\n2,inf\n")
    assert "t.csv, line 3, column y: the value is infinite" in fails("fit", "mixture", infinite, "--components", 1)


def test_a_model_that_cannot_be_saved_is_said_after_the_fit(run, tmp_path, monkeypatch):
    from thalweg.models import container

    def full(file, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(container, "_write", full)
    code, _, error = run("fit", "kmeans", IRIS, "--clusters", 2, "--features", NUMBERS, "--out", "m.tw")
    assert code == 2 and "--out: m.tw: The model could not be saved (No space left on device)" in error
    assert os.listdir(tmp_path) == []


def test_help_is_readable(run):
    for model in ("linear", "network", "kmeans", "mixture", "autoencoder"):
        code, out, _ = run("fit", model, "--help")
        assert code == 0 and "--features A,B,C" in out and max(map(len, out.splitlines())) <= 80
    code, out, _ = run("fit", "--help")
    assert code == 0 and "..." not in out.partition("Commands:")[2]  # no line is cut short


# --- words and progress ---


def test_widths():
    assert widths("64,32") == (64, 32) and widths("none") == ()
    for bad in ("", "a", "-1", "1,,2", "0,3", "99999999", "3.5"):
        with pytest.raises(ArgumentError, match="--hidden"):
            widths(bad)


def test_warnings_become_notes_and_refusals_complaints():
    from sklearn.exceptions import ConvergenceWarning

    notes = ["known"]
    with training._in_words(notes):
        warnings.warn("twice\n over", ConvergenceWarning)
        warnings.warn("twice\n over", ConvergenceWarning)
        warnings.warn("old", DeprecationWarning)
        warnings.warn("X does not have valid feature names, but", UserWarning)
    assert notes == ["known", "twice over"]
    with pytest.raises(ArgumentError, match="n_samples=1 should"), training._in_words(notes):
        raise ValueError("n_samples=1\n  should be more")


def test_progress_is_shown_on_a_terminal_and_nowhere_else(tmp_path):
    import pty

    command = [sys.executable, "-m", "thalweg", "fit", "network", str(IRIS), "--target", "species", "--epochs", "3000"]
    command += ["--batch-size", "2", "--early-stopping", "--hidden", "64,64"]
    environment = {**os.environ, "PYTHONPATH": str(Path(thalweg.__file__).parent.parent), "TERM": "xterm"}
    leader, follower = pty.openpty()
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, env=environment, cwd=tmp_path)
    os.close(follower)
    seen = b""
    try:
        while chunk := os.read(leader, 4096):
            seen += chunk
    except OSError:  # the other side is closed
        pass
    out, _ = running.communicate(timeout=60)
    os.close(leader)
    assert running.returncode in (0, 1) and out.decode().startswith("Neural network, classifier of species")
    assert "of 3000" in seen.decode() and "epoch" in seen.decode()
    assert b"epoch 1 " not in out
