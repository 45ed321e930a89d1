"""What versions take: counted from manifests, shared bytes told from own ones."""

import json
import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from modelver import (
    ErrorKind,
    InvalidInputError,
    ModelNotFoundError,
    Registry,
    VersionNotFoundError,
)
from modelver._values.entry import Record, Register
from modelver._values.manifest import Bundle, FileEntry, Layout, Manifest, Slice
from modelver._values.usage import Stats, Usage
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Capabilities
from modelver.testing import RecordingBackend

# A stretch of an object: its letter, where it begins, how long it is.
Stretch = tuple[str, int, int]
MIB = 2**20


def digest(letter: str) -> str:
    """Return what could be the digest of something."""
    return f"b3:{letter.encode().hex():0>64}"


def place(registry: Registry, ref: str, files: Mapping[str, list[Stretch]]) -> str:
    """Register a version whose files lie where they are said to; return its manifest.

    The objects themselves are not there: nobody may ask for them.
    """
    name, _, number = ref.partition("@")
    layout = {
        f"model/{path}": tuple(
            Slice(
                object=f"{digest(letter)[3:]}.0",
                offset=offset,
                length=length,
                digest=digest(path) if len(cut) > 1 else None,
            )
            for letter, offset, length in cut
        )
        for path, cut in files.items()
    }
    entries = (
        FileEntry(
            path=path,
            role="model",
            size=sum(piece.length for piece in cut),
            digest=digest(path + ref),
        )
        for path, cut in layout.items()
    )
    bundle = Bundle(format=1, files=tuple(sorted(entries, key=lambda f: f.path)))
    manifest = registry._core.manifests.write(bundle, Layout(files=layout))
    record = Record(files=len(bundle.files), size=bundle.size)
    action = Register(
        name=name,
        version=number,
        bundle=manifest.bundle_digest,
        manifest=manifest.digest,
        record=record,
    )
    registry._core.commit([lambda _: (action,)], None, "ada")
    return manifest.digest


@pytest.fixture
def shared(registry: Registry) -> Registry:
    """Return two models that share an object, and versions that share more."""
    big, pack = ("b", 0, 1000), ("p", 0, 60)
    place(registry, "m@1.0.0", {"w": [big], "x": [pack], "y": [("p", 60, 40)]})
    place(registry, "m@2.0.0", {"w": [big, ("c", 0, 500)], "x": [pack]})
    place(registry, "n@1.0.0", {"w": [big], "z": [("z", 0, 7)], "empty": []})
    return registry


def counts(usage: Usage) -> tuple[int, ...]:
    """Return the numbers of a line."""
    return usage.files, usage.size, usage.own, usage.shared, usage.objects


def by_name(found: Stats) -> dict[str, tuple[int, ...]]:
    """Return the numbers of all lines."""
    return {each.name: counts(each) for each in (*found.models, *found.versions)}


def test_own_and_shared(shared: Registry) -> None:
    """Own is what nothing else needs: of a model, what only its versions share."""
    found = shared.stats()
    assert by_name(found) == {
        # Of the pack, the first version alone says how long it is.
        "m@1.0.0": (3, 1100, 0, 1100, 2),
        "m@2.0.0": (2, 1560, 500, 1100, 3),
        "m": (5, 2660, 600, 1000, 3),
        "n@1.0.0": (3, 1007, 7, 1000, 2),
        "n": (3, 1007, 7, 1000, 2),
    }
    assert counts(found.total) == (8, 3667, 1607, 0, 4)
    assert found.deduplication == pytest.approx(3667 / 1607)
    assert [each.name for each in found.models] == ["m", "n"]
    assert [each.name for each in found.versions] == ["m@2.0.0", "m@1.0.0", "n@1.0.0"]


