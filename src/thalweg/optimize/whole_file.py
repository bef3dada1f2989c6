"""A file that is written whole or not at all: beside its place, and moved there when complete."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import BinaryIO

__all__ = ["whole_file"]

_numbers = count()


@contextmanager
def whole_file(path: str | os.PathLike[str], what: str) -> Iterator[BinaryIO]:
    """Open a file for writing; `what` could not be saved is said where that fails.

    Raises
    ------
    OSError
        Where it cannot be written; what was there is untouched, also after any other exception.
    """
    place = os.path.realpath(os.fspath(path))
    beside = f"{place}.{os.getpid()}-{next(_numbers)}.part"
    try:
        if os.path.exists(place) and not os.path.isfile(place):
            raise OSError("it is no ordinary file")  # a device, a pipe or a folder is not replaced by a file
        try:
            with open(beside, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if os.path.exists(place):
                os.chmod(beside, stat.S_IMODE(os.stat(place).st_mode))
            os.replace(beside, place)
        except BaseException:
            if os.path.exists(beside):
                os.unlink(beside)
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno, f"{what} could not be saved ({reason}); what was there is untouched", os.fspath(path)
        ) from None
