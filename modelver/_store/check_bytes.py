"""Verification of bytes: each object is read once, however many versions share it.

What all versions need is gathered first, each thing once. Then every object is read,
and held against its own digest and that of every slice that somebody cuts from it.
Files of several slices are read along with the objects, side by side, so that their
own digests are checked too; what two of them begin with alike is hashed once.
"""

import errno
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

from attrs import Factory, define, frozen

from modelver._store.check_steps import Cut, Step, Whole, steps
from modelver._store.layout import object_key
from modelver._values.digests import Hasher, hex_of, new_hasher
from modelver._values.manifest import FileEntry, Slice, slice_digests
from modelver.errors import AccessDeniedError, ErrorKind, StorageError
from modelver.plugin import Backend, LocalFiles

Stretch = tuple[int, int, str]
"""Offset in an object, length, and the hex digest that the bytes there should have."""

_PIECE: Final = 1024 * 1024
# What is written now is no larger; older registries hold whole files of any size.
_LARGEST: Final = 16 * _PIECE
_THREADS: Final = 2
# Each of them may hold an object: all together are what the memory of it takes.
_AHEAD: Final = 2
_HELD: Final = 2
_OF_ONE_FILE: Final = {errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENODEV, errno.ENXIO}


def is_damage(error: StorageError, backend: Backend) -> bool:
    """Whether a read failed for what lies under the key, and not for the store.

    On a disk: a folder, a FIFO, a socket, a sector that cannot be read. A store that
    is out of reach cannot tell, and nothing follows from it.
    """
    if not isinstance(backend, LocalFiles) or isinstance(error, AccessDeniedError):
        return False
    why = error.__cause__
    return why is None or (isinstance(why, OSError) and why.errno in _OF_ONE_FILE)


@frozen
class Bad:
    """An object that is not as it should be.

    Attributes:
        kind: ``object-missing`` or ``object-damaged``.
        message: One sentence.
        stretches: The stretches of it that are wrong; None: all of it is.
    """

    kind: ErrorKind
    message: str
    stretches: frozenset[Stretch] | None = None

    def hurts(self, stretch: Stretch) -> bool:
        """Whether the bytes of *stretch* are not to be had."""
        return self.stretches is None or stretch in self.stretches


@define
class Wanted:
    """What versions need of the objects, and how much: each thing once.

    Attributes:
        ends: How far an object has to reach.
        stretches: What has to lie in an object.
        files: By what they have in common, the files of several slices.
    """

    ends: dict[str, int] = Factory(dict)
    stretches: dict[str, set[Stretch]] = Factory(dict)
    files: dict[tuple[str, str], dict[Whole, None]] = Factory(dict)

    def add(self, model: str, file: FileEntry, cut: Sequence[Slice]) -> None:
        """Take in a file of a version of *model*."""
        for name, stretch in stretches_of(file, cut):
            self.ends[name] = max(self.ends.get(name, 0), stretch[0] + stretch[1])
            self.stretches.setdefault(name, set()).add(stretch)
        if len(cut) > 1:
            # Versions of one file share most of its bytes, at much the same places.
            self.files.setdefault((model, file.path), {})[whole_of(file, cut)] = None


@define
class Found:
    """What was found, by object and by file.

    Attributes:
        bad: Objects that are not as they should be.
        lies: Stretches of sound objects that have another digest than was said.
        wrong: Files whose slices, each as it should be, do not make the file.
        objects: Objects that were looked at.
        size: Bytes of them.
    """

    bad: dict[str, Bad] = Factory(dict)
    lies: dict[str, frozenset[Stretch]] = Factory(dict)
    wrong: set[Whole] = Factory(set)
    objects: int = 0
    size: int = 0

    def __bool__(self) -> bool:
        return bool(self.bad or self.lies or self.wrong)

    def hurt_by(self, file: FileEntry, cut: Sequence[Slice]) -> set[str]:
        """Return the objects whose damage *file* is hurt by."""
        return {
            name
            for name, stretch in stretches_of(file, cut)
            if name in self.bad and self.bad[name].hurts(stretch)
        }

    def is_wrong(self, file: FileEntry, cut: Sequence[Slice]) -> bool:
        """Whether sound objects do not make *file* what was registered."""
        return (len(cut) > 1 and whole_of(file, cut) in self.wrong) or any(
            stretch in self.lies.get(name, ())
            for name, stretch in stretches_of(file, cut)
        )


