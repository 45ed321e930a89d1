"""Registries whose bytes a test may change behind modelver's back."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from modelver import DamageWarning, ModelverError, ModelVersion, Registry
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


class Judge:
    """Knows what is true of a small registry, and holds every answer against it."""

    def __init__(self, whole: Snapshot) -> None:
        self.whole = dict(whole.keys)
        registry = Registry(backend=whole)
        newest = registry.seq
        self._states = [_said(registry.at(seq)) for seq in range(newest + 1)]
        self._needs: dict[str, set[str]] = {}
        for ref in REFS:
            state = registry.get(ref)._state
            manifest = registry._core.manifests.read(state.manifest)
            objects = {f"objects/{name[:2]}/{name}" for name in manifest.objects()}
            key = f"manifests/{manifest.digest.partition(':')[2]}.jsonl"
            self._needs[ref] = {key, *objects}

    def honest(self, keys: Mapping[str, bytes]) -> int | None:
        """Return the commit up to which *keys* are what was once written, if they are.

        A registry that lacks its last commits is an honest older one.
        """
        log = sorted(key for key in keys if key.startswith("log/"))
        all_of_it = sorted(key for key in self.whole if key.startswith("log/"))
        seq = len(log)
        needed = {"registry.json", *log}
        for ref in self._states[seq][1] if seq < len(self._states) else ():
            needed |= self._needs[ref]
        if log != all_of_it[:seq]:
            return None
        if any(keys.get(key) != self.whole[key] for key in needed):
            return None
        return seq

    def check(self, keys: Mapping[str, bytes]) -> str:
        """Ask a registry of these keys everything; return how it took the damage.

        Raises:
            AssertionError: An answer was wrong, damage was not found, or what is
                sound was called damaged.
        """
        store = Snapshot(keys)
        seq = self.honest(keys)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            verified = _verified(store)
            outcome = self._read(store)
        assert all(issubclass(w.category, DamageWarning) for w in caught)
        if seq is not None:
            assert verified
            assert outcome == f"as of {seq}"
            return outcome
        assert not verified
        if outcome.startswith("as of") and caught:
            return "warned"
        return outcome

    def _read(self, store: Snapshot) -> str:
        try:
            registry = Registry(backend=store)
            said = _said(registry)
        except ModelverError as error:
            return str(error.kind)
        assert said in self._states, "a state that never was"
        refused = ""
        for ref in said[1]:
            version = registry.get(ref)
            try:
                files = contents(version)
            except ModelverError as error:
                refused = str(error.kind)
            else:
                assert files == FILES[ref], "wrong bytes"
        return refused or f"as of {self._states.index(said)}"


def _said(registry: Registry) -> tuple[int, tuple[str, ...], object]:
    """Return everything that a small registry says."""
    models = registry.models()
    versions = [v for name in models for v in registry.versions(name)]
    refs = tuple(version.ref for version in versions)
    # A void entry counts as a position, and says nothing.
    seq = sum(not commit.void for commit in registry.log())
    rest = [(v.digest, v.size, v.aliases, v.author, v.created_at) for v in versions]
    return seq, refs, rest


def _verified(store: Snapshot) -> bool:
    try:
        report = Registry(backend=store).verify()
    except ModelverError:
        return False
    assert bool(report) == (not report.problems)
    return bool(report)
