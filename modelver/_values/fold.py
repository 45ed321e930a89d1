"""The fold: what a log means, the same for every reader.

Entries are applied in order to a state. An entry that breaks a rule is void: none of
its actions takes effect, and the log goes on. The rules are part of the store format
(``docs/reference/format-v1.md``): to change one is to change what old registries say.
"""

from bisect import insort
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from attrs import Factory, define, evolve

from modelver._values.digests import is_digest
from modelver._values.entry import (
    Action,
    Attest,
    Entry,
    Feature,
    Metrics,
    Note,
    Parent,
    Register,
    Restore,
    SetAlias,
    SetStatus,
    Tag,
    Unknown,
    Withdraw,
)
from modelver._values.names import check_alias, check_model_name
from modelver._values.semver import Precedence, Version
from modelver._values.state import (
    AliasMove,
    Attested,
    Evaluation,
    ModelState,
    NoteSaid,
    Said,
    State,
    VersionState,
    Void,
    Withdrawal,
)
from modelver.errors import InvalidInputError


class _BrokenRuleError(Exception):
    """An action that may not take effect; never leaves this module."""


def number_key(version: str) -> str:
    """Return *version* without build metadata: what can be taken only once."""
    return version.partition("+")[0]


def find_version(model: ModelState, version: str) -> VersionState | None:
    """Return the version of exactly this number; build metadata may be left out."""
    found = model.versions.get(number_key(version))
    if found is None or ("+" in version and found.version != version):
        return None
    return found


@define
class _Model:
    """A model while it is being changed."""

    name: str
    versions: dict[str, VersionState] = Factory(dict)
    ranked: list[tuple[Precedence, str]] = Factory(list)
    aliases: dict[str, str] = Factory(dict)
    moves: dict[str, tuple[AliasMove, ...]] = Factory(dict)


