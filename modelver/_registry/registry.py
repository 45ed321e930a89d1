"""The registry: the one class that a user begins with."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from modelver._registry.arguments import (
    MAX_REASON,
    format_moment,
    optional_text,
)
from modelver._registry.caching import Cache
from modelver._registry.draft import Draft
from modelver._registry.opening import open_core, store_to_open
from modelver._registry.questions import RefLike
from modelver._registry.reading import Reading
from modelver._registry.registering import prepare, register_now
from modelver._registry.staging import Staging
from modelver._registry.steps import Step, Target
from modelver._registry.transaction import Transaction
from modelver._registry.verbs import Verbs
from modelver._registry.version import ModelVersion
from modelver._registry.wanted import Wanted, wanted_of
from modelver._values.names import check_text
from modelver.plugin import Backend


def _now() -> str:
    return format_moment(datetime.now(UTC))  # noqa: TID251 - the one clock


class Registry(Reading, Verbs[ModelVersion]):
    """A registry of model versions, in a folder or any other store.

    Args:
        url: A folder, or a URL whose scheme has a backend (``memory://``); None:
            the environment variable ``MODELVER_REGISTRY``.
        create: Create it where there is none; an existing one is opened.
        read_only: Refuse to write.
        author: Who says what is written; None: ``MODELVER_AUTHOR``, else the user.
        cache: Folder of local copies; None: ``MODELVER_CACHE_DIR``, else the user's
            cache folder.
        cache_size: What the cache may hold, in bytes or as ``50GB``; None:
            ``MODELVER_CACHE_SIZE``, else 32 GiB.
        offline: Do not touch the store: answer from what was fetched before; None:
            whether ``MODELVER_OFFLINE`` is set.
        storage_options: Passed to the backend.
        digest: ``b3`` (BLAKE3) or ``sha256``, when it is created; None: BLAKE3.
        statuses: The statuses that versions may have, when it is created; None: the
            usual ones.
        backend: A backend to use instead of *url*.
        indexer: Name of the index that answers searches.
        timeout: Seconds after which a commit that others keep overtaking, or a store
            that cannot tell, is given up.

    Raises:
        RegistryNotFoundError: There is none; the hint says how to create one.
        InvalidInputError: The address cannot be one, or holds something else.
        PluginError: No backend is installed for the URL's scheme.
        IntegrityError: ``registry.json`` is damaged.
        UpgradeRequiredError: It needs a later release.
        StorageError: The store refuses.
        OfflineError: Offline, and nothing was ever fetched from there.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        create: bool = False,
        read_only: bool = False,
        author: str | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_size: int | str | None = None,
        offline: bool | None = None,
        storage_options: Mapping[str, Any] | None = None,
        digest: str | None = None,
        statuses: Sequence[str] | None = None,
        backend: Backend | None = None,
        indexer: str = "scan",
        timeout: float = 60.0,
    ) -> None:
        core = open_core(
            store_to_open(
                url,
                backend=backend,
                storage_options=storage_options,
                cache=cache,
                offline=offline,
            ),
            create=create,
            digest=digest,
            statuses=None if statuses is None else tuple(statuses),
            read_only=read_only,
            author=author,
            cache=cache,
            cache_size=cache_size,
            indexer=indexer,
            timeout=timeout,
            clock=_now,
        )
        self._use(core)

    @property
    def cache(self) -> Cache:
        """The local copies of its files: ``info()`` tells of them, ``clear()`` deletes.

        Copies are deleted by themselves too: the least recently used, when there are
        too many, and those that nobody asked for in 30 days (``MODELVER_CACHE_AGE``).
        """
        return Cache(self._core)

    # Registering.

    def register(
        self,
        name: str,
        files: Any,
        *,
        version: str | None = None,
        bump: str = "auto",
        pre: str | None = None,
        code: Any = "auto",
        data: Any = None,
        config: Any = None,
        docs: Any = None,
        environment: bool = True,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        slices: Mapping[str, Mapping[str, float]] | None = None,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        parents: RefLike | Iterable[RefLike] = (),
        aliases: str | Iterable[str] = (),
        container: str | Mapping[str, str] | None = None,
        command: str | Sequence[str] | bool | None = None,
        outputs: Mapping[str, Any] | None = None,
        tolerance: Any = None,
        seeds: Any = None,
        links: Mapping[str, str] | None = None,
        omit: str | Iterable[str] = (),
        allow: str | Iterable[str] = (),
        require: str | None = None,
        require_clean: bool = False,
        message: str | None = None,
        author: str | None = None,
        rehash: bool = False,
        progress: Any = None,
    ) -> ModelVersion:
        """Register a version: files, code, data, configuration, environment, as one.

        The same bundle as the newest version is that version: nothing is written, so
        a CI job may be run again.

        Args:
            name: The model: ``fraud``, ``nlp/intent``.
            files: The model: a folder, a file, or a mapping of bundle paths to files
                or bytes.
            version: The number, SemVer 2.0.0; None: chosen by *bump*.
            bump: ``major``, ``minor``, ``patch``, or ``auto``: what changed decides
                (structure of the model; weights or data; anything else).
            pre: Label of a pre-release: ``rc`` makes ``1.3.0-rc.1``.
            code: ``auto``: where the running script (else the working folder) lies in a
                Git work tree, that tree: its tracked and unignored files, its commit,
                and a patch of what is in no commit. Else as *files*: of a folder,
                hidden files, caches and what looks like a key are left out. None: no
                code.
            data: As *files*; each file or folder becomes an input, known by content.
                Also URLs, DataFrames, arrays, versions, ``.dvc`` files, and
                :class:`Data`, which says how each is kept.
            config: As *files*, or settings: a plain dict, an ``argparse.Namespace``, a
                dataclass, an object of attrs or pydantic, an OmegaConf configuration.
            docs: As *files*.
            environment: Record the interpreter and the installed packages.
            params: Hyper-parameters, any JSON.
            metrics: ``{"auc": 0.94}``; finite numbers.
            slices: ``{"country=DE": {"auc": 0.90}}``.
            tags: Text by key.
            description: For people.
            parents: Versions that this one was made from.
            aliases: Aliases to give to it, in the same commit.
            container: Image that the run had: ``repo@sha256:...``; None: what the
                machine or CI tells.
            command: What to run to make it again: ``["python", "train.py"]``, or the
                same as text; True: the command line of this process.
            outputs: Where that command leaves what is in the bundle, and its metrics:
                ``{"model": "out", "metrics": "out/metrics.json"}``, relative to the
                folder that it runs in; None: where *files* lie now.
            tolerance: How far each metric may be off when it is made again:
                ``{"auc": 0.002}``, ``{"auc": {"relative": 0.01}}``, or one number.
            seeds: The seeds of the run: a number, or numbers by library.
            links: Where the experiment is told of: ``{"mlflow": "https://..."}``.
            omit: Patterns of paths that are left out, and told to be.
            allow: Patterns of paths, or places such as ``params.token``, that look like
                a secret and are none.
            require: Lowest grade that its audit must give, or it is not registered.
            require_clean: Refuse where the code has changes that are in no commit.
            message: Of the commit.
            author: Instead of the registry's.
            rehash: Read every file again, also those whose size, times and inode are
                what they were when this machine registered them last.
            progress: An fsspec ``Callback``, told of bytes; None: a bar, where a person
                looks and it takes long; False: no bar; True: also where standard error
                is no terminal.

        Returns:
            The whole version.

        Raises:
            InvalidInputError: Something given cannot be registered; nothing was.
            VersionExistsError: The number is taken by another bundle.
            NotFoundError: A parent is not registered.
            StorageError: The store refuses; nothing was registered, unless it is
                :class:`OutcomeUnknownError`.
        """
        self._core.require_writable()
        said = optional_text(message, "a message", MAX_REASON)
        who = self._who(author)
        registration = prepare(
            self._core,
            Staging(self._core, name, progress, rehash=rehash),
            Wanted(
                version=version,
                bump=bump,
                pre=pre,
                params=params,
                metrics=metrics,
                slices=slices,
                tags=tags,
                description=description,
                parents=parents,
                aliases=aliases,
                environment=environment,
                container=container,
                command=command,
                outputs=outputs,
                tolerance=tolerance,
                seeds=seeds,
                links=links,
                omit=omit,
                allow=allow,
                require=require,
                require_clean=require_clean,
            ),
            stage={
                "model": files,
                "code": code,
                "data": data,
                "config": config,
                "docs": docs,
            },
        )
        return register_now(self._core, registration, said, who, looked=True)

    def draft(
        self,
        name: str,
        files: Any = None,
        *,
        code: Any = "auto",
        data: Any = None,
        config: Any = None,
        docs: Any = None,
        environment: bool = True,
        message: str | None = None,
        author: str | None = None,
        rehash: bool = False,
        progress: Any = None,
        **words: Any,
    ) -> Draft:
        """Register as :meth:`register` does, from a block that fills it as it goes.

        ::

            with registry.draft("fraud", bump="minor") as draft:
                draft.add("weights.bin")
                draft.log_metrics({"auc": 0.94})
            draft.version

        Args:
            name: The model.
            files: As for :meth:`register`, as for what follows; all may be added later.
            code: See there.
            data: See there.
            config: See there.
            docs: See there.
            environment: See there.
            message: See there.
            author: See there.
            rehash: See there.
            progress: See there.
            words: ``version bump pre params metrics slices tags description parents
                aliases container command outputs tolerance seeds links omit allow
                require require_clean``, see there.

        Raises:
            InvalidInputError: A word that :meth:`register` does not know.
        """
        wanted_of(words, "draft")
        return Draft(
            self._core,
            name,
            message=optional_text(message, "a message", MAX_REASON),
            author=self._who(author),
            environment=environment,
            words=words,
            given={
                "model": files,
                "code": code,
                "data": data,
                "config": config,
                "docs": docs,
            },
            rehash=rehash,
            progress=progress,
        )

    def transaction(
        self, message: str | None = None, *, author: str | None = None
    ) -> Transaction:
        """Return a block whose actions, over any models, become one commit or none.

        ::

            with registry.transaction("release 7") as tx:
                new = tx.register("fraud", "out/")
                tx.promote(new, "production")
        """
        said = optional_text(message, "a message", MAX_REASON)
        return Transaction(self._core, said, self._who(author))

    def _act(self, step: Step, target: Target) -> ModelVersion:
        state = self._core.commit([step], None, self._core.author)
        return ModelVersion(self._core, state, target(state))

    def _who(self, author: str | None) -> str:
        if author is None:
            return self._core.author
        return check_text(author, "the author", 200) or self._core.author

    # Aliases.

    def clear_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Take an alias off a model; its history stays.

        Raises:
            VersionNotFoundError: It is not set (kind ``ALIAS``).
            ModelNotFoundError: There is no such model.
        """
        step = self._clear(name, alias, reason)
        self._core.commit([step], None, self._core.author)
