"""Bundle paths: safe wherever they are created, and never two for one file."""

import time
import unicodedata
from typing import Any

import pytest

from modelver._values.paths import (
    MAX_PART_BYTES,
    MAX_PARTS,
    MAX_PATH_BYTES,
    check_bundle_path,
    check_no_collisions,
    is_device_name,
)
from modelver.errors import ErrorKind, InvalidInputError

GOOD = [
    "a",
    "weights/a.bin",
    "model-00001-of-00002.safetensors",
    "src/pkg/__init__.py",
    ".gitignore",
    ".github/workflows/ci.yml",
    "a..b",
    "a.b.c/.d",
    "..a",
    "...a",
    "some file (1).txt",
    "ünïcode/模型.onnx",
    "❤️.png",
    "console/auxiliary.py",
    "com10/lpt",
    "connect",
    "git~x",
    "~/x",
    "-rf",
    "%2e%2e/x",
    "loading….txt",
    "a/" * (MAX_PARTS - 1) + "a",
    "a" * MAX_PART_BYTES,
    "/".join(["a" * 204] * 5),
]

BAD = [
    "",
    ".",
    "..",
    "/",
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a/..",
    "a//b",
    "./a",
    "a/.",
    "a/",
    "//server/share",
    "‥/x",
    "\\x",
    "a\\..\\b",
    "\\\\server\\share",
    "C:\\x",
    "C:/x",
    "D:foo",
    "a:stream",
    "a*",
    "a?",
    'a"',
    "a<b",
    "a>b",
    "a|b",
    "CON",
    "con",
    "nul.txt",
    "NUL .txt",
    "aux/x",
    "x/PRN",
    "COM1",
    "com¹",
    "LPT9.tar.gz",
    "lpt0",
    "CONIN$",
    "clock$",
    "\uff43\uff4f\uff4e",  # full-width "con"
    "a.",
    "a./b",
    "a ",
    "a /b",
    " a",
    "b/ a",
    "a\u3000",
    "\u00a0a",
    "...",
    "a\x00b",
    "a\nb",
    "a\tb",
    "\x1b]52;c;aGk=\x07",
    "a\x7f",
    "a\x85b",
    "a\u202etxt.exe",
    "a\u200bb",
    "\ufeffa",
    "a\ud800",
    "e\u0301",
    ".git",
    ".git/config",
    "a/.GIT/hooks/x",
    "GIT~1",
    "git~12/x",
    ".g\u200cit/config",
    ".\uff47\uff49\uff54/config",  # full-width "git"
    ".git\ufe0f/x",
    "\ufe0f",
    "a" * (MAX_PART_BYTES + 1),
    "é" * 128,
    "/".join(["a" * 204] * 4 + ["a" * 205]),
    "a/" * MAX_PARTS + "a",
    "é/" * 63 + "é" * 450,
]


def _name(path: str) -> str:
    return ascii(path[:24]) + str(len(path))


@pytest.mark.parametrize("path", GOOD, ids=_name)
def test_safe_paths_come_back_unchanged(path: str) -> None:
    """What every system takes for what it says is accepted as it stands."""
    assert check_bundle_path(path) == path


@pytest.mark.parametrize("path", BAD, ids=_name)
def test_unsafe_paths_are_refused(path: str) -> None:
    """What any system would put elsewhere is refused, with a form that works."""
    with pytest.raises(InvalidInputError) as caught:
        check_bundle_path(path)
    assert caught.value.kind is ErrorKind.BAD_PATH
    assert "weights/a.bin" in caught.value.hints[0] or "Shorten" in str(
        caught.value.hints
    )
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("path", ["nul.txt", ".git", "a/./b", "é.", "x:y"])
def test_a_bad_part_is_found_at_any_place(path: str) -> None:
    """A part is bad at the front, in the middle and at the end, among any others."""
    for around in ("{}", "a/{}", "é/{}", "{}/a", "a/{}/b", "é/{}/é"):
        with pytest.raises(InvalidInputError):
            check_bundle_path(around.format(path))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/a", "is absolute"),
        ("a/../b", r"has '\.' or '\.\.' among"),
        ("a\u202e", "U\\+202E"),
        ("./a", r"has '\.' or '\.\.' among"),
        ("a//b", "has an empty part"),
        ("a:b", "holds ':'"),
        ("aux", "device"),
        (".git", "git keeps"),
        ("a ", "ends with a space"),
        ("e\u0301", "NFC"),
        ("", "is empty"),
    ],
    ids=ascii,
)
def test_the_message_says_why(path: str, why: str) -> None:
    """The first fault is named."""
    with pytest.raises(InvalidInputError, match=why):
        check_bundle_path(path)


