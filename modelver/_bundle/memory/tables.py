"""The SQLite file of a memory: opened where it can be believed, made where it is not.

It may lie in a home folder that machines share over NFS, so it has a rollback journal:
WAL needs memory in common. It is never flushed; what a power cut left behind is looked
through once in each boot, and begun anew where it is broken.
"""

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define

from modelver._bundle.memory.stamps import this_boot

if TYPE_CHECKING:
    from sqlite3 import Connection, Error

_APPLICATION: Final = 0x4D444C56  # "MDLV"
_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE boots (id INTEGER PRIMARY KEY, boot TEXT UNIQUE);
CREATE TABLE files (
    key INTEGER PRIMARY KEY, digest BLOB, proof BLOB, boot INTEGER, used INTEGER
);
CREATE TABLE manifests (id INTEGER PRIMARY KEY, digest BLOB UNIQUE);
CREATE TABLE holders (
    key INTEGER PRIMARY KEY, newest INTEGER, second INTEGER, third INTEGER
);
"""
_SETTINGS: Final = (
    "PRAGMA mmap_size = 0",  # a file cut short is an error then, and no SIGBUS
    "PRAGMA trusted_schema = OFF",  # what a database says of itself is not run
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8000",
    "PRAGMA synchronous = OFF",
    # To delete the journal is dearer than to empty it, over NFS above all.
    "PRAGMA journal_mode = TRUNCATE",
)
# Result codes of SQLite; the sqlite3 module names them, and is imported late.
_PRIMARY: Final = 0xFF
_CORRUPT: Final = {
    1,  # ERROR: a table is missing, or is another one
    11,  # CORRUPT
    26,  # NOTADB
}
_MOVED: Final = 1032  # READONLY_DBMOVED: deleted, or another file is there now
_INTACT: Final = ("ok",)
_ANYTHING: Final = "SELECT 1 FROM sqlite_master"


class UnusableError(Exception):
    """The file cannot be used now: it is locked, or another's, or out of reach."""


class BrokenError(UnusableError):
    """The file is to be begun anew."""


class MovedError(UnusableError):
    """Another file is there now."""


@define(eq=False)
class Opened:
    """A file that is open.

    Attributes:
        connection: To it.
        boot: The id of this boot in its table *boots*.
    """

    connection: "Connection"
    boot: int = 0

    def prepare(self) -> None:
        """Make the tables of a new file; look through an old one after a boot.

        Raises:
            UnusableError: It is not ours, or is broken.
            sqlite3.Error: As well.
        """
        ask = self.connection.execute
        for setting in _SETTINGS:
            ask(setting)
        name = this_boot() or ""
        if self._knows(name):
            return
        ask("BEGIN IMMEDIATE")
        if not self._knows(name):  # no other process was faster
            if self._is_empty():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    ask(statement)
                ask(f"PRAGMA application_id = {_APPLICATION}")
                ask(f"PRAGMA user_version = {_VERSION}")
            elif ask("PRAGMA quick_check(1)").fetchone() != _INTACT:
                raise BrokenError
            ask("INSERT INTO boots (boot) VALUES (?)", (name,))
            self._knows(name)
        ask("COMMIT")

    def _knows(self, name: str) -> bool:
        """Whether the file is ours, and was looked through in this boot."""
        ask = self.connection.execute
        (application,) = ask("PRAGMA application_id").fetchone()
        (version,) = ask("PRAGMA user_version").fetchone()
        if application == 0 and self._is_empty():
            return False
        if application != _APPLICATION or version > _VERSION:
            raise UnusableError  # another program's, or a later release's
        if version < _VERSION:
            raise BrokenError
        found = ask("SELECT id FROM boots WHERE boot = ?", (name,)).fetchone()
        if found is not None:
            self.boot = found[0]
        return found is not None

    def _is_empty(self) -> bool:
        return self.connection.execute(_ANYTHING).fetchone() is None


class Tables:
    """The file at one path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, int] | None = None  # device and inode

    def open(self, patience: float, *, making: bool) -> Opened | None:
        """Open the file; return None where there is none, and none is made.

        Args:
            patience: Seconds to wait for others at each of its locks.
            making: Whether to make one where there is none.

        Raises:
            UnusableError: It is somebody else's.
            OSError: It is out of reach.
            sqlite3.Error: As well.
        """
        import sqlite3  # noqa: PLC0415 - 3 ms that not every command needs to pay

        found = self._found(making=making)
        if found is None:
            return None
        self._opened = (found.st_dev, found.st_ino)
        # In any mode but rw a file that is gone now would be made, for all to read.
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=patience,
            isolation_level=None,
            check_same_thread=False,
        )
        return Opened(connection)

    def _found(self, *, making: bool) -> os.stat_result | None:
        """Look at the file, after making it if need be."""
        if making and not os.path.lexists(self._path):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.close(os.open(self._path, flags, 0o600))
        try:
            found = self._path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(found.st_mode) or not _is_private(found):
            raise UnusableError
        return found

    def is_there(self) -> bool:
        """Whether the file that was opened still has its name.

        To be asked while it is open: later another file may have its inode.
        """
        try:
            found = self._path.lstat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._opened

    def delete(self) -> None:
        """Delete the file, if that is allowed.

        Its journal goes first: SQLite would play it back into the next file. A process
        that still writes to the old file may harm the next one in the same way; it is
        broken then, or holds rows of the old one, which prove themselves.
        """
        with contextlib.suppress(OSError):
            for tail in ("-journal", "-wal", "-shm", ""):
                self._path.with_name(self._path.name + tail).unlink(missing_ok=True)


def translated(error: "Error") -> UnusableError:
    """Return what an error of SQLite's means here."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & _PRIMARY in _CORRUPT:
        return BrokenError()
    return MovedError() if code == _MOVED else UnusableError()


def _is_private(found: os.stat_result) -> bool:
    """Whether nobody else can have written the file: its rows are believed."""
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022
