"""Pinning a version: its pointer, its bytes, and what keeps Git from taking those."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import evolve

from modelver._bundle import local_path
from modelver._bundle.disk import translate
from modelver._pins.find import Home, Place, home_of
from modelver._pins.ignore import hold_in_git, ignore, write_text
from modelver._pins.lock import add_to_lock
from modelver._pins.places import (
    check_target_name,
    read_pointer,
    written,
)
from modelver._pins.pointer import SUFFIX, Pointer, check_registry, parse
from modelver._pins.pull import Pin, Puller, as_registry
from modelver._pins.source import Sources, files_of
from modelver._pins.trust import Trust
from modelver._registry.arguments import as_sequence
from modelver._registry.questions import RefLike
from modelver._registry.registry import Registry
from modelver._registry.version import ModelVersion
from modelver._values.manifest import ROLES
from modelver._values.ref import Ref
from modelver._values.text import quoted
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    FormatError,
    InvalidInputError,
    ModelverWarning,
)


def pin(
    ref: RefLike,
    folder: str | os.PathLike[str] | None = None,
    *,
    registry: Registry | str | os.PathLike[str] | None = None,
    roles: str | Iterable[str] = ("model",),
    file: str | None = None,
    name: str | None = None,
    hold: bool = False,
    lock: bool = False,
    force: bool = False,
    progress: Any = None,
) -> Pin:
    """Pin a version in a Git repository: write its pointer, and restore its bytes.

    The pointer is ``folder/NAME.mv.json``, small text that Git keeps; the bytes go
    beside it, to ``folder/NAME/``, and are added to ``folder/.gitignore``.

    Args:
        ref: What to pin: ``fraud@^1.2``. It is kept, for ``update``; what it means now
            is pinned.
        folder: Where; it is made where it is missing. None: only with *lock*.
        registry: A registry or its address; None: ``MODELVER_REGISTRY``.
        roles: Whose files to restore. Those of one role stand at the top of
            ``folder/NAME/``, those of several below their roles.
        file: Only this file of the bundle; it is restored as ``folder/FILE``.
        name: Instead of ``NAME``; the model's name if that is not given, with ``-``
            for ``/``, or the file's.
        hold: Write no pointer file: the files themselves are tracked, and Git holds
            their pointers. Needs ``modelver git install``, and *file*.
        lock: Note it in ``modelver.lock`` at the top of the repository as well.
        force: Overwrite what stands where the bytes go.
        progress: As for :meth:`Registry.register`.

    Returns:
        What was pinned.

    Raises:
        NotFoundError: There is no such version, or it has no such file.
        AlreadyExistsError: Another model is pinned there, or something stands where
            the bytes go.
        InvalidInputError: The folder lies outside of the repository, or what is
            given does not go together.
        ModelverError: The registry or the disk refuses.
    """
    opened = as_registry(registry) or Registry(read_only=True)
    version = opened.get(ref)
    asked = _asked(ref, version)
    if folder is None and not lock:
        raise InvalidInputError(
            "it is not said where to pin",
            hint="Name a folder, or pin it in modelver.lock: --lock.",
        )
    if folder is None:
        home = home_of(Path.cwd())
        return _lock(opened, version, asked, home, name)
    chosen = tuple(as_sequence(roles, "roles"))
    target, home = _target(local_path(folder, "the folder"), version, file, name)
    base, inner = target.parent, _whole(file)
    pointer = make_pointer(opened, version, asked, base, home, roles=chosen, file=inner)
    place = _place(target, home, held=hold)
    _check_free(place, home, pointer)
    sources = Sources(Trust(home.folder, home.git), opened)
    puller = Puller(home, sources, force=force, progress=progress)
    done = put_pin(puller, place, pointer)
    if lock:
        _lock(opened, version, asked, home, name)
    return done


def _lock(
    registry: Registry, version: ModelVersion, asked: str, home: Home, name: str | None
) -> Pin:
    pointer = make_pointer(registry, version, asked, home.folder, home)
    return add_to_lock(home, name or version.name, pointer)


def put_pin(puller: Puller, place: Place, pointer: Pointer) -> Pin:
    """Write a pointer and restore what it says, unless that would lose something."""
    home, target = puller.home, place.target()
    plan = puller.plan(place, pointer)
    puller.require_safe(place, pointer, plan)
    try:
        place.base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise translate(error, place.base) from error
    if home.git is not None and place.held:
        hold_in_git(target)
        done = puller.restore(place, pointer, plan)
        home.git.stage(target, pointer.dump())
        return done
    if home.git is not None:
        ignore(target, folder=pointer.file is None)
    write_text(place.pointer, pointer.dump())
    if home.git is not None and home.git.ignores(place.pointer):
        warnings.warn(
            f"{home.shown(place.pointer)} is ignored by Git; add it with: git add "
            "--force",
            ModelverWarning,
            stacklevel=3,
        )
    return puller.restore(place, pointer, plan)


def make_pointer(
    registry: Registry,
    version: ModelVersion,
    asked: str,
    base: Path,
    home: Home,
    *,
    roles: tuple[str, ...] = ("model",),
    file: str | None = None,
) -> Pointer:
    """Return the pointer to a version, as it is written in the folder *base*.

    Raises:
        InvalidInputError: A role is unknown.
        NotFoundError: The version has no such file.
    """
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles or len(set(roles)) < len(roles):
        raise InvalidInputError(
            f"roles are given as {', '.join(map(quoted, roles)) or 'none'}",
            hint=f"Give some of {', '.join(ROLES)}, each once.",
        )
    pointer = Pointer(
        registry=check_registry(written(registry.url, base, home.folder)),
        uuid=registry.uuid,
        ref=asked,
        version=version.version,
        digest=version.digest,
        roles=("model",) if file else roles,
        file=file,
    )
    files = files_of(version, pointer)
    if file is None:
        return pointer
    return evolve(pointer, content=files[""].digest, size=files[""].size)


def _asked(ref: RefLike, version: ModelVersion) -> str:
    """Return the ref to keep; it names the model."""
    named = isinstance(ref, str) and Ref.parse(ref).name is not None
    return str(ref) if named else version.ref


def _whole(file: str | None) -> str | None:
    """Return a path in the bundle; ``model/`` may be left out."""
    if file is None or file.partition("/")[0] in ROLES:
        return file
    return f"model/{file}"


def _target(
    folder: Path, version: ModelVersion, file: str | None, name: str | None
) -> tuple[Path, Home]:
    """Return where the bytes go, without links on the way, and whose home that is."""
    real = Path(os.path.realpath(folder))
    if ".git" in (part.casefold() for part in real.parts):
        raise InvalidInputError(
            f"{os.fspath(folder)!r} is Git's own folder", kind=ErrorKind.BAD_PATH
        )
    # A home is where the user is, if the folder is below it; else the folder's own.
    home = home_of(next(p for p in (real, *real.parents) if p.is_dir()))
    if home.git is None:
        here = Path.cwd().resolve()
        home = Home(here if real.is_relative_to(here) else real, None)
    inner = (file or "").rpartition("/")[2] or version.name.replace("/", "-")
    return real / check_target_name(name if name is not None else inner), home


def _place(target: Path, home: Home, *, held: bool) -> Place:
    if not held:
        return Place(target.with_name(target.name + SUFFIX))
    if home.git is None:
        raise InvalidInputError(
            f"{os.fspath(target.parent)!r} is in no Git work tree",
            hint="Git can hold pointers only for files of a repository.",
        )
    return Place(target, held=True)


def _check_free(place: Place, home: Home, pointer: Pointer) -> None:
    """Refuse to take the place of a pin of another model."""
    if place.held and pointer.file is None:
        raise InvalidInputError(
            "Git holds a pointer for each file: name one",
            hint="Add --file PATH; see modelver files REF.",
        )
    if place.held or not os.path.lexists(place.pointer):
        return
    try:
        there = parse(read_pointer(place.pointer), home.shown(place.pointer))
    except FormatError:
        if place.pointer.is_file() and not place.pointer.is_symlink():
            return  # a merge conflict, for instance: this is how to resolve it
        raise
    if there.name != pointer.name:
        raise AlreadyExistsError(
            f"{home.shown(place.pointer)!r} pins {there.name}, not {pointer.name}",
            hint="Give it another name: --as NAME.",
        )
