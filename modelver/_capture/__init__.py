"""Provenance that nobody had to type: environment, commit, author, host.

The desk asks for it at registration. Everything here is best effort: what cannot be
found out is left out, and no answer is worth failing a registration for. Only what
is named in these modules is recorded: neither the environment nor the arguments of
the process ever are.
"""

from modelver._capture.container import find_container_file, given_container
from modelver._capture.entry import entry_of, place_of_code
from modelver._capture.environment import capture_environment
from modelver._capture.git import (
    CodeTree,
    LfsFile,
    Submodule,
    capture_tree,
)
from modelver._capture.host import capture_run, default_author
from modelver._capture.locks import (
    find_locks,
    lock_drift,
    lock_has_hashes,
    text_drift,
)
from modelver._capture.notebook import MAX_STRIPPED, executed_cells, strip_outputs

__all__ = [
    "MAX_STRIPPED",
    "CodeTree",
    "LfsFile",
    "Submodule",
    "capture_environment",
    "capture_run",
    "capture_tree",
    "default_author",
    "entry_of",
    "executed_cells",
    "find_container_file",
    "find_locks",
    "given_container",
    "lock_drift",
    "lock_has_hashes",
    "place_of_code",
    "strip_outputs",
    "text_drift",
]
