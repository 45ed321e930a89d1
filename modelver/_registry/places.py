"""Where modelver keeps its own files on this machine, outside of any registry."""

import math
import os
import re
from pathlib import Path
from typing import Final

from modelver._bundle import Bounds
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

_CACHE_SIZE: Final = "MODELVER_CACHE_SIZE"
_CACHE_AGE: Final = "MODELVER_CACHE_AGE"
_OFFLINE: Final = "MODELVER_OFFLINE"

_SIZE: Final = re.compile(r"(\d{1,20}(?:\.\d{1,9})?)\s*([KMGTP]?)(I?)(B?)", re.ASCII)
_UNITS: Final = ("", "K", "M", "G", "T", "P")
_BOUNDLESS: Final = "none"
_NO: Final = ("", "0", "no", "off", "false")


def state_folder() -> Path:
    """Return the folder of the client's memory; ``MODELVER_STATE_DIR`` moves it."""
    return _folder("MODELVER_STATE_DIR", "user_state_path")


def cache_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the cache; ``MODELVER_CACHE_DIR`` moves it."""
    if given is not None:
        return Path(given).expanduser()
    return _folder("MODELVER_CACHE_DIR", "user_cache_path")


def cache_bounds(size: int | str | None = None) -> Bounds:
    """Return how large and how old the cache may become.

    Args:
        size: Bytes, or text such as ``50GB``; None: ``MODELVER_CACHE_SIZE``. The age
            is that of ``MODELVER_CACHE_AGE``, in days.

    Raises:
        InvalidInputError: What is given is no size, or no number of days.
    """
    bounds: dict[str, int | float | None] = {}
    if size is not None:
        bounds["size"] = _size(size, "cache_size")
    elif said := os.environ.get(_CACHE_SIZE):
        bounds["size"] = _size(said, _CACHE_SIZE)
    if said := os.environ.get(_CACHE_AGE):
        bounds["age"] = _days(said)
    return Bounds(**bounds)  # type: ignore[arg-type]  # a mapping of both


def is_offline(given: bool | None = None) -> bool:  # noqa: FBT001 - the caller's own
    """Return whether no store may be asked; ``MODELVER_OFFLINE`` says so too."""
    if given is not None:
        return given
    return os.environ.get(_OFFLINE, "").strip().lower() not in _NO


def _size(given: int | str, what: str) -> int | None:
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return given
    text = given.strip() if isinstance(given, str) else ""
    if text.lower() == _BOUNDLESS:
        return None
    match = _SIZE.fullmatch(text.upper())
    if match is None or (match[3] and not match[2]):
        raise InvalidInputError(
            f"{what} is given as {quoted(given)}, which is no number of bytes",
            kind=ErrorKind.BAD_VALUE,
            hint="Write for instance 50GB (50 times 10^9) or 50GiB (50 times 2^30); "
            f"'{_BOUNDLESS}' sets no bound.",
        )
    # As in `du` and `dd`: 50G are 50 GiB, and only 50GB are decimal.
    base = 1000 if match[4] and not match[3] else 1024
    return int(float(match[1]) * base ** _UNITS.index(match[2]))


def _days(text: str) -> float | None:
    if text.strip().lower() == _BOUNDLESS:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or found < 0:
        raise InvalidInputError(
            f"{_CACHE_AGE} is {quoted(text)}, which is no number of days",
            kind=ErrorKind.BAD_VALUE,
            hint=f"Write for instance 30; '{_BOUNDLESS}' keeps copies of any age.",
        )
    return found


def _folder(variable: str, finder: str) -> Path:
    named = os.environ.get(variable)
    if named:
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - 5 ms that only opening a registry pays

    found: Path = getattr(platformdirs, finder)("modelver", appauthor=False)
    return found
