"""Restoring what pointers say: all of them, or those that were asked for."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from modelver._bundle.memory import Stamp
from modelver._pins.find import Home, Place, find_places, home_of
from modelver._pins.known import recall, remember
from modelver._pins.places import holds_pointer
from modelver._pins.pointer import Pointer
from modelver._pins.records import Record, Records, digests, look
from modelver._pins.restore import Plan, carry_out, make_plan, refuse_changed
from modelver._pins.source import Sources, files_of, local_copies
from modelver._pins.trust import Trust
from modelver._registry.registry import Registry
from modelver._values.manifest import FileEntry
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    InvalidInputError,
    ModelverError,
)

RESTORED = "restored"
UNCHANGED = "unchanged"
MISSING = "missing"
CHANGED = "changed"
REMOVED = "removed"
LEFT = "left"


@frozen(kw_only=True)
class Pin:
    """What became of one pin.

    Attributes:
        path: The pointer, as seen from the upper folder of the repository.
        target: What it restores, likewise.
        ref: What was asked for: ``fraud@^1.2``; empty where the pointer is gone.
        version: The exact ref that is pinned: ``fraud@1.4.0``; empty likewise.
        digest: The bundle's identity; empty likewise.
        state: ``restored``, ``unchanged``, ``locked``, ``removed`` (no pointer names it
            any more), ``left`` (nor this, but it was changed). Of a check: ``missing``
            (a pull would write or delete something) and ``changed`` (a user has).
    """

    path: str
    target: str
    ref: str
    version: str
    digest: str
    state: str

    @property
    def differs(self) -> bool:
        """Whether a check found it otherwise than its pointer says."""
        return self.state in {MISSING, CHANGED}

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON has it."""
        names = ("path", "target", "ref", "version", "digest", "state")
        return {name: getattr(self, name) for name in names}


