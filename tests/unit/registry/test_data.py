"""What a version was made from: copied, pinned, or known by its digest alone."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import modelver
from modelver import Data, ErrorKind, Input, InvalidInputError, ModelVersion, Registry
from modelver._bundle import digesting
from modelver._registry import remote
from modelver._registry.fetch_input import Sources, check_input, resolve_input
from modelver.errors import AlreadyExistsError, IntegrityError, NotFoundError

Register = Callable[..., ModelVersion]

CSV = b"amount,label\n10,0\n9000,1\n"
OTHER = b"amount,label\n11,0\n9000,1\n"  # as long
MD5 = hashlib.md5(CSV, usedforsecurity=False).hexdigest()
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
    hashlib.sha256(CSV).hexdigest().encode(),
    len(CSV),
)


@pytest.fixture
def register(registry: Registry) -> Register:
    """Register a small model, and whatever else is said."""

    def make(name: str = "fraud", weights: bytes = b"a", **words: Any) -> ModelVersion:
        words = {"environment": False, "code": None, **words}
        return registry.register(name, {"model.bin": weights}, **words)

    return make


@pytest.fixture
def train(tmp_path: Path) -> Path:
    """Return a small CSV file."""
    path = tmp_path / "train.csv"
    path.write_bytes(CSV)
    return path


def _one(version: ModelVersion) -> Input:
    (found,) = version.inputs
    return found


def _refused(register: Register, data: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        register(data=data)
    return caught.value


# Paths.


def test_a_path_is_copied_and_looked_into(register: Register, train: Path) -> None:
    """As it always was; rows, columns and names are told besides."""
    version = register(data={"train": train})
    found = _one(version)
    assert version.read("data/train") == CSV
    assert (found.name, found.how, found.kind, found.uri) == (
        "train",
        "copy",
        "file",
        None,
    )
    assert (found.rows, found.columns) == (2, 2)
    assert found.schema == {"amount": "text", "label": "text"}


def test_what_is_said_comes_before_what_is_found(
    register: Register, train: Path
) -> None:
    """Split and license are recorded, and a caller knows better than a file."""
    said = Data(train, split="train", license="MIT", rows=7, schema={"amount": "euro"})
    found = _one(register(data=said))
    assert (found.name, found.split, found.license) == ("train.csv", "train", "MIT")
    assert (found.rows, found.columns) == (7, 2)
    assert found.schema == {"amount": "euro"}


def test_a_digest_alone(register: Register, train: Path, tmp_path: Path) -> None:
    """No byte is kept; file and folder have the digests that copies have."""
    folder = tmp_path / "raw"
    folder.mkdir()
    shutil.copy(train, folder / "a.csv")
    copied = register(data={"train": train, "raw": folder})
    version = register(
        "other",
        data={"train": Data(train, how="digest"), "raw": Data(folder, how="digest")},
    )
    assert [file.path for file in version.files] == ["model/model.bin"]
    assert [i.digest for i in version.inputs] == [i.digest for i in copied.inputs]
    assert {i.how for i in version.inputs} == {"digest"}
    assert version.size == 1


def test_the_same_again_is_the_same_version(register: Register, train: Path) -> None:
    """However it is kept: nothing new is registered, whatever was read before."""
    for data in (train, Data(train, how="digest"), {"a": Data(train, split="train")}):
        assert register(data=data) == register(data=data)


def test_a_file_is_not_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has not changed is known by its stamp, as copied files are."""
    registry = Registry(tmp_path / "registry", create=True)
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(3 * 2**20))
    os.utime(big, ns=(1, 1))
    monkeypatch.setattr("modelver._bundle.source.settled", lambda *_: True)
    read: list[str] = []
    real = digesting._read

    def noted(item: Any, *words: Any) -> Any:
        read.append(item.path)
        return real(item, *words)

    monkeypatch.setattr(digesting, "_read", noted)

    def register(**words: Any) -> ModelVersion:
        data = Data(big, how="digest")
        return registry.register(
            "m", {"m": b"1"}, data=data, environment=False, code=None, **words
        )

    first = register()
    assert register() == first
    assert len(read) == 1
    register(rehash=True)
    assert len(read) == 2
    big.write_bytes(bytes(3 * 2**20 + 1))
    assert register() != first


