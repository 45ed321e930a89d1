"""A disk that forgets, when the power fails, whatever it was not told to keep.

It watches the calls of this process and keeps count of what POSIX promises to survive:
the bytes of a file after an ``fsync`` of it, a name after an ``fsync`` of its folder.
Everything else may survive or not, in any combination.
"""

import os
import random
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from attrs import Factory, define, frozen

_DESCRIPTOR: Final = re.compile(r"/proc/self/fd/([0-9]+)")
# Which changes survive, of those that need not.
NONE: Final = "none"
NAMES: Final = "names"
SOME: Final = "some"
ALL: Final = "all"


@define(eq=False)
class Node:
    """A file, or a folder.

    Attributes:
        content: Of a file, what it held at its last ``fsync``; None: never.
    """

    folder: bool
    content: bytes | None = None


@frozen
class Event:
    """One thing that happened.

    Attributes:
        kind: ``add`` and ``remove`` a name, ``sync`` a folder, ``written``: the bytes
            of a file when it gets its name, ``keep`` those that are flushed, or
            ``told``: a caller was told that something is done.
    """

    kind: str
    where: Node | None = None
    name: str = ""
    node: Node | None = None
    content: bytes = b""


@define
class Disk:
    """Watches everything below *base*, a folder that is there already.

    Files may be flushed by any thread; names are made by one.
    """

    base: Path
    events: list[Event] = Factory(list)
    root: Node = Factory(lambda: Node(folder=True))
    _names: dict[Node, dict[str, Node]] = Factory(dict)
    _files: dict[int, Node] = Factory(dict)

    def told(self, what: str) -> None:
        """Note that a caller was told *what*."""
        self.events.append(Event("told", name=what))

    def __call__(
        self, name: str, args: tuple[Any, ...], call: Callable[[], Any]
    ) -> Any:
        """Make a call, and keep count."""
        if name in {"write", "chmod"}:
            return call()
        if name == "fsync":
            done = call()
            self._synced(args[0])
            return done
        if name == "open":
            done = call()
            self._opened(args[0], args[1], done)
            return done
        places = [self._place(path) for path in args[:2] if isinstance(path, str)]
        node = self._linked(args[0]) if name == "link" else None
        done = call()
        if node is not None and places[1] is not None:
            content = Path(args[0]).read_bytes()
            self.events.append(Event("written", node, content=content))
            self._add(*places[1], node)
        if not places or places[0] is None:
            return done
        folder, last = places[0]
        if name == "mkdir":
            self._add(folder, last, Node(folder=True))
        elif name == "unlink":
            self._remove(folder, last)
        elif name != "link":  # a rename
            target = places[1]
            assert target is not None
            self._add(*target, self._names[folder][last])
            self._remove(folder, last)
        return done

    def _opened(self, path: str, flags: int, descriptor: int) -> None:
        """Note a new file: with a name, or in some folder without one."""
        node = Node(folder=False)
        if flags & os.O_CREAT:
            place = self._place(path)
            if place is None:
                return
            self._add(*place, node)
        elif self._find(path) is None:
            return
        self._files[os.fstat(descriptor).st_ino] = node

    def _linked(self, source: str) -> Node | None:
        """Return the file that gets another name, or its first."""
        found = _DESCRIPTOR.fullmatch(source)
        if found is not None:
            return self._files.get(os.fstat(int(found[1])).st_ino)
        return self._find(source)

    def _place(self, path: str) -> tuple[Node, str] | None:
        try:
            parts = Path(path).relative_to(self.base).parts
        except ValueError:
            return None
        node = self.root
        for part in parts[:-1]:
            node = self._names[node][part]
        return node, parts[-1]

    def _find(self, path: str) -> Node | None:
        if Path(path) == self.base:
            return self.root
        place = self._place(path)
        return None if place is None else self._names[place[0]][place[1]]

    def _add(self, folder: Node, name: str, node: Node) -> None:
        self._names.setdefault(folder, {})[name] = node
        self.events.append(Event("add", folder, name, node))

    def _remove(self, folder: Node, name: str) -> None:
        del self._names[folder][name]
        self.events.append(Event("remove", folder, name))

    def _synced(self, descriptor: int) -> None:
        info = os.fstat(descriptor)
        # Through /proc: it may have been opened for writing only, or have no name.
        path = Path(f"/proc/self/fd/{descriptor}")
        if stat.S_ISDIR(info.st_mode):
            node = self._find(str(path.readlink()))
            if node is not None:
                self.events.append(Event("sync", node))
        elif info.st_ino in self._files:
            node = self._files[info.st_ino]
            self.events.append(Event("keep", node, content=path.read_bytes()))

    def cuts(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each moment for a power cut, and what was told till then."""
        told: list[str] = []
        for number, event in enumerate(self.events):
            yield number, list(told)
            if event.kind == "told":
                told.append(event.name)
        yield len(self.events), told

    def left(self, moment: int, survives: str, chance: random.Random) -> "Left":
        """Return what is on the disk after a power cut.

        Args:
            moment: How many events there were.
            survives: What does, of what need not: nothing (:data:`NONE`), all names
                and none of the bytes (:data:`NAMES`), :data:`SOME` of each, or
                :data:`ALL`.
            chance: Chooses, where it is some.
        """
        kept: dict[Node, dict[str, Node]] = {}
        waiting: dict[Node, list[Event]] = {}
        for event in self.events[:moment]:
            if event.where is None:
                continue
            if event.kind == "sync":
                for change in waiting.pop(event.where, []):
                    _apply(kept, change)
            elif event.kind in {"add", "remove"}:
                waiting.setdefault(event.where, []).append(event)
        for changes in waiting.values():
            for change in changes:
                if survives in {NAMES, ALL} or (
                    survives == SOME and chance.random() < 0.5
                ):
                    _apply(kept, change)
        return Left(kept, self._bytes_left(moment, survives, chance), self.root)

    def _bytes_left(
        self, moment: int, survives: str, chance: random.Random
    ) -> dict[Node, bytes]:
        """Return what each file holds after a power cut."""
        flushed: dict[Node, bytes] = {}
        written: dict[Node, bytes] = {}
        for event in self.events[:moment]:
            if event.where is None:
                continue
            if event.kind == "keep":
                flushed[event.where] = event.content
            elif event.kind == "written":
                written[event.where] = event.content
        for node, data in written.items():
            if survives == ALL:
                flushed.setdefault(node, data)
            elif survives == SOME:
                flushed.setdefault(node, data[: chance.choice((0, 7, len(data)))])
        return flushed


def _apply(names: dict[Node, dict[str, Node]], change: Event) -> None:
    assert change.where is not None
    folder = names.setdefault(change.where, {})
    if change.node is not None:
        folder[change.name] = change.node
    else:
        folder.pop(change.name, None)


@define
class Left:
    """What is on the disk."""

    names: dict[Node, dict[str, Node]]
    content: dict[Node, bytes]
    root: Node

    def files(self) -> dict[str, bytes | None]:
        """Return path to bytes; None for a folder."""
        found: dict[str, bytes | None] = {}
        waiting = [("", self.root)]
        while waiting:
            path, folder = waiting.pop()
            for name, node in self.names.get(folder, {}).items():
                below = f"{path}{name}"
                if node.folder:
                    found[below] = None
                    waiting.append((f"{below}/", node))
                else:
                    # What was never flushed need not be there.
                    found[below] = self.content.get(node, b"")
        return found

    def write(self, base: Path) -> None:
        """Put it into the folder *base*."""
        for path, data in sorted(self.files().items()):
            if data is None:
                (base / path).mkdir(parents=True, exist_ok=True)
            else:
                (base / path).write_bytes(data)
