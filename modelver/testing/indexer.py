"""What every indexer must do: subclass it beside the indexer and run pytest.

::

    class TestMine(IndexerContract):
        def make(self) -> Indexer:
            return MyIndexer()

Filters are written as a user types them, and their answers by hand; one test
compares with ``modelver._values.matching``, which is the meaning of a query. How an
indexer keeps anything is not known here.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import evolve

from modelver._search.grammar import parse_filter, parse_order
from modelver._values.matching import select
from modelver._values.query import (
    Comparison,
    Document,
    Field,
    In,
    IsNull,
    Not,
    Query,
)
from modelver.plugin import Indexer
from modelver.testing.documents import (
    ALL,
    ANSWERS,
    DOCUMENTS,
    F10,
    F11,
    F19,
    N2,
    ORDERS,
)
from modelver.testing.queries import random_document, random_expr, random_order

__all__ = ["IndexerContract"]


class IndexerContract(ABC):
    """The executable half of the promise that ``plugin.Indexer`` makes."""

    @abstractmethod
    def make(self) -> Indexer:
        """Return a new, empty indexer."""

    def filled(self, documents: Iterable[Document] = DOCUMENTS) -> Indexer:
        """Return an indexer that was told of *documents*."""
        indexer = self.make()
        indexer.update(documents)
        return indexer

    def test_fills_the_socket(self) -> None:
        """It has the methods of an indexer."""
        assert isinstance(self.make(), Indexer)

    def test_empty_index_finds_nothing(self) -> None:
        """Without documents every search has an answer, and it is empty."""
        indexer = self.make()
        assert indexer.find(Query()) == []
        assert indexer.find(Query(where=parse_filter("alias is null"))) == []

    def test_filters(self) -> None:
        """Every filter of the table finds what the table says."""
        indexer = self.filled()
        found = {
            text: set(indexer.find(Query(where=parse_filter(text)))) for text in ANSWERS
        }
        wrong = {text: refs for text, refs in found.items() if refs != ANSWERS[text]}
        assert wrong == {}, wrong

    def test_orders(self) -> None:
        """Every order of the table is the table's: ties, types, what is missing."""
        indexer = self.filled()
        found = {t: indexer.find(Query(order_by=parse_order(t))) for t in ORDERS}
        assert found == ORDERS, found

    def test_default_order(self) -> None:
        """Without an order: by name, then the higher version first."""
        assert self.filled().find(Query()) == [F11, F19, F10, N2]

    def test_order_of_arrival_does_not_matter(self) -> None:
        """However the documents came in, the answer is the same."""
        for text, refs in ORDERS.items():
            backwards = self.filled(reversed(DOCUMENTS))
            assert backwards.find(Query(order_by=parse_order(text))) == refs

    def test_limit_cuts_after_ordering(self) -> None:
        """The limit keeps the first of the order, and may be 0 or too large."""
        indexer, keys = self.filled(), parse_order("metrics.auc")
        for limit in (0, 1, 2, 100):
            found = indexer.find(Query(order_by=keys, limit=limit))
            assert found == ORDERS["metrics.auc"][:limit]

    def test_model(self) -> None:
        """Only versions of the model, whose name is no pattern and no prefix."""
        indexer = self.filled()
        assert indexer.find(Query(model="nlp/intent")) == [N2]
        for name in ("nlp", "fraud%", "FRAUD", ""):
            assert indexer.find(Query(model=name)) == []

    def test_withdrawn_is_never_found(self) -> None:
        """A withdrawn version is in no answer, and is again once restored."""
        indexer = self.filled()
        withdrawn = DOCUMENTS[-1]
        query = Query(where=parse_filter("alias = 'broken'"))
        assert indexer.find(query) == []
        indexer.update([evolve(withdrawn, withdrawn=False)])
        assert indexer.find(query) == [withdrawn.ref]
        indexer.update([withdrawn])
        assert indexer.find(query) == []
        assert indexer.find(Query(model="nlp/intent")) == [N2]

    def test_update_replaces(self) -> None:
        """A document takes the place of the one with its ref, in all its parts."""
        indexer, old = self.filled(), DOCUMENTS[0]
        bare = Document(
            ref=old.ref,
            name=old.name,
            version=old.version,
            seq=old.seq,
            author=old.author,
            created=old.created,
            tags={"task": "new"},
        )
        indexer.update([bare])
        for text in (
            "tags.team = 'risk_eu'",
            "metrics.auc = 0.91",
            'metrics.auc@"country=DE" = 0.9',
            "status = 'archived'",
            "params.lr = 0.1",
        ):
            assert indexer.find(Query(where=parse_filter(text))) == []
        assert indexer.find(Query(where=parse_filter("tags.task = 'new'"))) == [F10]
        assert len(indexer.find(Query())) == len(ALL)

    def test_last_of_one_update_counts(self) -> None:
        """Two documents with one ref in a single update: the later one stays."""
        twice = [DOCUMENTS[0], evolve(DOCUMENTS[0], status="approved")]
        query = Query(where=parse_filter("status = 'approved'"))
        assert self.filled(iter(twice)).find(query) == [F10]

    def test_text_is_only_text(self) -> None:
        """Quotes, wildcards and SQL in values and names are themselves."""
        texts = [
            "' OR 1=1--",
            '"; DROP',
            "a%b",
            "a_b",
            "\\",
            "x\0y",
            "",
            "ﬀ",
            "\x1b[2J",
        ]
        for text in texts:
            odd = evolve(DOCUMENTS[0], tags={text: text}, params={text: text})
            indexer = self.filled([odd, DOCUMENTS[1]])
            for kind in ("tags", "params"):
                field = Field("tags" if kind == "tags" else "params", text)
                for where in (
                    Comparison(field, "=", text),
                    In(field, ("other", text)),
                    Not(IsNull(field)),
                ):
                    assert indexer.find(Query(where=where)) == [odd.ref]
                missing = Comparison(field, "=", text + "x")
                assert indexer.find(Query(where=missing)) == []

    def test_agrees_with_the_meaning(self) -> None:
        """Random queries over random documents are answered as ``select`` does."""
        for seed in range(200):
            rng = random.Random(seed)  # noqa: S311 - examples, not secrets
            documents = [random_document(rng, n) for n in range(rng.randrange(30))]
            indexer = self.filled(documents)
            for _ in range(5):
                query = Query(
                    where=random_expr(rng, 3),
                    model=rng.choice([None, None, "a", "b"]),
                    order_by=random_order(rng),
                    limit=rng.choice([None, None, 3]),
                )
                expected = [document.ref for document in select(documents, query)]
                assert indexer.find(query) == expected, query

    def test_many_threads(self) -> None:
        """Searches during updates see each document old or new, and always once."""
        indexer = self.filled()
        query = Query(order_by=parse_order("version desc"))

        def write(n: int) -> None:
            indexer.update([evolve(d, status=f"s{n}") for d in DOCUMENTS])

        def search(_: int) -> Sequence[str]:
            return indexer.find(query)

        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(write, n) for n in range(50)]
            answers = list(pool.map(search, range(200)))
            for each in writes:
                each.result()
        assert all(answer == ORDERS["version desc"] for answer in answers)
