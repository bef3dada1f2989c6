"""Ops of whole arrays as functions of their own in a program: scans, and linear algebra by LAPACK."""

from __future__ import annotations

from thalweg.execution.native import lapack, scans
from thalweg.execution.native.axes import Operand
from thalweg.execution.native.layout import SCRATCH, Buffer, Place
from thalweg.execution.native.module import Body, Module, memory_type
from thalweg.execution.native.schedule import Schedule
from thalweg.execution.native.tasks import Call, Unsupported
from thalweg.graph import INT64

_ALIGN = 64


def write(task: Call, schedule: Schedule, module: Module, name: str) -> list[Buffer]:
    """Write ``void name(ptr…, ptr %fail)``; returns the buffers that it takes."""
    body = Body(module)
    room = Buffer(SCRATCH, len(schedule.buffers), 0, INT64)  # for what the op needs besides
    names = {x: f"%b{k}" for k, x in enumerate(dict.fromkeys(p.buffer for p in (*task.operands, *task.outs)))}

    def operand(place: Place) -> Operand:
        pointer = names[place.buffer]
        if place.offset:
            pointer = body.emit(f"getelementptr {memory_type(place.buffer.dtype)}, ptr {pointer}, i64 {place.offset}")
        return Operand(pointer, place.strides, place.shape)

    def scratch(size: int) -> str:
        if room not in names:
            names[room] = f"%b{len(names)}"
            schedule.buffers.append(room)
        pointer = body.emit(f"getelementptr i64, ptr {names[room]}, i64 {room.size}")
        room.size += -(-size // _ALIGN) * _ALIGN // 8
        return pointer

    writer = scans if task.node.op in scans.SCANS else lapack
    operands, outs = [operand(p) for p in task.operands], [operand(p) for p in task.outs]
    status = writer.emit(body, task.node, operands, outs, scratch)
    if status is None:
        raise Unsupported(task.node)
    if status != "0":
        old = body.emit("load i32, ptr %fail")
        body.line(f"store i32 {body.emit(f'or i32 {old}, {status}')}, ptr %fail")
    written = {p.buffer for p in task.outs} | {room}
    listed = "".join(f"ptr noalias{'' if x in written else ' readonly'} nocapture {v}, " for x, v in names.items())
    text = "\n".join(body.lines)
    group = module.attributes('nounwind "prefer-vector-width"="512" "no-trapping-math"="true"')
    module.define(f"define internal void @{name}({listed}ptr noalias %fail) {group} {{\nentry:\n{text}\nret void\n}}")
    return list(names)
