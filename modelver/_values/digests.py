"""Digests, written with the name of their algorithm: ``b3:9f2c...``.

The algorithm is pinned by the registry and never taken from the text that is
being checked: a digest of the other algorithm is refused, not believed.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Protocol

from blake3 import blake3

from modelver.errors import ErrorKind, FormatError, InvalidInputError

ALGORITHMS = ("b3", "sha256")
DEFAULT_ALGORITHM = "b3"

_DIGEST = re.compile(r"(b3|sha256):([0-9a-f]{64})")


class Hasher(Protocol):
    """The part of ``hashlib`` objects that modelver uses."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take *data* in."""

    def hexdigest(self) -> str:
        """Return the digest of everything taken in, as lower-case hex."""

    def copy(self) -> "Hasher":
        """Return another that has taken in the same."""


_MAKERS: dict[str, Callable[[], Hasher]] = {"b3": blake3, "sha256": hashlib.sha256}


def new_hasher(algorithm: str) -> Hasher:
    """Return a fresh hasher; both algorithms give 32 bytes.

    Raises:
        InvalidInputError: *algorithm* is not one of :data:`ALGORITHMS`.
    """
    make = _MAKERS.get(algorithm)
    if make is not None:
        return make()
    raise InvalidInputError(
        f"{algorithm!r} is not a digest algorithm that modelver knows",
        hint=f"Choose one of {', '.join(ALGORITHMS)}.",
    )


def digest_of(algorithm: str, data: bytes | memoryview) -> str:
    """Return the digest of *data*, with its algorithm: ``b3:<64 hex digits>``."""
    hasher = new_hasher(algorithm)
    hasher.update(data)
    return f"{algorithm}:{hasher.hexdigest()}"


def hex_of(digest: str) -> str:
    """Return the hex digits of a digest that was checked before."""
    return digest.partition(":")[2]


def is_digest(text: str) -> bool:
    """Whether *text* is a whole digest of any known algorithm."""
    return _DIGEST.fullmatch(text) is not None


def check_digest(text: str, algorithm: str, *, path: str) -> str:
    """Return *text* if it is a digest of *algorithm*.

    Args:
        text: What the document holds.
        algorithm: The one that the registry is pinned to.
        path: Where in the document it stands, for the error.

    Raises:
        FormatError: It is not.
    """
    match = _DIGEST.fullmatch(text)
    if match is None or match[1] != algorithm:
        raise FormatError(
            f"{path} holds {text[:100]!r}, which is no {algorithm} digest",
            kind=ErrorKind.MALFORMED,
            path=path,
        )
    return text
