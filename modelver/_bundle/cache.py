"""Verified local copies of files, shared by the processes of one user."""

import contextlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from modelver._bundle.checkout import translate, write_file
from modelver._bundle.read import BundleReader
from modelver._values.digests import hex_of, new_hasher
from modelver._values.manifest import FileEntry
from modelver.errors import ModelverError

_PIECE: Final = 256 * 1024


class FileCache:
    """A folder that holds, for each manifest, the files that were asked for.

    A file is verified before it appears and again whenever it is handed out: what a
    co-tenant or a program wrote into it in between is thrown away and fetched anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fetch(self, reader: BundleReader, files: Iterable[FileEntry]) -> Path:
        """Return the folder under which *files* lie at their bundle paths.

        Raises:
            IntegrityError: A file is damaged in the registry.
            StorageError: The disk is full, or refuses.
        """
        root = self._folder / hex_of(reader.manifest.digest)[:32]
        algorithm = reader.manifest.digest.partition(":")[0]
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in files:
                target = root / file.path
                if not _holds(target, file, algorithm):
                    _clear(root, target)
                    self._fill(reader, file, target)
        except ModelverError:
            raise
        except OSError as error:
            raise translate(error, root) from error
        return root

    def _fill(self, reader: BundleReader, file: FileEntry, target: Path) -> None:
        temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
        try:
            write_file(reader, file, temporary)
            temporary.chmod(0o500 if file.executable else 0o400)
            temporary.replace(target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _clear(root: Path, target: Path) -> None:
    """Take away what modelver never makes: a link would lead the file elsewhere."""
    for above in reversed(target.relative_to(root.parent).parents[:-1]):
        folder = root.parent / above
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)


def _holds(path: Path, file: FileEntry, algorithm: str) -> bool:
    """Whether *path* is a regular file with exactly the bytes of *file*."""
    try:
        descriptor = os.open(
            path,
            os.O_RDONLY
            | getattr(os, "O_NOFOLLOW", 0)
            | getattr(os, "O_NONBLOCK", 0)
            | getattr(os, "O_BINARY", 0),
        )
    except OSError:
        return False
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
            return False
        hasher = new_hasher(algorithm)
        while piece := os.read(descriptor, _PIECE):
            hasher.update(piece)
    finally:
        os.close(descriptor)
    return f"{algorithm}:{hasher.hexdigest()}" == file.digest
