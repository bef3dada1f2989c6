"""Threads for compiled code: a pool written in LLVM IR, compiled once a process.

``void thalweg_parallel(ptr function, ptr context, i64 chunks, i64 threads)`` calls ``function(context, chunk, seat)``
for every chunk 0 … chunks − 1 and returns when all calls have. The chunks are handed out by a counter; the caller
works too. ``seat`` tells those who work at the same time apart: 0 is the caller, others are below ``threads``. Which
thread gets which chunk is left to chance, so what a chunk computes must not depend on it.

*One job at a time.* A call while another runs, from another thread or from inside a chunk, does all chunks itself: it
neither waits nor takes more cores than there are.

*Joining.* One word, ``@seats``, holds the open seats of the job in its upper half, and the count of workers that sit in
its lower. A worker takes a seat by compare-and-swap, so nobody enters a job that has closed; the caller closes it when
the chunks are out, waits until the lower half is zero, and only then may the job's description change.

*Waiting.* A worker without a job looks for one for a few microseconds, then sleeps on a condition variable; likewise
the caller who waits for the last worker. Sleepers count themselves under the lock before they look for the last time,
and who brings news looks at that count afterwards, so no wake-up is lost.

Workers are detached POSIX threads, made when first needed and never ended; they take no signals and no Python lock, so
the interpreter may exit at any time. After ``fork`` the child begins with an empty pool. Where there are no POSIX
threads the caller does everything.

``i64 thalweg_threads()`` is the count to use now. ``void thalweg_blas_enter()`` and ``…_leave()`` stand round a job
whose chunks call BLAS: between the first enter and the last leave BLAS uses one thread.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
import threading
import time
from typing import Any

from thalweg.execution.native import llvm, threads
from thalweg.execution.native.module import Module
from thalweg.execution.native.objects import keep_forever

_MOST_WORKERS = 255
_MOST_BLAS = 8
_SPIN = 20e-6  # seconds; about what it costs to wake a sleeper

_POSIX = ("pthread_create", "pthread_detach", "pthread_sigmask", "pthread_mutex_init", "pthread_mutex_lock",
          "pthread_mutex_unlock", "pthread_cond_init", "pthread_cond_wait", "pthread_cond_signal")  # fmt: skip

_DECLARATIONS = {
    "thalweg_parallel": "declare void @thalweg_parallel(ptr, ptr, i64, i64)",
    "thalweg_threads": "declare i64 @thalweg_threads()",
    "thalweg_blas_enter": "declare void @thalweg_blas_enter()",
    "thalweg_blas_leave": "declare void @thalweg_blas_leave()",
}


def declare(module: Module) -> None:
    """Declare the functions above in a module. `start` must run before its code is loaded."""
    for name, text in _DECLARATIONS.items():
        module.declare(name, text)


def declares(symbol: str) -> bool:
    """Whether `start` gives this external symbol its address."""
    return symbol in _DECLARATIONS


# ------------------------------------------------------------------------------------------------------------ the IR

# Handing out the chunks, to those in a job and to the caller who is alone.
_CHUNKS = """\
@next = internal global i64 0, align 128
define internal void @work(ptr %function, ptr %context, i64 %chunks, i64 %seat) {
br label %take
take:
%chunk = atomicrmw add ptr @next, i64 1 monotonic
%more = icmp slt i64 %chunk, %chunks
br i1 %more, label %run, label %end
run:
call void %function(ptr %context, i64 %chunk, i64 %seat)
br label %take
end:
ret void
}
define internal void @alone(ptr %function, ptr %context, i64 %chunks) {
br label %take
take:
%chunk = phi i64 [ 0, %0 ], [ %next, %run ]
%more = icmp slt i64 %chunk, %chunks
br i1 %more, label %run, label %end
run:
call void %function(ptr %context, i64 %chunk, i64 0)
%next = add i64 %chunk, 1
br label %take
end:
ret void
}"""

# Where there are no POSIX threads.
_SERIAL = """\
define void @thalweg_parallel(ptr %function, ptr %context, i64 %chunks, i64 %threads) {
call void @alone(ptr %function, ptr %context, i64 %chunks)
ret void
}
define void @reset() {
call void @reset_blas()
ret void
}"""

_POOL = f"""\
@seats = internal global i64 0, align 128
@busy = internal global i32 0, align 128
@function = internal global ptr null
@context = internal global ptr null
@chunks = internal global i64 0
@workers = internal global i64 0
@sleepers = internal global i64 0, align 128
@waiting = internal global i64 0
@lock = internal global [128 x i8] zeroinitializer, align 64
@news = internal global [128 x i8] zeroinitializer, align 64
@last = internal global [128 x i8] zeroinitializer, align 64
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)

