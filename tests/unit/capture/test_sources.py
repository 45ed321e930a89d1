"""Where a distribution came from: as its installer says, without what is secret."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelver._capture.sources import source_of
from modelver._values.requirements import pin

SECRET = "hunter2"  # noqa: S105
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHA = "ab" * 32


def source(**said: Any) -> str | None:
    """Return what is recorded of a direct_url.json."""
    return source_of(json.dumps(said).encode())


@pytest.mark.parametrize(
    ("said", "expected", "told"),
    [
        pytest.param(
            {
                "url": f"https://{SECRET}@git.example/a/b.git?t={SECRET}",
                "vcs_info": {"vcs": "git", "commit_id": COMMIT},
                "subdirectory": "python/pkg",
            },
            f"git+https://git.example/a/b.git@{COMMIT}#subdirectory=python/pkg",
            f"x @ git+https://git.example/a/b.git@{COMMIT}#subdirectory=python/pkg",
            id="git",
        ),
        pytest.param(
            {
                "url": "ssh://git@git.example:22/a/b.git",
                "vcs_info": {"vcs": "git", "commit_id": COMMIT},
            },
            f"git+ssh://git.example:22/a/b.git@{COMMIT}",
            f"x @ git+ssh://git@git.example:22/a/b.git@{COMMIT}",
            id="git-over-ssh",
        ),
        pytest.param(
            {
                "url": f"https://u:{SECRET}@h.example/x-1-py3-none-any.whl#{SECRET}",
                "archive_info": {"hashes": {"sha256": SHA}},
            },
            f"https://h.example/x-1-py3-none-any.whl#sha256={SHA}",
            f"x @ https://h.example/x-1-py3-none-any.whl#sha256={SHA}",
            id="archive",
        ),
        pytest.param(
            {
                "url": "https://h.example/x.zip",
                "archive_info": {"hash": f"sha256={SHA}"},
            },
            f"https://h.example/x.zip#sha256={SHA}",
            f"x @ https://h.example/x.zip#sha256={SHA}",
            id="archive-as-old-pip-says",
        ),
        pytest.param(
            {"url": "https://h.example/x.zip", "archive_info": {}},
            "https://h.example/x.zip",
            "x @ https://h.example/x.zip",
            id="archive-without-hash",
        ),
        pytest.param(
            {"url": "file:///home/ada/x", "dir_info": {"editable": True}},
            "editable",
            None,
            id="editable",
        ),
        pytest.param(
            {"url": "file:///home/ada/x", "dir_info": {}}, "local", None, id="folder"
        ),
        pytest.param(
            {"url": "file:///home/ada/x.whl", "archive_info": {}},
            "local",
            None,
            id="file",
        ),
        pytest.param(
            {"url": f"https://h.example/a@{SECRET}/x.whl", "archive_info": {}},
            "unknown",
            None,
            id="what-cannot-be-scrubbed",
        ),
        pytest.param(
            {
                "url": "https://git.example/a",
                "vcs_info": {"vcs": "git", "commit_id": "$(id)"},
            },
            "unknown",
            None,
            id="what-is-no-commit",
        ),
        pytest.param({"url": 7}, None, "x==1", id="no-url"),
        pytest.param({}, None, "x==1", id="nothing"),
    ],
)
def test_source(said: dict[str, Any], expected: str | None, told: str | None) -> None:
    """What is recorded, what an installer is told of it, and no secret in either."""
    found = source(**said)
    assert found == expected
    assert SECRET not in str(found)
    assert "ada" not in str(found)
    assert pin("x", "1", found) == told


@given(st.binary(max_size=60))
def test_garbage_says_nothing(said: bytes) -> None:
    """What is no direct_url.json is passed over."""
    assert source_of(said) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["url", "vcs_info", "vcs", "commit_id", "dir_info", "hash"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_has_a_source_or_none(said: object) -> None:
    """Whatever the file holds, the answer is one line, or nothing."""
    found = source_of(json.dumps(said).encode())
    assert found is None or found.isprintable()
