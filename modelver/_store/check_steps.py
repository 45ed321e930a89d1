"""The order in which files of several slices are read, so that they share the reading.

Versions of one large file have most of their slices in common, at the same place of the
file or near it. All of them are read side by side, the one that is furthest behind
first: what is read for one is at hand when the next one comes by. What several begin
with alike is hashed once; where they part, each goes on with a copy of the hash.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from itertools import count

from attrs import define, frozen

from modelver._values.digests import Hasher


@frozen
class Cut:
    """A stretch of an object, as a part of a file."""

    object: str
    offset: int
    length: int


@frozen(cache_hash=True)
class Whole:
    """A file of several slices, with the hex digest that they should have together."""

    digest: str
    cuts: tuple[Cut, ...]


@define(eq=False)
class Step:
    """One slice, to be hashed for all files that are alike up to its end.

    Steps are taken in the order in which :func:`steps` yields them.

    Attributes:
        cut: Where the bytes lie.
        end: Where they end in the files.
        before: The step before; None at the beginning, and once this one is taken.
        files: Those that are alike so far.
        depth: How many slices of them that is.
        branches: How many steps will go on from here.
        hasher: Of all bytes so far; None: not taken, or given up.
    """

    cut: Cut
    end: int
    before: "Step | None"
    files: list[Whole]
    depth: int
    branches: int = 0
    hasher: Hasher | None = None

    def take(self, make: Callable[[], Hasher]) -> Hasher | None:
        """Return the hash of all that comes before; None: some of it was given up."""
        before, self.before = self.before, None
        if before is None:
            self.hasher = make()
        elif before.hasher is not None:
            before.branches -= 1
            last = before.branches == 0
            self.hasher = before.hasher if last else before.hasher.copy()
        return self.hasher

    def give_up(self) -> None:
        """Say nothing of these files: what they are made of is wrong already."""
        self.hasher = None

    def wrong(self) -> list[Whole]:
        """Return the files that end here and are not what they should be."""
        ending = [file for file in self.files if len(file.cuts) == self.depth]
        if self.hasher is None or not ending:
            return []
        actual = self.hasher.hexdigest()
        return [file for file in ending if file.digest != actual]

    def after(self) -> "list[Step]":
        """Return what comes next: one step, or several where files part."""
        going_on = [file for file in self.files if len(file.cuts) > self.depth]
        found = _begin(going_on, self, self.depth, self.end)
        self.branches = len(found)
        return found


def _begin(
    files: Iterable[Whole], before: Step | None, depth: int, start: int
) -> list[Step]:
    alike: dict[Cut, list[Whole]] = {}
    for file in files:
        alike.setdefault(file.cuts[depth], []).append(file)
    return [
        Step(cut, start + cut.length, before, of, depth + 1)
        for cut, of in alike.items()
    ]


def steps(files: Iterable[Whole]) -> Iterator[Step]:
    """Yield the slices of *files*, none of them empty, in the order to read them in."""
    numbers = count()
    waiting: list[tuple[int, str, int, int, Step]] = []

    def add(found: list[Step]) -> None:
        for step in found:
            cut = step.cut
            # Those that read the same place follow each other.
            place = (step.end - cut.length, cut.object, cut.offset)
            heappush(waiting, (*place, next(numbers), step))

    add(_begin(files, None, 0, 0))
    while waiting:
        step = heappop(waiting)[-1]
        yield step
        add(step.after())
