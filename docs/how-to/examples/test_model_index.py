"""The index keeps the promise that modelver holds every index to."""

from model_index import ModelIndexer

from modelver.plugin import Indexer
from modelver.testing import IndexerContract


class TestModelIndexer(IndexerContract):
    """Run by pytest: every test is in the suite."""

    def make(self) -> Indexer:
        """Return an empty one."""
        return ModelIndexer()
