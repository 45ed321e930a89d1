"""One line in a training script: a block, or a decorator."""

from pathlib import Path
from typing import Any

import pytest

import modelver
from modelver import Registry
from modelver.errors import InvalidInputError, ModelverWarning


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with data and an address to register to."""
    monkeypatch.setenv("MODELVER_REGISTRY", str(tmp_path / "registry"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.csv").write_text("x,y\n1,2\n")
    return tmp_path / "work"


def write(text: str = "1") -> None:
    """Write a model."""
    Path("out").mkdir(exist_ok=True)
    Path("out", "model.bin").write_text(text)


def test_a_block(here: Path) -> None:
    """What the block writes is registered when it ends, with what went in."""
    with modelver.track("m", "out", create=True, data={"train": "train.csv"}) as run:
        write()
        run.log_metrics({"auc": 0.9})
    version = run.version
    assert version.ref == "m@0.1.0"
    assert version.metrics == {"auc": 0.9}
    assert [source.name for source in version.inputs] == ["train"]
    assert version.read("data/train") == (here / "train.csv").read_bytes()


def test_a_run_that_fails_registers_nothing(here: Path) -> None:
    """An error passes through, and leaves no version."""
    registry = Registry(here.parent / "registry", create=True)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012, SIM117 - the block is what is tested
        with modelver.track("m", "out"):
            write()
            raise ZeroDivisionError
    assert registry.models() == []


def test_what_was_there_before_is_not_registered(here: Path) -> None:
    """A run that wrote nothing does not register the model of the one before."""
    assert here.is_dir()
    write()
    with (
        pytest.raises(InvalidInputError, match="wrote nothing"),
        modelver.track("m", "out", create=True),
    ):
        pass
    with modelver.track("m", "out", create=True) as run:
        write("2")
    assert run.version.read("model.bin") == b"2"


def test_data_that_changes_meanwhile_is_told(here: Path) -> None:
    """What the run began with is registered, and that it changed is said."""
    run = modelver.track("m", "out", create=True, data="train.csv")
    draft = run.__enter__()
    write()
    Path("train.csv").write_text("x,y\n3,4,5\n")
    with pytest.warns(ModelverWarning, match="changed while"):
        run.__exit__(None, None, None)
    assert draft.version.read("data/train.csv") == b"x,y\n1,2\n"
    assert here.is_dir()


def test_a_decorator(here: Path) -> None:
    """Each call is a run; arguments become params, what it returns is passed on."""

    @modelver.track("m", create=True, data="train.csv")
    def train(lr: float = 0.1, frame: Any = None) -> dict[str, Any]:
        """Train."""
        del frame
        write(str(lr))
        return {"model": "out", "metrics": {"auc": 0.9}, "tags": {"team": "risk"}}

    before = train.version
    assert before is None
    assert train(frame=object())["metrics"] == {"auc": 0.9}
    assert train.version is not None
    assert train.version.params == {"lr": 0.1}
    assert train.version.tags == {"team": "risk"}
    train(lr=0.2)
    assert train.version.ref == "m@0.2.0"
    assert train.version.params == {"lr": 0.2, "frame": None}
    assert train.__doc__ == "Train."
    assert here.is_dir()


def test_what_cannot_be_registered(here: Path) -> None:
    """A function that returns anything else is told what to return."""

    @modelver.track("m", create=True)
    def train() -> object:
        return 7

    with pytest.raises(InvalidInputError, match="returned int"):
        train()
    assert Registry(here.parent / "registry").models() == []


def test_a_word_that_is_unknown(here: Path) -> None:
    """A misspelt word is told when the block begins, not after the training."""
    with (
        pytest.raises(InvalidInputError, match="metric"),
        modelver.track("m", "out", create=True, metric={"auc": 1}),
    ):
        pytest.fail("the block was entered")
    assert here.is_dir()


def test_when_it_began_and_ended(here: Path) -> None:
    """The record tells when the block began and when it ended, in UTC."""
    with modelver.track("m", "out", create=True) as run:
        write()
    told = run.version.run
    assert here.is_dir()
    assert told["started"] < told["ended"]
    assert told["started"].endswith("Z")
