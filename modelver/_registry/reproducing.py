"""``reproduce``: a version is made again, and what came of it is told."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from modelver._bundle import local_path
from modelver._registry.attempt import Attempt
from modelver._registry.core import Core
from modelver._registry.steps import Step
from modelver._registry.subject import Subject
from modelver._store import AttestationStore
from modelver._values.entry import Action, Attest
from modelver._values.jsonstrict import dumps
from modelver._values.reproduction import (
    LEVELS,
    Reproduction,
)
from modelver._values.state import State
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

_KEPT_DETAILS: Final = 100
# An absolute path, in quotes or up to the next space; what follows a scheme is none.
_PATH: Final = re.compile(
    r"""(?<=')(?:/|[A-Za-z]:\\)[^']* | (?<![^\s"'=(])(?:/|[A-Za-z]:\\)[^\s"'),]+""",
    re.VERBOSE,
)


def reproduce(
    core: Core,
    version: Subject,
    *,
    workdir: str | os.PathLike[str] | None,
    level: str,
    run: bool,
    python: str | os.PathLike[str] | None,
    data: Mapping[str, Any] | None,
    fetch: bool,
    timeout: float | None,
    keep_going: bool,
    attest: bool,
) -> Reproduction:
    """Make *version* again; see ``ModelVersion.reproduce``."""
    if level not in LEVELS:
        raise InvalidInputError(
            f"{quoted(level)} is no level",
            hint=f"The levels are {', '.join(LEVELS)}.",
        )
    if attest:
        core.require_writable()
    with _workdir(workdir) as (place, kept):
        made = Attempt(
            core,
            version,
            place,
            python=None if python is None else local_path(python, "the interpreter"),
            data=data or {},
            fetch=fetch or run,
            timeout=timeout,
        ).climb(level, run=run, keep_going=keep_going)
    made = evolve(made, workdir=os.fspath(place) if kept else None)
    return _attested(core, version, made) if attest else made


@contextmanager
def _workdir(
    workdir: str | os.PathLike[str] | None,
) -> Iterator[tuple[Path, bool]]:
    if workdir is None:
        with tempfile.TemporaryDirectory(prefix="modelver-reproduce-") as made:
            yield Path(os.path.realpath(made)), False
        return
    place = local_path(workdir, "the working folder").absolute()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise InvalidInputError(
            f"{os.fspath(place)!r} is there already",
            kind=ErrorKind.NOT_EMPTY,
            hint="Name a folder that does not exist, or an empty one.",
        )
    place.mkdir(parents=True, exist_ok=True)
    yield place, True


def _attested(core: Core, version: Subject, made: Reproduction) -> Reproduction:
    """Say so in the registry, for ever."""
    said = made.to_dict()
    said["plan"] = [_without_paths(line) for line in said["plan"]]
    for result in said["results"]:
        # What a program says may hold anything; it stays on this machine.
        kept = [] if result["level"] == "L2" else result["details"]
        result["details"] = [_without_paths(line) for line in kept[:_KEPT_DETAILS]]
        result["why"] = _without_paths(result["why"])
    del said["workdir"], said["attestation"]
    document = {
        "format": 1,
        "kind": "reproduction",
        "registry": core.log.state.info.uuid,
        "manifest": version.manifest_digest,
        **said,
    }
    store = AttestationStore(core.backend, core.log.state.info.digest)
    digest = store.write(version.manifest_digest, dumps(document))
    core.commit([_attest(version, digest, made)], None, core.author)
    return evolve(made, attestation=digest)


def _without_paths(text: str) -> str:
    """Return *text* without the paths of this machine, which tell others nothing."""
    return _PATH.sub("...", text)


def _attest(version: Subject, digest: str, made: Reproduction) -> Step:
    target = version.as_target

    def step(state: State) -> tuple[Action, ...]:
        found = target(state.info.uuid)(state)
        return (
            Attest(
                name=found.name,
                version=found.version,
                kind="reproduction",
                digest=digest,
                results={r.level: r.result for r in made.results},
            ),
        )

    return step
