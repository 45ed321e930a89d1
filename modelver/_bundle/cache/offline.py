"""What is read while the store may not be asked: the copies in the cache."""

import os
import shlex
from collections.abc import Callable, Iterable

from attrs import evolve

from modelver._bundle.cache.files import FileCache
from modelver._bundle.cache.places import open_plain
from modelver._bundle.read import BundleReader
from modelver._values.digests import hex_of
from modelver._values.manifest import (
    FileEntry,
    Layout,
    Manifest,
    Slice,
    slice_digests,
)
from modelver.errors import OfflineError, ReadOnlyError


def cached_reader(cache: FileCache, manifest: Manifest, ref: str) -> BundleReader:
    """Return a reader of what the cache has of a version.

    To it, each file is an object of its own, the copy in the cache. It is cut as it is
    in the store, so that every stretch is verified by itself here too.
    """
    objects = CachedObjects(cache, manifest, ref)
    cuts = {
        file.path: _placed(file, manifest.layout.files[file.path])
        for file in manifest.bundle.files
    }
    return BundleReader(objects, evolve(manifest, layout=Layout(files=cuts)), ref)


def not_cached(ref: str, path: str | None = None) -> OfflineError:
    """Return the error for what nobody has fetched while the store could be asked."""
    what = ref if path is None else f"{path!r} of {ref}"
    words = ["modelver", "path", ref, *([] if path is None else [path])]
    return OfflineError(
        f"{what} is not in the cache, and modelver is offline",
        hint=f"Fetch it while online: {shlex.join(words)}",
        ref=ref,
    )


class CachedObjects:
    """The files of one version that are in the cache, as its objects."""

    local = True

    def __init__(self, cache: FileCache, manifest: Manifest, ref: str) -> None:
        self.algorithm = manifest.digest.partition(":")[0]
        self._cache = cache
        self._manifest = manifest
        self._ref = ref
        self._files: dict[str, list[FileEntry]] = {}
        for file in manifest.bundle.files:
            self._files.setdefault(_name(file), []).append(file)

    def key(self, name: str) -> str:
        """Return what errors call the object *name*: the file."""
        return self._files[name][0].path

    def read(self, name: str, start: int, end: int) -> bytes:
        """Return bytes ``start:end`` of a file.

        Raises:
            OfflineError: It is not in the cache.
        """
        with os.fdopen(self.descriptor(name), "rb") as file:
            file.seek(start)
            data = file.read(end - start)
        if len(data) < end - start:  # somebody has cut it short since it was found
            raise not_cached(self._ref, self.key(name))
        return data

    def descriptor(self, name: str) -> int:
        """Open a file for reading; the caller closes it.

        Raises:
            OfflineError: It is not in the cache.
        """
        for file in self._files[name]:
            path = self._cache.find(self._manifest, file)
            descriptor = None if path is None else open_plain(path)
            if descriptor is not None:
                return descriptor
        raise not_cached(self._ref, self.key(name))

    def put(
        self,
        pieces: Iterable[bytes | memoryview],  # noqa: ARG002 - the port's
        digest: str,
        *,
        incarnation: int = 0,  # noqa: ARG002 - the port's
        taken: Callable[[], object] | None = None,  # noqa: ARG002 - the port's
    ) -> str:
        """Nothing is written offline."""
        raise ReadOnlyError(f"{digest} cannot be stored: modelver is offline")


def _name(file: FileEntry) -> str:
    return f"{hex_of(file.digest)}.0"


def _placed(file: FileEntry, cut: tuple[Slice, ...]) -> tuple[Slice, ...]:
    found, at = [], 0
    for piece, digest in zip(cut, slice_digests(file, cut), strict=True):
        found.append(
            Slice(object=_name(file), offset=at, length=piece.length, digest=digest)
        )
        at += piece.length
    return tuple(found)
