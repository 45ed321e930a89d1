"""Bundles: a user's files to a manifest and objects, and back to verified files.

Reads and writes folders; reaches the store through the two ports in ``ports.py``.
"""

from modelver._bundle.cache import FileCache
from modelver._bundle.change import Change, classify, structure_digest
from modelver._bundle.checkout import checkout
from modelver._bundle.collect import Item, collect, collect_config
from modelver._bundle.local import local_path
from modelver._bundle.read import BundleReader, read_range
from modelver._bundle.write import (
    BundleWriter,
    check_unchanged,
    digest_path,
    inputs_of,
)

__all__ = [
    "BundleReader",
    "BundleWriter",
    "Change",
    "FileCache",
    "Item",
    "check_unchanged",
    "checkout",
    "classify",
    "collect",
    "collect_config",
    "digest_path",
    "inputs_of",
    "local_path",
    "read_range",
    "structure_digest",
]
