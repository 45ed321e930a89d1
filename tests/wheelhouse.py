"""Wheels without an index: a folder of them, packed from what is installed here.

Tests build real virtual environments without a network. Ask for the fixture in a
``conftest.py`` or a test module, and say what is needed::

    from tests.wheelhouse import Wheelhouse, wheelhouse  # noqa: F401 - a fixture

    def test_x(wheelhouse: Wheelhouse, tmp_path: Path, monkeypatch) -> None:
        wheelhouse.pack("scikit-learn", "modelver")     # with what they depend on
        wheelhouse.make("tiny", "1.0", {"tiny.py": "x = 1"})   # a made-up one
        wheelhouse.use(monkeypatch)    # pip and uv find these wheels and no others
        python = wheelhouse.venv(tmp_path / "env", "scikit-learn", "modelver", "tiny")
        subprocess.run([python, "-c", "import sklearn, modelver, tiny"], check=True)

* ``wheelhouse.path``: the folder; ``wheelhouse.variables``: what :meth:`use` sets.
* ``pack(*names, dependencies=True)`` packs installed distributions, each once in a
  session (all workers of pytest-xdist share the folder); ``modelver`` is packed from
  its sources where it is installed for editing. A wheel is what was once installed:
  fingerprints of the two are equal.
* ``make(name, version, files, ...)`` writes a wheel of given files, and may lie about
  them (``record=``, ``unlisted=``) or replace one of the same name and version. Give
  it a *folder* of your own then, and :meth:`use` that: other tests share this one.
* ``venv(path, *requirements)`` makes an environment with exactly those (without their
  dependencies, with them by ``dependencies=True``; without pip) and returns its Python.

Packing copies bytes: NumPy, SciPy and scikit-learn take a second or two, once.
"""

import base64
import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import modelver

_WRITTEN = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
_SOURCES = Path(modelver.__file__).parent
# The same bytes whenever it is packed.
_WHEN = (2020, 1, 1, 0, 0, 0)


