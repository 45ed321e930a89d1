"""The verbs that judge: tables, exit codes, JUnit files, annotations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from modelver._cli.junit import Case, Suite, document
from modelver._registry.registry import Registry

Run = Callable[..., Any]


@pytest.fixture
def models(empty: Registry) -> Registry:
    """Return a registry with a version that has a C, and one that has an F."""
    Path("code").mkdir()
    Path("code/a.py").write_text("")
    data, params = {"train.csv": b"1"}, {"a": 1}
    empty.register(
        "fraud",
        {"w": b"1"},
        code="code",
        data=data,
        params=params,
        metrics={"auc": 0.94},
        slices={"country=DE": {"auc": 0.9}},
    )
    empty.register(
        "fraud", {"w": b"2"}, code=None, metrics={"auc": 0.95}, environment=False
    )
    return empty


def junit(path: str) -> list[tuple[str, str, str]]:
    """Return suite, case and outcome of every case of a file."""
    root = ET.parse(path).getroot()  # noqa: S314 - written by ourselves
    assert int(root.attrib["failures"]) == len(root.findall(".//failure"))
    assert int(root.attrib["tests"]) == len(root.findall(".//testcase"))
    found = []
    for suite in root:
        for case in suite:
            outcome = case[0].tag if len(case) else "passed"
            found.append((suite.attrib["name"], case.attrib["name"], outcome))
    return found


# Audits.


def test_one_version(cli: Run, models: Registry) -> None:
    """A grade, and a line for each ingredient with evidence and advice."""
    audit = models.get("fraud@0.1.0").audit()
    said = cli("audit", "fraud@0.1.0")
    assert said.code == 0
    assert said.rows[0] == [audit.grade, "grade", "fraud@0.1.0", ""]
    assert said.rows[1:] == [
        [c.result, c.name, c.evidence, c.advice] for c in audit.checks
    ]
    assert cli("audit", "fraud@0.1.0", "--json").json == audit.to_dict()


def test_several_versions(cli: Run, models: Registry) -> None:
    """A line for each, with what the next grade needs."""
    found = models.audit()
    for words in (["audit"], ["audit", "fraud"]):
        said = cli(*words)
        assert said.code == 0
        assert [row[:2] for row in said.rows] == [[a.grade, a.ref] for a in found]
        assert said.rows[1][2] == "code packages"
    assert cli("audit", "--json").json == found.to_dict()
    assert cli("audit", "frau").code == 3


def test_the_terminal_is_told_in_words(
    terminal: Run, cli: Run, models: Registry
) -> None:
    """People see the checks, and what to do for the next grade."""
    said = terminal("audit", "fraud@0.2.0").out
    assert said == f"{models.get('fraud@0.2.0').audit()}\n"
    assert "for grade D:\n  code: Give code='auto'" in said
    assert "C 1, F 1" in terminal("audit").out
    assert cli("audit").out != said


def test_a_least_grade(cli: Run, models: Registry) -> None:
    """Below it the exit code is 1; a grade that there is not is a slip."""
    assert models.get("fraud@0.1.0").audit().grade == "C"
    assert cli("audit", "fraud@0.1.0", "--min", "C").code == 0
    assert cli("audit", "fraud@0.1.0", "--min", "B").code == 1
    assert cli("audit", "--min", "C").code == 1
    assert cli("audit", "--min", "F").code == 0
    assert cli("audit", "--min", "Z").code == 2


def test_an_audit_as_junit(cli: Run, models: Registry) -> None:
    """What the least grade needs and lacks has failed; the rest is skipped."""
    assert models.seq == 2
    cli("audit", "fraud@0.1.0", "--min", "B", "--junit", "out/audit.xml")
    outcomes = {name: outcome for _, name, outcome in junit("out/audit.xml")}
    assert outcomes["command"] == "failure"
    assert outcomes["data"] == "passed"
    assert outcomes["licence"] == "skipped"
    cli("audit", "--junit", "all.xml")
    found = junit("all.xml")
    assert {suite for suite, _, _ in found} == {
        "audit fraud@0.1.0",
        "audit fraud@0.2.0",
    }
    assert "failure" not in {outcome for _, _, outcome in found}


def test_a_lost_manifest_fails(cli: Run, models: Registry) -> None:
    """What cannot be read has no grade, and is not taken for a good one."""
    lost = models._core.state().models["fraud"].versions["0.2.0"].manifest[3:]
    (path,) = (Path(models.url) / "manifests").rglob(f"{lost}*")
    path.unlink()
    said = cli("audit", "--min", "C", "--junit", "a.xml")
    assert said.code == 1
    assert said.rows[-1] == ["", "fraud@0.2.0", "manifest-missing"]
    assert ("audit fraud@0.2.0", "manifest", "failure") in junit("a.xml")
    assert cli("audit").code == 0


# Gates.


def test_a_gate(cli: Run, models: Registry) -> None:
    """It exits with 0 or 1, with the numbers."""
    models.promote("fraud@0.1.0", "production")
    words = ["gate", "fraud@0.2.0", "auc >= base.auc", "auc > 0.9"]
    said = cli(*words, "--base", "fraud@production")
    assert (said.code, said.rows) == (
        0,
        [
            ["ok", "auc >= base.auc", "0.95 >= 0.94"],
            ["ok", "auc > 0.9", "0.95 > 0.9"],
        ],
    )
    said = cli("gate", "fraud@0.2.0", "auc > 0.99", "--junit", "g.xml", "--json")
    assert (said.code, said.json["passed"]) == (1, False)
    assert junit("g.xml") == [("gate fraud@0.2.0", "auc > 0.99", "failure")]
    assert cli(*words).code == 2
    assert cli("gate", "fraud@0.2.0", "auc >").code == 2


def test_a_base_that_is_not_set(cli: Run, terminal: Run, models: Registry) -> None:
    """It must be said that there may be none; a number that is not there stays one."""
    assert models.seq == 2
    words = ["gate", "fraud@0.2.0", "auc >= base.auc", "--base"]
    assert cli(*words, "fraud@production").code == 3
    assert cli(*words, "fraud@production", "--no-base-yet").code == 0
    assert cli(*words, "fraud@9.9.9", "--no-base-yet").code == 3
    assert cli("gate", "fraud", "auc > 0", "--no-base-yet").code == 2
    shown = terminal(*words, "fraud@production", "--no-base-yet").out
    assert shown == (
        "fraud@0.2.0 passes\n    ok  auc >= base.auc: there is no base yet\n"
    )


def test_promote_behind_a_gate(cli: Run, models: Registry) -> None:
    """Nothing moves unless it is passed; twice is once."""
    words = ["promote", "fraud@0.2.0", "production", "--gate"]
    assert cli(*words, "auc > 0.99").code == 1
    assert "fraud@production" not in models
    for _ in range(2):
        assert cli(*words, "auc > base.auc and auc > 0.9").code == 0
        assert models.seq == 3
    low = cli("promote", "fraud@0.1.0", "production", "--gate", "auc >= base.auc")
    assert low.code == 1
    assert low.rows[0][2] == "0.94 is not >= 0.95"
    assert models.resolve("fraud@production") == "fraud@0.2.0"
    again = ["promote", "fraud@0.1.0", "production", "--gate", "auc > 0"]
    assert cli(*again, "--expect", "0.1.0").code == 4


def test_a_gate_and_a_promotion_are_one(
    cli: Run, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who moves the alias after the gate has looked makes a conflict."""
    real = Registry.gate

    def gate(self: Registry, *args: Any, **words: Any) -> Any:
        found = real(self, *args, **words)
        models.promote("fraud@0.1.0", "production")
        return found

    monkeypatch.setattr(Registry, "gate", gate)
    said = cli("promote", "fraud@0.2.0", "production", "--gate", "auc > 0")
    assert said.code == 4
    assert models.resolve("fraud@production") == "fraud@0.1.0"


