"""Manifests: written once, named by their digest, verified on every read."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from modelver._store.layout import manifest_key
from modelver._values.codec import manifest_from_bytes, manifest_to_bytes
from modelver._values.digests import digest_of
from modelver._values.manifest import MAX_MANIFEST, Bundle, Layout, Manifest
from modelver.errors import ErrorKind, FormatError, IntegrityError
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
        """Store a manifest, read it back, and return it.

        Raises:
            IntegrityError: Something else stands under its name.
            StorageError: The store refused.
        """
        raw = manifest_to_bytes(bundle, layout)
        manifest = manifest_from_bytes(raw, self._algorithm)
        key = manifest_key(manifest.digest)
        with self._backend.upload() as upload:
            upload.write(raw)
            upload.commit(key)
        found = self._backend.read(key, 0, len(raw) + 1)
        if found != raw:
            raise IntegrityError(
                f"the manifest {manifest.digest} was written and reads otherwise",
                kind=ErrorKind.MANIFEST_DAMAGED,
                key=key,
                hint="Something else stands under its name: run verify.",
            )
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
