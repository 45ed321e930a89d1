"""What a tool is here, and the one that is always there: modelver."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from attrs import Factory, frozen

from benchmarks.bytes.measure import Command, Place
from benchmarks.bytes.names import TENSOR, WEIGHTS

DRIVERS = Path(__file__).parent / "drivers"


class Tool(ABC):
    """One tool, as the commands that do each work; no command: it does not offer it.

    Attributes:
        name: As the tables have it.
        version: Which release it is.
        verifies: Whether what it restores is held against a digest.
        shares: Whether versions share parts of a file.
        flat: Whether files come back without their folders.
    """

    name: ClassVar[str]
    version: str
    verifies: ClassVar[bool] = False
    shares: ClassVar[bool] = False
    flat: ClassVar[bool] = False

    def env(self, place: Place) -> Mapping[str, str]:
        """Return what its processes find in their environment besides."""
        del place
        return {}

    def prepare(self, place: Place) -> Sequence[Command]:
        """Return what makes an empty store."""
        del place
        return ()

    @abstractmethod
    def register(self, place: Place, number: int) -> Sequence[Command]:
        """Return what registers the bundle, as version *number* of the store."""

    @abstractmethod
    def restore(self, place: Place, number: int, target: Path) -> Sequence[Command]:
        """Return what writes version *number*, the newest, into the empty *target*."""

    def restored(self, target: Path) -> Path:
        """Return the folder in which the bundle then is."""
        return target

    def path(self, place: Place) -> Sequence[Command]:
        """Return what asks for a path to the weights, and for nothing else."""
        del place
        return ()

    def tensor(self, place: Place) -> Sequence[Command]:
        """Return what reads one tensor and no more."""
        del place
        return ()

    def small(self, place: Place, count: int) -> Sequence[Command]:
        """Return what registers *count* small versions, one by one."""
        del place, count
        return ()


@frozen
class Modelver(Tool):
    """modelver, in the Python that runs the harness."""

    name = "modelver"
    version: str = Factory(lambda: version("modelver"))
    verifies = True
    shares = True

    def _call(self, place: Place, work: str, *words: object) -> list[Command]:
        driver = [sys.executable, str(DRIVERS / "ours.py"), work, str(place.store)]
        return [Command([*driver, *map(str, words)])]

    def prepare(self, place: Place) -> Sequence[Command]:
        """Create the registry."""
        return self._call(place, "create")

    def register(self, place: Place, number: int) -> Sequence[Command]:
        """Register; the number is the registry's own."""
        del number
        return self._call(place, "register", place.bundle)

    def restore(self, place: Place, number: int, target: Path) -> Sequence[Command]:
        """Check out."""
        del number
        return self._call(place, "checkout", target)

    def path(self, place: Place) -> Sequence[Command]:
        """Ask for the path."""
        return self._call(place, "path", WEIGHTS.as_posix())

    def tensor(self, place: Place) -> Sequence[Command]:
        """Open the file where it lies, and read a part of it."""
        return self._call(place, "tensor", WEIGHTS.as_posix(), TENSOR)

    def small(self, place: Place, count: int) -> Sequence[Command]:
        """Register in a loop."""
        return self._call(place, "small", place.work, count)


def by_hand_tensor(path: Path) -> Sequence[Command]:
    """Return what reads one tensor of a file that lies there."""
    driver = [sys.executable, str(DRIVERS / "by_hand.py"), "tensor"]
    return [Command([*driver, str(path), TENSOR])]


def by_hand_write(source: Path, target: Path, flushed: str) -> Sequence[Command]:
    """Return what writes the files of a folder again; *flushed*: files or folders."""
    driver = [sys.executable, str(DRIVERS / "by_hand.py"), "write"]
    return [Command([*driver, str(source), str(target), flushed])]
