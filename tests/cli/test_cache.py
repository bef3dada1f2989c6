"""`thalweg cache info|clear`."""

import json

import pytest

from thalweg.cli import main
from thalweg.execution.native import cache


@pytest.fixture
def run(capsys):
    """Run the command in this process: (exit code, standard output, standard error)."""

    def run(*arguments):
        code = main(arguments)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("THALWEG_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setenv("THALWEG_CACHE_MB", "64")
    cache.current().put(bytes(32), bytes(3 << 20))
    cache.current().put(b"k" * 32, b"code")
    return str(tmp_path / "kept")


def test_info(run, folder):
    code, out, error = run("cache", "info")
    assert (code, error) == (0, "")
    assert out.split("\n") == [f"folder   {folder}", "entries  2", "size     3.0 MiB of 64.0 MiB", ""]


def test_clear(run, folder):
    assert run("cache", "clear") == (0, "deleted 2 entries, 3.0 MiB\n", "")
    assert cache.info().entries == 0
    assert run("cache", "clear") == (0, "deleted 0 entries, 0.0 MiB\n", "")
    cache.current().put(bytes(32), b"code")
    assert run("cache", "clear")[1] == "deleted 1 entry, 0.0 MiB\n"


def test_json(run, folder):
    size = cache.info().bytes
    for verb in ("info", "clear"):
        code, out, _ = run("cache", verb, "--json")
        assert code == 0
        assert json.loads(out) == {
            "command": f"cache {verb}",
            "path": folder,
            "entries": 2,
            "bytes": size,
            "limit": 64 << 20,
        }


def test_switched_off(run, monkeypatch):
    monkeypatch.setenv("THALWEG_CACHE_DIR", "")
    code, out, _ = run("cache", "info")
    assert code == 0
    assert "THALWEG_CACHE_DIR" in out
    assert json.loads(run("cache", "info", "--json")[1])["path"] is None
    assert run("cache", "clear")[:2] == (0, "deleted 0 entries, 0.0 MiB\n")


def test_help_and_wrong_use(run):
    assert "clear" in run("cache")[1]
    assert run("cache", "fill")[0] == 2
    assert run("cache", "info", "--all")[0] == 2
