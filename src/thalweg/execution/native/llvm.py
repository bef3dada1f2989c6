"""LLVM: IR text → object code → machine code in this process. The only file that knows ``llvmlite``.

*Levels.* What a level costs was measured on straight-line code, per operation of it:

====== =================================================== ============
level  what is done                                        time
====== =================================================== ============
0      no optimization, the fast instruction selector      2.6 µs
1      cheap clean-up, the good code generator             12 µs
2      all of ``-O3`` but SLP                              20 µs
3      ``-O3``: loop and SLP vectorization, interleaving   60–80 µs
====== =================================================== ============

The SLP vectorizer's cost grows faster than a block (up to 280 µs an operation in blocks of 1000), and a function that
is called once is inlined from level 2 on: mark the pieces of long code ``noinline``. On straight-line code without
loops level 0 was seldom slower by more than a half.

*Vector functions.* The loop vectorizer turns calls of a scalar function into calls of a vector one when

1. the call site (or the declaration) has the attribute
   ``"vector-function-abi-variant"="_ZGVeN8v_exp(_ZGVeN8v_exp)"``: a mangled name (``e`` AVX-512, ``d`` AVX2, ``N``
   unmasked, 8 lanes, one vector argument), and in parentheses the function that bears it; several variants are
   separated by commas, and the vectorizer takes the one that fits its width;
2. that function is declared, ``declare <8 x double> @_ZGVeN8v_exp(<8 x double>)``, and kept:
   ``@llvm.compiler.used = appending global [1 x ptr] [ptr @_ZGVeN8v_exp], section "llvm.metadata"`` (one global for
   all kept functions), since a declaration without a use is dropped before the vectorizer runs;
3. the call has no side effects: ``nounwind willreturn memory(none)``;
4. the width is allowed: ``"prefer-vector-width"="512"`` on the calling function where the host would choose less.

`resolves` says whether the vector function exists in this process.

*Code model.* Addresses in object code are 64 bits wide (LLVM's large model), so that functions and data anywhere in the
process can be named; in straight-line code and in loops that costs nothing that could be measured.

*Threads.* llvmlite takes a lock round each call of LLVM and lets other Python threads run meanwhile; each compilation
has a context of its own, so any thread may compile or load at any time.
"""

from __future__ import annotations

import contextlib
import functools
import os
import struct
import threading
import warnings
from typing import Any

from thalweg.errors import NativeCodeWarning

_MAGIC = b"thalweg object 1\n"


class CompilationError(RuntimeError):
    """IR that LLVM refuses: a fault of this library; the message shows the line."""


class LinkError(RuntimeError):
    """Object code that names a function which this process does not have, or that is none."""


@functools.cache
def _started() -> Any:
    """``llvmlite.binding`` with the host's code generator ready, or the reason why there is none."""
    try:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        llvm.check_jit_execution()
        _machine.cache_clear()
    except Exception as error:  # a missing or broken library, an unknown CPU, a system that forbids code in memory
        return error
    with contextlib.suppress(RuntimeError):  # glibc's vector functions, where there are some
        llvm.load_library_permanently("libmvec.so.1")
    return llvm


_starting = threading.Lock()
_warned = False


def available() -> bool:
    """Whether machine code can be made here; where LLVM cannot start, one warning says why."""
    if os.environ.get("THALWEG_NATIVE") == "0":
        return False
    global _warned
    with _starting:
        llvm = _started()
        if not isinstance(llvm, Exception):
            return True
        first, _warned = not _warned, True
    if first:
        warnings.warn(
            f"native code is off, functions run interpreted (slower, same results): LLVM cannot start: "
            f"{type(llvm).__name__}: {llvm}. Reinstall llvmlite, or set THALWEG_NATIVE=0 to be silent.",
            NativeCodeWarning,
            stacklevel=2,
        )
    return False


def _binding() -> Any:
    with _starting:
        llvm = _started()
    if isinstance(llvm, Exception):
        raise RuntimeError("LLVM cannot start") from llvm
    return llvm


@functools.cache
def _host() -> tuple[str, str, str]:
    """Triple, name and features of this CPU."""
    llvm = _binding()
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@functools.cache
def _machine(level: int) -> Any:
    """The target machine of ``level``, which serves all compilations."""
    return _new_machine(level)


