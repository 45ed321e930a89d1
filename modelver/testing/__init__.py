"""For people who fill a socket, and for everybody who wants to see a store fail.

The conformance suites are the executable half of what ``modelver.plugin`` promises:
subclass one, say how to make yours, and run pytest. The backends here are wrappers
over any backend: one fails on purpose, one counts, one is slow.

The suites need pytest and are imported when they are asked for; nothing else does.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelver.testing.faulty import (
    Crash,
    Fault,
    FaultyBackend,
    ForbiddenWriteError,
    InjectedFaultError,
    Plan,
)
from modelver.testing.latency import LatencyBackend
from modelver.testing.recording import Call, RecordingBackend
from modelver.testing.wrapper import Operation, WrapperBackend

if TYPE_CHECKING:
    from modelver.testing.contract import BackendContract
    from modelver.testing.indexer import IndexerContract

__all__ = [
    "BackendContract",
    "Call",
    "Crash",
    "Fault",
    "FaultyBackend",
    "ForbiddenWriteError",
    "IndexerContract",
    "InjectedFaultError",
    "LatencyBackend",
    "Operation",
    "Plan",
    "RecordingBackend",
    "WrapperBackend",
]

_SUITES = {"BackendContract": "contract", "IndexerContract": "indexer"}

_pytest = sys.modules.get("pytest")
if _pytest is not None:
    # Their asserts explain themselves as those of a test module do.
    _pytest.register_assert_rewrite(
        *(
            f"{__name__}.contract{part}"
            for part in ("", "_base", "_create", "_life", "_read")
        ),
        f"{__name__}.indexer",
    )


def __getattr__(name: str) -> Any:
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_SUITES[name]}"), name)
