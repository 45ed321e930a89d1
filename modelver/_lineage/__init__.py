"""Lineage: which data, code and versions a version was made from, and what from it.

The desk hands over the versions that it folded; nothing here opens a registry.
"""

from modelver._lineage.graph import (
    Edge,
    Node,
    users_of,
    users_of_address,
    users_of_version,
)
from modelver._lineage.lineage import Lineage

__all__ = [
    "Edge",
    "Lineage",
    "Node",
    "users_of",
    "users_of_address",
    "users_of_version",
]
