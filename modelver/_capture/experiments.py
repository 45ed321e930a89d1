"""Which experiment this process is tracked as, where a tracker is loaded that says so.

Nothing is imported and nobody is asked over the network: what is read are the active
run of MLflow (``mlflow.active_run()`` and the tracking URI) and ``wandb.run``. Both are
the trackers' public API.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from modelver._capture.asking import attempt
from modelver._capture.scrub import clean, scrub_url

_WEB: Final = frozenset({"http", "https"})
_LONGEST: Final = 400


def capture_experiments(
    modules: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Return tracker to where its run is told of: a URL, else ``run <id>``.

    Args:
        modules: Those that are loaded; None: ``sys.modules``.
    """
    loaded = sys.modules if modules is None else modules
    askers: dict[str, Callable[[Any], str | None]] = {
        "mlflow": _mlflow,
        "wandb": _wandb,
    }
    found: dict[str, str] = {}
    for name, ask in askers.items():
        module = loaded.get(name)
        said = None if module is None else attempt(partial(ask, module))
        if said:
            found[name] = said
    return found


def _mlflow(module: Any) -> str | None:
    run = module.active_run()
    if run is None:
        return None
    run_id, experiment = str(run.info.run_id), str(run.info.experiment_id)
    # MLflow's UI finds a run under this address, a file store has none.
    path = f"#/experiments/{quote(experiment)}/runs/{quote(run_id)}"
    server = scrub_url(str(module.get_tracking_uri()), schemes=_WEB)
    if server is None:
        return clean(f"run {run_id}", _LONGEST)
    return f"{server.rstrip('/')}/{path}"


def _wandb(module: Any) -> str | None:
    run = module.run
    if run is None:
        return None
    url = scrub_url(str(getattr(run, "url", None) or ""), schemes=_WEB)
    return url or clean(f"run {run.path}", _LONGEST)
