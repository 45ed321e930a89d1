"""Registering: what goes in comes out, and the number says what changed."""

import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from modelver import (
    ErrorKind,
    InvalidInputError,
    ModelVersion,
    NotFoundError,
    Registry,
    SameBundleWarning,
    VersionExistsError,
)

Register = Callable[..., ModelVersion]


def safetensors(**tensors: list[int]) -> bytes:
    """Return a file of float32 tensors of these shapes, filled with zeros."""
    header, at = {}, 0
    for name, shape in tensors.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


def test_everything_given_comes_back(registry: Registry, tmp_path: Path) -> None:
    """A version holds files of all roles, and everything that was said of it."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("print('train')\n")
    (tmp_path / "train.csv").write_text("a,b\n1,2\n")
    parent = registry.register("base", {"b": b"base"}, environment=False)
    version = registry.register(
        "fraud",
        {"weights/part.bin": b"weights", "vocab.txt": b"words"},
        code=tmp_path / "code",
        data={"train": tmp_path / "train.csv"},
        config={"lr": 0.1, "layers": [64, 32]},
        docs={"card.md": b"# Card"},
        params={"seed": 7},
        metrics={"auc": 0.94},
        slices={"country=DE": {"auc": 0.9}},
        tags={"task": "fraud", "runs": 3, "gpu": False},
        description="the first",
        parents=[parent],
        aliases=["staging"],
        message="nightly",
        author="grace",
    )
    assert [file.path for file in version.files] == [
        "code/train.py",
        "config/config.json",
        "data/train",
        "docs/card.md",
        "model/vocab.txt",
        "model/weights/part.bin",
    ]
    assert version.read("weights/part.bin") == b"weights"
    assert version.read("code/train.py") == b"print('train')\n"
    assert version.config == {"lr": 0.1, "layers.0": 64, "layers.1": 32}
    assert (version.params, version.metrics) == ({"seed": 7}, {"auc": 0.94})
    assert version.slices == {"country=DE": {"auc": 0.9}}
    assert version.tags == {"task": "fraud", "runs": "3", "gpu": "false"}
    assert (version.description, version.message) == ("the first", "nightly")
    assert (version.author, version.aliases) == ("grace", ("staging",))
    assert version.parents == ("base@0.1.0",)
    assert [(i.name, i.size, i.kind) for i in version.inputs] == [("train", 8, "file")]
    assert version.environment is not None
    assert "attrs" in version.environment.packages
    assert version.size == sum(file.size for file in version.files)
    assert registry.get("fraud@staging") == version


def test_same_bundle_is_the_same_version(
    registry: Registry, register: Register
) -> None:
    """Registering the same files again writes nothing, and says what it dropped."""
    first = register(metrics={"auc": 0.9})
    seq = registry.seq
    assert register(metrics={"auc": 0.9}) == first
    with pytest.warns(SameBundleWarning, match=r"metrics.*aliases"):
        assert register(metrics={"auc": 0.7}, aliases="production") == first
    assert registry.seq == seq
    assert registry.get("fraud").metrics == {"auc": 0.9}


def test_an_older_bundle_again_is_a_new_version(register: Register) -> None:
    """Only the newest version is compared with: going back is a change too."""
    register(data=b"a")
    register(data=b"b")
    assert register(data=b"a").version == "0.3.0"


@pytest.mark.parametrize(
    ("change", "version", "why"),
    [
        ({"files": {"m": b"2"}}, "0.2.0", "weights changed: model/m"),
        ({"files": {"m": b"1", "n": b""}}, "1.0.0", "structure changed: added model/n"),
        ({"files": {"n": b"1"}}, "1.0.0", "added model/n; removed model/m"),
        ({"data": {"d": b"2"}}, "0.2.0", "data changed: data/d"),
        ({"code": {"c.py": b"2"}}, "0.1.1", "code changed: code/c.py"),
        ({"config": {"lr": 2}}, "0.1.1", "config changed: config/config.json"),
        ({"environment": True}, "0.1.1", "environment is recorded in only one"),
        ({"docs": {"r.md": b"2"}}, "0.1.1", "docs changed: docs/r.md"),
    ],
)
def test_auto_bump_reads_the_change(
    registry: Registry, change: dict[str, object], version: str, why: str
) -> None:
    """Structure is major, weights or data are minor, all else is a patch."""
    words = {
        "files": {"m": b"1"},
        "data": {"d": b"1"},
        "code": {"c.py": b"1"},
        "config": {"lr": 1},
        "environment": False,
    }
    registry.register("fraud", **words)  # type: ignore[arg-type]
    changed = registry.register("fraud", **{**words, **change})  # type: ignore[arg-type]
    assert changed.version == version
    assert why in (changed.bump_reason or "")


@pytest.mark.parametrize(
    ("tensors", "level"),
    [
        ({"a": [2, 3], "b": [4]}, "patch"),
        ({"a": [2, 3], "c": [4]}, "major"),
        ({"a": [3, 2], "b": [4]}, "major"),
        ({"a": [2, 3]}, "major"),
    ],
)
def test_auto_bump_reads_tensors(
    registry: Registry, tensors: dict[str, list[int]], level: str
) -> None:
    """Of safetensors, names and shapes of tensors are the structure."""
    first = {"model.safetensors": safetensors(a=[2, 3], b=[4])}
    registry.register("llm", first, config={"v": 1}, environment=False)
    second = {"model.safetensors": safetensors(**tensors)}
    version = registry.register("llm", second, config={"v": 2}, environment=False)
    assert version.bump == level


def test_other_shards_are_no_other_structure(registry: Registry) -> None:
    """The same tensors cut into other files are the same structure: minor."""
    whole = {"model.safetensors": safetensors(a=[2], b=[2])}
    shards = {
        "1.safetensors": safetensors(a=[2]),
        "2.safetensors": safetensors(b=[2]),
    }
    registry.register("llm", whole, environment=False)
    assert registry.register("llm", shards, environment=False).bump == "minor"


@pytest.mark.parametrize("size", [0, 7, 8, 2**63, 10**12])
def test_a_lying_header_is_a_file_like_others(registry: Registry, size: int) -> None:
    """A safetensors file whose header lies is registered bit for bit."""
    data = struct.pack("<Q", size) + b"{}"
    version = registry.register("llm", {"m.safetensors": data}, environment=False)
    assert version.read("m.safetensors") == data


def test_numbers_by_request(register: Register) -> None:
    """A number, a level and a pre-release label are taken as given."""
    assert register(data=b"1", version="v2.0.0").version == "2.0.0"
    assert register(data=b"2", bump="patch").version == "2.0.1"
    assert register(data=b"3", bump="minor", pre="rc").version == "2.1.0-rc.1"
    assert register(data=b"4", bump="minor", pre="rc").version == "2.1.0-rc.2"
    assert register(data=b"5", bump="minor").version == "2.1.0"
    assert register(data=b"6", version="1.0.0").version == "1.0.0"
    assert register(data=b"7").version == "2.2.0"


def test_a_release_may_hold_its_candidate(register: Register) -> None:
    """An explicit number makes a version of a bundle that is registered already."""
    candidate = register(version="1.0.0-rc.1")
    release = register(version="1.0.0")
    assert release.digest == candidate.digest
    assert release.version == "1.0.0"
    assert register(version="1.0.0") == release


def test_taken_numbers_stay_taken(registry: Registry, register: Register) -> None:
    """Another bundle under a taken number is refused, a withdrawn one's too."""
    register(data=b"1", version="1.0.0")
    register(data=b"2")
    with pytest.raises(VersionExistsError) as caught:
        register(data=b"3", version="1.0.0")
    assert caught.value.existing == "fraud@1.0.0"
    assert not caught.value.facts["same_bundle"]
    registry.withdraw("fraud@1.0.0", "wrong data")
    with pytest.raises(VersionExistsError):
        register(data=b"3", version="1.0.0")
    with pytest.raises(VersionExistsError, match="build metadata"):
        register(data=b"1", version="1.0.0+build.7")


