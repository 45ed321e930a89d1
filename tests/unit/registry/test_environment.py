"""The environment of a version: built again for real, compared, exported."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, strategies as st

from modelver import Registry
from modelver._capture import capture_environment
from modelver._registry import staging
from modelver._registry.environment import VersionEnvironment
from modelver._reproduce import environment as building, interpreters
from modelver._reproduce.environment import scrubbed
from modelver._values.distributions import fingerprint
from modelver._values.export import conda_text, dockerfile_text, requirements_text
from modelver._values.manifest import Environment
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from tests.wheelhouse import Wheelhouse, wheelhouse as shared

wheelhouse = shared
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON = ".".join(map(str, sys.version_info[:3]))
SECRET = "hunter2"  # noqa: S105
Recorded = Callable[..., VersionEnvironment]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheelhouse:
    """Return a wheelhouse of two made-up distributions, the only ones to be found."""
    found = Wheelhouse(tmp_path / "house")
    found.make("One", "1.0", {"one/__init__.py": "x = 1\n", "one/data.txt": "1"})
    found.make("two", "2.0+cu1", {"two.py": "x = 2\n"})
    found.use(monkeypatch)
    return found


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Register a version with a given environment, and return that of the version."""

    def make(
        packages: Mapping[str, str],
        fingerprints: Mapping[str, str] | None = None,
        sources: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> VersionEnvironment:
        value = Environment(
            implementation=sys.implementation.name,
            python=PYTHON,
            packages=packages,
            fingerprints=fingerprints or {},
            sources=sources or {},
        )
        monkeypatch.setattr(staging, "capture_environment", lambda *_: value)
        registry = Registry(str(tmp_path / "registry"), create=True)
        with registry.draft("m") as draft:
            draft.add({"w.bin": b"w"}, role="model")
            if files:
                draft._staging.add("environment", dict(files))
                draft._staging.store()
        found = registry.get("m").environment
        assert found is not None
        assert found == value
        return found

    return make


def marks(*wheels: Path) -> dict[str, str]:
    """Return the fingerprint of each wheel, of its own RECORD."""
    found = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            record = next(n for n in archive.namelist() if n.endswith("info/RECORD"))
            name = wheel.name.partition("-")[0].replace("_", "-")
            mark = fingerprint(archive.read(record))
        assert mark is not None
        found[name] = mark
    return found


def both(house: Wheelhouse) -> tuple[dict[str, str], dict[str, str]]:
    """Return packages and fingerprints of the two made-up distributions."""
    return {"one": "1.0", "two": "2.0+cu1"}, marks(*house.path.glob("*.whl"))


# Fingerprints.


@pytest.mark.large
def test_a_wheel_and_what_is_installed_from_it_have_one_fingerprint(
    wheelhouse: Wheelhouse, tmp_path: Path
) -> None:
    """Real wheels: the RECORD that pip wrote says what the wheel's own does."""
    names = ["numpy", "attrs", "packaging"]
    wheelhouse.pack(*names, dependencies=False)
    wheels = [next(wheelhouse.path.glob(f"{name}-*.whl")) for name in names]
    there = wheelhouse.venv(tmp_path / "env", *map(str, wheels)).parents[1]
    of_wheels = marks(*wheels)
    ours = capture_environment()
    for name in names:
        (record,) = there.glob(f"lib/*/site-packages/{name}-*.dist-info/RECORD")
        assert fingerprint(record.read_bytes()) == of_wheels[name]
        assert ours.fingerprints[name] == of_wheels[name]
    assert len(set(of_wheels.values())) == 3


def test_modelver_itself_is_edited_here_and_has_none() -> None:
    """A project that is installed for editing is named so, and not by a fingerprint."""
    said = json.loads(distribution("modelver").read_text("direct_url.json") or "{}")
    if not said.get("dir_info", {}).get("editable"):
        pytest.skip("modelver is installed from a wheel")
    found = capture_environment()
    assert found.sources["modelver"] == "editable"
    assert "modelver" not in found.fingerprints


# Building.


@pytest.mark.large
def test_what_a_process_registers_can_be_built_again(
    wheelhouse: Wheelhouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script registers in its own environment, and the very same one is built."""
    wheelhouse.pack("modelver", "numpy")
    wheelhouse.use(monkeypatch)
    python = wheelhouse.venv(tmp_path / "a", "modelver", "numpy", dependencies=True)
    code = (
        "import numpy, sys, modelver\n"
        "registry = modelver.Registry(sys.argv[1], create=True)\n"
        "registry.register('m', {'w.bin': numpy.zeros(9).tobytes()})\n"
    )
    url = str(tmp_path / "registry")
    subprocess.run([python, "-c", code, url], check=True, cwd=tmp_path)
    environment = Registry(url).get("m").environment
    assert environment is not None
    assert "numpy" in environment.packages
    assert "pip" not in environment.packages
    assert set(environment.fingerprints) == set(environment.packages)
    check = environment.create(tmp_path / "b")
    assert check.same, str(check)
    assert check.matched == len(environment.packages)
    assert check.python == PYTHON
    subprocess.run([check.interpreter, "-c", "import numpy, modelver"], check=True)
    assert environment.compare(tmp_path / "a").same


def test_exactly_these(house: Wheelhouse, recorded: Recorded, tmp_path: Path) -> None:
    """What is recorded is there, and nothing else: no pip, and no dependency."""
    house.make("one", "1.0", {"one.py": ""}, metadata="Requires-Dist: three\n")
    packages, prints = both(house)
    check = recorded(packages, prints).create(tmp_path / "env")
    assert check
    assert (check.same, check.matched, check.extra) == (True, 2, {})
    assert check.to_dict()["same"] is True
    assert "the same: 2" in str(check)
    said = subprocess.run(
        [check.interpreter, "-c", "import one, two; print(two.x)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout == "2\n"


@pytest.mark.large
@pytest.mark.parametrize("record", [None, {"one/data.txt": b"1"}], ids=["new", "old"])
def test_a_tampered_package_is_named(
    record: Mapping[str, bytes] | None,
    house: Wheelhouse,
    recorded: Recorded,
    tmp_path: Path,
) -> None:
    """Another file in a wheel of the same number shows, whether its RECORD owns up."""
    packages, prints = both(house)
    files = {"one/__init__.py": "x = 1\n", "one/data.txt": "666"}
    house.make("One", "1.0", files, record=record)
    check = recorded(packages, prints).create(tmp_path / "env")
    assert not check.same
    assert list(check.other_files) == ["one"]
    told = "one/data.txt" if record else "other files than the recorded one"
    assert told in check.other_files["one"]
    assert check.differences == (f"one: {check.other_files['one']}",)
    assert check.matched == 1
    assert (tmp_path / "env").is_dir()


@pytest.mark.large
@pytest.mark.parametrize(
    "path", ["one/more.py", "one/__pycache__/__init__.cpython-311.pyc", "evil.pth"]
)
def test_what_a_wheel_does_not_list_is_found(
    path: str, house: Wheelhouse, recorded: Recorded, tmp_path: Path
) -> None:
    """A file that came along unlisted is told, though the fingerprint is right."""
    packages, prints = both(house)
    files = {"one/__init__.py": "x = 1\n", "one/data.txt": "1"}
    ran = tmp_path / "ran"
    files[path] = f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n"
    wheel = house.make("One", "1.0", files, unlisted=[path])
    assert marks(wheel) == {"one": prints["one"]}
    check = recorded(packages, prints).create(tmp_path / "env")
    assert not check.same
    assert path in str(check)
    assert not check.missing
    assert not ran.exists()


@pytest.mark.large
def test_what_cannot_be_had_leaves_nothing(
    house: Wheelhouse, recorded: Recorded, tmp_path: Path
) -> None:
    """The last words of pip are told, with where to look; the folder is gone."""
    packages, prints = both(house)
    next(house.path.glob("two-*")).unlink()
    with pytest.raises(StorageError) as failed:
        recorded(packages, prints).create(tmp_path / "env")
    assert failed.value.kind == ErrorKind.NOT_REBUILT
    assert "two==2.0+cu1 came from an index of its own" in failed.value.hints[0]
    assert "No matching distribution found for two==2.0+cu1" in failed.value.hints[1]
    assert not (tmp_path / "env").exists()


@pytest.mark.large
@pytest.mark.usefixtures("house")
def test_pip_shows_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an installer repeats of an index with a password is told without it."""
    line = f"Looking in indexes: https://u:{SECRET}@h.example/simple?token={SECRET}"
    assert scrubbed(line) == "Looking in indexes: https://h.example/simple"
    kept = "x @ git+https://h/a.git@0f#sha256=ab is no file: a?b"
    assert scrubbed(kept).startswith("x @ git+https://h/a.git@0f#sha256=ab")
    missing = Environment(
        implementation=sys.implementation.name, python=PYTHON, packages={"no": "1"}
    )
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", f"http://u:{SECRET}@127.0.0.1:9/x")
    with pytest.raises(StorageError) as failed:
        building.create_environment(missing, tmp_path / "env")
    said = "\n".join([*failed.value.hints, str(failed.value.facts)])
    assert "127.0.0.1" in said
    assert SECRET not in said


@pytest.mark.large
def test_an_edited_project_is_never_taken_from_an_index(
    house: Wheelhouse, recorded: Recorded, tmp_path: Path
) -> None:
    """Somebody else's project of the same name is not installed in its place."""
    packages, prints = both(house)
    sources = {"one": "editable"}
    prints.pop("one")
    check = recorded(packages, prints, sources).create(tmp_path / "env")
    assert check.missing == {"one": "1.0"}
    assert not check.same
    assert "installed in place, for editing" in str(check)
    assert not list((tmp_path / "env").rglob("one"))


@pytest.mark.large
def test_where_to_is_not_the_users_setting(
    house: Wheelhouse,
    recorded: Recorded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PIP_TARGET, PIP_USER, PYTHONPATH and the like lead nothing astray."""
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_REQUIREMENT", "nonsense.txt")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "venv.py").write_text("raise SystemExit(9)")
    assert recorded(*both(house)).create(tmp_path / "env").same
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_is_built_over(
    house: Wheelhouse, recorded: Recorded, tmp_path: Path
) -> None:
    """Whatever is at the target is left as it is, an empty folder too."""
    environment = recorded(*both(house))
    (tmp_path / "env").mkdir()
    with pytest.raises(AlreadyExistsError):
        environment.create(tmp_path / "env")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AlreadyExistsError):
        environment.create(tmp_path / "link")
    assert (tmp_path / "env").is_dir()
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.large
def test_progress_is_told(
    house: Wheelhouse, recorded: Recorded, tmp_path: Path
) -> None:
    """A callback hears how many distributions there are, and of all of them."""

    class Callback:
        size = done = 0

        def set_size(self, size: int) -> None:
            self.size = size

        def relative_update(self, inc: int = 1) -> None:
            self.done += inc

    told = Callback()
    recorded(*both(house)).create(tmp_path / "env", progress=told)
    assert (told.size, told.done) == (2, 2)


@pytest.mark.large
def test_without_a_pip_of_our_own(
    house: Wheelhouse,
    recorded: Recorded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the running Python has no pip, the new environment's comes and goes."""
    monkeypatch.setattr(building, "find_spec", lambda _: None)
    check = recorded(*both(house)).create(tmp_path / "env")
    assert (check.same, check.matched) == (True, 2), str(check)


@pytest.mark.large
def test_an_address_is_asked_for_its_very_file(
    house: Wheelhouse, recorded: Recorded, tmp_path: Path
) -> None:
    """What came from an address comes from it again, and only with the same hash."""
    packages, prints = both(house)
    served = tmp_path / "served"
    served.mkdir()
    wheel = next(house.path.glob("one-*"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    wheel.rename(served / wheel.name)
    handler = partial(QuietHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{wheel.name}#sha256={digest}"
        environment = recorded(packages, prints, {"one": url})
        assert environment.create(tmp_path / "env").same
        house.make("one", "1.0", {"one.py": "other"}, folder=served)
        with pytest.raises(StorageError) as failed:
            environment.create(tmp_path / "other")
        server.shutdown()
    assert "HASH" in failed.value.hints[-1].upper()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without telling."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


# Which Python, which tool.


def test_another_python_is_refused(
    house: Wheelhouse, recorded: Recorded, tmp_path: Path
) -> None:
    """One that is given is checked before anything is made."""
    fake = tmp_path / "python9"
    fake.write_text('#!/bin/sh\necho \'["cpython", "2.7.18", [], "/"]\'\n')
    fake.chmod(0o755)
    environment = recorded(*both(house))
    with pytest.raises(InvalidInputError, match=r"is cpython 2\.7\.18, recorded is"):
        environment.create(tmp_path / "env", python=fake)
    for nothing in (tmp_path / "missing", "/bin/true", tmp_path):
        with pytest.raises(InvalidInputError, match="no Python that can be started"):
            environment.create(tmp_path / "env", python=nothing)
    assert not (tmp_path / "env").exists()


def test_no_such_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none of that minor version is found, that is said."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    for python in ("3.99.1", "7.1"):
        wanted = Environment(implementation="cpython", python=python, packages={})
        with pytest.raises(NotFoundError, match="no cpython") as failed:
            building.create_environment(wanted, tmp_path / "env")
        assert failed.value.kind == ErrorKind.INTERPRETER
    for python in ("", "3", "3.11; rm", "../../3.11", "3.*"):
        wanted = Environment(implementation="cpython", python=python, packages={})
        with pytest.raises(InvalidInputError, match="no version"):
            building.create_environment(wanted, tmp_path / "env")


def test_the_very_release_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two of the minor version the recorded one is taken, wherever it is found."""

    def python(path: Path, version: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho \'["cpython", "{version}", [], "/"]\'\n')
        path.chmod(0o755)
        return path

    on_path = python(tmp_path / "bin" / "python3.99", "3.99.1")
    of_pyenv = python(tmp_path / "versions" / "3.99.2" / "bin" / "python3.99", "3.99.2")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    for wanted, expected in (("3.99.1", on_path), ("3.99.2", of_pyenv)):
        value = Environment(implementation="cpython", python=wanted, packages={})
        assert interpreters.find(value, None).path == expected
    other = Environment(implementation="cpython", python="3.99.7", packages={})
    assert interpreters.find(other, None).path == on_path


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "uv"),
        ({"PIP_INDEX_URL": "https://x"}, "pip"),
        ({"PIP_INDEX_URL": "https://x", "UV_INDEX": "https://x"}, "uv"),
    ],
)
def test_which_tool(
    variables: Mapping[str, str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is uv where that is, unless pip alone was told where packages come from."""
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setattr(building, "_has_pip_file", lambda: False)
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert building._tool(None) == expected
    assert building._tool("pip") == "pip"
    monkeypatch.setenv("PATH", ".")
    monkeypatch.chdir(tmp_path)
    assert building._tool(None) == "pip"
    with pytest.raises(NotFoundError, match="uv is not on the PATH"):
        building._tool("uv")
    with pytest.raises(InvalidInputError, match="builds no environment"):
        building._tool("conda")


# Comparing.


@pytest.fixture
def there(house: Wheelhouse, tmp_path: Path) -> Path:
    """Return an environment with the two distributions."""
    return house.venv(tmp_path / "there", "one", "two").parents[1]


def only(there: Path, pattern: str) -> Path:
    """Return the one path below *there* that matches."""
    (found,) = there.rglob(pattern)
    return found


def test_an_environment_that_is_there(
    house: Wheelhouse, recorded: Recorded, there: Path
) -> None:
    """What is missing, extra, of another number or of unknown files: each is told."""
    packages, prints = both(house)
    assert recorded(packages, prints).compare(there / "bin" / "python").same
    environment = recorded({"one": "1.1", "three": "3"}, {"one": prints["one"]})
    check = environment.compare(there)
    assert (check.missing, check.extra) == ({"three": "3"}, {"two": "2.0+cu1"})
    assert check.other_version == {"one": ("1.1", "1.0")}
    assert (check.same, check.matched) == (False, 0)
    assert [line.partition(":")[0] for line in check.differences] == [
        "one",
        "three",
        "two",
    ]
    unknown = recorded(packages, {"one": prints["one"]}).compare(there)
    assert list(unknown.unknown) == ["two"]
    assert not unknown.differences
    assert not unknown.same


def test_another_python_is_another_environment(
    house: Wheelhouse, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same packages beside another minor version or implementation are not it."""
    packages, prints = both(house)
    for implementation, python in (
        (sys.implementation.name, "3.99.0"),
        ("other", PYTHON),
    ):
        value = Environment(
            implementation=implementation,
            python=python,
            packages=packages,
            fingerprints=prints,
        )
        check = building.compare_environment(value, there)
        assert check.matched == 2
        assert not check.same
        assert f"recorded is {implementation} {python}" in check.differences[0]
    monkeypatch.chdir(there / "bin")
    monkeypatch.setenv("PATH", ".")
    assert interpreters.program_on_path("python") is None


def _change(there: Path) -> None:
    only(there, "one/data.txt").write_text("2")


def _remove(there: Path) -> None:
    only(there, "one/data.txt").unlink()


def _swap(there: Path) -> None:
    path = only(there, "one/data.txt")
    path.unlink()
    os.mkfifo(path)


def _no_record(there: Path) -> None:
    only(there, "one-1.0.dist-info/RECORD").unlink()


def _add(there: Path) -> None:
    only(there, "one/data.txt").with_name("more.py").touch()


def _giant(there: Path) -> None:
    with only(there, "one/data.txt").open("r+b") as file:
        file.truncate(2**40)


def _endless(there: Path) -> None:
    path = only(there, "one-1.0.dist-info/RECORD")
    path.write_text(path.read_text() + "../../../../../../../../dev/zero,sha256=x,1\n")


@pytest.mark.large
@pytest.mark.parametrize(
    "damage", [_change, _remove, _swap, _add, _no_record, _giant, _endless]
)
def test_damage_shows(
    damage: Callable[[Path], None], house: Wheelhouse, recorded: Recorded, there: Path
) -> None:
    """A file changed, gone, a FIFO or a terabyte; no RECORD, or one that leads out."""
    environment = recorded(*both(house))
    damage(there)
    check = environment.compare(there)
    assert list(check.other_files) == ["one"]
    assert check.matched == 1


def test_a_file_of_nobody_shows(
    house: Wheelhouse, recorded: Recorded, there: Path
) -> None:
    """What would run at every start belongs to no package; compiled code may be."""
    environment = recorded(*both(house))
    site = only(there, "two.py").parent
    (site / "__pycache__").mkdir()
    (site / "__pycache__" / "two.cpython-311.pyc").touch()
    assert environment.compare(there).same
    (site / "sitecustomize.py").touch()
    check = environment.compare(there)
    assert check.stray_files == ("sitecustomize.py",)
    assert check.differences == ("sitecustomize.py: belongs to no package",)
    assert not check.same


def test_what_is_compared_is_a_python(recorded: Recorded, tmp_path: Path) -> None:
    """A path to nothing, or to no Python, is refused."""
    environment = recorded({})
    for nothing in (tmp_path, tmp_path / "missing", "/bin/true"):
        with pytest.raises(InvalidInputError, match="no Python that can be started"):
            environment.compare(nothing)


# Exporting.


def test_requirements(recorded: Recorded) -> None:
    """Pins and addresses, and in a comment what only that machine had."""
    commit = "0f" * 20
    environment = recorded(
        {"one": "1.0", "two": "2.0+cu1", "mine": "3", "from-git": "4"},
        sources={"mine": "editable", "from-git": f"git+https://h.example/a@{commit}"},
    )
    assert environment.export().splitlines() == [
        "# left out: mine was installed in place, for editing",
        f"from-git @ git+https://h.example/a@{commit}",
        "one==1.0",
        "two==2.0+cu1",
    ]


def test_a_pylock_is_given_only_where_one_was_kept(recorded: Recorded) -> None:
    """The kept lock as it was; without one, why none can be made up."""
    lock = b'lock-version = "1.0"\n'
    kept = recorded({}, files={"pylock.toml": lock, "uv.lock": b"x"})
    assert kept.export("pylock") == lock.decode()
    assert kept.locks == ("environment/pylock.toml", "environment/uv.lock")
    with pytest.raises(NotFoundError, match=r"no pylock\.toml was kept") as refused:
        recorded({"one": "1"}).export("pylock")
    assert "hashes" in refused.value.hints[0]
    with pytest.raises(InvalidInputError, match="no format"):
        kept.export("nix")


def test_a_pylock_that_says_something_else_is_not_given(recorded: Recorded) -> None:
    """A lock is the environment only if it pins what was installed."""
    lock = b'lock-version = "1.0"\n[[packages]]\nname = "one"\nversion = "2"\n'
    environment = recorded({"one": "1"}, files={"pylock.a.toml": lock})
    with pytest.raises(InvalidInputError, match="pins one to 2, installed is 1"):
        environment.export("pylock")


def test_dockerfile() -> None:
    """From the image by its digest, else by a tag that is called one; then the pins."""
    value = Environment(
        implementation="cpython", python="3.11.7", packages={"one": "1.0"}
    )
    image = {"image": "reg.example/a:1", "digest": "sha256:" + "0f" * 32}
    variables = {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "2"}
    pip = ["python", "-m", "pip", "install", "--no-cache-dir", "--no-deps"]
    said = dockerfile_text(value, container=image, variables=variables).splitlines()
    assert said == [
        f"FROM reg.example/a:1@{image['digest']}",
        'ENV OMP_NUM_THREADS="4"',
        f"RUN {json.dumps([*pip, 'one==1.0'])}",
    ]
    tagged = dockerfile_text(value).splitlines()
    assert tagged[0].startswith("# A tag can be moved")
    assert tagged[1] == "FROM python:3.11.7-slim"


EVIL = st.sampled_from(
    [
        "x\nRUN evil",
        "x\r\nRUN evil",
        "x\u2028RUN evil",
        "x\\\nRUN evil",
        '"]\nRUN ["evil',
        "--index-url=https://evil.example",
        "-e .",
        "x ; evil",
        "$(evil)",
        "`evil`",
        "x # evil",
        "x\x00",
        "é",
        "git+https://h/x\nevil",
        "https://h/x y",
        "file:///etc/passwd",
        "git+file:///x",
        "git+ext::sh -c evil",
        "https://h/../x",
        "local",
        "",
    ]
)
WORDS = EVIL | st.text(max_size=20)


@given(
    st.dictionaries(WORDS, WORDS, max_size=3),
    WORDS,
    WORDS,
    st.fixed_dictionaries({}, optional={"image": WORDS, "digest": WORDS}),
    st.dictionaries(WORDS, WORDS, max_size=2),
)
def test_no_stored_text_makes_a_line_of_its_own(
    packages: dict[str, str],
    source: str,
    python: str,
    container: dict[str, str],
    variables: dict[str, str],
) -> None:
    """Whatever a registry holds, each exported line is one of the few that we write."""
    value = Environment(
        implementation="cpython",
        python=python,
        packages={**packages, "fine": "1.0"},
        sources=dict.fromkeys(packages, source),
    )
    docker = dockerfile_text(value, container=container, variables=variables)
    starts = (
        "# left out: ",
        "# A tag",
        "# Some come from Git",
        "FROM ",
        "ENV ",
        "RUN [",
    )
    for line in _lines(docker):
        assert line.startswith(starts), line
    commands = [json.loads(n[4:]) for n in _lines(docker) if n.startswith("RUN ")]
    assert len(commands) == 1
    assert all(not word.startswith("-") for word in commands[0][6:])
    for line in _lines(requirements_text(value)):
        assert line.startswith("# left out: ") or _is_plain(line), line
    for line in _lines(conda_text(value)):
        text = line.strip()
        if text.startswith("- ") and text != "- pip:":
            json.loads(text[2:])
        else:
            known = {"channels:", "dependencies:", "- pip:"}
            assert text.startswith("# left out: ") or text in known, line


def _lines(text: str) -> Iterator[str]:
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    assert lines == text.splitlines()
    yield from lines


def _is_plain(line: str) -> bool:
    """Whether a requirement is ``name==version`` or ``name @ url``, and no option."""
    name, _, rest = line.replace(" @ ", "==").partition("==")
    return name[0].isalnum() and rest.isascii() and " " not in rest and rest != ""
