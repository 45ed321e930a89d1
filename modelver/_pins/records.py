"""What was restored where: so that a later pull knows its own files from a user's.

A record says what each file was when it was written. It lies in the repository's own
folder, where a clone brings none along, or in the user's state folder. Without it
nothing is lost: files are read to be known again, and none that is not as a pointer
says is taken for ours.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from modelver._bundle.cache.places import read_plain, write_whole
from modelver._bundle.disk import PIECE, hash_range, translate
from modelver._bundle.memory import Stamp
from modelver._bundle.memory.stamps import this_boot
from modelver._pins.git import Git
from modelver._pins.places import open_file
from modelver._registry.places import state_folder
from modelver._values.digests import is_digest, new_hasher

_LIMIT: Final = 64 * 2**20
_FOLDER: Final = "modelver"
_NUMBERS: Final = 4


@frozen
class Seen:
    """A file as it was when it was restored.

    Attributes:
        digest: Of its bytes.
        stamp: What the file system said of it.
        boot: When; None: the stamp holds in every boot (see the cache's own).
    """

    digest: str
    stamp: Stamp
    boot: str | None

    def holds(self, stamp: Stamp) -> bool:
        """Whether a file with this stamp need not be read again."""
        return stamp == self.stamp and self.boot in (None, this_boot())


@define
class Record:
    """What one pointer has restored.

    Attributes:
        pointer: The pointer's path from the home, for what no pointer names any more.
        target: Where its bytes went, from the home.
        same: What the pin was; None while files are being written.
        files: By place in the target.
        coming: The digests of what was about to be written, by place.
    """

    pointer: str
    target: str
    same: list[Any] | None = None
    files: dict[str, Seen] = field(factory=dict)
    coming: dict[str, str] = field(factory=dict)

    def ours(self, place: str) -> set[str]:
        """Return the digests of what was restored at a place, or nearly was."""
        found = {self.coming[place]} if place in self.coming else set()
        return found | ({self.files[place].digest} if place in self.files else set())

    def places(self) -> set[str]:
        """Return every place at which something may have been restored."""
        return {*self.files, *self.coming}


class Records:
    """The records of one home: a work tree, or a folder that is in none.

    Args:
        home: Its upper folder, without links.
        git: The work tree, if it is one.
    """

    def __init__(self, home: Path, git: Git | None) -> None:
        self.home = home
        if git is not None:
            self.folder = git.folder / _FOLDER / "restored"
        else:
            name = hashlib.sha256(os.fsencode(home)).hexdigest()[:32]
            self.folder = state_folder() / "restored" / name

    def of(self, pointer: Path, target: Path) -> Record:
        """Return what a pointer has restored; an empty record where that is unknown."""
        inside = self.inside(pointer)
        found = _read(self._file(inside))
        if found is not None and found.pointer == inside:
            return found
        return Record(pointer=inside, target=self.inside(target))

    def has(self, pointer: Path) -> bool:
        """Whether a pointer has restored something here once."""
        return self._file(self.inside(pointer)).is_file()

    def inside(self, path: Path) -> str:
        """Return a path as seen from the home, with slashes."""
        return path.relative_to(self.home).as_posix()

    def every(self) -> Iterator[Record]:
        """Yield every record that can be read."""
        with suppress(OSError):
            for name in sorted(os.listdir(self.folder)):  # noqa: PTH208 - names alone
                found = _read(self.folder / name)
                if found is not None and self._file(found.pointer).name == name:
                    yield found

    def keep(self, record: Record) -> None:
        """Write a record.

        Raises:
            StorageError: It cannot be written, so nothing may be restored.
        """
        file = self._file(record.pointer)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(file, _dump(record))
        except OSError as error:
            raise translate(error, file) from error

    def drop(self, record: Record) -> None:
        """Forget what a pointer has restored."""
        with suppress(OSError):
            self._file(record.pointer).unlink(missing_ok=True)

    def _file(self, inside: str) -> Path:
        return self.folder / f"{_name(inside)}.json"


def _name(inside: str) -> str:
    return hashlib.sha256(os.fsencode(inside)).hexdigest()[:32]


def _dump(record: Record) -> bytes:
    def line(seen: Seen) -> list[Any]:
        s = seen.stamp
        return [seen.digest, s.size, s.mtime_ns, s.ctime_ns, s.inode, seen.boot]

    # ASCII: the name of a folder need not be text.
    return json.dumps(
        {
            "pointer": record.pointer,
            "target": record.target,
            "same": record.same,
            "files": {place: line(seen) for place, seen in record.files.items()},
            "coming": record.coming,
        }
    ).encode()


def _read(path: Path) -> Record | None:
    raw = read_plain(path, _LIMIT)
    if not raw:
        return None
    try:
        said = json.loads(raw)
        return Record(
            pointer=_inner(said["pointer"]),
            target=_inner(said["target"]),
            same=said["same"],
            files={_inner(k): _seen(line) for k, line in said["files"].items()},
            coming={_inner(k): str(digest) for k, digest in said["coming"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _inner(text: Any) -> str:
    """Return a relative path that leads nowhere else."""
    if not isinstance(text, str) or text.startswith("/") or ".." in text.split("/"):
        raise ValueError(text)
    return text


def _seen(line: Any) -> Seen:
    digest, size, mtime, ctime, inode, boot = line
    numbers = (size, mtime, ctime, inode)
    if not is_digest(digest) or not all(type(n) is int for n in numbers):
        raise ValueError(line)
    stamp = Stamp(size=size, mtime_ns=mtime, ctime_ns=ctime, inode=inode)
    return Seen(digest, stamp, boot)


def look(path: Path, algorithm: str) -> Seen:
    """Read a file, and return what it is now.

    Raises:
        OSError: It is no regular file, or cannot be read.
    """
    descriptor = open_file(path)
    try:
        before = os.fstat(descriptor)
        hasher = new_hasher(algorithm)
        buffer = memoryview(bytearray(PIECE))
        hash_range(descriptor, 0, before.st_size, hasher, buffer)
    finally:
        os.close(descriptor)
    return Seen(f"{algorithm}:{hasher.hexdigest()}", Stamp.of(before), this_boot())


def refreshed(old: Seen | None, new: Seen) -> Seen:
    """Return what to note of a file that was read again.

    One that is still the same in a later boot has reached the disk.
    """
    if old is None or old.boot == new.boot:
        return new
    again = old.digest == new.digest and old.stamp == new.stamp
    return Seen(new.digest, new.stamp, None) if again else new


def digests(record: Record) -> Mapping[str, str]:
    """Return what a record says of its files: place to digest."""
    return {place: seen.digest for place, seen in record.files.items()}
