"""What models, aliases, statuses, tags, metrics and slices may be called.

Used at the desk for what a user says and by the codec for what a log entry
claims. Identifiers are lower-case ASCII, so that no two look alike and each can be
a part of a key; names of metrics and slices are the user's own words. Which names
exist is not known here.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

from modelver._values.paths import is_device_name
from modelver._values.ranges import is_range
from modelver._values.semver import is_version
from modelver._values.text import CONTROL, UNSEEN, quoted, require_text
from modelver.errors import ErrorKind, InvalidInputError

__all__ = [
    "LATEST",
    "MAX_ALIAS_LENGTH",
    "MAX_LABEL_LENGTH",
    "MAX_MODEL_NAME_LENGTH",
    "MAX_MODEL_NAME_PARTS",
    "MAX_TAG_KEY_LENGTH",
    "NEWEST",
    "check_alias",
    "check_metric_name",
    "check_model_name",
    "check_slice_name",
    "check_status",
    "check_tag_key",
    "check_text",
    "near",
]

MAX_MODEL_NAME_LENGTH = 200
MAX_MODEL_NAME_PARTS = 3
MAX_ALIAS_LENGTH = 64
MAX_TAG_KEY_LENGTH = 128
MAX_LABEL_LENGTH = 256
"""The longest name of a metric or a slice, in characters."""

LATEST = "latest"
"""The selector of the highest stable version; never an alias."""
NEWEST = "newest"
"""The selector of the version registered last; never an alias."""

_MODEL_PART = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?")
_WORD = re.compile(r"[a-z](?:[a-z0-9._-]*[a-z0-9])?")
_TAG_KEY = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/-]*[A-Za-z0-9_])?")

# More than is read as a version or a range today: that grammar may grow.
_VERSION_LIKE = re.compile(r"v[0-9]|x(?:\.x)*\Z")

_MODEL_HINT = (
    "Use lower-case letters a-z, digits, '.', '_' and '-', in up to "
    f"{MAX_MODEL_NAME_PARTS} parts joined by '/': 'fraud' or 'nlp/intent'."
)
_WORD_HINT = (
    "Begin with a letter a-z and go on with a-z, digits, '.', '_' and '-', "
    "for example 'production' or 'in-review'."
)

_NEAR = 5
_NEAR_SCANNED = 2000
_NEAR_LENGTH = 64


def _refused(
    text: str, what: str, why: str, hint: str, kind: ErrorKind = ErrorKind.BAD_NAME
) -> InvalidInputError:
    return InvalidInputError(
        f"{quoted(text)} cannot be {what}: {why}", kind=kind, hint=hint
    )


def _character(char: str) -> str:
    return f"{char!r} (U+{ord(char):04X})"


def _fault(text: str, pattern: re.Pattern[str], allowed: str) -> str | None:
    """Return why *text* does not match *pattern*, in words, or None if it does."""
    if pattern.fullmatch(text):
        return ".. is not allowed" if ".." in text else None
    if not text:
        return "it is empty"
    for char in text:
        if not (char.isascii() and (char.isalnum() or char in allowed)):
            return f"{_character(char)} is not allowed"
        if char.isupper() and not pattern.fullmatch(char):
            return f"{char!r} is not lower-case"
    return "it begins or ends with the wrong character, or is too long"


def check_model_name(text: str) -> str:
    """Return *text* if a model may be called so, unchanged.

    A name has one to three parts joined by ``/``. No part reads as a version or is
    a device on Windows.

    Raises:
        InvalidInputError: It may not (kind ``BAD_NAME``).
    """
    text = require_text(
        text, "a model name", limit=MAX_MODEL_NAME_LENGTH, kind=ErrorKind.BAD_NAME
    )
    fault = _model_name_fault(text)
    if fault is None:
        return text
    # Only a name that is itself good is worth proposing.
    proposal = re.sub("[^a-z0-9._/-]+", "-", text.lower())
    hint = _MODEL_HINT
    if proposal != text and _model_name_fault(proposal) is None:
        hint = f"{hint} {proposal!r} would do."
    raise _refused(text, "a model name", fault, hint)


def _model_name_fault(text: str) -> str | None:
    parts = text.split("/")
    if len(parts) > MAX_MODEL_NAME_PARTS:
        return f"it has {len(parts)} parts, and may have {MAX_MODEL_NAME_PARTS}"
    for part in parts:
        if not part and len(parts) > 1:
            return "one of its parts is empty"
        if fault := _fault(part, _MODEL_PART, "._-"):
            return fault
        if is_device_name(part):
            return f"{part!r} is a device on Windows"
        # `x` is a range as well, and a fine name all the same.
        if is_version(part) or (part.strip("x.") and is_range(part)):
            return f"{part!r} reads as a version"
    return None


def _check_word(text: str, what: str) -> str:
    text = require_text(text, what, limit=MAX_ALIAS_LENGTH, kind=ErrorKind.BAD_NAME)
    if fault := _fault(text, _WORD, "._-"):
        raise _refused(text, what, fault, _WORD_HINT)
    # Both become parts of keys, and keys become files.
    if is_device_name(text):
        raise _refused(text, what, "it is a device on Windows", _WORD_HINT)
    return text


def check_alias(text: str) -> str:
    """Return *text* if an alias may be called so, unchanged.

    Raises:
        InvalidInputError: It may not, or a ref would read it as something else
            (kind ``BAD_NAME``).
    """
    text = _check_word(text, "an alias")
    if text in (LATEST, NEWEST):
        why = f"every model has a {text} version already"
        raise _refused(text, "an alias", why, _WORD_HINT)
    if _VERSION_LIKE.match(text):
        raise _refused(text, "an alias", "it reads as a version", _WORD_HINT)
    return text


def check_status(text: str) -> str:
    """Return *text* if a status may be called so, unchanged.

    Raises:
        InvalidInputError: It may not (kind ``BAD_NAME``).
    """
    return _check_word(text, "a status")


def check_tag_key(text: str) -> str:
    """Return *text* if a tag may be called so, unchanged.

    Letters of both cases, digits and ``. _ - /`` in ASCII, at most 128.

    Raises:
        InvalidInputError: It may not (kind ``BAD_NAME``).
    """
    text = require_text(
        text, "a tag key", limit=MAX_TAG_KEY_LENGTH, kind=ErrorKind.BAD_NAME
    )
    if fault := _fault(text, _TAG_KEY, "._/-"):
        hint = "Use letters, digits, '.', '_', '-' and '/', for example 'data.source'."
        raise _refused(text, "a tag key", fault, hint)
    return text


def _check_label(text: str, what: str, example: str) -> str:
    text = require_text(text, what, limit=MAX_LABEL_LENGTH, kind=ErrorKind.BAD_NAME)
    hint = f"Use 1 to {MAX_LABEL_LENGTH} visible characters, for example {example!r}."
    if unseen := UNSEEN.search(text):
        why = f"{_character(unseen[0])} cannot be seen"
        raise _refused(text, what, why, hint)
    text = unicodedata.normalize("NFC", text)
    if not text or text != text.strip():
        why = "a space at the end cannot be seen" if text else "it is empty"
        raise _refused(text, what, why, hint)
    # Some characters are composed in NFC by being taken apart.
    return require_text(text, what, limit=MAX_LABEL_LENGTH, kind=ErrorKind.BAD_NAME)


def check_metric_name(text: str) -> str:
    """Return the name of a metric in Unicode form NFC.

    Raises:
        InvalidInputError: It is empty, longer than 256 characters, or has
            characters that cannot be seen (kind ``BAD_NAME``).
    """
    return _check_label(text, "a metric name", "auc")


def check_slice_name(text: str) -> str:
    """Return the name of a slice of data in Unicode form NFC.

    Raises:
        InvalidInputError: As for :func:`check_metric_name`.
    """
    return _check_label(text, "a slice name", "country=DE")


def check_text(text: str, what: str, limit: int) -> str:
    r"""Return free text as it is stored: with ``\n`` for ``\r\n``, else unchanged.

    Args:
        text: A description, message, note or reason; may be empty.
        what: What it is, with its article: ``"a description"``.
        limit: The most bytes that it may have in UTF-8.

    Raises:
        InvalidInputError: It is too long (kind ``TOO_LARGE``), cannot be encoded,
            or holds control characters other than ``\n`` and ``\t``
            (``BAD_VALUE``).
    """
    text = require_text(text, what, kind=ErrorKind.BAD_VALUE)
    if len(text) > limit:
        raise _too_large(what, len(text), limit)
    text = text.replace("\r\n", "\n")
    if control := CONTROL.search(text):
        raise InvalidInputError(
            f"{what} holds the control character {_character(control[0])}",
            kind=ErrorKind.BAD_VALUE,
            hint="Take it out; newlines and tabs may stay.",
        )
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{what} holds {_character(text[error.start])}, half a character",
            kind=ErrorKind.BAD_VALUE,
            hint="Read the text with the encoding that it was written in.",
        ) from error
    if size > limit:
        raise _too_large(what, size, limit)
    return text


def _too_large(what: str, size: int, limit: int) -> InvalidInputError:
    return InvalidInputError(
        f"{what} may have {limit:,} bytes, and this has at least {size:,}",
        kind=ErrorKind.TOO_LARGE,
        hint="Put long text into a file of the bundle, under docs/.",
    )


def near(word: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Return up to 5 of *candidates* that *word* may have meant, the closest first.

    Looks at the first 2,000 candidates and the first 64 characters of each.
    """
    # Only failing calls come here: the rest need not pay for the import.
    from difflib import get_close_matches  # noqa: PLC0415

    word = word[:_NEAR_LENGTH]
    short: dict[str, str] = {}
    for candidate in islice(candidates, _NEAR_SCANNED):
        short.setdefault(candidate[:_NEAR_LENGTH], candidate)
    found = get_close_matches(word, short, n=_NEAR)
    if word:
        found += [text for text in short if word in text and text not in found]
    return tuple(short[text] for text in found[:_NEAR])
