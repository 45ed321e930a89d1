"""The command as users start it: a process of its own, its manual, its start."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from modelver._cli.parser import VERBS
from modelver._cli.spec import GLOBAL
from modelver._registry.registry import Registry

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "cli.md"
COMMAND = "python docs/cli_page.py"
START = [sys.executable, "-m", "modelver"]

# Methods that need a block of Python, are an option of every verb, or are `du`.
NO_VERB = {"draft", "transaction", "at", "stats"}
# Verbs that no method of a registry is named like.
NO_METHOD = {
    "cache",
    "init",
    "files",
    "cat",
    "path",
    "checkout",
    "du",
    "doctor",
    "env",
    "forget",
    "git",
    "pin",
    "plugins",
    "pull",
    "reproduce",
    "update",
    "version",
}


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    """Return the environment of a process that means a registry with one version."""
    found = {
        **os.environ,
        "MODELVER_REGISTRY": str(tmp_path / "registry"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "PYTHONIOENCODING": "utf-8",
        "TERM": "xterm-256color",
        "COLUMNS": "90",
    }
    for name in ("NO_COLOR", "PYTHONUNBUFFERED"):
        found.pop(name, None)
    registry = Registry(found["MODELVER_REGISTRY"], create=True)
    registry.register("m", {"w.bin": b"weights"}, aliases="best", environment=False)
    return found


def run(env: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose output goes to pipes."""
    return subprocess.run(
        [*START, *words],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )


# The manual.


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Return the script that writes the manual."""
    path = ROOT / "docs" / "cli_page.py"
    spec = importlib.util.spec_from_file_location("cli_page", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manual_is_as_generated(script: ModuleType) -> None:
    """What the manual says of verbs, options and codes is what the code says today."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == script.page_made_anew(page), f"run: {COMMAND}"


def test_every_verb_and_option_is_in_the_manual() -> None:
    """Each verb has its section, with its usage and each of its options."""
    sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {section.partition("\n")[0]: section for section in sections[1:]}
    assert set(found) == set(VERBS)
    for verb in VERBS.values():
        assert f"modelver {verb.name}" in found[verb.name]
        for argument in verb.arguments:
            if argument.is_option:
                assert f"`{argument.flag}" in found[verb.name], verb.name
    assert all(f"`{argument.flag}" in sections[0] for argument in GLOBAL)


def test_verbs_are_named_like_methods() -> None:
    """A method of the registry has a verb of its name, and the other way round."""
    methods = {
        name.replace("_", "-")
        for name in dir(Registry)
        if not name.startswith("_") and callable(getattr(Registry, name))
    }
    assert methods - set(VERBS) == NO_VERB
    assert set(VERBS) - methods == NO_METHOD


# The process.


def test_the_command_works(env: Mapping[str, str]) -> None:
    """Started by its module, it answers, fails with a sentence, and tells the code."""
    good = run(env, "resolve", "m")
    assert (good.returncode, good.stdout, good.stderr) == (0, "m@0.1.0\n", "")
    bad = run(env, "resolve", "m@9.9.9")
    assert (bad.returncode, bad.stdout) == (3, "")
    assert bad.stderr.startswith("modelver: error: m has no version 9.9.9\n")
    document = run(env, "get", "m", "--json")
    assert json.loads(document.stdout)["ref"] == "m@0.1.0"


def test_the_command_is_installed() -> None:
    """``modelver`` is the same function."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'modelver = "modelver._cli:main"' in text


IMPORTED = """
import sys
from modelver._cli import main
try:
    code = main(sys.argv[1:])
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("line", "unwanted"),
    [
        ("--help", "attr cattrs modelver._registry modelver._store"),
        ("version", "cattrs modelver._registry.registry"),
        ("plugins", "cattrs modelver._registry.registry modelver.backends.local"),
        ("resolve m", ""),
        ("get m", ""),
        ("models", ""),
        ("cat m w.bin", ""),
        ("promote m best", ""),
        ("register m {file}", ""),
    ],
    ids=lambda text: text.split(" ")[0],
)
def test_the_start_is_light(env: Mapping[str, str], line: str, unwanted: str) -> None:
    """For a folder, neither fsspec nor what draws, trains or connects is loaded."""
    heavy = (
        "fsspec rich pandas numpy asyncio concurrent.futures multiprocessing sqlite3"
    )
    words = shlex.split(line.replace("{file}", shlex.quote(__file__)))
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *words],
        env=env,
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=60,
    )
    loaded = set(done.stderr.split())
    assert "modelver._cli.program" in loaded
    assert loaded & {*heavy.split(), *unwanted.split()} == set()


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
@pytest.mark.parametrize("line", ["log", "cat m w.bin", "verify --json"])
def test_a_closed_pipe_is_quiet(env: Mapping[str, str], line: str) -> None:
    """Who reads no more, as ``head`` does, sees no traceback."""
    with subprocess.Popen(
        [*START, *line.split()],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_once(env: Mapping[str, str]) -> None:
    """What cannot be written is not tried again when Python ends."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*START, "log"],
            env=env,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            encoding="utf-8",
            timeout=60,
        )
    assert done.returncode == 6
    assert len(done.stderr.splitlines()) == 1, done.stderr


def on_a_terminal(env: Mapping[str, str], *words: str) -> tuple[int, str]:
    """Run a command on a terminal; return its code and all that it wrote."""
    import pty  # noqa: PLC0415 - there is none on Windows

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*START, *words], env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b"".join(_read(ours))
        code = process.wait(60)
    os.close(ours)
    return code, said.decode().replace("\r\n", "\n")


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux says so when the last writer has closed
            return
        if not data:
            return
        yield data


@pytest.mark.skipif(os.name == "nt", reason="there are no such terminals")
def test_a_real_terminal(env: Mapping[str, str]) -> None:
    """On a terminal there are tables and colour, without NO_COLOR; else none."""
    code, said = on_a_terminal(env, "get", "nope")
    assert (code, "\x1b[1;31merror:\x1b[0m" in said) == (3, True)
    code, said = on_a_terminal({**env, "NO_COLOR": "1"}, "versions", "m")
    assert code == 0
    assert "\x1b" not in said
    head, row = said.splitlines()
    assert head.index("aliases") == row.index("best")
    assert "\t" not in said
    code, said = on_a_terminal(env, "promote", "m", "production")
    assert (code, said) == (0, "m@0.1.0 is production\n")
    pytest.importorskip("rich", reason="the cli extra is not installed")
    assert "\x1b[" in on_a_terminal(env, "versions", "m")[1]
