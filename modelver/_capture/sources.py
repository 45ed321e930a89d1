"""Where a distribution came from, as its installer wrote it down (PEP 610)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from modelver._capture.scrub import scrub_url
from modelver._values.jsonstrict import loads
from modelver.errors import FormatError

_LONGEST: Final = 64 * 2**10
_WEB: Final = frozenset({"http", "https"})
_FAR: Final = frozenset({"http", "https", "ssh", "git", "svn", "sftp", "ftp"})
_SYSTEMS: Final = frozenset({"git", "hg", "svn", "bzr"})
_COMMIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HASH = re.compile(r"(sha(?:224|256|384|512))[=:]([0-9a-f]{32,128})")
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")


def source_of(direct_url: bytes) -> str | None:
    """Return where a distribution came from, without what could be secret.

    Args:
        direct_url: The bytes of its direct_url.json.

    Returns:
        ``editable``; ``local`` for a file or a folder of that machine;
        ``git+https://host/path@commit`` or ``https://host/file.whl#sha256=...``, either
        with ``subdirectory=`` behind a ``#``; ``unknown`` for what cannot be said
        without a doubt, as an address that cannot be scrubbed; None where the file says
        nothing.
    """
    try:
        said = loads(direct_url, limit=_LONGEST)
    except FormatError:
        return None
    url = said.get("url") if isinstance(said, Mapping) else None
    if not isinstance(url, str):
        return None
    folder = said.get("dir_info")
    if isinstance(folder, Mapping) and folder.get("editable") is True:
        return "editable"
    if isinstance(folder, Mapping) or url.startswith("file:"):
        return "local"
    more = _subdirectory(said)
    vcs = said.get("vcs_info")
    if isinstance(vcs, Mapping):
        return _commit(url, vcs, more) or "unknown"
    where = scrub_url(url, schemes=_WEB)
    behind = "&".join(filter(None, [_hash(said.get("archive_info")), more]))
    return "unknown" if where is None else f"{where}#{behind}".rstrip("#")


def _commit(url: str, vcs: Mapping[str, Any], more: str) -> str | None:
    system, commit = vcs.get("vcs"), vcs.get("commit_id")
    where = scrub_url(url, schemes=_FAR)
    if (
        where is None
        or "@" in where
        or system not in _SYSTEMS
        or not isinstance(commit, str)
        or not _COMMIT.fullmatch(commit)
    ):
        return None
    return f"{system}+{where}@{commit}{'#' if more else ''}{more}"


def _hash(info: Any) -> str:
    """Return ``sha256=<hex>`` of an archive, as a URL ends with; else nothing."""
    if not isinstance(info, Mapping):
        return ""
    hashes = info.get("hashes")
    if isinstance(hashes, Mapping):
        said = [f"{name}={value}" for name, value in sorted(hashes.items())]
    else:
        said = [str(info.get("hash", ""))]
    found = [match for text in said if (match := _HASH.fullmatch(text)) is not None]
    best = next((m for m in found if m[1] == "sha256"), found[0] if found else None)
    return "" if best is None else f"{best[1]}={best[2]}"


def _subdirectory(said: Mapping[str, Any]) -> str:
    folder = said.get("subdirectory")
    plain = isinstance(folder, str) and _FOLDER.fullmatch(folder)
    return f"subdirectory={folder}" if plain and ".." not in str(folder) else ""
