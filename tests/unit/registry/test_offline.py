"""Offline: what was fetched before is answered for, and the store is not touched."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import modelver
from modelver import (
    ErrorKind,
    IntegrityError,
    ModelverError,
    ModelVersion,
    OfflineError,
    ReadOnlyError,
    Registry,
    RegistryNotFoundError,
    StorageError,
)
from modelver._registry.offline import mirror_of
from modelver._registry.places import is_offline
from modelver.backends.local import LocalBackend
from modelver.testing.recording import RecordingBackend
from modelver.testing.wrapper import Operation, T, WrapperBackend


@pytest.fixture
def online(tmp_path: Path) -> Registry:
    """Return a registry with two versions, of the first of which a file is fetched."""
    registry = Registry(tmp_path / "r", create=True, author="ada")
    one = registry.register(
        "fraud",
        {"w.bin": b"one", "deep/x.bin": b"x" * 3000, "empty": b""},
        config={"lr": 0.1},
        metrics={"auc": 0.9},
        environment=False,
    )
    registry.promote(one, "production")
    registry.register("fraud", {"w.bin": b"two"}, version="0.2.0", environment=False)
    one.path()
    return registry


@pytest.fixture
def gone(online: Registry) -> Path:
    """Take the store of *online* away, and return where it was."""
    where = Path(online.url)
    where.rename(where.with_name("elsewhere"))
    return where


def offline(where: object, **words: Any) -> Registry:
    """Open a registry without its store."""
    return Registry(str(where), offline=True, **words)


def test_what_was_fetched_is_there(gone: Path) -> None:
    """Everything that the log says, and every file that was fetched, is answered."""
    registry = offline(gone)
    assert registry.url == str(gone)
    assert registry.models() == ["fraud"]
    assert registry.resolve("fraud@production") == "fraud@0.1.0"
    assert [v.ref for v in registry.search("metrics.auc > 0.5")] == ["fraud@0.1.0"]
    assert len(registry.log()) == registry.seq == 3
    assert registry.at(1).models() == ["fraud"]
    version = registry.get("fraud@production")
    assert version.metrics == {"auc": 0.9}
    assert len(version.files) == 4
    assert version.path("w.bin").read_bytes() == b"one"
    assert (version.path() / "deep" / "x.bin").read_bytes() == b"x" * 3000
    assert version.read("w.bin") == b"one"
    assert version.read("empty") == b""
    with version.open("deep/x.bin") as file:
        file.seek(2990)
        assert file.read() == b"x" * 10


def test_a_checkout(gone: Path, tmp_path: Path) -> None:
    """A checkout is made of copies, each of them verified."""
    version = offline(gone).get("fraud@0.1.0")
    out = version.checkout(tmp_path / "out", roles="model")
    assert (out / "model" / "w.bin").read_bytes() == b"one"
    with pytest.raises(OfflineError, match=r"'config/config.json' of fraud@0.1.0"):
        version.checkout(tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_a_file_of_many_parts(online: Registry, tmp_path: Path) -> None:
    """A large file is read from its copy, as a whole and in stretches."""
    data = os.urandom(20 * 2**20)
    files = {"large.bin": data, "same.bin": data}
    online.register("large", files, environment=False).path("large.bin")
    version = offline(online.url).get("large")
    with version.open("large.bin") as file:
        file.seek(18 * 2**20)
        assert file.read(1000) == data[18 * 2**20 :][:1000]
    assert version.path("same.bin").read_bytes() == data
    out = version.checkout(tmp_path / "out", roles="model")
    assert (out / "model" / "large.bin").read_bytes() == data


@pytest.mark.parametrize(
    ("ask", "what", "hint"),
    [
        (
            lambda r: r.get("fraud@0.2.0").path(),
            "fraud@0.2.0 is not in the cache",
            "modelver path fraud@0.2.0",
        ),
        (
            lambda r: r.get("fraud@0.2.0").files,
            "fraud@0.2.0 is not in the cache",
            "modelver path fraud@0.2.0",
        ),
        (
            lambda r: r.get("fraud@0.1.0").read("config/config.json"),
            "'config/config.json' of fraud@0.1.0 is not in the cache",
            "modelver path fraud@0.1.0 config/config.json",
        ),
        (
            lambda r: r.get("fraud@0.1.0").path("config"),
            "'config/config.json' of fraud@0.1.0 is not in the cache",
            "modelver path fraud@0.1.0 config/config.json",
        ),
        (
            lambda r: r.diff("fraud@0.1.0", "fraud@0.2.0"),
            "of fraud@0.",
            "modelver path fraud@0.",
        ),
        (lambda r: r.verify(), "cannot be looked through", "offline=True"),
        (lambda r: r.verify("fraud@0.1.0"), "is not in the cache", "offline=True"),
    ],
    ids=["path", "files", "read", "folder", "diff", "verify", "verify-one"],
)
def test_what_was_not_fetched(
    gone: Path, ask: Callable[[Registry], object], what: str, hint: str
) -> None:
    """What is missing is named, and how it is fetched."""
    with pytest.raises(OfflineError) as caught:
        ask(offline(gone))
    assert what in caught.value.message
    assert hint in caught.value.hints[0]
    assert caught.value.kind is ErrorKind.OFFLINE
    assert not caught.value.retryable


def test_nothing_was_ever_fetched(tmp_path: Path) -> None:
    """A registry of which nothing was fetched cannot be opened, there or not."""
    Registry(tmp_path / "r", create=True).register("m", {"w": b"1"}, environment=False)
    for where in (tmp_path / "r", tmp_path / "nowhere", "memory://x", "s3://b/p"):
        with pytest.raises(OfflineError) as caught:
            offline(where, create=True)
        assert "modelver path REF" in caught.value.hints[0]
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "write",
    [
        lambda r: r.register("fraud", {"w": b"3"}),
        lambda r: r.promote("fraud@0.1.0", "staging"),
        lambda r: r.tag("fraud@0.1.0", a="b"),
        lambda r: r.draft("fraud").__enter__(),
        lambda r: r.withdraw("fraud@0.2.0", reason="x"),
        lambda r: r.at(2).tag("fraud@0.1.0", a="b"),
    ],
    ids=["register", "promote", "tag", "draft", "withdraw", "past"],
)
def test_nothing_is_written(gone: Path, write: Callable[[Registry], object]) -> None:
    """Whatever would write is refused, and says why."""
    with pytest.raises(ReadOnlyError) as caught:
        write(offline(gone))
    assert caught.value.hints
    if caught.value.kind is not ErrorKind.IN_THE_PAST:
        assert "offline" in caught.value.message
        assert "MODELVER_OFFLINE" in caught.value.hints[0]
    assert not gone.exists()


class Forbidden(WrapperBackend):
    """A store that must not be asked."""

    def around(self, operation: Operation, act: Callable[[], T]) -> T:  # noqa: ARG002
        """Fail."""
        pytest.fail(f"the store was asked to {operation}")


def test_the_store_is_not_touched(
    online: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline is a rule: not even a store that is there is asked, nor looked at."""
    store = Forbidden(LocalBackend(online.url))
    registry = Registry(backend=store, offline=True)
    assert registry.get("fraud@production").path("w.bin").read_bytes() == b"one"
    looked_at: list[str] = []

    def listen(event: str, args: tuple[Any, ...]) -> None:
        if event in ("open", "os.listdir", "os.scandir") and watching:
            looked_at.append(str(args[0]))

    watching = True
    sys.addaudithook(listen)
    monkeypatch.setattr(os, "stat", _refusing(os.stat, online.url))
    monkeypatch.setattr(os, "lstat", _refusing(os.lstat, online.url))
    registry = offline(online.url)
    assert registry.get("fraud@production").path("w.bin").read_bytes() == b"one"
    watching = False
    assert looked_at
    assert [path for path in looked_at if path.startswith(online.url)] == []


