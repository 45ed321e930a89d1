"""The bytes of an input that no version holds: fetched from where they are, checked.

Where they are: at the address that was recorded; in DVC's cache or Git LFS's objects on
this machine; in the registry, of another version; or in a file that the caller says is
the one. What comes is compared with what was recorded, as well as that can be.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import frozen

from modelver._bundle import (
    checkout,
    collect,
    folder_digest,
    pieces_of,
    read_small,
)
from modelver._capture.data import MAX_LISTING, cache_key, listing_sum, read_listing
from modelver._registry.arriving import (
    Arriving,
    changed_input,
    input_nowhere,
    listed_files,
    pieces_at,
    write_pieces,
)
from modelver._registry.core import Core
from modelver._registry.data_far import listing_digest, sums_of
from modelver._registry.remote import Remote
from modelver._registry.resolve import resolve
from modelver._registry.sums import Sum
from modelver._registry.tracked import caches, config_of, top_of
from modelver._values.manifest import Input
from modelver._values.paths import check_bundle_path
from modelver._values.ref import Ref
from modelver._values.text import quoted
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    IntegrityError,
    InvalidInputError,
    ModelverError,
    NotFoundError,
    StorageError,
)

_DIR: Final = ".dir"
_PIECE: Final = 2**20
_MD5: Final = ("md5", "md5lf")
P = TypeVar("P")


@frozen(kw_only=True)
class Sources:
    """Where else the bytes of an input may be.

    Attributes:
        supplied: A file or folder that the caller says is the one.
        near: A folder in the work tree whose DVC cache and Git LFS objects are looked
            through; None: neither is.
        storage_options: For the store of its address.
    """

    supplied: Path | None = None
    near: Path | None = None
    storage_options: Mapping[str, Any] | None = None


def resolve_input(
    core: Core, source: Input, dest: Path, where: Sources | None = None
) -> Path:
    """Put the bytes of an input that was not copied at *dest*, checked.

    Args:
        core: The registry.
        source: What is wanted.
        dest: A path where nothing is; a folder's files come below it.
        where: Where else to look.

    Returns:
        *dest*.

    Raises:
        AlreadyExistsError: Something is there.
        NotFoundError: The bytes are nowhere; the hint says how to hand them in.
        IntegrityError: They are not what they were (kind ``INPUT_CHANGED``).
        StorageError: A store refuses, or the disk does.
    """
    where = where or Sources()
    if os.path.lexists(dest):
        raise AlreadyExistsError(
            f"{os.fspath(dest)!r} is there already",
            hint="Choose a path where nothing is.",
        )
    if source.kind == "model":
        return _version(core, source, dest)
    fetch = _Fetch(source, dest, core.log.state.info.digest)
    with _undone(dest):
        if where.supplied is not None:
            fetch.copy(where.supplied)
        elif not (fetch.from_here(where.near) or fetch.from_there(where)):
            raise input_nowhere(source)
    return dest


def check_input(core: Core, source: Input, path: Path) -> None:
    """Compare what lies at *path* with what was recorded of an input; copy nothing.

    Raises:
        IntegrityError: It is something else (kind ``INPUT_CHANGED``).
        NotFoundError: What was recorded is nothing that bytes can be compared with.
    """
    _Fetch(source, None, core.log.state.info.digest).copy(path)


@contextmanager
def _undone(dest: Path) -> Iterator[None]:
    """Leave nothing at *dest* where the block fails."""
    try:
        yield
    except BaseException as error:
        if dest.is_dir():
            shutil.rmtree(dest, ignore_errors=True)
        else:
            dest.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, ModelverError):
            raise StorageError(
                f"cannot write {os.fspath(dest)!r}: {error.strerror or error}"
            ) from error
        raise


def _version(core: Core, source: Input, dest: Path) -> Path:
    """Check the files of another version out, of the model alone."""
    state = core.state()
    found = resolve(state, Ref.parse(source.uri or source.digest), quiet=True)
    if found.bundle != source.digest:
        raise changed_input(source, found.bundle)
    reader = core.reader(found)
    files = [file for file in reader.manifest.bundle.files if file.role == "model"]
    return checkout(reader, files, dest, None)


class _Fetch:
    """Brings the bytes of one input to one place."""

    def __init__(self, source: Input, dest: Path | None, algorithm: str) -> None:
        """Look at nothing yet.

        Args:
            source: The input.
            dest: Where its bytes go; None: nowhere, they are only compared.
            algorithm: The registry's digest.
        """
        self.source = source
        self.dest = dest
        self._algorithm = algorithm
        self._kind, _, self._name = source.digest.partition(":")
        self._is_folder = source.kind == "folder"
        self._where = source.uri

    def copy(self, path: Path) -> None:
        """Take what the caller says is it."""
        if self.source.kind == "table" or not self._can_compare():
            raise NotFoundError(
                f"whether {quoted(os.fspath(path), 200)} is the input "
                f"{quoted(self.source.name)} cannot be told: what is known of it is "
                f"{self.source.digest}",
                kind=ErrorKind.FILE,
                hint="Load it as it was loaded then, and compare its digest.",
            )
        self._where = os.fspath(path)
        items = collect("data", path)
        is_folder = items[0].group[1]
        if is_folder != self._is_folder:
            raise self._changed("a folder" if is_folder else "a file")
        files = [Arriving(item.inner, pieces_of(item)) for item in items]
        self._take(files if is_folder else [Arriving("", files[0].pieces)])

    def _can_compare(self) -> bool:
        if self._is_folder:
            return self._kind in (self._algorithm, "md5")
        return self._sum().known

    def from_here(self, near: Path | None) -> bool:
        """Look where DVC and Git LFS keep bytes on this machine."""
        if near is None:
            return False
        whole = Path(os.path.abspath(near))  # noqa: PTH100 - keeps links
        if self._kind in _MD5:
            top = top_of(whole)
            places = caches(top, config_of(top)) if top is not None else ()
            return any(self._from_cache(place) for place in places)
        if self._kind == "sha256" and self.source.uri is None:
            oid = (
                Path("lfs") / "objects" / self._name[:2] / self._name[2:4] / self._name
            )
            for above in (whole, *whole.parents):
                found = above / ".git" / oid
                if found.is_file():
                    self._take([Arriving("", pieces_at(found))])
                    return True
        return False

    def _from_cache(self, place: Path) -> bool:
        legacy = self._is_legacy(place)
        found = place / cache_key(self._name, legacy=legacy)
        if not found.is_file():
            return False
        if not self._name.endswith(_DIR):
            self._take([Arriving("", pieces_at(found))])
            return True
        listing = self._listing(read_small(found, MAX_LISTING) or b"")
        each = {p: place / cache_key(m, legacy=legacy) for p, m in listing.items()}
        if not all(path.is_file() for path in each.values()):
            return False
        files = listed_files(listing, each.items(), pieces_at, legacy=legacy)
        self._take(files, listed=True)
        return True

    def _is_legacy(self, place: Path) -> bool:
        return not (place / cache_key(self._name, legacy=False)).is_file()

    def from_there(self, where: Sources) -> bool:
        """Ask the store at the input's address."""
        uri = self.source.uri
        if uri is None or "://" not in uri or self._kind == "id":
            return False
        if uri.startswith("file://"):
            from modelver._registry.data import path_of  # noqa: PLC0415 - it is above

            self.copy(path_of(uri))
            return True
        options = where.storage_options
        if self._kind in _MD5 and self._name.endswith(_DIR):
            self._from_remote_of_dvc(uri, options)
            return True
        try:
            remote = Remote(uri, options, version=self._version())
        except InvalidInputError as error:
            if error.kind is not ErrorKind.MISSING_FILE:
                raise
            raise input_nowhere(self.source) from error
        if remote.is_folder != self._is_folder:
            raise self._changed("a folder" if remote.is_folder else "a file")
        self._check_told(remote)
        files = [
            Arriving(f.inner, remote.pieces(f), f.facts.checksum if f.facts else None)
            for f in remote.files
        ]
        self._take(files if self._is_folder else [Arriving("", files[0].pieces)])
        return True

    def _version(self) -> str | None:
        return None if self._is_folder else self.source.version

    def _check_told(self, remote: Remote) -> None:
        """Compare what the store says now with what it said then, before reading."""
        if self._is_folder:
            if self._kind == "tree":
                sums = sums_of(remote, self._algorithm, read_all=False)
                found = listing_digest(
                    remote.files, [s.digest for s in sums], self._algorithm
                )
                if found != self.source.digest:
                    raise self._changed(found)
            return
        facts = remote.files[0].facts
        if facts is None:
            return
        if self.source.size >= 0 and facts.size not in (-1, self.source.size):
            raise self._changed(f"{facts.size:,} bytes")
        if self._sum().known:
            return
        if facts.checksum != self.source.digest:
            raise self._changed(facts.checksum or "nothing that can be compared")

    def _from_remote_of_dvc(self, uri: str, options: Mapping[str, Any] | None) -> None:
        """Fetch a folder from a remote of DVC's: its listing, then each file."""
        remote = Remote(uri, options, at_most=None)
        listing = self._listing(b"".join(remote.pieces(remote.files[0], MAX_LISTING)))
        above = uri.removesuffix(cache_key(self._name, legacy=False)).rstrip("/")
        legacy = above == uri
        if legacy:
            above = uri.removesuffix(cache_key(self._name, legacy=True)).rstrip("/")

        def pieces(md5: str) -> Iterator[bytes]:
            at = Remote(
                f"{above}/{cache_key(md5, legacy=legacy)}", options, at_most=None
            )
            yield from at.pieces(at.files[0])

        self._take(
            listed_files(listing, listing.items(), pieces, legacy=legacy), listed=True
        )

    def _listing(self, raw: bytes) -> dict[str, str]:
        """Return the sums of a folder's files; the listing is the input's own."""
        total = Sum(f"md5:{self._name.removesuffix(_DIR)}")
        total.update(raw)
        listing = read_listing(raw)
        if not total.matches() or listing is None:
            raise self._changed(total.actual)
        return listing

    def _take(self, files: Iterable[Arriving], *, listed: bool = False) -> None:
        """Write files below the target, or the one file there; then compare.

        Args:
            files: Where they come from.
            listed: They are those of a listing, which has been compared already.
        """
        found: list[tuple[str, str]] = []
        size = 0
        whole = self._sum()
        each_kind = "md5" if self._name.endswith(_DIR) else self._algorithm
        for file in files:
            total = Sum(f"{each_kind}:") if file.inner else whole
            told = Sum(file.expected or "")
            size += write_pieces(self._place(file.inner), file.pieces, (total, told))
            if told.known and not told.matches():
                raise self._changed(f"{file.inner}: {told.actual}")
            found.append((file.inner, total.actual))
        if self._is_folder:
            if not listed:
                self._compare_folder(found)
        elif whole.known and not whole.matches():
            raise self._changed(whole.actual)
        if self.source.size not in (-1, size):
            raise self._changed(f"{size:,} bytes")

    def _place(self, inner: str) -> Path | None:
        if self.dest is None:
            return None
        return self.dest / check_bundle_path(inner) if inner else self.dest

    def _compare_folder(self, found: list[tuple[str, str]]) -> None:
        actual = self.source.digest
        if self._kind == self._algorithm:
            actual = folder_digest(found, self._algorithm)
        elif self._name.endswith(_DIR) and self._kind == "md5":
            bare = {path: total.partition(":")[2] for path, total in found}
            actual = f"md5:{listing_sum(bare)}{_DIR}"
        if actual != self.source.digest:
            raise self._changed(actual)

    def _changed(self, actual: str) -> IntegrityError:
        return changed_input(self.source, actual, self._where)

    def _sum(self) -> Sum:
        return Sum(self.source.digest)
