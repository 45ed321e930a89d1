"""Lock files beside the code: which there are, and whether they are what is installed.

They are text that somebody else may have written: what cannot be read is passed over.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from modelver._values.distributions import normalised
from modelver._values.jsonstrict import loads
from modelver._values.text import term_safe
from modelver.errors import FormatError

_NAMES: Final = frozenset(
    {
        "Pipfile.lock",
        "conda-lock.yml",
        "environment.yaml",
        "environment.yml",
        "pdm.lock",
        "pixi.lock",
        "poetry.lock",
        "pylock.toml",
        "uv.lock",
    }
)
_LONGEST: Final = 16 * 2**20
_MOST_FILES: Final = 20
_MOST_LINES: Final = 50_000
_MOST_SAID: Final = 20
_OPEN: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def _is_lock(name: str) -> bool:
    if name in _NAMES:
        return True
    if name.startswith("pylock."):
        return name.endswith(".toml")
    return name.startswith("requirements") and name.endswith(".txt")


def find_locks(folder: Path) -> list[Path]:
    """Return the lock files that lie in a folder, sorted by name.

    They are regular files (no links) of at most 16 MiB, at most 20 of them:
    ``uv.lock``, ``poetry.lock``, ``pdm.lock``, ``pylock.toml``, ``pylock.*.toml``,
    ``Pipfile.lock``, ``requirements*.txt``, ``environment.yml``, ``conda-lock.yml``,
    ``pixi.lock``.

    Args:
        folder: The top of the code. What cannot be read has none.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(e.name for e in entries if _is_lock(e.name) and _is_plain(e))
    except (OSError, ValueError):
        return []
    return [Path(folder) / name for name in found[:_MOST_FILES]]


def _is_plain(entry: os.DirEntry[str]) -> bool:
    try:
        info = entry.stat(follow_symlinks=False)
        entry.name.encode()
    except (OSError, UnicodeEncodeError):
        return False
    return stat.S_ISREG(info.st_mode) and info.st_size <= _LONGEST


