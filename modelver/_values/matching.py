"""What a query means: the answer that every indexer must give.

The scanning indexer runs this; an index that translates a query into its own
language is held to it by ``modelver.testing``. It knows no text of filters.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

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
    Or,
    OrderKey,
    Query,
    Scalar,
    instant,
)
from modelver._values.semver import Version

__all__ = ["matches", "order", "predicate", "select"]

_Test = Callable[[object], bool]

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(expr: Expr, document: Document) -> bool:
    """Return whether *document* fits; see :func:`predicate` for many documents."""
    return predicate(expr)(document)


def predicate(expr: Expr) -> Callable[[Document], bool]:
    """Return *expr* as a function; what can be decided once is decided here.

    There are two truth values: a comparison with what is missing, or of another
    type, is false, and its opposite is true.
    """
    if isinstance(expr, Not):
        return _opposite(predicate(expr.item))
    if isinstance(expr, And | Or):
        tests = [predicate(item) for item in expr.items]
        decide = all if isinstance(expr, And) else any
        return lambda document: decide(test(document) for test in tests)
    if isinstance(expr, IsNull) or (isinstance(expr, Comparison) and expr.op == "!="):
        return _opposite(_positive(expr))
    return _positive(expr)


def select(documents: Iterable[Document], query: Query) -> list[Document]:
    """Return the documents that match, ordered and cut: what *query* means."""
    fits = None if query.where is None else predicate(query.where)
    found = [
        document
        for document in documents
        if not document.withdrawn
        and (query.model is None or document.name == query.model)
        and (fits is None or fits(document))
    ]
    return order(found, query.order_by)[: query.limit]


def order(documents: Iterable[Document], keys: Sequence[OrderKey]) -> list[Document]:
    """Return *documents* ordered by *keys*; the order they came in has no say.

    Missing values come last in both directions. Numbers come before booleans
    and these before text when ascending. Ties go by name, then the higher
    version, then the later registration.
    """
    # Python's sort is stable, reversed too: sort by what counts least first.
    found = sorted(documents, key=lambda document: document.ref)
    found.sort(key=lambda document: document.seq, reverse=True)
    found.sort(key=lambda document: document.precedence, reverse=True)
    found.sort(key=lambda document: document.name)
    for key in reversed(keys):
        get = _getter(key.field)
        missing: list[Document] = []
        present: list[tuple[tuple[int, object], Document]] = []
        for document in found:
            value = get(document)
            if value is None:
                missing.append(document)
            else:
                present.append((_typed(value), document))
        present.sort(key=operator.itemgetter(0), reverse=key.descending)
        found = [document for _, document in present] + missing
    return found


def _positive(
    expr: Comparison | In | Like | IsNull,
) -> Callable[[Document], bool]:
    """Return a condition as a function that is false for what is missing.

    The opposite of ``is null`` and of ``!=``; the others as they are.
    """
    of = expr.field
    if isinstance(expr, IsNull):
        return _leaf(_getter(of), of, lambda _: True)
    if isinstance(expr, Like):
        # A version is matched as text here, and by precedence elsewhere.
        get = _getter(of) if of.key else operator.attrgetter(of.kind)
        return _leaf(get, of, _like(expr))
    if isinstance(expr, In):
        return _leaf(_getter(of), of, _among(expr))
    op = "=" if expr.op == "!=" else expr.op
    return _leaf(_getter(of), of, _compare(of, op, expr.value))


def _opposite(test: Callable[[Document], bool]) -> Callable[[Document], bool]:
    return lambda document: not test(document)


def _leaf(
    get: Callable[[Document], object], of: Field, test: _Test
) -> Callable[[Document], bool]:
    if of.kind == "alias":
        return lambda document: any(test(alias) for alias in document.aliases)

    def leaf(document: Document) -> bool:
        value = get(document)
        return value is not None and test(value)

    return leaf


def _getter(of: Field) -> Callable[[Document], object]:
    key, part = of.key, of.slice
    if key is None:
        parsed = {"version": "precedence", "created": "instant"}
        return operator.attrgetter(parsed.get(of.kind, of.kind))
    if of.kind == "params":
        return lambda document: document.params.get(key)
    if of.kind == "tags":
        return lambda document: document.tags.get(key)
    if part is None:
        return lambda document: document.metrics.get(key)
    return lambda document: document.slices.get(part, {}).get(key)


def _parsed(of: Field, value: Scalar) -> object:
    if of.kind == "version":
        return Version.parse(str(value)).precedence
    return instant(str(value)) if of.kind == "created" else value


def _compare(of: Field, op: str, value: Scalar) -> _Test:
    compare, wanted = _OPERATORS[op], _parsed(of, value)
    # A bool is an int to Python, and 1 is not true to a reader.
    number = isinstance(wanted, float | int) and not isinstance(wanted, bool)
    types = (float, int) if number else (type(wanted),)
    return lambda found: type(found) in types and compare(found, wanted)


def _among(expr: In) -> _Test:
    wanted = frozenset(_typed(_parsed(expr.field, value)) for value in expr.values)
    return lambda found: _typed(found) in wanted


def _typed(value: object) -> tuple[int, object]:
    if isinstance(value, bool):
        return 1, value
    return (2 if isinstance(value, str) else 0), value


def _like(expr: Like) -> _Test:
    """Return a test by SQL's LIKE that never goes back over a ``%``."""
    pattern = expr.pattern.casefold() if expr.ignore_case else expr.pattern
    runs: list[list[str]] = [[]]
    for char in re.findall(r"\\[%_\\]|.", pattern, re.DOTALL):
        if char == "%":
            runs.append([])
        else:
            runs[-1].append("." if char == "_" else re.escape(char[-1]))
    head, *middle = [re.compile("".join(run), re.DOTALL) for run in runs]
    tail = middle.pop() if middle else None
    tail_size = len(runs[-1])

    def like(found: object) -> bool:
        if not isinstance(found, str):
            return False
        text = found.casefold() if expr.ignore_case else found
        if tail is None:
            return head.fullmatch(text) is not None
        # A run has a fixed length, so the leftmost fit of each leaves the most
        # room for the next, and the last one can only stand at the end.
        fit = head.match(text)
        for run in middle:
            fit = fit and run.search(text, fit.end())
        end = len(text) - tail_size
        return fit is not None and fit.end() <= end and bool(tail.match(text, end))

    return like
