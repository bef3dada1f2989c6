"""The entry of all programs, as IR: one C function of CPython's fast convention.

``PyObject *entry(PyObject *self, PyObject *const *args, Py_ssize_t nargs)`` checks the arguments, has NumPy make the
outputs, calls the program and puts the outputs in a tuple. ``self`` is a structure of ctypes with two fields, the
address of the `signature` and that of the scratch memory that is kept between calls.
"""

from __future__ import annotations

import numpy as np

from thalweg.execution.native.objects import (
    BYTEORDER,
    CARRAY,
    DATA,
    DESCR,
    FLAGS,
    ITEMSIZE,
    KIND,
    NDIM,
    OBJECTS,
    SHAPE,
    STRUCTURE,
    TYPE,
    VALUE,
)
from thalweg.execution.native.signature import DTYPES, KEPT, ON_STACK, REFUSED, TYPES


def entry_ir() -> str:
    """``@entry``: CPython's ``PyObject *f(PyObject *self, PyObject *const *args, Py_ssize_t nargs)``; and `_FREE`."""
    external = "\n".join(f"@{name} = external global i8" for name in OBJECTS)
    rows = []
    for dtype in DTYPES:
        kind, order = ord(dtype.kind), ord("=" if dtype.itemsize > 1 else "|")
        python = "thalweg_float" if dtype == np.float64 else f"thalweg_{dtype}_scalar"
        rows.append(
            f"%dtype {{ i8 {kind}, i8 {order}, i64 {dtype.itemsize}, i32 {dtype.num}, "
            f"ptr @thalweg_{dtype}_scalar, ptr @{python}, ptr @thalweg_{dtype} }}"
        )
    table = f"@dtypes = private constant [{len(rows)} x %dtype] [\n" + ",\n".join(rows) + "]"
    return "\n".join([TYPES, _DECLARATIONS, external, table, _FITS, _SCRATCH, _ENTRY])


_DECLARATIONS = """\
%dtype = type { i8, i8, i64, i32, ptr, ptr, ptr }
%self = type { ptr, ptr }
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare ptr @PyErr_NoMemory()
declare void @PyErr_SetString(ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare ptr @PyArray_New(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)"""

