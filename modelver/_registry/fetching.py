"""The bytes of an input that was not copied: where a reproduction takes them from."""

from pathlib import Path
from typing import Any, Final

from modelver._bundle import local_path
from modelver._registry.core import Core
from modelver._registry.fetch_input import Sources, check_input, resolve_input
from modelver._values.manifest import Input

_IN_MEMORY: Final = ("array", "table")


def is_passing(source: Input) -> bool:
    """Return whether an input was only ever in memory: the run makes it again."""
    return source.kind in _IN_MEMORY and source.how == "digest"


def fetch_input(
    core: Core, source: Input, dest: Path, *, given: Any, nearby: Path | None
) -> Path:
    """Return where the bytes of an input are now; they are what they were.

    Args:
        core: The registry.
        source: The input.
        dest: Where to put them if they must be fetched.
        given: A path where the caller says they are; None: they are looked for.
        nearby: Where the run found them; used where no address was recorded.

    Raises:
        IntegrityError: They are other bytes than those that were registered.
        NotFoundError: They cannot be had; the hint says how to hand them in.
        StorageError: A store refuses.
    """
    if given is not None:
        path = local_path(given, f"the input {source.name}")
        check_input(core, source, path)
        return path
    if source.uri is None and nearby is not None and nearby.exists():
        check_input(core, source, nearby)
        return nearby
    dest.parent.mkdir(parents=True, exist_ok=True)
    return resolve_input(core, source, dest, Sources(near=Path.cwd()))
