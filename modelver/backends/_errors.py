"""The one place where a store's exceptions become modelver's."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from modelver.errors import AccessDeniedError, ErrorKind, ModelverError, StorageError

_DENIED: Final = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def translated(action: str, url: str, key: str) -> Iterator[None]:
    """Turn any foreign exception of the block into a ``StorageError``.

    Args:
        action: What was being done: ``"read"``.
        url: The registry, without credentials.
        key: The key.

    Raises:
        AccessDeniedError: Permissions, or a file system mounted read-only.
        StorageError: Everything else; ``DISK_FULL`` where that is the cause.
    """
    try:
        yield
    except ModelverError:
        raise
    except Exception as error:
        code = getattr(error, "errno", None)
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        what = f"{action} {key!r}" if key else action
        message = f"cannot {what} in {url}: {why}"
        if isinstance(error, PermissionError) or code in _DENIED:
            raise AccessDeniedError(
                message,
                hint="Check who may read there."
                if action in ("read", "list")
                else "Check who may write there, or open it with read_only=True.",
                key=key,
            ) from error
        if code in _FULL:
            raise StorageError(
                message,
                kind=ErrorKind.DISK_FULL,
                hint="Free some space and call again; nothing was registered.",
                key=key,
                retryable=True,
            ) from error
        raise StorageError(message, key=key, retryable=True) from error