# Whether an argument is as declared; then its data pointer is stored. That is an array of the very dtype and shape, in
# C order; or for shape () an exact NumPy scalar or Python float, whose value is used where it lies.
_FITS = f"""\
define internal i1 @fits(ptr %object, ptr %wanted, ptr %to) {{
%index = load i64, ptr %wanted
%dtype = getelementptr [{len(DTYPES)} x %dtype], ptr @dtypes, i64 0, i64 %index
%ndim_wanted_at = getelementptr %array, ptr %wanted, i64 0, i32 1
%ndim_wanted = load i64, ptr %ndim_wanted_at
%type_at = getelementptr i8, ptr %object, i64 {TYPE}
%type = load ptr, ptr %type_at
%is_array = icmp eq ptr %type, @thalweg_ndarray
br i1 %is_array, label %array, label %number
array:
%descr_at = getelementptr i8, ptr %object, i64 {DESCR}
%descr = load ptr, ptr %descr_at
%kind_at = getelementptr i8, ptr %descr, i64 {KIND}
%kind = load i8, ptr %kind_at
%kind_wanted = load i8, ptr %dtype
%same_kind = icmp eq i8 %kind, %kind_wanted
%order_at = getelementptr i8, ptr %descr, i64 {BYTEORDER}
%order = load i8, ptr %order_at
%order_wanted_at = getelementptr %dtype, ptr %dtype, i64 0, i32 1
%order_wanted = load i8, ptr %order_wanted_at
%same_order = icmp eq i8 %order, %order_wanted
%size_at = getelementptr i8, ptr %descr, i64 {ITEMSIZE}
%size = load i64, ptr %size_at
%size_wanted_at = getelementptr %dtype, ptr %dtype, i64 0, i32 2
%size_wanted = load i64, ptr %size_wanted_at
%same_size = icmp eq i64 %size, %size_wanted
%ndim_at = getelementptr i8, ptr %object, i64 {NDIM}
%ndim_32 = load i32, ptr %ndim_at
%ndim = zext i32 %ndim_32 to i64
%same_ndim = icmp eq i64 %ndim, %ndim_wanted
%flags_at = getelementptr i8, ptr %object, i64 {FLAGS}
%flags = load i32, ptr %flags_at
%needed = and i32 %flags, {CARRAY}
%in_order = icmp eq i32 %needed, {CARRAY}
%same_type = and i1 %same_kind, %same_size
%native = and i1 %same_type, %same_order
%laid = and i1 %same_ndim, %in_order
%good = and i1 %native, %laid
br i1 %good, label %shape, label %no
shape:
%shape_at = getelementptr i8, ptr %object, i64 {SHAPE}
%lengths = load ptr, ptr %shape_at
%shape_wanted_at = getelementptr %array, ptr %wanted, i64 0, i32 2
%shape_wanted = load ptr, ptr %shape_wanted_at
br label %axis
axis:
%k = phi i64 [ 0, %shape ], [ %next, %compare ]
%more = icmp ult i64 %k, %ndim
br i1 %more, label %compare, label %yes
compare:
%length_wanted_at = getelementptr i64, ptr %shape_wanted, i64 %k
%length_wanted = load i64, ptr %length_wanted_at
%length_at = getelementptr i64, ptr %lengths, i64 %k
%length = load i64, ptr %length_at
%next = add i64 %k, 1
%same_length = icmp eq i64 %length, %length_wanted
br i1 %same_length, label %axis, label %no
yes:
%data_at = getelementptr i8, ptr %object, i64 {DATA}
%data = load ptr, ptr %data_at
store ptr %data, ptr %to
ret i1 true
number:
%scalar_at = getelementptr %dtype, ptr %dtype, i64 0, i32 4
%scalar = load ptr, ptr %scalar_at
%is_scalar = icmp eq ptr %type, %scalar
%python_at = getelementptr %dtype, ptr %dtype, i64 0, i32 5
%python = load ptr, ptr %python_at
%is_python = icmp eq ptr %type, %python
%is_number = or i1 %is_scalar, %is_python
%number_wanted = icmp eq i64 %ndim_wanted, 0
%usable = and i1 %is_number, %number_wanted
br i1 %usable, label %value, label %no
value:
%value_at = getelementptr i8, ptr %object, i64 {VALUE}
store ptr %value_at, ptr %to
ret i1 true
no:
ret i1 false
}}"""

# Blocks begin at multiples of 64 bytes; before a block stands the address that the allocator gave.
_SCRATCH = """\
define internal ptr @allocate(i64 %bytes) {
%room = add i64 %bytes, 72
%block = call ptr @PyMem_RawMalloc(i64 %room)
%failed = icmp eq ptr %block, null
br i1 %failed, label %end, label %align
align:
%number = ptrtoint ptr %block to i64
%after = add i64 %number, 71
%multiple = and i64 %after, -64
%offset = sub i64 %multiple, %number
%start = getelementptr i8, ptr %block, i64 %offset
%before = getelementptr i8, ptr %start, i64 -8
store ptr %block, ptr %before
ret ptr %start
end:
ret ptr null
}
define void @free_scratch(ptr %start) {
%nothing = icmp eq ptr %start, null
br i1 %nothing, label %end, label %free
free:
%before = getelementptr i8, ptr %start, i64 -8
%block = load ptr, ptr %before
call void @PyMem_RawFree(ptr %block)
br label %end
end:
ret void
}"""

