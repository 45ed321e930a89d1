"""Lock files: found beside the code, compared with what is installed."""

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from modelver._capture import find_locks, lock_drift, lock_has_hashes

UV = """
version = 1
[[package]]
name = "Nump.Y"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://x/numpy.tar.gz", hash = "sha256:aa" }
wheels = [{ url = "https://x/numpy.whl", hash = "sha256:ab" }]
[[package]]
name = "mine"
source = { editable = "." }
"""
POETRY = """
[[package]]
name = "numpy"
version = "2.0"
files = [{ file = "numpy.whl", hash = "sha256:ab" }]
"""
PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "numpy"
version = "2.0"
wheels = [{ url = "https://x/numpy.whl", hashes = { sha256 = "ab" } }]
"""
REQUIREMENTS = """
# a comment
--index-url https://user:secret@x/
numpy == 2.0 \\
    --hash=sha256:ab \\
    --hash=sha256:ac
scipy>=1 --hash=sha256:ad
numpy==9.9 ; python_version < "3" --hash=sha256:af
https://x/y.whl --hash=sha256:ae
"""
PIPFILE = """
{"default": {"numpy": {"version": "==2.0", "hashes": ["sha256:ab"]}}, "develop": {}}
"""
EVERY = [
    ("uv.lock", UV),
    ("poetry.lock", POETRY),
    ("pdm.lock", POETRY),
    ("pylock.toml", PYLOCK),
    ("pylock.train.toml", PYLOCK),
    ("requirements.txt", REQUIREMENTS),
    ("requirements-train.txt", REQUIREMENTS),
    ("Pipfile.lock", PIPFILE),
]


def test_locks_are_found_and_nothing_else(tmp_path: Path) -> None:
    """Every known name, sorted; no link, folder, FIFO or giant, nor a name of bytes."""
    others = ["environment.yml", "conda-lock.yml", "pixi.lock"]
    names = [name for name, _ in EVERY] + others
    for name in [*names, "notes.txt", "pylock.toml.bak", "Cargo.lock"]:
        (tmp_path / name).write_text("x")
    (tmp_path / "requirements-folder.txt").mkdir()
    (tmp_path / "requirements-link.txt").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "requirements-fifo.txt")
    with (tmp_path / "requirements-giant.txt").open("wb") as file:
        file.truncate(2**40)
    undecodable = os.fsencode(tmp_path) + b"/requirements-\xff.txt"
    os.close(os.open(undecodable, os.O_CREAT | os.O_WRONLY))
    assert [path.name for path in find_locks(tmp_path)] == sorted(names)
    assert find_locks(tmp_path / "nowhere") == []


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    """A folder of a thousand requirements files gives twenty."""
    for n in range(1000):
        (tmp_path / f"requirements-{n:04}.txt").write_text("x")
    assert len(find_locks(tmp_path)) == 20


@pytest.mark.parametrize(("name", "text"), EVERY, ids=[name for name, _ in EVERY])
def test_drift(name: str, text: str, tmp_path: Path) -> None:
    """A pin that is not what is installed is said in one sentence; others are not."""
    path = tmp_path / name
    path.write_text(text)
    assert lock_drift([path], {"numpy": "2.0", "scipy": "1.1", "other": "1"}) == []
    assert lock_drift([path], {}) == []
    wanted = "nump-y" if name == "uv.lock" else "numpy"
    said = lock_drift([path], {wanted: "1.9"})
    assert said == [f"{name} pins {wanted} to 2.0, installed is 1.9"]
    assert lock_has_hashes(path)


@pytest.mark.parametrize(
    ("pinned", "installed", "sentences"),
    [
        ("2.0", "2.0+cu128", 0),
        ("2.0+cu128", "2.0", 1),
        ("2.0", "2.0.0", 0),
        ("2.0", "2.0.post1", 1),
        ("2.0", "nonsense", 1),
    ],
)
def test_versions_are_compared_as_versions(
    pinned: str, installed: str, sentences: int, tmp_path: Path
) -> None:
    """A lock that does not say which build is met by any; one that says it, by that."""
    path = tmp_path / "requirements.txt"
    path.write_text(f"torch=={pinned}\n")
    assert len(lock_drift([path], {"torch": installed})) == sentences


def test_pins_for_other_machines_are_no_drift(tmp_path: Path) -> None:
    """Of a package that is locked in two versions, for two Pythons, one is enough."""
    path = tmp_path / "uv.lock"
    path.write_text(
        '[[package]]\nname = "numpy"\nversion = "1.26"\n'
        '[[package]]\nname = "numpy"\nversion = "2.0"\n'
    )
    assert lock_drift([path], {"numpy": "1.26"}) == []
    assert "1.26 or 2.0" in lock_drift([path], {"numpy": "3.0"})[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", UV.replace('hash = "sha256:ab"', "")),
        ("pylock.toml", PYLOCK.replace('sha256 = "ab"', "")),
        ("requirements.txt", "numpy==1\nscipy==1 --hash=sha256:ab\n"),
        ("requirements.txt", "numpy>=1\n"),
        ("Pipfile.lock", PIPFILE.replace('"sha256:ab"', "")),
        ("environment.yml", "dependencies: [numpy=1]"),
        ("uv.lock", "[[package"),
    ],
)
def test_hashes_are_for_all_or_it_is_said(name: str, text: str, tmp_path: Path) -> None:
    """One pin without a hash, and the lock is not one with hashes."""
    path = tmp_path / name
    path.write_text(text)
    assert not lock_has_hashes(path)


def test_very_many_differences_are_counted(tmp_path: Path) -> None:
    """Twenty sentences, and how many more there are."""
    path = tmp_path / "requirements.txt"
    path.write_text("".join(f"p{n}==1\n" for n in range(100)))
    said = lock_drift([path], {f"p{n}": "2" for n in range(100)})
    assert len(said) == 21
    assert said[-1] == "... and 80 more"


def test_what_a_lock_says_is_shown_harmless(tmp_path: Path) -> None:
    """A version that would move the cursor is shown as what it is."""
    path = tmp_path / "uv.lock"
    path.write_text('[[package]]\nname = "numpy"\nversion = "1\\u001b[2J"\n')
    (said,) = lock_drift([path], {"numpy": "2"})
    assert "\x1b" not in said


@given(
    st.sampled_from([name for name, _ in EVERY]),
    st.binary(max_size=80)
    | st.text(max_size=80).map(str.encode)
    | st.integers(2, 4).map(lambda n: b"a = " + b"[" * 10**n),
)
def test_garbage_is_no_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes
) -> None:
    """Whatever a lock file holds, the answer is a list of sentences."""
    path = tmp_path_factory.mktemp("lock") / name
    path.write_bytes(data)
    assert isinstance(lock_drift([path], {"a": "1"}), list)
    assert lock_has_hashes(path) in (True, False)


def test_a_file_that_is_gone_says_nothing(tmp_path: Path) -> None:
    """A lock that was removed meanwhile, and one that became a FIFO, say nothing."""
    os.mkfifo(tmp_path / "uv.lock")
    gone = [tmp_path / "poetry.lock", tmp_path / "uv.lock"]
    assert lock_drift(gone, {"a": "1"}) == []
