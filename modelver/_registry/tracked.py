"""What DVC says of a path: its content's sum and its remote, without reading a byte.

Looks for ``.dvc`` files and ``dvc.lock`` beside and above a path, as far as the top of
DVC's repository, and nowhere else. DVC itself is neither needed nor run.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from modelver._bundle import read_small
from modelver._capture.data import (
    MAX_DVC,
    MAX_LISTING,
    DvcConfig,
    DvcOut,
    cache_key,
    read_config,
    read_dvc_file,
    read_dvc_lock,
    read_listing,
)
from modelver._registry.remote import check_url
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

SUFFIX: Final = ".dvc"
_HIGHEST: Final = 64
_LOCK: Final = "dvc.lock"


@frozen(kw_only=True)
class Tracked:
    """One thing that DVC tracks.

    Attributes:
        out: What its file says.
        path: Where it lies in the work tree, whether it is there or not.
        top: The top of DVC's repository; None where there is none.
        uri: Where its bytes are, if its remote is at an address; else None.
    """

    out: DvcOut
    path: Path
    top: Path | None
    uri: str | None


def named_by(file: Path) -> Tracked:
    """Return what a ``.dvc`` file tracks.

    Raises:
        InvalidInputError: It cannot be read, or tracks several things.
    """
    raw = read_small(file, MAX_DVC)
    outs = read_dvc_file(raw) if raw is not None else []
    if len(outs) != 1:
        raise InvalidInputError(
            f"{quoted(os.fspath(file), 200)} names {len(outs)} things that DVC tracks",
            kind=ErrorKind.UNSUPPORTED_FILE,
            hint="Give the path of the one that you mean, or the .dvc file itself with "
            "how='copy' under another name.",
        )
    return _tracked(outs[0], file.parent)


def find_tracked(path: Path) -> Tracked | None:
    """Return what DVC says of *path*, which need not be there; None: nothing."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - keeps links
    found = _own(whole)
    if found is not None:
        return found
    # A file of a folder that is tracked as one.
    for above in _upwards(whole.parent):
        folder = _own(above)
        if folder is not None and folder.out.folder:
            return _inside(folder, whole)
    return None


def _own(path: Path) -> Tracked | None:
    if not path.name:
        return None
    raw = read_small(path.parent / f"{path.name}{SUFFIX}", MAX_DVC)
    for out in read_dvc_file(raw) if raw is not None else ():
        if _normal(path.parent, out.path) == path:
            return _tracked(out, path.parent)
    for folder in _upwards(path.parent):
        raw = read_small(folder / _LOCK, MAX_DVC)
        for out in read_dvc_lock(raw) if raw is not None else ():
            if _normal(folder, out.path) == path:
                return _tracked(out, folder)
    return None


def _inside(folder: Tracked, path: Path) -> Tracked | None:
    """Return one file of a tracked folder, where the listing is in the cache."""
    if folder.top is None:
        return None
    config = config_of(folder.top)
    for place in caches(folder.top, config):
        raw = read_small(place / folder.out.key, MAX_LISTING)
        files = read_listing(raw) if raw is not None else None
        md5 = (files or {}).get(path.relative_to(folder.path).as_posix())
        if md5 is not None:
            out = evolve(folder.out, path=path.name, md5=md5, folder=False, size=None)
            key = cache_key(md5, legacy=out.legacy)
            uri = _address(config, out)
            uri = None if uri is None else f"{uri}/{key}"
            return Tracked(out=out, path=path, top=folder.top, uri=uri)
    return None


def _normal(folder: Path, path: str) -> Path:
    return Path(os.path.normpath(folder / path))


def _upwards(folder: Path) -> Iterator[Path]:
    """Yield *folder* and those above it up to the top of DVC's repository.

    Where there is no repository, *folder* alone.
    """
    top = top_of(folder)
    yield folder
    for above in folder.parents[:_HIGHEST]:
        if top is None or not above.is_relative_to(top):
            return
        yield above


def _tracked(out: DvcOut, folder: Path) -> Tracked:
    whole = Path(os.path.abspath(folder))  # noqa: PTH100 - keeps links
    top = top_of(whole)
    uri = None if top is None else _address(config_of(top), out)
    return Tracked(
        out=out,
        path=_normal(whole, out.path),
        top=top,
        uri=None if uri is None else f"{uri}/{out.key}",
    )


def top_of(folder: Path) -> Path | None:
    """Return the top of the repository of DVC that holds *folder*, or None."""
    above = (folder, *folder.parents[:_HIGHEST])
    return next((each for each in above if (each / SUFFIX).is_dir()), None)


def config_of(top: Path) -> DvcConfig:
    """Return the configuration of a repository of DVC."""
    names = ("config", "config.local")
    found = (read_small(top / SUFFIX / name, MAX_DVC) for name in names)
    return read_config(*(raw for raw in found if raw is not None))


def caches(top: Path, config: DvcConfig) -> Iterator[Path]:
    """Yield the folders of this machine that may hold what DVC tracks."""
    home = top / SUFFIX
    yield home / (config.cache or "cache")
    for url in config.remotes.values():
        if "://" not in url:
            yield home / url


def _address(config: DvcConfig, out: DvcOut) -> str | None:
    """Return the address of the remote of *out*, if it has one that others may use."""
    name = out.remote or config.default
    url = config.remotes.get(name, "") if name is not None else ""
    if "://" not in url or url.startswith("file:"):
        return None
    try:
        return check_url(url).rstrip("/")
    except InvalidInputError:
        return None
