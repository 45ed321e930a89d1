"""Outcomes as JUnit XML: the one form of them that every CI system shows."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from modelver._values.text import quoted, term_safe
from modelver.errors import StorageError

# XML 1.0 has no way to write these; control characters are visible by then.
_NO_XML: Final = re.compile("[\ufffe\uffff]")
_MARKUP: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;"}
)


class Case(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: What.
        failure: Why it failed; None: it did not.
        detail: More of it.
        skipped: Why it does not count; None: it does.
    """

    name: str
    failure: str | None = None
    detail: str = ""
    skipped: str | None = None


class Suite(NamedTuple):
    """Things that were looked at together."""

    name: str
    cases: Sequence[Case]


def write(path: str, suites: Iterable[Suite]) -> None:
    """Write *suites* into a file; one that is there is replaced.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(document(suites), encoding="utf-8")
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise StorageError(
            f"--junit: {quoted(path)} cannot be written: {said}"
        ) from error


def document(suites: Iterable[Suite]) -> str:
    """Return *suites* as a document."""
    found = list(suites)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{_counts(found)}>"]
    for suite in found:
        lines.append(f"  <testsuite name={_quote(suite.name)}{_counts([suite])}>")
        for case in suite.cases:
            lines += (f"    {line}" for line in _case(suite.name, case))
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _counts(suites: Sequence[Suite]) -> str:
    cases = [case for suite in suites for case in suite.cases]
    failures = sum(case.failure is not None for case in cases)
    skipped = sum(case.skipped is not None for case in cases)
    return f' tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}"'


def _case(suite: str, case: Case) -> Iterator[str]:
    head = f"<testcase classname={_quote(f'modelver.{suite}')} name={_quote(case.name)}"
    if case.failure is not None:
        yield f"{head}>"
        detail = _text(case.detail)
        yield f"  <failure message={_quote(case.failure)}>{detail}</failure>"
        yield "</testcase>"
    elif case.skipped is not None:
        yield f"{head}>"
        yield f"  <skipped message={_quote(case.skipped)}/>"
        yield "</testcase>"
    else:
        yield f"{head}/>"


def _text(text: str) -> str:
    safe = term_safe(text, multiline=True)
    return _NO_XML.sub("\ufffd", safe).translate(_MARKUP)


def _quote(text: str) -> str:
    return f'"{_text(text)}"'