def test_progress_is_told_of_what_is_only_read(
    register: Register, tmp_path: Path
) -> None:
    """Also of data that is not copied: all of its bytes, whoever looks at them."""
    fsspec = pytest.importorskip("fsspec")
    where = f"/bucket-{tmp_path.name}/t.bin"
    fsspec.filesystem("memory").pipe_file(where, bytes(1000))
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(500_000))
    told = fsspec.Callback()
    data = {"far": f"memory:/{where}", "near": Data(big, how="digest")}
    register(data=data, progress=told)
    assert told.value == 501_000 + 1  # and the model


def test_a_path_is_no_address(register: Register, train: Path) -> None:
    """A reference must lead others to the data; a path of this machine does not."""
    error = _refused(register, Data(train, how="reference"))
    assert error.kind is ErrorKind.BAD_URL
    assert "file:///" in error.hints[0]
    url = train.as_uri()
    found = _one(register(data=url))
    assert (found.how, found.uri, found.name) == ("reference", url, "train.csv")
    assert found.digest == _one(register("copied", data=train)).digest


# In memory.


def test_arrays_and_tables(register: Register) -> None:
    """What was trained on is known, also where no file ever was."""
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    array = numpy.arange(6.0).reshape(2, 3)
    frame = pandas.DataFrame({"amount": [1, 2], "label": ["x", "y"]})
    version = register(data={"array": array, "frame": frame})
    assert [file.role for file in version.files] == ["model"]
    first, second = version.inputs
    assert (first.kind, first.how, first.rows, first.columns) == (
        "array",
        "digest",
        2,
        3,
    )
    assert (second.kind, second.rows, second.columns) == ("table", 2, 2)
    assert second.schema["amount"] == "int64"
    other = register(data={"array": array + 1, "frame": frame})
    assert other.inputs[0].digest != first.digest
    assert other.inputs[1] == second


def test_an_array_is_copied_as_npy(register: Register, tmp_path: Path) -> None:
    """The file is what NumPy reads, and has the digest that the array alone has."""
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(6.0).reshape(2, 3)
    copied = register(data={"x": Data(array, how="copy")})
    (tmp_path / "x.npy").write_bytes(copied.read("data/x.npy"))
    assert (numpy.load(tmp_path / "x.npy") == array).all()
    assert _one(copied).name == "x"
    assert _one(copied).kind == "array"
    alone = register("alone", data={"x": array})
    assert _one(alone).digest == _one(copied).digest


def test_a_table_is_copied_as_parquet(register: Register, tmp_path: Path) -> None:
    """Where pyarrow is installed; where not, the refusal says what to do."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"amount": [1, 2]})
    data = {"t": Data(frame, how="copy")}
    if find_spec("pyarrow") is None:
        error = _refused(register, data)
        assert "pip install pyarrow" in error.hints[0]
        return
    version = register(data=data)
    (tmp_path / "t.parquet").write_bytes(version.read("data/t.parquet"))
    assert pandas.read_parquet(tmp_path / "t.parquet").equals(frame)
    assert (_one(version).kind, _one(version).rows) == ("table", 2)


def test_a_draft_takes_a_table(registry: Registry) -> None:
    """Tables are compared by nobody: not with words, not with each other."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"amount": [1, 2]})
    with registry.draft("m", {"m": b"1"}, data=frame, environment=False) as draft:
        draft.add({"second": frame}, role="data")
    assert [i.name for i in draft.version.inputs] == ["second", "table"]


def test_bytes(register: Register) -> None:
    """Copied under their name; or their digest alone."""
    version = register(data={"a.csv": CSV, "b": Data(CSV, how="digest")})
    first, second = version.inputs
    assert first.digest == second.digest
    assert (first.rows, second.how, second.size) == (2, "digest", len(CSV))


def test_what_nobody_knows_is_refused(register: Register) -> None:
    """With its type, and with what to do."""
    error = _refused(register, object())
    assert "object" in error.message
    assert "save it to a file" in error.hints[0]


# Versions and snapshots.


