"""The files of a work tree and of the submodules in it, with what Git LFS keeps."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self

from attrs import Factory, define, evolve, frozen

from modelver._capture.git.changes import changes_of, is_dirty
from modelver._capture.git.choose import Chooser
from modelver._capture.git.listing import Listing, listing_of
from modelver._capture.git.pointers import pointers_at
from modelver._capture.git.repository import Repository
from modelver._capture.git.state import LfsFile, Submodule
from modelver._values.lfs import LFS_HEAD, LfsPointer, is_lfs_pointer
from modelver._values.text import term_safe

MAX_FILES: Final = 5000
"""Files that are code; more are no longer taken for it."""
MAX_BYTES: Final = 256 * 2**20
"""Bytes of all of them together."""

_MOST_SUBMODULES: Final = 64
_MOST_LEVELS: Final = 5
# Where nobody says that a file is one of Git LFS, only those are looked into that have
# the size of a pointer: three lines, without extensions.
_LEAST_POINTER: Final = 100
_MOST_POINTER: Final = 256
_ENCRYPTED: Final = "is kept encrypted in Git"
_NOT_CHECKED_OUT: Final = "is a submodule that is not checked out"
_UNLISTED: Final = "is a submodule whose files Git cannot list"
_INNER: Final = "is a repository of its own, and no submodule"


@frozen(kw_only=True)
class Wish:
    """What is asked for.

    Attributes:
        exclude: Files and folders that are passed over, wherever they are.
        secret: From a path to why its name gives it away, or None.
        below: Folder that everything is taken from; empty: all of the work tree.
        prefix: What is put before the names of files in the bundle.
        level: How many submodules this one lies in.
    """

    exclude: tuple[Path, ...] = ()
    secret: Callable[[str], str | None]
    below: str = ""
    prefix: str = ""
    level: int = 0

    def excluded(self, root: Path) -> list[str]:
        """Return what is passed over as paths below *root*."""
        found = []
        for place in self.exclude:
            whole = Path(os.path.realpath(place))
            if root.is_relative_to(whole):
                return [""]
            if whole.is_relative_to(root):
                found.append(whole.relative_to(root).as_posix())
        return found

    def inner(self, path: str) -> str:
        """Return what a file of the work tree is called below the bundle's code."""
        below = f"{self.below}/" if self.below else ""
        return self.prefix + path.removeprefix(below)


@define(kw_only=True)
class Part:
    """What was found so far; the paths are those of :class:`CodeTree`."""

    files: dict[str, int] = Factory(dict)
    omitted: dict[str, str] = Factory(dict)
    untracked: list[str] = Factory(list)
    submodules: list[Submodule] = Factory(list)
    lfs: list[LfsFile] = Factory(list)
    warnings: list[str] = Factory(list)
    too_large: bool = False

    def take(self, other: Self, path: str) -> None:
        """Take what was found in the submodule at *path*."""
        self.files |= other.files
        self.omitted |= other.omitted
        self.untracked += [f"{path}/{one}" for one in other.untracked]
        self.submodules += [
            evolve(m, path=f"{path}/{m.path}") for m in other.submodules
        ]
        self.lfs += [evolve(f, path=f"{path}/{f.path}") for f in other.lfs]
        self.warnings += other.warnings
        self.too_large |= other.too_large


def shown(path: str | bytes) -> str:
    """Return a path as a record can hold it: what is no text becomes visible."""
    return term_safe(os.fsdecode(path))


def gather(repository: Repository, root: Path, wish: Wish) -> Part | None:
    """Return the files of one work tree, and of its submodules.

    None where git could not list them, or not in time.

    Args:
        repository: Opened at *root*.
        root: Top of the work tree, without links.
        wish: What is asked for.
    """
    part = Part()
    excluded = wish.excluded(root)
    if "" in excluded:
        return part
    listing = listing_of(repository, wish.below, excluded)
    if listing is None:
        return None
    part.untracked = [shown(path) for path in sorted(listing.untracked)]
    part.too_large = not listing.whole or len(listing.paths) > MAX_FILES
    if not part.too_large:
        _choose(repository, root, wish, listing, part)
    _submodules(repository, root, wish, listing, part)
    for path in listing.inner:
        part.omitted[wish.inner(shown(path))] = _INNER
    return part


