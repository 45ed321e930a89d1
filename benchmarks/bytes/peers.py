"""The peers, and where they come from.

One from PyPI gets an environment of its own, made once and used again. The others are
programs that must be on the PATH: restic, borg, and Git for DVC.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from benchmarks.bytes.measure import Command, Place
from benchmarks.bytes.tools import DRIVERS, Tool

# Exact, so that a figure says of what it is.
RELEASES = {"dvc": "3.67.1", "mlflow": "3.17.2", "pins": "0.9.2"}

PASSWORD = "figures"  # noqa: S105 - of a store that lives for a minute


class MissingError(Exception):
    """A peer is not to be had here; the text says why."""


@frozen
class Mlflow(Tool):
    """MLflow with its SQLite store: artifacts logged to a run, and registered."""

    bin: Path
    name = "MLflow"
    version: str = RELEASES["mlflow"]

    def env(self, place: Place) -> Mapping[str, str]:
        """Return no telemetry: it would wait for a network."""
        del place
        return {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

    def _call(self, place: Place, *words: object) -> list[Command]:
        driver = [str(self.bin / "python"), str(DRIVERS / "for_mlflow.py")]
        return [Command([*driver, *map(str, words)], place.store)]

    def prepare(self, place: Place) -> Sequence[Command]:
        """Make the database."""
        return self._call(place, "create")

    def register(self, place: Place, number: int) -> Sequence[Command]:
        """Log and register."""
        del number
        return self._call(place, "register", place.bundle)

    def restore(self, place: Place, number: int, target: Path) -> Sequence[Command]:
        """Download."""
        del number
        return self._call(place, "checkout", target)

    def path(self, place: Place) -> Sequence[Command]:
        """Ask where the version's files lie."""
        return self._call(place, "path", "model/model.safetensors")

    def small(self, place: Place, count: int) -> Sequence[Command]:
        """Log and register in a loop."""
        return self._call(place, "small", place.work, count)


@frozen
class Dvc(Tool):
    """DVC in a Git repository: add, push to a remote in a folder, commit."""

    bin: Path
    name = "DVC"
    version: str = RELEASES["dvc"]

    def env(self, place: Place) -> Mapping[str, str]:
        """Return who commits, and no telemetry."""
        return {
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(place.home / "site"),
            "GIT_AUTHOR_NAME": "bench",
            "GIT_AUTHOR_EMAIL": "bench@localhost",
            "GIT_COMMITTER_NAME": "bench",
            "GIT_COMMITTER_EMAIL": "bench@localhost",
        }

    def _call(self, place: Place, *lines: Sequence[object]) -> list[Command]:
        programs = {"dvc": str(self.bin / "dvc"), "git": "git"}
        return [
            Command([programs[str(line[0])], *map(str, line[1:])], place.work)
            for line in lines
        ]

    def prepare(self, place: Place) -> Sequence[Command]:
        """Make the repository, and name a cache and a remote in the store."""
        return self._call(
            place,
            ["git", "init", "-q"],
            ["dvc", "init", "-q"],
            ["dvc", "config", "core.check_update", "false"],
            ["dvc", "cache", "dir", place.store / "cache"],
            ["dvc", "remote", "add", "-q", "-d", "store", place.store / "remote"],
        )

    def register(self, place: Place, number: int) -> Sequence[Command]:
        """Add, push, commit."""
        return self._call(
            place,
            ["dvc", "add", "-q", "bundle"],
            ["dvc", "push", "-q"],
            ["git", "add", "bundle.dvc", ".gitignore", ".dvc"],
            ["git", "commit", "-q", "--allow-empty", "-m", f"version {number}"],
        )

    def restore(self, place: Place, number: int, target: Path) -> Sequence[Command]:
        """Get it out of the repository, as another project would."""
        del number
        return self._call(
            place, ["dvc", "get", "-q", place.work, "bundle", "-o", target / "bundle"]
        )

    def restored(self, target: Path) -> Path:
        """Return the folder in which the bundle then is."""
        return target / "bundle"


@frozen
class Pins(Tool):
    """pins on a versioned board in a folder: one pin of many files."""

    bin: Path
    name = "pins"
    version: str = RELEASES["pins"]
    flat = True

    def _call(self, place: Place, work: str, *words: object) -> list[Command]:
        driver = [str(self.bin / "python"), str(DRIVERS / "for_pins.py"), work]
        return [Command([*driver, str(place.store), *map(str, words)])]

    def register(self, place: Place, number: int) -> Sequence[Command]:
        """Upload."""
        del number
        return self._call(place, "register", place.bundle)

    def restore(self, place: Place, number: int, target: Path) -> Sequence[Command]:
        """Copy what the board gives paths to."""
        del number
        return self._call(place, "checkout", target)

    def path(self, place: Place) -> Sequence[Command]:
        """Ask for the paths."""
        return self._call(place, "path")


