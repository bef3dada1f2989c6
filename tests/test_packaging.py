"""What a user gets by `pip install` and `import thalweg`: quick, light, typed, and with every public name."""

import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import thalweg

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(thalweg.__file__).parent.parent)}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_quick():
    # From start to end of `import thalweg`, without the start of Python. Best of several, for busy machines.
    code = "import time; t = time.perf_counter(); import thalweg; print(time.perf_counter() - t)"
    times: list[float] = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        times.append(float(python(code)))
        if len(times) >= 5 and min(times) < 0.35:
            break
        if len(times) >= 15:
            break
    assert min(times) < 0.35, times


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
