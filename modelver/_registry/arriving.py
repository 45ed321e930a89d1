"""Bytes of an input on their way to a file, and what is said where they are wrong."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, TypeVar

from attrs import frozen

from modelver._registry.sums import Sum
from modelver._values.manifest import Input
from modelver._values.text import quoted
from modelver.errors import ErrorKind, IntegrityError, NotFoundError

_PIECE: Final = 2**20
P = TypeVar("P")


@frozen
class Arriving:
    """One file on its way: its path in the folder, its bytes, and what it should be."""

    inner: str
    pieces: Iterable[bytes]
    expected: str | None = None


def listed_files(
    listing: Mapping[str, str],
    places: Iterable[tuple[str, P]],
    pieces: Callable[[P], Iterable[bytes]],
    *,
    legacy: bool,
) -> Iterator[Arriving]:
    """Yield the files of a folder of DVC's, each with the sum that the listing has."""
    kind = "md5lf" if legacy else "md5"
    for path, place in places:
        yield Arriving(path, pieces(place), f"{kind}:{listing[path]}")


def pieces_at(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def write_pieces(
    path: Path | None, pieces: Iterable[bytes], sums: tuple[Sum, ...]
) -> int:
    """Write pieces, or only take their sums; return how many bytes there were."""
    size = 0
    with ExitStack() as stack:
        file: IO[bytes] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("xb"))
        for piece in pieces:
            for total in sums:
                total.update(piece)
            size += len(piece)
            if file is not None:
                file.write(piece)
    return size


def changed_input(
    source: Input, actual: str, where: str | None = None
) -> IntegrityError:
    """Return the error for an input that is not what it was.

    Args:
        source: The input.
        actual: What was found instead.
        where: The path or address where it was found.
    """
    at = "" if where is None else f" at {quoted(where, 200)}"
    return IntegrityError(
        f"the input {quoted(source.name)}{at} is not what it was when the version "
        f"was made: {source.digest} is recorded, {actual} was found",
        kind=ErrorKind.INPUT_CHANGED,
        expected=source.digest,
        actual=actual,
        hint="Hand in the bytes of then if you have them; the store may keep older "
        "versions.",
        name=source.name,
    )


def input_nowhere(source: Input) -> NotFoundError:
    """Return the error for an input whose bytes are not to be found."""
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
