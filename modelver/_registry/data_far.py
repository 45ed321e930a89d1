"""Data at an address: pinned where it lies, read for its digest, or fetched."""

from collections.abc import Sequence
from typing import Any, Final

from modelver._bundle import collect, folder_digest
from modelver._registry.described import look_into
from modelver._registry.plans import Done, Plan, Spool, said_of
from modelver._registry.remote import (
    MOST_READ,
    Digested,
    Remote,
    RemoteFile,
    check_url,
    digest_pieces,
)
from modelver._values.data import Data
from modelver._values.digests import digest_of
from modelver._values.manifest import Input
from modelver._values.paths import check_bundle_path

TREE: Final = "tree"
"""What the digest of a folder begins with of which stores have told the sums."""


def far_plan(name: str | None, data: Data, algorithm: str) -> Plan:
    """Return what to do with an address: a reference, where nothing else is said."""
    url = check_url(data.source)
    named = url.rstrip("/").rpartition("/")[2] if name is None else name
    check_bundle_path(f"data/{named}")

    def run(spool: Spool) -> Done:
        remote = Remote(url, data.storage_options, version=data.version)
        if data.how == "copy":
            return _fetched(remote, name, data, spool)
        return Done(input=_pinned(remote, named, data, algorithm, spool))

    return Plan(name=named, copied=data.how == "copy", reads=True, run=run)


def _pinned(
    remote: Remote, name: str, data: Data, algorithm: str, spool: Spool
) -> Input:
    """Return the input for what stays where it is."""
    sums = sums_of(remote, algorithm, read_all=data.how == "digest", spool=spool)
    digests = [each.digest for each in sums]
    fields: dict[str, Any] = {
        "kind": "folder" if remote.is_folder else "file",
        "version": _version(remote),
        **said_of(data),
    }
    return Input(
        name=name,
        digest=listing_digest(remote.files, digests, algorithm)
        if remote.is_folder
        else digests[0],
        size=_total(sums),
        how=data.how or "reference",
        uri=remote.url,
        **fields,
    )


def sums_of(
    remote: Remote, algorithm: str, *, read_all: bool, spool: Spool | None = None
) -> list[Digested]:
    """Return what each file at an address is known by, and its size.

    Args:
        remote: The address.
        algorithm: The registry's digest, for what must be read.
        read_all: Read also that of which the store has a checksum.
        spool: Told of what is read.
    """
    found: list[Digested] = []
    left = MOST_READ
    for file in remote.files:
        facts = file.facts
        if not read_all and facts is not None and facts.checksum is not None:
            found.append(Digested(facts.checksum, facts.size))
            continue
        pieces = remote.pieces(file, None if read_all else left)
        if spool is not None:
            spool.expect(-1 if facts is None else facts.size)
            pieces = spool.told(pieces)
        found.append(digest_pieces(pieces, algorithm))
        left -= found[-1].size
    return found


def _total(sums: Sequence[Digested]) -> int:
    """Return the bytes of all together; -1 where the size of one is not told."""
    sizes = [each.size for each in sums]
    return -1 if any(size < 0 for size in sizes) else sum(sizes)


def _version(remote: Remote) -> str | None:
    facts = None if remote.is_folder else remote.files[0].facts
    return None if facts is None else facts.version


def listing_digest(files: list[RemoteFile], digests: list[str], algorithm: str) -> str:
    """Return the digest of a folder at an address.

    Where all files are known by the registry's digest it is that of the same folder on
    a disk. Where some are known by what their store says, it is another, and says so.
    """
    pairs = [(f.inner, digest) for f, digest in zip(files, digests, strict=True)]
    if all(digest.startswith(f"{algorithm}:") for digest in digests):
        return folder_digest(pairs, algorithm)
    lines = sorted(f"{digest} {path}\n" for path, digest in pairs)
    found = digest_of(algorithm, "".join(lines).encode())
    return f"{TREE}:{found.partition(':')[2]}"


def _fetched(remote: Remote, name: str | None, data: Data, spool: Spool) -> Done:
    """Return the files of an address, written down here to become part of a version."""
    place = spool.place(remote.name)
    for file in remote.files:
        path = place / file.inner if remote.is_folder else place
        spool.expect(-1 if file.facts is None else file.facts.size)
        spool.write(path, spool.told(remote.pieces(file)))
    items = collect("data", place if name is None else {name: place})
    found: dict[str, Any] = {} if remote.is_folder else look_into(items[0], spool)
    found["version"] = _version(remote)
    return Done(items=tuple(items), said={"uri": remote.url, **found, **said_of(data)})
