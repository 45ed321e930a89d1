"""Manifests: written once, named by their digest, verified on every read."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from modelver._store.layout import manifest_key
from modelver._values.codec import manifest_from_bytes, manifest_to_bytes
from modelver._values.digests import digest_of
from modelver._values.manifest import MAX_MANIFEST, Bundle, Layout, Manifest
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    FormatError,
    IntegrityError,
    StorageError,
)
from modelver.plugin import Backend

_REMEMBERED: Final = 64


class ManifestStore:
    """The manifests of one registry, the last few of them parsed."""

    def __init__(self, backend: Backend, algorithm: str) -> None:
        self._backend = backend
        self._algorithm = algorithm
        self._parsed: OrderedDict[str, Manifest] = OrderedDict()
        self._lock = Lock()

    def write(self, bundle: Bundle, layout: Layout) -> Manifest:
        """Store a manifest, whole and durable, and return it.

        Raises:
            IntegrityError: Something else stands under its name.
            StorageError: The store refused.
        """
        raw = manifest_to_bytes(bundle, layout)
        manifest = manifest_from_bytes(raw, self._algorithm)
        key = manifest_key(manifest.digest)
        try:
            self._backend.create(key, raw)
        except AlreadyExistsError:
            self._parsed.pop(manifest.digest, None)
            return self.read(manifest.digest)
        except StorageError:
            # The answer may have been lost after the write.
            if self._backend.read(key, 0, len(raw) + 1) != raw:
                raise
        self._remember(manifest)
        return manifest

    def read(self, digest: str) -> Manifest:
        """Return the manifest of this digest.

        Raises:
            IntegrityError: It is missing, or its bytes are not of this digest.
            FormatError: It may not be obeyed.
        """
        with self._lock:
            known = self._parsed.get(digest)
            if known is not None:
                self._parsed.move_to_end(digest)
                return known
        key = manifest_key(digest)
        raw = self._backend.read(key, 0, MAX_MANIFEST + 1)
        if raw is None:
            raise IntegrityError(
                f"the manifest {digest} is not in the store",
                kind=ErrorKind.MANIFEST_MISSING,
                key=key,
                hint="Restore it from a copy of the registry.",
            )
        actual = digest_of(self._algorithm, raw)
        if actual != digest:
            raise IntegrityError(
                f"the manifest {digest} holds other bytes",
                kind=ErrorKind.MANIFEST_DAMAGED,
                key=key,
                expected=digest,
                actual=actual,
                hint="Restore it from a copy of the registry.",
            )
        try:
            manifest = manifest_from_bytes(raw, self._algorithm)
        except FormatError as error:
            error.facts["key"] = key
            raise
        self._remember(manifest)
        return manifest

    def _remember(self, manifest: Manifest) -> None:
        with self._lock:
            self._parsed[manifest.digest] = manifest
            while len(self._parsed) > _REMEMBERED:
                self._parsed.popitem(last=False)