@frozen
class Restic(Tool):
    """restic: encrypted, and with its compression off."""

    version: str
    name = "restic"
    verifies = True
    shares = True

    def env(self, place: Place) -> Mapping[str, str]:
        """Return where the repository and its cache are."""
        return {
            "RESTIC_REPOSITORY": str(place.store),
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_CACHE_DIR": str(place.home / "restic"),
        }

    def prepare(self, place: Place) -> Sequence[Command]:
        """Make the repository."""
        return [Command(["restic", "init", "-q"], place.work)]

    def register(self, place: Place, number: int) -> Sequence[Command]:
        """Back up."""
        del number
        backup = ["restic", "backup", "-q", "--compression", "off", "bundle"]
        return [Command(backup, place.work)]

    def restore(self, place: Place, number: int, target: Path) -> Sequence[Command]:
        """Restore the last snapshot."""
        del number
        restore = ["restic", "restore", "-q", "latest", "--target", str(target)]
        return [Command(restore, place.work)]

    def restored(self, target: Path) -> Path:
        """Return the folder in which the bundle then is."""
        return target / "bundle"


@frozen
class Borg(Tool):
    """borg: not encrypted, compressed with lz4 as by default."""

    version: str
    name = "borg"
    verifies = True
    shares = True

    def env(self, place: Place) -> Mapping[str, str]:
        """Return where the repository is, and leave to use it without encryption."""
        return {
            "BORG_REPO": str(place.store / "borg"),
            "BORG_BASE_DIR": str(place.home),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    def prepare(self, place: Place) -> Sequence[Command]:
        """Make the repository."""
        return [Command(["borg", "init", "-e", "none"], place.work)]

    def register(self, place: Place, number: int) -> Sequence[Command]:
        """Create an archive."""
        return [Command(["borg", "create", f"::v{number}", "bundle"], place.work)]

    def restore(self, place: Place, number: int, target: Path) -> Sequence[Command]:
        """Extract the archive."""
        del place
        return [Command(["borg", "extract", f"::v{number}"], target)]

    def restored(self, target: Path) -> Path:
        """Return the folder in which the bundle then is."""
        return target / "bundle"


def environment(folder: Path, name: str) -> Path:
    """Return the ``bin`` of a peer's environment, which is made where it is not there.

    Raises:
        MissingError: It cannot be installed.
    """
    home, wanted = folder / name, f"{name}=={RELEASES[name]}"
    mark = home / "installed.txt"
    if not mark.is_file() or mark.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        done = subprocess.run(
            [str(home / "bin" / "python"), "-m", "pip", "install", "-q", wanted],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = done.stderr.strip().rpartition("\n")[2]
            raise MissingError(f"pip install {wanted}: {last}")
        mark.write_text(wanted, encoding="utf-8")
    return home / "bin"


def program(name: str, *words: str) -> str:
    """Return the release of a program on the PATH: the second word that it says.

    Raises:
        MissingError: It is not there.
    """
    if shutil.which(name) is None:
        raise MissingError(f"no program {name} on the PATH")
    done = subprocess.run([name, *words], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def _dvc(folder: Path) -> Tool:
    program("git", "--version")
    return Dvc(environment(folder, "dvc"))


PEERS: Mapping[str, Callable[[Path], Tool]] = {
    "mlflow": lambda folder: Mlflow(environment(folder, "mlflow")),
    "dvc": _dvc,
    "restic": lambda _: Restic(program("restic", "version")),
    "borg": lambda _: Borg(program("borg", "--version")),
    "pins": lambda folder: Pins(environment(folder, "pins")),
}


def found(names: Iterable[str], folder: Path) -> tuple[list[Tool], dict[str, str]]:
    """Return the peers of these names, and why others of them are not to be had.

    Args:
        names: Keys of `PEERS`.
        folder: For the environments.
    """
    tools: list[Tool] = []
    missing: dict[str, str] = {}
    for name in names:
        try:
            tools.append(PEERS[name](folder))
        except MissingError as error:
            missing[name] = str(error)
    return tools, missing
