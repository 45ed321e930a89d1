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
from typing import Any, Final

from attrs import frozen

from modelver._bundle import (
    checkout,
    collect,
    folder_digest,
    pieces_of,
    read_small,
)
from modelver._capture.data import MAX_LISTING, cache_key, read_listing
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
            raise _nowhere(source)
    return dest


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
        raise _changed(source, found.bundle)
    reader = core.reader(found)
    files = [file for file in reader.manifest.bundle.files if file.role == "model"]
    return checkout(reader, files, dest, None)


class _Fetch:
    """Brings the bytes of one input to one place."""

    def __init__(self, source: Input, dest: Path, algorithm: str) -> None:
        self.source = source
        self.dest = dest
        self._algorithm = algorithm
        self._kind, _, self._name = source.digest.partition(":")
        self._is_folder = source.kind == "folder"

    def copy(self, path: Path) -> None:
        """Take what the caller says is it."""
        if self.source.kind == "table" or not (self._sum().known or self._is_folder):
            raise NotFoundError(
                f"whether {quoted(os.fspath(path), 200)} is the input "
                f"{quoted(self.source.name)} cannot be told: what is known of it is "
                f"{self.source.digest}",
                kind=ErrorKind.FILE,
                hint="Load it as it was loaded then, and compare its digest.",
            )
        items = collect("data", path)
        is_folder = items[0].group[1]
        if is_folder != self._is_folder:
            raise _changed(self.source, "a folder" if is_folder else "a file")
        files = [(item.inner, pieces_of(item)) for item in items]
        self._take(files if is_folder else [("", files[0][1])])

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
                    self._take([("", _pieces(found))])
                    return True
        return False

    def _from_cache(self, place: Path) -> bool:
        legacy = self._is_legacy(place)
        found = place / cache_key(self._name, legacy=legacy)
        if not found.is_file():
            return False
        if not self._name.endswith(_DIR):
            self._take([("", _pieces(found))])
            return True
        listing = self._listing(read_small(found, MAX_LISTING) or b"")
        each = {p: place / cache_key(m, legacy=legacy) for p, m in listing.items()}
        if not all(path.is_file() for path in each.values()):
            return False
        files = {path: _pieces(place) for path, place in each.items()}
        self._take_listed(listing, files, legacy=legacy)
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
            raise _nowhere(self.source) from error
        if remote.is_folder != self._is_folder:
            raise _changed(self.source, "a folder" if remote.is_folder else "a file")
        self._check_told(remote)
        files = [(f.inner, remote.pieces(f)) for f in remote.files]
        self._take(files if self._is_folder else [("", files[0][1])])
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
                    raise _changed(self.source, found)
            return
        facts = remote.files[0].facts
        if facts is None:
            return
        if self.source.size >= 0 and facts.size not in (-1, self.source.size):
            raise _changed(self.source, f"{facts.size:,} bytes")
        if self._sum().known:
            return
        if facts.checksum != self.source.digest:
            raise _changed(
                self.source, facts.checksum or "nothing that can be compared"
            )

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

        files = {path: pieces(md5) for path, md5 in listing.items()}
        self._take_listed(listing, files, legacy=legacy)

    def _listing(self, raw: bytes) -> dict[str, str]:
        """Return the sums of a folder's files; the listing is the input's own."""
        total = Sum(f"md5:{self._name.removesuffix(_DIR)}")
        total.update(raw)
        listing = read_listing(raw)
        if not total.matches() or listing is None:
            raise _changed(self.source, total.actual)
        return listing

    def _take_listed(
        self,
        listing: Mapping[str, str],
        files: Mapping[str, Iterable[bytes]],
        *,
        legacy: bool,
    ) -> None:
        for path, pieces in files.items():
            total = Sum(f"{'md5lf' if legacy else 'md5'}:{listing[path]}")
            _write(self.dest / check_bundle_path(path), pieces, total)
            if not total.matches():
                raise _changed(self.source, f"{path}: {total.actual}")

    def _take(self, files: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """Write files below the target, or the one file there; then compare."""
        found: list[tuple[str, str]] = []
        size = 0
        total = self._sum()
        for inner, pieces in files:
            path = self.dest / check_bundle_path(inner) if inner else self.dest
            each = Sum(f"{self._algorithm}:") if inner else total
            size += _write(path, pieces, each)
            found.append((inner, each.actual))
        if self._is_folder:
            actual = folder_digest(found, self._algorithm)
            if self._kind == self._algorithm and actual != self.source.digest:
                raise _changed(self.source, actual)
        elif total.known and not total.matches():
            raise _changed(self.source, total.actual)
        if self.source.size not in (-1, size):
            raise _changed(self.source, f"{size:,} bytes")

    def _sum(self) -> Sum:
        return Sum(self.source.digest)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _write(path: Path, pieces: Iterable[bytes], total: Sum) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with path.open("xb") as file:
        for piece in pieces:
            total.update(piece)
            size += file.write(piece)
    return size


def _changed(source: Input, actual: str) -> IntegrityError:
    where = "" if source.uri is None else f" at {quoted(source.uri, 200)}"
    return IntegrityError(
        f"the input {quoted(source.name)}{where} is not what it was when the version "
        f"was made: {source.digest} is recorded, {actual} was found",
        kind=ErrorKind.INPUT_CHANGED,
        expected=source.digest,
        actual=actual,
        hint="Hand in the bytes of then if you have them; the store may keep older "
        "versions.",
        name=source.name,
    )


def _nowhere(source: Input) -> NotFoundError:
    kept = {
        "digest": "only its digest was kept",
        "reference": "nothing was found where it was",
    }
    return NotFoundError(
        f"the bytes of the input {quoted(source.name)} are not here: "
        f"{kept.get(source.how, 'it is a file of the version')}",
        kind=ErrorKind.FILE,
        hint=f"Hand them in: they are compared with {source.digest}.",
        ref=source.name,
    )
