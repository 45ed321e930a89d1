"""The verbs that write, the same for a registry and for a transaction.

A verb checks what it is given, makes a step, and hands it on: a registry commits it
at once, a transaction keeps it until its block ends.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from modelver._registry import steps
from modelver._registry.arguments import (
    MAX_REASON,
    check_metrics,
    check_slices,
    check_tags,
    optional_text,
    to_label,
)
from modelver._registry.core import Core
from modelver._registry.questions import Answer, RefLike, target_of
from modelver._registry.resolve import resolve
from modelver._registry.steps import Expected, Step, Target
from modelver._values.names import check_model_name, check_text
from modelver._values.ref import Ref
from modelver._values.semver import is_version
from modelver._values.state import State, VersionState
from modelver.errors import InvalidInputError, NotFoundError

R = TypeVar("R")

Expectation = str | Answer | Literal[False] | None


class Verbs(ABC, Generic[R]):
    """Verbs about versions that are there already; ``R`` is what they return."""

    _core: Core

    @abstractmethod
    def _act(self, step: Step, target: Target) -> R:
        """Take a step, whose subject *target* finds in the state after it."""

    def promote(
        self,
        ref: RefLike,
        alias: str,
        *,
        expect: Expectation = None,
        reason: str | None = None,
    ) -> R:
        """Give *alias* to a version; one commit.

        Args:
            ref: The version.
            alias: For instance ``production``.
            expect: Compare and set: the version (a number, a ref or a version) that
                the alias must be at now; False: it must not be set. None: whatever.
            reason: Why; kept for ever.

        Raises:
            ConflictError: The alias is elsewhere than expected, or the version is
                withdrawn.
            NotFoundError: There is no such version.
            InvalidInputError: The alias cannot be one.
        """
        target = target_of(self._core, ref)
        expected = self._expected(expect)
        why = optional_text(reason, "a reason", MAX_REASON)
        return self._act(steps.promote(target, alias, expected, why), target)

    def _expected(self, expect: Expectation) -> Expected | None:
        if expect is None:
            return None
        if expect is False:
            return lambda _state, _name: None
        bare = isinstance(expect, str) and is_version(expect)

        def find(state: State, name: str) -> str | None:
            ref = f"{name}@{expect}" if bare else expect
            try:
                found = target_of(self._core, ref, quiet=bare)(state)
            except NotFoundError:
                if bare:  # a number that nobody has is not where the alias is
                    return str(expect)
                raise
            # A version of another model is never where this alias is.
            return found.version if found.name == name else found.ref

        return find

    def rollback(
        self,
        name: str,
        alias: str,
        *,
        to: RefLike | None = None,
        reason: str | None = None,
    ) -> R:
        """Move *alias* back to the version that held it before; one commit.

        A second rollback goes one further back. Withdrawn versions are passed over.

        Args:
            name: The model.
            alias: For instance ``production``.
            to: A version that held the alias at some time; a bare number will do.
            reason: Why; kept for ever.

        Raises:
            VersionNotFoundError: Nothing held it before (kind ``ALIAS``).
            InvalidInputError: *to* never held it.
            ModelNotFoundError: There is no such model.
        """
        check_model_name(name)
        back = None
        if to is not None:
            bare = isinstance(to, str) and is_version(to)
            back = target_of(self._core, f"{name}@{to}" if bare else to)
        why = optional_text(reason, "a reason", MAX_REASON)
        step = steps.rollback(name, alias, back, why)
        return self._act(step, target_of(self._core, f"{name}@{alias}"))

    def set_status(
        self, ref: RefLike, status: str | None, reason: str | None = None
    ) -> R:
        """Give a version one of the registry's declared statuses, or none.

        Raises:
            InvalidInputError: The status is not declared (kind ``UNKNOWN_STATUS``).
            NotFoundError: There is no such version.
        """
        target = target_of(self._core, ref)
        why = optional_text(reason, "a reason", MAX_REASON)
        return self._act(steps.set_status(target, status, why), target)

    def tag(self, ref: RefLike, /, **tags: Any) -> R:
        """Set tags: ``tag("fraud@1.2.0", team="risk")``.

        Keys that are no Python names: ``tag(ref, **{"cost-center": "7"})``. Numbers and
        booleans are kept as text.

        Raises:
            InvalidInputError: A key or value cannot be one.
            NotFoundError: There is no such version.
        """
        target = target_of(self._core, ref)
        return self._act(steps.tag(target, check_tags(tags)), target)

    def untag(self, ref: RefLike, /, *keys: str) -> R:
        """Remove tags.

        Raises:
            NotFoundError: There is no such version, or it has no such tag.
        """
        target = target_of(self._core, ref)
        return self._act(steps.untag(target, keys), target)

    def note(self, ref: RefLike, text: str) -> R:
        """Say something about a version, for people; notes are never edited.

        Raises:
            InvalidInputError: More than 64 KiB, empty, or holds control characters.
            NotFoundError: There is no such version.
        """
        if not str(text).strip():
            raise InvalidInputError("a note says nothing")
        said = check_text(text, "a note", 64 * 1024)
        target = target_of(self._core, ref)
        return self._act(steps.note(target, said), target)

    def evaluate(
        self,
        ref: RefLike,
        metrics: Mapping[str, float],
        *,
        slices: Mapping[str, Mapping[str, float]] | None = None,
        dataset: str | None = None,
        when: str | date | datetime | None = None,
    ) -> R:
        """Add metrics that were measured after registration.

        Without *dataset* they are of the same data as before: ``version.metrics``
        shows the newest value of each. With it they stand under
        ``version.evaluations`` alone, since numbers of other data do not compare.

        Args:
            ref: The version.
            metrics: Name to finite number.
            slices: Slice of the data to metrics.
            dataset: What they were measured on.
            when: When, if it was not now.

        Raises:
            InvalidInputError: A metric is not finite, or nothing is given.
            NotFoundError: There is no such version.
        """
        measured, by_slice = check_metrics(metrics), check_slices(slices)
        if not measured and not by_slice:
            raise InvalidInputError("an evaluation without a metric is given")
        data = optional_text(dataset, "a dataset's name", 1024)
        label = None if when is None else to_label(when, "when")
        target = target_of(self._core, ref)
        step = steps.evaluate(target, measured, by_slice, data, label)
        return self._act(step, target)

    def withdraw(self, ref: RefLike, reason: str) -> R:
        """Take a version out of use.

        It stays readable by its exact number, with a warning; ranges, ``latest`` and
        ``newest`` pass it over. Its number stays taken.

        Raises:
            ConflictError: An alias still names it.
            NotFoundError: There is no such version.
        """
        why = check_text(reason, "a reason", MAX_REASON)
        if not why.strip():
            raise InvalidInputError("a withdrawal needs a reason")
        target, found = _followed(target_of(self._core, ref, quiet=True))
        return self._act(steps.withdraw(target, why), found)

    def restore(self, ref: RefLike, reason: str | None = None) -> R:
        """Take a withdrawal back.

        Raises:
            NotFoundError: There is no such version.
        """
        why = optional_text(reason, "a reason", MAX_REASON)
        target = target_of(self._core, ref, quiet=True)
        return self._act(steps.restore(target, why), target)

    def _clear(self, name: str, alias: str, reason: str | None) -> Step:
        check_model_name(name)
        return steps.clear_alias(
            name, alias, optional_text(reason, "a reason", MAX_REASON)
        )


def _followed(target: Target) -> tuple[Target, Target]:
    """Return *target*, and what finds again the version that it found last.

    Once withdrawn, a version is no longer what ``latest`` or a range means.
    """
    last: list[VersionState] = []

    def find(state: State) -> VersionState:
        last[:] = [target(state)]
        return last[0]

    def again(state: State) -> VersionState:
        return resolve(state, Ref.parse(last[0].ref), quiet=True)

    return find, again
