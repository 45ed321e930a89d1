"""What later releases may write, and what this one makes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver import Registry, UpgradeRequiredError
from tests.format.asking import answers, told
from tests.format.byhand import append, bundle, change_registry
from tests.format.foreign import Foreign
from tests.format.foreign_values import UpgradeError
from tests.hostile.forge import Forge, digest

NEW = {"later": {"a": [1, None, {"b": "c"}]}}
NOTE = {"type": "note", "name": "fraud", "version": "1.0.0", "text": "read"}


@pytest.fixture(params=["b3", "sha256"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return an empty registry that another program made."""
    Forge(tmp_path / "r", request.param)
    return tmp_path / "r"


def _contents(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _file(root: Path, data: bytes) -> dict[str, Any]:
    algorithm = Foreign(root).algorithm
    return {
        "path": "model/w.bin",
        "role": "model",
        "size": len(data),
        "digest": digest(algorithm, data),
    }


def _object(root: Path, data: bytes) -> dict[str, Any]:
    name = digest(Foreign(root).algorithm, data).partition(":")[2] + ".0"
    path = root / f"objects/{name[:2]}/{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"object": name, "offset": 0, "length": len(data)}


def _register(root: Path, more: dict[str, Any], **piece: Any) -> int:
    """Register ``fraud@1.0.0``, with the fields *more* in every object there is."""
    source = {"name": "train", "digest": f"{Foreign(root).algorithm}:{'0' * 64}"}
    code = {"commit": "0" * 40, **more}
    inputs = [{**source, "size": 3, **more}]
    line1 = {
        "format": 1,
        "files": [{**_file(root, b"abc"), **more}],
        "inputs": inputs,
        "code": code,
        "environment": {
            "implementation": "cpython",
            "python": "3.11.7",
            "packages": {},
            **more,
        },
        **more,
    }
    cut = [{**_object(root, b"abc"), **piece, **more}]
    cited = bundle(root, line1, {"files": {"model/w.bin": cut}, **more})
    record = {"files": 1, "size": 3, "inputs": inputs, "code": code, **more}
    version = {"name": "fraud", "version": "1.0.0"}
    register = {"type": "register", **version, **cited, "record": record, **more}
    return append(root, register, **more)


def test_unknown_fields_are_passed_over_and_kept(root: Path) -> None:
    """In every object of every file; nothing is written again, so nothing is lost."""
    change_registry(root, **NEW)
    _register(root, NEW)
    expect = {"version": None, **NEW}
    parent = {"name": "fraud", "version": "1.0.0", **NEW}
    cited = Foreign(root).models["fraud"]["versions"]["1.0.0"]
    same = {key: cited[key] for key in ("bundle", "manifest")}
    parents = [{**parent, "bundle": cited["bundle"]}]
    child = {**cited["record"], "parents": parents}
    append(
        root,
        {"type": "alias", **parent, "alias": "production", "expect": expect},
        {
            "type": "register",
            "name": "child",
            "version": "1.0.0",
            **same,
            "record": child,
        },
        {"type": "status", **parent, "status": "approved"},
        {"type": "tag", **parent, "set": {"a": "b"}},
        {"type": "note", **parent, "text": "t"},
        {"type": "metrics", **parent, "metrics": {"auc": 1}},
        {"type": "withdraw", "name": "child", "version": "1.0.0", "reason": "r", **NEW},
        {"type": "restore", "name": "child", "version": "1.0.0", **NEW},
        {"type": "feature", **NEW},
        **NEW,
    )
    before = _contents(root)
    found = answers(root)
    assert found == told(Foreign(root))
    assert found["voids"] == []
    version = found["models"]["fraud"]["versions"]["1.0.0"]
    assert version["files"] == {"model/w.bin": "abc"}
    assert (version["status"], version["tags"]) == ("approved", {"a": "b"})
    registry = Registry(root, author="me")
    assert registry.verify().ok
    registry.note("fraud@production", "written on")
    assert before.items() <= _contents(root).items()
    assert b'"later":' in before[root / "registry.json"]


def test_an_unknown_action_that_may_be_skipped_is(root: Path) -> None:
    """The rest of its entry takes effect."""
    _register(root, {})
    append(root, {"type": "poem", "name": 5}, NOTE, {"no": "type"}, critical=False)
    found = answers(root)
    assert found["models"]["fraud"]["versions"]["1.0.0"]["notes"] == ["read"]
    assert found == told(Foreign(root))


@pytest.mark.parametrize("critical", [{"critical": True}, {}])
@pytest.mark.parametrize("action", [{"type": "poem"}, {}, {"type": None}])
def test_an_unknown_action_stops_a_reader(
    root: Path, critical: dict[str, Any], action: dict[str, Any]
) -> None:
    """An entry is critical unless it says otherwise; what came before can be read."""
    seq = _register(root, {})
    append(root, NOTE, action, **critical)
    registry = Registry(root)
    with pytest.raises(UpgradeRequiredError):
        registry.get("fraud@1.0.0")
    with pytest.raises(UpgradeRequiredError):
        registry.note("fraud@1.0.0", "not written")
    with pytest.raises(UpgradeError):
        Foreign(root)
    assert not (root / f"log/{seq + 2:020d}.json").exists()


def test_a_later_format_stops_a_reader(root: Path) -> None:
    """Of an entry, whatever else is in it; never void, which would undo a commit."""
    _register(root, {})
    append(root, format=2, actions="other things")
    with pytest.raises(UpgradeRequiredError) as caught:
        Registry(root).models()
    assert (caught.value.facts["found"], caught.value.facts["supported"]) == (2, 1)
    with pytest.raises(UpgradeError):
        Foreign(root)


def test_a_registry_of_a_later_format_is_not_opened(root: Path) -> None:
    """Nor created anew in its place."""
    change_registry(root, format=2)
    before = _contents(root)
    for create in (False, True):
        with pytest.raises(UpgradeRequiredError):
            Registry(root, create=create)
    assert _contents(root) == before


@pytest.fixture(params=["registry.json", "commit"])
def ask_for(request: pytest.FixtureRequest, root: Path) -> Callable[[str], None]:
    """Return what asks for a feature: from the beginning on, or by a commit."""

    def ask(flag: str) -> None:
        if request.param == "registry.json":
            change_registry(root, **{flag: ["magic"]})
        else:
            append(root, {"type": "feature", flag: ["magic"]})

    return ask


def test_an_unknown_feature_for_reading_stops_everything(
    root: Path, ask_for: Callable[[str], None]
) -> None:
    """Whether it was there from the beginning or came with a commit."""
    ask_for("read")
    with pytest.raises(UpgradeRequiredError, match="magic"):
        Registry(root).models()
    with pytest.raises(UpgradeError):
        Foreign(root)


def test_an_unknown_feature_for_writing_stops_writers_alone(
    root: Path, ask_for: Callable[[str], None]
) -> None:
    """Reading goes on as ever, and nothing is committed."""
    ask_for("write")
    registry = Registry(root)
    before = registry.seq
    assert registry.models() == []
    with pytest.raises(UpgradeRequiredError, match="magic"):
        registry.register("fraud", {"w.bin": b"abc"}, environment=False)
    assert Registry(root).seq == Foreign(root).seq == before


def test_protected_aliases_are_for_a_later_release(root: Path) -> None:
    """This one could not tell who may move them."""
    change_registry(root, protected_aliases=["production"])
    with pytest.raises(UpgradeRequiredError, match="approvals"):
        Registry(root)


def test_an_unknown_codec_stops_only_who_reads_the_files(root: Path) -> None:
    """What is said of the version can be read; its bytes cannot."""
    _register(root, {}, codec="zstd")
    registry = Registry(root)
    version = registry.get("fraud@1.0.0")
    assert version.size == 3
    assert registry.search("name = 'fraud'") == [version]
    with pytest.raises(UpgradeRequiredError, match="zstd"):
        version.read("w.bin")
    with pytest.raises(UpgradeRequiredError):
        _ = version.files
    with pytest.raises(UpgradeError):
        Foreign(root).files("fraud", "1.0.0")


def test_unknown_keys_are_passed_over(root: Path) -> None:
    """The prefixes that later releases will use, and the strangers of a store."""
    _register(root, {})
    before = answers(root)
    for key in ("approvals/production/0.json", "gc/0.json", "log/readme", ".DS_Store"):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")
    assert answers(root) == before
    assert Registry(root).verify().ok
