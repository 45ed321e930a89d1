"""The files that the how-to guides show do what the guides say.

The example of a backend is a distribution of its own, in ``tests/plugins``.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "how-to" / "examples"
PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))


@pytest.mark.parametrize(
    "tests", sorted(EXAMPLES.glob("test_*.py")), ids=lambda path: path.stem
)
def test_example(tests: Path, tmp_path: Path) -> None:
    """Its own tests pass, as they would in a reader's folder."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests.name],
        cwd=EXAMPLES,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(EXAMPLES), str(ROOT)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DEBUG_TEMPROOT": str(tmp_path),
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout, done.stdout


def test_every_example_is_shown() -> None:
    """No file lies there that no guide includes."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    files = [path.name for path in EXAMPLES.glob("*.py")]
    assert files
    assert [name for name in files if f"examples/{name}\n" not in text] == []
