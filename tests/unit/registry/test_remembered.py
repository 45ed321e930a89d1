"""Fingerprints that are remembered: only of files that are still the very same."""

import os
import sys
from pathlib import Path

import pytest

from modelver._capture import capture_environment, environment as capturing
from modelver._registry import remembered
from modelver._registry.remembered import RememberedRecords
from modelver._values.distributions import fingerprint

RECORD = b"one.py,sha256=aaa,1\none-1.dist-info/RECORD,,\n"


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for settled: how that is told is another test's."""
    monkeypatch.setattr(remembered, "settled", lambda *_: True)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the RECORD of the only distribution that there is."""
    info = tmp_path / "site" / "one-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: one\nVersion: 1\n")
    (info / "RECORD").write_bytes(RECORD)
    others = [path for path in sys.path if "-packages" not in path]
    monkeypatch.setattr(sys, "path", [str(info.parent), *others])
    monkeypatch.setattr(capturing, "_seen", None)
    return info / "RECORD"


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Return the folder of a memory, which is not there yet."""
    return tmp_path / "memory"


def test_what_is_remembered_is_not_read_again(
    record: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next process finds the same fingerprint, and opens no RECORD for it."""
    first = capture_environment(RememberedRecords(memory))
    assert first.fingerprints["one"] == fingerprint(RECORD)
    monkeypatch.setattr(capturing, "_seen", None)
    monkeypatch.setattr(capturing, "_whole", pytest.fail)
    assert capture_environment(RememberedRecords(memory)) == first
    assert record.exists()


def test_another_file_is_read(
    record: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A RECORD that was written again, even to the same length, is not believed."""
    capture_environment(RememberedRecords(memory))
    info = record.stat()
    changed = RECORD.replace(b"aaa", b"bbb")
    record.write_bytes(changed)
    os.utime(record, ns=(info.st_atime_ns, info.st_mtime_ns))
    monkeypatch.setattr(capturing, "_seen", None)
    found = capture_environment(RememberedRecords(memory))
    assert found.fingerprints["one"] == fingerprint(changed)


def test_what_may_still_change_is_not_remembered(
    record: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file that is being written, its stamp says nothing yet."""
    monkeypatch.setattr(remembered, "settled", lambda *_: False)
    capture_environment(RememberedRecords(memory))
    assert RememberedRecords(memory).recall([str(record)]) == {}


def test_a_file_changed_while_it_was_read_is_not_remembered(
    record: Path, memory: Path
) -> None:
    """What is kept belongs to the stamp that was taken before the file was read."""
    records = RememberedRecords(memory)
    assert records.recall([str(record)]) == {}
    record.write_bytes(RECORD + b"two.py,sha256=bbb,1\n")
    records.remember({str(record): str(fingerprint(RECORD))})
    assert RememberedRecords(memory).recall([str(record)]) == {}


@pytest.mark.parametrize("at", [0, 70, -3])
def test_a_damaged_memory_is_not_believed(at: int, record: Path, memory: Path) -> None:
    """One wrong byte, and everything is read again and written anew."""
    capture_environment(RememberedRecords(memory))
    (path,) = memory.iterdir()
    assert RememberedRecords(memory).recall([str(record)])
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))
    records = RememberedRecords(memory)
    assert records.recall([str(record)]) == {}
    records.remember({str(record): "0f" * 32})
    assert RememberedRecords(memory).recall([str(record)]) == {str(record): "0f" * 32}


def test_a_line_holds_in_its_boot_until_it_came_through_one(
    record: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the next boot a file is read once more, and then it is known for ever."""
    known = {str(record): str(fingerprint(RECORD))}
    for boot, expected in (("a", {}), ("a", known), ("b", {}), ("c", known)):
        monkeypatch.setattr(remembered, "this_boot", lambda b=boot: b)
        records = RememberedRecords(memory)
        assert records.recall(known) == expected
        records.remember(known)


def test_what_others_may_write_is_not_believed(record: Path, memory: Path) -> None:
    """A folder that others can write to says nothing, and a link leads nowhere."""
    capture_environment(RememberedRecords(memory))
    memory.chmod(0o777)
    assert RememberedRecords(memory).recall([str(record)]) == {}
    memory.chmod(0o700)
    (path,) = memory.iterdir()
    path.rename(memory.with_name("elsewhere"))
    path.symlink_to(memory.with_name("elsewhere"))
    assert RememberedRecords(memory).recall([str(record)]) == {}


def test_a_memory_that_cannot_be_kept_costs_nothing(record: Path) -> None:
    """Where no folder can be made, the answer is the same."""
    found = capture_environment(RememberedRecords(record / "no-folder"))
    assert found.fingerprints["one"] == fingerprint(RECORD)


def test_what_is_no_file_is_passed_over(tmp_path: Path, memory: Path) -> None:
    """Missing files, folders, FIFOs and impossible names are nobody's fingerprint."""
    os.mkfifo(tmp_path / "fifo")
    odd = [str(tmp_path / "missing"), str(tmp_path), str(tmp_path / "fifo"), "\0"]
    records = RememberedRecords(memory)
    assert records.recall(odd) == {}
    records.remember(dict.fromkeys(odd, "0f" * 32))
    assert RememberedRecords(memory).recall(odd) == {}