def stretches_of(
    file: FileEntry, cut: Sequence[Slice]
) -> Iterator[tuple[str, Stretch]]:
    """Yield what has to lie where, slice by slice."""
    for piece, digest in zip(cut, slice_digests(file, cut), strict=True):
        yield piece.object, (piece.offset, piece.length, hex_of(digest))


def whole_of(file: FileEntry, cut: Sequence[Slice]) -> Whole:
    """Return a file as what it is checked by."""
    pieces = tuple(Cut(piece.object, piece.offset, piece.length) for piece in cut)
    return Whole(hex_of(file.digest), pieces)


@frozen
class _Seen:
    """An object that was read.

    Attributes:
        size: Bytes.
        bad: What is wrong with it.
        lies: What is wrong with those who say what lies in it.
        data: All of it, where it is small.
    """

    size: int = 0
    bad: Bad | None = None
    lies: frozenset[Stretch] = frozenset()
    data: bytes | None = None


_Begin = Callable[[Callable[[], _Seen]], Callable[[], _Seen]]
"""Begins to read an object, and returns what waits for it."""


def _missing(name: str) -> Bad:
    return Bad(ErrorKind.OBJECT_MISSING, f"the object {name} is missing")


def _measured(
    name: str, size: int | None, stretches: Collection[Stretch], end: int
) -> _Seen:
    if size is None:
        return _Seen(bad=_missing(name))
    if size >= end:
        return _Seen(size)
    message = f"the object {name} is cut short"
    lost = frozenset(s for s in stretches if s[0] + s[1] > size)
    return _Seen(bad=Bad(ErrorKind.OBJECT_DAMAGED, message, lost))


