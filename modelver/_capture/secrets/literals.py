"""Secrets that a literal gives away: private keys, passwords in URLs, signatures."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from attrs import frozen

from modelver._capture.secrets.shapes import (
    entropy,
    is_known_word,
    is_reference,
    is_stand_in,
    is_wordy,
)

Judge = Callable[[bytes, int], str | None]


@frozen
class Literal:
    """What to look for, and what tells whether it is a secret.

    Attributes:
        text: Found by ``bytes.find``.
        judge: Returns what a secret at this place looks like, or None; in bounded time.
    """

    text: bytes
    judge: Judge


def begins(data: bytes, at: int) -> bool:
    r"""Return whether a word may begin at *at*.

    Not in the middle of another one, but behind the escapes that JSON, URLs and
    programs write: ``\n``, ``%3D``, ``\u0022``.
    """
    if at == 0 or data[at - 1] not in _WORD or data[at] not in _WORD:
        return True
    return (
        data[at - 2 : at - 1] == b"\\"
        or data[at - 3 : at - 2] == b"%"
        or data[at - 6 : at - 4] in (b"\\u", b"\\x")
    )


_WORD: Final = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)
# Tokens of introductions, which are in every text about them.
_KNOWN_JWT: Final = (
    b".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4g",
    b".eyJzb21lIjoicGF5bG9hZCJ9.",
    b".eyJrIjoidmFsdWUifQ.",
)


def unbase64(text: bytes) -> bytes:
    """Return what *text* holds in base 64, or nothing."""
    text = text.rstrip(b"=").translate(_TO_PLAIN)
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


_TO_PLAIN: Final = bytes.maketrans(b"-_", b"+/")


def jwt_header(token: bytes) -> bool:
    """Return whether *token* has the header of a JSON web token, and is nobody's."""
    if any(known in token for known in _KNOWN_JWT):
        return False
    try:
        header = json.loads(unbase64(token.partition(b".")[0]))
    except ValueError:
        return False
    return isinstance(header, dict) and "alg" in header