def _refusing(real: Callable[..., Any], url: str) -> Callable[..., Any]:
    def asked(path: Any, *rest: Any, **more: Any) -> Any:
        if str(path).startswith(url):
            pytest.fail(f"the store was looked at: {path}")
        return real(path, *rest, **more)

    return asked


@pytest.mark.parametrize("said", ["1", "true", "YES", "on", " 1 "])
def test_the_variable(
    online: Registry, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MODELVER_OFFLINE is as good as the argument, and the argument wins."""
    monkeypatch.setenv("MODELVER_OFFLINE", said)
    with pytest.raises(ReadOnlyError, match="offline"):
        Registry(online.url).tag("fraud@0.1.0", a="b")
    Registry(online.url, offline=False).tag("fraud@0.1.0", a="b")


@pytest.mark.parametrize("said", ["", "0", "false", "No", "OFF"])
def test_the_variable_says_no(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty, 0, false, no and off mean that it is not set."""
    monkeypatch.setenv("MODELVER_OFFLINE", said)
    assert not is_offline()
    assert is_offline(True)


def test_as_of_the_last_time(online: Registry) -> None:
    """Offline shows the registry as path() saw it last, though nothing was fetched."""
    reader = offline(online.url)
    online.promote("fraud@0.2.0", "staging")
    assert offline(online.url).aliases("fraud") == {"production": "0.1.0"}
    online.get("fraud@0.1.0").path("w.bin")
    expected = {"production": "0.1.0", "staging": "0.2.0"}
    assert offline(online.url).aliases("fraud") == expected
    assert reader.aliases("fraud") == expected


def test_names_of_the_same_place(
    online: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder is found by any of its names, and by the variable."""
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MODELVER_REGISTRY", online.url)
    for name in (
        "r",
        "./r/",
        "~/r",
        str(tmp_path / "link" / "r"),
        f"file://{online.url}",
        None,
    ):
        assert Registry(name, offline=True).uuid == online.uuid, name


def test_a_cache_that_has_moved(
    online: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the cache is enough, on a machine that has never seen the registry."""
    shutil.copytree(online.cache.folder.parent, tmp_path / "baked")
    monkeypatch.setenv("MODELVER_STATE_DIR", str(tmp_path / "no-state"))
    registry = offline(online.url, cache=tmp_path / "baked")
    path = registry.get("fraud@production").path("w.bin")
    assert path.read_bytes() == b"one"
    assert tmp_path / "baked" in path.parents


def test_two_registries_of_one_address(tmp_path: Path) -> None:
    """Of a registry that was replaced on purpose, the newer one is meant."""
    where = tmp_path / "r"
    first = Registry(where, create=True)
    first.register("old", {"w": b"1"}, environment=False).path()
    shutil.rmtree(where)
    second = Registry(where, create=True)
    version = second.register("new", {"w": b"2"}, environment=False)
    with pytest.raises(OfflineError):  # nothing was fetched of the one that is known
        offline(where)
    version.path()
    assert offline(where).models() == ["new"]
    modelver.forget(where)
    assert offline(where).models() == ["new"]


class Named(WrapperBackend):
    """A store of a scheme that no backend is installed for."""

    url = "nosuch://bucket/models"

    def around(self, operation: Operation, act: Callable[[], T]) -> T:  # noqa: ARG002
        """Do it."""
        return act()


def test_a_backend_that_is_not_installed(online: Registry) -> None:
    """What was fetched by a backend can be had without it."""
    named = Named(LocalBackend(online.url))
    Registry(backend=named).get("fraud@0.1.0").path()
    assert offline("nosuch://bucket/models").models() == ["fraud"]
    assert offline("nosuch://bucket/models/").models() == ["fraud"]


# What is kept is believed no more than a store is.


@pytest.fixture
def mirror(online: Registry) -> Path:
    """Return the folder of the mirror of *online*."""
    return mirror_of(online._core.cache).folder


def _flip(path: Path) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


def test_a_damaged_mirror(online: Registry, mirror: Path) -> None:
    """A changed byte of the log is found; nobody is told what it says."""
    _flip(next((mirror / "log").iterdir()))
    with pytest.raises(ModelverError):
        offline(online.url).models()
    online.promote("fraud@0.2.0", "staging")
    online.get("fraud@0.1.0").path()
    assert offline(online.url).aliases("fraud")["staging"] == "0.2.0"


def test_a_damaged_identity(online: Registry, mirror: Path) -> None:
    """So is one of registry.json."""
    _flip(mirror / "registry.json")
    with pytest.raises((IntegrityError, ModelverError)):
        offline(online.url)


def test_a_damaged_manifest(online: Registry, mirror: Path) -> None:
    """So is one of a manifest, wherever it is read."""
    (manifest,) = mirror.parent.glob("*/.manifest.jsonl")
    _flip(manifest)
    with pytest.raises(IntegrityError) as caught:
        offline(online.url).get("fraud@0.1.0").path("deep")
    assert caught.value.kind is ErrorKind.MANIFEST_DAMAGED


def test_a_damaged_copy(online: Registry) -> None:
    """A poisoned copy is thrown away, and cannot be fetched anew: it is missing."""
    version = offline(online.url).get("fraud@0.1.0")
    path = version.path("w.bin")
    path.chmod(0o600)
    path.write_bytes(b"eno")
    for ask in (version.read, version.path):
        with pytest.raises(OfflineError, match=r"'model/w.bin' of fraud@0.1.0"):
            ask("w.bin")
    assert online.get("fraud@0.1.0").path("w.bin").read_bytes() == b"one"
    assert version.read("w.bin") == b"one"


def test_the_mirror_of_another_registry(
    online: Registry, mirror: Path, tmp_path: Path
) -> None:
    """A mirror that was put in the place of another is refused."""
    other = Registry(tmp_path / "other", create=True)
    other.register("m", {"w": b"1"}, environment=False).path()
    shutil.rmtree(mirror)
    shutil.copytree(mirror_of(other._core.cache).folder, mirror)
    with pytest.raises(IntegrityError) as caught:
        offline(online.url)
    assert caught.value.kind is ErrorKind.REGISTRY_REPLACED


@pytest.mark.parametrize(
    "junk", [b"", b"[", b"{}", b'{"urls": 7}', b"[" * 10**5, b'"x"'], ids=repr
)
def test_a_head_that_makes_no_sense(
    online: Registry, mirror: Path, junk: bytes
) -> None:
    """Where nobody can tell whose a mirror is, there is none; it is written anew."""
    (mirror / "head.json").write_bytes(junk)
    with pytest.raises(OfflineError):
        offline(online.url)
    Registry(online.url).get("fraud@0.1.0").path()
    assert offline(online.url).models() == ["fraud"]


def test_links_are_not_followed(online: Registry, mirror: Path, tmp_path: Path) -> None:
    """Neither when the mirror is read nor when it is written."""
    outside = tmp_path / "outside"
    log = next((mirror / "log").iterdir())
    log.rename(outside)
    log.symlink_to(outside)
    assert offline(online.url).models() == []
    before = outside.read_bytes()
    online.promote("fraud@0.2.0", "staging")
    online.get("fraud@0.1.0").path()
    assert offline(online.url).aliases("fraud")["staging"] == "0.2.0"
    assert outside.read_bytes() == before


# How the mirror keeps up.


def test_a_long_log(tmp_path: Path) -> None:
    """A log of many entries is mirrored from rollups, and each update adds to it."""
    registry = Registry(tmp_path / "r", create=True)
    version = registry.register("m", {"w": b"1"}, environment=False)
    for number in range(299):
        registry.tag(version, n=str(number))
    store = RecordingBackend(LocalBackend(registry.url))
    Registry(backend=store).get("m").path()
    assert any(key.startswith("rollups/") for key in store.keys)
    assert offline(registry.url).seq == 300
    assert offline(registry.url).get("m").tags == {"n": "298"}
    again = Registry(backend=store)
    again.tag("m@0.1.0", n="last")
    version = again.get("m")
    store.reset()
    version.path()
    assert [key for key in store.keys if key.startswith("log/")] == [
        f"log/{301:020d}.json"
    ]
    assert offline(registry.url).get("m").tags == {"n": "last"}


def test_entries_that_mean_nothing(online: Registry) -> None:
    """What is no entry, of any length and any bytes, is mirrored as it is."""
    for seq, junk in ((4, b"torn"), (5, b"\n\n"), (6, b"\xff" * 2**21), (7, b"[1]\n")):
        (Path(online.url) / "log" / f"{seq:020d}.json").write_bytes(junk)
    registry = Registry(online.url)
    with pytest.warns(modelver.DamageWarning):
        registry.promote("fraud@0.2.0", "staging")
    registry.get("fraud@0.1.0").path()
    with pytest.warns(modelver.DamageWarning):
        assert offline(online.url).aliases("fraud")["staging"] == "0.2.0"


def test_a_mirror_that_is_ahead(online: Registry) -> None:
    """A process that has read less does not take away what another one knows."""
    slow = Registry(online.url)
    version = slow.get("fraud@0.1.0")
    online.promote("fraud@0.2.0", "staging")
    online.get("fraud@0.1.0").path()
    version.path()
    assert offline(online.url).aliases("fraud")["staging"] == "0.2.0"


def test_a_mirror_that_cannot_be_written(
    online: Registry, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is for later: now the file is handed out all the same."""

    def refuse(*_: object) -> None:
        raise OSError(28, "no room")

    shutil.rmtree(mirror)
    with monkeypatch.context() as patch:
        patch.setattr("modelver._store.mirror._write", refuse)
        again = Registry(online.url)
        assert again.get("fraud@0.2.0").path("w.bin").read_bytes() == b"two"
    with pytest.raises(OfflineError):
        offline(online.url)
    mirror.write_bytes(b"no folder")
    again.get("fraud@0.2.0").path()
    assert offline(online.url).models() == ["fraud"]


# Offline is a choice.


def test_a_store_that_is_gone_is_an_error(gone: Path) -> None:
    """Nobody is given old answers without asking; the hint says how to ask."""
    with pytest.raises(RegistryNotFoundError) as caught:
        Registry(gone)
    assert "MODELVER_OFFLINE=1" in caught.value.hints[-1]


def test_a_store_that_refuses(online: Registry, tmp_path: Path) -> None:
    """So it is where the store cannot be reached; of an unknown one nothing is said."""

    class Dead(WrapperBackend):
        def around(self, operation: Operation, act: Callable[[], T]) -> T:  # noqa: ARG002
            raise StorageError("the network is down")

    with pytest.raises(StorageError, match="network") as caught:
        Registry(backend=Dead(LocalBackend(online.url)))
    assert "MODELVER_OFFLINE=1" in caught.value.hints[-1]
    with pytest.raises(StorageError, match="network") as caught:
        Registry(backend=Dead(LocalBackend(str(tmp_path / "other"))))
    assert not any("OFFLINE" in hint for hint in caught.value.hints)


# What the cache says of itself.


def test_info_and_clear(online: Registry) -> None:
    """A registry tells what is kept of it, and deletes that."""
    one, two = online.get("fraud@0.1.0"), online.get("fraud@0.2.0")
    two.path()
    info = online.cache.info()
    (registry,) = info.registries
    assert (registry.uuid, registry.url) == (online.uuid, online.url)
    assert {v.refs: v.files for v in registry.versions} == {
        ("fraud@0.1.0",): 3,
        ("fraud@0.2.0",): 1,
    }
    assert registry.versions[0].refs == ("fraud@0.2.0",)
    assert info.size >= one.size
    assert info.to_dict()["registries"][0]["versions"][0]["files"] == 1
    assert online.cache.clear("fraud@0.2.0") > 0
    assert online.cache.clear(two) == 0
    assert [v.refs for v in online.cache.info().registries[0].versions] == [
        ("fraud@0.1.0",)
    ]
    assert online.cache.clear(older_than=1) == 0
    assert offline(online.url).get("fraud@0.1.0").path("w.bin").exists()
    assert online.cache.clear() > 0
    assert online.cache.info().registries == ()
    with pytest.raises(OfflineError):
        offline(online.url)
    assert one.path("w.bin").read_bytes() == b"one"


def test_clear_what_is_old(online: Registry) -> None:
    """Copies go that nobody has asked for in so many days."""
    root = online.get("fraud@0.1.0").path().parent
    os.utime(root, (1, 1))
    assert online.cache.clear("fraud@0.2.0", older_than=0.5) == 0
    assert online.cache.clear(older_than=0.5) > 0
    assert not root.exists()
    for wrong in (-1, "x", True, float("nan")):
        with pytest.raises(modelver.InvalidInputError, match="older_than"):
            online.cache.clear(older_than=wrong)  # type: ignore[arg-type]


def test_cleared_offline(gone: Path) -> None:
    """Copies can be deleted offline too, and are gone then."""
    registry = offline(gone)
    assert registry.cache.clear("fraud@production") > 0
    with pytest.raises(OfflineError):
        registry.get("fraud@production").path()


def test_versions_are_equal(online: Registry) -> None:
    """A version offline is the same version."""
    here: ModelVersion = online.get("fraud@0.1.0")
    assert offline(online.url).get("fraud@0.1.0") == here
