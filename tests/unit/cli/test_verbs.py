"""Every verb does what its method does, and says so in records."""

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver._registry.registry import Registry
from modelver.errors import ErrorKind

Run = Callable[..., Any]


class _Stdin:
    """Standard input that holds some bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_init(cli: Run, tmp_path: Path) -> None:
    """A registry is created once, with its statuses; the second time it is there."""
    url = str(tmp_path / "new")
    words = ("init", url, "--digest", "sha256", "--status", "good", "--status", "bad")
    assert cli(*words).out == f"{url}\n"
    assert list(Registry(url).statuses) == ["good", "bad"]
    assert not cli("init", url, "--json").json["created"]
    other = cli("init", url, "--status", "other")
    assert (other.code, "'good', 'bad'" in other.err) == (2, True)
    assert cli("init", url, "--digest", "b3").code == 2
    assert cli("register", "m", __file__, "--registry", url).code == 0
    assert Registry(url).get("m").digest.startswith("sha256:")


def test_the_registry_must_be_said(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address, the error names the option and the variable."""
    monkeypatch.delenv("MODELVER_REGISTRY", raising=False)
    said = cli("models")
    assert said.code == 2
    assert "--registry URL, or set MODELVER_REGISTRY" in said.err


def test_an_option_wins_over_the_variable(
    cli: Run, fraud: Registry, tmp_path: Path
) -> None:
    """``--registry`` is asked, not the registry of the environment."""
    Registry(tmp_path / "other", create=True)
    assert fraud.models()
    assert cli("models", "--registry", "other").out == ""