def test_another_version(registry: Registry, register: Register) -> None:
    """It is an input by its bundle, and a parent for lineage; shown once there."""
    base = register("base", b"weights")
    version = register(data=[Data(base, name="one"), Data("base@latest", kind="model")])
    first, second = version.inputs
    assert (first.name, second.name) == ("base", "one")
    assert (first.digest, first.kind, first.uri) == (base.digest, "model", "base@0.1.0")
    assert version.parents == ("base@0.1.0",)
    assert registry.used_by(base) == [version]
    assert base.digest not in registry.lineage(version)
    again = register("tuned", parents=base, data=base)
    assert again.parents == ("base@0.1.0",)


@pytest.mark.parametrize(
    ("url", "version", "digest"),
    [
        ("lakefs://repo@4f1c/train", None, "id:lakefs://repo@4f1c/train"),
        ("lakefs://repo@main/train", "4f1c", "id:lakefs://repo@main/train@4f1c"),
        ("analytics.payments", "snapshot 7", "id:analytics.payments@snapshot%207"),
    ],
)
def test_a_snapshot_is_a_name(
    register: Register, url: str, version: str | None, digest: str
) -> None:
    """Nothing is asked or read: what another system calls it is all that is kept."""
    found = _one(register(data=Data(url, kind="snapshot", version=version)))
    assert (found.digest, found.version, found.size) == (digest, version, -1)
    assert (found.how, found.kind) == ("reference", "snapshot")
    assert found.uri == (url if "://" in url else None)


# Addresses.


def test_an_address_is_pinned(
    registry: Registry, register: Register, tmp_path: Path
) -> None:
    """Where its store has no checksum it is read; the bytes come back, checked."""
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    bucket = f"/bucket-{tmp_path.name}"
    store.pipe_file(f"{bucket}/a/train.csv", CSV)
    store.pipe_file(f"{bucket}/a/sub/more.csv", b"x\n")
    url = f"memory:/{bucket}/a"
    version = register(data={"one": f"{url}/train.csv", "all": url})
    every, one = version.inputs
    assert (one.how, one.uri, one.size) == ("reference", f"{url}/train.csv", len(CSV))
    assert (every.kind, every.size) == ("folder", len(CSV) + 2)
    assert [file.role for file in version.files] == ["model"]
    got = resolve_input(registry._core, every, tmp_path / "got")
    assert (got / "train.csv").read_bytes() == CSV
    assert registry.used_by(url) == [version]
    assert registry.used_by(f"{url}/train.csv") == [version]
    assert registry.used_by("memory://bucket/none") == []
    store.pipe_file(f"{bucket}/a/train.csv", OTHER)
    for source in (one, every):
        with pytest.raises(IntegrityError) as caught:
            resolve_input(registry._core, source, tmp_path / "again")
        assert caught.value.kind is ErrorKind.INPUT_CHANGED
        assert source.name in caught.value.message
        assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:secret@bucket/train.csv",
        "https://token@host/train.csv",
        "https://host/train.csv?X-Amz-Signature=abc",
        "https://host/train.csv?plain=1",
        "https://host/train.csv#secret",
        "simplecache::s3://bucket/train.csv",
        "lakefs://key:secret@repo/train",
        "https://token@host/table",
    ],
)
@pytest.mark.parametrize("kind", [None, "snapshot"])
def test_an_address_holds_no_credentials(
    register: Register, url: str, kind: str | None
) -> None:
    """It is refused before anything is asked, and not repeated."""
    error = _refused(register, {"train": Data(url, kind=kind)})
    assert error.kind is ErrorKind.BAD_URL
    for secret in ("secret", "token", "abc"):
        assert secret not in error.message


def test_storage_options_are_not_shown(register: Register, tmp_path: Path) -> None:
    """Neither by the value itself nor by a version."""
    fsspec = pytest.importorskip("fsspec")
    where = f"/bucket-{tmp_path.name}/t.csv"
    fsspec.filesystem("memory").pipe_file(where, CSV)
    data = Data(f"memory:/{where}", storage_options={"secret": "hunter2"})
    version = register(data=data)
    assert "hunter2" not in f"{data!r} {version!r} {version.to_dict()!r}"


