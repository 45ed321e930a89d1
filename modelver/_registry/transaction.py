"""Several actions, over several models, as one commit."""

from types import TracebackType
from typing import Any, Self

from modelver._registry.core import Core
from modelver._registry.questions import Answer
from modelver._registry.registering import prepare, warn_unsaid
from modelver._registry.registration import Registration
from modelver._registry.resolve import resolve
from modelver._registry.staging import Staging
from modelver._registry.steps import Step, Target
from modelver._registry.verbs import Verbs
from modelver._registry.version import ModelVersion
from modelver._registry.wanted import wanted_of
from modelver._values.ref import Ref
from modelver._values.state import State, VersionState
from modelver.errors import ErrorKind, InvalidInputError


class PendingVersion(Answer):
    """A version that a transaction will register; stands for it in that transaction."""

    def __init__(self, core: Core, registration: Registration) -> None:
        self._core = core
        self._registration = registration
        self._version: ModelVersion | None = None

    @property
    def name(self) -> str:
        """The model."""
        return self._registration.name

    @property
    def version(self) -> ModelVersion:
        """The version, once the transaction has been committed.

        Raises:
            InvalidInputError: It has not been (kind ``CLOSED``).
        """
        if self._version is None:
            raise InvalidInputError(
                f"the version of {self.name!r} is not committed",
                kind=ErrorKind.CLOSED,
                hint="Ask for it after the transaction's block has ended.",
            )
        return self._version

    def as_target(self, uuid: str) -> Target:
        """See :class:`Answer`."""
        if uuid != self._core.log.identity.info.uuid:
            raise InvalidInputError(
                f"the pending version of {self.name!r} is of another registry",
                kind=ErrorKind.BAD_REF,
            )

        def find(state: State) -> VersionState:
            ref = self._registration.registered
            if ref is None:
                raise InvalidInputError(
                    f"the version of {self.name!r} is registered later in the "
                    "transaction",
                    kind=ErrorKind.BAD_REF,
                    hint="Register it before it is used.",
                )
            return resolve(state, Ref.parse(ref), quiet=True)

        return find

    def settle(self, state: State) -> None:
        """Take the committed version in."""
        found = self.as_target(state.info.uuid)(state)
        warn_unsaid(self._registration, state, found)
        self._version = ModelVersion(self._core, state, found)

    def __repr__(self) -> str:
        known = "not committed" if self._version is None else self._version.ref
        return f"<PendingVersion of {self.name}: {known}>"


class Transaction(Verbs[None]):
    """Collects what to do; commits it all at once when its block ends well.

    Made by ``Registry.transaction``. Every verb of the registry that writes is here;
    they return None, and ``register`` a :class:`PendingVersion` that may be used as a
    ref at once. Files are stored as they are registered, and stay invisible until the
    commit. If the block raises, nothing is committed.
    """

    def __init__(self, core: Core, message: str | None, author: str) -> None:
        core.require_writable()
        self._core = core
        self._message = message
        self._author = author
        self._steps: list[Step] = []
        self._pending: list[PendingVersion] = []
        self._open = False

    def register(
        self,
        name: str,
        files: Any,
        *,
        code: Any = "auto",
        data: Any = None,
        config: Any = None,
        docs: Any = None,
        rehash: bool = False,
        progress: Any = None,
        **words: Any,
    ) -> PendingVersion:
        """Register a version with the rest; see ``Registry.register``."""
        self._require_open()
        wanted = wanted_of(words, "register")
        later = [p for p in _several(wanted.parents) if isinstance(p, PendingVersion)]
        registration = prepare(
            self._core,
            Staging(self._core, name, progress, rehash=rehash),
            wanted,
            stage={
                "model": files,
                "code": code,
                "data": data,
                "config": config,
                "docs": docs,
            },
        )
        unknown = [p for p in later if p not in self._pending]
        if unknown:
            raise InvalidInputError(
                f"{unknown[0]!r} is a parent from another transaction",
                kind=ErrorKind.BAD_REF,
            )
        registration.store()
        registration.rehearse()
        pending = PendingVersion(self._core, registration)
        self._pending.append(pending)
        self._steps.append(registration.step())
        return pending

    def clear_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Take an alias off; see ``Registry.clear_alias``."""
        self._require_open()
        self._steps.append(self._clear(name, alias, reason))

    def _act(self, step: Step, target: Target) -> None:
        del target  # nothing is returned: the state after the commit is not known yet
        self._require_open()
        self._steps.append(step)

    def _require_open(self) -> None:
        if not self._open:
            raise InvalidInputError(
                "the transaction is not open",
                kind=ErrorKind.CLOSED,
                hint="Use it inside its block: with registry.transaction() as tx: ...",
            )

    def __enter__(self) -> Self:
        self._open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        if error is not None or not self._steps:
            return
        state = self._core.commit(self._steps, self._message, self._author)
        for pending in self._pending:
            pending.settle(state)


def _several(parents: Any) -> list[Any]:
    if isinstance(parents, str | Answer):
        return [parents]
    return list(parents)
