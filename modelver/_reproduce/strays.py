"""Files among the packages that no RECORD vouches for.

A wheel may hold more than its RECORD lists, and installers unpack that as well: pip
notes it without a hash, uv not at all. A module, a ``.pth`` file or compiled code that
came so would run, and every fingerprint would be right.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from modelver._reproduce.installed import Installed, digest_of
from modelver._values.distributions import WRITTEN

_FOLDERS: Final = frozenset({"site-packages", "dist-packages"})
_SIGNATURES: Final = ("RECORD.jws", "RECORD.p7s")
_INFO: Final = (".dist-info", ".egg-info")
_MOST: Final = 1000


def files_in(folder: Path) -> dict[str, str | None]:
    """Return the files below *folder*, as paths from there, with their digests."""
    return {path: digest_of(folder / path) for path in _walked(folder)}


def strays_in(
    there: Mapping[str, Installed],
    *,
    known: Mapping[Path, Mapping[str, str | None]],
    compiled: bool,
) -> dict[str, list[str]]:
    """Return the files that no RECORD vouches for, by the distribution they lie in.

    Those of no distribution are under the empty name. A folder in which a distribution
    has no RECORD at all is passed over: nobody knows what belongs to it.

    Args:
        there: What is installed.
        known: Of a folder, files that were there before, with their digests.
        compiled: Whether code that was compiled since is to be expected.
    """
    found: dict[str, list[str]] = {}
    for root in sorted({each.root for each in there.values()}):
        inside = {name: each for name, each in there.items() if each.root == root}
        records = [each.record for each in inside.values()]
        if root.name not in _FOLDERS or None in records:
            continue
        before = known.get(root, {})
        for name, path in _unlisted(root, inside, compiled=compiled):
            if path in before and before[path] == digest_of(root / path):
                continue
            if len(found.setdefault(name, [])) < _MOST:
                found[name].append(path)
    return found


def _unlisted(
    root: Path, inside: Mapping[str, Installed], *, compiled: bool
) -> Iterator[tuple[str, str]]:
    listed: dict[str, str] = {}
    vouched: set[str] = set()
    tops: dict[str, str] = {}
    for name, each in inside.items():
        for row in each.record or ():
            listed[row.path] = name
            tops.setdefault(row.path.partition("/")[0], name)
            if row.hash:
                vouched.add(row.path)
    for path in _walked(root):
        if path in vouched or _is_written(path):
            continue
        if compiled and path.endswith(".pyc"):
            continue
        yield listed.get(path) or tops.get(path.partition("/")[0], ""), path


def _is_written(path: str) -> bool:
    """Whether installers write a file of that name."""
    folder, _, name = path.rpartition("/")
    if "/" in folder or not folder.endswith(_INFO):
        return False
    return name in WRITTEN or name in _SIGNATURES


def _walked(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        inside = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in sorted(names):
            yield name if inside == "." else f"{inside}/{name}"
