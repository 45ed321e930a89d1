"""What DVC tracks: the outputs in ``.dvc`` files and ``dvc.lock``, and its remotes.

The form of the files is DVC's own documentation's, https://dvc.org/doc/user-guide/
project-structure, for releases 2 and 3: 3 says ``hash: md5`` of what it has hashed byte
by byte, and keeps it below ``files/md5``; 2 read CRLF of text files as LF. Only text is
looked at here; where it lies and what else is there is not known.
"""

import configparser
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from modelver._capture.data.plain_yaml import NotPlainError, parse_plain

MAX_DVC: Final = 2**20
"""Bytes of a ``.dvc`` file or a ``dvc.lock`` that are looked at; of more, none."""
MAX_LISTING: Final = 64 * 2**20

_MD5: Final = re.compile(r"[0-9a-f]{32}")
_COUNT: Final = re.compile(r"[0-9]{1,15}")
_REMOTE: Final = re.compile(r"""['"]?remote\s*"([^"]{1,200})"['"]?""")
_DIR: Final = ".dir"


@frozen(kw_only=True)
class DvcOut:
    """One output that DVC tracks.

    Attributes:
        path: As the file names it, relative to that file.
        md5: 32 hex digits, of the file or of the folder's listing.
        folder: Whether it is a folder: then *md5* is of its listing.
        size: Bytes, all files together; None where it is not said.
        files: How many, of a folder; None where it is not said.
        legacy: Whether DVC 2 took the sum, with CRLF of text files as LF.
        remote: Name of the remote that it is in; None: the default one.
    """

    path: str
    md5: str
    folder: bool = False
    size: int | None = None
    files: int | None = None
    legacy: bool = False
    remote: str | None = None

    @property
    def digest(self) -> str:
        """As an input's digest is written: ``md5:...``, of release 2 ``md5lf:...``."""
        kind = "md5lf" if self.legacy and not self.folder else "md5"
        return f"{kind}:{self.md5}{_DIR if self.folder else ''}"

    @property
    def key(self) -> str:
        """Where its bytes lie below a cache or a remote."""
        return cache_key(self.md5 + (_DIR if self.folder else ""), legacy=self.legacy)


def cache_key(name: str, *, legacy: bool) -> str:
    """Return where DVC keeps the content *name*, an MD5 sum, with ``.dir`` or not."""
    below = f"{name[:2]}/{name[2:]}"
    return below if legacy else f"files/md5/{below}"


def read_dvc_file(raw: bytes) -> list[DvcOut]:
    """Return the outputs of a ``.dvc`` file; none where it cannot be read."""
    document = _document(raw)
    if not isinstance(document, Mapping):
        return []
    below = document.get("wdir")
    prefix = f"{below}/" if isinstance(below, str) and below != "." else ""
    outs = _outs(document.get("outs"))
    return [evolve(out, path=prefix + out.path) for out in outs]


def read_dvc_lock(raw: bytes) -> list[DvcOut]:
    """Return the outputs of all stages in a ``dvc.lock``; none where it is none."""
    document = _document(raw)
    if not isinstance(document, Mapping):
        return []
    stages = document.get("stages", document)  # the first schema had them at the top
    if not isinstance(stages, Mapping):
        return []
    each = (s.get("outs") for s in stages.values() if isinstance(s, Mapping))
    return [out for outs in each for out in _outs(outs)]


def _document(raw: bytes) -> Any:
    if len(raw) > MAX_DVC:
        return None
    try:
        return parse_plain(raw.decode())
    except (NotPlainError, UnicodeDecodeError):
        return None


def _outs(outs: Any) -> Iterator[DvcOut]:
    for out in outs if isinstance(outs, list) else ():
        if not isinstance(out, Mapping):
            continue
        path, md5 = out.get("path"), out.get("md5")
        if not isinstance(path, str) or not isinstance(md5, str):
            continue
        folder = md5.endswith(_DIR)
        if not path or not _MD5.fullmatch(md5.removesuffix(_DIR)):
            continue
        remote = out.get("remote")
        yield DvcOut(
            path=path,
            md5=md5.removesuffix(_DIR),
            folder=folder,
            size=_count(out.get("size")),
            files=_count(out.get("nfiles")),
            legacy=out.get("hash") != "md5",
            remote=remote if isinstance(remote, str) else None,
        )


def _count(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and _COUNT.fullmatch(text) else None


def read_listing(raw: bytes) -> dict[str, str] | None:
    """Return the MD5 sums of the files of a folder, by path; None for no listing."""
    if len(raw) > MAX_LISTING:
        return None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    files: dict[str, str] = {}
    for item in found if isinstance(found, list) else ():
        path = item.get("relpath") if isinstance(item, Mapping) else None
        md5 = item.get("md5") if isinstance(item, Mapping) else None
        if not isinstance(path, str) or not isinstance(md5, str):
            return None
        if not _MD5.fullmatch(md5):
            return None
        files[path] = md5
    return files or None


def listing_sum(files: Mapping[str, str]) -> str:
    """Return the MD5 sum of the listing that DVC writes for a folder.

    Args:
        files: Path to MD5 sum.
    """
    listing = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    raw = json.dumps(listing, sort_keys=True).encode()
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


@frozen(kw_only=True)
class DvcConfig:
    """What a repository of DVC says of where bytes are kept.

    Attributes:
        remotes: Name to address, or to a folder.
        default: Name of the remote that is used where none is said.
        cache: The folder of the cache, where it is not ``.dvc/cache``.
    """

    remotes: Mapping[str, str]
    default: str | None
    cache: str | None


def read_config(*raw: bytes) -> DvcConfig:
    """Return what ``.dvc/config`` and ``.dvc/config.local`` say; a later one wins."""
    remotes: dict[str, str] = {}
    default = cache = None
    for each in raw:
        parser = configparser.RawConfigParser(strict=False, interpolation=None)
        try:
            parser.read_string(each[:MAX_DVC].decode())
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in parser.sections():
            match = _REMOTE.fullmatch(section.strip())
            url = parser.get(section, "url", fallback=None)
            if match is not None and url:
                remotes[match[1]] = url
        default = parser.get("core", "remote", fallback=default)
        cache = parser.get("cache", "dir", fallback=cache)
    return DvcConfig(remotes=remotes, default=default, cache=cache)
