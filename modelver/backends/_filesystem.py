"""The private fsspec filesystem of one backend, and how calls of it are run.

Never a shared instance: fsspec hands the same one to every library of the process,
and with it a cache of listings that makes keys which exist look missing. An instance
does not survive a fork either, so how to open it is kept, and it is opened again where
the process is another one.

The face of it is synchronous. Asynchronous filesystems run on fsspec's own loop, which
is a thread of its own: calls work from scripts, threads and inside a running loop.
"""

import asyncio
import ctypes
import importlib
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Final
from weakref import WeakSet

from modelver.errors import ErrorKind, PluginError

AT_ONCE: Final = 64

_OPENED: Final[WeakSet[Any]] = WeakSet()


def _keep_for_good() -> None:
    """Let nothing finalise, in a forked process, what its parent has opened.

    Not at exit either: a loop's selector is shared with the parent, so that whoever
    closes a connection here makes the parent deaf to it.
    """
    for filesystem in list(_OPENED):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(filesystem))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_for_good)


class Filesystem:
    """One filesystem, opened at first use, again after a fork and where asked."""

    def __init__(
        self,
        make: Callable[..., Any],
        options: Mapping[str, Any] | None = None,
        *,
        at_once: int = AT_ONCE,
    ) -> None:
        """Remember how to open it; nothing is opened yet.

        Args:
            make: The filesystem's class, as ``fsspec.get_filesystem_class`` gives it.
            options: What it is called with, unchanged.
            at_once: How many calls ``gather`` has under way at most.
        """
        self._make = make
        self._options = dict(options or {})
        self._at_once = at_once
        self._opened: tuple[int, Any] | None = None
        # One lock a process: a fork may copy one that another thread holds.
        self._locks: dict[int, Lock] = {}
        # The instances of a process before the fork. Nothing may finalise them here:
        # they would close connections that are still in use there.
        self._inherited: list[Any] = []

    @property
    def instance(self) -> Any:
        """The filesystem of this process."""
        opened = self._opened
        if opened is not None and opened[0] == os.getpid():
            return opened[1]
        return self._open()

    def renew(self, dead: Any) -> None:
        """Open a new one at the next call, unless *dead* has been replaced already."""
        pid = os.getpid()
        with self._locks.setdefault(pid, Lock()):
            if self._opened is not None and self._opened[1] is dead:
                self._opened = None

    def run(self, ask: Callable[..., Any], *args: Any) -> Any:
        """Return what ``ask(filesystem, *args)`` returns, or raise what it raises.

        Args:
            ask: May be a coroutine function where the filesystem is asynchronous: it
                then runs on fsspec's loop, and must use the filesystem's coroutines
                (``_cat_file``, not ``cat_file``).
            args: For *ask*.
        """
        filesystem = self.instance
        if not getattr(filesystem, "async_impl", False):
            return ask(filesystem, *args)

        async def act() -> Any:
            return await _awaited(ask(filesystem, *args))

        return _on_the_loop(filesystem, act)

    def gather(self, ask: Callable[[Any, Any], Any], items: Sequence[Any]) -> list[Any]:
        """Return what ``ask(filesystem, item)`` gives for each item, in their order.

        All at once where the filesystem is asynchronous (``at_once`` at a time), else
        one after the other. An exception stands in the place of its item's answer.

        Args:
            ask: As for ``run``.
            items: What to ask for.
        """
        filesystem = self.instance
        if not getattr(filesystem, "async_impl", False):
            return [_tried(ask, filesystem, item) for item in items]

        async def act() -> list[Any]:
            gate = asyncio.Semaphore(self._at_once)

            async def one(item: Any) -> Any:
                async with gate:
                    return await _awaited(ask(filesystem, item))

            return await asyncio.gather(*map(one, items), return_exceptions=True)

        answers: list[Any] = _on_the_loop(filesystem, act)
        for answer in answers:
            if isinstance(answer, asyncio.CancelledError):
                raise _cut_off() from answer
            if isinstance(answer, BaseException) and not isinstance(answer, Exception):
                raise answer  # nobody's answer: an interrupt, say
        return answers

    def _open(self) -> Any:
        pid = os.getpid()
        with self._locks.setdefault(pid, Lock()):
            if self._opened is not None:
                owner, filesystem = self._opened
                if owner == pid:  # another thread was faster
                    return filesystem
                self._inherited.append(filesystem)
            filesystem = self._make(**self._options, skip_instance_cache=True)
            listings = getattr(filesystem, "dircache", None)
            if listings is not None:
                listings.use_listings_cache = False
            self._opened = pid, filesystem
            with suppress(TypeError):  # not everything can be held weakly
                _OPENED.add(filesystem)
            return filesystem


async def _awaited(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


def _tried(ask: Callable[[Any, Any], Any], filesystem: Any, item: Any) -> Any:
    try:
        return ask(filesystem, item)
    except Exception as error:  # noqa: BLE001 - the caller translates it
        return error


def _on_the_loop(filesystem: Any, act: Callable[[], Any]) -> Any:
    from fsspec.asyn import sync  # noqa: PLC0415 - 60 ms at import

    async def boxed() -> tuple[Any]:
        return (await act(),)

    box = sync(filesystem.loop, boxed)
    if box is None:
        # So fsspec returns where the call was cancelled; it must not look like
        # an answer of None.
        raise _cut_off()
    return box[0]


def _cut_off() -> InterruptedError:
    return InterruptedError("the call was cancelled before the store had answered")


def client(module: str, extra: str) -> Any:
    """Import and return a client library.

    Args:
        module: Its name: ``s3fs``.
        extra: The extra of modelver that brings it.

    Raises:
        PluginError: It is not installed, or something that it needs is not.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PluginError(
            f"{module} cannot be imported: {error}",
            kind=ErrorKind.BROKEN_PLUGIN,
            hint=f"Install it with: pip install 'modelver[{extra}]'",
            name=extra,
        ) from error
