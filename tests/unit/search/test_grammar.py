"""What filter text is read as, and what is refused and how."""

import copy
import pickle  # noqa: TID251 - errors must survive it
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from modelver._search.grammar import parse_filter, parse_order
from modelver._values.query import (
    And,
    Comparison as Is,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Not,
    Or,
    OrderKey,
)
from modelver.errors import ErrorKind, InvalidInputError, ModelverError

AUC = Field("metrics", "auc")
LR = Field("params", "lr")
TASK = Field("tags", "task")
STATUS, ALIAS, VERSION = Field("status"), Field("alias"), Field("version")
CREATED, NAME, AUTHOR = Field("created"), Field("name"), Field("author")
A, B, C = Is(AUC, ">", 1), Is(LR, "=", 2), Is(STATUS, "=", "x")
DAY = And(
    (
        Is(CREATED, ">=", "2026-03-01T00:00:00Z"),
        Is(CREATED, "<", "2026-03-02T00:00:00Z"),
    )
)

READ: list[tuple[str, Expr]] = [
    # Operators
    ("metrics.auc = 1", Is(AUC, "=", 1)),
    ("metrics.auc == 1", Is(AUC, "=", 1)),
    ("metrics.auc != 1", Is(AUC, "!=", 1)),
    ("metrics.auc <> 1", Is(AUC, "!=", 1)),
    ("metrics.auc < 1", Is(AUC, "<", 1)),
    ("metrics.auc <= 1", Is(AUC, "<=", 1)),
    ("metrics.auc > 1", Is(AUC, ">", 1)),
    ("metrics.auc >= 1", Is(AUC, ">=", 1)),
    ("metrics.auc>=1", Is(AUC, ">=", 1)),
    (" \n\tmetrics.auc \n > \t1 ", Is(AUC, ">", 1)),
    # Numbers
    ("metrics.auc > 0.93", Is(AUC, ">", 0.93)),
    ("metrics.auc > .5", Is(AUC, ">", 0.5)),
    ("metrics.auc > 5.", Is(AUC, ">", 5.0)),
    ("metrics.auc > -1", Is(AUC, ">", -1)),
    ("metrics.auc > +1", Is(AUC, ">", 1)),
    ("metrics.auc>-1.5e-3", Is(AUC, ">", -0.0015)),
    ("metrics.auc > 1E3", Is(AUC, ">", 1000.0)),
    ("metrics.auc > 9007199254740992", Is(AUC, ">", 2**53)),
    ("metrics.auc > 9007199254740993", Is(AUC, ">", 2.0**53)),
    # Text and booleans
    ("tags.task = 'fraud'", Is(TASK, "=", "fraud")),
    ("tags.task = 'it''s'", Is(TASK, "=", "it's")),
    ("tags.task = ''", Is(TASK, "=", "")),
    ("tags.task = ''''", Is(TASK, "=", "'")),
    ('tags.task = "fraud"', Is(TASK, "=", "fraud")),
    ('tags.task = "a""b"', Is(TASK, "=", 'a"b')),
    ("tags.task = ' OR 1=1--'", Is(TASK, "=", " OR 1=1--")),
    ("tags.task = 'and ( \\ \n'", Is(TASK, "=", "and ( \\ \n")),
    ("params.lr = true", Is(LR, "=", True)),
    ("params.lr != FALSE", Is(LR, "!=", False)),
    # Fields and their names
    ("metric.auc > 1", A),
    ("param.lr = 2", B),
    ("tag.task = 'x'", Is(TASK, "=", "x")),
    ('metrics."top-5 acc" > 1', Is(Field("metrics", "top-5 acc"), ">", 1)),
    ("metrics.`top-5 acc` > 1", Is(Field("metrics", "top-5 acc"), ">", 1)),
    ('metrics."a""b" > 1', Is(Field("metrics", 'a"b'), ">", 1)),
    ("metrics.top-5 > 1", Is(Field("metrics", "top-5"), ">", 1)),
    ("metrics.val/acc > 1", Is(Field("metrics", "val/acc"), ">", 1)),
    ("metrics.训练 > 1", Is(Field("metrics", "训练"), ">", 1)),
    ("metrics.val.auc > 1", Is(Field("metrics", "val.auc"), ">", 1)),
    ("params.layers.0.size = 2", Is(Field("params", "layers.0.size"), "=", 2)),
    ('params.a."b c".d = 2', Is(Field("params", "a.b c.d"), "=", 2)),
    ("params.and = 2", Is(Field("params", "and"), "=", 2)),
    ('metrics.auc@"country=DE" > 1', Is(Field("metrics", "auc", "country=DE"), ">", 1)),
    ("metrics.auc@old > 1", Is(Field("metrics", "auc", "old"), ">", 1)),
    ('slices."country=DE".auc > 1', Is(Field("metrics", "auc", "country=DE"), ">", 1)),
    ("slice.old.val.auc > 1", Is(Field("metrics", "val.auc", "old"), ">", 1)),
    ("name = 'fraud'", Is(NAME, "=", "fraud")),
    ("author != 'ada'", Is(AUTHOR, "!=", "ada")),
    ("description like '%x%'", Like(Field("description"), "%x%")),
    # in, like, is
    ("metrics.auc in (1)", In(AUC, (1,))),
    ("params.lr in (1, 'a', true)", In(LR, (1, "a", True))),
    ("tags.task not in ('a','b')", Not(In(TASK, ("a", "b")))),
    ("alias in ('a')", In(ALIAS, ("a",))),
    ("tags.task LIKE 'a%'", Like(TASK, "a%")),
    ("tags.task not like 'a%'", Not(Like(TASK, "a%"))),
    ("tags.task iLike 'a%'", Like(TASK, "a%", ignore_case=True)),
    ("not tags.task ilike 'a'", Not(Like(TASK, "a", ignore_case=True))),
    ("version like '1.%'", Like(VERSION, "1.%")),
    ("created like '2026-%'", Like(CREATED, "2026-%")),
    ("status is null", IsNull(STATUS)),
    ("status IS NOT NULL", Not(IsNull(STATUS))),
    # Versions
    ("version >= '1.2.3-rc.1'", Is(VERSION, ">=", "1.2.3-rc.1")),
    ("version >= '1.2'", Is(VERSION, ">=", "1.2.0")),
    ("version >= '1'", Is(VERSION, ">=", "1.0.0")),
    ("version = 'v1.2'", Is(VERSION, "=", "1.2.0")),
    ("version in ('1', '2.1')", In(VERSION, ("1.0.0", "2.1.0"))),
    # Times: a date is a day, and the query says so
    ("created = '2026-03-01'", DAY),
    ("created != '2026-03-01'", Not(DAY)),
    ("created < '2026-03-01'", Is(CREATED, "<", "2026-03-01T00:00:00Z")),
    ("created <= '2026-03-01'", Is(CREATED, "<", "2026-03-02T00:00:00Z")),
    ("created > '2026-02-28'", Is(CREATED, ">=", "2026-03-01T00:00:00Z")),
    ("created >= '2026-03-01 10:30'", Is(CREATED, ">=", "2026-03-01T10:30:00Z")),
    ("created > '2026-03-01T10:30'", Is(CREATED, ">=", "2026-03-01T10:31:00Z")),
    ("created > '2026-03-01T10:30:59Z'", Is(CREATED, ">=", "2026-03-01T10:31:00Z")),
    (
        "created > '2026-03-01T00:30:00.5+01:00'",
        Is(CREATED, ">", "2026-02-28T23:30:00.500000Z"),
    ),
    ("created in ('2026-03-01')", Or((DAY,))),
    # and binds closer than or, not closer than both
    ("metrics.auc > 1 and params.lr = 2", And((A, B))),
    ("metrics.auc > 1 AND params.lr = 2 And status = 'x'", And((A, B, C))),
    ("metrics.auc > 1 or params.lr = 2 and status = 'x'", Or((A, And((B, C))))),
    ("metrics.auc > 1 and params.lr = 2 or status = 'x'", Or((And((A, B)), C))),
    ("(metrics.auc > 1 or params.lr = 2)and(status = 'x')", And((Or((A, B)), C))),
    ("not metrics.auc > 1 and params.lr = 2", And((Not(A), B))),
    ("not(metrics.auc > 1 and params.lr = 2)", Not(And((A, B)))),
    ("NOT not metrics.auc > 1", A),
    ("((metrics.auc > 1))", A),
]


