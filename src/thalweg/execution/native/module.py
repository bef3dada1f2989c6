"""``Module`` and ``Body``: the text of an LLVM module, and of one function in it, while they are being written.

IR is written as text: for straight-line code of 10⁵ operations a tree of Python objects would cost more time than LLVM
itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

IN_REGISTER = {"d": "double", "f": "float", "l": "i64", "q": "i64", "?": "i1"}
IN_MEMORY = {**IN_REGISTER, "?": "i8"}


def register_type(dtype: np.dtype[Any]) -> str:
    return IN_REGISTER[dtype.char]


def memory_type(dtype: np.dtype[Any]) -> str:
    return IN_MEMORY[dtype.char]


class Module:
    """The parts of a module: declarations and attribute groups once each, functions in order."""

    def __init__(self) -> None:
        self._declared: dict[str, str] = {}
        self._attributes: dict[str, int] = {}
        self._functions: list[str] = []
        self._shared: dict[tuple[str, str], str] = {}
        self._kept: dict[str, None] = {}
        self.later: dict[str, str] = {}

    def declare(self, symbol: str, text: str) -> None:
        """Add a declaration or global (one line), unless ``symbol`` (with or without its @) has one."""
        self._declared.setdefault(symbol.removeprefix("@"), text)

    def declared(self, symbol: str) -> bool:
        return symbol.removeprefix("@") in self._declared

    def attributes(self, text: str) -> str:
        """The name ``#n`` of a group of attributes."""
        return f"#{self._attributes.setdefault(text, len(self._attributes))}"

    def attributes_later(self, name: str) -> str:
        """Likewise, for a group whose text is given at the end, by ``later[name]``."""
        return self.attributes(f"\0{name}")

    def define(self, text: str) -> None:
        """Add a whole function."""
        self._functions.append(text)

    def keep(self, symbol: str) -> None:
        """Forbid LLVM to drop ``symbol``, though nothing calls it yet."""
        self._kept[symbol] = None

    def share(self, prefix: str, signature: str, body: str) -> str:
        """The name of an internal function ``void name(signature) body``: an equal one that is there, or a new one."""
        key = (signature, body)
        name = self._shared.get(key)
        if name is None:
            name = self._shared[key] = f"{prefix}{len(self._shared)}"
            self.define(f"define internal void @{name}({signature}) {body}")
        return name

    def lines_of(self, prefix: str) -> int:
        """How many lines the shared functions of one kind have."""
        return sum(body.count("\n") for (_, body), name in self._shared.items() if name.startswith(prefix))

    def text(self) -> str:
        groups = [
            f"attributes #{n} = {{ {self.later[text[1:]] if text[0] == chr(0) else text} }}"
            for text, n in self._attributes.items()
        ]
        if self._kept:
            kept = ", ".join(f"ptr @{symbol}" for symbol in self._kept)
            groups.append(
                f'@llvm.compiler.used = appending global [{len(self._kept)} x ptr] [{kept}], section "llvm.metadata"'
            )
        return "\n".join([*self._declared.values(), *self._functions, *groups, ""])


class Body:
    """The lines of one function."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.lines: list[str] = []
        self._count = 0

    def fresh(self, prefix: str) -> str:
        """A name without its sigil that this function does not use yet."""
        self._count += 1
        return f"{prefix}{self._count}"

    def line(self, text: str) -> None:
        self.lines.append(text)

    def emit(self, text: str) -> str:
        """``%name = text``; returns ``%name``."""
        self._count += 1
        name = f"%t{self._count}"
        self.lines.append(f"{name} = {text}")
        return name

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
