"""Bundles: a user's files to a manifest and objects, and back to verified files.

Reads and writes folders; reaches the store through the two ports in ``ports.py``.
"""

from modelver._bundle.cache import (
    Bounds,
    CachedCopy,
    FileCache,
    cached_copies,
    cached_reader,
    cached_registries,
    not_cached,
    remove_copy,
)
from modelver._bundle.change import Change, classify, structure_digest
from modelver._bundle.checkout import checkout
from modelver._bundle.collect import Item, collect, collect_config
from modelver._bundle.digesting import (
    Stamps,
    digest_items,
    peek,
    pieces_of,
    pointer_of,
    refuse_pointers,
)
from modelver._bundle.inputs import digest_path, folder_digest, inputs_of
from modelver._bundle.known import LOOKED_FOR, Known
from modelver._bundle.local import local_path, read_small
from modelver._bundle.memory import LocalMemory
from modelver._bundle.read import BundleReader, read_range
from modelver._bundle.write import BundleWriter, check_unchanged

__all__ = [
    "LOOKED_FOR",
    "Bounds",
    "BundleReader",
    "BundleWriter",
    "CachedCopy",
    "Change",
    "FileCache",
    "Item",
    "Known",
    "LocalMemory",
    "Stamps",
    "cached_copies",
    "cached_reader",
    "cached_registries",
    "check_unchanged",
    "checkout",
    "classify",
    "collect",
    "collect_config",
    "digest_items",
    "digest_path",
    "folder_digest",
    "inputs_of",
    "local_path",
    "not_cached",
    "peek",
    "pieces_of",
    "pointer_of",
    "read_range",
    "read_small",
    "refuse_pointers",
    "remove_copy",
    "structure_digest",
]
