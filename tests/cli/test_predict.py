"""`thalweg predict`: columns found by name, one line a row, and what is said of models and tables that do not fit."""

import csv
import io
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import thalweg
import thalweg as tw
from thalweg.cli import main

ROOT = Path(__file__).parent.parent.parent
IRIS, DIABETES = ROOT / "examples" / "iris.csv", ROOT / "examples" / "diabetes.csv"
NUMBERS = "sepal_length,sepal_width,petal_length,petal_width"
FITS = {
    "linear": ("linear", DIABETES, "--target", "progression"),
    "onehot": ("linear", IRIS, "--target", "petal_width", "--one-hot", "all"),
    "classes": ("network", IRIS, "--target", "species", "--solver", "lbfgs", "--hidden", "4"),
    "numbers": ("network", DIABETES, "--target", "progression", "--solver", "lbfgs", "--hidden", "none"),
    "kmeans": ("kmeans", IRIS, "--clusters", "3", "--features", NUMBERS, "--standardize"),
    "mixture": ("mixture", IRIS, "--components", "2", "--features", NUMBERS),
    "autoencoder": ("autoencoder", IRIS, "--features", NUMBERS),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Each model in a file, fitted when it is first asked for."""
    folder = tmp_path_factory.mktemp("models")

    class Models(dict):
        def __missing__(self, name):
            path = folder / f"{name}.tw"
            assert main(["fit", *map(str, FITS[name]), "--out", str(path)]) == 0
            self[name] = path
            return path

    return Models()


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def fails(run):
    def fails(*arguments):
        code, out, error = run(*arguments)
        assert (code, out) == (2, ""), error
        assert error.startswith("thalweg: ") and error.count("\n") == 1
        return error.removeprefix("thalweg: ").rstrip("\n")

    return fails


@pytest.fixture
def table(tmp_path):
    def table(content, name="t.csv"):
        (tmp_path / name).write_text(content)
        return name

    return table


def read(text):
    rows = list(csv.reader(io.StringIO(text)))
    return {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}


def quietly(ask, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the rows come without names
        return ask(*arguments, **options)


def numbers(columns, name):
    return np.array(columns[name], dtype=float)


def test_linear(run, models):
    code, out, error = run("predict", models["linear"], DIABETES)
    columns = read(out)
    assert code == 0 and list(columns) == ["prediction", "lower", "upper"]
    model = tw.models.load(models["linear"])
    X = np.genfromtxt(DIABETES, delimiter=",", skip_header=1)[:, :-1]
    truth = quietly(model.predict, X, interval="prediction")
    for name, expected in zip(columns, truth):
        assert np.array_equal(numbers(columns, name), expected)  # all digits are written
    assert error == "thalweg: 442 rows predicted, R² 0.517748\n"


def test_classes_have_probabilities(run, models):
    code, out, error = run("predict", models["classes"], IRIS)
    columns = read(out)
    assert code == 0
    assert list(columns) == ["prediction", "probability_setosa", "probability_versicolor", "probability_virginica"]
    shares = np.column_stack([numbers(columns, name) for name in list(columns)[1:]])
    assert np.allclose(shares.sum(axis=1), 1)
    names = np.array(["setosa", "versicolor", "virginica"])
    assert columns["prediction"] == names[shares.argmax(axis=1)].tolist()
    assert error.startswith("thalweg: 150 rows predicted, accuracy 0.9")


def test_numbers_come_back_in_their_units(run, models):
    _, out, _ = run("predict", models["numbers"], DIABETES)
    found = numbers(read(out), "prediction")
    seen = np.genfromtxt(DIABETES, delimiter=",", skip_header=1)[:, -1]
    assert np.corrcoef(found, seen)[0, 1] > 0.6 and abs(found.mean() - seen.mean()) < 10


def test_clusters(run, models):
    _, out, error = run("predict", models["kmeans"], IRIS)
    columns = read(out)
    model = tw.models.load(models["kmeans"])
    assert list(columns) == ["cluster", "distance"] and error == ""
    assert sorted(np.bincount([int(k) for k in columns["cluster"]])) == sorted(np.bincount(model[-1].labels_))
    assert numbers(columns, "distance").min() > 0
    assert np.sum(numbers(columns, "distance") ** 2) == pytest.approx(model[-1].inertia_)


def test_mixtures(run, models, table):
    _, out, _ = run("predict", models["mixture"], IRIS)
    columns = read(out)
    assert list(columns) == ["component", "probability_0", "probability_1", "log_density"]
    lines = IRIS.read_text().splitlines()[:3]
    gap = table("\n".join([*lines, "NA,3,1.4,,setosa"]))
    code, out, _ = run("predict", models["mixture"], gap)
    assert code == 0 and np.isfinite(numbers(read(out), "log_density")).all()


def test_codes(run, models):
    _, out, _ = run("predict", models["autoencoder"], IRIS)
    columns = read(out)
    assert list(columns) == ["code_0", "code_1", "error"]
    model = tw.models.load(models["autoencoder"])
    X = np.genfromtxt(IRIS, delimiter=",", skip_header=1)[:, :4]
    code = quietly(model.transform, X)
    assert np.array_equal(np.column_stack([numbers(columns, f"code_{k}") for k in range(2)]), code)


def test_columns_are_found_by_name(run, models, table):
    plain = read(run("predict", models["classes"], IRIS)[1])
    rows = [row.split(",") for row in IRIS.read_text().splitlines()]
    turned = "\n".join(";".join([*reversed(row), "note" if k == 0 else "x"]) for k, row in enumerate(rows))
    assert read(run("predict", models["classes"], table(turned))[1]) == plain


def test_zeros_and_ones_are_made_as_in_the_fit(run, models, table):
    whole = read(run("predict", models["onehot"], IRIS)[1])
    lines = IRIS.read_text().splitlines()
    some = table("\n".join([lines[0], lines[149], lines[1]]))
    code, out, error = run("predict", models["onehot"], some)
    assert code == 0 and read(out)["prediction"] == [whole["prediction"][148], whole["prediction"][0]]
    assert "R²" in error  # petal_width is there


def test_json(run, models):
    code, out, error = run("predict", models["classes"], IRIS, "--json")
    found = json.loads(out)
    assert (code, error) == (0, "")
    assert (found["command"], found["model"], found["class"]) == ("predict", "network", "NeuralNetworkClassifier")
    assert len(found["columns"]["prediction"]) == found["rows"] == 150
    assert found["score"]["name"] == "accuracy" and found["score"]["value"] > 0.9


def test_out(run, models, tmp_path):
    code, out, error = run("predict", models["kmeans"], IRIS, "--out", "p.csv")
    assert (code, out, error) == (0, "150 rows predicted; saved in p.csv\n", "")
    assert (tmp_path / "p.csv").read_text() == run("predict", models["kmeans"], IRIS)[1]
    assert os.listdir(tmp_path) == ["p.csv"]


def test_what_is_predicted_can_be_joined_by_its_order(run, models, table):
    lines = IRIS.read_text().splitlines()
    gaps = "\n".join([lines[0], "", lines[60], "  ", lines[1], ""])
    assert read(run("predict", models["classes"], table(gaps))[1])["prediction"] == ["versicolor", "setosa"]


def test_scores_of_rows_that_have_the_target(run, models, table):
    lines = IRIS.read_text().splitlines()
    some = table("\n".join([*lines[:4], "5,3,1.4,0.2,", "5,3,1.4,0.2,NA"]))
    _, _, error = run("predict", models["classes"], some)
    assert error == "thalweg: 5 rows predicted, accuracy 1 on the 3 rows that have species\n"


@pytest.mark.parametrize(
    "model, content, message",
    [
        ("classes", "sepal_length,species\n1,a\n", "t.csv lacks the columns sepal_width, petal_length, petal_width"),
        ("classes", f"{NUMBERS}\n1,2,3,x\n", "t.csv, line 2, column petal_width: 'x' is text, not a number"),
        ("classes", f"{NUMBERS}\n1,2,3,\n", "t.csv, line 2, column petal_width: the value is missing"),
        ("onehot", f"{NUMBERS},species\n1,2,3,4,rosa\n", "t.csv, line 2, column species: rosa is none of the values"),
        ("classes", "", "t.csv is empty"),
    ],
)
def test_tables_that_do_not_fit(fails, models, table, model, content, message):
    assert message in fails("predict", models[model], table(content))


def test_models_that_are_none(fails, models, table, tmp_path):
    assert "there is no file nowhere.tw" in fails("predict", "nowhere.tw", IRIS)
    assert "is no model that thalweg has saved" in fails("predict", IRIS, IRIS)
    assert "is a directory" in fails("predict", ".", IRIS)
    broken = tmp_path / "broken.tw"
    broken.write_bytes(models["classes"].read_bytes()[:-100])
    assert "broken.tw is damaged" in fails("predict", broken, IRIS)
    nameless = tmp_path / "nameless.tw"
    tw.models.KMeans(2, random_state=0).fit([[0.0], [1.0], [5.0]]).save(nameless)
    assert "nameless.tw has no names of columns" in fails("predict", nameless, IRIS)
    assert "--out: there is no folder no" in fails("predict", models["classes"], IRIS, "--out", "no/p.csv")


def test_models_that_were_fitted_on_frames(run, tmp_path):
    import pandas

    frame = pandas.read_csv(IRIS)
    tw.models.KMeans(2, random_state=0).fit(frame[["petal_width", "petal_length"]]).save(tmp_path / "m.tw")
    code, out, _ = run("predict", "m.tw", IRIS)
    assert code == 0 and len(read(out)["cluster"]) == 150


def test_a_recipe_that_says_nonsense_is_refused(fails, models, tmp_path):
    model = tw.models.load(models["classes"])
    for nonsense in ({"model": "network"}, 3, {"recipe": {"columns": 5}, "model": "x", "target": None}):
        model._table = nonsense
        from thalweg.models.persistence import save

        save(model, tmp_path / "m.tw")
        assert "m.tw does not say how its features are made" in fails("predict", "m.tw", IRIS)


def test_a_pipe(models, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(thalweg.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "thalweg", "predict", str(models["kmeans"]), "-"],
        input=IRIS.read_bytes(), capture_output=True, env=environment, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout.count(b"\n") == 151
