"""A fresh registry for each test of the desk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modelver import ModelVersion, Registry

Register = Callable[..., ModelVersion]


@pytest.fixture(params=["folder", "memory"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    """An empty registry, in a folder and in memory."""
    where = tmp_path / "registry"
    url = str(where) if request.param == "folder" else f"memory:/{where}"
    return Registry(url, create=True, author="ada")


@pytest.fixture
def register(registry: Registry) -> Register:
    """Register a model of the given bytes, without the environment."""

    def make(name: str = "fraud", data: bytes = b"a", **words: object) -> ModelVersion:
        words.setdefault("environment", False)
        return registry.register(name, {"model.bin": data}, **words)  # type: ignore[arg-type]

    return make
