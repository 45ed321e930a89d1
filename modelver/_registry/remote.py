"""Data at an address: what its store says of it, and its bytes, in pieces.

Read through the same backends as registries, so that credentials, retries and errors
are the same. The address is the data's own; a registry's storage options are never
used for it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from attrs import frozen

from modelver._plugins import load_backend
from modelver._values.digests import new_hasher
from modelver._values.paths import check_bundle_path
from modelver._values.text import quoted
from modelver._values.url import scheme_of
from modelver.errors import (
    ErrorKind,
    InvalidInputError,
    PluginError,
    StorageError,
)
from modelver.plugin import Backend, KeyFacts, Versioned

MOST_READ: Final = 64 * 2**30
"""Bytes that are read for a reference whose store has no checksum of it."""
MOST_KEYS: Final = 100_000
"""The most files of a folder at an address."""

_PIECE: Final = 8 * 2**20
# A web server that knows no ranges begins at the beginning for each piece.
_WEB_PIECE: Final = 64 * 2**20
_WEB: Final = {"http", "https"}
_AT_ONCE: Final = 16
# What some clients take for something else than a name; a query may be a signature.
_REFUSED: Final = re.compile(r"[\x00-\x1f\x7f?#\\]")
_MAX_URI: Final = 2000
_WITH_ACCOUNTS: Final = {"http", "https", "ftp", "ftps", "git", "ssh", "sftp", "smb"}


@frozen(kw_only=True)
class RemoteFile:
    """One file at an address.

    Attributes:
        key: Below the backend's root.
        inner: Below the address; the file's own name where it is the address.
        facts: What the store says; None where it says nothing, or cannot be asked.
    """

    key: str
    inner: str
    facts: KeyFacts | None


@frozen
class Digested:
    """What reading a file has told: its digest, and how many bytes it has."""

    digest: str
    size: int


def digest_pieces(pieces: Iterable[bytes], algorithm: str) -> Digested:
    """Return the digest of bytes that come in pieces, and how many there were."""
    hasher, size = new_hasher(algorithm), 0
    for piece in pieces:
        hasher.update(piece)
        size += len(piece)
    return Digested(f"{algorithm}:{hasher.hexdigest()}", size)


class Remote:
    """An address: one file, or every file below it.

    Attributes:
        url: As it is recorded: without credentials, which are refused.
        name: The last part of it.
        files: What is there.
        is_folder: Whether they are below the address, rather than at it.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any] | None,
        *,
        version: str | None = None,
        at_most: int | None = MOST_KEYS,
    ) -> None:
        """Look what is there.

        Args:
            url: With a scheme.
            options: For its store.
            version: Of the file; None: the present one.
            at_most: How many files of a folder are asked for; None: of a file alone.

        Raises:
            InvalidInputError: It is no address, or nothing is there.
            StorageError: The store cannot tell.
        """
        self.url = check_url(url)
        self._version = version
        is_web = scheme_of(self.url) in _WEB
        self._piece = _WEB_PIECE if is_web else _PIECE
        self._backend, self.name, prefix = _opened(self.url, options)
        found = None if self.url.endswith("/") else self._look(prefix)
        self.is_folder = found is None
        self.files = [found] if found is not None else []
        if found is None and at_most is not None:
            self.files = self._below(prefix, at_most)
        if not self.files:
            raise InvalidInputError(
                f"there is nothing at {quoted(self.url, 200)}",
                kind=ErrorKind.MISSING_FILE,
                hint="Check the address, and what these credentials may read.",
            )

    def _look(self, key: str) -> RemoteFile | None:
        """Return the file *key*; None where there is none."""
        if not key:
            return None
        facts = self._described(key)
        if facts is None:
            asked = self._version is not None and isinstance(self._backend, Versioned)
            # The present bytes are not those of a version that is gone.
            if asked or self._backend.read(key, 0, 1) is None:
                return None
        return RemoteFile(key=key, inner=self.name, facts=facts)

    def _described(self, key: str) -> KeyFacts | None:
        if isinstance(self._backend, Versioned):
            if self._version is not None:
                return self._backend.describe_key(key, self._version)
            with suppress(StorageError):  # it may still be read
                return self._backend.describe_key(key)
        return None

    def _below(self, prefix: str, at_most: int) -> list[RemoteFile]:
        above = f"{prefix.rstrip('/')}/" if prefix else ""
        try:
            listed = list(islice(self._backend.list(above), at_most + 1))
        except StorageError as error:
            if error.kind is ErrorKind.UNSUPPORTED:  # a web server lists nothing
                return []
            raise
        # Some stores keep a key of no bytes for the folder itself.
        keys = sorted(i.key for i in listed if not i.key.endswith("/"))
        if len(keys) > at_most:
            raise InvalidInputError(
                f"there are more than {at_most:,} files below {quoted(self.url, 200)}",
                kind=ErrorKind.TOO_LARGE,
                hint="Name a part of it; or name a snapshot of it, with "
                "kind='snapshot'.",
            )
        inner = [check_bundle_path(key[len(above) :]) for key in keys]
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - for folders

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            facts = list(pool.map(self._described, keys))
        return [
            RemoteFile(key=key, inner=path, facts=said)
            for key, path, said in zip(keys, inner, facts, strict=True)
        ]

    def pieces(self, file: RemoteFile, limit: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of *file*, of the version that was described.

        Args:
            file: One of :attr:`files`.
            limit: How many bytes at most.

        Raises:
            InvalidInputError: It has more than *limit*, or is gone, or has changed.
            StorageError: The store cannot tell.
        """
        said = file.facts
        size = said.size if said is not None and said.size >= 0 else None
        if limit is not None and size is not None and size > limit:
            raise self._too_large(limit)
        at = 0
        while size is None or at < size:
            piece = self._read(file, at)
            if not piece:
                break
            at += len(piece)
            if limit is not None and at > limit:
                raise self._too_large(limit)
            yield piece
            if size is None and len(piece) < self._piece:
                break
        if size not in (None, at):
            raise self._changed(file)
        if (
            said is not None
            and said.version is None
            and self._described(file.key) != said
        ):
            raise self._changed(file)

    def _read(self, file: RemoteFile, at: int) -> bytes:
        said = file.facts
        found = None
        if (
            said is not None
            and said.version is not None
            and isinstance(self._backend, Versioned)
        ):
            found = self._backend.read_version(
                file.key, said.version, at, at + self._piece
            )
        else:
            found = self._backend.read(file.key, at, at + self._piece)
        if found is None:
            raise self._changed(file)
        return found

    def _changed(self, file: RemoteFile) -> InvalidInputError:
        return InvalidInputError(
            f"{quoted(file.inner, 200)} at {quoted(self.url, 200)} changed while it "
            "was read",
            kind=ErrorKind.CHANGED_DURING_READ,
            hint="Register when nothing writes there any more.",
        )

    def _too_large(self, limit: int) -> InvalidInputError:
        return InvalidInputError(
            f"{quoted(self.url, 200)} has more than {limit:,} bytes, and its store has "
            "no checksum of them",
            kind=ErrorKind.TOO_LARGE,
            hint="Say how='digest' to have them read all the same; or name a snapshot, "
            "with kind='snapshot' and version=.",
        )


def check_url(url: str) -> str:
    """Return *url* if it may be recorded.

    Raises:
        InvalidInputError: It holds credentials or a query, or is no address. Nothing of
            it is repeated then.
    """
    try:
        scheme_of(url)
    except InvalidInputError as error:
        raise InvalidInputError(
            error.message.replace("registry's", "data's"),
            kind=ErrorKind.BAD_URL,
            hint="Pass credentials as Data(..., storage_options=...): an address is "
            "recorded.",
        ) from None
    rest = url.partition("://")[2]
    if _REFUSED.search(rest) or not rest.strip("/") or len(url) > _MAX_URI:
        raise InvalidInputError(
            "the data's address has a query, a fragment, or something else that no "
            "file is called by",
            kind=ErrorKind.BAD_URL,
            hint="Write it like s3://bucket/folder/train.csv; a query may be a "
            "signature, and an address is recorded.",
        )
    return url


def check_snapshot(text: str) -> str:
    """Return the address of a snapshot if it may be recorded; it is never opened.

    Unlike where something is read, ``repo@commit`` in front of the first slash is a
    name and no account, where the scheme is not one of those that have accounts.

    Raises:
        InvalidInputError: It holds credentials or a query.
    """
    scheme, _, rest = text.partition("://")
    above, slash, below = rest.partition("/")
    user, at, place = above.rpartition("@")
    if not at or ":" in user or scheme.lower() in _WITH_ACCOUNTS:
        return check_url(text)
    check_url(f"{scheme}://{user}/{place}{slash}{below}")
    return text


def _opened(url: str, options: Mapping[str, Any] | None) -> tuple[Backend, str, str]:
    """Return a backend above the address, its last part, and the key of it."""
    scheme, _, rest = url.partition("://")
    above, slash, name = rest.rstrip("/").rpartition("/")
    if not slash:  # a whole bucket
        above, key = name, ""
    else:
        key = name
    try:
        factory = load_backend(scheme.lower())
    except PluginError as error:
        if error.kind is ErrorKind.UNKNOWN_PLUGIN:
            error.add_note(
                "To record only what it is called, say kind='snapshot': "
                f"Data({url!r}, kind='snapshot')."
            )
        raise
    backend: Backend = factory(f"{scheme}://{above}", storage_options=options)
    return backend, name, key
