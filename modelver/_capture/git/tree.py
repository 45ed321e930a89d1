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
from modelver._capture.git.pointers import blob_sizes
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
_ONLY_COMMIT: Final = "only its commit is recorded"
_UNLISTED: Final = f"Git cannot list the files of the code: {_ONLY_COMMIT}"
_AT_HOME: Final = f"the work tree holds the whole home folder: {_ONLY_COMMIT}"
_ALIKE: Final = f"many files of the code differ in case alone: {_ONLY_COMMIT}"
_TOO_LARGE: Final = (
    f"the code is more than {MAX_FILES:,} files or {MAX_BYTES // 2**20} MiB: "
    f"{_ONLY_COMMIT}; name in .gitignore what is no code"
)


def capture_tree(
    path: str | os.PathLike[str],
    *,
    exclude: Sequence[Path] = (),
    name_is_secret: Callable[[str], str | None] = secret_name,
    below: bool = False,
    files: bool = True,
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
        files: Whether the files are wanted; else only where the tree stands is told,
            and neither *files* nor *omitted* nor *patch* is filled.

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
        return _tree(repository, root, wish, files=files)
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


def _tree(repository: Repository, root: Path, wish: Wish, *, files: bool) -> CodeTree:
    commit = repository.head()
    branch, changes = changes_of(repository)
    tree = CodeTree(
        root=root,
        base=root / wish.below,
        commit=commit,
        branch=clean(branch or "") or None,
        tag=_tag(repository) if commit is not None else None,
        remote=repository.remote(branch),
        pushed=_pushed(repository, commit) if commit is not None else None,
        dirty=is_dirty(repository, changes),
        shallow=repository.line("rev-parse", "--is-shallow-repository") == "true",
    )
    if files and not wish.below and _holds_home(root):
        return evolve(tree, too_large=True, warnings=(_AT_HOME,))
    part = gather(repository, root, wish)
    if part is None:
        part = Part(too_large=files, warnings=[_UNLISTED] if files else [])
    patch = None
    if files:
        if commit is not None and tree.dirty is not False:
            patch = _patch(repository, root, wish, changes, part)
        _limit(part)
    else:
        part.files.clear()
        part.omitted.clear()
        part.too_large = False
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
    What is small in Git may be large when it is unpacked.
    """
    filters = repository.attributes("filter", [change.path for change in changes])
    sizes = blob_sizes(repository, [change.oid for change in changes])
    excluded = tuple(f"{path}/" for path in wish.excluded(root))
    found, given = [], []
    below = f"{wish.below}/" if wish.below else ""
    for change in changes:
        text = os.fsdecode(change.path)
        if not text.startswith(below):
            continue
        inner = wish.inner(text)
        if f"{text}/".startswith(excluded):
            given.append(change.path)
            continue
        why = wish.secret(text) or wish.secret(inner)
        if why is not None:
            part.omitted.setdefault(shown(inner), why)
        size = _size(root / text)
        filtered = size is not None and in_the_way(filters, change.path)
        largest = max(size or 0, sizes.get(change.oid, 0))
        if why is not None or filtered or largest > MAX_FILE:
            found.append(change.path)
    if found:
        part.warnings.append(
            f"the patch does not show what changed in {len(found):,} of the files: "
            "they are large, have a filter, or are called like a secret"
        )
    return [*found, *given]


def _size(place: Path) -> int | None:
    try:
        return place.lstat().st_size
    except OSError:
        return None


def _limit(part: Part) -> None:
    """Leave out what could not be stored together, or all where it is too much."""
    fits = len(part.files) <= MAX_FILES and sum(part.files.values()) <= MAX_BYTES
    if (part.too_large and _UNLISTED not in part.warnings) or not fits:
        part.warnings.append(_TOO_LARGE)
    elif not _part_ways(part):
        part.warnings.append(_ALIKE)
    else:
        return
    part.too_large = True
    part.files.clear()
    part.omitted.clear()


def _part_ways(part: Part) -> bool:
    """Leave out files whose names are one where case or Unicode form is ignored.

    Tells whether that was all: of very many, somebody else must think.
    """
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
            return True
    return False