def row_of(path: str, data: bytes) -> tuple[str, str, str]:
    """Return what a RECORD says of a file."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return path, f"sha256={digest.decode()}", str(len(data))


def write_wheel(path: Path, files: Mapping[str, bytes], info: str, record: str) -> None:
    """Write a wheel of *files* and its RECORD; it appears whole."""
    unfinished = path.with_name(f".{os.getpid()}.{path.name}")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name, data in [*files.items(), (f"{info}/RECORD", record.encode())]:
            member = zipfile.ZipInfo(name, _WHEN)
            member.external_attr = 0o100644 << 16
            archive.writestr(member, data)
    unfinished.replace(path)


def record_text(rows: Sequence[Sequence[str]], info: str) -> str:
    """Return the text of a RECORD of *rows*."""
    said = io.StringIO()
    writer = csv.writer(said, lineterminator="\n")
    writer.writerows([*rows, (f"{info}/RECORD", "", "")])
    return said.getvalue()


class Wheelhouse:
    """A folder of wheels, and environments made from it; see the module."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    @property
    def variables(self) -> dict[str, str]:
        """What makes pip and uv find these wheels and nothing else."""
        return {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_FIND_LINKS": str(self.path),
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.path),
            "UV_NO_CACHE": "1",
            "UV_NO_CONFIG": "1",
            "UV_OFFLINE": "1",
        }

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every pip and uv that a test starts find these wheels only."""
        for name in list(os.environ):
            if name.startswith(("PIP_", "UV_")):
                monkeypatch.delenv(name)
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)

    def pack(self, *names: str, dependencies: bool = True) -> None:
        """Pack installed distributions, and what they depend on.

        A test is skipped where one of them is not installed.
        """
        wanted, seen = list(names), set()
        while wanted:
            name = canonicalize_name(wanted.pop())
            if name in seen:
                continue
            seen.add(name)
            try:
                found = distribution(name)
            except ModuleNotFoundError:
                pytest.skip(f"{name} is not installed")
            self._pack(found, name)
            if dependencies:
                wanted += _needed(found)

    def _pack(self, found: Distribution, name: str) -> None:
        stem = f"{name.replace('-', '_')}-{found.version}"
        if list(self.path.glob(f"{stem}-*.whl")):
            return
        info = f"{stem}.dist-info"
        files = _sources(found, info) if _is_editable(found) else _files(found, info)
        tags = _tags(files[f"{info}/WHEEL"].decode())
        rows = [row_of(path, data) for path, data in files.items()]
        target = self.path / f"{stem}-{tags}.whl"
        write_wheel(target, files, info, record_text(rows, info))

    def make(
        self,
        name: str,
        version: str,
        files: Mapping[str, str | bytes],
        *,
        metadata: str = "",
        record: Mapping[str, bytes] | None = None,
        unlisted: Collection[str] = (),
        folder: Path | None = None,
    ) -> Path:
        """Write a wheel of given files, and return its path.

        Args:
            name: Of the distribution.
            version: Of the distribution.
            files: Path below site-packages to content.
            metadata: Further lines of METADATA: ``Requires-Dist: x``.
            record: Path to the bytes that RECORD claims for it: a lie.
            unlisted: Files that RECORD does not list: another lie.
            folder: Where it goes, if not into this wheelhouse.
        """
        stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
        info = f"{stem}.dist-info"
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
        wheel = (
            "Wheel-Version: 1.0\nGenerator: tests\n"
            "Root-Is-Purelib: true\nTag: py3-none-any\n"
        )
        whole = {
            path: data.encode() if isinstance(data, str) else data
            for path, data in files.items()
        }
        whole |= {f"{info}/METADATA": head.encode(), f"{info}/WHEEL": wheel.encode()}
        claimed = {**whole, **(record or {})}
        rows = [row_of(path, d) for path, d in claimed.items() if path not in unlisted]
        target = (folder or self.path) / f"{stem}-py3-none-any.whl"
        write_wheel(target, whole, info, record_text(rows, info))
        return target

    def venv(self, path: Path, *requirements: str, dependencies: bool = False) -> Path:
        """Make a virtual environment of these wheels, and return its Python."""
        words = [sys.executable, "-m", "venv", "--without-pip", str(path)]
        subprocess.run(words, check=True)
        python = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if requirements:
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
            more = [] if dependencies else ["--no-deps"]
            ours = {
                name: value
                for name, value in os.environ.items()
                if not name.startswith("PIP_")
            }
            done = subprocess.run(
                [*pip, "--no-compile", "--quiet", *more, *requirements],
                env=ours | self.variables,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        return python


def _is_editable(found: Distribution) -> bool:
    said = json.loads(found.read_text("direct_url.json") or "{}")
    return bool(said.get("dir_info", {}).get("editable"))


def _needed(found: Distribution) -> Iterator[str]:
    for line in found.requires or ():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            yield wanted.name


def _files(found: Distribution, info: str) -> dict[str, bytes]:
    """Return the files of the wheel that *found* was installed from."""
    files = {}
    for file in found.files or ():
        parts = file.parts
        inside = parts[0] not in ("..", "/") and "__pycache__" not in parts
        if file.hash is None or not inside:
            continue
        path = file.as_posix()
        if parts[0].endswith(".dist-info"):
            if parts[-1] in _WRITTEN:
                continue
            path = "/".join((info, *parts[1:]))
        files[path] = Path(str(found.locate_file(file))).read_bytes()
    return files


def _sources(found: Distribution, info: str) -> dict[str, bytes]:
    """Return the files of the wheel of modelver that nobody has built yet."""
    assert found.name == "modelver", f"{found.name} is installed for editing"
    files = {
        f"modelver/{path.relative_to(_SOURCES).as_posix()}": path.read_bytes()
        for path in sorted(_SOURCES.rglob("*"))
        if path.is_file() and path.suffix in {".py", ".typed"}
    }
    for name in ("METADATA", "WHEEL", "entry_points.txt"):
        files[f"{info}/{name}"] = (found.read_text(name) or "").encode()
    return files


def _tags(wheel: str) -> str:
    """Return the compressed tags of a wheel's name."""
    tags = [
        line.partition(":")[2].strip().split("-")
        for line in wheel.splitlines()
        if line.startswith("Tag:")
    ]
    return "-".join(".".join(dict.fromkeys(part)) for part in zip(*tags, strict=True))


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Wheelhouse:
    """Return the wheelhouse of this session, empty at first."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # the workers' folders lie beside it
        base = base.parent
    return Wheelhouse(base / "wheelhouse")
