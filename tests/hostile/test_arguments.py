"""Every way to hand in nonsense: answered with a reason, at once, before any write."""

import shutil
import warnings
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import ErrorKind, InvalidInputError, Registry
from tests.hostile.nonsense import CASES, VERSION_CASES
from tests.hostile.watching import quick, refused, small, untouched

SLOW: Final = "looked at whole before it is measured"
KNOWN: Final[dict[str, str]] = {}


def _parameters(names: Any) -> list[Any]:
    return [
        pytest.param(
            name,
            # How slow is slow differs from machine to machine.
            marks=pytest.mark.xfail(reason=KNOWN[name], strict=KNOWN[name] != SLOW)
            if name in KNOWN
            else (),
        )
        for name in names
    ]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a registry of one version, to be copied: that needs no flushing."""
    folder = tmp_path_factory.mktemp("template") / "r"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELVER_STATE_DIR", str(folder.parent / "state"))
        registry = Registry(folder, create=True)
        registry.register("m", {"w": b"weights"}, environment=False)
    return folder


@pytest.fixture
def registry(template: Path, tmp_path: Path) -> Registry:
    """Return a registry of one version."""
    shutil.copytree(template, tmp_path / "r")
    return Registry(tmp_path / "r")


@pytest.mark.parametrize("name", _parameters(CASES))
def test_registry(registry: Registry, tmp_path: Path, name: str) -> None:
    """The registry refuses it with a reason, in a second, in 64 MB, and writes nothing.

    What it says can be shown on a terminal as it is.
    """
    with warnings.catch_warnings(), untouched(tmp_path):
        warnings.simplefilter("error")
        with quick():
            first = refused(lambda: CASES[name](registry))
        with small():
            again = refused(lambda: CASES[name](registry))
    assert (type(first), first.kind) == (type(again), again.kind)


@pytest.mark.parametrize("name", _parameters(VERSION_CASES))
def test_version(registry: Registry, tmp_path: Path, name: str) -> None:
    """A version refuses it likewise, and leaves nothing where it was to write."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "file").write_bytes(b"mine")
    (out / "link").symlink_to(tmp_path / "elsewhere")
    version = registry.get("m")
    with untouched(tmp_path), quick():
        first = refused(lambda: VERSION_CASES[name](version, out))
    with untouched(tmp_path), small():
        again = refused(lambda: VERSION_CASES[name](version, out))
    assert (type(first), first.kind) == (type(again), again.kind)


def test_how_many() -> None:
    """Nothing above was lost on the way: so many cases there are."""
    assert len(CASES) + len(VERSION_CASES) > 400


@pytest.mark.parametrize(
    "name", [name for name in CASES if name.startswith(("path-", "files-collide"))]
)
def test_paths_are_refused_as_paths(registry: Registry, name: str) -> None:
    """A path that would leave the bundle on any system says that it is the path."""
    error = refused(lambda: CASES[name](registry))
    assert isinstance(error, InvalidInputError)
    assert error.kind is ErrorKind.BAD_PATH
    assert error.hints


def test_credentials_are_never_repeated() -> None:
    """An address that holds a secret is refused in words that do not hold it."""
    error = refused(lambda: Registry("s3://AKIAKEY:SECRET@bucket/x"))
    said = repr(error) + str(error) + repr(error.facts) + repr(error.hints)
    assert "SECRET" not in said
    assert "AKIAKEY" not in said


def test_an_honest_call_afterwards(registry: Registry) -> None:
    """After the refusals the registry takes what is right as it did before."""
    for name in ("name-traversal", "metrics-nan", "tags-10MB", "filter-brackets"):
        refused(lambda name=name: CASES[name](registry))  # type: ignore[misc]
    assert registry.register("m", {"w": b"2"}, environment=False).version == "0.2.0"
    assert registry.verify()
