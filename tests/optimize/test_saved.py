"""The file of a state: what it holds comes back, and nothing else is read."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

import thalweg
from optimize.problems import quadratic
from thalweg.errors import ArgumentError
from thalweg.optimize import State, descend
from thalweg.optimize.interior.filter import Filter
from thalweg.optimize.saved import Packed, pack, read, restored, unpack, write
from thalweg.optimize.trust_region import TrustRegion


def through_a_file(value, path, problem=None):
    write(path, pack(value))
    return unpack(read(path), problem)


def test_plain_data_come_back_to_the_bit(tmp_path):
    value = {
        "number": 0.1 + 0.2,
        "none": None,
        "yes": True,
        "count": 7,
        "text": "λ",
        "nan": float("nan"),
        "far": [float("inf"), -0.0, 5e-324],
        "pair": (1, "two"),
        3: np.float64(2.5),
        "empty": np.zeros(0),
        "whole": np.arange(3),
        "truth": np.array([True, False]),
    }
    found = through_a_file(value, tmp_path / "s.npz")
    assert list(found) == list(value)
    assert np.isnan(found.pop("nan")) and np.copysign(1, found["far"][1]) == -1
    for key, item in found.items():
        assert type(item) is type(value[key])
        np.testing.assert_array_equal(item, value[key])


def test_arrays_keep_their_order_and_who_shares_them(tmp_path):
    H = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    x = np.ones(2)
    found = through_a_file([H, x, {"again": x}], tmp_path / "s.npz")
    assert found[0].flags.f_contiguous and found[1] is found[2]["again"]
    found[1][0] = 5.0
    assert x[0] == 1.0


def test_sparse_matrices_points_and_objects(tmp_path):
    problem = quadratic(np.eye(2))
    point = problem.at([1.0, 2.0])
    rule = TrustRegion(2.0, point.x, 0.5)
    A = csr_array(np.array([[0.0, 1.0], [2.0, 0.0]]))
    again, B, one, two, rows = through_a_file([rule, A, point, point, Filter(2.0, 1.0, [(1.0, -1.0)])],
                                              tmp_path / "s.npz", problem)  # fmt: skip
    assert type(again) is TrustRegion and again.last_step is one.x and (again.radius, again.last_size) == (2.0, 0.5)
    np.testing.assert_array_equal(B.toarray(), A.toarray())
    assert one is two and one.problem is problem and one.value == point.value
    assert rows == Filter(2.0, 1.0, [(1.0, -1.0)])


def test_objects_that_are_there_are_used():
    old = TrustRegion()
    found = restored(pack({"engine": TrustRegion(3.0)}), quadratic(np.eye(2)), {"engine": old})
    assert found["engine"] is old and old.radius == 3.0


@pytest.mark.parametrize("value", [object(), np.array([object()]), {(1, 2): 3}, 1 + 2j, {1, 2}, Path("x")])
def test_what_no_file_holds_is_refused(value):
    with pytest.raises(ArgumentError, match="saved to a file"):
        pack([value])


# --- files that are not as they should be ---


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "state.npz"
    for state in descend(quadratic(np.diag([1.0, 30.0])), [1.0, 1.0], learning_rate=0.01):
        if state.iteration == 3:
            state.save(path)
            return path


def test_a_file_that_is_none_of_ours(tmp_path):
    path = tmp_path / "x"
    for content in (b"", b"hello", b"PK\x03\x04", b"\x93NUMPY\x01\x00"):
        path.write_bytes(content)
        with pytest.raises(ArgumentError, match=r"is no saved state|is damaged"):
            State.load(path)
    np.savez(path.open("wb"), a=np.ones(3))
    with pytest.raises(ArgumentError, match="is no saved state"):
        State.load(path)
    np.savez(path.open("wb"), tree=np.frombuffer(b'{"format": "another"}', dtype=np.uint8))
    with pytest.raises(ArgumentError, match="is no saved state"):
        State.load(path)
    with pytest.raises(FileNotFoundError):
        State.load(tmp_path / "nowhere")


def test_a_damaged_file(file):
    whole = file.read_bytes()
    damaged = 0
    for at in range(10, len(whole), 97):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            State.load(file)  # a byte that means nothing, such as a date
        except ArgumentError:
            damaged += 1
    assert damaged > 20
    for part in (whole[: len(whole) // 2], whole[:-30]):
        file.write_bytes(part)
        with pytest.raises(ArgumentError, match="damaged"):
            State.load(file)


def rewritten(file, change):
    """The file with its tree changed."""
    with zipfile.ZipFile(file) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    head = json.loads(np.load(io.BytesIO(parts["tree.npy"])).tobytes())
    change(head)
    stream = io.BytesIO()
    np.save(stream, np.frombuffer(json.dumps(head).encode(), dtype=np.uint8))
    parts["tree.npy"] = stream.getvalue()
    with zipfile.ZipFile(file, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)


def test_a_later_version_is_said_to_be_one(file):
    rewritten(file, lambda head: head.update(version=99))
    with pytest.raises(ArgumentError, match="its format is 99, and this version reads 1"):
        State.load(file)


def test_a_file_can_name_no_other_classes(file):
    for name in ("os:system", "..errors:ThalwegError", "saved:json", "state:__builtins__", "nothing:X"):

        def change(head, name=name):
            head["content"]["state"]["dict"] = [["x", {"object": name, "has": {}, "cached": [], "number": 0}]]

        rewritten(file, change)
        with pytest.raises((ArgumentError, ModuleNotFoundError)) as caught:
            State.load(file)
        assert isinstance(caught.value, ArgumentError)


def test_pickles_are_not_read(tmp_path):
    path = tmp_path / "s.npz"
    with open(path, "wb") as stream:
        np.savez(stream, tree=np.array([object()]))
    with pytest.raises(ArgumentError, match="damaged"):
        State.load(path)


# --- writing ---


def test_an_old_file_stays_until_the_new_one_is_whole(file, monkeypatch):
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"could not be saved \(No space left on device\); what was there is untouched"):
        write(file, pack([1.0]))
    assert file.read_bytes() == before and os.listdir(file.parent) == [file.name]


def test_the_file_has_the_name_that_was_given_and_a_link_stays_one(tmp_path):
    write(tmp_path / "plain", pack([1.0]))
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    write(tmp_path / "link", pack([2.0]))
    assert (tmp_path / "link").is_symlink() and unpack(read(tmp_path / "plain")) == [2.0]
    assert sorted(os.listdir(tmp_path)) == ["link", "plain"]
    with pytest.raises(OSError, match="could not be saved"):
        write(tmp_path / "no" / "where", pack([1.0]))


def test_another_process_reads_it(file):
    code = "import sys; from thalweg.optimize import State; print(State.load(sys.argv[1]).iteration)"
    source = str(Path(thalweg.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "3\n", done.stderr


def test_nothing_is_packed_twice():
    x = np.ones(3)
    assert len(pack([x, [x], (x,)]).arrays) == 1
    assert unpack(Packed({"list": [1, 2.0]})) == [1, 2.0]
