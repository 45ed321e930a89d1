"""The verb that probes a live store."""

from argparse import Namespace

from modelver._cli import failure
from modelver._cli.opening import address
from modelver._cli.output import Cell, Reply, Table
from modelver._registry.doctor import doctor as probed

_STYLES = {"ok": "green", "failed": "bold red", "noted": "yellow"}


def doctor(args: Namespace) -> Reply:
    """Tell whether a store can be trusted."""
    found = probed(address(args), read_only=args.read_only, rounds=args.rounds or 5)
    rows = [
        (each.probe, Cell(each.outcome, style=_STYLES.get(each.outcome, "")), each.seen)
        for each in found.findings
    ]
    table = Table(("probe", "outcome", "seen"), rows, drawn=str(found))
    return Reply(found.to_dict(), table, _code(found.verdict, ok=found.ok))


def _code(verdict: str, *, ok: bool) -> int:
    if verdict == "unreachable":
        return failure.ENVIRONMENT
    return failure.OK if ok else failure.FAILED
