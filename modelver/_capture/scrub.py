"""Makes addresses and names of this machine fit for a log that others read."""

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

_LONGEST_URL: Final = 1000
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]")
_PLAIN = re.compile(r"[!-~]+")
# host:path, as ssh takes it; a single letter before the colon is a Windows drive.
_SCP = re.compile(r"(?:[^@/:]+@)?([A-Za-z0-9][A-Za-z0-9._-]{1,252}):([^@:\\?#]+)")


def scrub_url(url: str, *, schemes: frozenset[str]) -> str | None:
    """Return *url* without userinfo, query and fragment, or None.

    None is the answer to everything in which a secret could hide behind a syntax
    error: an ``@`` after the host, a port that is no number, anything unprintable.
    """
    if len(url) > _LONGEST_URL or not _PLAIN.fullmatch(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    if port is not None:
        host = host.rpartition(":")[0]
    behind = url.partition("://")[2][len(parts.netloc) :]
    if (
        parts.scheme not in schemes
        or not _HOST.fullmatch(host)
        or "@" in behind
        or "::" in parts.scheme
    ):
        return None
    where = host if port is None else f"{host}:{port}"
    return f"{parts.scheme}://{where}{parts.path}"


def scrub_remote(remote: str) -> str | None:
    """Return a git remote without what could be secret, or None.

    A remote in a folder is a path of this machine, which tells others nothing.
    """
    if "://" in remote:
        known = frozenset({"http", "https", "ssh", "git", "git+ssh"})
        return scrub_url(remote, schemes=known)
    if len(remote) > _LONGEST_URL or not _PLAIN.fullmatch(remote):
        return None
    match = _SCP.fullmatch(remote)
    return f"{match[1]}:{match[2]}" if match is not None else None


def clean(text: str, limit: int = 200) -> str:
    """Return *text* in one line of at most *limit* characters.

    Control characters, direction marks and lone surrogates become spaces.
    """
    shown = (
        " " if unicodedata.category(c)[0] in "CZ" else c for c in text[: 4 * limit]
    )
    return " ".join("".join(shown).split())[:limit].rstrip()
