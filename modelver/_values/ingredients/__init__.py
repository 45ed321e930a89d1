"""Looks what a version has of what is needed to make it again.

It goes by the bundle and by what was recorded of the run, and reads no file. What
somebody else wrote into a log may be anything: whatever is not of the form that it
should have counts as not recorded.
"""

from collections.abc import Mapping

from modelver._values.audit import Audit
from modelver._values.entry import Record
from modelver._values.ingredients import code, data, environment, run
from modelver._values.ingredients.found import Found
from modelver._values.manifest import Bundle

__all__ = ["audit_of"]


def audit_of(
    bundle: Bundle,
    record: Record,
    *,
    ref: str,
    metrics: Mapping[str, float] | None = None,
    evaluations: int = 0,
) -> Audit:
    """Return the ingredients of a version.

    Args:
        bundle: What it holds.
        record: What was recorded at its registration.
        ref: What to call it.
        metrics: Its metrics as they are now; None: those of the record.
        evaluations: How many times it was evaluated later.
    """
    found = Found(bundle=bundle, record=record)
    numbers = record.metrics if metrics is None else metrics
    checks = (
        *code.checks(found),
        *data.checks(found),
        *environment.checks(found),
        *run.checks(found, numbers, evaluations),
    )
    return Audit.of(ref, checks, found.omitted)