class Puller:
    """Restores pins of one home, one after the other.

    Args:
        home: Where they are.
        sources: Where their bytes come from.
        force: Overwrite what a user has changed.
        progress: As for ``Registry.register``.
    """

    def __init__(
        self, home: Home, sources: Sources, *, force: bool = False, progress: Any = None
    ) -> None:
        self.home = home
        self.records = Records(home.folder, home.git)
        self.sources = sources
        self._force = force
        self._progress = progress
        self._plain: set[Path] = set()

    def check(self, place: Place) -> Pin:
        """Return what a pull would find; nothing is changed."""
        pin = place.read(self.home)
        plan = self.plan(place, pin)
        state = CHANGED if plan.changed else UNCHANGED if plan.is_done else MISSING
        return self._said(place, pin, state)

    def pull(self, place: Place) -> Pin:
        """Restore what a pin says.

        Raises:
            AlreadyExistsError: A user's changes would be lost.
            ModelverError: The pin cannot be read, or its bytes cannot be had.
        """
        return self.restore(place, place.read(self.home))

    def restore(self, place: Place, pin: Pointer, plan: Plan | None = None) -> Pin:
        """Restore a pin that was read already, as was planned."""
        plan = plan or self.plan(place, pin)
        self.require_safe(place, pin, plan)
        state = UNCHANGED if plan.is_done else RESTORED
        carry_out(plan, self.records, _same(pin), self._fetcher(place, pin))
        if place.held and self.home.git is not None:
            remember(self.home.git, pin, place.pointer)
            if state == RESTORED:
                self.home.git.stage(place.pointer, pin.dump())
        return self._said(place, pin, state)

    def is_stale(self, place: Place) -> bool:
        """Whether a pin has restored something here, and says otherwise now."""
        if not self.records.has(place.pointer):
            return False
        record = self.records.of(place.pointer, place.target())
        return record.same != _same(place.read(self.home))

    def require_safe(self, place: Place, pin: Pointer, plan: Plan) -> None:
        """Refuse a plan by which a user's changes would be lost."""
        if place.held:
            require_filter(self.home)
        if not self._force:
            says = f"{self.home.shown(place.pointer)} says {pin.exact}"
            refuse_changed(plan, says, self.home.shown)

    def plan(self, place: Place, pin: Pointer) -> Plan:
        """Look at what is there."""
        target = place.target()
        self._require_plain(place.base)
        record = self.records.of(place.pointer, target)
        if record.same == _same(pin):
            wanted = digests(record)
        else:
            files, _ = self._fetcher(place, pin, copies=False)()
            wanted = {place_: file.digest for place_, file in files.items()}
        if place.held:
            self._know_git(record, target, pin)
        return make_plan(target, record, wanted)

    def _require_plain(self, folder: Path) -> None:
        """Refuse to write into a folder that is reached through a link.

        Git keeps links out of the way of what it tracks, except where a file system
        takes two names for one.
        """
        if folder in self._plain:
            return
        if Path(os.path.realpath(folder)) != folder:
            raise AlreadyExistsError(
                f"{self.home.shown(folder)} is a link, or is reached through one; "
                "nothing is restored there",
                kind=ErrorKind.LOCAL_CHANGES,
                hint="Remove the link, and pull again.",
            )
        self._plain.add(folder)

    def _know_git(self, record: Record, target: Path, pin: Pointer) -> None:
        """Take for restored what Git has put there, by its filter.

        That is the bytes of another pin, or the text of one where there was no more to
        be had; both are nobody's change.
        """
        try:
            info = target.lstat()
            seen = record.files.get("")
            if seen is not None and seen.holds(Stamp.of(info)):
                return
            found = look(target, pin.digest.partition(":")[0]).digest
        except OSError:
            return
        git = self.home.git
        known = git is not None and recall(git, [found]) is not None
        if known or holds_pointer(target):
            record.coming[""] = found

    def _fetcher(
        self, place: Place, pin: Pointer, *, copies: bool = True
    ) -> Callable[[], tuple[Mapping[str, FileEntry], Mapping[str, Path]]]:
        where = self.home.shown(place.pointer)

        def fetch() -> tuple[Mapping[str, FileEntry], Mapping[str, Path]]:
            version = self.sources.version(pin, place.base, where)
            files = files_of(version, pin)
            if not copies:
                return files, {}
            return files, local_copies(version, pin, self._progress)

        return fetch

    def orphans(self, kept: Iterable[Place]) -> list[Record]:
        """Return the records of pointers that are not there any more."""
        here = {self.records.inside(place.pointer) for place in kept}
        taken = set()
        for place in kept:
            with suppress(InvalidInputError):  # it cannot be restored, and says so
                taken.add(self.records.inside(place.target()))
        found = []
        for record in self.records.every():
            if record.pointer in here or not record.places():
                continue  # or deleted before: it is known that it was here
            if record.pointer == record.target or record.target in taken:
                self.records.drop(record)  # it is Git's file, or another pin's
            elif not os.path.lexists(self.home.folder / record.pointer):
                found.append(record)
        return found

    def remove(self, record: Record) -> Pin:
        """Delete what a pointer has restored that is not there any more.

        What was changed since is left.
        """
        target = self.home.folder / record.target
        self._require_plain(target.parent)
        plan = make_plan(target, record, {})
        left = bool(plan.changed) and not self._force
        if not self._force:
            plan.changed.clear()
        carry_out(plan, self.records, [], lambda: ({}, {}))
        return _gone(record, LEFT if left else REMOVED)

    def _said(self, place: Place, pin: Pointer, state: str) -> Pin:
        return Pin(
            path=self.home.shown(place.pointer),
            target=self.home.shown(place.target()),
            ref=pin.ref,
            version=pin.exact,
            digest=pin.digest,
            state=state,
        )


def require_filter(home: Home) -> None:
    """Refuse to put bytes where Git would take them for its own.

    Raises:
        InvalidInputError: The filter is not installed.
    """
    if home.git is None or not home.git.has_filter():
        raise InvalidInputError(
            "Git is to hold pointers for files, and the filter for it is not installed",
            hint="Run: modelver git install",
        )


