"""The container: its image where one is told, and whether it is one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelver._capture import container, find_container_file, given_container
from modelver._capture.container import capture_container, parse_image
from modelver.errors import InvalidInputError

DIGEST = "sha256:" + "0f" * 32


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that stands for the root of a machine with no container."""
    marks = (tmp_path / ".dockerenv", tmp_path / ".containerenv")
    monkeypatch.setattr(container, "_MARKS", marks)
    monkeypatch.setattr(container, "_ENVIRONMENT", marks[1])
    monkeypatch.setattr(container, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(container, "_MOUNTS", tmp_path / "mountinfo")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python:3.11", {"image": "python:3.11"}),
        (f"python@{DIGEST}", {"image": "python", "digest": DIGEST}),
        (
            f"reg.example:5000/a/b_c:1.2-x@{DIGEST}",
            {"image": "reg.example:5000/a/b_c:1.2-x", "digest": DIGEST},
        ),
        ("", {}),
        ("user:secret@reg.example/a", {}),
        ("https://reg.example/a", {}),
        ("a b", {}),
        ("python:3.11\nFROM evil", {}),
        ("python@sha256:abc", {}),
        ("-v", {}),
        ("a" * 1000, {}),
    ],
)
def test_reference(text: str, expected: dict[str, str]) -> None:
    """Name and digest of an image; nothing of what is no reference."""
    assert parse_image(text) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"a/b@{DIGEST}", {"image": "a/b", "digest": DIGEST, "source": "caller"}),
        ("a/b:1", {"image": "a/b:1", "source": "caller"}),
        (
            {"image": "a/b:1", "digest": DIGEST},
            {"image": "a/b:1", "digest": DIGEST, "source": "caller"},
        ),
    ],
)
def test_given(given: str | Mapping[str, str], expected: Mapping[str, str]) -> None:
    """What the caller says is taken as text or as a mapping."""
    assert given_container(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "",
        "user:secret@reg.example/a",
        {"digest": DIGEST},
        {"image": "a", "digest": "sha256:7"},
        {"image": "a", "tag": "1"},
        7,
        None,
    ],
)
def test_nonsense_is_refused_without_repeating_it(given: Any) -> None:
    """What is no reference is refused, and says what would be one."""
    with pytest.raises(InvalidInputError, match="reference to a container") as refused:
        given_container(given)
    assert "sha256" in refused.value.hints[0]


def test_what_says_the_image(root: Path) -> None:
    """One's own variable first, then GitLab's, then what Podman left."""
    podman = root / ".containerenv"
    podman.write_text(f'engine="podman-5"\nimage="quay.io/a:1@{DIGEST}"\n')
    found = capture_container({"CI_JOB_IMAGE": "b:2", "MODELVER_IMAGE": "c:3"})
    assert (found["image"], found["source"]) == ("c:3", "MODELVER_IMAGE")
    found = capture_container({"CI_JOB_IMAGE": "b:2", "MODELVER_IMAGE": "x y"})
    assert (found["image"], found["source"]) == ("b:2", "CI_JOB_IMAGE")
    assert capture_container({}) == {
        "image": "quay.io/a:1",
        "digest": DIGEST,
        "source": "containerenv",
        "inside": True,
    }


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".dockerenv", ""),
        ("cgroup", "12:pids:/docker/0f\n"),
        ("cgroup", "0::/kubepods/burstable/pod1\n"),
        (
            "mountinfo",
            "1 0 0:1 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l\n",
        ),
    ],
)
def test_marks_of_engines(file: str, text: str, root: Path) -> None:
    """Each engine leaves one of these; without any, it is no container."""
    assert capture_container({}) == {"inside": False}
    (root / file).write_text(text)
    assert capture_container({}) == {"inside": True}


def test_a_layered_disk_is_no_container(root: Path) -> None:
    """Live systems have a layered root as well."""
    (root / "mountinfo").write_text("1 0 0:1 / / rw - overlay none rw,lowerdir=/ro\n")
    assert capture_container({}) == {"inside": False}


def test_the_file_that_builds_it(tmp_path: Path) -> None:
    """A Dockerfile at the top is named, a folder of that name is not."""
    assert find_container_file(tmp_path) is None
    (tmp_path / "Containerfile").write_text("FROM x")
    (tmp_path / "Dockerfile").mkdir()
    assert find_container_file(tmp_path) == "Containerfile"
