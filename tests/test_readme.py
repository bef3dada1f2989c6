"""What the README shows is what a reader gets: its commands and Python examples are run, their output compared.

Numbers agree to six digits, or are both tiny; times and counts of iterations are not compared.
"""

import doctest
import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import thalweg

ROOT = Path(__file__).parent.parent
PAGES = [
    "README.md",
    "docs/command.md",
    "docs/formulas.md",
    "docs/optimize.md",
    "docs/own_loss.md",
    "docs/performance.md",
    "docs/scipy.md",
    "docs/textbook.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs" / "models").glob("*.md")),
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(thalweg.__file__).parent.parent), "COLUMNS": "100"}
ENVIRONMENT.pop("THALWEG_NATIVE", None)

NUMBER = re.compile(r"(?<![\w.])[-+−]?\d+(?:\.\d*)?(?:e[-+]?\d+)?(?![\w.])")
# Times, and the counts that may differ by a little between machines.
MASKED = re.compile(r"\d+(?:\.\d+)? ?(?:µs|ms|s|iterations?|evaluations?|Hessians?)\b")


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[tuple[str, str]]:
    """The (command, output) pairs of all console blocks; a line that starts with `$ ` is a command."""
    pairs = []
    for block in blocks(page, "console"):
        for command, _, output in (part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]):
            while command.endswith("\\"):
                more, _, output = output.partition("\n")
                command = command[:-1].rstrip() + " " + more.strip()
            pairs.append((command, output))
    return pairs


def same(shown: str, got: str) -> bool:
    shown, got = (MASKED.sub("SOME", text.strip()) for text in (shown, got))
    words = [re.sub(r"\s+", " ", NUMBER.sub("#", text)) for text in (shown, got)]
    numbers = [[float(n.replace("−", "-")) for n in NUMBER.findall(text)] for text in (shown, got)]
    return words[0] == words[1] and all(
        math.isclose(a, b, rel_tol=1e-6) or max(abs(a), abs(b)) < 1e-6 for a, b in zip(*numbers, strict=True)
    )


@pytest.mark.parametrize(
    "page, command, output", [(page, command, output) for page in PAGES for command, output in commands(page)]
)
def test_commands(page, command, output):
    parts = [part.strip() for part in command.split("&&")]
    parts = [part for part in parts if not part.startswith(("pip ", "pytest", "python -m benchmarks"))]
    got = ""
    for part in parts:
        words = shlex.split(part)
        environment = dict(ENVIRONMENT)
        while "=" in words[0]:  # as a shell reads it: set for this command
            name, _, value = words.pop(0).partition("=")
            environment[name] = value
        program = {"thalweg": [sys.executable, "-m", "thalweg"], "python": [sys.executable]}[words[0]]
        done = subprocess.run(
            program + words[1:], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=60
        )
        got += done.stdout + done.stderr
    assert same(output, got), f"{page} shows:\n{output}\nthe command prints:\n{got}"


class Checker(doctest.OutputChecker):
    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return super().check_output(want, got, optionflags) or same(want, got)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_python_examples(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = "\n".join(blocks(page, "python"))
    test = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert test.examples
    report: list[str] = []
    failed, _ = doctest.DocTestRunner(Checker(), verbose=False, optionflags=doctest.ELLIPSIS).run(
        test, out=report.append
    )
    assert not failed, "".join(report)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_run(example):
    done = subprocess.run([sys.executable, example], env=ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "NOT CONVERGED" not in done.stdout
    assert any(f"examples/{example.name}" in (ROOT / page).read_text("utf-8") for page in PAGES)


def test_every_function_of_formulas_is_in_its_page():
    from thalweg.formula.functions import FUNCTIONS

    words = set(re.findall(r"\w+", (ROOT / "docs" / "formulas.md").read_text("utf-8")))
    aliases = {"arcosh", "artanh", "acosh", "atanh", "sgn"}  # named there by their siblings
    assert set(FUNCTIONS) - words - aliases == set()


def test_the_readme_has_its_two_set_up_commands():
    shown = [command for command, _ in commands("README.md")]
    assert any(command.startswith("pip install . && thalweg minimize ") for command in shown)
    assert 'pip install -e ".[test]" && pytest' in shown


@pytest.mark.parametrize("folder", ["execution/native", "optimize"])
def test_the_architecture_has_a_line_for_every_file(folder):
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = text.split(f"| in `{folder}` | |\n", 1)[1].split("\n\n", 1)[0]
    shown = re.findall(r"^\| `([\w/]+)` \| .", table, re.MULTILINE)
    root = ROOT / "src" / "thalweg" / folder
    files = {f.relative_to(root).with_suffix("").as_posix() for f in root.rglob("*.py") if f.stem != "__init__"}
    assert set(shown) == files and len(shown) == len(files)


def test_comparison():
    assert same("value 1.0000000 after 12 ms", "value  1.0000001 after 1.5 s")
    assert same("norm 1e-9", "norm 3e-12")
    assert not same("value 1.001", "value 1.0")
    assert not same("minimum", "maximum")


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "docs/architecture.md", "docs/index.md"])
def test_links_lead_somewhere(page):
    file = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)", file.read_text("utf-8")):
        if "://" not in target:
            assert (file.parent / target).exists(), f"{page} links to {target}, which is not there"
