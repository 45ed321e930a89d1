"""Text on its way in and out: what may be shown, where, and how.

Everything that prints stored text goes through here, once per destination:
terminal, HTML, CSV. The functions know nothing of models or versions, and
nothing of files and streams either.
"""

import re

from modelver.errors import ErrorKind, InvalidInputError

__all__ = [
    "CONTROL",
    "UNSEEN",
    "csv_safe",
    "html_safe",
    "human_number",
    "human_size",
    "quoted",
    "require_text",
    "term_safe",
]

# A fixed list: str.isprintable() follows the Unicode tables of the running Python,
# and what one release accepts every other one must accept too.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\xad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # soft hyphen, joiner, fillers
    "\u061c\u180b-\u180f"  # Arabic letter mark, Mongolian separators
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, bidi, line separators
    "\ufeff\ufff0-\ufffb"  # byte order mark, annotations
    "\ud800-\udfff"  # lone surrogates: they cannot be encoded
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # musical controls, tags
)
UNSEEN = re.compile(f"[{_UNSEEN}]")
"""One character that is invisible, moves the cursor or turns the writing around."""

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""One control character other than a newline or a tab."""

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_MARKUP = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
)

# Spreadsheets read these as the start of a formula, the full-width forms too. A
# semicolon ends a cell where the decimal mark is a comma, whatever csv quoted.
_FORMULA = re.compile(r"(^|;)(\s*)([=+\-@\uff1d\uff0b\uff0d\uff20])")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_KIB = 1024


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    if code <= 0xFF:  # noqa: PLR2004 - the three widths of a Python escape
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


def _visible_but_layout(match: re.Match[str]) -> str:
    return match[0] if match[0] in "\n\t" else _visible(match)


def term_safe(text: str, *, multiline: bool = False) -> str:
    r"""Return *text* so that a terminal or a log shows it and does nothing else.

    Control, bidi and zero-width characters and lone surrogates become visible:
    ``\x1b``, ``\u202e``.

    Args:
        text: Any text at all.
        multiline: Keep newlines and tabs as they are.
    """
    return UNSEEN.sub(_visible_but_layout if multiline else _visible, text)


def html_safe(value: object) -> str:
    r"""Return ``str(value)`` for use between HTML tags or in a quoted attribute.

    Markup and quotes are escaped; what cannot be seen becomes visible as
    ``\u202e``. Newlines and tabs stay.
    """
    return term_safe(str(value), multiline=True).translate(_MARKUP)


def csv_safe(value: object) -> str:
    """Return ``str(value)`` as a CSV cell that no spreadsheet takes for a formula.

    Numbers stay as they are. Quoting is left to :mod:`csv`.
    """
    text = str(value)
    if _PLAIN_NUMBER.fullmatch(text):
        return text
    return _FORMULA.sub(r"\1\2'\3", term_safe(text, multiline=True))


def human_size(size: int) -> str:
    """Return a number of bytes in binary units: ``512 B``, ``2.0 GiB``."""
    if abs(size) < _KIB:
        return f"{size} B"
    value, unit = float(size), 0
    # 1,048,575 bytes are 1024.0 KiB to one decimal: go by what will be printed.
    while round(abs(value), 1) >= _KIB and unit < len(_UNITS) - 1:
        value /= _KIB
        unit += 1
    return f"{value:.1f} {_UNITS[unit]}"


def human_number(value: float) -> str:
    """Return a number to read: thousands marked, at most 6 significant decimals."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def quoted(value: object, limit: int = 80) -> str:
    """Return *value* as an error message shows it: its repr, never a long one.

    A long text is cut after *limit* characters and its length is said; of what is
    not text, only the type is named.
    """
    if not isinstance(value, str):
        return f"<{type(value).__name__}>"
    if len(value) <= limit:
        return repr(str.__str__(value))
    return f"{value[:limit]!r}... ({len(value):,} characters)"


def require_text(
    value: object, what: str, *, kind: ErrorKind, limit: int | None = None
) -> str:
    """Return *value* as a plain ``str`` of at most *limit* characters.

    Raises:
        InvalidInputError: It is not text, or too long; of the given kind.
    """
    if not isinstance(value, str):
        raise InvalidInputError(
            f"{what} is text, not {type(value).__name__}",
            kind=kind,
            hint=f"Pass {what} as a str.",
        )
    if limit is not None and len(value) > limit:
        raise InvalidInputError(
            f"{what} has at most {limit:,} characters, not {len(value):,}",
            kind=kind,
            hint=f"Shorten {quoted(value, 24)}.",
        )
    # Not str(value): a str-and-Enum member would give its own name.
    return str.__str__(value)
