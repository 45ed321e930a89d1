"""Every verb that looks closer does what its method does: files, log, lineage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver._cli import main
from modelver._registry.registry import Registry

Run = Callable[..., Any]


def test_diff(cli: Run, fraud: Registry) -> None:
    """Differences come as text, as Markdown and as JSON, and may decide the code."""
    pair = ("diff", "fraud@0.1.0", "fraud@0.2.0")
    diff = fraud.diff(*pair[1:])
    assert cli(*pair).out == f"{diff}\n"
    assert cli(*pair, "--format", "markdown").out == diff.to_markdown()
    assert cli(*pair, "--format", "json").json == diff.to_dict()
    assert cli(*pair, "--exit-code").code == 1
    assert cli("diff", "fraud", "fraud", "--exit-code").code == 0


def test_compare(cli: Run, fraud: Registry) -> None:
    """Elsewhere than on a terminal, a comparison is a table of tabs with its head."""
    rows = cli("compare", "fraud@0.1.0", "fraud@0.2.0").rows
    assert rows[0] == ["", "fraud@0.1.0", "fraud@0.2.0"]
    assert ["metrics.auc", "0.94", "0.95"] in rows
    assert ["params.name", "x", ""] in rows
    differing = cli("compare", "fraud@0.1.0", "fraud@0.2.0", "--differing").rows
    found = fraud.compare(["fraud@0.1.0", "fraud@0.2.0"])
    assert len(rows) == 1 + len(found.rows)
    assert len(differing) == 1 + len(found.differing().rows)


def test_lineage(cli: Run, fraud: Registry) -> None:
    """A lineage goes up, down, both ways or over everything, in three formats."""
    whole = fraud.lineage("fraud")
    assert cli("lineage", "fraud").out == f"{whole}\n"
    assert cli("lineage").out == f"{fraud.lineage()}\n"
    assert cli("lineage", "fraud", "--format", "mermaid").out == whole.to_mermaid()
    up = cli("lineage", "fraud", "--upstream", "--depth", "1", "--format", "json")
    assert up.json == whole.upstream(1).to_dict()
    down = cli("lineage", "fraud@0.1.0", "--downstream", "--json")
    assert down.json == fraud.lineage("fraud@0.1.0").downstream().to_dict()
    assert cli("lineage", "fraud", "--depth", "1").code == 2
    assert cli("lineage", "fraud", "--upstream", "--downstream").code == 2


def test_used_by(cli: Run, fraud: Registry) -> None:
    """Users are found by a file's content, by a digest and by a version."""
    digest = fraud.get("fraud@0.1.0").inputs[0].digest
    assert [row[0] for row in cli("used-by", "train.csv").rows] == ["fraud@0.1.0"]
    assert [row[0] for row in cli("used-by", digest).rows] == ["fraud@0.1.0"]
    assert [row[0] for row in cli("used-by", "fraud@0.1.0").rows] == ["fraud@0.2.0"]
    assert cli("used-by", "nothing").code == 3


def test_log_and_outcome(cli: Run, fraud: Registry) -> None:
    """Commits come newest first; of one it is told whether it has landed."""
    fraud.register("other", {"w": b"1"}, environment=False)
    assert [row[0] for row in cli("log").rows] == ["4", "3", "2", "1"]
    rows = cli("log", "fraud", "-n", "2", "--no-void").rows
    assert [row[0] for row in rows] == ["3", "2"]
    assert rows[1][2:4] == ["ada", "promote fraud@0.1.0 to production (go)"]
    txid = fraud.log()[0].txid
    assert cli("outcome", txid).rows[0][0] == "4"
    missing = cli("outcome", "0" * 32, "--json")
    assert (missing.code, missing.json) == (1, {"landed": False, "commit": None})


