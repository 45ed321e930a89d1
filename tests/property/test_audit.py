"""An audit never thanks for less: one ingredient more never lowers the grade."""

from typing import Any, Final

from hypothesis import given, strategies as st

from modelver._values.audit import GRADES, Audit
from modelver._values.entry import Recipe, Record, Tolerance
from modelver._values.ingredients import audit_of
from modelver._values.manifest import Bundle, Code, Environment, FileEntry, Input

HEX: Final = "ab" * 32

# How far each ingredient may be there: 0 is least, and each step adds something.
LEVELS: Final = {
    "commit": 1,
    "pushed": 2,
    "clean": 2,
    "code": 1,
    "project": 1,
    "nothing omitted": 1,
    "data": 6,
    "config": 1,
    "params": 1,
    "environment": 3,
    "installed": 1,
    "lock": 2,
    "container": 2,
    "seeds": 2,
    "command": 2,
    "tolerance": 1,
    "metrics": 1,
    "hardware": 1,
    "tests": 1,
    "licence": 1,
}


def _source(level: int) -> tuple[Input, ...]:
    if not level:
        return ()
    digests = ["id:x", "etag:1", f"sha256:{HEX}"]
    how = ["digest", "digest", "digest", "reference", "reference", "copy"][level - 1]
    return (
        Input(
            name="train",
            digest=digests[min(level, 3) - 1] if how != "copy" else f"b3:{HEX}",
            size=1,
            how=how,
            uri="s3://b/train" if how == "reference" else None,
            version="7" if level == 5 else None,
        ),
    )


def _environment(levels: dict[str, int]) -> Environment | None:
    if not levels["environment"]:
        return None
    packages = {"numpy": "2.0.0", "mine": "1"} if levels["environment"] > 1 else {}
    return Environment(
        implementation="cpython",
        python="3.11.7",
        packages=packages,
        fingerprints=dict.fromkeys(packages, HEX) if levels["environment"] > 2 else {},
        sources={} if levels["installed"] or not packages else {"mine": "editable"},
    )


def audit(levels: dict[str, int]) -> Audit:
    """Return the audit of a version that has its ingredients so far."""
    paths = ["model/w"]
    if levels["code"]:
        paths += ["code/a.py"]
        paths += ["code/pyproject.toml"] if levels["project"] else []
        paths += ["code/tests/test_a.py"] if levels["tests"] else []
        paths += ["code/.modelver/changes.patch"] if levels["clean"] == 1 else []
    paths += ["config/c.json"] if levels["config"] else []
    paths += [[], ["environment/requirements.txt"], ["environment/uv.lock"]][
        levels["lock"]
    ]
    paths += ["docs/LICENSE"] if levels["licence"] else []
    run: dict[str, Any] = {
        "git_pushed": [None, False, True][levels["pushed"]],
        "git_dirty": levels["clean"] < 2,
        "omitted": [] if levels["nothing omitted"] else [{"path": "a", "why": "b"}],
        "container": [{}, {"image": "a:1"}, {"image": "a", "digest": f"sha256:{HEX}"}][
            levels["container"]
        ],
        "determinism": {"torch": True} if levels["seeds"] else {},
        "seeds": {"numpy": 0} if levels["seeds"] > 1 else {},
        "entry": "a.py" if levels["command"] else None,
        "hardware": {"cpu": "one"} if levels["hardware"] else {},
    }
    recipe = Recipe(
        command=("python", "a.py") if levels["command"] > 1 else (),
        tolerance={"*": Tolerance(absolute=0.1)} if levels["tolerance"] else {},
    )
    bundle = Bundle(
        format=1,
        files=tuple(
            FileEntry(
                path=path, role=path.partition("/")[0], size=1, digest=f"b3:{HEX}"
            )
            for path in sorted(paths)
        ),
        inputs=_source(levels["data"]),
        code=Code(commit="a1" * 20) if levels["commit"] else None,
        environment=_environment(levels),
    )
    record = Record(
        params={"a": 1} if levels["params"] else {},
        metrics={"auc": 0.9} if levels["metrics"] else {},
        run={key: value for key, value in run.items() if value is not None},
        recipe=recipe,
    )
    return audit_of(bundle, record, ref="m@1.0.0")


# Mostly near the top: a random handful of ingredients is an F, and stays one.
_levels = st.fixed_dictionaries(
    {
        name: st.sampled_from([top, top, top, *range(top + 1)])
        for name, top in LEVELS.items()
    }
)


def test_the_top_and_the_bottom() -> None:
    """All of it is an A and nothing an F, or the property would say little."""
    assert audit(dict(LEVELS)).grade == "A"
    assert audit(dict.fromkeys(LEVELS, 0)).grade == "F"


@given(_levels)
def test_more_is_never_less(levels: dict[str, int]) -> None:
    """Whatever a version has, any one ingredient more leaves the grade or lifts it."""
    before = GRADES.index(audit(levels).grade)
    for name, top in LEVELS.items():
        if levels[name] < top:
            after = audit({**levels, name: levels[name] + 1})
            assert GRADES.index(after.grade) <= before, (name, str(after))
