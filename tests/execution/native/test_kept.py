"""What is kept on disk comes back as it was, and nothing else is ever made from a file."""

import io
import pickle

import numpy as np
import pytest

import thalweg as tw
from thalweg.execution.native import cache, kept, llvm, program

FUNCTIONS = {
    "loops": lambda x: np.sum(np.sin(x) ** 2),
    "a table": lambda x: np.sum(x * np.arange(40.0)),
    "a part by NumPy": lambda x: np.sum(np.sort(x)[::2] ** 3) + np.sum(np.exp(x)),
    "eigenvalues": lambda x: (
        np.sum(np.exp(np.linalg.eigvalsh(np.outer(x, x) + np.diag(x**2)))) + np.sum(np.tanh(x) ** 2)
    ),
    "positions": lambda x: np.sum(x[np.argsort(x)[:10]] * x[::4] ** 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_comes_back(name, tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_CACHE_DIR", str(tmp_path / "kept"))
    graph = tw.trace(FUNCTIONS[name], np.linspace(0.1, 2, 40))
    built = program.build(graph)
    assert built is not None
    kept.store(b"k" * 32, built, b"code", {})
    assert cache.current() is not None
    found = kept.fetch(b"k" * 32, {})
    assert found is not None
    assert type(found[0]) is type(built)
    assert found[1] == b"code"


def test_a_file_names_nothing_but_parts_of_programs(tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_CACHE_DIR", str(tmp_path / "kept"))
    folder = cache.current()
    assert folder is not None
    folder.put(b"k" * 32, pickle.dumps((llvm.cpu(), io.StringIO, b"code")))
    assert kept.fetch(b"k" * 32, {}) is None
