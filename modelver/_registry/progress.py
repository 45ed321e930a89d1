"""How far a long call is: told to the caller's callback, or shown as a bar.

A callback belongs to the caller: it hears everything, and what it raises ends the call.
The bar is a courtesy: it shows by itself where a person looks, and a bar that breaks
is dropped without a word.
"""

import os
import sys
import time
import warnings
from importlib import import_module
from threading import RLock
from types import TracebackType
from typing import Any, Final, Protocol, Self, TextIO

from modelver._bundle.ports import Progress
from modelver._values.text import human_size, quoted, term_safe
from modelver.errors import ErrorKind, InvalidInputError

VARIABLE: Final = "MODELVER_PROGRESS"

# What is over at once needs no bar: one that flashes up only unsettles.
_LARGE: Final = 32 * 2**20
_LARGE_AFTER: Final = 0.2
_SMALL_AFTER: Final = 1.0
# A line is drawn again so often; in a log, where lines stay, a new one is written.
_REDRAW: Final = 0.1
_LOG: Final = 10.0
_MAX_WHAT: Final = 48
_COLUMNS: Final = 80


class Meter:
    """The progress of one call after the other: a :class:`Progress` with an end.

    Enter it where the work begins. It may be told from several threads. This one
    tells nobody.
    """

    def set_size(self, size: int) -> None:
        """Say how much there is to do in this call."""

    def relative_update(self, inc: int = 1) -> None:
        """Say that so much more is done."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away, or leave it on a line of its own where a call failed."""


def progressing(progress: Any, what: str, unit: str = "") -> Meter:
    """Return what to tell of progress while something is done.

    Args:
        progress: What the caller gave: an fsspec ``Callback``; None: a bar, where a
            person looks; False: no bar; True: a bar wherever standard error leads.
        what: For the bar: ``registering fraud``.
        unit: What is counted: ``versions``; bytes, if it is empty.

    Raises:
        InvalidInputError: It can be told nothing.
    """
    if progress is None or isinstance(progress, bool):
        shown = _someone_looks() if progress is None else progress
        return _OnScreen(term_safe(what)[:_MAX_WHAT], unit) if shown else Meter()
    told = (getattr(progress, name, None) for name in ("set_size", "relative_update"))
    if isinstance(progress, type) or not all(map(callable, told)):
        raise InvalidInputError(
            f"progress is given as {quoted(progress)}",
            kind=ErrorKind.BAD_ARGUMENT,
            hint="Pass an fsspec Callback, None for a bar, or False for none.",
        )
    return _ToCaller(progress)


def _someone_looks() -> bool:
    said = os.environ.get(VARIABLE, "")
    if said:
        return said != "0"
    if os.environ.get("CI", "") not in ("", "0", "false"):
        return False
    return _is_terminal(sys.stderr) or _in_notebook()


def _is_terminal(stream: TextIO | None) -> bool:
    # A dumb terminal cannot go back to the start of a line.
    try:
        tty = stream is not None and stream.isatty()
    except (OSError, ValueError):  # closed
        return False
    return tty and os.environ.get("TERM") != "dumb"


def _in_notebook() -> bool:
    # What IPython has not been loaded into is no notebook; only one with a kernel is.
    if "ipykernel" not in sys.modules:
        return False
    find = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return find is not None and getattr(find(), "kernel", None) is not None


class _ToCaller(Meter):
    """Tells a caller's callback, one thread at a time.

    What the callback raises ends the call whatever the rooms below make of it: a
    worker may lose it, and an OSError would be taken for that of a disk.
    """

    def __init__(self, callback: Progress) -> None:
        self._callback = callback
        self._lock = RLock()
        self._size = 0
        self._before = 0
        self._raised: BaseException | None = None

    def set_size(self, size: int) -> None:
        # Of a draft, each call adds files: the callback hears of all of them.
        with self._lock:
            self._size = self._before + size
            self._tell(self._callback.set_size, self._size)

    def relative_update(self, inc: int = 1) -> None:
        with self._lock:
            self._tell(self._callback.relative_update, inc)

    def _tell(self, tell: Any, number: int) -> None:
        if self._raised is not None:
            raise self._raised
        try:
            tell(number)
        except BaseException as error:
            self._raised = error
            raise

    def __enter__(self) -> Self:
        self._before = self._size
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raised, self._raised = self._raised, None
        interrupted = error is not None and not isinstance(error, Exception)
        if raised is not None and raised is not error and not interrupted:
            raise raised from None


