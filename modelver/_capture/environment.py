"""What is installed beside this interpreter.

It becomes part of a bundle's identity, so two captures of one environment must be
equal, whatever order a folder lists its files in, and on whatever machine it lies.
"""

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final, Protocol

from attrs import evolve, frozen

from modelver._capture.sources import source_of
from modelver._values.distributions import fingerprint, name_and_version
from modelver._values.manifest import Environment

_Stamp = tuple[tuple[str, int | None], ...]

_FILES: Final = ("METADATA", "PKG-INFO", "")
# The two lines that are wanted stand at the beginning.
_HEAD: Final = 8 * 2**10
_LONGEST: Final = 64 * 2**20
_RECORD: Final = "RECORD"


class Remembered(Protocol):
    """Remembers fingerprints of RECORDs, by path, from one process to the next."""

    def recall(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Return those of files that have not changed; asked before one is read."""

    def remember(self, found: Mapping[str, str]) -> None:
        """Remember those of files that were asked for before."""


@frozen
class _Found:
    """A distribution, and its RECORD: where it lies, or what it holds."""

    name: str
    version: str
    source: str | None
    record: str | bytes | None


_seen: tuple[_Stamp, Environment] | None = None


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


def _read(distribution: Distribution, folder: str | None, name: str) -> bytes | None:
    """Return a file of a distribution's metadata, or None where there is none."""
    try:
        if folder is not None and name:
            path = os.path.join(folder, name)  # noqa: PTH118 - 5 times faster
            with open(path, "rb") as file:  # noqa: PTH123 - same
                return file.read(_HEAD if name in _FILES else _LONGEST)
        text = distribution.read_text(name)
    except Exception:  # noqa: BLE001 - anybody's finder, any failure
        return None
    return text.encode("utf-8", "replace") if text else None


def _describe(distribution: Distribution) -> _Found | None:
    """Return what is recorded of a distribution, or None where it cannot be read."""
    place = getattr(distribution, "_path", None)
    if str(getattr(place, "name", "")).startswith("~"):
        return None  # pip moves a package aside so, and is sometimes killed then
    folder = os.fspath(place) if isinstance(place, Path) else None
    for file in _FILES:
        head = _read(distribution, folder, file)
        if not head:
            continue
        said = name_and_version(head[:_HEAD].decode("utf-8", "replace"))
        if said is None:
            return None
        url = _read(distribution, folder, "direct_url.json")
        source = None if url is None else source_of(url)
        record: str | bytes | None = None
        if source != "editable":  # else its files are elsewhere, and change
            lies = None if folder is None else os.path.join(folder, _RECORD)  # noqa: PTH118 - as above
            record = lies or _read(distribution, None, _RECORD)
        return _Found(*said, source, record)
    return None


def _installed() -> Iterator[_Found]:
    try:
        for distribution in distributions():
            found = _describe(distribution)
            if found is not None:
                yield found
    except Exception:  # noqa: BLE001 - a finder that is not ours may raise anything
        return


def _fingerprints(
    packages: Iterable[_Found], remembered: Remembered | None
) -> dict[str, str]:
    """Return the fingerprint of each distribution that has one, by name."""
    paths = {each.record for each in packages if isinstance(each.record, str)}
    known: Mapping[str, str] = {}
    if remembered is not None:
        known = remembered.recall(sorted(paths))
    found, new = {}, {}
    for each in packages:
        record = each.record
        mark = known.get(record) if isinstance(record, str) else None
        if mark is None and record is not None:
            data = _whole(record) if isinstance(record, str) else record
            mark = None if data is None else fingerprint(data)
            if mark is not None and isinstance(record, str):
                new[record] = mark
        if mark is not None:
            found[each.name] = mark
    if remembered is not None and new:
        remembered.remember(new)
    return found


def _whole(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - 5 times faster
            return file.read(_LONGEST)
    except OSError:
        return None


def capture_environment(remembered: Remembered | None = None) -> Environment:
    """Return the interpreter and every distribution that it can import.

    Names are normalised (PEP 503). Of two distributions of one name the first on
    ``sys.path`` counts, as it does for ``import``; one whose metadata cannot be
    read is left out. Answers from memory until a folder of ``sys.path`` changes.

    Of each, three files are read: METADATA, direct_url.json (PEP 610) and RECORD. The
    files that RECORD lists are not: it says what was installed, not what has become of
    it since.

    Args:
        remembered: Spares reading the RECORDs that have not changed.
    """
    global _seen  # noqa: PLW0603 - one memory for the process is the point
    stamp = _stamp()
    known = _seen
    if known is None or known[0] != stamp:
        packages: dict[str, _Found] = {}
        for found in _installed():
            packages.setdefault(found.name, found)
        every = [packages[name] for name in sorted(packages)]
        environment = Environment(
            implementation=sys.implementation.name,
            python=platform.python_version(),
            packages={each.name: each.version for each in every},
            fingerprints=_fingerprints(every, remembered),
            sources={each.name: each.source for each in every if each.source},
        )
        known = _seen = stamp, environment
    return evolve(
        known[1],
        packages=dict(known[1].packages),
        fingerprints=dict(known[1].fingerprints),
        sources=dict(known[1].sources),
    )
