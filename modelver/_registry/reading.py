"""The half of a registry that only reads; of the past, it is all there is."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Self

from attrs import evolve

from modelver._lineage import Lineage
from modelver._registry import questions, usage
from modelver._registry.arguments import (
    as_sequence,
    parse_label,
    to_label,
)
from modelver._registry.commits import Commit, commits_of
from modelver._registry.core import Core
from modelver._registry.judging import Judging
from modelver._registry.progress import progressing
from modelver._registry.questions import RefLike
from modelver._registry.resolve import find_model
from modelver._registry.searching import Searcher, make_query
from modelver._registry.version import ModelVersion
from modelver._search.compare import Comparison
from modelver._search.diff import Diff
from modelver._values.jsonstrict import MAX_INTEGER
from modelver._values.names import check_alias, check_model_name
from modelver._values.report import Report
from modelver._values.reproduction import Reproducibility
from modelver._values.state import AliasMove, State, VersionState
from modelver._values.usage import Stats
from modelver.errors import (
    ErrorKind,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
)


class Reading(Judging):
    """Finding, comparing and checking versions."""

    _core: Core
    _searcher: Searcher | None

    def _use(self, core: Core) -> None:
        self._core = core
        self._searcher: Searcher | None = None

    @classmethod
    def _of(cls, core: Core) -> Self:
        made = cls.__new__(cls)
        made._use(core)  # noqa: SLF001 - a second way to make one of ourselves
        return made

    # What it is.

    @property
    def url(self) -> str:
        """The address, without credentials; of a folder its absolute path."""
        return self._core.backend.url

    @property
    def uuid(self) -> str:
        """32 hex digits, made up when the registry was created."""
        return self._core.log.identity.info.uuid

    @property
    def seq(self) -> int:
        """The number of its newest commit; 0 where there is none."""
        return self._core.state().seq

    @property
    def statuses(self) -> Sequence[str]:
        """The statuses that a version may have."""
        return self._core.log.identity.info.statuses

    # Finding.

    def get(self, ref: RefLike) -> ModelVersion:
        """Return the version that *ref* means; no file is read.

        Args:
            ref: ``fraud@1.4.0``, ``fraud@^1.2``, ``fraud@production``,
                ``fraud@latest`` (the highest stable; so is ``fraud``),
                ``fraud@newest`` (the last registered), ``fraud@b3:9f2c``, ``b3:9f2c``.

        Raises:
            InvalidInputError: It is no ref (kind ``BAD_REF``).
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: It has no such version.
            AmbiguousRefError: A digest prefix fits several.
        """
        state, version = questions.find(self._core, ref)
        return ModelVersion(self._core, state, version)

    def resolve(self, ref: RefLike) -> str:
        """Return the exact ref that *ref* means now; see :meth:`get`."""
        return questions.find(self._core, ref)[1].ref

    def models(self) -> list[str]:
        """Return the names of all models, sorted."""
        return sorted(self._core.state().models)

    def versions(self, name: str, *, withdrawn: bool = False) -> list[ModelVersion]:
        """Return the versions of a model, in the order of their registration.

        Args:
            name: The model.
            withdrawn: Whether to return withdrawn ones too.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        state = self._core.state()
        found = find_model(state, check_model_name(name)).versions.values()
        alive = [v for v in found if withdrawn or v.withdrawal is None]
        return self._made(state, alive)

    def aliases(self, name: str) -> dict[str, str]:
        """Return the aliases of a model: alias to exact number.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        model = find_model(self._core.state(), check_model_name(name))
        return dict(sorted(model.aliases.items()))

    def search(
        self,
        filter: str | None = None,  # noqa: A002 - the name that users know
        *,
        model: str | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[ModelVersion]:
        """Return the versions that match; withdrawn ones never do.

        Args:
            filter: For instance ``"metrics.auc > 0.93 and tags.task = 'fraud'"``; the
                reference has the whole language. None: everything.
            model: Only of this model.
            order_by: For instance ``"metrics.auc desc"``; missing values come last.
            limit: At most so many.

        Raises:
            InvalidInputError: The filter or order does not parse (``BAD_FILTER``).
        """
        name = None if model is None else check_model_name(model)
        query = make_query(filter, name, order_by, limit)
        state = self._core.state()
        if self._searcher is None:
            self._searcher = Searcher(self._core.indexer())
        refs = self._searcher.find(state, query)
        parts = (ref.partition("@") for ref in refs)
        return self._made(
            state, (state.models[n].versions[v.partition("+")[0]] for n, _, v in parts)
        )

    def __contains__(self, ref: object) -> bool:
        """Whether *ref* means a version: ``"fraud@^1" in registry``."""
        if not isinstance(ref, str | questions.Answer):
            return False
        try:
            target = questions.target_of(self._core, ref, quiet=True)
            target(self._core.state())
        except (NotFoundError, InvalidInputError):
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the models."""
        return iter(self.models())

    def __len__(self) -> int:
        """Return how many models there are."""
        return len(self._core.state().models)

    def __bool__(self) -> bool:
        """True: an empty registry is a registry."""
        return True

    def _made(self, state: State, found: Iterable[VersionState]) -> list[ModelVersion]:
        return [ModelVersion(self._core, state, version) for version in found]

    def alias_history(self, name: str, alias: str) -> list[AliasMove]:
        """Return every move of an alias, newest first; empty if it never moved.

        Each has ``version`` (None: cleared), ``previous``, ``kind``, ``reason``,
        ``author``, ``time`` and ``seq``.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        model = find_model(self._core.state(), check_model_name(name))
        return list(reversed(model.moves.get(check_alias(alias), ())))

    # Looking.

    def diff(self, old: RefLike, new: RefLike) -> Diff:
        """Return what changed from *old* to *new*, and nothing else.

        Raises:
            NotFoundError: One of them is not there.
            IntegrityError: A manifest or config file is damaged.
        """
        return questions.diff_of(self._core, old, new)

    def compare(self, refs: Sequence[RefLike]) -> Comparison:
        """Return a table of several versions, side by side.

        Raises:
            NotFoundError: One of them is not there.
        """
        return questions.compare(self._core, as_sequence(refs, "versions"))

    def lineage(self, ref: RefLike | None = None) -> Lineage:
        """Return what a version was made from and what was made from it.

        None: the lineage of the whole registry, without a root.
        """
        return questions.lineage_of(self._core, ref)

    def used_by(self, what: Any) -> list[ModelVersion]:
        """Return the versions that were made from *what*.

        Args:
            what: A file or folder (known by its content, wherever it lies), a
                DataFrame or an array, a URL (of data there, or below it), a digest of
                data, or a version.

        Raises:
            NotFoundError: It is none of these (kind ``FILE``).
        """
        return self._made(self._core.state(), questions.used_by(self._core, what))

    def log(
        self,
        model: str | None = None,
        *,
        limit: int | None = None,
        void: bool = True,
    ) -> list[Commit]:
        """Return the commits, newest first.

        Args:
            model: Only those that speak of it.
            limit: At most so many.
            void: Whether to return commits without effect too.

        Raises:
            InvalidInputError: The limit is none.
        """
        if limit is not None and (type(limit) is not int or limit < 1):
            raise InvalidInputError("the limit is no whole number from 1 upwards")
        state = self._core.state()
        name = None if model is None else check_model_name(model)
        found: list[Commit] = []
        for commit in commits_of(reversed(self._core.log.history[: state.seq])):
            if (name is None or name in commit.models) and (void or not commit.void):
                found.append(commit)
                if limit is not None and len(found) >= limit:
                    break
        return found

    def outcome(self, txid: str) -> Commit | None:
        """Return the commit of this txid, or None if it has not landed.

        For after an :class:`OutcomeUnknownError`, whose ``txid`` it is.
        """
        return next((c for c in self.log() if c.txid == txid), None)

    def at(self, when: int | str | date | datetime) -> Self:
        """Return the registry as it was, for reading.

        Args:
            when: The number of a commit (0: empty), or a time: the state after the last
                commit whose time label is not later. A time without a zone is UTC, a
                date is its end.

        Raises:
            NotFoundError: There is no such commit (kind ``COMMIT``).
            InvalidInputError: It is neither a number nor a time.
        """
        log = self._core.log
        try:
            newest = self._core.state().seq
        except IntegrityError:
            newest = log.state.seq  # what came before the damage can still be read
            if type(when) is not int or when > newest:
                raise
        if type(when) is int:
            if not 0 <= when <= newest:
                raise NotFoundError(
                    f"there is no such commit: the newest is {newest}",
                    kind=ErrorKind.COMMIT,
                    ref=str(when) if abs(when) < MAX_INTEGER else None,
                )
            seq = when
        else:
            moment = parse_label(to_label(when, "the time"))
            labels = ((f.seq, f.entry) for f in reversed(log.history[:newest]))
            seq = next((n for n, e in labels if e and parse_label(e.time) <= moment), 0)
        return self._of(evolve(self._core, frozen=log.state_at(seq), read_only=True))

    def verify(
        self, ref: RefLike | None = None, *, deep: bool = True, progress: Any = None
    ) -> Report:
        """Check the chain, the manifests and the objects; name what is damaged.

        Args:
            ref: Only this version's; None: the whole registry.
            deep: Read every byte; otherwise see whether the sizes are right.
            progress: As for :meth:`Registry.register`.

        Raises:
            StorageError: The store cannot tell.
        """
        told = progressing(progress, "verifying")
        only = None if ref is None else {questions.find(self._core, ref)[1].ref}
        with told:
            return questions.verify(self._core, deep=deep, only=only, progress=told)

    def stats(self, of: RefLike | None = None, *, progress: Any = None) -> Stats:
        """Return what versions take: bytes of files, and bytes stored for them.

        All manifests are read, and no listing: what no version needs is not counted.
        A manifest that cannot be read is named in the answer.

        Args:
            of: A model by its name, or a version; None: the whole registry.
            progress: As for :meth:`Registry.register`, but told of versions.

        Raises:
            NotFoundError: There is no such model or version.
            StorageError: The store cannot tell.
        """
        with progressing(progress, "counting", "versions") as told:
            return usage.measure(self._core, of, told)

    def reproducibility(self, name: str | None = None) -> Reproducibility:
        """Return how many versions were really made again, level by level.

        Of each version the last reproduction that was recorded counts (see
        :meth:`ModelVersion.reproduce`); withdrawn ones are left out. With each share
        goes its 95 % confidence interval.

        Args:
            name: Of one model only.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        state = self._core.state()
        wanted = state.models.values() if name is None else [find_model(state, name)]
        versions = [
            version
            for model in wanted
            for version in model.versions.values()
            if version.withdrawal is None
        ]
        every = [
            [a.attest for a in version.attestations if a.attest.kind == "reproduction"]
            for version in versions
        ]
        last = (found[-1].results for found in every if found)
        return Reproducibility.of(len(versions), last)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open: a registry need not be closed."""

    def __repr__(self) -> str:
        at = self._core.frozen
        when = "" if at is None else f" as of commit {at.seq}"
        mode = " read-only" if self._core.read_only and at is None else ""
        return f"<Registry {self.url}{when}{mode}>"
