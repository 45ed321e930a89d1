"""Command lines and texts without the secrets in them, for a record to keep."""

import re
from collections.abc import Sequence
from typing import Final

from modelver._capture.secrets.find import find_secrets
from modelver._capture.secrets.hit import MOST_HITS
from modelver._capture.secrets.named import Kind, kind_of, words_of
from modelver._capture.secrets.shapes import is_reference
from modelver._capture.secrets.values import HIDDEN

_OPTION = re.compile(r"-{1,2}[A-Za-z][\w.-]{0,100}|/[A-Za-z][\w.-]{0,100}(?=:)")
_ASSIGNMENT = re.compile(
    r"((?:--?|\+\+?)?[A-Za-z_][\w.\[\]-]{0,200})([=:])(.*)", re.DOTALL
)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s\"'<>]*)")
# Short options that take a password, by program.
_SHORT: Final = {
    "mysql": ("-p",),
    "mysqldump": ("-p",),
    "mariadb": ("-p",),
    "sshpass": ("-p",),
    "docker": ("-p",),
    "podman": ("-p",),
    "redis-cli": ("-a",),
    "curl": ("-u", "--user", "-H", "--header", "-U", "--proxy-user"),
    "wget": ("--http-password", "--header"),
    "http": ("-a",),
    "https": ("-a",),
    "mongosh": ("-p",),
    "mongo": ("-p",),
    "7z": ("-p",),
    "unzip": ("-P",),
    "zip": ("-P",),
    "smbclient": ("-U",),
    "twine": ("-p",),
    "az": ("-p",),
}
_GLUED: Final = frozenset({"mysql", "mysqldump", "mariadb", "sshpass", "7z", "mongo"})


def scrub_words(words: Sequence[str]) -> list[str]:
    """Return a command line in which ``***`` stands for every secret.

    Hidden are the values of options and variables that are called like secrets
    (``--token X``, ``--password=X``, ``API_KEY=X``), passwords that known programs take
    by a short option, tokens by their shape, and userinfo, query and fragment of URLs.
    References stay: ``--token $TOKEN`` says where it is, not what it is.
    """
    scrubbed: list[str] = []
    programs = {word.replace("\\", "/").rpartition("/")[2] for word in words}
    short = {o for name in programs for o in _SHORT.get(name, ())}
    glued = bool(programs & _GLUED)
    hide = False
    for word in words:
        if hide and not (_OPTION.fullmatch(word) and kind_of(word) is not Kind.NONE):
            hide = False
            scrubbed.append(word if is_reference(word) else HIDDEN)
            continue
        hide = word in short or (_OPTION.fullmatch(word) is not None and _tells(word))
        if glued and word.startswith("-p") and not word.startswith("--") and word[2:]:
            scrubbed.append(f"-p{HIDDEN}")
            continue
        scrubbed.append(_scrub_word(word))
    return scrubbed


def _tells(name: str) -> bool:
    """Return whether the value of an option is secret by the option's name."""
    kind = kind_of(name)
    bare = words_of(name) in (["token"], ["auth"], ["pass"], ["pw"], ["bearer"])
    return kind > Kind.MAYBE or bare


def _scrub_word(word: str) -> str:
    match = _ASSIGNMENT.fullmatch(word)
    if match is not None:
        name, sign, value = match.groups()
        if value and not is_reference(value.strip()) and _tells(name.lstrip("+")):
            return f"{name}{sign}{HIDDEN}"
    return scrub_text(word)


def scrub_text(text: str) -> str:
    """Return *text* in which ``***`` stands for every secret that can be told.

    URLs lose userinfo, query and fragment. Of a line with a token or a password only
    what stands before that word is kept, and of a text with a private key only what
    stands before the key.
    """
    text = _URL.sub(_scrub_url, text)
    data = text.encode("utf-8", "replace")
    hits = find_secrets(data, ".cfg", thorough=True)
    if not hits:
        return text
    kept: list[bytes] = []
    places = {hit.line: hit for hit in reversed(hits)}  # of a line the first one
    last = hits[-1].line if len(hits) == MOST_HITS else 0
    for number, line in enumerate(data.split(b"\n"), 1):
        hit = places.get(number)
        if hit is None:
            kept.append(line)
            continue
        begin, ends = hit.column - 1, hit.what == "a private key"
        if ends:
            begin = max(0, line.rfind(b"-----BEGIN", 0, begin))
        kept.append(_before(line, begin) + HIDDEN.encode())
        if ends or number == last:
            break
    return b"\n".join(kept).decode("utf-8", "replace")


_BREAK: Final = re.compile(rb"[\s\"'<>(),;]")


def _before(line: bytes, at: int) -> bytes:
    """Return what stands before the word that holds *at*."""
    begins = [match.end() for match in _BREAK.finditer(line, 0, at)]
    return line[: begins[-1]] if begins else b""


def _scrub_url(match: "re.Match[str]") -> str:
    scheme, rest = match.groups()
    place, mark = rest, ""
    for sign in "?#":
        head, found, _ = place.partition(sign)
        if found:
            place, mark = head, f"{sign}{HIDDEN}"
    host, slash, path = place.partition("/")
    if "@" in path:  # a password with a slash in it
        return f"{scheme}{HIDDEN}"
    user, at, host = host.rpartition("@")
    where = f"{HIDDEN}@{host}" if at and (user not in _USERS) else f"{user}{at}{host}"
    return f"{scheme}{where}{slash}{path}{mark}"


_USERS: Final = frozenset({"git", "hdfs"})
