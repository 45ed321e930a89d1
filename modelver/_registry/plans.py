"""What is to be done with one thing of the data, and where it waits meanwhile."""

import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import Factory, frozen

from modelver._bundle import Item
from modelver._bundle.ports import Progress
from modelver._values.data import Data
from modelver._values.manifest import Input
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError, StorageError

# Bytes of all inputs of a registration; half a second each 64 MiB.
_MOST_COUNTED: Final = 256 * 2**20
_SAID: Final = ("split", "license", "rows", "columns", "schema", "version", "kind")


@frozen(kw_only=True)
class Done:
    """What became of one thing.

    Attributes:
        items: Files to be copied into the version, besides those of the plan.
        input: The input, where nothing of it is copied.
        said: What is known of the input that is made of copied files, by field.
    """

    items: tuple[Item, ...] = ()
    input: Input | None = None
    said: Mapping[str, Any] = Factory(dict)


@frozen(kw_only=True)
class Plan:
    """One thing of the data, and how it will be kept.

    Attributes:
        name: Of the input.
        copied: Whether its files become part of the version.
        reads: Whether much may have to be read for it, besides what is copied.
        items: Its files, as they were listed now.
        look: Lists them again; None where they cannot change.
        parent: The exact ref of the version that it is; None where it is none.
        run: Reads what must be read, once.
    """

    name: str
    copied: bool
    reads: bool = False
    items: tuple[Item, ...] = ()
    look: Callable[[], list[Item]] | None = None
    parent: str | None = None
    run: Callable[["Spool"], Done]


class Spool:
    """Where what comes from elsewhere waits, and who is told that it comes."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._count = 0
        self._expected = 0
        self._counted = 0
        self._progress: Progress | None = None

    def may_count(self, size: int) -> bool:
        """Whether so many bytes more may be read only to count what is in them."""
        self._counted += size
        return self._counted <= _MOST_COUNTED

    def tell(self, progress: Progress | None) -> None:
        """Say whom to tell of what is read from now on."""
        self._progress, self._expected = progress, 0

    def expect(self, size: int) -> None:
        """Tell that so many bytes more will be read; -1: nobody knows how many."""
        self._expected += max(size, 0)
        if self._progress is not None:
            self._progress.set_size(self._expected)

    def set_size(self, size: int) -> None:
        """See :meth:`expect`: whoever reads knows of his own bytes alone."""
        self.expect(size)

    def relative_update(self, inc: int = 1) -> None:
        """Tell that so many bytes more were read."""
        if self._progress is not None:
            self._progress.relative_update(inc)

    def told(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield *pieces*, and tell of each."""
        for piece in pieces:
            yield piece
            self.relative_update(len(piece))

    def place(self, name: str) -> Path:
        """Return a path of this name in a folder of its own, that is there."""
        if self._folder is None:
            from tempfile import mkdtemp  # noqa: PLC0415 - seldom needed

            self._folder = Path(mkdtemp(prefix="modelver-"))
            weakref.finalize(self, _delete, self._folder)
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        return folder / name

    def write(self, path: Path, pieces: Iterable[bytes]) -> None:
        """Write a file whose bytes come in pieces.

        Raises:
            StorageError: The disk is full, or refuses.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                for piece in pieces:
                    file.write(piece)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(
                f"cannot write {os.fspath(path)!r}: {error.strerror or error}",
                hint="What is copied from elsewhere waits there: free some space, or "
                "set TMPDIR to a larger folder.",
            ) from error

    def clear(self) -> None:
        """Delete what waits: the store has it."""
        if self._folder is not None:
            _delete(self._folder)
            self._folder = None


def _delete(folder: Path) -> None:
    from shutil import rmtree  # noqa: PLC0415 - the same

    rmtree(folder, ignore_errors=True)


def twice(name: str) -> InvalidInputError:
    """Return the error for two inputs of one name."""
    return InvalidInputError(
        f"two inputs are called {quoted(name)}",
        kind=ErrorKind.BAD_NAME,
        hint="Name them: data={'one': ..., 'two': ...}.",
    )


def said_of(data: Data) -> dict[str, Any]:
    """Return what a caller said of the input himself: it comes before what is found."""
    given = {name: getattr(data, name) for name in _SAID}
    return {name: value for name, value in given.items() if value is not None}


def refuse_how(data: Data, what: str, *known: str) -> None:
    """Refuse a way of keeping *what* that it cannot be kept in.

    Raises:
        InvalidInputError: It is not one of *known*.
    """
    if data.how is not None and data.how not in known:
        ways = " or ".join(f"how={each!r}" for each in known)
        raise InvalidInputError(
            f"{what} cannot be kept with how={quoted(data.how)}",
            hint=f"It can be kept with {ways}.",
        )


def unknown_source(source: object) -> InvalidInputError:
    """Return the error for something that nobody knows how to keep."""
    kind = f"{type(source).__module__}.{type(source).__qualname__}"
    return InvalidInputError(
        f"the data is given as {kind.removeprefix('builtins.')}, of which modelver "
        "knows no content",
        kind=ErrorKind.BAD_ARGUMENT,
        hint="Give a path, a URL, bytes, a DataFrame, an array, a version or Data(). "
        "Of anything else, save it to a file first.",
    )
