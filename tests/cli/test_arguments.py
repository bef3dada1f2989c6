"""Points as they are written in a shell."""

import numpy as np
import pytest

from thalweg.cli.arguments import read_point, write_point
from thalweg.errors import ArgumentError


def plain(point):
    return {name: np.asarray(value).tolist() for name, value in point.items()}


@pytest.mark.parametrize(
    "texts, point",
    [
        (["x=-1.2,y=1"], {"x": -1.2, "y": 1}),
        (["x=-1.2", " y = 1e3 "], {"x": -1.2, "y": 1000}),
        (["w=[1, 2, 3],b=0"], {"w": [1, 2, 3], "b": 0}),
        (["A=[[1,2],[3,4]]"], {"A": [[1, 2], [3, 4]]}),
        (["λ=.5"], {"λ": 0.5}),
        (["t=pi/2,w=[sqrt(4), 2^3]"], {"t": np.pi / 2, "w": [2, 8]}),
        ([], {}),
        ([" "], {}),
    ],
)
def test_points(texts, point):
    assert plain(read_point(texts, "--start")) == point


@pytest.mark.parametrize(
    "text, message",
    [
        ("x", "'x' is not of the form name=value, as in --at x=1,y=2"),
        ("x=", "not of the form name=value"),
        ("x=1,,y=2", "not of the form name=value"),
        ("x=1,", "not of the form name=value"),
        ("=1", "not of the form name=value"),
        ("x=one", "x=one is not a number"),
        ("x=1 2", "x=1 2 is not a number"),
        ("x=inf", "x=inf is not finite"),
        ("x=1e999", "x=1e999 is not finite"),
        ("x=nan", "x=nan is not finite"),
        ("x=1,x=2", "x is given twice"),
        ("w[0]=1", "give all of w at once"),
        ("w=[1,2", "a bracket that is never closed"),
        ("w=1]", "a closing bracket ] that was never opened"),
        ("w=[]", "w=[] is empty"),
        ("w=" + "[" * 10_000 + "1" + "]" * 10_000, "nested more than 32 deep"),
        ("w=[1,[2,3]]", "the rows of w=[1,[2,3]] differ in length"),
        ("w=[1]2", "needs a closing bracket"),
        ("x=__import__('os')", "is not a number"),
    ],
)
def test_faults(text, message):
    with pytest.raises(ArgumentError) as error:
        read_point([text], "--at")
    assert message in str(error.value)
    assert str(error.value).startswith("--at: ")


def test_writing_is_the_inverse_of_reading():
    text = "x=-1.2,w=[1.0,2.5],A=[[0.1],[1e-300]]"
    assert write_point(read_point([text], "--start")) == text
