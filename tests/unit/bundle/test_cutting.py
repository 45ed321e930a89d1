"""Which way of cutting a file gets, and where each of them cuts."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver._bundle.cutting import WINDOW, cutter_for
from modelver._bundle.cutting.content import ContentDefined
from modelver._bundle.cutting.cutter import ALONE, Range
from modelver._bundle.cutting.planned import Planned, mark_of
from tests.unit.bundle.cuttable import (
    KIB,
    MIB,
    Tensors,
    added,
    archive,
    checkpoint,
    chosen,
    cut,
    cut_with,
    ends,
    gguf,
    noise,
    offsets,
    safetensors,
)

# Of every kind: larger than a window, of its own, small, tiny, and empty.
SIZES = (17 * MIB + 5, 300 * KIB, 40 * KIB, 100, 0, 90 * KIB, ALONE, ALONE - 1, 3 * MIB)
TENSORS = {f"layers.{i}.weight": noise(i, n) for i, n in enumerate(SIZES)}
MANY = {f"blocks.{i}.norm": noise(100 + i, 9 * KIB + i) for i in range(900)}

Make = Callable[[Tensors], bytes]


def _checkpoint(tensors: Tensors) -> bytes:
    return checkpoint(tensors.values())


def _deflated(tensors: Tensors) -> bytes:
    return archive(tensors, method=zipfile.ZIP_DEFLATED)


def _wide(tensors: Tensors) -> bytes:
    return archive(tensors, wide=True)


def _wider(tensors: Tensors) -> bytes:
    """Return an archive whose numbers are in its 64-bit records alone."""
    # What zipfile does for files beyond 4 GiB, with the limits lowered to nothing.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP64_LIMIT", 1000)
        return archive(tensors, wide=True)


def _commented(tensors: Tensors) -> bytes:
    out = io.BytesIO(archive(tensors))
    with zipfile.ZipFile(out, "a") as file:
        file.comment = b"PK at the end\n" * 1000
    return out.getvalue()


NAMED = [safetensors, gguf, archive, _wide, _wider, _commented]
STRUCTURED = pytest.mark.parametrize("make", [*NAMED, _checkpoint])


@STRUCTURED
def test_large_tensors_are_parts_of_their_own(make: Make) -> None:
    """A tensor from 256 KiB on begins a part, and ends one but for its padding."""
    data = make(TENSORS)
    cuts = ends(cut(data))
    large = {name: t for name, t in TENSORS.items() if len(t) >= ALONE}
    assert len(large) == 4
    for name, start in offsets(data, large).items():
        assert start in cuts, name
        end = start + len(large[name])
        assert any(at in cuts for at in range(end, end + 32)), name


@STRUCTURED
def test_a_tensor_larger_than_a_window_is_cut_from_its_start(make: Make) -> None:
    """Each 16 MiB of it are a part, wherever in the file it begins."""
    data = make(TENSORS)
    start = data.index(TENSORS["layers.0.weight"])
    assert start + WINDOW in ends(cut(data))


@STRUCTURED
def test_small_neighbours_share_a_part(make: Make) -> None:
    """Of 900 tensors in 8 MB come some parts of 256 KiB to 4 MiB."""
    lengths = cut(make(MANY))
    assert sum(n for n in lengths if n < ALONE) < 2 * ALONE  # the ends of the file
    assert all(n <= 4 * MIB for n in lengths)
    assert 5 <= len(lengths) <= 15


def test_groups_are_neither_tiny_nor_large() -> None:
    """All but the last of a run of small tensors have 256 KiB to 4 MiB."""
    zeros = bytes(64 * MIB)
    for length in (1000, 100 * KIB, ALONE - 1):
        names = [mark_of(b"%d" % n) for n in range(9000)]
        for marks in (names, [0] * 9000, [2**64 - 1] * 9000):
            ranges = [
                Range(n * length, (n + 1) * length, mark)
                for n, mark in enumerate(marks)
            ]
            plan = Planned(ranges, 9000 * length)
            lengths = cut_with(plan, zeros[: 9000 * length])[:-1]
            assert min(lengths) >= ALONE
            assert max(lengths) <= 4 * MIB


@STRUCTURED
def test_a_changed_tensor_moves_no_cut(make: Make) -> None:
    """Values are no part of where the cuts are, and only the tensor's parts are new."""
    for changed, most in (("layers.3.weight", ALONE), ("layers.1.weight", 310 * KIB)):
        other = {**TENSORS, changed: noise(99, len(TENSORS[changed]))}
        assert cut(make(other)) == cut(make(TENSORS))
        directory = 16 * KIB
        assert added(make(TENSORS), make(other))[1] < most + directory


