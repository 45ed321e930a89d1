"""What has to be on the disk before the next create: files, and names in folders.

Uploads are flushed together, not one by one: side by side they share the disk's work,
and a large registration goes on while its first bytes are on their way. What failed
to be flushed is remembered: the system says so once, and a second try would succeed
without having written anything.
"""

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from typing import Final

from attrs import define

from modelver.backends._errors import FULL
from modelver.backends._publish import Held, flush, flush_folder
from modelver.errors import ErrorKind, StorageError

_THREADS: Final = 4
# Waking another thread costs about as much as flushing so fast.
_WORTH_A_THREAD: Final = 0.0001
# From so many on, flushing begins by itself.
_FILES: Final = 16
_BYTES: Final = 32 * 1024 * 1024
# No more than so many are kept waiting, nor their descriptors open.
MOST_FILES: Final = 64
MOST_BYTES: Final = 256 * 1024 * 1024


@define(eq=False)
class _Item:
    """Something to flush.

    Attributes:
        held: A file's descriptor; None for a folder.
        folder: A folder's path.
        key: Of an upload.
        size: Of an upload, in bytes.
        made: Where an upload lies, if it got its name here.
        error: Why it could not be flushed.
        withdrawn: Whether its name was taken away for that.
        done: Whether it was tried.
    """

    held: Held | None = None
    folder: str = ""
    key: str = ""
    size: int = 0
    made: str | None = None
    error: Exception | None = None
    withdrawn: bool = False
    done: bool = False

    def run(self) -> None:
        """Flush it, or note why not."""
        try:
            if self.held is None:
                flush_folder(self.folder)
            else:
                flush(self.held.number)
        except Exception as error:  # noqa: BLE001 - raised by whoever waits for it
            self.error = error
            self._withdraw()
        if self.key and self.held is not None:
            self.held.close()

    def _withdraw(self) -> None:
        """Take its name away, so that whoever comes next writes the bytes anew.

        Nobody counts on them yet: whoever did has flushed them before, and then there
        was nothing left here that could fail.
        """
        if self.made is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.made)  # noqa: PTH108 - text
                self.withdrawn = True


class _Helpers:
    """A few threads that flush, beside the one that waits for it.

    That one does whatever they leave, so they may be late or missing.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._started = 0
        self._lock = Lock()

    def ask(self, job: Callable[[], object], times: int) -> None:
        """Let up to *times* threads do *job*."""
        times = min(times, _THREADS)
        if self._started < times:
            self._start(times)
        for _ in range(times):
            self._jobs.put(job)

    def _start(self, wanted: int) -> None:
        with self._lock:
            while self._started < wanted:
                thread = Thread(target=self._serve, name="modelver-flush", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter ends, or there are too many
                    return
                self._started += 1

    def _serve(self) -> None:
        while True:
            self._jobs.get()()


# By process: threads stay behind when it forks.
_HELPERS: Final[dict[int, _Helpers]] = {}


def _ask(job: Callable[[], object], times: int) -> None:
    if times > 0:
        process = os.getpid()
        helpers = _HELPERS.get(process) or _HELPERS.setdefault(process, _Helpers())
        helpers.ask(job, times)


class Unflushed:
    """The files and folders of one registry that a power cut could still undo."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._process = os.getpid()
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._waiting: deque[_Item] = deque()
        self._under_way: set[_Item] = set()
        self._folders: set[str] = set()
        self._files = 0
        self._bytes = 0
        self._seconds = _WORTH_A_THREAD
        self._lost: dict[str, _Item] = {}

    def folders(self, folders: Iterable[str]) -> None:
        """Note that there are new names in *folders*."""
        with self._here():
            self._folders.update(folders)

    def file(self, key: str, held: Held, size: int, made: str | None) -> None:
        """Take over an upload that has got its name; wait where too many do.

        Args:
            key: What it is called.
            held: Its descriptor, which is closed once it was flushed.
            size: Bytes.
            made: Where it lies; None where somebody else made it.
        """
        item = _Item(held=held, key=key, size=size, made=made)
        with self._here():
            lost = self._lost.get(key)
            if lost is not None and lost.withdrawn:
                del self._lost[key]
            self._waiting.append(item)
            self._files += 1
            self._bytes += size
            begin = self._files >= _FILES or self._bytes >= _BYTES
        if begin:
            _ask(self._work, _THREADS // 2)
        self._until(lambda: self._files <= MOST_FILES and self._bytes <= MOST_BYTES)

    def flush(self, held: Held) -> None:
        """Flush *held*, and everything that was noted before, side by side.

        Raises:
            StorageError: An upload could not be flushed, now or before, and was not
                uploaded anew since.
            OSError: A folder or *held* could not be.
        """
        own = _Item(held=held)
        with self._here():
            self._waiting.extend(_Item(folder=folder) for folder in self._folders)
            self._folders.clear()
            self._waiting.append(own)
            awaited = [*self._under_way, *self._waiting]
            helpers = len(self._waiting) - 1
        if self._seconds >= _WORTH_A_THREAD:
            _ask(self._work, helpers)
        self._until(lambda: all(item.done for item in awaited))
        for lost in tuple(self._lost.values()):
            raise self._error(lost)
        for item in awaited:
            if item.error is not None and (item.folder or item is own):
                raise item.error

    def _here(self) -> Lock:
        """Return the lock; where a process was forked, take over what it holds."""
        if self._process != os.getpid():
            # Whatever other threads had under way, in the child nobody does it.
            self._process = os.getpid()
            self._lock = Lock()
            self._changed = Condition(self._lock)
            self._waiting.extend(self._under_way)
            self._under_way.clear()
        return self._lock

    def _until(self, enough: Callable[[], bool]) -> None:
        """Flush what waits, or wait for whoever does, until it is enough."""
        while True:
            with self._lock:
                if enough():
                    return
                if not self._waiting:
                    self._changed.wait()
            self._one()

    def _work(self) -> None:
        while self._one():
            pass

    def _one(self) -> bool:
        """Flush one; tell whether there was one."""
        with self._lock:
            if not self._waiting:
                return False
            item = self._waiting.popleft()
            self._under_way.add(item)
        started = time.perf_counter()
        try:
            item.run()
        except BaseException:  # interrupted: somebody else shall do it
            self._finish(item, again=True)
            raise
        self._seconds = time.perf_counter() - started
        self._finish(item, again=False)
        return True

    def _finish(self, item: _Item, *, again: bool) -> None:
        with self._lock:
            self._under_way.discard(item)
            if again:
                self._waiting.append(item)
            else:
                item.done = True
                if item.key:
                    self._files -= 1
                    self._bytes -= item.size
                if item.error is not None:
                    self._note(item)
            self._changed.notify_all()

    def _note(self, item: _Item) -> None:
        if item.key:
            self._lost[item.key] = item
        elif item.folder:
            self._folders.add(item.folder)

    def _error(self, lost: _Item) -> StorageError:
        code = getattr(lost.error, "errno", None)
        why = getattr(lost.error, "strerror", None) or str(lost.error)
        full = code in FULL
        error = StorageError(
            f"cannot flush {lost.key!r} in {self._url} to the disk: {why}",
            kind=ErrorKind.DISK_FULL if full else ErrorKind.NOT_FLUSHED,
            hint="Free some space and call again; nothing was registered."
            if full
            else "Nothing was committed. Check the disk, open the registry anew and "
            "register again.",
            key=lost.key,
            retryable=full,
        )
        error.__cause__ = lost.error
        return error
