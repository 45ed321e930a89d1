"""The index without an index: keep the documents and look at every one.

The built-in answer to every search, found by the name ``scan``. It fits a registry
whose state is in memory anyway: 10,000 versions take some milliseconds.
"""

from collections.abc import Iterable
from threading import Lock

from modelver._values.matching import select
from modelver._values.query import Document, Query

__all__ = ["ScanIndexer"]


class ScanIndexer:
    """Looks at every document; nothing to build, nothing to lose.

    One instance is used by many threads.
    """

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._lock = Lock()

    def update(self, documents: Iterable[Document]) -> None:
        """Add or replace documents, each known by its ``ref``."""
        new = {document.ref: document for document in documents}
        for document in new.values():
            # Every answer is ordered by it: work it out now, not in a search.
            _ = document.precedence
        with self._lock:
            self._documents.update(new)

    def find(self, query: Query) -> list[str]:
        """Return the refs that match, ordered and cut as *query* says."""
        with self._lock:
            documents = list(self._documents.values())
        return [document.ref for document in select(documents, query)]
