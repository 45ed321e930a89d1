"""Addresses of registries."""

import re
from typing import Final

from modelver.errors import ErrorKind, InvalidInputError

MAX_URL: Final = 4096

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_CHAIN = re.compile(r"[a-z0-9+.-]+::", re.IGNORECASE)
_USERINFO = re.compile(r"://[^/?#]*@")
# A password with a slash in it ends what a parser takes for the host: whatever stands
# behind a colon and is no port, and an @ later on.
_BROKEN_USERINFO = re.compile(r"://[^/?#@:\[\]]*:(?!\d*(?:[/?#]|$))[^@]*@")
# Nobody gets in with a name alone, and without it ssh would take this machine's user.
_USER = re.compile(r"://[^/?#@:%]+@[^/?#@]*(?:[/?#]|$)")
_NAMED_USERS: Final = {"sftp", "ssh"}
_SECRET_QUERY = re.compile(
    r"[?&;#][^=&;#]*(?:token|sig|key|pass|pwd|secret|cred|auth|sas)[^=&;#]*=",
    re.IGNORECASE,
)
_IPV6 = re.compile(r"(?<=[/@])\[[0-9a-f:.%]+\]", re.IGNORECASE)
# Azure's own way to name a container and its account; neither is a secret.
_AZURE = re.compile(
    r"(?:abfss?|az)://([a-z0-9$][a-z0-9-]{2,62})@"
    r"([a-z0-9]{3,24}\.(?:dfs|blob)\.[a-z0-9.-]+)(?=/|$)"
)


def scheme_of(url: str) -> str:
    """Return the scheme that picks the backend; ``file`` for a plain path.

    Raises:
        InvalidInputError: Empty, too long, a chain of filesystems (``a::b``), or an
            address that holds credentials; those are never repeated in the message.
            A user's name alone is none for ``sftp`` and ``ssh``.
    """
    if not url or len(url) > MAX_URL or "\0" in url:
        raise InvalidInputError(
            "a registry's address is a folder or a URL of at most 4096 characters",
            kind=ErrorKind.BAD_URL,
            hint="Give a folder such as './registry', or a URL.",
        )
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match is not None else "file"
    if _holds_credentials(url, scheme):
        raise InvalidInputError(
            "the registry's address holds credentials",
            kind=ErrorKind.BAD_URL,
            hint="Pass them in storage_options, or in the store's own environment "
            "variables; an address is written to logs.",
        )
    if _CHAIN.match(url) or (match is not None and "::" in _IPV6.sub("", url)):
        raise InvalidInputError(
            f"{url!r} chains filesystems, and a cache between cannot be trusted",
            kind=ErrorKind.BAD_URL,
            hint="Give the store's own address; modelver has a cache of its own.",
        )
    return scheme


def _holds_credentials(url: str, scheme: str) -> bool:
    """Whether *url* holds a password, a token, or what looks like one."""
    if container_and_account(url) is None:
        if _BROKEN_USERINFO.search(url):
            return True
        named = scheme in _NAMED_USERS and _USER.search(url)
        if _USERINFO.search(url) and not named:
            return True
    return "://" in url and _SECRET_QUERY.search(url) is not None


def container_and_account(url: str) -> tuple[str, str] | None:
    """Return the two names in ``abfss://container@account.dfs.core.windows.net/...``.

    The second one is the account's host. None for any other address.
    """
    match = _AZURE.match(url)
    return (match[1], match[2]) if match is not None else None
