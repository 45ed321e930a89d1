"""Bringing one target to what its pointer says, and nothing of a user's in danger.

First it is found out what would be done; only when nothing stands in the way is it
done, file by file, each whole or not at all.
"""

import os
import re
import stat
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, field

from modelver._bundle.disk import PIECE, copy, hash_range, open_target, translate
from modelver._bundle.memory import Stamp
from modelver._bundle.memory.stamps import this_boot
from modelver._pins.places import open_file
from modelver._pins.records import Record, Records, Seen, look, refreshed
from modelver._values.digests import new_hasher
from modelver._values.manifest import FileEntry
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    IntegrityError,
    StorageError,
)

_SHOWN: Final = 3
_LEFTOVER = re.compile(r"\..*\.[0-9a-f]{12}\.mvtmp", re.DOTALL)


@define
class Plan:
    """What has to be done to a target.

    Attributes:
        target: A folder, or a file where the only place is empty.
        record: What was restored there before.
        wanted: What the pointer wants: place to digest.
        kept: What is there as it should be.
        put: Places that are to be written.
        gone: Places of which the file is to be deleted.
        changed: Places at which a user has changed something.
    """

    target: Path
    record: Record
    wanted: Mapping[str, str]
    kept: dict[str, Seen] = field(factory=dict)
    put: list[str] = field(factory=list)
    gone: list[str] = field(factory=list)
    changed: list[str] = field(factory=list)

    @property
    def is_done(self) -> bool:
        """Whether the files are as they should be."""
        return not (self.put or self.gone or self.changed)

    def path(self, place: str) -> Path:
        """Return where the file of a place is."""
        return self.target / place if place else self.target


def make_plan(target: Path, record: Record, wanted: Mapping[str, str]) -> Plan:
    """Look at a target; files whose stamp is known are not read.

    Raises:
        AlreadyExistsError: A link stands where a folder belongs.
    """
    plan = Plan(target=target, record=record, wanted=wanted)
    for place, digest in wanted.items():
        _sort(plan, place, digest)
    for place in sorted(record.places() - set(wanted)):
        _sort(plan, place, None)
    return plan


def _sort(plan: Plan, place: str, digest: str | None) -> None:
    """Put one place into one of the lists of *plan*."""
    path, record = plan.path(place), plan.record
    check_way(plan.target, place)
    try:
        info = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        if digest is not None:
            plan.put.append(place)
        return
    known = record.files.get(place)
    if (
        known is not None
        and known.digest == digest
        and stat.S_ISREG(info.st_mode)
        and known.holds(Stamp.of(info))
    ):
        plan.kept[place] = known
        return
    if stat.S_ISDIR(info.st_mode) and _is_given_up(plan, place):
        plan.put.append(place)
        return
    found = _read(path, info, digest or (known.digest if known else "b3:"))
    if found is not None and found.digest == digest:
        plan.kept[place] = refreshed(known, found)
    elif found is not None and found.digest in record.ours(place):
        (plan.gone if digest is None else plan.put).append(place)
    elif digest is None and known is None:
        pass  # it was never written, and what is there is not ours
    else:
        plan.changed.append(place)


def _is_given_up(plan: Plan, place: str) -> bool:
    """Whether a folder stands where a file belongs, and holds our own files alone."""
    path = plan.path(place)
    ours = {str(plan.path(p)) for p in plan.record.places() - set(plan.wanted)}
    found = [os.path.join(d, n) for d, _, names in os.walk(path) for n in names]  # noqa: PTH118 - as os.walk has them
    return place in plan.wanted and bool(found) and set(found) <= ours


def _read(path: Path, info: os.stat_result, like: str) -> Seen | None:
    if not stat.S_ISREG(info.st_mode):
        return None
    try:
        return look(path, like.partition(":")[0])
    except OSError as error:
        raise translate(error, path) from error


def check_way(target: Path, place: str) -> None:
    """Refuse to go through a link on the way from a pointer's folder to a file.

    A repository can hold a link at a target, and it may lead to Git's own hooks.

    Raises:
        AlreadyExistsError: There is one.
    """
    inner = place.split("/") if place else []
    for deep in range(len(inner) + 1):
        path = target.joinpath(*inner[:deep])
        if path.is_symlink():
            raise AlreadyExistsError(
                f"{os.fspath(path)!r} is a link, and nothing is restored through one",
                kind=ErrorKind.LOCAL_CHANGES,
                hint="Remove the link, and pull again.",
            )


