"""Whether the metrics of a version are good enough, and why not.

The desk hands over the metrics of the version and of the one that it is compared with.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from modelver._search.conditions import EVERY, Condition, Operand, parse_conditions
from modelver._values.text import html_safe, term_safe
from modelver.errors import ErrorKind, InvalidInputError

__all__ = ["Gate", "GateTest", "Measured"]

_OPERATORS: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "!=": operator.ne,
}
_SHOWN: Final = 3
_SEVERAL: Final = 2


@frozen(kw_only=True)
class Measured:
    """A version as a gate sees it.

    Attributes:
        ref: Exact ref.
        metrics: By name.
        slices: Slice of the data to metrics.
    """

    ref: str
    metrics: Mapping[str, float]
    slices: Mapping[str, Mapping[str, float]]

    def value(self, metric: str, part: str | None) -> Decimal | None:
        """Return a metric as it is written; None where there is none."""
        found = self.metrics if part is None else self.slices.get(part, {})
        value = found.get(metric)
        return None if value is None else Decimal(repr(float(value)))

    def having(self, metric: str) -> list[str]:
        """Return the slices that have a metric."""
        return [part for part, values in self.slices.items() if metric in values]


@frozen(kw_only=True)
class GateTest:
    """One condition, and what came out.

    Attributes:
        condition: As it was written.
        passed: Whether it holds.
        evidence: The numbers, or why it does not hold.
    """

    condition: str
    passed: bool
    evidence: str


@frozen(kw_only=True, repr=False)
class Gate:
    """Whether a version is good enough. It is true where all conditions hold.

    Attributes:
        ref: Exact ref of the version.
        base: Exact ref of the one that it was compared with; None: none.
        tests: One for each condition.
    """

    ref: str
    base: str | None
    tests: tuple[GateTest, ...]

    @classmethod
    def of(
        cls,
        version: Measured,
        conditions: str | Iterable[str],
        base: Measured | None,
        *,
        no_base_yet: bool,
    ) -> "Gate":
        """Return what comes out of *conditions*.

        Args:
            version: The version.
            conditions: See ``conditions.py``.
            base: What ``base.`` means.
            no_base_yet: Pass what is compared with a base, where there is none.

        Raises:
            InvalidInputError: A condition does not parse, or speaks of a base where
                none is given.
        """
        tests = parse_conditions(conditions)
        if base is None and not no_base_yet and any(test.asks_base for test in tests):
            raise InvalidInputError(
                "a condition compares with a base, and none is given",
                kind=ErrorKind.BAD_ARGUMENT,
                hint="Give it: base='fraud@production' (--base).",
            )
        return cls(
            ref=version.ref,
            base=None if base is None else base.ref,
            tests=tuple(_tested(test, version, base) for test in tests),
        )

    @property
    def passed(self) -> bool:
        """Whether all conditions hold."""
        return all(test.passed for test in self.tests)

    def __bool__(self) -> bool:
        return self.passed

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "ref": self.ref,
            "base": self.base,
            "passed": self.passed,
            "tests": [
                {
                    "condition": test.condition,
                    "passed": test.passed,
                    "evidence": test.evidence,
                }
                for test in self.tests
            ],
        }

    def __str__(self) -> str:
        lines = [self._head()]
        for test in self.tests:
            mark = "ok" if test.passed else "FAILED"
            lines.append(f"{mark:>6}  {test.condition}: {test.evidence}")
        return "\n".join(map(term_safe, lines))

    def __repr__(self) -> str:
        return term_safe(f"<Gate {self._head()}>")

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'ok' if test.passed else 'FAILED'}</td>"
            f"<td style='text-align:left'>{html_safe(test.condition)}</td>"
            f"<td style='text-align:left'>{html_safe(test.evidence)}</td></tr>"
            for test in self.tests
        )
        return f"<p>{html_safe(self._head())}</p><table>{rows}</table>"

    def _head(self) -> str:
        said = "passes" if self.passed else "does not pass"
        against = "" if self.base is None else f" against {self.base}"
        return f"{self.ref} {said}{against}"


def _tested(test: Condition, version: Measured, base: Measured | None) -> GateTest:
    if test.asks_base and base is None:
        return _told(test, evidence="there is no base yet", passed=True)
    if test.asks_base and base is not None and base.ref == version.ref:
        return _told(test, evidence="it is the base itself", passed=True)
    parts = list(_parts(test, version, base))
    if not parts:
        return _told(test, evidence="no slice has such a metric", passed=False)
    outcomes = [_compared(test, part, version, base) for part in parts]
    wrong = [said for passed, said in outcomes if not passed]
    if len(outcomes) < _SEVERAL:
        return _told(test, evidence=outcomes[0][1], passed=not wrong)
    if not wrong:
        return _told(test, evidence=f"in all {len(parts):,} slices", passed=True)
    shown = "; ".join(wrong[:_SHOWN])
    counted = f"not in {len(wrong):,} of {len(parts):,} slices: {shown}"
    return _told(test, evidence=counted, passed=False)


def _told(test: Condition, *, evidence: str, passed: bool) -> GateTest:
    return GateTest(condition=test.text, passed=passed, evidence=evidence)


def _parts(
    test: Condition, version: Measured, base: Measured | None
) -> Iterator[str | None]:
    """Yield the slices to look at: None alone where no side stands for each of them.

    Of a slice that is new there is nothing to compare with; one that is gone fails.
    """
    wild = [side for side in (test.left, test.right) if side.slice == EVERY]
    if not wild:
        yield None
        return
    asked = next((side for side in wild if side.base), wild[0])
    of = base if asked.base else version
    if of is not None and asked.metric is not None:
        yield from of.having(asked.metric)


def _compared(
    test: Condition, part: str | None, version: Measured, base: Measured | None
) -> tuple[bool, str]:
    sides = []
    for side in (test.left, test.right):
        value = _value(side, part, version, base)
        if value is None:
            return False, f"{_named(side, part)} is not recorded"
        sides.append(value)
    (left, said), (right, against) = sides
    where = "" if part is None else f"{part}: "
    passed = _OPERATORS[test.op](left, right)
    verb = test.op if passed else f"is not {test.op}"
    return passed, f"{where}{said} {verb} {against}"


def _value(
    side: Operand, part: str | None, version: Measured, base: Measured | None
) -> tuple[Decimal, str] | None:
    """Return what a side comes to, and its numbers; None where it is missing."""
    if side.metric is None:
        return side.number, f"{side.number}"
    of = base if side.base else version
    where = part if side.slice == EVERY else side.slice
    value = None if of is None else of.value(side.metric, where)
    if value is None:
        return None
    more = f" {side.sign} {side.number}" if side.sign else ""
    return side.of(value), f"{value}{more}"


def _named(side: Operand, part: str | None) -> str:
    if side.slice == EVERY and part is not None:
        return side.text.replace(EVERY, part, 1)
    return side.text
