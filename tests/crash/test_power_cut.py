"""The power fails: what was not flushed is gone, or is there, as it happens.

A killed process loses nothing that it gave to the system. A machine does: this holds
the order in which the folder is flushed against what is promised of it.
"""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver import Registry, RegistryNotFoundError
from modelver.backends.local import LocalBackend
from modelver.testing import Crash, Fault, FaultyBackend, Plan
from tests.crash.disk import ALL, NONE, Disk
from tests.crash.oscalls import intercepted
from tests.crash.scenarios import ALIAS, MODEL, OTHER, SCENARIOS, put, run, said

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="looks into /proc for descriptors"
    ),
]

Write = Callable[[], Any]


def _writes(url: Path) -> list[Write]:
    """Return what is written, one commit after the other."""
    registries: list[Registry] = []

    def create() -> None:
        registries.append(Registry(url, create=True))

    def half() -> None:
        # Somebody stores a bundle and is gone before the entry: the next, who has the
        # same bundle, finds objects whose names nobody has flushed.
        store = FaultyBackend(LocalBackend(str(url)))
        put(Registry(backend=store), "half", OTHER)
        _forget(store)

    del half
    return [
        create,
        lambda: put(registries[0], "one"),
        lambda: put(registries[0], "two", parents=f"{MODEL}@0.1.0"),
        lambda: registries[0].promote(f"{MODEL}@0.1.0", ALIAS),
        lambda: SCENARIOS["transaction"].act(registries[0]),
        lambda: registries[0].rollback(MODEL, ALIAS),
        lambda: put(Registry(url), "four"),
    ]


def _forget(_: Any) -> None: ...
