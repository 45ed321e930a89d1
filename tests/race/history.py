"""What a history of calls must be like, whatever the interleaving was.

Every call carries a token that its commit repeats (the message, or the reason of an
alias move), so calls and commits are matched without asking the code under test.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, Self

from attrs import asdict, frozen

from modelver import Commit, Registry
from modelver._values.entry import Register

Outcome = Literal["ok", "failed", "unknown"]


class HistoryError(AssertionError):
    """The history could not have happened one call after the other."""


@frozen(kw_only=True)
class Call:
    """One call that was to write.

    Attributes:
        token: What its commit repeats; unique.
        begin: Before it was called; ns of a clock that all processes share.
        end: After it came back, or failed.
        outcome: What the caller was told.
        ref: The version that it was answered, if it registered one.
        seq: The commit of that version.
        kind: Of the error.
        expect: Where an alias had to stand.
    """

    token: str
    begin: int
    end: int
    outcome: Outcome
    ref: str | None = None
    seq: int | None = None
    kind: str | None = None
    expect: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Return what :meth:`to_dict` gave."""
        return cls(**found)


@frozen(kw_only=True)
class Look:
    """What a reader saw at once.

    Attributes:
        seq: The newest commit in it.
        view: Digest of the whole state; see :func:`view`.
        client: Who looked: one client never goes back.
    """

    begin: int
    end: int
    seq: int
    view: str
    client: str


def view(registry: Registry) -> str:
    """Return a digest of everything that *registry* says, in one state."""
    return sha256(repr(registry._core.state()).encode()).hexdigest()


def token_of(commit: Commit) -> str | None:
    """Return the token that a commit repeats."""
    if commit.message is not None:
        return commit.message
    reasons = (getattr(action, "reason", None) for action in commit.actions)
    return next((reason for reason in reasons if reason is not None), None)


def check_calls(calls: Sequence[Call], commits: Iterable[Commit]) -> None:
    """Refuse a history that is not linearizable.

    Acknowledged calls are there exactly once, failed ones never, unknown ones at most
    once; nothing is there that nobody called; a call that ended before another began
    stands before it; the answers are true.

    Raises:
        HistoryError: One of these does not hold.
    """
    log = sorted(commits, key=lambda commit: commit.seq)
    if [c.seq for c in log] != list(range(1, len(log) + 1)):
        raise HistoryError(f"the log has the positions {[c.seq for c in log]}")
    void = [c.seq for c in log if c.void]
    if void:
        raise HistoryError(f"the commits {void} are void: they were decided wrongly")
    counted = Counter(token_of(commit) for commit in log)
    by_token = {call.token: call for call in calls}
    if len(by_token) != len(calls):
        raise HistoryError("two calls have the same token")
    strange = counted.keys() - by_token.keys()
    if strange:
        raise HistoryError(f"nobody wrote {strange}")
    allowed = {"ok": {1}, "failed": {0}, "unknown": {0, 1}}
    for call in calls:
        if counted[call.token] not in allowed[call.outcome]:
            raise HistoryError(f"{call} is in the log {counted[call.token]} times")
    _check_order([by_token[str(token_of(commit))] for commit in log])
    _check_answers(by_token, log)


def _check_order(calls: Sequence[Call]) -> None:
    latest, who = 0, None
    for call in calls:
        if call.outcome == "ok" and call.end < latest:
            raise HistoryError(f"{call} ended before {who} began, and stands after it")
        if call.begin > latest:
            latest, who = call.begin, call


def _check_answers(calls: Mapping[str, Call], log: Iterable[Commit]) -> None:
    taken: dict[str, int] = {}
    for commit in log:
        made = [
            f"{action.name}@{action.version}"
            for action in commit.actions
            if isinstance(action, Register)
        ]
        for ref in made:
            if ref in taken:
                raise HistoryError(
                    f"{ref} is in the commits {taken[ref]}, {commit.seq}"
                )
            taken[ref] = commit.seq
        call = calls[str(token_of(commit))]
        if (
            made
            and call.ref is not None
            and (call.ref, call.seq)
            != (
                made[0],
                commit.seq,
            )
        ):
            raise HistoryError(f"{call} was answered, commit {commit.seq} made {made}")


def check_looks(
    looks: Sequence[Look], calls: Iterable[Call], registry: Registry
) -> None:
    """Refuse looks that were not at a whole prefix of the log, neither old nor early.

    Raises:
        HistoryError: One was not, or a client went back.
    """
    seqs = {token_of(commit): commit.seq for commit in registry.log()}
    done = [c for c in calls if c.token in seqs]
    acknowledged = sorted((c.end, seqs[c.token]) for c in done if c.outcome == "ok")
    begun = sorted((c.begin, seqs[c.token]) for c in done)
    views: dict[int, str] = {}
    newest: dict[str, int] = {}
    for look in sorted(looks, key=lambda look: look.begin):
        if look.seq not in views:
            views[look.seq] = view(registry.at(look.seq))
        if look.view != views[look.seq]:
            raise HistoryError(f"{look} is not what commit {look.seq} left")
        low = max((seq for end, seq in acknowledged if end < look.begin), default=0)
        high = max((seq for begin, seq in begun if begin < look.end), default=0)
        if not low <= look.seq <= high:
            raise HistoryError(f"{look} is not between {low} and {high}")
        if look.seq < newest.get(look.client, 0):
            raise HistoryError(f"{look} went back from {newest[look.client]}")
        newest[look.client] = look.seq
