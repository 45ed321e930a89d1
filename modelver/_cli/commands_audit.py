"""The verbs that judge versions."""

from argparse import Namespace

from modelver._cli import judged, junit
from modelver._cli.failure import FAILED, OK
from modelver._cli.opening import opened
from modelver._cli.output import Reply
from modelver._values.audit import check_grade


def audit(args: Namespace) -> Reply:
    """Tell what versions have of what is needed to make them again."""
    grade = None if args.min is None else check_grade(args.min)
    found = opened(args).audit(args.of)
    if args.junit is not None:
        suites = [judged.audit_suite(each, grade) for each in found]
        junit.write(args.junit, [*suites, *judged.unread_suites(found)])
    below = found.below(grade) if grade is not None else ()
    if grade is not None:
        for each in below:
            judged.tell_audit(each, grade)
    failed = bool(below) or (grade is not None and bool(found.unread))
    one = found.audits[0] if len(found) == 1 and _is_version(args.of) else None
    table = judged.audits_table(found) if one is None else judged.audit_table(one)
    data = found.to_dict() if one is None else one.to_dict()
    return Reply(data, table, FAILED if failed else OK)


def _is_version(of: str | None) -> bool:
    return of is not None and ("@" in of or ":" in of)


def gate(args: Namespace) -> Reply:
    """Tell whether the metrics of a version are good enough."""
    found = opened(args).gate(
        args.ref, args.conditions, base=args.base, no_base_yet=args.no_base_yet
    )
    if args.junit is not None:
        junit.write(args.junit, [judged.gate_suite(found)])
    return judged.gate_reply(found)
