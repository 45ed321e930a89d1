"""The page of audits says what the rule says."""

import re
from pathlib import Path

from modelver._values.audit import GRADES, NEEDS
from modelver._values.entry import Record
from modelver._values.ingredients import audit_of
from modelver._values.manifest import Bundle

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "audit-a-version.md"
ROW = re.compile(r"^\| (\S+) \|([^|]*)\|.*$", re.MULTILINE)


def test_the_grades_are_those_of_the_code() -> None:
    """Each grade's row has what that grade needs, and how much of it."""
    rows = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
    for grade in GRADES:
        found: dict[str, str] = {}
        # "a and b, at least partly; c": the half that says so is about its names.
        for half in rows[grade].split(";"):
            result = "partly" if "at least partly" in half else "yes"
            found |= dict.fromkeys(re.findall(r"`(\w+)`", half), result)
        assert found == dict(NEEDS.get(grade, {})), grade


def test_every_check_is_told_of() -> None:
    """The second table has the checks of an audit, in their order."""
    audit = audit_of(Bundle(format=1, files=()), Record(), ref="m@1.0.0")
    page = PAGE.read_text(encoding="utf-8")
    names = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert names == [check.name for check in audit.checks]
    counted = {name for needs in NEEDS.values() for name in needs}
    (free,) = re.findall(r"does not count: (.*)\.", page)
    assert set(re.findall(r"`(\w+)`", free)) == set(names) - counted
