"""Handing files out of the cache, and filling it with what is missing."""

import stat
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from modelver._bundle.cache.answers import answer_to, keep_answer
from modelver._bundle.cache.bounds import Bounds
from modelver._bundle.cache.claim import Claim, claimed
from modelver._bundle.cache.copies import Sweeper
from modelver._bundle.cache.places import keep_private, make_folder, throw_away
from modelver._bundle.cache.shelf import Shelf
from modelver._bundle.cache.stamps import mark_used
from modelver._bundle.disk import translate
from modelver._bundle.fetch import fetch_file, fetch_files
from modelver._bundle.ports import Progress
from modelver._bundle.read import BundleReader
from modelver._values.digests import hex_of
from modelver._values.manifest import FileEntry, Manifest
from modelver.errors import ErrorKind, IntegrityError, ModelverError, StorageError

# How often everything is fetched again that others delete meanwhile.
_ROUNDS: Final = 8
_NAME: Final = 32
_SMALL: Final = 2**20
# What is gone, or what somebody else has made in its place meanwhile.
_DISTURBED: Final = (FileNotFoundError, NotADirectoryError, FileExistsError)


class FileCache:
    """A folder that holds, for each manifest, the files that were asked for.

    A file is verified before it appears; later it is handed out again only as long as
    nobody has touched it, or its bytes are found to be right. What a co-tenant or a
    program wrote into it in between is thrown away and fetched anew.

    Attributes:
        folder: The registry's own within the cache.
        bounds: Of the cache as a whole.
        told: Called with the digest of the manifest of what is handed out.
    """

    told: Callable[[str], object] | None = None

    def __init__(
        self,
        folder: Path,
        bounds: Bounds | None = None,
    ) -> None:
        """Use *folder*, the registry's own within the cache.

        Args:
            folder: Made when it is first needed.
            bounds: Of the cache as a whole; None: the usual ones.
        """
        self.folder = folder
        self.bounds = bounds if bounds is not None else Bounds()
        self._sweeper = Sweeper(folder.parent, self.bounds)

    def root(self, digest: str) -> Path:
        """Return the folder for the files of the manifest of this digest."""
        return self.folder / hex_of(digest)[:_NAME]

    def manifest_path(self, hex_digits: str) -> Path:
        """Return where the manifest of a digest is kept itself, beside its files."""
        return self.folder / hex_digits[:_NAME] / ".manifest.jsonl"

    def fetch(
        self,
        reader: BundleReader,
        files: Iterable[FileEntry],
        progress: Progress | None = None,
    ) -> Path:
        """Return the folder under which *files* lie at their bundle paths.

        Args:
            reader: Of their version.
            files: Which.
            progress: Told of the bytes that are not there yet.

        Raises:
            IntegrityError: A file is damaged in the registry.
            StorageError: The disk is full, or refuses.
        """
        began, wanted = time.time(), list(files)
        root = self.root(reader.manifest.digest)
        try:
            grown = self._provide(reader, wanted, progress)
        except ModelverError:
            raise
        except OSError as error:
            raise translate(error, root) from error
        if grown:
            with suppress(OSError):  # the next one tidies up
                self._sweeper.grown(grown, (root,), began)
        if self.told is not None:
            self.told(reader.manifest.digest)
        return root

    def recall(self, manifest: str, question: str) -> Path | None:
        """Return what was handed out for a question before, if all of it is there.

        Args:
            manifest: Its digest; it need not be read.
            question: As it was given to :meth:`keep`.
        """
        shelf = self._shelf(manifest)
        answer = answer_to(shelf.root, question) if shelf.is_own() else None
        if answer is None or not all(map(shelf.believes, answer.files)):
            return None
        mark_used(shelf.root)
        if self.told is not None:
            self.told(manifest)
        return shelf.root / answer.inner

    def keep(
        self, manifest: str, question: str, inner: str, files: Iterable[FileEntry]
    ) -> None:
        """Keep which *files* were handed out, below *inner*, for a question."""
        with suppress(OSError):
            paths = [file.path for file in files]
            keep_answer(self.root(manifest), question, inner, paths)

    def make_room(self, keep: Path, since: float) -> bool:
        """Delete all copies that nobody uses but those in *keep*; tell if any were."""
        return self._sweeper.make_room((keep,), since)

    def find(self, manifest: Manifest, file: FileEntry) -> Path | None:
        """Return the copy of *file*, verified; None where there is none."""
        shelf = self._shelf(manifest.digest)
        if not shelf.holds(file):
            return None
        shelf.save()
        return shelf.root / file.path

    def _shelf(self, manifest: str) -> Shelf:
        return Shelf(self.root(manifest), manifest.partition(":")[0])

    def _provide(
        self,
        reader: BundleReader,
        files: Sequence[FileEntry],
        progress: Progress | None,
    ) -> int:
        """See that *files* are there; return by how many bytes the cache has grown."""
        shelf, grown = self._shelf(reader.manifest.digest), 0
        last: OSError | None = None
        for _ in range(_ROUNDS):
            missing = [file for file in files if not shelf.holds(file)]
            if not missing:
                shelf.save()
                mark_used(shelf.root)
                return grown
            if progress is not None and not grown:
                progress.set_size(sum(file.size for file in missing))
            try:
                grown += _Filling(self, reader, shelf, progress).fill(missing)
            except OSError as error:
                # Another process clears the cache, it may be: once more.
                if not isinstance(error.__cause__ or error, _DISTURBED):
                    raise
                last = error
            shelf.look_again()
        raise StorageError(
            f"the local copies of {reader.ref} were deleted each time they were made",
            hint="Another process clears the cache: stop it, or use a cache of your "
            "own (cache=, or MODELVER_CACHE_DIR).",
            retryable=True,
        ) from last


