"""Code in every slot of the format: nothing that modelver does ever runs it."""

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import ModelverError, Registry
from modelver._cli import main
from tests.hostile.forge import Forge

ROLES: Final = ("model", "code", "data", "config", "environment", "docs")
NAMES: Final = (
    *("m.pkl", "m.pickle", "m.joblib", "m.dill", "m.cloudpickle", "m.pt", "m.pth"),
    *("m.bin", "m.npy", "m.npz", "m.h5", "m.keras", "m.onnx", "m.skops", "m.ckpt"),
    *("m.safetensors", "m.gguf", "m.json", "m.toml", "m.yaml", "m.ini", "m.md"),
    *("conftest.py", "setup.py", "sitecustomize.py", "__init__.py", "m.pth"),
)


def _pickle(canary: Path) -> bytes:
    """Return a pickle that makes a file when it is loaded."""
    return f"cos\nsystem\n(S'touch {canary}'\ntR.".encode()


def _python(canary: Path) -> bytes:
    return f"open({str(canary)!r}, 'w').close()\n".encode()


def _yaml(canary: Path) -> bytes:
    return f"!!python/object/apply:os.system ['touch {canary}']\n".encode()


CANARIES: Final[dict[str, Callable[[Path], bytes]]] = {
    "pickle": _pickle,
    "python": _python,
    "yaml": _yaml,
}


def _everything(registry: Registry, out: Path) -> list[Callable[[], object]]:
    """Return calls that read, show, compare and copy all there is."""
    calls: list[Callable[[], object]] = [
        lambda: registry.search("metrics.auc > 0"),
        lambda: str(registry.lineage()),
        registry.log,
        registry.verify,
        registry.audit,
        lambda: registry.diff("fraud@1.0.0", "fraud@1.1.0").to_markdown(),
        lambda: registry.compare(["fraud@1.0.0", "fraud@1.1.0"]).to_dict(),
        lambda: registry.used_by(out.parent / "source"),
    ]
    version = registry.get("fraud@1.0.0")
    calls += [
        version._repr_html_,
        version.to_dict,
        lambda: version.config,
        lambda: version.environment,
        lambda: version.checkout(out),
        version.path,
        version.verify,
    ]
    for file in version.files:
        calls += [
            lambda path=file.path: version.read(path),  # type: ignore[misc]
            lambda path=file.path: version.open(path).read(),  # type: ignore[misc]
            lambda path=file.path: version.path(path),  # type: ignore[misc]
        ]
    return calls


def _files(data: bytes) -> dict[str, bytes]:
    return {f"{role}/{name}": data for role in ROLES for name in set(NAMES)}


@pytest.mark.large
@pytest.mark.parametrize("kind", CANARIES)
def test_in_every_file(tmp_path: Path, kind: str) -> None:
    """Files of every role and every usual name are bytes, to whoever hands them out."""
    canary = tmp_path / "canary"
    data = CANARIES[kind](canary)
    forge = Forge(tmp_path / "r")
    forge.register(cited=forge.bundle(_files(data)))
    forge.register(version="1.1.0", cited=forge.bundle(_files(data + b"#")))
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "m.pkl").write_bytes(data)
    registry = Registry(forge.root, cache=tmp_path / "cache")
    for call in _everything(registry, tmp_path / "out"):
        call()
    assert (tmp_path / "out" / "model" / "m.pkl").read_bytes() == data
    assert not canary.exists()


@pytest.mark.parametrize("kind", CANARIES)
def test_registered(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registering looks at files, folders, settings and packages, and runs nothing."""
    canary = tmp_path / "canary"
    data = CANARIES[kind](canary)
    source = tmp_path / "source"
    source.mkdir()
    for name in set(NAMES):
        (source / name).write_bytes(data)
    monkeypatch.chdir(source)
    monkeypatch.syspath_prepend(str(source))
    registry = Registry(tmp_path / "r", create=True)
    for number in range(2):
        (source / "m.bin").write_bytes(data * (number + 1))
        registry.register(
            "fraud", source, code=source, data=source, config=source, docs=source
        )
    assert not canary.exists()


SLOTS: Final = (
    "registry.json",
    "entry",
    "manifest",
    "object",
    "rollup",
    "memory",
    "cache",
)


@pytest.mark.parametrize("slot", SLOTS)
@pytest.mark.parametrize("kind", CANARIES)
def test_in_the_place_of_metadata(
    tmp_path: Path, kind: str, slot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the place of any file of ours, it is no file of ours, and nothing more."""
    monkeypatch.setenv("MODELVER_STATE_DIR", str(tmp_path / "state"))
    canary = tmp_path / "canary"
    data = CANARIES[kind](canary)
    forge = Forge(tmp_path / "r")
    forge.register()
    forge.register(version="1.1.0")
    while forge.seq < 64:
        note = {"type": "note", "name": "fraud", "version": "1.0.0", "text": ""}
        forge.commit(note)
    forge.rollup(1, forge.entries(1, 64))
    registry = Registry(forge.root, cache=tmp_path / "cache")
    registry.get("fraud@1.0.0").path()
    keys = {
        "registry.json": [forge.root / "registry.json"],
        "entry": [forge.root / f"log/{64:020d}.json"],
        "manifest": list((forge.root / "manifests").iterdir()),
        "object": list((forge.root / "objects").glob("*/*")),
        "rollup": list((forge.root / "rollups").iterdir()),
        "memory": [p for p in (tmp_path / "state").rglob("*") if p.is_file()],
        "cache": [p for p in (tmp_path / "cache").rglob("*") if p.is_file()],
    }
    assert keys[slot]
    for path in keys[slot]:
        path.chmod(0o600)
        path.write_bytes(data)
    assert _ask_everything(forge.root, tmp_path) >= 5
    assert not canary.exists()


def _ask_everything(root: Path, tmp_path: Path) -> int:
    """Ask the library and the command line; return how many calls there were."""
    asked = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            registry = Registry(root, cache=tmp_path / "cache")
            calls = _everything(registry, tmp_path / "out")
        except ModelverError:
            calls = []
        for call in calls:
            with contextlib.suppress(ModelverError):
                call()
            asked += 1
        for line in ("log", "verify", "get fraud", "files fraud", "versions fraud"):
            words: list[Any] = ["--registry", str(root), *line.split()]
            assert main(words) in (0, 1, 3, 5)
            asked += 1
    return asked
