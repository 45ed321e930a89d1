"""Two registries above each other are one, and the lower one never changes."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from modelver._store import OverlayBackend
from modelver.backends.local import LocalBackend
from modelver.errors import AlreadyExistsError
from modelver.plugin import Backend
from modelver.testing import BackendContract

_COUNT = itertools.count()


class TestOverAnEmptyStore(BackendContract):
    """Over nothing an overlay is a backend like any other."""

    def make(self, tmp_path: Path) -> Backend:
        """Return an overlay over an empty folder."""
        place = tmp_path / str(next(_COUNT))
        below = LocalBackend(str(place / "below"))
        return OverlayBackend(below, LocalBackend(str(place / "above")))

    def reopen(self, _: Backend) -> tuple[str, str, dict[str, object]]:
        """Return how another process opens it."""
        pytest.skip("an overlay is made of two backends, not of an address")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder*."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


KEYS = st.sampled_from(["log/1.json", "log/2.json", "objects/aa/x.0", "registry.json"])


@given(st.dictionaries(KEYS, st.binary(min_size=1)), st.data())
@settings(max_examples=50)
def test_it_is_both_and_writes_only_above(
    tmp_path_factory: pytest.TempPathFactory, there: dict[str, bytes], data: object
) -> None:
    """Reads see the union; what is there cannot be made anew; below stays as it is."""
    assert isinstance(data, st.DataObject)
    folder = tmp_path_factory.mktemp("overlay")
    below = LocalBackend(str(folder / "below"))
    for key, value in there.items():
        below.create(key, value)
    before = snapshot(folder / "below")
    overlay = OverlayBackend(below, LocalBackend(str(folder / "above")))
    model = dict(there)
    for _ in range(data.draw(st.integers(0, 6))):
        key, value = data.draw(KEYS), data.draw(st.binary(min_size=1))
        if key in model:
            with pytest.raises(AlreadyExistsError):
                overlay.create(key, value)
        else:
            overlay.create(key, value)
            model[key] = value
    assert {info.key: info.size for info in overlay.list("")} == {
        key: len(value) for key, value in model.items()
    }
    keys = ["log/1.json", "log/2.json", "objects/aa/x.0", "registry.json", "none"]
    assert [overlay.read(key) for key in keys] == [model.get(key) for key in keys]
    one_by_one = [overlay.read_many([key], 2**20) for key in keys]
    assert one_by_one == [[model.get(key)] for key in keys]
    assert snapshot(folder / "below") == before
