"""What differs from the commit, and the patch that says how."""

import hashlib
import os
import stat
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from modelver._capture.git.pointers import pointers_at
from modelver._capture.git.repository import Repository

MAX_PATCH: Final = 16 * 2**20
"""Bytes of a patch; a longer one is not kept."""

_MOST_STATUS: Final = 8 * 2**20
_MOST_PATHS: Final = 5000
_MOST_LEFT_OUT: Final = 200
_MOST_HASHED: Final = 2**30
_SPACES: Final = {b"1": 8, b"u": 10}
_NO_FILTER: Final = frozenset({b"unspecified", b"unset", b"set"})


@frozen(kw_only=True)
class Change:
    """A tracked file that differs from the commit.

    Attributes:
        path: From the top of the work tree.
        certain: Whether it differs for sure; else a filter may explain it.
        conflict: Whether a merge left it undecided.
        oid: Of the content that the commit has.
    """

    path: bytes
    certain: bool
    conflict: bool
    oid: bytes


def changes_of(repository: Repository) -> tuple[str | None, list[Change] | None]:
    """Return the branch and the changes; None for what git could not tell.

    Changes inside submodules do not count: their own configuration would have its say.
    """
    if not repository.filters_off:
        return _branch_alone(repository), None
    said = repository.run(
        *("status", "--porcelain=v2", "--branch", "-z", "--no-renames"),
        *("--untracked-files=no", "--ignore-submodules=dirty"),
        cap=_MOST_STATUS,
    )
    if said is None:
        return _branch_alone(repository), None
    fields = said.split(b"\0")[:-1]  # the last one is empty, or was cut
    found = [_change(field) for field in fields if field[:1] in _SPACES]
    key = b"# branch.head "
    heads = [field.removeprefix(key) for field in fields if field.startswith(key)]
    branch = heads[0].decode("utf-8", "replace") if heads else None
    return None if branch == "(detached)" else branch, found


def _branch_alone(repository: Repository) -> str | None:
    said = repository.run("symbolic-ref", "--quiet", "--short", "HEAD")
    return (said or b"").decode("utf-8", "replace").strip() or None


def _change(field: bytes) -> Change:
    parts = field.split(b" ", _SPACES[field[:1]])
    ordinary = field[:1] == b"1"
    index, tree = parts[1][:1], parts[1][1:]
    content_only = index == b"." and tree == b"M" and parts[4] == parts[5]
    return Change(
        path=parts[-1],
        certain=not (ordinary and content_only),
        conflict=not ordinary,
        oid=parts[6] if ordinary else b"",
    )


def is_dirty(repository: Repository, changes: Sequence[Change] | None) -> bool | None:
    """Return whether one of *changes* is a change that no filter explains."""
    if changes is None:
        return None
    if not changes:
        return False
    if any(change.certain for change in changes):
        return True
    changed, unknown = sort_out(repository, changes)
    return True if changed else None if unknown else False


def sort_out(
    repository: Repository, changes: Sequence[Change]
) -> tuple[list[Change], list[Change]]:
    """Return the changes that are some, and those that only a filter could judge.

    Git LFS is judged here: its pointers say what the bytes were.
    """
    asked = [change for change in changes if not change.certain]
    paths = [change.path for change in asked[:_MOST_PATHS]]
    filters = repository.attributes("filter", paths)
    changed = [change for change in changes if change.certain]
    unknown: list[Change] = []
    lfs: list[Change] = []
    for change in asked:
        value = filters.get(change.path, b"")
        if value in _NO_FILTER:
            changed.append(change)
        else:
            (lfs if value == b"lfs" else unknown).append(change)
    pointers = pointers_at(repository, [change.oid for change in lfs])
    left = _MOST_HASHED
    for change in lfs:
        pointer = pointers.get(change.oid)
        place = repository.git.folder / os.fsdecode(change.path)
        if pointer is None or pointer.size > left:
            unknown.append(change)
            continue
        left -= pointer.size
        same = _holds(place, pointer.oid, pointer.size, repository.git.deadline)
        if same is None:
            unknown.append(change)
        elif not same:
            changed.append(change)
    return changed, unknown


def _holds(place: Path, oid: str, size: int, deadline: float) -> bool | None:
    """Return whether a file has these bytes; None where that took too long."""
    info = place.lstat()
    if not stat.S_ISREG(info.st_mode) or info.st_size != size:
        return False
    found = hashlib.sha256()
    with place.open("rb") as file:
        while block := file.read(2**20):
            found.update(block)
            if time.monotonic() > deadline:
                return None
    return found.hexdigest() == oid


def patch_of(
    repository: Repository, below: str, left_out: Collection[bytes]
) -> tuple[bytes | None, str | None]:
    """Return the patch, or None and, where there should be one, why there is none.

    Args:
        repository: Opened at the top of the work tree.
        below: The folder that it is about; empty: all of it.
        left_out: Paths that it must not show.
    """
    if len(left_out) > _MOST_LEFT_OUT:
        return None, "too many of the changed files cannot be shown"
    said = repository.run(
        *("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary"),
        *("--full-index", "--no-renames", "--no-relative", "--submodule=short"),
        *("--ignore-submodules=dirty", "--src-prefix=a/", "--dst-prefix=b/"),
        *(f"-O{os.devnull}", "--unified=3", "--inter-hunk-context=0"),
        *("HEAD", "--", f":(top,literal){below}"),
        *(f":(exclude,top,literal){os.fsdecode(path)}" for path in left_out),
        cap=MAX_PATCH,
    )
    if said is None:
        return None, "Git could not tell them in time"
    if len(said) >= MAX_PATCH:
        return None, f"they are larger than {MAX_PATCH // 2**20} MiB"
    return said or None, None


def in_the_way(filters: Mapping[bytes, bytes], path: bytes) -> bool:
    """Return whether a filter stands between the file and what the commit has."""
    return filters.get(path, b"unspecified") not in _NO_FILTER
