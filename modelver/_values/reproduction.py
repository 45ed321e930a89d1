"""What came of making a version again: five levels, each shown and none claimed."""

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Any, Final

from attrs import Factory, frozen

from modelver._values.entry import Tolerance
from modelver._values.text import term_safe

PASSED: Final = "passed"
FAILED: Final = "failed"
UNTRIED: Final = "untried"

LEVELS: Final = {
    "L0": "every byte can be had back",
    "L1": "the environment is the same",
    "L2": "the command runs to its end",
    "L3": "the metrics are within the declared tolerance",
    "L4": "the outputs are equal, bit for bit",
}
"""Each level and what it means, the lowest first."""

_MARKS: Final = {PASSED: "+", FAILED: "x", UNTRIED: "-"}
_SHOWN: Final = 10


@frozen(kw_only=True)
class LevelResult:
    """How one level ended.

    Attributes:
        level: ``L0`` to ``L4``.
        outcome: ``passed``, ``failed`` or ``untried``.
        why: One sentence; of what was not tried, why not.
        details: What differs, or what was seen, line by line.
        seconds: How long it took.
    """

    level: str
    outcome: str
    why: str = ""
    details: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether it was tried and holds."""
        return self.outcome == PASSED

    @property
    def result(self) -> str:
        """``passed``, ``failed``, or ``untried: <why>``, as a commit keeps it."""
        return f"{UNTRIED}: {self.why}" if self.outcome == UNTRIED else self.outcome


@frozen(kw_only=True)
class Reproduction:
    """One attempt to make a version again.

    Attributes:
        ref: The version.
        digest: Of its bundle.
        results: ``L0`` to ``L4``.
        plan: What was done, or would be, in order.
        workdir: Where; None where it was a temporary folder that is gone.
        attestation: Digest of the attestation that says so in the registry; None where
            none was written.
        host: Where it was tried: system, machine, Python.
    """

    ref: str
    digest: str
    results: tuple[LevelResult, ...]
    plan: tuple[str, ...] = ()
    workdir: str | None = None
    attestation: str | None = None
    host: Mapping[str, Any] = Factory(dict)

    @property
    def level(self) -> str | None:
        """The highest level up to which all were shown to hold; None: not even L0."""
        reached = None
        for result in self.results:
            if not result.passed:
                break
            reached = result.level
        return reached

    @property
    def ok(self) -> bool:
        """Whether nothing that was tried failed."""
        return all(result.outcome != FAILED for result in self.results)

    def __getitem__(self, level: str) -> LevelResult:
        """Return the result of ``L0`` to ``L4``."""
        return next(result for result in self.results if result.level == level)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "ref": self.ref,
            "digest": self.digest,
            "level": self.level,
            "ok": self.ok,
            "results": [
                {
                    "level": result.level,
                    "meaning": LEVELS[result.level],
                    "outcome": result.outcome,
                    "why": result.why,
                    "details": list(result.details),
                    "seconds": round(result.seconds, 3),
                }
                for result in self.results
            ],
            "plan": list(self.plan),
            "workdir": self.workdir,
            "attestation": self.attestation,
            "host": dict(self.host),
        }

    def __str__(self) -> str:
        lines = [f"{self.ref}: {self.level or 'nothing'} shown"]
        for result in self.results:
            why = f" ({term_safe(result.why)})" if result.why else ""
            mark = _MARKS[result.outcome]
            lines.append(f"  {mark} {result.level} {LEVELS[result.level]}{why}")
            lines += [f"      {term_safe(line)}" for line in result.details[:_SHOWN]]
            if len(result.details) > _SHOWN:
                lines.append(f"      ... {len(result.details) - _SHOWN} more")
        return "\n".join(lines)


@frozen(kw_only=True)
class LevelShare:
    """How many versions reached one level.

    Attributes:
        level: ``L0`` to ``L4``.
        tried: Versions of which it was tried.
        passed: Versions of which it was shown to hold.
        untried: Why it was not tried, to how many versions.
        low: Lower bound of the share, with 95 % confidence; None where none was tried.
        high: Upper bound.
    """

    level: str
    tried: int
    passed: int
    untried: Mapping[str, int]
    low: float | None
    high: float | None

    @property
    def share(self) -> float | None:
        """``passed / tried``; None where none was tried."""
        return self.passed / self.tried if self.tried else None


@frozen(kw_only=True)
class Reproducibility:
    """The share of versions that were really made again, level by level.

    Attributes:
        versions: How many versions there are, withdrawn ones left out.
        attempted: Of how many there is a reproduction; the last one of each counts.
        levels: ``L0`` to ``L4``.
    """

    versions: int
    attempted: int
    levels: tuple[LevelShare, ...]

    @classmethod
    def of(
        cls, versions: int, results: Iterable[Mapping[str, str]]
    ) -> "Reproducibility":
        """Count *results*, each level to how it ended, as commits keep it."""
        every = list(results)
        shares = []
        for level in LEVELS:
            outcomes = [found.get(level, f"{UNTRIED}: not said") for found in every]
            why: dict[str, int] = {}
            for outcome in outcomes:
                if outcome not in (PASSED, FAILED):
                    said = outcome.removeprefix(f"{UNTRIED}: ")
                    why[said] = why.get(said, 0) + 1
            passed = outcomes.count(PASSED)
            tried = passed + outcomes.count(FAILED)
            low, high = wilson(passed, tried)
            shares.append(
                LevelShare(
                    level=level,
                    tried=tried,
                    passed=passed,
                    untried=why,
                    low=low,
                    high=high,
                )
            )
        return cls(versions=versions, attempted=len(every), levels=tuple(shares))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "versions": self.versions,
            "attempted": self.attempted,
            "levels": [
                {
                    "level": found.level,
                    "meaning": LEVELS[found.level],
                    "tried": found.tried,
                    "passed": found.passed,
                    "share": found.share,
                    "low": found.low,
                    "high": found.high,
                    "untried": dict(found.untried),
                }
                for found in self.levels
            ],
        }

    def __str__(self) -> str:
        lines = [f"{self.attempted} of {self.versions} versions were tried"]
        for found in self.levels:
            if found.share is None:
                said = "not tried"
            else:
                said = (
                    f"{found.passed} of {found.tried}, {found.share:.0%} "
                    f"(95 %: {found.low:.0%} to {found.high:.0%})"
                )
            lines.append(f"  {found.level} {LEVELS[found.level]}: {said}")
            for why, count in sorted(
                found.untried.items(), key=lambda i: (-i[1], i[0])
            ):
                lines.append(f"      {count} not tried: {term_safe(why)}")
        return "\n".join(lines)


def wilson(passed: int, tried: int) -> tuple[float | None, float | None]:
    """Return the 95 % confidence interval of a share.

    E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22 (1927), 209-212. It
    stays within 0 and 1, and says something of 3 out of 3.
    """
    if tried == 0:
        return None, None
    z = NormalDist().inv_cdf(0.975)
    share, extra = passed / tried, z * z / tried
    middle = (share + extra / 2) / (1 + extra)
    spread = share * (1 - share) / tried + extra / (4 * tried)
    half = z * math.sqrt(spread) / (1 + extra)
    # At the ends it is exactly 0 or 1, but for rounding.
    low = 0.0 if passed == 0 else max(0.0, middle - half)
    high = 1.0 if passed == tried else min(1.0, middle + half)
    return low, high


def compare_metrics(
    expected: Mapping[str, float],
    found: Mapping[str, float],
    tolerance: Mapping[str, Tolerance],
) -> list[str]:
    """Return a line for each metric that is missing or farther off than it may be.

    A metric without a tolerance must be equal. One that is new is no difference.
    """
    lines = []
    for name, value in sorted(expected.items()):
        allowed = tolerance.get(name, tolerance.get("*", Tolerance()))
        made = found.get(name)
        if made is None:
            lines.append(f"{name}: registered {value!r}, not measured now")
            continue
        off = abs(made - value)
        limit = max(allowed.absolute, allowed.relative * abs(value))
        if not off <= limit:
            said = f"at most {limit:g}" if limit else "no tolerance is declared"
            lines.append(
                f"{name}: registered {value!r}, now {made!r}, off by {off:.6g} ({said})"
            )
    return lines
