"""What a client remembers of a registry, whatever becomes of the file."""

import os
import threading
from pathlib import Path

import pytest

from modelver._store.memory import HeadMemory, Remembered

URL = "/some/registry"
UUID = "0" * 32


@pytest.fixture
def memory(tmp_path: Path) -> HeadMemory:
    """Return a memory of nothing."""
    return HeadMemory(tmp_path, URL)


def _file(folder: Path) -> Path:
    (found,) = (folder / "heads").iterdir()
    return found


def _recalled(folder: Path) -> Remembered | None:
    return HeadMemory(folder, URL).recall()


def test_what_was_saved_last(tmp_path: Path, memory: HeadMemory) -> None:
    """The newest head is recalled, by whoever asks, until it is forgotten."""
    assert memory.recall() is None
    for seq in range(1, 6):
        memory.save(UUID, seq, f"b3:{seq}")
        assert _recalled(tmp_path) == Remembered(UUID, seq, f"b3:{seq}")
    assert HeadMemory(tmp_path, "/another").recall() is None
    memory.forget()
    assert memory.recall() is None
    memory.save(UUID, 1, "b3:1")
    assert memory.recall() == Remembered(UUID, 1, "b3:1")


def test_it_stays_one_small_private_file(tmp_path: Path, memory: HeadMemory) -> None:
    """However often it is written, also for an address without end."""
    for each in (memory, HeadMemory(tmp_path / "b", "s3://" + "\u2028" * 10_000)):
        for seq in range(50):
            each.save(UUID, seq, "b3:" + "f" * 64)
    for folder in (tmp_path / "heads", tmp_path / "b/heads"):
        (file,) = folder.iterdir()
        assert file.stat().st_size <= 4096
        if os.name != "nt":
            assert file.stat().st_mode & 0o077 == 0
    assert HeadMemory(tmp_path / "b", "s3://" + "\u2028" * 10_000).recall() is not None


@pytest.mark.parametrize("saves", [1, 2, 3, 4])
def test_any_byte_of_the_newest_is_damaged(
    tmp_path: Path, memory: HeadMemory, saves: int
) -> None:
    """A half written line leaves the one before it; never what nobody has saved."""
    before = b""
    for seq in range(1, saves + 1):
        before = _file(tmp_path).read_bytes() if seq > 1 else b""
        memory.save(UUID, seq, f"b3:{seq}")
    whole = _file(tmp_path).read_bytes()
    newest = 2048 * ((saves - 1) % 2)
    older = Remembered(UUID, saves - 1, f"b3:{saves - 1}") if saves > 1 else None
    for at in [*range(newest, newest + 200), newest + 2047]:
        damaged = bytearray(whole)
        damaged[at] ^= 1
        _file(tmp_path).write_bytes(damaged)
        assert _recalled(tmp_path) == older
    for cut in (2047, 1, 100):
        torn = before[:newest] + whole[newest : newest + cut] + before[newest + cut :]
        _file(tmp_path).write_bytes(torn)
        assert _recalled(tmp_path) in {older, Remembered(UUID, saves, f"b3:{saves}")}
    # The next save is not written over the only line that is left.
    again = HeadMemory(tmp_path, URL)
    assert again.recall() == older
    again.save(UUID, 9, "b3:9")
    assert _recalled(tmp_path) == Remembered(UUID, 9, "b3:9")
    if older is not None:
        assert b'"b3:%d"' % older.seq in _file(tmp_path).read_bytes()


@pytest.mark.parametrize("junk", [b"", b"\n", b"{}", b"[]" * 5000, bytes(5000)])
def test_junk(tmp_path: Path, memory: HeadMemory, junk: bytes) -> None:
    """Nothing is remembered, and saving goes on."""
    memory.save(UUID, 1, "b3:1")
    _file(tmp_path).write_bytes(junk)
    assert memory.recall() is None
    memory.save(UUID, 2, "b3:2")
    memory.save(UUID, 3, "b3:3")
    assert _recalled(tmp_path) == Remembered(UUID, 3, "b3:3")


def test_two_registries_at_one_address(tmp_path: Path, memory: HeadMemory) -> None:
    """Where two lines speak of different registries, neither is believed."""
    memory.save(UUID, 7, "b3:7")
    memory.save("1" * 32, 1, "b3:1")
    assert _recalled(tmp_path) is None
    memory.save("1" * 32, 2, "b3:2")
    assert _recalled(tmp_path) == Remembered("1" * 32, 2, "b3:2")


def test_readers_beside_writers(tmp_path: Path) -> None:
    """While others write, what is recalled was saved once, and is seldom nothing."""
    heads = {seq: "b3:" + f"{seq:064d}" for seq in range(1, 400)}
    seen: list[Remembered | None] = []
    done = threading.Event()

    def write() -> None:
        memory = HeadMemory(tmp_path, URL)
        for seq, head in heads.items():
            memory.save(UUID, seq, head)

    def look() -> None:
        while not done.is_set():
            seen.append(_recalled(tmp_path))

    HeadMemory(tmp_path, URL).save(UUID, 1, heads[1])
    reader = threading.Thread(target=look)
    writers = [threading.Thread(target=write) for _ in range(3)]
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    for known in seen:
        assert known is None or heads[known.seq] == known.head
    assert any(seen)
    assert _recalled(tmp_path) == Remembered(UUID, 399, heads[399])


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A weaker memory, and no error."""
    (tmp_path / "heads").write_bytes(b"")
    memory = HeadMemory(tmp_path, URL)
    memory.save(UUID, 1, "b3:1")
    assert memory.recall() is None