def _gone(record: Record, state: str) -> Pin:
    said = {"path": record.pointer, "target": record.target, "state": state}
    return Pin(ref="", version="", digest="", **said)


def _same(pin: Pointer) -> list[Any]:
    digest, roles, file = pin.same
    return [digest, list(roles), file]


def make_puller(
    *,
    registry: Registry | None = None,
    trust: Iterable[str] = (),
    cache: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: Any = None,
    folder: Path | None = None,
) -> Puller:
    """Return what restores the pins of the work tree around *folder*."""
    home = home_of(folder or Path.cwd())
    sources = Sources(Trust(home.folder, home.git, trust), registry, cache)
    return Puller(home, sources, force=force, progress=progress)


def pull(
    *paths: str | os.PathLike[str],
    check: bool = False,
    force: bool = False,
    trust: str | Iterable[str] = (),
    registry: Registry | str | os.PathLike[str] | None = None,
    progress: Any = None,
) -> list[Pin]:
    """Restore the bytes that pointer files pin, verified.

    Files that are as they should be are not touched. What a former pointer restored
    and the present one does not have is deleted, as far as it was not changed.

    Args:
        paths: Pointers, what they restore, or folders that they are below; none: all
            of the Git work tree around the working folder, else all below that.
        check: Change nothing; see :attr:`Pin.differs`.
        force: Overwrite what was changed since it was restored.
        trust: Addresses of registries that pointers may name, though they were never
            used on this machine.
        registry: Ask this one, whatever address a pointer names; it must be the same
            registry.
        progress: As for :meth:`Registry.register`.

    Returns:
        What became of each pin, sorted by path.

    Raises:
        AlreadyExistsError: Something was changed since it was restored
            (``LOCAL_CHANGES``).
        InvalidInputError: A path is no pin, or a pointer names a registry that is not
            known here (``UNTRUSTED_REGISTRY``).
        FormatError: A pointer is damaged.
        IntegrityError: A version has another digest than was pinned, or another
            registry stands at the address.
        ModelverError: The bytes cannot be had. Whatever is raised, every other pin
            was restored before.
    """
    named = [trust] if isinstance(trust, str) else list(trust)
    opened = as_registry(registry)
    puller = make_puller(registry=opened, trust=named, force=force, progress=progress)
    return pull_all(puller, paths, check=check)


def pull_all(
    puller: Puller, paths: Iterable[str | os.PathLike[str]], *, check: bool = False
) -> list[Pin]:
    """Pull or check pins; the first error is raised when all others are done."""
    asked = list(paths)
    places = find_places(puller.home, asked)
    found, errors = each(places, puller.check if check else puller.pull)
    if not asked:
        do = (lambda record: _gone(record, MISSING)) if check else puller.remove
        gone, more = each(puller.orphans(places), do)
        found, errors = found + gone, errors + more
    raise_first(errors)
    return sorted(found, key=lambda pin: pin.path)


def each(
    things: Iterable[Any], do: Callable[[Any], Pin]
) -> tuple[list[Pin], list[ModelverError]]:
    """Do something to each; one that fails does not keep the others from it."""
    found, errors = [], []
    for thing in things:
        try:
            found.append(do(thing))
        except ModelverError as error:
            errors.append(error)
    return found, errors


def raise_first(errors: list[ModelverError]) -> None:
    """Raise the first of some errors, with a word of the others."""
    if not errors:
        return
    first, *others = errors
    for error in others[:10]:
        first.add_note(f"And: {error.message}")
    if others[10:]:
        first.add_note(f"And {len(others) - 10} more pins could not be restored.")
    raise first


def as_registry(given: Any) -> Registry | None:
    """Return the registry that a caller means by a registry or an address."""
    if given is None or isinstance(given, Registry):
        return given
    if isinstance(given, str | os.PathLike):
        return Registry(given, read_only=True)
    raise InvalidInputError(
        f"the registry is given as {type(given).__name__}, expected a Registry or an "
        "address"
    )
