"""Aliases, status, tags, notes, later metrics, withdrawal."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from modelver import (
    ConflictError,
    ErrorKind,
    InvalidInputError,
    ModelVersion,
    NotFoundError,
    Registry,
    VersionNotFoundError,
    WithdrawnWarning,
)

Register = Callable[..., ModelVersion]


@pytest.fixture
def three(register: Register) -> list[ModelVersion]:
    """Three versions: 0.1.0, 0.2.0 and 0.3.0."""
    return [register(data=data) for data in (b"1", b"2", b"3")]


def test_rollback_pops(registry: Registry, three: list[ModelVersion]) -> None:
    """A rollback returns to who held the alias before; a second goes one further."""
    for version in three:
        registry.promote(version, "production")
    assert registry.rollback("fraud", "production", reason="bad").version == "0.2.0"
    assert registry.rollback("fraud", "production").version == "0.1.0"
    with pytest.raises(VersionNotFoundError) as caught:
        registry.rollback("fraud", "production")
    assert caught.value.kind == ErrorKind.ALIAS
    registry.promote(three[2], "production")
    assert registry.rollback("fraud", "production").version == "0.1.0"
    history = registry.alias_history("fraud", "production")
    assert [move.kind for move in history[:2]] == ["rollback", "promote"]
    assert [move.version for move in reversed(history)] == [
        "0.1.0",
        "0.2.0",
        "0.3.0",
        "0.2.0",
        "0.1.0",
        "0.3.0",
        "0.1.0",
    ]
    assert history[-4].reason == "bad"
    assert {move.author for move in history} == {"ada"}


def test_rollback_to(registry: Registry, three: list[ModelVersion]) -> None:
    """A named version must have held the alias; a bare number will do."""
    for version in three[:2]:
        registry.promote(version, "production")
    assert registry.rollback("fraud", "production", to="0.1.0").version == "0.1.0"
    with pytest.raises(InvalidInputError, match="never was"):
        registry.rollback("fraud", "production", to="fraud@0.3.0")


def test_rollback_after_clearing(registry: Registry, three: list[ModelVersion]) -> None:
    """A cleared alias rolls back to who held it."""
    registry.promote(three[0], "production")
    registry.clear_alias("fraud", "production", reason="outage")
    assert "fraud@production" not in registry
    assert registry.rollback("fraud", "production") == three[0]


def test_rollback_passes_withdrawn_versions(
    registry: Registry, three: list[ModelVersion]
) -> None:
    """A withdrawn version does not come back by a rollback."""
    for version in three:
        registry.promote(version, "production")
    registry.withdraw(three[1], "leaks")
    assert registry.rollback("fraud", "production") == three[0]


def test_promote_compares_and_sets(
    registry: Registry, three: list[ModelVersion]
) -> None:
    """``expect`` refuses to move an alias that is elsewhere than expected."""
    registry.promote(three[0], "production", expect=False)
    with pytest.raises(ConflictError) as caught:
        registry.promote(three[1], "production", expect=False)
    assert (caught.value.expected, caught.value.actual) == (None, "0.1.0")
    with pytest.raises(ConflictError):
        registry.promote(three[1], "production", expect="0.2.0")
    for expect in ("0.1.0", "fraud@0.2.0", three[1]):
        registry.promote(three[1], "production", expect=expect)
        if expect == "0.1.0":
            assert registry.resolve("fraud@production") == "fraud@0.2.0"


def test_promoting_again_writes_nothing(
    registry: Registry, three: list[ModelVersion]
) -> None:
    """An alias that stands there already is no commit."""
    registry.promote(three[0], "production")
    seq = registry.seq
    assert registry.promote(three[0], "production").aliases == ("production",)
    assert registry.seq == seq


def test_status_is_declared(registry: Registry, three: list[ModelVersion]) -> None:
    """Only a declared status can be given; the error names close ones."""
    assert registry.set_status("fraud@0.1.0", "approved").status == "approved"
    with pytest.raises(InvalidInputError) as caught:
        registry.set_status("fraud@0.1.0", "aproved")
    assert caught.value.kind == ErrorKind.UNKNOWN_STATUS
    assert "approved" in caught.value.hints[0]
    assert registry.set_status(three[0], None).status is None


def test_tags_and_notes(registry: Registry, three: list[ModelVersion]) -> None:
    """Tags are set and removed, notes pile up; the bundle stays what it is."""
    version = registry.tag(three[0], team="risk", **{"cost-center": 7})
    assert version.tags == {"team": "risk", "cost-center": "7"}
    assert registry.untag("fraud@0.1.0", "team").tags == {"cost-center": "7"}
    with pytest.raises(NotFoundError) as caught:
        registry.untag("fraud@0.1.0", "cost-centre")
    assert caught.value.near == ("cost-center",)
    registry.note("fraud@0.1.0", "first")
    version = registry.note("fraud@0.1.0", "second")
    assert [note.text for note in version.notes] == ["first", "second"]
    assert version.digest == three[0].digest


def test_later_metrics(registry: Registry, register: Register) -> None:
    """Metrics of the same data replace; those of a named data set stand apart."""
    register(metrics={"auc": 0.9, "f1": 0.8}, slices={"de": {"auc": 0.7}})
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    registry.evaluate("fraud", {"auc": 0.91}, slices={"de": {"f1": 0.6}}, when=moment)
    version = registry.evaluate("fraud", {"auc": 0.5}, dataset="drift")
    assert version.metrics == {"auc": 0.91, "f1": 0.8}
    assert version.slices == {"de": {"auc": 0.7, "f1": 0.6}}
    first, second = (evaluation.measured for evaluation in version.evaluations)
    assert (first.when, first.dataset) == ("2026-03-01T00:00:00.000000Z", None)
    assert (second.metrics, second.dataset) == ({"auc": 0.5}, "drift")
    with pytest.raises(InvalidInputError):
        registry.evaluate("fraud", {})


def test_withdrawn_versions_hide(registry: Registry, three: list[ModelVersion]) -> None:
    """A withdrawn version is found by its exact number alone, with a warning."""
    registry.withdraw("fraud@latest", "wrong data")
    assert registry.resolve("fraud") == "fraud@0.2.0"
    assert registry.resolve("fraud@newest") == "fraud@0.2.0"
    assert registry.resolve("fraud@>=0.1,<1") == "fraud@0.2.0"
    with pytest.warns(WithdrawnWarning, match="wrong data"):
        version = registry.get("fraud@0.3.0")
    assert version.withdrawn == "wrong data"
    assert version.read("model.bin") == b"3"
    assert [v.version for v in registry.versions("fraud")] == ["0.1.0", "0.2.0"]
    assert len(registry.versions("fraud", withdrawn=True)) == len(three)
    assert registry.search() == registry.search("version < '0.3'")
    with pytest.raises(ConflictError):
        registry.promote(version, "production")
    assert registry.restore("fraud@0.3.0").withdrawn is None
    assert registry.resolve("fraud") == "fraud@0.3.0"


def test_an_alias_keeps_its_version(
    registry: Registry, three: list[ModelVersion]
) -> None:
    """What an alias names cannot be withdrawn under it."""
    registry.promote(three[0], "production")
    with pytest.raises(ConflictError, match="still production"):
        registry.withdraw(three[0], "bad")
    registry.clear_alias("fraud", "production")
    assert registry.withdraw(three[0], "bad").withdrawn == "bad"


def test_an_unheard_of_number_is_a_conflict(
    registry: Registry, three: list[ModelVersion]
) -> None:
    """An alias cannot be at a number that nobody has."""
    with pytest.raises(ConflictError) as caught:
        registry.promote(three[0], "staging", expect="9.9.9")
    assert (caught.value.expected, caught.value.actual) == ("9.9.9", None)
