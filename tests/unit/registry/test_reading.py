"""Finding versions, their files, and the registry as it was."""

import copy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from modelver import (
    AlreadyExistsError,
    AmbiguousRefError,
    ErrorKind,
    InvalidInputError,
    ModelNotFoundError,
    ModelverError,
    ModelVersion,
    NotFoundError,
    ReadOnlyError,
    Registry,
    RegistryNotFoundError,
    VersionNotFoundError,
)

Register = Callable[..., ModelVersion]


def test_refs(registry: Registry, register: Register) -> None:
    """Every form of a ref finds what it says."""
    for number in ("1.0.0", "1.2.0", "2.0.0-rc.1", "1.1.0"):
        register(data=number.encode(), version=number)
    registry.promote("fraud@1.0.0", "production")
    digest = registry.get("fraud@1.0.0").digest
    asked = {
        "fraud": "1.2.0",
        "fraud@latest": "1.2.0",
        "fraud@newest": "1.1.0",
        "fraud@^1.0": "1.2.0",
        "fraud@~1.1": "1.1.0",
        "fraud@1.x": "1.2.0",
        "fraud@>=1,<1.2": "1.1.0",
        "fraud@>=2.0.0-rc.1": "2.0.0-rc.1",
        "fraud@production": "1.0.0",
        "fraud@v1.0.0": "1.0.0",
        f"fraud@{digest[:10]}": "1.0.0",
        digest: "1.0.0",
    }
    for ref, number in asked.items():
        assert registry.resolve(ref) == f"fraud@{number}", ref
        assert ref in registry
    for ref in ("fraud@^3", "fraud@staging", "other", "fraud@b3:0000", "fraud@9.9.9"):
        assert ref not in registry
        with pytest.raises(NotFoundError):
            registry.get(ref)
    assert "not a ref" not in registry
    assert 7 not in registry
    assert list(registry) == ["fraud"]
    assert len(registry) == 1


def test_errors_name_what_is_close(registry: Registry, register: Register) -> None:
    """A name that is nearly right is answered with the right one."""
    register(version="1.0.0")
    registry.promote("fraud", "production")
    with pytest.raises(ModelNotFoundError) as model:
        registry.get("fruad")
    assert model.value.near == ("fraud",)
    with pytest.raises(VersionNotFoundError) as alias:
        registry.get("fraud@prodution")
    assert alias.value.near == ("production",)
    with pytest.raises(NotFoundError) as file:
        registry.get("fraud").read("modle.bin")
    assert "model.bin" in file.value.near
    assert file.value.kind == ErrorKind.FILE


def test_a_digest_may_be_ambiguous(registry: Registry, register: Register) -> None:
    """A digest that two versions have names them both."""
    register(version="1.0.0-rc.1")
    version = register(version="1.0.0")
    with pytest.raises(AmbiguousRefError) as caught:
        registry.get(version.digest)
    assert caught.value.candidates == ["fraud@1.0.0-rc.1", "fraud@1.0.0"]


def test_files(registry: Registry, tmp_path: Path) -> None:
    """Reading, opening, a local copy and a checkout give the registered bytes."""
    version = registry.register(
        "f", {"a.txt": b"one\n", "d/b": b"two"}, config={"x": 1}, environment=False
    )
    with version.open("a.txt") as raw, version.open("a.txt", "r") as text:
        assert (raw.read(), text.read()) == (b"one\n", "one\n")
    assert version.path("a.txt").read_bytes() == b"one\n"
    assert (version.path() / "d" / "b").read_bytes() == b"two"
    assert (version.path("d") / "b").read_bytes() == b"two"
    assert version.path("config").joinpath("config.json").is_file()
    target = version.checkout(tmp_path / "out")
    assert (target / "model" / "d" / "b").read_bytes() == b"two"
    assert (target / "config" / "config.json").is_file()
    only = version.checkout(tmp_path / "config", roles="config")
    assert [path.name for path in only.iterdir()] == ["config"]
    with pytest.raises(AlreadyExistsError):
        version.checkout(tmp_path / "out")
    with pytest.raises(InvalidInputError):
        version.checkout(tmp_path / "new", roles=["weights"])
    with pytest.raises(InvalidInputError):
        version.open("a.txt", "w")
    with pytest.raises(NotFoundError):
        version.path("nothing")


