"""The filter on the way out of Git: of a pointer, the bytes that it pins."""

import io
import warnings
from pathlib import Path
from typing import IO

from modelver._pins.find import home_of
from modelver._pins.known import remember
from modelver._pins.pointer import MAX_POINTER, Pointer, maybe
from modelver.errors import InvalidInputError, ModelverError, ModelverWarning


def smudge(path: str, stream: IO[bytes]) -> tuple[IO[bytes], int]:
    """Return the bytes that a file is to have, as a stream with its length.

    Whatever cannot be had, it never fails: the pointer's text stays then, with a
    warning.

    Args:
        path: The file, from the top of the work tree.
        stream: What Git holds.
    """
    head = stream.read(MAX_POINTER + 1)
    pin = maybe(head, path)
    if pin is None:
        rest = head + stream.read()  # Git has it in memory as well
        return io.BytesIO(rest), len(rest)
    try:
        return _bytes_of(pin, path)
    except Exception as error:  # noqa: BLE001 - a checkout goes on, whatever happens
        said = error.message if isinstance(error, ModelverError) else repr(error)[:300]
        hints = error.hints if isinstance(error, ModelverError) else ()
        warnings.warn(
            f"{path} is left as a pointer: {said}. {' '.join(hints)} Later: modelver "
            "pull",
            ModelverWarning,
            stacklevel=2,
        )
        return io.BytesIO(head), len(head)


def _bytes_of(pin: Pointer, path: str) -> tuple[IO[bytes], int]:
    # Imported where a failure leaves the pointer as it is.
    from modelver._pins.source import Sources  # noqa: PLC0415 - Git starts this often
    from modelver._pins.trust import Trust  # noqa: PLC0415 - the same

    home = home_of(Path.cwd())
    base = (home.folder / path).parent
    version = Sources(Trust(home.folder, home.git)).version(pin, base, path)
    if pin.file is None or version.digest != pin.digest:
        raise InvalidInputError(
            f"{path} pins no single file",
            hint="Pin it again: modelver pin REF FOLDER --file FILE --hold.",
        )
    copy = version.path(pin.file)
    if home.git is not None:
        remember(home.git, pin, copy)
    return copy.open("rb"), copy.stat().st_size
