"""A store that fails on purpose, at the k-th operation.

A test runs the same work with k = 1, 2, ... until k is never reached, and asks each
time what a fresh client sees: all of it or none of it::

    for k in itertools.count(1):
        backend = FaultyBackend(make(), Plan(Fault.CRASH_AFTER, at=k))
        try:
            work(backend)
        except Crash:
            pass
        look(backend.inner)
        if not backend.reached:
            break
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from threading import Lock
from typing import Final, Generic, NoReturn, TypeVar, cast

from attrs import field, frozen, validators

from modelver.errors import ErrorKind, ModelverError, StorageError
from modelver.plugin import Backend, KeyInfo, Upload
from modelver.testing.wrapper import Operation, WrappedUpload, WrapperBackend

T = TypeVar("T")
_Keys = list[KeyInfo]
_Requests = list[Callable[[], object]]


class Fault(StrEnum):
    """What happens at the chosen operation.

    The last group happens only where it has a meaning; elsewhere the operation is
    carried out as usual.
    """

    ERROR_BEFORE = "error-before"
    """Nothing is done; ``StorageError``."""
    ERROR_AFTER = "error-after"
    """It is done, and the answer is lost; ``StorageError``."""
    DISK_FULL = "disk-full"
    """A writing operation does nothing; ``StorageError`` of kind ``DISK_FULL``."""
    CRASH_BEFORE = "crash-before"
    """Nothing is done; :class:`Crash`, now and at every later operation."""
    CRASH_AFTER = "crash-after"
    """It is done; :class:`Crash`, now and at every later operation."""
    KILL_BEFORE = "kill-before"
    """Nothing is done; the process is killed as by ``kill -9``."""
    KILL_AFTER = "kill-after"
    """It is done; the process is killed as by ``kill -9``."""
    SLOW = "slow"
    """It is done, when everybody else has had the time to do something."""

    TIMEOUT = "timeout"
    """``StorageError``; a ``create`` takes effect after the operation that follows,
    as a request does that was still on its way. Others are not carried out."""
    PARTIAL = "partial"
    """``upload-write`` takes half of the bytes, ``list`` yields half of the keys;
    then ``StorageError``."""
    TORN = "torn"
    """``create`` shows half of the bytes, as no store may that is whole;
    then ``StorageError``."""
    DUPLICATE = "duplicate"
    """``create`` and ``delete`` are carried out twice, as by a transport that tries
    again by itself: the second answer is the one that is seen."""
    STALE_LIST = "stale-list"
    """``list`` shows nothing of what was written through this backend, and still
    shows what was deleted."""


_ONLY_FOR: Final = {
    Fault.DISK_FULL: {"create", "upload-begin", "upload-write", "upload-commit"},
    Fault.PARTIAL: {"upload-write", "list"},
    Fault.TORN: {"create"},
    Fault.DUPLICATE: {"create", "delete"},
    Fault.STALE_LIST: {"list"},
}
_SLOW: Final = 0.02  # seconds
_AFTER: Final = {Fault.ERROR_AFTER, Fault.CRASH_AFTER, Fault.KILL_AFTER}
_SPECIAL: Final = {Fault.PARTIAL, Fault.TORN, Fault.DUPLICATE, Fault.STALE_LIST}


class InjectedFaultError(StorageError):
    """The ``StorageError`` of a fault that was asked for."""


class Crash(BaseException):
    """The process is as good as dead; no ``except Exception`` may catch it."""


class ForbiddenWriteError(AssertionError):
    """Something was written that was to be read only."""


@frozen
class Plan:
    """Which fault, and when.

    Attributes:
        fault: What happens.
        at: At which operation, from 1.
        times: At how many operations from there on; None for all of them.
        retryable: What the ``StorageError`` says of itself.
    """

    fault: Fault
    at: int = field(default=1, kw_only=True, validator=validators.ge(1))
    times: int | None = field(default=1, kw_only=True)
    retryable: bool = field(default=True, kw_only=True)

    def hits(self, number: int) -> bool:
        """Tell whether operation *number* is to fail."""
        after = number - self.at
        return after >= 0 and (self.times is None or after < self.times)


@frozen
class _Halved(Generic[T]):
    """An act that can also be done by half."""

    whole: Callable[[], T]
    half: Callable[[], T]

    def __call__(self) -> T:
        return self.whole()


class FaultyBackend(WrapperBackend):
    """Counts every storage operation and fails as planned.

    Attributes:
        operations: Every operation asked for, as (name, key), in order.
        fired: How many faults have happened.
    """

    def __init__(
        self, inner: Backend, plan: Plan | None = None, *, forbid_writes: bool = False
    ) -> None:
        super().__init__(inner)
        self.plan = plan
        self.forbid_writes = forbid_writes
        self.operations: list[tuple[str, str]] = []
        self.fired = 0
        self._dead = False
        self._late: _Requests = []
        self._written: set[str] = set()
        self._deleted: dict[str, KeyInfo] = {}
        self._lock = Lock()

    @property
    def reached(self) -> bool:
        """Whether there were as many operations as the plan waits for."""
        return self.plan is not None and len(self.operations) >= self.plan.at

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Do it, unless the plan says otherwise."""
        fault, late = self._next(operation)
        try:
            if fault is None:
                return self._do(operation, act)
            return self._fail(fault, operation, act)
        finally:
            for request in late:
                self._deliver(request)

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`modelver.plugin.Backend.create`."""

        def act() -> None:
            self.inner.create(key, data)

        def torn() -> None:
            self.inner.create(key, data[: len(data) // 2])

        self.around(Operation("create", (key,)), _Halved(act, torn))

    def upload(self) -> WrappedUpload:
        """See :meth:`modelver.plugin.Backend.upload`."""
        begun: list[Upload] = []

        def begin() -> Upload:
            begun.append(self.inner.upload())
            return begun[-1]

        try:
            operation = Operation("upload-begin")
            return WrappedUpload(self, self.around(operation, begin))
        except BaseException:
            for upload in begun:  # nobody else knows of it
                upload.__exit__(None, None, None)
            raise

    def upload_write(
        self, upload: Upload, data: bytes | bytearray | memoryview
    ) -> None:
        """Append to an upload of the inner backend."""
        half = memoryview(data).cast("B")[: memoryview(data).nbytes // 2]
        act = _Halved(lambda: upload.write(data), lambda: upload.write(half))
        self.around(Operation("upload-write"), act)

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`."""
        halved = False

        def act() -> _Keys:
            return [*self.inner.list(prefix)]

        def half() -> _Keys:
            nonlocal halved
            halved = True
            found = act()
            return found[: len(found) // 2]

        operation = Operation("list", (prefix,))
        yield from self.around(operation, _Halved(act, half))
        if halved:
            raise self._error(Fault.PARTIAL, operation)

    def _next(self, operation: Operation) -> tuple[Fault | None, _Requests]:
        """Count *operation*; return what is to happen, and what arrives after it."""
        with self._lock:
            if self._dead:
                raise Crash
            self.operations.append((operation.name, operation.key))
            number = len(self.operations)
            late, self._late = self._late, []
            fault = None
            if self.plan is not None and self.plan.hits(number):
                wanted = self.plan.fault
                if operation.name in _ONLY_FOR.get(wanted, {operation.name}):
                    fault = wanted
                    self.fired += 1
        if operation.writes and self.forbid_writes:
            raise ForbiddenWriteError(f"{operation.name} of {operation.key!r}")
        return fault, late

    def _do(self, operation: Operation, act: Callable[[], T]) -> T:
        """Carry it out, and remember what a stale listing would not show."""
        stale = self.plan is not None and self.plan.fault is Fault.STALE_LIST
        if stale and operation.name == "delete":
            data = self.inner.read(operation.key)
            if data is not None:
                info = KeyInfo(key=operation.key, size=len(data))
                self._deleted[operation.key] = info
        done = act()
        if stale and operation.name in {"create", "upload-commit"}:
            self._written.add(operation.key)
        return done

    def _fail(self, fault: Fault, operation: Operation, act: Callable[[], T]) -> T:
        if fault in _SPECIAL:
            return self._do_otherwise(fault, operation, act)
        if fault is Fault.SLOW:
            time.sleep(_SLOW)
            return act()
        if fault in _AFTER:
            act()
        if fault in {Fault.CRASH_BEFORE, Fault.CRASH_AFTER}:
            self._die()
        if fault in {Fault.KILL_BEFORE, Fault.KILL_AFTER}:
            _kill()
        if fault is Fault.TIMEOUT and operation.name == "create":
            with self._lock:
                self._late.append(act)
        raise self._error(fault, operation)

    def _do_otherwise(
        self, fault: Fault, operation: Operation, act: Callable[[], T]
    ) -> T:
        """Carry out a fault after which the operation still has an answer."""
        if fault is Fault.DUPLICATE:
            act()
            return act()
        if fault is Fault.STALE_LIST:
            shown = [i for i in cast("_Keys", act()) if i.key not in self._written]
            gone = self._deleted.values()
            shown += [info for info in gone if info.key.startswith(operation.key)]
            return cast("T", shown)
        half = cast("_Halved[T]", act).half()
        if operation.name == "list":
            return half
        raise self._error(fault, operation)

    def _die(self) -> NoReturn:
        with self._lock:
            self._dead = True
        raise Crash

    def _deliver(self, request: Callable[[], object]) -> None:
        try:
            request()
        except ModelverError:
            return  # nobody waits for this answer any more

    def _error(self, fault: Fault, operation: Operation) -> InjectedFaultError:
        number = len(self.operations)
        return InjectedFaultError(
            f"operation {number}, {operation.name} of {operation.key!r}, met {fault}",
            kind=ErrorKind.DISK_FULL if fault is Fault.DISK_FULL else None,
            key=operation.key,
            retryable=self.plan is not None and self.plan.retryable,
        )


def _kill() -> NoReturn:
    """End this process as nothing can prevent or notice."""
    if os.name != "nt":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(137)
