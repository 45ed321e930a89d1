"""The benchmarks run; what they measure is not looked at here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.large
@pytest.mark.skipif(sys.platform != "linux", reason="it measures by what Linux tells")
def test_a_trial_goes_through(tmp_path: Path) -> None:
    """A small bundle is registered, changed, comes back whole, and is reported."""
    pytest.importorskip("numpy", reason="the bundle is drawn with it")
    kept, tables = tmp_path / "results.json", tmp_path / "tables.md"
    # Each is a process or two; `nox -s bench` goes through all of them in CI.
    works = ["first", "changed", "checkout", "tensor", "small"]
    words = ["--scale", "0.01", "--rounds", "1", "--peers", "none"]
    words += ["--small", "5", "--only", ",".join(works)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.bytes", *words),
            *("--folder", str(tmp_path), "--json", str(kept)),
            *("--markdown", str(tables)),
        ],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    samples = json.loads(kept.read_text(encoding="utf-8"))["samples"]
    assert [s["work"] for s in samples if s["tool"] == "modelver"] == works
    assert all(s["seconds"] > 0 and s["peak"] > 0 for s in samples)
    text = tables.read_text(encoding="utf-8")
    assert "| register into an empty registry | at most 1.1 times" in text
    assert not list(tmp_path.glob("modelver-bench-*")), "something was left behind"
