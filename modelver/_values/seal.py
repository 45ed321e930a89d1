"""The seal: a document of one line that ends in the digest of all before it.

The chain of the log proves every entry but the newest, and nothing proves
``registry.json`` before the first commit. With a seal, bytes that were damaged are told
from bytes that never were an entry.
"""

import re
from collections.abc import Mapping
from typing import Any

from modelver._values.digests import digest_of, hex_of
from modelver._values.entry import MAX_ENTRY
from modelver._values.jsonstrict import dumps, loads
from modelver.errors import ErrorKind, FormatError, IntegrityError

_SEAL = re.compile(rb',"check":"(b3|sha256):([0-9a-f]{64})"\}\n')


def seal(document: Mapping[str, Any], algorithm: str) -> bytes:
    """Return *document* as raw bytes, sealed."""
    body = dumps(document)[:-1]
    return body + b',"check":"' + digest_of(algorithm, body).encode() + b'"}\n'


def unseal(raw: bytes, algorithm: str | None, kind: ErrorKind, what: str) -> bytes:
    """Return *raw*'s body if its seal holds.

    Raises:
        IntegrityError: There is a seal and it does not hold, or there is none and
            the rest is a sound document: bytes that were damaged.
        FormatError: There is no seal, nor a document: bytes that never were one.
    """
    length = len(b',"check":""}\n') + len(digest_of(algorithm or "b3", b""))
    if algorithm is None and b'"sha256:' in raw[-90:]:
        length = len(b',"check":""}\n') + len(digest_of("sha256", b""))
    body, seal = raw[:-length], raw[-length:]
    match = _SEAL.fullmatch(seal)
    if match is not None and algorithm in (None, match[1].decode()):
        actual = digest_of(match[1].decode(), body)
        if hex_of(actual) == match[2].decode():
            return body
        raise IntegrityError(
            f"{what} does not match its own check",
            kind=kind,
            expected=f"{match[1].decode()}:{match[2].decode()}",
            actual=actual,
            hint="Restore it from a copy of the registry.",
        )
    try:
        sound = isinstance(loads(body + b"}", limit=MAX_ENTRY), dict)
    except FormatError:
        sound = False
    if sound:
        raise IntegrityError(
            f"the check of {what} is damaged",
            kind=kind,
            hint="Restore it from a copy of the registry.",
        )
    raise FormatError(f"{what} is not sealed")
