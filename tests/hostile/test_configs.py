"""Config files that would take for ever to compare: told as a whole, not by key."""

import json
from pathlib import Path

import pytest

from modelver import Registry
from modelver._registry.config_keys import UNTOLD
from tests.hostile.watching import bounded

KIB = 1024
DEEP = {
    "dots": "a." * (100 * KIB) + "b = 1",
    "spaces": "a . " * (50 * KIB) + "b = 1",
    "quotes": '\'a\'."\\"".' * (25 * KIB) + "b = 1",
    "header": "[" + "a." * (100 * KIB) + "b]",
    "inline": "x = [{" + "a." * (100 * KIB) + "b = 1}]",
    "below": "lr = 0.1\n# a comment\n" + "a." * 40 + "b = 1",
}
# None of these is a key, and none may make the search for one slow.
HARMLESS = {
    "text": "x = '" + "a." * 20 + "' # " + "b." * 31,
    "numbers": "x = [" + "0.1, " * (10 * KIB) + "]",
    "word": "x = '" + "a" * (250 * KIB) + "'",
    "escapes": 'x = "' + '\\"' * (100 * KIB) + '"',
    "quotes": "x = '" + '"' * (200 * KIB) + "'",
    "spaces": "x = '" + "a " * (100 * KIB) + "'",
}


def _config(folder: Path, **files: str) -> Registry:
    registry = Registry(folder / "r", create=True)
    config = {name.replace("_", "."): text.encode() for name, text in files.items()}
    registry.register("m", {"w": b"1"}, config=config, environment=False)
    return registry


@pytest.mark.parametrize("name", DEEP)
def test_a_key_of_a_hundred_thousand_parts(tmp_path: Path, name: str) -> None:
    """Such a file is there as a whole, and is not parsed."""
    registry = _config(tmp_path, a_toml=DEEP[name])
    found = bounded(lambda: registry.get("m").config)
    assert found == {"config/a.toml": UNTOLD}
    assert registry.get("m").read("config/a.toml").decode() == DEEP[name]
    registry.register("m", {"w": b"2"}, config={"a.toml": b"a.b=1"}, environment=False)
    changes = registry.diff("m@0.1.0", "m@0.2.0").config
    assert {change.name for change in changes} == {"config/a.toml", "a.b"}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_deep_is_told(tmp_path: Path, name: str) -> None:
    """Long texts and many numbers are no deep keys."""
    registry = _config(tmp_path, a_toml=HARMLESS[name])
    found = bounded(lambda: registry.get("m").config)
    assert UNTOLD not in found.values()
    assert all(key.startswith("x") for key in found)


@pytest.mark.large
def test_the_largest_that_is_told(tmp_path: Path) -> None:
    """Up to 256 KiB of TOML and 1 MiB of JSON are told by key, more is not."""
    lines = "".join(f"k{n:06} = 1\n" for n in range(256 * KIB // 12))
    toml = lines + "#" * (256 * KIB - len(lines))
    values = json.dumps({"x": ["a" * 1000] * 1000})
    text = values[:-1] + " " * (KIB * KIB - len(values)) + "}"
    registry = _config(tmp_path, a_toml=toml, b_json=text, c_toml=toml + "#")
    found = bounded(lambda: registry.get("m").config)
    assert found["config/c.toml"] == UNTOLD
    assert found["a.toml.k000000"] == 1
    assert found["b.json.x.999"] == "a" * 1000
    assert len(found) == 1 + 256 * KIB // 12 + 1000


@pytest.mark.large
def test_very_many_config_files(tmp_path: Path) -> None:
    """Together they are bounded too; the rest is said to be there."""
    many = {f"c{n:02}_toml": "x = 1" + " " * (200 * KIB) for n in range(30)}
    found = bounded(lambda: _config(tmp_path, **many).get("m").config, 5)
    assert len(found) == 30
    assert list(found.values()).count(UNTOLD) == 25


# What a few lines of YAML or INI could become.
BOMBS = {
    "aliases.yaml": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "merges.yaml": "m0: &m0 {k: v}\n"
    + "".join(f"m{n}: &m{n}\n  <<: [*m{n - 1}, *m{n - 1}]\n" for n in range(1, 40)),
    "circle.yaml": "a: &a [*a]\n",
    "keys.yaml": "? " * 30_000,
    "long.yml": "".join(f"k{n}: {n}\n" for n in range(9000)),
    "spaces.ini": "[a]\nk" + " " * 100_000 + "\n",
}
JUNK = {
    "open.yaml": "[" * 20_000,
    "braces.yaml": "{" * 60_000,
    "dashes.yaml": "a: " + "- " * 30_000,
    "objects.yaml": "a: !!python/object/apply:os.system ['touch pwned']\n",
    "nothing.ini": "k = 1\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_not_told_by_key(tmp_path: Path, name: str) -> None:
    """What would become too much is named as a whole, before anything is made of it."""
    if not name.endswith(".ini"):
        pytest.importorskip("yaml", reason="NOT TESTED: pip install pyyaml")
    registry = _config(tmp_path, **{name.replace(".", "_"): BOMBS[name]})
    assert bounded(lambda: registry.get("m").config) == {f"config/{name}": UNTOLD}


@pytest.mark.parametrize("name", JUNK)
def test_what_cannot_be_read_has_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither does a file that would have Python run something."""
    monkeypatch.chdir(tmp_path)
    registry = _config(tmp_path, **{name.replace(".", "_"): JUNK[name]})
    assert bounded(lambda: registry.get("m").config) == {}
    assert not (tmp_path / "pwned").exists()
