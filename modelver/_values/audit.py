"""What a version has of what is needed to make it again: checks, and a grade.

A grade counts ingredients. Whether the version comes out again when they are put
together, only trying shows. Nothing here reads a manifest: see ``ingredients.py``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from attrs import frozen

from modelver._values.text import html_safe, quoted, term_safe
from modelver.errors import InvalidInputError, PluginError

Result = Literal["yes", "partly", "no", "unknown"]
Grade = Literal["A", "B", "C", "D", "F"]

GRADES: Final[tuple[Grade, ...]] = get_args(Grade)
"""Every grade, the best first."""

NEEDS: Final[Mapping[Grade, Mapping[str, Result]]] = {
    "D": {"code": "partly", "packages": "yes"},
    "C": {"data": "partly", "configuration": "partly"},
    "B": {
        "commit": "yes",
        "tree": "yes",
        "code": "yes",
        "whole": "yes",
        "data": "yes",
        "retrievable": "partly",
        "lock": "yes",
        "local": "partly",
        "command": "yes",
    },
    "A": {
        "pushed": "yes",
        "retrievable": "yes",
        "local": "yes",
        "container": "yes",
        "seeds": "yes",
        "tolerance": "yes",
        "metrics": "yes",
    },
}
"""What a grade needs beside all that the lower ones need; F needs nothing."""

_ORDER: Final[Mapping[str, int]] = {"no": 0, "unknown": 1, "partly": 2, "yes": 3}
_MARKS: Final[Mapping[str, str]] = {
    "yes": "yes",
    "partly": "partly",
    "no": "NO",
    "unknown": "?",
}
_SHOWN: Final = 20
_MOST: Final = 100


@frozen(kw_only=True)
class Check:
    """One ingredient.

    Attributes:
        name: Which: ``commit``, ``data``, ``lock``, ...
        result: ``yes``; ``partly``; ``no``; ``unknown``: nobody recorded it.
        evidence: What was found, in one sentence.
        advice: What to do for a ``yes``; empty where it is one.
    """

    name: str
    result: Result
    evidence: str
    advice: str = ""

    def reaches(self, wanted: Result) -> bool:
        """Return whether the result is *wanted* or better."""
        return _ORDER[self.result] >= _ORDER[wanted]


@frozen(kw_only=True)
class Omission:
    """A file that was left out of a version's code, and why."""

    path: str
    why: str


