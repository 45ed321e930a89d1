"""Provenance that nobody had to type: environment, commit, author, host.

The desk asks for it at registration. Everything here is best effort: what cannot be
found out is left out, and no answer is worth failing a registration for. Only what
is named in these modules is recorded: neither the environment nor the arguments of
the process ever are.
"""

from modelver._capture.environment import capture_environment
from modelver._capture.git import GitState, capture_commit
from modelver._capture.host import capture_run, default_author

__all__ = [
    "GitState",
    "capture_commit",
    "capture_environment",
    "capture_run",
    "default_author",
]
