"""Version numbers: Semantic Versioning 2.0.0, its grammar, order and bumps.

Used wherever a version is named. Knows nothing of ranges, models or registries,
nor of which numbers are taken.
"""

import re
from typing import Literal

from attrs import Attribute, evolve, field, frozen

from modelver._values.text import quoted, require_text
from modelver.errors import ErrorKind, InvalidInputError

__all__ = [
    "INITIAL",
    "MAX_LENGTH",
    "NUMBER",
    "PRE_RELEASE",
    "Level",
    "Precedence",
    "Version",
    "is_version",
]

MAX_LENGTH = 128
"""The longest version text, in characters."""

Level = Literal["major", "minor", "patch"]
Precedence = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]

NUMBER = "(?:0|[1-9][0-9]*)"
"""One number of the core, as a pattern: ASCII digits, no leading zero."""
_IDENTIFIER = f"(?:{NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PRE_RELEASE = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*"
"""What stands behind the hyphen, as a pattern."""
_BUILD = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"

_VERSION = re.compile(
    rf"v?({NUMBER})\.({NUMBER})\.({NUMBER})(?:-({PRE_RELEASE}))?(?:\+({_BUILD}))?"
)
_PRE_RELEASE = re.compile(PRE_RELEASE)
_BUILD_META = re.compile(_BUILD)

_HINT = "A version is MAJOR.MINOR.PATCH, for example '1.2.0' or '1.2.0-rc.1'."
_LEVELS = ("major", "minor", "patch")


def _natural(_: "Version", attribute: "Attribute[int]", value: int) -> None:
    if type(value) is not int or value < 0:
        raise InvalidInputError(
            f"the {attribute.name} number of a version is 0 or more, not {value!r}",
            kind=ErrorKind.BAD_VERSION,
            hint=_HINT,
        )


def _identifiers(
    _: "Version", attribute: "Attribute[tuple[str, ...]]", value: tuple[str, ...]
) -> None:
    if value == ():
        return
    text = ".".join(value)
    pattern = _PRE_RELEASE if attribute.name == "pre" else _BUILD_META
    # The count differs where one identifier holds a dot of its own.
    split = tuple(text.split(".")) == value
    if not split or len(text) > MAX_LENGTH or pattern.fullmatch(text) is None:
        raise InvalidInputError(
            f"the {attribute.name} part of a version cannot be {quoted(text)}",
            kind=ErrorKind.BAD_VERSION,
            hint=_HINT,
        )


def is_version(text: str) -> bool:
    """Tell whether :meth:`Version.parse` would read *text*."""
    return len(text) <= MAX_LENGTH and _VERSION.fullmatch(text) is not None


