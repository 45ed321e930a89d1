"""What the samples come to: medians, spreads, ratios pair by pair."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from attrs import asdict, frozen

from benchmarks.bytes.measure import Limit, Sample

OURS = "modelver"
MB = 1_000_000

Value = Callable[[Sample], float | None]


@frozen
class Spread:
    """Lowest, median and highest of what was measured."""

    low: float
    middle: float
    high: float

    def text(self, digits: int = 2) -> str:
        """Return it for a table."""
        middle = f"{self.middle:,.{digits}f}"
        low, high = f"{self.low:,.{digits}f}", f"{self.high:,.{digits}f}"
        return middle if low == high else f"{middle} ({low} to {high})"


@frozen
class Results:
    """One run, as it is kept.

    Attributes:
        about: When, where and how: by name, in words.
        tools: The release of each tool.
        verifying: Those that hold what they restore against a digest.
        missing: Peers that were not to be had, and why.
        samples: Everything that was measured.
    """

    about: Mapping[str, str]
    tools: Mapping[str, str]
    verifying: Sequence[str]
    missing: Mapping[str, str]
    samples: tuple[Sample, ...]

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        text = json.dumps(asdict(self), indent=1)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read what `save` wrote."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**kept, "samples": tuple(map(_sample, kept["samples"]))})

    def of(self, work: str, tool: str) -> list[Sample]:
        """Return the samples of one work by one tool, by round."""
        return [s for s in self.samples if s.work == work and s.tool == tool]

    def names(self, work: str) -> list[str]:
        """Return who did a work, in the order in which they were asked."""
        return list(dict.fromkeys(s.tool for s in self.samples if s.work == work))

    def spread(self, work: str, tool: str, value: Value) -> Spread | None:
        """Return the spread of a value over the rounds; None: it was not measured."""
        found = [v for s in self.of(work, tool) if (v := value(s)) is not None]
        return Spread(min(found), median(found), max(found)) if found else None

    def peak(self, tool: str) -> float:
        """Return the most memory that a tool took in any work, in MB."""
        return max((s.peak for s in self.samples if s.tool == tool), default=0) / MB


def _sample(kept: dict[str, Any]) -> Sample:
    beside = kept["limit"]
    return Sample(**{**kept, "limit": beside and Limit(**beside)})


def durable(sample: Sample) -> float:
    """Return the seconds until the bytes are on the disk."""
    return sample.seconds + sample.flush


def limit(sample: Sample) -> float | None:
    """Return the seconds of the ``cp -r`` beside it: durable, but for a checkout."""
    if sample.limit is None:
        return None
    return sample.limit.copy if sample.work == "checkout" else sample.limit.fsync


def time(sample: Sample) -> float:
    """Return the seconds that are compared: durable, but for a checkout."""
    return sample.seconds if sample.work == "checkout" else durable(sample)


def ratio(sample: Sample) -> float | None:
    """Return the ratio of the two."""
    beside = limit(sample)
    return time(sample) / beside if beside else None


def fsync_ratio(sample: Sample) -> float | None:
    """Return the ratio to a copy that is flushed file by file."""
    return durable(sample) / sample.limit.fsync if sample.limit else None


def sync_ratio(sample: Sample) -> float | None:
    """Return the ratio to a copy that is flushed by one ``sync``."""
    return durable(sample) / sample.limit.sync if sample.limit else None


def share(sample: Sample) -> float | None:
    """Return what the store holds, in bundles."""
    return (sample.added or 0) / sample.detail["bundle"]


def added(sample: Sample) -> float | None:
    """Return the MB that were added."""
    return None if sample.added is None else sample.added / MB


def added_share(sample: Sample) -> float | None:
    """Return what was added, in hundredths of the bundle."""
    return (
        None if sample.added is None else 100 * sample.added / sample.detail["bundle"]
    )


def of_change(sample: Sample) -> float | None:
    """Return what was added, in times what had changed."""
    return (sample.added or 0) / (sample.detail["changed"] or 1)


def process(sample: Sample) -> float | None:
    """Return the milliseconds of the whole process."""
    return 1000 * sample.seconds


def call(sample: Sample) -> float | None:
    """Return the milliseconds of the call itself."""
    return None if sample.inside is None else 1000 * sample.inside


def alone(sample: Sample) -> float | None:
    """Return the milliseconds of the call, when what it is made of is open."""
    found = sample.detail.get("call", sample.inside)
    return None if found is None else 1000 * found


def again(sample: Sample) -> float | None:
    """Return the milliseconds of the same call, made again."""
    return 1000 * sample.detail["again"]


def each(sample: Sample) -> float | None:
    """Return the milliseconds of one of many versions, start-up excluded."""
    return 1000 * (sample.inside or 0) / sample.detail["versions"]


def by_hand(sample: Sample) -> float | None:
    """Return the milliseconds of the same by hand."""
    return 1000 * sample.detail["limit_inside"]


def over_hand(sample: Sample) -> float | None:
    """Return how many times the call took what the same takes by hand."""
    return (sample.inside or 0) / sample.detail["limit_inside"]


def alone_over_hand(sample: Sample) -> float | None:
    """Return the same, when what it is made of is open."""
    found = sample.detail.get("call")
    return None if found is None else found / sample.detail["limit_inside"]


def pairs(results: Results, work: str, one: str, other: str) -> Spread | None:
    """Return the ratio of the calls of two tools, round by round."""
    mine, theirs = results.of(work, one), results.of(work, other)
    both = zip(mine, theirs, strict=False)
    found = [(a.inside or 0) / b.inside for a, b in both if b.inside]
    return Spread(min(found), median(found), max(found)) if found else None
