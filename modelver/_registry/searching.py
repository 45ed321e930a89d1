"""Keeps an indexer told of what the log says, and asks it."""

import warnings
from threading import Lock
from typing import Any, Final

from modelver._registry.gather import document_of
from modelver._search.grammar import parse_filter, parse_order
from modelver._values.matching import select
from modelver._values.query import Query
from modelver._values.state import ModelState, State
from modelver.errors import InvalidInputError, ModelverWarning
from modelver.plugin import Document, Indexer

_MOST: Final = 1_000_000


def make_query(
    text: str | None, model: str | None, order_by: Any, limit: int | None
) -> Query:
    """Return the query that a caller means.

    Raises:
        InvalidInputError: The filter or the order does not parse (kind
            ``BAD_FILTER``), or the limit is none.
    """
    if limit is not None and (type(limit) is not int or not 0 < limit <= _MOST):
        raise InvalidInputError(f"the limit is no whole number from 1 to {_MOST}")
    return Query(
        where=None if text is None or text == "" else parse_filter(text),
        model=model,
        order_by=parse_order(order_by) if order_by is not None else (),
        limit=limit,
    )


class Searcher:
    """One indexer and the state that it was told of last."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer: Indexer | None = indexer
        self._told: dict[str, ModelState] = {}
        self._documents: dict[str, Document] = {}
        self._lock = Lock()

    def find(self, state: State, query: Query) -> list[str]:
        """Return the refs that match, in order.

        An indexer that fails makes a warning, and the documents are scanned.
        """
        with self._lock:
            changed = self._changed(state)
            if self._indexer is not None:
                try:
                    if changed:
                        self._indexer.update(changed)
                    return self._indexer.find(query)
                except Exception as error:  # noqa: BLE001 - a plug-in's own errors
                    self._indexer = None
                    warnings.warn(
                        f"the index failed and is not used any more: {error!r}",
                        ModelverWarning,
                        stacklevel=4,
                    )
            return [d.ref for d in select(self._documents.values(), query)]

    def _changed(self, state: State) -> list[Document]:
        """Return the documents that are new or other than before."""
        changed = []
        for name, model in state.models.items():
            told = self._told.get(name)
            if told is model:
                continue
            before = _holders(told) if told is not None else {}
            now = _holders(model)
            for key, version in model.versions.items():
                aliases = now.get(version.version, ())
                if (
                    told is not None
                    and told.versions.get(key) is version
                    and before.get(version.version, ()) == aliases
                ):
                    continue
                document = document_of(version, aliases)
                self._documents[document.ref] = document
                changed.append(document)
            self._told[name] = model
        return changed


def _holders(model: ModelState) -> dict[str, tuple[str, ...]]:
    """Return the aliases of each version that has any."""
    return {v: model.aliases_of(v) for v in set(model.aliases.values())}