def refuse_changed(plan: Plan, what: str, shown: Callable[[Path], str]) -> None:
    """Refuse to go on where a user's changes would be lost.

    Raises:
        AlreadyExistsError: There are some (kind ``LOCAL_CHANGES``).
    """
    if not plan.changed:
        return
    names = [shown(plan.path(place)) for place in plan.changed]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise AlreadyExistsError(
        f"{', '.join(names[:_SHOWN])}{more}: not what modelver restored, and would be "
        f"lost ({what})",
        kind=ErrorKind.LOCAL_CHANGES,
        hint="Register what is new: modelver register NAME PATH, and pin that version. "
        "Or move it away. To overwrite it: modelver pull --force PATH.",
        paths=names,
    )


def carry_out(
    plan: Plan,
    records: Records,
    same: list[object],
    fetch: Callable[[], tuple[Mapping[str, FileEntry], Mapping[str, Path]]],
) -> None:
    """Do what is planned; what a user has changed is overwritten.

    Args:
        plan: From :func:`make_plan`.
        records: Where to note what was done.
        same: What is pinned.
        fetch: Returns the files that are wanted, and verified copies of them.

    Raises:
        IntegrityError: A copy is not what it should be.
        StorageError: The disk refuses.
    """
    record = plan.record
    if not plan.is_done:
        files, copies = fetch() if plan.put or plan.changed else ({}, {})
        put = [p for p in (*plan.put, *plan.changed) if p in plan.wanted]
        gone = [*plan.gone, *(p for p in plan.changed if p not in plan.wanted)]
        if record.same is None and record.coming:
            _clear_leftovers(plan.target, record.coming)
        record.same = None
        record.coming = {**record.coming, **{p: plan.wanted[p] for p in put}}
        records.keep(record)
        try:
            for place in gone:
                remove_file(plan.target, place)
            for place in put:
                source, file = copies[place], files[place]
                plan.kept[place] = _put(plan.target, place, source, file)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise translate(error, plan.target) from error
    done = Record(record.pointer, record.target, same, dict(plan.kept))
    if done != record:
        records.keep(done)


def _put(target: Path, place: str, source: Path, file: FileEntry) -> Seen:
    """Write one file in the place of whatever is there."""
    path = target / place if place else target
    check_way(target, place)
    _make_way(target, path)
    fresh = path.with_name(f".{path.name[:32]}.{uuid.uuid4().hex[:12]}.mvtmp")
    descriptor = open_target(fresh, executable=file.executable, resume=False)
    try:
        try:
            _copy(source, descriptor, file)
        finally:
            os.close(descriptor)
        if path.is_dir():  # our own files in it are gone by now
            raise AlreadyExistsError(
                f"{os.fspath(path)!r} is a folder with files of others, where a file "
                "belongs",
                kind=ErrorKind.LOCAL_CHANGES,
                hint="Move it away, and pull again.",
            )
        fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    return Seen(file.digest, Stamp.of(path.lstat()), this_boot())


def _clear_leftovers(target: Path, places: Iterable[str]) -> None:
    """Delete what an interrupted pull has left beside its files."""
    for folder in {(target / place if place else target).parent for place in places}:
        with suppress(OSError):
            for old in folder.iterdir():
                if _LEFTOVER.fullmatch(old.name):
                    old.unlink()


def _make_way(target: Path, path: Path) -> None:
    """Make the folders from a target to a file; a file of ours may stand there."""
    for above in reversed(path.parents):
        inside = above == target or target in above.parents
        if inside and not above.is_dir():
            above.unlink(missing_ok=True)
            above.mkdir()
    path.parent.mkdir(parents=True, exist_ok=True)


def _copy(source: Path, target: int, file: FileEntry) -> None:
    opened = open_file(source)
    try:
        done = copy(opened, 0, file.size, target, 0)
    finally:
        os.close(opened)
    algorithm = file.digest.partition(":")[0]
    hasher = new_hasher(algorithm)
    hash_range(target, 0, file.size, hasher, memoryview(bytearray(PIECE)))
    found = f"{algorithm}:{hasher.hexdigest()}"
    if done != file.size or found != file.digest:
        raise IntegrityError(
            f"{file.path} is {found} in the cache, expected {file.digest}",
            expected=file.digest,
            actual=found,
            hint="Call again; if it stays: modelver cache clear --all",
        )


def remove_file(target: Path, place: str) -> None:
    """Delete a restored file, and the folders that are empty then."""
    path = target / place if place else target
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()
    if not place:
        return
    for above in path.parents:
        with suppress(OSError):
            above.rmdir()
        if above == target:
            return
