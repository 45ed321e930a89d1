"""Which commit the code was at."""

import os
from pathlib import Path

from attrs import frozen

from modelver._capture.git.changes import changes_of, is_dirty
from modelver._capture.git.repository import Repository


@frozen(kw_only=True)
class GitState:
    """Where a work tree stands.

    Attributes:
        commit: Full hex object name.
        branch: None where no branch is checked out.
        dirty: Whether tracked files differ from the commit. None where that cannot
            be told without running the repository's own filters. Files that git
            does not track, and changes inside submodules, do not count.
        remote: Where it was cloned from, without credentials, query and fragment;
            None where it is a folder or cannot be parsed.
    """

    commit: str
    branch: str | None
    dirty: bool | None
    remote: str | None


def _state(place: Path) -> GitState | None:
    repository = Repository.at(place)
    if repository is None:
        return None
    commit = repository.head()
    if commit is None:
        return None
    branch, changes = changes_of(repository)
    if changes and not repository.go_to_top():  # their paths start there
        changes = None
    return GitState(
        commit=commit,
        branch=branch,
        dirty=is_dirty(repository, changes),
        remote=repository.remote(branch),
    )


def capture_commit(path: str | os.PathLike[str]) -> GitState | None:
    """Return the state of the work tree that holds *path*, a folder or a file.

    None where there is no git, no repository, no commit yet, or where git does not
    trust the repository because another user owns it, and this one has not said
    otherwise (``safe.directory``). Takes 10 seconds at most, and never raises.
    """
    try:
        place = Path(os.path.realpath(path))
        return _state(place if place.is_dir() else place.parent)
    except Exception:  # noqa: BLE001 - provenance is never worth a registration
        return None
