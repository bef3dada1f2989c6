"""External symbols of object code, told to LLVM before the code is loaded.

What writes IR names functions of this process by symbols. Code that another process has compiled brings the names only.
"""

from __future__ import annotations

import contextlib

from thalweg.execution.native import blas, llvm, runtime, special


def load(object_code: bytes) -> llvm.Code:
    """`llvm.load`, after all symbols that the library itself provides have been given their addresses."""
    for name in llvm.missing(object_code):
        if runtime.declares(name):
            runtime.start()
        elif name.startswith(special.PREFIX):
            special.provide(name)
        elif name.startswith("thalweg_"):
            with contextlib.suppress(LookupError):  # then `llvm.load` says what is missing
                blas.symbol(name.removeprefix("thalweg_"))
    return llvm.load(object_code)
