"""The page of environment variables names every variable that the code reads."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "environment-variables.md"

# As `"MODELVER_..."` in a call or a constant; a mention in a docstring is none.
OWN = re.compile(r'"(MODELVER_[A-Z_]+)"')
CAPTURE = ROOT / "modelver" / "_capture"
READERS = [CAPTURE / name for name in ("ci.py", "container.py", "determinism.py")]
FOREIGN = re.compile(r'"(CI|[A-Z]{2,}[A-Z0-9]*(?:_[A-Z0-9]+)*|container)"')


def test_every_variable_is_on_the_page() -> None:
    """Ours, and those of others that are recorded."""
    page = PAGE.read_text(encoding="utf-8")
    code = {
        path: path.read_text(encoding="utf-8")
        for path in (ROOT / "modelver").rglob("*.py")
    }
    ours = {name for text in code.values() for name in OWN.findall(text)}
    theirs = {name for path in READERS for name in FOREIGN.findall(code[path])}
    assert len(ours) >= 4, ours
    assert len(theirs) >= 50, theirs
    missing = {name for name in ours | theirs if f"`{name}`" not in page}
    assert missing == set()


def test_no_variable_is_invented() -> None:
    """Every variable of ours that the page names is read somewhere."""
    code = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "modelver").rglob("*.py")
    )
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`(MODELVER_[A-Z_]+)`", page))
    assert named
    assert {name for name in named if f'"{name}"' not in code} == set()
