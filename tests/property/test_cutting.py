"""Laws of cutting: nothing is lost, and cuts stay where nothing changed nearby."""

import zipfile
from collections.abc import Callable
from functools import partial
from random import Random

from hypothesis import given, settings, strategies as st

from modelver._bundle.cutting import WINDOW, Cutter, cutter_for
from modelver._bundle.cutting.content import ContentDefined
from modelver._bundle.cutting.cutter import Range
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
    gguf,
    gguf_values,
    noise,
    safetensors,
)

Make = Callable[[Tensors], bytes]


def _checkpoint(tensors: Tensors) -> bytes:
    return checkpoint(tensors.values())


# Without the long lists of a true one, most bytes of its header decide something.
FEW_VALUES = [value for value in gguf_values() if len(value) < 200]
MAKERS: st.SearchStrategy[Make] = st.sampled_from(
    [
        safetensors,
        partial(safetensors, metadata={"format": "pt"}),
        gguf,
        partial(gguf, version=2, alignment=64, values=FEW_VALUES),
        archive,
        partial(archive, wide=True),
        partial(archive, method=zipfile.ZIP_DEFLATED),
        _checkpoint,
    ]
)
PATHS = st.sampled_from(["a.pt", "a.npz", "a.csv", "a"])
# Mostly small ones; around what stands alone; around a window.
LENGTHS = st.one_of(
    st.integers(0, 100),
    st.integers(0, 200 * KIB),
    st.integers(255 * KIB, 257 * KIB),
    st.integers(WINDOW - 1, WINDOW + 1),
)
TENSORS = st.lists(LENGTHS, min_size=1, max_size=12).map(
    lambda sizes: {f"layer.{i}": noise(i, size) for i, size in enumerate(sizes)}
)
# How large the windows are, whatever the cutter wants.
WINDOWS = st.randoms(use_true_random=False).map(
    lambda random: (
        lambda want: random.choice([want, 1, WINDOW, random.randint(1, want)])
    )
)
HEADS = st.sampled_from(
    [b"", b"GGUF\x03\0\0\0", b"PK\x03\x04", b"\x40" + bytes(7) + b"{"]
)


def _whole(cutter: Cutter, data: bytes, ask: Callable[[int], int]) -> None:
    at, found = 0, bytearray()
    for length in cut_with(cutter, data, ask):
        found += data[at : at + length]
        at += length
    assert bytes(found) == data


@given(head=HEADS, data=st.binary(max_size=2000), path=PATHS, ask=WINDOWS)
@settings(max_examples=300)
def test_any_bytes_come_back(
    head: bytes, data: bytes, path: str, ask: Callable[[int], int]
) -> None:
    """Whatever a file claims to be, its parts are the file."""
    data = head + data
    _whole(chosen(data, path), data, ask)


@given(make=MAKERS, tensors=TENSORS, path=PATHS, ask=WINDOWS)
@settings(max_examples=20)
def test_structured_files_come_back(
    make: Make, tensors: Tensors, path: str, ask: Callable[[int], int]
) -> None:
    """The parts are the file, and the same in windows of any size."""
    data = make(tensors)
    _whole(chosen(data, path), data, ask)
    assert cut_with(chosen(data, path), data, ask) == cut(data, path)


@given(
    make=MAKERS,
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=6),
    path=PATHS,
    changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=8),
    ends=st.tuples(st.integers(0), st.integers(0)),
)
@settings(max_examples=500)
def test_damaged_headers_are_cut_all_the_same(
    make: Make,
    sizes: list[int],
    path: str,
    changes: list[tuple[int, int]],
    ends: tuple[int, int],
) -> None:
    """Bytes that changed and files that lost an end: no error, and no byte lost."""
    tensors = {f"t{i}": noise(i, size) for i, size in enumerate(sizes)}
    data = bytearray(make(tensors))
    for at, value in changes:
        data[at % len(data)] = value
    start, end = sorted(at % (len(data) + 1) for at in ends)
    for damaged in (bytes(data), bytes(data[:end]), bytes(data[start:])):
        cut(damaged, path)


