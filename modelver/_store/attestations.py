"""Attestations: what was found out about a version, each in a file of its own.

They are cited by a commit, with their digest; a file that no commit cites says nothing.
"""

from typing import Final

from modelver._store.layout import attestation_key
from modelver._values.digests import digest_of
from modelver.errors import AlreadyExistsError, ErrorKind, IntegrityError
from modelver.plugin import Backend

MAX_ATTESTATION: Final = 2**20


class AttestationStore:
    """The attestations of one registry."""

    def __init__(self, backend: Backend, algorithm: str) -> None:
        self._backend = backend
        self._algorithm = algorithm

    def write(self, manifest: str, raw: bytes) -> str:
        """Store what was found out about the version of *manifest*; return its digest.

        Raises:
            IntegrityError: Something else lies under its name.
            StorageError: The store refuses.
        """
        digest = digest_of(self._algorithm, raw)
        key = attestation_key(manifest, digest)
        try:
            self._backend.create(key, raw)
        except AlreadyExistsError:
            self.read(manifest, digest)
        return digest

    def read(self, manifest: str, digest: str) -> bytes:
        """Return an attestation's raw bytes, verified.

        Raises:
            IntegrityError: It is missing, or its bytes are not of this digest.
        """
        key = attestation_key(manifest, digest)
        raw = self._backend.read(key, 0, MAX_ATTESTATION + 1)
        actual = None if raw is None else digest_of(self._algorithm, raw)
        if raw is None or actual != digest:
            raise IntegrityError(
                f"the attestation {digest} "
                + ("is not in the store" if raw is None else "holds other bytes"),
                kind=ErrorKind.OBJECT_MISSING
                if raw is None
                else ErrorKind.OBJECT_DAMAGED,
                key=key,
                expected=digest,
                actual=actual,
                hint="Restore it from a copy of the registry.",
            )
        return raw
