"""Nothing that looks like a secret reaches the store: files, words and facts.

What is found refuses the call and names the place, never the value. What modelver
found out by itself, and nobody said, is scrubbed instead: it is not worth a refusal.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import asdict

from modelver._bundle import Item, Stamps
from modelver._bundle.memory import Stamp
from modelver._bundle.source import PIECE, Source
from modelver._capture.secrets import (
    RULES,
    Gate,
    Hit,
    Pieces,
    find_in_value,
    scrub_value,
    secret_name,
)
from modelver._values.digests import digest_of
from modelver._values.entry import Action, Record, Register

# In these a registry keeps what people wrote; a model and data are not read by people.
_THOROUGH: Final = frozenset({"code", "config", "docs", "environment"})
_CODE: Final = _THOROUGH - {"environment"}
# Reading less than this costs no more than looking up whether it was read.
_REMEMBERED: Final = 2**20
# A text of data is read so far; beyond, it is more of the same.
_MOST_OF_DATA: Final = 256 * 2**20
# What every reader folds stays short.
_MOST_TOLD: Final = 20
_SCANNED: Final = digest_of("sha256", RULES.encode())
# Fields of actions that hold digests and numbers, and no words of anybody.
_NO_WORDS: Final = frozenset({"bundle", "digest", "manifest", "version"})


class Screen:
    """What one registration lets through."""

    def __init__(self, stamps: Stamps | None = None) -> None:
        """Make one that lets nothing through.

        Args:
            stamps: What is remembered of files that were read before, if anything is.
        """
        self.gate = Gate()
        self._used = False
        self._stamps = stamps

    def use(self, omit: str | Iterable[str], allow: str | Iterable[str]) -> None:
        """Heed what a caller says, the first time.

        Raises:
            InvalidInputError: A pattern is none.
        """
        if not self._used:
            self.gate, self._used = Gate(omit=omit, allow=allow), True

    def divide(self, items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        """Return the items to keep, and those to leave out."""
        kept: list[Item] = []
        omitted: list[Item] = []
        for item in items:
            (omitted if self.gate.omits(item.path) else kept).append(item)
        return kept, omitted

    def check_files(self, items: Sequence[Item]) -> None:
        """Refuse files that look like secrets or hold one.

        Raises:
            InvalidInputError: There is one (kind SECRET); or a file changed meanwhile.
        """
        marks = self._marks(items)
        known = self._passed(marks)
        hits: list[Hit] = []
        passed: dict[str, tuple[Stamp, str]] = {}
        for item in items:
            found = list(_by_name(item))
            key, stamp = marks.get(item.path, ("", None))
            if not found and item.size and key not in known:
                found, settled = _by_content(item)
                if isinstance(item.origin, Path):
                    stamp = settled  # None where a change might not show
                if not found and key and stamp is not None:
                    passed[key] = stamp, _SCANNED
            hits += found
        self.gate.check(hits)
        if passed and self._stamps is not None:
            self._stamps.remember(passed)

    def check_words(self, **words: Any) -> None:
        """Refuse params, tags and texts that hold a secret.

        Raises:
            InvalidInputError: One does (kind SECRET).
        """
        hits = [
            hit for name, word in words.items() for hit in find_in_value(word, name)
        ]
        self.gate.check(hits)

    def check_record(self, record: Record) -> None:
        """Refuse what a caller says of a version if it holds a secret.

        Raises:
            InvalidInputError: It does (kind SECRET).
        """
        self.check_words(
            params=record.params,
            tags=record.tags,
            description=record.description,
            metrics=record.metrics,
            slices=record.slices,
            recipe=None if record.recipe is None else asdict(record.recipe),
        )

    def told(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return a run's facts, scrubbed, with what was let through."""
        run: dict[str, Any] = scrub_value(facts)
        if self.gate.allowed:
            run["allowed"] = self.gate.allowed[:_MOST_TOLD]
        return run

    def _marks(self, items: Sequence[Item]) -> dict[str, tuple[str, Stamp]]:
        """Return by what items are known again that have passed: by their path.

        Large files by their stamp, and code that was taken in by its content: hashing
        is a hundred times faster than looking.
        """
        total = sum(item.size for item in items)
        if self._stamps is None or total < _REMEMBERED:
            return {}
        marks: dict[str, tuple[str, Stamp]] = {}
        for item in items:
            how = "secrets" if item.role in _THOROUGH else "tokens"
            if isinstance(item.origin, bytes):
                digest = digest_of("b3", item.origin)
                stamp = Stamp(size=item.size, mtime_ns=0, ctime_ns=0, inode=0)
                marks[item.path] = f"\0{how}\0{item.path}\0{digest}", stamp
            elif item.info is not None and item.size >= _REMEMBERED:
                place = os.path.abspath(item.origin)  # noqa: PTH100 - keeps links
                key = f"{place}\0{how}\0{item.path}"
                marks[item.path] = key, Stamp.of(item.info)
        return marks

    def _passed(self, marks: Mapping[str, tuple[str, Stamp]]) -> frozenset[str]:
        """Return the keys of what has passed by these rules, and has not changed."""
        if self._stamps is None or not marks:
            return frozenset()
        found = self._stamps.recall(dict(marks.values()))
        return frozenset(key for key, digest in found.items() if digest == _SCANNED)


def check_said(actions: Sequence[Action], message: str | None, author: str) -> None:
    """Refuse a commit whose texts hold a secret; nobody can take it back.

    A registration's own words were checked before its files were stored.

    Raises:
        InvalidInputError: One does (kind SECRET).
    """
    hits = [*find_in_value(message, "message"), *find_in_value(author, "author")]
    for action in actions:
        if not isinstance(action, Register):
            words = {
                name: word
                for name, word in asdict(action).items()
                if word and name not in _NO_WORDS
            }
            hits += find_in_value(words, action.type)
    Gate().check(
        hits,
        hint="Say it without the secret, or say where it is kept. A key that others "
        "may have seen must be rotated: change it where it was made.",
    )


def _by_name(item: Item) -> Iterator[Hit]:
    inner = item.path.partition("/")[2]
    why = secret_name(inner, code=item.role in _CODE)
    if why is not None:
        yield Hit(path=item.path, what=f"it {why}")
    for hit in find_in_value(item.path, item.path):
        yield Hit(path=f"{item.role}/***", what=f"{hit.what} in the name of a file")


def _by_content(item: Item) -> tuple[list[Hit], Stamp | None]:
    """Return what is in a file, and by what it is known again if all of it was read."""
    thorough = item.role in _THOROUGH
    pieces = Pieces(item.path, thorough=thorough, strict=item.role == "config")
    size = item.size if thorough else min(item.size, _MOST_OF_DATA)
    view = memoryview(bytearray(min(PIECE, size)))
    with Source(item) as source:
        while source.at < size and pieces.feed(bytes(view[: source.read_into(view)])):
            pass
        return pieces.end(), source.stamp
