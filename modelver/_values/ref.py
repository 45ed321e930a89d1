"""Refs: the questions that name a version, ``fraud@1.4.0`` or ``fraud@^1``.

Read at the desk, answered from the folded state. A ref says what was asked; what
the answer is, and whether there is one, is not known here.
"""

import re

from attrs import Attribute, field, frozen

from modelver._values.digests import ALGORITHMS
from modelver._values.names import LATEST, NEWEST, check_alias, check_model_name
from modelver._values.ranges import Range, is_range
from modelver._values.semver import Version, is_version
from modelver._values.text import quoted, require_text
from modelver.errors import ErrorKind, InvalidInputError

__all__ = [
    "MAX_REF_LENGTH",
    "Alias",
    "DigestPrefix",
    "Exact",
    "InRange",
    "Latest",
    "Newest",
    "Ref",
    "Selector",
]

MAX_REF_LENGTH = 512
"""The longest ref, in characters."""

_HINT = (
    "A ref is NAME, NAME@1.4.0, NAME@^1.2 (a range), NAME@production (an alias), "
    "NAME@latest, NAME@newest, NAME@b3:9f2c (the start of a digest) or b3:9f2c."
)
_HEX = re.compile("[0-9a-f]{4,64}")
# What begins so was meant as a number, not as an alias.
_NUMERIC = re.compile(r"v?[0-9]|[\^~<>=!*]")


@frozen
class Exact:
    """The version of this very number, build metadata included."""

    version: Version

    def __str__(self) -> str:
        return str(self.version)


@frozen
class InRange:
    """The highest version of a range."""

    range: Range

    def __str__(self) -> str:
        return str(self.range)


@frozen
class Alias:
    """The version that an alias stands at."""

    name: str = field()

    @name.validator
    def _is_alias(self, _: "Attribute[str]", name: str) -> None:
        check_alias(name)

    def __str__(self) -> str:
        return self.name


@frozen
class Latest:
    """The highest stable version."""

    def __str__(self) -> str:
        return LATEST


@frozen
class Newest:
    """The version that was registered last, a pre-release or not."""

    def __str__(self) -> str:
        return NEWEST


@frozen
class DigestPrefix:
    """The version whose digest begins so.

    Attributes:
        algorithm: ``b3`` or ``sha256``.
        hex: 4 to 64 lower-case hex digits.

    Raises:
        InvalidInputError: It is neither (kind ``BAD_REF``).
    """

    algorithm: str
    hex: str

    def __attrs_post_init__(self) -> None:
        """Hold both fields to the form."""
        if self.algorithm not in ALGORITHMS or not _HEX.fullmatch(self.hex):
            raise InvalidInputError(
                f"{quoted(str(self))} is not the start of a digest",
                kind=ErrorKind.BAD_REF,
                hint=f"Write {' or '.join(ALGORITHMS)}, ':' and 4 to 64 hex digits.",
            )

    @classmethod
    def parse(cls, text: str) -> "DigestPrefix":
        """Read ``b3:9f2c``; upper-case digits are accepted and lowered.

        Raises:
            InvalidInputError: It is not the start of a digest (kind ``BAD_REF``).
        """
        text = require_text(
            text, "a digest", limit=MAX_REF_LENGTH, kind=ErrorKind.BAD_REF
        )
        algorithm, _, digits = text.partition(":")
        return cls(algorithm, digits.lower())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


Selector = Exact | InRange | Alias | Latest | Newest | DigestPrefix


@frozen
class Ref:
    """A question that names a version.

    Attributes:
        name: The model; None asks all models, which only a digest can.
        selector: Which of its versions.

    Raises:
        InvalidInputError: The name is not one (kind ``BAD_NAME``), or missing
            where it is needed (``BAD_REF``).
    """

    name: str | None = field()
    selector: Selector

    @name.validator
    def _is_model_name(self, _: "Attribute[str | None]", name: str | None) -> None:
        if name is not None:
            check_model_name(name)

    def __attrs_post_init__(self) -> None:
        """Refuse a ref that asks all models for something other than a digest."""
        if self.name is None and not isinstance(self.selector, DigestPrefix):
            raise InvalidInputError(
                f"the ref '@{self.selector}' names no model",
                kind=ErrorKind.BAD_REF,
                hint=_HINT,
            )

    @classmethod
    def parse(cls, text: str) -> "Ref":
        """Read a ref; a bare name asks for its latest version.

        Raises:
            InvalidInputError: *text* is not a ref (kind ``BAD_REF``).
        """
        text = require_text(text, "a ref", limit=MAX_REF_LENGTH, kind=ErrorKind.BAD_REF)
        name, at, selector = text.partition("@")
        try:
            if not at:
                if ":" in text:
                    return cls(None, DigestPrefix.parse(text))
                return cls(name, Latest())
            return cls(name, _selector(selector))
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{quoted(text)} is not a ref: {error.message}",
                kind=ErrorKind.BAD_REF,
                hint=_HINT,
                ref=text,
            ) from error

    def __str__(self) -> str:
        """Return the text that :meth:`parse` reads back; ``@latest`` is spelt out."""
        return (
            str(self.selector) if self.name is None else f"{self.name}@{self.selector}"
        )


def _selector(text: str) -> Selector:
    if text == LATEST:
        return Latest()
    if text == NEWEST:
        return Newest()
    if ":" in text:
        return DigestPrefix.parse(text)
    if text != text.strip():
        # A range tolerates spaces; around a version they are a slip of the pen.
        raise InvalidInputError(
            f"{quoted(text)} begins or ends with a space",
            kind=ErrorKind.BAD_REF,
            hint=_HINT,
        )
    if is_version(text):
        return Exact(Version.parse(text))
    if _NUMERIC.match(text) or is_range(text):
        return InRange(Range.parse(text))
    return Alias(text)
