"""What is kept of a registry on this machine, so that it can be read without the store.

``<mirror>/registry.json`` and ``<mirror>/log/<first>`` hold raw bytes, as the store has
them; the manifests lie beside the files that were fetched. A mirror is no more to be
trusted than a store: whoever reads it checks seals, chain and digests.
"""

import json
import os
import stat
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from modelver._store.far import READ_LIMIT
from modelver._store.layout import (
    LOG,
    MANIFESTS,
    REGISTRY,
    ROLLUP_SIZES,
    ROLLUPS,
    entry_key,
    manifest_key,
    rollup_key,
    seq_of,
)
from modelver._store.log import Log
from modelver._store.memory import place_of
from modelver._store.rollups import MAX_ROLLUP, unpack
from modelver._values.digests import digest_of, hex_of
from modelver._values.entry import MAX_ENTRY
from modelver._values.manifest import MAX_MANIFEST
from modelver.errors import (
    FormatError,
    IntegrityError,
    ModelverError,
    OfflineError,
    StorageError,
)
from modelver.plugin import Backend, Capabilities, KeyInfo, Upload

# So many entries are in one file, but for the last: each update writes one anew.
_RUN: Final = 256
_MAX_RUN: Final = _RUN * (READ_LIMIT + 12)
_WINDOW: Final = 64
_HEAD: Final = "head.json"
_MAX_HEAD: Final = 1024 * 1024
_MAX_URLS: Final = 16
_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_HINT: Final = "Open it without offline=True and without MODELVER_OFFLINE."

ManifestPath = Callable[[str], Path]


@frozen
class MirrorHead:
    """How far a mirror goes.

    Attributes:
        urls: The addresses at which the registry was found, the last one last.
        places: The same, with where each was looked for: see
            :func:`modelver._store.memory.place_of`.
        seq: The newest commit that is in it.
        head: Its digest.
        time: When it was written, in seconds since 1970.
    """

    urls: tuple[str, ...]
    places: tuple[str, ...]
    seq: int
    head: str
    time: float


class Mirror:
    """The mirror of one registry, and how it is kept up with the store."""

    def __init__(self, folder: Path, manifest_path: ManifestPath) -> None:
        """Use *folder*.

        Args:
            folder: Made when it is first needed.
            manifest_path: From the hex digits of a manifest's digest to where it is
                kept.
        """
        self.folder = folder
        self._manifest_path = manifest_path
        self._done: tuple[int, str] | None = None

    def head(self) -> MirrorHead | None:
        """Return how far the mirror goes; None where there is none."""
        path = self.folder / _HEAD
        raw = _read(path, _MAX_HEAD)
        try:
            found: Any = json.loads(raw or b"")
            urls = tuple(str(url) for url in found["urls"])
            places = tuple(str(place) for place in found.get("places", urls))
            seq, head = int(found["seq"]), str(found["head"])
            return MirrorHead(urls, places, seq, head, path.lstat().st_mtime)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def update(self, backend: Backend, log: Log, manifest: str) -> None:
        """Take in what the store has now: the log as it was read, and one manifest.

        It is for later, so that no failure of it is one of the call.
        """
        with suppress(OSError, ModelverError):
            self._update_log(backend, log)
            self._take_manifest(backend, manifest)

    def _update_log(self, backend: Backend, log: Log) -> None:
        here = log.state.seq, log.state.head
        if self._done == here:
            return
        known = self.head()
        place = place_of(backend)
        urls, places = ((), ()) if known is None else (known.urls, known.places)
        if known is None or here != (known.seq, known.head) or place not in places:
            heads, algorithm = log.heads[: here[0] + 1], log.identity.info.digest
            raw = backend.read(REGISTRY, 0, MAX_ENTRY + 1)
            if raw is None or digest_of(algorithm, raw) != heads[0]:
                return
            for folder in (self.folder, self.folder / LOG):
                if folder.is_symlink() or folder.is_file():
                    folder.unlink()  # modelver makes neither: it would lead elsewhere
            _write(self.folder / REGISTRY, raw)
            _LogFiles(self.folder / LOG).extend(backend, heads, algorithm)
            said = {
                "urls": _with(urls, backend.url),
                "places": _with(places, place),
                "seq": here[0],
                "head": here[1],
            }
            _write(self.folder / _HEAD, json.dumps(said).encode())
        self._done = here

    def _take_manifest(self, backend: Backend, digest: str) -> None:
        path = self._manifest_path(hex_of(digest))
        if path.is_file() and not path.is_symlink():
            return
        raw = backend.read(manifest_key(digest), 0, MAX_MANIFEST + 1)
        if raw is not None and digest_of(digest.partition(":")[0], raw) == digest:
            _write(path, raw)


