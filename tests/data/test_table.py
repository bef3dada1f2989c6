"""Whole tables: what is a number, what is text, what is missing, and where every row stands."""

import io
import sys

import numpy as np
import pytest

from thalweg.data import read_table, table
from thalweg.data.table import first_text, is_text
from thalweg.errors import ArgumentError

pyarrow = pytest.importorskip("pyarrow")


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Write a text as table.csv and read it."""
    monkeypatch.chdir(tmp_path)

    def read(content, **options):
        (tmp_path / "table.csv").write_bytes(content.encode())
        return read_table("table.csv", **options)

    return read


def plain(found):
    return {name: column.tolist() for name, column in found.columns.items()}


def test_numbers_text_and_what_is_missing(read):
    found = read("x,site,y\n1,north,NA\n2.5, south ,\n-3e2,,4\n")
    assert found.columns["x"].tolist() == [1, 2.5, -300]
    assert found.columns["site"].tolist() == ["north", "south", None]
    assert np.array_equal(found.columns["y"], [np.nan, np.nan, 4], equal_nan=True)
    assert [is_text(c) for c in found.columns.values()] == [False, True, False]
    assert found.lines.tolist() == [2, 3, 4] and found.rows == 3
    assert found.place(1, "y") == "table.csv, line 3, column y"


def test_a_column_is_text_where_one_cell_is(read):
    assert read("x\n01\n2\n1_0\n").columns["x"].tolist() == ["01", "2", "1_0"]
    assert read("x\n1\ninf\n").columns["x"].tolist() == [1, np.inf]


@pytest.mark.parametrize("rows", [1, 2, 3, 1000])
def test_text_far_down_leaves_the_cells_above_as_they_were(read, monkeypatch, rows):
    monkeypatch.setattr(table, "ROWS_AT_ONCE", rows)
    found = read("code,x,y\n007,1,a\n08,2,b\n9,3,c\nA1,4,5\n")
    assert plain(found) == {"code": ["007", "08", "9", "A1"], "x": [1, 2, 3, 4], "y": ["a", "b", "c", "5"]}


def test_columns_that_are_to_be_text(read):
    assert read("zip,x\n01,1\n02,2\n", as_text=["zip"]).columns["zip"].tolist() == ["01", "02"]


def test_lines_are_those_of_the_file(read):
    found = read('\n\nx,note\n1,"two\nlines"\n\n2,b\n')
    assert found.lines.tolist() == [5, 7]
    assert found.columns["note"].tolist() == ["two\nlines", "b"]


def test_columns_without_a_name_are_left_out(read):
    found = read(",x,\n0,1,\n1,2,\n")
    assert plain(found) == {"x": [1, 2]} and found.unnamed == 2


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "table.csv is empty"),
        ("x,x\n1,2\n", "table.csv, line 1: x names 2 columns; rename all but one"),
        ("x,y\n1,2\n1\n", "table.csv, line 3: 1 field where the header has 2"),
        ("x,y\n", "table.csv has column names but no rows"),
        ("1,2\n3,4\n", "no column names here"),
        ('x,y\n1,2\n"3,4\n', "line 3: this is not CSV"),
    ],
)
def test_faults(read, content, message):
    with pytest.raises(ArgumentError) as error:
        read(content)
    assert message in str(error.value)


def test_no_utf8(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"x\n1\n\xff\n")
    with pytest.raises(ArgumentError, match=r"t\.csv, line 3: this is not UTF-8 text"):
        read_table(str(tmp_path / "t.csv"))
    with pytest.raises(ArgumentError, match="there is no file"):
        read_table(str(tmp_path / "nowhere.csv"))


def test_standard_input_is_read_once_even_where_a_column_turns_into_text(monkeypatch):
    monkeypatch.setattr(table, "ROWS_AT_ONCE", 2)

    class Standard:
        buffer = io.BytesIO(b"x,code\n1,01\n2,02\n3,A\n")

    monkeypatch.setattr(sys, "stdin", Standard)
    found = read_table("-")
    assert found.label == "standard input"
    assert plain(found) == {"x": [1, 2, 3], "code": ["01", "02", "A"]}


def test_the_first_cell_that_is_text():
    column = np.array(["1", None, "2,5", "x"], dtype=object)
    assert first_text(column) == (2, "2,5")
    assert first_text(np.array([None, "01"], dtype=object)) == (1, "01")


# --- Parquet ---


@pytest.fixture
def parquet(tmp_path, monkeypatch):
    from pyarrow import parquet

    monkeypatch.chdir(tmp_path)

    def write(columns, **options):
        parquet.write_table(pyarrow.table(columns), tmp_path / "table.anything")
        return read_table("table.anything", **options)

    return write


def test_parquet(parquet):
    from datetime import date
    from decimal import Decimal

    found = parquet(
        {
            "x": [1.5, None, 2.0],
            "n": pyarrow.array([1, 2, None], pyarrow.int32()),
            "f": pyarrow.array([1, 2, 3], pyarrow.float32()),
            "b": [True, False, None],
            "d": pyarrow.array([Decimal("1.25"), None, Decimal("3")]),
            "site": ["north", " ", None],
            "kind": pyarrow.array(["a", "b", "a"]).dictionary_encode(),
            "day": [date(2020, 1, 1)] * 3,
            "list": [[1], [2], [3]],
            "__index_level_0__": [0, 1, 2],
        }
    )
    nan = np.nan
    expected = {"x": [1.5, nan, 2], "n": [1, 2, nan], "f": [1, 2, 3], "b": [1, 0, nan], "d": [1.25, nan, 3]}
    for name, column in expected.items():
        assert found.columns[name].dtype == np.float64
        assert np.array_equal(found.columns[name], column, equal_nan=True), name
    assert found.columns["site"].tolist() == ["north", None, None]
    assert found.columns["kind"].tolist() == ["a", "b", "a"]
    assert found.unusable == {"day": "date32[day]", "list": "list<element: int64>"} and found.unnamed == 1
    assert found.place(2, "x") == "table.anything, row 3, column x"


def test_numbers_of_parquet_that_are_to_be_text(parquet):
    assert parquet({"zip": [1, 20], "x": [1, 2]}, as_text=["zip"]).columns["zip"].tolist() == ["1", "20"]


def test_pandas_writes_what_is_read(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, 2.0], "who": pandas.Categorical(["a", "b"])}, index=[5, 7])
    frame.to_parquet(tmp_path / "frame.parquet")
    assert plain(read_table(str(tmp_path / "frame.parquet"))) == {"x": [1, 2], "who": ["a", "b"]}


def test_broken_parquet(parquet, tmp_path):
    parquet({"x": [1.0]})
    whole = (tmp_path / "table.anything").read_bytes()
    for broken in (whole[:-9], whole[: len(whole) // 2], b"PAR1" + b"\0" * 50 + b"PAR1", b"PAR1"):
        (tmp_path / "table.anything").write_bytes(broken)
        with pytest.raises(ArgumentError, match=r"table\.anything cannot be read as Parquet"):
            read_table("table.anything")
    with pytest.raises(ArgumentError, match="has no rows"):
        parquet({"x": pyarrow.array([], pyarrow.float64())})


def test_without_pyarrow(parquet, monkeypatch):
    parquet({"x": [1.0]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pyarrow is needed: pip install thalweg\[models\]"):
        read_table("table.anything")