define internal ptr @worker(ptr %nothing) {{
br label %search
search:
%spins = load i64, ptr @spins
br label %look
look:
%spin = phi i64 [ 0, %search ], [ %spun, %spin_on ]
%seen = load atomic i64, ptr @seats acquire, align 8
%none = icmp ult i64 %seen, 4294967296
br i1 %none, label %spin_on, label %try
spin_on:
call void @pause()
%spun = add i64 %spin, 1
%again = icmp slt i64 %spun, %spins
br i1 %again, label %look, label %sleep
sleep:
call i32 @pthread_mutex_lock(ptr @lock)
atomicrmw add ptr @sleepers, i64 1 seq_cst
br label %look_asleep
look_asleep:
%seen_asleep = load atomic i64, ptr @seats seq_cst, align 8
%still_none = icmp ult i64 %seen_asleep, 4294967296
br i1 %still_none, label %wait, label %wake
wait:
call i32 @pthread_cond_wait(ptr @news, ptr @lock)
br label %look_asleep
wake:
atomicrmw sub ptr @sleepers, i64 1 seq_cst
call i32 @pthread_mutex_unlock(ptr @lock)
br label %try
try:
%seats = load atomic i64, ptr @seats acquire, align 8
%seat = lshr i64 %seats, 32
%gone = icmp eq i64 %seat, 0
br i1 %gone, label %search, label %sit
sit:
%taken = sub i64 %seats, 4294967295
%swap = cmpxchg ptr @seats, i64 %seats, i64 %taken seq_cst seq_cst
%mine = extractvalue {{ i64, i1 }} %swap, 1
br i1 %mine, label %job, label %try
job:
%function = load ptr, ptr @function
%context = load ptr, ptr @context
%chunks = load i64, ptr @chunks
call void @work(ptr %function, ptr %context, i64 %chunks, i64 %seat)
%before = atomicrmw sub ptr @seats, i64 1 seq_cst
%was_last = icmp eq i64 %before, 1
br i1 %was_last, label %left, label %search
left:
%waiting = load atomic i64, ptr @waiting seq_cst, align 8
%awaited = icmp ne i64 %waiting, 0
br i1 %awaited, label %tell, label %search
tell:
call i32 @pthread_mutex_lock(ptr @lock)
call i32 @pthread_cond_signal(ptr @last)
call i32 @pthread_mutex_unlock(ptr @lock)
br label %search
}}

; Makes workers until there are enough or the system refuses; returns their count.
define internal i64 @hire(i64 %wanted) {{
%thread = alloca i64
%mask = alloca [128 x i8], align 16
%have = load i64, ptr @workers
%enough = icmp sge i64 %have, %wanted
br i1 %enough, label %done, label %block
block:
%block_number = load i32, ptr @sig_block
call i32 @pthread_sigmask(i32 %block_number, ptr @signals, ptr %mask)
br label %make
make:
%count = phi i64 [ %have, %block ], [ %more, %made ]
%full = icmp sge i64 %count, %wanted
br i1 %full, label %unblock, label %create
create:
%failed = call i32 @pthread_create(ptr %thread, ptr null, ptr @worker, ptr null)
%refused = icmp ne i32 %failed, 0
br i1 %refused, label %unblock, label %made
made:
%id = load i64, ptr %thread
call i32 @pthread_detach(i64 %id)
%more = add i64 %count, 1
br label %make
unblock:
store i64 %count, ptr @workers
%set_number = load i32, ptr @sig_setmask
call i32 @pthread_sigmask(i32 %set_number, ptr %mask, ptr null)
br label %done
done:
%result = phi i64 [ %have, %0 ], [ %count, %unblock ]
ret i64 %result
}}

