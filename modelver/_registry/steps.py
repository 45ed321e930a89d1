"""What each verb asks of the newest state: a step gives the actions, or refuses.

A step is a function of a state, called again whenever another writer was faster, and
in a transaction after the steps before it. It writes nothing itself.
"""

from collections.abc import Callable, Mapping, Sequence

from modelver._registry.resolve import find_model
from modelver._values.entry import (
    Action,
    Expect,
    Metrics,
    Note,
    Restore,
    SetAlias,
    SetStatus,
    Tag,
    Withdraw,
)
from modelver._values.names import check_alias, near
from modelver._values.state import AliasMove, State, VersionState
from modelver._values.text import quoted, term_safe
from modelver.errors import (
    ConflictError,
    ErrorKind,
    InvalidInputError,
    NotFoundError,
    VersionNotFoundError,
)

Target = Callable[[State], VersionState]
Step = Callable[[State], tuple[Action, ...]]


Expected = Callable[[State, str], str | None]
"""Returns the number that an alias of this model must be at; None: it is not set."""


def promote(
    target: Target,
    alias: str,
    expected: Expected | None,
    reason: str | None,
) -> Step:
    """Move *alias* to the target; nothing to do where it stands there already."""
    check_alias(alias)

    def step(state: State) -> tuple[Action, ...]:
        version = target(state)
        if version.withdrawal is not None:
            raise ConflictError(
                f"{version.ref} is withdrawn: {term_safe(version.withdrawal.reason)}",
                kind=ErrorKind.WITHDRAWN,
                hint="Restore it first, or choose another version.",
            )
        present = state.models[version.name].aliases.get(alias)
        expect = _expect(version.name, alias, present, expected, state)
        if present == version.version:
            return ()
        return (
            SetAlias(
                name=version.name,
                alias=alias,
                version=version.version,
                expect=expect,
                reason=reason,
            ),
        )

    return step


def _expect(
    name: str,
    alias: str,
    present: str | None,
    expected: Expected | None,
    state: State,
) -> Expect | None:
    if expected is None:
        return None
    wanted = expected(state, name)
    if wanted != present:
        raise ConflictError(
            f"{name}@{alias} is at {present or 'nothing'}, not at "
            f"{wanted or 'nothing'} as expected",
            kind=ErrorKind.ALIAS_MOVED,
            hint="Somebody moved it: look at alias_history, and decide again.",
            expected=wanted,
            actual=present,
        )
    return Expect(version=wanted)


def holders(moves: Sequence[AliasMove]) -> list[str | None]:
    """Return who held an alias, as a stack: a rollback pops, a promote pushes.

    The last is where it stands now; None stands for being cleared.
    """
    stack: list[str | None] = []
    for move in moves:
        if move.kind == "rollback" and move.version in stack:
            while stack[-1] != move.version:
                stack.pop()
        else:
            stack.append(move.version)
    return stack


def rollback(name: str, alias: str, to: Target | None, reason: str | None) -> Step:
    """Move *alias* back to the version that held it before, or to *to*."""
    check_alias(alias)

    def step(state: State) -> tuple[Action, ...]:
        model = find_model(state, name)
        moves = model.moves.get(alias, ())
        if not moves:
            raise VersionNotFoundError(
                f"{name} never had an alias {alias!r}",
                kind=ErrorKind.ALIAS,
                hint=f"Its aliases are: {', '.join(sorted(model.aliases)) or 'none'}.",
                ref=f"{name}@{alias}",
                near=near(alias, model.moves),
            )
        present = model.aliases.get(alias)
        stack = holders(moves)[:-1]
        if to is not None:
            wanted = to(state)
            if wanted.name != name or wanted.version not in {m.version for m in moves}:
                raise InvalidInputError(
                    f"{wanted.ref} never was {name}@{alias}",
                    hint="Use promote to give the alias to a new version.",
                )
            version: str | None = wanted.version
        else:
            version = next(
                (v for v in reversed(stack) if _usable(model.versions, v, present)),
                None,
            )
        if version is None:
            raise VersionNotFoundError(
                f"nothing held {name}@{alias} before {present or 'it was cleared'}",
                kind=ErrorKind.ALIAS,
                hint="There is nothing to roll back to; see alias_history.",
                ref=f"{name}@{alias}",
            )
        if version == present:
            return ()
        return (
            SetAlias(
                name=name,
                alias=alias,
                version=version,
                kind="rollback",
                expect=Expect(version=present),
                reason=reason,
            ),
        )

    return step


