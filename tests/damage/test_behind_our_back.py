"""A registry replaced, put back or forked while nobody looked.

Each copy is sound by itself: only somebody who has seen another one can tell.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import modelver
from modelver import ErrorKind, IntegrityError, Registry

CASES = {
    "replaced": ErrorKind.REGISTRY_REPLACED,
    "rolled-back": ErrorKind.REGISTRY_ROLLED_BACK,
    "forked": ErrorKind.REGISTRY_FORKED,
    "forked-longer": ErrorKind.REGISTRY_FORKED,
    "forked-early": ErrorKind.REGISTRY_FORKED,
}


def _register(folder: Path, data: bytes) -> None:
    # A client of its own: what it saw is not what this machine remembers.
    home = os.environ["MODELVER_STATE_DIR"]
    os.environ["MODELVER_STATE_DIR"] = f"{folder}.state"
    try:
        Registry(folder, create=True).register("m", {"w": data}, environment=False)
    finally:
        os.environ["MODELVER_STATE_DIR"] = home


def _swap(folder: Path, other: Path) -> None:
    shutil.rmtree(folder)
    other.rename(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a registry of three versions, next to copies from when it had fewer."""
    folder = tmp_path / "r"
    for number in range(3):
        _register(folder, str(number).encode())
        shutil.copytree(folder, tmp_path / f"after-{number + 1}")
    return folder


@pytest.fixture
def swap(folder: Path, tmp_path: Path) -> Callable[[str], None]:
    """Return what puts another registry in the place of the folder."""

    def act(case: str) -> None:
        other = tmp_path / "after-2"
        if case == "replaced":
            other = tmp_path / "new"
            for data in (b"0", b"1", b"2", b"3"):
                _register(other, data)
        elif case == "forked":
            _register(other, b"another third")
        elif case == "forked-longer":
            _register(other, b"another third")
            _register(other, b"and a fourth")
        elif case == "forked-early":
            other = tmp_path / "after-1"
            for data in (b"another second", b"another third", b"and a fourth"):
                _register(other, data)
        assert Registry(other).verify()
        _swap(folder, other)

    return act


@pytest.mark.parametrize("case", CASES)
def test_the_next_process(folder: Path, swap: Callable[[str], None], case: str) -> None:
    """A later registry of this machine refuses it, to read and to write, by memory."""
    assert Registry(folder).seq == 3
    swap(case)
    for act in (
        lambda: Registry(folder).models(),
        lambda: Registry(folder).get("m").read("w"),
        lambda: Registry(folder).register("m", {"w": b"x"}, environment=False),
        lambda: Registry(folder).promote("m", "production"),
    ):
        before = sorted(folder.rglob("*"))
        with pytest.raises(IntegrityError) as caught:
            act()
        assert caught.value.kind is CASES[case]
        assert "forget" in caught.value.hints[0]
        assert [p for p in sorted(folder.rglob("*")) if "objects" not in str(p)] == [
            p for p in before if "objects" not in str(p)
        ]


@pytest.mark.parametrize("case", ["rolled-back", "forked", "forked-longer"])
def test_the_same_process(folder: Path, swap: Callable[[str], None], case: str) -> None:
    """A registry that was open before refuses it at the next question."""
    registry = Registry(folder)
    assert registry.seq == 3
    swap(case)
    with pytest.raises(IntegrityError) as caught:
        registry.models()
    assert caught.value.kind is CASES[case]
    with pytest.raises(IntegrityError):
        registry.promote("m", "production")


def test_an_open_one_that_is_replaced(
    folder: Path, swap: Callable[[str], None]
) -> None:
    """To a registry that is open, one that replaces it is a fork of its own log."""
    registry = Registry(folder)
    assert registry.seq == 3
    swap("replaced")
    with pytest.raises(IntegrityError) as caught:
        registry.models()
    assert caught.value.kind is ErrorKind.REGISTRY_FORKED


@pytest.mark.parametrize("case", CASES)
def test_a_real_other_process(
    folder: Path, swap: Callable[[str], None], case: str
) -> None:
    """What one process saw, another one remembers."""
    script = (
        "import sys, modelver\n"
        "try:\n"
        "    print(modelver.Registry(sys.argv[1]).seq)\n"
        "except modelver.IntegrityError as error:\n"
        "    print(error.kind)\n"
    )

    def ask() -> str:
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            check=True,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
        )
        return done.stdout.strip()

    assert ask() == "3"
    swap(case)
    assert ask() == CASES[case]


@pytest.mark.parametrize("case", CASES)
def test_a_change_that_was_meant(
    folder: Path, swap: Callable[[str], None], case: str
) -> None:
    """After ``forget``, what stands there is believed and remembered again."""
    assert Registry(folder).seq == 3
    swap(case)
    modelver.forget(folder)
    seq = Registry(folder).seq
    assert seq >= 2
    Registry(folder).register("m", {"w": b"x"}, environment=False)
    assert Registry(folder).seq == seq + 1


def test_a_client_that_has_seen_nothing(
    folder: Path, swap: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that never was here cannot tell: each copy is sound by itself."""
    swap("rolled-back")
    monkeypatch.setenv("MODELVER_STATE_DIR", str(folder.parent / "other"))
    assert Registry(folder).seq == 2
    assert Registry(folder).verify()


def test_a_newer_copy_is_welcome(folder: Path, tmp_path: Path) -> None:
    """A copy that went on from what was seen is the same registry."""
    newer = tmp_path / "newer"
    shutil.copytree(folder, newer)
    _register(newer, b"fourth")
    assert Registry(folder).seq == 3
    _swap(folder, newer)
    assert Registry(folder).seq == 4


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"uuid": 1}', "\x00", '{"uuid":"","seq":"x","head":""}'],
)
def test_a_memory_that_is_torn(folder: Path, tmp_path: Path, text: str) -> None:
    """A memory that cannot be read is none: it is no reason to refuse a registry."""
    assert Registry(folder).seq == 3
    (file,) = Path(os.environ["MODELVER_STATE_DIR"]).rglob("*.jsonl")
    assert json.loads(file.read_text())["seq"] == 3
    file.write_text(text)
    assert Registry(folder).seq == 3
    assert json.loads(file.read_text())["seq"] == 3
    assert not list(tmp_path.glob("**/*.tmp"))


def test_a_memory_that_cannot_be_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no memory can be kept, reading and writing go on without one."""
    blocked = folder.parent / "file"
    blocked.write_text("")
    monkeypatch.setenv("MODELVER_STATE_DIR", str(blocked))
    assert Registry(folder).seq == 3
    Registry(folder).promote("m", "production")
    assert Registry(folder).seq == 4


def test_one_uuid_two_addresses(folder: Path, tmp_path: Path) -> None:
    """A copy under another address is another place: each is remembered by itself."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    _register(copy, b"fourth")
    assert Registry(copy).seq == 4
    assert Registry(folder).seq == 3
    link = tmp_path / "link"
    link.symlink_to(folder)
    _swap(folder, copy)
    assert Registry(link).seq == 4
    assert Registry(folder).uuid == Registry(link).uuid