def test_a_reference_is_never_an_endless_read(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terabyte of nothing is refused unread; where a store tells no size, in time."""
    huge = tmp_path / "huge.bin"
    with huge.open("wb") as file:
        file.truncate(2**40)
    error = _refused(register, huge.as_uri())
    assert error.kind is ErrorKind.TOO_LARGE
    assert "how='digest'" in error.hints[0]
    fsspec = pytest.importorskip("fsspec")
    where = f"/bucket-{tmp_path.name}/t.bin"
    fsspec.filesystem("memory").pipe_file(where, bytes(1000))
    monkeypatch.setattr("modelver._registry.data_far.MOST_READ", 999)
    assert _refused(register, f"memory:/{where}").kind is ErrorKind.TOO_LARGE
    monkeypatch.setattr(remote, "MOST_KEYS", 0)


# DVC.


def _dvc(top: Path, *, legacy: bool = False, url: str | None = None) -> Path:
    """Make what ``dvc add train.csv`` makes, by hand; return the file's path."""
    (top / ".dvc").mkdir(parents=True)
    far = f"[core]\n    remote = far\n['remote \"far\"']\n    url = {url}\n"
    (top / ".dvc" / "config").write_text(far if url else "")
    md5 = MD5
    said = f"outs:\n- md5: {md5}\n  size: {len(CSV)}\n"
    said += "  path: train.csv\n" if legacy else "  hash: md5\n  path: train.csv\n"
    (top / "train.csv.dvc").write_text(said)
    below = top / ".dvc" / "cache"
    place = below / md5[:2] if legacy else below / "files" / "md5" / md5[:2]
    place.mkdir(parents=True)
    (place / md5[2:]).write_bytes(CSV)
    return top / "train.csv"


@pytest.mark.parametrize("legacy", [False, True], ids=["dvc 3", "dvc 2"])
def test_what_dvc_tracks_is_not_read(
    registry: Registry,
    register: Register,
    tmp_path: Path,
    legacy: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """By its .dvc file, by its path that is not there; from its cache it comes back."""
    path = _dvc(tmp_path / "repo", legacy=legacy, url="s3://lake/dvc")
    kind = "md5lf" if legacy else "md5"
    by_file = _one(register(data=f"{path}.dvc"))
    by_path = _one(register("other", data=path))
    assert by_file == by_path
    assert (by_path.digest, by_path.size) == (f"{kind}:{MD5}", len(CSV))
    below = f"{MD5[:2]}/{MD5[2:]}"
    key = below if legacy else f"files/md5/{below}"
    assert by_path.uri == f"s3://lake/dvc/{key}"
    assert (by_path.name, by_path.how) == ("train.csv", "reference")
    where = Sources(near=tmp_path / "repo")
    got = resolve_input(registry._core, by_path, tmp_path / "got.csv", where)
    assert got.read_bytes() == CSV
    assert len(registry.used_by(path)) == 2


def test_a_tracked_file_that_is_there(register: Register, tmp_path: Path) -> None:
    """Is copied as ever; pinned where that is asked for, unless its size is another."""
    path = _dvc(tmp_path / "repo")
    assert "dvc pull" in _refused(register, Data(path, how="copy")).hints[0]
    path.write_bytes(CSV)
    assert _one(register(data=path)).how == "copy"
    pinned = _one(register("pinned", data=Data(path, how="reference")))
    assert (pinned.digest, pinned.uri) == (f"md5:{MD5}", None)
    copied = register("copied", data=Data(f"{path}.dvc", how="copy"))
    assert copied.read("data/train.csv") == CSV
    path.write_bytes(CSV + b"1,1\n")
    error = _refused(register, Data(path, how="digest"))
    assert "dvc commit" in error.hints[0]


def test_a_dvc_file_leads_nowhere_else(register: Register, tmp_path: Path) -> None:
    """Somebody's .dvc file cannot have a file of this machine copied."""
    path = _dvc(tmp_path / "repo")
    (tmp_path / "private.txt").write_text("mine")
    for evil in ("../private.txt", str(tmp_path / "private.txt")):
        said = f"outs:\n- md5: {MD5}\n  hash: md5\n  path: {evil}\n"
        Path(f"{path}.dvc").write_text(said)
        error = _refused(register, Data(f"{path}.dvc", how="copy"))
        assert "outside of its repository" in error.message


def test_a_pipeline_and_a_folder_of_dvc(
    registry: Registry, register: Register, tmp_path: Path
) -> None:
    """Outputs of dvc.lock, folders by their listing, and one file of such a folder."""
    repo = tmp_path / "repo"
    _dvc(repo)
    listing = b'[{"md5": "%s", "relpath": "sub/a.csv"}]' % MD5.encode()
    md5 = hashlib.md5(listing, usedforsecurity=False).hexdigest()
    place = repo / ".dvc" / "cache" / "files" / "md5" / md5[:2]
    place.mkdir(parents=True)
    (place / f"{md5[2:]}.dir").write_bytes(listing)
    (repo / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  prep:\n    cmd: python prep.py\n    outs:\n"
        f"    - path: raw\n      hash: md5\n      md5: {md5}.dir\n"
        f"      size: {len(CSV)}\n"
    )
    folder = _one(register(data=repo / "raw"))
    assert (folder.digest, folder.kind) == (f"md5:{md5}.dir", "folder")
    inside = _one(register("inside", data=repo / "raw" / "sub" / "a.csv"))
    assert inside.digest == f"md5:{MD5}"
    where = Sources(near=repo)
    got = resolve_input(registry._core, folder, tmp_path / "got", where)
    assert (got / "sub" / "a.csv").read_bytes() == CSV
    (place.parent / MD5[:2] / MD5[2:]).write_bytes(OTHER)
    with pytest.raises(IntegrityError, match="'raw'"):
        resolve_input(registry._core, folder, tmp_path / "again", where)


def test_a_listing_cannot_lead_out(
    registry: Registry, register: Register, tmp_path: Path
) -> None:
    """A path in somebody's listing is checked as every path of a bundle is."""
    repo = tmp_path / "repo"
    _dvc(repo)
    listing = b'[{"md5": "%s", "relpath": "../../evil"}]' % MD5.encode()
    md5 = hashlib.md5(listing, usedforsecurity=False).hexdigest()
    place = repo / ".dvc" / "cache" / "files" / "md5" / md5[:2]
    place.mkdir(parents=True)
    (place / f"{md5[2:]}.dir").write_bytes(listing)
    (repo / "raw.dvc").write_text(
        f"outs:\n- md5: {md5}.dir\n  hash: md5\n  path: raw\n"
    )
    found = _one(register(data=repo / "raw"))
    with pytest.raises(InvalidInputError):
        resolve_input(registry._core, found, tmp_path / "got", Sources(near=repo))
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "got").exists()


def test_real_dvc(registry: Registry, register: Register, tmp_path: Path) -> None:
    """What ``dvc add`` and ``dvc push`` leave behind, where DVC is installed."""
    pytest.importorskip("dvc", reason="NOT TESTED: pip install dvc")
    repo = tmp_path / "repo"
    (repo / "raw" / "sub").mkdir(parents=True)
    (repo / "train.csv").write_bytes(CSV)
    (repo / "raw" / "sub" / "ü.csv").write_bytes(CSV)
    homes = (
        "HOME",
        "DVC_SITE_CACHE_DIR",
        "DVC_GLOBAL_CONFIG_DIR",
        "DVC_SYSTEM_CONFIG_DIR",
    )
    variables = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    variables |= {name: str(tmp_path / name) for name in homes}

    def dvc(*words: str) -> None:
        command = [sys.executable, "-m", "dvc", *words, "-q"]
        subprocess.run(command, cwd=repo, env=variables, check=True)

    dvc("init", "--no-scm")
    dvc("remote", "add", "-d", "far", str(tmp_path / "remote"))
    dvc("add", "train.csv", "raw")
    dvc("push")
    shutil.rmtree(repo / ".dvc" / "cache")
    (repo / "train.csv").unlink()
    version = register(data={"train": repo / "train.csv", "raw": f"{repo}/raw.dvc"})
    where = Sources(near=repo)
    for source in version.inputs:
        got = resolve_input(registry._core, source, tmp_path / source.name, where)
        path = got if source.name == "train" else got / "sub" / "ü.csv"
        assert path.read_bytes() == CSV


# Git LFS.


def test_a_pointer_is_never_the_data(
    registry: Registry, register: Register, tmp_path: Path
) -> None:
    """Refused as a model and as data; pinned by its oid where that is asked for."""
    pointer = tmp_path / "big.bin"
    pointer.write_bytes(POINTER)
    for data in (pointer, Data(pointer, how="copy"), {"a": pointer}):
        error = _refused(register, data)
        assert error.kind is ErrorKind.UNSUPPORTED_FILE
        assert "git lfs pull" in error.hints[0]
    with pytest.raises(InvalidInputError, match="Git LFS pointer"):
        registry.register("m", pointer, environment=False, code=None)
    for how in ("reference", "digest"):
        found = _one(register(how, data=Data(pointer, how=how)))
        assert found.digest == f"sha256:{hashlib.sha256(CSV).hexdigest()}"
        assert found.size == len(CSV)


def test_git_lfs_brings_the_bytes_back(
    registry: Registry, register: Register, tmp_path: Path
) -> None:
    """From the objects of a clone on this machine, checked against the oid."""
    pointer = tmp_path / "repo" / "big.bin"
    oid = hashlib.sha256(CSV).hexdigest()
    place = tmp_path / "repo" / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4]
    place.mkdir(parents=True)
    pointer.write_bytes(POINTER)
    (place / oid).write_bytes(CSV)
    found = _one(register(data=Data(pointer, how="reference")))
    where = Sources(near=pointer.parent)
    got = resolve_input(registry._core, found, tmp_path / "got", where)
    assert got.read_bytes() == CSV
    (place / oid).write_bytes(OTHER)
    with pytest.raises(IntegrityError):
        resolve_input(registry._core, found, tmp_path / "again", where)