class Fold:
    """Applies entries to a copy of a state.

    A model is copied once, when it is first touched: folding n entries costs n, not
    n times the size of the registry.
    """

    def __init__(self, state: State) -> None:
        self._base = state
        self._seq = state.seq
        self._head = state.head
        self._touched: dict[str, _Model] = {}
        self._flags: dict[str, tuple[str, ...]] = {
            "read": state.read,
            "write": state.write,
        }
        self._voids = list(state.voids)
        self._undo: dict[tuple[int, str], Callable[[], object]] = {}

    def state(self) -> State:
        """Return the state after everything applied so far."""
        models = dict(self._base.models)
        for name, model in self._touched.items():
            models[name] = ModelState(
                name=name,
                versions=dict(model.versions),
                ranked=tuple(model.ranked),
                aliases=dict(model.aliases),
                moves=dict(model.moves),
            )
        return State(
            info=self._base.info,
            seq=self._seq,
            head=self._head,
            models=models,
            read=self._flags["read"],
            write=self._flags["write"],
            voids=tuple(self._voids),
        )

    def skip(self, seq: int, head: str, reason: str) -> None:
        """Go past a void entry whose raw bytes have the digest *head*."""
        self._seq, self._head = seq, head
        self._voids.append(Void(seq=seq, reason=reason))

    def apply(self, entry: Entry, head: str) -> str | None:
        """Apply *entry*, whose raw bytes have the digest *head*.

        Returns:
            None, or the rule that it breaks: then it is void.
        """
        said = Said(seq=entry.seq, time=entry.time, actor=entry.actor)
        broken = self.attempt(entry.actions, said, entry.message)
        if broken is not None:
            self.skip(entry.seq, head, broken)
            return broken
        self._seq, self._head = entry.seq, head
        return None

    def attempt(
        self, actions: tuple[Action, ...], said: Said, message: str | None = None
    ) -> str | None:
        """Apply all *actions* or none; return the rule that one breaks, or None."""
        self._undo.clear()
        try:
            for action in actions:
                self._rules[type(action)](self, action, said, message)
        except _BrokenRuleError as broken:
            for undo in self._undo.values():
                undo()
            return str(broken)
        return None

    # What the rules stand on.

    def _remember(self, mapping: dict[str, Any], key: str) -> None:
        place = id(mapping), key
        if place in self._undo:  # the first value alone: a thousand could be large
            return
        if key in mapping:
            self._undo[place] = partial(mapping.__setitem__, key, mapping[key])
        else:
            self._undo[place] = partial(mapping.pop, key, None)

    def _put(self, mapping: dict[str, Any], key: str, value: Any) -> None:
        self._remember(mapping, key)
        mapping[key] = value

    def _drop(self, mapping: dict[str, Any], key: str) -> None:
        self._remember(mapping, key)
        del mapping[key]

    def _model(self, name: str, *, create: bool = False) -> _Model:
        model = self._touched.get(name)
        if model is not None:
            return model
        old = self._base.models.get(name)
        if old is not None:
            model = _Model(
                name=name,
                versions=dict(old.versions),
                ranked=list(old.ranked),
                aliases=dict(old.aliases),
                moves=dict(old.moves),
            )
            self._touched[name] = model
        elif create:
            model = _Model(name)
            self._put(self._touched, name, model)
        else:
            raise _BrokenRuleError(f"there is no model {name!r}")
        return model

    def _version(self, name: str, version: str) -> tuple[_Model, VersionState]:
        model = self._model(name)
        found = model.versions.get(number_key(version))
        if found is None or found.version != version:
            raise _BrokenRuleError(f"{name}@{version} is not registered")
        return model, found

    def _change(self, model: _Model, old: VersionState, **changes: Any) -> None:
        self._put(model.versions, number_key(old.version), evolve(old, **changes))

    # The rules, one for each kind of action.

    def _register(self, action: Register, said: Said, message: str | None) -> None:
        try:
            if action.name not in self._touched:
                check_model_name(action.name)
            number = Version.parse(action.version)
        except InvalidInputError as error:
            raise _BrokenRuleError(error.message) from error
        if str(number) != action.version:
            raise _BrokenRuleError(f"{action.version!r} is not written as SemVer is")
        for digest in (action.bundle, action.manifest):
            if not is_digest(digest) or not digest.startswith(
                self._base.info.digest + ":"
            ):
                raise _BrokenRuleError(f"{digest[:80]!r} is no digest of this registry")
        for parent in action.record.parents:
            self._check_parent(parent)
        model = self._model(action.name, create=True)
        key = number_key(action.version)
        if key in model.versions:
            raise _BrokenRuleError(f"{action.name}@{key} is taken")
        record = action.record
        version = VersionState(
            name=action.name,
            number=number,
            bundle=action.bundle,
            manifest=action.manifest,
            record=record,
            said=said,
            message=message,
            tags=record.tags,
            metrics=record.metrics,
            slices=record.slices,
        )
        self._put(model.versions, key, version)
        place = (number.precedence, key)
        insort(model.ranked, place)
        self._undo[id(model.ranked), key] = partial(model.ranked.remove, place)

    def _check_parent(self, parent: Parent) -> None:
        _, found = self._version(parent.name, parent.version)
        if found.bundle != parent.bundle:
            raise _BrokenRuleError(f"the parent {parent.ref} holds another bundle")

    def _alias(self, action: SetAlias, said: Said, _message: str | None) -> None:
        try:
            check_alias(action.alias)
        except InvalidInputError as error:
            raise _BrokenRuleError(error.message) from error
        model = self._model(action.name)
        previous = model.aliases.get(action.alias)
        if action.expect is not None and action.expect.version != previous:
            raise _BrokenRuleError(
                f"{action.alias!r} is at {previous}, not at {action.expect.version}"
            )
        if action.version is None:
            if previous is None:
                raise _BrokenRuleError(f"{action.alias!r} is not set")
            self._drop(model.aliases, action.alias)
        else:
            _, found = self._version(action.name, action.version)
            if found.withdrawal is not None:
                raise _BrokenRuleError(f"{found.ref} is withdrawn")
            self._put(model.aliases, action.alias, action.version)
        move = AliasMove(
            alias=action.alias,
            version=action.version,
            previous=previous,
            kind=action.kind,
            reason=action.reason,
            said=said,
        )
        moves = (*model.moves.get(action.alias, ()), move)
        self._put(model.moves, action.alias, moves)

    def _status(self, action: SetStatus, _said: Said, _message: str | None) -> None:
        if action.status is not None and action.status not in self._base.info.statuses:
            raise _BrokenRuleError(f"the status {action.status!r} is not declared")
        model, old = self._version(action.name, action.version)
        self._change(model, old, status=action.status, status_reason=action.reason)

    def _tag(self, action: Tag, _said: Said, _message: str | None) -> None:
        model, old = self._version(action.name, action.version)
        tags = dict(old.tags)
        for key in action.unset:
            tags.pop(key, None)
        tags.update(action.set)
        self._change(model, old, tags=tags)

    def _note(self, action: Note, said: Said, _message: str | None) -> None:
        model, old = self._version(action.name, action.version)
        note = NoteSaid(text=action.text, said=said)
        self._change(model, old, notes=(*old.notes, note))

    def _metrics(self, action: Metrics, said: Said, _message: str | None) -> None:
        model, old = self._version(action.name, action.version)
        metrics, slices = dict(old.metrics), dict(old.slices)
        if action.dataset is None:
            metrics.update(action.metrics)
            for name, values in action.slices.items():
                slices[name] = {**slices.get(name, {}), **values}
        evaluation = Evaluation(measured=action, said=said)
        self._change(
            model,
            old,
            metrics=metrics,
            slices=slices,
            evaluations=(*old.evaluations, evaluation),
        )

    def _withdraw(self, action: Withdraw, said: Said, _message: str | None) -> None:
        model, old = self._version(action.name, action.version)
        if old.withdrawal is not None:
            raise _BrokenRuleError(f"{old.ref} is withdrawn already")
        held = [a for a, v in model.aliases.items() if v == action.version]
        if held:
            raise _BrokenRuleError(f"{old.ref} is still {', '.join(sorted(held))}")
        withdrawal = Withdrawal(reason=action.reason, said=said)
        self._change(model, old, withdrawal=withdrawal)

    def _restore(self, action: Restore, _said: Said, _message: str | None) -> None:
        model, old = self._version(action.name, action.version)
        if old.withdrawal is None:
            raise _BrokenRuleError(f"{old.ref} is not withdrawn")
        self._change(model, old, withdrawal=None)

    def _attest(self, action: Attest, said: Said, _message: str | None) -> None:
        model, old = self._version(action.name, action.version)
        attested = Attested(attest=action, said=said)
        self._change(model, old, attestations=(*old.attestations, attested))

    def _feature(self, action: Feature, _said: Said, _message: str | None) -> None:
        for flag, names in (("read", action.read), ("write", action.write)):
            merged = tuple(sorted({*self._flags[flag], *names}))
            self._put(self._flags, flag, merged)

    def _unknown(self, _action: Unknown, _said: Said, _message: str | None) -> None:
        """An action of a later release, in an entry that says it may be skipped."""

    _rules: ClassVar[dict[type, Callable[..., None]]] = {
        Register: _register,
        SetAlias: _alias,
        SetStatus: _status,
        Tag: _tag,
        Note: _note,
        Metrics: _metrics,
        Withdraw: _withdraw,
        Restore: _restore,
        Attest: _attest,
        Feature: _feature,
        Unknown: _unknown,
    }
