"""A command is run as it was recorded, and ended when its time is up."""

import os
import sys
import time
from pathlib import Path

import pytest

from modelver._reproduce.run import RunResult, run_command, variables_of, words_of

HERE = Path(sys.executable)


def run(tmp_path: Path, code: str, timeout: float | None = 60.0) -> RunResult:
    """Run Python code in a folder of its own."""
    return run_command(
        [sys.executable, "-c", code],
        tmp_path,
        variables_of(HERE, {"TOLD": "yes"}),
        timeout=timeout,
        log=tmp_path / "run.log",
    )


def test_what_it_says_is_kept(tmp_path: Path) -> None:
    """Both streams go to the log; the last lines are handed back."""
    code = "import sys; [print(n) for n in range(20)]; print('oh', file=sys.stderr)"
    found = run(tmp_path, code)
    assert found.ok
    assert found.tail[-1] == "oh"
    assert len((tmp_path / "run.log").read_text().split()) == 21


def test_it_runs_where_and_as_it_is_told(tmp_path: Path) -> None:
    """The folder and the variables are those that were asked for."""
    run(tmp_path, "import os; print(os.getcwd(), os.environ['TOLD'])")
    assert (tmp_path / "run.log").read_text().split() == [os.fspath(tmp_path), "yes"]


def test_nothing_leads_to_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process was told about Python is not passed on."""
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("VIRTUAL_ENV", "elsewhere")
    found = variables_of(HERE, {})
    assert not {"PYTHONPATH", "VIRTUAL_ENV"} & set(found)
    assert found["PATH"].split(os.pathsep)[0] == os.fspath(HERE.parent)


def test_failing_is_told(tmp_path: Path) -> None:
    """The exit code is the program's."""
    found = run(tmp_path, "raise SystemExit(3)")
    assert not found.ok
    assert found.code == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups like these")
def test_time_is_up_for_its_children_too(tmp_path: Path) -> None:
    """A command that takes too long is ended, with what it started."""
    child = "import time; time.sleep(600)"
    code = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "open('pid', 'w').write(str(p.pid))\n"
        "time.sleep(600)\n"
    )
    found = run(tmp_path, code, timeout=2.0)
    assert found.timed_out
    assert not found.ok
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or ") Z " in stat.read_text():
            return
        time.sleep(0.1)
    pytest.fail("its child still runs")


def test_an_endless_speaker_fills_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log ends where it is full; the command goes on."""
    monkeypatch.setattr("modelver._reproduce.run._MAX_LOG", 1000)
    found = run(tmp_path, "print('x' * 100_000); print('end')")
    assert found.tail[-1] == "end"
    assert (tmp_path / "run.log").stat().st_size == 1000


def test_python_is_that_of_the_environment(tmp_path: Path) -> None:
    """``python`` means the rebuilt one, and so do the programs beside it."""
    beside = tmp_path / "tool"
    beside.write_text("#!/bin/sh\n")
    beside.chmod(0o755)
    python = tmp_path / "python"
    assert words_of(["python3", "a.py"], python) == [os.fspath(python), "a.py"]
    assert words_of(["tool", "x"], python) == [os.fspath(beside), "x"]
    assert words_of(["no-such-tool"], python) == ["no-such-tool"]