# Bringing back.


def test_what_is_handed_in_is_compared(
    registry: Registry, register: Register, train: Path, tmp_path: Path
) -> None:
    """Of what only a digest was kept, a caller's bytes are taken if they are those."""
    found = _one(register(data=Data(train, how="digest")))
    core = registry._core
    with pytest.raises(NotFoundError, match="only its digest"):
        resolve_input(core, found, tmp_path / "got.csv")
    where = Sources(supplied=train)
    assert resolve_input(core, found, tmp_path / "got.csv", where).read_bytes() == CSV
    with pytest.raises(AlreadyExistsError):
        resolve_input(core, found, tmp_path / "got.csv", where)
    train.write_bytes(OTHER)
    with pytest.raises(IntegrityError) as caught:
        resolve_input(core, found, tmp_path / "again.csv", where)
    assert caught.value.expected == found.digest
    assert not (tmp_path / "again.csv").exists()


def test_a_name_proves_nothing(
    registry: Registry, register: Register, train: Path, tmp_path: Path
) -> None:
    """Nothing can be compared with what somebody called a snapshot."""
    found = _one(register(data=Data("payments", kind="snapshot", version="7")))
    for where in (Sources(), Sources(supplied=train)):
        with pytest.raises(NotFoundError):
            resolve_input(registry._core, found, tmp_path / "got", where)


