"""On what was measured."""

from __future__ import annotations

import datetime
import platform
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import thalweg as tw
from benchmarks import threads


def machine(count: int) -> dict[str, Any]:
    """The kind of machine, and the threads that every candidate was given."""
    return {
        "processor": processor(),
        "cores": threads.cores(),
        "threads": count,
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.date.today().isoformat(),
    }


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def versions() -> dict[str, str]:
    return {
        "Thalweg": tw.__version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
    }
