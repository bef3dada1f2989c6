"""CSV reading: what is accepted, and that every fault is named by file, line and column."""

import io
import sys

import numpy as np
import pytest

from thalweg.data import csv_file
from thalweg.data.csv_file import read_columns
from thalweg.errors import ArgumentError


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Write a text (or bytes) as table.csv and read the columns x and y of it."""
    monkeypatch.chdir(tmp_path)

    def read(content, names=("x", "y")):
        (tmp_path / "table.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return {name: column.tolist() for name, column in read_columns("table.csv", names).items()}

    return read


@pytest.mark.parametrize(
    "content",
    [
        "x,y\n1,2\n3,4\n",
        "x,y\r\n1,2\r\n3,4",
        "x\ty\n1\t2\n3\t4\n",
        "x;y;note\n1;2;a, b\n3;4;c\n",
        "\ufeffx,y\n1,2\n3,4\n",
        '"x","y"\n"1","2"\n"3","4"\n',
        " x , y \n 1 , 2 \n 3 , 4 \n",
        "\n  \nx,y\n\n1,2\n   \n3,4\n\n",
        "y,site,x\n2,north,1\n4,south,3\n",
        "x,y,\n1.0,2e0,\n+3,4.,\n",
        'x,y,note\n1,2,"two\nlines"\n3,4,\n',
    ],
)
def test_the_same_table_in_many_dresses(read, content):
    assert read(content) == {"x": [1, 3], "y": [2, 4]}


def test_only_the_named_columns_are_read(read):
    assert read("x,y\n1,\n3,north\n", names=("x", "a")) == {"x": [1, 3]}


def test_a_single_column(read):
    assert read("x\n1\n2\n") == {"x": [1, 2]}


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "table.csv is empty; a line of column names is needed"),
        ("\n \n", "table.csv is empty; a line of column names is needed"),
        ("x,y\n", "table.csv has column names but no rows"),
        ("1,2\n3,4\n", "table.csv, line 1: no column names here"),
        (",\n1,2\n", "table.csv, line 2: no column names here"),
        (",\n", "line 1: no column names here"),
        ("x,y\n1,2\n1\n", "table.csv, line 3: 1 field where the header has 2"),
        ("x,y\n1,2,3\n", "table.csv, line 2: 3 fields where the header has 2"),
        ("x,y\n1,2\n\n3,\n", "table.csv, line 4, column y: the value is missing; fill it in or remove the row"),
        ("x,y\nNA,2\n", "table.csv, line 2, column x: the value is missing (NA)"),
        ("x,y\nnan,2\n", "table.csv, line 2, column x: the value is missing (nan)"),
        ("x,y\n1,-inf\n", "table.csv, line 2, column y: -inf is not finite"),
        ("x,y\n1,two\n", "table.csv, line 2, column y: 'two' is not a number"),
        ("x;y\n1;2,5\n", "table.csv, line 2, column y: '2,5' is not a number; write decimals with a point"),
        ("x,y\n1_000,2\n", "table.csv, line 2, column x: '1_000' is not a number"),
        ("x,y\n1," + "z" * 100 + "\n", "'" + "z" * 29 + "…' is not a number"),
        ("x,y,x\n1,2,3\n", "table.csv, line 1: x names 2 columns"),
        ("a,b\n1,2\n", "table.csv has the columns a, b; none of them is in the formula"),
        ('x,y\n1,2\n"3,4\n', "table.csv, line 3: this is not CSV"),
        ("x,y\n1," + "9" * 200_000, "table.csv, line 2: this is not CSV"),
        (b"x,y\n1,2\n\xff,4\n", "table.csv, line 3: this is not UTF-8 text"),
    ],
)
def test_faults_are_named_by_file_line_and_column(read, content, message):
    with pytest.raises(ArgumentError) as error:
        read(content)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_duplicate_names_do_not_matter_where_they_are_not_used(read):
    assert read("note,note,x\n1,2,3\n") == {"x": [3]}


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ArgumentError, match=r"there is no file .*nowhere\.csv"):
        read_columns(str(tmp_path / "nowhere.csv"), ["x"])
    with pytest.raises(ArgumentError, match="is a directory; name a CSV file"):
        read_columns(str(tmp_path), ["x"])
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_columns("x\0y.csv", ["x"])


class Standard:
    """A stand-in for sys.stdin that has only its bytes."""

    def __init__(self, content: bytes):
        self.buffer = io.BytesIO(content)


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Standard(b"x\n1\n2\n"))
    assert read_columns("-", ["x"])["x"].tolist() == [1, 2]
    monkeypatch.setattr(sys, "stdin", Standard(b"x\n\xff\n"))
    with pytest.raises(ArgumentError, match="standard input: this is not UTF-8 text"):
        read_columns("-", ["x"])


def test_progress_is_reported_on_a_long_file(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_file, "ROWS_BETWEEN_REPORTS", 1000)
    path = tmp_path / "long.csv"
    path.write_text("x\n" + "".join(f"{row}\n" for row in range(3500)))
    reports: list[str] = []
    columns = read_columns(str(path), ["x"], reports.append)
    assert np.array_equal(columns["x"], np.arange(3500.0))
    assert len(reports) == 3
    assert reports[-1].endswith("long.csv: 3,000 rows, 99 %")
