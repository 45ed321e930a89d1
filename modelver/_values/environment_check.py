"""How far an environment is the one that was recorded."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import Factory, frozen

from modelver._values.text import term_safe

__all__ = ["EnvironmentCheck"]

_SHOWN: Final = 20


@frozen(kw_only=True)
class EnvironmentCheck:
    """An environment compared with the recorded one, distribution by distribution.

    Attributes:
        recorded: Version of Python that was recorded.
        python: Version of Python that was found.
        interpreter: The path of its interpreter.
        other_python: How it is another Python, where the implementation or the minor
            version differs; None where they do not.
        matched: How many distributions are the same: version, fingerprint, and every
            file as its RECORD says.
        missing: Recorded and not there: name to version.
        reasons: Of what is missing and could not be installed: name to why.
        extra: There and not recorded: name to version.
        other_version: Name to the recorded version and to the one that is there.
        other_files: Of the same version, but not the same files: name to how that
            shows.
        stray_files: Files among the packages that belong to none of them.
        unknown: Of the same version, but nobody can tell: name to why.
        seconds: How long building and comparing took.
        log: The last lines of what the installer said.
    """

    recorded: str
    python: str
    interpreter: str
    other_python: str | None = None
    matched: int = 0
    missing: Mapping[str, str] = Factory(dict)
    reasons: Mapping[str, str] = Factory(dict)
    extra: Mapping[str, str] = Factory(dict)
    other_version: Mapping[str, tuple[str, str]] = Factory(dict)
    other_files: Mapping[str, str] = Factory(dict)
    stray_files: tuple[str, ...] = ()
    unknown: Mapping[str, str] = Factory(dict)
    seconds: float = 0.0
    log: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether every distribution was shown to be the same, and none is too many.

        What is unknown was not shown. Of Python the implementation and the minor
        version are the same; see *python* and *recorded* for the rest of it.
        """
        return not self.differences and not self.unknown

    @property
    def differences(self) -> tuple[str, ...]:
        """A sentence for all that is not the same, not there, or too much."""
        said = {
            **{n: self._missing(n, v) for n, v in self.missing.items()},
            **{n: f"{v} is there, and was not recorded" for n, v in self.extra.items()},
            **{
                name: f"{found} is there, recorded is {recorded}"
                for name, (recorded, found) in self.other_version.items()
            },
            **self.other_files,
        }
        python = [] if self.other_python is None else [f"python: {self.other_python}"]
        strays = (f"{path}: belongs to no package" for path in self.stray_files)
        return (*python, *(f"{name}: {said[name]}" for name in sorted(said)), *strays)

    def _missing(self, name: str, version: str) -> str:
        why = self.reasons.get(name)
        return f"{version} is missing" + (f": it {why}" if why is not None else "")

    def __bool__(self) -> bool:
        return self.same

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "same": self.same,
            "recorded": self.recorded,
            "python": self.python,
            "interpreter": self.interpreter,
            "other_python": self.other_python,
            "matched": self.matched,
            "missing": dict(self.missing),
            "reasons": dict(self.reasons),
            "extra": dict(self.extra),
            "other_version": {n: list(v) for n, v in self.other_version.items()},
            "other_files": dict(self.other_files),
            "stray_files": list(self.stray_files),
            "unknown": dict(self.unknown),
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        verdict = "the same" if self.same else "not the same"
        lines = [f"{verdict}: {self.matched} distributions were shown to be equal"]
        if self.other_python is None and self.python != self.recorded:
            lines.append(f"  python: {self.python}, recorded is {self.recorded}")
        unknown = [f"{name}: {why}" for name, why in sorted(self.unknown.items())]
        told = [*self.differences, *unknown]
        lines += [f"  {term_safe(line)}" for line in told[:_SHOWN]]
        if len(told) > _SHOWN:
            lines.append(f"  ... and {len(told) - _SHOWN} more")
        return "\n".join(lines)
