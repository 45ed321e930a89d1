"""The works: what is done, in which order, beside which limit.

A tool lives through them in a place of its own: an empty store, a fresh copy of the
bundle, and one step after the other. Each step runs beside a ``cp -r`` of the same
bundle, now before it and now after it, with everything written out in between.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import define, evolve, field, frozen

from benchmarks.bytes.measure import (
    BenchError,
    Command,
    Place,
    Ran,
    Sample,
    copy,
    drop,
    limit,
    remove,
    require_same,
    run,
    size,
    sync,
    warm,
)
from benchmarks.bytes.names import WEIGHTS
from benchmarks.bytes.tools import Modelver, Tool, by_hand_tensor, by_hand_write

ROOT = Path(__file__).parents[2]
LIFE = ("first", "changed", "again", "checkout", "path", "tensor", "rows")
WORKS = (*LIFE, "twenty", "small")

HAND_FILES = "by hand, files flushed"
HAND_FOLDERS = "by hand, files and folders flushed"


@frozen
class Setting:
    """What is measured.

    Attributes:
        folder: On the disk that is measured.
        scale: How large the bundle is, of 2 GiB and 256 MiB.
        only: The works.
        changes: Versions of the work ``twenty``, after the first.
        small: Versions of the work ``small``.
    """

    folder: Path
    scale: float
    only: frozenset[str]
    changes: int
    small: int

    @property
    def master(self) -> Path:
        """The bundle that the others are copied from."""
        return self.folder / "master"


def bundle(what: str, folder: Path, **words: float) -> int:
    """Have ``bundle.py`` make or change a bundle; return the bytes that it says."""
    line = [sys.executable, "-m", "benchmarks.bytes.bundle", what, str(folder)]
    for name, value in words.items():
        line += [f"--{name}", str(value)]
    done = run([Command(line, ROOT)], os.environ)
    return int(done.said["bytes"])


@define
class Life:
    """One tool in its place."""

    setting: Setting
    tool: Tool
    round: int
    place: Place
    number: int = field(default=0, init=False)

    def do(self, commands: Sequence[Command]) -> Ran:
        """Run processes of the tool."""
        return run(commands, {**self.place.env, **self.tool.env(self.place)})

    def timed(self, work: str, commands: Sequence[Command]) -> Sample:
        """Run a step, and ``sync`` after it."""
        sync(self.place.root)
        ran = self.do(commands)
        return Sample(
            work,
            self.tool.name,
            self.round,
            ran.seconds,
            flush=sync(self.place.root),
            inside=ran.said.get("seconds"),
            peak=ran.peak,
        )

    def beside(self, work: str, commands: Sequence[Command]) -> Sample:
        """Run a step and the limit, the one after the other."""
        warm(self.place.bundle)
        target = self.place.root / "copy"
        before = limit(self.place.bundle, target) if self.round % 2 else None
        sample = self.timed(work, commands)
        return evolve(sample, limit=before or limit(self.place.bundle, target))

    def register(self, work: str | None) -> Sample | None:
        """Register the bundle as it is; *work* is None where nobody measures."""
        self.number += 1
        commands = self.tool.register(self.place, self.number)
        if work is None:
            self.do(commands)
            return None
        before = size(self.place.store)
        sample = self.beside(work, commands)
        return evolve(sample, added=size(self.place.store) - before)

    def checkout(self) -> Sample:
        """Restore the newest version, and hold it against the bundle."""
        target = self.place.root / "out"
        target.mkdir()
        warm(self.place.store)
        commands = self.tool.restore(self.place, self.number, target)
        sample = self.beside("checkout", commands)
        came = self.tool.restored(target)
        require_same(self.place.bundle, came, flat=self.tool.flat)
        remove(target)
        return sample

    def path(self) -> Sample | None:
        """Ask for a path in a process of its own, after another one has."""
        commands = self.tool.path(self.place)
        if not commands:
            return None
        self.do(commands)
        sync(self.place.root)
        ran = self.do(commands)
        return Sample(
            "path",
            self.tool.name,
            self.round,
            ran.seconds,
            inside=ran.said["seconds"],
            peak=ran.peak,
            detail={k: v for k, v in ran.said.items() if k in ("call", "again")},
        )

    def tensor(self) -> Sample | None:
        """Read one tensor when nothing of either file is in memory."""
        commands = self.tool.tensor(self.place)
        if not commands:
            return None
        forget(self.place.home / "cache")  # or it would have the whole file there
        sync(self.place.root)
        drop(self.place.store)
        ran = self.do(commands)
        weights = self.place.bundle / WEIGHTS
        drop(self.place.bundle)
        hand = self.do(by_hand_tensor(weights))
        return Sample(
            "tensor",
            self.tool.name,
            self.round,
            ran.seconds,
            inside=ran.said["seconds"],
            peak=ran.peak,
            detail={
                "call": ran.said["call"],
                "bytes": ran.said["bytes"],
                "disk": ran.said["disk"],
                "limit_inside": hand.said["seconds"],
                "limit_disk": hand.said["disk"],
            },
        )


def forget(folder: Path) -> None:
    """Empty a cache."""
    if folder.is_dir():
        remove(folder)


@contextmanager
def living(setting: Setting, tool: Tool, number: int = 0) -> Iterator[Life]:
    """Give a tool an empty store and a fresh copy of the bundle."""
    root = Path(tempfile.mkdtemp(prefix="life-", dir=setting.folder))
    try:
        place = Place(root)
        copy(setting.master, place.bundle)
        life = Life(setting, tool, number, place)
        life.do(tool.prepare(place))
        yield life
    finally:
        remove(root)


def live(setting: Setting, tool: Tool, number: int) -> Iterator[Sample]:
    """Lead a tool through the works of one life; those not asked for are skipped."""
    wanted = [work for work in LIFE if work in setting.only]
    if not wanted:
        return
    with living(setting, tool, number) as life:
        for work in LIFE[: LIFE.index(wanted[-1]) + 1]:
            sample = _step(life, work, measured=work in wanted)
            if sample is not None:
                yield sample


def _step(life: Life, work: str, *, measured: bool) -> Sample | None:
    """Take one step; what later ones stand on is done in any case."""
    questions = {"checkout": life.checkout, "path": life.path, "tensor": life.tensor}
    if work in questions:
        return questions[work]() if measured else None
    if work == "again" and not measured:
        return None
    changed = 0
    if work == "changed":
        changed = bundle("change", life.place.bundle, generation=life.round + 1)
    elif work == "rows":
        changed = bundle("insert", life.place.bundle)
    sample = life.register(work if measured else None)
    detail = {"changed": changed, "bundle": size(life.place.bundle)}
    return sample and evolve(sample, detail=detail)


def twenty(setting: Setting, tool: Tool) -> Iterator[Sample]:
    """Register versions of which each changes 5 %, and see what the store holds."""
    if not tool.shares:
        return
    with living(setting, tool) as life:
        whole = size(life.place.bundle)
        seconds, peak, changed = 0.0, 0, 0
        for generation in range(setting.changes + 1):
            if generation:
                words = {"generation": generation}
                changed += bundle("change", life.place.bundle, **words)
            life.number += 1
            ran = life.do(tool.register(life.place, life.number))
            seconds, peak = seconds + ran.seconds, max(peak, ran.peak)
        held = size(life.place.store)
        detail = {"bundle": whole, "changed": changed, "versions": setting.changes + 1}
        yield Sample(
            "twenty", tool.name, 0, seconds, added=held, peak=peak, detail=detail
        )


def small(setting: Setting, tool: Tool, number: int) -> Iterator[Sample]:
    """Register many small versions; write modelver's files again by hand."""
    root = Path(tempfile.mkdtemp(prefix="life-", dir=setting.folder))
    try:
        life = Life(setting, tool, number, Place(root))
        commands = tool.small(life.place, setting.small)
        if not commands:
            return
        life.do(tool.prepare(life.place))
        detail = {"versions": setting.small}
        store = life.place.store
        sample = life.timed("small", commands)
        yield evolve(sample, added=size(store), detail=detail)
        if not isinstance(tool, Modelver):
            return
        for name, flushed in ((HAND_FILES, "files"), (HAND_FOLDERS, "folders")):
            target = root / flushed
            target.mkdir()
            sample = life.timed("small", by_hand_write(store, target, flushed))
            yield evolve(sample, tool=name, detail=detail)
    finally:
        remove(root)


def measure(
    setting: Setting, tools: Sequence[Tool], rounds: int, failed: dict[str, str]
) -> Iterator[Sample]:
    """Measure everything that is asked for, and yield each sample as it comes.

    Args:
        setting: What is.
        tools: Who takes part; modelver is one of them.
        rounds: How often.
        failed: Is told which peers failed, and why; they are left out from then on.

    Raises:
        BenchError: modelver failed.
    """
    bundle("make", setting.master, scale=setting.scale)

    def guarded(tool: Tool, samples: Iterator[Sample]) -> Iterator[Sample]:
        if tool.name in failed:
            return
        try:
            yield from samples
        except BenchError as error:
            if isinstance(tool, Modelver):
                raise
            failed[tool.name] = f"it failed\n{error}"

    for number in range(rounds):
        for tool in tools:
            yield from guarded(tool, live(setting, tool, number))
        for tool in tools if "small" in setting.only else ():
            yield from guarded(tool, small(setting, tool, number))
    for tool in tools if "twenty" in setting.only else ():
        yield from guarded(tool, twenty(setting, tool))