def _choose(
    repository: Repository,
    root: Path,
    wish: Wish,
    listing: Listing,
    part: Part,
) -> None:
    paths = listing.paths
    chooser = Chooser(
        root,
        listed=frozenset(paths),
        secret=wish.secret,
        excluded=wish.excluded(root),
    )
    filters = repository.attributes("filter", paths)
    pointers = _pointers(repository, listing, filters)
    not_here = hidden = 0
    for path in paths:
        text = os.fsdecode(path)
        inner = wish.inner(text)
        chosen = chooser.choose(text, inner)
        if path in listing.skipped:
            not_here += chosen is None
            hidden += chosen is not None
        here = None
        if chosen is not None:
            why = chosen.why or (
                _ENCRYPTED if b"crypt" in filters.get(path, b"") else None
            )
            if why is not None:
                part.omitted[shown(inner)] = why
            else:
                part.files[inner] = chosen.size
                most = LFS_HEAD if path in pointers else _MOST_POINTER
                if _LEAST_POINTER <= chosen.size < most:
                    here = _pointer_in(root / text)
        pointer = here or pointers.get(path)
        if pointer is not None:
            file = LfsFile(
                path=shown(path),
                oid=pointer.oid,
                size=pointer.size,
                present=chosen is not None and here is None,
            )
            part.lfs.append(file)
    _say(part, not_here, hidden)


def _pointers(
    repository: Repository, listing: Listing, filters: Mapping[bytes, bytes]
) -> Mapping[bytes, LfsPointer]:
    """Return what the index has for the files that Git LFS is to keep."""
    oids = {p: oid for p, oid in listing.tracked.items() if filters.get(p) == b"lfs"}
    known = pointers_at(repository, oids.values())
    return {path: known[oid] for path, oid in oids.items() if oid in known}


def _pointer_in(place: Path) -> LfsPointer | None:
    """Return the pointer that lies where the real bytes should be, or None."""
    try:
        with place.open("rb") as file:
            return is_lfs_pointer(file.read(LFS_HEAD))
    except OSError:
        return None


def _say(part: Part, not_here: int, hidden: int) -> None:
    missing = sum(not file.present for file in part.lfs)
    if not_here:
        part.warnings.append(
            f"{not_here:,} tracked files are not checked out (sparse checkout)"
        )
    if hidden:
        part.warnings.append(
            f"Git was told not to look at {hidden:,} of the tracked files: whether "
            "they differ from the commit is unknown"
        )
    if missing:
        part.warnings.append(
            f"the bytes of {missing:,} files of Git LFS are not here: run git lfs pull"
        )


def _submodules(
    repository: Repository, root: Path, wish: Wish, listing: Listing, part: Part
) -> None:
    for path, oid in sorted(listing.links.items())[:_MOST_SUBMODULES]:
        name = shown(path)
        text = os.fsdecode(path)
        inner = wish.inner(text)
        folder = root / text
        found = None
        if wish.level < _MOST_LEVELS:
            found = repository_at(folder, repository.git.deadline)
        commit = found.head() if found is not None else None
        if found is None or commit is None:
            part.submodules.append(
                Submodule(path=name, commit=oid.decode(), dirty=None)
            )
            part.omitted[shown(inner)] = _NOT_CHECKED_OUT
            continue
        dirty = is_dirty(found, changes_of(found)[1])
        part.submodules.append(Submodule(path=name, commit=commit, dirty=dirty))
        if dirty:
            part.warnings.append(
                f"the submodule {name} has changes that no patch holds"
            )
        if not part.too_large:
            further = evolve(wish, below="", prefix=f"{inner}/", level=wish.level + 1)
            inside = gather(found, folder, further)
            if inside is None:
                part.omitted[shown(inner)] = _UNLISTED
            else:
                part.take(inside, name)
    if len(listing.links) > _MOST_SUBMODULES:
        part.warnings.append(
            f"only {_MOST_SUBMODULES} of the {len(listing.links):,} submodules were "
            "looked at"
        )


def repository_at(top: Path, deadline: float | None = None) -> Repository | None:
    """Return the repository whose work tree begins at *top*, or None.

    None where *top* leads through a link: what lies elsewhere is not meant.
    """
    if not os.path.lexists(top / ".git"):
        return None
    repository = Repository.at(top, deadline)
    if repository is None or not repository.go_to_top():
        return None
    return repository if repository.git.folder == top else None