_PEM = re.compile(rb"(?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(rb"[A-Za-z0-9+/]{40}")
_PEM_LABEL: Final = 64
_PEM_HEAD: Final = 400


def _pem(data: bytes, at: int) -> str | None:
    """Judge ``PRIVATE KEY``; programs that read keys name it and hold none."""
    begin = data.rfind(b"-----BEGIN ", max(0, at - _PEM_LABEL), at)
    match = None if begin < 0 else _PEM.match(data, begin + len(b"-----BEGIN "))
    if match is None:
        return None
    head = data[match.end() : match.end() + _PEM_HEAD].partition(b"-----END")[0]
    # JSON and programs write the line breaks as escapes, which look like base 64.
    head = head.replace(b"\\n", b"\n").replace(b"\\r", b"\n")
    body = _BODY.search(head)
    return "a private key" if body and entropy(body[0].decode()) > _KEY_BITS else None


_CODED = re.compile(rb"[A-Za-z0-9+/]{40,1000}={0,2}")


def _coded(data: bytes, at: int) -> str | None:
    """Judge base 64 of what begins like a key or an account, as Kubernetes has it."""
    match = _CODED.match(data, at)
    if match is None:
        return None
    # Cut to whole groups: more may follow than was matched.
    said = unbase64(match[0].rstrip(b"=")[: len(match[0]) // 4 * 4])
    key = said.find(b"PRIVATE KEY")
    return None if key < 0 else _pem(said, key)


_KEY_BITS: Final = 3.5
_LEAST_BITS: Final = 3.0  # hexadecimal digits have 4 at most
_USERINFO = re.compile(
    rb"://([^\s/?#@:\"'<>\\`,]{0,100}):([^\s/?#@\"'<>`\[\](),]{1,200})@([\w.\[\]-]{1,100})"
)
_TOKEN_USER = re.compile(rb"://([\w.~%+-]{20,200})@")
_NOWHERE = re.compile(
    r"(?:.*\.)?(?:example(?:\.\w+)?|invalid|test)|host(?:name)?|domain(?:\.\w+)?|server"
)


def _userinfo(data: bytes, at: int) -> str | None:
    """Judge ``://``: a password in front of a host."""
    match = _USERINFO.match(data, at)
    if match is None:
        lone = _TOKEN_USER.match(data, at)
        if lone is None:
            return None
        token = lone[1].decode("ascii", "replace")
        random = not (is_stand_in(token) or is_wordy(token)) and entropy(token) > 3  # noqa: PLR2004
        return "a URL with a token in it" if random else None
    user, password, host = (
        unquote(part.decode(errors="replace")) for part in match.groups()
    )
    if (
        is_stand_in(password)
        or is_known_word(password)
        or is_reference(password)
        or password == user
        or _NOWHERE.fullmatch(host.lower())
        or " " in password
        # fsspec names an owner, a repository and a commit in this way.
        or data[max(0, at - 6) : at] == b"github"
        or len(password) < _SHORT
    ):
        return None
    return "a URL with a password in it"


_SHORT: Final = 4
_BASIC = re.compile(rb"\s{1,3}([A-Za-z0-9+/]{8,300}={0,2})(?![\w+/=])")
_PRINTED = re.compile(r"[ -~]+")


def _basic(data: bytes, at: int) -> str | None:
    """Judge ``Basic``: name and password, as HTTP sends them."""
    match = _BASIC.match(data, at + len("Basic"))
    if match is None:
        return None
    said = unbase64(match[1]).decode("utf-8", "replace")
    user, colon, password = said.partition(":")
    if not colon or not _PRINTED.fullmatch(said) or len(password) < _SHORT:
        return None
    # The example of the standard is in half of all texts about it.
    if user == "Aladdin" or is_stand_in(password) or is_known_word(password):
        return None
    return "an HTTP password (basic authentication)"


_AWS_SECRET = re.compile(
    rb"(?:ecret|ECRET)[_-]?[Aa](?:ccess|CCESS)[_-]?[Kk](?:ey|EY)"
    rb"\W{1,12}?(?<![\w+/])([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])"
)


def _aws(data: bytes, at: int) -> str | None:
    match = _AWS_SECRET.match(data, at)
    value = "" if match is None else match[1].decode()
    if not value or is_stand_in(value) or entropy(value) < _KEY_BITS:
        return None
    return "an AWS secret access key"


_SIGNATURE = re.compile(rb"(?:[0-9a-f]{64}|[A-Za-z0-9%+/_-]{40,700})={0,2}")


def _signed(data: bytes, at: int) -> str | None:
    """Judge ``sig=`` and its like: a link that opens what it names."""
    if data[at - 1 : at] not in (b"?", b"&", b";", b"-", b"6"):
        return None
    match = _SIGNATURE.match(data, data.index(b"=", at) + 1)
    value = "" if match is None else match[0].decode()
    if not value or is_stand_in(value) or entropy(value) < _KEY_BITS:
        return None
    return "a signed URL"


_AZURE = re.compile(rb"[\w~.-]{3}[0-9]Q~([\w~.-]{31,34})(?![\w~.-])")
_TELEGRAM = re.compile(rb"(?<![0-9])[0-9]{8,10}:AA([\w-]{33})(?![\w-])")


def _before(shape: str, what: str) -> Judge:
    """Return a judge of a literal that a token begins with."""
    whole = re.compile(shape.encode())

    def judge(data: bytes, at: int) -> str | None:
        match = whole.match(data, at)
        value = "" if match is None else match[1].decode()
        if not value or is_stand_in(value):
            return None
        return what if entropy(value) > _LEAST_BITS else None

    return judge


def _behind(shape: "re.Pattern[bytes]", most: int, what: str) -> Judge:
    """Return a judge of a literal in the middle of a token."""

    def judge(data: bytes, at: int) -> str | None:
        match = shape.search(data, max(0, at - most), at + _LONGEST)
        value = "" if match is None else match[1].decode()
        return what if value and not is_stand_in(value) else None

    return judge


_STORAGE: Final = r"AccountKey=([A-Za-z0-9+/]{86}==)"
_ACCESS: Final = r"AccessKey=([A-Za-z0-9+/]{43}=)"
_SLACK: Final = r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/]{30,200})"
_DISCORD: Final = r"/api/webhooks/[0-9]{17,20}/([\w-]{60,100})"
_REFRESH: Final = r"1//0([\w-]{40,200})"
# Keys without a shape of their own: Weights & Biases, Datadog, Heroku and others.
_BY_NAME: Final = (
    r"_API_KEY\\?[\"']?\]?\s{0,4}[=:]\s{0,4}\\?[\"']?"
    r"([0-9a-f]{32,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![\w-])"
)
_LONGEST: Final = 64
LITERALS: Final = (
    Literal(b"PRIVATE KEY", _pem),
    # "-----BEGIN ", and how the file of a service account begins.
    Literal(b"LS0tLS1CRUdJTi", _coded),
    Literal(b"ICJ0eXBlIjog", _coded),
    Literal(b"eyJ0eXBlIjog", _coded),
    Literal(b"://", _userinfo),
    Literal(b"Basic ", _basic),
    Literal(b"basic ", _basic),
    Literal(b"ecret", _aws),
    Literal(b"ECRET", _aws),
    Literal(b"_API_KEY", _before(_BY_NAME, "an API key")),
    Literal(b"sig=", _signed),
    Literal(b"Signature=", _signed),
    Literal(b"Q~", _behind(_AZURE, 4, "an Azure client secret")),
    Literal(b"AccountKey=", _before(_STORAGE, "an Azure storage key")),
    Literal(b"AccessKey=", _before(_ACCESS, "an Azure access key")),
    Literal(b"hooks.slack.com/", _before(_SLACK, "a Slack webhook")),
    Literal(b"/api/webhooks/", _before(_DISCORD, "a Discord webhook")),
    Literal(b"1//0", _before(_REFRESH, "a Google OAuth refresh token")),
    Literal(b":AA", _behind(_TELEGRAM, 10, "a Telegram bot's token")),
)
