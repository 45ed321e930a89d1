"""The one place where a store's exceptions become modelver's."""

import errno
from types import TracebackType
from typing import Final

from modelver.errors import AccessDeniedError, ErrorKind, ModelverError, StorageError

_DENIED: Final = {errno.EACCES, errno.EPERM, errno.EROFS}
FULL: Final = {errno.ENOSPC, errno.EDQUOT}


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
            raise _ours(error, self._action, self._url, self._key) from error


def _ours(error: Exception, action: str, url: str, key: str) -> StorageError:
    code = getattr(error, "errno", None)
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    what = f"{action} {key!r}" if key else action
    message = f"cannot {what} in {url}: {why}"
    if isinstance(error, PermissionError) or code in _DENIED:
        return AccessDeniedError(
            message,
            hint="Check who may read there."
            if action in ("read", "list")
            else "Check who may write there, or open it with read_only=True.",
            key=key,
        )
    if code in FULL:
        return StorageError(
            message,
            kind=ErrorKind.DISK_FULL,
            hint="Free some space and call again; nothing was registered.",
            key=key,
            retryable=True,
        )
    return StorageError(message, key=key, retryable=True)
