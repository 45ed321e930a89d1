"""Addresses of registries."""

import re
from typing import Final

from modelver.errors import ErrorKind, InvalidInputError

MAX_URL: Final = 4096

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_CHAIN = re.compile(r"[a-z0-9+.-]+::", re.IGNORECASE)
_USERINFO = re.compile(r"://[^/?#]*@")


def scheme_of(url: str) -> str:
    """Return the scheme that picks the backend; ``file`` for a plain path.

    Raises:
        InvalidInputError: Empty, too long, a chain of filesystems (``a::b``), or an
            address that holds credentials; those are never repeated in the message.
    """
    if not url or len(url) > MAX_URL or "\0" in url:
        raise InvalidInputError(
            "a registry's address is a folder or a URL of at most 4096 characters",
            kind=ErrorKind.BAD_URL,
            hint="Give a folder such as './registry', or a URL.",
        )
    if _USERINFO.search(url):
        raise InvalidInputError(
            "the registry's address holds credentials",
            kind=ErrorKind.BAD_URL,
            hint="Pass them in storage_options, or in the store's own environment "
            "variables; an address is written to logs.",
        )
    match = _SCHEME.match(url)
    if _CHAIN.match(url) or (match is not None and "::" in url):
        raise InvalidInputError(
            f"{url!r} chains filesystems, and a cache between cannot be trusted",
            kind=ErrorKind.BAD_URL,
            hint="Give the store's own address; modelver has a cache of its own.",
        )
    return match[1].lower() if match is not None else "file"