class _Filling:
    """One go at bringing files into the cache."""

    def __init__(
        self,
        cache: FileCache,
        reader: BundleReader,
        shelf: Shelf,
        progress: Progress | None,
    ) -> None:
        self._cache = cache
        self._reader = reader
        self._shelf = shelf
        self._progress = progress
        self._began = time.time()

    def fill(self, missing: Iterable[FileEntry]) -> int:
        """Bring *missing*, and return how many bytes that were."""
        make_folder(self._cache.folder)
        keep_private(self._cache.folder)
        make_folder(self._shelf.root)
        small: list[FileEntry] = []
        large: list[FileEntry] = []
        for file in missing:
            (small if file.size <= _SMALL else large).append(file)
        grown = self._fill_small(small) if small else 0
        return grown + sum(map(self._fill_large, large))

    def _fill_small(self, files: Sequence[FileEntry]) -> int:
        """Bring files together: many of them lie in one object."""
        with claimed(self._shelf.root, "small") as claim:
            files = self._still_missing(files)
            throw_away(claim.path)
            if files:
                self._bring(
                    claim,
                    lambda: fetch_files(
                        self._reader, files, claim.path, self._progress
                    ),
                )
            for file in files:
                self._shelf.take(file, claim.path / file.path)
            throw_away(claim.path)
        return sum(file.size for file in files)

    def _fill_large(self, file: FileEntry) -> int:
        """Bring one file; what another process has begun is gone on with."""
        with claimed(self._shelf.root, hex_of(file.digest)[:_NAME]) as claim:
            if not self._still_missing([file]):
                return 0
            _make_plain(claim.path)
            self._bring(
                claim,
                lambda: fetch_file(
                    self._reader,
                    file,
                    claim.path,
                    progress=self._progress,
                    resume=claim.shared,
                ),
            )
            self._shelf.take(file, claim.path)
        return file.size

    def _still_missing(self, files: Sequence[FileEntry]) -> list[FileEntry]:
        """Return those that whoever had the claim before has not brought."""
        missing = [file for file in files if not self._shelf.holds(file)]
        there = sum(file.size for file in files) - sum(file.size for file in missing)
        if self._progress is not None and there:
            self._progress.relative_update(there)
        return missing

    def _bring(self, claim: Claim, fetch: Callable[[], None]) -> None:
        """Fetch; once more where that may help."""
        try:
            fetch()
        except IntegrityError:
            throw_away(claim.path)
            raise
        except OSError as error:
            if not _is_full(error):
                raise
            throw_away(claim.path)
            if not self._cache.make_room(self._shelf.root, self._began):
                raise
            fetch()


def _make_plain(partial: Path) -> None:
    """Delete what cannot be a file that an earlier process has begun."""
    try:
        found = partial.lstat()
    except OSError:
        return
    # One that has another name as well is somebody's own.
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        throw_away(partial)


def _is_full(error: OSError) -> bool:
    return isinstance(error, StorageError) and error.kind is ErrorKind.DISK_FULL
