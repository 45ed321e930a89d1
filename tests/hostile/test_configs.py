"""Config files that would take for ever to compare: told as a whole, not by key."""

import json
from pathlib import Path

import pytest

from modelver import Registry
from modelver._registry.gather import UNTOLD
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