_ENTRY = f"""\
define ptr @entry(ptr %callable, ptr %args, i64 %nargs) {{
%self_at = getelementptr i8, ptr %callable, i64 {STRUCTURE}
%self = load ptr, ptr %self_at
%s = load ptr, ptr %self
%program_at = getelementptr %signature, ptr %s, i64 0, i32 0
%program = load ptr, ptr %program_at
%scratch_bytes_at = getelementptr %signature, ptr %s, i64 0, i32 1
%scratch_bytes = load i64, ptr %scratch_bytes_at
%release_at = getelementptr %signature, ptr %s, i64 0, i32 2
%release = load i64, ptr %release_at
%inputs_at = getelementptr %signature, ptr %s, i64 0, i32 4
%inputs = load ptr, ptr %inputs_at
%count_in_at = getelementptr %signature, ptr %s, i64 0, i32 3
%count_in = load i64, ptr %count_in_at
%outputs_at = getelementptr %signature, ptr %s, i64 0, i32 6
%outputs = load ptr, ptr %outputs_at
%count_out_at = getelementptr %signature, ptr %s, i64 0, i32 5
%count_out = load i64, ptr %count_out_at
%data_in = alloca ptr, i64 %count_in
%data_out = alloca ptr, i64 %count_out
%numbers = alloca i64, i64 %count_out
%made = alloca ptr, i64 %count_out
%enough = icmp eq i64 %nargs, %count_in
br i1 %enough, label %next_in, label %reject

next_in:
%i = phi i64 [ 0, %0 ], [ %i_next, %fitting ]
%more_in = icmp ult i64 %i, %count_in
br i1 %more_in, label %in, label %next_out
in:
%object_at = getelementptr ptr, ptr %args, i64 %i
%object = load ptr, ptr %object_at
%wanted = getelementptr %array, ptr %inputs, i64 %i
%to = getelementptr ptr, ptr %data_in, i64 %i
%fits = call i1 @fits(ptr %object, ptr %wanted, ptr %to)
br i1 %fits, label %fitting, label %reject
fitting:
%i_next = add i64 %i, 1
br label %next_in
reject:
call void @Py_IncRef(ptr @thalweg_not_implemented)
ret ptr @thalweg_not_implemented

next_out:
%j = phi i64 [ 0, %next_in ], [ %j_next, %out_made ]
%more_out = icmp ult i64 %j, %count_out
br i1 %more_out, label %out, label %all_made
out:
%output = getelementptr %array, ptr %outputs, i64 %j
%index = load i64, ptr %output
%ndim_at = getelementptr %array, ptr %output, i64 0, i32 1
%ndim = load i64, ptr %ndim_at
%place = getelementptr ptr, ptr %data_out, i64 %j
%made_at = getelementptr ptr, ptr %made, i64 %j
%is_number = icmp eq i64 %ndim, 0
br i1 %is_number, label %number_out, label %array_out
number_out:
%number = getelementptr i64, ptr %numbers, i64 %j
br label %out_made
array_out:
%ndim_32 = trunc i64 %ndim to i32
%shape_at = getelementptr %array, ptr %output, i64 0, i32 2
%shape = load ptr, ptr %shape_at
%type_at = getelementptr [{len(DTYPES)} x %dtype], ptr @dtypes, i64 0, i64 %index, i32 3
%type = load i32, ptr %type_at
%array = call ptr @PyArray_New(ptr @thalweg_ndarray, i32 %ndim_32, ptr %shape, i32 %type, ptr null, ptr null, i32 0, \
i32 0, ptr null)
%unmade = icmp eq ptr %array, null
br i1 %unmade, label %raised, label %array_made
array_made:
%data_at = getelementptr i8, ptr %array, i64 {DATA}
%data = load ptr, ptr %data_at
br label %out_made
out_made:
%made_j = phi ptr [ null, %number_out ], [ %array, %array_made ]
%data_j = phi ptr [ %number, %number_out ], [ %data, %array_made ]
store ptr %made_j, ptr %made_at
store ptr %data_j, ptr %place
%j_next = add i64 %j, 1
br label %next_out

all_made:
%on_stack = icmp ule i64 %scratch_bytes, {ON_STACK}
br i1 %on_stack, label %stack, label %take
stack:
%block = alloca i8, i64 %scratch_bytes, align 64
br label %call
take:
%slot = getelementptr %self, ptr %self, i64 0, i32 1
%kept = atomicrmw xchg ptr %slot, ptr null acq_rel
%none_kept = icmp eq ptr %kept, null
br i1 %none_kept, label %allocate, label %call
allocate:
%new = call ptr @allocate(i64 %scratch_bytes)
%no_memory = icmp eq ptr %new, null
br i1 %no_memory, label %memory, label %call
call:
%scratch = phi ptr [ %block, %stack ], [ %kept, %take ], [ %new, %allocate ]
%holds = icmp eq i64 %release, 0
br i1 %holds, label %holding, label %releasing
holding:
%answer_1 = call i32 %program(ptr %data_in, ptr %data_out, ptr %scratch)
br label %called
releasing:
%thread = call ptr @PyEval_SaveThread()
%answer_2 = call i32 %program(ptr %data_in, ptr %data_out, ptr %scratch)
call void @PyEval_RestoreThread(ptr %thread)
br label %called
called:
%answer = phi i32 [ %answer_1, %holding ], [ %answer_2, %releasing ]
br i1 %on_stack, label %judge, label %give
give:
%keep = icmp ule i64 %scratch_bytes, {KEPT}
br i1 %keep, label %put, label %free
put:
%slot_again = getelementptr %self, ptr %self, i64 0, i32 1
%other = atomicrmw xchg ptr %slot_again, ptr %scratch acq_rel
br label %free
free:
%surplus = phi ptr [ %scratch, %give ], [ %other, %put ]
call void @free_scratch(ptr %surplus)
br label %judge

judge:
switch i32 %answer, label %other_answer [ i32 0, label %done
i32 -1, label %memory
i32 {REFUSED}, label %refused ]
done:
%tuple = call ptr @PyTuple_New(i64 %count_out)
%untupled = icmp eq ptr %tuple, null
br i1 %untupled, label %raised, label %next_item
next_item:
%t = phi i64 [ 0, %done ], [ %t_next, %item ]
%more_items = icmp ult i64 %t, %count_out
br i1 %more_items, label %fill, label %filled
fill:
%item_at = getelementptr ptr, ptr %made, i64 %t
%item_made = load ptr, ptr %item_at
%is_scalar = icmp eq ptr %item_made, null
br i1 %is_scalar, label %box, label %item
box:
%boxed_from = getelementptr i64, ptr %numbers, i64 %t
%boxed_index_at = getelementptr %array, ptr %outputs, i64 %t
%boxed_index = load i64, ptr %boxed_index_at
%descr_at = getelementptr [{len(DTYPES)} x %dtype], ptr @dtypes, i64 0, i64 %boxed_index, i32 6
%descr = load ptr, ptr %descr_at
%boxed = call ptr @PyArray_Scalar(ptr %boxed_from, ptr %descr, ptr null)
%unboxed = icmp eq ptr %boxed, null
br i1 %unboxed, label %unfilled, label %item
item:
%new_item = phi ptr [ %item_made, %fill ], [ %boxed, %box ]
store ptr null, ptr %item_at
call i32 @PyTuple_SetItem(ptr %tuple, i64 %t, ptr %new_item)
%t_next = add i64 %t, 1
br label %next_item
filled:
ret ptr %tuple
unfilled:
call void @Py_DecRef(ptr %tuple)
br label %raised

other_answer:
%guard = icmp sgt i32 %answer, 0
br i1 %guard, label %unheld, label %failure
unheld:
call void @Py_IncRef(ptr @thalweg_none)
br label %drop
refused:
call void @Py_IncRef(ptr @thalweg_not_implemented)
br label %drop
memory:
call ptr @PyErr_NoMemory()
br label %raised
failure:
%wide = sext i32 %answer to i64
%which = sub i64 -2, %wide
%count_failures_at = getelementptr %signature, ptr %s, i64 0, i32 7
%count_failures = load i64, ptr %count_failures_at
%listed = icmp ult i64 %which, %count_failures
%known = select i1 %listed, i64 %which, i64 0
%failures_at = getelementptr %signature, ptr %s, i64 0, i32 8
%failures = load ptr, ptr %failures_at
%message_at = getelementptr ptr, ptr %failures, i64 %known
%message = load ptr, ptr %message_at
call void @PyErr_SetString(ptr @thalweg_LinAlgError, ptr %message)
br label %raised
raised:
%made_so_far = phi i64 [ %j, %array_out ], [ %count_out, %done ], [ %count_out, %unfilled ], [ %count_out, %memory ], \
[ %count_out, %failure ]
br label %drop
drop:
%result = phi ptr [ @thalweg_none, %unheld ], [ @thalweg_not_implemented, %refused ], [ null, %raised ]
%count_drop = phi i64 [ %count_out, %unheld ], [ %count_out, %refused ], [ %made_so_far, %raised ]
br label %next_drop
next_drop:
%d = phi i64 [ 0, %drop ], [ %d_next, %drop_one ]
%more_drop = icmp ult i64 %d, %count_drop
br i1 %more_drop, label %drop_one, label %dropped
drop_one:
%dropped_at = getelementptr ptr, ptr %made, i64 %d
%unwanted = load ptr, ptr %dropped_at
call void @Py_DecRef(ptr %unwanted)
%d_next = add i64 %d, 1
br label %next_drop
dropped:
ret ptr %result
}}"""
