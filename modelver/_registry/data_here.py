"""Data on this machine: copied, or known by content; what DVC and Git LFS keep, too."""

import os
from pathlib import Path
from typing import Any

from attrs import frozen

from modelver._bundle import (
    Item,
    Stamps,
    collect,
    digest_items,
    folder_digest,
    pointer_of,
    refuse_pointers,
)
from modelver._registry.core import Core
from modelver._registry.described import look_into
from modelver._registry.plans import Done, Plan, Spool, said_of
from modelver._registry.remote import MOST_READ
from modelver._registry.tracked import SUFFIX, Tracked, find_tracked, named_by
from modelver._values.data import Data
from modelver._values.lfs import LfsPointer
from modelver._values.manifest import Input
from modelver._values.paths import check_bundle_path
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError


@frozen(kw_only=True)
class Place:
    """Where data is on this machine.

    Attributes:
        core: The registry that it is for.
        path: Where it is, or should be.
        uri: The address that the caller gave instead of a path.
        stamps: Which files need not be read again; None: all are read.
    """

    core: Core
    path: Path
    uri: str | None = None
    stamps: Stamps | None = None


def here_plan(name: str | None, data: Data, place: Place) -> Plan:
    """Return what to do with a path of this machine.

    Args:
        name: Of the input; None: the path's own.
        data: What was said of it.
        place: Where it is.

    Raises:
        InvalidInputError: It is missing, or cannot be kept so.
    """
    path, uri = place.path, place.uri
    tracked = _tracked(path, data)
    if tracked is not None:
        if data.how != "copy":
            return _tracked_plan(name, data, tracked)
        path = tracked.path
        _require_there(tracked)
    how = data.how or ("copy" if uri is None else "reference")
    what: Any = path if name is None else {name: path}

    def look() -> list[Item]:
        return collect("data", what, exclude=place.core.root)

    items = tuple(look())
    named, is_folder = items[0].group
    if how == "copy":
        refuse_pointers(items)

        def keep(spool: Spool) -> Done:
            found = {} if is_folder else look_into(items[0], spool)
            return Done(said={"uri": uri, **found, **said_of(data)})

        return Plan(name=named, copied=True, items=items, look=look, run=keep)
    pointer = None if is_folder else pointer_of(items[0])
    if pointer is not None:
        return _pointer_plan(named, data, how, pointer)
    refuse_pointers(items)
    _check_reference(path, items, how, uri)

    def read(spool: Spool) -> Done:
        algorithm = place.core.log.state.info.digest
        spool.expect(sum(item.size for item in items))
        digests = digest_items(items, algorithm, stamps=place.stamps, progress=spool)
        pairs = zip((item.inner for item in items), digests, strict=True)
        found = {} if is_folder else look_into(items[0], spool)
        fields = {"kind": "folder" if is_folder else "file", **found, **said_of(data)}
        made = Input(
            name=named,
            digest=folder_digest(pairs, algorithm) if is_folder else digests[0],
            size=sum(item.size for item in items),
            how=how,
            uri=uri,
            **fields,
        )
        return Done(input=made)

    return Plan(name=named, copied=False, reads=True, items=items, look=look, run=read)


def _check_reference(
    path: Path, items: tuple[Item, ...], how: str, uri: str | None
) -> None:
    if how != "reference":
        return
    if uri is None:
        raise InvalidInputError(
            f"{quoted(os.fspath(path), 200)} is a path of this machine, which leads "
            "nobody else to the data",
            kind=ErrorKind.BAD_URL,
            hint="Give an address (s3://..., or file:///... of a share that all have "
            "mounted), track the data with DVC, or say how='digest' or how='copy'.",
        )
    size = sum(item.size for item in items)
    if size > MOST_READ:
        raise InvalidInputError(
            f"{quoted(uri, 200)} has {size:,} bytes, and a file system has no checksum "
            "of them",
            kind=ErrorKind.TOO_LARGE,
            hint="Say how='digest' to have them read all the same; or name a snapshot, "
            "with kind='snapshot' and version=.",
        )


# What DVC and Git LFS keep.


def _tracked(path: Path, data: Data) -> Tracked | None:
    """Return what DVC says of the data, where it is DVC that is asked."""
    try:
        there = path.exists()
    except OSError:  # a name that is too long, a loop of links
        return None
    if path.name.endswith(SUFFIX) and path.name != SUFFIX and path.is_file():
        return named_by(path)
    if there and data.how in (None, "copy"):
        return None
    return find_tracked(path)


def _require_there(tracked: Tracked) -> None:
    """Refuse to copy what is missing, or what is no part of DVC's repository.

    Raises:
        InvalidInputError: It is.
    """
    path = tracked.path
    if tracked.top is None or not path.is_relative_to(tracked.top):
        raise InvalidInputError(
            f"a .dvc file names {quoted(os.fspath(path), 200)}, which is outside of "
            "its repository",
            kind=ErrorKind.UNSUPPORTED_FILE,
            hint="Give the path itself if it is that which you mean.",
        )
    if not path.exists():
        raise InvalidInputError(
            f"{quoted(os.fspath(path), 200)} is tracked by DVC, and is not there",
            kind=ErrorKind.MISSING_FILE,
            hint="Fetch it first: dvc pull. Or pin it without its bytes: "
            "Data(path, how='reference').",
        )


def _tracked_plan(name: str | None, data: Data, tracked: Tracked) -> Plan:
    out = tracked.out
    named = tracked.path.name if name is None else name
    check_bundle_path(f"data/{named}")
    _check_same_size(tracked)
    size = -1 if out.size is None else out.size
    fields = {"kind": "folder" if out.folder else "file", **said_of(data)}
    made = Input(
        name=named,
        digest=out.digest,
        size=size,
        how=data.how or "reference",
        uri=tracked.uri,
        **fields,
    )
    return Plan(name=named, copied=False, run=lambda _: Done(input=made))


def _check_same_size(tracked: Tracked) -> None:
    """Refuse a file that is not what DVC tracks, as far as that shows without reading.

    Raises:
        InvalidInputError: It has another size.
    """
    out = tracked.out
    try:
        found = tracked.path.stat().st_size if tracked.path.is_file() else None
    except OSError:
        return
    # Line ends that a checkout has changed make another size of the same content.
    if found is None or out.size is None or out.legacy or found == out.size:
        return
    raise InvalidInputError(
        f"{quoted(os.fspath(tracked.path), 200)} has {found:,} bytes, and DVC tracks "
        f"{out.size:,}: it was changed since",
        kind=ErrorKind.UNSUPPORTED_FILE,
        hint="Run dvc add or dvc commit, so that DVC has what you train on; or say "
        "how='copy'.",
    )


def _pointer_plan(name: str, data: Data, how: str, pointer: LfsPointer) -> Plan:
    made = Input(
        name=name,
        digest=pointer.digest,
        size=pointer.size,
        how=how,
        **{"kind": "file", **said_of(data)},
    )
    return Plan(name=name, copied=False, run=lambda _: Done(input=made))
