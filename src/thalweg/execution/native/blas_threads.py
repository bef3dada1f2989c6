"""How many threads compiled code may use now, and BLAS held to one thread while the pool works: in IR.

Some libraries are linked with a BLAS of their own, so there may be several; each is known by two C functions, ``int
get(void)`` and ``void set(int)``. A short lock orders those who enter, leave and ask.
"""

MOST_BLAS = 8

# What Python sets, the counts of BLAS, and the time of a pause.
COUNTS = f"""\
@spins = global i64 0
@limit = global i64 1
@sig_block = global i32 0
@sig_setmask = global i32 0
@signals = global [128 x i8] zeroinitializer, align 16
%blas = type {{ ptr, ptr, i64 }}
@blas = global [{MOST_BLAS} x %blas] zeroinitializer
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
%blas = getelementptr [{MOST_BLAS} x %blas], ptr @blas, i64 0, i64 %k
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
%blas = getelementptr [{MOST_BLAS} x %blas], ptr @blas, i64 0, i64 %k
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
%blas = getelementptr [{MOST_BLAS} x %blas], ptr @blas, i64 0, i64 %k
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
