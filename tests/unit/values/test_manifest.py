"""Manifests: what may be obeyed, and what is refused before anybody obeys it."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelver._values.codec import (
    bundle_digest,
    manifest_from_bytes,
    manifest_to_bytes,
)
from modelver._values.digests import digest_of
from modelver._values.jsonstrict import dumps
from modelver._values.manifest import (
    Bundle,
    Code,
    Environment,
    FileEntry,
    Input,
    Layout,
    Slice,
)
from modelver.errors import FormatError, UpgradeRequiredError

HEX = "0" * 64
DIGEST = f"b3:{HEX}"


def _file(path: str = "model/a.bin", size: Any = 3, **fields: Any) -> dict[str, Any]:
    made = {
        "path": path,
        "role": path.partition("/")[0],
        "size": size,
        "digest": DIGEST,
        "executable": False,
    }
    return {**made, **fields}


def _slice(length: int = 3, offset: int = 0, **fields: Any) -> dict[str, Any]:
    made = {"object": f"{HEX}.0", "offset": offset, "length": length, "codec": "none"}
    return {**made, **fields}


def _raw(*files: Mapping[str, Any], layout: Any = None, **fields: Any) -> bytes:
    """Return a manifest of *files*; *layout* and *fields* replace what is right."""
    line1 = {"format": 1, "files": list(files or (_file(),)), **fields}
    if layout is None:
        layout = {f["path"]: [_slice(f["size"])] for f in files or (_file(),)}
    return dumps(line1) + b"\n" + dumps({"files": layout}) + b"\n"


@pytest.mark.parametrize("algorithm", ["b3", "sha256"])
def test_what_is_written_is_read(algorithm: str) -> None:
    """A manifest comes back, with the digests of its line and of its file."""
    digest = digest_of(algorithm, b"abc")
    bundle = Bundle(
        format=1,
        files=(
            FileEntry(path="code/é.py", role="code", size=0, digest=digest),
            FileEntry(
                path="model/a", role="model", size=3, digest=digest, executable=True
            ),
        ),
        inputs=(Input(name="train", digest=digest, size=8, kind="folder"),),
        code=Code(commit="1" * 40),
        environment=Environment(
            implementation="cpython", python="3.11.7", packages={"attrs": "23.2"}
        ),
    )
    cut = (
        Slice(object=f"{HEX}.0", offset=9, length=1, digest=f"{algorithm}:{HEX}"),
        Slice(object=f"{HEX}.12", offset=0, length=2),
    )
    layout = Layout(files={"code/é.py": (), "model/a": cut})
    raw = manifest_to_bytes(bundle, layout)
    manifest = manifest_from_bytes(raw, algorithm)
    assert (manifest.bundle, manifest.layout) == (bundle, layout)
    assert manifest.digest == digest_of(algorithm, raw)
    assert manifest.bundle_digest == digest_of(algorithm, raw.split(b"\n")[0])
    assert manifest.bundle_digest == bundle_digest(bundle, algorithm)
    assert manifest.objects() == {f"{HEX}.0", f"{HEX}.12"}
    assert manifest.by_path["model/a"].executable


def test_the_place_of_the_bytes_is_no_part_of_the_identity() -> None:
    """The same bundle placed otherwise keeps its digest, in another manifest."""
    one = manifest_from_bytes(_raw(), "b3")
    cut = {"model/a.bin": [_slice(1), {**_slice(2, 7), "digest": DIGEST}]}
    other = manifest_from_bytes(_raw(layout=cut), "b3")
    assert one.bundle_digest == other.bundle_digest
    assert one.digest != other.digest


def test_unknown_fields_are_part_of_the_identity() -> None:
    """What a later release says of a bundle is hashed, though it is not understood."""
    plain = manifest_from_bytes(_raw(), "b3")
    later = manifest_from_bytes(_raw(mood="fair"), "b3")
    assert plain.bundle == later.bundle
    assert plain.bundle_digest != later.bundle_digest


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"{}",
        _raw()[:-1],
        _raw() + b"\n",
        _raw() + b"{}\n",
        _raw().replace(b"\n", b"\r\n", 1) + b"x",
        b"[]\n{}\n",
        b'{"format":1,"files":5}\n{"files":{}}\n',
        b'{"format":1,"files":[]}\n{"files":[]}\n',
        b'{"format":true,"files":[]}\n{"files":{}}\n',
        b'{"format":0,"files":[]}\n{"files":{}}\n',
        b'{"files":[]}\n{"files":{}}\n',
    ],
)
def test_two_lines_of_json_or_nothing(raw: bytes) -> None:
    """Exactly two documents of format 1, each with its LF."""
    with pytest.raises(FormatError):
        manifest_from_bytes(raw, "b3")


@pytest.mark.parametrize(
    "files",
    [
        [_file("model/../../etc/passwd")],
        [_file("/model/a")],
        [_file("model/a\\b")],
        [_file("model/.git/hooks/x")],
        [_file("model/nul")],
        [_file("model")],
        [_file("weights/a")],
        [_file("model/a", role="code")],
        [_file("modelx/a", role="model")],
        [_file(size=-1)],
        [_file(size=True)],
        [_file(size=3.0)],
        [_file(size="3")],
        [_file(executable=1)],
        [_file(digest=HEX)],
        [_file(digest=f"sha256:{HEX}")],
        [_file(digest=f"b3:{HEX.upper()[:-1]}A")],
        [_file("model/b"), _file("model/a")],
        [_file("model/a"), _file("model/a")],
        [_file("model/A"), _file("model/a")],
        [_file("model/a"), _file("model/a/b")],
        [{k: v for k, v in _file().items() if k != "digest"}],
        ["model/a"],
        [None],
    ],
    ids=repr,
)
def test_files_that_must_not_be_obeyed_are_refused(files: list[Any]) -> None:
    """A path that leads away, a collision, a wrong role, type, digest or order."""
    layout = {f["path"]: [_slice()] for f in files if isinstance(f, dict)}
    with pytest.raises(FormatError):
        manifest_from_bytes(_raw(*files, layout=layout), "b3")


@pytest.mark.parametrize(
    "cuts",
    [
        {},
        {"model/a.bin": [_slice()], "model/b": []},
        {"model/b": [_slice()]},
        {"model/a.bin": []},
        {"model/a.bin": [_slice(2)]},
        {"model/a.bin": [_slice(2), _slice(2)]},
        {"model/a.bin": [_slice(4), _slice(-1)]},
        {"model/a.bin": [_slice(3), _slice(0)]},
        {"model/a.bin": [_slice(offset=-1)]},
        {"model/a.bin": [_slice(1), _slice(2, 7)]},  # nothing verifies the second
        {"model/a.bin": [_slice(digest=f"sha256:{HEX}")]},
        {"model/a.bin": [_slice(digest=HEX)]},
        {"model/a.bin": [_slice(digest=5)]},
        {"model/a.bin": [_slice(object="../../x")]},
        {"model/a.bin": [_slice(object=HEX)]},
        {"model/a.bin": [_slice(object=f"{HEX}.00")]},
        {"model/a.bin": [_slice(object=f"{HEX}.1\n")]},
        {"model/a.bin": [_slice(object=f"{HEX}.{'9' * 21}")]},
        {"model/a.bin": [_slice(codec=None)]},
        {"model/a.bin": _slice()},
        {"model/a.bin": None},
        [],
        None,
    ],
    ids=repr,
)
def test_slices_that_do_not_add_up_are_refused(cuts: Any) -> None:
    """Each file has exactly its bytes, from objects that can be ones."""
    raw = _raw().split(b"\n")[0] + b"\n" + dumps({"files": cuts}) + b"\n"
    with pytest.raises(FormatError) as caught:
        manifest_from_bytes(raw, "b3")
    assert not isinstance(caught.value, UpgradeRequiredError)


def test_an_unknown_codec_wants_a_later_release() -> None:
    """A slice that is encoded otherwise is no fault of the manifest's."""
    cuts = {"model/a.bin": [_slice(codec="zstd")]}
    with pytest.raises(UpgradeRequiredError, match="zstd"):
        manifest_from_bytes(_raw(layout=cuts), "b3")


def test_a_later_format_wants_a_later_release() -> None:
    """The number is looked at before anything that it could have changed."""
    raw = b'{"format":2,"stuff":[]}\n{}\n'
    with pytest.raises(UpgradeRequiredError) as caught:
        manifest_from_bytes(raw, "b3")
    assert caught.value.facts["found"] == 2


@pytest.mark.parametrize("field", ["inputs", "code", "environment"])
def test_parts_of_a_wrong_type_are_refused(field: str) -> None:
    """What is there is of its type, although it may be left out."""
    for value in (5, "x", [5], {"a": 1}, True):
        with pytest.raises(FormatError):
            manifest_from_bytes(_raw(**{field: value}), "b3")
