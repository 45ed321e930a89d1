"""Where modelver keeps its own files on this machine, outside of any registry."""

import os
from pathlib import Path


def state_folder() -> Path:
    """Return the folder of the client's memory; ``MODELVER_STATE_DIR`` moves it."""
    return _folder("MODELVER_STATE_DIR", "user_state_path")


def cache_folder() -> Path:
    """Return the folder of the cache; ``MODELVER_CACHE_DIR`` moves it."""
    return _folder("MODELVER_CACHE_DIR", "user_cache_path")


def _folder(variable: str, finder: str) -> Path:
    named = os.environ.get(variable)
    if named:
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - 5 ms that only opening a registry pays

    found: Path = getattr(platformdirs, finder)("modelver", appauthor=False)
    return found
