"""Registries whose bytes a test may change behind modelver's back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from modelver import ModelverError, ModelVersion, Registry
from modelver.plugin import Capabilities, KeyInfo, Upload

REFS: Final = ("fraud@0.1.0", "fraud@1.0.0")
FILES: Final = {
    "fraud@0.1.0": {"model/w.bin": b"first weights"},
    "fraud@1.0.0": {"model/w.bin": b"other weights", "model/x.bin": b"more"},
}


class Snapshot:
    """The keys of a store at one moment, as a store of its own that nobody writes to.

    Attributes:
        keys: Key to bytes; a test changes them as it likes.
    """

    def __init__(self, keys: Mapping[str, bytes], url: str = "snapshot:/") -> None:
        self.keys = dict(keys)
        self.url = url
        self.capabilities = Capabilities(
            exclusive_create=True, durable=False, persistent=False, read_window=1
        )

    @classmethod
    def of(cls, folder: Path) -> "Snapshot":
        """Return what a folder holds now."""
        return cls(dict(keys_of(folder)))

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        data = self.keys.get(key)
        return None if data is None else data[start:end]

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        return [self.read(key, 0, limit) for key in keys]

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`."""
        for key, data in self.keys.items():
            if key.startswith(prefix):
                yield KeyInfo(key=key, size=len(data))

    def create(self, key: str, data: bytes) -> NoReturn:
        """Fail the test: reading writes nothing."""
        raise AssertionError(f"{len(data)} bytes were written to {key}")

    def upload(self) -> Upload:
        """Fail the test: reading writes nothing."""
        raise AssertionError("an upload was begun")

    def delete(self, key: str) -> None:
        """Fail the test: reading writes nothing."""
        raise AssertionError(f"{key} was deleted")


def keys_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every key of a registry in a folder, with its bytes."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def make_small(folder: Path, digest: str = "b3") -> Path:
    """Create a registry of two versions and an alias, as small as they come."""
    registry = Registry(folder, create=True, author="a", digest=digest)
    for ref in REFS:
        files = {path.removeprefix("model/"): data for path, data in FILES[ref].items()}
        version = registry.register("fraud", files, environment=False)
        assert version.ref == ref
    registry.promote(REFS[0], "production")
    return folder


def flipped(data: bytes, bit: int) -> bytes:
    """Return *data* with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def contents(version: ModelVersion) -> dict[str, bytes]:
    """Read every file of a version."""
    return {file.path: version.read(file.path) for file in version.files}


def refusal(act: Callable[[], object]) -> ModelverError | None:
    """Return modelver's error of a call, or None; any other exception is a failure."""
    try:
        act()
    except ModelverError as error:
        return error
    return None
