"""Whatever is done to a work tree, commit and patch give it back."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings, strategies as st

from tests.unit.capture.repositories import Repo

NAMES = st.sampled_from(
    ["a.py", "b.txt", "dir/c.py", "dir/deep/d.dat", "dir2/e", "f g.py", "ü.py", "-x"]
)
CONTENT = st.one_of(
    st.binary(max_size=40),
    st.text("ab\n\r \\", max_size=40).map(str.encode),
    st.sampled_from([b"", b"\n", b"x", b"diff --git a/a b/a\n", b"\0" * 300]),
)
TREE = st.dictionaries(NAMES, st.tuples(CONTENT, st.booleans()), max_size=6)


def _make(repo: Repo, tree: dict[str, tuple[bytes, bool]]) -> None:
    """Let the work tree hold exactly these files."""
    for path in sorted(repo.path.rglob("*"), reverse=True):
        if ".git" in path.relative_to(repo.path).parts:
            continue
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    repo.write({name: content for name, (content, _) in tree.items()})
    for name, (_, executable) in tree.items():
        (repo.path / name).chmod(0o755 if executable else 0o644)


def _seen(root: Path, files: tuple[str, ...]) -> dict[str, tuple[bytes, bool]]:
    return {f: ((root / f).read_bytes(), os.access(root / f, os.X_OK)) for f in files}


@settings(max_examples=12)
@given(before=TREE, after=TREE, stage=st.booleans())
def test_commit_and_patch_give_the_tree_back(
    before: dict[str, tuple[bytes, bool]],
    after: dict[str, tuple[bytes, bool]],
    *,
    stage: bool,
) -> None:
    """The files are those that lie there; the patch makes the commit the same.

    What was not tracked is no part of the patch.
    """
    with tempfile.TemporaryDirectory() as folder:
        repo = Repo.init(Path(folder) / "repo")
        _make(repo, before)
        repo.git("add", "-A")
        repo.git("commit", "-q", "--allow-empty", "-m", "before")
        _make(repo, after)
        if stage:
            repo.git("add", "-A")
        found = repo.tree()
        assert set(found.files) == set(after)
        tracked = set(after) if stage else set(after) & set(before)
        known = {name: after[name] for name in tracked}
        assert found.dirty is (known != before)
        assert (found.patch is not None) is found.dirty
        clone = repo.applied(found.patch or b"", Path(folder) / "clone")
        rest = tuple(sorted(tracked))
        assert _seen(clone, rest) == _seen(repo.path, rest) == known
        assert not [name for name in before.keys() - after if (clone / name).exists()]
