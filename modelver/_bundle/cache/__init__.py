"""The cache: verified local copies of files, shared by the processes of one user.

``<cache>/<registry>/<manifest>/<role>/<path>``: a copy has its own name and lies beside
its siblings, so that what reads a model by its path finds the tokenizer too.

Nothing in it is needed, and nothing in it is believed: it may be deleted at any time,
and whatever is not as modelver left it is read again from the store.
"""

from modelver._bundle.cache.bounds import Bounds
from modelver._bundle.cache.copies import (
    CachedCopy,
    cached_copies,
    cached_registries,
    remove_copy,
)
from modelver._bundle.cache.files import FileCache
from modelver._bundle.cache.offline import cached_reader, not_cached

__all__ = [
    "Bounds",
    "CachedCopy",
    "FileCache",
    "cached_copies",
    "cached_reader",
    "cached_registries",
    "not_cached",
    "remove_copy",
]