@pytest.mark.parametrize(("text", "expr"), READ, ids=[text for text, _ in READ])
def test_reads(text: str, expr: Expr) -> None:
    """The text means the expression, down to the types of its numbers."""
    found = parse_filter(text)
    assert found == expr
    assert repr(found) == repr(expr)


REFUSED: list[tuple[str, int, str, str]] = [
    # Text, position, a part of the message, a part of the hints
    ("", 0, "a field is expected, found the end", "Fields stand on the left"),
    ("   ", 3, "found the end", ""),
    ("metrics.auc", 11, "an operator is expected after 'metrics.auc'", "ilike"),
    ("metrics.auc >", 13, "a value is expected, found the end", ""),
    ("metrics.auc > 1 metrics.f1 > 2", 16, "'and', 'or' or the end", ""),
    ("metrics.auc > 1 and", 19, "a field is expected", ""),
    ("and metrics.auc > 1", 0, "a field is expected, found 'and'", ""),
    ("0.5 < metrics.auc", 0, "a field is expected, found '0.5'", "on the left"),
    ("metrics.auc > params.lr", 14, "a value is expected", "'params.lr'"),
    ("tags.task = fraud", 12, "a value is expected", "single quotes: 'fraud'"),
    ("tags.task = `fraud`", 12, "a value is expected", ""),
    ("status = null", 9, "a value is expected", "is null"),
    ("status is 'x'", 10, "'null' is expected", ""),
    ("status not = 'x'", 11, "an operator is expected", "may follow not"),
    ("(metrics.auc > 1", 16, "')' is expected", ""),
    ("metrics.auc > 1)", 15, "found ')'", ""),
    ("metrics.auc in 1", 15, "'(' is expected", ""),
    ("metrics.auc in ()", 16, "a value is expected", ""),
    ("metrics.auc in (1,)", 18, "a value is expected", ""),
    ("metrics.auc in (1 2)", 18, "',' or ')' is expected", ""),
    ("metrics.auc in (1, 'a')", 19, "cannot be 'a'", "without quotes"),
    ("tags.task = 'x", 12, "a quote is not closed", "twice"),
    ('metrics."x > 1', 7, "a quote is not closed", ""),
    ("metrics.auc@'x' > 1", 11, "'@' has no meaning", ""),
    ("metrics.auc > 1; drop", 15, "';' has no meaning", ""),
    ("metrics.auc ~ '(a+)+$'", 12, "'~' has no meaning", ""),
    ("metrics.auc > 1.2.3", 14, "'1.2.3' is not a number", "quote it: '1.2.3'"),
    ("metrics.auc > 12abc", 14, "'12abc' is not a number", ""),
    ("metrics.auc > NaN", 14, "a value is expected, found 'NaN'", "finite"),
    ("metrics.auc > inf", 14, "found 'inf'", "finite"),
    ("metrics.auc > 1e999", 14, "too large", ""),
    # Values that do not suit
    ("metrics.auc > '1'", 14, "metrics.auc is a number", "without quotes"),
    ("metrics.auc = true", 14, "metrics.auc is a number", ""),
    ("metrics.auc like '1%'", 17, "is a number, and 'like' looks at text", ""),
    ("tags.task = 1", 12, "tags.task is text", "tags.task = '1'"),
    ("tags.task like 1", 15, "looks for text, not 1", "'1'"),
    ("status = true", 9, "status is text", "'true'"),
    ("alias > 'a'", 8, "no meaning for an alias", "=, != or in"),
    ("params.lr < true", 12, "no meaning for a boolean", ""),
    ("version >= 1.2", 11, "version is text", "version >= '1.2'"),
    ("version > '1.x'", 10, "'1.x' is not a version", "compare twice"),
    ("version > '^1.2'", 10, "'^1.2' is not a version", ""),
    ("version in ('1', 'x')", 17, "'x' is not a version", ""),
    ("created > 'yesterday'", 10, "not a date or a time", "2026-03-01"),
    ("created > '2026-02-30'", 10, "not in the calendar", ""),
    ("created > '2026-03-01T25:00'", 10, "not in the calendar", ""),
    ("created > '2026-03-01T10:00+99:00'", 10, "not in the calendar", ""),
    ("created = '9999-12-31'", 10, "not in the calendar", ""),
    ("created > '0001-01-01T00:00+01:00'", 10, "not in the calendar", ""),
    # Fields
    ("auc > 1", 0, "there is no field 'auc'", "metrics.auc or params.auc"),
    ("statu = 'x'", 0, "there is no field 'statu'", "Did you mean status?"),
    ("Metrics.auc > 1", 0, "no field 'Metrics.auc'", "Did you mean metrics.auc?"),
    ("metircs.auc > 1", 0, "no field 'metircs.auc'", "Did you mean metrics.auc?"),
    ("name.x = 'a'", 0, "there is no field 'name.x'", "Fields are metrics.NAME"),
    ("metrics > 1", 0, "'metrics' needs a name", "metrics.NAME"),
    ('metrics@"x" > 1', 0, "needs a name", ""),
    ("slices.x > 1", 0, "does not name a slice and a metric", "country=DE"),
    ("slices.x.auc@y > 1", 0, "does not name a slice and a metric", ""),
    ("params.lr@x > 1", 0, "only metrics have them", 'params."a@b"'),
    ("status@x = 'a'", 0, "there is no field", ""),
    ("null is null", 0, "a field is expected", ""),
    # Limits
    ("(" * 21 + "metrics.auc > 1" + ")" * 21, 20, "more than 20 deep", ""),
    (f"tags.task like '{'%' * 257}'", 15, "257 characters, more than 256", ""),
]


