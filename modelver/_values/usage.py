"""What versions take: bytes of their files, and bytes that the store holds for them."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from modelver._values.text import html_safe, human_size, term_safe

# So many versions are shown, of one model and of each of several: the largest.
_MOST_OF_ONE: Final = 50
_MOST_OF_EACH: Final = 10
_MOST_UNREAD: Final = 20
_WORTH_SAYING: Final = 1.05
_Cells = tuple[str, ...]
_HEAD: Final = ("files", "size", "own", "shared", "version")


@frozen(kw_only=True)
class Usage:
    """What one version takes, or a model, or all of them.

    Versions share objects, so what is shared stands in the line of each of them, and
    lines do not add up: ``own`` of a model is more than its versions have of their
    own, by what only they share.

    Attributes:
        name: Exact ref of a version, name of a model, or ``total``.
        versions: How many; 1 of a version.
        files: Of all its versions together.
        size: Bytes of those files, as if each version had a copy of its own.
        own: Bytes in the store that nothing else needs.
        shared: Bytes in the store that something else needs as well.
        objects: Objects in the store that hold those bytes.
        withdrawn: How many of its versions are withdrawn; they count like others.
        unread: How many of its versions have a manifest that cannot be read; of them
            nothing is known but files and size, as the log has them.
        problem: Of such a version, what is wrong: the value of an
            :class:`~modelver.errors.ErrorKind`.
    """

    name: str
    versions: int
    files: int
    size: int
    own: int
    shared: int
    objects: int
    withdrawn: int = 0
    unread: int = 0
    problem: str | None = None

    @property
    def stored(self) -> int:
        """Bytes in the store that hold its files."""
        return self.own + self.shared

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "name": self.name,
            "versions": self.versions,
            "files": self.files,
            "size": self.size,
            "own": self.own,
            "shared": self.shared,
            "stored": self.stored,
            "objects": self.objects,
            "withdrawn": self.withdrawn,
            "unread": self.unread,
            "problem": self.problem,
        }


@frozen(kw_only=True)
class Stats:
    """What a registry takes, by model and by version; or one model or version of it.

    It is known from manifests. What no version needs, left behind by interrupted
    writers, is not in it, and the log and the manifests are not either.

    Attributes:
        total: Everything that was asked for.
        models: The largest first, by the size of their files.
        versions: The largest first; of the same size, the newest.
    """

    total: Usage
    models: tuple[Usage, ...]
    versions: tuple[Usage, ...]

    @property
    def deduplication(self) -> float:
        """How many times larger the files are than what the store holds for them."""
        known = sum(each.size for each in self.versions if each.problem is None)
        return known / self.total.stored if self.total.stored else 1.0

    @property
    def unread(self) -> tuple[Usage, ...]:
        """The versions of which a manifest cannot be read."""
        return tuple(each for each in self.versions if each.problem is not None)

    def lines(self) -> Iterator[Usage]:
        """Yield the lines of a table: each model and below it its versions; the total.

        One model alone has no line of its own, for it is the total, and one version
        has no total.
        """
        if len(self.models) > 1:
            for model, versions in self._by_model():
                yield model
                yield from versions
        else:
            yield from self.versions
        if self.models or not self.versions:
            yield self.total

    def _by_model(self) -> Iterator[tuple[Usage, Sequence[Usage]]]:
        found: dict[str, list[Usage]] = {model.name: [] for model in self.models}
        for version in self.versions:
            found[version.name.partition("@")[0]].append(version)
        return ((model, found[model.name]) for model in self.models)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "total": self.total.to_dict(),
            "deduplication": round(self.deduplication, 3),
            "models": [each.to_dict() for each in self.models],
            "versions": [each.to_dict() for each in self.versions],
        }

    def __str__(self) -> str:
        rows = [_HEAD, *self._rows()]
        right = range(len(_HEAD) - 1)
        widths = [max(len(row[n]) for row in rows) for n in right]
        lines = [
            "  ".join([*(row[n].rjust(widths[n]) for n in right), term_safe(row[-1])])
            for row in rows
        ]
        return "\n".join([*lines, *map(term_safe, self._remarks())])

    def _repr_html_(self) -> str:
        def cells(tag: str, row: Sequence[str]) -> str:
            aligned = ["right"] * (len(row) - 1) + ["left"]
            return "".join(
                f"<{tag} style='text-align:{align};white-space:pre'>"
                f"{html_safe(cell)}</{tag}>"
                for align, cell in zip(aligned, row, strict=True)
            )

        body = "".join(f"<tr>{cells('td', row)}</tr>" for row in self._rows())
        remarks = "".join(f"<p>{html_safe(line)}</p>" for line in self._remarks())
        return f"<table><tr>{cells('th', _HEAD)}</tr>{body}</table>{remarks}"

    def _rows(self) -> Iterator[_Cells]:
        """Yield the cells of every line that a person is shown."""
        if len(self.models) > 1:
            for model, versions in self._by_model():
                yield _row(model)
                yield from _some(versions, _MOST_OF_EACH, "  ")
        else:
            yield from _some(self.versions, _MOST_OF_ONE, "")
        if self.models or not self.versions:
            yield _row(self.total)

    def _remarks(self) -> Iterator[str]:
        total, unread = self.total, self.unread
        if total.stored:
            files = human_size(total.size - sum(each.size for each in unread))
            less = f", {self.deduplication:.1f} times less"
            yield (
                f"{files} of files take {human_size(total.stored)} in "
                f"{_count(total.objects, 'object')}"
                f"{less if self.deduplication >= _WORTH_SAYING else ''}"
            )
        if unread:
            yield "not counted, for their manifests cannot be read (see verify):"
            shown = unread[:_MOST_UNREAD]
            yield from (f"  {each.name} ({each.problem})" for each in shown)
            if len(unread) > len(shown):
                yield f"  ... and {len(unread) - len(shown):,} more"


def _some(versions: Sequence[Usage], most: int, indent: str) -> Iterator[_Cells]:
    # A line that says "1 more" takes the place of the version itself.
    shown = versions if len(versions) <= most + 1 else versions[:most]
    yield from (_row(version, indent) for version in shown)
    if len(shown) < len(versions):
        left = f"{indent}... {len(versions) - len(shown):,} more versions"
        yield ("", "", "", "", left)


def _row(each: Usage, indent: str = "") -> _Cells:
    stored = ("?", "?") if each.problem else map(human_size, (each.own, each.shared))
    return (f"{each.files:,}", human_size(each.size), *stored, indent + _label(each))


def _label(each: Usage) -> str:
    said = []
    if "@" not in each.name:
        said.append(_count(each.versions, "version"))
        said += [f"{each.withdrawn:,} withdrawn"] if each.withdrawn else []
        said += [f"{each.unread:,} not counted"] if each.unread else []
    else:
        said += ["withdrawn"] if each.withdrawn else []
        said += [each.problem] if each.problem else []
    return f"{each.name} ({', '.join(said)})" if said else each.name


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
