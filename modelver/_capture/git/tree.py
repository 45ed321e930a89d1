"""The code: a work tree with its commit, its changes and its files."""

import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from attrs import evolve

from modelver._capture.git.changes import (
    Change,
    changes_of,
    in_the_way,
    is_dirty,
    patch_of,
)
from modelver._capture.git.choose import MAX_FILE
from modelver._capture.git.gather import (
    MAX_BYTES,
    MAX_FILES,
    Part,
    Wish,
    gather,
    repository_at,
    shown,
)
from modelver._capture.git.owned import is_owned
from modelver._capture.git.program import new_deadline
from modelver._capture.git.repository import Repository
from modelver._capture.git.state import CodeTree
from modelver._capture.scrub import clean
from modelver._capture.secrets import secret_name
from modelver._values.paths import check_no_collisions
from modelver.errors import InvalidInputError

_MOST_COLLISIONS: Final = 100
_COLLIDES: Final = "is the same file as another where case is ignored"
_MOST_WARNINGS: Final = 20


def capture_tree(
    path: str | os.PathLike[str],
    *,
    exclude: Sequence[Path] = (),
    name_is_secret: Callable[[str], str | None] = secret_name,
    below: bool = False,
) -> CodeTree | None:
    """Return the work tree that holds *path*, a folder or a file, as it is now.

    Read are the repository, its work tree, and of the user's Git settings those of
    ignored files, line ends and trusted folders. Nothing that the repository names is
    run, nothing is written. Takes 10 seconds at most, and never raises.

    Args:
        path: Where the code is. All of the work tree is taken, see *below*.
        exclude: Files and folders that are no code: the registry, the data.
        name_is_secret: From a path to why its name gives it away, or None.
        below: Take only the files below the folder *path*.

    Returns:
        None where there is no git, no work tree, or where git does not trust the
        repository because another user owns it, and this one has not said otherwise
        (``safe.directory``).
    """
    try:
        place = Path(os.path.realpath(path))
        if not place.is_dir():
            place = place.parent
        repository = _repository_of(place)
        if repository is None:
            return None
        root = repository.git.folder
        inside = place.relative_to(root).as_posix() if below else ""
        wish = Wish(
            exclude=tuple(Path(one) for one in exclude),
            secret=name_is_secret,
            below="" if inside == "." else inside,
        )
        return _tree(repository, root, wish)
    except Exception:  # noqa: BLE001 - provenance is never worth a registration
        return None


def _repository_of(place: Path) -> Repository | None:
    """Return the repository whose work tree holds *place*.

    One that says that its work tree is elsewhere is passed over: what lies there was
    not meant.
    """
    deadline = new_deadline()
    for folder in (place, *place.parents):
        found = repository_at(folder, deadline)
        if found is not None:
            return found
    return None


def _tree(repository: Repository, root: Path, wish: Wish) -> CodeTree:
    commit = repository.head()
    branch, changes = changes_of(repository)
    tree = CodeTree(
        root=root,
        base=root / wish.below,
        commit=commit,
        branch=branch,
        tag=_tag(repository) if commit is not None else None,
        remote=repository.remote(branch),
        pushed=_pushed(repository, commit) if commit is not None else None,
        dirty=is_dirty(repository, changes),
        shallow=repository.line("rev-parse", "--is-shallow-repository") == "true",
    )
    if not wish.below and _holds_home(root):
        said = "the work tree holds the whole home folder: only its commit is recorded"
        return evolve(tree, too_large=True, warnings=(said,))
    part = gather(repository, root, wish)
    patch = None
    if commit is not None and tree.dirty is not False:
        patch = _patch(repository, root, wish, changes, part)
    _limit(part)
    return evolve(
        tree,
        patch=patch,
        untracked=tuple(part.untracked),
        submodules=tuple(part.submodules),
        lfs=tuple(part.lfs),
        files=tuple(sorted(part.files)),
        omitted=tuple(sorted(part.omitted.items())),
        too_large=part.too_large,
        warnings=tuple(dict.fromkeys(part.warnings))[:_MOST_WARNINGS],
    )


def _holds_home(root: Path) -> bool:
    """Return whether everything of the user's lies in the work tree."""
    try:
        home = Path("~").expanduser()
    except RuntimeError:
        return False  # a user who has none
    return Path(os.path.realpath(home)).is_relative_to(root)


def _tag(repository: Repository) -> str | None:
    said = repository.run(
        *("for-each-ref", "--points-at=HEAD", "--sort=-version:refname", "--count=1"),
        *("--format=%(refname:strip=2)", "refs/tags"),
    )
    return clean((said or b"").decode("utf-8", "replace")) or None


def _pushed(repository: Repository, commit: str) -> bool | None:
    said = repository.run(
        *("for-each-ref", f"--contains={commit}", "--count=1", "refs/remotes")
    )
    return None if said is None else bool(said)


def _patch(
    repository: Repository,
    root: Path,
    wish: Wish,
    changes: Sequence[Change] | None,
    part: Part,
) -> bytes | None:
    if changes is None:
        part.warnings.append("whether files differ from the commit is unknown")
        return None
    if any(change.conflict for change in changes):
        part.warnings.append("a merge is not finished: files hold both sides")
    if not is_owned(repository, root):
        part.warnings.append(
            "the repository borrows from a folder elsewhere: no patch is kept"
        )
        return None
    patch, why = patch_of(
        repository, wish.below, _not_shown(repository, root, wish, changes, part)
    )
    if why is not None:
        part.warnings.append(f"no patch of the uncommitted changes is kept: {why}")
    return patch


def _not_shown(
    repository: Repository,
    root: Path,
    wish: Wish,
    changes: Sequence[Change],
    part: Part,
) -> list[bytes]:
    """Return the changed files that a patch must not show, or cannot.

    What a filter stands before would be shown as it lies there, not as Git keeps it.
    """
    filters = repository.attributes("filter", [change.path for change in changes])
    excluded = wish.excluded(root)
    found = [os.fsencode(path) for path in excluded]
    for change in changes:
        text = os.fsdecode(change.path)
        inner = wish.inner(text)
        why = wish.secret(text) or wish.secret(inner)
        if why is not None:
            part.omitted.setdefault(shown(inner), why)
        size = _size(root / text)
        filtered = size is not None and in_the_way(filters, change.path)
        if why is not None or filtered or (size or 0) > MAX_FILE:
            found.append(change.path)
    return found


def _size(place: Path) -> int | None:
    try:
        return place.lstat().st_size
    except OSError:
        return None


def _limit(part: Part) -> None:
    """Leave out what could not be stored together, or all where it is too much."""
    _part_ways(part)
    if len(part.files) > MAX_FILES or sum(part.files.values()) > MAX_BYTES:
        part.too_large = True
    if part.too_large:
        part.files.clear()
        part.omitted.clear()
        part.warnings.append(
            f"the code is more than {MAX_FILES:,} files or {MAX_BYTES // 2**20} MiB: "
            "only its commit is recorded; name in .gitignore what is no code"
        )


def _part_ways(part: Part) -> None:
    """Leave out files whose names are one where case or Unicode form is ignored."""
    names = {unicodedata.normalize("NFC", path): path for path in part.files}
    for path in part.files.keys() - names.values():
        del part.files[path]
        part.omitted[path] = _COLLIDES
    for _ in range(_MOST_COLLISIONS):
        try:
            check_no_collisions(names)
        except InvalidInputError as error:
            _, second = error.facts["paths"]
            path = names.pop(second)
            del part.files[path]
            part.omitted[path] = _COLLIDES
        else:
            return
    part.too_large = True
