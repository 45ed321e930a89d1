"""Opening a registry without its store: by what was fetched from it before."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from modelver._bundle import FileCache, cached_registries
from modelver._plugins import load_backend
from modelver._registry.places import state_folder
from modelver._store import HeadMemory, Mirror, MirrorBackend, open_registry, place_of
from modelver._values.url import scheme_of
from modelver.errors import ErrorKind, IntegrityError, ModelverError, OfflineError
from modelver.plugin import Backend

_MIRROR: Final = "mirror"


def mirror_of(cache: FileCache) -> Mirror:
    """Return the mirror of the registry whose files are in *cache*."""
    return Mirror(cache.folder / _MIRROR, cache.manifest_path)


def mirror_backend(url: str, folder: Path) -> Backend:
    """Return what stands for the store of a registry, from its folder in the cache."""
    cache = FileCache(folder)
    return MirrorBackend(url, folder / _MIRROR, cache.manifest_path)


def open_mirror(
    store: Backend | str, storage_options: Mapping[str, Any] | None, cache: Path
) -> Backend:
    """Return what stands for a store, or for the one at an address; it is not touched.

    Raises:
        OfflineError: Nothing was ever fetched from there.
        IntegrityError: What is there is of another registry.
    """
    if isinstance(store, str):
        url, spelt = store, _spellings(store, storage_options)
    else:
        url, spelt = store.url, iter([(store.url, place_of(store))])
    for address, place in spelt:
        folder = _mirrored(place, cache)
        if folder is not None:
            backend = mirror_backend(address, folder)
            found = open_registry(backend).info.uuid
            if found != folder.name:
                raise IntegrityError(
                    f"what is kept of the registry {folder.name} is of another one",
                    kind=ErrorKind.REGISTRY_REPLACED,
                    key="registry.json",
                    expected=folder.name,
                    actual=found,
                    hint="Somebody wrote into the cache: modelver cache clear --all",
                )
            return backend
    raise OfflineError(
        f"nothing was ever fetched from the registry in {url!r}, and modelver is "
        "offline",
        hint="Fetch what will be needed while online: modelver path REF. Or open it "
        "without offline=True and without MODELVER_OFFLINE.",
    )


def suggest_offline(error: ModelverError, place: str, cache: Path) -> None:
    """Say in the error of a store that cannot be reached what can be had all the same.

    Offline is a choice: nobody is given old answers without having asked for them.
    """
    with suppress(OSError):
        if _mirrored(place, cache) is not None:
            error.add_note(
                "What was fetched from it before can be had without it: set "
                "MODELVER_OFFLINE=1, or open it with offline=True."
            )


def _spellings(
    url: str, options: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    """Yield how an address may have been written down, without asking the store.

    Each as the address, and as the place that it stands for.
    """
    scheme = scheme_of(url)
    local = scheme == "file" and "://" not in url
    if local:
        with suppress(RuntimeError):  # a home folder that is not there
            path = os.path.abspath(Path(url).expanduser())  # noqa: PTH100 - keeps links
            yield path, path
    plain = [(text, text) for text in (url, url.rstrip("/"))]
    if local:
        yield from plain
    # A folder behind links, or another way to write a bucket: only the backend knows.
    # And the same bucket at another endpoint is another one.
    with suppress(ModelverError):
        backend: Backend = load_backend(scheme)(url, storage_options=options)
        place = place_of(backend)
        yield backend.url, place
        if place != backend.url:
            return
    if not local:
        yield from plain


def _mirrored(place: str, cache: Path) -> Path | None:
    """Return the folder in the cache of the registry that was found there last."""
    known = HeadMemory(state_folder(), place).recall()
    found = []
    for folder in cached_registries(cache):
        head = mirror_of(FileCache(folder)).head()
        # What this machine remembers of the address tells two registries apart that
        # stood there one after the other.
        if head is None or (known is not None and folder.name != known.registry):
            continue
        if known is not None or place in head.places:
            found.append((head.time, folder))
    return max(found)[1] if found else None
