"""Data that stays in a store: pinned by what the store says, and read where it must be.

On real servers: what a version id, a generation or a checksum is there is not ours to
make up.
"""

import hashlib
from pathlib import Path
from typing import Any

import pytest

import modelver
from modelver import Data, ErrorKind, InvalidInputError
from modelver._registry.fetch_input import Sources, resolve_input
from modelver.backends.web import HttpBackend
from modelver.errors import IntegrityError, NotFoundError, StorageError
from modelver.plugin import Versioned
from tests.stores.places import NORMAL, Place, chosen, place_in
from tests.stores.servers.fake_gcs import GcsServer
from tests.stores.servers.http_server import http_server
from tests.stores.servers.s3_server import S3Server

CSV = b"amount,label\n10,0\n9000,1\n"
OTHER = b"amount,label\n11,0\n9000,1\n"


@pytest.fixture
def registry(tmp_path: Path) -> modelver.Registry:
    """Return an empty registry in a folder."""
    return modelver.Registry(tmp_path / "registry", create=True, author="ada")


def _registered(registry: modelver.Registry, data: Any) -> modelver.Input:
    version = registry.register(
        "fraud", {"m": repr(data).encode()}, data=data, environment=False, code=None
    )
    assert not [file for file in version.files if file.role == "data"]
    (found,) = version.inputs
    return found


