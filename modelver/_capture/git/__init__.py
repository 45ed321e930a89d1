"""What Git knows of the code: where it stands, what was changed, which files it is.

A repository is data that somebody else may have written, and Git runs programs that
a repository's configuration names: monitors, hooks, filters, external differs. Here
Git runs with an empty environment and with each of them switched off. Nothing is
written, nothing is fetched, and it all ends within seconds.
"""

from modelver._capture.git.choose import MAX_FILE, PATCH
from modelver._capture.git.state import CodeTree, LfsFile, Submodule
from modelver._capture.git.tree import capture_tree

__all__ = [
    "MAX_FILE",
    "PATCH",
    "CodeTree",
    "LfsFile",
    "Submodule",
    "capture_tree",
]