define void @thalweg_parallel(ptr %function, ptr %context, i64 %chunks, i64 %threads) {{
%useful = call i64 @llvm.smin.i64(i64 %threads, i64 %chunks)
%others = sub i64 %useful, 1
%wanted = call i64 @llvm.smin.i64(i64 %others, i64 {_MOST_WORKERS})
%single = icmp sle i64 %wanted, 0
br i1 %single, label %serial, label %claim
claim:
%swap = cmpxchg ptr @busy, i32 0, i32 1 acquire monotonic
%claimed = extractvalue {{ i32, i1 }} %swap, 1
br i1 %claimed, label %staff, label %serial
serial:
call void @alone(ptr %function, ptr %context, i64 %chunks)
ret void
staff:
%workers = call i64 @hire(i64 %wanted)
%seats = call i64 @llvm.smin.i64(i64 %wanted, i64 %workers)
store ptr %function, ptr @function
store ptr %context, ptr @context
store i64 %chunks, ptr @chunks
store atomic i64 0, ptr @next monotonic, align 8
%open = shl i64 %seats, 32
store atomic i64 %open, ptr @seats seq_cst, align 8
%sleepers = load atomic i64, ptr @sleepers seq_cst, align 8
%calls = call i64 @llvm.smin.i64(i64 %seats, i64 %sleepers)
%awake = icmp eq i64 %calls, 0
br i1 %awake, label %join, label %wake
wake:
call i32 @pthread_mutex_lock(ptr @lock)
br label %ring
ring:
%rung = phi i64 [ 0, %wake ], [ %rings, %ring ]
call i32 @pthread_cond_signal(ptr @news)
%rings = add i64 %rung, 1
%more_rings = icmp slt i64 %rings, %calls
br i1 %more_rings, label %ring, label %rung_all
rung_all:
call i32 @pthread_mutex_unlock(ptr @lock)
br label %join
join:
call void @work(ptr %function, ptr %context, i64 %chunks, i64 0)
%spins = load i64, ptr @spins
%at_close = atomicrmw and ptr @seats, i64 4294967295 seq_cst
br label %look
look:
%spin = phi i64 [ 0, %join ], [ %spun, %spin_on ]
%seen = load atomic i64, ptr @seats acquire, align 8
%empty = icmp eq i64 %seen, 0
br i1 %empty, label %end, label %spin_on
spin_on:
call void @pause()
%spun = add i64 %spin, 1
%again = icmp slt i64 %spun, %spins
br i1 %again, label %look, label %sleep
sleep:
call i32 @pthread_mutex_lock(ptr @lock)
store atomic i64 1, ptr @waiting seq_cst, align 8
br label %look_asleep
look_asleep:
%seen_asleep = load atomic i64, ptr @seats seq_cst, align 8
%all_left = icmp eq i64 %seen_asleep, 0
br i1 %all_left, label %woken, label %wait
wait:
call i32 @pthread_cond_wait(ptr @last, ptr @lock)
br label %look_asleep
woken:
store atomic i64 0, ptr @waiting seq_cst, align 8
call i32 @pthread_mutex_unlock(ptr @lock)
br label %end
end:
store atomic i32 0, ptr @busy release, align 4
ret void
}}

define void @reset() {{
store i64 0, ptr @seats
store i64 0, ptr @workers
store i64 0, ptr @sleepers
store i64 0, ptr @waiting
call i32 @pthread_mutex_init(ptr @lock, ptr null)
call i32 @pthread_cond_init(ptr @news, ptr null)
call i32 @pthread_cond_init(ptr @last, ptr null)
call void @reset_blas()
store atomic i32 0, ptr @busy seq_cst, align 4
ret void
}}"""

# What Python sets, the counts of BLAS, and the time of a pause.
_COUNTS = f"""\
@spins = global i64 0
@limit = global i64 1
@sig_block = global i32 0
@sig_setmask = global i32 0
@signals = global [128 x i8] zeroinitializer, align 16
%blas = type {{ ptr, ptr, i64 }}
@blas = global [{_MOST_BLAS} x %blas] zeroinitializer
@blas_count = global i64 0
@blas_lock = internal global i32 0, align 64
@blas_depth = internal global i64 0
declare i64 @llvm.smin.i64(i64, i64)

