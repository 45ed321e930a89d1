"""The files of one version: read, opened, copied, checked out, verified."""

import codecs
import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

from modelver._bundle import checkout, local_path
from modelver._bundle.ranged import AHEAD, RangedFile
from modelver._registry.arguments import as_sequence
from modelver._registry.core import Core
from modelver._registry.handout import hand_out
from modelver._registry.progress import progressing
from modelver._registry.questions import verify
from modelver._values.manifest import ROLES
from modelver._values.report import Report
from modelver._values.state import VersionState
from modelver._values.text import quoted, require_text
from modelver.errors import ErrorKind, InvalidInputError, NotFoundError

# Up to this much is read into memory at once.
_IN_MEMORY: Final = 32 * 2**20


class VersionFiles:
    """What a version can do with its bytes: each is verified before it is given out."""

    _core: Core
    _state: VersionState

    @property
    def ref(self) -> str:
        """``name@version``, exactly."""
        return self._state.ref

    def read(self, path: str) -> bytes:
        """Return a file's bytes, verified.

        Args:
            path: In the bundle: ``code/train.py``. The role of a model file may be
                left out: ``weights.bin`` is ``model/weights.bin``.

        Raises:
            NotFoundError: There is no such file (kind ``FILE``).
            IntegrityError: The bytes are not those that were registered.
        """
        return self._core.reader(self._state).read(_bundle_path(path))

    def open(
        self,
        path: str,
        mode: str = "rb",
        *,
        encoding: str = "utf-8",
        progress: Any = None,
    ) -> IO[Any]:
        """Open a file for reading; a byte is verified before it is given out.

        Of a large file only the parts come that are read.

        Args:
            path: As for :meth:`read`.
            mode: ``rb`` or ``r``.
            encoding: For ``r``.
            progress: As for :meth:`Registry.register`; of a file that must be fetched
                before it can be opened.

        Raises:
            InvalidInputError: Any other mode: a version never changes.
            NotFoundError: There is no such file.
            IntegrityError: The bytes are not those that were registered.
        """
        require_text(encoding, "the encoding", kind=ErrorKind.BAD_ARGUMENT, limit=100)
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise InvalidInputError(
                f"{quoted(encoding)} is no encoding", hint="For instance 'utf-8'."
            ) from None
        if mode not in ("rb", "r", "rt"):
            raise InvalidInputError(
                f"a file of a version cannot be opened with mode {quoted(mode)}",
                hint="Versions never change: read it, and register a new version.",
            )
        told = progressing(progress, f"fetching {self.ref}")
        reader = self._core.reader(self._state)
        file = reader.find(_bundle_path(path))
        raw: IO[bytes]
        if file.size <= _IN_MEMORY:
            raw = io.BytesIO(reader.read(file.path))
        elif RangedFile.suits(reader.cut(file)):
            raw = io.BufferedReader(RangedFile(reader, file), AHEAD)
        else:  # an old registry's, in parts that no memory holds
            with told:
                root = self._core.cache.fetch(reader, [file], told)
            raw = (root / file.path).open("rb")
        return raw if mode == "rb" else io.TextIOWrapper(raw, encoding=encoding)

    def path(self, path: str | None = None, *, progress: Any = None) -> Path:
        """Return a verified local copy: read-only, in the cache, not to be changed.

        The second time it costs a look at the file, however large that is. Copies stay
        as long as the cache has room for them: see :attr:`Registry.cache`.

        Args:
            path: A file or a folder of the bundle; None: the folder with the model's
                files.
            progress: As for :meth:`Registry.register`.

        Raises:
            NotFoundError: There is no such file.
            IntegrityError: The bytes are not those that were registered.
            StorageError: The disk is full, or refuses.
            OfflineError: Offline, and it is not in the cache.
        """
        wanted = "model" if path is None else _bundle_path(path).rstrip("/")
        return hand_out(self._core, self._state, wanted, progress)

    def checkout(
        self,
        dest: str | Path,
        roles: str | Sequence[str] | None = None,
        *,
        progress: Any = None,
    ) -> Path:
        """Write the version into a folder: ``dest/model/...``, ``dest/code/...``.

        Every byte is verified. The folder appears whole or not at all.

        Args:
            dest: Must not exist, or be an empty folder.
            roles: Only these of ``model code data config environment docs``.
            progress: As for :meth:`Registry.register`.

        Returns:
            The folder's absolute path.

        Raises:
            AlreadyExistsError: Something is there.
            InvalidInputError: A role is unknown.
            NotFoundError: The version has no file of these roles.
            IntegrityError: A file is damaged; nothing is left behind.
            StorageError: The disk is full, or refuses; nothing is left behind.
        """
        wanted = ROLES if roles is None else as_sequence(roles, "roles")
        unknown = [role for role in wanted if role not in ROLES]
        if unknown:
            raise InvalidInputError(
                f"{quoted(unknown[0])} is no role of a bundle",
                hint=f"Roles are {', '.join(ROLES)}.",
            )
        reader = self._core.reader(self._state)
        files = [f for f in reader.manifest.bundle.files if f.role in wanted]
        if not files:
            raise NotFoundError(
                f"{self.ref} has no file of the roles {', '.join(wanted)}",
                kind=ErrorKind.FILE,
                ref=self.ref,
            )
        target = local_path(dest, "the target")
        with progressing(progress, f"checking out {self.ref}") as told:
            return checkout(reader, files, target, told)

    def verify(self, *, deep: bool = True, progress: Any = None) -> Report:
        """Check that this version can be had back; see :meth:`Registry.verify`."""
        with progressing(progress, f"verifying {self.ref}") as told:
            return verify(self._core, deep=deep, only={self.ref}, progress=told)


def _bundle_path(path: str) -> str:
    return require_text(path, "a path in a bundle", kind=ErrorKind.BAD_PATH)
