"""Object code on disk: what is read back, what is not trusted, how much is kept, and where nothing can be."""

import hashlib
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import thalweg
from thalweg.execution.native import cache
from thalweg.execution.native.cache import Cache

POSIX = hasattr(os, "getuid")


def key(name):
    return hashlib.sha256(str(name).encode()).digest()


@pytest.fixture
def kept(tmp_path):
    return Cache(str(tmp_path / "somewhere" / "thalweg"), 1 << 20)


def file_of(kept, name):
    return Path(kept.path, f"{key(name).hex()}.code")


def test_what_is_put_is_got(kept):
    assert kept.get(key("a")) is None
    kept.put(key("a"), b"code of a")
    kept.put(key("b"), b"")
    kept.put(key("a"), b"newer code of a")
    assert (kept.get(key("a")), kept.get(key("b")), kept.get(key("c"))) == (b"newer code of a", b"", None)
    assert kept.info()[0] == 2
    kept.discard(key("a"))
    kept.discard(key("a"))
    assert (kept.get(key("a")), kept.info()[0]) == (None, 1)


def test_another_process_reads_it(kept):
    kept.put(key("a"), bytes(range(256)))
    program = f"""
from thalweg.execution.native.cache import Cache
import sys
sys.stdout.buffer.write(Cache({kept.path!r}, 1 << 20).get(bytes.fromhex({key("a").hex()!r})))"""
    source = str(Path(thalweg.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": source}, capture_output=True, check=True
    )
    assert done.stdout == bytes(range(256))


# --- trust ---


def damaged(content):
    """Ways in which a file may be wrong."""
    middle = len(content) // 2
    yield "empty", b""
    yield "truncated", content[:-1]
    yield "half", content[:middle]
    yield "longer", content + b"\0"
    yield "other format", b"thalweg code 0\n" + content[15:]
    yield "nonsense", os.urandom(len(content))
    for place in (16, 20, 50, 70, len(content) - 1):
        yield f"bit at {place}", content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_a_damaged_entry_counts_as_absent_and_is_written_anew(kept):
    kept.put(key("a"), b"x" * 100)
    whole = file_of(kept, "a").read_bytes()
    for what, content in damaged(whole):
        file_of(kept, "a").write_bytes(content)
        assert kept.get(key("a")) is None, what
        kept.put(key("a"), b"x" * 100)
        assert kept.get(key("a")) == b"x" * 100


def test_an_entry_under_the_name_of_another_counts_as_absent(kept):
    kept.put(key("a"), b"code of a")
    file_of(kept, "a").rename(file_of(kept, "b"))
    assert kept.get(key("b")) is None


@pytest.mark.skipif(not POSIX, reason="Windows has no such modes")
def test_folder_and_files_are_for_the_owner_alone(kept):
    before = os.umask(0)
    try:
        kept.put(key("a"), b"code")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(kept.path).st_mode) == 0o700
    assert stat.S_IMODE(file_of(kept, "a").stat().st_mode) == 0o600


