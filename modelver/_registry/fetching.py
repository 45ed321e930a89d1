"""The bytes of an input that was not copied: found, and compared with what it was."""

import os
from pathlib import Path
from typing import Any

from modelver._bundle import digest_path, local_path
from modelver._registry.core import Core
from modelver._values.manifest import Input
from modelver._values.text import quoted
from modelver.errors import ErrorKind, IntegrityError, NotFoundError


def fetch_input(
    core: Core, source: Input, dest: Path, *, given: Any, nearby: Path | None
) -> Path:
    """Return where the bytes of an input are now; they are what they were.

    Args:
        core: The registry.
        source: The input.
        dest: Where to put them if they must be fetched.
        given: A path where the caller says they are; None: they are looked for.
        nearby: Where the run found them; used where they still lie there.

    Raises:
        IntegrityError: They are other bytes than those that were registered.
        NotFoundError: They cannot be had.
    """
    if given is not None:
        return _compared(core, source, local_path(given, f"the input {source.name}"))
    if nearby is not None and nearby.exists():
        return _compared(core, source, nearby)
    raise NotFoundError(
        f"only {source.digest} is known of it",
        kind=ErrorKind.FILE,
        hint=f"Say where it lies: data={{{source.name!r}: path}}.",
    )


def _compared(core: Core, source: Input, path: Path) -> Path:
    if source.digest in digest_path(path, core.log.state.info.digest):
        return path
    raise IntegrityError(
        f"{quoted(os.fspath(path))} holds other data than was registered",
        kind=ErrorKind.OBJECT_DAMAGED,
        expected=source.digest,
        hint="Somebody changed it: find the data that the model was made from.",
    )
