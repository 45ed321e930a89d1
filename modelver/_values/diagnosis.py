"""What a store was seen to do, and what that means for a registry in it."""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from modelver._values.text import term_safe

Outcome = Literal["ok", "failed", "noted", "skipped"]

_MARKS: Mapping[str, str] = {"ok": "ok", "failed": "FAILED", "noted": "note"}
_VERDICTS: Mapping[str, str] = {
    "good": "A registry is safe here: every promise that modelver relies on was kept.",
    "reading": "A registry can be read here; writing was not tried, or is not possible "
    "with this access.",
    "unsafe": "Do not write to a registry here: a promise that commits rely on was "
    "broken.",
    "impaired": "Commits are safe here, but something else is not as it should be.",
    "unreachable": "The store cannot be read, so nothing can be told of it.",
}


@frozen(kw_only=True)
class Finding:
    """What one probe saw.

    Attributes:
        probe: Which: ``create-twice``, ``race``, ``listing-cache``, ...
        outcome: ``ok``; ``failed``: a promise was broken; ``noted``: good to know;
            ``skipped``: not tried.
        seen: What was seen, in one sentence.
        means: What that means, for a registry here.
        vital: Whether commits rely on it.
    """

    probe: str
    outcome: Outcome
    seen: str
    means: str
    vital: bool = False


@frozen(kw_only=True)
class Diagnosis:
    """What ``doctor`` tells of a store.

    Attributes:
        url: The address, without credentials.
        backend: The class that reaches it, and the distribution that brings it.
        capabilities: What the backend declares.
        versions: Of modelver, Python, fsspec and the client's packages.
        settings: Settings of the environment that change where requests go, and how;
            secrets are not shown.
        findings: One for each probe, in the order in which they were made.
        milliseconds: Median time of each kind of request.
        skew: Seconds by which the store's clock is ahead of this machine's; None where
            that cannot be known.
        left: Keys that were written and could not be deleted.
    """

    url: str
    backend: str
    capabilities: Mapping[str, Any]
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    findings: tuple[Finding, ...]
    milliseconds: Mapping[str, float]
    skew: float | None
    left: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """``good``, ``reading``, ``unsafe``, ``impaired`` or ``unreachable``."""
        failed = [finding for finding in self.findings if finding.outcome == "failed"]
        if any(finding.probe == "reach" for finding in failed):
            return "unreachable"
        if any(finding.vital for finding in failed):
            return "unsafe"
        if failed:
            return "impaired"
        raced = any(f.probe == "race" and f.outcome == "ok" for f in self.findings)
        return "good" if raced else "reading"

    @property
    def ok(self) -> bool:
        """Whether no promise was broken."""
        return all(finding.outcome != "failed" for finding in self.findings)

    def __bool__(self) -> bool:
        return self.ok

    def finding(self, probe: str) -> Finding:
        """Return what *probe* saw.

        Raises:
            KeyError: There is no such probe.
        """
        for finding in self.findings:
            if finding.probe == probe:
                return finding
        raise KeyError(probe)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "url": self.url,
            "verdict": self.verdict,
            "means": _VERDICTS[self.verdict],
            "ok": self.ok,
            "backend": self.backend,
            "capabilities": dict(self.capabilities),
            "versions": dict(self.versions),
            "settings": dict(self.settings),
            "findings": [
                {
                    "probe": finding.probe,
                    "outcome": finding.outcome,
                    "vital": finding.vital,
                    "seen": finding.seen,
                    "means": finding.means,
                }
                for finding in self.findings
            ],
            "milliseconds": dict(self.milliseconds),
            "skew": self.skew,
            "left": list(self.left),
        }

    def __str__(self) -> str:
        lines = [f"{self.url}: {_VERDICTS[self.verdict]}", ""]
        for finding in self.findings:
            mark = _MARKS.get(finding.outcome, "-")
            lines.append(f"{mark:>6}  {finding.probe}: {finding.seen}")
            lines.append(f"        {finding.means}")
        for what, found in (
            ("backend", self.backend),
            ("declares", _pairs(self.capabilities)),
            ("versions", _pairs(self.versions)),
            ("settings", _pairs(self.settings) or "none that redirect requests"),
        ):
            lines.append(f"{what}: {found}")
        if self.left:
            keys = ", ".join(self.left[:3]) + (", ..." if self.left[3:] else "")
            lines.append(f"left behind, since they could not be deleted: {keys}")
        return "\n".join(term_safe(line) for line in lines)


def _pairs(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in found.items())