@pytest.mark.skipif(not POSIX, reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_to_is_not_used(kept, mode):
    kept.put(key("a"), b"code")
    os.chmod(kept.path, mode)
    assert kept.get(key("a")) is None
    kept.put(key("b"), b"code")
    assert not file_of(kept, "b").exists()
    os.chmod(kept.path, 0o755)
    assert kept.get(key("a")) == b"code"


@pytest.mark.skipif(not POSIX, reason="Windows has no such modes")
def test_a_file_that_others_may_write_to_is_not_used(kept):
    kept.put(key("a"), b"code")
    for mode, found in ((0o620, None), (0o602, None), (0o644, b"code")):
        file_of(kept, "a").chmod(mode)
        assert kept.get(key("a")) == found


@pytest.mark.skipif(not POSIX, reason="Windows has no owners")
def test_a_folder_of_another_user_is_not_used(kept, monkeypatch):
    kept.put(key("a"), b"code")
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    assert kept.get(key("a")) is None
    kept.put(key("b"), b"code")
    monkeypatch.undo()
    assert kept.get(key("a")) == b"code"
    assert not file_of(kept, "b").exists()


@pytest.mark.skipif(not POSIX, reason="links need privileges on Windows")
def test_a_link_in_place_of_an_entry_is_not_followed(kept, tmp_path):
    kept.put(key("a"), b"code")
    elsewhere = tmp_path / "elsewhere"
    file_of(kept, "a").rename(elsewhere)
    file_of(kept, "a").symlink_to(elsewhere)
    assert kept.get(key("a")) is None
    kept.put(key("a"), b"new code")
    assert kept.get(key("a")) == b"new code"
    assert b"new" not in elsewhere.read_bytes()


# --- size ---


def test_the_least_recently_used_go_first(tmp_path):
    kept = Cache(str(tmp_path / "c"), 100_000)
    long_ago = time.time() - 10_000
    for k in range(9):
        kept.put(key(k), bytes(10_000))
        os.utime(file_of(kept, k), (long_ago + k, long_ago + k))
    assert kept.get(key(0)) is not None  # used now, so the last to go
    for k in range(9, 14):
        kept.put(key(k), bytes(10_000))
    present = [k for k in range(14) if file_of(kept, k).exists()]
    assert 0 in present and 13 in present
    assert present == [0, *range(present[1], 14)]
    assert kept.info()[1] <= 100_000


def test_the_limit_holds_over_many_entries_and_processes(tmp_path):
    several = [Cache(str(tmp_path / "c"), 50_000) for _ in range(3)]
    for k in range(120):
        several[k % 3].put(key(k), bytes(2_000))
        assert several[0].info()[1] <= 50_000 + 3 * 50_000 // 16
    assert several[0].info()[0] >= 15


def test_what_is_larger_than_the_limit_is_not_kept(tmp_path):
    kept = Cache(str(tmp_path / "c"), 1_000)
    kept.put(key("small"), bytes(500))
    kept.put(key("large"), bytes(1_000))
    assert (kept.get(key("small")), kept.get(key("large"))) == (bytes(500), None)


def test_what_a_dead_process_left_half_written_goes(kept):
    kept.put(key("a"), b"code")
    old, new = (Path(kept.path, f"{name * 32}.partial") for name in "ab")
    for file in (old, new):
        file.write_bytes(b"half of")
    os.utime(old, (time.time() - 7200,) * 2)
    Cache(kept.path, 1 << 20).put(key("b"), b"code")
    assert (old.exists(), new.exists()) == (False, True)


def test_clear_deletes_entries_and_nothing_else(kept):
    kept.put(key("a"), b"code")
    kept.put(key("b"), b"code")
    mine = Path(kept.path, "notes.code")
    mine.write_text("of the user")
    count, freed = kept.info()
    assert kept.clear() == (count, freed) == (2, freed)
    assert kept.clear() == (0, 0)
    assert kept.get(key("a")) is None
    assert mine.exists()


# --- where nothing can be kept ---


def unwritable(call):
    def fails(*arguments, **options):
        raise OSError(28, "No space left on device")

    return fails


@pytest.mark.parametrize("call", ["mkdir", "makedirs", "open", "replace", "fdopen"])
def test_a_disk_that_cannot_be_written_is_no_error(kept, monkeypatch, call, caplog):
    caplog.set_level("DEBUG", "thalweg.cache")
    monkeypatch.setattr(cache.os, call, unwritable(call))
    for k in range(3):
        kept.put(key(k), b"code")
        assert kept.get(key(k)) is None
    monkeypatch.undo()
    assert [r.getMessage() for r in caplog.records].count(
        "code is not kept on disk: [Errno 28] No space left on device"
    ) == 1
    assert kept.info() == (0, 0)
    assert not os.path.isdir(kept.path) or os.listdir(kept.path) == []


def test_a_disk_that_fills_up_while_writing_leaves_nothing(kept, monkeypatch):
    class Full:
        def __init__(self, handle, mode):
            self.handle = handle

        def __enter__(self):
            return self

        def __exit__(self, *_):
            os.close(self.handle)

        def write(self, content):
            os.write(self.handle, content[: len(content) // 2])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "fdopen", Full)
    kept.put(key("a"), b"code")
    assert os.listdir(kept.path) == []


def test_entries_in_a_folder_that_became_read_only_are_still_read(kept, monkeypatch):
    """Without relying on modes, which do not bind root."""
    kept.put(key("a"), b"code")
    long_ago = time.time() - 10_000
    os.utime(file_of(kept, "a"), (long_ago, long_ago))
    for call in ("utime", "replace", "unlink"):
        monkeypatch.setattr(cache.os, call, unwritable(call))
    again = Cache(kept.path, 1 << 20)
    assert again.get(key("a")) == b"code"
    again.put(key("b"), b"code")
    assert again.get(key("a")) == b"code"
    assert again.get(key("b")) is None


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "thalweg").write_text("not a folder")
    kept = Cache(str(tmp_path / "thalweg"), 1 << 20)
    kept.put(key("a"), b"code")
    assert kept.get(key("a")) is None
    assert (tmp_path / "thalweg").read_text() == "not a folder"


# --- at once ---


def test_threads_and_processes_see_whole_entries_only(tmp_path):
    """Writers replace one entry by turns of different length; a reader sees one of them, always."""
    path = str(tmp_path / "c")
    writing = f"""
import hashlib
from thalweg.execution.native.cache import Cache
kept = Cache({path!r}, 1 << 20)
for i in range(300):
    kept.put(bytes.fromhex({key("a").hex()!r}), bytes([i % 7]) * (1000 + 5000 * (i % 7)))
"""
    source = str(Path(thalweg.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": source}
    writers = [subprocess.Popen([sys.executable, "-c", writing], env=environment) for _ in range(2)]
    seen, wrong = set(), []

    def read():
        kept = Cache(path, 1 << 20)
        while any(w.poll() is None for w in writers):
            there = bool(seen)
            found = kept.get(key("a"))
            if found is None:
                if there:
                    wrong.append("absent")
            elif found != found[:1] * (1000 + 5000 * found[0]):
                wrong.append("mixed")
            else:
                seen.add(found[0])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for r in readers:
        r.start()
    for r in readers:
        r.join()
    assert [w.wait() for w in writers] == [0, 0]
    assert wrong == []
    assert seen
    assert [f for f in os.listdir(path) if f.endswith(".partial")] == []


# --- where it lies ---


def test_the_folder_that_is_chosen_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("THALWEG_CACHE_DIR", str(tmp_path / "mine"))
    assert cache.folder() == str(tmp_path / "mine")
    monkeypatch.setenv("THALWEG_CACHE_DIR", "")
    assert (cache.folder(), cache.current()) == (None, None)


@pytest.mark.parametrize(
    "platform, environment, expected",
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/thalweg"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/u/.cache/thalweg"),
        ("linux", {}, "/home/u/.cache/thalweg"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/home/u/Library/Caches/thalweg"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/thalweg"),
        ("win32", {}, None),
        ("linux", {"HOME": "nowhere"}, None),
    ],
)
def test_the_folder_of_each_system(monkeypatch, platform, environment, expected):
    for name in ("THALWEG_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/u")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert cache.folder() == expected


def test_the_limit_is_chosen_in_megabytes(monkeypatch, tmp_path):
    monkeypatch.setenv("THALWEG_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("THALWEG_CACHE_MB", raising=False)
    assert cache.limit() == 256 * 2**20
    for text, expected in (("1.5", 3 << 19), ("0", 0), ("-3", 0), ("many", 256 << 20)):
        monkeypatch.setenv("THALWEG_CACHE_MB", text)
        assert cache.limit() == expected
    monkeypatch.setenv("THALWEG_CACHE_MB", "0")
    assert cache.current() is None


def test_info_and_clear(monkeypatch, tmp_path):
    monkeypatch.setenv("THALWEG_CACHE_DIR", str(tmp_path / "c"))
    monkeypatch.setenv("THALWEG_CACHE_MB", "1")
    assert cache.info() == (str(tmp_path / "c"), 0, 0, 1 << 20)
    cache.current().put(key("a"), b"code")
    size = file_of(cache.current(), "a").stat().st_size
    assert cache.info() == cache.clear() == (str(tmp_path / "c"), 1, size, 1 << 20)
    assert cache.info()[1:3] == (0, 0)
