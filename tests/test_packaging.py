"""What a user gets by `pip install` and `import thalweg`: light, typed, and with every public name."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import thalweg

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(thalweg.__file__).parent.parent)}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_small():
    """How long it takes is measured by `python -m benchmarks limits`; what it takes is mostly the number of modules."""
    code = "import sys, numpy; before = set(sys.modules); import thalweg; print(*set(sys.modules) - before)"
    names = python(code).split()
    ours = [n for n in names if n.split(".")[0] == "thalweg"]
    others = {n for n in names if n.split(".")[0] not in sys.stdlib_module_names} - set(ours)
    assert len(ours) <= 240
    assert {n for n in others if not n.startswith(("numpy.", "_cython_", "cython_runtime"))} == set()
    assert len(names) - len(ours) <= 90  # 62 to 72 of the standard library and NumPy, by version


def test_the_command_brings_in_nothing_that_it_does_not_use():
    code = """import contextlib, io, sys
from thalweg.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    main(["minimize", "100*(y - x^2)^2 + (1 - x)^2", "--start", "x=-1.2,y=1"])
print(*sys.modules)"""
    names = python(code).split()
    assert "thalweg.cli" in names and "lark" in names
    assert not {"scipy.optimize", "matplotlib", "pandas", "sympy", "rich.markdown", "llvmlite"} & set(names)


def test_import_brings_in_nothing_optional():
    heavy = "scipy lark typer rich matplotlib llvmlite sympy sklearn pandas autograd".split()
    assert python(f"import sys, thalweg; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_every_public_name_is_there():
    code = "import thalweg; print([n for n in thalweg.__all__ if getattr(thalweg, n, None) is None])"
    assert python(code) == "[]"


def test_public_names_are_listed_and_documented():
    for name in thalweg.__all__:
        if name.startswith("__"):
            continue
        assert name in dir(thalweg)
        assert getattr(thalweg, name).__doc__, f"{name} has no docstring"


def test_typed_marker_is_shipped():
    assert (Path(thalweg.__file__).parent / "py.typed").is_file()


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert thalweg.__version__ == project["version"]
    assert f"[{project['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