def test_another_version_comes_from_the_registry(
    registry: Registry, register: Register, tmp_path: Path
) -> None:
    """Its model's files, checked out."""
    base = register("base", b"weights")
    found = _one(register(data=base))
    got = resolve_input(registry._core, found, tmp_path / "base")
    assert (got / "model" / "model.bin").read_bytes() == b"weights"


# What is refused.


@pytest.mark.parametrize(
    "words",
    [
        {"how": "link"},
        {"kind": "video"},
        {"rows": -1},
        {"rows": True},
        {"columns": 1.5},
        {"schema": {"a": 1}},
        {"schema": "a"},
        {"split": ""},
        {"license": "a\nb"},
        {"name": "x" * 600},
        {"version": "\x1b[31m"},
    ],
    ids=str,
)
def test_words_that_mean_nothing(words: dict[str, Any]) -> None:
    """Are refused when they are said."""
    with pytest.raises(InvalidInputError):
        Data("train.csv", **words)


def test_two_inputs_of_one_name(register: Register, train: Path) -> None:
    """A name is one thing; and a mapping's key is the name."""
    two = [Data(train, how="digest", name="a"), Data(CSV, how="digest", name="a")]
    assert _refused(register, two).kind is ErrorKind.BAD_NAME
    both = {"a": Data(train, name="b")}
    assert _refused(register, both).kind is ErrorKind.BAD_NAME
    assert register(data={"a": Data(train, name="a")}).inputs[0].name == "a"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes on Windows")
