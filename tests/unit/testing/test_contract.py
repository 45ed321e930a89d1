"""The conformance suite catches what it is for: each broken backend fails it."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from modelver.backends.local import LocalBackend, LocalUpload
from modelver.errors import AlreadyExistsError
from modelver.plugin import Backend, KeyInfo
from modelver.testing import BackendContract, contract_life


class Overwrites(LocalBackend):
    """Creates over what is there."""

    def create(self, key: str, data: bytes) -> None:
        """Delete first."""
        self.delete(key)
        super().create(key, data)


class ChecksThenWrites(LocalBackend):
    """Looks, and writes when it saw nothing: two may have looked."""

    def create(self, key: str, data: bytes) -> None:
        """Look, then write."""
        if self.read(key) is not None:
            raise AlreadyExistsError(key)
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".tmp-{id(data)}")
        temporary.write_bytes(data)
        temporary.replace(target)


class ShowsHalves(LocalBackend):
    """Opens the key itself: a reader sees it grow."""

    def create(self, key: str, data: bytes) -> None:
        """Write in place."""
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb", buffering=0) as file:
                for start in range(0, len(data), 4096):
                    file.write(data[start : start + 4096])
        except FileExistsError as error:
            raise AlreadyExistsError(key) from error


class ForgetsTheKind(LocalBackend):
    """Raises a foreign error."""

    def create(self, key: str, data: bytes) -> None:
        """Raise what the system raised."""
        if (self._root / key).exists():
            raise FileExistsError(key)
        super().create(key, data)


class Remembers(LocalBackend):
    """Keeps the first answer."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Answer from memory."""
        known = self.__dict__.setdefault("known", {})
        if key not in known:
            known[key] = super().read(key)
        data: bytes | None = known[key]
        return data if data is None else data[start:end]


class InclusiveEnd(LocalBackend):
    """Counts as HTTP does: the end belongs to the range."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Read one byte too many."""
        return super().read(key, start, None if end is None else end + 1)


class RaisesForMissing(LocalBackend):
    """A missing key is an error."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Raise for None."""
        data = super().read(key, start, end)
        if data is None:
            raise FileNotFoundError(key)
        return data


class LeavesOut(LocalBackend):
    """Answers for the keys that it found only."""

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """Drop the missing."""
        return [data for data in super().read_many(keys, limit) if data is not None]


class ListsNeighbours(LocalBackend):
    """Takes a prefix for the beginning of a name."""

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """Filter by text."""
        for info in super().list(""):
            if info.key.startswith(prefix.rstrip("/")):
                yield info


class ListsOneFloor(LocalBackend):
    """Lists a folder, not what is below."""

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """Stop at folders."""
        for info in super().list(prefix):
            if "/" not in info.key.removeprefix(prefix):
                yield info


class ListsAPage(LocalBackend):
    """Stops where a page ends."""

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """Stop after 1000."""
        for info, _ in zip(super().list(prefix), range(1000), strict=False):
            yield info


class DeletesOnce(LocalBackend):
    """A missing key is an error."""

    def delete(self, key: str) -> None:
        """Raise for a missing key."""
        (self._root / key).unlink()


class _Replaces(LocalUpload):
    def commit(self, key: str) -> None:
        self._backend.delete(key)
        super().commit(key)


class UploadsOver(LocalBackend):
    """An upload replaces what is there."""

    def upload(self) -> LocalUpload:
        """Return one that replaces."""
        return _Replaces(self, super().upload()._file)


class _Keeps(LocalUpload):
    committed = False

    def commit(self, key: str) -> None:
        super().commit(key)
        self.committed = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.committed:
            super().commit("half")


class CommitsAlways(LocalBackend):
    """An upload that was given up is published."""

    def upload(self) -> LocalUpload:
        """Return one that publishes."""
        return _Keeps(self, super().upload()._file)


class _Hoards(LocalUpload):
    def __enter__(self) -> Self:
        self.pieces: list[bytes] = []
        return self

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def commit(self, key: str) -> None:
        super().write(b"".join(self.pieces))
        super().commit(key)


class HoldsInMemory(LocalBackend):
    """Says that it streams, and keeps everything."""

    def upload(self) -> LocalUpload:
        """Return one that hoards."""
        return _Hoards(self, super().upload()._file)


class CutsLarge(LocalBackend):
    """Takes no more than 8 MiB at once."""

    def create(self, key: str, data: bytes) -> None:
        """Cut."""
        super().create(key, data[: 8 * 2**20])


