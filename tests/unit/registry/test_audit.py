"""Audits asked of a registry, and what a registration may be required to have."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver import (
    ErrorKind,
    InvalidInputError,
    ModelNotFoundError,
    ModelVersion,
    Registry,
)
from modelver._registry.demand import Demand
from modelver._registry.staging import Staging
from modelver._values.manifest import Code

Register = Callable[..., ModelVersion]


def git(folder: Path, *words: str) -> None:
    """Run git in a folder, as nobody in particular."""
    program = shutil.which("git")
    assert program is not None
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    subprocess.run([program, *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return a Git work tree in which everything is committed."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("print('trained')\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def given(code: Path, **words: Any) -> dict[str, Any]:
    """Return the words of a registration that has a C."""
    return {"code": code, "data": {"a.csv": b"1"}, "params": {"a": 1}, **words}


def test_of_one_and_of_several(registry: Registry, code: Path) -> None:
    """A version says what it has; the registry says it of all, or of a model's."""
    good = registry.register("fraud", {"w": b"1"}, **given(code))
    bare = registry.register("fraud", {"w": b"2"}, code=None, environment=False)
    other = registry.register("nlp", {"w": b"3"}, code=None, environment=False)
    assert good.audit().meets("C")
    assert good.audit().check("commit").result == "yes"
    assert (bare.audit().grade, bare.audit().ref) == ("F", bare.ref)
    refs = [good.ref, bare.ref, other.ref]
    assert [audit.ref for audit in registry.audit()] == refs
    assert [audit.ref for audit in registry.audit("fraud")] == refs[:2]
    assert [audit.ref for audit in registry.audit("nlp@latest")] == refs[2:]
    assert [audit.ref for audit in registry.audit(bare)] == [bare.ref]
    assert registry.audit("fraud").refs["F"] == (bare.ref,)
    with pytest.raises(ModelNotFoundError):
        registry.audit("frau")


def test_withdrawn_ones_are_left_out(registry: Registry, register: Register) -> None:
    """They are audited where they are asked for by name."""
    one, two = register(data=b"1"), register(data=b"2")
    registry.withdraw(one, "bad")
    assert [audit.ref for audit in registry.audit()] == [two.ref]
    assert [audit.ref for audit in registry.audit("fraud")] == [two.ref]
    assert [audit.ref for audit in registry.audit(one.ref)] == [one.ref]


def test_evaluations_count(registry: Registry, register: Register) -> None:
    """What was measured later is an ingredient too."""
    version = register()
    assert version.audit().check("metrics").result == "no"
    after = registry.evaluate(version, {"auc": 0.9})
    assert after.audit().check("metrics").result == "yes"
    assert after.audit().check("tests").result == "yes"


def test_a_damaged_manifest_has_no_grade(tmp_path: Path) -> None:
    """It is named beside the others, and its own audit is an error."""
    registry = Registry(tmp_path / "r", create=True)
    for data in (b"1", b"2"):
        registry.register("fraud", {"w": data}, code=None, environment=False)
    version = registry.get("fraud@0.1.0")
    (path,) = (tmp_path / "r" / "manifests").rglob(f"{version._state.manifest[3:]}*")
    path.write_bytes(path.read_bytes()[:-9])
    found = Registry(tmp_path / "r").audit()
    assert [audit.ref for audit in found] == ["fraud@0.2.0"]
    assert found.unread == (("fraud@0.1.0", "manifest-damaged"),)


def test_a_grade_is_demanded(registry: Registry, code: Path) -> None:
    """Below it nothing is committed, and every failing check is told of with advice."""
    seq = registry.seq
    words = given(code, data=None)
    with pytest.raises(InvalidInputError, match="grade D, and for C it lacks") as found:
        registry.register("fraud", {"w": b"1"}, require="C", **words)
    error = found.value
    assert error.kind is ErrorKind.REQUIREMENT
    assert error.facts["failing"] == ["data"]
    assert error.hints[0] == (
        "data: no data is recorded. Say what it was trained on: data= (--data)."
    )
    assert registry.seq == seq
    assert "fraud" not in registry
    version = registry.register("fraud", {"w": b"1"}, require="C", **given(code))
    assert version.audit().meets("C")
    # It is this very version again: what is demanded of it is looked at again.
    assert (
        registry.register("fraud", {"w": b"1"}, require="C", **given(code)) == version
    )


def test_no_such_grade_is_demanded(registry: Registry) -> None:
    """A slip is found before anything is stored."""
    with pytest.raises(InvalidInputError, match="'b' is no grade"):
        registry.register("fraud", {"w": b"1"}, require="b")
    assert list(registry.models()) == []


def test_a_clean_tree_is_demanded(
    registry: Registry, code: Path, tmp_path: Path
) -> None:
    """Code with changes, or without a commit, is refused before a byte is stored."""
    words: dict[str, Any] = {"environment": False, "require_clean": True}
    assert registry.register("fraud", {"w": b"1"}, code=code, **words).code is not None
    (code / "train.py").write_text("print('changed')\n")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "a.py").write_text("")
    for place, why in ((code, "changes that are not committed"), (bare, "no Git comm")):
        with pytest.raises(InvalidInputError, match=why) as found:
            registry.register("fraud", {"w": b"2"}, code=place, **words)
        assert found.value.kind is ErrorKind.REQUIREMENT
    assert len(registry.versions("fraud")) == 1
    git(code, "commit", "-qam", "second")
    assert (
        registry.register("fraud", {"w": b"2"}, code=code, **words).version == "0.2.0"
    )


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"git_dirty": True}, "changes that are not committed"),
        ({}, "cannot be told"),
        ({"git_dirty": None}, "cannot be told"),
        (
            {"git_dirty": False, "git_submodules": [{"path": "s", "dirty": True}]},
            "a submodule",
        ),
    ],
    ids=["changed", "not-told", "unknown", "submodule"],
)
def test_what_is_not_clean(registry: Registry, facts: dict[str, Any], why: str) -> None:
    """Whatever is not known to be the commit and nothing else is refused."""
    staging = Staging(registry._core, "fraud")
    staging.code = Code(commit="a1" * 20)
    staging.run = {"git_dirty": False, "git_submodules": [{"path": "s"}]}
    Demand.of(None, clean=True).before_storing(staging)
    staging.run = facts
    with pytest.raises(InvalidInputError, match=why):
        Demand.of(None, clean=True).before_storing(staging)
    Demand.of("A", clean=False).before_storing(staging)


def test_drafts_and_transactions_demand_it_too(registry: Registry, code: Path) -> None:
    """Whichever way a version is registered, nothing is committed that is refused."""
    (code / "train.py").write_text("print('changed')\n")
    for words in ({"require": "A"}, {"require_clean": True}):
        with (
            pytest.raises(InvalidInputError, match="is not registered"),
            registry.draft("fraud", {"w": b"1"}, code=code, **words),
        ):
            pass
        with (
            pytest.raises(InvalidInputError, match="is not registered"),
            registry.transaction() as tx,
        ):
            tx.register("fraud", {"w": b"1"}, code=code, **words)
    assert registry.seq == 0
