"""Settings, whichever library a program keeps them in."""

import argparse
import enum
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import attrs
import pytest

from modelver import InvalidInputError, Registry
from modelver._capture.settings import plain_settings


class Colour(enum.Enum):
    """A choice."""

    RED = 1


@dataclass
class Optimizer:
    """Settings inside of settings."""

    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    colour: Colour = Colour.RED


@dataclass
class Training:
    """What a program would have."""

    optimizer: Optimizer = field(default_factory=Optimizer)
    out: Path = Path("out")


@attrs.frozen
class Model:
    """The same, with attrs."""

    layers: int = 3
    optimizer: Optimizer = attrs.Factory(Optimizer)


OPTIMIZER = {"lr": 0.1, "betas": [0.9, 0.99], "colour": "RED"}


def test_objects_of_python() -> None:
    """Dataclasses, attrs and argparse, nested; what is no setting is left out."""
    assert plain_settings(Training()) == {"optimizer": OPTIMIZER, "out": "out"}
    assert plain_settings(Model()) == {"layers": 3, "optimizer": OPTIMIZER}
    inner = argparse.Namespace(z=1)
    space = argparse.Namespace(
        lr=0.1, run=print, log=sys.stdout, out=Path("y"), in_=inner
    )
    assert plain_settings(space) == {"lr": 0.1, "out": "y", "in_": {"z": 1}}


def test_pydantic() -> None:
    """As its own method writes it: a secret is hidden by it."""
    pydantic = pytest.importorskip(
        "pydantic", reason="NOT TESTED: pip install pydantic"
    )
    made = pydantic.create_model("Made", n=(int, 1), key=(pydantic.SecretStr, "hush"))
    found = plain_settings(made(key="hunter2"))
    assert found == {"n": 1, "key": "**********"}


def test_omegaconf() -> None:
    """Resolved; what cannot be resolved is refused, and its text is not repeated."""
    omegaconf = pytest.importorskip(
        "omegaconf", reason="NOT TESTED: pip install omegaconf"
    )
    config = omegaconf.OmegaConf.create({"a": 1, "b": "${a}", "c": {"d": ["${b}"]}})
    assert plain_settings(config) == {"a": 1, "b": 1, "c": {"d": [1]}}
    assert plain_settings(config.c) == {"d": [1]}
    broken = omegaconf.OmegaConf.create({"a": "${nowhere.hunter2}"})
    with pytest.raises(InvalidInputError) as caught:
        plain_settings(broken)
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    "value", [{"a": 1}, "a.toml", Path("a"), b"x", None, 7, Training]
)
def test_everything_else_is_left_as_it_is(value: Any) -> None:
    """Mappings and paths are known already; a class has no settings yet."""
    assert plain_settings(value) is None


def test_settings_that_hold_themselves() -> None:
    """Neither hang nor overflow: whoever writes them refuses them."""
    circle = argparse.Namespace()
    circle.itself = circle
    found = plain_settings(circle)
    assert found is not None


@pytest.mark.parametrize("config", [Training(), {"optimizer": OPTIMIZER, "out": "out"}])
def test_they_become_the_configuration(config: Any, tmp_path: Path) -> None:
    """As a dict does: one file, whose keys are told; in a draft, too."""
    registry = Registry(tmp_path / "registry", create=True)
    version = registry.register(
        "m", {"m": b"1"}, config=config, environment=False, code=None
    )
    assert version.config["optimizer.colour"] == "RED"
    assert version.config["out"] == "out"
    with registry.draft("d", {"m": b"1"}, environment=False, code=None) as draft:
        draft.add(config, role="config")
    assert draft.version.config == version.config


def test_files_are_kept_as_given(tmp_path: Path) -> None:
    """INI and YAML are told by key, where there is a reader; the bytes are theirs."""
    registry = Registry(tmp_path / "registry", create=True)
    ini = b"[train]\nLR = 0.1 ; fast\nname = %(x)s\n\n[DEFAULT]\nseed = 7\n"
    files = {"a.ini": ini, "b.yml": b"lr: 0.1\nopt: {name: adam}\nl: &l [1]\nm: *l\n"}
    version = registry.register(
        "m", {"m": b"1"}, config=files, environment=False, code=None
    )
    assert version.read("config/a.ini") == ini
    found = dict(version.config)
    if any(key.startswith("b.yml.") for key in found):
        assert found["b.yml.opt.name"] == "adam"
        assert found["b.yml.m.0"] == 1
    else:
        pytest.importorskip("yaml", reason="NOT TESTED: pip install pyyaml")
    own = {key for key in found if "train" in key}
    assert {key.rpartition(".")[2] for key in own} == {"LR", "name", "seed"}
