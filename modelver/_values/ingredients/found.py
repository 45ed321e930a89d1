"""A bundle and a record, and what every check asks of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from modelver._values.audit import Check, Omission, Result
from modelver._values.entry import Record
from modelver._values.manifest import Bundle

PATCH: Final = "code/.modelver/changes.patch"
"""Where a bundle keeps the changes that were not committed."""

_NAMED: Final = 3
_MOST_OMITTED: Final = 10_000
_LONGEST_NAME: Final = 120
_LONGEST: Final = 500


@frozen(kw_only=True)
class Found:
    """What a version is audited by.

    Attributes:
        bundle: What it holds.
        record: What was recorded at its registration.
    """

    bundle: Bundle
    record: Record

    @property
    def run(self) -> Mapping[str, Any]:
        """What is known of the run."""
        return mapping(self.record.run)

    def paths(self, *roles: str) -> list[str]:
        """Return the paths of the files of some roles."""
        return [file.path for file in self.bundle.files if file.role in roles]

    @property
    def code(self) -> list[str]:
        """The code files, those of modelver's own left out."""
        return [p for p in self.paths("code") if not p.startswith("code/.modelver/")]

    @property
    def patched(self) -> bool:
        """Whether the changes that were not committed are kept."""
        return any(file.path == PATCH for file in self.bundle.files)

    @property
    def omitted(self) -> list[Omission]:
        """The files that were left out of the code."""
        listed = (mapping(each) for each in sequence(self.run.get("omitted")))
        texts = ((each.get("path"), each.get("why")) for each in listed)
        found = [
            Omission(path=path, why=why if isinstance(why, str) else "left out")
            for path, why in texts
            if isinstance(path, str)
        ]
        return found[:_MOST_OMITTED]


def check(name: str, result: Result, evidence: str, advice: str = "") -> Check:
    """Return a check; what is a ``yes`` needs no advice."""
    return Check(
        name=name,
        result=result,
        evidence=_cut(evidence, _LONGEST),
        advice="" if result == "yes" else advice,
    )


def yes(name: str, evidence: str) -> Check:
    """Return a check that is passed."""
    return check(name, "yes", evidence)


def no(name: str, evidence: str, advice: str) -> Check:
    """Return a check that is not passed."""
    return check(name, "no", evidence, advice)


def names(several: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    shown = ", ".join(_cut(name, _LONGEST_NAME) for name in several[:_NAMED])
    left = len(several) - _NAMED
    return f"{shown} and {left:,} more" if left > 0 else shown


def mapping(value: Any) -> Mapping[str, Any]:
    """Return *value* if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """Return *value* if it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
