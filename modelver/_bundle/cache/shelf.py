"""The folder of one manifest's files, for the time of one call."""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from modelver._bundle.cache.places import clear_way, is_folder, is_own, open_plain
from modelver._bundle.cache.stamps import Noted, Notes, note
from modelver._bundle.memory import Stamp, settled
from modelver._bundle.memory.stamps import this_boot
from modelver._values.digests import new_hasher
from modelver._values.manifest import FileEntry

_PIECE: Final = 256 * 1024
# Where a stamp settles at all while one waits, it does within 20 ms.
_WAIT: Final = 0.002
_WAITS: Final = 15


class Shelf:
    """Tells which files are there and right, and takes in new ones.

    A file whose stamp was noted is believed; any other one is read.
    """

    def __init__(self, root: Path, algorithm: str) -> None:
        self.root = root
        self._above = str(root)
        self._algorithm = algorithm
        self._notes = Notes.read(root) if self.is_own() else Notes({})
        self._verified: dict[str, Stamp] = {}
        self._wrong: dict[str, Stamp] = {}
        self._taken: dict[str, Stamp] = {}
        self._new: dict[str, Noted] = {}
        self._folders: set[str] = set()
        self._waits = _WAITS

    def look_again(self) -> None:
        """Take no folder for granted that was there before."""
        self._folders.clear()

    def believes(self, path: str) -> bool:
        """Whether a file is as it was noted, without reading it."""
        stamp, noted = self._look(path), self._notes.of(path)
        return stamp is not None and noted is not None and noted.proves(stamp)

    def holds(self, file: FileEntry) -> bool:
        """Whether the very bytes of *file* are there, in a file of their own."""
        stamp = self._look(file.path)
        if stamp is None or stamp.size != file.size:
            return False
        if stamp == self._wrong.get(file.path):
            return False
        noted = self._notes.of(file.path)
        believed = noted is not None and noted.proves(stamp)
        verified = stamp == self._verified.get(file.path)
        return believed or verified or self._verify(self.root / file.path, file, noted)

    def _look(self, path: str) -> Stamp | None:
        """Return the stamp of a regular file that no link leads to."""
        # Text: a version may have thousands of files, and Paths are slow to make.
        place = f"{self._above}{os.sep}{path.replace('/', os.sep)}"
        try:
            info = os.lstat(place)
        except OSError:
            return None
        if not stat.S_ISREG(info.st_mode):
            return None
        if not self._is_folder_of_ours(place.rpartition(os.sep)[0]):
            return None
        return Stamp.of(info)

    def take(self, file: FileEntry, partial: Path) -> None:
        """Move a file to its place that was written and verified just now."""
        target, verified = self.root / file.path, Stamp.of(partial.lstat())
        partial.chmod(0o500 if file.executable else 0o400)
        clear_way(self.root, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)
        stamp = Stamp.of(target.lstat())
        # To give it its name has changed its ctime, and nothing else may have.
        if _but_ctime(stamp) == _but_ctime(verified):
            self._verified[file.path] = self._taken[file.path] = stamp

    def save(self) -> None:
        """Note the stamps of what was verified or taken in; losing them is no error."""
        with suppress(OSError):
            if self.is_own():
                self._note_taken()
            if self._new:
                note(self.root, self._new)
        self._taken, self._new = {}, {}

    def is_own(self) -> bool:
        """Whether nobody else can have written down what was never verified."""
        return is_own(self.root.parent)

    def _note_taken(self) -> None:
        for path, stamp in self._taken.items():
            descriptor = open_plain(self.root / path)
            if descriptor is not None:
                with os.fdopen(descriptor, "rb"):
                    sure = self._settles(descriptor)
                    if sure and Stamp.of(os.fstat(descriptor)) == stamp:
                        self._note(path, stamp, descriptor)

    def _settles(self, descriptor: int) -> bool:
        """Wait until any later change of an open file must show; tell if it must."""
        while not settled(os.fstat(descriptor), descriptor):
            if not self._waits:
                return False
            self._waits -= 1
            time.sleep(_WAIT)
        return True

    def _note(self, path: str, stamp: Stamp, descriptor: int) -> None:
        if this_boot() is None:
            os.fsync(descriptor)
        self._new[path] = Noted(stamp, this_boot())

    def _is_folder_of_ours(self, folder: str) -> bool:
        """Whether *folder*, and each from the root to it, is one; links are none."""
        if folder in self._folders:
            return True
        at_root = folder == self._above
        found = (at_root or self._is_folder_of_ours(folder.rpartition(os.sep)[0])) and (
            is_folder(folder)
        )
        if found:
            self._folders.add(folder)
        return found

    def _verify(self, path: Path, file: FileEntry, noted: Noted | None) -> bool:
        descriptor = open_plain(path)
        if descriptor is None:
            return False
        with os.fdopen(descriptor, "rb", buffering=0) as opened:
            sure = self.is_own() and self._settles(descriptor)
            before = Stamp.of(os.fstat(descriptor))
            hasher = new_hasher(self._algorithm)
            while piece := opened.read(_PIECE):
                hasher.update(piece)
            if f"{self._algorithm}:{hasher.hexdigest()}" != file.digest:
                self._wrong[file.path] = before
                return False
            if Stamp.of(os.fstat(descriptor)) != before:
                return False  # somebody has written to it meanwhile
            self._verified[file.path] = before
            if sure and noted is not None and noted.stamp == before:
                # Noted in another boot, and still what it was: it is on the disk.
                self._new[file.path] = Noted(before, None)
            elif sure:
                with suppress(OSError):
                    self._note(file.path, before, descriptor)
        return True


def _but_ctime(stamp: Stamp) -> tuple[int, int, int]:
    return stamp.size, stamp.mtime_ns, stamp.inode