class _OnScreen(Meter):
    """Shows a bar once the work turns out to be long."""

    def __init__(self, what: str, unit: str) -> None:
        self._what = what
        self._unit = unit
        self._lock = RLock()
        self._begin()

    def _begin(self) -> None:
        self._began = time.monotonic()
        self._size = 0
        self._done = 0
        self._bar: _Bar | None = None
        self._broken = False

    def set_size(self, size: int) -> None:
        with self._lock:
            self._size = size
            self._show()

    def relative_update(self, inc: int = 1) -> None:
        with self._lock:
            self._done += inc
            self._show()

    def _show(self) -> None:
        if self._broken or (self._bar is None and not self._is_long()):
            return
        try:
            if self._bar is None:
                self._bar = _new_bar(self._what, self._unit, self._done, self._size)
            self._bar.show(self._done, self._size)
        except Exception:  # noqa: BLE001 - no call fails for its bar
            self._broken = True
            self._close(keep=True)

    def _is_long(self) -> bool:
        if self._size and self._done >= self._size:
            return False  # over before there was anything to show
        after = _LARGE_AFTER if self._size >= _LARGE else _SMALL_AFTER
        return time.monotonic() - self._began >= after

    def _close(self, *, keep: bool) -> None:
        bar, self._bar = self._bar, None
        if bar is None:
            return
        try:
            bar.close(keep=keep)
        except Exception:  # noqa: BLE001 - see above
            self._broken = True

    def __enter__(self) -> Self:
        with self._lock:
            self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._close(keep=error is not None)
            self._broken = True  # a worker that is late draws nothing any more


# Bars.


class _Bar(Protocol):
    def show(self, done: int, size: int) -> None:
        """Draw it, unless it was drawn just now."""

    def close(self, *, keep: bool) -> None:
        """Take it away, or leave it; what follows begins on a fresh line."""


def _new_bar(what: str, unit: str, done: int, size: int) -> _Bar:
    stream = sys.stderr
    notebook = _in_notebook()
    if not notebook and not _is_terminal(stream):
        return _Lines(what, unit, stream)
    try:
        return _Tqdm(what, unit, done, size, None if notebook else stream)
    except Exception:  # noqa: BLE001 - not installed, or not as it should be
        return _Line(what, unit, stream)


class _Tqdm:
    """A bar of tqdm's: on a terminal a line, in a notebook a widget."""

    def __init__(
        self, what: str, unit: str, done: int, size: int, stream: TextIO | None
    ) -> None:
        # On a terminal they are the same, and auto takes twice as long to load.
        home = "tqdm.auto" if stream is None else "tqdm.std"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of missing widgets: a line will do
            base = import_module(home).tqdm
            # Else it draws at every so many bytes, and a thread sees to it that it is
            # not stuck there when the disk slows down.
            self._bar = type("Bar", (base,), {"monitor_interval": 0})(
                desc=what,
                initial=done,
                total=size or None,
                miniters=1,
                unit=f" {unit}" if unit else "B",
                unit_scale=not unit,
                unit_divisor=1024,
                dynamic_ncols=True,
                disable=False,
                file=stream,
            )

    def show(self, done: int, size: int) -> None:
        if size and size != self._bar.total:
            self._bar.total = size
            self._bar.refresh()
        self._bar.update(done - self._bar.n)

    def close(self, *, keep: bool) -> None:
        self._bar.leave = keep
        self._bar.close()


class _Written:
    """Text on a stream: what a bar of our own has."""

    every = _REDRAW

    def __init__(self, what: str, unit: str, stream: TextIO) -> None:
        self._what = what
        self._unit = unit
        self._stream = stream
        self._began = self._drawn = time.monotonic()
        self._first: int | None = None

    def show(self, done: int, size: int) -> None:
        now = time.monotonic()
        if self._first is None or now - self._drawn >= self.every:
            self._first = done if self._first is None else self._first
            self._drawn = now
            self.write(self._text(done, size, now))

    def _text(self, done: int, size: int, now: float) -> str:
        unit = f" {self._unit}" if self._unit else ""
        text = f"{self._number(done)}{unit}"
        if 0 < size >= done:
            percent = f"{100 * done // size:3} %"
            text = f"{percent}  {self._number(done)} of {self._number(size)}{unit}"
        new, passed = done - (self._first or 0), now - self._began
        if new and passed > 0:
            text += f"  {self._number(int(new / passed))}{unit}/s"
        return f"{self._what}: {text}"

    def _number(self, number: int) -> str:
        return f"{number:,}" if self._unit else human_size(number)

    def write(self, text: str) -> None:
        """Show *text*."""
        raise NotImplementedError


class _Line(_Written):
    """One line of a terminal, written over and over."""

    _length = 0

    def write(self, text: str) -> None:
        # The last column is left free: some terminals go to the next line there.
        text = text[: _columns(self._stream) - 1]
        self._stream.write(f"\r{text:<{self._length}}")
        self._stream.flush()
        self._length = len(text)

    def close(self, *, keep: bool) -> None:
        self._stream.write("\n" if keep else f"\r{'':{self._length}}\r")
        self._stream.flush()


class _Lines(_Written):
    """Lines of a log, one now and then."""

    every = _LOG

    def write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self, *, keep: bool) -> None:
        """Every line is ended already."""


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except (OSError, ValueError, AttributeError):
        return _COLUMNS
