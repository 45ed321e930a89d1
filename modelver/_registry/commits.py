"""The log as users see it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import singledispatch
from typing import Any

from attrs import asdict, frozen

from modelver._registry.arguments import parse_label
from modelver._store import Folded
from modelver._values.entry import (
    Action,
    Entry,
    Feature,
    Metrics,
    Note,
    Register,
    Restore,
    SetAlias,
    SetStatus,
    Tag,
    Withdraw,
)
from modelver._values.text import human_number, term_safe


@frozen(kw_only=True)
class Commit:
    """One commit of the log.

    Attributes:
        seq: Its position, from 1.
        txid: Made up once for each commit; see ``Registry.outcome``.
        time: By the writer's clock, in UTC; a label.
        author: Who says so.
        tool: What wrote it.
        message: For people.
        actions: What it does, in order; see the format's reference.
        void: Why it has no effect; None where it has one.
    """

    seq: int
    txid: str
    time: datetime
    author: str
    tool: str
    message: str | None
    actions: tuple[Action, ...]
    void: str | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it speaks of, sorted."""
        found = {getattr(a, "name", "") for a in self.actions} - {""}
        return tuple(sorted(found))

    def summary(self) -> list[str]:
        """Return one line for each action."""
        return [_describe(action) for action in self.actions]

    def __str__(self) -> str:
        when = self.time.strftime("%Y-%m-%d %H:%M:%S")
        what = "; ".join(self.summary()) or "nothing"
        void = f" (without effect: {term_safe(self.void)})" if self.void else ""
        said = f"  “{term_safe(self.message)}”" if self.message else ""
        return f"{self.seq:>5}  {when}  {term_safe(self.author)}  {what}{said}{void}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "seq": self.seq,
            "txid": self.txid,
            "time": self.time.isoformat(),
            "author": self.author,
            "tool": self.tool,
            "message": self.message,
            "void": self.void,
            "actions": [
                {"type": a.type, **_plain(asdict(a, recurse=True))}
                for a in self.actions
            ],
        }


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in value.items()}


def commits_of(history: Iterator[Folded]) -> Iterator[Commit]:
    """Yield the commits of *history*; what is no entry at all has no author."""
    for folded in history:
        entry: Entry | None = folded.entry
        if entry is None:
            yield Commit(
                seq=folded.seq,
                txid="",
                time=parse_label(""),
                author="?",
                tool="?",
                message=None,
                actions=(),
                void=folded.void,
            )
            continue
        yield Commit(
            seq=entry.seq,
            txid=entry.txid,
            time=parse_label(entry.time),
            author=entry.actor,
            tool=entry.tool,
            message=entry.message,
            actions=entry.actions,
            void=folded.void,
        )


def _describe(action: Action) -> str:
    return term_safe(_words(action))


@singledispatch
def _words(action: Any) -> str:
    return f"an action of a later release: {action.name}"


@_words.register
def _(action: Register) -> str:
    return f"register {_ref(action)}"


@_words.register
def _(action: SetAlias) -> str:
    if action.version is None:
        what = f"clear {action.name}@{action.alias}"
    else:
        what = f"{action.kind} {_ref(action)} to {action.alias}"
    return what + _because(action.reason)


@_words.register
def _(action: SetStatus) -> str:
    status = action.status or "none"
    return f"status of {_ref(action)}: {status}{_because(action.reason)}"


@_words.register
def _(action: Tag) -> str:
    said = [f"{key}={value}" for key, value in action.set.items()]
    said += [f"-{key}" for key in action.unset]
    return f"tag {_ref(action)} {' '.join(said)}"


@_words.register
def _(action: Note) -> str:
    return f"note on {_ref(action)}: {action.text[:80]}"


@_words.register
def _(action: Metrics) -> str:
    where = f" on {action.dataset}" if action.dataset else ""
    values = [f"{name}={human_number(x)}" for name, x in action.metrics.items()]
    return " ".join([f"evaluate {_ref(action)}{where}", *values[:5]])


@_words.register
def _(action: Withdraw) -> str:
    return f"withdraw {_ref(action)}{_because(action.reason)}"


@_words.register
def _(action: Restore) -> str:
    return f"restore {_ref(action)}{_because(action.reason)}"


@_words.register
def _(action: Feature) -> str:
    return f"feature {' '.join((*action.read, *action.write))}"


def _ref(action: Any) -> str:
    return f"{action.name}@{action.version}"


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""
