"""Audits: what a version has of what is needed to make it again, and its grade."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from modelver import ErrorKind, InvalidInputError
from modelver._values.audit import GRADES, NEEDS, Audit, Audits, Check, grade_of
from modelver._values.entry import Parent, Recipe, Record, Tolerance
from modelver._values.ingredients import audit_of
from modelver._values.manifest import Bundle, Code, Environment, FileEntry, Input

PACKAGE = Path(__file__).parents[3] / "modelver"
HEX = "9f" * 32


def file(path: str) -> FileEntry:
    """Return a file of a bundle."""
    role = path.partition("/")[0]
    return FileEntry(path=path, role=role, size=1, digest=f"b3:{HEX}")


def source(**words: Any) -> Input:
    """Return an input, copied unless it is said otherwise."""
    return Input(**{"name": "train", "digest": f"b3:{HEX}", "size": 9, **words})


WHOLE = Bundle(
    format=1,
    files=tuple(
        map(file, ["code/LICENSE", "code/tests/test_a.py", "config/c.toml", "model/w"])
    ),
    inputs=(source(),),
    code=Code(commit="a1" * 20),
    environment=Environment(
        implementation="cpython",
        python="3.11.7",
        packages={"numpy": "2.0.0"},
        fingerprints={"numpy": HEX},
    ),
)
SAID = Record(
    metrics={"auc": 0.9},
    run={
        "git_dirty": False,
        "git_pushed": True,
        "container": {"image": "ghcr.io/a/b", "digest": f"sha256:{HEX}"},
        "hardware": {"cpu": "a processor"},
        "seeds": {"numpy": 0},
    },
    recipe=Recipe(command=("python", "t.py"), tolerance={"*": Tolerance(absolute=0.1)}),
)


def of(bundle: Bundle = WHOLE, record: Record = SAID) -> Audit:
    """Return an audit."""
    return audit_of(bundle, record, ref="fraud@1.0.0")


def run(**words: Any) -> Record:
    """Return the record with other facts of the run; None: without."""
    facts = {k: v for k, v in {**SAID.run, **words}.items() if v is not None}
    return evolve(SAID, run=facts)


def with_files(*paths: str) -> Bundle:
    """Return the bundle with other files."""
    return evolve(WHOLE, files=tuple(map(file, [*paths, "model/w"])))


def with_inputs(*inputs: Input) -> Bundle:
    """Return the bundle with other inputs."""
    return evolve(WHOLE, inputs=inputs)


def with_environment(**words: Any) -> Bundle:
    """Return the bundle in another environment."""
    assert WHOLE.environment is not None
    return evolve(WHOLE, environment=evolve(WHOLE.environment, **words))


def test_everything_is_there() -> None:
    """A version that has all has an A, each check with its evidence and no advice."""
    audit = of()
    assert audit.grade == "A"
    assert {check.result for check in audit.checks} == {"yes"}
    assert all(check.evidence for check in audit.checks)
    assert not any(check.advice for check in audit.checks)
    assert audit.next_grade is None
    assert audit.missing("A") == ()


def test_nothing_is_there() -> None:
    """A model file alone has an F, and each check says what to do."""
    audit = of(Bundle(format=1, files=(file("model/w"),)), Record())
    assert audit.grade == "F"
    assert {check.result for check in audit.checks} <= {"no", "unknown"}
    assert all(check.advice for check in audit.checks)


CODE = ["code/a.py", "code/.modelver/changes.patch"]
CASES: list[tuple[str, Bundle, Record, str, str]] = [
    ("no commit", evolve(WHOLE, code=None), SAID, "commit=no tree=unknown", "C"),
    ("not pushed", WHOLE, run(git_pushed=False), "pushed=no", "B"),
    ("pushed?", WHOLE, run(git_pushed=None), "pushed=unknown", "B"),
    ("dirty", WHOLE, run(git_dirty=True), "tree=partly", "C"),
    ("dirty?", WHOLE, run(git_dirty=None), "tree=unknown", "C"),
    (
        "patch",
        with_files("config/c.toml", *CODE),
        run(git_dirty=True),
        "tree=yes code=yes",
        "A",
    ),
    (
        "dirty and nothing kept",
        with_files("config/c.toml"),
        run(git_dirty=True),
        "tree=no code=partly whole=unknown",
        "C",
    ),
    (
        "submodule",
        WHOLE,
        run(git_submodules=[{"path": "sub", "commit": "a", "dirty": True}]),
        "tree=partly",
        "C",
    ),
    (
        "lfs",
        WHOLE,
        run(git_lfs={"files": 3, "missing": ["a.bin"]}),
        "code=partly",
        "C",
    ),
    ("omitted", WHOLE, run(omitted=[{"path": ".env", "why": "key"}]), "whole=no", "C"),
    ("no data", with_inputs(), SAID, "data=no retrievable=no", "D"),
    (
        "digest",
        with_inputs(source(how="digest")),
        SAID,
        "data=yes retrievable=no",
        "C",
    ),
    (
        "reference",
        with_inputs(source(how="reference", uri="s3://b/t", version="7")),
        SAID,
        "data=yes retrievable=yes",
        "A",
    ),
    (
        "may change",
        with_inputs(source(how="reference", uri="s3://b/t")),
        SAID,
        "data=yes retrievable=partly",
        "B",
    ),
    (
        "etag",
        with_inputs(
            source(how="reference", uri="s3://b/t", version="7", digest="etag:1")
        ),
        SAID,
        "data=partly retrievable=yes",
        "C",
    ),
    (
        "version",
        with_inputs(
            source(how="reference", uri="s3://b/t", version="7", digest="id:t")
        ),
        SAID,
        "data=partly retrievable=yes",
        "C",
    ),
    (
        "id",
        with_inputs(source(how="reference", uri="s3://b/t", digest="id:t")),
        SAID,
        "data=no retrievable=partly",
        "D",
    ),
    (
        "odd digest",
        with_inputs(source(how="digest", digest="weird:1")),
        SAID,
        "data=unknown",
        "D",
    ),
    (
        "dvc",
        with_inputs(
            source(how="reference", uri="s3://b/d", version="d", digest="md5:1")
        ),
        SAID,
        "data=yes retrievable=yes",
        "A",
    ),
    (
        "an etag is weak, a name is weaker",
        with_inputs(
            source(digest="etag:1", how="digest"),
            source(name="test", how="digest", digest="id:x"),
        ),
        SAID,
        "data=no",
        "D",
    ),
    (
        "the weakest counts",
        with_inputs(source(), source(name="test", how="digest", digest="id:x")),
        SAID,
        "data=no retrievable=no",
        "D",
    ),
    (
        "a model",
        with_inputs(source(how="reference", kind="model")),
        SAID,
        "data=yes retrievable=yes",
        "A",
    ),
    ("config in the code", with_files("code/a.py"), SAID, "configuration=partly", "A"),
    (
        "params",
        with_files("code/a.py"),
        evolve(SAID, params={"a": 1}),
        "configuration=yes",
        "A",
    ),
    (
        "no environment",
        evolve(WHOLE, environment=None),
        SAID,
        "packages=no lock=no local=unknown",
        "F",
    ),
    ("no package", with_environment(packages={}), SAID, "packages=partly", "F"),
    ("no fingerprint", with_environment(fingerprints={}), SAID, "lock=no", "C"),
    (
        "one lacks a fingerprint",
        with_environment(packages={"numpy": "2", "mine": "1"}),
        SAID,
        "lock=partly",
        "C",
    ),
    (
        "lock file",
        evolve(
            with_environment(fingerprints={}),
            files=tuple(map(file, ["code/a.py", "environment/uv.lock", "model/w"])),
        ),
        SAID,
        "lock=yes",
        "A",
    ),
    (
        "a lock that is not heeded",
        evolve(
            with_environment(fingerprints={}),
            files=tuple(map(file, ["code/a.py", "environment/uv.lock", "model/w"])),
        ),
        run(warnings=["uv.lock pins numpy to 1.0, installed is 2.0"]),
        "lock=partly",
        "C",
    ),
    (
        "requirements",
        evolve(
            with_environment(fingerprints={}),
            files=tuple(map(file, ["code/requirements-dev.txt", "model/w"])),
        ),
        SAID,
        "lock=partly",
        "C",
    ),
    (
        "local",
        with_environment(sources={"numpy": "local"}, fingerprints={}),
        SAID,
        "lock=yes local=no",
        "C",
    ),
    ("file", with_environment(sources={"numpy": "file:///a"}), SAID, "local=no", "C"),
    (
        "git",
        with_environment(sources={"numpy": "git+https://h/a@1"}),
        SAID,
        "local=yes",
        "A",
    ),
    (
        "local beside a project",
        evolve(
            with_environment(sources={"numpy": "local"}),
            files=tuple(map(file, ["code/pyproject.toml", "model/w"])),
        ),
        SAID,
        "local=no",
        "C",
    ),
    (
        "editable",
        with_environment(sources={"numpy": "editable"}),
        SAID,
        "local=no",
        "C",
    ),
    (
        "the project itself",
        evolve(
            with_environment(sources={"numpy": "editable"}),
            files=tuple(map(file, ["code/pyproject.toml", "model/w"])),
        ),
        SAID,
        "local=partly",
        "B",
    ),
    ("tag", WHOLE, run(container={"image": "a:1"}), "container=partly", "B"),
    (
        "digest in the name",
        WHOLE,
        run(container={"image": f"a@sha256:{HEX}"}),
        "container=yes",
        "A",
    ),
    ("no container", WHOLE, run(container=None), "container=no", "B"),
    ("no seed", WHOLE, run(seeds=None), "seeds=no", "B"),
    (
        "switches",
        WHOLE,
        run(seeds=None, determinism={"torch": True}),
        "seeds=partly",
        "B",
    ),
    (
        "seed in the params",
        WHOLE,
        evolve(run(seeds=None), params={"train": {"random_state": 0}}),
        "seeds=yes",
        "A",
    ),
    ("no recipe", WHOLE, evolve(SAID, recipe=None), "command=no tolerance=no", "C"),
    (
        "a script",
        WHOLE,
        evolve(run(entry="t.py"), recipe=None),
        "command=partly",
        "C",
    ),
    ("no metric", WHOLE, evolve(SAID, metrics={}), "metrics=no", "B"),
    (
        "hardware does not count",
        WHOLE,
        run(hardware=None, machine="x86_64"),
        "hardware=partly",
        "A",
    ),
    (
        "tests do not count",
        with_files("code/a.py"),
        SAID,
        "tests=no licence=no",
        "A",
    ),
    (
        "licence by tag",
        with_files("code/a.py"),
        evolve(SAID, tags={"license": "MIT"}),
        "licence=yes",
        "A",
    ),
]


@pytest.mark.parametrize(
    ("bundle", "record", "results", "grade"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_each_ingredient(
    bundle: Bundle, record: Record, results: str, grade: str
) -> None:
    """What is missing shows in its own check, and in the grade as the rule says."""
    audit = of(bundle, record)
    for said in results.split():
        name, _, wanted = said.partition("=")
        assert audit.check(name).result == wanted, audit.check(name)
    assert audit.grade == grade, str(audit)


def test_later_evaluations_count() -> None:
    """Metrics and tests may come after the registration."""
    bundle, record = with_files("code/a.py"), evolve(SAID, metrics={})
    audit = audit_of(bundle, record, ref="m@1", metrics={"auc": 1.0}, evaluations=2)
    assert audit.check("metrics").result == "yes"
    assert audit.check("tests").result == "yes"


def test_a_parent_is_told_of() -> None:
    """What it was made from is evidence, and no data."""
    parent = Parent(name="base", version="1.0.0", bundle=f"b3:{HEX}")
    check = of(with_inputs(), evolve(SAID, parents=(parent,))).check("data")
    assert (check.result, "base@1.0.0" in check.evidence) == ("no", True)


def test_the_rule_is_a_ladder() -> None:
    """A better grade needs all that a lower one needs, each in the result it names."""
    names = {check.name for check in of().checks}
    assert {name for needs in NEEDS.values() for name in needs} <= names
    audit = of()
    for grade in GRADES:
        for name, wanted in NEEDS.get(grade, {}).items():
            worse = [
                Check(name=c.name, result="no", evidence="") if c.name == name else c
                for c in audit.checks
            ]
            below = grade_of(worse)
            assert GRADES.index(below) > GRADES.index(grade), (name, wanted)
    assert grade_of([]) == "F"


def test_what_a_grade_lacks() -> None:
    """``meets`` and ``missing`` agree, for every case and grade."""
    for _, bundle, record, _, _ in CASES:
        audit = of(bundle, record)
        for grade in GRADES:
            assert audit.meets(grade) == (not audit.missing(grade))


@pytest.mark.parametrize("grade", ["E", "b", "", "A+", None, 3])
def test_no_such_grade(grade: Any) -> None:
    """A grade that there is not is refused with those that there are."""
    with pytest.raises(InvalidInputError, match="no grade") as caught:
        of().meets(grade)
    assert caught.value.kind is ErrorKind.BAD_ARGUMENT
    assert "A, B, C, D, F" in caught.value.hints[0]


JUNK: list[Any] = [None, 0, 1, True, "x", [], [[]], {}, {"a": []}, [{"path": 3}], 1e300]


@pytest.mark.parametrize(
    "key",
    [
        "git_pushed",
        "git_dirty",
        "git_untracked",
        "git_submodules",
        "git_lfs",
        "omitted",
        "container",
        "seeds",
        "determinism",
        "entry",
        "hardware",
        "machine",
        "cpus",
    ],
)
def test_anything_may_stand_in_a_log(key: str) -> None:
    """A fact of another form than it should have counts as not recorded."""
    for junk in JUNK:
        for value in (junk, {key: junk}, [junk], {"cpu": junk, "image": junk}):
            audit = of(WHOLE, run(**{key: value}))
            json.dumps(audit.to_dict())
            str(audit)


def test_text_is_only_text() -> None:
    """What a log says reaches terminals and notebooks escaped, once, and cut."""
    evil = "<b>\x1b[2J\u202e"
    audit = of(WHOLE, run(container={"image": evil}, omitted=[{"path": evil}]))
    for shown in (str(audit), repr(audit), str(Audits(audits=(audit,)))):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    found = audit._repr_html_()
    assert "<b>\\x1b" not in found
    assert found.count("&lt;b&gt;\\x1b[2J\\u202e") == 3
    assert "&amp;lt;" not in found
    long = of(WHOLE, run(container={"image": "x" * 10**6}))
    assert len(str(long)) < 5000
    many = of(WHOLE, run(omitted=[{"path": f"{n}"} for n in range(99)]))
    assert "... and 79 more" in str(many)


def test_several() -> None:
    """Of several there are counts and refs for each grade."""
    low = evolve(of(Bundle(format=1, files=()), Record()), ref="m@0.1.0")
    found = Audits(audits=(of(), low), unread=(("m@2.0.0", "manifest-missing"),))
    assert dict(found.counts) == {"A": 1, "B": 0, "C": 0, "D": 0, "F": 1}
    assert found.refs["F"] == ("m@0.1.0",)
    assert found.below("B") == (low,)
    assert [audit.ref for audit in found] == ["fraud@1.0.0", "m@0.1.0"]
    assert len(found) == 2
    assert str(found).splitlines() == [
        "2 versions: A 1, F 1",
        "  A  fraud@1.0.0",
        "  F  m@0.1.0",
        "  m@2.0.0 cannot be read: manifest-missing",
    ]
    assert json.loads(json.dumps(found.to_dict()))["counts"]["F"] == 1
    assert "manifest-missing" in found._repr_html_()
    frame = pytest.importorskip("pandas") and found.to_pandas()
    assert list(frame.index) == ["fraud@1.0.0", "m@0.1.0"]
    assert list(frame["grade"]) == ["A", "F"]
    assert frame.loc["m@0.1.0", "data"] == "no"


def test_it_claims_ingredients() -> None:
    """Nothing that an audit says calls a version reproducible."""
    said = [str(of()), of()._repr_html_(), repr(of()), json.dumps(of().to_dict())]
    files = [PACKAGE / "_values" / "audit.py", PACKAGE / "_registry" / "auditing.py"]
    files += sorted((PACKAGE / "_values" / "ingredients").glob("*.py"))
    said += [path.read_text(encoding="utf-8") for path in files]
    assert len(said) > 8
    assert [text for text in said if re.search("reproduc", text, re.IGNORECASE)] == []
    assert "ingredients" in str(of())
