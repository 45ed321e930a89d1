"""The one place where a store's exceptions become modelver's.

What a client's exception means is judged where the client is known: in the module of
its backend, which answers with an :class:`Answer`. What modelver then says is here.
"""

import errno
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote

from modelver.errors import AccessDeniedError, ErrorKind, ModelverError, StorageError

_DENIED: Final = {errno.EACCES, errno.EPERM, errno.EROFS}
FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_UNREACHABLE: Final = {
    errno.ECONNREFUSED,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ETIMEDOUT,
}

HIDDEN: Final = "***"
_SHORTEST_SECRET: Final = 4


class Answer(Enum):
    """What an exception of a client means."""

    MISSING = auto()  # there is no such key: a definite answer
    TAKEN = auto()  # a create found the key there
    OUT_OF_RANGE = auto()  # a read began at the key's end, or behind it
    DENIED = auto()  # the store knows us, and says no
    BAD_CREDENTIALS = auto()  # it does not know us; or there are no credentials
    NO_STORE = auto()  # no such bucket, container or share
    UNREACHABLE = auto()  # nobody answers at that address
    BUSY = auto()  # asked to come again later: throttled
    FULL = auto()  # no space, or over a quota
    UNSUPPORTED = auto()  # it has no exclusive create, and says so
    DEAD = auto()  # the connection is lost, and the instance with it
    OTHER = auto()


# What the status of an HTTP answer means, where the store says nothing more exact.
STATUSES: Final = {
    401: Answer.BAD_CREDENTIALS,
    403: Answer.DENIED,
    404: Answer.MISSING,
    405: Answer.DENIED,
    408: Answer.BUSY,
    409: Answer.BUSY,
    412: Answer.TAKEN,
    416: Answer.OUT_OF_RANGE,
    429: Answer.BUSY,
    500: Answer.BUSY,
    501: Answer.UNSUPPORTED,
    502: Answer.BUSY,
    503: Answer.BUSY,
    504: Answer.BUSY,
    507: Answer.FULL,
}

_HINTS: Final = {
    Answer.FULL: "Free some space and call again; nothing was registered.",
    Answer.BAD_CREDENTIALS: "Pass credentials in storage_options, or in the "
    "environment variables and files that the store's own tools read.",
    Answer.NO_STORE: "Mend the address, or create what it names: modelver makes keys "
    "in it, and nothing else.",
    Answer.UNSUPPORTED: "Choose another store, or open this one with read_only=True.",
    Answer.UNREACHABLE: "Check the address, the endpoint in storage_options, and the "
    "network.",
    Answer.BUSY: "Call again later; nothing has to be cleaned up.",
}
_KINDS: Final = {
    Answer.FULL: ErrorKind.DISK_FULL,
    Answer.UNSUPPORTED: ErrorKind.UNSUPPORTED,
}
_FOR_GOOD: Final = {Answer.NO_STORE, Answer.UNSUPPORTED}
_READING: Final = "Check who may read there."
_WRITING: Final = "Check who may write there, or open it with read_only=True."


def judge(error: Exception) -> Answer:
    """Return what *error* means, as far as Python's own exceptions tell."""
    code = getattr(error, "errno", None)
    found = Answer.OTHER
    if isinstance(error, FileNotFoundError):
        found = Answer.MISSING
    elif isinstance(error, FileExistsError):
        found = Answer.TAKEN
    elif isinstance(error, PermissionError) or code in _DENIED:
        found = Answer.DENIED
    elif code in FULL:
        found = Answer.FULL
    elif isinstance(error, TimeoutError) or code in _UNREACHABLE:
        found = Answer.UNREACHABLE
    return found


def ours(
    error: Exception,
    answer: Answer,
    action: str,
    url: str,
    *,
    key: str,
    secrets: Iterable[str] = (),
    hints: Mapping[Answer, str] | None = None,
) -> StorageError:
    """Return the ``StorageError`` for *error*.

    Args:
        error: What the client raised.
        answer: What it means.
        action: What was being done: ``"read"``.
        url: The registry, without credentials.
        key: The key, or "".
        secrets: Texts that no message may repeat.
        hints: What to do about an answer, where this store knows better.
    """
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    what = f"{action} {key!r}" if key else action
    message = without(f"cannot {what} in {url}: {why}", secrets)
    hint = (hints or {}).get(answer, _HINTS.get(answer))
    if answer is Answer.DENIED and hint is None:
        hint = _READING if action in ("read", "list") else _WRITING
    if answer in {Answer.DENIED, Answer.BAD_CREDENTIALS}:
        return AccessDeniedError(message, hint=hint, key=key)
    return StorageError(
        message,
        kind=_KINDS.get(answer),
        hint=hint,
        key=key,
        retryable=answer not in _FOR_GOOD,
    )


def without(text: str, secrets: Iterable[str]) -> str:
    """Return *text* with each of *secrets* hidden, as it is and as in a URL."""
    for secret in secrets:
        for spelling in (secret, quote(secret, safe="")):
            text = text.replace(spelling, HIDDEN)
    return text


def secrets_in(options: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the texts in *options* that may be secret, the longest first.

    Every text under a name that speaks of a key, a secret or the like, however deep.
    """
    found: set[str] = set()
    waiting: list[tuple[bool, Any]] = [(False, options or {})]
    while waiting:
        hidden, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(hidden or _speaks(name), v) for name, v in value.items()]
        elif isinstance(value, list | tuple | set):
            waiting += [(hidden, each) for each in value]
        elif hidden and isinstance(value, str) and len(value) >= _SHORTEST_SECRET:
            found.add(value)
    return tuple(sorted(found, key=len, reverse=True))


_SPEAKING: Final = (
    "key",
    "secret",
    "token",
    "pass",
    "credential",
    "connection_string",
    "sas",
    "auth",
    "cookie",
)


def _speaks(name: object) -> bool:
    return any(word in str(name).lower() for word in _SPEAKING)


def translated(action: str, url: str, key: str) -> "_Translated":
    """Turn any foreign exception of the block into a ``StorageError``.

    Args:
        action: What was being done: ``"read"``.
        url: The registry, without credentials.
        key: The key.

    Raises:
        AccessDeniedError: Permissions, or a file system mounted read-only.
        StorageError: Everything else; ``DISK_FULL`` where that is the cause.
    """
    return _Translated(action, url, key)


class _Translated:
    """What ``translated`` returns: no generator, since every read goes through one."""

    __slots__ = ("_action", "_key", "_url")

    def __init__(self, action: str, url: str, key: str) -> None:
        self._action = action
        self._url = url
        self._key = key

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, ModelverError):
            answer, key = judge(error), self._key
            raise ours(error, answer, self._action, self._url, key=key) from error
