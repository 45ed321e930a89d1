"""What a registry holds already, as far as it can be known without asking the store."""

from collections.abc import Iterator
from threading import Lock
from typing import Final

from modelver._bundle import LOOKED_FOR, Known
from modelver._registry.core import Core
from modelver._registry.resolve import newest
from modelver._values.manifest import Manifest, slice_digests
from modelver._values.state import VersionState
from modelver.errors import FormatError, IntegrityError

# Smaller versions share nothing that would be worth reading their manifests.
_WORTH: Final = 2**20
# So many manifests are read at one registration, the newest first; the next goes on.
_AT_ONCE: Final = 500


def known_contents(core: Core, name: str) -> Known:
    """Return what a new version of *name* need not store again.

    The newest version of the model is the likeliest to hold it; everything else is
    found through the index on this machine, when a large content is asked for.
    """
    known = Known(_Finder(core).find if core.memory is not None else None)
    model = core.state().models.get(name)
    last = None if model is None else newest(model)
    if last is not None:
        for manifest in _manifests(core, [last]):
            known.add(manifest)
    return known


class _Finder:
    """Finds manifests that hold a content, by the index on this machine.

    The index may be missing, stale or wrong: only manifests of registered versions are
    read, each is verified, and only what they say counts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._versions: dict[str, VersionState] | None = None
        self._lock = Lock()

    def find(self, digest: str) -> Iterator[Manifest]:
        """Yield manifests that may hold a content of *digest*."""
        memory = self._core.memory
        assert memory is not None  # noqa: S101 - nobody looks otherwise
        versions = self._registered()
        found = (versions.get(manifest) for manifest in memory.holders(digest))
        yield from _manifests(self._core, [v for v in found if v is not None])

    def _registered(self) -> dict[str, VersionState]:
        """Return the versions worth looking into, by manifest, all of them indexed."""
        with self._lock:
            if self._versions is None:
                versions = [
                    version
                    for model in self._core.state().models.values()
                    for version in model.versions.values()
                    if version.withdrawal is None and version.record.size >= _WORTH
                ]
                versions.sort(key=lambda version: version.said.seq, reverse=True)
                self._versions = {version.manifest: version for version in versions}
                self._index(self._versions)
            return self._versions

    def _index(self, versions: dict[str, VersionState]) -> None:
        memory = self._core.memory
        assert memory is not None  # noqa: S101 - nobody looks otherwise
        unseen = memory.unseen(versions)[:_AT_ONCE]
        for manifest in _manifests(self._core, [versions[digest] for digest in unseen]):
            memory.index(manifest.digest, _digests(manifest))


def _digests(manifest: Manifest) -> Iterator[str]:
    for file in manifest.bundle.files:
        if file.size >= LOOKED_FOR:
            cut = manifest.layout.files[file.path]
            parts = zip(slice_digests(file, cut), cut, strict=True)
            yield file.digest
            yield from (digest for digest, p in parts if p.length >= LOOKED_FOR)


def _manifests(core: Core, versions: list[VersionState]) -> Iterator[Manifest]:
    for version in versions:
        try:
            yield core.manifest(version)
        except (IntegrityError, FormatError):
            continue  # verify names it; what it holds is stored again