define void @spin(i64 %count) {{
br label %loop
loop:
%k = phi i64 [ 0, %0 ], [ %next, %loop ]
call void @pause()
%seen = load atomic i64, ptr @limit acquire, align 8
%next = add i64 %k, 1
%more = icmp slt i64 %next, %count
br i1 %more, label %loop, label %end
end:
ret void
}}

define internal void @lock_blas() {{
br label %try
try:
%swap = cmpxchg ptr @blas_lock, i32 0, i32 1 acquire monotonic
%mine = extractvalue {{ i32, i1 }} %swap, 1
br i1 %mine, label %end, label %wait
wait:
call void @pause()
br label %try
end:
ret void
}}
define internal void @unlock_blas() {{
store atomic i32 0, ptr @blas_lock release, align 4
ret void
}}

define i64 @thalweg_threads() {{
call void @lock_blas()
%limit = load i64, ptr @limit
%count = load i64, ptr @blas_count
%depth = load i64, ptr @blas_depth
%inside = icmp ne i64 %depth, 0
br label %next
next:
%k = phi i64 [ 0, %0 ], [ %k_next, %seen ]
%least = phi i64 [ %limit, %0 ], [ %less, %seen ]
%more = icmp slt i64 %k, %count
br i1 %more, label %one, label %end
one:
%blas = getelementptr [{_MOST_BLAS} x %blas], ptr @blas, i64 0, i64 %k
br i1 %inside, label %remembered, label %asked
remembered:
%previous_at = getelementptr %blas, ptr %blas, i64 0, i32 2
%previous = load i64, ptr %previous_at
br label %seen
asked:
%get = load ptr, ptr %blas
%now_32 = call i32 %get()
%now = sext i32 %now_32 to i64
br label %seen
seen:
%threads = phi i64 [ %previous, %remembered ], [ %now, %asked ]
%less = call i64 @llvm.smin.i64(i64 %least, i64 %threads)
%k_next = add i64 %k, 1
br label %next
end:
call void @unlock_blas()
ret i64 %least
}}

define void @thalweg_blas_enter() {{
call void @lock_blas()
%depth = load i64, ptr @blas_depth
%deeper = add i64 %depth, 1
store i64 %deeper, ptr @blas_depth
%first = icmp eq i64 %depth, 0
br i1 %first, label %begin, label %end
begin:
%count = load i64, ptr @blas_count
br label %next
next:
%k = phi i64 [ 0, %begin ], [ %k_next, %one ]
%more = icmp slt i64 %k, %count
br i1 %more, label %one, label %end
one:
%blas = getelementptr [{_MOST_BLAS} x %blas], ptr @blas, i64 0, i64 %k
%get = load ptr, ptr %blas
%now_32 = call i32 %get()
%now = sext i32 %now_32 to i64
%previous_at = getelementptr %blas, ptr %blas, i64 0, i32 2
store i64 %now, ptr %previous_at
%set_at = getelementptr %blas, ptr %blas, i64 0, i32 1
%set = load ptr, ptr %set_at
call void %set(i32 1)
%k_next = add i64 %k, 1
br label %next
end:
call void @unlock_blas()
ret void
}}

; Gives back the counts, unless somebody has set another one meanwhile.
define internal void @restore_blas() {{
%count = load i64, ptr @blas_count
br label %next
next:
%k = phi i64 [ 0, %0 ], [ %k_next, %after ]
%more = icmp slt i64 %k, %count
br i1 %more, label %one, label %end
one:
%blas = getelementptr [{_MOST_BLAS} x %blas], ptr @blas, i64 0, i64 %k
%get = load ptr, ptr %blas
%now = call i32 %get()
%ours = icmp eq i32 %now, 1
br i1 %ours, label %give, label %after
give:
%previous_at = getelementptr %blas, ptr %blas, i64 0, i32 2
%previous = load i64, ptr %previous_at
%previous_32 = trunc i64 %previous to i32
%set_at = getelementptr %blas, ptr %blas, i64 0, i32 1
%set = load ptr, ptr %set_at
call void %set(i32 %previous_32)
br label %after
after:
%k_next = add i64 %k, 1
br label %next
end:
ret void
}}

