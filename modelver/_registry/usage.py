"""Counting what versions take, from manifests alone.

Each manifest is read once and let go of again. What stays is, for each object, its size
and who needs it, and for each version the numbers of its objects.
"""

from array import array
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from attrs import evolve

from modelver._bundle.ports import Progress
from modelver._registry.core import Core
from modelver._registry.questions import Answer, RefLike, target_of
from modelver._registry.resolve import find_model
from modelver._registry.windowed import ask_each
from modelver._values.names import check_model_name
from modelver._values.state import State, VersionState
from modelver._values.usage import Stats, Usage
from modelver.errors import FormatError, IntegrityError

_SEVERAL: Final = -1

# The objects that a version needs, each with as many bytes as it must have at least;
# or what is wrong with its manifest.
_Needs = Mapping[str, int] | str


def measure(core: Core, of: RefLike | None, progress: Progress) -> Stats:
    """Return what the registry takes, or one model or version of it.

    Whatever is asked for, all manifests are read: who shares with it, only they say.

    Raises:
        NotFoundError: There is no such model or version.
        StorageError: The store cannot tell.
    """
    state = core.state()
    asked = None if of is None else _name(core, state, of)
    models = [model for model in state.models.values() if model.versions]
    found = [version for model in models for version in model.versions.values()]
    tally = _Tally()
    problems = []
    progress.set_size(len(found))
    read = ask_each(core, found, lambda version: _needs(core, version))
    for version, needs in zip(found, read, strict=True):
        problems.append(needs if isinstance(needs, str) else None)
        tally.add(version.name, {} if isinstance(needs, str) else needs)
        progress.relative_update(1)
    versions = [
        _of_version(version, problem, tally.of_version(number))
        for number, (version, problem) in enumerate(zip(found, problems, strict=True))
    ]
    by_model, end = [], 0
    for model in models:
        begin, end = end, end + len(model.versions)
        counted = tally.of_model(model.name, range(begin, end))
        by_model.append(_sum(model.name, versions[begin:end], counted))
    total = _sum("total", by_model, tally.of_all())
    by_model.sort(key=lambda each: (-each.size, each.name))
    order = sorted(
        range(len(found)), key=lambda n: (-versions[n].size, -found[n].said.seq)
    )
    stats = Stats(
        total=total,
        models=tuple(by_model),
        versions=tuple(versions[number] for number in order),
    )
    return stats if asked is None else _part(stats, asked)


def _name(core: Core, state: State, of: RefLike) -> str:
    """Return the model or the exact ref that is meant; a name is a model here."""
    if isinstance(of, Answer) or "@" in str(of) or ":" in str(of):
        return target_of(core, of, quiet=True)(state).ref
    return find_model(state, check_model_name(of)).name


def _part(stats: Stats, name: str) -> Stats:
    """Return what *stats* say of one model, or of one version."""
    for version in stats.versions:
        if version.name == name:
            return Stats(total=version, models=(), versions=(version,))
    model = next(each for each in stats.models if each.name == name)
    versions = (v for v in stats.versions if v.name.partition("@")[0] == name)
    total = evolve(model, name="total")
    return Stats(total=total, models=(model,), versions=tuple(versions))


# Reading.


def _needs(core: Core, version: VersionState) -> _Needs:
    try:
        manifest = core.manifest(version)
    except (IntegrityError, FormatError) as error:
        return str(error.kind)
    sizes: dict[str, int] = {}
    for cut in manifest.layout.files.values():
        for piece in cut:
            end = piece.offset + piece.length
            sizes[piece.object] = max(sizes.get(piece.object, 0), end)
    return sizes


# Counting.


# Own bytes, shared bytes, objects.
_Counted = tuple[int, int, int]


class _Tally:
    """Which objects there are, how large they are, and who needs them."""

    def __init__(self) -> None:
        self._models: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        # By the number of an object. The only version and the only model that need it:
        self._size = array("Q")
        self._version = array("q")
        self._model = array("q")
        # By the number of a version.
        self._needed: list[Sequence[int]] = []

    def add(self, model: str, needs: Mapping[str, int]) -> None:
        """Add a version of *model*; versions are numbered from 0."""
        version = len(self._needed)
        number = self._models.setdefault(model, len(self._models))
        needed = array("L")
        for name, size in needs.items():
            at = self._numbers.setdefault(name, len(self._size))
            needed.append(at)
            if at == len(self._size):
                self._size.append(size)
                self._version.append(version)
                self._model.append(number)
                continue
            # Of a pack, one version needs more than another.
            self._size[at] = max(self._size[at], size)
            self._version[at] = _SEVERAL
            if self._model[at] != number:
                self._model[at] = _SEVERAL
        self._needed.append(needed)

    def of_version(self, version: int) -> _Counted:
        """Return what a version needs."""
        return self._count(self._needed[version], self._version, version)

    def of_model(self, model: str, versions: range) -> _Counted:
        """Return what the versions of a model need together."""
        needed = {at for version in versions for at in self._needed[version]}
        return self._count(needed, self._model, self._models[model])

    def of_all(self) -> _Counted:
        """Return what all need together; nobody is left to share it with."""
        return sum(self._size), 0, len(self._size)

    def _count(
        self, needed: Collection[int], only: Sequence[int], who: int
    ) -> _Counted:
        own = sum(self._size[at] for at in needed if only[at] == who)
        return own, sum(self._size[at] for at in needed) - own, len(needed)


def _of_version(version: VersionState, problem: str | None, found: _Counted) -> Usage:
    own, shared, objects = found
    return Usage(
        name=version.ref,
        versions=1,
        files=version.record.files,
        size=version.record.size,
        own=own,
        shared=shared,
        objects=objects,
        withdrawn=int(version.withdrawal is not None),
        unread=int(problem is not None),
        problem=problem,
    )


def _sum(name: str, parts: Sequence[Usage], found: _Counted) -> Usage:
    own, shared, objects = found
    return Usage(
        name=name,
        versions=sum(part.versions for part in parts),
        files=sum(part.files for part in parts),
        size=sum(part.size for part in parts),
        own=own,
        shared=shared,
        objects=objects,
        withdrawn=sum(part.withdrawn for part in parts),
        unread=sum(part.unread for part in parts),
    )
