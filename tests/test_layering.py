"""No room imports a higher one: the order of docs/architecture.md, read from the imports of the source.

Every import counts, also inside a function or under TYPE_CHECKING: an annotation is a dependency of the mind.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "thalweg"

# Low to high. A room may import itself and whatever stands to its left.
ORDER = (
    "errors graph ops tracing transforms execution calculus optimize scipy models data plot explain cli __main__"
).split()
# Rooms beside the order: what each may import, and the lowest room that may import it.
BESIDE = {"formula": ({"errors"}, "calculus")}

FILES = sorted(SOURCE.rglob("*.py"))
MODULES = {"thalweg." + ".".join(f.relative_to(SOURCE).with_suffix("").parts) for f in FILES}
MODULES = {name.removesuffix(".__init__") for name in MODULES} | {"thalweg"}


def imported_modules(tree: ast.AST, package: str) -> Iterator[tuple[str, int]]:
    """Every module that the source imports, with its line; `from a import b` gives a.b where b is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base]) if base else ".".join(parents)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (inner if inner in MODULES else base), node.lineno
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value), node.lineno


def room_of(module: str) -> str:
    """`thalweg.ops.reduce` → `ops`; the package itself → ``."""
    return (module.split(".") + [""])[1]


def may_import(room: str, other: str) -> bool:
    if room == other:
        return True
    if room in BESIDE:
        return other in BESIDE[room][0]
    if other in BESIDE:
        return ORDER.index(room) >= ORDER.index(BESIDE[other][1])
    if other == "":  # the public names: only for the command, which stands on all rooms
        return room in ("cli", "__main__")
    return ORDER.index(other) < ORDER.index(room)


def package_of(file: Path) -> str:
    return ".".join(["thalweg", *file.relative_to(SOURCE).parent.parts])


def violations(source: str, room: str, package: str = "thalweg") -> list[str]:
    found = []
    for module, line in imported_modules(ast.parse(source), package):
        if module.split(".")[0] == "thalweg" and not may_import(room, room_of(module)):
            found.append(f"line {line}: {room} imports {module}")
    return found


def room_of_file(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_no_room_imports_a_higher_one(file):
    room = room_of_file(file)
    if room == "__init__":
        return  # the public names may come from every room
    assert room in ORDER or room in BESIDE, f"{room} is no room of the design: see docs/architecture.md"
    assert violations(file.read_text("utf-8"), room, package_of(file)) == []


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_only_declared_dependencies_are_imported(file):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = list(project["dependencies"])
    for extra, requirements in project["optional-dependencies"].items():
        if extra != "test":
            declared += requirements
    module_of = {"scikit-learn": "sklearn", "python-flint": "flint"}
    names = [re.split(r"[^A-Za-z0-9_.-]", requirement)[0] for requirement in declared]
    allowed = {module_of.get(name, name.replace("-", "_")) for name in names} | set(sys.stdlib_module_names)
    for module, line in imported_modules(ast.parse(file.read_text("utf-8")), package_of(file)):
        assert module.split(".")[0] in allowed | {"thalweg"}, f"{file.name}:{line} imports {module}"


@pytest.mark.parametrize(
    "source, room, package",
    [
        ("from thalweg.calculus import grad", "ops", "thalweg.ops"),
        ("def f():\n    import thalweg.optimize", "graph", "thalweg"),
        ("from ..tracing import tracer", "ops", "thalweg.ops"),
        ("if TYPE_CHECKING:\n    from thalweg.execution import plan", "transforms", "thalweg.transforms"),
        ("from thalweg import grad", "optimize", "thalweg.optimize"),
        ("importlib.import_module('thalweg.cli')", "calculus", "thalweg.calculus"),
        ("from thalweg.graph import Graph", "formula", "thalweg"),
        ("from thalweg.formula import formula", "graph", "thalweg"),
    ],
)
def test_the_check_finds_what_it_should(source, room, package, monkeypatch):
    known = {"thalweg.tracing", "thalweg.formula", "thalweg.optimize", "thalweg.graph"}
    monkeypatch.setattr(sys.modules[__name__], "MODULES", MODULES | known)
    assert violations(source, room, package) != []


def test_the_check_allows_what_it_should():
    assert violations("from thalweg.graph import Graph\nimport numpy, thalweg.errors", "ops") == []
    assert violations("from . import elementwise\nfrom ..graph import Node", "ops", "thalweg.ops") == []