def test_a_spoiled_copy_is_fetched_anew(registry: Registry, register: Register) -> None:
    """A cached file that was written to is not handed out."""
    path = register(data=b"right").path("model.bin")
    path.chmod(0o600)
    path.write_bytes(b"wrong")
    assert registry.get("fraud").path("model.bin").read_bytes() == b"right"


def test_as_it_was(registry: Registry, register: Register) -> None:
    """``at`` shows the registry at a commit or a time, and cannot be written to."""
    first = register(data=b"1")
    second = register(data=b"2")
    registry.promote(first, "production")
    registry.promote(second, "production")
    assert registry.at(3).resolve("fraud@production") == "fraud@0.1.0"
    assert registry.at(1).resolve("fraud") == "fraud@0.1.0"
    assert registry.at(0).models() == []
    third = registry.log()[1]
    assert registry.at(third.time).resolve("fraud@production") == "fraud@0.1.0"
    before = registry.log()[-1].time - timedelta(seconds=1)
    assert registry.at(before).seq == 0
    past = registry.at(3)
    assert [commit.seq for commit in past.log()] == [3, 2, 1]
    assert [m.version for m in past.alias_history("fraud", "production")] == ["0.1.0"]
    with pytest.raises(ReadOnlyError) as caught:
        past.promote("fraud@0.2.0", "production")
    assert caught.value.kind == ErrorKind.IN_THE_PAST
    with pytest.raises(NotFoundError):
        registry.at(99)
    with pytest.raises(InvalidInputError):
        registry.at("yesterday")


def test_log(registry: Registry, register: Register) -> None:
    """The log has every commit, newest first, in words and as JSON."""
    register("a")
    register("b")
    registry.tag("a", x="1")
    assert [c.summary() for c in registry.log()] == [
        ["tag a@0.1.0 x=1"],
        ["register b@0.1.0"],
        ["register a@0.1.0"],
    ]
    assert [c.seq for c in registry.log("a")] == [3, 1]
    assert [c.seq for c in registry.log(limit=1)] == [3]
    found = registry.outcome(registry.log()[0].txid)
    assert found is not None
    assert found.to_dict()["actions"][0]["type"] == "tag"
    assert registry.outcome("0" * 32) is None


def test_search(registry: Registry, register: Register) -> None:
    """Filters see metrics, slices, tags, aliases and status as they are now."""
    register("a", b"1", metrics={"auc": 0.9}, tags={"task": "x"}, params={"lr": 0.1})
    register("a", b"2", metrics={"auc": 0.8}, slices={"de": {"auc": 0.5}})
    register("b", b"3", metrics={"auc": 0.95})

    def found(*words: str, **more: object) -> list[str]:
        return [v.ref for v in registry.search(*words, **more)]  # type: ignore[arg-type]

    assert found("metrics.auc > 0.85") == ["a@0.1.0", "b@0.1.0"]
    assert found(order_by="metrics.auc desc", limit=1) == ["b@0.1.0"]
    assert found("slices.de.auc < 0.6") == ["a@0.2.0"]
    assert found("params.lr = 0.1 and tags.task = 'x'") == ["a@0.1.0"]
    assert found(model="b") == ["b@0.1.0"]
    registry.promote("a@0.2.0", "production")
    registry.set_status("a@0.2.0", "archived")
    assert found("alias = 'production'") == ["a@0.2.0"]
    assert found("status != 'archived'") == ["a@0.1.0", "b@0.1.0"]
    registry.promote("a@0.1.0", "production")
    assert found("alias = 'production'") == ["a@0.1.0"]
    assert registry.at(3).search("alias = 'production'") == []