def test_hostile_paths(register: Register, tmp_path: Path) -> None:
    """Pipes, loops of links, names that are no text: a refusal, and no hanging."""
    pipe, loop = tmp_path / "pipe.csv", tmp_path / "loop"
    os.mkfifo(pipe)
    os.mkfifo(tmp_path / "piped.dvc")
    loop.symlink_to(loop)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "up").symlink_to(tmp_path)
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")
    Path(strange).write_bytes(CSV)
    for path in (pipe, tmp_path / "piped.dvc", loop, tmp_path / "folder", strange):
        for how in (None, "digest"):
            with pytest.raises((InvalidInputError, modelver.ModelverError)):
                register(data=Data(path, how=how))


def test_not_everything_is_counted(
    register: Register, train: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read only to be counted has a limit, for all inputs together."""
    monkeypatch.setattr("modelver._registry.plans._MOST_COUNTED", 2 * len(CSV))
    found = register(data=dict.fromkeys("abc", train)).inputs
    assert [source.rows for source in found] == [2, 2, None]


def test_many_columns_are_not_all_told(register: Register, tmp_path: Path) -> None:
    """The log has no room for ten thousand names: only how many there are."""
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(f"column{n}" for n in range(5000)) + "\n")
    found = _one(register(data=wide))
    assert (found.columns, found.rows, found.schema) == (5000, 0, {})
    several = {}
    for number in range(12):
        path = tmp_path / f"{number}.csv"
        path.write_text(",".join(f"column{n}" for n in range(300)) + "\n")
        several[f"{number}.csv"] = path
    told = [bool(i.schema) for i in register("several", data=several).inputs]
    assert any(told)
    assert not all(told)


# What is shown.


def test_a_diff_says_what_changed(
    registry: Registry, register: Register, train: Path
) -> None:
    """Not only that the digest is another: rows, columns, address and version, too."""
    old = register(data={"train": train})
    train.write_bytes(CSV + b"1,1\n")
    new = register(data={"train": Data(train, how="digest", split="train")})
    changes = {c.name: (c.old, c.new) for c in registry.diff(old, new).inputs}
    assert changes.keys() == {"train", "train.rows", "train.how", "train.split"}
    assert changes["train.rows"] == (2, 3)
    assert "train.rows" in str(registry.diff(old, new))


def test_lineage_shows_where_data_is(
    registry: Registry, register: Register, tmp_path: Path
) -> None:
    """Its address and its version, where it was not copied."""
    data = Data("lakefs://repo@4f1c/train", kind="snapshot", version="4f1c")
    version = register(data=data)
    shown = str(registry.lineage(version))
    assert "lakefs://repo@4f1c/train" in shown
    assert "version 4f1c" in shown
    assert "-1 B" not in shown
    detail = next(n.detail for n in registry.lineage().nodes if n.kind == "data")
    assert detail["uri"] == "lakefs://repo@4f1c/train"
    assert tmp_path.name not in shown


def test_a_folder_of_dvc_is_compared(
    registry: Registry, register: Register, tmp_path: Path
) -> None:
    """By the listing that DVC would write for what lies there now."""
    repo = tmp_path / "repo"
    _dvc(repo)
    listing = b'[{"md5": "%s", "relpath": "a.csv"}]' % MD5.encode()
    md5 = hashlib.md5(listing, usedforsecurity=False).hexdigest()
    (repo / "raw.dvc").write_text(
        f"outs:\n- md5: {md5}.dir\n  hash: md5\n  path: raw\n"
    )
    (repo / "raw").mkdir()
    (repo / "raw" / "a.csv").write_bytes(CSV)
    found = _one(register(data=Data(repo / "raw", how="reference")))
    check_input(registry._core, found, repo / "raw")
    (repo / "raw" / "a.csv").write_bytes(OTHER)
    with pytest.raises(IntegrityError, match="'raw'"):
        check_input(registry._core, found, repo / "raw")
    with pytest.raises(IntegrityError, match="a file was found"):
        check_input(registry._core, found, repo / "raw" / "a.csv")


def test_what_is_compared_is_not_copied(
    registry: Registry, register: Register, train: Path
) -> None:
    """Nothing is written; a table in memory cannot be compared with a file."""
    found = _one(register(data=Data(train, how="digest")))
    before = sorted(train.parent.iterdir())
    check_input(registry._core, found, train)
    assert sorted(train.parent.iterdir()) == before
    pandas = pytest.importorskip("pandas")
    table = _one(register("t", data=pandas.DataFrame({"a": [1]})))
    with pytest.raises(NotFoundError, match="cannot be told"):
        check_input(registry._core, table, train)
