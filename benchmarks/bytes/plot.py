"""The figures as bars: one small SVG a work, readable on light and on dark pages."""

from pathlib import Path

import matplotlib as mpl
from attrs import frozen
from matplotlib.figure import Figure

from benchmarks.bytes.figures import (
    OURS,
    Results,
    Spread,
    Value,
    added,
    call,
    each,
    ratio,
    share,
)

# Each stands out from white and from near-black alike: at least 3:1.
INK = "#7a7a7a"
MINE = "#12908e"
THEIRS = "#8a8fa3"


@frozen
class Chart:
    """One chart: what its bars are, and where a line marks what to reach."""

    label: str
    value: Value
    digits: int = 2
    mark: float | None = None


RATIO = "times a cp -r + fsync of the same bundle (dashed: 1)"
CHARTS = {
    "first": Chart(RATIO, ratio, mark=1),
    "changed": Chart(RATIO, ratio, mark=1),
    "again": Chart(RATIO, ratio, mark=1),
    "checkout": Chart("times a cp -r of the same bundle (dashed: 1)", ratio, mark=1),
    "path": Chart("milliseconds, start-up excluded", call),
    "tensor": Chart("milliseconds, start-up excluded", call),
    "twenty": Chart("bytes in the store, in bundles (dashed: one)", share, mark=1),
    "rows": Chart("bytes added, MB", added, digits=1),
    "small": Chart("milliseconds a version, start-up excluded", each),
}


@frozen
class Bar:
    """One bar, with its spread."""

    name: str
    spread: Spread


def bars(results: Results, work: str) -> list[Bar]:
    """Return the bars of a work, shortest first."""
    chart = CHARTS[work]
    found = [
        Bar(name, spread)
        for name in results.names(work)
        if (spread := results.spread(work, name, chart.value)) is not None
    ]
    if work == "tensor":
        hand = results.spread(work, OURS, lambda s: 1000 * s.detail["limit_inside"])
        found += [Bar("by hand", hand)] if hand else []
    return sorted(found, key=lambda bar: bar.spread.middle)


def draw(path: Path, shown: list[Bar], chart: Chart) -> None:
    """Draw bars into a file."""
    figure = Figure(figsize=(6.4, 0.55 + 0.3 * len(shown)))
    axes = figure.add_subplot()
    names = [bar.name for bar in shown]
    middles = [bar.spread.middle for bar in shown]
    colours = [MINE if bar.name == OURS else THEIRS for bar in shown]
    axes.barh(names, middles, color=colours, height=0.62)
    for place, bar in enumerate(shown):
        low, high = bar.spread.low, bar.spread.high
        if low != high:
            axes.plot([low, high], [place, place], color=INK, linewidth=1.2)
        axes.annotate(
            f"{bar.spread.middle:,.{chart.digits}f}",
            (high, place),
            xytext=(5, 0),
            textcoords="offset points",
            color=INK,
            va="center",
            fontsize=9,
        )
    if chart.mark is not None:
        axes.axvline(chart.mark, color=INK, linestyle="--", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * max(bar.spread.high for bar in shown))
    axes.set_xlabel(chart.label, color=INK, fontsize=9)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.spines[:].set_visible(False)
    # Text stays text, and the same figures make the same file.
    kept = {
        "svg.fonttype": "none",
        "svg.hashsalt": path.stem,
        "font.family": "sans-serif",
    }
    with mpl.rc_context(kept):
        figure.savefig(
            path,
            format="svg",
            transparent=True,
            bbox_inches="tight",
            metadata={"Date": None, "Creator": None},
        )


def draw_all(results: Results, folder: Path) -> dict[str, Path]:
    """Draw every work that was measured; return the file of each."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for work, chart in CHARTS.items():
        shown = bars(results, work)
        if shown:
            made[work] = folder / f"speed-{work}.svg"
            draw(made[work], shown, chart)
    peaks = {
        name: results.peak(name)
        for name in dict.fromkeys(sample.tool for sample in results.samples)
        if name in results.tools
    }
    shown = [Bar(name, Spread(peak, peak, peak)) for name, peak in peaks.items()]
    shown.sort(key=lambda bar: bar.spread.middle)
    made["memory"] = folder / "speed-memory.svg"
    draw(made["memory"], shown, Chart("MB (dashed: 128)", added, 0, 128))
    return made