def test_refused_before_anything_is_written(registry: Registry, tmp_path: Path) -> None:
    """A call that cannot be right leaves no commit behind."""
    cases: list[tuple[ErrorKind, dict[str, object]]] = [
        (ErrorKind.MISSING_FILE, {"files": tmp_path / "nothing"}),
        (ErrorKind.BAD_VALUE, {"metrics": {"auc": float("nan")}}),
        (ErrorKind.BAD_VALUE, {"metrics": {"auc": "0.9"}}),
        (ErrorKind.BAD_VALUE, {"slices": {"a": {"auc": float("inf")}}}),
        (ErrorKind.TOO_LARGE, {"tags": {"t": "x" * 10_000_000}}),
        (ErrorKind.BAD_VALUE, {"params": {"p": object()}}),
        (ErrorKind.BAD_NAME, {"aliases": "latest"}),
        (ErrorKind.BAD_ARGUMENT, {"bump": "huge"}),
        (ErrorKind.BAD_ARGUMENT, {"version": "1.0.0", "bump": "major"}),
        (ErrorKind.BAD_VERSION, {"version": "1.0"}),
        (ErrorKind.BAD_REF, {"parents": "no ref"}),
        (ErrorKind.BAD_PATH, {"files": {"../m": b""}}),
        (ErrorKind.BAD_PATH, {"files": {"A": b"1", "a": b"2"}}),
        (ErrorKind.BAD_ARGUMENT, {"files": b"bytes"}),
        (ErrorKind.BAD_ARGUMENT, {"files": object()}),
        (ErrorKind.BAD_VALUE, {"config": {1: 2}}),
    ]
    for kind, words in cases:
        with pytest.raises(InvalidInputError) as caught:
            registry.register("fraud", **{"files": {"m": b"1"}, **words})  # type: ignore[arg-type]
        assert caught.value.kind == kind, words
    with pytest.raises(NotFoundError):
        registry.register("fraud", {"m": b"1"}, parents="other@1.0.0")
    assert registry.seq == 0