def test_register(cli: Run, empty: Registry, tmp_path: Path) -> None:
    """All that the method takes, a command line can give."""
    for name, text in {
        "out/w.bin": "weights",
        "src/train.py": "print()",
        "train.csv": "a",
        "val.csv": "b",
        "config.toml": "lr = 0.1",
        "card.md": "# Card",
        "params.json": '{"lr": 0.1, "depth": 3}',
        "slices.json": '{"country=DE": {"auc": 0.9}}',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    empty.register("base", {"b": b"1"}, environment=False)
    line = (
        "register fraud out --pre rc --bump minor --code src --data train=train.csv "
        "--data val.csv --config config.toml --docs card.md --params params.json "
        "--params lr=0.2 --params opt=adam --metrics auc=0.94 --slices slices.json "
        "--tag task=fraud --tag eq=a=b --description D --parent base --alias canary "
        "-m hello --no-environment --author grace"
    )
    said = cli(*line.split())
    assert (said.code, said.out, said.err) == (0, "fraud@0.1.0-rc.1\n", "")
    version = empty.get("fraud@newest")
    assert [f.path for f in version.files] == [
        "code/train.py",
        "config/config.toml",
        "data/train",
        "data/val.csv",
        "docs/card.md",
        "model/w.bin",
    ]
    assert version.params == {"lr": 0.2, "depth": 3, "opt": "adam"}
    assert (version.metrics, version.slices) == (
        {"auc": 0.94},
        {"country=DE": {"auc": 0.9}},
    )
    assert version.tags == {"task": "fraud", "eq": "a=b"}
    assert (version.description, version.message) == ("D", "hello")
    assert (version.parents, version.aliases) == (("base@0.1.0",), ("canary",))
    assert (version.author, version.environment) == ("grace", None)
    assert cli("register", "fraud", "out", "--version", "2.0.0").out == "fraud@2.0.0\n"
    assert empty.get("fraud").environment is not None


def test_register_says_whether_it_did(cli: Run, empty: Registry) -> None:
    """The same bundle again is the same version, and the document says so."""
    Path("w.bin").write_text("x")
    words = ("register", "m", "w.bin", "--json")
    assert cli(*words).json["created"] is True
    again = cli(*words)
    assert (again.json["created"], again.json["ref"]) == (False, "m@0.1.0")
    assert empty.seq == 1


def test_register_files_under_other_names(cli: Run, empty: Registry) -> None:
    """``PATH=FILE`` says where a file goes; options may stand between files."""
    Path("a.bin").write_text("a")
    Path("b.bin").write_text("b")
    cli("register", "m", "sub/w.bin=a.bin", "--tag", "a=b", "b.bin")
    assert empty.get("m").read("sub/w.bin") == b"a"
    assert empty.get("m").read("b.bin") == b"b"


def test_models(cli: Run, fraud: Registry) -> None:
    """Each model has its count, its latest and its newest version, its aliases."""
    fraud.register("rc", {"w": b"1"}, version="1.0.0-rc.1", environment=False)
    assert cli("models").rows == [
        ["fraud", "2", "0.2.0", "0.2.0", "production=0.1.0 staging=0.2.0"],
        ["rc", "1", "", "1.0.0-rc.1", ""],
    ]


def test_versions(cli: Run, fraud: Registry) -> None:
    """Versions come in the order of registration; withdrawn ones when asked for."""
    rows = cli("versions", "fraud").rows
    assert [row[0] for row in rows] == ["fraud@0.1.0", "fraud@0.2.0"]
    assert rows[0][2:5] == ["ada", "", "production"]
    assert rows[0][6] == "auc=0.94 f1=0.8"
    fraud.clear_alias("fraud", "staging")
    fraud.withdraw("fraud@0.2.0", "bad")
    assert len(cli("versions", "fraud").rows) == 1
    assert cli("versions", "fraud", "--withdrawn").rows[1][3] == "withdrawn"


def test_get(cli: Run, fraud: Registry) -> None:
    """Everything said of a version has a line, named as a filter names it."""
    fraud.evaluate("fraud@0.1.0", {"auc": 0.5}, dataset="october")
    fraud.note("fraud@0.1.0", "two\nlines")
    fraud.set_status("fraud@0.1.0", "approved", "fine")
    said = dict(cli("get", "fraud@production").rows)
    expected = {
        "ref": "fraud@0.1.0",
        "author": "ada",
        "commit": "1",
        "message": "hello",
        "description": "the first",
        "bump": "first",
        "status": "approved",
        "status_reason": "fine",
        "aliases": "production",
        "metrics.auc": "0.94",
        "metrics.auc@country=DE": "0.9",
        "params.depth": "3",
        "params.name": "x",
        "tags.task": "fraud",
        "evaluation": "october: auc=0.5",
    }
    assert expected.items() <= said.items()
    assert said["note"].startswith(r"two\nlines (ada, ")
    assert said["input"].startswith("train.csv b3:")
    assert "withdrawn" not in said
    child = dict(cli("get", "fraud@0.2.0").rows)
    assert (child["parent"], child["bump"]) == ("fraud@0.1.0", "minor")


@pytest.mark.parametrize(
    ("ref", "exact"),
    [
        ("fraud", "fraud@0.2.0"),
        ("fraud@^0.1", "fraud@0.1.0"),
        ("fraud@production", "fraud@0.1.0"),
        ("fraud@newest", "fraud@0.2.0"),
    ],
)
def test_resolve(cli: Run, fraud: Registry, ref: str, exact: str) -> None:
    """A ref is answered by the exact one, alone on its line."""
    assert cli("resolve", ref).out == f"{exact}\n"
    assert fraud.resolve(ref) == exact


def test_withdrawn_versions_warn(cli: Run, fraud: Registry) -> None:
    """A warning of the library is told on standard error, and the verb goes on."""
    fraud.clear_alias("fraud", "staging")
    fraud.withdraw("fraud@0.2.0", "bad\nmodelver: error: forged")
    said = cli("resolve", "fraud@0.2.0")
    assert (said.code, said.out) == (0, "fraud@0.2.0\n")
    assert said.err == (
        "modelver: warning: fraud@0.2.0 is withdrawn: bad\\nmodelver: error: forged\n"
    )
    assert cli("resolve", "fraud@0.2.0").err == said.err, "each time, not once"


@pytest.mark.parametrize(
    ("words", "refs"),
    [
        ([], ["fraud@0.1.0", "fraud@0.2.0"]),
        (["metrics.auc > 0.94"], ["fraud@0.2.0"]),
        (["--order-by", "metrics.auc desc", "-n", "1"], ["fraud@0.2.0"]),
        (["tags.task = 'fraud'", "--model", "fraud"], ["fraud@0.1.0"]),
        (["metrics.auc > 1"], []),
    ],
    ids=str,
)
def test_search(cli: Run, fraud: Registry, words: list[str], refs: list[str]) -> None:
    """Filter, model, order and limit reach the search."""
    assert fraud.seq
    assert sorted(row[0] for row in cli("search", *words).rows) == refs


def test_what_is_asked_for_comes_first(cli: Run, fraud: Registry) -> None:
    """Of many metrics, those that filter and order name stand first."""
    assert fraud.seq
    words = ("search", "metrics.f1 > 0.5", "--model", "fraud")
    assert cli(*words).rows[0][6] == "f1=0.8 auc=0.94"


def test_a_slip_in_a_filter_is_pointed_at(cli: Run, empty: Registry) -> None:
    """A caret stands below the character that was not expected."""
    assert not empty.models()
    _, first, second = cli("search", "metrics.auc >").err.splitlines()
    assert first == "  metrics.auc >"
    assert second.index("^") == len(first)


def test_promote_and_roll_back(cli: Run, fraud: Registry) -> None:
    """An alias moves only from where it is expected, and back again."""
    assert cli("promote", "fraud@newest", "production", "--expect", "none").code == 4
    assert cli("promote", "fraud@newest", "new", "--expect", "none").code == 0
    words = ("promote", "fraud@0.2.0", "production", "--expect", "0.1.0")
    assert cli(*words, "--reason", "better").out == "fraud@0.2.0\n"
    assert cli(*words).code == 4
    back = cli("rollback", "fraud", "production", "--reason", "worse")
    assert back.out == "fraud@0.1.0\n"
    there = cli("rollback", "fraud", "production", "--to", "0.2.0")
    assert there.out == "fraud@0.2.0\n"
    history = [row[2:] for row in cli("alias-history", "fraud", "production").rows]
    assert history == [
        ["rollback", "0.2.0", "0.1.0", "ada", ""],
        ["rollback", "0.1.0", "0.2.0", "ada", "worse"],
        ["promote", "0.2.0", "0.1.0", "ada", "better"],
        ["promote", "0.1.0", "", "ada", "go"],
    ]
    assert fraud.resolve("fraud@production") == "fraud@0.2.0"


def test_aliases(cli: Run, fraud: Registry) -> None:
    """Aliases of one model or of all, until they are cleared."""
    fraud.register("other", {"w": b"1"}, aliases="best", environment=False)
    assert cli("aliases", "fraud").rows == [
        ["fraud@production", "fraud@0.1.0"],
        ["fraud@staging", "fraud@0.2.0"],
    ]
    assert cli("clear-alias", "fraud", "staging", "--reason", "no").out == ""
    assert cli("aliases").rows == [
        ["fraud@production", "fraud@0.1.0"],
        ["other@best", "other@0.1.0"],
    ]
    assert fraud.alias_history("fraud", "staging")[0].reason == "no"


def test_status_tags_and_notes(
    cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of a version is there afterwards, and can be taken back."""
    assert cli("set-status", "fraud", "approved", "--reason", "ok").code == 0
    assert fraud.get("fraud").status == "approved"
    assert cli("set-status", "fraud", "none").code == 0
    assert fraud.get("fraud").status is None
    assert cli("tag", "fraud", "a=1", "ref=x", "self=y").out == "fraud@0.2.0\n"
    assert fraud.get("fraud").tags == {"a": "1", "ref": "x", "self": "y"}
    assert cli("untag", "fraud", "a", "ref").code == 0
    assert fraud.get("fraud").tags == {"self": "y"}
    assert cli("note", "fraud", "by hand").code == 0
    monkeypatch.setattr(sys, "stdin", _Stdin("zwei\nZeilen ü\n".encode()))
    assert cli("note", "fraud", "-").code == 0
    assert [n.text for n in fraud.get("fraud").notes] == ["by hand", "zwei\nZeilen ü"]
    monkeypatch.setattr(sys, "stdin", _Stdin(b"\xff"))
    assert cli("note", "fraud", "-").code == 2


def test_evaluate(cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics come as pairs, from a file and from standard input."""
    Path("m.json").write_text('{"auc": 0.96}')
    Path("s.json").write_text('{"x": {"auc": 0.5}}')
    assert cli("evaluate", "fraud", "m.json", "f1=.5", "--slices", "s.json").code == 0
    version = fraud.get("fraud")
    assert (version.metrics, version.slices) == (
        {"auc": 0.96, "f1": 0.5},
        {"x": {"auc": 0.5}},
    )
    monkeypatch.setattr(sys, "stdin", _Stdin(b'{"auc": 0.1}'))
    line = "evaluate fraud - --dataset october --when 2026-03-01"
    assert cli(*line.split()).code == 0
    last = fraud.get("fraud").evaluations[-1].measured
    assert (last.metrics, last.dataset) == ({"auc": 0.1}, "october")
    assert last.when is not None
    assert last.when.startswith("2026-03-01T")
    assert cli("evaluate", "fraud").code == 2


def test_withdraw_and_restore(cli: Run, fraud: Registry) -> None:
    """A version goes out of use and comes back."""
    fraud.clear_alias("fraud", "staging")
    assert cli("withdraw", "fraud@0.2.0", "--reason", "bad").code == 0
    assert fraud.resolve("fraud") == "fraud@0.1.0"
    assert cli("restore", "fraud@0.2.0", "--reason", "good").out == "fraud@0.2.0\n"
    assert fraud.resolve("fraud") == "fraud@0.2.0"


def test_plugins_and_version(cli: Run) -> None:
    """What is installed is listed; no registry is needed."""
    assert ["backends", "file"] in [row[:2] for row in cli("plugins").rows]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", cli("version").out)


def test_help_without_a_verb(cli: Run) -> None:
    """Without a verb, the help comes on standard error, and the code is that of use."""
    said = cli()
    assert (said.code, said.out) == (2, "")
    assert "modelver VERB --help" in said.err
    assert cli("--version").out.startswith("modelver ")
    assert f'"{ErrorKind.BAD_ARGUMENT}"' in cli("--json").err
