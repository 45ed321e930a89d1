"""The page docs/reference/format-v1.md, followed by a reader that is not modelver.

Whatever modelver has written and however it was mixed with what other programs wrote,
the two readers give the same answers.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from modelver import ModelverError, ModelverWarning, Registry
from tests.format.asking import answers, told
from tests.format.byhand import append, append_raw
from tests.format.foreign import Foreign
from tests.format.foreign_values import DamagedError

MODELS = ("fraud", "nlp/intent")
NUMBERS = ("0.1.0", "0.2.0", "1.0.0", "1.0.0-rc.1", "1.0.0+b", "2.0.0")
ALIASES = ("production", "staging")

models = st.sampled_from(MODELS)
refs = st.just("fraud@0.1.0") | st.builds(
    "{}@{}".format, models, st.sampled_from(NUMBERS)
)
aliases = st.sampled_from(ALIASES)
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=5)
metrics = st.fixed_dictionaries(
    {"auc": st.floats(-1, 1) | st.integers(0, 9)},
    optional={"loss": st.floats(0, 9)},
)
content = st.fixed_dictionaries(
    {"a.bin": st.sampled_from([b"", b"1", b"22"])},
    optional={"b/c.bin": st.sampled_from([b"1", b"333"])},
)

Step = Callable[[Registry, Path], Any]


def _by_hand(kind: str, name: str, number: str, alias: str, text: str) -> Step:
    """Return a commit of another program's: valid or not, as it comes."""
    version = {"name": name, "version": number}
    actions: dict[str, dict[str, Any]] = {
        "alias": {"alias": alias, "expect": {"version": None}},
        "status": {"status": "approved"},
        "tag": {"set": {"by": text}, "unset": ["team"]},
        "note": {"text": text},
        "withdraw": {"reason": text},
        "restore": {},
        "poem": {"lines": [text]},
    }
    second = {"type": kind, **version, **actions[kind]}
    first = {"type": "tag", **version, "set": {"mark": text}}
    return lambda _, root: append(root, first, second, critical=False, more=[text])


steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        lambda name, files, number, words, parents: (
            lambda registry, _: registry.register(
                name,
                files,
                version=number,
                environment=False,
                parents=parents,
                description=words,
                tags={"team": words},
                params={"p": [words, {"q": None}]},
            )
        ),
        models,
        content,
        st.none() | st.sampled_from(NUMBERS),
        texts,
        st.just(()) | refs,
    ),
    st.builds(lambda r, a: lambda registry, _: registry.promote(r, a), refs, aliases),
    st.builds(lambda m, a: lambda reg, _: reg.rollback(m, a), models, aliases),
    st.builds(lambda m, a: lambda reg, _: reg.clear_alias(m, a), models, aliases),
    st.builds(lambda r, t: lambda registry, _: registry.note(r, t), refs, texts),
    st.builds(lambda r, t: lambda registry, _: registry.tag(r, team=t), refs, texts),
    st.builds(lambda r: lambda registry, _: registry.untag(r, "team"), refs),
    st.builds(lambda r: lambda reg, _: reg.set_status(r, "approved"), refs),
    st.builds(lambda r, t: lambda registry, _: registry.withdraw(r, t), refs, texts),
    st.builds(lambda r: lambda registry, _: registry.restore(r), refs),
    st.builds(
        lambda r, m, d: (
            lambda reg, _: reg.evaluate(r, m, slices={"country=DE": m}, dataset=d)
        ),
        refs,
        metrics,
        st.none() | texts,
    ),
    st.builds(
        _by_hand,
        st.sampled_from(
            ["alias", "status", "tag", "note", "withdraw", "restore", "poem"]
        ),
        models,
        st.sampled_from(NUMBERS),
        aliases,
        texts,
    ),
    st.builds(
        lambda data: lambda _, root: append_raw(root, data),
        st.sampled_from([b"", b"{}", b"junk\n", b'{"format":1', bytes(100)]),
    ),
)


@pytest.mark.filterwarnings("ignore::modelver.ModelverWarning")
@pytest.mark.parametrize("algorithm", ["b3", "sha256"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
@given(history=st.lists(steps, max_size=12), long=st.sampled_from([False, False, True]))
def test_it_finds_what_modelver_finds(
    algorithm: str,
    history: list[Step],
    long: bool,  # noqa: FBT001
) -> None:
    """Any history reads the same: with rollups, without, and by modelver, cold."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "r"
        registry = Registry(root, create=True, digest=algorithm, author="me")
        registry.register("fraud", {"a.bin": b"start"}, environment=False)
        for step in history:
            try:
                step(registry, root)
            except (ModelverError, ModelverWarning):
                continue  # what modelver refuses, it has not written
        if long:
            for number in range(65):
                registry.note("fraud@0.1.0", str(number))
        found = told(Foreign(root))
        assert found == told(Foreign(root, rollups=True))
        assert found == answers(root)
        assert Foreign(root).check_objects() >= 1


@pytest.mark.parametrize("algorithm", ["b3", "sha256"])
def test_it_notices_one_wrong_byte(algorithm: str, tmp_path: Path) -> None:
    """The foreign reader checks what it reads: it could not agree by accident."""
    registry = Registry(tmp_path, create=True, digest=algorithm)
    registry.register("fraud", {"a.bin": b"start"}, environment=False)
    for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        path.write_bytes(
            raw[:-30] + bytes([raw[-30] ^ 1]) + raw[-29:] if raw[30:] else b"x"
        )
        with pytest.raises((DamagedError, ValueError)):
            Foreign(tmp_path).files("fraud", "0.1.0")
        path.write_bytes(raw)
    assert Foreign(tmp_path).files("fraud", "0.1.0") == {"model/a.bin": b"start"}
