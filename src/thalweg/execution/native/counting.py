"""``Loop``: a counted loop in the text of a function, with the values that it carries from one turn to the next."""

from __future__ import annotations

from collections.abc import Sequence

from thalweg.execution.native.module import Body

Size = int | str  # a number, or the register (i64) that holds it

_AS_WRITTEN = (
    "!9001 = distinct !{!9001, !9002, !9003}\n"
    '!9002 = !{!"llvm.loop.unroll.disable"}\n'
    '!9003 = !{!"llvm.loop.vectorize.enable", i1 false}'
)


class Loop:
    """``for index in range(start, stop, step)``; lines added until `close` are its body.

    A number of turns that is known is at least one (a loop of none is not written); one that is not is tested first.
    ``carried`` are (type, value on entry) of the values that change from turn to turn: ``values`` names them inside.
    A loop ``as_written`` is one that LLVM need not unroll or vectorize any more.
    """

    def __init__(
        self,
        body: Body,
        stop: Size,
        carried: Sequence[tuple[str, str]] = (),
        start: Size = 0,
        step: int = 1,
        as_written: bool = False,
    ) -> None:
        self.body, self._stop, self._step = body, stop, step
        self._hint = ""
        if as_written:
            body.module.declare("!9001", _AS_WRITTEN)
            self._hint = ", !llvm.loop !9001"
        self._types = [kind for kind, _ in carried]
        before, self._top, self._end = body.fresh("before"), body.fresh("loop"), body.fresh("done")
        body.line(f"br label %{before}")
        body.label(before)
        self._before, self._entry = before, [value for _, value in carried]
        self._tested = isinstance(start, str) or isinstance(stop, str)
        if self._tested:
            some = body.emit(f"icmp slt i64 {start}, {stop}")
            body.line(f"br i1 {some}, label %{self._top}, label %{self._end}")
        else:
            body.line(f"br label %{self._top}")
        body.label(self._top)
        self.index, self._next = f"%{body.fresh('i')}", f"%{body.fresh('i')}"
        self._latch = body.fresh("turn")
        body.line(f"{self.index} = phi i64 [{start}, %{before}], [{self._next}, %{self._latch}]")
        self.values = [f"%{body.fresh('c')}" for _ in carried]
        self._at = len(body.lines)

    def close(self, values: Sequence[str] = ()) -> list[str]:
        """End the loop; ``values`` are those carried to the next turn. Returns what is carried out of the last one."""
        body = self.body
        phis = [
            f"{name} = phi {kind} [{first}, %{self._before}], [{value}, %{self._latch}]"
            for name, kind, first, value in zip(self.values, self._types, self._entry, values, strict=True)
        ]
        body.lines[self._at : self._at] = phis
        body.line(f"br label %{self._latch}")
        body.label(self._latch)
        body.line(f"{self._next} = add nsw i64 {self.index}, {self._step}")
        more = body.emit(f"icmp slt i64 {self._next}, {self._stop}")
        body.line(f"br i1 {more}, label %{self._top}, label %{self._end}{self._hint}")
        body.label(self._end)
        if not self._tested:
            return list(values)
        return [
            body.emit(f"phi {kind} [{first}, %{self._before}], [{value}, %{self._latch}]")
            for kind, first, value in zip(self._types, self._entry, values, strict=True)
        ]
