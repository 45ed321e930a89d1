"""The bytes of an input that was not copied: found, and compared with what it was."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from modelver._bundle import local_path
from modelver._registry.core import Core
from modelver._registry.fetch_input import Sources, check_input, resolve_input
from modelver._values.manifest import Input
from modelver.errors import IntegrityError, NotFoundError


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
        StorageError: The store that has them cannot be asked.
    """
    if given is not None:
        path = local_path(given, f"the input {source.name}")
        check_input(core, source, path)
        return path
    if nearby is not None and nearby.exists():
        if source.how == "digest":
            check_input(core, source, nearby)
            return nearby
        # What was pinned elsewhere may be had from there, whatever lies here now.
        with suppress(IntegrityError, NotFoundError):
            check_input(core, source, nearby)
            return nearby
    return resolve_input(core, source, dest, Sources(near=Path.cwd()))
