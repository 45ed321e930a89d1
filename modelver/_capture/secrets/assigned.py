"""Values that are secret because of what they are assigned to, and random ones.

The words are found by ``bytes.find``; what stands around a word is looked at by
expressions that are anchored there and bounded.
"""

import re
from collections.abc import Iterator
from typing import Final

from modelver._capture.secrets.named import is_secret, kind_of
from modelver._capture.secrets.shapes import (
    entropy,
    is_hex,
    is_random,
    is_reference,
    is_stand_in,
    is_wordy,
    turns,
    word_set,
)
from modelver._capture.secrets.tokens import Found

_CLUES: Final = (b"pass", b"pwd", b"secret", b"token", b"key", b"auth", b"cred")
# How a name ends that says something, before all else: most names do not.
_LAST: Final = (
    *(b"pass", b"password", b"passwd", b"passphrase", b"passwort", b"pwd", b"pw"),
    *(b"secret", b"secrets", b"sshpass", b"token", b"key", b"auth", b"authorization"),
    *(b"bearer", b"credential", b"credentials", b"creds", b"pat"),
)
_TAIL: Final = b"0123456789_-."
_NAME: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
_NAME_LEFT: Final = 60
_NAME_RIGHT = re.compile(rb"[\w.-]{0,40}")
# Between a name and its value: the end of a quoted name, a type, and a sign.
_SIGN = re.compile(
    rb"""(?P<quoted>\\?["'`]?)[\]\)]?[ \t]{0,20}
    (?: :[ \t]{0,4}(?P<type>[A-Za-z_][\w.\[\]|\x20"]{0,40}?)[ \t]{0,4}=(?!=)
      | (?P<sign> := | => | [=!]= | = | : | , )
      | (?P<xml>>) | (?P<space>)(?<=[ \t])(?=\S) )
    [ \t]{0,20} (?P<scheme>(?i:bearer|token|apikey)[ \t]{1,4})?""",
    re.VERBOSE,
)
_QUOTED = re.compile(
    rb"""(?:[rbuRBU]{0,2})(?P<mark>\\?(?:"""
    rb"""\"{3}|'{3}|["'`]))(?P<value>[^"'`\r\n]{1,200}?)(?P=mark)"""
)
_BARE = re.compile(rb"""[^\s"'`,;<>|&)}\]]{4,160}""")
_SHELL_NAME = re.compile(rb"--[\w-]{1,60}")
# In these a value without quotes is a name or a call, and no value.
_PROGRAMS: Final = word_set(
    "c cc cjs cpp cs css cu cuh cxx diff go h hpp htm html ipynb java jl js json jsonl "
    "jsx kt lua mjs patch php pl proto py pyi pyx r rb rs scala scss swift ts tsx vue"
)
_PROSE: Final = word_set("adoc license log markdown md org readme rst tex text txt")
_SETTINGS: Final = word_set("cfg conf env ini properties toml yaml yml")


CALLED: Final = "a value of "
RANDOM: Final = "a random text, as keys are"


def assigned(data: bytes, path: str, *, strict: bool = False) -> Iterator[Found]:
    """Yield what :func:`_assigned` does; of a patch, file by file."""
    if not path.endswith((".patch", ".diff")):
        yield from _assigned(data, path, strict=strict)
        return
    start = 0
    while start < len(data):
        end = data.find(_FILE_OF_PATCH, start + 1)
        end = len(data) if end < 0 else end
        section = data[start:end]
        name = _NAME_OF_PATCH.search(section, 0, _PATCH_HEAD)
        inner = path if name is None else name[1].decode("utf-8", "replace")
        for at, what in _assigned(section, inner, strict=strict):
            yield start + at, what
        start = end


_FILE_OF_PATCH: Final = b"\ndiff --git "
_NAME_OF_PATCH = re.compile(
    rb"^(?:\+\+\+ b|diff --git a)/([^\n\t ]{1,300})", re.MULTILINE
)
_PATCH_HEAD: Final = 2000


def _assigned(data: bytes, path: str, *, strict: bool) -> Iterator[Found]:
    """Yield the literals that are assigned to a name that says they are secret.

    Args:
        data: UTF-8.
        path: Its ending says whether values stand without quotes.
        strict: It is a configuration: a password may be a word.
    """
    reader = _Reader(data, path, strict=strict)
    low = data.lower()
    for clue in _CLUES:
        at = low.find(clue)
        while at >= 0:
            end = reader.name_end(at)
            last = low[at:end].rstrip(_TAIL).endswith(_LAST)
            found = reader.value_at(at, end) if last else None
            if found is not None:
                yield at, found
            at = low.find(clue, end)


