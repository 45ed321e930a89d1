"""MLflow as a user's script calls it: artifacts logged to a run, then registered.

Run by path, with the Python of MLflow's environment: ``for_mlflow.py WORK [WORDS]``.
The stores are SQLite and a folder, below the folder in which it runs.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

METRICS = {f"metric_{n}": n / 7 for n in range(20)}


def client() -> Any:
    """Return a client of the stores."""
    import mlflow  # noqa: PLC0415 - part of what starting up costs

    mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/mlflow.db")
    return mlflow.MlflowClient()


def create() -> dict[str, float]:
    """Make the database, an experiment and the models."""
    made = client()
    made.create_experiment("bench", artifact_location=str(Path.cwd() / "artifacts"))
    made.create_registered_model("bench")
    made.create_registered_model("small")
    return {}


def register(folder: str) -> dict[str, float]:
    """Log the bundle and register it."""
    talks = client()
    begin = time.perf_counter()
    run = talks.create_run(talks.get_experiment_by_name("bench").experiment_id)
    talks.log_artifacts(run.info.run_id, folder)
    talks.set_terminated(run.info.run_id)
    talks.create_model_version("bench", run.info.artifact_uri, run.info.run_id)
    return {"seconds": time.perf_counter() - begin}


def _newest(talks: Any) -> int:
    return max(int(v.version) for v in talks.search_model_versions("name = 'bench'"))


def checkout(target: str) -> dict[str, float]:
    """Download the newest version."""
    import mlflow  # noqa: PLC0415 - the same

    talks = client()
    begin = time.perf_counter()
    uri = f"models:/bench/{_newest(talks)}"
    Path(target).mkdir(exist_ok=True)
    mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=target)
    return {"seconds": time.perf_counter() - begin}


def path(name: str) -> dict[str, float]:
    """Ask for the path of a file, and once more in the same process."""
    talks = client()

    def ask() -> float:
        begin = time.perf_counter()
        uri = talks.get_model_version_download_uri("bench", str(_newest(talks)))
        assert (Path(uri.removeprefix("file://")) / name).is_file()
        return time.perf_counter() - begin

    return {"seconds": ask(), "again": ask()}


def small(folder: str, count: str) -> dict[str, float]:
    """Register versions of a 10 KB model one by one."""
    from mlflow.entities import Metric  # noqa: PLC0415 - the same

    talks = client()
    experiment = talks.get_experiment_by_name("bench").experiment_id
    models = []
    for number in range(int(count)):
        models.append(Path(folder) / str(number) / "model.bin")
        models[-1].parent.mkdir()
        models[-1].write_bytes(os.urandom(10 * 1024))
    begin = time.perf_counter()
    for model in models:
        run = talks.create_run(experiment)
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, 0) for name, value in METRICS.items()]
        talks.log_batch(run.info.run_id, metrics=metrics)
        talks.log_artifact(run.info.run_id, str(model))
        talks.set_terminated(run.info.run_id)
        talks.create_model_version("small", run.info.artifact_uri, run.info.run_id)
    seconds = time.perf_counter() - begin
    shutil.rmtree(folder)
    return {"seconds": seconds}


WORKS: dict[str, Callable[..., dict[str, float]]] = {
    "create": create,
    "register": register,
    "checkout": checkout,
    "path": path,
    "small": small,
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(WORKS[sys.argv[1]](*sys.argv[2:])) + "\n")
