"""A search as a value: what can be asked, and what is asked about.

The search room parses text into these classes and an indexer answers them. They
know neither the text of a filter nor an index; what each of them means is said
here and done in ``matching.py``, which an indexer may use or be held to.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Final, Literal

from attrs import Attribute, field, frozen

from modelver._values.semver import Precedence, Version
from modelver.errors import ErrorKind, InvalidInputError

__all__ = [
    "And",
    "Comparison",
    "Document",
    "Expr",
    "Field",
    "In",
    "IsNull",
    "Like",
    "Not",
    "Or",
    "OrderKey",
    "Query",
    "Scalar",
    "instant",
]

Scalar = str | int | float | bool
Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Kind = Literal[
    "metrics",
    "params",
    "tags",
    "alias",
    "status",
    "author",
    "version",
    "created",
    "name",
    "description",
]

KEYED: Final = frozenset({"metrics", "params", "tags"})
"""The kinds of field that need a key."""


@frozen(kw_only=True)
class Document:
    """What a search can see of one model version.

    Attributes:
        ref: The exact ref, ``fraud@1.4.0``; it identifies the document.
        name: The model.
        version: SemVer 2.0.0 text.
        seq: Number of the log entry that registered it.
        author: Who registered it.
        created: When, ISO 8601 in UTC: ``2026-03-01T09:30:00Z``, with or without
            a fraction of a second.
        status: Its status, or None.
        description: Its description, or None.
        aliases: The aliases that point at it now.
        tags: Its tags.
        params: Its parameters, flat, with dotted keys. None counts as missing.
        metrics: Its metrics; no NaN.
        slices: Metrics by slice of the data: ``{"country=DE": {"auc": 0.9}}``.
        withdrawn: Whether it was withdrawn; such a document matches no query.
    """

    ref: str
    name: str
    version: str
    seq: int
    author: str
    created: str
    status: str | None = None
    description: str | None = None
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(factory=dict)
    params: Mapping[str, Scalar | None] = field(factory=dict)
    metrics: Mapping[str, float] = field(factory=dict)
    slices: Mapping[str, Mapping[str, float]] = field(factory=dict)
    withdrawn: bool = False

    @cached_property
    def precedence(self) -> Precedence:
        """The version's place in SemVer's order; worked out once."""
        return Version.parse(self.version).precedence

    @cached_property
    def instant(self) -> str:
        """``created`` in a form whose text order is the order of time."""
        return instant(self.created)


@frozen
class Field:
    """What is looked at.

    Attributes:
        kind: Which part of a document.
        key: Name of the metric, parameter or tag; None for the other kinds.
        slice: Name of the slice, for a metric on a slice of the data.
    """

    kind: Kind
    key: str | None = None
    slice: str | None = None

    def __attrs_post_init__(self) -> None:
        if (self.kind in KEYED) != (self.key is not None):
            needs = "needs a key" if self.kind in KEYED else "takes no key"
            raise InvalidInputError(
                f"the field {self.kind!r} {needs}, found {self.key!r}",
                kind=ErrorKind.BAD_FILTER,
            )

    def __str__(self) -> str:
        text: str = self.kind
        if self.key is not None:
            text += "." + _spell(self.key)
        if self.slice is not None:
            text += "@" + _spell(self.slice, dots=False)
        return text


@frozen
class Comparison:
    """``field op value``.

    False where the field is missing or holds another type (number, text,
    boolean), except ``!=``, which is always the opposite of ``=``.

    Attributes:
        field: What is compared. ``alias`` holds several values: ``=`` is true
            if any of them is equal.
        op: For ``alias`` and for booleans only ``=`` and ``!=``.
        value: For ``version`` a full version, compared by precedence; for
            ``created`` ISO 8601 in UTC, compared as a time.
    """

    field: Field
    op: Operator
    value: Scalar


@frozen
class In:
    """Whether the field equals one of the values, each as with ``=``."""

    field: Field
    values: tuple[Scalar, ...]


@frozen
class Like:
    r"""Whether the field is text of this form.

    Attributes:
        field: What is looked at; the text of a version, not its precedence.
        pattern: ``%`` is any run of characters, ``_`` is any one; ``\%``,
            ``\_`` and ``\\`` are the characters themselves.
        ignore_case: Compare case-folded text.
    """

    field: Field
    pattern: str
    ignore_case: bool = False


@frozen
class IsNull:
    """Whether the field is missing; for ``alias``, whether there is none."""

    field: Field


@frozen
class And:
    """Whether every item is true; true without items."""

    items: "tuple[Expr, ...]"


@frozen
class Or:
    """Whether any item is true; false without items."""

    items: "tuple[Expr, ...]"


@frozen
class Not:
    """The opposite: there is no third truth value for what is missing."""

    item: "Expr"


Expr = Comparison | In | Like | IsNull | And | Or | Not


@frozen
class OrderKey:
    """One criterion of an order; what is missing comes last in both directions.

    Raises:
        InvalidInputError: *field* is ``alias``, which holds several values.
    """

    field: Field
    descending: bool = False

    def __attrs_post_init__(self) -> None:
        if self.field.kind == "alias":
            raise InvalidInputError(
                "there is no order by 'alias': a version can have several",
                kind=ErrorKind.BAD_FILTER,
            )


@frozen(kw_only=True)
class Query:
    """A whole search.

    Attributes:
        where: What must be true of a document; None is everything.
        model: Only versions of this model.
        order_by: Criteria, the first one counting most. Ties go by name, then
            the higher version first.
        limit: At most so many; None is all.

    Raises:
        InvalidInputError: *limit* is negative.
    """

    where: Expr | None = None
    model: str | None = None
    order_by: tuple[OrderKey, ...] = ()
    limit: int | None = field(default=None)

    @limit.validator
    def _not_negative(self, _: "Attribute[int | None]", limit: int | None) -> None:
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InvalidInputError(f"limit is {limit!r}, not 0 or more")


def instant(text: str) -> str:
    """Return an ISO 8601 UTC time so that text order is the order of time.

    Without the Z and the zeros that end a fraction, a prefix is the earlier time.
    """
    text = text.removesuffix("Z")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _spell(name: str, *, dots: bool = True) -> str:
    plain = r"[\w/-]+(\.[\w/-]+)*" if dots else r"[\w/-]+"
    if re.fullmatch(plain, name):
        return name
    return '"' + name.replace('"', '""') + '"'