# Verification.


def test_verify_as_junit(cli: Run, models: Registry) -> None:
    """One case where all is well, else one for each damage."""
    assert cli("verify", "--junit", "v.xml").code == 0
    assert junit("v.xml") == [("verify", "2 of 2 versions intact", "passed")]
    for path in (Path(models.url) / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    assert cli("verify", "--junit", "v.xml").code == 5
    found = junit("v.xml")
    assert {outcome for _, _, outcome in found} == {"failure"}
    assert len(found) >= 2


def test_a_file_that_cannot_be_written(cli: Run, models: Registry) -> None:
    """It is an error of the environment, told in a sentence."""
    assert models.seq == 2
    Path("file").touch()
    said = cli("verify", "--junit", "file/v.xml")
    assert said.code == 6
    assert "--junit: 'file/v.xml' cannot be written" in said.err
    assert cli("verify", "--junit", "a\0b").code == 6


# Annotations.


def test_annotations(
    cli: Run, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where GitHub Actions runs it, what failed is told on standard error as well."""
    assert "::" not in cli("audit", "--min", "B").err
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    said = cli("audit", "fraud@0.1.0", "--min", "B")
    assert "::error title=fraud@0.1.0 is below B::command: it is not" in said.err
    assert "::" not in said.out
    assert cli("audit", "--min", "F").err == ""
    said = cli("gate", "fraud", "auc > 0.99")
    assert said.err == (
        "::error title=fraud@0.2.0 does not pass::auc > 0.99: 0.95 is not > 0.99\n"
    )
    assert cli("verify").err == ""
    for path in (Path(models.url) / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    assert "::error title=object-missing::objects/" in cli("verify").err


def test_a_refusal_is_annotated(
    cli: Run, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a registration is refused for is told; other errors are not."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    Path("w.bin").touch()
    seq = models.seq
    said = cli("register", "fraud", "w.bin", "--code", "none", "--require", "B")
    assert said.code == 2
    assert "\n::error title='fraud' is not registered%3A it has the" in said.err
    assert "%0Adata: no data is recorded. Say what" in said.err
    assert models.seq == seq
    assert "::" not in cli("get", "fraud@9.9.9").err
    assert (
        "::" not in cli("register", "fraud", "w.bin", "--require-clean", "--json").err
    )


def test_an_annotation_is_one_line(
    cli: Run, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text of a registry begins a command of its own."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    models.evaluate("fraud", {"auc": 0.1}, slices={"::warning::b": {"x": 1.0}})
    said = cli("gate", "fraud", "slices.*.x > 2", "x > 1\n and\n x > 2")
    lines = said.err.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * len(lines)
    assert len(lines) == 3


# The document.


def test_any_text_makes_a_document() -> None:
    """Markup and characters that XML does not have come out as text."""
    evil = "a<b>&\"'\x00\x1b\u202e\ufffe\uffff\ud800]]>\n\t"
    cases = [Case(evil, evil, evil), Case(evil, skipped=evil), Case(evil)]
    root = ET.fromstring(document([Suite(evil, cases)]).encode())  # noqa: S314 - ours
    (failure,) = root.iter("failure")
    assert failure.text is not None
    assert failure.text.startswith("a<b>&\"'\\x00\\x1b\\u202e")
    assert failure.attrib["message"].startswith("a<b>&\"'\\x00")
    assert len(root[0]) == 3