@STRUCTURED
def test_small_neighbours_of_a_changed_tensor_stay(make: Make) -> None:
    """A member's checksum, before or after its bytes, is in no part with others."""
    sizes = {"a": 200 * KIB, "b": 300 * KIB, "c": 200 * KIB}
    old = {name: noise(i, size) for i, (name, size) in enumerate(sizes.items())}
    new = {**old, "b": noise(9, sizes["b"])}
    assert added(make(old), make(new))[1] < sizes["b"] + 16 * KIB


@pytest.mark.parametrize("make", NAMED)
@pytest.mark.parametrize("place", [0, 450, 900])
def test_an_added_tensor_moves_cuts_near_it(make: Make, place: int) -> None:
    """Of many small tensors, two parts and the header are new after one was added."""
    entries = list(MANY.items())
    entries.insert(place, ("blocks.new", noise(7, 50 * KIB)))
    old, new = make(MANY), make(dict(entries))
    assert added(old, new)[0] <= 3
    assert len(cut(new)) >= 8


def test_a_numbered_tensor_is_known_by_sizes() -> None:
    """One more in PyTorch's archive renumbers the others; large ones stay the same."""
    tensors = [noise(i, 300 * KIB + i * 64) for i in range(30)]
    old = checkpoint(tensors)
    new = checkpoint([*tensors[:3], noise(99, 10 * KIB), *tensors[3:]])
    count, size = added(old, new)
    assert size < 40 * KIB
    assert count < 60  # what stands between them has their numbers


def test_a_checkpoint_by_another_name_shares_its_tensors() -> None:
    """PyTorch puts the file's name into every member's; the cuts do not move."""
    tensors = list(TENSORS.values()) + list(MANY.values())
    old, new = checkpoint(tensors, stem="epoch_1"), checkpoint(tensors, stem="epoch_9")
    assert cut(old) == cut(new)


def test_the_header_is_a_part_of_its_own() -> None:
    """What changes with every version does not make tensors new."""
    data = safetensors(MANY, metadata={"format": "pt", "note": 'a {"b": [1, "}"]} \\"'})
    other = safetensors(MANY, metadata={"format": "pt"})
    header = 8 + int.from_bytes(data[:8], "little")
    assert cut(data)[0] == header
    assert cut(data)[1:] == cut(other)[1:]
    assert added(other, data) == (1, header)


def test_names_may_hold_anything() -> None:
    """Quotes, braces and whatever JSON escapes are a part of a tensor's name."""
    names = ['a"b', 'a":{"b', "\\", '\\"', "{}", "ü\n", ""]
    data = safetensors({name: noise(i, ALONE) for i, name in enumerate(names)})
    assert cut(data)[1:] == [ALONE] * len(names)


@pytest.mark.parametrize(
    ("version", "order", "alignment"),
    [(2, "<", None), (3, "<", None), (3, ">", None), (3, "<", 64), (3, "<", 8)],
)
def test_gguf_of_every_kind_is_understood(
    version: int, order: str, alignment: int | None
) -> None:
    """Versions 2 and 3, both byte orders, and any alignment give the same parts."""
    data = gguf(TENSORS, version=version, order=order, alignment=alignment)
    start = data.index(TENSORS["layers.0.weight"])
    lengths = cut(data)
    assert lengths[:2] == [start, WINDOW]
    assert isinstance(chosen(data), Planned)


def test_a_deflated_archive_is_cut_at_its_members() -> None:
    """A compressed member that did not change is found again."""
    data = _deflated(TENSORS)
    other = _deflated({**TENSORS, "layers.8.weight": noise(9, 2 * MIB)})
    assert isinstance(chosen(data), Planned)
    assert added(data, other)[1] < 2 * MIB + 10 * KIB


def test_bytes_in_front_of_an_archive_are_allowed() -> None:
    """Its name tells that it is one, and the end tells where it begins."""
    data = b"#!/usr/bin/env python\n" + archive(TENSORS)
    assert isinstance(chosen(data, "app"), ContentDefined)
    assert isinstance(chosen(data, "app.ZIP"), Planned)
    start = data.index(TENSORS["layers.8.weight"])
    assert start in ends(cut(data, "app.zip"))


def test_bytes_behind_the_tensors_are_parts_too() -> None:
    """Trailing bytes and holes are cut, and belong to no tensor's part."""
    for make in (safetensors, gguf):
        data = make(TENSORS) + noise(1, 5 * MIB)
        lengths = cut(data)
        assert sum(lengths) == len(data)
        assert data.index(TENSORS["layers.8.weight"]) in ends(lengths)


