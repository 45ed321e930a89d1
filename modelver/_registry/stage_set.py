"""The folder that a version is made again in: files where the command wants them."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from modelver._values.entry import Recipe
from modelver._values.text import quoted
from modelver.errors import ErrorKind, FormatError

_ROLES = ("code", "config", "data")


def inside(top: Path, place: str) -> Path:
    """Return where *place* is below *top*; what leads out of it is refused.

    A registry may be hostile: a recipe is data that somebody else has written.

    Raises:
        FormatError: It leads out, or is no plain relative path.
    """
    parts = PurePosixPath(place).parts
    if (
        place.startswith("/")
        or "\\" in place
        or "\0" in place
        or any(part == ".." or ":" in part for part in parts)
    ):
        raise FormatError(
            f"the recipe names {quoted(place)}, which is no path below its folder",
            kind=ErrorKind.MALFORMED,
            hint="Whoever wrote it can no longer be trusted: do not run it.",
        )
    found = top.joinpath(*parts)
    if not Path(os.path.realpath(found)).is_relative_to(os.path.realpath(top)):
        raise FormatError(
            f"the recipe names {quoted(place)}, which leads out through a link",
            kind=ErrorKind.MALFORMED,
            hint="Whoever wrote it can no longer be trusted: do not run it.",
        )
    return found


def set_stage(
    top: Path, version: Path, recipe: Recipe, fetched: Mapping[str, Path]
) -> None:
    """Put code, configuration and data where the command finds them.

    Args:
        top: The folder to make.
        version: Where the version is checked out: ``code/...``, ``data/...``.
        recipe: Where things lie.
        fetched: ``data/<name>`` of inputs that were not copied to where they are now.
    """
    top.mkdir(parents=True)
    if (version / "code").is_dir():
        _put(version / "code", inside(top, recipe.sources.get("code", ".")))
    for path, place in sorted(recipe.sources.items()):
        role = path.partition("/")[0]
        if path == "code" or role not in _ROLES:
            continue
        source = fetched.get(path) or inside(version, path)
        if source.exists():
            _put(source, inside(top, place))
    for name, place in recipe.outputs.items():
        _make_room(inside(top, place), top, folder="/" not in name)
    for place in recipe.metrics:
        _make_room(inside(top, place), top, folder=False)
    inside(top, recipe.folder).mkdir(parents=True, exist_ok=True)


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _make_room(place: Path, top: Path, *, folder: bool) -> None:
    """Take away what lies where the command writes: it is not what the command makes.

    The folder that it writes to was there, so it is made.
    """
    if place == top:
        return
    if place.is_dir():
        shutil.rmtree(place)
    elif place.exists():
        place.unlink()
    (place if folder else place.parent).mkdir(parents=True, exist_ok=True)


def files_below(top: Path, recipe: Recipe) -> dict[str, Path]:
    """Return path in the bundle to file, of everything that the command left.

    Links are not followed: they could lead anywhere.
    """
    found: dict[str, Path] = {}
    for name, place in recipe.outputs.items():
        path = inside(top, place)
        if path.is_dir():
            found |= {f"{name}/{inner}": file for inner, file in _walk(path)}
        elif path.is_file():
            found[_named(name, path)] = path
    return found


def _named(name: str, path: Path) -> str:
    return name if "/" in name else f"{name}/{path.name}"


def _walk(folder: Path) -> Iterable[tuple[str, Path]]:
    for above, _, names in os.walk(folder):
        for name in names:
            path = Path(above, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path