define void @thalweg_blas_leave() {{
call void @lock_blas()
%depth = load i64, ptr @blas_depth
%less = sub i64 %depth, 1
store i64 %less, ptr @blas_depth
%out = icmp eq i64 %less, 0
br i1 %out, label %restore, label %end
restore:
call void @restore_blas()
br label %end
end:
call void @unlock_blas()
ret void
}}

define internal void @reset_blas() {{
%depth = load i64, ptr @blas_depth
%inside = icmp ne i64 %depth, 0
br i1 %inside, label %restore, label %end
restore:
call void @restore_blas()
br label %end
end:
store i64 0, ptr @blas_depth
call void @unlock_blas()
ret void
}}"""

_PAUSES = {
    **dict.fromkeys(("x86_64", "amd64"), ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()")),
    **dict.fromkeys(
        ("aarch64", "arm64"), ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)")
    ),
}


def _ir(threaded: bool) -> str:
    declaration, pause = _PAUSES.get(platform.machine().lower(), ("", ""))
    pause = f"{declaration}\ndefine internal void @pause() {{\n{pause}\nret void\n}}"
    return "\n".join([pause, _CHUNKS, _COUNTS, _POOL if threaded else _SERIAL])


# --------------------------------------------------------------------------------------------------------- in Python

_starting = threading.Lock()
_code: llvm.Code | None = None
_linked = 0  # modules with BLAS that were imported when its counters were last looked for


def start() -> None:
    """Make the functions known to `llvm.load`. Later calls look for BLAS libraries that have come since."""
    global _code, _linked
    with _starting:
        if _code is None:
            _code = _compiled(_posix())
        present = sum(name in sys.modules for name in threads.LINKED)
        if present != _linked:
            _watch(_code)
            _linked = present


def _compiled(posix: dict[str, int]) -> llvm.Code:
    for name, address in posix.items():
        llvm.add_symbol(name, address)
    code = llvm.load(llvm.compile_ir(_ir(bool(posix)), 0))
    keep_forever(code)  # its threads never end, so it may not either
    _number(code, "limit").value = threads.limit()
    if posix:
        _block_signals(code)
        if (os.cpu_count() or 1) > 1:
            _number(code, "spins").value = _spins(code)
    reset = ctypes.CFUNCTYPE(None)(code.address("reset"))
    reset()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=reset)
    for name in _DECLARATIONS:
        llvm.add_symbol(name, code.address(name))
    return code


def _number(code: llvm.Code, name: str) -> ctypes.c_int64:
    return ctypes.c_int64.from_address(code.address(name))


def _posix() -> dict[str, int]:
    """The functions of POSIX threads, all of them or none."""
    if os.name != "posix":
        return {}
    process = ctypes.CDLL(None)
    try:
        return {name: ctypes.cast(getattr(process, name), ctypes.c_void_p).value or 0 for name in _POSIX}
    except AttributeError:
        return {}


def _block_signals(code: llvm.Code) -> None:
    """Workers take no signal but those of their own faults."""
    process = ctypes.CDLL(None)
    mask = code.address("signals")
    process.sigfillset(ctypes.c_void_p(mask))
    for fault in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP):
        process.sigdelset(ctypes.c_void_p(mask), int(fault))
    for name, value in (("sig_block", signal.SIG_BLOCK), ("sig_setmask", signal.SIG_SETMASK)):
        ctypes.c_int32.from_address(code.address(name)).value = int(value)


def _spins(code: llvm.Code) -> int:
    """Pauses in `_SPIN` seconds."""
    spin = ctypes.CFUNCTYPE(None, ctypes.c_int64)(code.address("spin"))
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        spin(500)
        times.append(time.perf_counter() - begin)
    return max(1, int(500 * _SPIN / min(times)))


def _watch(code: llvm.Code) -> None:
    """Give the compiled code the counters of the BLAS libraries."""
    class_ = ctypes.c_int64 * 3
    found = threads.counters()[:_MOST_BLAS]
    count = _number(code, "blas_count")
    count.value = 0
    for k, counter in enumerate(found):
        row: Any = class_.from_address(code.address("blas") + 24 * k)
        row[0], row[1] = counter
    count.value = len(found)