def test_void_commits_say_so(cli: Run, fraud: Registry) -> None:
    """A log entry that means nothing is shown as one without effect."""
    (Path(fraud.url) / "log" / f"{4:020d}.json").write_bytes(b"torn")
    said = cli("log")
    assert "without effect" in said.rows[0][3]
    assert [row[0] for row in cli("log", "--no-void").rows] == ["3", "2", "1"]


def test_time_travel(cli: Run, fraud: Registry) -> None:
    """``--at`` asks the registry as it was, by number and by time, for reading."""
    assert fraud.seq == 3
    assert cli("--at", "1", "aliases").out == ""
    assert len(cli("aliases", "--at", "2").rows) == 1
    assert cli("models", "--at", "2000-01-01").out == ""
    assert len(cli("aliases", "--at", "2100-01-01T00:00:00Z").rows) == 2
    assert cli("models", "--at", "99").code == 3
    assert cli("models", "--at", "yesterday").code == 2
    assert cli("tag", "fraud@0.1.0", "a=b", "--at", "2").code == 2


def test_files(cli: Run, fraud: Registry) -> None:
    """Files come with role, bytes and whole digests."""
    files = {f.path: f for f in fraud.get("fraud@0.1.0").files}
    rows = cli("files", "fraud@0.1.0").rows
    assert [row[0] for row in rows] == sorted(files)
    assert rows[-1] == ["model/w.bin", "model", "3", files["model/w.bin"].digest, ""]


def test_cat(empty: Registry, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The very bytes of a file come out through a pipe."""
    data = bytes(range(256)) * 5
    empty.register("m", {"w.bin": data}, environment=False)
    assert main(["cat", "m", "w.bin"]) == 0
    assert capfdbinary.readouterr().out == data


def test_cat_as_json(cli: Run, fraud: Registry) -> None:
    """In a document the bytes are in base 64."""
    assert cli("cat", "fraud", "w.bin", "--json").json == {
        "ref": "fraud@0.2.0",
        "path": "w.bin",
        "size": 7,
        "base64": "dHdvZm9sZA==",
    }
    assert cli("cat", "fraud", "no.bin").code == 3
    assert fraud.get("fraud").size > 7


def test_path_and_cache(cli: Run, fraud: Registry, tmp_path: Path) -> None:
    """A local copy lies in the cache that was asked for, and is whole."""
    said = cli("path", "fraud", "w.bin", "--cache", str(tmp_path / "here"))
    found = Path(said.out.removesuffix("\n"))
    assert found.read_bytes() == b"twofold"
    assert tmp_path / "here" in found.parents
    assert Path(cli("path", "fraud").out.strip()).is_dir()
    assert fraud.seq == 3


def test_checkout(cli: Run, fraud: Registry, tmp_path: Path) -> None:
    """A version is written into a new folder, once, and only the roles asked for."""
    said = cli("checkout", "fraud@0.1.0", "out", "--role", "model", "--role", "data")
    assert said.out == f"{tmp_path / 'out'}\n"
    names = sorted(p.name for p in Path("out").rglob("*") if p.is_file())
    assert names == ["train.csv", "w.bin"]
    assert cli("checkout", "fraud@0.1.0", "out").code == 4
    assert cli("checkout", "fraud@0.1.0", "x", "--role", "modell").code == 2
    assert fraud.seq == 3


def test_verify(cli: Run, fraud: Registry) -> None:
    """A sound registry is told in one line; depth and version can be chosen."""
    assert cli("verify").out == f"{fraud.verify()}\n"
    assert cli("verify", "fraud", "--json").json["versions"] == 1
    assert cli("verify", "--shallow", "--json").json["deep"] is False


def test_forget(cli: Run, fraud: Registry) -> None:
    """A registry that went back is believed again after it was forgotten."""
    last = Path(fraud.url) / "log" / f"{3:020d}.json"
    assert cli("models").code == 0
    last.unlink()
    assert cli("models", "--json").code == 5
    assert cli("forget").out == ""
    assert cli("models").rows[0][:2] == ["fraud", "1"]
