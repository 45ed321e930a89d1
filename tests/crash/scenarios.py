"""What is interrupted: each way of writing to a registry, from a known beginning.

Each scenario is one commit (or the creation), so a reader may see the state before it
or the state after it, and nothing else.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from modelver import Registry
from modelver.plugin import Backend

MODEL: Final = "fraud"
OTHER: Final = "nlp/intent"
ALIAS: Final = "production"
_TIME: Final = re.compile(r"time='[^']*'")

Act = Callable[[Registry], Any]


@frozen(kw_only=True)
class Scenario:
    """One way of writing.

    Attributes:
        before: Prepares the registry; None: there is none, and *act* gets a new one.
        act: The write.
        next: The number that a version of :data:`MODEL` gets after the state before,
            and after the state that *act* leaves.
        least: How many storage operations *act* takes at least, opening included: a
            sweep over fewer would have shrunk unseen.
        again: Whether *act*, done once more, changes nothing.
    """

    before: Act | None
    act: Act
    next: tuple[str, str]
    least: int
    again: bool = True


def put(registry: Registry, content: str, model: str = MODEL, **words: Any) -> Any:
    """Register a bundle of two files, which *content* makes another one."""
    files = {"w.bin": content.encode(), "card.md": b"# " + content.encode()}
    words.setdefault("bump", "minor")
    return registry.register(
        model, files, config={"seed": content}, environment=False, **words
    )


def _nothing(_: Registry) -> None:
    """Leave an empty registry as it is."""


def _two(registry: Registry) -> None:
    put(registry, "one", metrics={"auc": 0.9})
    put(registry, "two", tags={"team": "risk"}, parents=f"{MODEL}@0.1.0")
    put(registry, "one", OTHER)


def _moved(registry: Registry) -> None:
    _two(registry)
    registry.promote(f"{MODEL}@0.1.0", ALIAS)
    registry.promote(f"{MODEL}@0.2.0", ALIAS)


def _sixty_three(registry: Registry) -> None:
    _two(registry)
    for number in range(60):
        registry.tag(f"{MODEL}@0.1.0", round=number)


def _transaction(registry: Registry) -> None:
    with registry.transaction("release 7") as batch:
        new = batch.register(
            MODEL, {"w.bin": b"three"}, bump="minor", environment=False
        )
        batch.register(OTHER, {"w.bin": b"two"}, parents=[new], environment=False)
        batch.promote(new, ALIAS, reason="release 7")


def _draft(registry: Registry) -> None:
    with registry.draft(MODEL, environment=False, bump="minor") as draft:
        draft.add({"w.bin": b"three"})
        draft.log_metrics({"auc": 0.93})
        draft.add({"data.csv": b"a,b\n1,2\n"}, role="data")
        draft.use(f"{OTHER}@latest")


def _clear(registry: Registry) -> None:
    registry.clear_alias(MODEL, ALIAS)


def _withdrawn(registry: Registry) -> None:
    _two(registry)
    registry.withdraw(f"{MODEL}@0.2.0", "bad data")


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "create": Scenario(before=None, act=lambda r: r, next=("0.1.0", "0.1.0"), least=5),
    "register the first": Scenario(
        before=_nothing,
        act=lambda r: put(r, "one", metrics={"auc": 0.9}),
        next=("0.1.0", "0.2.0"),
        least=15,
    ),
    "register the next": Scenario(
        before=_two,
        act=lambda r: put(r, "three", parents=f"{OTHER}@0.1.0", aliases=ALIAS),
        next=("0.3.0", "0.4.0"),
        least=15,
    ),
    "register a number": Scenario(
        before=_two,
        act=lambda r: put(r, "three", version="1.0.0", bump="auto"),
        next=("0.3.0", "1.1.0"),
        least=15,
    ),
    "register the same": Scenario(
        before=_two,
        act=lambda r: put(r, "two", tags={"team": "risk"}),
        next=("0.3.0", "0.3.0"),
        least=5,
    ),
    "register by draft": Scenario(
        before=_two, act=_draft, next=("0.3.0", "0.4.0"), least=10
    ),
    "roll up": Scenario(
        before=_sixty_three,
        act=lambda r: put(r, "three"),
        next=("0.3.0", "0.4.0"),
        least=16,
    ),
    "promote": Scenario(
        before=_two,
        act=lambda r: r.promote(f"{MODEL}@0.2.0", ALIAS, expect=False),
        next=("0.3.0", "0.3.0"),
        least=4,
        again=False,
    ),
    "roll back": Scenario(
        before=_moved,
        act=lambda r: r.rollback(MODEL, ALIAS, reason="it drifts"),
        next=("0.3.0", "0.3.0"),
        least=4,
        again=False,
    ),
    "clear": Scenario(
        before=_moved,
        act=_clear,
        next=("0.3.0", "0.3.0"),
        least=4,
        again=False,
    ),
    "transaction": Scenario(
        before=_two, act=_transaction, next=("0.3.0", "0.4.0"), least=14, again=False
    ),
    "tag": Scenario(
        before=_two,
        act=lambda r: r.tag(f"{MODEL}@0.2.0", team="fraud", stage="2"),
        next=("0.3.0", "0.3.0"),
        least=4,
    ),
    "evaluate": Scenario(
        before=_two,
        act=lambda r: r.evaluate(f"{MODEL}@0.2.0", {"auc": 0.91}),
        next=("0.3.0", "0.3.0"),
        least=4,
        again=False,
    ),
    "set the status": Scenario(
        before=_two,
        act=lambda r: r.set_status(f"{MODEL}@0.2.0", "approved"),
        next=("0.3.0", "0.3.0"),
        least=4,
    ),
    "withdraw": Scenario(
        before=_two,
        act=lambda r: r.withdraw(f"{MODEL}@0.2.0", "bad data"),
        next=("0.3.0", "0.3.0"),
        least=4,
    ),
    "restore": Scenario(
        before=_withdrawn,
        act=lambda r: r.restore(f"{MODEL}@0.2.0"),
        next=("0.3.0", "0.3.0"),
        least=4,
    ),
}


def said(registry: Registry) -> str:
    """Return all that *registry* says of its models, but for when, where and by chance.

    The record of a run is left out: it tells of the process that registered, which
    libraries it had loaded, and how far their random generators were.
    """
    models = {
        name: evolve(
            model,
            versions={
                key: evolve(version, record=evolve(version.record, run={}))
                for key, version in model.versions.items()
            },
        )
        for name, model in registry._core.state().models.items()
    }
    return _TIME.sub("time=''", repr(models))


def run(scenario: Scenario, backend: Backend, timeout: float = 60.0) -> Registry:
    """Open the registry in *backend*, or create it, and act."""
    registry = Registry(
        backend=backend, create=scenario.before is None, timeout=timeout
    )
    scenario.act(registry)
    return registry


def prepare(scenario: Scenario, backend: Backend) -> None:
    """Make what stands there before."""
    if scenario.before is not None:
        scenario.before(Registry(backend=backend, create=True))
