"""Configuration, packages, and what lies below them."""

import re
from typing import Any, Final

from modelver._values.audit import Check
from modelver._values.ingredients.found import (
    Found,
    check,
    mapping,
    names,
    no,
    sequence,
    yes,
)
from modelver._values.manifest import Environment

_HASHED_LOCK: Final = re.compile(
    r"uv\.lock|poetry\.lock|pdm\.lock|Pipfile\.lock|pixi\.lock"
    r"|pylock(?:\.[\w-]+)?\.toml|(?:[\w.-]+\.)?conda-lock\.ya?ml"
)
_REQUIREMENTS: Final = re.compile(r"[\w.-]{0,100}?requirements[\w.-]*\.(?:txt|lock)")
_PROJECT: Final = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})


def checks(found: Found) -> list[Check]:
    """Return the checks of configuration and environment."""
    environment = found.bundle.environment
    return [
        _configuration(found),
        _packages(environment),
        _lock(environment, found),
        _local(environment, found),
        _container(found.run.get("container")),
    ]


def _configuration(found: Found) -> Check:
    files = found.paths("config")
    if files:
        return yes("configuration", names(files))
    params = found.record.params
    if params:
        what = f"{len(params):,} parameters"
        return yes("configuration", what)
    advice = "Give the settings of the run: config= (--config), or params= (--params)."
    if found.code:
        what = "no settings are kept beside those that the code has"
        return check("configuration", "partly", what, advice)
    return no("configuration", "no settings are kept", advice)


def _packages(environment: Environment | None) -> Check:
    advice = "Register with the Python that trains, without environment=False."
    if environment is None:
        return no("packages", "neither Python nor packages are recorded", advice)
    python = f"{environment.implementation} {environment.python}"
    if not environment.packages:
        return check("packages", "partly", f"{python}, and no package", advice)
    count = len(environment.packages)
    return yes("packages", f"{python}, {count:,} packages")


def _lock(environment: Environment | None, found: Found) -> Check:
    advice = (
        "Keep a lock file with hashes in the project: uv.lock, poetry.lock, pylock."
    )
    locks = [
        path
        for path in found.paths("environment", "code", "config")
        if _HASHED_LOCK.fullmatch(path.rpartition("/")[2])
    ]
    packages = {} if environment is None else environment.packages
    bare = []
    if environment is not None and packages:
        bare = [n for n in packages if not _pinned(environment, n)]
        if not bare:
            what = f"of all {len(packages):,} packages it is known what their files are"
            return yes("lock", what)
    drift = [said for path in locks for said in _drift(path, found)]
    if drift:
        what = f"the lock is not what was installed: {names(drift)}"
        return check("lock", "partly", what, "Install what the lock says.")
    if locks:
        return yes("lock", f"kept: {names(locks)}")
    if bare and len(bare) < len(packages):
        what = f"{len(bare):,} packages are known by version alone: {names(bare)}"
        return check("lock", "partly", what, advice)
    loose = [
        path
        for path in found.paths("environment", "code")
        if _REQUIREMENTS.fullmatch(path.rpartition("/")[2])
    ]
    if loose:
        what = f"kept: {names(loose)}, which may lack versions and hashes"
        return check("lock", "partly", what, advice)
    return no("lock", "packages are known by version at best", advice)


def _drift(path: str, found: Found) -> list[str]:
    """Return what was told of a lock file and the packages at registration."""
    start = f"{path.rpartition('/')[2]} pins "
    told = sequence(found.run.get("warnings"))
    return [said for said in told if isinstance(said, str) and said.startswith(start)]


def _pinned(environment: Environment, name: str) -> bool:
    # What has no fingerprint because it is installed in place is told of by "local".
    source = environment.sources.get(name, "")
    return name in environment.fingerprints or _is_local(source)


def _is_local(source: str) -> bool:
    return source in {"local", "editable"} or source.startswith("file:")


def _local(environment: Environment | None, found: Found) -> Check:
    advice = "Install wheels from an index, or from a repository at a commit."
    if environment is None or not environment.packages:
        what = "no packages are recorded"
        return check("local", "unknown", what, advice)
    kept = sorted(n for n, source in environment.sources.items() if _is_local(source))
    if not kept:
        what = "no package is this machine's own"
        return yes("local", what)
    projects = sum(path.rpartition("/")[2] in _PROJECT for path in found.code)
    # As a rule the project itself is installed so, and its code is kept.
    if all(environment.sources[n] == "editable" for n in kept) and (
        len(kept) <= min(projects, 1)
    ):
        what = f"installed in place: {names(kept)}; the code that is kept is a project"
        return check("local", "partly", what, advice)
    return no("local", f"only this machine has {names(kept)}", advice)


def _container(container: Any) -> Check:
    advice = "Run in a container, and name its image by digest: container=."
    said = mapping(container)
    image, digest = said.get("image"), said.get("digest")
    shown = image if isinstance(image, str) else ""
    if isinstance(digest, str) and digest:
        what = f"{shown}@{digest}" if shown and "@" not in shown else shown or digest
        return yes("container", what)
    if "@sha256:" in shown:
        return yes("container", shown)
    if shown:
        what = f"{shown}, which may be another image tomorrow"
        return check("container", "partly", what, advice)
    return no("container", "no image is recorded", advice)
