"""Progress: told to a callback as it is, shown to a person, and never in the way."""

import io
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from modelver import ErrorKind, InvalidInputError, Registry
from modelver._registry.progress import Meter, progressing

HOME = "modelver._registry.progress"
LARGE = 64 * 2**20
FILES = {"a": b"123", "b": b"12"}


class Clock:
    """A clock on which a second passes whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 1.0

    def monotonic(self) -> float:
        """Return the time, later each time."""
        self.now += self.step
        return self.now


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    broken = False
    writes = 0

    def isatty(self) -> bool:
        """It is one."""
        return True

    def write(self, text: str) -> int:
        """Keep it, or fail."""
        self.writes += 1
        if self.broken:
            raise OSError(5, "the terminal is gone")
        return super().write(text)


class Told:
    """A callback of the caller's, as fsspec has them."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.done = 0
        self.busy = False
        self.raises: BaseException | None = None

    def set_size(self, size: int) -> None:
        """Note it."""
        self.sizes.append(size)

    def relative_update(self, inc: int = 1) -> None:
        """Add up, and see that nobody else is here."""
        assert not self.busy, "two threads at once"
        self.busy = True
        if self.raises is not None:
            raise self.raises
        time.sleep(0)  # lets others in, if they can come in
        self.done += inc
        self.busy = False


