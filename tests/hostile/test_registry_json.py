"""A hostile registry.json: sealed, and not believed."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import ErrorKind, IntegrityError, Registry, UpgradeRequiredError
from tests.hostile.forge import UUID, Forge, dumps, sealed
from tests.hostile.nonsense import BIDI, ESCAPE
from tests.hostile.watching import bounded, refused, untouched

DATA: Final = b"weights"
SOUND: Final = {"format": 1, "uuid": UUID, "digest": "b3"}
REGISTRIES: Final[dict[str, bytes]] = {
    "empty": b"",
    "junk": b"junk",
    "not-sealed": dumps(SOUND) + b"\n",
    "sealed-by-the-other": sealed(SOUND, "sha256"),
    "pins-the-other": sealed({**SOUND, "digest": "sha256"}),
    "pins-md5": sealed({**SOUND, "digest": "md5"}),
    "uuid-traversal": sealed({**SOUND, "uuid": "../../../tmp/x"}),
    "uuid-absolute": sealed({**SOUND, "uuid": "/tmp/evil"}),  # noqa: S108
    "uuid-empty": sealed({**SOUND, "uuid": ""}),
    "uuid-upper": sealed({**SOUND, "uuid": UUID.upper()}),
    "uuid-newline": sealed({**SOUND, "uuid": UUID + "\n"}),
    "uuid-number": sealed({**SOUND, "uuid": 5}),
    "uuid-missing": sealed({"format": 1, "digest": "b3"}),
    "status-escape": sealed({**SOUND, "statuses": [ESCAPE]}),
    "status-bidi": sealed({**SOUND, "statuses": [BIDI]}),
    "statuses-text": sealed({**SOUND, "statuses": "abc"}),
    "format-0": sealed({**SOUND, "format": 0}),
    "format-text": sealed({**SOUND, "format": "1"}),
    "a-key-twice": sealed(b'{"format":1,"uuid":"","uuid":"","digest":"b3"}'),
    "brackets": sealed(b'{"format":' + b"[" * 100_000),
    "long": sealed({**SOUND, "tool": "x" * 2**20}),
    "100MB": b"x" * 100_000_000,
    "an-array": sealed(b"[1}"),
}


@pytest.mark.parametrize("name", REGISTRIES)
def test_registry_json(tmp_path: Path, name: str) -> None:
    """A registry.json that cannot be believed is no registry; nothing is written."""
    root = tmp_path / "r"
    root.mkdir()
    (root / "registry.json").write_bytes(REGISTRIES[name])
    for create in (False, True):
        with untouched(tmp_path):
            error = bounded(
                lambda create=create: refused(  # type: ignore[misc]
                    lambda: Registry(root, create=create)
                )
            )
        assert isinstance(error, IntegrityError)
        assert error.kind is ErrorKind.REGISTRY_DAMAGED
        assert error.hints


@pytest.mark.parametrize(
    "fields",
    [{"format": 2}, {"read": ["teleport"]}, {"read": [ESCAPE + BIDI]}],
    ids=["format", "feature", "feature-escape"],
)
def test_registry_of_a_later_release(tmp_path: Path, fields: dict[str, Any]) -> None:
    """A registry that this release is too old for says so."""
    forge = Forge(tmp_path / "r", **fields)
    error = bounded(lambda: refused(lambda: Registry(forge.root)))
    assert isinstance(error, UpgradeRequiredError)
    assert error.hints


def test_text_in_registry_json(tmp_path: Path) -> None:
    """Free text of registry.json is shown nowhere, and does no harm."""
    forge = Forge(tmp_path / "r", created=ESCAPE, tool="<script>")
    forge.register()
    registry = Registry(forge.root)
    assert registry.get("fraud").read("w.bin") == DATA
    assert json.dumps(repr(registry)).isascii()


def test_the_cache_stays_in_its_folder(tmp_path: Path) -> None:
    """However a registry calls itself, its copies lie below the cache's folder."""
    forge = Forge(tmp_path / "r")
    forge.register()
    cache = tmp_path / "cache"
    path = Registry(forge.root, cache=cache).get("fraud").path("w.bin")
    assert path.is_relative_to(cache / UUID)
