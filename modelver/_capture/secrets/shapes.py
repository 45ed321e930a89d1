"""What a value looks like: made up by a machine, written by a person, or a stand-in.

Everything here is linear in the length of what it is given, and callers give it a few
hundred characters at most.
"""

import re
from collections import Counter
from itertools import pairwise
from math import log2
from typing import Final

# A value that holds one of these is an example for people to replace.
_STAND_INS: Final = (
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "redacted",
    "replace",
    "insert",
    "your",
    "dummy",
    "fake",
    "mock",
    "fixme",
    "todo",
    "xxx",
    "***",
    "...",
    "\u2026",
    "1234567890",
    "0123456789",
    "abcdefgh",
    "deadbeef",
    "eby8vdm02xnocqfl",  # of Azure's emulator: the same everywhere
)


def word_set(text: str) -> frozenset[str]:
    """Return the words of *text*."""
    return frozenset(text.split())


# Values of passwords that everybody knows, and words that stand where one would.
_WORDS: Final = word_set(
    """
    abc123 access_token admin admin123 any anonymous apikey api_key auth
    authorization bar basic baz bearer bool boolean bytes client_secret default
    disabled empty enabled false float foo foobar function guest hidden hunter2 int
    integer key letmein login master minio minio123 minioadmin mypass mypassword
    mysecret mysql no none null object off on optional pass passphrase passwd
    password password1 password123 postgres private prompt public pw pwd pass123
    qwerty rabbitmq readonly required root s3cr3t s3cret secret secret123 secretkey
    secretpassword static str string sudo supersecret test test123 test1234 tester
    testing testpass testpassword text token true undefined unknown unset user
    username value welcome world yes
    """
)
# What names a value that is kept elsewhere, or is computed.
_REFERENCES: Final = (
    "$",
    "%",
    "<",
    "{",
    "#",
    "@",
    "&",
    "(",
    "[",
    "!",
    "/",
    "./",
    "~",
    "\\",
    "*",
    "arn:",
    "azurekeyvault",
    "config",
    "context.",
    "data:",
    "env",
    "file:",
    "getenv",
    "getpass",
    "gsm:",
    "http:",
    "https:",
    "keyring",
    "keyvault",
    "op:",
    "os.",
    "process.",
    "projects/",
    "ref+",
    "s3:",
    "secrets.",
    "secretsmanager",
    "self.",
    "settings.",
    "sha256-",
    "sha384-",
    "sha512-",
    "ssm:",
    "sys.",
    "vault",
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-fA-F]++")
_PRINTED = re.compile(r"[!-~]++")
_BETWEEN = re.compile(r"[^A-Za-z0-9]+")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]|[0-9]+")
_DIGIT_THEN_LETTER = re.compile(r"[0-9][A-Za-z]")
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
_SHORT_WORD: Final = 3
_TWO: Final = 2
_FEW_DIGITS: Final = 2
_LONGEST_NUMBER: Final = 4
_LONGEST_CAPITALS: Final = 12
_FEW: Final = 5


def is_stand_in(value: str) -> bool:
    """Return whether *value* stands for one that is to be put in: ``xxx``, ``<token>``.

    So does one that is made of a few characters only, such as ``00000000``.
    """
    low = value.lower()
    if any(word in low for word in _STAND_INS):
        return True
    return len(value) >= 2 * _FEW and len(set(low)) < _FEW


def is_reference(value: str) -> bool:
    """Return whether *value* says where a secret is kept, or how to compute one."""
    low = value.lower()
    return low.startswith(_REFERENCES) or ("{" in value and "}" in value)


def is_known_word(value: str) -> bool:
    """Return whether *value* is a password that keeps nobody out, or no password."""
    low = value.lower().strip("_-. ")
    return low in _WORDS or low.startswith(("passw", "test_", "test-", "fake", "mock"))


def is_uuid(value: str) -> bool:
    """Return whether *value* is written as a UUID."""
    return _UUID.fullmatch(value) is not None


def is_hex(value: str) -> bool:
    """Return whether *value* is made of hexadecimal digits."""
    return _HEX.fullmatch(value) is not None


def entropy(value: str) -> float:
    """Return Shannon's entropy of the characters, in bits for each."""
    counts = Counter(value).values()
    return -sum(n / len(value) * log2(n / len(value)) for n in counts)


def turns(value: str) -> float:
    """Return how often the kind of character changes: small, capital, digit, other.

    Random base 64 changes at two of three places, words and paths at one of four.
    """
    kinds = [
        0 if c.islower() else 1 if c.isupper() else 2 if c.isdigit() else 3
        for c in value
    ]
    changes = sum(a != b for a, b in pairwise(kinds))
    return changes / max(1, len(kinds) - 1)


def is_wordy(value: str) -> bool:
    """Return whether *value* is put together from words and small numbers.

    ``my-secret-name``, ``projects/p1/secrets/db``, ``BatchNorm2d``; not ``q8Zt0kPw``.
    """
    if len(_DIGIT_THEN_LETTER.findall(value)) > _FEW_DIGITS:
        return False
    letters = words = strange = 0
    for part in _PARTS.findall(value):
        if part.isdigit():
            if len(part) > _LONGEST_NUMBER:
                return False
            continue
        if part.isupper() and len(part) > _LONGEST_CAPITALS:
            return False
        words += 1
        letters += len(part)
        # "html" is a word too, but who has two of its kind?
        strange += len(part) > _SHORT_WORD and not _VOWEL.search(part)
    return (
        words > 0
        and strange < _TWO
        and letters >= 3 * words
        and letters * 2 > len(value)
    )


def is_random(value: str, least: int = 16) -> bool:
    """Return whether *value* was most likely made up by a machine.

    Args:
        value: Without its quotes.
        least: Characters that it must have.
    """
    if len(value) < least or not _PRINTED.fullmatch(value):
        return False
    if is_stand_in(value) or is_reference(value) or is_wordy(value):
        return False
    low = value.lower()
    if len(value) < _LONG and any(word in low for word in _SAYS_SO):
        return False
    digits = sum(c.isdigit() for c in value)
    if not digits or digits == len(_BETWEEN.sub("", value)):
        # A number is an id or a count; a long run of mixed letters may still be one.
        return not digits and len(value) >= 2 * least and turns(value) > _MIXED
    return is_hex(value) or is_uuid(value) or entropy(value) > _BITS


# What a person calls a secret that is none: "s3cr3t-of-jenkins", "test-token-1".
_SAYS_SO: Final = ("secret", "s3cr3t", "s3cret", "passw", "token", "test")
_LONG: Final = 24
_MIXED: Final = 0.4
_BITS: Final = 2.8
