"""Finding pointers: files of their own, and files that Git holds as pointers."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote
from typing import Final

from attrs import frozen

from modelver._pins.git import FILTER, Git, find_git
from modelver._pins.places import read_pointer, target_of
from modelver._pins.pointer import MAX_POINTER, SUFFIX, Pointer, parse
from modelver._values.text import quoted
from modelver.errors import ErrorKind, FormatError, InvalidInputError

MOST: Final = 100_000
"""More pointers than that are a mistake."""
_MOST_ENTRIES: Final = 2_000_000
_STAGED: Final = 4  # fields before the path: tag, mode, name, stage


@frozen
class Home:
    """Where pointers are looked for, and what they may reach.

    Attributes:
        folder: Its upper folder, without links.
        git: The work tree; None where it is none.
    """

    folder: Path
    git: Git | None

    def shown(self, path: Path) -> str:
        """Return a path for messages, as seen from here."""
        inside = path.is_relative_to(self.folder)
        return path.relative_to(self.folder).as_posix() if inside else os.fspath(path)


def home_of(folder: Path) -> Home:
    """Return the work tree that holds *folder*; else that folder itself."""
    git = find_git(folder)
    real = Path(os.path.realpath(folder))
    return Home(git.top, git) if git is not None else Home(real, None)


@frozen
class Place:
    """One pin where it was found.

    Attributes:
        pointer: The pointer file; of a file that Git holds as one, the file itself.
        held: Whether Git holds it, and the file has the bytes.
        raw: The text that Git holds; None where there is none, or not one alone.
    """

    pointer: Path
    held: bool = False
    raw: bytes | None = None

    @property
    def base(self) -> Path:
        """The folder that the registry's address is seen from."""
        return self.pointer.parent

    def target(self) -> Path:
        """Return where the bytes go.

        Raises:
            InvalidInputError: No file can be called so on every system.
        """
        return self.pointer if self.held else target_of(self.pointer)

    def read(self, home: Home) -> Pointer:
        """Return the pin.

        Raises:
            FormatError: It is none.
            StorageError: It cannot be read.
        """
        where = home.shown(self.pointer)
        if not self.held:
            return parse(read_pointer(self.pointer), where)
        if self.raw is None:
            raise FormatError(
                f"{where}: Git holds no pointer for it",
                hint="If a merge could not decide: "
                f"git checkout --theirs -- {quote(where)} (or --ours). Or pin again.",
                path=where,
            )
        return parse(self.raw, where)


def find_places(home: Home, paths: Iterable[str | os.PathLike[str]]) -> list[Place]:
    """Return the pins of *paths*; without any, those of all of *home*.

    Args:
        home: Where to look.
        paths: A pointer, what it restores, or a folder that they are below.

    Raises:
        InvalidInputError: A path is none of them, or lies outside of *home*.
    """
    from modelver._bundle import local_path  # noqa: PLC0415 - as in places.py

    every = _every(home)
    asked = [_inside(home, local_path(path, "the path")) for path in paths]
    if not asked:
        return every
    by_path = {place.pointer: place for place in every}
    found: dict[Path, Place] = {}
    for path in asked:
        pointer = path.with_name(path.name + SUFFIX) if path != home.folder else path
        if path in by_path or pointer in by_path:
            one = path if path in by_path else pointer
            found[one] = by_path[one]
        elif path.name.endswith(SUFFIX) and os.path.lexists(path):
            found[path] = Place(path)  # one that Git ignores
        elif path.is_dir():
            found |= {p: by_path[p] for p in by_path if p.is_relative_to(path)}
        else:
            raise InvalidInputError(
                f"{quoted(os.fspath(path))} is no pointer, and nothing that one "
                "restores",
                kind=ErrorKind.MISSING_FILE,
                hint=f"Give a file that ends in {SUFFIX}, or a folder above some.",
            )
    return list(found.values())


def _inside(home: Home, path: Path) -> Path:
    """Return a path without links on its way, if it lies in *home*."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - the last part may be a link
    real = Path(os.path.realpath(path.parent)) / path.name
    if path.resolve() == home.folder:
        return home.folder
    if ".git" in (part.casefold() for part in real.parts):
        raise InvalidInputError(
            f"{quoted(os.fspath(path))} is Git's own", kind=ErrorKind.BAD_PATH
        )
    if not real.is_relative_to(home.folder):
        raise InvalidInputError(
            f"{quoted(os.fspath(path))} lies outside of {os.fspath(home.folder)!r}",
            kind=ErrorKind.BAD_PATH,
            hint="Go there first.",
        )
    return real


def _every(home: Home) -> list[Place]:
    found: dict[str, None] = {}
    held: dict[str, bytes | None] = {}
    if home.git is None:
        found = dict.fromkeys(_walk(home.folder))
    else:
        ask = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--")
        found = dict.fromkeys(home.git.listed(*ask, f"*{SUFFIX}"))
        held = _held(home.git)
    places = []
    for inside in sorted({*found, *held} - {""}):
        path = home.folder / inside
        if inside in held:
            places.append(Place(path, held=True, raw=held[inside]))
        elif os.path.lexists(path):  # else it is tracked, and deleted
            places.append(Place(path))
        if len(places) > MOST:
            raise InvalidInputError(
                f"there are more than {MOST:,} pointers",
                kind=ErrorKind.TOO_LARGE,
                hint="Name folders: modelver pull FOLDER ...",
            )
    return places


def _held(git: Git) -> dict[str, bytes | None]:
    """Return what Git holds as pointers: paths from the top, and the texts.

    One that a merge could not decide has none.
    """
    # The question is asked of every path in the index; few repositories ask for it.
    ask = ("ls-files", "-z", "-t", "--stage", "--", f":(top,attr:filter={FILTER})")
    names: dict[str, str | None] = {}
    for line in git.listed(*ask):
        said, tab, path = line.partition("\t")
        fields = said.split(" ")
        # Of a sparse checkout, what is left out has an S.
        if tab and len(fields) == _STAGED and fields[0] != "S":
            names[path] = fields[2] if fields[3] == "0" else None
        if len(names) > MOST:
            break
    texts = git.blobs([name for name in names.values() if name], MAX_POINTER)
    return {path: texts.get(name or "") for path, name in names.items()}


def _walk(folder: Path) -> Iterator[str]:
    """Yield the pointers below a folder that is in no work tree; no link is followed.

    Neither other repositories are looked into, nor what pointers have restored.
    """
    waiting, seen = [folder], 0
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                found = {entry.name: entry for entry in entries}
        except OSError:
            continue
        seen += len(found)
        if seen > _MOST_ENTRIES:
            raise InvalidInputError(
                f"below {os.fspath(folder)!r} are more than {_MOST_ENTRIES:,} files",
                kind=ErrorKind.TOO_LARGE,
                hint="Name folders: modelver pull FOLDER ...",
            )
        if here != folder and ".git" in found:
            continue
        for name, entry in found.items():
            if name.endswith(SUFFIX) and name != SUFFIX:
                yield (here / name).relative_to(folder).as_posix()
            elif name + SUFFIX not in found and entry.is_dir(follow_symlinks=False):
                waiting.append(here / name)
