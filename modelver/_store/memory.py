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

_NEW: Final = (
    os.O_CREAT
    | os.O_EXCL
    | os.O_WRONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


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


class HeadMemory:
    """Remembers {uuid, seq, digest} for one address, in one small file.

    A folder that cannot be written to means a weaker memory, never an error.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._url = url
        self._file = folder / "heads" / f"{sha256(url.encode()).hexdigest()[:32]}.json"

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
            found: Any = json.loads(self._file.read_text(encoding="utf-8"))
            return Remembered(str(found["uuid"]), int(found["seq"]), str(found["head"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

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
        # Text and plain calls: every commit comes by here.
        said = {"url": self._url, "uuid": registry, "seq": seq, "head": head}
        data = json.dumps(said).encode()
        path = str(self._file)
        temporary = f"{path}.{os.urandom(8).hex()}"
        try:
            if self._write(temporary, data):
                os.replace(temporary, path)  # noqa: PTH105 - text
                return
        except OSError:
            pass
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - text

    def _write(self, temporary: str, data: bytes) -> bool:
        """Write a file; tell whether all of it was taken."""
        try:
            descriptor = os.open(temporary, _NEW, 0o600)
        except FileNotFoundError:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(temporary, _NEW, 0o600)
        try:
            return os.write(descriptor, data) == len(data)
        finally:
            os.close(descriptor)

    def _refusal(self, message: str, kind: ErrorKind) -> IntegrityError:
        return IntegrityError(
            message,
            kind=kind,
            key="registry.json",
            hint="Restore the copy that this machine has seen. If the change was "
            "meant, call modelver.forget(url), or run: modelver --registry URL forget",
        )
