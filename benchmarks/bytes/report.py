"""The figures as Markdown, for a terminal and for the documentation."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from benchmarks.bytes.figures import (
    MB,
    Results,
    Spread,
    Value,
    added,
    added_share,
    again,
    alone,
    alone_over_hand,
    by_hand,
    call,
    each,
    fsync_ratio,
    limit,
    over_hand,
    ratio,
    share,
    sync_ratio,
    time,
)
from benchmarks.bytes.goals import goals
from benchmarks.bytes.measure import Sample


@frozen
class Column:
    """One column: its head, what it shows, and with how many digits."""

    head: str
    value: Value
    digits: int = 2


@frozen
class Section:
    """One work: its heading, what is said of it, its columns."""

    title: str
    text: str
    columns: tuple[Column, ...]


def _mb(sample: Sample) -> float:
    return sample.peak / MB


def _disk(name: str) -> Value:
    return lambda sample: sample.detail[name] / MB


PEAK = Column("peak memory, MB", _mb, 0)
REGISTER = (
    Column("time, s", time),
    Column("`cp -r` + fsync beside it, s", limit),
    Column("ratio", ratio),
    Column("ratio to `cp -r` + sync", sync_ratio),
    Column("the call alone, s", lambda s: s.inside),
    Column("bytes added, MB", added, 1),
    PEAK,
)

SECTIONS = {
    "first": Section("Register into an empty registry", "", REGISTER),
    "changed": Section(
        "Register after 5 % of the tensors changed",
        "Ten of the two hundred tensors have other values; they lie all over the file.",
        REGISTER,
    ),
    "again": Section(
        "Register again, nothing changed",
        "What tells a tool that nothing changed is its own business: a time of "
        "change, or reading everything.",
        REGISTER,
    ),
    "checkout": Section(
        "Checkout into an empty folder",
        "Compared with `cp -r` without a flush. In the other ratios both are flushed, "
        "the copy file by file or by one `sync`.",
        (
            Column("time, s", time),
            Column("`cp -r` beside it, s", limit),
            Column("ratio", ratio),
            Column("the call alone, s", lambda s: s.inside),
            Column("ratio to `cp -r` + fsync", fsync_ratio),
            Column("ratio to `cp -r` + sync", sync_ratio),
            PEAK,
        ),
    ),
    "path": Section(
        "Path to the weights, second time",
        "Another process has asked before. No process's start-up is in these.",
        (
            Column("in a fresh process, ms", alone),
            Column("with opening the registry, ms", call),
            Column("again in the same process, ms", again),
            PEAK,
        ),
    ),
    "tensor": Section(
        "One tensor of 10 MB, cold",
        "Nothing of the store and of the file is in memory. By hand: the header of the "
        "file itself is read, and then the tensor.",
        (
            Column("the call, ms", alone),
            Column("by hand, ms", by_hand),
            Column("ratio", alone_over_hand),
            Column("with opening the registry, ms", call),
            Column("ratio", over_hand),
            Column("read from the disk, MB", _disk("disk"), 1),
            Column("by hand, MB", _disk("limit_disk"), 1),
            PEAK,
        ),
    ),
    "twenty": Section(
        "Twenty more versions, each 5 % changed",
        "What the store holds in the end, in bundles. Tools that keep whole files are "
        "not asked: each version adds what the table of one change says.",
        (
            Column("in the store, MB", added, 0),
            Column("in bundles", share),
            Column("all of it, s", lambda s: s.seconds, 1),
            PEAK,
        ),
    ),
    "rows": Section(
        "10,000 rows inserted into the middle of the CSV",
        "The rows are 1.3 MB; nothing else changed.",
        REGISTER,
    ),
    "small": Section(
        "Many small versions, one by one",
        "One file of 10 KB and 20 metrics each; start-up excluded. By hand: the very "
        "files that modelver made, written again and flushed, one after the other.",
        (Column("a version, ms", each), PEAK),
    ),
}


def line(cells: Iterable[str]) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(cells) + " |"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table."""
    return [line(heads), line(["---"] * len(heads)), *map(line, rows)]


def _cell(spread: Spread | None, digits: int) -> str:
    return "" if spread is None else spread.text(digits)


def work_table(results: Results, work: str) -> list[str]:
    """Return the table of one work: a row a tool."""
    columns = SECTIONS[work].columns
    rows = [
        [name, *(_cell(results.spread(work, name, c.value), c.digits) for c in columns)]
        for name in results.names(work)
    ]
    return table(["", *(column.head for column in columns)], rows)


def goal_table(results: Results) -> list[str]:
    """Return what was to be reached, and what was."""
    rows = [
        (goal.what, goal.goal, goal.measured, "yes" if goal.reached else "**no**")
        for goal in goals(results)
    ]
    return table(["", "to reach", "measured", "reached"], rows)


def about(results: Results) -> list[str]:
    """Return when, where and with what it was measured."""
    lines = [f"- {name}: {value}" for name, value in results.about.items()]
    tools = ", ".join(f"{name} {release}" for name, release in results.tools.items())
    lines.append(f"- tools: {tools}")
    for name, why in results.missing.items():
        lines.append(f"- **not measured**: {name} ({why.splitlines()[0]})")
    return lines


def overview(results: Results) -> list[str]:
    """Return the table of the works that every tool does, as ratios."""
    parts: tuple[tuple[str, str, Value, int], ...] = (
        ("first register", "first", ratio, 2),
        ("after 5 % changed", "changed", ratio, 2),
        ("bytes added, % of the bundle", "changed", added_share, 1),
        ("nothing changed", "again", ratio, 2),
        ("checkout", "checkout", ratio, 2),
    )
    parts = tuple(part for part in parts if results.names(part[1]))
    rows = []
    for name in results.tools:
        cells = []
        for _, work, value, digits in parts:
            spread = results.spread(work, name, value)
            cells.append("" if spread is None else f"{spread.middle:.{digits}f}")
        rows.append([name, *cells, f"{results.peak(name):.0f}"])
    return table(["", *(part[0] for part in parts), "peak memory, MB"], rows)


def markdown(results: Results, plots: Mapping[str, str]) -> str:
    """Return everything.

    Args:
        results: The run.
        plots: Where the plot of a work lies, as a page has it.
    """
    lines = [*about(results), "", *overview(results), ""]
    lines += ["### What was to be reached", "", *goal_table(results), ""]
    for work, section in SECTIONS.items():
        if not results.names(work):
            continue
        lines += [f"### {section.title}", ""]
        if section.text:
            lines += [section.text, ""]
        if work in plots:
            lines += [f"![{section.title}, as bars]({plots[work]})", ""]
        lines += [*work_table(results, work), ""]
    if "memory" in plots:
        lines += ["### Peak memory", "", "The most that any of these took.", ""]
        lines += [f"![Peak memory, as bars]({plots['memory']})", ""]
    return "\n".join(lines)