class _LogFiles:
    """Raw entries in files, each with a line of their sizes before them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: tuple[int, list[bytes]] = -1, []

    def entry(self, seq: int) -> bytes | None:
        """Return the entry *seq*, if it is there."""
        run, at = divmod(seq - 1, _RUN)
        # The last file may have grown.
        if self._last[0] != run or at >= len(self._last[1]):
            self._last = run, self._read(run)
        entries = self._last[1]
        return entries[at] if 0 <= at < len(entries) else None

    def extend(self, backend: Backend, heads: Sequence[str], algorithm: str) -> None:
        """Take in the entries up to the last of *heads*, which are their digests.

        What is there and is not as they say is taken in again.
        """
        run, last = 0, len(heads) - 1
        while len(entries := self._good(run, heads, algorithm)) == _RUN:
            run += 1
        seq = run * _RUN + len(entries)
        if seq == last and self._path(run).is_file():
            return  # another process was faster, and knows more perhaps
        for raw in _raw_entries(backend, heads, algorithm, seq + 1):
            entries.append(raw)
            if len(entries) == _RUN:
                self._write(run, entries)
                run, entries = run + 1, []
        self._write(run, entries)
        while (path := self._path(run + 1)).is_file():  # of another history
            path.unlink()
            run += 1

    def _good(self, run: int, heads: Sequence[str], algorithm: str) -> list[bytes]:
        """Return the entries of one file up to the first that is another one."""
        good = []
        for raw, head in zip(self._read(run), heads[run * _RUN + 1 :], strict=False):
            if digest_of(algorithm, raw) != head:
                break
            good.append(raw)
        return good

    def _read(self, run: int) -> list[bytes]:
        """Return the entries of one file; none of one that is not as it should be."""
        raw = _read(self._path(run), _MAX_RUN)
        line, _, rest = (raw or b"").partition(b"\n")
        entries, at = [], 0
        for size in _sizes(line):
            entries.append(rest[at : at + size])
            at += size
        return entries if at == len(rest) else []

    def _write(self, run: int, entries: Sequence[bytes]) -> None:
        sizes = json.dumps([len(raw) for raw in entries]).encode()
        _write(self._path(run), b"".join([sizes, b"\n", *entries]))

    def _path(self, run: int) -> Path:
        return self._folder / f"{run * _RUN + 1:020d}"


def _sizes(line: bytes) -> list[int]:
    try:
        sizes = json.loads(line)
    except (ValueError, RecursionError):
        return []
    if not isinstance(sizes, list) or len(sizes) > _RUN:
        return []
    good = all(type(size) is int and 0 <= size <= READ_LIMIT for size in sizes)
    return sizes if good else []


def _raw_entries(
    backend: Backend, heads: Sequence[str], algorithm: str, seq: int
) -> Iterator[bytes]:
    """Yield the entries from *seq* on, from rollups where there are."""
    while seq < len(heads):
        found = _rolled_up(backend, heads, algorithm, seq)
        if not found:
            # Up to where the next rollup may begin.
            stop = min(len(heads), seq + _WINDOW - (seq - 1) % _WINDOW)
            keys = [entry_key(n) for n in range(seq, stop)]
            found = [raw or b"" for raw in backend.read_many(keys, READ_LIMIT)]
        for raw in found:
            if digest_of(algorithm, raw) != heads[seq]:
                raise IntegrityError(f"commit {seq} is not the one that was read")
            yield raw
            seq += 1


def _rolled_up(
    backend: Backend, heads: Sequence[str], algorithm: str, first: int
) -> list[bytes]:
    for size in ROLLUP_SIZES:
        last = first + size - 1
        if (first - 1) % size or last >= len(heads):
            continue
        raw = backend.read(rollup_key(first, last), 0, MAX_ROLLUP + 1)
        if raw is None:
            continue
        try:
            found = list(unpack(raw, first, last, algorithm))
        except FormatError:
            continue
        if [digest_of(algorithm, entry) for entry in found] == heads[first : last + 1]:
            return found
    return []


def _with(before: Sequence[str], last: str) -> list[str]:
    return [*(each for each in before if each != last), last][-_MAX_URLS:]


class MirrorBackend:
    """A store that can only be read, and holds what was mirrored."""

    def __init__(self, url: str, folder: Path, manifest_path: ManifestPath) -> None:
        """Touch nothing yet.

        Args:
            url: The address of the registry that it stands for.
            folder: Where the mirror is.
            manifest_path: As for :class:`Mirror`.
        """
        self._url = url
        self._folder = folder
        self._manifest_path = manifest_path
        self._log = _LogFiles(folder / LOG)

    @property
    def url(self) -> str:
        """The address of the registry that it stands for."""
        return self._url

    @property
    def capabilities(self) -> Capabilities:
        """Nothing can be written; what is seen here says nothing of the store."""
        return Capabilities(
            exclusive_create=False, durable=False, persistent=False, read_window=_RUN
        )

    def create(self, key: str, data: bytes) -> None:  # noqa: ARG002 - the socket's
        """Nothing is written offline."""
        raise self._refusal(key)

    def upload(self) -> Upload:
        """Nothing is written offline."""
        raise self._refusal("an object")

    def delete(self, key: str) -> None:
        """Nothing is deleted offline."""
        raise self._refusal(key)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        seq = seq_of(key)
        if seq is not None:
            found = self._log.entry(seq)
        elif key.startswith(MANIFESTS):
            hex_digits = key.removeprefix(MANIFESTS).removesuffix(".jsonl")
            found = _read(self._manifest_path(hex_digits), MAX_MANIFEST + 1)
            if found is None:
                raise self._refusal(key)
        elif key == REGISTRY:
            found = _read(self._folder / REGISTRY, MAX_ENTRY + 1)
        elif key.startswith(ROLLUPS):
            return None
        else:
            raise self._refusal(key)
        return None if found is None else found[start:end]

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        return [self.read(key, 0, limit) for key in keys]

    def list(self, prefix: str) -> Iterator[KeyInfo]:  # noqa: ARG002 - the socket's
        """There is only what was asked for once: nothing can be told from it."""
        raise OfflineError(
            f"{self._url!r} cannot be looked through: modelver is offline", hint=_HINT
        )

    def _refusal(self, what: str) -> StorageError:
        return OfflineError(
            f"{what} of {self._url!r} is not in the cache, and modelver is offline",
            hint=_HINT,
            key=what,
        )


def _read(path: Path, limit: int) -> bytes | None:
    """Return up to *limit* bytes of a regular file that is no link."""
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return file.read(limit) if regular else None


def _write(path: Path, data: bytes) -> None:
    """Put a file in the place of whatever is there, at once and as a whole."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
