"""How findings are said."""

from modelver._values.diagnosis import Finding


def judged(
    probe: str,
    *,
    good: bool,
    seen: tuple[str, str],
    means: tuple[str, str],
    vital: bool = False,
) -> Finding:
    """Return the finding of a promise that was kept or broken.

    Args:
        probe: Which.
        good: Whether it was kept.
        seen: What was seen if it was kept, and if it was broken.
        means: What each of the two means.
        vital: Whether commits rely on it.
    """
    kept, broken = seen
    fine, harm = means
    return Finding(
        probe=probe,
        outcome="ok" if good else "failed",
        seen=kept if good else broken,
        means=fine if good else harm,
        vital=vital,
    )


def skipped(probe: str, why: str) -> Finding:
    """Return the finding of a probe that was not tried."""
    return Finding(
        probe=probe,
        outcome="skipped",
        seen=f"not tried: {why}",
        means="Nothing is known of it.",
    )
