"""Runs of experiment trackers: told where one is under way, never looked for."""

from types import SimpleNamespace
from typing import Any

import pytest

from modelver._capture.experiments import capture_experiments


def mlflow(uri: str, run: Any = ...) -> SimpleNamespace:
    """Return what answers as MLflow does, with a run under way."""
    info = SimpleNamespace(run_id="9f2c", experiment_id="7")
    active = SimpleNamespace(info=info) if run is ... else run
    return SimpleNamespace(active_run=lambda: active, get_tracking_uri=lambda: uri)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (
            mlflow("https://ada:pw@host:5000/?token=x"),
            {"mlflow": "https://host:5000/#/experiments/7/runs/9f2c"},
        ),
        (mlflow("file:///home/ada/mlruns"), {"mlflow": "run 9f2c"}),
        (mlflow("https://host", None), {}),
        (SimpleNamespace(), {}),
    ],
)
def test_mlflow(module: Any, told: dict[str, str]) -> None:
    """The run of a server has an address, without credentials; one of files an id."""
    assert capture_experiments({"mlflow": module}) == told


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (
            SimpleNamespace(url="https://wandb.ai/a/p/runs/x?apiKey=1", path="a/p/x"),
            {"wandb": "https://wandb.ai/a/p/runs/x"},
        ),
        (SimpleNamespace(url=None, path="a/p/x"), {"wandb": "run a/p/x"}),
        (None, {}),
    ],
)
def test_wandb(run: Any, told: dict[str, str]) -> None:
    """An offline run has no address, but a path."""
    assert capture_experiments({"wandb": SimpleNamespace(run=run)}) == told


def test_nothing_is_imported() -> None:
    """Where no tracker is loaded, none is looked for."""
    assert capture_experiments({}) == {}
    assert capture_experiments() == {}
