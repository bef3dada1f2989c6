"""A file of plain data: a JSON header and arrays, in an uncompressed zip that `numpy.load` reads too.

Reading it runs no code and takes no more memory than a few times the size of the file, whatever the file says: entries
that are compressed, overlap, have unexpected names, or declare more than they hold are refused before anything is
allocated.  Writing it is all or nothing.
"""

from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from dataclasses import dataclass, field
from math import prod
from typing import Any, BinaryIO

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.optimize.whole_file import whole_file

__all__ = ["Content", "read", "write"]

HEADER = "header.json"
MAGIC = b"PK\x03\x04"
#: Kinds of numbers and texts that arrays may hold; objects are not among them.
KINDS = "biufUS"
#: A file cannot name a moment, so that equal content makes equal files.
MOMENT = (1980, 1, 1, 0, 0, 0)


@dataclass(eq=False)
class Content:
    """What is in a file.

    Attributes
    ----------
    header : dict
        JSON; it speaks of the arrays by number.
    arrays : list of array
    size : int
        Bytes of the file it was read from.
    """

    header: dict[str, Any]
    arrays: list[np.ndarray] = field(default_factory=list)
    size: int = 0


# --- writing ----------------------------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], content: Content) -> None:
    """Write the file, whole or not at all.

    Raises
    ------
    OSError
        Where it cannot be written; what was there is untouched.
    """
    with whole_file(path, "The model") as file:
        _write(file, content)


def _write(file: BinaryIO, content: Content) -> None:
    header = json.dumps(content.header, ensure_ascii=False, separators=(",", ":")).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as entries:
        entries.writestr(zipfile.ZipInfo(HEADER, MOMENT), header)
        for number, array in enumerate(content.arrays):
            with entries.open(zipfile.ZipInfo(f"{number}.npy", MOMENT), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


# --- reading ----------------------------------------------------------------------------------------------------------


class Damaged(Exception):
    """What is wrong with a file."""


#: What `zipfile`, `json` and `numpy.lib.format` raise for bytes that are none of theirs.
FAULTS = (
    zipfile.BadZipFile, OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError, OverflowError, MemoryError,
    RuntimeError, NotImplementedError,
)  # fmt: skip


def read(path: str | os.PathLike[str], what: str) -> Content:
    """Read a file that `write` made; `what` it should be is named in errors.

    Raises
    ------
    ArgumentError
        Where it is no such file, or is damaged.
    OSError
        Where there is none, or it cannot be read.
    """
    shown = os.fspath(path)
    with open(path, "rb") as file:  # its own errors are clear
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or file.read(len(MAGIC)) != MAGIC:
            raise ArgumentError(f"{shown} is no {what}.")
        file.seek(0)
        try:
            return _read(file, status.st_size)
        except Damaged as error:
            raise ArgumentError(f"{shown} is damaged, or no {what}: {error}.") from None
        except FAULTS as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise ArgumentError(f"{shown} is damaged, or no {what}: {reason}.") from None


def _read(file: BinaryIO, size: int) -> Content:
    with zipfile.ZipFile(file) as entries:
        infos = entries.infolist()
        expected = {HEADER, *(f"{number}.npy" for number in range(len(infos) - 1))}
        if len({info.filename for info in infos}) != len(infos) or {info.filename for info in infos} != expected:
            raise Damaged("it does not have the entries of one")
        for info in infos:
            if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
                raise Damaged(f"its entry {info.filename} is compressed")
        if sum(info.file_size for info in infos) > size:
            raise Damaged("its entries are declared larger than the file")
        header = json.loads(entries.read(HEADER).decode())
        if not isinstance(header, dict):
            raise Damaged("its header is no object")
        arrays = [_array(entries.read(f"{number}.npy"), f"{number}.npy") for number in range(len(infos) - 1)]
    return Content(header, arrays, size)


def _array(data: bytes, name: str) -> np.ndarray:
    """An array from the bytes of an entry, if these are exactly as many as it says."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise Damaged(f"its array {name} has an unknown format")
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(stream)
    if dtype.hasobject or dtype.kind not in KINDS or dtype.names is not None or dtype.subdtype is not None:
        raise Damaged(f"its array {name} holds {dtype}, which is neither numbers nor text")
    begin = stream.tell()
    if any(length < 0 for length in shape) or prod(shape) * dtype.itemsize != len(data) - begin:
        raise Damaged(f"its array {name} is declared with another size than it has")
    if len(data) == begin:
        if prod(shape) > 0:  # texts of no letters, as many as it likes to say
            raise Damaged(f"its array {name} holds nothing")
        return np.zeros(shape, dtype)
    flat = np.frombuffer(data, dtype, offset=begin)
    return flat.reshape(shape, order="F" if fortran else "C").copy(order="K")
