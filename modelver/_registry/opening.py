"""Opening a registry: from an address to the rooms below, wired up."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from modelver._bundle import Bounds, FileCache, LocalMemory
from modelver._capture import default_author
from modelver._plugins import load, load_backend
from modelver._registry.core import Core
from modelver._registry.offline import mirror_of, open_mirror, suggest_offline
from modelver._registry.places import (
    cache_bounds,
    cache_folder,
    is_offline,
    state_folder,
)
from modelver._registry.rehearsal import means_the_real_one, overlaid
from modelver._store import (
    Committer,
    HeadMemory,
    Log,
    ManifestStore,
    MirrorBackend,
    ObjectStore,
    create_registry,
    open_registry,
    place_of,
)
from modelver._values.digests import DEFAULT_ALGORITHM
from modelver._values.names import check_status, check_text
from modelver._values.state import DEFAULT_STATUSES, RegistryInfo
from modelver._values.url import scheme_of
from modelver.errors import InvalidInputError, RegistryNotFoundError, StorageError
from modelver.plugin import Backend, Indexer

VARIABLE: Final = "MODELVER_REGISTRY"
_MAX_AUTHOR: Final = 200


def address(url: str | os.PathLike[str] | None) -> str:
    """Return the address to open: *url*, or that of ``MODELVER_REGISTRY``.

    Raises:
        RegistryNotFoundError: Neither is given.
    """
    if url is not None and not (_is_path(url) and means_the_real_one(url)):
        if not isinstance(url, str | os.PathLike):
            raise InvalidInputError(
                f"a registry's address is given as {type(url).__name__}",
                hint="Give a folder such as './registry', or a URL.",
            )
        return os.fspath(url)
    named = os.environ.get(VARIABLE)
    if not named:
        raise RegistryNotFoundError(
            f"no registry is given, and {VARIABLE} is not set",
            hint="Call Registry('./registry'), or set the variable to an address.",
        )
    return named


def _is_path(url: object) -> bool:
    return isinstance(url, str | os.PathLike)


def open_backend(url: str, storage_options: Mapping[str, Any] | None) -> Backend:
    """Return the backend for *url*, by its scheme.

    Raises:
        InvalidInputError: It is no address, or holds credentials.
        PluginError: No backend is installed for its scheme.
    """
    factory = load_backend(scheme_of(url))
    backend: Backend = factory(url, storage_options=storage_options)
    return backend


def store_to_open(
    url: str | os.PathLike[str] | None,
    *,
    backend: Backend | None,
    storage_options: Mapping[str, Any] | None,
    cache: str | os.PathLike[str] | None,
    offline: bool | None,
) -> Backend:
    """Return the store to open; offline, what stands for it in the cache.

    Raises:
        OfflineError: Nothing was ever fetched from it.
    """
    if is_offline(offline):
        store = backend if backend is not None else address(url)
        return open_mirror(store, storage_options, cache_folder(cache))
    if backend is not None:
        return overlaid(backend)
    return overlaid(open_backend(address(url), storage_options))


def open_core(
    backend: Backend,
    *,
    create: bool,
    digest: str | None,
    statuses: tuple[str, ...] | None,
    read_only: bool,
    author: str | None,
    cache: str | os.PathLike[str] | None,
    cache_size: int | str | None,
    indexer: str,
    timeout: float,
    clock: Callable[[], str],
) -> Core:
    """Open or create the registry in *backend*, and wire the rooms up."""
    who = check_text(author, "the author", _MAX_AUTHOR) if author else default_author()
    above, bounds = cache_folder(cache), cache_bounds(cache_size)
    offline, memory = isinstance(backend, MirrorBackend), None
    if backend.capabilities.persistent:
        memory = HeadMemory(state_folder(), backend.url, place_of(backend))
    try:
        if create and not read_only and not offline:
            identity = create_registry(
                backend,
                digest=digest or DEFAULT_ALGORITHM,
                created=clock(),
                statuses=[check_status(s) for s in statuses or DEFAULT_STATUSES],
                memory=memory,
            )
            _check_as_asked(identity.info, digest, statuses)
        else:
            identity = open_registry(backend, ahead=True)
    except (StorageError, RegistryNotFoundError) as error:
        if not offline:
            suggest_offline(error, place_of(backend), above)
        raise
    log = Log(backend, identity, memory)
    root = Path(backend.url) if Path(backend.url).is_absolute() else None
    folder = above / identity.info.uuid
    return Core(
        backend=backend,
        log=log,
        committer=Committer(backend, log, clock, timeout=timeout),
        manifests=ManifestStore(backend, identity.info.digest),
        objects=ObjectStore(backend, identity.info.digest),
        cache=_file_cache(folder, bounds, backend, log),
        memory=LocalMemory(folder) if backend.capabilities.persistent else None,
        indexer=lambda: _indexer(indexer),
        author=who,
        clock=clock,
        read_only=read_only or offline,
        offline=offline,
        root=root,
    )


def _file_cache(folder: Path, bounds: Bounds, backend: Backend, log: Log) -> FileCache:
    """Return the cache of a registry; what is handed out will be found offline too."""
    cache = FileCache(folder, bounds)
    if backend.capabilities.persistent:
        mirror = mirror_of(cache)
        cache.told = lambda manifest: mirror.update(backend, log, manifest)
    return cache


def _check_as_asked(
    info: RegistryInfo, digest: str | None, statuses: tuple[str, ...] | None
) -> None:
    """Refuse to open as created what was created otherwise.

    Raises:
        InvalidInputError: The digest or the statuses are other ones.
    """
    for what, asked, found in (
        ("the digest", digest, info.digest),
        ("the statuses", statuses, info.statuses),
    ):
        if asked is not None and asked != found:
            raise InvalidInputError(
                f"the registry is there already, with {what} {found!r}, not {asked!r}",
                hint=f"Leave {what} out to open it as it is.",
            )


def _indexer(name: str) -> Indexer:
    made: Indexer = load("indexers", name)()
    return made


def forget(
    url: str | os.PathLike[str] | None = None,
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> None:
    """Forget which registry, and how much of its log, this machine has seen at *url*.

    For a registry that was replaced or put back on purpose: after it, whatever stands
    at the address is believed again.

    Args:
        url: As for ``Registry``; None: that of ``MODELVER_REGISTRY``.
        storage_options: As for ``Registry``, where they name an endpoint: what was seen
            at another one stays.
    """
    backend = open_backend(address(url), storage_options)
    HeadMemory(state_folder(), backend.url, place_of(backend)).forget()
