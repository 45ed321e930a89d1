"""Which pipeline this is, from variables that the provider documents.

GitHub: "Variables reference"; GitLab: "Predefined CI/CD variables reference"; Jenkins:
"Using a Jenkinsfile" and the Git and Branch API plug-ins; the others likewise.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from attrs import Factory, frozen

from modelver._capture.scrub import clean, scrub_url

_WEB: Final = frozenset({"http", "https"})
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PULL = re.compile(r"refs/pull/([0-9]{1,18})/")
_NOTHING: Final = frozenset({"", "0", "false"})

Find = Callable[[Mapping[str, str]], str]


def _named(*names: str) -> Find:
    """Return what finds the first of some variables that says something."""

    def find(variables: Mapping[str, str]) -> str:
        return next((variables[name] for name in names if variables.get(name)), "")

    return find


def _nothing(_: Mapping[str, str]) -> str:
    return ""


def _github(variables: Mapping[str, str]) -> str:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (variables.get(name, "") for name in names)
    if not (server and repository and run):
        return ""
    return f"{server}/{repository}/actions/runs/{run}"


def _pull(variables: Mapping[str, str]) -> str:
    found = _PULL.match(variables.get("GITHUB_REF", ""))
    return "" if found is None else found[1]


@frozen
class Provider:
    """What marks a provider, its name, and where it says what.

    Attributes:
        marker: A variable that is set, and not to ``false``.
        name: As it is recorded.
        url: Where people see the run.
        facts: Key of the record to what finds its value.
    """

    marker: str
    name: str
    url: Find = _nothing
    facts: Mapping[str, Find] = Factory(dict)


PROVIDERS: Final = (
    Provider(
        "GITHUB_ACTIONS",
        "github-actions",
        _github,
        {
            "ci_run": _named("GITHUB_RUN_ID"),
            "ci_attempt": _named("GITHUB_RUN_ATTEMPT"),
            "ci_commit": _named("GITHUB_SHA"),
            "ci_ref": _named("GITHUB_REF"),
            "ci_actor": _named("GITHUB_ACTOR"),
            "ci_request": _pull,
        },
    ),
    Provider(
        "GITLAB_CI",
        "gitlab-ci",
        _named("CI_PIPELINE_URL", "CI_JOB_URL"),
        {
            "ci_run": _named("CI_PIPELINE_ID"),
            "ci_attempt": _named("CI_JOB_ID"),  # each retry is a job of its own
            "ci_commit": _named("CI_COMMIT_SHA"),
            "ci_ref": _named("CI_COMMIT_REF_NAME"),
            "ci_actor": _named("GITLAB_USER_LOGIN"),
            "ci_request": _named("CI_MERGE_REQUEST_IID"),
        },
    ),
    Provider(
        "JENKINS_URL",
        "jenkins",
        _named("BUILD_URL"),
        {
            "ci_run": _named("BUILD_TAG", "BUILD_NUMBER"),
            "ci_commit": _named("GIT_COMMIT"),
            "ci_ref": _named("BRANCH_NAME", "GIT_BRANCH"),
            "ci_actor": _named("CHANGE_AUTHOR", "BUILD_USER_ID"),
            "ci_request": _named("CHANGE_ID"),
        },
    ),
    Provider(
        "BUILDKITE",
        "buildkite",
        _named("BUILDKITE_BUILD_URL"),
        {
            "ci_run": _named("BUILDKITE_BUILD_NUMBER"),
            "ci_attempt": _named("BUILDKITE_RETRY_COUNT"),
            "ci_commit": _named("BUILDKITE_COMMIT"),
            "ci_ref": _named("BUILDKITE_BRANCH"),
            "ci_actor": _named("BUILDKITE_BUILD_CREATOR"),
            "ci_request": _named("BUILDKITE_PULL_REQUEST"),
        },
    ),
    Provider(
        "CIRCLECI",
        "circleci",
        _named("CIRCLE_BUILD_URL"),
        {
            "ci_run": _named("CIRCLE_BUILD_NUM"),
            "ci_commit": _named("CIRCLE_SHA1"),
            "ci_ref": _named("CIRCLE_BRANCH", "CIRCLE_TAG"),
            "ci_actor": _named("CIRCLE_USERNAME"),
            "ci_request": _named("CIRCLE_PR_NUMBER"),
        },
    ),
    Provider(
        "TF_BUILD",
        "azure-pipelines",
        facts={
            "ci_run": _named("BUILD_BUILDID"),
            "ci_attempt": _named("SYSTEM_JOBATTEMPT"),
            "ci_commit": _named("BUILD_SOURCEVERSION"),
            "ci_ref": _named("BUILD_SOURCEBRANCH"),
            "ci_actor": _named("BUILD_REQUESTEDFOR"),
            "ci_request": _named("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER"),
        },
    ),
    Provider("CI", "unknown"),
)
"""In the order in which they are looked for; the last is any other one."""


def capture_ci(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what the provider says of this run; nothing where it is no pipeline.

    The keys are ``ci`` (the provider), ``ci_url`` (where people see the run),
    ``ci_run``, ``ci_attempt``, ``ci_commit``, ``ci_ref``, ``ci_actor`` (who started it)
    and ``ci_request`` (the number of a pull or merge request).
    """
    for provider in PROVIDERS:
        if variables.get(provider.marker, "").lower() in _NOTHING:
            continue
        found = {"ci": provider.name}
        url = scrub_url(provider.url(variables), schemes=_WEB)
        if url is not None:
            found["ci_url"] = url
        for key, find in provider.facts.items():
            text = clean(find(variables))
            if key == "ci_commit" and not _COMMIT.fullmatch(text):
                continue
            if text.lower() not in _NOTHING:
                found[key] = text
        return found
    return {}
