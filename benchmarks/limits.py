"""What may take so long and no longer, on a machine that does nothing else: ``python -m benchmarks limits``.

The tests assert no times, since they also run on busy machines. Here each time is the least of several, which is the
one that other work has lengthened least; the exit status is 1 where one is over its limit.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import thalweg as tw
from benchmarks.timing import python

START, ROSENBROCK = np.array([-1.2, 1.0]), "100*(y - x^2)^2 + (1 - x)^2"
COMMAND = [sys.executable, "-m", "thalweg", "minimize", ROSENBROCK, "--start", "x=-1.2,y=1"]
IMPORT = "import time; a = time.perf_counter(); import thalweg; print(time.perf_counter() - a)"
OPTIONS: dict[str, dict[str, Any]] = {
    "free": {},
    "between bounds": {"bounds": (0, 1)},
    "constraint": {"subject_to": {"ineq": lambda x: x[0] + x[1] - 1}},
    "interior point": {"subject_to": {"ineq": lambda x: x[0] + x[1] - 1}, "method": "interior-point"},
    "50 starts": {"starts": 50, "bounds": (0, 1)},
}


def hostile_texts() -> dict[str, str]:
    """Formulas as long as may be, of the kinds that take longest to read."""
    from thalweg.formula.tokens import MAX_LENGTH as n

    return {
        "powers": "x^" * (n // 2 - 1) + "x",
        "towers": "9^" * (n // 2 - 1) + "9",
        "bars": "|x|" * (n // 3),
        "sums": "x+" * (n // 2 - 1) + "x",
    }


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def of_import() -> float:
    return float(subprocess.run(python(IMPORT), check=True, capture_output=True, text=True).stdout)


def slow(x: Any) -> float:
    time.sleep(0.01)
    return float(np.sum(x**4 - x**2))


def slow_valley(x: Any) -> float:
    time.sleep(0.04)
    return float(100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2)


def chain(x: Any) -> Any:
    value = 0.0
    for k in range(400):
        value = value + np.sin(x[k % 10] * k) ** 2
    return value


def read(text: str) -> None:
    """What a program does with a formula from a stranger."""
    try:
        f = tw.formula(text)
        repr(f), hash(f), f.latex()
    except tw.errors.FormulaError as error:
        str(error)


def cases() -> Iterator[tuple[str, float, Callable[[], float]]]:
    """What is timed, the seconds it may take, and how long it took."""
    yield "import thalweg", 0.35, of_import
    yield (
        "thalweg minimize (Rosenbrock)",
        1.2,
        lambda: seconds(lambda: subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)),
    )
    differences = {"derivatives": "finite-difference"}
    for name, options in OPTIONS.items():
        ask = functools.partial(tw.minimize, slow, np.full(8, 0.3), time_limit=0.2, **differences, **options)
        yield f"slow function, time_limit=0.2, {name}", 1.2, functools.partial(seconds, ask)
    for method in ("newton", "gradient-descent"):
        ask = functools.partial(tw.minimize, slow_valley, START, time_limit=0.3, method=method, **differences)
        yield f"slow function, time_limit=0.3, {method}", 1.0, functools.partial(seconds, ask)
    line = {"subject_to": lambda x: x[0] + x[1] >= 1}
    ask = functools.partial(tw.minimize, chain, np.full(10, 0.1), time_limit=0.3, **line)
    yield "long loop, time_limit=0.3", 3.3, functools.partial(seconds, ask)  # reading it cannot be interrupted
    for name, text in hostile_texts().items():
        yield f"hostile formula, {name}", 3.0, functools.partial(seconds, functools.partial(read, text))


def main(rounds: int = 9) -> int:
    """Print the table; 1 where a limit is not kept."""
    late = False
    for name, limit, once in cases():
        least = once()
        for _ in range(rounds - 1):
            if least < limit:
                break
            least = min(least, once())
        late |= least >= limit
        print(f"{name:45} {least:6.3f} s   limit {limit:5.2f} s{'   over' if least >= limit else ''}")
    return int(late)
