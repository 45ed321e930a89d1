"""The checker of histories can fail: each kind of bad history is refused."""

from datetime import UTC, datetime

import pytest

from modelver import Commit, Registry
from modelver._values.entry import Record, Register
from tests.race.history import (
    Call,
    HistoryError,
    Look,
    Outcome,
    check_calls,
    check_looks,
    view,
)


def _call(
    token: str,
    begin: int,
    end: int,
    outcome: Outcome = "ok",
    seq: int | None = None,
) -> Call:
    ref = None if seq is None else f"m@0.{seq}.0"
    return Call(token=token, begin=begin, end=end, outcome=outcome, seq=seq, ref=ref)


def _commit(seq: int, token: str, number: int = 0, void: str | None = None) -> Commit:
    digest = "b3:" + "0" * 64
    register = Register(
        name="m",
        version=f"0.{number or seq}.0",
        bundle=digest,
        manifest=digest,
        record=Record(),
    )
    return Commit(
        seq=seq,
        txid=token,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        author="a",
        tool="t",
        message=token,
        actions=(register,),
        void=void,
    )


def test_a_good_history_passes() -> None:
    """Calls that overlap stand in any order; unknown ones may be there or not."""
    calls = [
        _call("a", 0, 9, seq=2),
        _call("b", 5, 6, seq=1),
        _call("c", 7, 12, "unknown"),
        _call("d", 10, 11, "unknown"),
        _call("e", 1, 2, "failed"),
    ]
    check_calls(calls, [_commit(1, "b"), _commit(2, "a"), _commit(3, "c")])


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ([_commit(1, "a")], "0 times"),
        ([_commit(1, "a"), _commit(2, "b"), _commit(3, "b")], "2 times"),
        ([_commit(1, "b"), _commit(2, "a")], "stands after it"),
        ([_commit(1, "a"), _commit(2, "b"), _commit(3, "failed")], "1 times"),
        ([_commit(1, "a"), _commit(2, "b"), _commit(3, "nobody")], "nobody wrote"),
        ([_commit(1, "a"), _commit(3, "b")], "positions"),
        ([_commit(1, "a"), _commit(2, "b", void="taken")], "void"),
        ([_commit(1, "a"), _commit(2, "b", number=1)], "is in the commits"),
        ([_commit(1, "a"), _commit(2, "b", number=7)], "was answered"),
    ],
)
def test_a_bad_history_is_refused(log: list[Commit], why: str) -> None:
    """A lost, doubled, reordered, failed, strange or void commit is seen."""
    calls = [
        _call("a", 0, 1, seq=1),
        _call("b", 2, 3, seq=2),
        _call("failed", 4, 5, "failed"),
    ]
    with pytest.raises(HistoryError, match=why):
        check_calls(calls, log)


def test_a_bad_look_is_refused() -> None:
    """A look that is torn, too old, too early, or older than the last one is seen."""
    registry = Registry("memory://looks", create=True)
    calls = []
    for number in range(3):
        token = str(number)
        registry.register("m", {"w": token.encode()}, message=token)
        calls.append(_call(token, 10 * number, 10 * number + 5))
    views = [view(registry.at(seq)) for seq in range(4)]
    assert len(set(views)) == 4

    def look(begin: int, seq: int, *, of: int, client: str = "r") -> Look:
        return Look(begin=begin, end=begin + 1, seq=seq, view=views[of], client=client)

    check_looks(
        [look(7, 1, of=1), look(12, 1, of=1), look(13, 2, of=2)], calls, registry
    )
    for looks, why in (
        ([look(7, 1, of=2)], "not what commit 1 left"),
        ([look(17, 1, of=1)], "between 2 and 2"),
        ([look(7, 2, of=2)], "between 1 and 1"),
        ([look(12, 2, of=2), look(14, 1, of=1)], "went back"),
    ):
        with pytest.raises(HistoryError, match=why):
            check_looks(looks, calls, registry)
    check_looks([look(12, 2, of=2), look(14, 1, of=1, client="other")], calls, registry)
