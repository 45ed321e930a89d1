"""What a client remembers of a registry's head, outside of the registry.

Nothing inside a registry can tell a reader that it was put back to an older copy, or
replaced by another one: only somebody who has seen the newer can.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from modelver.errors import ErrorKind, IntegrityError, StorageError
from modelver.plugin import Backend, Placed

_WRITE: Final = (
    os.O_CREAT
    | os.O_WRONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)
_LENGTH: Final = 2048
_CHECK: Final = 16


@frozen
class Remembered:
    """What was seen at one address.

    Attributes:
        registry: The uuid of the registry.
        seq: The newest commit.
        head: Its digest.
    """

    registry: str
    seq: int
    head: str


def place_of(backend: Backend) -> str:
    """Return the address of a store, and where that is looked for, if it says not."""
    endpoint = backend.endpoint() if isinstance(backend, Placed) else ""
    return f"{backend.url} at {endpoint}" if endpoint else backend.url


class HeadMemory:
    """Remembers {uuid, seq, digest} for one place, in one small file.

    It is written at every commit, so it is written in place: to replace the file by
    another took a sixth of a small commit's time. There are two lines for it, used in
    turn, each with a check: a line that is half written leaves the other.

    A folder that cannot be written to means a weaker memory, never an error.
    """

    def __init__(self, folder: Path, url: str, place: str = "") -> None:
        """Read nothing yet.

        Args:
            folder: Where memories are.
            url: The address.
            place: What is remembered for, if it is not the address alone: see
                :func:`place_of`.
        """
        self._url = url
        name = f"{sha256((place or url).encode()).hexdigest()[:32]}.jsonl"
        self._file = folder / "heads" / name
        self._line = 0

    def forget(self) -> None:
        """Forget what this address held.

        Raises:
            StorageError: The folder of memories cannot be written to.
        """
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"cannot forget what {self._url!r} held: {error.strerror or error}",
                hint=f"Remove {str(self._file)!r}.",
            ) from error

    def recall(self) -> Remembered | None:
        """Return what is remembered; to be asked before the log is read."""
        try:
            data = self._file.read_bytes()[: 2 * _LENGTH]
        except OSError:
            return None
        lines = data[:_LENGTH], data[_LENGTH:]
        found = [(known, n) for n, line in enumerate(lines) if (known := _parse(line))]
        if not found or len({known.registry for known, _ in found}) > 1:
            return None
        newest, number = max(found, key=lambda pair: pair[0].seq)
        self._line = 1 - number
        return newest

    def check(self, known: Remembered, registry: str, heads: Sequence[str]) -> None:
        """Compare the log that was read with what was remembered before.

        Args:
            known: From :meth:`recall`.
            registry: The uuid of the registry that is there now.
            heads: The digest at each position, 0 first.

        Raises:
            IntegrityError: Another registry is there, or an older or other log.
        """
        if known.registry != registry:
            raise self._refusal(
                f"another registry stands in {self._url!r} than before",
                ErrorKind.REGISTRY_REPLACED,
            )
        if known.seq >= len(heads):
            raise self._refusal(
                f"the registry in {self._url!r} went back from commit {known.seq} to "
                f"{len(heads) - 1}",
                ErrorKind.REGISTRY_ROLLED_BACK,
            )
        if heads[known.seq] != known.head:
            raise self._refusal(
                f"the history of {self._url!r} was rewritten at or before commit "
                f"{known.seq}",
                ErrorKind.REGISTRY_FORKED,
            )

    def save(self, registry: str, seq: int, head: str) -> None:
        """Remember the head."""
        # The address is for people, as far as there is room: the file is named by it.
        said = {"url": self._url[:300], "uuid": registry, "seq": seq, "head": head}
        line = _with_check(json.dumps(said)[:-1].encode())
        if len(line) != _LENGTH:
            return
        with contextlib.suppress(OSError):
            descriptor = self._open()
            try:
                os.lseek(descriptor, self._line * _LENGTH, os.SEEK_SET)
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        self._line = 1 - self._line

    def _open(self) -> int:
        try:
            return os.open(self._file, _WRITE, 0o600)
        except FileNotFoundError:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._file, _WRITE, 0o600)

    def _refusal(self, message: str, kind: ErrorKind) -> IntegrityError:
        return IntegrityError(
            message,
            kind=kind,
            key="registry.json",
            hint="Restore the copy that this machine has seen. If the change was "
            "meant, call modelver.forget(url), or run: modelver --registry URL forget",
        )


def _with_check(text: bytes) -> bytes:
    """Return the line for *text*, which is a JSON object without its last brace."""
    check = sha256(text).hexdigest()[:_CHECK]
    return (text + b', "check": "%s"}' % check.encode()).ljust(_LENGTH - 1) + b"\n"


def _parse(line: bytes) -> Remembered | None:
    """Return what a line says, or None where it is no whole one."""
    text = line.rstrip()[: -len(b', "check": ""}') - _CHECK]
    if line != _with_check(text):
        return None
    try:
        found: Any = json.loads(line)
        return Remembered(str(found["uuid"]), int(found["seq"]), str(found["head"]))
    except (ValueError, KeyError, TypeError):
        return None