def _usable(
    versions: Mapping[str, VersionState], version: str | None, present: str | None
) -> bool:
    if version is None or version == present:
        return False
    return versions[version.partition("+")[0]].withdrawal is None


def clear_alias(name: str, alias: str, reason: str | None) -> Step:
    """Take the alias off."""
    check_alias(alias)

    def step(state: State) -> tuple[Action, ...]:
        model = find_model(state, name)
        if alias not in model.aliases:
            raise VersionNotFoundError(
                f"{name} has no alias {alias!r}",
                kind=ErrorKind.ALIAS,
                hint=f"Its aliases are: {', '.join(sorted(model.aliases)) or 'none'}.",
                ref=f"{name}@{alias}",
                near=near(alias, model.aliases),
            )
        return (
            SetAlias(name=name, alias=alias, version=None, kind="clear", reason=reason),
        )

    return step


def set_status(target: Target, status: str | None, reason: str | None) -> Step:
    """Give a declared status."""

    def step(state: State) -> tuple[Action, ...]:
        declared = state.info.statuses
        if status is not None and status not in declared:
            close = near(str(status), declared)
            raise InvalidInputError(
                f"{quoted(status)} is no status of this registry",
                kind=ErrorKind.UNKNOWN_STATUS,
                hint=f"It has {', '.join(declared)}."
                + (f" Close to it: {', '.join(close)}." if close else ""),
            )
        version = target(state)
        if (version.status, version.status_reason) == (status, reason):
            return ()
        return (
            SetStatus(
                name=version.name,
                version=version.version,
                status=status,
                reason=reason,
            ),
        )

    return step


def tag(target: Target, tags: Mapping[str, str]) -> Step:
    """Set tags."""

    def step(state: State) -> tuple[Action, ...]:
        version = target(state)
        new = {k: v for k, v in tags.items() if version.tags.get(k) != v}
        if not new:
            return ()
        return (Tag(name=version.name, version=version.version, set=new),)

    return step


def untag(target: Target, keys: Sequence[str]) -> Step:
    """Remove tags."""

    def step(state: State) -> tuple[Action, ...]:
        version = target(state)
        unknown = [key for key in keys if key not in version.tags]
        if unknown:
            raise NotFoundError(
                f"{version.ref} has no tag {quoted(unknown[0])}",
                kind=ErrorKind.TAG,
                hint=f"Its tags are: {term_safe(', '.join(sorted(version.tags)))}.",
                ref=version.ref,
                near=near(unknown[0], version.tags),
            )
        if not keys:
            return ()
        return (Tag(name=version.name, version=version.version, unset=tuple(keys)),)

    return step


def note(target: Target, text: str) -> Step:
    """Say something."""

    def step(state: State) -> tuple[Action, ...]:
        version = target(state)
        return (Note(name=version.name, version=version.version, text=text),)

    return step


def evaluate(
    target: Target,
    metrics: Mapping[str, float],
    slices: Mapping[str, Mapping[str, float]],
    dataset: str | None,
    when: str | None,
) -> Step:
    """Add metrics that were measured later."""

    def step(state: State) -> tuple[Action, ...]:
        version = target(state)
        return (
            Metrics(
                name=version.name,
                version=version.version,
                metrics=metrics,
                slices=slices,
                dataset=dataset,
                when=when,
            ),
        )

    return step


def withdraw(target: Target, reason: str) -> Step:
    """Take out of use."""

    def step(state: State) -> tuple[Action, ...]:
        version = target(state)
        if version.withdrawal is not None:
            return ()
        held = state.models[version.name].aliases_of(version.version)
        if held:
            raise ConflictError(
                f"{version.ref} is still {', '.join(held)}",
                kind=ErrorKind.ALIAS_MOVED,
                hint="Roll the alias back, promote another version or clear it first.",
                actual=held,
            )
        return (Withdraw(name=version.name, version=version.version, reason=reason),)

    return step


def restore(target: Target, reason: str | None) -> Step:
    """Take a withdrawal back."""

    def step(state: State) -> tuple[Action, ...]:
        version = target(state)
        if version.withdrawal is None:
            return ()
        return (Restore(name=version.name, version=version.version, reason=reason),)

    return step
