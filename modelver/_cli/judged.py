"""How audits, gates and reports look: as tables, as JUnit cases, as annotations."""

from collections.abc import Iterator

from modelver._cli.annotations import annotate
from modelver._cli.failure import FAILED, OK
from modelver._cli.junit import Case, Suite
from modelver._cli.output import Cell, Reply, Table
from modelver._search.gate import Gate
from modelver._values.audit import Audit, Audits
from modelver._values.report import Report

_STYLES = {"yes": "green", "partly": "yellow", "no": "red"}


def audit_table(audit: Audit) -> Table:
    """Return a line for each ingredient, and one for the grade."""
    rows = [
        (
            Cell(check.result, style=_STYLES.get(check.result, "")),
            check.name,
            check.evidence,
            check.advice,
        )
        for check in audit.checks
    ]
    head = ("result", "ingredient", "evidence", "advice")
    grade = (audit.grade, "grade", audit.ref, "")
    return Table(head, [grade, *rows], drawn=str(audit))


def audits_table(audits: Audits) -> Table:
    """Return a line for each version."""
    rows = [
        (
            Cell(audit.grade, style="bold"),
            audit.ref,
            " ".join(check.name for check in audit.missing(audit.next_grade or "A")),
        )
        for audit in audits
    ]
    rows += [(Cell("", "?"), ref, why) for ref, why in audits.unread]
    head = ("grade", "version", "missing for the next")
    summary = ", ".join(f"{grade} {n}" for grade, n in audits.counts.items() if n)
    return Table(head, rows, empty="there is no version yet", summary=summary)


def audit_suite(audit: Audit, grade: str | None) -> Suite:
    """Return a case for each ingredient; what *grade* needs and lacks has failed."""
    failing = audit.missing(grade) if grade is not None else ()
    cases = []
    for check in audit.checks:
        if check in failing:
            cases.append(Case(check.name, check.evidence, check.advice))
        elif check.result == "yes":
            cases.append(Case(check.name))
        else:
            cases.append(Case(check.name, skipped=f"{check.result}: {check.evidence}"))
    return Suite(f"audit {audit.ref}", cases)


def unread_suites(audits: Audits) -> Iterator[Suite]:
    """Yield what could not be audited."""
    for ref, why in audits.unread:
        yield Suite(f"audit {ref}", [Case("manifest", f"cannot be read: {why}")])


def tell_audit(audit: Audit, grade: str) -> None:
    """Tell GitHub Actions what *grade* lacks."""
    annotate(
        "error",
        (
            (f"{audit.ref} is below {grade}", f"{c.name}: {c.evidence}. {c.advice}")
            for c in audit.missing(grade)
        ),
    )


def gate_suite(gate: Gate) -> Suite:
    """Return a case for each condition."""
    cases = [
        Case(test.condition, None if test.passed else test.evidence)
        for test in gate.tests
    ]
    return Suite(f"gate {gate.ref}", cases)


def gate_reply(gate: Gate) -> Reply:
    """Return the answer that a gate is, and tell GitHub Actions what failed."""
    rows = [
        (
            Cell("ok" if t.passed else "failed", style="" if t.passed else "bold red"),
            t.condition,
            t.evidence,
        )
        for t in gate.tests
    ]
    table = Table(("outcome", "condition", "evidence"), rows, drawn=str(gate))
    failed = (
        (f"{gate.ref} does not pass", f"{test.condition}: {test.evidence}")
        for test in gate.tests
        if not test.passed
    )
    annotate("error", failed)
    return Reply(gate.to_dict(), table, OK if gate else FAILED)


def report_suite(report: Report) -> Suite:
    """Return a case for each damage, or one that says that there is none."""
    if report.ok:
        name = f"{report.intact} of {report.versions} versions intact"
        return Suite("verify", [Case(name)])
    cases = [
        Case(
            problem.key or str(problem.kind),
            f"{problem.kind}: {problem.message}",
            "\n".join(f"hurts {version}" for version in problem.versions),
        )
        for problem in report.problems
    ]
    return Suite("verify", cases)


def tell_report(report: Report) -> None:
    """Tell GitHub Actions what is damaged."""
    annotate("error", ((str(p.kind), f"{p.key}: {p.message}") for p in report.problems))
