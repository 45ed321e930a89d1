"""What a caller says of a version beside its files, as one value."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import fields, frozen

from modelver._registry.questions import RefLike
from modelver.errors import InvalidInputError


@frozen(kw_only=True)
class Wanted:
    """The words of ``Registry.register``, unchecked; see there what each means."""

    version: str | None = None
    bump: str = "auto"
    pre: str | None = None
    params: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] | None = None
    slices: Mapping[str, Mapping[str, float]] | None = None
    tags: Mapping[str, Any] | None = None
    description: str | None = None
    parents: RefLike | Iterable[RefLike] = ()
    aliases: str | Iterable[str] = ()
    environment: bool = True
    container: str | Mapping[str, str] | None = None
    command: str | Sequence[str] | bool | None = None
    outputs: Mapping[str, Any] | None = None
    tolerance: Any = None
    seeds: Any = None
    links: Mapping[str, str] | None = None
    omit: str | Iterable[str] = ()
    allow: str | Iterable[str] = ()
    require: str | None = None
    require_clean: bool = False


_WORDS: Final = tuple(field.name for field in fields(Wanted))


def wanted_of(words: Mapping[str, Any], who: str) -> Wanted:
    """Return the words as one value.

    Raises:
        InvalidInputError: There is one that *who* does not take.
    """
    unknown = sorted(set(words) - set(_WORDS))
    if unknown:
        raise InvalidInputError(
            f"{who} takes no {unknown[0]!r}",
            hint=f"It takes {', '.join(_WORDS)}.",
        )
    return Wanted(**words)
