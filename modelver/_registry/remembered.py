"""Fingerprints of installed distributions, remembered from one process to the next."""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from modelver._bundle.cache.places import (
    is_own,
    make_folder,
    read_plain,
    write_whole,
)
from modelver._bundle.memory import Stamp, settled
from modelver._bundle.memory.stamps import this_boot

_NAME: Final = "fingerprints.json"
_LIMIT: Final = 16 * 2**20
_MOST: Final = 5000
_FIELDS: Final = 6
_HEX: Final = 64


class RememberedRecords:
    """What a RECORD's fingerprint was when the file had the very same stamp.

    To read 45,000 rows of 186 RECORDs takes as long as the rest of a registration. The
    file may be lost at any time. It begins with its own digest: a damaged one is not
    believed. After a power cut a file may have its times, and yet not its bytes, so a
    line holds in the boot in which it was written; of a file that is read again in a
    later one, and is the same, in every boot.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._lines: dict[str, Any] = {}
        self._stamps: dict[str, Stamp] = {}

    def recall(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the fingerprints that are remembered, by path; to be asked first."""
        self._lines = self._read()
        self._stamps = {}
        found = {}
        boots = (None, this_boot())
        for path in paths:
            try:
                info = os.stat(path)  # noqa: PTH116 - 5 times faster
            except (OSError, ValueError):
                continue
            line = self._line(path)
            if line[:4] == _numbers(info) and line[4] in boots:
                found[path] = line[5]
            # Only what is settled before it is read may be remembered after.
            elif _is_settled(path, Stamp.of(info)):
                self._stamps[path] = Stamp.of(info)
        return found

    def remember(self, found: Mapping[str, str]) -> None:
        """Remember fingerprints by path, of files that were asked for before."""
        new = {}
        for path, mark in found.items():
            stamp = self._stamps.get(path)
            if stamp is None:
                continue
            line = self._line(path)
            numbers = [stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode]
            came_through = [*line[:4], *line[5:]] == [*numbers, mark]
            new[path] = [*numbers, None if came_through else this_boot(), mark]
        if new:
            # Those that are new stand last; of too many the first ones go.
            kept = {p: line for p, line in self._lines.items() if p not in new} | new
            self._write(dict(list(kept.items())[-_MOST:]))

    def _line(self, path: str) -> list[Any]:
        """Return size, times, inode, boot and fingerprint; nothing if it is amiss."""
        line = self._lines.get(path)
        if not isinstance(line, list) or len(line) != _FIELDS:
            return []
        return line if isinstance(line[-1], str) else []

    def _read(self) -> dict[str, Any]:
        if not is_own(self._path.parent):
            return {}
        raw = read_plain(self._path, _LIMIT) or b""
        try:
            found = json.loads(raw[_HEX:])
        except (ValueError, RecursionError):
            return {}
        right = raw[:_HEX] == hashlib.sha256(raw[_HEX:]).hexdigest().encode()
        return found if right and isinstance(found, dict) else {}

    def _write(self, lines: Mapping[str, Any]) -> None:
        data = json.dumps(lines).encode()
        with suppress(OSError):  # a cache that is full, or can only be read
            make_folder(self._path.parent)
            if is_own(self._path.parent):
                digest = hashlib.sha256(data).hexdigest().encode()
                write_whole(self._path, digest + data)


def _numbers(info: os.stat_result) -> list[int]:
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino]


def _is_settled(path: str, stamp: Stamp) -> bool:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return False
    try:
        info = os.fstat(descriptor)
        same = stat.S_ISREG(info.st_mode) and Stamp.of(info) == stamp
        return same and settled(info, descriptor)
    finally:
        os.close(descriptor)
