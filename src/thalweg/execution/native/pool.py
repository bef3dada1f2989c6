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
"""

from __future__ import annotations

import platform

from thalweg.execution.native.blas_threads import COUNTS

MOST_WORKERS = 255

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
%wanted = call i64 @llvm.smin.i64(i64 %others, i64 {MOST_WORKERS})
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

_PAUSES = {
    **dict.fromkeys(("x86_64", "amd64"), ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()")),
    **dict.fromkeys(
        ("aarch64", "arm64"), ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)")
    ),
}


def pool_ir(threaded: bool) -> str:
    """The module of the pool, with or without POSIX threads."""
    declaration, pause = _PAUSES.get(platform.machine().lower(), ("", ""))
    pause = f"{declaration}\ndefine internal void @pause() {{\n{pause}\nret void\n}}"
    return "\n".join([pause, _CHUNKS, COUNTS, _POOL if threaded else _SERIAL])
