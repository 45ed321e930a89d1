"""Manifests: written once, named by their digest, verified on every read."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from modelver._store.far import is_far, put_new
from modelver._store.layout import manifest_key
from modelver._values.codec import manifest_from_bytes, manifest_to_bytes
from modelver._values.digests import digest_of
from modelver._values.manifest import MAX_MANIFEST, Bundle, Layout, Manifest
from modelver.errors import ErrorKind, FormatError, IntegrityError
from modelver.plugin import Backend

_REMEMBERED: Final = 64
# How many names are tried for one manifest, where damaged ones stand.
_NAMES: Final = 8


class ManifestStore:
    """The manifests of one registry, the last few of them parsed."""

    def __init__(self, backend: Backend, algorithm: str) -> None:
        self._backend = backend
        self._algorithm = algorithm
        self._parsed: OrderedDict[str, Manifest] = OrderedDict()
        self._lock = Lock()

    def write(self, bundle: Bundle, layout: Layout) -> Manifest:
        """Store a manifest, read it back, and return it.

        Where other bytes stand under its name, as a power cut or a bad disk leaves
        them, it goes beside them: white space in the layout makes another name, and
        the bundle stays the same.

        Raises:
            IntegrityError: Nothing that was written reads as it should.
            StorageError: The store refused.
        """
        raw = manifest_to_bytes(bundle, layout)
        for spaces in range(_NAMES):
            other = raw[:-1] + b" " * spaces + b"\n"
            manifest = manifest_from_bytes(other, self._algorithm)
            if self._put(manifest_key(manifest.digest), other):
                self._remember(manifest)
                return manifest
        digest = digest_of(self._algorithm, raw)
        raise IntegrityError(
            f"the manifest {digest} was written and reads otherwise",
            kind=ErrorKind.MANIFEST_DAMAGED,
            key=manifest_key(digest),
            hint="Something else stands under its name: run verify.",
        )

    def _put(self, key: str, raw: bytes) -> bool:
        """Store it, and tell whether it can be read back."""
        if is_far(self._backend):
            return put_new(self._backend, key, raw)
        with self._backend.upload() as upload:
            upload.write(raw)
            upload.commit(key)
        return self._backend.read(key, 0, len(raw) + 1) == raw

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