class _Reader:
    def __init__(self, data: bytes, path: str, *, strict: bool) -> None:
        ending = path.rpartition("/")[2].rpartition(".")[2].lower()
        self._data = data
        self._program = ending in _PROGRAMS
        self._prose = ending in _PROSE
        self._strict = ending in _SETTINGS or (strict and ending == "json")
        self._tests = _TESTS.search(path.lower()) is not None

    def name_end(self, at: int) -> int:
        match = _NAME_RIGHT.match(self._data, at)
        assert match is not None  # noqa: S101 - it matches nothing, too
        return match.end()

    def value_at(self, at: int, end: int) -> str | None:
        """Return what the secret behind the name that ends at *end* looks like."""
        data = self._data
        sign = _SIGN.match(data, end)
        if sign is None:
            return None
        left = data[max(0, at - _NAME_LEFT) : at]
        begin = at - (len(left) - len(left.rstrip(_NAME)))
        name = data[begin:end].decode("ascii", "replace").rstrip(".-")
        value = None
        if kind_of(name) and self._holds(sign, begin):
            value = self._value(
                name, begin, sign.end(), scheme=sign["scheme"] is not None
            )
        if value is None or value == name:
            return None
        made = not self._tests or is_random(value, _LEAST_IN_TESTS)
        if made and is_secret(name, value, strict=self._strict):
            return f"{CALLED}{_shown(name)}"
        return None

    def _holds(self, sign: "re.Match[bytes]", begin: int) -> bool:
        """Return whether what stands between name and value makes sense there."""
        before = self._data[max(0, begin - 1) : begin]
        if before == b":" and b":" in (sign["sign"], self._data[begin - 2 : begin - 1]):
            return False  # a part of a name such as an ARN, or a type in a schema
        if sign["space"] is not None:
            return self._data[max(0, begin - 2) : begin].endswith(b"-") or (
                self._data[begin : begin + 2] == b"--"
            )
        if sign["xml"] is not None:
            return self._data[begin - 1 : begin] == b"<"
        if sign["sign"] != b",":
            return True
        # Two texts side by side: the first one is all name, and the second is a text.
        following = self._data[sign.end() : sign.end() + 1]
        return before == sign["quoted"] and following in (b"'", b'"')

    def _value(self, name: str, begin: int, at: int, *, scheme: bool) -> str | None:
        """Return the literal at *at*, if there is one."""
        match = _QUOTED.match(self._data, at)
        if match is not None:
            return match["value"].decode("utf-8", "replace")
        match = _BARE.match(self._data, at)
        if match is None:
            return None
        value = match[0].decode("utf-8", "replace").rstrip(".\\")
        if "(" in value or "=" in value.rstrip("="):
            return None
        if self._program:
            # A shell's assignment or a connection string in a text; or what can be no
            # name and no call.
            shell = name.isupper() and self._data[at - 1 : at] == b"="
            given = shell or self._data[begin - 1 : begin] in _PARAMETERS or scheme
            return value if given or (is_hex(value) and is_random(value)) else None
        if self._prose and not (is_random(value, _LEAST_IN_PROSE) or _is_mixed(value)):
            return None
        return value


_PARAMETERS: Final = (b";", b"?", b"&")
# Tests log in with passwords that they made up; a real one would be a real key.
_TESTS = re.compile(
    r"(?:^|/)(?:tests?|testing|fixtures)/|(?:^|/)(?:test_|conftest\.)|_test\."
)
_LEAST_IN_TESTS: Final = 20
_LEAST_IN_PROSE: Final = 16


def _is_mixed(value: str) -> bool:
    """Return whether it has letters, digits and signs, as no other word has."""
    kinds = {c.isalpha() - c.isdigit() for c in value}
    return len(value) >= _LEAST_MIXED and len(kinds) == len((-1, 0, 1))


_LEAST_MIXED: Final = 8


def _shown(name: str) -> str:
    """Return a name for people; one that may be a secret itself is not shown."""
    return (
        repr(name) if len(name) <= _LONGEST_SHOWN and not is_random(name) else "a name"
    )


_LONGEST_SHOWN: Final = 40

_LITERAL = re.compile(
    rb"""(?P<mark>["'])(?P<value>[A-Za-z0-9+/_-]{32,128}={0,2})(?P=mark)"""
)
# What a long random text is called where it is no secret.
_HARMLESS = re.compile(
    rb"(?i:hash|digest|sha\d|md5|sum\b|integrity|etag|finger|signature|public|pub_?key"
    rb"|cert|uuid|guid|nonce|data|image|png|svg|icon|b64|base64|expected|commit|rev"
    rb"|version|url|path|file|src|href|sitekey|tracking|name|marker|content|message"
    rb"|cursor|continuation|challenge|verifier|(?<![a-z])ids?\b)|I[dD]\b"
)
# JSON, and keys and certificates as ASN.1, in base 64: their beginnings say so.
_STRUCTURED: Final = ("eyJ", "eyA", "ey0", "MFk", "MII", "MIG", "MEU", "iVBOR", "AAAA")
_ASSIGNED = re.compile(rb"([\w.-]{1,60})\\?[\"'\]]{0,2}[ \t]{0,8}(?::=|=|:)[ \t]{0,8}$")
_LONG_HEX = re.compile(r"[0-9a-f]{12}")
_CONTEXT: Final = 80
_RANDOM_BITS: Final = 4.3
_RANDOM_TURNS: Final = 0.45


def random_literals(data: bytes) -> Iterator[Found]:
    """Yield quoted base 64 that is assigned to something, and looks like a key.

    Hexadecimal digits, UUIDs, and everything that is called a hash, an id or data is
    passed over; so is what stands in a list, as tables of such values do.
    """
    for match in _LITERAL.finditer(data):
        value = match["value"].decode()
        if (
            is_hex(value)
            or turns(value) < _RANDOM_TURNS
            or entropy(value) < _RANDOM_BITS
            or not any(c.isdigit() for c in value)
            or is_wordy(value)
            or is_stand_in(value)
            or is_reference(value)
            or value.startswith(_STRUCTURED)
            or _LONG_HEX.search(value)
        ):
            continue
        before = data[max(0, match.start() - _CONTEXT) : match.start()]
        name = _ASSIGNED.search(before[before.rfind(b"\n") + 1 :])
        if name is not None and not _HARMLESS.search(name[1]):
            yield match.start("value"), RANDOM
