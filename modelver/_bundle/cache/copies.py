"""The copies in the cache as a whole: what lies there, and what goes."""

import contextlib
import os
import re
import time
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from modelver._bundle.cache.bounds import Bounds
from modelver._bundle.cache.claim import is_claimed
from modelver._bundle.cache.places import remove_tree

_HEX: Final = re.compile(r"[0-9a-f]{32}")
_GONE: Final = ".gone-"
_SWEPT: Final = ".swept"
_DAY: Final = 86400.0
# How much may have come, and how much time passed, before all is looked through again.
_SHARE: Final = 256
_SECONDS: Final = 600.0


@frozen(kw_only=True)
class CachedCopy:
    """What is kept of one manifest's files.

    Attributes:
        path: The folder.
        size: Bytes.
        files: How many.
        used: When it was last handed out, in seconds since 1970.
    """

    path: Path
    size: int
    files: int
    used: float

    @property
    def registry(self) -> str:
        """The uuid of the registry."""
        return self.path.parent.name

    @property
    def manifest(self) -> str:
        """The first 32 hex digits of the manifest's digest."""
        return self.path.name


def cached_registries(cache: Path) -> list[Path]:
    """Return the folders of the registries that a cache has something of."""
    return sorted(_folders(cache))


def cached_copies(registry: Path) -> list[CachedCopy]:
    """Return what is kept of one registry."""
    found = (_measured(folder) for folder in _folders(registry))
    return [copy for copy in found if copy is not None]


def remove_copy(copy: CachedCopy) -> bool:
    """Delete a copy, unless a process fills it right now; tell whether it was.

    It disappears at once and as a whole: nobody finds half of it.
    """
    if is_claimed(copy.path):
        return False
    gone = copy.path.with_name(f"{_GONE}{uuid.uuid4().hex}")
    try:
        copy.path.rename(gone)
    except OSError:  # another process has deleted it, or has it open (Windows)
        return False
    remove_tree(gone)
    return True


class Sweeper:
    """Keeps a cache within its bounds, looking through it only now and then."""

    def __init__(self, cache: Path, bounds: Bounds) -> None:
        self._cache = cache
        self._bounds = bounds
        self._grown = 0

    def grown(self, size: int, keep: Collection[Path], since: float) -> None:
        """Note that the cache has grown, and delete what is too much now.

        Args:
            size: By how many bytes.
            keep: Folders that stay: they are being handed out.
            since: When the call began that made it grow.
        """
        self._grown += size
        limit = self._bounds.size
        much = limit is not None and self._grown > limit // _SHARE
        if much or self._is_due():
            self._grown = 0
            self._sweep(self._bounds, keep, since)

    def make_room(self, keep: Collection[Path], since: float) -> bool:
        """Delete whatever can be; tell whether anything was."""
        return self._sweep(evolve(self._bounds, size=0), keep, since) > 0

    def _is_due(self) -> bool:
        try:
            last = (self._cache / _SWEPT).lstat().st_mtime
        except OSError:
            return True
        return not 0 <= time.time() - last < _SECONDS

    def _sweep(self, bounds: Bounds, keep: Collection[Path], since: float) -> int:
        found = []
        for registry in cached_registries(self._cache):
            _remove_leftovers(registry)
            found += cached_copies(registry)
        total, removed = sum(copy.size for copy in found), 0
        for copy in sorted(found, key=lambda copy: copy.used):
            if copy.path in keep or copy.used > since - bounds.grace:
                continue
            old = bounds.age is not None and copy.used < since - bounds.age * _DAY
            much = bounds.size is not None and total > bounds.size
            if (old or much) and remove_copy(copy):
                total -= copy.size
                removed += 1
        _touch(self._cache / _SWEPT)
        return removed


def _folders(above: Path) -> list[Path]:
    """Return the folders in *above* that modelver has made; links are none."""
    try:
        with os.scandir(above) as found:
            return [
                Path(item.path)
                for item in found
                if _HEX.fullmatch(item.name) and item.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


def _measured(folder: Path) -> CachedCopy | None:
    size = files = 0
    try:
        used = folder.lstat().st_mtime
        for name, bytes_ in _walk(str(folder)):
            # What modelver keeps beside the roles begins with a dot.
            files += not name.startswith(".")
            size += bytes_
    except OSError:  # deleted since the folder was read
        return None
    return CachedCopy(path=folder, size=size, files=files, used=used)


def _walk(folder: str) -> Iterator[tuple[str, int]]:
    """Yield the path within *folder* and the size of each file below it."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as found:
            items = list(found)
        for item in items:
            if item.is_dir(follow_symlinks=False):
                waiting.append(item.path)
            else:
                size = item.stat(follow_symlinks=False).st_size
                yield os.path.relpath(item.path, folder), size


def _remove_leftovers(registry: Path) -> None:
    """Delete what a process did not live to delete."""
    with contextlib.suppress(OSError), os.scandir(registry) as found:
        for item in found:
            if item.name.startswith(_GONE):
                remove_tree(Path(item.path))


def _touch(marker: Path) -> None:
    with contextlib.suppress(OSError):
        if marker.is_symlink():
            marker.unlink()
        marker.touch(mode=0o600)
