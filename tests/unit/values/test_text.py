"""Text on its way out: nothing that is stored can act where it is shown."""

import csv
import io
from enum import Enum

import pytest

from modelver._values.text import (
    csv_safe,
    html_safe,
    human_number,
    human_size,
    quoted,
    require_text,
    term_safe,
)
from modelver.errors import ErrorKind, InvalidInputError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode, 模型, ❤️", "plain, ünïcode, 模型, ❤️"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("a\u200bb\ufeffc\u2028d", r"a\u200bb\ufeffc\u2028d"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("done\roops", r"done\roops"),
        ("a\nb\tc", r"a\nb\tc"),
    ],
    ids=ascii,
)
def test_terminal_text_shows_what_it_holds(text: str, shown: str) -> None:
    """Control, bidi and zero-width characters and surrogates become visible."""
    assert term_safe(text) == shown


def test_multiline_keeps_layout_only() -> None:
    """Newlines and tabs stay where asked for; a carriage return never does."""
    assert term_safe("a\n\tb\r\x1b", multiline=True) == "a\n\tb\\r\\x1b"


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("<img src=x onerror=a>", "&lt;img src=x onerror=a&gt;"),
        ("</script>", "&lt;/script&gt;"),
        ('"><svg', "&quot;&gt;&lt;svg"),
        ("' onclick='", "&#x27; onclick=&#x27;"),
        ("&lt;", "&amp;lt;"),
        ("a\x00\u202e\nb", "a\\x00\\u202e\nb"),
        (0.5, "0.5"),
        (None, "None"),
    ],
    ids=repr,
)
def test_html_shows_markup_as_text(value: object, escaped: str) -> None:
    """No value can open a tag, leave an attribute or turn the writing around."""
    assert html_safe(value) == escaped


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("  =1", "  '=1"),
        ("\t=1", "\t'=1"),
        ("\r=1", "\\r=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a;=1", "a;'=1"),
        ("a=b; c-d", "a=b; c-d"),
        ("-0.5", "-0.5"),
        (-0.5, "-0.5"),
        (1e-7, "1e-07"),
        (-3, "-3"),
        ("-", "'-"),
        ("-1\n", "'-1\n"),
        ("", ""),
    ],
    ids=repr,
)
def test_csv_cells_are_no_formulas(value: object, cell: str) -> None:
    """What a spreadsheet would run is marked as text; numbers stay numbers."""
    assert csv_safe(value) == cell


def test_csv_cells_survive_the_writer() -> None:
    """Quoting is the writer's, so that a cell is not quoted twice."""
    out = io.StringIO()
    csv.writer(out).writerow([csv_safe('say "hi",\nthen')])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == ['say "hi",\nthen']


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (2**20 - 1, "1.0 MiB"),
        (2 * 2**30, "2.0 GiB"),
        (2**53, "8.0 PiB"),
        (2**70, "1024.0 EiB"),
        (-2048, "-2.0 KiB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    """Bytes are shown in binary units, and 1024 of one are never shown."""
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (0.941234567, "0.941235"),
        (0.94, "0.94"),
        (1234.5, "1,234.5"),
        (float("nan"), "nan"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    """Numbers are shown with marked thousands and at most 6 significant digits."""
    assert human_number(value) == text


def test_quoted_is_never_long() -> None:
    """A message holds the beginning of a long text, and only the type of others."""
    assert quoted("a'b") == '"a\'b"'
    assert quoted("\x1b\u202e") == r"'\x1b\u202e'"
    assert quoted("a" * 1_000_000) == f"'{'a' * 80}'... (1,000,000 characters)"
    assert quoted(b"a" * 1_000_000) == "<bytes>"


def test_required_text_is_plain() -> None:
    """Subclasses of str give their text, whatever their str() says."""

    class Stage(str, Enum):  # noqa: UP042 - a StrEnum hides the fault
        PROD = "production"

    text = require_text(Stage.PROD, "a name", kind=ErrorKind.BAD_NAME)
    assert text == "production"
    assert type(text) is str


@pytest.mark.parametrize("value", [None, 3, b"a", "abcdef"], ids=repr)
def test_required_text_is_refused_with_the_given_kind(value: object) -> None:
    """What is not text, or too long, is bad in the way the caller says."""
    with pytest.raises(InvalidInputError, match="a name") as caught:
        require_text(value, "a name", kind=ErrorKind.BAD_NAME, limit=5)
    assert caught.value.kind is ErrorKind.BAD_NAME
    assert caught.value.hints
