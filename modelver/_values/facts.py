"""What two versions are compared by, flat: the desk gathers it, the search room reads.

Everything in it is text or numbers by name. It knows neither records nor manifests,
so that what is compared does not depend on where it was kept.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from attrs import Factory, frozen

from modelver._values.query import Scalar
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

__all__ = ["MAX_DEPTH", "MAX_LEAVES", "Facts", "FileFact", "flatten"]

MAX_DEPTH: Final = 32
MAX_LEAVES: Final = 100_000
MAX_LETTERS: Final = 8_000_000

FileFact = tuple[str, str, int]
"""Role, digest and size in bytes of a file."""


@frozen(kw_only=True)
class Facts:
    """One version as it is compared with others.

    Attributes:
        ref: The exact ref.
        digest: Of the bundle.
        files: Path in the bundle to role, digest and size.
        config: Flat, see :func:`flatten`.
        packages: Distribution to version.
        python: Version of Python, where it was recorded.
        code: Commit of the code, where it was recorded.
        hardware: What is known of the machine, flat.
        params: Flat.
        metrics: By name.
        slices: Metrics by slice of the data.
        tags: By key.
        inputs: Digest by name; what else is known of one as ``train.rows``.
        status: Its status, or None.
        aliases: The aliases that point at it now.
    """

    ref: str
    digest: str
    files: Mapping[str, FileFact] = Factory(dict)
    config: Mapping[str, Scalar | None] = Factory(dict)
    packages: Mapping[str, str] = Factory(dict)
    python: str | None = None
    code: str | None = None
    hardware: Mapping[str, Scalar | None] = Factory(dict)
    params: Mapping[str, Scalar | None] = Factory(dict)
    metrics: Mapping[str, float] = Factory(dict)
    slices: Mapping[str, Mapping[str, float]] = Factory(dict)
    tags: Mapping[str, str] = Factory(dict)
    inputs: Mapping[str, Scalar | None] = Factory(dict)
    status: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(size for _, _, size in self.files.values())


def flatten(value: object, prefix: str = "") -> dict[str, Scalar | None]:
    """Return nested mappings and lists as one mapping with dotted keys.

    ``{"model": {"layers": [64, 32]}}`` gives ``model.layers.0`` and
    ``model.layers.1``. An empty mapping or list inside is kept as the text ``{}``
    or ``[]``; what is neither text, number, boolean nor None as its ``str()``. A
    key that is taken already, as by ``{"a.b": 1, "a": {"b": 2}}``, is put in double
    quotes: nothing is lost.

    Args:
        value: Anything that JSON, YAML or TOML can say.
        prefix: What every key begins with.

    Raises:
        InvalidInputError: It is nested more than 32 deep, has more than 100,000
            values, or keys of millions of characters (kind ``TOO_LARGE``).
    """
    flat: dict[str, Scalar | None] = {}
    if not prefix and isinstance(value, Mapping | list | tuple) and not value:
        return flat
    stack: list[tuple[str, object, int]] = [(prefix, value, 0)]
    letters = 0
    while stack:
        path, found, depth = stack.pop()
        children = _children(found)
        if depth > MAX_DEPTH:
            raise _too_large(prefix, f"is nested more than {MAX_DEPTH} deep")
        if len(flat) + len(stack) + len(children) > MAX_LEAVES:
            raise _too_large(prefix, f"has more than {MAX_LEAVES:,} values")
        # A long key is repeated in the key of everything below it.
        letters += len(path) * len(children)
        if letters > MAX_LETTERS:
            raise _too_large(prefix, "has keys that are too long")
        if not children:
            while path in flat:
                path = f'"{path}"'
            flat[path] = _leaf(found)
        for key, child in reversed(children):
            stack.append((f"{path}.{key}" if path else str(key), child, depth + 1))
    return flat


def _too_large(prefix: str, why: str) -> InvalidInputError:
    what = f"the value {quoted(prefix)}" if prefix else "the value"
    return InvalidInputError(
        f"{what} {why}",
        kind=ErrorKind.TOO_LARGE,
        hint="Keep it in a file of the bundle instead.",
    )


def _children(value: object) -> list[tuple[object, object]]:
    """Return the items of a mapping or a list, none of anything else."""
    if isinstance(value, Mapping):
        return list(islice(value.items(), MAX_LEAVES + 1))
    if isinstance(value, list | tuple):
        return list(enumerate(value[: MAX_LEAVES + 1]))
    return []


def _leaf(value: object) -> Scalar | None:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return "{}"
    return "[]" if isinstance(value, list | tuple) else str(value)
