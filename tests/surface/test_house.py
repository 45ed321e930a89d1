"""The house stands as it was drawn: floors, sizes, doors, and what others rely on."""

import importlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "modelver"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
TOP = {
    "LICENSE",
    "README.md",
    "benchmarks",
    "docs",
    "modelver",
    "noxfile.py",
    "pyproject.toml",
    "tests",
}


def lint_imports(where: Path) -> str:
    """Return what import-linter says of the package in a folder."""
    pytest.importorskip("importlinter", reason="the floors group is not installed")
    main = "from importlinter.cli import lint_imports_command as main; main()"
    done = subprocess.run(
        [sys.executable, "-c", main, "--no-cache"],
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(where), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def test_no_contract_is_broken() -> None:
    """Imports only go down, and foreign libraries stay in their rooms."""
    said = lint_imports(ROOT)
    assert f"{len(CONTRACTS)} kept, 0 broken" in said, said


def test_every_contract_can_break(tmp_path: Path) -> None:
    """A module that breaks every rule of the house is reported under each of them."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "modelver")
    (tmp_path / "modelver" / "_values" / "intruder.py").write_text(
        "import os\n"
        "import cattrs\n"
        "import fsspec\n"
        "import modelver\n"
        "import modelver._registry\n"
        "import modelver._store.layout\n"
        "import modelver.backends.local\n"
    )
    said = lint_imports(tmp_path)
    kept = [c["name"] for c in CONTRACTS if f"{c['name']} BROKEN" not in said]
    assert kept == [], said


def test_no_module_is_too_long() -> None:
    """A file above 400 lines is a room that wants dividing."""
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert lines, PACKAGE
    assert {name: n for name, n in lines.items() if n > 400} == {}


def test_the_top_level_is_short() -> None:
    """What is tracked at the top is on the list, or begins with a dot."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    git = ["git", "-C", str(ROOT), "ls-files"]
    said = subprocess.run(git, capture_output=True, text=True, check=True).stdout
    top = {line.partition("/")[0].strip('"') for line in said.splitlines()}
    assert {name for name in top if not name.startswith(".")} - TOP == set()


def test_the_package_is_typed() -> None:
    """Type checkers of those who import modelver may trust its annotations."""
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.parametrize(
    ("group", "name", "target"),
    [
        (group, name, target)
        for group, entries in [
            ("scripts", PYPROJECT["project"]["scripts"]),
            *PYPROJECT["project"]["entry-points"].items(),
        ]
        for name, target in entries.items()
    ],
    ids=lambda v: v.replace(":", "."),
)
def test_entry_points_name_something(group: str, name: str, target: str) -> None:
    """What the installation advertises is there and can be called."""
    module, _, attribute = target.partition(":")
    found = getattr(importlib.import_module(module), attribute, None)
    assert callable(found), (group, name, target)


def test_ci_runs_what_the_readme_says() -> None:
    """The commands of README.md are one line each, and CI runs the second as it is."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```sh\n(.+)\n```$", readme, flags=re.MULTILINE)
    assert len(commands) == 2, commands
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.splitlines()[-1] == commands[1]


def test_no_test_reaches_the_network() -> None:
    """A socket to another machine and a name to look up fail the test that asks."""
    # A datagram socket sends nothing on connect, should the guard be broken.
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"),
    ):
        other.connect(("192.0.2.1", 9))
    with pytest.raises(pytest.fail.Exception, match="example"):
        socket.getaddrinfo("example.invalid", 80)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_each_test_is_a_new_client(tmp_path: Path) -> None:
    """The user's state and cache are out of reach; those of the test start empty."""
    for name in ("MODELVER_STATE_DIR", "MODELVER_CACHE_DIR"):
        folder = Path(os.environ[name])
        assert not folder.exists()
        assert tmp_path not in folder.parents
    assert "MODELVER_REGISTRY" not in os.environ