def _count_reads(monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> list[str]:
    """Return a list that grows with each key that a backend reads."""
    read: list[str] = []
    for name in ("read", "read_version"):
        real = getattr(kind, name)

        def noted(self: Any, key: str, *args: Any, _real: Any = real) -> Any:
            read.append(key)
            return _real(self, key, *args)

        monkeypatch.setattr(kind, name, noted)
    return read


@pytest.fixture(params=chosen(*NORMAL, "moto", "azurite"))
def place(request: pytest.FixtureRequest) -> Place:
    """Return an empty place in each store that knows checksums."""
    found: Place = place_in(request)(request.param)
    return found


def test_a_file_is_pinned_without_being_read(
    place: Place,
    registry: modelver.Registry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The store's own word for its bytes is recorded, and brings them back."""
    backend = place.backend()
    backend.create("data/train.csv", CSV)
    read = _count_reads(monkeypatch, type(backend))
    url = f"{place.url}/data/train.csv"
    found = _registered(registry, Data(url, storage_options=place.options))
    assert read == []
    assert (found.name, found.how, found.uri) == ("train.csv", "reference", url)
    assert found.size == len(CSV)
    kind, _, said = found.digest.partition(":")
    assert kind in {"sha256", "md5", "crc32c", "etag"}
    if kind == "md5":
        assert said == hashlib.md5(CSV, usedforsecurity=False).hexdigest()
    where = Sources(storage_options=place.options)
    got = resolve_input(registry._core, found, tmp_path / "got.csv", where)
    assert got.read_bytes() == CSV


def test_a_file_that_changed_is_named(
    place: Place, registry: modelver.Registry, tmp_path: Path
) -> None:
    """Other bytes at the same address are refused; nothing is left at the target."""
    backend = place.backend()
    backend.create("train.csv", CSV)
    data = Data(f"{place.url}/train.csv", storage_options=place.options, name="train")
    found = _registered(registry, data)
    backend.delete("train.csv")
    backend.create("train.csv", OTHER)
    where = Sources(storage_options=place.options)
    with pytest.raises((IntegrityError, NotFoundError), match="'train'"):
        resolve_input(registry._core, found, tmp_path / "got.csv", where)
    backend.delete("train.csv")
    with pytest.raises(NotFoundError, match="'train'"):
        resolve_input(registry._core, found, tmp_path / "got.csv", where)
    assert not (tmp_path / "got.csv").exists()


def test_a_folder_is_pinned_as_one(
    place: Place, registry: modelver.Registry, tmp_path: Path
) -> None:
    """Its digest changes with any file of it; all of them come back."""
    backend = place.backend()
    backend.create("data/a.csv", CSV)
    backend.create("data/sub/b.csv", OTHER)
    data = Data(f"{place.url}/data", storage_options=place.options)
    first = _registered(registry, data)
    assert (first.kind, first.size) == ("folder", len(CSV) + len(OTHER))
    where = Sources(storage_options=place.options)
    got = resolve_input(registry._core, first, tmp_path / "got", where)
    assert (got / "sub" / "b.csv").read_bytes() == OTHER
    backend.create("data/c.csv", b"new")
    second = _registered(registry, {"again": data})
    assert second.digest != first.digest
    with pytest.raises(IntegrityError, match="is not what it was"):
        resolve_input(registry._core, first, tmp_path / "again", where)


def test_digest_and_copy_read(place: Place, registry: modelver.Registry) -> None:
    """By content an address and a path are the same data."""
    place.backend().create("train.csv", CSV)
    url = f"{place.url}/train.csv"
    options = place.options
    by_digest = _registered(registry, Data(url, how="digest", storage_options=options))
    version = registry.register(
        "copied",
        {"m": b"1"},
        data=Data(url, how="copy", storage_options=options),
        environment=False,
        code=None,
    )
    (copied,) = version.inputs
    assert by_digest.digest == copied.digest
    assert copied.digest.startswith("b3:")
    assert (copied.uri, copied.rows, copied.columns) == (url, 2, 2)
    assert version.read("data/train.csv") == CSV


def test_nothing_there(place: Place, registry: modelver.Registry) -> None:
    """An address where nothing is, is refused; nothing is registered."""
    with pytest.raises(InvalidInputError) as caught:
        _registered(registry, Data(f"{place.url}/no", storage_options=place.options))
    assert caught.value.kind is ErrorKind.MISSING_FILE
    assert len(registry) == 0


@pytest.mark.servers
def test_a_version_id_of_s3_brings_old_bytes_back(
    moto: S3Server, registry: modelver.Registry, tmp_path: Path
) -> None:
    """In a bucket with versions the pinned one is read, also after another came."""
    client = moto.client()
    client.create_bucket(Bucket="kept")
    client.put_bucket_versioning(
        Bucket="kept", VersioningConfiguration={"Status": "Enabled"}
    )
    put = client.put_object(Bucket="kept", Key="t.csv", Body=CSV)
    url = "s3://kept/t.csv"
    found = _registered(registry, Data(url, storage_options=moto.options))
    assert found.version == put["VersionId"]
    client.put_object(Bucket="kept", Key="t.csv", Body=OTHER)
    where = Sources(storage_options=moto.options)
    got = resolve_input(registry._core, found, tmp_path / "got.csv", where)
    assert got.read_bytes() == CSV
    older = Data(url, version=put["VersionId"], storage_options=moto.options)
    assert _registered(registry, {"older": older}).digest == found.digest
    gone = Data(url, version="no-such-version", storage_options=moto.options)
    with pytest.raises((StorageError, InvalidInputError)):
        _registered(registry, gone)


@pytest.mark.servers
def test_a_checksum_of_s3_is_preferred(
    moto: S3Server, registry: modelver.Registry
) -> None:
    """Where S3 keeps a SHA-256 of the whole, it is the digest; an ETag is none."""
    moto.client().put_object(
        Bucket=moto.bucket, Key="sum.csv", Body=CSV, ChecksumAlgorithm="SHA256"
    )
    url = f"s3://{moto.bucket}/sum.csv"
    found = _registered(registry, Data(url, storage_options=moto.options))
    assert found.digest == f"sha256:{hashlib.sha256(CSV).hexdigest()}"


def test_a_generation_is_recorded(
    fake_gcs: GcsServer, registry: modelver.Registry
) -> None:
    """Each write has another; an old one that the bucket does not keep is gone."""
    url = fake_gcs.url()
    name = url.removeprefix(f"gs://{fake_gcs.bucket}/") + "/t.csv"
    fake_gcs.write(name, CSV)
    data = Data(f"{url}/t.csv", storage_options=fake_gcs.options)
    first = _registered(registry, data)
    fake_gcs.write(name, OTHER)
    second = _registered(registry, {"again": data})
    assert first.version is not None
    assert second.version is not None
    assert first.version.isdigit()
    assert first.version != second.version
    backend = fake_gcs.backend(url)
    assert isinstance(backend, Versioned)
    assert backend.describe_key("t.csv", first.version) is None
    assert backend.read_version("t.csv", second.version, 1, 3) == OTHER[1:3]
    assert backend.describe_key("none") is None


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_a_file_of_a_web_server(
    ranges: bool,  # noqa: FBT001 - a parameter of the test
    registry: modelver.Registry,
    tmp_path: Path,
) -> None:
    """An ETag pins it where the server has one; else it is read."""
    pytest.importorskip("aiohttp", reason="NOT TESTED: pip install 'modelver[http]'")
    root = tmp_path / "www"
    root.mkdir()
    (root / "t.csv").write_bytes(CSV)
    with http_server(root, ranges=ranges) as server:
        url = server.url("t.csv")
        facts = HttpBackend(server.url("")).describe_key("t.csv")
        assert facts is not None
        assert facts.size == len(CSV)
        found = _registered(registry, url)
        assert found.digest.startswith("etag:" if facts.checksum else "b3:")
        got = resolve_input(registry._core, found, tmp_path / "got.csv")
        assert got.read_bytes() == CSV
        (root / "t.csv").write_bytes(CSV + b"1,1\n")
        with pytest.raises(IntegrityError, match=r"'t.csv'"):
            resolve_input(registry._core, found, tmp_path / "again.csv")
        with pytest.raises(InvalidInputError, match="nothing at"):
            _registered(registry, server.url("none.csv"))
