"""Hostile manifests: well-formed, cited by the log, and not obeyed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import (
    ErrorKind,
    FormatError,
    IntegrityError,
    ModelverError,
    ModelVersion,
    Registry,
    UpgradeRequiredError,
)
from tests.hostile.forge import Forge, digest, dumps, sealed
from tests.hostile.nonsense import BYTES_PATHS, ESCAPE
from tests.hostile.watching import bounded, listing, refused, untouched

Lines = tuple[bytes, bytes]
Make = Callable[[Forge], Lines]
PATH: Final = "model/w.bin"
DATA: Final = b"weights"


def _lines(
    forge: Forge,
    *,
    paths: tuple[str, ...] = (PATH,),
    file: dict[str, Any] | None = None,
    cut: Any = None,
    layout: Any = None,
    **bundle: Any,
) -> Lines:
    """Return the two lines of a manifest, with something replaced."""
    files, placed = [], {}
    for path in paths:
        entry, slices = forge.file(path, DATA)
        files.append({**entry, **(file or {})})
        placed[path] = slices if cut is None else cut
    line1 = {"format": 1, "files": files, **bundle}
    return _dump(line1), _dump({"files": placed} if layout is None else layout)


def _dump(value: Any) -> bytes:
    return value if isinstance(value, bytes) else dumps(value)


def _file(**fields: Any) -> Make:
    return lambda forge: _lines(forge, file=fields)


def _slice(**fields: Any) -> Make:
    def make(forge: Forge) -> Lines:
        _, (piece,) = forge.file(PATH, DATA)
        return _lines(forge, cut=[{**piece, **fields}])

    return make


def _stretch(forge: Forge, start: int, end: int) -> dict[str, Any]:
    """Return a slice of the object of DATA that is true by itself."""
    return {
        "object": forge.object(DATA),
        "offset": start,
        "length": end - start,
        "digest": digest("b3", DATA[start:end]),
    }


def _cut(make: Callable[[dict[str, Any]], Any]) -> Make:
    def lines(forge: Forge) -> Lines:
        _, (piece,) = forge.file(PATH, DATA)
        return _lines(forge, cut=make(piece))

    return lines


def _bundle(**fields: Any) -> Make:
    return lambda forge: _lines(forge, **fields)


def _paths(*paths: str) -> Make:
    return lambda forge: _lines(forge, paths=paths)


def _raw(change: Callable[[bytes, bytes], Lines]) -> Make:
    return lambda forge: change(*_lines(forge))


def _text(old: bytes, new: bytes) -> Make:
    """Return a manifest in whose first line a text is replaced."""

    def make(forge: Forge) -> Lines:
        first, second = _lines(forge)
        assert old in first
        return first.replace(old, new), second

    return make


MANIFESTS: Final[dict[str, Make]] = {
    **{
        f"path-{name}": _paths(f"model/{path}")
        for name, path in BYTES_PATHS.items()
        if name not in ("absolute", "10MB")
    },
    "path-absolute": _paths("/etc/passwd"),
    "path-no-role": _paths("w.bin"),
    "path-of-an-unknown-role": _paths("weights/w.bin"),
    "path-traversal-out-of-role": _paths("model/../code/x.py"),
    "path-3MB": _paths("model/" + "a" * 3_000_000),
    "paths-collide": _paths("model/A", "model/a"),
    "paths-collide-unicode": _paths("model/\u00e9", "model/\u0065\u0301"),
    "paths-collide-ligature": _paths("model/\ufb01", "model/fi"),
    "paths-below-a-file": _paths("model/a", "model/a/b"),
    "paths-twice": _paths("model/a", "model/a"),
    "paths-unsorted": _paths("model/b", "model/a"),
    "role-lies": _file(role="code"),
    "role-null": _file(role=None),
    "size-negative": _file(size=-1),
    "size-less": _file(size=3),
    "size-more": _file(size=70),
    "size-text": _file(size="7"),
    "size-float": _file(size=7.0),
    "size-true": _file(size=True),
    "size-beyond": _text(b'"size":7', b'"size":' + b"9" * 40),
    "digest-null": _file(digest=None),
    "digest-md5": _file(digest="md5:" + "0" * 32),
    "digest-of-another-kind": _file(digest="sha256:" + "0" * 64),
    "digest-upper": _file(digest="b3:" + "A" * 64),
    "digest-newline": _file(digest="b3:" + "0" * 64 + "\n"),
    "digest-traversal": _file(digest="b3:../../../etc/passwd"),
    "executable-mode": _file(executable=0o4755),
    "executable-text": _file(executable="yes"),
    "slice-none": _cut(lambda _: []),
    "slice-null": _bundle(layout={"files": {PATH: None}}),
    "slice-object": _cut(lambda piece: piece),
    "slice-empty": _slice(length=0),
    "slice-negative": _slice(length=-7),
    "slice-before-the-start": _slice(offset=-1),
    "slices-do-not-add-up": _slice(length=6),
    "slices-overlap-too-much": _cut(lambda piece: [piece, piece]),
    "slices-cancel-out": _cut(
        lambda piece: [piece, {**piece, "length": 3}, {**piece, "length": -3}]
    ),
    "slice-object-traversal": _slice(object="../../../../etc/passwd"),
    "slice-object-absolute": _slice(object="/etc/passwd"),
    "slice-object-short": _slice(object="00.0"),
    "slice-object-upper": _slice(object="A" * 64 + ".0"),
    "slice-object-newline": _slice(object="0" * 64 + ".0\n"),
    "slice-object-no-incarnation": _slice(object="0" * 64),
    "slice-object-incarnation": _slice(object="0" * 64 + ".01"),
    "slice-object-list": _slice(object=["0" * 64 + ".0"]),
    "slice-codec-null": _slice(codec=None),
    "layout-lacks-a-file": _bundle(layout={"files": {}}),
    "layout-of-another-file": _bundle(layout={"files": {"model/x": []}}),
    "layout-list": _bundle(layout={"files": []}),
    "layout-null": _bundle(layout={"files": None}),
    "layout-array": _bundle(layout=[]),
    "layout-nothing": _bundle(layout={}),
    "files-null": _bundle(files=None),
    "files-object": _bundle(files={}),
    "files-of-text": _bundle(files=["model/w.bin"]),
    "files-missing": _raw(lambda _, b: (b'{"format":1}', b)),
    "inputs-object": _bundle(inputs={}),
    "inputs-of-text": _bundle(inputs=["a"]),
    "inputs-no-digest": _bundle(inputs=[{"name": "a", "digest": "x", "size": 0}]),
    "code-text": _bundle(code="abc"),
    "environment-list": _bundle(environment=[]),
    "packages-of-numbers": _bundle(
        environment={"implementation": "c", "python": "3", "packages": {"a": 1}}
    ),
    "format-0": _bundle(format=0),
    "format-text": _bundle(format="1"),
    "format-null": _bundle(format=None),
    "one-line": _raw(lambda a, _: (a, b"")),
    "three-lines": _raw(lambda a, b: (a, b + b"\n" + b)),
    "no-json": _raw(lambda a, _: (a, b"junk")),
    "lines-swapped": _raw(lambda a, b: (b, a)),
    "a-key-twice": _text(b'"format":1', b'"format":1,"format":1'),
    "a-path-twice": _raw(lambda a, b: (a, b[:-2] + b',"model/w.bin":[]}}')),
    "nan": _text(b'"size":7', b'"size":NaN'),
    "surrogate": _text(b"w.bin", rb"\ud800"),
    "utf-16": _raw(lambda a, b: (a.decode().encode("utf-16"), b)),
    "byte-order-mark": _raw(lambda a, b: (b"\xef\xbb\xbf" + a, b)),
    "brackets": _raw(lambda _, b: (b"[" * 1_000_000, b)),
    "escaped-quotes": _raw(lambda _, b: (b"[" * 33 + b'"' + b'\\"' * 1_000_000, b)),
    "an-entry": _raw(lambda a, _: (sealed(a)[:-1], sealed(a)[:-1])),
}  # fmt: skip
LATER: Final[dict[str, Make]] = {
    "format-2": _bundle(format=2),
    "codec": _slice(codec="zstd"),
    "codec-escape": _slice(codec=ESCAPE),
}
# Well-formed, and not true: found when the bytes are asked for.
LIES: Final[dict[str, Make]] = {
    "digest": _file(digest="b3:" + "0" * 64),
    "object-missing": _slice(object="0" * 64 + ".0"),
    "incarnation-missing": _cut(lambda p: [{**p, "object": p["object"][:-1] + "1"}]),
    "offset": _slice(offset=1),
    "offset-beyond": _slice(offset=2**40),
    "offset-far-beyond": _slice(offset=2**52),
    "petabytes": lambda forge: _lines(
        forge,
        file={"size": 2**52, "digest": "b3:" + "0" * 64},
        cut=[{"object": forge.object(DATA), "offset": 0, "length": 2**52}],
    ),
    "order-of-slices": lambda forge: _lines(
        forge,
        cut=[
            _stretch(forge, 4, 7),
            _stretch(forge, 0, 4),
        ],
    ),
}
ASKED: Final[dict[str, Callable[[ModelVersion, Path], object]]] = {
    "files": lambda v, _: v.files,
    "environment": lambda v, _: v.environment,
    "config": lambda v, _: v.config,
    "read": lambda v, _: v.read("w.bin"),
    "open": lambda v, _: v.open("w.bin"),
    "path": lambda v, _: v.path(),
    "checkout": lambda v, out: v.checkout(out / "checkout"),
    "diff": lambda v, _: v.diff("sound@1.0.0"),
}


def _registry(tmp_path: Path, make: Make) -> Registry:
    """Return a registry with one sound version and one whose manifest is hostile."""
    forge = Forge(tmp_path / "inside" / "r")
    forge.register("sound")
    cited = forge.manifest(*make(forge))
    forge.register("fraud", cited=cited, files=1, size=len(DATA))
    (tmp_path / "inside" / "out").mkdir()
    return Registry(forge.root, cache=tmp_path / "inside" / "cache")


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest(tmp_path: Path, name: str) -> None:
    """A manifest that must not be obeyed is not, whatever is asked of its version.

    Nothing is written anywhere, verify names the one version that it hurts, and every
    other one can be read as before.
    """
    registry = _registry(tmp_path, MANIFESTS[name])
    version = registry.get("fraud")
    for ask in ASKED.values():
        with untouched(tmp_path):
            error = refused(lambda ask=ask: ask(version, tmp_path / "inside" / "out"))  # type: ignore[misc]
        assert isinstance(error, FormatError)
        assert error.facts["key"].startswith("manifests/")
    bounded(lambda: refused(lambda: registry.get("fraud").files))
    report = registry.verify()
    assert report.damaged == ("fraud@1.0.0",)
    assert str(report).replace("\n", "").isprintable()
    assert registry.get("sound").read("w.bin") == DATA


@pytest.mark.parametrize("name", LATER)
def test_manifest_of_a_later_release(tmp_path: Path, name: str) -> None:
    """A manifest that this release cannot understand asks for an upgrade, alone."""
    registry = _registry(tmp_path, LATER[name])
    version = registry.get("fraud")
    for ask in ASKED.values():
        error = refused(lambda ask=ask: ask(version, tmp_path / "inside" / "out"))  # type: ignore[misc]
        assert isinstance(error, UpgradeRequiredError)
        assert error.hints
    assert registry.get("sound").read("w.bin") == DATA
    assert registry.verify().damaged == ("fraud@1.0.0",)


@pytest.mark.parametrize(
    "name",
    [
        *LIES,
    ],
)
def test_manifest_that_lies(tmp_path: Path, name: str) -> None:
    """What a manifest says of bytes is believed when the bytes agree, and not before.

    No byte of it comes out, and nothing is left behind.
    """
    registry = _registry(tmp_path, LIES[name])
    version = registry.get("fraud")
    (tmp_path / "inside" / "cache").mkdir()
    for ask in ("read", "open", "path", "checkout"):
        error = bounded(
            lambda ask=ask: refused(  # type: ignore[misc]
                lambda: ASKED[ask](version, tmp_path / "inside" / "out")
            )
        )
        assert isinstance(error, IntegrityError)
        assert listing(tmp_path / "inside" / "out") == {}
    left = [p for p in (tmp_path / "inside" / "cache").rglob("*") if p.is_file()]
    assert left == []
    report = bounded(registry.verify)
    assert report.damaged == ("fraud@1.0.0",)
    assert registry.get("sound").read("w.bin") == DATA


def test_a_bundle_under_anothers_name(tmp_path: Path) -> None:
    """Asked for by a bundle's digest, another bundle's files are not given."""
    forge = Forge(tmp_path / "r")
    good = forge.bundle({PATH: b"good"})
    evil = forge.bundle({PATH: b"evil"})
    cited = {"bundle": good["bundle"], "manifest": evil["manifest"]}
    forge.register(cited=cited, files=1, size=4)
    registry = Registry(forge.root, cache=tmp_path / "cache")
    assert registry.verify().damaged == ("fraud@1.0.0",)
    version = registry.get(good["bundle"])
    for ask in ASKED.values():
        with pytest.raises(ModelverError):
            ask(version, tmp_path)


def test_a_record_that_lies(tmp_path: Path) -> None:
    """What the log says of a bundle beside its digest is held against the bundle."""
    forge = Forge(tmp_path / "r")
    forge.register(size=10**9, files=1)
    report = Registry(forge.root).verify()
    assert [p.kind for p in report.problems] == ["record-differs"]
    assert report.damaged == ("fraud@1.0.0",)


@pytest.mark.large
def test_many_files(tmp_path: Path) -> None:
    """A manifest of 20,000 files is read in time and memory that go with its bytes."""
    forge = Forge(tmp_path / "r")
    entry, cut = forge.file(PATH, DATA)
    names = [f"model/{n:06d}" for n in range(20_000)]
    line1 = {"format": 1, "files": [{**entry, "path": name} for name in names]}
    cited = forge.manifest(dumps(line1), dumps({"files": dict.fromkeys(names, cut)}))
    forge.register(cited=cited, files=20_000, size=20_000 * len(DATA))
    files = bounded(lambda: Registry(forge.root).get("fraud").files, 2)
    assert len(files) == 20_000


@pytest.mark.large
@pytest.mark.parametrize("piece", [b"[]", b"{}", b"[[[]]]", b'""'])
def test_a_manifest_of_nothing_but_brackets(tmp_path: Path, piece: bytes) -> None:
    """Megabytes of JSON that say nothing are refused before a value is made of them."""
    forge = Forge(tmp_path / "r")
    many = b",".join([piece] * (10 * 2**20 // len(piece)))
    line1 = b'{"format":1,"files":[' + many + b"]}"
    forge.register(cited=forge.manifest(line1, b'{"files":{}}'), files=1, size=1)
    bounded(lambda: refused(lambda: Registry(forge.root).get("fraud").files), 2)


def test_a_manifest_of_a_terabyte(tmp_path: Path) -> None:
    """A manifest that is longer than one may be is not read to its end."""
    forge = Forge(tmp_path / "r")
    cited = forge.bundle()
    forge.register(cited=cited)
    path = forge.root / f"manifests/{cited['manifest'].partition(':')[2]}.jsonl"
    os.truncate(path, 2**40)
    error = refused(lambda: Registry(forge.root).get("fraud").files)
    assert isinstance(error, IntegrityError)
    assert error.kind is ErrorKind.MANIFEST_DAMAGED


def test_the_forge_is_right(tmp_path: Path) -> None:
    """What the forge makes without a lie is sound: its lies are what is refused."""
    for algorithm in ("b3", "sha256"):
        forge = Forge(tmp_path / algorithm, algorithm)
        forge.register()
        cited = forge.bundle({PATH: b"", "code/a.py": b"1"})
        forge.register(version="1.1.0", cited=cited)
        registry = Registry(forge.root)
        assert registry.verify()
        assert registry.get("fraud").read("code/a.py") == b"1"
        assert registry.get("fraud@1.0.0").digest.startswith(algorithm)