def test_an_object_is_as_long_as_anybody_says(registry: Registry) -> None:
    """Of a pack each version needs a part, and the store holds the whole."""
    place(registry, "m@1.0.0", {"w": [("p", 0, 60)]})
    place(registry, "m@2.0.0", {"a": [("p", 50, 50)], "b": [("p", 0, 10)]})
    place(registry, "m@3.0.0", {"w": [("p", 5, 5)]})
    found = registry.stats()
    assert {each.shared for each in found.versions} == {100}
    assert counts(found.total) == (4, 125, 100, 0, 1)


def test_the_newest_of_equals_comes_first(registry: Registry) -> None:
    """Versions of the same size stand as they are looked for."""
    for number in range(3):
        place(registry, f"m@0.{number}.0", {"w": [(f"{number}", 0, 9)]})
    names = [each.name for each in registry.stats().versions]
    assert names == ["m@0.2.0", "m@0.1.0", "m@0.0.0"]


def test_it_is_what_lies_in_the_store(tmp_path: Path) -> None:
    """However files are cut and packed, the bytes stored are those of the objects."""
    registry = Registry(tmp_path / "r", create=True)
    (tmp_path / "big").write_bytes(bytes(range(256)) * 3 * 4096 * 8)
    for number in range(3):
        files = {
            "big": tmp_path / "big",
            "same": b"same" * 1000,
            "new": f"{number}".encode() * 5000,
        }
        registry.register("m", files, environment=False)
    found = registry.stats()
    objects = [p.stat().st_size for p in (tmp_path / "r/objects").rglob("*.0")]
    assert found.total.stored == sum(objects)
    assert found.total.objects == len(objects)
    assert found.total.size == 3 * (24 * MIB + 4000 + 5000)
    assert found.deduplication > 2.9
    assert 5000 <= registry.stats("m@newest").total.own < MIB
    assert found.models[0].shared == 0


def test_withdrawn_versions_count(shared: Registry) -> None:
    """They are in the store like any other, and are marked."""
    before = by_name(shared.stats())
    shared.withdraw("m@2.0.0", "bad")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = shared.stats()
        shared.stats("m@2.0.0")
    assert by_name(found) == before
    marked = {each.name for each in found.versions if each.withdrawn}
    assert marked == {"m@2.0.0"}
    assert [each.withdrawn for each in found.models] == [1, 0]
    assert found.total.withdrawn == 1
    assert "m@2.0.0 (withdrawn)" in str(found)
    assert "m (2 versions, 1 withdrawn)" in str(found)


@pytest.mark.parametrize("kind", ["manifest-missing", "manifest-damaged"])
def test_a_bad_manifest_is_named(tmp_path: Path, kind: str) -> None:
    """The others are counted without it, and the answer says so."""
    registry = Registry(tmp_path / "r", create=True)
    lost = place(registry, "m@1.0.0", {"w": [("a", 0, 10)]})
    place(registry, "m@2.0.0", {"w": [("a", 0, 10), ("b", 0, 5)]})
    (path,) = (tmp_path / "r/manifests").rglob(f"{lost[3:]}*")
    path.chmod(0o600)
    path.unlink()
    if kind == "manifest-damaged":
        path.write_bytes(b"{}\n{}\n")
    found = Registry(tmp_path / "r").stats()
    assert [each.name for each in found.unread] == ["m@1.0.0"]
    assert found.unread[0].problem == kind
    # What the log has of it counts; what it shares cannot be known.
    assert by_name(found) == {
        "m@1.0.0": (1, 10, 0, 0, 0),
        "m@2.0.0": (1, 15, 15, 0, 2),
        "m": (2, 25, 15, 0, 2),
    }
    assert found.total.unread == 1
    assert found.deduplication == 1.0
    said = str(found).splitlines()
    assert said[2].split() == ["1", "10", "B", "?", "?", "m@1.0.0", f"({kind})"]
    assert said[3].endswith("total (2 versions, 1 not counted)")
    assert said[4] == "15 B of files take 15 B in 2 objects"
    assert said[-1] == f"  m@1.0.0 ({kind})"


