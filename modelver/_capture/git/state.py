"""A work tree as a value: what its commit is, and what lies in it."""

from pathlib import Path

from attrs import frozen


@frozen(kw_only=True)
class Submodule:
    """A repository inside the work tree that the commit names.

    Attributes:
        path: Relative to the top of the work tree.
        commit: What is checked out there; where nothing is, what should be.
        dirty: Whether its tracked files differ from that commit; None where nothing
            is checked out, or where it cannot be told.
    """

    path: str
    commit: str
    dirty: bool | None


@frozen(kw_only=True)
class LfsFile:
    """A file whose bytes Git LFS keeps elsewhere.

    Attributes:
        path: Relative to the top of the work tree.
        oid: SHA-256 of the real bytes, 64 hex digits.
        size: Of the real bytes.
        present: Whether the real bytes lie in the work tree, not the pointer's text.
    """

    path: str
    oid: str
    size: int
    present: bool


@frozen(kw_only=True)
class CodeTree:
    """A Git work tree as it is now.

    Attributes:
        root: Top of the work tree.
        base: What *files* and *omitted* are relative to: *root*, or a folder below it
            where the caller named that one.
        commit: Full hex object name; None where there is no commit yet.
        branch: None where no branch is checked out.
        tag: A tag that names this very commit.
        remote: Where it was cloned from, without credentials, query and fragment;
            None where it is a folder or cannot be parsed.
        pushed: Whether a remote-tracking branch holds the commit: what was last heard
            of the remote, nobody is asked. None where that cannot be told.
        dirty: Whether tracked files differ from the commit. None where that cannot be
            told without running the repository's own filters. Changes inside
            submodules do not count: *submodules* has them.
        patch: From the commit to the tracked files as they are, for ``git apply``;
            None where nothing changed, or where it is not kept: *warnings* say why.
        untracked: Files that are neither tracked nor ignored, relative to *root*.
        submodules: With those inside them.
        lfs: Files of Git LFS.
        shallow: Whether the history was cut off by the clone.
        files: Tracked and unignored files that can be stored, submodules' too.
            Sorted; each is a regular file, or a link to one of *root*.
        omitted: What was left out, with the reason: ``("a.pem", "is named like ...")``.
        too_large: Whether *files* is empty because there are too many or too much.
        warnings: Sentences for the one who registers.
    """

    root: Path
    base: Path
    commit: str | None
    branch: str | None = None
    tag: str | None = None
    remote: str | None = None
    pushed: bool | None = None
    dirty: bool | None = None
    patch: bytes | None = None
    untracked: tuple[str, ...] = ()
    submodules: tuple[Submodule, ...] = ()
    lfs: tuple[LfsFile, ...] = ()
    shallow: bool = False
    files: tuple[str, ...] = ()
    omitted: tuple[tuple[str, str], ...] = ()
    too_large: bool = False
    warnings: tuple[str, ...] = ()
