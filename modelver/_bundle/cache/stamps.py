"""What a verified copy looked like, so that it need not be read again to be trusted.

A stamp is the file's size, times and inode, noted once any later change has to show in
it (:func:`modelver._bundle.memory.settled` says when). One thing remains: after a power
cut a file may have its size and times, and yet not its bytes. So a stamp holds in the
boot in which it was noted. A file that is verified again in a later one has come
through, and its stamp holds from then on.

Stamps are a cache. Where they are missing or wrong, files are read again.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from attrs import frozen

from modelver._bundle.cache.places import read_plain, write_whole
from modelver._bundle.memory import Stamp
from modelver._bundle.memory.stamps import this_boot

NAME: Final = ".stamps.json"

_LIMIT: Final = 64 * 2**20
_NUMBERS: Final = 4


@frozen
class Noted:
    """A stamp and the boot in which it was noted; None: it holds in every boot."""

    stamp: Stamp
    boot: str | None

    def proves(self, stamp: Stamp) -> bool:
        """Whether a file with this stamp is the one that was noted."""
        return self.stamp == stamp and self.boot in (None, this_boot())


class Notes:
    """What was noted of the files in a folder of the cache, by path."""

    def __init__(self, lines: Mapping[str, Any]) -> None:
        self.lines = lines

    @classmethod
    def read(cls, root: Path) -> Self:
        """Return the notes of a folder; none where there are none that make sense."""
        raw = read_plain(root / NAME, _LIMIT)
        try:
            found = json.loads(raw or b"{}")
        except (ValueError, RecursionError):
            found = {}
        return cls(found if isinstance(found, dict) else {})

    def of(self, path: str) -> Noted | None:
        """Return what was noted of a file."""
        line = self.lines.get(path)
        if not isinstance(line, list) or len(line) != _NUMBERS + 1:
            return None
        size, mtime, ctime, inode, boot = line
        if not all(type(n) is int for n in line[:-1]) or not isinstance(
            boot, str | None
        ):
            return None
        stamp = Stamp(size=size, mtime_ns=mtime, ctime_ns=ctime, inode=inode)
        return Noted(stamp, boot)


def note(root: Path, found: Mapping[str, Noted]) -> None:
    """Note stamps beside what was noted already.

    What another process notes at the same time may be lost: it is read again then.
    """
    lines = dict(Notes.read(root).lines)
    for path, noted in found.items():
        s = noted.stamp
        lines[path] = [s.size, s.mtime_ns, s.ctime_ns, s.inode, noted.boot]
    write_whole(root / NAME, json.dumps(lines).encode())


def mark_used(root: Path) -> None:
    """Note that a folder of the cache is used now.

    The time is the folder's own: a marker could be a link, and a file's own times are
    part of its stamp.
    """
    with suppress(OSError):  # a cache that can only be read
        os.utime(root)
