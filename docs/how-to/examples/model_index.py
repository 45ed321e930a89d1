"""An index that keeps the versions of each model apart.

A search in one model then looks at that model's versions only, however many others
the registry has.
"""

from collections.abc import Iterable
from itertools import chain
from threading import Lock

from modelver.plugin import Document, Query, select


class ModelIndexer:
    """Fills :class:`modelver.plugin.Indexer`."""

    def __init__(self) -> None:
        self._models: dict[str, dict[str, Document]] = {}
        self._lock = Lock()

    def update(self, documents: Iterable[Document]) -> None:
        """See :meth:`modelver.plugin.Indexer.update`."""
        with self._lock:
            for document in documents:
                self._models.setdefault(document.name, {})[document.ref] = document

    def find(self, query: Query) -> list[str]:
        """See :meth:`modelver.plugin.Indexer.find`."""
        with self._lock:
            if query.model is None:
                found = list(chain(*(each.values() for each in self._models.values())))
            else:
                found = list(self._models.get(query.model, {}).values())
        return [document.ref for document in select(found, query)]
