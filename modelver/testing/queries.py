"""Random documents and queries, of few names and values so that they often meet.

The conformance suite of indexers asks them.
"""

import random
from collections.abc import Sequence
from typing import Final

from modelver._values.query import (
    And,
    Comparison,
    Document,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Not,
    Operator,
    Or,
    OrderKey,
    Scalar,
)

__all__ = ["random_document", "random_expr", "random_order"]

_NAMES: Final = ("a", "b", "b/c")
_VERSIONS: Final = (
    "0.1.0",
    "1.0.0-rc.1",
    "1.0.0-rc.2",
    "1.0.0-rc.10",
    "1.0.0",
    "1.0.0+x",
    "1.2.0",
    "1.10.0",
    "2.0.0",
)
_TIMES: Final = (
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.1Z",
    "2026-01-01T00:00:00.10Z",
    "2026-01-01T00:00:00.000001Z",
    "2026-01-01T00:00:01Z",
    "2025-12-31T23:59:59.999999Z",
)
_TEXTS: Final = ("", "a", "A", "ab", "aB%", "b_", "10", "ß", "ss", "\\", "日本")
_NUMBERS: Final = (-1.5, 0, 0.0, 1, 1.0, 0.1, 2.5e300, 10, 2**53)
_PATTERNS: Final = ("", "%", "a%", "%b%", "_", "a_%", r"%\%", r"\_", "ss", "%%B", "\\")
_FIELDS: Final = (
    Field("metrics", "m"),
    Field("metrics", "m n"),
    Field("metrics", "m", "s=1"),
    Field("params", "p"),
    Field("params", "p.q"),
    Field("tags", "t"),
    Field("tags", "it's"),
    Field("alias"),
    Field("status"),
    Field("author"),
    Field("version"),
    Field("created"),
    Field("name"),
    Field("description"),
)
_OPERATORS: Final[tuple[Operator, ...]] = ("=", "!=", "<", "<=", ">", ">=")


def random_document(rng: random.Random, seq: int) -> Document:
    """Return a document of few names and values, so that queries often match."""

    def some(*keys: str, values: Sequence[Scalar]) -> dict[str, Scalar]:
        return {key: rng.choice(values) for key in keys if _often(rng)}

    def numbers(*keys: str) -> dict[str, float]:
        return {k: float(v) for k, v in some(*keys, values=_NUMBERS).items()}

    name, version = rng.choice(_NAMES), rng.choice(_VERSIONS)
    # Not all of them are possible in a registry; an index need not know that.
    return Document(
        ref=f"{name}@{version}#{seq}",
        name=name,
        version=version,
        seq=seq,
        author=rng.choice(_TEXTS),
        created=rng.choice(_TIMES),
        status=rng.choice([None, *_TEXTS]),
        description=rng.choice([None, *_TEXTS]),
        aliases=tuple(sorted(rng.sample(_TEXTS, rng.randrange(3)))),
        tags={k: str(v) for k, v in some("t", "it's", values=_TEXTS).items()},
        params=some("p", "p.q", values=(*_TEXTS, *_NUMBERS, True, False)),
        metrics=numbers("m", "m n"),
        slices={part: numbers("m", "n") for part in ("s=1", "s=2")},
        withdrawn=rng.randrange(10) == 0,
    )


def random_expr(rng: random.Random, depth: int) -> Expr:
    """Return an expression of at most *depth* levels above its conditions."""
    leaves = ["compare", "like", "in", "null"]
    kind = rng.choice([*leaves, "and", "or", "not"] if depth else leaves)
    if kind in {"and", "or"}:
        items = tuple(random_expr(rng, depth - 1) for _ in range(rng.randrange(4)))
        return And(items) if kind == "and" else Or(items)
    if kind == "not":
        return Not(random_expr(rng, depth - 1))
    field = rng.choice(_FIELDS)
    values = _values_of(field)
    if kind == "like" and field.kind != "metrics":
        return Like(field, rng.choice(_PATTERNS), ignore_case=_often(rng))
    if kind == "in":
        return In(field, tuple(rng.choices(values, k=rng.randrange(1, 4))))
    if kind == "null":
        return IsNull(field)
    value = rng.choice(values)
    equal_only = field.kind == "alias" or isinstance(value, bool)
    return Comparison(field, rng.choice(_OPERATORS[: 2 if equal_only else 6]), value)


def random_order(rng: random.Random) -> tuple[OrderKey, ...]:
    """Return up to two criteria."""
    fields = [field for field in _FIELDS if field.kind != "alias"]
    return tuple(
        OrderKey(field, descending=_often(rng))
        for field in rng.sample(fields, rng.randrange(3))
    )


def _often(rng: random.Random) -> bool:
    return rng.random() < 2 / 3


def _values_of(field: Field) -> Sequence[Scalar]:
    if field.kind == "metrics":
        return _NUMBERS
    if field.kind == "params":
        return (*_TEXTS, *_NUMBERS, True, False)
    own: dict[str, Sequence[Scalar]] = {
        "version": _VERSIONS,
        "created": _TIMES,
        "name": _NAMES,
    }
    return own.get(field.kind, _TEXTS)
