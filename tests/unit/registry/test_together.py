"""Transactions and drafts: all or nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modelver import (
    ConflictError,
    ErrorKind,
    InvalidInputError,
    ModelVersion,
    NotFoundError,
    Registry,
)

Register = Callable[..., ModelVersion]


def stop(act: Callable[[], None]) -> None:
    """Raise in the middle of a block, after something was done."""
    act()
    raise KeyError("stop")


def test_a_transaction_is_one_commit(registry: Registry, register: Register) -> None:
    """Actions over several models see one another, and land together."""
    base = register("base")
    with registry.transaction("release 7", author="grace") as tx:
        new = tx.register("fraud", {"m": b"1"}, parents=base, environment=False)
        child = tx.register("child", {"m": b"1"}, parents=[new], environment=False)
        tx.promote(new, "production", expect=False)
        tx.promote("fraud@0.1.0", "staging")
        tx.set_status(child, "approved")
        tx.tag(base, used="yes")
        tx.evaluate(new, {"auc": 0.9})
        tx.note(child, "made from fraud")
        with pytest.raises(InvalidInputError) as early:
            _ = new.version
    assert early.value.kind == ErrorKind.CLOSED
    assert registry.seq == 2
    commit = registry.log()[0]
    assert (commit.message, commit.author) == ("release 7", "grace")
    assert commit.models == ("base", "child", "fraud")
    assert new.version.aliases == ("production", "staging")
    assert child.version.parents == ("fraud@0.1.0",)
    assert child.version.status == "approved"
    assert registry.get("base").tags == {"used": "yes"}


def test_a_transaction_that_raises_is_nothing(
    registry: Registry, register: Register
) -> None:
    """An exception in the block leaves no commit."""
    register()
    tx = registry.transaction()
    with pytest.raises(KeyError, match="stop"), tx:
        stop(lambda: tx.tag("fraud", a="b"))
    assert registry.seq == 1
    assert registry.get("fraud").tags == {}


@pytest.mark.parametrize("refused", ["other", "withdrawn", "expect"])
def test_one_refused_action_refuses_all(
    registry: Registry, register: Register, refused: str
) -> None:
    """If any action cannot be, none of the others takes effect."""
    register(data=b"1")
    second = register(data=b"2")
    if refused == "withdrawn":
        registry.withdraw("fraud@0.2.0", "bad")
    seq = registry.seq
    tx = registry.transaction()

    def act() -> None:
        tx.tag("fraud@0.1.0", a="b")
        if refused == "other":
            tx.promote("other@1.0.0", "production")
        elif refused == "withdrawn":
            tx.promote(second, "production")
        else:
            tx.promote("fraud@0.1.0", "production", expect="0.2.0")

    with pytest.raises((NotFoundError, ConflictError)), tx:
        act()
    assert registry.seq == seq
    assert registry.get("fraud@0.1.0").tags == {}


def test_an_empty_transaction_writes_nothing(registry: Registry) -> None:
    """A block without actions is no commit."""
    with registry.transaction():
        pass
    assert registry.seq == 0


def test_a_closed_transaction_refuses(registry: Registry, register: Register) -> None:
    """A verb outside of the block is an error, not a silent loss."""
    register()
    tx = registry.transaction()
    with pytest.raises(InvalidInputError):
        tx.tag("fraud", a="b")
    with tx:
        pass
    with pytest.raises(InvalidInputError):
        tx.tag("fraud", a="b")


def test_a_draft_takes_things_as_they_come(registry: Registry, tmp_path: Path) -> None:
    """A file is kept as it was when it was added; all lands at the end."""
    checkpoint = tmp_path / "checkpoint.bin"
    base = registry.register("base", {"b": b"1"}, environment=False)
    with registry.draft(
        "fraud", bump="minor", config={"a": 1}, environment=False, tags={"t": "1"}
    ) as draft:
        checkpoint.write_bytes(b"early")
        draft.add(checkpoint)
        checkpoint.write_bytes(b"later")
        draft.add({"train.csv": b"1,2"}, role="data")
        draft.log_metrics({"auc": 0.8})
        draft.log_metrics({"auc": 0.9, "f1": 0.7})
        draft.log_metrics({"auc": 0.6}, slice="country=DE")
        draft.log_params({"lr": 0.1})
        draft.log_config({"b": 2})
        draft.tag(t=2)
        assert draft.use("base@latest") == base
        assert registry.models() == ["base"]
    version = draft.version
    assert version.read("checkpoint.bin") == b"early"
    assert version.metrics == {"auc": 0.9, "f1": 0.7}
    assert version.slices == {"country=DE": {"auc": 0.6}}
    assert version.config == {"a": 1, "b": 2}
    assert (version.params, version.tags) == ({"lr": 0.1}, {"t": "2"})
    assert version.parents == ("base@0.1.0",)
    assert [source.name for source in version.inputs] == ["train.csv"]


def test_a_draft_that_raises_is_nothing(registry: Registry) -> None:
    """An exception in the block leaves no version, and no commit."""
    draft = registry.draft("fraud")
    with pytest.raises(KeyError, match="stop"), draft:
        stop(lambda: draft.add({"m": b"1"}))
    assert registry.seq == 0
    with pytest.raises(InvalidInputError):
        _ = draft.version
    with pytest.raises(InvalidInputError):
        draft.add({"n": b"1"})


def test_a_draft_refuses_what_cannot_be(registry: Registry) -> None:
    """Nothing at all, an unknown word or role, a path twice."""
    empty = registry.draft("fraud", environment=False)
    with pytest.raises(InvalidInputError, match="nothing was given"), empty:
        pass
    with pytest.raises(InvalidInputError, match="takes no 'metric'"):
        registry.draft("fraud", metric={"auc": 1})
    with registry.draft("fraud", {"m": b"1"}, environment=False) as draft:
        with pytest.raises(InvalidInputError):
            draft.add({"M": b"2"})
        with pytest.raises(InvalidInputError):
            draft.add({"x": b"2"}, role="weights")
    assert [file.path for file in draft.version.files] == ["model/m"]