@given(
    lengths=st.lists(
        st.tuples(
            st.integers(0, 3) | st.just(0), LENGTHS | st.integers(0, 10 * WINDOW)
        ),
        min_size=1,
        max_size=30,
    ),
    seed=st.integers(0, 1000),
)
def test_plans_fill_the_file(lengths: list[tuple[int, int]], seed: int) -> None:
    """Any tensors with any holes: parts of 1 byte to 16 MiB that add up."""
    ranges, at = [], 0
    for number, (hole, length) in enumerate(lengths):
        ranges.append(Range(at + hole, at + hole + length, mark_of(b"%d" % number)))
        at += hole + length
    size = at + seed % 3
    if sum(length for _, length in lengths) * 2 < size:
        return
    random = Random(seed)  # noqa: S311 - the order of a header
    random.shuffle(ranges)
    cutter = Planned(ranges, size)
    zeros, total = memoryview(bytes(WINDOW)), 0
    while total < size:
        want = cutter.want()
        last = total + want >= size
        found = cutter.cut(zeros[: min(want, size - total)], last=last)
        assert all(1 <= length <= WINDOW for length in found)
        total += sum(found)
    assert total == size


@given(seed=st.integers(0, 10**6), ask=WINDOWS)
@settings(max_examples=10, derandomize=True)
def test_cuts_by_content_are_the_same_in_any_windows(
    seed: int, ask: Callable[[int], int]
) -> None:
    """Where a window begins beyond the last cut, and where it ends, decides nothing."""
    data = noise(seed, 20 * MIB)
    for size in (0, 2**40):
        lengths = cut_with(ContentDefined(size), data)
        assert cut_with(ContentDefined(size), data, ask) == lengths


@given(
    seed=st.integers(0, 10**6),
    place=st.integers(0, 24 * MIB),
    removed=st.integers(0, 100),
    put=st.integers(0, 100 * KIB),
)
@settings(max_examples=12, derandomize=True)
def test_an_edit_costs_a_few_parts(
    seed: int, place: int, removed: int, put: int
) -> None:
    """Bytes inserted, removed or replaced anywhere: the rest is found again."""
    old = noise(seed, 24 * MIB)
    new = old[:place] + noise(seed + 1, put) + old[place + removed :]
    assert added(old, new)[0] <= 4


@given(
    make=MAKERS,
    count=st.integers(100, 300),
    seed=st.integers(0, 10**6),
    place=st.floats(0, 1, exclude_max=True),
)
@settings(max_examples=12, derandomize=True)
def test_one_tensor_of_many_costs_a_few_parts(
    make: Make, count: int, seed: int, place: float
) -> None:
    """Changed, it moves no cut; removed or renamed, the parts around it are new."""
    random = Random(seed)  # noqa: S311 - the same in every run
    tensors = {
        f"layers.{i}.bias": noise(seed + i, random.randrange(1, 100 * KIB))
        for i in range(count)
    }
    names = list(tensors)
    name = names[int(place * count)]
    old = make(tensors)
    other = noise(seed + count, len(tensors[name]))
    changed = make({**tensors, name: other})
    if len(changed) == len(old):  # not where it compresses to another length
        assert cut(changed) == cut(old)
    assert added(old, changed)[0] <= 2
    if make is _checkpoint:
        return  # the numbers of all that follow stand in their parts
    without = {key: value for key, value in tensors.items() if key != name}
    assert added(old, make(without))[0] <= 6
    renamed = {("new" if key == name else key): tensors[key] for key in names}
    assert added(old, make(renamed))[0] <= 6


def test_rows_in_the_middle_of_a_table_cost_little() -> None:
    """10,000 more of 400,000 rows of a CSV add less than 5 MB."""
    random = Random(1)  # noqa: S311 - the same in every run

    def lines(count: int) -> bytes:
        return b"".join(
            b"%d,%.6f,label%d\n" % (random.getrandbits(30), random.random(), i % 7)
            for i in range(count)
        )

    head, middle, tail = lines(200_000), lines(10_000), lines(200_000)
    old, new = head + tail, head + middle + tail
    count, size = added(old, new, "rows.csv")
    assert count <= 3
    assert len(middle) < size < 5 * 10**6
    assert len(cut(new, "rows.csv")) >= 8


def test_a_file_of_any_size_needs_no_memory_for_its_plan() -> None:
    """A tensor of 8 EiB, as a sparse file may have: the first parts come at once."""
    size = 2**63 - 1
    header = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,%d]}}'
    text = header % (size - 8 - len(header) + 2 - 19)
    data = len(text).to_bytes(8, "little") + text
    cutter = cutter_for("a", size, lambda start, end: data[start:end])
    assert isinstance(cutter, Planned)
    assert cutter.want() == len(data)