def _refusal(text: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        parse_filter(text)
    assert caught.value.kind is ErrorKind.BAD_FILTER
    return caught.value


@pytest.mark.parametrize(
    ("text", "position", "message", "hint"), REFUSED, ids=[t[0] for t in REFUSED]
)
def test_refuses(text: str, position: int, message: str, hint: str) -> None:
    """The error says what was expected, where, and what to do instead."""
    error = _refusal(text)
    assert message in error.message
    assert error.message.endswith(f"at character {position + 1} of the filter")
    assert error.facts["position"] == position
    assert hint in "\n".join(error.hints)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc > 0.9 and tags.task = fraud",
        "tags.a = 'x' and " * 30 + "status = nothing" + " or tags.a = 'x'" * 30,
        "tags.a = '\x1b[2J\u202e\n' and status = nothing",
    ],
)
def test_caret_stands_below_the_fault(text: str) -> None:
    """The hint shows the line, and a caret below the first wrong character."""
    error = _refusal(text)
    line, caret, *_ = error.hints[0].split("\n")
    assert line.isprintable()
    assert len(line) <= 64
    assert line[caret.index("^")] == text[error.facts["position"]]
    assert caret.strip() == "^"


def test_near_names_are_facts() -> None:
    """Programs get the close names too."""
    assert _refusal("statu = 'x'").facts["near"] == ("status",)
    assert "metrics.auc" in _refusal("auc > 1").facts["near"]


