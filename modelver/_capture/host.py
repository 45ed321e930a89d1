"""Who registers, and on what machine.

None of it is part of a bundle's identity: the same bundle may be made elsewhere.
"""

import getpass
import os
import platform
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from modelver._capture.scrub import clean, scrub_url

_WEB: Final = frozenset({"http", "https"})


def _user() -> str | None:
    try:
        return clean(getpass.getuser()) or None
    except Exception:  # noqa: BLE001 - OSError, KeyError or ImportError, by release
        return None


def default_author() -> str:
    """Return ``MODELVER_AUTHOR``, else the name of the user, else ``unknown``.

    One line of at most 200 characters; never raises.
    """
    return clean(os.environ.get("MODELVER_AUTHOR", "")) or _user() or "unknown"


def _github(variables: Mapping[str, str]) -> str:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (variables.get(name, "") for name in names)
    if not (server and repository and run):
        return ""
    return f"{server}/{repository}/actions/runs/{run}"


def _named(*names: str) -> Callable[[Mapping[str, str]], str]:
    def find(variables: Mapping[str, str]) -> str:
        return next((variables[name] for name in names if variables.get(name)), "")

    return find


# What marks a provider, its name, and where it says the run can be seen.
_PROVIDERS: Final = (
    ("GITHUB_ACTIONS", "github-actions", _github),
    ("GITLAB_CI", "gitlab-ci", _named("CI_PIPELINE_URL", "CI_JOB_URL")),
    ("JENKINS_URL", "jenkins", _named("BUILD_URL")),
    ("BUILDKITE", "buildkite", _named("BUILDKITE_BUILD_URL")),
    ("CIRCLECI", "circleci", _named("CIRCLE_BUILD_URL")),
    ("TF_BUILD", "azure-pipelines", _named()),
    ("CI", "unknown", _named()),
)


def _ci(variables: Mapping[str, str]) -> dict[str, str]:
    for marker, provider, find in _PROVIDERS:
        if variables.get(marker, "").lower() not in ("", "0", "false"):
            url = scrub_url(find(variables), schemes=_WEB)
            return {"ci": provider} | ({"ci_url": url} if url is not None else {})
    return {}


def capture_run() -> dict[str, str | int]:
    """Return what is known of this run; what is not known is left out.

    The keys are ``host``, ``system``, ``release``, ``machine``, ``user``, ``cpus``,
    ``ci`` (the provider) and ``ci_url`` (where people see the run).
    """
    user = clean(_user() or "")
    who: dict[str, str | int] = {"user": user} if user else {}
    return _machine() | who | _ci(os.environ)


@cache
def _machine() -> dict[str, str | int]:
    texts = {
        "host": platform.node(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
    }
    run: dict[str, str | int] = {k: clean(v) for k, v in texts.items() if clean(v)}
    cpus = os.cpu_count()
    if cpus is not None:
        run["cpus"] = cpus
    return run
