"""The language of filters and orders: text in, a query's values out.

The desk calls it with what a user typed. It knows what fields there are and what
suits them, and nothing of documents; what an expression means is said in
``_values/query.py``.

::

    filter     = all-of ("or" all-of)*
    all-of     = condition ("and" condition)*
    condition  = "not" condition | "(" filter ")" | field test
    test       = ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") value
               | ["not"] "in" "(" value ("," value)* ")"
               | ["not"] ("like" | "ilike") text
               | "is" ["not"] "null"
    field      = ("metrics" | "params" | "tags") "." name ["@" slice]
               | "slices" "." slice "." name
               | "alias" | "status" | "author" | "version" | "created" | "name"
               | "description"
    value      = 'text' | number | "true" | "false"
    order      = field ["asc" | "desc"] ("," field ["asc" | "desc"])*

Keywords may be in any case. A name that is not of letters, digits, ``_``, ``-`` and
``/`` stands in double quotes or backticks; dots join the parts of a name. A quote
inside quotes is doubled. ``"text"`` is read as text where a value is expected.

**What is missing** equals nothing: every comparison, ``in`` and ``like`` with it is
false, and therefore ``!=``, ``not in``, ``not like`` and ``not (...)`` are true, as
is ``is null``. The same holds between types: a parameter ``0.1`` is not ``'0.1'``.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, cast

from modelver._search.fields import read_field
from modelver._search.literals import any_equal, compare, like
from modelver._search.tokens import Source, Token, tokenize, unquote
from modelver._values.query import (
    And,
    Expr,
    Field,
    IsNull,
    Not,
    Operator,
    Or,
    OrderKey,
    Scalar,
)
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

__all__ = ["MAX_DEPTH", "MAX_KEYS", "parse_filter", "parse_order"]

MAX_DEPTH: Final = 20
MAX_KEYS: Final = 16
MAX_INTEGER: Final = 2**53

_SAME: Final = {"==": "=", "<>": "!="}
_WORDS: Final = frozenset({"and", "or", "not", "in", "like", "ilike", "is", "null"})


def parse_filter(text: str) -> Expr:
    """Return what *text* asks for; the module's docstring has the language.

    Takes time linear in the length of *text*.

    Raises:
        InvalidInputError: It is no filter (kind ``BAD_FILTER``): longer than 4096
            characters, more than 20 brackets deep, an unknown field, or a value
            that does not suit its field. The fact ``position`` counts characters
            from 0, and the hint shows the place.
    """
    parser = _Parser(_source(text, "filter"))
    expr = parser.any_of(0)
    parser.end("'and', 'or' or the end is expected")
    return expr


def parse_order(text: str | Sequence[str]) -> tuple[OrderKey, ...]:
    """Return the criteria of ``"metrics.auc desc, created"``, or of a list of them.

    Raises:
        InvalidInputError: As for :func:`parse_filter`; or more than 16 criteria.
    """
    if not isinstance(text, Sequence):
        raise _not_text(text, "order")
    keys: list[OrderKey] = []
    for part in (text,) if isinstance(text, str) else text:
        parser = _Parser(_source(part, "order"))
        keys += parser.order_keys()
        if len(keys) > MAX_KEYS:
            raise InvalidInputError(
                f"the order has more than {MAX_KEYS} criteria",
                kind=ErrorKind.BAD_FILTER,
                position=0,
            )
    return tuple(keys)


def _source(text: object, what: str) -> Source:
    if not isinstance(text, str):
        raise _not_text(text, what)
    return Source(text, what)


def _not_text(found: object, what: str) -> InvalidInputError:
    example = {"filter": "metrics.auc > 0.9", "order": "metrics.auc desc"}[what]
    return InvalidInputError(
        f"the {what} is {quoted(found)}, not text",
        kind=ErrorKind.BAD_FILTER,
        hint=f"Write it as text: {example!r}.",
        position=0,
    )


class _Parser:
    """Descends once for each bracket and nowhere else, so depth is bounded."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = tokenize(source)
        self._at = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _took(self, word: str) -> bool:
        found = self._next.word == word
        self._at += found
        return found

    def _wrong(self, expected: str, hint: str | None = None) -> InvalidInputError:
        token = self._next
        found = "the end" if token.kind == "end" else quoted(token.text, 40)
        return self._source.error(f"{expected}, found {found}", token.start, hint)

    def _need(self, kind: str, expected: str) -> None:
        if self._next.kind != kind:
            raise self._wrong(f"{expected} is expected")
        self._take()

    def end(self, expected: str) -> None:
        if self._next.kind != "end":
            raise self._wrong(expected)

    def any_of(self, depth: int) -> Expr:
        items = [self._all_of(depth)]
        while self._took("or"):
            items.append(self._all_of(depth))
        return Or(tuple(items)) if len(items) > 1 else items[0]

    def _all_of(self, depth: int) -> Expr:
        items = [self._condition(depth)]
        while self._took("and"):
            items.append(self._condition(depth))
        return And(tuple(items)) if len(items) > 1 else items[0]

    def _condition(self, depth: int) -> Expr:
        # "not not x" is x, so a thousand of them need no thousand levels.
        opposite = False
        while self._took("not"):
            opposite = not opposite
        if self._next.kind != "open":
            expr = self._test()
        elif depth == MAX_DEPTH:
            raise self._source.error(
                f"brackets are more than {MAX_DEPTH} deep", self._next.start
            )
        else:
            self._take()
            expr = self.any_of(depth + 1)
            self._need("close", "')'")
        return Not(expr) if opposite else expr

    def _test(self) -> Expr:
        token, field = self._next, self._field()
        if self._took("is"):
            opposite = self._took("not")
            if not self._took("null"):
                raise self._wrong("'null' is expected")
            expr: Expr = IsNull(field)
            return Not(expr) if opposite else expr
        opposite = self._took("not")
        word = self._next.word
        if word == "in":
            self._take()
            expr = self._in(field)
        elif word in {"like", "ilike"}:
            self._take()
            expr = self._like(field, word)
        elif self._next.kind == "op" and not opposite:
            expr = self._comparison(field)
        else:
            raise self._wrong(
                f"an operator is expected after {quoted(token.text, 40)}",
                "Operators are = != < <= > >=, in, like, ilike and is null; "
                "in, like and ilike may follow not.",
            )
        return Not(expr) if opposite else expr

    def _comparison(self, field: Field) -> Expr:
        op = self._take().text
        token, value = self._next, self._value()
        with self._at_token(token):
            return compare(field, cast("Operator", _SAME.get(op, op)), value)

    def _in(self, field: Field) -> Expr:
        self._need("open", "'('")
        each = [self._equal(field)]
        while self._next.kind == "comma":
            self._take()
            each.append(self._equal(field))
        self._need("close", "',' or ')'")
        return any_equal(field, each)

    def _equal(self, field: Field) -> Expr:
        token, value = self._next, self._value()
        with self._at_token(token):
            return compare(field, "=", value)

    def _like(self, field: Field, op: str) -> Expr:
        token, pattern = self._next, self._value()
        with self._at_token(token):
            return like(field, op, pattern)

    def _field(self) -> Field:
        token = self._next
        if token.kind != "word" or token.word in _WORDS:
            raise self._wrong(
                "a field is expected",
                "Fields stand on the left: metrics.auc > 0.9.",
            )
        return read_field(self._source, self._take())

    def _value(self) -> Scalar:
        token = self._next
        if token.kind in {"text", "quoted"} and token.text[0] != "`":
            return unquote(self._take().text)
        if token.kind == "number":
            return self._number(self._take())
        if token.word in {"true", "false"}:
            return self._take().word == "true"
        hint = None
        if token.word == "null":
            hint = "Write 'is null' or 'is not null'."
        elif token.word in {"nan", "inf", "infinity"}:
            hint = "Numbers are finite here."
        elif token.kind == "word":
            hint = f"Put text in single quotes: '{token.text[:40]}'."
        raise self._wrong("a value is expected", hint)

    def _number(self, token: Token) -> int | float:
        value = float(token.text)
        if not math.isfinite(value):
            raise self._source.error(
                f"{quoted(token.text, 40)} is too large for a number", token.start
            )
        # Beyond that a stored integer cannot be told from its neighbours either.
        if token.text.lstrip("+-").isdigit() and abs(int(token.text)) <= MAX_INTEGER:
            return int(token.text)
        return value

    def order_keys(self) -> list[OrderKey]:
        keys = [self._order_key()]
        while self._next.kind == "comma":
            self._take()
            keys.append(self._order_key())
        self.end("'asc', 'desc', ',' or the end is expected")
        return keys

    def _order_key(self) -> OrderKey:
        token, field = self._next, self._field()
        descending = self._took("desc")
        if not descending:
            self._took("asc")
        with self._at_token(token):
            return OrderKey(field, descending)

    @contextmanager
    def _at_token(self, token: Token) -> Iterator[None]:
        """Say of an error that knows no text where in the text it happened."""
        try:
            yield
        except InvalidInputError as error:
            hint = "\n".join(error.hints) or None
            raise self._source.error(error.message, token.start, hint) from error