def test_arrays_of_numpy_are_found_again(tmp_path: Path) -> None:
    """An ``.npz`` of two arrays, one of them changed, shares the other."""
    np: Any = pytest.importorskip("numpy")
    first = np.frombuffer(noise(1, 18 * MIB), dtype=np.float16)
    for name, value in (("old", 0), ("new", 1)):
        second = np.full((1000, 1000), value, dtype=np.float32)
        np.savez(tmp_path / name, first=first, second=second)
    old = (tmp_path / "old.npz").read_bytes()
    new = (tmp_path / "new.npz").read_bytes()
    assert isinstance(chosen(old, "old.npz"), Planned)
    assert added(old, new)[1] < 4_000_000 + 2 * KIB


def test_content_decides_and_not_the_name() -> None:
    """A file is what its first bytes say, whatever it is called."""
    assert isinstance(chosen(safetensors(TENSORS), "a.csv"), Planned)
    assert isinstance(chosen(gguf(TENSORS), "a.safetensors"), Planned)
    assert isinstance(chosen(archive(TENSORS), "a.gguf"), Planned)
    for name in ("a.safetensors", "a.gguf", "a.pt", "a.npz"):
        assert isinstance(chosen(noise(1, MIB), name), ContentDefined)
    assert isinstance(chosen(b"", "a.pt"), ContentDefined)


def test_a_file_that_is_longer_or_shorter_than_its_plan_is_cut_all_the_same() -> None:
    """It changed after its header was read; the caller notices, cutting goes on."""
    data = safetensors(TENSORS)
    cutter = cutter_for("a", len(data), lambda start, end: data[start:end])
    assert sum(cut_with(cutter, data + bytes(40 * MIB))) == len(data) + 40 * MIB
    cutter = cutter_for("a", len(data), lambda start, end: data[start:end])
    assert sum(cut_with(cutter, data[:-MIB])) == len(data) - MIB


def test_what_reading_raises_is_raised() -> None:
    """A disk that fails is no broken header."""

    def fail(start: int, end: int) -> bytes:
        raise OSError(5, f"{start} to {end}")

    with pytest.raises(OSError, match="0 to 16"):
        cutter_for("a", 100, fail)


def test_parts_by_content_are_of_the_promised_sizes() -> None:
    """About 1 MiB with at least 256 KiB; four times as much above 4 GiB."""
    data = noise(3, 96 * MIB)
    for size, average in ((4 * 2**30 - 1, MIB), (4 * 2**30, 4 * MIB)):
        lengths = cut_with(ContentDefined(size), data)[:-1]
        assert average / 4 <= min(lengths)
        assert max(lengths) <= average * 4
        assert average * 0.9 < sum(lengths) / len(lengths) < average * 1.6


def test_bytes_without_content_are_cut_at_the_longest() -> None:
    """Zeros, as in sparse files, give parts of full length in windows of any size."""
    for size, longest in ((0, 4 * MIB), (2**40, WINDOW)):
        lengths = cut_with(ContentDefined(size), bytes(40 * MIB))
        assert set(lengths[:-1]) == {longest}


def test_the_cuts_are_those_of_every_release() -> None:
    """Other cuts would store every file once more: they change with a decision only.

    Written down, not computed: if this fails after an upgrade of a dependency, pin it.
    """
    many = {f"t{i}": noise(i, 100 * KIB + i) for i in range(50)}
    content = cut(noise(5, 8 * MIB))
    assert content == [3617247, 724473, 1381206, 1248317, 315313, 587438, 514614]
    assert [cut(make(many)) for make in (safetensors, gguf, archive, _checkpoint)] == [
        [3528, 1228866, 1536285, 1229190, 512205, 614679],
        [573728, 1229152, 1536480, 1229376, 512320, 614784],
        [1229252, 1536780, 1229586, 512370, 614877, 2462],
        [615637, 1127819, 1230348, 1332877, 820293, 5169],
    ]


def test_pure_python_cuts_in_the_same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform without the compiled extension is slow, and shares all parts."""
    import pyfastcdc  # noqa: PLC0415
    from pyfastcdc.py import FastCDC  # noqa: PLC0415

    data = noise(6, 5 * MIB + 1)
    compiled = cut(data)
    monkeypatch.setattr(pyfastcdc, "FastCDC", FastCDC)
    assert cut(data) == compiled


def test_the_library_is_loaded_by_the_first_file_that_needs_it() -> None:
    """Neither ``import modelver`` nor the cutting room itself pays for it."""
    code = (
        "import sys, modelver._bundle.cutting as cutting\n"
        "assert 'pyfastcdc' not in sys.modules\n"
        "cutting.cutter_for('a', 1, lambda start, end: b'')\n"
        "assert 'pyfastcdc' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
