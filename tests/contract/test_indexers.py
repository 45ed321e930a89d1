"""The indexers that ship with modelver keep the promise of the socket."""

from modelver.indexers.scan import ScanIndexer
from modelver.plugin import Indexer
from modelver.testing.indexer import IndexerContract


class TestScan(IndexerContract):
    """Looking at every document."""

    def make(self) -> Indexer:
        """Return an empty one."""
        return ScanIndexer()
