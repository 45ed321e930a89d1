"""What a verification found."""

from typing import Any

from attrs import frozen

from modelver._values.text import human_size, term_safe

_SHOWN = 20


@frozen(kw_only=True)
class Problem:
    """One thing that is not as it should be.

    Attributes:
        kind: An :class:`~modelver.errors.ErrorKind` value, or ``gap``,
            ``rollup-damaged``, ``record-differs``.
        key: The key in the store.
        message: One sentence.
        versions: Exact refs that it hurts; none where it hurts a cache alone, or
            bytes that no version needs.
    """

    kind: str
    key: str
    message: str
    versions: tuple[str, ...] = ()


@frozen(kw_only=True)
class Report:
    """The result of ``verify``.

    Attributes:
        problems: In the order they were found; none: all is well.
        deep: Whether every byte of every object was read.
        commits: Log entries that were checked.
        voids: Entries without effect; they are history, not damage.
        versions: Versions that were checked.
        objects: Objects that were checked.
        bytes: Of those objects.
        unreferenced: Objects that no version needs (left by interrupted writers).
    """

    problems: tuple[Problem, ...]
    deep: bool
    commits: int
    voids: int
    versions: int
    objects: int
    bytes: int
    unreferenced: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def damaged(self) -> tuple[str, ...]:
        """The exact refs that are hurt, sorted."""
        return tuple(sorted({ref for p in self.problems for ref in p.versions}))

    @property
    def intact(self) -> int:
        """How many of the checked versions are whole."""
        return max(0, self.versions - len(self.damaged))

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "ok": self.ok,
            "deep": self.deep,
            "commits": self.commits,
            "voids": self.voids,
            "versions": self.versions,
            "intact": self.intact,
            "damaged": list(self.damaged),
            "objects": self.objects,
            "bytes": self.bytes,
            "unreferenced": self.unreferenced,
            "problems": [
                {
                    "kind": str(p.kind),
                    "key": p.key,
                    "message": p.message,
                    "versions": list(p.versions),
                }
                for p in self.problems
            ],
        }

    def __str__(self) -> str:
        depth = "every byte read" if self.deep else "sizes only"
        counted = f"{self.commits} commits, {self.objects} objects"
        head = f"{self.intact} of {self.versions} versions intact"
        lines = [f"{head} ({counted}, {human_size(self.bytes)}, {depth})"]
        for problem in self.problems[:_SHOWN]:
            lines.append(f"  {problem.kind}: {term_safe(problem.message)}")
            if problem.versions:
                hurt = ", ".join(problem.versions[:_SHOWN])
                lines.append(f"    hurts {term_safe(hurt)}")
        if len(self.problems) > _SHOWN:
            lines.append(f"  ... and {len(self.problems) - _SHOWN} more")
        return "\n".join(lines)
