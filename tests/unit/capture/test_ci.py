"""What a pipeline says of a run, from the variables that its provider documents."""

import json

import pytest
from hypothesis import given, strategies as st

from modelver._capture.ci import PROVIDERS, capture_ci

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "a/b",
                "GITHUB_RUN_ID": "7",
                "GITHUB_RUN_ATTEMPT": "2",
                "GITHUB_SHA": COMMIT,
                "GITHUB_REF": "refs/pull/12/merge",
                "GITHUB_ACTOR": "ada",
                "GITHUB_TOKEN": "ghs_secret",
            },
            {
                "ci": "github-actions",
                "ci_url": "https://github.com/a/b/actions/runs/7",
                "ci_run": "7",
                "ci_attempt": "2",
                "ci_commit": COMMIT,
                "ci_ref": "refs/pull/12/merge",
                "ci_actor": "ada",
                "ci_request": "12",
            },
            id="github",
        ),
        pytest.param(
            {
                "CI": "true",
                "GITLAB_CI": "true",
                "CI_PIPELINE_URL": "https://gitlab.example/a/b/-/pipelines/9",
                "CI_PIPELINE_ID": "9",
                "CI_JOB_ID": "91",
                "CI_COMMIT_SHA": COMMIT,
                "CI_COMMIT_REF_NAME": "main",
                "GITLAB_USER_LOGIN": "ada",
                "CI_MERGE_REQUEST_IID": "3",
                "CI_JOB_TOKEN": "secret",
            },
            {
                "ci": "gitlab-ci",
                "ci_url": "https://gitlab.example/a/b/-/pipelines/9",
                "ci_run": "9",
                "ci_attempt": "91",
                "ci_commit": COMMIT,
                "ci_ref": "main",
                "ci_actor": "ada",
                "ci_request": "3",
            },
            id="gitlab",
        ),
        pytest.param(
            {
                "JENKINS_URL": "https://j.example/",
                "BUILD_URL": "https://j.example/job/train/4/",
                "BUILD_TAG": "jenkins-train-4",
                "GIT_COMMIT": "not a commit",
                "GIT_BRANCH": "origin/main",
                "CHANGE_ID": "5",
            },
            {
                "ci": "jenkins",
                "ci_url": "https://j.example/job/train/4/",
                "ci_run": "jenkins-train-4",
                "ci_ref": "origin/main",
                "ci_request": "5",
            },
            id="jenkins",
        ),
        pytest.param(
            {"BUILDKITE": "true", "BUILDKITE_PULL_REQUEST": "false"},
            {"ci": "buildkite"},
            id="buildkite",
        ),
        pytest.param({"CI": "true"}, {"ci": "unknown"}, id="any"),
        pytest.param({"CI": "", "GITHUB_SHA": COMMIT}, {}, id="none"),
    ],
)
def test_pipeline(variables: dict[str, str], expected: dict[str, str]) -> None:
    """Each provider's run, attempt, commit, branch, person and request; no token."""
    assert capture_ci(variables) == expected


NAMES = st.sampled_from(
    [
        *(provider.marker for provider in PROVIDERS),
        *("GITHUB_REF", "GITHUB_SHA", "CI_PIPELINE_URL", "BUILD_URL", "BUILD_TAG"),
    ]
)


@given(st.dictionaries(NAMES, st.text(max_size=300)))
def test_any_values_give_short_plain_lines(variables: dict[str, str]) -> None:
    """Whatever the variables hold, what is recorded is short and on one line."""
    found = capture_ci(variables)
    assert json.dumps(found)
    for value in found.values():
        assert len(value) <= 1000
        assert "\n" not in value
        assert "\x1b" not in value
