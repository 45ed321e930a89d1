"""Author, host and pipeline."""

import getpass
import json
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from modelver._capture import capture_run, default_author
from modelver._capture.ci import PROVIDERS
from modelver._capture.scrub import clean

SECRET = "hunter2"  # noqa: S105


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS:
        monkeypatch.delenv(provider.marker, raising=False)


def _nobody() -> str:
    raise OSError


def test_author_is_said_else_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """``MODELVER_AUTHOR`` wins; then the user; then somebody unknown."""
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    assert default_author() == "ada"
    monkeypatch.setenv("MODELVER_AUTHOR", "Grace  \n Hopper\x1b[31m")
    assert default_author() == "Grace Hopper [31m"
    monkeypatch.setenv("MODELVER_AUTHOR", " \t ")
    assert default_author() == "ada"
    monkeypatch.setattr(getpass, "getuser", _nobody)
    assert default_author() == "unknown"
    assert "user" not in capture_run()


@given(st.text(st.characters(categories=["L", "C", "Z"]), max_size=2000))
def test_cleaned_text_is_one_short_line(text: str) -> None:
    """No control character, no direction mark, at most 200 characters, and stable."""
    found = clean(text)
    assert len(found) <= 200
    assert all(unicodedata.category(c)[0] != "C" for c in found)
    assert "\u2028" not in found
    assert clean(found) == found


def test_run_is_json_and_leaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small JSON; no argument, path or variable that is not listed is in it."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("sys.argv", ["train.py", "--password", SECRET])
    run = capture_run()
    said = json.dumps(run, allow_nan=False)
    assert SECRET not in said
    assert str(Path.home()) not in said
    assert str(Path.cwd()) not in said
    assert len(said) < 8_000
    assert set(run) <= {
        *("host", "system", "release", "machine", "user", "cpus", "libc", "platform"),
        *("hardware", "variables", "determinism", "container"),
    }


def test_nothing_that_fails_fails_a_registration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Libraries that raise, answer nonsense or are half imported cost their answer."""

    class Hostile:
        def __getattr__(self, name: str) -> object:
            raise KeyError(name)

    for name in ("torch", "tensorflow", "threadpoolctl", "numpy.random", "random"):
        monkeypatch.setitem(sys.modules, name, Hostile())
    run = capture_run()
    assert run["system"]
    assert set(run["determinism"]) == {"hash_seed"}


@pytest.mark.parametrize(
    ("variables", "provider", "url"),
    [
        (
            {
                "GITHUB_ACTIONS": "true",
                "CI": "true",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "a/b",
                "GITHUB_RUN_ID": "7",
            },
            "github-actions",
            "https://github.com/a/b/actions/runs/7",
        ),
        ({"GITHUB_ACTIONS": "true"}, "github-actions", None),
        (
            {
                "GITLAB_CI": "true",
                "CI_PIPELINE_URL": f"https://u:{SECRET}@g.example/p/1?t={SECRET}",
            },
            "gitlab-ci",
            "https://g.example/p/1",
        ),
        (
            {"JENKINS_URL": "http://j/", "BUILD_URL": "http://j:8080/job/x/3/"},
            "jenkins",
            "http://j:8080/job/x/3/",
        ),
        (
            {"JENKINS_URL": "http://j/", "BUILD_URL": "javascript:alert(1)"},
            "jenkins",
            None,
        ),
        ({"CI": "1"}, "unknown", None),
        ({"CI": "false"}, None, None),
    ],
)
def test_pipeline(
    variables: dict[str, str],
    provider: str | None,
    url: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The provider and a link to the run, scrubbed, from named variables only."""
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    run = capture_run()
    assert (run.get("ci"), run.get("ci_url")) == (provider, url)
    assert SECRET not in json.dumps(run)
