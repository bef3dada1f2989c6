"""Object code on disk, so that the second run of a program starts native.

The folder is the user's own: ``$THALWEG_CACHE_DIR`` (empty: no cache), else ``thalweg`` in the system's place for
caches (``$XDG_CACHE_HOME`` or ``~/.cache``; ``~/Library/Caches``; ``%LOCALAPPDATA%``). What lies there is executed, so
only what this user alone could write is read: a folder or file that belongs to somebody else or that others may write
to is not used. Each entry says which key it answers and carries a checksum; a damaged, truncated or foreign one counts
as absent.

Entries are written beside and renamed, so processes that share the folder see whole entries only. The folder is kept
below ``$THALWEG_CACHE_MB`` (256) megabytes: the least recently used go first. Where nothing can be read or written, a
missing home or a full disk, everything works as before and compiles again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

_MAGIC = b"thalweg code 1\n"
_HEAD = len(_MAGIC) + 2 * 32
_ENTRY = re.compile(r"[0-9a-f]{64}\.code")
_PARTIAL = re.compile(r"[0-9a-f]{32}\.partial")
_ABANDONED = 3600.0  # seconds after which a half-written file belongs to a process that is gone
_LOW_WATER = 0.9  # of the limit: how far a full folder is emptied
_FRESH = 600.0  # seconds for which the time of last use need not be written again


def note(message: str, *details: Any) -> None:
    """A line for the debug log."""
    import logging  # not in the path of a cold start

    logging.getLogger("thalweg.cache").debug(message, *details)


class Info(NamedTuple):
    """What `info` tells."""

    path: str | None
    entries: int
    bytes: int
    limit: int


def folder() -> str | None:
    """Where the cache lies, or would lie; ``None`` where it is switched off or there is no home."""
    chosen = os.environ.get("THALWEG_CACHE_DIR")
    if chosen is not None:
        return os.path.abspath(chosen) if chosen else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        base = base if os.path.isabs(base) else "~/.cache"
    base = os.path.expanduser(base)
    return os.path.join(base, "thalweg") if os.path.isabs(base) else None


def limit() -> int:
    """How many bytes the folder may hold."""
    try:
        megabytes = float(os.environ.get("THALWEG_CACHE_MB", "256"))
    except ValueError:
        megabytes = 256.0
    return int(max(megabytes, 0.0) * 2**20)


class Cache:
    """The entries in one folder.

    Parameters
    ----------
    path : str
        The folder; made, for this user alone, when the first entry is written.
    limit : int
        Bytes that all entries together may take.
    """

    def __init__(self, path: str, limit: int) -> None:
        self.path = path
        self.limit = limit
        self._room: int | None = None  # bytes still free, as far as this process knows
        self._writable = True

    def get(self, key: bytes) -> bytes | None:
        """What was put under ``key`` (32 bytes), if it is whole and can be trusted."""
        path = self._file(key)
        try:
            if not _own_folder(self.path):
                return None
            with open(path, "rb", opener=_without_links) as file:
                status = os.fstat(file.fileno())
                content = file.read() if _own(status) else b""
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                note("the cache cannot be read: %s", error)
            return None
        if not _whole(content, key):
            note("%s is damaged and will be written anew", path)
            return None
        if time.time() - status.st_mtime > _FRESH:
            with contextlib.suppress(OSError):
                os.utime(path)
        return content[_HEAD:]

    def put(self, key: bytes, content: bytes) -> None:
        """Keep ``content`` under ``key``, or do nothing where that is impossible."""
        size = _HEAD + len(content)
        if not self._writable or size > self.limit:
            return
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.path, 0o700)
            if not _own_folder(self.path):
                raise PermissionError(f"{self.path} belongs to somebody else, or others may write to it")
            if self._room is None or self._room < size:
                self._make_room(size)
            self._write(self._file(key), _MAGIC + key + _checksum(key, content) + content)
            assert self._room is not None
            self._room -= size
        except OSError as error:  # read-only, full, over quota: once is enough
            self._writable = False
            note("code is not kept on disk: %s", error)

    def discard(self, key: bytes) -> None:
        """Forget ``key``."""
        with contextlib.suppress(OSError):
            os.unlink(self._file(key))

    def info(self) -> tuple[int, int]:
        """How many entries there are, and their bytes."""
        sizes = [status.st_size for _, status in self._files(_ENTRY)]
        return len(sizes), sum(sizes)

    def clear(self) -> tuple[int, int]:
        """Delete all entries; returns how many there were, and their bytes. Other files are left alone."""
        count = freed = 0
        for path, status in [*self._files(_ENTRY), *self._files(_PARTIAL)]:
            with contextlib.suppress(OSError):
                os.unlink(path)
                count, freed = count + 1, freed + status.st_size
        self._room = None
        self._writable = True
        return count, freed

    def _file(self, key: bytes) -> str:
        return os.path.join(self.path, f"{key.hex()}.code")

    def _write(self, path: str, content: bytes) -> None:
        partial = os.path.join(self.path, f"{os.urandom(16).hex()}.partial")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise

    def _files(self, pattern: re.Pattern[str]) -> Iterator[tuple[str, os.stat_result]]:
        try:
            listing = list(os.scandir(self.path))
        except OSError:
            return
        for entry in listing:
            if pattern.fullmatch(entry.name):
                with contextlib.suppress(OSError):  # another process has just deleted it
                    yield entry.path, entry.stat(follow_symlinks=False)

    def _make_room(self, size: int) -> None:
        """Count the entries anew, and delete the least recently used ones if ``size`` bytes more would not fit."""
        now = time.time()
        for path, status in self._files(_PARTIAL):
            if now - status.st_mtime > _ABANDONED:
                with contextlib.suppress(OSError):
                    os.unlink(path)
        entries = sorted(self._files(_ENTRY), key=lambda found: found[1].st_mtime)
        total = sum(status.st_size for _, status in entries)
        if total + size > self.limit:
            for path, status in entries:
                if total + size <= self.limit * _LOW_WATER:
                    break
                with contextlib.suppress(OSError):
                    os.unlink(path)
                    total -= status.st_size
        self._room = min(
            self.limit - total, max(self.limit // 16, size)
        )  # other processes write as well: count again soon


def _checksum(key: bytes, content: bytes) -> bytes:
    return hashlib.sha256(key + content).digest()


def _whole(content: bytes, key: bytes) -> bool:
    start = len(_MAGIC)
    head = content[:_HEAD]
    return (
        len(head) == _HEAD
        and head.startswith(_MAGIC)
        and head[start : start + 32] == key
        and head[start + 32 :] == _checksum(key, content[_HEAD:])
    )


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))


def _own(status: os.stat_result) -> bool:
    """Whether this user alone can have written it. Windows keeps the folder of a user from others by itself."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _own_folder(path: str) -> bool:
    """A link to the folder must be this user's, too."""
    if hasattr(os, "getuid") and os.lstat(path).st_uid != os.getuid():
        return False
    return _own(os.stat(path))


_open: dict[tuple[str, int], Cache] = {}


def current() -> Cache | None:
    """The cache of this user, or ``None`` where there is none."""
    path, most = folder(), limit()
    if path is None or most == 0:
        return None
    return _open.setdefault((path, most), Cache(path, most))


def info() -> Info:
    """Where the cache is and how full."""
    cache = current()
    entries, size = cache.info() if cache is not None else (0, 0)
    path = folder()
    return Info(path, entries, size, limit())


def clear() -> Info:
    """Delete all entries; returns what there was."""
    before = info()
    cache = current()
    if cache is not None:
        count, freed = cache.clear()
        return Info(before.path, count, freed, before.limit)
    return before