def test_code_leaves_out_what_is_not_code(registry: Registry, tmp_path: Path) -> None:
    """Hidden files, caches and what looks like a key are no part of a code tree."""
    for name in ("train.py", ".env", "id_rsa", "tls.pem", "__pycache__/train.pyc"):
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    version = registry.register(
        "fraud", {"m": b"1"}, code=tmp_path / "src", environment=False
    )
    paths = [file.path for file in version.files]
    assert paths == ["code/train.py", "model/m"]


def test_a_registry_inside_the_code_is_left_out(tmp_path: Path) -> None:
    """``code="."`` of a project that holds its registry does not copy the registry."""
    (tmp_path / "train.py").write_text("train")
    registry = Registry(tmp_path / "registry", create=True)
    registry.register("fraud", {"m": b"1"}, code=tmp_path, environment=False)
    version = registry.register("fraud", {"m": b"2"}, code=tmp_path, environment=False)
    assert [file.path for file in version.files] == ["code/train.py", "model/m"]


def test_the_order_of_settings_is_no_change(registry: Registry) -> None:
    """A config dict in another order is the same bundle."""
    first = registry.register("f", {"m": b"1"}, config={"a": 1, "b": 2})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert registry.register("f", {"m": b"1"}, config={"b": 2, "a": 1}) == first


def test_progress_is_told_of_every_byte(registry: Registry, tmp_path: Path) -> None:
    """A callback hears the size first, and then as many bytes."""

    class Callback:
        size = 0
        done = 0

        def set_size(self, size: int) -> None:
            self.size = size

        def relative_update(self, inc: int = 1) -> None:
            self.done += inc

    told = Callback()
    version = registry.register(
        "f", {"m": b"123", "n": b"12"}, environment=False, progress=told
    )
    assert (told.size, told.done) == (5, 5)
    told = Callback()
    version.checkout(tmp_path / "out", progress=told)
    assert (told.size, told.done) == (5, 5)
