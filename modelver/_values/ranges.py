"""Ranges of versions: ``^1.2``, ``~1.2``, ``~=1.2``, ``>=1,<2``, ``1.x``.

Used by refs and searches to choose among versions. Ranges follow npm's rules, and
``~=`` those of PEP 440; a comma joins comparators that must all hold. Which
versions there are is not known here.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from modelver._values.semver import (
    MAX_LENGTH,
    NUMBER,
    PRE_RELEASE,
    Precedence,
    Version,
)
from modelver._values.text import quoted, require_text
from modelver.errors import ErrorKind, InvalidInputError

__all__ = ["MAX_COMPARATORS", "MAX_RANGE_LENGTH", "Comparator", "Range", "is_range"]

MAX_RANGE_LENGTH = 256
"""The longest range text, in characters."""
MAX_COMPARATORS = 16

_ANY = re.compile(r" *[xX*](?:\.[xX*]){0,2} *")
_FIRST = re.compile(r"[ \^~<>=!*xX0-9]|v[0-9]")
_COMPARATOR = re.compile(
    r" *(\^|~=|~|>=|<=|>|<|==|!=)?"
    rf" *v?({NUMBER})(?:\.({NUMBER})(?:\.({NUMBER})(?:-({PRE_RELEASE}))?)?)?"
    r"((?:\.[xX*])*) *"
)
_HINT = "A range is for example '^1.2', '~1.2', '~=1.2', '>=1,<2', '1.x' or '*'."

_Compare = Callable[[Any, Any], bool]
_Test = tuple[_Compare, Precedence]
_COMPARE: dict[str, _Compare] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def _padded(numbers: tuple[int, ...], pre: tuple[str, ...] = ()) -> Version:
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return Version(major, minor, patch, pre)


def _above(numbers: tuple[int, ...]) -> Version:
    """Return the lowest version above all that begin with *numbers*.

    That is its pre-release ``-0``: nothing sorts below it in its three numbers.
    """
    return _padded((*numbers[:-1], numbers[-1] + 1), ("0",))


@frozen
class Comparator:
    """One condition of a range.

    Attributes:
        operator: ``^ ~ ~= >= <= > < == !=``, or empty for a bare version.
        numbers: The one to three numbers that were given; none means any version.
        pre: Pre-release identifiers; only behind three numbers.
    """

    operator: str
    numbers: tuple[int, ...]
    pre: tuple[str, ...] = ()
    _tests: tuple[_Test, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Work out the bounds once: a range is asked about every version."""
        object.__setattr__(self, "_tests", tuple(self._bounds()))

    def _bounds(self) -> list[_Test]:
        op, numbers = self.operator, self.numbers
        if not numbers:
            return []
        floor = _padded(numbers, self.pre)
        full = len(numbers) == 3  # noqa: PLR2004 - major, minor, patch
        if op in _COMPARE:
            return [self._bound(floor, full=full)]
        if op in ("", "==", "!="):
            if full:
                return [(operator.eq, floor.precedence)]
            kept = len(numbers)
        elif op == "^":
            # The first number that is not zero may not change.
            zeros = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1)
            kept = zeros + 1
        else:  # ~1 keeps one number, ~1.2 and ~1.2.3 two; ~= all but the last
            kept = len(numbers) - 1 if op == "~=" else min(len(numbers), 2)
        ceiling = _above(numbers[:kept])
        return [(operator.ge, floor.precedence), (operator.lt, ceiling.precedence)]

    def _bound(self, floor: Version, *, full: bool) -> _Test:
        """Return the test of a comparison; ``>1`` means above every ``1.x``."""
        op = self.operator
        if full or op == ">=":
            return _COMPARE[op], floor.precedence
        if op == "<":
            return operator.lt, _padded(self.numbers, ("0",)).precedence
        above = _above(self.numbers)
        if op == "<=":
            return operator.lt, above.precedence
        return operator.ge, above.core.precedence

    def matches(self, version: Version) -> bool:
        """Tell whether the precedence of *version* meets this condition alone."""
        key = version.precedence
        inside = all(compare(key, bound) for compare, bound in self._tests)
        return inside != (self.operator == "!=")

    def __str__(self) -> str:
        if not self.numbers:
            return "*"
        text = self.operator + ".".join(map(str, self.numbers))
        return f"{text}-{'.'.join(self.pre)}" if self.pre else text


@frozen
class Range:
    """A condition on versions.

    Attributes:
        comparators: All of them must hold; 1 to ``MAX_COMPARATORS``.
    """

    comparators: tuple[Comparator, ...]

    @classmethod
    def parse(cls, text: str) -> "Range":
        """Read a range; a full version alone means exactly that version.

        Raises:
            InvalidInputError: *text* is not a range, or too long, or has too many
                comparators (kind ``BAD_VERSION``).
        """
        text = require_text(
            text, "a range", limit=MAX_RANGE_LENGTH, kind=ErrorKind.BAD_VERSION
        )
        if text.count(",") >= MAX_COMPARATORS:
            raise _refusal(text, f"has more than {MAX_COMPARATORS} comparators")
        return cls(tuple(_comparator(part, text) for part in text.split(",")))

    def matches(self, version: Version) -> bool:
        """Tell whether *version* is in the range.

        A pre-release is only where it was asked for: where a comparator other than
        ``!=`` names a pre-release of the same three numbers.
        """
        if version.pre and not any(
            comparator.pre
            and comparator.operator != "!="
            and comparator.numbers == (version.major, version.minor, version.patch)
            for comparator in self.comparators
        ):
            return False
        return all(comparator.matches(version) for comparator in self.comparators)

    def __str__(self) -> str:
        """Return the text that :meth:`parse` reads back, without spaces."""
        return ",".join(map(str, self.comparators))


def is_range(text: str) -> bool:
    """Tell whether :meth:`Range.parse` would read *text*."""
    # Nearly every name ends here, without an error made and thrown away.
    if _FIRST.match(text) is None:
        return False
    try:
        Range.parse(text)
    except InvalidInputError:
        return False
    return True


def _refusal(text: str, why: str, hint: str = _HINT) -> InvalidInputError:
    return InvalidInputError(
        f"range {quoted(text)} {why}", kind=ErrorKind.BAD_VERSION, hint=hint
    )


def _comparator(part: str, text: str) -> Comparator:
    if _ANY.fullmatch(part):
        return Comparator("", ())
    match = _COMPARATOR.fullmatch(part) if len(part) <= MAX_LENGTH else None
    if match is None:
        if "+" in part:
            hint = "Leave build metadata out: it has no part in the order of versions."
            raise _refusal(text, f"holds the comparator {quoted(part)}", hint)
        raise _refusal(text, f"cannot be read at {quoted(part)}")
    op, *numbers, pre, wild = match.groups()
    given = tuple(int(number) for number in numbers if number is not None)
    if len(given) + wild.count(".") > 3:  # noqa: PLR2004 - major, minor, patch
        raise _refusal(text, f"names more than three numbers at {quoted(part)}")
    if op == "~=" and (wild or len(given) == 1):
        hint = "Give '~=' two or three numbers, for example '~=1.2'."
        raise _refusal(text, f"cannot be read at {quoted(part)}", hint)
    return Comparator(op or "", given, tuple(pre.split(".")) if pre else ())
