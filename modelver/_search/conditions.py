"""The language of gates: conditions on the metrics of one version, or of two.

::

    gate    = test ("and" test)*
    test    = side (">=" | "<=" | ">" | "<" | "=" | "==" | "!=") side
    side    = metric [("+" | "-" | "*") number] | ["-"] number
    metric  = ["base."] ["metrics."] name ["@" slice]
            | ["base."] "slices." (slice | "*") "." name

A name that is not of letters, digits, ``_``, ``-`` and ``/`` stands in double quotes or
backticks, as in a filter; dots join the parts of a name. ``slices.*.auc`` stands for
every slice that has the metric, on both sides for the same one. It takes time linear in
the length of the text, and numbers are compared as they are written, in decimal: 0.3 is
0.1 + 0.2.
"""

import re
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Any, Final, Literal, cast

from attrs import frozen

from modelver._search.tokens import Source, unquote
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

__all__ = ["EVERY", "Condition", "Operand", "parse_conditions"]

EVERY: Final = "*"
"""The slice that stands for each of them."""
MAX_LENGTH: Final = 4096
MAX_TESTS: Final = 100
EXACT: Final = Context(prec=60, Emax=10_000, Emin=-10_000)
"""What numbers are reckoned with: more digits than two floats need together."""

_NAME: Final = r'(?:[\w/-]+|"(?:[^"]|"")*"|`[^`]*`)'
_TOKEN: Final = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<number>(?:[0-9]{{1,400}}(?:\.[0-9]{{0,400}})?|\.[0-9]{{1,400}})
        (?:[eE][+-]?[0-9]{{1,3}})?(?![\w.]))
    | (?P<op><=|>=|!=|==|=|<|>)
    | (?P<word>(?:[^\W\d][\w/-]*+|"(?:[^"]|"")*+"|`[^`]*+`)
        (?:\.(?:{_NAME}|\*))*+(?:@{_NAME})?+)
    | (?P<sign>[+*-])
    """,
    re.VERBOSE,
)
_PART: Final = re.compile(rf"([.@]?)({_NAME}|\*)")

Operator = Literal[">=", "<=", ">", "<", "=", "!="]


@frozen(kw_only=True)
class Operand:
    """A metric, or none, and what is done with it.

    Attributes:
        text: As it was written.
        base: Whether it is the other version's.
        metric: Name; None: the operand is the number alone.
        slice: Of the data; :data:`EVERY` for each; None: all of the data.
        sign: What is done with the number: ``+``, ``-`` or ``*``; empty: nothing.
        number: The number.
    """

    text: str
    base: bool = False
    metric: str | None = None
    slice: str | None = None
    sign: str = ""
    number: Decimal = Decimal(0)

    def of(self, value: Decimal) -> Decimal:
        """Return what the operand comes to, where the metric is *value*."""
        if self.sign == "*":
            return EXACT.multiply(value, self.number)
        if self.sign == "-":
            return EXACT.subtract(value, self.number)
        return EXACT.add(value, self.number) if self.sign else value


@frozen(kw_only=True)
class Condition:
    """One comparison of a gate.

    Attributes:
        text: As it was written.
        left: What is compared.
        op: How.
        right: With what.
    """

    text: str
    left: Operand
    op: Operator
    right: Operand

    @property
    def asks_base(self) -> bool:
        """Whether it speaks of the other version."""
        return self.left.base or self.right.base


@frozen
class _Token:
    kind: str
    text: str
    start: int


def parse_conditions(conditions: str | Iterable[str]) -> tuple[Condition, ...]:
    """Return the tests that *conditions* are made of.

    Raises:
        InvalidInputError: One does not parse (kind ``BAD_FILTER``), there is none, or
            there are more than 100 tests.
    """
    given: Any = conditions
    several = isinstance(given, Iterable) and not isinstance(given, str)
    tests: list[Condition] = []
    for text in given if several else [given]:
        if not isinstance(text, str):
            raise InvalidInputError(
                f"a condition is {quoted(text)}, not text",
                kind=ErrorKind.BAD_FILTER,
                hint="Write it as text: 'auc >= base.auc - 0.002'.",
                position=0,
            )
        tests += _Parser(Source(text, "condition")).tests()
        if len(tests) > MAX_TESTS:
            raise InvalidInputError(
                f"there are more than {MAX_TESTS} conditions",
                kind=ErrorKind.BAD_FILTER,
                position=0,
            )
    if not tests:
        raise InvalidInputError(
            "no condition is given",
            kind=ErrorKind.BAD_FILTER,
            hint="For instance 'auc >= base.auc - 0.002'.",
            position=0,
        )
    return tuple(tests)


def _tokens(source: Source) -> list[_Token]:
    text = source.text
    if len(text) > MAX_LENGTH:
        raise InvalidInputError(
            f"the condition has {len(text)} characters, more than {MAX_LENGTH}",
            kind=ErrorKind.BAD_FILTER,
            hint="Give several conditions.",
            position=MAX_LENGTH,
        )
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise source.error(f"{text[at]!r} has no meaning here", at)
        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, _Token("end", "", at)]


class _Parser:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = _tokens(source)
        self._at = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, kind: str, expected: str) -> _Token:
        token = self._next
        if token.kind != kind:
            found = "the end" if token.kind == "end" else quoted(token.text, 40)
            raise self._source.error(
                f"{expected} is expected, found {found}",
                token.start,
                "Write metrics, numbers and comparisons, with spaces around them: "
                "auc >= base.auc - 0.002.",
            )
        self._at += 1
        return token

    def tests(self) -> list[Condition]:
        found = [self._test()]
        while self._next.kind != "end":
            if self._next.text.lower() != "and":
                self._take("end", "'and' or the end")
            self._at += 1
            found.append(self._test())
        return found

    def _test(self) -> Condition:
        start = self._next.start
        left = self._side()
        op = self._take("op", "a comparison").text
        right = self._side()
        last = self._tokens[self._at - 1]
        return Condition(
            text=self._source.text[start : last.start + len(last.text)],
            left=left,
            op=cast("Operator", "=" if op == "==" else op),
            right=right,
        )

    def _side(self) -> Operand:
        token = self._next
        if token.kind in {"number", "sign"}:
            minus = token.text == "-"
            if minus:
                self._at += 1
            number = Decimal(self._take("number", "a metric or a number").text)
            value = EXACT.minus(number) if minus else number
            return Operand(text=f"{'-' if minus else ''}{number}", number=value)
        token = self._take("word", "a metric or a number")
        base, metric, part = self._metric(token)
        sign, number = "", Decimal(0)
        if self._next.kind == "sign":
            sign = self._take("sign", "+, - or *").text
            number = Decimal(self._take("number", "a number").text)
        return Operand(
            text=token.text,
            base=base,
            metric=metric,
            slice=part,
            sign=sign,
            number=number,
        )

    def _metric(self, token: _Token) -> tuple[bool, str, str | None]:
        """Return whose metric it is, its name, and the slice."""
        parts, part = [], None
        for match in _PART.finditer(token.text):
            if match[1] == "@":
                part = unquote(match[2])
            else:
                parts.append(match[2])
        base = parts[0] == "base" and len(parts) > 1
        parts = parts[base:]
        if parts[0] in {"slices", "slice"} and len(parts) > 2 and part is None:  # noqa: PLR2004 - slices, which, what
            names = [unquote(name) for name in parts[2:]]
            part = EVERY if parts[1] == EVERY else unquote(parts[1])
            parts = parts[2:]
        else:
            parts = parts[parts[0] in {"metrics", "metric"} and len(parts) > 1 :]
            names = [unquote(name) for name in parts]
        if EVERY in parts:
            raise self._source.error(
                "'*' stands for a slice and nothing else",
                token.start,
                "Write slices.*.auc.",
            )
        return base, ".".join(names), part
