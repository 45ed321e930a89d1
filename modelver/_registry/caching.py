"""What is kept of registries on this machine: looked at, and cleared."""

import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from time import time
from typing import Any

from attrs import frozen

from modelver._bundle import (
    Bounds,
    CachedCopy,
    FileCache,
    cached_copies,
    cached_registries,
    remove_copy,
)
from modelver._registry.arguments import format_moment
from modelver._registry.core import Core
from modelver._registry.offline import mirror_backend, mirror_of
from modelver._registry.questions import RefLike, every_version, find
from modelver._store import Log, open_registry
from modelver._values.digests import hex_of
from modelver._values.text import human_size, quoted
from modelver.errors import DamageWarning, InvalidInputError, ModelverError

_DAY = 86400.0
_KEPT = 32

Refs = Mapping[str, tuple[str, ...]]


@frozen(kw_only=True)
class CachedVersion:
    """The local copies of one version's files.

    Attributes:
        refs: The versions that they are of: usually one; none where nobody can tell.
        manifest: The first 32 hex digits of the manifest's digest.
        files: How many copies there are.
        size: Bytes.
        used_at: When one of them was last asked for, in UTC.
    """

    refs: tuple[str, ...]
    manifest: str
    files: int
    size: int
    used_at: datetime


@frozen(kw_only=True)
class CachedRegistry:
    """The local copies of one registry's files.

    Attributes:
        uuid: The registry's.
        url: Where it was found last; None where nobody can tell.
        versions: What is there, the last used first.
    """

    uuid: str
    url: str | None
    versions: tuple[CachedVersion, ...]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(version.size for version in self.versions)


@frozen(kw_only=True)
class CacheInfo:
    """What the cache holds, of all registries together.

    Attributes:
        folder: Where it lies.
        max_size: Bytes above which the least recently used copies are deleted; None:
            no bound.
        max_age: Days after which copies are deleted that nobody asks for; None: none.
        registries: What there is of each.
    """

    folder: Path
    max_size: int | None
    max_age: float | None
    registries: tuple[CachedRegistry, ...]

    @property
    def size(self) -> int:
        """Bytes of all copies."""
        return sum(registry.size for registry in self.registries)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "folder": str(self.folder),
            "size": self.size,
            "max_size": self.max_size,
            "max_age": self.max_age,
            "registries": [
                {
                    "uuid": registry.uuid,
                    "url": registry.url,
                    "size": registry.size,
                    "versions": [
                        {
                            "refs": list(version.refs),
                            "manifest": version.manifest,
                            "files": version.files,
                            "size": version.size,
                            "used_at": format_moment(version.used_at),
                        }
                        for version in registry.versions
                    ],
                }
                for registry in self.registries
            ],
        }

    def __str__(self) -> str:
        bound = "" if self.max_size is None else f" of {human_size(self.max_size)}"
        return f"{human_size(self.size)}{bound} in {self.folder}"


class Cache:
    """The local copies of a registry's files; see :attr:`Registry.cache`."""

    def __init__(self, core: Core) -> None:
        """Made by the registry; not called by users."""
        self._core = core

    @property
    def folder(self) -> Path:
        """Where the copies of this registry lie."""
        return self._core.cache.folder

    def info(self) -> CacheInfo:
        """Return what the cache holds of every registry, and its bounds."""
        return look(self.folder.parent, self._core.cache.bounds)

    def clear(
        self, ref: RefLike | None = None, *, older_than: float | None = None
    ) -> int:
        """Delete local copies, and return how many bytes they had.

        What another process fetches at this moment stays. Without arguments, what is
        needed to open this registry offline is deleted too.

        Args:
            ref: Only those of this version; None: of all of this registry.
            older_than: Only those that nobody has asked for in so many days.

        Raises:
            NotFoundError: There is no such version.
        """
        found = cached_copies(self.folder)
        if ref is not None:
            manifest = find(self._core, ref)[1].manifest
            root = self._core.cache.root(manifest)
            found = [copy for copy in found if copy.path == root]
        freed = clear(found, older_than)
        if ref is None and older_than is None:
            forget_registry(self.folder)
        return freed


def look(folder: Path, bounds: Bounds) -> CacheInfo:
    """Return what a cache holds, whatever registries it is of."""
    found = map(_registry, cached_registries(folder))
    return CacheInfo(
        folder=folder,
        max_size=bounds.size,
        max_age=bounds.age,
        registries=tuple(r for r in found if r.versions or r.url is not None),
    )


def clear(copies: Iterable[CachedCopy], older_than: float | None = None) -> int:
    """Delete copies, and return how many bytes they had."""
    before = time() if older_than is None else time() - _days(older_than) * _DAY
    freed = 0
    for copy in copies:
        if (older_than is None or copy.used < before) and remove_copy(copy):
            freed += copy.size
    return freed


def forget_registry(folder: Path) -> None:
    """Delete what is needed to open a registry offline."""
    mirror = mirror_of(FileCache(folder)).folder
    if mirror.is_symlink():
        mirror.unlink()
    rmtree(mirror, ignore_errors=True)


def _days(given: float) -> float:
    if type(given) not in (int, float) or not given >= 0:
        raise InvalidInputError(
            f"older_than is given as {quoted(given)}, expected a number of days"
        )
    return float(given)


def _registry(folder: Path) -> CachedRegistry:
    head = mirror_of(FileCache(folder)).head()
    url = head.urls[-1] if head is not None and head.urls else None
    found = cached_copies(folder)
    refs = _refs(folder, url or "") if found else {}
    versions = [
        CachedVersion(
            refs=refs.get(copy.manifest, ()),
            manifest=copy.manifest,
            files=copy.files,
            size=copy.size,
            used_at=datetime.fromtimestamp(copy.used, UTC),
        )
        for copy in sorted(found, key=lambda copy: -copy.used)
    ]
    return CachedRegistry(uuid=folder.name, url=url, versions=tuple(versions))


def _refs(folder: Path, url: str) -> Refs:
    """Return the versions by manifest, as far as was mirrored."""
    backend = mirror_backend(url, folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DamageWarning)  # told where it is read
            state = Log(backend, open_registry(backend)).refresh()
    except ModelverError:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for version in every_version(state):
        name = hex_of(version.manifest)[:_KEPT]
        found[name] = (*found.get(name, ()), version.ref)
    return found