def streams(monkeypatch: pytest.MonkeyPatch, stderr: object) -> None:
    """Give progress another standard error; pytest puts its own back in ``sys``."""
    monkeypatch.setattr(
        f"{HOME}.sys", SimpleNamespace(stderr=stderr, modules=sys.modules)
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let everything take long."""
    found = Clock()
    monkeypatch.setattr(f"{HOME}.time", found)
    return found


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error a terminal, outside CI, without tqdm."""
    found = Terminal()
    streams(monkeypatch, found)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("CI", raising=False)
    for name in ("tqdm", "tqdm.std", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    return found


def work(meter: Meter, size: int = LARGE, *, stop: bool = False) -> None:
    """Do four parts of *size*; fail in the middle if *stop*."""
    with meter as told:
        told.set_size(size)
        for part in range(4):
            if stop and part == 2:
                raise KeyError("stop")
            told.relative_update(size // 4)


# Callbacks.


def test_a_draft_tells_of_all_its_files(registry: Registry) -> None:
    """Whatever is added later makes the size larger; it never begins anew."""
    told = Told()
    with registry.draft("m", FILES, environment=False, progress=told) as draft:
        draft.add({"c": b"1234"})
    assert told.sizes[-1] == told.done == 9
    assert told.sizes == sorted(told.sizes)


@pytest.mark.parametrize(
    "error",
    [KeyError("mine"), TimeoutError("mine"), KeyboardInterrupt(), SystemExit(3)],
    ids=lambda error: type(error).__name__,
)
def test_a_callback_can_cancel(
    registry: Registry, tmp_path: Path, error: BaseException
) -> None:
    """What it raises reaches the caller as it is, and nothing was registered."""
    told = Told()
    told.raises = error

    def register() -> object:
        return registry.register("m", FILES, environment=False, progress=told)

    def transact() -> None:
        with registry.transaction() as tx:
            tx.register("m", FILES, environment=False, progress=told)

    def draft() -> None:
        with registry.draft("m", FILES, environment=False, progress=told):
            pass

    for call in (register, transact, draft):
        told.busy = False
        with pytest.raises(type(error)) as caught:
            call()
        assert caught.value is error
        assert registry.seq == 0
    version = registry.register("m", FILES, environment=False)
    out = tmp_path / "out"
    told.busy = False
    with pytest.raises(type(error)) as caught:
        version.checkout(out, progress=told)
    assert caught.value is error
    assert not out.exists()
    assert list(tmp_path.glob(".out*")) == []


def test_a_lost_cancellation_is_found_again() -> None:
    """A worker that swallows what the callback raised does not save the call."""
    told = Told()
    told.raises = TimeoutError("mine")
    meter = progressing(told, "working")

    def swallowed(other: Exception | None) -> None:
        with meter:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    meter.relative_update()
            if other is not None:
                raise other

    for other in (None, RuntimeError("what came of it")):
        told.busy = False
        with pytest.raises(TimeoutError) as caught:
            swallowed(other)
        assert caught.value is told.raises
    told.raises, told.busy = None, False
    work(meter, 4)
    assert told.done == 4


def test_an_interrupt_goes_before() -> None:
    """A user who stops the program is not answered with an older error."""
    told = Told()
    told.raises = KeyError("mine")

    def interrupted() -> None:
        with progressing(told, "working") as meter:
            with pytest.raises(KeyError):
                meter.relative_update()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


@pytest.mark.parametrize(
    "progress",
    [0, "yes", object(), Told, print, SimpleNamespace(set_size=print)],
    ids=["number", "text", "object", "class", "function", "half"],
)
def test_what_cannot_be_told_is_refused(
    registry: Registry, tmp_path: Path, progress: Any
) -> None:
    """It is said before anything is done, with what could be passed instead."""
    version = registry.register("n", FILES, environment=False)
    with registry.transaction() as tx:
        calls: list[Callable[[], object]] = [
            lambda: registry.register("m", FILES, progress=progress),
            lambda: registry.draft("m", FILES, progress=progress),
            lambda: tx.register("m", FILES, progress=progress),
            lambda: version.checkout(tmp_path / "out", progress=progress),
            lambda: registry.verify(progress=progress),
            lambda: version.verify(progress=progress),
        ]
        for call in calls:
            with pytest.raises(InvalidInputError) as caught:
                call()
            assert caught.value.kind is ErrorKind.BAD_ARGUMENT
            assert "Callback" in caught.value.hints[0]
    assert registry.models() == ["n"]
    assert not (tmp_path / "out").exists()


def test_fsspec_callbacks_are_taken(registry: Registry) -> None:
    """The callbacks of fsspec itself fit."""
    callbacks = pytest.importorskip("fsspec.callbacks")
    told = callbacks.Callback()
    version = registry.register("m", FILES, environment=False, progress=told)
    assert (told.size, told.value) == (5, 5)
    assert version.verify(progress=callbacks.NoOpCallback()).ok


@pytest.mark.parametrize("caller", [True, False], ids=["callback", "bar"])
def test_workers_may_tell(clock: Clock, terminal: Terminal, *, caller: bool) -> None:
    """Updates of many threads are neither lost nor do they meet."""
    clock.step = 0.001
    told = Told()
    meter = progressing(told if caller else None, "working")
    threads, each = 8, 250
    start = threading.Barrier(threads)

    def tell() -> None:
        start.wait()
        for _ in range(each):
            meter.relative_update(3)

    with meter:
        meter.set_size(threads * each * 3 + 1)
        workers = [threading.Thread(target=tell) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        clock.step = 1.0
        meter.relative_update(0)
        said = terminal.getvalue()
    assert told.done == (threads * each * 3 if caller else 0)
    assert ("5.9 KiB of 5.9 KiB" in said) is not caller


# When a bar shows.


@pytest.mark.parametrize(
    ("tty", "env", "progress", "shown"),
    [
        (True, {}, None, True),
        (False, {}, None, False),
        (True, {"CI": "true"}, None, False),
        (True, {"CI": "false"}, None, True),
        (True, {"TERM": "dumb"}, None, False),
        (True, {"MODELVER_PROGRESS": "0"}, None, False),
        (True, {"MODELVER_PROGRESS": ""}, None, True),
        (False, {"MODELVER_PROGRESS": "1"}, None, True),
        (False, {"MODELVER_PROGRESS": "1", "CI": "true"}, None, True),
        (True, {}, False, False),
        (False, {"MODELVER_PROGRESS": "1"}, False, False),
        (False, {"MODELVER_PROGRESS": "0", "CI": "true"}, True, True),
    ],
    ids=str,
)
@pytest.mark.usefixtures("clock")
def test_where_a_bar_shows(
    monkeypatch: pytest.MonkeyPatch,
    terminal: Terminal,
    env: dict[str, str],
    *,
    tty: bool,
    progress: bool | None,
    shown: bool,
) -> None:
    """On a terminal outside CI; the variable decides otherwise, and the call last."""
    monkeypatch.setattr(terminal, "isatty", lambda: tty)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    work(progressing(progress, "working"))
    assert ("working: " in terminal.getvalue()) is shown


@pytest.mark.parametrize(
    ("size", "step", "shown"),
    [
        (LARGE, 0.01, False),
        (LARGE, 0.2, True),
        (LARGE // 4, 0.2, False),
        (LARGE // 4, 1.0, True),
    ],
)
def test_what_is_short_shows_nothing(
    clock: Clock, terminal: Terminal, *, size: int, step: float, shown: bool
) -> None:
    """A large work shows soon, a small one after a second, a quick one never."""
    clock.step = step
    with progressing(None, "working") as meter:
        meter.set_size(size)
        meter.relative_update(size // 2)
        assert bool(terminal.getvalue()) is shown
        clock.step = 9.0
        meter.relative_update(size - size // 2)
    assert bool(terminal.getvalue()) is shown


@pytest.mark.usefixtures("clock")
def test_every_long_call_has_a_bar(
    registry: Registry, tmp_path: Path, terminal: Terminal
) -> None:
    """Each says what is done, and nothing is left of it but an empty line."""

    def said() -> str:
        text = terminal.getvalue()
        terminal.seek(0)
        terminal.truncate()
        assert text.endswith("\r")
        assert "\n" not in text
        return text

    version = registry.register("m", FILES, environment=False)
    assert "registering m: " in said()
    with registry.draft("m", {"a": b"1", "b": b"2"}, environment=False):
        assert "registering m: " in said()
    with registry.transaction() as tx:
        tx.register("m", {"a": b"3", "b": b"4"}, environment=False)
        assert "registering m: " in said()
    version.checkout(tmp_path / "out")
    assert "checking out m@0.1.0: " in said()
    registry.verify()
    assert "verifying: " in said()


# How it looks.


def test_the_line_says_how_far(clock: Clock, terminal: Terminal) -> None:
    """Each time it is drawn over the last one; a success takes it away."""
    work(progressing(None, "registering fraud"))
    clock.now = 0
    *lines, end = terminal.getvalue().split("\r")[1:]
    assert lines[0] == "registering fraud:   0 %  0 B of 64.0 MiB"
    assert lines[1].startswith("registering fraud:  25 %  16.0 MiB of 64.0 MiB  ")
    assert lines[-2].startswith("registering fraud: 100 %  64.0 MiB of 64.0 MiB  ")
    assert lines[1].rstrip().endswith("/s")
    assert (lines[-1].strip(), end) == ("", "")
    for before, after in pairwise(lines):
        assert len(after) >= len(before.rstrip()), "something of the old line is left"


@pytest.mark.usefixtures("clock")
def test_a_failure_leaves_it_on_its_own_line(terminal: Terminal) -> None:
    """Who fails says so on a fresh line, below how far it was."""
    with pytest.raises(KeyError):
        work(progressing(None, "working"), stop=True)
    said = terminal.getvalue()
    assert said.endswith("\n")
    assert said.rpartition("\r")[2].startswith("working:  50 %")


@pytest.mark.usefixtures("clock")
def test_it_fits_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is too long is cut: broken in two it could not be drawn over."""
    monkeypatch.setattr(terminal, "fileno", lambda: 2)
    size = SimpleNamespace(columns=20)
    monkeypatch.setattr(f"{HOME}.os.get_terminal_size", lambda _: size)
    work(progressing(None, "w" * 100))
    assert max(map(len, terminal.getvalue().split("\r"))) == 19


@pytest.mark.usefixtures("clock")
def test_a_log_gets_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a bar is asked for and nothing can be drawn over, lines are rare."""
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    meter = progressing(True, "working")
    with meter:
        meter.set_size(1000)
        for _ in range(50):
            meter.relative_update(20)
    said = terminal.getvalue()
    assert "\r" not in said
    assert said.endswith("\n")
    assert 2 < len(said.splitlines()) < 20


# Bars that break.


@pytest.mark.usefixtures("clock")
def test_a_broken_terminal_is_left_alone(
    registry: Registry, terminal: Terminal
) -> None:
    """The call goes on, and nobody tries again."""
    terminal.broken = True
    work(progressing(None, "working"))
    assert 0 < terminal.writes <= 2
    assert registry.register("m", FILES, environment=False).version == "0.1.0"


@pytest.mark.usefixtures("clock", "terminal")
@pytest.mark.parametrize("gone", ["closed", "none"])
def test_no_standard_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """A program without one, or with a closed one, registers as any other."""
    stream = Terminal()
    stream.close()
    streams(monkeypatch, stream if gone == "closed" else None)
    for progress in (None, True):
        registry.register("m", FILES, environment=False, progress=progress)
    assert registry.seq == 1


def test_nothing_is_drawn_after_the_end(clock: Clock, terminal: Terminal) -> None:
    """A worker that is late finds no bar to draw."""
    meter = progressing(None, "working")
    work(meter, LARGE)
    said = terminal.getvalue()
    clock.step = 100
    meter.set_size(2 * LARGE)
    meter.relative_update(1)
    assert terminal.getvalue() == said


# tqdm and notebooks.


class Tqdm:
    """What is used of tqdm."""

    made: "list[Tqdm]" = []  # noqa: RUF012 - of one test
    breaks = False

    def __init__(self, **words: Any) -> None:
        self.words = words
        self.n = words["initial"]
        self.total = words["total"]
        self.leave: bool | None = None
        self.closed = 0
        Tqdm.made.append(self)

    def update(self, more: int) -> None:
        """Count."""
        if self.breaks:
            raise RuntimeError("a bar that breaks")
        self.n += more

    def refresh(self) -> None:
        """Pass over it."""

    def close(self) -> None:
        """Count."""
        self.closed += 1


@pytest.fixture
def tqdm(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> type[Tqdm]:
    """Install what looks like tqdm, once for terminals and once for notebooks."""
    del terminal
    for name in ("tqdm", "tqdm.std", "tqdm.auto"):
        module = ModuleType(name)
        module.tqdm = type(name, (Tqdm,), {})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(Tqdm, "made", [])
    monkeypatch.setattr(Tqdm, "breaks", False)
    return Tqdm


def notebook(monkeypatch: pytest.MonkeyPatch, *, kernel: object) -> None:
    """Make this process look as if IPython ran it."""
    shell = SimpleNamespace(kernel=kernel)
    for name in ("ipykernel", "IPython"):
        module = ModuleType(name)
        module.get_ipython = lambda: shell  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("clock")
def test_tqdm_draws_where_it_is_installed(tqdm: type[Tqdm], terminal: Terminal) -> None:
    """It hears everything, is closed once, and stays only where the call failed."""
    work(progressing(None, "registering fraud"))
    with pytest.raises(KeyError):
        work(progressing(None, "working"), stop=True)
    good, bad = tqdm.made
    assert good.words["desc"] == "registering fraud"
    assert good.words["file"] is terminal
    assert (good.n, good.total, good.leave, good.closed) == (LARGE, LARGE, False, 1)
    assert (bad.n, bad.leave, bad.closed) == (LARGE // 2, True, 1)
    assert terminal.getvalue() == ""


@pytest.mark.usefixtures("clock")
def test_a_broken_tqdm_is_dropped(tqdm: type[Tqdm], terminal: Terminal) -> None:
    """It is closed, and not asked again."""
    tqdm.breaks = True
    work(progressing(None, "working"))
    assert [bar.closed for bar in tqdm.made] == [1]
    assert terminal.getvalue() == ""


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kernel", [object(), None], ids=["notebook", "shell"])
def test_a_notebook_shows_a_bar(
    tqdm: type[Tqdm],
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    kernel: object,
) -> None:
    """In a notebook a widget shows, though nothing is a terminal; IPython is none."""
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    notebook(monkeypatch, kernel=kernel)
    work(progressing(None, "working"))
    homes = [type(bar).__mro__[1].__name__ for bar in tqdm.made]
    assert homes == (["tqdm.auto"] if kernel else [])
    assert all(bar.words["file"] is None for bar in tqdm.made)


@pytest.mark.usefixtures("clock")
def test_a_notebook_without_tqdm_has_a_line(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is drawn over there as on a terminal."""
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    notebook(monkeypatch, kernel=object())
    work(progressing(None, "working"))
    assert terminal.getvalue().count("\r") > 3
    assert "\n" not in terminal.getvalue()


@pytest.mark.usefixtures("clock")
def test_the_real_tqdm(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as its double above, tqdm itself draws, and begins no thread."""
    for name in ("tqdm", "tqdm.std", "tqdm.auto"):
        monkeypatch.delitem(sys.modules, name)
    pytest.importorskip("tqdm.std", reason="the cli extra is not installed")
    before = threading.active_count()
    with progressing(None, "working") as told:
        told.set_size(LARGE)
        told.relative_update(LARGE // 2)
        assert "working: " in terminal.getvalue()
        assert threading.active_count() == before
    assert terminal.getvalue().endswith("\r")
    with pytest.raises(KeyError):
        work(progressing(None, "working"), stop=True)
    assert terminal.getvalue().endswith("\n")
