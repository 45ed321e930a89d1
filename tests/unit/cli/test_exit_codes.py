"""Exit codes are a promise: what a script does next hangs on them."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from modelver import errors
from modelver._cli import failure
from modelver._cli.parser import EXIT_CODES
from modelver._registry.registry import Registry
from modelver._values.about import __version__
from modelver.errors import ModelverError

Run = Callable[..., Any]

CODES = {
    "InvalidInputError": 2,
    "ReadOnlyError": 2,
    "NotFoundError": 3,
    "RegistryNotFoundError": 3,
    "ModelNotFoundError": 3,
    "VersionNotFoundError": 3,
    "AlreadyExistsError": 4,
    "VersionExistsError": 4,
    "ConflictError": 4,
    "AmbiguousRefError": 4,
    "IntegrityError": 5,
    "FormatError": 5,
    "UpgradeRequiredError": 6,
    "StorageError": 6,
    "AccessDeniedError": 6,
    "OfflineError": 6,
    "OutcomeUnknownError": 6,
    "PluginError": 6,
    "InternalError": 6,
    "ModelverError": 6,
}


@pytest.mark.parametrize(
    "name",
    [name for name in errors.__all__ if name.endswith("Error")],
)
def test_every_error_has_its_code(name: str) -> None:
    """An error that is added must be given a code on purpose."""
    error = getattr(errors, name)("x")
    assert isinstance(error, ModelverError)
    assert failure.code_of(error) == CODES[name]


def test_the_codes_are_documented() -> None:
    """Every code that can come is in the table of the help and of the manual."""
    ours = {
        value
        for name, value in vars(failure).items()
        if name.isupper() and isinstance(value, int)
    }
    assert ours == {code for code, _ in EXIT_CODES}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("get fraud", 0),
        ("diff fraud@0.1.0 fraud@0.2.0 --exit-code", 1),
        (f"outcome {'0' * 32}", 1),
        ("", 2),
        ("get", 2),
        ("nonsense", 2),
        ("get fraud@x@y", 2),
        ("set-status fraud superb", 2),
        ("tag fraud@0.1.0 a=b --at 1", 2),
        ("search (((", 2),
        ("evaluate fraud auc=nan", 2),
        ("register m nowhere.bin", 2),
        ("--registry a::b models", 2),
        ("get nope", 3),
        ("get fraud@9.9.9", 3),
        ("cat fraud nope.bin", 3),
        ("untag fraud nope", 3),
        ("rollback fraud nope", 3),
        ("--registry nowhere models", 3),
        ("register fraud train.csv --version 0.1.0", 4),
        ("promote fraud production --expect 0.2.0", 4),
        ("withdraw fraud@0.1.0 --reason x", 4),
        ("checkout fraud .", 4),
        ("get b3:", 2),
        ("--registry nosuch://place models", 6),
    ],
)
def test_what_went_wrong_decides(
    cli: Run, fraud: Registry, line: str, code: int
) -> None:
    """The code of a call is that of its error; errors are sentences, not tracebacks."""
    said = cli(*line.split())
    assert said.code == code, said.err
    assert "Traceback" not in said.err
    assert (code > 1) <= ("error:" in said.err or not line)
    assert fraud.seq == 3


def test_damage(cli: Run, fraud: Registry) -> None:
    """A damaged object is 5, for verify and for reading, and its bytes stay away."""
    for path in (Path(fraud.url) / "objects").rglob("*.*"):
        data = path.read_bytes()
        if b"twofold" in data:  # perhaps beside other small files
            path.chmod(0o644)
            path.write_bytes(data.replace(b"twofold", b"twofolf"))
    said = cli("verify")
    assert (said.code, "1 of 2 versions" in said.out) == (5, True)
    assert "hurts fraud@0.2.0" in said.out
    assert cli("verify", "fraud@0.1.0").code == 0
    read = cli("cat", "fraud@0.2.0", "w.bin")
    assert (read.code, read.out) == (5, "")
    assert cli("checkout", "fraud@0.2.0", "out").code == 5
    assert not Path("out").exists()


def test_a_damaged_cache_is_a_failed_check(cli: Run, empty: Registry) -> None:
    """A rollup that does not hold is 1: nothing that was registered is lost."""
    empty.register("m", {"w": b"1"}, environment=False)
    for n in range(70):
        empty.tag("m", n=n)
    rollups = list((Path(empty.url) / "rollups").glob("*"))
    assert rollups, "70 commits make no rollup any more"
    rollups[0].chmod(0o644)
    rollups[0].write_bytes(b"nonsense")
    said = cli("verify", "--json")
    assert (said.code, said.json["ok"], said.json["damaged"]) == (1, False, [])


def test_a_registry_of_tomorrow(cli: Run, tmp_path: Path) -> None:
    """A registry that needs a later release is no damage."""
    url = tmp_path / "future"
    Registry(url, create=True)
    file = url / "registry.json"
    file.chmod(0o644)
    file.write_text('{"format":99,"check":"b3:0"}')
    assert cli("models", "--registry", str(url)).code in (5, 6)


class _Interrupted:
    """Standard input of somebody who presses Ctrl-C."""

    @property
    def buffer(self) -> NoReturn:
        """Raise, as a signal would."""
        raise KeyboardInterrupt


def test_an_interrupt(
    cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who interrupts gets 130, no traceback, and nothing was written."""
    monkeypatch.setattr(sys, "stdin", _Interrupted())
    said = cli("note", "fraud", "-")
    assert (said.code, said.out, said.err) == (130, "", "")
    assert fraud.seq == 3


class _Pipe(io.TextIOWrapper):
    """Standard output that ends as it is told."""

    def __init__(self, error: OSError) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.error = error

    def write(self, _: str) -> int:
        """Raise the error."""
        raise self.error


def test_nobody_reads(
    cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken pipe ends the command quietly."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", _Pipe(BrokenPipeError()))
        said = cli("log")
    assert (said.code, said.err) == (141, "")
    assert fraud.seq == 3


def test_a_full_disk(
    cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that cannot be written is an error of the environment."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", _Pipe(OSError(28, "No space left on device")))
        said = cli("log")
    assert (said.code, "No space left" in said.err) == (6, True)
    assert fraud.seq == 3


def test_no_output_at_all(
    cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where standard output and error are closed, the code still tells."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        patch.setattr(sys, "stderr", None)
        codes = [cli(*line.split()).code for line in ("log", "get fraud", "get nope")]
    assert codes == [0, 0, 3]
    assert fraud.seq == 3


def test_a_bug_is_told_as_one(
    cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody expected is a sentence that asks for a report, and 6."""
    monkeypatch.setattr(sys, "stdin", None)  # an AttributeError, as by pythonw
    said = cli("note", "fraud", "-")
    assert said.code == 6
    assert "please report it" in said.err
    assert "Traceback" not in said.err
    assert fraud.seq == 3


def test_debug_shows_the_traceback(
    cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``MODELVER_DEBUG`` shows where an error comes from; ``0`` does not."""
    assert fraud.seq == 3
    monkeypatch.setenv("MODELVER_DEBUG", "1")
    assert "Traceback" in cli("get", "nope").err
    monkeypatch.setenv("MODELVER_DEBUG", "0")
    assert "Traceback" not in cli("get", "nope").err


def test_the_version_is_the_package_s(cli: Run) -> None:
    """The release is told by the verb and by the option."""
    assert cli("version").out == f"{__version__}\n"
    assert cli("--version").out == f"modelver {__version__}\n"
    assert os.environ.get("MODELVER_REGISTRY") is None
