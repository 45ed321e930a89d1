"""Addresses of registries in buckets: ``scheme://bucket/prefix``."""

import re
from typing import Final

from modelver._values.url import scheme_of
from modelver.errors import ErrorKind, InvalidInputError

# Below 0x21 is nothing that is seen; what is behind ? or # some clients take for other
# things than a name, and \ on some systems for a slash.
_REFUSED: Final = re.compile(r"[\x00-\x20\x7f?#\\]|%2f", re.IGNORECASE)


def bucket_and_prefix(url: str, *, example: str) -> tuple[str, str]:
    """Return the bucket that *url* names, and the prefix, without slashes around it.

    Args:
        url: As the user gave it.
        example: How one looks, for the hint.

    Raises:
        InvalidInputError: It names no bucket, holds credentials or a query, or its
            path has parts that a store and a file system do not read alike.
    """
    scheme = scheme_of(url)
    rest = url[len(scheme) + len("://") :].rstrip("/")
    if (found := _REFUSED.search(rest)) is not None:
        # What follows may be a signature: it is not repeated.
        raise InvalidInputError(
            f"the registry's address holds {found[0]!r}, which no bucket or prefix may",
            kind=ErrorKind.BAD_URL,
            hint=f"Write it like {example}; everything else goes into storage_options.",
        )
    bucket, _, prefix = rest.partition("/")
    if not bucket or {"", ".", ".."} & set(prefix.split("/") if prefix else ()):
        raise InvalidInputError(
            f"{url!r} is no address of a registry in a bucket",
            kind=ErrorKind.BAD_URL,
            hint=f"Write it like {example}.",
        )
    return bucket, prefix
