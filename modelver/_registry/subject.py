"""What is made again: as much of a version as a reproduction asks for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from modelver._registry.environment import VersionEnvironment
from modelver._registry.steps import Target
from modelver._values.entry import Recipe
from modelver._values.manifest import FileEntry, Input


class Subject(Protocol):
    """A registered version, see ``ModelVersion``."""

    @property
    def name(self) -> str:
        """The model."""

    @property
    def ref(self) -> str:
        """The exact ref."""

    @property
    def digest(self) -> str:
        """Of the bundle."""

    @property
    def manifest_digest(self) -> str:
        """Of the manifest."""

    @property
    def recipe(self) -> Recipe | None:
        """How it was made."""

    @property
    def run(self) -> Mapping[str, Any]:
        """Where it was made."""

    @property
    def registered_metrics(self) -> Mapping[str, float]:
        """What was measured then."""

    @property
    def inputs(self) -> Sequence[Input]:
        """What it was made from."""

    @property
    def files(self) -> Sequence[FileEntry]:
        """The files of its bundle."""

    @property
    def environment(self) -> VersionEnvironment | None:
        """The environment it was made in."""

    def checkout(self, dest: str | Path, *, progress: Any = None) -> Path:
        """Write it into a folder."""

    def as_target(self, uuid: str) -> Target:
        """Return how to find it in a state."""
