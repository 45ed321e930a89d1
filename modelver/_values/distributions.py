"""What an installed distribution says of itself: texts in, values out.

Whoever looks at this process's packages and whoever looks at another environment's
must read them alike, so both do it here.
"""

import csv
import hashlib
import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from attrs import frozen

__all__ = [
    "WRITTEN",
    "RecordRow",
    "fingerprint",
    "name_and_version",
    "normalised",
    "record_rows",
]

# importlib.metadata parses the whole file as an e-mail, description and all: twenty
# times slower, and these two lines are all that is wanted.
_NAME = re.compile(
    r"^Name:[ \t]*([A-Za-z0-9][A-Za-z0-9._-]{0,199})[ \t]*\r?$", re.MULTILINE
)
_VERSION = re.compile(r"^Version:[ \t]*([!-~]{1,200})[ \t]*\r?$", re.MULTILINE)
_DASHES = re.compile(r"[-_.]+")

WRITTEN: Final = (
    "RECORD",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "uv_build.json",
    "uv_cache.json",
)
"""What installers write beside a wheel's own files; uv the last two."""

# Where a wheel keeps what goes elsewhere (scripts, data), and beside its top.
_DATA = re.compile(r"[^/]+-[^/]+\.data/")
_INSIDE = re.compile(r"[^/]+-[^/]+\.data/(?:purelib|platlib)/(.+)", re.DOTALL)
_OUTSIDE = re.compile(r"\.\./|/|[A-Za-z]:")
# A project that is installed in place leaves its own path in files of these names.
_IN_PLACE: Final = ("__editable__", "_editable_impl_")
_CONTROL = re.compile(r"[\x00-\x1f]")
# Any of them, and a RECORD must be read with care.
_ODD: Final = ('"', "\r", "\\", ":")
_INFO: Final = ".dist-info/"
_COLUMNS: Final = 3


@frozen
class RecordRow:
    """One row of a RECORD.

    Attributes:
        path: ``/``-separated, from site-packages; may lead out of it.
        hash: ``<algorithm>=<base64>``; empty where the file may change.
    """

    path: str
    hash: str


def name_and_version(metadata: str) -> tuple[str, str] | None:
    """Return the normalised name (PEP 503) and the version, or None.

    Args:
        metadata: The text of METADATA or PKG-INFO, or its beginning.
    """
    head = metadata.replace("\r\n", "\n").partition("\n\n")[0]
    name, version = _NAME.search(head), _VERSION.search(head)
    if name is None or version is None:
        return None
    return normalised(name[1]), version[1]


def normalised(name: str) -> str:
    """Return the name of a distribution as it is compared (PEP 503)."""
    return _DASHES.sub("-", name).lower()


def record_rows(record: bytes) -> Sequence[RecordRow] | None:
    """Return the rows of a RECORD, or None where it is none.

    A path with a control character makes it none: no wheel has such a file.
    """
    try:
        text = record.decode().replace("\r\n", "\n")
        lines = (f"{line}\n" for line in text.split("\n"))
        rows = [row for row in csv.reader(lines, strict=True) if row]
    except (csv.Error, UnicodeDecodeError):
        return None
    if any(len(row) != _COLUMNS or _CONTROL.search("".join(row)) for row in rows):
        return None
    return [RecordRow(path.replace("\\", "/"), hashed) for path, hashed, _ in rows]


def fingerprint(record: bytes) -> str | None:
    """Return the SHA-256 (hex) of what a RECORD says of a distribution's files.

    It is the same for a wheel's own RECORD and for what any installer makes of it: of
    each row ``path,hash`` counts, in the order of the paths, a line feed between two.
    Rows do not count that have no hash, that are of compiled files, of files outside
    site-packages (scripts are rewritten for each place) or of what installers write.

    Args:
        record: The file's bytes.

    Returns:
        None where it is no RECORD, has no row that counts, or is of a project that is
        installed in place: its files are elsewhere, and change.
    """
    try:
        text = "\n" + record.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    rows = None if any(mark in text for mark in _ODD) else _plain(text)
    if rows is None:
        rows = _careful(record)
    if not rows:
        return None
    rows.sort()
    if any(_has(rows, mark) for mark in _IN_PLACE):
        return None
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _has(rows: Sequence[str], start: str) -> bool:
    """Whether one of the sorted *rows* begins with *start*."""
    at = bisect_left(rows, start)
    return at < len(rows) and rows[at].startswith(start)


def _plain(text: str) -> list[str] | None:
    """Return the rows that count where nothing is odd; None where something is.

    There are tens of thousands in an environment, and a registration waits for them:
    long texts are searched for in the whole, and each row is looked at once.
    """
    stem = _stem(text)
    if stem is None or f"\n{stem}.data/" in text:
        return None
    for name in WRITTEN:
        written = f"\n{stem}.dist-info/{name},"
        while (at := text.find(written)) >= 0:
            end = text.find("\n", at + 1)
            text = text[:at] + (text[end:] if end >= 0 else "")
    return [
        line[: line.rfind(",")]
        for line in text.split("\n")
        if line
        and ",," not in line
        and ".pyc," not in line
        and line[0] != "/"
        and line[:3] != "../"
    ]


def _stem(text: str) -> str | None:
    """Return ``<name>-<version>`` of the distribution that a RECORD is of."""
    at = text.find(_INFO)
    while at >= 0:
        stem = text[text.rfind("\n", 0, at) + 1 : at]
        if "/" not in stem:  # else it is of another one, copied into this one
            return stem
        at = text.find(_INFO, at + 1)
    return None


def _careful(record: bytes) -> list[str]:
    """Return the rows that count, of any RECORD."""
    counted = []
    for row in record_rows(record) or ():
        inside = _INSIDE.fullmatch(row.path)
        path = row.path if inside is None else inside[1]
        folder, _, name = path.rpartition("/")
        info = "/" not in folder and f"{folder}/".endswith(_INFO)
        if (
            row.hash
            and not (info and name in WRITTEN)
            and not path.endswith(".pyc")
            and not _OUTSIDE.match(path)
            and not _DATA.match(path)
        ):
            counted.append(f"{path},{row.hash}")
    return counted