def _text(path: Path) -> str | None:
    try:
        with os.fdopen(os.open(path, _OPEN), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            data = file.read(_LONGEST + 1)
        return data.decode("utf-8-sig") if len(data) <= _LONGEST else None
    except (OSError, ValueError):
        return None


def lock_drift(paths: Iterable[Path], packages: Mapping[str, str]) -> list[str]:
    """Return a sentence for each package that is installed otherwise than it is locked.

    A lock may pin what this machine does not need: what is not installed says nothing.
    Of a package that is pinned several times, for several machines, one pin is enough.

    Args:
        paths: Lock files, see :func:`find_locks`.
        packages: Normalised name to installed version.

    Returns:
        At most 20, and then how many more there are.
    """
    said = []
    for path in paths:
        text = _text(path)
        if text is not None:
            said += text_drift(path.name, text, packages)
    more = len(said) - _MOST_SAID
    return said if more <= 0 else [*said[:_MOST_SAID], f"... and {more} more"]


def text_drift(name: str, text: str, packages: Mapping[str, str]) -> list[str]:
    """Return a sentence for each package that one lock pins otherwise.

    Args:
        name: Of the lock file; it says which kind it is.
        text: What it holds.
        packages: Normalised name to installed version.
    """
    pins: dict[str, set[str]] = {}
    for package, version in _pins(name, text):
        pins.setdefault(package, set()).add(version)
    said = []
    for package, versions in sorted(pins.items()):
        have = packages.get(package)
        if have is not None and not _is_one_of(have, versions):
            pinned = " or ".join(sorted(versions))[:200]
            said.append(f"{name} pins {package} to {pinned}, installed is {have}")
    return [term_safe(sentence) for sentence in said]


def _is_one_of(installed: str, pinned: Iterable[str]) -> bool:
    """Whether a version is pinned; a pin without a local label means any label."""
    from packaging.version import (  # noqa: PLC0415 - most registrations have no lock
        InvalidVersion,
        Version,
    )

    for text in pinned:
        if text == installed:
            return True
        try:
            want, have = Version(text), Version(installed)
        except InvalidVersion:
            continue
        if want == have or (want.local is None and want.public == have.public):
            return True
    return False


def lock_has_hashes(path: Path) -> bool:
    """Whether every pin of a lock file comes with a hash of the files."""
    text = _text(path)
    if text is None:
        return False
    name = path.name
    if name.startswith("requirements"):
        lines = [line for line in _joined(text) if _pin_of(line) is not None]
        others = [line for line in _joined(text) if _is_wanted(line)]
        return bool(lines) and all("--hash=" in line for line in others)
    if name.endswith((".lock", ".toml")) and name not in ("pixi.lock", "Pipfile.lock"):
        every = list(_toml_packages(text))
        return bool(every) and all(_has_hash(each) for each in every)
    if name == "Pipfile.lock":
        found = list(_pipfile_packages(text))
        return bool(found) and all(each.get("hashes") for _, each in found)
    return name in ("pixi.lock", "conda-lock.yml") and "sha256:" in text


def _has_hash(package: Mapping[str, Any]) -> bool:
    """Whether a package has hashes, or needs none: a folder, a commit."""
    source = package.get("source")
    if isinstance(source, Mapping) and not ({"registry", "url"} & set(source)):
        return True
    if {"vcs", "directory"} & set(package):
        return True
    wheels = package.get("wheels", package.get("files"))
    files = list(wheels) if isinstance(wheels, list) else []
    files += [package[key] for key in ("sdist", "archive") if key in package]
    return bool(files) and all(
        isinstance(file, Mapping) and bool(file.get("hash") or file.get("hashes"))
        for file in files
    )


def _pins(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of each pin that a lock file holds."""
    if name.startswith("requirements"):
        yield from filter(None, map(_pin_of, _joined(text)))
    elif name == "Pipfile.lock":
        for package, each in _pipfile_packages(text):
            version = str(each.get("version", ""))
            if version.startswith("=="):
                yield normalised(package), version[2:].strip()
    elif name.endswith((".lock", ".toml")) and name != "pixi.lock":
        for each in _toml_packages(text):
            called, pinned = each.get("name"), each.get("version")
            if isinstance(called, str) and isinstance(pinned, str):
                yield normalised(called), pinned


def _toml_packages(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the packages of a uv, poetry or pdm lock (``package``) or a pylock."""
    import tomllib  # noqa: PLC0415 - most registrations have no lock

    try:
        said = tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    for key in ("package", "packages"):
        found = said.get(key)
        for each in found if isinstance(found, list) else ():
            if isinstance(each, Mapping):
                yield each


def _pipfile_packages(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        said = loads(text.encode(), limit=_LONGEST)
    except FormatError:
        return
    for group in ("default", "develop"):
        found = said.get(group) if isinstance(said, Mapping) else None
        for package, each in found.items() if isinstance(found, Mapping) else ():
            if isinstance(each, Mapping):
                yield package, each


def _joined(text: str) -> Iterator[str]:
    """Yield the lines of a requirements file, joined where a backslash ends one."""
    whole = text.replace("\\\r\n", " ").replace("\\\n", " ")
    for line in whole.splitlines()[:_MOST_LINES]:
        yield line.strip()


def _is_wanted(line: str) -> bool:
    return bool(line) and not line.startswith(("#", "-"))


def _pin_of(line: str) -> tuple[str, str] | None:
    """Return name and version of ``name==version``; None for any other line."""
    if not _is_wanted(line):
        return None
    from packaging.requirements import Requirement  # noqa: PLC0415 - as above

    try:
        wanted = Requirement(line.partition(" #")[0].partition(" --")[0].strip())
        here = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
    except Exception:  # noqa: BLE001 - a marker may ask for anything
        return None
    exact = [s for s in wanted.specifier if s.operator in ("==", "===")]
    if not here or len(exact) != 1 or exact[0].version.endswith(".*"):
        return None
    return normalised(wanted.name), exact[0].version
