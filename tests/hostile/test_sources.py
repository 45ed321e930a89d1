"""Files and folders that are missing, lie, or lead elsewhere."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver import ErrorKind, InvalidInputError, ModelVersion, Registry
from tests.hostile.watching import quick, refused, small, untouched

ROLES = ("files", "code", "data", "config", "docs")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Return an empty registry."""
    return Registry(tmp_path / "r", create=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with two files."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"a" * 1000)
    (folder / "b.bin").write_bytes(b"b" * 1000)
    return folder


def _register(registry: Registry, role: str, what: Any, **words: Any) -> ModelVersion:
    given = {"files": {"w": b"weights"}, role: what}
    return registry.register("m", **given, environment=False, **words)


def _missing(folder: Path) -> Path:
    return folder / "missing"


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def _fifo_inside(folder: Path) -> Path:
    return _fifo(folder).parent


def _socket_inside(folder: Path) -> Path:
    here = Path.cwd()
    os.chdir(folder)  # the address of a socket has few bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("socket")
    finally:
        os.chdir(here)
    return folder


def _null(_: Path) -> Path:
    return Path("/dev/null")


def _zero(_: Path) -> Path:
    return Path("/dev/zero")


def _zero_inside(folder: Path) -> Path:
    (folder / "zero").symlink_to("/dev/zero")
    return folder


def _link_out(folder: Path) -> Path:
    (folder.parent / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(folder.parent / "secret")
    return folder


def _relative_link_out(folder: Path) -> Path:
    (folder.parent / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to("../secret")
    return folder


def _link_to_a_sibling(folder: Path) -> Path:
    # Its path begins as the folder's does.
    sibling = folder.with_name(folder.name + "-secret")
    sibling.mkdir()
    (sibling / "x").write_bytes(b"secret")
    (folder / "link").symlink_to(sibling / "x")
    return folder


def _link_by_two_steps(folder: Path) -> Path:
    (folder.parent / "secret").write_bytes(b"secret")
    (folder / "step").symlink_to("../secret")
    (folder / "link").symlink_to("step")
    return folder


def _linked_folder(folder: Path) -> Path:
    (folder / "link").symlink_to("/etc")
    return folder


def _linked_folder_inside(folder: Path) -> Path:
    (folder / "deep").mkdir()
    (folder / "link").symlink_to("deep")
    return folder


def _dangling(folder: Path) -> Path:
    (folder / "link").symlink_to("nowhere")
    return folder


def _loop(folder: Path) -> Path:
    (folder / "link").symlink_to("link")
    return folder


def _two_in_a_loop(folder: Path) -> Path:
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")
    return folder


def _loop_itself(folder: Path) -> Path:
    (folder / "link").symlink_to("link")
    return folder / "link"


def _named(name: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))  # noqa: PTH118
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123 - bytes
            file.write(b"x")
        return folder

    return make


def _two_cases(folder: Path) -> Path:
    (folder / "A.bin").write_bytes(b"x")
    return folder


SOURCES: dict[str, Callable[[Path], Path]] = {
    "missing": _missing,
    "empty": _empty,
    "fifo": _fifo,
    "fifo-inside": _fifo_inside,
    "socket-inside": _socket_inside,
    "null": _null,
    "zero": _zero,
    "zero-inside": _zero_inside,
    "link-out": _link_out,
    "relative-link-out": _relative_link_out,
    "link-to-a-sibling": _link_to_a_sibling,
    "link-by-two-steps": _link_by_two_steps,
    "linked-folder": _linked_folder,
    "linked-folder-inside": _linked_folder_inside,
    "dangling": _dangling,
    "loop": _loop,
    "two-in-a-loop": _two_in_a_loop,
    "two-cases": _two_cases,
    "name-newline": _named("a\nb"),
    "name-escape": _named("a\x1b[2Jb"),
    "name-bidi": _named("a\u202eb"),
    "name-not-utf8": _named(b"a\xffb"),
    "name-backslash": _named("a\\b"),
    "name-colon": _named("a:b"),
    "name-dot": _named("a."),
    "name-space": _named("a "),
    "name-device": _named("aux"),
    "name-device-ending": _named("nul.txt"),
    "too-deep": _named("/".join("d" * 70)),
}
if os.name == "nt":  # half of them cannot be made there
    SOURCES = {name: SOURCES[name] for name in ("missing", "empty")}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", SOURCES)
def test_refused(
    registry: Registry, tmp_path: Path, source: Path, name: str, role: str
) -> None:
    """What is no file of the folder is refused by name, before anything is written."""
    what = SOURCES[name](source)
    with untouched(tmp_path), quick(), small():
        error = refused(lambda: _register(registry, role, what))
    assert isinstance(error, InvalidInputError)
    assert error.hints
    assert error.kind in (
        ErrorKind.MISSING_FILE,
        ErrorKind.UNSUPPORTED_FILE,
        ErrorKind.BAD_PATH,
    )
    assert registry.models() == []


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_to_itself(registry: Registry, tmp_path: Path, source: Path) -> None:
    """A path that goes round for ever is an error of ours that names it."""
    link = _loop_itself(source)
    with untouched(tmp_path):
        error = refused(lambda: _register(registry, "files", link))
    assert repr(str(link)) in error.message


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_that_stays_inside(registry: Registry, source: Path) -> None:
    """A link to a file of the same folder is registered as a file of its own."""
    (source / "link.bin").symlink_to("a.bin")
    version = _register(registry, "files", source)
    assert version.read("link.bin") == b"a" * 1000


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_that_the_caller_names(registry: Registry, source: Path) -> None:
    """A path that is itself a link is followed: the caller has named it."""
    outside = source.parent / "elsewhere.bin"
    outside.write_bytes(b"meant")
    (source / "link.bin").symlink_to(outside)
    version = _register(registry, "files", source / "link.bin")
    assert version.read("link.bin") == b"meant"


def test_a_folder_with_git(registry: Registry, tmp_path: Path, source: Path) -> None:
    """Git's own files are never part of a model folder, and are left out of code."""
    _named(".git/hooks/post-checkout")(source)
    with untouched(tmp_path):
        error = refused(lambda: _register(registry, "files", source))
    assert error.kind is ErrorKind.BAD_PATH
    version = _register(registry, "code", source)
    assert not [file for file in version.files if "git" in file.path]


SECRET = b"AKIA" + b"IOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".env.local", "id_rsa", "id_ed25519", "server.pem", "tls.key"),
        *(".netrc", ".aws/credentials", "credentials.json", "prod.tfstate", "a.p12"),
        *(".git/config", "vault.kdbx", ".ssh/id_rsa"),
    ],
)
def test_secrets_beside_the_code(
    registry: Registry, tmp_path: Path, source: Path, name: str
) -> None:
    """What is usually a secret is left out of a code folder; no byte is stored."""
    path = source / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"aws_access_key_id=" + SECRET)
    _register(registry, "code", source)
    for stored in (tmp_path / "r").rglob("*"):
        if stored.is_file():
            assert SECRET not in stored.read_bytes()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read(registry: Registry, source: Path) -> None:
    """A file without the right to read it is named."""
    (source / "a.bin").chmod(0)
    error = refused(lambda: registry.register("m", source, environment=False))
    assert "a.bin" in error.message


def test_the_registry_inside_of_the_folder(tmp_path: Path) -> None:
    """A folder that holds the registry itself is registered without it."""
    (tmp_path / "w.bin").write_bytes(b"w")
    registry = Registry(tmp_path / "registry", create=True)
    for number in range(2):
        (tmp_path / "w.bin").write_bytes(str(number).encode())
        version = registry.register("m", tmp_path, environment=False)
        assert [file.path for file in version.files] == ["model/w.bin"]


def test_a_large_file_is_streamed(registry: Registry, tmp_path: Path) -> None:
    """A file of 200 MB is registered, read back and checked out in a fraction of it."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with small():
        version = registry.register("m", path, environment=False)
        assert version.checkout(tmp_path / "out").is_dir()
        assert version.path("large.bin").stat().st_size == 200_000_000
        assert version.verify()
