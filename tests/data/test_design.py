"""Features and target from a table, and that what no model can take is an error that names column and row."""

import numpy as np
import pytest

from thalweg.data import Recipe, design, read_table, redesign
from thalweg.data.design import names_of
from thalweg.errors import ArgumentError

IRIS = "length,width,species,same\n5.1,3.5,setosa,1\n7.0,3.2,versicolor,1\n6.3,3.3,virginica,1\n5.8,2.7,virginica,1\n"


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def table(content=IRIS, **options):
        (tmp_path / "t.csv").write_text(content)
        return read_table("t.csv", **options)

    return table


def fails(*arguments, **options):
    with pytest.raises(ArgumentError) as error:
        design(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_features_are_all_other_columns(table):
    found = design(table(), target="species")
    assert found.names == ["length", "width", "same"]
    assert found.X.tolist() == [[5.1, 3.5, 1], [7.0, 3.2, 1], [6.3, 3.3, 1], [5.8, 2.7, 1]]
    assert found.y.tolist() == ["setosa", "versicolor", "virginica", "virginica"]
    assert found.notes == ["same has the same value in every row, and says nothing"]
    assert found.weights is None


def test_features_in_the_order_asked_for(table):
    found = design(table(), "species", ["width", "length", "width"], weights="same")
    assert found.names == ["width", "length"] and found.notes == []
    assert found.weights.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("asked", ["species", "all"])
def test_text_becomes_zeros_and_ones_when_asked(table, asked):
    found = design(table(), "length", ["species", "width"], one_hot=[asked])
    assert found.names == ["species_setosa", "species_versicolor", "species_virginica", "width"]
    assert found.X.tolist() == [[1, 0, 0, 3.5], [0, 1, 0, 3.2], [0, 0, 1, 3.3], [0, 0, 1, 2.7]]
    beside = design(table(), "length", ["species", "width"], one_hot=[asked], reference=True)
    assert beside.names == ["species_versicolor", "species_virginica", "width"]
    assert np.array_equal(beside.X, found.X[:, 1:])


def test_a_column_of_numbers_becomes_zeros_and_ones_when_asked(table):
    found = design(table("x,g\n1,3\n2,1.5\n3,3\n"), None, one_hot=["g"])
    assert found.names == ["x", "g_1.5", "g_3"] and found.X[:, 1:].tolist() == [[0, 1], [1, 0], [0, 1]]


def test_a_column_that_is_called_all(table):
    found = design(table("all,t\na,1\nb,2\n"), "t", one_hot=["all"])
    assert found.names == ["all_a", "all_b"]


@pytest.mark.parametrize(
    "content, options, message",
    [
        (IRIS, {}, "t.csv, line 2, column species: 'setosa' is text, not a number; leave species out (--features), or "
                   "make zeros and ones of it: --one-hot species"),
        ("x,y\n1,2\n2,three\n", {}, "t.csv, line 3, column y: 'three' is text, not a number; leave y out"),
        ("x;y\n1;2,5\n", {}, "t.csv, line 2, column y: '2,5' is text, not a number; write decimals with a point"),
        ("x,y\n1,2\n2,\n3,NA\n", {}, "t.csv, line 3, column y: the value is missing (2 of 3 rows); fill it in, "
                                     "remove the row, or leave y out"),
        ("x,y\n1,\n2,\n", {"missing": True}, "t.csv, line 2, column y: the value is missing (2 of 2 rows)"),
        ("x,y\n1,2\n2,-inf\n", {}, "t.csv, line 3, column y: the value is infinite; correct it"),
        ("x,y\n1,2\n2,inf\n", {"missing": True}, "t.csv, line 3, column y: the value is infinite"),
        ("x,y\n1,2\n2,inf\n", {"target": "y"}, "t.csv, line 3, column y: the value is infinite"),
        ("x,y\n1,2\n2,\n", {"target": "y", "missing": True}, "t.csv, line 3, column y: the value is missing"),
        ("x,y\n1,a\n2,\n", {"target": "y"}, "t.csv, line 3, column y: the value is missing"),
        ("x,y\n1,a\n2,\n", {"one_hot": ["y"]}, "t.csv, line 3, column y: the value is missing"),
        ("x,y\n1,1\n2,inf\n", {"one_hot": ["y"]}, "t.csv, line 3, column y: the value is infinite"),
        (IRIS, {"target": "specis"}, "--target: t.csv has no column specis; did you mean species?"),
        (IRIS, {"target": "zzz"}, "--target: t.csv has no column zzz; there are length, width, species, same"),
        (IRIS, {"features": ["lenght"]}, "--features: t.csv has no column lenght; did you mean length?"),
        (IRIS, {"one_hot": ["zzz"]}, "--one-hot: t.csv has no column zzz"),
        (IRIS, {"features": ["width"], "one_hot": ["species"]}, "--one-hot: species is none of the features"),
        (IRIS, {"weights": "zzz"}, "--weights: t.csv has no column zzz"),
        (IRIS, {"weights": "species", "features": ["width"]}, "column species: 'setosa' is text"),
        (IRIS, {"target": "width", "features": ["width"]}, "--features: width is the target"),
        (IRIS, {"weights": "width", "features": ["width"]}, "--features: width is the column of weights"),
        ("x,w\n1,1\n2,-1\n", {"weights": "w"}, "t.csv, line 3, column w: the weight -1 is negative"),
        ("x,w\n1,0\n2,0\n", {"weights": "w"}, "column w: all weights are zero"),
        ("y\n1\n", {"target": "y"}, "t.csv has no columns left to fit"),
        ("x\n" + "\n".join(f"a{k}" for k in range(101)), {"one_hot": ["x"]}, "--one-hot: x has 101 different values, "
                                                                            "and columns for at most 100"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_named(table, content, options, message):
    assert message in fails(table(content), **options)


def test_what_is_missing_stays_where_the_model_takes_it(table):
    found = design(table("x,g\n1,a\n,b\n3,\n"), one_hot=["g"], missing=True)
    assert np.array_equal(found.X, [[1, 1, 0], [np.nan, 0, 1], [3, np.nan, np.nan]], equal_nan=True)


def test_columns_of_parquet_that_no_model_takes(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from datetime import date

    from pyarrow import parquet

    path = str(tmp_path / "t.parquet")
    parquet.write_table(pyarrow.table({"day": [date(2020, 1, 1)], "x": [1.0], "y": [2.0]}), path)
    table = read_table(path)
    assert "column day holds date32[day], which is no number; leave it out: --features x" in fails(table, "y")
    assert "column day holds date32[day], which is no number" in fails(table, "y", ["day"])
    assert "column day holds date32[day], which cannot be predicted" in fails(table, "day", ["x"])
    assert design(table, "y", ["x"]).X.tolist() == [[1.0]]


def test_notes(table):
    assert design(table(",x,\n1,1,\n2,2,\n")).notes == ["2 columns without a name are left out"]
    assert design(table(",x,y,z\n1,1,1,1\n2,1,1,2\n")).notes == [
        "1 column without a name is left out",
        "x, y have one value in all rows, and say nothing",
    ]


# --- the same again for another table ---


def test_a_recipe_makes_the_same_features_of_another_table(table):
    first = design(table(), "length", ["species", "width"], one_hot=["species"], reference=True)
    recipe = Recipe.from_dict(first.recipe.to_dict())
    assert recipe == first.recipe and recipe.names == first.names and recipe.texts == ["species"]
    X = redesign(table("note,width,species\na,1,virginica\nb,2,setosa\n"), recipe)
    assert X.tolist() == [[0, 1, 1], [0, 0, 2]]


def test_values_that_are_text_stay_text_where_all_cells_are_numbers(table):
    first = design(table("code,x\n01,1\nA,2\n"), one_hot=["code"])
    again = table("code,x\n01,5\n", as_text=first.recipe.texts)
    assert redesign(again, first.recipe).tolist() == [[1, 0, 5]]


@pytest.mark.parametrize(
    "content, message",
    [
        ("species\nsetosa\n", "t.csv lacks the column width, from which the model predicts; it has species"),
        ("a,b\n1,2\n", "t.csv lacks the columns species, width, from which the model predicts; it has a, b"),
        ("width,species\n1,rosa\n", "t.csv, line 2, column species: rosa is none of the values that the model has met: "
                                    "setosa, versicolor, virginica"),
        ("width,species\n1,3\n", "column species holds numbers, and held text when the model was fitted"),
        ("width,species\nx,setosa\n", "t.csv, line 2, column width: 'x' is text"),
        ("width,species\n,setosa\n", "t.csv, line 2, column width: the value is missing"),
        ("width,species\n1,\n", "t.csv, line 2, column species"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit(table, content, message):
    recipe = design(table(), "length", ["species", "width"], one_hot=["species"]).recipe
    with pytest.raises(ArgumentError) as error:
        redesign(table(content), recipe)
    assert message in str(error.value)


def test_names_of_columns():
    assert names_of(None, "--features") == []
    assert names_of(["a, b", "ｃ"], "--features") == ["a", "b", "c"]
    assert names_of(['"a, b",c'], "--features") == ["a, b", "c"]
    for text in ("a,,b", "", '"a'):
        with pytest.raises(ArgumentError, match="--features: "):
            names_of([text], "--features")
