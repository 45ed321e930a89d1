"""Moving pins: to what their refs mean now."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from modelver._pins.find import Place, find_places
from modelver._pins.lock import lock_path, read_lock, write_lock
from modelver._pins.pinning import make_pointer, put_pin
from modelver._pins.pointer import Pointer
from modelver._pins.pull import Puller, as_registry, make_puller, raise_first
from modelver._registry.registry import Registry
from modelver._values.names import near
from modelver._values.text import quoted
from modelver.errors import ErrorKind, ModelverError, NotFoundError


@frozen(kw_only=True)
class Move:
    """A pin whose ref means another version now.

    Attributes:
        path: The pointer, or the lock.
        name: The model; in a lock, as it calls it.
        ref: What was asked for: ``fraud@^1.2``.
        old: The exact ref that was pinned.
        new: The one that it means now; the same where nothing moved.
    """

    path: str
    name: str
    ref: str
    old: str
    new: str

    @property
    def moved(self) -> bool:
        """Whether it means another version now."""
        return self.old != self.new

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON has it."""
        names = ("path", "name", "ref", "old", "new")
        return {name: getattr(self, name) for name in names}


def update(
    *names: str,
    dry_run: bool = False,
    force: bool = False,
    trust: str | Iterable[str] = (),
    registry: Registry | str | os.PathLike[str] | None = None,
    progress: Any = None,
) -> list[Move]:
    """Move pins to what their refs mean now: pointer files, and ``modelver.lock``.

    Args:
        names: Models, pointers, or what those restore; none: every pin of the Git
            work tree around the working folder.
        dry_run: Only say what would move.
        force: Overwrite what was changed since it was restored.
        trust: As for ``pull``.
        registry: As for ``pull``.
        progress: As for :meth:`Registry.register`.

    Returns:
        Every pin that was looked at, sorted by path; see :attr:`Move.moved`.

    Raises:
        NotFoundError: A name is pinned nowhere, or a ref means nothing any more.
        ModelverError: As for ``pull``. Whatever is raised, every other pin was moved.
    """
    named = [trust] if isinstance(trust, str) else list(trust)
    opened = as_registry(registry)
    puller = make_puller(registry=opened, trust=named, force=force, progress=progress)
    return update_all(puller, names, dry_run=dry_run)


def update_all(puller: Puller, names: Iterable[str], *, dry_run: bool) -> list[Move]:
    """Move pins; the first error is raised when all others are done."""
    mover = _Mover(puller, list(names), dry_run=dry_run)
    mover.move_pointers()
    mover.move_lock()
    mover.check_names()
    raise_first(mover.errors)
    return sorted(mover.found, key=lambda move: (move.path, move.name))


class _Mover:
    def __init__(self, puller: Puller, names: list[str], *, dry_run: bool) -> None:
        self._puller = puller
        self._names = names
        self._unused = set(names)
        self._dry = dry_run
        self.found: list[Move] = []
        self.errors: list[ModelverError] = []

    def _wants(self, *words: str) -> bool:
        used = {name for name in self._names if name.rstrip("/") in words}
        self._unused -= used
        return bool(used) or not self._names

    def move_pointers(self) -> None:
        """Move pointer files, and the pointers that Git holds."""
        home = self._puller.home
        for place in find_places(home, []):
            shown = home.shown(place.pointer)
            try:
                pin = place.read(home)
                here = os.path.relpath(place.pointer)
                plain = (home.shown(place.target()), os.path.relpath(place.target()))
                if self._wants(pin.name, shown, here, *plain):
                    self._move(place, pin, shown)
            except ModelverError as error:
                if not self._names or self._wants(shown):
                    self.errors.append(error)

    def _move(self, place: Place, pin: Pointer, shown: str) -> None:
        fresh = self._now(pin, place.base, shown)
        move = Move(
            path=shown, name=pin.name, ref=pin.ref, old=pin.exact, new=fresh.exact
        )
        if move.moved and not self._dry:
            put_pin(self._puller, place, fresh)
        self.found.append(move)

    def move_lock(self) -> None:
        """Move what is in the lock."""
        home = self._puller.home
        path = lock_path(home.folder)
        try:
            pins = read_lock(path)
            for name, pin in pins.items():
                if self._wants(name, pin.name):
                    fresh = self._now(pin, home.folder, home.shown(path))
                    pins[name] = fresh
                    move = Move(
                        path=home.shown(path),
                        name=name,
                        ref=pin.ref,
                        old=pin.exact,
                        new=fresh.exact,
                    )
                    self.found.append(move)
            if not self._dry and pins != read_lock(path):
                write_lock(path, pins)
        except ModelverError as error:
            self.errors.append(error)

    def _now(self, pin: Pointer, base: Path, where: str) -> Pointer:
        """Return what a pin's ref means now."""
        sources = self._puller.sources
        registry = sources.registry(pin, base, where)
        version = registry.get(pin.ref)
        if version.version == pin.version:
            sources.version(pin, base, where)  # its digest may not have changed
            return pin
        home = self._puller.home
        fresh = make_pointer(
            registry, version, pin.ref, base, home, roles=pin.roles, file=pin.file
        )
        return pin.moved_to(fresh)

    def check_names(self) -> None:
        """Say which of the names that were given are pinned nowhere."""
        for name in sorted(self._unused):
            known = {move.name for move in self.found}
            self.errors.append(
                NotFoundError(
                    f"{quoted(name)} is pinned nowhere here",
                    kind=ErrorKind.MODEL,
                    hint="Name a model, a pointer file, or what one restores.",
                    ref=name,
                    near=near(name, known),
                )
            )