def test_used_by(registry: Registry, tmp_path: Path) -> None:
    """Data is known by its content, wherever it lies."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1")
    (tmp_path / "one.csv").write_text("2")
    first = registry.register(
        "f", {"m": b"1"}, data={"in": tmp_path / "data"}, environment=False
    )
    second = registry.register(
        "f", {"m": b"2"}, data=tmp_path / "one.csv", parents=first, environment=False
    )
    (tmp_path / "data").rename(tmp_path / "moved")
    assert registry.used_by(tmp_path / "moved") == [first]
    assert registry.used_by(second.inputs[0].digest) == [second]
    assert registry.used_by("f@0.1.0") == registry.used_by(first) == [second]
    with pytest.raises(NotFoundError):
        registry.used_by("no/such/file.csv")
    assert "f@0.2.0" in registry.lineage(first).downstream()
    assert second.lineage().upstream().versions() == ("f@0.1.0", "f@0.2.0")


def test_versions_are_values(registry: Registry, register: Register) -> None:
    """Two looks at a version are equal; what is said later does not change one."""
    version = register()
    registry.tag(version, a="b")
    again = registry.get(version)
    assert again == version
    assert hash(again) == hash(version)
    assert (version.tags, again.tags) == ({}, {"a": "b"})
    assert copy.copy(version) == version
    assert str(version) == "fraud@0.1.0"
    assert version.to_dict()["ref"] == "fraud@0.1.0"


def test_versions_show_themselves_escaped(
    registry: Registry, register: Register
) -> None:
    """Neither HTML nor escape sequences of stored text reach a screen raw."""
    register(
        description="<script>alert(1)</script>",
        tags={"x": "<img onerror=1>"},
        metrics={"<b>": 1.0, "auc": 0.123456},
    )
    version = registry.get("fraud")
    html = version._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert repr(version).startswith("<ModelVersion fraud@0.1.0 b3:")
    assert "auc=0.123" in repr(version)


def test_a_version_of_another_registry(register: Register, tmp_path: Path) -> None:
    """A version object is no ref in another registry, whatever its name."""
    other = Registry(tmp_path / "other", create=True)
    other.register("fraud", {"m": b"1"}, environment=False)
    with pytest.raises(InvalidInputError, match="another registry"):
        other.promote(register(), "production")


def test_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing registry says how to make one; the variable names one."""
    with pytest.raises(RegistryNotFoundError) as caught:
        Registry(tmp_path / "none")
    assert "create=True" in caught.value.hints[0]
    with pytest.raises(RegistryNotFoundError, match="MODELVER_REGISTRY"):
        Registry()
    Registry(tmp_path / "r", create=True).register("m", {"m": b"1"}, environment=False)
    monkeypatch.setenv("MODELVER_REGISTRY", str(tmp_path / "r"))
    reader = Registry(read_only=True)
    assert reader.models() == ["m"]
    with pytest.raises(ReadOnlyError):
        reader.tag("m", a="b")
    with pytest.raises(ReadOnlyError):
        reader.register("m", {"m": b"2"})
    with pytest.raises(ReadOnlyError):
        reader.transaction()


def test_created_as_asked(tmp_path: Path) -> None:
    """SHA-256 and other statuses are pinned, and not silently ignored later."""
    where = tmp_path / "r"
    made = Registry(where, create=True, digest="sha256", statuses=["new", "old"])
    version = made.register("m", {"m": b"1"}, environment=False)
    assert version.digest.startswith("sha256:")
    assert Registry(where, create=True).statuses == ("new", "old")
    with pytest.raises(InvalidInputError, match="the digest"):
        Registry(where, create=True, digest="b3")
    with pytest.raises(InvalidInputError):
        made.set_status("m", "approved")


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    """A registry is not scattered among other files."""
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InvalidInputError) as caught:
        Registry(tmp_path, create=True)
    assert caught.value.kind == ErrorKind.NOT_EMPTY


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:secret@bucket/registry",
        "simplecache::memory://x",
        "",
        "memory://a::memory://b",
        "nowhere://169.254.169.254/latest",
    ],
)
def test_bad_addresses(url: str) -> None:
    """An address that cannot be one is refused, and a secret is not repeated."""
    with pytest.raises(ModelverError) as caught:
        Registry(url)
    assert "secret" not in str(caught.value)


def test_verify_knows_of_a_log_that_was_put_back(tmp_path: Path) -> None:
    """A log without its last entry is sound in itself; who saw more can tell."""
    registry = Registry(tmp_path / "r", create=True)
    for data in (b"1", b"2"):
        registry.register("m", {"m": data}, environment=False)
    (tmp_path / "r" / "log" / f"{2:020}.json").unlink()
    for reader in (registry, Registry(tmp_path / "r")):
        report = reader.verify()
        assert not report
        assert report.problems[0].kind == ErrorKind.REGISTRY_ROLLED_BACK


def test_the_log_takes_no_odd_limit(registry: Registry) -> None:
    """A limit that limits to nothing is a mistake."""
    with pytest.raises(InvalidInputError):
        registry.log(limit=0)
