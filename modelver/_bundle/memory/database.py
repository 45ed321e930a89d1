"""Transactions on a file that may be lost: where one fails, there is no answer."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock, get_ident
from typing import Final, TypeVar

from modelver._bundle.memory.tables import (
    BrokenError,
    MovedError,
    Opened,
    Tables,
    UnusableError,
    translated,
)

T = TypeVar("T")
Work = Callable[[Opened], T]

# Seconds to wait for other threads, and for each lock of another process: to open the
# file, to begin and to commit.
_TURN: Final = 1.0
_PATIENCE: Final = 0.3
# After a failure nobody tries again for so long.
_REST: Final = 5.0


class Database:
    """One file and one connection for all threads; safe beside other processes."""

    def __init__(self, path: Path) -> None:
        self._tables = Tables(path)
        self._opened: Opened | None = None
        self._rest_until = 0.0
        self._lock = Lock()
        self._forking: int | None = None  # the thread that holds the lock to fork
        self._process = os.getpid()
        _ALL.add(self)

    def read(self, work: Work[T], otherwise: T) -> T:
        """Return what *work* finds, or *otherwise*; no file is made for it.

        *work* runs in one transaction: it sees what was there at one moment.
        """
        return self._run(work, otherwise, making=False)

    def write(self, work: Work[object]) -> None:
        """Run *work* in one transaction, of which all lasts or nothing.

        It may be run twice, on two files.
        """
        self._run(work, None, making=True)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._process == os.getpid() and self._lock.acquire(timeout=_TURN):
            try:
                self._disconnect()
            finally:
                self._lock.release()

    def end(self) -> None:
        """Close the file for good."""
        self.close()
        _ALL.discard(self)

    def _run(self, work: Work[T], otherwise: T, *, making: bool) -> T:
        if self._process != os.getpid():
            self.start_over()  # a fork that Python was not told of
        lock = self._lock
        if time.monotonic() < self._rest_until or not lock.acquire(timeout=_TURN):
            return otherwise
        try:
            return self._attempt(work, otherwise, making=making)
        except BaseException:
            self._disconnect()
            raise
        finally:
            lock.release()

    def _attempt(self, work: Work[T], otherwise: T, *, making: bool) -> T:
        """Try twice, where it may help; then let it rest."""
        for _ in range(2):
            try:
                return self._once(work, otherwise, making=making)
            except BrokenError:
                there = self._tables.is_there()
                self._disconnect()
                if there:
                    self._tables.delete()
            except MovedError:
                self._disconnect()
            except UnusableError:
                self._disconnect()
                break
        self._rest_until = time.monotonic() + _REST
        return otherwise

    def _once(self, work: Work[T], otherwise: T, *, making: bool) -> T:
        """Run one transaction.

        Raises:
            UnusableError: It came to nothing.
        """
        try:
            import sqlite3  # noqa: PLC0415 - see Tables.open
        except ImportError as error:  # a Python that was built without it
            raise UnusableError from error
        try:
            if self._opened is None:
                self._opened = self._tables.open(_PATIENCE, making=making)
                if self._opened is None:
                    return otherwise
                self._opened.prepare()
            connection = self._opened.connection
            connection.execute("BEGIN IMMEDIATE" if making else "BEGIN")
            answer = work(self._opened)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise translated(error) from error
        except UnicodeDecodeError as error:  # it tells of a broken name, and quotes it
            raise BrokenError from error
        except (OSError, ValueError) as error:
            raise UnusableError from error
        else:
            return answer

    def _disconnect(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            with contextlib.suppress(Exception):  # what has failed may fail again
                opened.connection.close()

    def hold(self) -> None:
        """Let no transaction be open while this thread forks, and no file.

        SQLite keeps in memory which locks it has: a child that inherited that would
        believe that it holds what its parent does.
        """
        # Longer than any call; should it not be enough, the child sees to it.
        if self._lock.acquire(timeout=3 * _TURN):
            self._forking = get_ident()
            self._disconnect()

    def let_go(self) -> None:
        """End :meth:`hold`, in the process that forked."""
        if self._forking == get_ident():
            self._forking = None
            self._lock.release()

    def start_over(self) -> None:
        """Use nothing that the parent had, in a process that was forked."""
        if self._opened is not None:
            _LEFT.append(self._opened)
            self._opened = None
        self._process = os.getpid()
        self._forking = None
        self._lock = Lock()


# All that have not ended. Strong: to copy a weak set runs code, which may be disturbed.
_ALL: Final[set[Database]] = set()
# To close a parent's connection may roll back what the parent is about to commit.
_LEFT: Final[list[Opened]] = []


def _each(what: Callable[[Database], None]) -> Callable[[], None]:
    def act() -> None:
        for database in list(_ALL):
            what(database)

    return act


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each(Database.hold),
        after_in_parent=_each(Database.let_go),
        after_in_child=_each(Database.start_over),
    )