@pytest.mark.parametrize("value", [None, 3, b"a/b"], ids=repr)
def test_what_is_not_text_is_refused(value: Any) -> None:
    """Bytes are no path."""
    with pytest.raises(InvalidInputError, match="a bundle path is text, not"):
        check_bundle_path(value)


def test_device_names() -> None:
    """A device is one in any case, with any ending; a word that begins so is not."""
    assert all(map(is_device_name, ["CON", "nul.txt", "Aux .x.y", "com³"]))
    assert not any(map(is_device_name, ["console", "null", "com", "a.con", "com12"]))


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"],
        ["a/B", "A/b"],
        ["README", "x", "readme"],
        ["straße", "STRASSE"],
        ["ﬁle", "file"],
        ["é", "É"],
        ["x²", "x2"],
        ["ß/a", "ss/A"],
        ["a", "a/b"],
        ["a/b/c", "A/B"],
        ["a", "a!", "a-b", "a/b"],
        ["K", "\u212a"],
        ["❤", "❤\ufe0f"],
    ],
    ids=ascii,
)
def test_collisions_are_refused(paths: list[str]) -> None:
    """Two names for one file, or a file that is a folder, in either order."""
    for order in (paths, paths[::-1]):
        with pytest.raises(InvalidInputError) as caught:
            check_no_collisions(order)
        assert caught.value.kind is ErrorKind.BAD_PATH
        first, second = caught.value.facts["paths"]
        assert {first, second} <= set(paths)
        assert repr(first) in caught.value.message
        assert repr(second) in caught.value.message


def test_case_never_tells_two_files_apart() -> None:
    """Every letter of Unicode collides with itself in upper and in lower case.

    Not so the dotless i, whose capital is another letter's: no file system that
    ignores case takes the two for one.
    """
    for code in range(0x1F000):
        letter = unicodedata.normalize("NFC", f"a{chr(code)}")
        for cased in (letter.upper(), letter.lower()):
            other = unicodedata.normalize("NFC", cased)
            if other not in (letter, "AI"):
                with pytest.raises(InvalidInputError):
                    check_no_collisions([letter, other])


@pytest.mark.parametrize(
    "paths",
    [[], ["a"], ["a/b", "a/c", "ab", "a.b"], ["a/b", "A/c"], ["a-", "a/b", "a0"]],
    ids=repr,
)
def test_different_files_do_not_collide(paths: list[str]) -> None:
    """Files of one folder, and names that only begin alike, are all kept."""
    check_no_collisions(iter(paths))


@pytest.mark.parametrize(
    "pattern", ["src/package_{}/module_{}.py", ".x/dossier-é{}/ünïts {}.py"], ids=ascii
)
def test_a_hundred_thousand_paths_are_quick(pattern: str) -> None:
    """Checking costs microseconds a path: a manifest's size is no weapon."""
    paths = [pattern.format(n % 100, n) for n in range(20_000)]
    start = time.process_time()
    for path in paths:
        check_bundle_path(path)
    check_no_collisions(paths)
    assert time.process_time() - start < 1.0  # five times what 100,000 in 1 s allow


def test_deep_paths_cost_no_more_than_their_length() -> None:
    """A thousand folders inside each of many paths neither hang nor fill memory."""
    paths = [f"{n:05d}/" + "/".join("a" * 500) for n in range(20_000)]
    start = time.process_time()
    check_no_collisions(paths)
    assert time.process_time() - start < 1.0


def test_path_limits_are_in_bytes() -> None:
    """Limits count UTF-8 bytes, as file systems do."""
    assert len(unicodedata.normalize("NFC", "é" * 127).encode()) < MAX_PART_BYTES
    check_bundle_path("é" * 127)
    with pytest.raises(
        InvalidInputError, match=f"longer than {MAX_PATH_BYTES:,} bytes"
    ):
        check_bundle_path("/".join(["é" * 120] * 5))
