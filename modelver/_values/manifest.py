"""A version's bundle as a value, and where its bytes lie.

The bundle is what must be equal for two versions to hold the same thing: it knows
no time, host, user, hardware or run. The layout maps its files onto slices of
objects and is no part of its identity: the same bundle placed otherwise keeps it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import Factory, field, frozen

from modelver._values.digests import check_digest
from modelver.errors import ErrorKind, FormatError, UpgradeRequiredError

ROLES: Final = ("model", "code", "data", "config", "environment", "docs")
CODECS: Final = ("none",)
HOWS: Final = ("copy", "reference", "digest")
MAX_MANIFEST: Final = 64 * 2**20

_OBJECT = re.compile(r"[0-9a-f]{64}\.(?:0|[1-9][0-9]{0,19})")


def _malformed(what: str, path: str) -> FormatError:
    return FormatError(f"{path} {what}", kind=ErrorKind.MALFORMED, path=path)


@frozen(kw_only=True)
class FileEntry:
    """One file of a bundle.

    Attributes:
        path: ``<role>/<path>``, ``/``-separated: ``model/weights.safetensors``.
        role: One of :data:`ROLES`.
        size: Bytes.
        digest: Of the file's bytes.
        executable: Whether the file is run; the only mode that a bundle keeps.
    """

    path: str
    role: str
    size: int
    digest: str
    executable: bool = False


@frozen(kw_only=True)
class Input:
    """One thing that the model was made from, known by content.

    Attributes:
        name: What the caller calls it: ``train``.
        digest: Of the file; of a folder, the digest of its sorted listing. Of what is
            not copied it may be another's: ``md5:`` (DVC), ``sha256:`` (Git LFS),
            ``crc32c:``, ``etag:``, or ``id:`` where there is only a name for it.
        size: Bytes, all files together; -1 where nobody said.
        kind: ``file``, ``folder``, ``array``, ``table``, ``model`` or ``snapshot``.
        how: ``copy``: the bytes are in the bundle. ``reference``: they are where
            *uri* says. ``digest``: only what they were is known.
        uri: Where they are, without credentials; None where that is a machine's own.
        version: What the store calls these very bytes: a version id, a generation, a
            commit, a snapshot.
        rows: Of a table or an array.
        columns: Of a table.
        schema: Column to type, as the library that read it says.
        split: ``train``, ``test``, ...
        license: Under which the data may be used.
    """

    name: str
    digest: str
    size: int
    kind: str = "file"
    how: str = "copy"
    uri: str | None = None
    version: str | None = None
    rows: int | None = None
    columns: int | None = None
    schema: Mapping[str, str] = field(factory=dict, hash=False)
    split: str | None = None
    license: str | None = None


@frozen(kw_only=True)
class Code:
    """The commit that the code was at.

    Attributes:
        commit: Full hex object name.
        system: ``git``.
    """

    commit: str
    system: str = "git"


@frozen(kw_only=True)
class Environment:
    """The interpreter and what was installed beside it.

    Attributes:
        implementation: ``cpython``, ``pypy``.
        python: Full version: ``3.11.7``.
        packages: Distribution name (normalised) to version.
        fingerprints: Distribution to the SHA-256 (hex) of what its RECORD says of its
            files: the same for the same wheel, wherever it is installed. One that has
            no such record, or is installed in place for editing, has none.
        sources: Distribution to where it came from, where that was no index: a URL
            without credentials and with its commit or hash, ``local`` or ``editable``.
    """

    implementation: str
    python: str
    packages: Mapping[str, str]
    fingerprints: Mapping[str, str] = Factory(dict)
    sources: Mapping[str, str] = Factory(dict)


@frozen(kw_only=True)
class Bundle:
    """What is equal when two versions are the same.

    Attributes:
        format: 1.
        files: Sorted by path.
        inputs: Sorted by name.
        code: The commit, where the code came from a repository.
        environment: Where it was recorded.
    """

    format: int
    files: tuple[FileEntry, ...]
    inputs: tuple[Input, ...] = ()
    code: Code | None = None
    environment: Environment | None = None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


@frozen(kw_only=True)
class Slice:
    """A stretch of an object.

    Attributes:
        object: ``<hex>.<incarnation>``.
        offset: Bytes from the object's start.
        length: Bytes, at least 1.
        codec: How the stretch is encoded; ``none`` in format 1.
        digest: Of the stretch; None where the file's or the object's says it: see
            :func:`slice_digests`.
    """

    object: str
    offset: int
    length: int
    codec: str = "none"
    digest: str | None = None


@frozen(kw_only=True)
class Layout:
    """Where a bundle's bytes lie.

    Attributes:
        files: Path to slices, in order; an empty file has none.
    """

    files: Mapping[str, tuple[Slice, ...]]


@frozen(kw_only=True)
class Manifest:
    """A bundle and its layout, with the digests that name them.

    Attributes:
        bundle: Line 1.
        layout: Line 2.
        bundle_digest: Of line 1's raw bytes.
        digest: Of the whole file's raw bytes.
    """

    bundle: Bundle
    layout: Layout
    bundle_digest: str
    digest: str
    by_path: Mapping[str, FileEntry] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "by_path", {f.path: f for f in self.bundle.files})

    def objects(self) -> set[str]:
        """Return the names of the objects that the bundle needs."""
        return {s.object for cut in self.layout.files.values() for s in cut}


def slice_digests(file: FileEntry, cut: Sequence[Slice]) -> list[str]:
    """Return the digest of each slice of *file*, so that each is verified by itself.

    The only slice of a file has the file's. Of several, one that names no digest is
    a whole object, and has the object's.
    """
    if len(cut) == 1:
        return [file.digest]
    algorithm = file.digest.partition(":")[0]
    return [piece.digest or f"{algorithm}:{piece.object[:64]}" for piece in cut]


def check_layout(bundle: Bundle, layout: Layout, algorithm: str) -> None:
    """Check that *layout* places every byte of *bundle*, and nothing else.

    Raises:
        FormatError: A file is missing, unknown, or its slices do not add up.
        UpgradeRequiredError: A codec that this release does not know.
    """
    if {file.path for file in bundle.files} != set(layout.files):
        raise _malformed("does not list the bundle's files", "$.layout.files")
    for file in bundle.files:
        where = f"$.layout.files[{file.path!r}]"
        total = 0
        cut = layout.files[file.path]
        for piece in cut:
            if piece.codec not in CODECS:
                raise UpgradeRequiredError(
                    f"{where} is encoded with {piece.codec!r}, unknown to this release",
                    hint="Upgrade modelver to read this version.",
                    path=where,
                )
            if not _OBJECT.fullmatch(piece.object):
                raise _malformed(f"names no object: {piece.object[:100]!r}", where)
            if piece.offset < 0 or piece.length < 1:
                raise _malformed("has a slice of no bytes", where)
            if piece.digest is not None:
                check_digest(piece.digest, algorithm, path=where)
            elif piece.offset and len(cut) > 1:
                raise _malformed("has a slice that nothing verifies", where)
            total += piece.length
        if total != file.size:
            raise _malformed(f"adds up to {total}, the file has {file.size}", where)