class ForgetsCase(LocalBackend):
    """Confuses keys that begin alike."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Read the shorter one, if there is one."""
        shorter = super().read(key[:-1], start, end) if key[-1].isdigit() else None
        return super().read(key, start, end) if shorter is None else shorter


class HasOneAnswer(LocalBackend):
    """Keeps what is being read in one place, for all threads."""

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """Read one after the other into what others are reading into."""
        self.__dict__["found"] = []
        for key in keys:
            self.__dict__["found"].append(self.read(key, 0, limit))
            time.sleep(0.001)  # or one thread may be through before another begins
        found: list[bytes | None] = self.__dict__["found"]
        return found


class HasALoop(LocalBackend):
    """Runs a loop for each call."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Run a loop, which cannot be done within another one."""
        reading = asyncio.to_thread(super().read, key, start, end)
        try:
            return asyncio.run(reading)
        except RuntimeError:
            reading.close()
            raise


class KnowsItsProcess(LocalBackend):
    """Refuses to work in a child."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Compare process ids."""
        if self.__dict__.setdefault("pid", os.getpid()) != os.getpid():
            raise RuntimeError("This class is not fork-safe")
        return super().read(key, start, end)

    def create(self, key: str, data: bytes) -> None:
        """Remember the process, too."""
        self.__dict__.setdefault("pid", os.getpid())
        super().create(key, data)


class HangsInAChild(KnowsItsProcess):
    """Waits for a thread that is not there."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Wait for ever."""
        while self.__dict__.setdefault("pid", os.getpid()) != os.getpid():
            time.sleep(1)
        return super().read(key, start, end)


class LetsThemOut(LocalBackend):
    """Deletes as the system does."""

    def delete(self, key: str) -> None:
        """Raise what the system raises."""
        (self._root / key).unlink()


class Exhibit(BackendContract):
    """The suite over one of the above."""

    streams = True

    def __init__(self, cls: type[LocalBackend]) -> None:
        self.cls = cls

    def make(self, tmp_path: Path) -> Backend:
        """Return the backend on show."""
        return self.cls(str(tmp_path / "registry"))

    def again(self, backend: Backend) -> Backend:
        """Return another of its kind."""
        return self.cls(backend.url)


BROKEN = [
    (Overwrites, "test_create_twice"),
    (ChecksThenWrites, "test_one_winner_among_threads"),
    (ChecksThenWrites, "test_one_winner_among_clients"),
    (ShowsHalves, "test_whole_or_nothing"),
    (ForgetsTheKind, "test_create_twice"),
    (ForgetsTheKind, "test_errors_are_ours_and_pickle"),
    (Remembers, "test_nothing_is_remembered"),
    (InclusiveEnd, "test_ranges_are_slices"),
    (InclusiveEnd, "test_read_many"),
    (RaisesForMissing, "test_missing_key_is_none"),
    (LeavesOut, "test_read_many"),
    (ListsNeighbours, "test_list"),
    (ListsNeighbours, "test_a_missing_prefix_lists_nothing"),
    (ListsOneFloor, "test_list"),
    (ListsAPage, "test_many_keys_are_listed"),
    (DeletesOnce, "test_delete"),
    (UploadsOver, "test_upload_onto_a_key_leaves_it"),
    (CommitsAlways, "test_an_upload_given_up_leaves_nothing"),
    (HoldsInMemory, "test_a_large_upload"),
    (CutsLarge, "test_the_largest_objects"),
    (ForgetsCase, "test_odd_keys"),
    (HasOneAnswer, "test_many_read_many_at_once"),
    (HasALoop, "test_inside_a_running_loop"),
    (KnowsItsProcess, "test_after_a_fork"),
    (HangsInAChild, "test_after_a_fork"),
    (LetsThemOut, "test_only_our_errors"),
]


@pytest.mark.parametrize(
    ("cls", "name"), BROKEN, ids=[f"{cls.__name__}-{name}" for cls, name in BROKEN]
)
def test_a_broken_backend_fails(
    cls: type[LocalBackend],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each fault is found by the test that is about it, which a sound one passes."""
    monkeypatch.setattr(contract_life, "_PATIENCE", 2.0)
    for sound in (True, False):
        suite = Exhibit(LocalBackend if sound else cls)
        backend = suite.make(tmp_path / str(sound))
        test = getattr(suite, name)
        if sound:
            test(backend)
        else:
            with pytest.raises((Exception, pytest.fail.Exception)) as caught:
                test(backend)
            assert not isinstance(caught.value, (AttributeError, NameError))
