"""Several versions side by side.

The desk gathers the facts of each. Which of them is best is not known here.
"""

from collections.abc import Iterable
from typing import Any, Final

from attrs import evolve, frozen

from modelver._search import render
from modelver._search.render import Table, plain, show
from modelver._values.facts import Facts
from modelver._values.query import Scalar
from modelver._values.text import human_size, term_safe
from modelver.errors import InvalidInputError, PluginError

__all__ = ["Comparison", "Row"]

_SECTIONS: Final = ("version", "metrics", "slices", "params", "tags")


@frozen(kw_only=True)
class Row:
    """One line of a comparison.

    Attributes:
        section: ``version``, ``metrics``, ``slices``, ``params`` or ``tags``.
        name: What is compared: a metric, a parameter; ``auc@country=DE`` on a
            slice; of a version ``status``, ``aliases``, ``python``, ``code`` (the
            commit) and ``size`` (bytes).
        cells: One for each version; None where it has none.
    """

    section: str
    name: str
    cells: tuple[Scalar | None, ...]

    @property
    def differs(self) -> bool:
        """Whether the versions do not agree."""
        return len({_identity(value) for value in self.cells}) > 1

    @property
    def label(self) -> str:
        """What a filter calls it where it can be searched: ``metrics.auc``."""
        if self.section == "version":
            return self.name
        section = "metrics" if self.section == "slices" else self.section
        return f"{section}.{self.name}"


@frozen(kw_only=True, repr=False)
class Comparison:
    """Versions side by side: a row for each thing known of them.

    ``str(comparison)`` is a table for people in which ``*`` marks the rows that
    differ; notebooks show it as HTML. ``to_dict()`` and ``to_pandas()`` are for
    programs.

    Attributes:
        refs: Exact refs, one for each column.
        rows: By section, then by name.
    """

    refs: tuple[str, ...]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, facts: Iterable[Facts]) -> "Comparison":
        """Return the versions side by side, each once, in the order given.

        Raises:
            InvalidInputError: There are none.
        """
        versions = list({each.ref: each for each in facts}.values())
        if not versions:
            raise InvalidInputError(
                "there is nothing to compare: no version was given",
                hint="Name two versions or more.",
            )
        said = [_said(each) for each in versions]
        keys = dict.fromkeys(key for each in said for key in each)
        rows = (
            Row(section=key[0], name=key[1], cells=tuple(e.get(key) for e in said))
            for key in sorted(keys, key=_place)
        )
        return cls(refs=tuple(each.ref for each in versions), rows=tuple(rows))

    def differing(self) -> "Comparison":
        """Return only the rows in which the versions do not agree."""
        return evolve(self, rows=tuple(row for row in self.rows if row.differs))

    def __str__(self) -> str:
        return render.text((), [self._table("*")])

    def __repr__(self) -> str:
        refs = ", ".join(self.refs)
        return term_safe(f"<Comparison of {refs}: {len(self.rows)} rows>")

    def _repr_html_(self) -> str:
        return render.html((), [self._table("")])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it.

        ``{"refs": [...], "rows": [{"section", "name", "differs", "values"}, ...]}``;
        ``values`` has one for each ref, None where a version has none.
        """
        rows = [
            {
                "section": row.section,
                "name": row.name,
                "differs": row.differs,
                "values": dict(zip(self.refs, map(plain, row.cells), strict=True)),
            }
            for row in self.rows
        ]
        return {"refs": list(self.refs), "rows": rows}

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` with one line for each version.

        Its index is the refs; its columns are pairs of section and name:
        ``frame["metrics", "auc"].idxmax()`` is the best version by AUC.

        Raises:
            PluginError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - only who asks for it pays for it
        except ImportError as error:
            raise PluginError(
                "a comparison becomes a data frame only where pandas is installed",
                hint="Install it with: pip install 'modelver[pandas]'",
                name="pandas",
            ) from error
        columns = {(row.section, row.name): row.cells for row in self.rows}
        frame = pd.DataFrame(columns, index=pd.Index(self.refs, name="ref"))
        return frame.rename_axis(columns=["section", "name"])

    def _table(self, mark: str) -> Table:
        rows = [
            (mark if row.differs else "", row.label, *_cells(row)) for row in self.rows
        ]
        return Table(
            title="",
            head=("", "", *self.refs),
            rows=tuple(rows),
            marked=frozenset(n for n, row in enumerate(self.rows) if row.differs),
        )


def _said(facts: Facts) -> dict[tuple[str, str], Scalar | None]:
    said: dict[tuple[str, str], Scalar | None] = {
        ("version", "status"): facts.status,
        ("version", "aliases"): ", ".join(facts.aliases) or None,
        ("version", "python"): facts.python,
        ("version", "code"): facts.code,
        ("version", "size"): facts.size,
    }
    said |= {("metrics", name): value for name, value in facts.metrics.items()}
    said |= {
        ("slices", f"{name}@{part}"): value
        for part, metrics in facts.slices.items()
        for name, value in metrics.items()
    }
    said |= {("params", name): value for name, value in facts.params.items()}
    return said | {("tags", name): value for name, value in facts.tags.items()}


def _place(key: tuple[str, str]) -> tuple[int, str]:
    section, name = key
    # Sorting is stable: what is said of the version itself keeps its order.
    return _SECTIONS.index(section), "" if section == "version" else name


def _identity(value: Scalar | None) -> tuple[bool, Scalar | None]:
    # True equals 1 in Python, and NaN is not equal to itself.
    return isinstance(value, bool), plain(value)


def _cells(row: Row) -> list[str]:
    """Return the values as text that differs wherever they do."""
    if row.section in {"metrics", "slices"}:
        short = ["" if value is None else f"{value:.6g}" for value in row.cells]
        if len(set(short)) == len(set(row.cells)):
            return short
    if row.name == "size" and row.section == "version":
        return [human_size(int(value or 0)) for value in row.cells]
    if row.section in {"version", "tags"}:
        return ["" if value is None else str(value) for value in row.cells]
    return ["" if value is None else show(value) for value in row.cells]
