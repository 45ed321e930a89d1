"""Processes that are timed, the copy that they are compared to, and the disk between.

Linux only: it asks the kernel to forget pages, and reads what a child's memory was.
"""

import filecmp
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import Factory, define, field, frozen

_PIECE = 2**20


class BenchError(Exception):
    """The measurement cannot go on; the text says why."""


@frozen
class Command:
    """One process.

    Attributes:
        argv: What is run.
        cwd: Where; None: where the harness runs.
    """

    argv: Sequence[str]
    cwd: Path | None = None


@frozen
class Ran:
    """What processes that ran one after the other came to.

    Attributes:
        seconds: From the start of the first to the end of the last.
        peak: Most memory of any of them, in bytes.
        said: What the last one printed, where that is one line of JSON.
    """

    seconds: float
    peak: int
    said: Mapping[str, float] = Factory(dict)


@frozen
class Limit:
    """Seconds of a ``cp -r`` of the same bundle.

    Attributes:
        copy: The copy alone.
        fsync: With a flush of each file and folder.
        sync: With one ``sync`` of the disk instead.
    """

    copy: float
    fsync: float
    sync: float


@frozen
class Sample:
    """One work, done once by one tool.

    Attributes:
        work: Which work.
        tool: Who did it.
        round: In which round.
        seconds: Whole processes, start-up included.
        flush: What ``sync`` took afterwards.
        limit: What the limit took that ran beside it.
        inside: Seconds of the operation, measured inside the process.
        added: Bytes that the store has more.
        peak: Most memory, in bytes.
        detail: What else was measured.
    """

    work: str
    tool: str
    round: int
    seconds: float
    flush: float = 0.0
    limit: Limit | None = None
    inside: float | None = None
    added: int | None = None
    peak: int = 0
    detail: Mapping[str, float] = Factory(dict)


@define
class Place:
    """The folders of one tool for as long as it is measured.

    Attributes:
        root: Holds them all, and goes when the measurement ends.
        env: The environment of its processes: nothing of the user's own settings.
    """

    root: Path
    env: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        for folder in (self.work, self.store, self.home):
            folder.mkdir(parents=True)
        left_out = ("BORG_", "DVC_", "GIT_", "MLFLOW_", "MODELVER_", "RESTIC_", "XDG_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
        # Whoever installs a package has its modules compiled; a checkout has not, and
        # would compile a hundred of them anew in each process.
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        self.env = {
            **kept,
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "GIT_CEILING_DIRECTORIES": str(self.root),
        }

    @property
    def work(self) -> Path:
        """Where a user of the tool would stand."""
        return self.root / "work"

    @property
    def bundle(self) -> Path:
        """What is registered."""
        return self.work / "bundle"

    @property
    def store(self) -> Path:
        """What the tool keeps."""
        return self.root / "store"

    @property
    def home(self) -> Path:
        """Caches and settings of the tool."""
        return self.root / "home"


def run(commands: Sequence[Command], env: Mapping[str, str]) -> Ran:
    """Run processes one after the other.

    Raises:
        BenchError: One of them failed.
    """
    seconds, peak, said = 0.0, 0, ""
    for command in commands:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            begin = time.perf_counter()
            process = subprocess.Popen(
                command.argv,
                cwd=command.cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                raise
            seconds += time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            peak = max(peak, usage.ru_maxrss * 1024)
            out.seek(0)
            said = out.read().decode(errors="replace").strip()
            if process.returncode:
                err.seek(0)
                why = err.read().decode(errors="replace")[-2000:]
                line = " ".join(command.argv)
                raise BenchError(f"{line} ended with {process.returncode}:\n{why}")
    return Ran(seconds, peak, _figures(said))


def _figures(said: str) -> dict[str, float]:
    try:
        found: Any = json.loads(said.rpartition("\n")[2])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the regular files below a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from files(Path(entry))
            elif entry.is_file(follow_symlinks=False):
                yield entry


def size(folder: Path) -> int:
    """Return the bytes of the files below a folder; hard links count once."""
    found = {}
    for entry in files(folder):
        about = entry.stat(follow_symlinks=False)
        found[about.st_ino] = about.st_size
    return sum(found.values())


def sync(folder: Path) -> float:
    """Write everything of this disk out, and return the seconds."""
    begin = time.perf_counter()
    subprocess.run(["sync", "-f", folder], check=True)  # noqa: S607 - coreutils
    return time.perf_counter() - begin


def warm(folder: Path) -> None:
    """Read every file, so that all who come next find it in memory."""
    for entry in files(folder):
        with Path(entry).open("rb", buffering=0) as file:
            while file.read(_PIECE):
                pass


def drop(folder: Path) -> None:
    """Have the kernel forget the pages of every file."""
    for entry in files(folder):
        descriptor = os.open(entry, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def copy(source: Path, target: Path) -> float:
    """Copy a folder, and return the seconds."""
    begin = time.perf_counter()
    subprocess.run(["cp", "-r", source, target], check=True)  # noqa: S607 - coreutils
    return time.perf_counter() - begin


def fsync(folder: Path) -> float:
    """Flush each file and each folder, and return the seconds."""
    begin = time.perf_counter()
    for above, _, names in os.walk(folder, topdown=False):
        for path in (*(f"{above}/{name}" for name in names), above):
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
    return time.perf_counter() - begin


def limit(source: Path, target: Path) -> Limit:
    """Copy a folder twice, each time onto a quiet disk; *target* is taken away."""
    copies, flushes = [], []
    for flush in (fsync, sync):
        sync(source)
        try:
            copies.append(copy(source, target))
            flushes.append(flush(target))
        finally:
            remove(target)
    first, second = (c + f for c, f in zip(copies, flushes, strict=True))
    return Limit(sum(copies) / 2, first, second)


def remove(folder: Path) -> None:
    """Take a folder away, also one whose files are read-only."""
    if folder.exists():
        for above, _, _ in os.walk(folder):
            Path(above).chmod(0o700)
        shutil.rmtree(folder)


def require_same(bundle: Path, restored: Path, *, flat: bool) -> None:
    """Compare what came back with what was given, byte by byte.

    Args:
        bundle: What was given.
        restored: What came back.
        flat: Whether it came back without its folders.

    Raises:
        BenchError: A file is missing or differs.
    """
    for entry in files(bundle):
        inner = Path(entry).relative_to(bundle)
        other = restored / (inner.name if flat else inner)
        if not other.is_file():
            raise BenchError(f"{inner} did not come back")
        if not filecmp.cmp(entry, other, shallow=False):
            raise BenchError(f"{inner} came back with other bytes")
