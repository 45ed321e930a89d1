"""What the registry and its versions are asked: refs, differences, lineage, search."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from attrs import evolve

from modelver._bundle import digest_path, local_path
from modelver._lineage import Lineage, users_of, users_of_address, users_of_version
from modelver._registry.core import Core
from modelver._registry.gather import facts_of
from modelver._registry.resolve import resolve
from modelver._registry.steps import Target
from modelver._search.compare import Comparison
from modelver._search.diff import Diff
from modelver._search.patch import text_patch
from modelver._values.data import Data
from modelver._values.digests import is_digest
from modelver._values.facts import Facts
from modelver._values.ref import Ref
from modelver._values.report import Problem, Report
from modelver._values.state import State, VersionState
from modelver._values.text import quoted
from modelver.errors import (
    ErrorKind,
    IntegrityError,
    InvalidInputError,
    ModelverError,
    NotFoundError,
    StorageError,
)

# What others call the content of data: see the field `digest` of an input.
_FOREIGN: Final = re.compile(r"(?:md5|md5lf|sha256|crc32c|etag|tree|id):[!-~]{1,200}")
# A larger file is hardly text, and nobody reads its patch.
_MOST_COMPARED: Final = 2**20
# A patch of a patch tells nobody anything: the files that it is of are here.
_CHANGES: Final = "code/.modelver/changes.patch"
_BEHIND_OUR_BACK: Final = {
    ErrorKind.REGISTRY_REPLACED,
    ErrorKind.REGISTRY_ROLLED_BACK,
    ErrorKind.REGISTRY_FORKED,
}


class Answer(ABC):
    """Something that stands for a version wherever a ref is asked for."""

    @abstractmethod
    def as_target(self, uuid: str) -> Target:
        """Return how to find the version in a state of the registry *uuid*.

        Raises:
            InvalidInputError: It belongs to another registry.
        """


RefLike = str | Answer


def target_of(core: Core, ref: RefLike, *, quiet: bool = False) -> Target:
    """Return how to find what *ref* means in a state.

    Args:
        core: The registry.
        ref: Text, or what stands for a version.
        quiet: No warning where it is withdrawn.

    Raises:
        InvalidInputError: It is no ref.
    """
    if isinstance(ref, Answer):
        return ref.as_target(core.log.identity.info.uuid)
    parsed = Ref.parse(ref)
    return lambda state: resolve(state, parsed, quiet=quiet)


def find(core: Core, ref: RefLike) -> tuple[State, VersionState]:
    """Return the newest state and the version that *ref* means in it."""
    target = target_of(core, ref)
    state = core.state()
    return state, target(state)


def every_version(state: State) -> Iterator[VersionState]:
    """Yield all versions in the order of their registration."""
    found = (v for m in state.models.values() for v in m.versions.values())
    yield from sorted(found, key=lambda version: version.said.seq)


def gather(core: Core, refs: Iterable[RefLike]) -> list[Facts]:
    """Return what several versions are compared by, all in one state."""
    targets = [target_of(core, ref) for ref in refs]
    state = core.state()
    versions = [target(state) for target in targets]
    return [facts_of(state.models[v.name], v, core.reader(v)) for v in versions]


def diff_of(core: Core, old: RefLike, new: RefLike) -> Diff:
    """Return what changed from *old* to *new*."""
    before, after = gather(core, [old, new])
    return Diff.between(before, after)


def code_patch(core: Core, old: RefLike, new: RefLike) -> str:
    """Return what changed in the code of two versions, as a unified patch."""
    readers = []
    for ref in (old, new):
        _, version = find(core, ref)
        readers.append(core.reader(version))
    sides = [
        {f.path: f for f in reader.manifest.bundle.files if f.role == "code"}
        for reader in readers
    ]
    made = []
    for path in sorted(sides[0].keys() | sides[1].keys()):
        files = [side.get(path) for side in sides]
        digests = {file.digest for file in files if file is not None}
        if path == _CHANGES or (len(digests) == 1 and None not in files):
            continue
        name = path.removeprefix("code/")
        large = [f for f in files if f is not None and f.size > _MOST_COMPARED]
        if large:
            made.append(f"--- a/{name}\n+++ b/{name}\n@@ too large to compare @@\n")
            continue
        before, after = (
            None if file is None else reader.read(file.path)
            for reader, file in zip(readers, files, strict=True)
        )
        made.append(text_patch(name, before, after))
    return "".join(made)


def compare(core: Core, refs: Sequence[RefLike]) -> Comparison:
    """Return a table of several versions."""
    if not refs:
        raise InvalidInputError(
            "no version is given to compare", hint="Give a list of refs."
        )
    return Comparison.of(gather(core, refs))


def lineage_of(core: Core, ref: RefLike | None) -> Lineage:
    """Return the lineage of one version, or of the whole registry."""
    if ref is None:
        return Lineage.of(every_version(core.state()), None)
    state, version = find(core, ref)
    return Lineage.of(every_version(state), version.ref)


def used_by(core: Core, what: Any) -> list[VersionState]:
    """Return the versions that were made from *what*: data, a digest or a version."""
    state = core.state()
    what = what.source if isinstance(what, Data) else what
    if isinstance(what, Answer):
        return users_of_version(every_version(state), target_of(core, what)(state).ref)
    if isinstance(what, str) and "://" in what:
        return users_of_address(every_version(state), what)
    ids = _ids_of(what, state.info.digest)
    if ids:
        return users_of(every_version(state), ids)
    return users_of_version(every_version(state), _version_named(state, what).ref)


def _ids_of(what: Any, algorithm: str) -> set[str]:
    """Return what the data *what* may be known by; nothing where it is no data."""
    if isinstance(what, str) and (is_digest(what) or _FOREIGN.fullmatch(what)):
        return {what}
    # Seldom asked for, and much to load.
    from modelver._registry.data_held import digest_held  # noqa: PLC0415 - see above
    from modelver._registry.tracked import (  # noqa: PLC0415 - see above
        SUFFIX,
        find_tracked,
        named_by,
    )

    held = digest_held(what, algorithm)
    if held is not None:
        return {held}
    path = local_path(what, "what was used")
    try:
        there = path.exists()
        tracked = named_by(path) if path.suffix == SUFFIX else find_tracked(path)
    except (OSError, InvalidInputError):  # a name that is too long for the file system
        there, tracked = False, None
    found = digest_path(path, algorithm) if there else set()
    return found if tracked is None else {*found, tracked.out.digest}


def _version_named(state: State, what: Any) -> VersionState:
    if not isinstance(what, str):
        raise InvalidInputError(
            f"{os.fspath(what)!r} does not exist",
            kind=ErrorKind.MISSING_FILE,
            hint="Give a path, a URL, a digest or a ref.",
        )
    try:
        return resolve(state, Ref.parse(what))
    except ModelverError as error:
        raise NotFoundError(
            f"{quoted(what)} is neither a file, nor a digest, nor a version",
            kind=ErrorKind.FILE,
            hint=error.message,
            ref=what[:200],
        ) from error


def verify(
    core: Core, *, deep: bool, only: Collection[str] | None, progress: Any = None
) -> Report:
    """Check the registry, or some of its versions."""
    from modelver._store.check import Checker  # noqa: PLC0415 - seldom asked for

    checker = Checker(core.backend, core.log.identity, progress)
    report = checker.run(deep=deep, only=only)
    try:
        core.log.refresh()
    except IntegrityError as error:
        # A log that was put back is sound in itself: only who saw more can tell.
        if error.kind in _BEHIND_OUR_BACK:
            problem = Problem(
                kind=error.kind, key=error.key or "", message=error.message
            )
            return evolve(report, problems=(problem, *report.problems))
    except StorageError:
        if report.ok:  # else it is named already
            raise
    return report
