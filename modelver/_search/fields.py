"""Which fields there are, and how each is spelled."""

from typing import Final, cast

from modelver._search.tokens import Source, Token, split_name
from modelver._values.names import near
from modelver._values.query import Field, Kind
from modelver._values.text import quoted

__all__ = ["read_field"]

_KEYED: Final = {
    "metrics": "metrics",
    "metric": "metrics",
    "params": "params",
    "param": "params",
    "tags": "tags",
    "tag": "tags",
}
_SLICES: Final = ("slices", "slice")
_PLAIN: Final = (
    "alias",
    "status",
    "author",
    "version",
    "created",
    "name",
    "description",
)
_HINT: Final = (
    "Fields are metrics.NAME, metrics.NAME@SLICE, slices.SLICE.NAME, params.NAME, "
    f"tags.NAME, {', '.join(_PLAIN)}."
)


def read_field(source: Source, token: Token) -> Field:
    """Return the field that *token* spells.

    Raises:
        InvalidInputError: There is none of this name; the fact ``near`` holds
            close ones.
    """
    (root, *rest), part = split_name(token.text)
    if root in _SLICES and len(rest) > 1 and part is None:
        return Field("metrics", ".".join(rest[1:]), rest[0])
    if root in _SLICES:
        raise source.error(
            f"{quoted(token.text, 40)} does not name a slice and a metric",
            token.start,
            'Write slices."country=DE".auc or metrics.auc@"country=DE".',
        )
    if kind := _KEYED.get(root):
        if not rest:
            raise source.error(
                f"{quoted(token.text, 40)} needs a name",
                token.start,
                f'Write {kind}.NAME, or {kind}."a name" where it has spaces.',
            )
        if part is not None and kind != "metrics":
            raise source.error(
                f"{quoted(token.text, 40)} has a slice, and only metrics have them",
                token.start,
                f'If the name has an "@", quote it: {kind}."a@b".',
            )
        return Field(cast("Kind", kind), ".".join(rest), part)
    if root in _PLAIN and not rest and part is None:
        return Field(cast("Kind", root))
    close = _close(root, token.text, plain=not rest)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    raise source.error(
        f"there is no field {quoted(token.text, 40)}",
        token.start,
        meant + _HINT,
        near=close,
    )


def _close(root: str, text: str, *, plain: bool) -> tuple[str, ...]:
    """Return fields that *text* may stand for."""
    word = root.lower()
    keyed = {f"{name}.": f"{kind}{text[len(root) :]}" for name, kind in _KEYED.items()}
    if not plain:
        found = near(word, [*_KEYED, *_SLICES])
        return tuple(dict.fromkeys(keyed.get(f"{name}.", text) for name in found))
    found = near(word, _PLAIN)
    # A bare name is most often a metric or a parameter without its prefix.
    return found or (f"metrics.{text}", f"params.{text}", f"tags.{text}")