def _new_machine(level: int) -> Any:
    triple, name, features = _host()
    target = _binding().Target.from_triple(triple)
    return target.create_target_machine(cpu=name, features=features, opt=level, codemodel="jitdefault", jit=True)


@functools.cache
def _heading() -> str:
    """Layout and triple of the host; without a line break, so that lines in messages are those of the text."""
    return f'target datalayout = "{_machine(0).target_data}" target triple = "{_machine(0).triple}" '


@functools.cache
def features() -> frozenset[str]:
    """What this CPU has (``+avx2``) and has not (``-avx512f``)."""
    return frozenset(_host()[2].split(","))


def cpu() -> str:
    """All that object code depends on besides its IR: CPU, features, system, versions of llvmlite and LLVM."""
    import llvmlite

    triple, name, features = _host()
    version = ".".join(map(str, _binding().llvm_version_info))
    return f"{triple} {name} {features} llvmlite-{llvmlite.__version__} LLVM-{version}"


def compile_ir(text: str, level: int) -> bytes:
    """Object code for a module, to be given to `load`, here or in another process on the same kind of CPU.

    Raises
    ------
    CompilationError
        When the text is no valid module.
    """
    llvm = _binding()
    try:
        module = llvm.parse_assembly(_heading() + text, llvm.create_context())
        module.verify()
    except RuntimeError as error:
        raise CompilationError(str(error).replace(_heading(), "")) from None
    machine = _machine(level)
    if level:
        _optimize(module, machine, level)
    external = [
        value.name
        for value in (*module.functions, *module.global_variables)
        if value.is_declaration and not value.name.startswith("llvm.")
    ]
    names = "\n".join(external).encode()
    return _MAGIC + struct.pack("<Q", len(names)) + names + machine.emit_object(module)


def _optimize(module: Any, machine: Any, level: int) -> None:
    llvm = _binding()
    options = llvm.create_pipeline_tuning_options(3 if level > 1 else 1)
    options.loop_vectorization = options.loop_interleaving = options.loop_unrolling = level > 1
    options.slp_vectorization = level > 2
    builder = llvm.create_pass_builder(machine, options)
    if level > 1:
        passes = builder.getModulePassManager()
    else:
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_new_gvn_pass()
        passes.add_simplify_cfg_pass()
    try:
        passes.run(module, builder)
    finally:  # llvmlite 0.50 forgets to free the passes: 30 kB a compilation
        llvm.newpassmanagers.NewPassManager._dispose(passes)
        passes.detach()


class Code:
    """Machine code in this process. Its memory is freed with this object: keep it as long as an address is in use."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def address(self, symbol: str) -> int:
        """Where a function or global of the module lies."""
        found = self._engine.get_function_address(symbol)
        if not found:
            raise LinkError(f"the object code defines no {symbol!r}")
        return int(found)


def load(object_code: bytes) -> Code:
    """Machine code from what `compile_ir` returned.

    Raises
    ------
    LinkError
        When a function that the code calls does not exist in this process (LLVM itself would end the process).
    """
    absent = missing(object_code)
    if absent:
        raise LinkError(f"this process has no function {', '.join(absent)}")
    start = _parts(object_code)[1]
    llvm = _binding()
    empty = llvm.parse_assembly("")  # in the context of the process: one of its own may be collected before the engine
    engine = llvm.create_mcjit_compiler(empty, _new_machine(0))
    engine.add_object_file(llvm.ObjectFileRef.from_data(object_code[start:]))
    engine.finalize_object()
    return Code(engine)


def missing(object_code: bytes) -> list[str]:
    """The external symbols of object code that this process does not have yet."""
    return [name for name in _parts(object_code)[0] if not resolves(name)]


def _parts(object_code: bytes) -> tuple[list[str], int]:
    """The external symbols, and where the object file of the system begins."""
    if not object_code.startswith(_MAGIC):
        raise LinkError("this is not object code")
    start = len(_MAGIC) + 8
    (length,) = struct.unpack_from("<Q", object_code, len(_MAGIC))
    return object_code[start : start + length].decode().splitlines(), start + length


def add_symbol(name: str, address: int) -> None:
    """Give an external symbol of object code its address in this process. A later address replaces an earlier one."""
    _binding().add_symbol(name, address)


def resolves(name: str) -> bool:
    """Whether this process has the external symbol ``name``: by `add_symbol`, or from a loaded library."""
    return bool(_binding().address_of_symbol(name))