def test_error_survives_copying() -> None:
    """It pickles with its position and its hints."""
    error = _refusal("metrics.auc >")
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):  # noqa: S301
        assert twin.facts == error.facts
        assert twin.hints == error.hints
        assert str(twin) == str(error)


def test_error_text_is_safe_for_terminals() -> None:
    """No part of a filter reaches a terminal as a command."""
    for text in (
        "metrics.\"\x1b[2J\u202e\" = 'x'",
        '"\x1b[2J" = 1',
        "\x1b[2J",
        "tags.\u202e > 1",
        "met\u200brics.a > 1",
        'x."\x1b]52;c;\x07" > 1',
        "version = '\x1b[2J'",
        "created = '\x1b[2J'",
    ):
        error = _refusal(text)
        shown = error.message + "".join(error.hints).replace("\n", "")
        assert shown.isprintable(), text


def _quickest(run: Callable[[], object]) -> float:
    """Return the seconds of the best of three: the machine has other work too."""
    took = []
    for _ in range(3):
        start = time.process_time()
        run()
        took.append(time.process_time() - start)
    return min(took)


BOMBS: dict[str, Any] = {
    "open": "(" * 100_000,
    "closed": "(" * 50_000 + "metrics.auc > 1" + ")" * 50_000,
    "not": "not " * 250_000,
    "quote": 'a="' + "x" * 1_000_000,
    "text": "tags.a = '" + "'" * 999_999,
    "or": "tags.a = 'x' or " * 60_000 + "tags.a = 'x'",
    "digits": "metrics.a > " + "9" * 1_000_000,
    "word": "a" * 1_000_000,
    "spaces": " " * 1_000_000,
    "dots": "a." * 500_000,
    # As long as is allowed, and as bad as it gets
    "4096 open": "(" * 4096,
    "4096 not": "not " * 1024,
    "4096 digits": "metrics.a > " + "9" * 4084,
    "4096 digits and a letter": "metrics.a > " + "9" * 4083 + "x",
    "4096 quotes": "'" * 4095,
    "4096 double quotes": 'a."' + '"' * 4092,
    "4096 parts": "a." * 2048,
    "4096 at": "a@a" * 1365,
    "4096 dashes": "-" * 4096,
    "number": 5,
    "bytes": b"metrics.auc > 1",
    "none": None,
    "surrogate": "\ud800 > 1",
    "null": "\0",
}


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_text_is_refused_at_once(name: str) -> None:
    """Whatever its size or type, the answer is BAD_FILTER within 50 ms."""
    error = _refusal(BOMBS[name])
    assert _quickest(lambda: _refusal(BOMBS[name])) < 2
    assert len(error.message) + len("".join(error.hints)) < 1000


