"""Registering where the store is damaged: good bytes go in, and nothing is hidden."""

from pathlib import Path

from modelver import Registry
from modelver._store.layout import object_key


def spoil(registry: Registry, version: str, path: str) -> None:
    """Flip a bit of a file's object."""
    found = registry.get(version)
    (piece,) = registry._core.manifests.read(found._state.manifest).layout.files[path]
    target = Path(registry.url) / object_key(piece.object)
    data = bytearray(target.read_bytes())
    data[0] ^= 1
    target.unlink()
    target.write_bytes(data)


def test_a_damaged_object_is_not_used_again(tmp_path: Path) -> None:
    """The same bytes for another model are stored beside the damaged ones."""
    registry = Registry(tmp_path / "r", create=True)
    registry.register("a", {"m": b"weights"}, environment=False)
    spoil(registry, "a", "model/m")
    version = registry.register("b", {"m": b"weights"}, environment=False)
    assert version.read("m") == b"weights"
    assert registry.verify().damaged == ("a@0.1.0",)
    again = registry.register("c", {"m": b"weights"}, environment=False)
    assert again.read("m") == b"weights"


def test_a_damaged_manifest_blocks_nothing(tmp_path: Path) -> None:
    """A model whose newest manifest is damaged takes new versions."""
    registry = Registry(tmp_path / "r", create=True)
    registry.register("a", {"m": b"1"}, environment=False)
    (manifest,) = (tmp_path / "r" / "manifests").iterdir()
    data = manifest.read_bytes()
    manifest.unlink()
    manifest.write_bytes(data.replace(b"model", b"modal"))
    fresh = Registry(tmp_path / "r")
    version = fresh.register("a", {"m": b"2"}, environment=False)
    assert version.version == "0.2.0"
    assert "cannot be told" in (version.bump_reason or "")
    assert fresh.get("a").read("m") == b"2"
