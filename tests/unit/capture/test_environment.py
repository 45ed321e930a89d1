"""What is installed, found by metadata alone."""

import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from modelver._capture import capture_environment


def _install(
    folder: Path, name: str, text: str | bytes, file: str = "METADATA"
) -> None:
    info = folder / name
    info.mkdir(parents=True)
    data = text.encode() if isinstance(text, str) else text
    (info / file).write_bytes(data)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in front of everything else on ``sys.path``."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_names_the_interpreter_and_what_it_can_import() -> None:
    """Python, implementation and a package that is surely there are recorded."""
    found = capture_environment()
    assert found.implementation == sys.implementation.name
    assert found.python.split(".")[:2] == [str(n) for n in sys.version_info[:2]]
    assert found.packages["attrs"] == version("attrs")
    assert list(found.packages) == sorted(found.packages)


def test_names_are_normalised_and_old_metadata_is_read(place: Path) -> None:
    """Spellings of one name meet, in wheels, eggs and with Windows line ends."""
    _install(
        place, "a.dist-info", "Metadata-Version: 2.1\nName: My.Pack_Age\nVersion: 1\n"
    )
    _install(place, "b.egg-info", "Name: old\r\nVersion: 2\r\n\r\ntext", "PKG-INFO")
    (place / "c.egg-info").write_text("Name: older\nVersion: 3\n")
    packages = capture_environment().packages
    assert (packages["my-pack-age"], packages["old"], packages["older"]) == (
        "1",
        "2",
        "3",
    )


def test_the_first_on_the_path_wins(place: Path) -> None:
    """A package that shadows another is the one that is recorded."""
    _install(place, "attrs-0.0.1.dist-info", "Name: attrs\nVersion: 0.0.1\n")
    assert capture_environment().packages["attrs"] == "0.0.1"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\0\0", id="not-text"),
        pytest.param(b"Name: odd\n", id="no-version"),
        pytest.param(b"Version: 1\n", id="no-name"),
        pytest.param(b"Name: ../../odd\nVersion: 1\n", id="bad-name"),
        pytest.param(b"Summary: x\n\nName: odd\nVersion: 1\n", id="in-the-description"),
        pytest.param(b"Name: odd\nVersion: " + b"1" * 10_000, id="endless-version"),
    ],
)
def test_broken_metadata_hides_nothing_else(place: Path, text: bytes) -> None:
    """A distribution that cannot be read is left out, and the others stay."""
    _install(place, "odd-1.dist-info", text)
    _install(place, "fine-2.dist-info", "Name: fine\nVersion: 2\n")
    (place / "hollow-1.dist-info").mkdir()
    packages = capture_environment().packages
    assert packages["fine"] == "2"
    assert not [name for name in packages if "odd" in name or "hollow" in name]


def test_what_pip_left_behind_is_not_installed(place: Path) -> None:
    """A folder that an interrupted pip moved aside is not a distribution."""
    _install(place, "~one-1.dist-info", "Name: one\nVersion: 1\n")
    assert "one" not in capture_environment().packages


def test_a_finder_that_fails_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's broken import hook does not reach a registration."""

    class Broken:
        @staticmethod
        def find_distributions(*_: object) -> None:
            raise RuntimeError

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Broken])
    monkeypatch.setattr(sys, "path", [*sys.path, "/nowhere"])  # forget the last answer
    assert "attrs" in capture_environment().packages


def test_a_package_installed_meanwhile_is_noticed(place: Path) -> None:
    """After ``%pip install`` in a notebook the next capture knows the package."""
    assert "late" not in capture_environment().packages
    _install(place, "late-1.dist-info", "Name: late\nVersion: 1\n")
    assert capture_environment().packages["late"] == "1"


def test_the_second_answer_is_free_and_cannot_be_spoiled() -> None:
    """A repeated capture takes under a millisecond, and callers share no state."""
    first = capture_environment()
    times = []
    for _ in range(20):
        start = time.perf_counter()
        capture_environment()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1
    dict.clear(first.packages)  # type: ignore[arg-type]
    assert "attrs" in capture_environment().packages