@frozen(kw_only=True, repr=False)
class Audit:
    """The ingredients of one version.

    Attributes:
        ref: Exact ref; before the registration the name alone.
        grade: ``A`` (all that is asked for) to ``D``, or ``F``.
        checks: One for each ingredient, in a fixed order.
        omitted: The files that were left out of the code.
    """

    ref: str
    grade: Grade
    checks: tuple[Check, ...]
    omitted: tuple[Omission, ...] = ()

    @classmethod
    def of(
        cls,
        ref: str,
        checks: Sequence[Check],
        omitted: Sequence[Omission] = (),
    ) -> "Audit":
        """Return the audit that *checks* make, graded."""
        return cls(
            ref=ref,
            grade=grade_of(checks),
            checks=tuple(checks),
            omitted=tuple(omitted),
        )

    def check(self, name: str) -> Check:
        """Return the check of this name.

        Raises:
            KeyError: There is no such check.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def meets(self, grade: str) -> bool:
        """Return whether the grade is *grade* or better.

        Raises:
            InvalidInputError: There is no such grade.
        """
        return GRADES.index(self.grade) <= GRADES.index(check_grade(grade))

    def missing(self, grade: str) -> tuple[Check, ...]:
        """Return the checks that keep the version from *grade*.

        Raises:
            InvalidInputError: There is no such grade.
        """
        needs = _needs(check_grade(grade))
        return tuple(
            check
            for check in self.checks
            if check.name in needs and not check.reaches(needs[check.name])
        )

    @property
    def next_grade(self) -> Grade | None:
        """The next better grade; None where there is none."""
        at = GRADES.index(self.grade)
        return GRADES[at - 1] if at else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        better = self.next_grade
        return {
            "ref": self.ref,
            "grade": self.grade,
            "next_grade": better,
            "missing": [check.name for check in self.missing(better or self.grade)],
            "checks": [
                {
                    "name": check.name,
                    "result": check.result,
                    "evidence": check.evidence,
                    "advice": check.advice,
                    "needed_for": _needed_for(check.name),
                }
                for check in self.checks
            ],
            "omitted": [{"path": each.path, "why": each.why} for each in self.omitted],
        }

    def __str__(self) -> str:
        lines = [f"{self.ref} has the ingredients of grade {self.grade}", ""]
        width = max((len(check.name) for check in self.checks), default=0)
        for check in self.checks:
            mark = _MARKS[check.result]
            lines.append(f"{mark:>6}  {check.name:<{width}}  {check.evidence}")
        lines += self._omissions()
        lines += self._next_steps()
        return "\n".join(map(term_safe, lines))

    def __repr__(self) -> str:
        lacking = sum(check.result != "yes" for check in self.checks)
        counts = f"{len(self.checks) - lacking} of {len(self.checks)} ingredients"
        return term_safe(f"<Audit {self.ref}: {self.grade}, {counts}>")

    def _omissions(self) -> Iterator[str]:
        if not self.omitted:
            return
        yield ""
        yield f"left out of the code: {len(self.omitted):,}"
        yield from (f"  {each.path}: {each.why}" for each in self.omitted[:_SHOWN])
        if len(self.omitted) > _SHOWN:
            yield f"  ... and {len(self.omitted) - _SHOWN:,} more"

    def _next_steps(self) -> Iterator[str]:
        better = self.next_grade
        if better is None:
            return
        yield ""
        yield f"for grade {better}:"
        for check in self.missing(better):
            yield f"  {check.name}: {check.advice or check.evidence}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html_safe(_MARKS[check.result])}</td>"
            f"<th style='text-align:left'>{html_safe(check.name)}</th>"
            f"<td style='text-align:left'>{html_safe(check.evidence)}</td>"
            f"<td style='text-align:left'>{html_safe(check.advice)}</td></tr>"
            for check in self.checks
        )
        left = "<br>".join(html_safe(line) for line in self._omissions() if line)
        rest = f"<p>{left}</p>" if left else ""
        return (
            f"<p><b>{html_safe(self.ref)}</b> has the ingredients of grade "
            f"<b>{html_safe(self.grade)}</b></p><table>{rows}</table>{rest}"
        )


@frozen(kw_only=True, repr=False)
class Audits:
    """The ingredients of several versions.

    Attributes:
        audits: In the order of registration.
        unread: Refs of versions of which the manifest cannot be read, each with the
            value of an :class:`~modelver.errors.ErrorKind`; they have no grade.
    """

    audits: tuple[Audit, ...]
    unread: tuple[tuple[str, str], ...] = ()

    @property
    def counts(self) -> Mapping[Grade, int]:
        """How many versions have each grade, the best first."""
        grades = [audit.grade for audit in self.audits]
        return {grade: grades.count(grade) for grade in GRADES}

    @property
    def refs(self) -> Mapping[Grade, tuple[str, ...]]:
        """The refs of each grade, the best first."""
        return {
            grade: tuple(each.ref for each in self.audits if each.grade == grade)
            for grade in GRADES
        }

    def below(self, grade: str) -> tuple[Audit, ...]:
        """Return the audits that do not reach *grade*.

        Raises:
            InvalidInputError: There is no such grade.
        """
        check_grade(grade)
        return tuple(audit for audit in self.audits if not audit.meets(grade))

    def __iter__(self) -> Iterator[Audit]:
        return iter(self.audits)

    def __len__(self) -> int:
        return len(self.audits)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "counts": dict(self.counts),
            "audits": [audit.to_dict() for audit in self.audits],
            "unread": [{"ref": ref, "problem": why} for ref, why in self.unread],
        }

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``: a line for each version, by its ref.

        The columns are ``grade`` and the names of the checks.

        Raises:
            PluginError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - only who asks for it pays for it
        except ImportError as error:
            raise PluginError(
                "an audit becomes a data frame only where pandas is installed",
                hint="Install it with: pip install 'modelver[pandas]'",
                name="pandas",
            ) from error
        rows = [
            {"grade": audit.grade, **{c.name: c.result for c in audit.checks}}
            for audit in self.audits
        ]
        refs = [audit.ref for audit in self.audits]
        return pd.DataFrame(rows, index=pd.Index(refs, name="ref"))

    def __str__(self) -> str:
        lines = [self._summary()]
        lines += [f"  {audit.grade}  {audit.ref}" for audit in self.audits[:_MOST]]
        lines += [f"  {line}" for line in self._rest()]
        return "\n".join(map(term_safe, lines))

    def __repr__(self) -> str:
        return f"<Audits {self._summary()}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html_safe(audit.grade)}</td>"
            f"<td style='text-align:left'>{html_safe(audit.ref)}</td></tr>"
            for audit in self.audits[:_MOST]
        )
        rest = "".join(f"<p>{html_safe(line)}</p>" for line in self._rest())
        return f"<p>{html_safe(self._summary())}</p><table>{rows}</table>{rest}"

    def _rest(self) -> Iterator[str]:
        if len(self.audits) > _MOST:
            yield f"... and {len(self.audits) - _MOST:,} more"
        for ref, why in self.unread[:_MOST]:
            yield f"{ref} cannot be read: {why}"

    def _summary(self) -> str:
        total = len(self.audits)
        counted = ", ".join(f"{grade} {n}" for grade, n in self.counts.items() if n)
        said = f"{total:,} version{'' if total == 1 else 's'}"
        return f"{said}: {counted}" if counted else said


def check_grade(text: object) -> Grade:
    """Return *text* if it is a grade.

    Raises:
        InvalidInputError: It is none.
    """
    for grade in GRADES:
        if text == grade:
            return grade
    raise InvalidInputError(
        f"{quoted(text)} is no grade", hint=f"Grades are {', '.join(GRADES)}."
    )


def grade_of(checks: Sequence[Check]) -> Grade:
    """Return the best grade of which *checks* meet all that it needs."""
    found = {check.name: check for check in checks}
    best: Grade = "F"
    for grade in reversed(GRADES):
        wanted = NEEDS.get(grade, {})
        if any(n not in found or not found[n].reaches(r) for n, r in wanted.items()):
            break
        best = grade
    return best


def _needs(grade: Grade) -> dict[str, Result]:
    """Return all that *grade* needs, what the lower ones need included."""
    found: dict[str, Result] = {}
    for each in reversed(GRADES[GRADES.index(grade) :]):
        found.update(NEEDS.get(each, {}))
    return found


def _needed_for(name: str) -> Grade | None:
    """Return the lowest grade that needs this ingredient in some way."""
    return next((g for g in reversed(GRADES) if name in NEEDS.get(g, {})), None)
