"""What is different between two versions, and nothing else.

The desk gathers the facts of both. Which of the two is better is not known here: a
lower loss is good and a lower accuracy is not.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from attrs import asdict, frozen

from modelver._search import render
from modelver._search.render import Table, plain, show
from modelver._values.facts import Facts, FileFact
from modelver._values.manifest import ROLES
from modelver._values.query import Scalar
from modelver._values.text import human_size, term_safe

__all__ = ["Change", "Diff", "FileChange", "MetricChange"]

Kind = Literal["added", "removed", "changed"]

_MARKS: Final[Mapping[Kind, str]] = {"added": "+", "removed": "-", "changed": "~"}
_HEX: Final = re.compile(r"(?:b3:|sha256:)?[0-9a-f]{32,}")
_SECTIONS: Final = (
    "metrics",
    "slices",
    "params",
    "config",
    "files",
    "inputs",
    "packages",
    "code",
    "hardware",
    "tags",
)


@frozen(kw_only=True)
class Change:
    """One named value that is not the same.

    Attributes:
        name: Key, package, tag or input.
        change: ``added``, ``removed`` or ``changed``.
        old: What it was; None where it was added.
        new: What it is; None where it was removed.
    """

    name: str
    change: Kind
    old: Scalar | None = None
    new: Scalar | None = None


@frozen(kw_only=True)
class FileChange:
    """One file that is not the same.

    Attributes:
        path: Its path in the bundle.
        role: ``model``, ``code``, ``data``, ...
        change: ``added``, ``removed`` or ``changed``.
        old_digest: None where it was added, as the size.
        old_size: Bytes.
        new_digest: None where it was removed, as the size.
        new_size: Bytes.
    """

    path: str
    role: str
    change: Kind
    old_digest: str | None = None
    old_size: int | None = None
    new_digest: str | None = None
    new_size: int | None = None


@frozen(kw_only=True)
class MetricChange:
    """One metric that is not the same.

    Attributes:
        name: The metric.
        slice: The slice of the data that it was measured on, or None.
        change: ``added``, ``removed`` or ``changed``.
        old: What it was; None where it was added.
        new: What it is; None where it was removed.
    """

    name: str
    slice: str | None = None
    change: Kind
    old: float | None = None
    new: float | None = None

    @property
    def delta(self) -> float | None:
        """``new - old``, or None where one of them is missing."""
        if self.old is None or self.new is None:
            return None
        return _finite(self.new - self.old)

    @property
    def relative(self) -> float | None:
        """``delta`` as a part of ``old``; None where there is no such number."""
        if self.delta is None or not self.old:
            return None
        return _finite(self.delta / abs(self.old))

    @property
    def direction(self) -> Literal["up", "down"] | None:
        """Where it went; None where it was added or removed."""
        if self.old is None or self.new is None:
            return None
        return "up" if self.new > self.old else "down"


@frozen(kw_only=True, repr=False)
class Diff:
    """What changed from one version to another, in sections.

    It is true where anything changed. ``str(diff)`` is for people, ``to_dict()``
    for programs, ``to_markdown()`` for a pull request; notebooks show a table.

    Attributes:
        old: Exact ref that is compared from.
        new: Exact ref that is compared to.
        metrics: Metrics, with delta and direction.
        slices: Metrics on slices of the data.
        params: Parameters, by dotted key.
        config: Configuration, by dotted key.
        files: Files of the bundle.
        inputs: What the model was made from: ``train`` with its digests, ``train.rows``
            and the like with what is known besides.
        packages: Installed packages; ``python`` is one of them.
        code: The commit of the code, at most one; what changed in the files of the
            code tells :meth:`ModelVersion.patch`.
        hardware: The machine that it was registered on: processor, memory, GPUs,
            system, container's image, variables that steer libraries.
        tags: Tags.
    """

    old: str
    new: str
    metrics: tuple[MetricChange, ...] = ()
    slices: tuple[MetricChange, ...] = ()
    params: tuple[Change, ...] = ()
    config: tuple[Change, ...] = ()
    files: tuple[FileChange, ...] = ()
    inputs: tuple[Change, ...] = ()
    packages: tuple[Change, ...] = ()
    code: tuple[Change, ...] = ()
    hardware: tuple[Change, ...] = ()
    tags: tuple[Change, ...] = ()

    @classmethod
    def between(cls, a: Facts, b: Facts) -> "Diff":
        """Return what changed from *a* to *b*."""
        return cls(
            old=a.ref,
            new=b.ref,
            metrics=tuple(_metrics(a.metrics, b.metrics, None)),
            slices=tuple(
                change
                for part in sorted({*a.slices, *b.slices})
                for change in _metrics(
                    a.slices.get(part, {}), b.slices.get(part, {}), part
                )
            ),
            params=_changes(a.params, b.params),
            config=_changes(a.config, b.config),
            files=_files(a.files, b.files),
            inputs=_changes(a.inputs, b.inputs),
            packages=_changes(_given("python", a.python), _given("python", b.python))
            + _changes(a.packages, b.packages),
            code=_changes(_given("commit", a.code), _given("commit", b.code)),
            hardware=_changes(a.hardware, b.hardware),
            tags=_changes(a.tags, b.tags),
        )

    def __bool__(self) -> bool:
        return any(getattr(self, section) for section in _SECTIONS)

    def __str__(self) -> str:
        return render.text((self.old, self.new), self._tables())

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{section} {len(found)}"
            for section in _SECTIONS
            if (found := getattr(self, section))
        )
        return term_safe(f"<Diff {self.old} -> {self.new}: {counts or 'no change'}>")

    def _repr_html_(self) -> str:
        return render.html((self.old, self.new), self._tables())

    def to_markdown(self) -> str:
        """Return the differences as tables in Markdown, every cell escaped.

        A section shows at most 100 changes and says how many more there are.
        """
        return render.markdown((self.old, self.new), self._tables())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it.

        Every section is there as a list, in a fixed order, empty where nothing
        changed. A value that JSON cannot hold, such as NaN, is text.
        """
        sections: dict[str, Any] = {"old": self.old, "new": self.new}
        for section in _SECTIONS:
            sections[section] = [_to_dict(item) for item in getattr(self, section)]
        return sections

    def _tables(self) -> list[Table]:
        draw: dict[str, Callable[[str, Any], Table]] = {
            "metrics": _metrics_table,
            "slices": _metrics_table,
            "files": _files_table,
        }
        return [
            draw.get(section, _changes_table)(section.capitalize(), found)
            for section in _SECTIONS
            if (found := getattr(self, section))
        ]


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _given(name: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {name: value}


def _same(old: Scalar | None, new: Scalar | None) -> bool:
    # True equals 1 in Python, and NaN is not equal to itself.
    if isinstance(old, bool) != isinstance(new, bool):
        return False
    return old == new or (old != old and new != new)  # noqa: PLR0124


def _differing(
    old: Mapping[str, Any], new: Mapping[str, Any], same: Callable[[Any, Any], bool]
) -> Iterable[tuple[str, Kind]]:
    """Yield the names whose values are not the same, sorted, and how they differ."""
    for name in sorted({*old, *new}):
        if name not in old:
            yield name, "added"
        elif name not in new:
            yield name, "removed"
        elif not same(old[name], new[name]):
            yield name, "changed"


def _changes(
    old: Mapping[str, Scalar | None], new: Mapping[str, Scalar | None]
) -> tuple[Change, ...]:
    return tuple(
        Change(name=name, change=change, old=old.get(name), new=new.get(name))
        for name, change in _differing(old, new, _same)
    )


def _metrics(
    old: Mapping[str, float], new: Mapping[str, float], part: str | None
) -> Iterable[MetricChange]:
    for name, change in _differing(old, new, _same):
        yield MetricChange(
            name=name, slice=part, change=change, old=old.get(name), new=new.get(name)
        )


def _files(
    old: Mapping[str, FileFact], new: Mapping[str, FileFact]
) -> tuple[FileChange, ...]:
    changes = []
    for path, change in _differing(old, new, operator.eq):
        role, old_digest, old_size = old.get(path, ("", None, None))
        role, new_digest, new_size = new.get(path, (role, None, None))
        changes.append(
            FileChange(
                path=path,
                role=role,
                change=change,
                old_digest=old_digest,
                old_size=old_size,
                new_digest=new_digest,
                new_size=new_size,
            )
        )
    rank = {role: n for n, role in enumerate(ROLES)}
    return tuple(sorted(changes, key=lambda c: (rank.get(c.role, len(rank)), c.path)))


def _to_dict(change: Change | FileChange | MetricChange) -> dict[str, Any]:
    said = asdict(change, value_serializer=lambda _, __, value: plain(value))
    if isinstance(change, MetricChange):
        said["delta"] = change.delta
        said["relative"] = change.relative
        said["direction"] = change.direction
    return said


def _changes_table(title: str, changes: Iterable[Change]) -> Table:
    # Only these hold more than text, so only here must types be told apart.
    spell: Callable[[Any], str] = (
        show if title in {"Params", "Config", "Hardware"} else _short
    )
    rows = tuple(
        (
            _MARKS[change.change],
            change.name,
            "" if change.change == "added" else spell(change.old),
            "" if change.change == "removed" else spell(change.new),
        )
        for change in changes
    )
    return Table(title=title, head=("", "name", "old", "new"), rows=rows, arrow=3)


def _short(value: Scalar | None) -> str:
    """Return a digest or a commit so that it can be told from another one."""
    if not isinstance(value, str):
        return show(value)
    return f"{value[:16]}..." if _HEX.fullmatch(value) else value


def _files_table(title: str, changes: Iterable[FileChange]) -> Table:
    rows = tuple(
        (
            _MARKS[change.change],
            change.path,
            "" if change.old_size is None else human_size(change.old_size),
            "" if change.new_size is None else human_size(change.new_size),
        )
        for change in changes
    )
    return Table(
        title=title,
        head=("", "path", "old", "new"),
        rows=rows,
        arrow=3,
        right=frozenset({2, 3}),
    )


def _metrics_table(title: str, changes: Iterable[MetricChange]) -> Table:
    rows = tuple(
        (
            _MARKS[change.change],
            change.name if change.slice is None else f"{change.name}@{change.slice}",
            *_pair(change.old, change.new),
            "" if change.delta is None else f"{change.delta:+.3g}",
            "" if change.relative is None else f"{change.relative:+.1%}",
            change.direction or "",
        )
        for change in changes
    )
    return Table(
        title=title,
        head=("", "name", "old", "new", "delta", "relative", ""),
        rows=rows,
        arrow=3,
        right=frozenset({2, 3, 4, 5}),
    )


def _pair(old: float | None, new: float | None) -> tuple[str, str]:
    """Return both as text, with all their digits where fewer would look the same."""
    short = tuple("" if n is None else f"{n:.6g}" for n in (old, new))
    if short[0] == short[1]:
        short = tuple(repr(n) for n in (old, new))
    return short[0], short[1]
