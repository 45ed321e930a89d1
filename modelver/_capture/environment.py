"""What is installed beside this interpreter.

It becomes part of a bundle's identity, so two captures of one environment must be
equal, whatever order a folder lists its files in.
"""

import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from typing import Final

from packaging.utils import canonicalize_name

from modelver._values.manifest import Environment

_Stamp = tuple[tuple[str, int | None], ...]

# importlib.metadata parses the whole file as an e-mail, description and all: twenty
# times slower, and these two lines are all that is wanted.
_NAME = re.compile(
    r"^Name:[ \t]*([A-Za-z0-9][A-Za-z0-9._-]{0,199})[ \t]*\r?$", re.MULTILINE
)
_VERSION = re.compile(r"^Version:[ \t]*([!-~]{1,200})[ \t]*\r?$", re.MULTILINE)
_FILES: Final = ("METADATA", "PKG-INFO", "")

_seen: tuple[_Stamp, dict[str, str]] | None = None


def _stamp() -> _Stamp:
    """Return what changes when something is installed into a folder of sys.path."""
    stamp: list[tuple[str, int | None]] = []
    for entry in sys.path:
        place = entry or os.curdir
        try:
            # A relative entry means another folder after a chdir.
            whole = os.path.abspath(place)  # noqa: PTH100 - 5 times faster
            stamp.append((whole, os.stat(whole).st_mtime_ns))  # noqa: PTH116 - same
        except (OSError, ValueError):
            stamp.append((place, None))
    return tuple(stamp)


def _describe(distribution: Distribution) -> tuple[str, str] | None:
    """Return name and version, or None where they cannot be read."""
    place = getattr(distribution, "_path", None)
    if str(getattr(place, "name", "")).startswith("~"):
        return None  # pip moves a package aside so, and is sometimes killed then
    for file in _FILES:
        try:
            text = distribution.read_text(file)
        except Exception:  # noqa: BLE001, S112 - anybody's finder, any failure
            continue
        if text:
            head = text.replace("\r\n", "\n").partition("\n\n")[0]
            name, version = _NAME.search(head), _VERSION.search(head)
            if name is None or version is None:
                return None
            return canonicalize_name(name[1]), version[1]
    return None


def _installed() -> Iterator[tuple[str, str]]:
    try:
        for distribution in distributions():
            found = _describe(distribution)
            if found is not None:
                yield found
    except Exception:  # noqa: BLE001 - a finder that is not ours may raise anything
        return


def capture_environment() -> Environment:
    """Return the interpreter and every distribution that it can import.

    Names are normalised (PEP 503). Of two distributions of one name the first on
    ``sys.path`` counts, as it does for ``import``; one whose metadata cannot be
    read is left out. Answers from memory until a folder of ``sys.path`` changes.
    """
    global _seen  # noqa: PLW0603 - one memory for the process is the point
    stamp = _stamp()
    known = _seen
    if known is None or known[0] != stamp:
        packages: dict[str, str] = {}
        for name, version in _installed():
            packages.setdefault(name, version)
        known = stamp, dict(sorted(packages.items()))
        _seen = known
    return Environment(
        implementation=sys.implementation.name,
        python=platform.python_version(),
        packages=dict(known[1]),
    )
