"""The key of a graph: what two processes must agree on to share its machine code.

It is read from the structure alone (ops, parameters, shapes, dtypes, the bytes of constants), so it does not depend on
what else a process has traced before, and no IR is written for it.
Beside the graph, the code depends on the CPU, on Python's and NumPy's layout of objects, and on Thalweg itself.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.execution.native import threads
from thalweg.graph import CONSTANT, INPUT, Graph, Node, reachable

_PER_NODE = 1.5e-6  # seconds for the key, as measured
_PER_BYTE = 0.6e-9


def key_seconds(graph: Graph) -> float:
    """About how long `graph_key` will take."""
    constants = sum(n.size * n.dtype.itemsize for n in graph.nodes if n.op is CONSTANT)
    return len(graph.nodes) * _PER_NODE + constants * _PER_BYTE


def graph_key(
    graph: Graph, guards: Sequence[tuple[Node, Any]] = ()
) -> tuple[bytes, dict[bytes, np.ndarray[Any, Any]]] | None:
    """32 bytes for the graph on this kind of machine, and its constants by the digests that went in.

    Each node is named by a digest of its op, its parameters and the names of its arguments (Merkle 1987), so no order
    of the nodes matters. ``None`` if something in the graph has no lasting name.
    """
    names: dict[Node, bytes] = {}
    constants: dict[bytes, np.ndarray[Any, Any]] = {}
    blake2b = hashlib.blake2b
    for k, n in enumerate(graph.inputs):
        names[n] = f"{k}{n.shape}{n.dtype.char}".encode()
    questions = [n for n, _ in guards]
    for n in graph.nodes if not questions else reachable((*graph.outputs, *questions)):
        if n.args:
            text = f"{n.op.name}{n.params!r}"
            if " at 0x" in text:  # the address of an object
                return None
            names[n] = blake2b(b" ".join([text.encode(), *[names[a] for a in n.args]]), digest_size=16).digest()
        elif n.op is CONSTANT:
            names[n] = _constant_name(n.value)
            constants[names[n]] = n.value
        elif n not in names:
            if n.op is INPUT:
                return None
            names[n] = f"{n.op.name}{n.params!r}".encode()
    inputs = [names[n] for n in graph.inputs]  # code looks at the arguments that it does not use, too
    outputs = [names[n] for n in graph.outputs]
    answers = [names[n] + _constant_name(answer) for n, answer in guards]
    whole = [here().encode(), b"inputs", *inputs, b"outputs", *outputs, b"guards", *answers]
    return hashlib.sha256(b"".join([len(part).to_bytes(8, "little") + part for part in whole])).digest(), constants


def _constant_name(value: Any) -> bytes:
    value = np.asarray(value)
    digest = hashlib.sha256(f"{value.shape}{value.dtype.str}".encode())
    digest.update(np.ascontiguousarray(value).data)
    return digest.digest()


def here() -> str:
    """All but the graph that machine code depends on, as far as it is known without starting LLVM."""
    return f"{_fixed()} {threads.limit()} {os.environ.get('OPENBLAS_CORETYPE', '')}"


@functools.cache
def _fixed() -> str:
    """The part that stays as long as the process lives; the files of Python and NumPy tell environments apart."""
    python = f"{sys.implementation.name} {sys.hexversion:x}{getattr(sys, 'abiflags', '')} {sys.prefix}"
    core = sys.modules.get("numpy._core._multiarray_umath")
    status = os.stat(getattr(core, "__file__", np.__file__))
    numpy = f"{np.__version__} {status.st_size} {status.st_mtime_ns}"
    features = " ".join(name for name, present in getattr(core, "__cpu_features__", {}).items() if present)
    return f"{_sources()} {python} {numpy} {sys.platform} {platform.machine()} {features}"


def _sources() -> str:
    """A digest of the files that decide what code is made: another version of them makes other code."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    files = []
    for room in ("graph", "ops", "execution", os.path.join("execution", "native")):
        for entry in os.scandir(os.path.join(package, room)):
            if entry.name.endswith(".py"):
                status = entry.stat()
                files.append(f"{room}/{entry.name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()