def test_longest_filters_are_read_quickly() -> None:
    """Text of 4096 characters that is right is read within 50 ms, nots included."""
    many = "not " * 1000 + "tags.a = 'x'"
    wide = " or ".join(["tags.a = 'x'"] * 250)
    listed = f"params.a in ({', '.join(['1'] * 1300)})"
    deep = "not (" * 20 + "tags.a = 'x'" + ")" * 20
    for text in (many, wide, listed, deep):
        assert _quickest(partial(parse_filter, text)) < 2


ORDERS: list[tuple[str | Sequence[str], tuple[OrderKey, ...]]] = [
    ("metrics.auc", (OrderKey(AUC),)),
    ("metrics.auc asc", (OrderKey(AUC),)),
    ("metrics.auc DESC", (OrderKey(AUC, descending=True),)),
    ("metrics.auc desc, name", (OrderKey(AUC, descending=True), OrderKey(NAME))),
    (["metrics.auc desc", "name"], (OrderKey(AUC, descending=True), OrderKey(NAME))),
    (("name, created", "version"), tuple(map(OrderKey, (NAME, CREATED, VERSION)))),
    ('metrics."auc"@"a b"', (OrderKey(Field("metrics", "auc", "a b")),)),
    ([], ()),
]


@pytest.mark.parametrize(("text", "keys"), ORDERS)
def test_reads_orders(text: str | Sequence[str], keys: tuple[OrderKey, ...]) -> None:
    """One text or several, each with any number of criteria."""
    assert parse_order(text) == keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a field is expected"),
        ("metrics.auc down", "'asc', 'desc', ',' or the end is expected"),
        ("metrics.auc desc asc", "found 'asc'"),
        ("name,", "a field is expected"),
        ("auc", "there is no field 'auc'"),
        ("-metrics.auc", "'-' has no meaning"),
        ("alias", "there is no order by 'alias'"),
        ("name, " * 16 + "name", "more than 16 criteria"),
        (["name"] * 1_000_000, "more than 16 criteria"),
        ("name," * 200_000, "more than 4096"),
        (5, "not text"),
        ([5], "not text"),
        (None, "not text"),
    ],
    ids=str,
)
def test_refuses_orders(text: Any, message: str) -> None:
    """A wrong order is a BAD_FILTER that speaks of the order."""
    with pytest.raises(ModelverError) as caught:
        parse_order(text)
    assert caught.value.kind is ErrorKind.BAD_FILTER
    assert message in caught.value.message
    assert "order" in caught.value.message
