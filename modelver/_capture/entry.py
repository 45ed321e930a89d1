"""Where the code is that is running: the script, the notebook, or the folder."""

import os
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Final

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_SCHEME: Final = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")


def _real(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.realpath(path))


def _is_users(script: Path) -> bool:
    """Return whether a script is neither installed nor a tool that runs others."""
    if _INSTALLED.intersection(script.parts):
        return False
    ours = _real(__file__).parent.parent
    if script.is_relative_to(ours):
        return False
    paths = sysconfig.get_paths()
    tools = (_real(paths[key]) for key in _SCHEME if paths.get(key))
    return not any(script.is_relative_to(tool) for tool in tools)


def _script() -> Path | None:
    """Return the user's script that runs, or None."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(file, str):
        return None
    path = _real(file)
    return path if path.is_file() and _is_users(path) else None


def _notebook() -> Path | None:
    """Return the notebook whose kernel this is, where its server says so."""
    main = sys.modules.get("__main__")
    if "ipykernel" not in sys.modules or not isinstance(main, ModuleType):
        return None
    told = vars(main).get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    if not isinstance(told, str) or not told.endswith(".ipynb"):
        return None
    path = _real(told)
    return path if path.is_file() else None


def place_of_code() -> Path | None:
    """Return the folder of the running script or notebook; else the working folder.

    A script that is installed (``pytest``, ``jupyter``, modelver's own program) runs
    somebody else's code: then the working folder counts. Read are ``__main__`` and, in
    a kernel, the variables that Jupyter and VS Code set. None where the working folder
    is gone. Never raises.
    """
    try:
        found = _script() or _notebook()
        return found.parent if found is not None else _real(Path.cwd())
    except Exception:  # noqa: BLE001 - provenance is never worth a registration
        return None


def entry_of(root: str | os.PathLike[str]) -> str | None:
    """Return the running script or notebook relative to *root*, or None.

    ``/``-separated; None where there is none, or where it lies elsewhere. Never raises.
    """
    try:
        found = _script() or _notebook()
        top = _real(root)
        if found is None or not found.is_relative_to(top):
            return None
        text = found.relative_to(top).as_posix()
        text.encode()
    except Exception:  # noqa: BLE001 - provenance is never worth a registration
        return None
    return text
