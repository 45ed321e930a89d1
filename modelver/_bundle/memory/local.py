"""Which file has which digest, and which manifest holds which digest."""

import hashlib
import time
import weakref
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from modelver._bundle.memory.database import Database
from modelver._bundle.memory.stamps import Stamp, this_boot
from modelver._bundle.memory.tables import Opened
from modelver._values.digests import ALGORITHMS, is_digest

_NAME: Final = "memory.sqlite"
# The files that were used last are kept, so many of them.
_MOST: Final = 200_000
# So many stay when there were more: to sort them out is dear, and so it is rare.
_KEPT: Final = 180_000
_HOUR: Final = 3600
# The id of no boot: of what holds in all of them.
_EVERY: Final = 0
# Digests that wait to be indexed together: some megabytes.
_AT_ONCE: Final = 50_000
_PACKED: Final = 33  # bytes of a digest: its algorithm, and 32
_64_BITS: Final = 2**64 - 1
_HALF: Final = 2**63

_RECALL: Final = "SELECT digest, proof, boot, used FROM files WHERE key = ?"
_REMEMBER: Final = (
    "INSERT OR REPLACE INTO files (key, digest, proof, boot, used) "
    "VALUES (?, ?, ?, ?, ?)"
)
_USE: Final = "UPDATE files SET used = ? WHERE key = ?"
_FORGET: Final = (
    "DELETE FROM files WHERE key IN (SELECT key FROM files ORDER BY used LIMIT ?)"
)
_INDEX: Final = (
    "INSERT INTO holders (key, newest) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET "
    "third = second, second = newest, newest = excluded.newest "
    "WHERE newest <> excluded.newest"
)
_HOLDERS: Final = (
    "SELECT (SELECT digest FROM manifests WHERE id = newest), "
    "(SELECT digest FROM manifests WHERE id = second), "
    "(SELECT digest FROM manifests WHERE id = third) FROM holders WHERE key = ?"
)