def test_one_model_or_version(shared: Registry) -> None:
    """The same numbers, for a part: others still share with it."""
    found = shared.stats()
    model = shared.stats("m")
    assert counts(model.total) == by_name(found)["m"]
    assert model.versions == found.versions[:2]
    shared.promote("m@2.0.0", "best")
    for ref in ("m@2.0.0", "m@best", "m@^2", shared.get("m@latest")):
        version = shared.stats(ref)
        assert version.total == found.versions[0]
        assert version.versions == (found.versions[0],)
        assert version.deduplication == pytest.approx(1560 / 1600)
    digest = shared.get("m@2.0.0").digest[:20]
    assert shared.stats(digest).total == found.versions[0]


def test_the_past(shared: Registry) -> None:
    """A registry as it was takes what it took."""
    found = shared.at(1).stats()
    assert by_name(found) == {"m@1.0.0": (3, 1100, 1100, 0, 2)} | {
        "m": (3, 1100, 1100, 0, 2)
    }
    assert shared.at(0).stats().total.versions == 0


@pytest.mark.parametrize(
    ("of", "error", "kind"),
    [
        ("nope", ModelNotFoundError, ErrorKind.MODEL),
        ("m@9.9.9", VersionNotFoundError, ErrorKind.VERSION),
        ("a b", InvalidInputError, ErrorKind.BAD_NAME),
        ("", InvalidInputError, ErrorKind.BAD_NAME),
        ("m@", InvalidInputError, None),
        (7, InvalidInputError, None),
        (b"m@1", InvalidInputError, None),
    ],
)
def test_what_is_not_there(
    shared: Registry, of: Any, error: type[Exception], kind: ErrorKind | None
) -> None:
    """A question that means nothing is answered before anything is read."""
    backend = RecordingBackend(shared._core.backend)
    shared._core.manifests._backend = backend
    with pytest.raises(error) as caught:
        shared.stats(of)
    assert kind is None or caught.value.kind is kind  # type: ignore[attr-defined]
    assert backend.calls == []


class Far(RecordingBackend):
    """A store that is asked for several things at once."""

    @property
    def capabilities(self) -> Capabilities:
        """Those of the inner one, from afar."""
        return evolve(self.inner.capabilities, read_window=8)


@pytest.mark.parametrize("far", [True, False])
def test_only_manifests_are_read(tmp_path: Path, *, far: bool) -> None:
    """Neither listings nor objects; each manifest once; from afar several at once."""
    inner = MemoryBackend(f"memory:/{tmp_path}/r")
    backend = Far(inner) if far else RecordingBackend(inner)
    registry = Registry(backend=backend, create=True)
    for number in range(40):
        stretch = [("a", 0, 10), (f"b{number}", 0, number + 1)]
        place(registry, f"m{number % 3}@0.{number}.0", {"w": stretch})
    expected = registry.stats()
    assert counts(expected.total) == (40, 40 * 10 + 820, 830, 0, 41)
    again = Registry(backend=backend)
    assert again.seq == 40
    backend.reset()
    assert again.stats() == expected
    assert backend.counts.keys() <= {"read", "read_many"}
    read = [key for key in backend.keys if not key.startswith("log/")]
    assert len(read) == len(set(read)) == 40
    assert all(key.startswith("manifests/") for key in read)