class BytesChecker:
    """Looks after what versions need."""

    def __init__(self, backend: Backend, algorithm: str, progress: Any) -> None:
        self._backend = backend
        self._algorithm = algorithm
        self._progress = progress
        self._looked_at: set[str] = set()
        self._held: OrderedDict[str, Callable[[], _Seen]] = OrderedDict()
        self._found = Found()

    def measure(self, wanted: Wanted, sizes: Mapping[str, int] | None) -> Found:
        """Look whether objects are there and long enough; read none.

        Args:
            wanted: What versions need.
            sizes: Of all objects, as listed; None: ask for one after the other. One
                that is missing there is asked for, too: a listing may be late.

        Raises:
            StorageError: The store cannot tell.
        """
        self._set_size(wanted)
        for name, end in sorted(wanted.ends.items()):
            try:
                size = None if sizes is None else sizes.get(name)
                if size is None:
                    size = self._reach(name, end)
            except StorageError as error:
                seen = self._unreadable(error)
            else:
                seen = _measured(name, size, wanted.stretches[name], end)
            self._note(wanted, name, seen)
        return self._found

    def _reach(self, name: str, end: int) -> int | None:
        found = self._backend.read(object_key(name), end - 1, end + 1)
        return None if found is None else end - 1 + len(found)

    def read(self, wanted: Wanted) -> Found:
        """Read all that is *wanted*, and hold it against every digest of it.

        Raises:
            StorageError: The store cannot tell.
        """
        self._set_size(wanted)
        if sum(wanted.ends.values()) <= _LARGEST:  # threads would cost more than it all
            self._read_all(wanted, cache)
            return self._found
        from concurrent.futures import (  # noqa: PLC0415 - slow to import
            ThreadPoolExecutor,
        )

        with ThreadPoolExecutor(_THREADS, "modelver-verify") as pool:
            try:
                self._read_all(wanted, lambda read: pool.submit(read).result)
            finally:
                pool.shutdown(cancel_futures=True)
        return self._found

    def _read_all(self, wanted: Wanted, begin: _Begin) -> None:
        for files in wanted.files.values():
            self._in_turn(
                self._check_step(begin, wanted, step) for step in steps(files)
            )
            self._held.clear()
        rest = sorted(wanted.ends.keys() - self._looked_at)
        self._in_turn(self._check_object(begin, wanted, name) for name in rest)

    def _set_size(self, wanted: Wanted) -> None:
        if self._progress is not None:
            self._progress.set_size(sum(wanted.ends.values()))

    def _in_turn(self, begun: Iterable[Callable[[], object]]) -> None:
        """Begin one thing after the other, and take in each when a few later ones are.

        What is taken in is in this thread, one after the other.
        """
        waiting: deque[Callable[[], object]] = deque()
        for take_in in begun:
            waiting.append(take_in)
            if len(waiting) > _AHEAD:
                waiting.popleft()()
        while waiting:
            waiting.popleft()()

    def _check_step(
        self, begin: _Begin, wanted: Wanted, step: Step
    ) -> Callable[[], None]:
        """Begin to read what *step* needs; return what takes it in."""
        name = step.cut.object
        first = name not in self._looked_at
        seen = self._look(begin, wanted, name) if first else self._held.get(name)
        if seen is None:
            return partial(self._hash, step, None)
        self._held[name] = seen
        self._held.move_to_end(name)
        if len(self._held) > _HELD:
            self._held.popitem(last=False)

        def take_in() -> None:
            if first:
                self._note(wanted, name, seen())
            self._hash(step, seen().data)

        return take_in

    def _check_object(
        self, begin: _Begin, wanted: Wanted, name: str
    ) -> Callable[[], None]:
        """Begin to read an object; return what takes it in."""
        seen = self._look(begin, wanted, name)
        return lambda: self._note(wanted, name, seen())

    def _hash(self, step: Step, data: bytes | None) -> None:
        """Hash the bytes of *step*; *data* is its whole object, where that is held."""
        hasher = step.take(partial(new_hasher, self._algorithm))
        name, offset, length = step.cut.object, step.cut.offset, step.cut.length
        if hasher is None:
            return
        if name in self._found.bad or name in self._found.lies:
            step.give_up()  # named already; and a slice may claim petabytes
        elif data is not None:
            hasher.update(memoryview(data)[offset : offset + length])
        else:
            self._stream(hasher, object_key(name), offset, offset + length)
        self._found.wrong.update(step.wrong())

    def _look(self, begin: _Begin, wanted: Wanted, name: str) -> Callable[[], _Seen]:
        """Have an object read and checked, once and for all."""
        self._looked_at.add(name)
        return begin(partial(self._read, name, wanted.stretches[name]))

    def _note(self, wanted: Wanted, name: str, seen: _Seen) -> None:
        self._found.objects += 1
        self._found.size += seen.size
        if seen.bad is not None:
            self._found.bad[name] = seen.bad
        elif seen.lies:
            self._found.lies[name] = seen.lies
        if self._progress is not None:
            self._progress.relative_update(wanted.ends[name])

    def _read(self, name: str, stretches: Collection[Stretch]) -> _Seen:
        """Read an object, and check it and all that is to lie in it."""
        key = object_key(name)
        try:
            data = self._backend.read(key, 0, _LARGEST + 1)
            if data is None:
                return _Seen(bad=_missing(name))
            return self._check(name, stretches, data)
        except StorageError as error:
            return self._unreadable(error)

    def _unreadable(self, error: StorageError) -> _Seen:
        if not is_damage(error, self._backend):
            raise error
        return _Seen(bad=Bad(ErrorKind.OBJECT_DAMAGED, error.message))

    def _check(self, name: str, stretches: Collection[Stretch], data: bytes) -> _Seen:
        """Check an object, of which *data* is all, or what comes before the rest."""
        key, hasher, size = object_key(name), new_hasher(self._algorithm), len(data)
        hasher.update(data)
        held = data if size <= _LARGEST else None
        if held is None:
            size += self._stream(hasher, key, size, None)
        own = hasher.hexdigest()

        def is_wrong(stretch: Stretch) -> bool:
            offset, length, digest = stretch
            if offset + length > size or length == size:
                return offset + length > size or digest != own
            part = new_hasher(self._algorithm)
            if held is not None:
                part.update(memoryview(held)[offset : offset + length])
            else:
                self._stream(part, key, offset, offset + length)
            return part.hexdigest() != digest

        wrong = frozenset(filter(is_wrong, stretches))
        if own == name[:64]:
            return _Seen(size, lies=wrong, data=held)
        message = f"the object {name} holds other bytes than its name says"
        return _Seen(size, Bad(ErrorKind.OBJECT_DAMAGED, message, wrong), data=held)

    def _stream(self, hasher: Hasher, key: str, start: int, end: int | None) -> int:
        """Hash bytes of an object that is too large to be held; return how many."""
        at = start
        while end is None or at < end:
            stop = at + _PIECE if end is None else min(at + _PIECE, end)
            piece = self._backend.read(key, at, stop) or b""
            hasher.update(piece)
            at += len(piece)
            if at < stop:
                break
        return at - start
