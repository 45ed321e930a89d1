"""What is installed in an environment that is not this process's own."""

import base64
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from modelver._values.distributions import (
    RecordRow,
    fingerprint,
    name_and_version,
    record_rows,
)
from modelver._values.environment_check import EnvironmentCheck
from modelver._values.manifest import Environment
from modelver._values.requirements import unpinnable

_HEAD: Final = 8 * 2**10
_LONGEST: Final = 64 * 2**20
_LARGEST: Final = 8 * 2**30
_CHUNK: Final = 2**20
_FILES: Final = ("METADATA", "PKG-INFO")
_INFO: Final = (".dist-info", ".egg-info")
_HASHES: Final = frozenset({"sha224", "sha256", "sha384", "sha512"})
_NAMED: Final = 3
# A file that turns out to be a FIFO must not hold anybody up.
_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@frozen
class Installed:
    """One distribution, as it lies there.

    Attributes:
        version: Of it.
        fingerprint: Of its RECORD, where it has one.
        record: Its rows, where it has one.
        root: What their paths begin at.
    """

    version: str
    fingerprint: str | None
    record: tuple[RecordRow, ...] | None
    root: Path


def installed_in(folders: Iterable[str]) -> dict[str, Installed]:
    """Return the distributions in the folders of a ``sys.path``, by name.

    Of two of one name the first counts, as it does for ``import``.
    """
    found: dict[str, Installed] = {}
    for folder in folders:
        for place in _places(Path(folder)):
            described = _described(place)
            if described is not None:
                found.setdefault(*described)
    return found


def _places(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names alone
    except OSError:
        return []
    # pip moves a package aside to `~name`, and is sometimes killed then.
    return [folder / n for n in names if n.endswith(_INFO) and not n.startswith("~")]


def _described(place: Path) -> tuple[str, Installed] | None:
    heads = (_read(path, _HEAD) for path in (*(place / n for n in _FILES), place))
    head = next(filter(None, heads), b"")
    said = name_and_version(head.decode("utf-8", "replace"))
    if said is None:
        return None
    record = _read(place / "RECORD", _LONGEST)
    rows = None if record is None else record_rows(record)
    return said[0], Installed(
        version=said[1],
        fingerprint=None if record is None else fingerprint(record),
        record=None if rows is None else tuple(rows),
        root=place.parent,
    )


def _read(path: Path, limit: int) -> bytes | None:
    try:
        with os.fdopen(os.open(path, _READ), "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return file.read(limit) if regular else None
    except (OSError, ValueError):
        return None


def compared(
    environment: Environment,
    there: Mapping[str, Installed],
    start: EnvironmentCheck,
    strays: Mapping[str, Sequence[str]],
) -> EnvironmentCheck:
    """Return *start* with what a comparison of every distribution shows.

    Args:
        environment: What was recorded.
        there: What is installed.
        start: What is known of the interpreter.
        strays: Files that no RECORD vouches for, by distribution; those of none under
            the empty name.
    """
    wanted = environment.packages
    left_out = unpinnable(environment)
    both = sorted(set(wanted) & set(there))
    other = {
        n: (wanted[n], there[n].version) for n in both if wanted[n] != there[n].version
    }
    files: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for name in both:
        if name in other:
            continue
        mark = environment.fingerprints.get(name)
        said = _other_files(mark, there[name]) or _told(strays.get(name, ()))
        if said is not None:
            files[name] = said
        elif mark is None:
            why = left_out.get(name, "was recorded without a fingerprint of its files")
            unknown[name] = f"it {why}"
    missing = {name: wanted[name] for name in sorted(wanted) if name not in there}
    return evolve(
        start,
        stray_files=tuple(strays.get("", ())),
        matched=len(both) - len(other) - len(files) - len(unknown),
        missing=missing,
        reasons={name: left_out[name] for name in missing if name in left_out},
        extra={n: there[n].version for n in sorted(there) if n not in wanted},
        other_version=other,
        other_files=files,
        unknown=unknown,
    )


def _other_files(mark: str | None, found: Installed) -> str | None:
    """Return how it shows that these are not the recorded files; None: it does not."""
    if mark is not None and found.fingerprint is None:
        return "nothing says which files it has: there is no RECORD"
    if mark is not None and found.fingerprint != mark:
        return "its wheel holds other files than the recorded one"
    changed = list(_changed(found))
    return f"changed since it was installed: {_some(changed)}" if changed else None


def _told(strays: Sequence[str]) -> str | None:
    return (
        f"has files that its RECORD does not list: {_some(strays)}" if strays else None
    )


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more


def _changed(found: Installed) -> Iterator[str]:
    """Yield the files that are not as RECORD says."""
    for row in found.record or ():
        algorithm, _, expected = row.hash.partition("=")
        if not row.hash:
            continue
        if (
            algorithm not in _HASHES
            or digest_of(found.root / row.path, algorithm) != expected
        ):
            yield row.path


def digest_of(path: Path, algorithm: str = "sha256") -> str | None:
    """Return a file's digest as RECORD spells it; None where there is no such file."""
    digest = hashlib.new(algorithm)
    try:
        with os.fdopen(os.open(path, _READ), "rb", buffering=0) as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode) or info.st_size > _LARGEST:
                return None
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except (OSError, ValueError):
        return None
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
