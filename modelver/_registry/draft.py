"""A version that is put together as a training run goes on."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from modelver._capture.settings import plain_settings
from modelver._registry.arguments import (
    check_metrics,
    check_params,
    check_slices,
    check_tags,
    plain_json,
)
from modelver._registry.core import Core
from modelver._registry.questions import RefLike, find
from modelver._registry.registering import prepare, register_now
from modelver._registry.staging import Staging
from modelver._registry.surroundings import AUTO, add_code
from modelver._registry.version import ModelVersion
from modelver._registry.wanted import wanted_of
from modelver.errors import ErrorKind, InvalidInputError


class Draft:
    """Takes files, metrics and the rest as they come.

    It registers when its block ends well.

    Made by ``Registry.draft``. A file is stored when it is added, as it is then: it may
    be overwritten afterwards. Nothing is visible before the block has ended; if it
    raises, nothing ever is.
    """

    def __init__(
        self,
        core: Core,
        name: str,
        *,
        message: str | None,
        author: str,
        environment: bool,
        words: Mapping[str, Any],
        given: Mapping[str, Any],
        rehash: bool,
        progress: Any,
    ) -> None:
        """Made by the registry; not called by users."""
        core.require_writable()
        self._core = core
        self._staging = Staging(core, name, progress, rehash=rehash)
        self._staging.screen.use(words.get("omit", ()), words.get("allow", ()))
        self._message = message
        self._author = author
        self._environment = environment
        self._words = dict(words)
        self._given = given
        self._params = check_params(words.get("params"))
        self._metrics = check_metrics(words.get("metrics"))
        self._slices = check_slices(words.get("slices"))
        self._tags = check_tags(words.get("tags"))
        self._config: dict[str, Any] = {}
        self._parents: list[RefLike] = list(words.get("parents") or ())
        self._open = False
        self._version: ModelVersion | None = None

    @property
    def name(self) -> str:
        """The model."""
        return self._staging.name

    @property
    def version(self) -> ModelVersion:
        """The registered version, after the block.

        Raises:
            InvalidInputError: The block has not ended well (kind ``CLOSED``).
        """
        if self._version is None:
            raise InvalidInputError(
                f"the draft of {self.name!r} is not registered",
                kind=ErrorKind.CLOSED,
                hint="Ask for the version after the block has ended.",
            )
        return self._version

    def add(self, files: Any, *, role: str = "model") -> None:
        """Store a folder, a file, or a mapping of bundle paths to files or bytes.

        Args:
            files: As ``files`` of ``Registry.register``.
            role: ``model``, ``code``, ``data``, ``config`` or ``docs``.

        Raises:
            InvalidInputError: They cannot be in a bundle, or a path is taken.
        """
        self._require_open()
        if role not in ("model", "code", "data", "config", "docs"):
            raise InvalidInputError(
                f"{str(role)[:80]!r} is no role for files",
                hint="Roles are model, code, data, config and docs.",
            )
        if role == "config":
            settings = plain_settings(files)
            files = files if settings is None else settings
            if isinstance(files, Mapping):
                self.log_config(files)
                return
        if role == "code":
            self._staging.root = add_code(self._staging, files)
        else:
            self._staging.add(role, files)
        self._staging.store()

    def log_metrics(
        self,
        metrics: Mapping[str, float],
        *,
        slice: str | None = None,  # noqa: A002
    ) -> None:
        """Add metrics, of all data or of one slice; a later value wins.

        Raises:
            InvalidInputError: A value is not finite.
        """
        self._require_open()
        if slice is None:
            self._metrics.update(check_metrics(metrics))
        else:
            for name, values in check_slices({slice: metrics}).items():
                self._slices.setdefault(name, {}).update(values)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add hyper-parameters; a later value wins."""
        self._require_open()
        self._params.update(check_params(params))

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Add settings; together they become ``config/config.json``."""
        self._require_open()
        self._config.update(plain_json(config, "the config"))

    def tag(self, **tags: Any) -> None:
        """Add tags."""
        self._require_open()
        self._tags.update(check_tags(tags))

    def use(self, ref: RefLike) -> ModelVersion:
        """Note that the version is made from another one, and return that one.

        Raises:
            NotFoundError: There is no such version.
        """
        self._require_open()
        state, found = find(self._core, ref)
        version = ModelVersion(self._core, state, found)
        self._parents.append(version)
        return version

    def _require_open(self) -> None:
        if not self._open:
            raise InvalidInputError(
                f"the draft of {self.name!r} is not open",
                kind=ErrorKind.CLOSED,
                hint="Use it inside its block: with registry.draft(name) as draft: ...",
            )

    def __enter__(self) -> Self:
        self._open = True
        self._staging.run["started"] = self._core.clock()
        for role, what in self._given.items():
            is_auto = isinstance(what, str) and what == AUTO and role == "code"
            if what is not None and not is_auto:
                self.add(what, role=role)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        if error is not None:
            return
        self._staging.run["ended"] = self._core.clock()
        said = {
            **self._words,
            "params": self._params,
            "metrics": self._metrics,
            "slices": self._slices,
            "tags": self._tags,
            "parents": self._parents,
            "environment": self._environment,
        }
        code = self._given.get("code")
        stage = {
            "config": self._config or None,
            "code": code if code == AUTO else None,
        }
        registration = prepare(
            self._core, self._staging, wanted_of(said, "draft"), stage
        )
        self._version = register_now(
            self._core, registration, self._message, self._author
        )