def test_manifests_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, few are held at a time."""
    registry = Registry(f"memory:/{tmp_path}/r", create=True)
    count = 200
    for number in range(count):
        place(registry, f"m@0.{number}.0", {"w": [(f"{number}", 0, 9)]})
    made: list[weakref.ref[Manifest]] = []
    most = 0
    real = registry._core.manifests.read

    def read(*args: Any, **words: Any) -> Manifest:
        nonlocal most
        found = real(*args, **words)
        made.append(weakref.ref(found))
        most = max(most, sum(ref() is not None for ref in made))
        return found

    monkeypatch.setattr(registry._core.manifests, "read", read)
    assert registry.stats().total.objects == count
    assert 0 < most < count / 2


def test_progress_counts_versions(shared: Registry) -> None:
    """A callback hears how many versions there are, and of each."""

    class Callback:
        size = done = 0

        def set_size(self, size: int) -> None:
            self.size = size

        def relative_update(self, inc: int = 1) -> None:
            self.done += inc

    told = Callback()
    shared.stats(progress=told)
    assert (told.size, told.done) == (3, 3)


def test_the_table(shared: Registry) -> None:
    """Each model with its versions below it, numbers under their heads, a total."""
    assert str(shared.stats()).splitlines() == [
        "files     size      own   shared  version",
        "    5  2.6 KiB    600 B   1000 B  m (2 versions)",
        "    2  1.5 KiB    500 B  1.1 KiB    m@2.0.0",
        "    3  1.1 KiB      0 B  1.1 KiB    m@1.0.0",
        "    3   1007 B      7 B   1000 B  n (1 version)",
        "    3   1007 B      7 B   1000 B    n@1.0.0",
        "    8  3.6 KiB  1.6 KiB      0 B  total (3 versions)",
        "3.6 KiB of files take 1.6 KiB in 4 objects, 2.3 times less",
    ]
    assert str(shared.stats("m")).splitlines() == [
        "files     size    own   shared  version",
        "    2  1.5 KiB  500 B  1.1 KiB  m@2.0.0",
        "    3  1.1 KiB    0 B  1.1 KiB  m@1.0.0",
        "    5  2.6 KiB  600 B   1000 B  total (2 versions)",
        "2.6 KiB of files take 1.6 KiB in 3 objects, 1.7 times less",
    ]
    assert str(shared.stats("n@1.0.0")).splitlines() == [
        "files    size  own  shared  version",
        "    3  1007 B  7 B  1000 B  n@1.0.0",
        "1007 B of files take 1007 B in 2 objects",
    ]


def test_long_tables_are_cut(registry: Registry) -> None:
    """A person sees the largest; a program sees all."""
    for number in range(13):
        place(registry, f"m@0.{number}.0", {"w": [(f"{number}", 0, 9)]})
    assert len(str(registry.stats()).splitlines()) == 13 + 3
    place(registry, "n@1.0.0", {"w": [("n", 0, 1)]})
    lines = str(registry.stats()).splitlines()
    assert lines[12].strip() == "... 3 more versions"
    assert len(list(registry.stats().lines())) == 2 + 14 + 1


def test_an_empty_registry(registry: Registry) -> None:
    """Nothing takes nothing."""
    found = registry.stats()
    assert counts(found.total) == (0, 0, 0, 0, 0)
    assert (found.models, found.versions, found.deduplication) == ((), (), 1.0)
    assert str(found).splitlines()[1:] == [
        "    0   0 B  0 B     0 B  total (0 versions)"
    ]
    assert "total (0 versions)" in found._repr_html_()


def test_html_and_json(shared: Registry) -> None:
    """A notebook shows the same table; JSON has every number."""
    found = shared.stats()
    page = found._repr_html_()
    assert page.count("<tr>") == 1 + 6
    assert ">n (1 version)</td>" in page
    assert "<p>3.6 KiB of files take 1.6 KiB in 4 objects" in page
    forged = evolve(found, total=evolve(found.total, name="<b>\x1b[2J"))
    assert "<b>" not in forged._repr_html_()
    assert "\x1b" not in forged._repr_html_() + str(forged)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["deduplication"] == 2.282
    assert document["total"]["stored"] == 1607
    assert [each["name"] for each in document["models"]] == ["m", "n"]
    assert document["versions"][0] == {
        "name": "m@2.0.0",
        "versions": 1,
        "files": 2,
        "size": 1560,
        "own": 500,
        "shared": 1100,
        "stored": 1600,
        "objects": 3,
        "withdrawn": 0,
        "unread": 0,
        "problem": None,
    }