@frozen
class Version:
    """One version number.

    ``==`` compares everything. ``<`` and its kin compare precedence as SemVer
    defines it, in which build metadata has no part: ``1.0.0+a`` and ``1.0.0+b``
    differ, and neither is lower.

    Attributes:
        major: 0 or more.
        minor: 0 or more.
        patch: 0 or more.
        pre: Pre-release identifiers, ``("rc", "1")``; empty for a release.
        build: Build metadata; empty where there is none.

    Raises:
        InvalidInputError: A field breaks the grammar (kind ``BAD_VERSION``).
    """

    major: int = field(validator=_natural)
    minor: int = field(validator=_natural)
    patch: int = field(validator=_natural)
    pre: tuple[str, ...] = field(default=(), validator=_identifiers)
    build: tuple[str, ...] = field(default=(), validator=_identifiers)

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version; a leading ``v`` is accepted and not kept.

        Raises:
            InvalidInputError: *text* is not SemVer 2.0.0, or longer than
                ``MAX_LENGTH`` (kind ``BAD_VERSION``).
        """
        text = require_text(
            text, "a version", limit=MAX_LENGTH, kind=ErrorKind.BAD_VERSION
        )
        match = _VERSION.fullmatch(text)
        if match is None:
            raise InvalidInputError(
                f"{quoted(text)} is not a version",
                kind=ErrorKind.BAD_VERSION,
                hint=_HINT,
            )
        major, minor, patch, pre, build = match.groups()
        return cls(
            int(major),
            int(minor),
            int(patch),
            tuple(pre.split(".")) if pre else (),
            tuple(build.split(".")) if build else (),
        )

    def __str__(self) -> str:
        """Return the text that :meth:`parse` reads back."""
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.pre:
            text += "-" + ".".join(self.pre)
        if self.build:
            text += "+" + ".".join(self.build)
        return text

    def __repr__(self) -> str:
        return f"Version.parse({str(self)!r})"

    @property
    def precedence(self) -> Precedence:
        """The key to sort by: SemVer 2.0.0, section 11."""
        identifiers = tuple(
            (False, int(word), "") if word.isdecimal() else (True, 0, word)
            for word in self.pre
        )
        return self.major, self.minor, self.patch, not self.pre, identifiers

    def same_precedence(self, other: "Version") -> bool:
        """Tell whether the two differ in build metadata at most."""
        return self.precedence == other.precedence

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.precedence < other.precedence

    def __le__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.precedence <= other.precedence

    def __gt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.precedence > other.precedence

    def __ge__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.precedence >= other.precedence

    @property
    def is_prerelease(self) -> bool:
        """Whether this comes before the release of the same three numbers."""
        return bool(self.pre)

    @property
    def core(self) -> "Version":
        """The release of the same three numbers."""
        return Version(self.major, self.minor, self.patch)

    def bump(self, level: Level, pre: str | None = None) -> "Version":
        """Return the next version, always of higher precedence than this one.

        A pre-release whose lower numbers are zero is completed: ``2.0.0-rc.1``
        bumped by major is ``2.0.0``, and ``1.2.0-rc.1`` bumped by patch is
        ``1.2.0``. Build metadata is dropped.

        Args:
            level: Which number to raise.
            pre: Label of a pre-release to make, ``"rc"``: ``1.1.0`` bumped by
                minor is ``1.2.0-rc.1``, then ``1.2.0-rc.2``. Where the label would
                sort lower than the present one, the number is raised instead.

        Raises:
            InvalidInputError: The level is unknown (kind ``BAD_ARGUMENT``), the
                label is not one, or the result is too long (``BAD_VERSION``).
        """
        if level not in _LEVELS:
            raise InvalidInputError(
                f"{quoted(level)} is not a level to bump",
                kind=ErrorKind.BAD_ARGUMENT,
                hint="A level is 'major', 'minor' or 'patch'.",
            )
        bumped = self._raised(level)
        if pre is not None:
            bumped = self._labelled(bumped, level, _label(pre))
        # Read back, because one more digit may make it too long.
        return Version.parse(str(bumped))

    def _raised(self, level: Level) -> "Version":
        if level == "major":
            completes = self.pre and self.minor == self.patch == 0
            return self.core if completes else Version(self.major + 1, 0, 0)
        if level == "minor":
            completes = self.pre and self.patch == 0
            return self.core if completes else Version(self.major, self.minor + 1, 0)
        return self.core if self.pre else evolve(self.core, patch=self.patch + 1)

    def _labelled(
        self, core: "Version", level: Level, label: tuple[str, ...]
    ) -> "Version":
        count = 0
        if core == self.core and self.pre[: len(label)] == label:
            following = self.pre[len(label) :]
            count = int(following[0]) if following and following[0].isdecimal() else 0
        bumped = evolve(core, pre=(*label, str(count + 1)))
        if bumped > self:
            return bumped
        return evolve(core._raised(level), pre=(*label, "1"))  # noqa: SLF001 - a Version


def _label(pre: str) -> tuple[str, ...]:
    pre = require_text(
        pre, "a pre-release label", limit=MAX_LENGTH, kind=ErrorKind.BAD_VERSION
    )
    if _PRE_RELEASE.fullmatch(pre) is None:
        raise InvalidInputError(
            f"{quoted(pre)} is not a pre-release label",
            kind=ErrorKind.BAD_VERSION,
            hint="A label is letters, digits and hyphens, for example 'rc' or 'beta'.",
        )
    return tuple(pre.split("."))


INITIAL = Version(0, 1, 0)
"""The number that a model starts with."""
