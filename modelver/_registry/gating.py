"""Asks whether a version's metrics are good enough, alone or beside another's."""

from collections.abc import Iterable

from modelver._registry.core import Core
from modelver._registry.questions import RefLike, target_of
from modelver._search.gate import Gate, Measured
from modelver._values.state import State, VersionState
from modelver.errors import ErrorKind, InvalidInputError, VersionNotFoundError


def gate_of(
    core: Core,
    ref: RefLike,
    conditions: str | Iterable[str],
    base: RefLike | None,
    *,
    no_base_yet: bool,
) -> Gate:
    """Return whether a version passes; both are looked at in one state."""
    if no_base_yet and base is None:
        raise InvalidInputError(
            "no_base_yet is given without a base",
            hint="Name what is not set yet: base='fraud@production' (--base).",
        )
    target = target_of(core, ref)
    other = None if base is None else target_of(core, base)
    state = core.state()
    against = None
    if other is not None:
        try:
            against = _measured(other(state))
        except VersionNotFoundError as error:
            # A version that is asked for by its number is expected to be there.
            if not no_base_yet or error.kind != ErrorKind.ALIAS:
                raise
    return Gate.of(
        _measured(target(state)), conditions, against, no_base_yet=no_base_yet
    )


def holder(state: State, name: str, alias: str) -> VersionState | None:
    """Return the version of a model that an alias names; None: it is not set."""
    model = state.models.get(name)
    version = None if model is None else model.aliases.get(alias)
    if model is None or version is None:
        return None
    return model.versions[version.partition("+")[0]]


def _measured(version: VersionState) -> Measured:
    return Measured(ref=version.ref, metrics=version.metrics, slices=version.slices)
