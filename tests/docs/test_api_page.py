"""The API page describes every name that is exported, and no other."""

import re
from pathlib import Path

import pytest

import modelver
import modelver.testing

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"
DIRECTIVE = re.compile(r"^\.\. auto(?:class|function|data):: ([\w.]+)", re.MULTILINE)


@pytest.mark.parametrize(
    ("prefix", "exported"),
    [
        ("", set(modelver.__all__) - {"__version__"}),
        ("modelver.testing.", set(modelver.testing.__all__)),
    ],
    ids=["modelver", "modelver.testing"],
)
def test_every_name_is_described(prefix: str, exported: set[str]) -> None:
    """What a user can import has its entry."""
    described = DIRECTIVE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(described) == len(set(described)), "something is described twice"
    names = {n.removeprefix(prefix) for n in described if n.startswith(prefix)}
    names = {name for name in names if "." not in name}
    assert names == exported