class LocalMemory:
    """What one user's processes on this machine remember of a registry.

    It may be lost at any time, and fail at any time: then it answers nothing and keeps
    nothing. No call raises, nor takes much longer than two seconds.

    *Files.* A row proves itself by a hash over path, stamp, boot and digest: neither a
    damaged one, nor one of another file, is believed. It holds in the boot in which the
    file was read: after a power cut a file may have its size and times, and yet not its
    bytes. A file that is read again in a later boot and has not changed came through,
    and its row holds in every boot.

    *Index.* It says where to look, and may be wrong. It keeps eight bytes of a digest,
    and of the manifests that hold it the three that were indexed last.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / _NAME)
        # A deque, since it needs no lock: one may be held when the process forks.
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._waiting_keys = 0
        weakref.finalize(self, self._database.end)

    def recall(self, stamps: Mapping[str, Stamp]) -> dict[str, str]:
        """Return the digests of files that were remembered with the very same stamp.

        Args:
            stamps: By absolute path.
        """
        now = _hour()
        unused: list[tuple[int, int]] = []

        def work(opened: Opened) -> dict[str, str]:
            found: dict[str, str] = {}
            boots = {_EVERY: "", opened.boot: this_boot() or ""}
            unused.clear()
            for path, stamp in stamps.items():
                key = _key(path)
                row = opened.connection.execute(_RECALL, (key,)).fetchone()
                if row is None or row[2] not in boots:
                    continue
                digest = _unpacked(row[0])
                if digest and row[1] == _proof(path, stamp, row[0], boots[row[2]]):
                    found[path] = digest
                    if row[3] != now:
                        unused.append((now, key))
            return found

        nothing: dict[str, str] = {}
        answer = self._database.read(work, nothing)
        if unused:  # once an hour: most calls write nothing
            self._database.write(
                lambda opened: opened.connection.executemany(_USE, unused)
            )
        return answer

    def remember(self, found: Mapping[str, tuple[Stamp, str]]) -> None:
        """Remember stamps and digests of files, by absolute path.

        Only of files that were *settled* before they were read.
        """
        files = sorted(
            (_key(path), path, stamp, packed)
            for path, (stamp, digest) in found.items()
            if (packed := _packed(digest)) is not None
        )

        def work(opened: Opened) -> None:
            ask, now = opened.connection.execute, _hour()
            this, text = opened.boot, this_boot() or ""
            boots = dict(ask("SELECT id, boot FROM boots").fetchall())
            for key, path, stamp, packed in files:
                row = ask(_RECALL, (key,)).fetchone()
                boot, proof = this, _proof(path, stamp, packed, text)
                if row is not None and row[0] == packed and row[2] != this:
                    old = str(boots.get(row[2], ""))
                    if row[1] == _proof(path, stamp, packed, old):
                        boot, proof = _EVERY, _proof(path, stamp, packed, "")
                ask(_REMEMBER, (key, packed, proof, boot, now))
            (count,) = ask("SELECT count(*) FROM files").fetchone()
            if count > _MOST:
                ask(_FORGET, (count - _KEPT,))

        if files:
            self._database.write(work)

    def unseen(self, manifests: Iterable[str]) -> list[str]:
        """Return the manifests that were not indexed yet, in the same order.

        Args:
            manifests: Their digests.
        """
        self._index_waiting()
        asked = list(manifests)

        def work(opened: Opened) -> list[str]:
            ask = opened.connection.execute
            select = "SELECT 1 FROM manifests WHERE digest = ?"
            return [m for m in asked if ask(select, (_packed(m),)).fetchone() is None]

        return self._database.read(work, asked)

    def index(self, manifest: str, digests: Iterable[str]) -> None:
        """Note which digests a manifest holds, unless it was indexed before.

        It is written with others, when there are many or somebody asks.

        Args:
            manifest: Its digest.
            digests: Of files and of parts.
        """
        packed = _packed(manifest)
        if packed is None:
            return
        keys = [key for key in map(_index_key, digests) if key is not None]
        self._waiting.append((packed, keys))
        self._waiting_keys += len(keys)
        if self._waiting_keys >= _AT_ONCE:
            self._index_waiting()

    def _index_waiting(self) -> None:
        self._waiting_keys = 0
        waiting = []
        with suppress(IndexError):
            while True:
                waiting.append(self._waiting.popleft())

        def work(opened: Opened) -> None:
            insert = "INSERT OR IGNORE INTO manifests (digest) VALUES (?)"
            rows = []
            for packed, keys in waiting:
                added = opened.connection.execute(insert, (packed,))
                if added.rowcount:
                    rows += [(key, added.lastrowid) for key in keys]
            # In the order of the table each of its pages is written once.
            opened.connection.executemany(_INDEX, sorted(rows))

        if waiting:
            self._database.write(work)

    def holders(self, digest: str) -> list[str]:
        """Return up to three manifests that may hold *digest*, newest indexed first."""
        key = _index_key(digest)
        if key is None:
            return []
        if self._waiting:
            self._index_waiting()
        row: tuple[Any, ...] | None = self._database.read(
            lambda opened: opened.connection.execute(_HOLDERS, (key,)).fetchone(), None
        )
        return [held for packed in row or () if (held := _unpacked(packed))]

    def close(self) -> None:
        """Write what waits, and close the file; another call opens it again."""
        self._index_waiting()
        self._database.close()


def _hour() -> int:
    return int(time.time()) // _HOUR


def _key(path: str) -> int:
    data = path.encode("utf-8", "surrogatepass")
    key = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(key, "big", signed=True)


def _index_key(digest: str) -> int | None:
    try:
        return (int(digest[-16:], 16) & _64_BITS) - _HALF
    except ValueError:
        return None


def _proof(path: str, stamp: Stamp, packed: bytes, boot: str) -> bytes:
    said = (
        f"{stamp.size} {stamp.mtime_ns} {stamp.ctime_ns} {stamp.inode} {boot} {path}"
    ).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(packed + said, digest_size=16).digest()


def _packed(digest: str) -> bytes | None:
    """Return a digest in 33 bytes; None for what is none."""
    if not is_digest(digest):
        return None
    algorithm, _, digits = digest.partition(":")
    return bytes([ALGORITHMS.index(algorithm)]) + bytes.fromhex(digits)


def _unpacked(packed: Any) -> str | None:
    """Return the digest in what a row holds; None where it holds none."""
    if (
        not isinstance(packed, bytes)
        or len(packed) != _PACKED
        or packed[0] >= len(ALGORITHMS)
    ):
        return None
    return f"{ALGORITHMS[packed[0]]}:{packed[1:].hex()}"
