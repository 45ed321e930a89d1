"""How a version was made, as registration takes it down."""

import os
from pathlib import Path
from typing import Any

import pytest

from modelver import Registry
from modelver._registry.recipes import command_of, tolerance_of
from modelver._registry.stage_set import files_below, inside, set_stage
from modelver._values.entry import Recipe, Tolerance
from modelver.errors import FormatError, InvalidInputError


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("python train.py --name 'a b'", ["python", "train.py", "--name", "a b"]),
        (["python", Path("train.py")], ["python", "train.py"]),
        (None, []),
        (False, []),
    ],
)
def test_a_command_is_words(given: Any, words: list[str]) -> None:
    """Text is taken apart as a shell would; words are taken as they are."""
    assert command_of(given) == words


@pytest.mark.parametrize("given", ["", "python 'open", [], [1], 7, ["x\0y"]])
def test_no_command(given: Any) -> None:
    """What is no command is refused, with what one looks like."""
    with pytest.raises(InvalidInputError):
        command_of(given)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (None, {}),
        (0.01, {"*": Tolerance(absolute=0.01)}),
        ({"auc": 0.01}, {"auc": Tolerance(absolute=0.01)}),
        ({"auc": {"relative": 0.1}}, {"auc": Tolerance(relative=0.1)}),
    ],
)
def test_tolerances(given: Any, made: dict[str, Tolerance]) -> None:
    """A number is absolute; a mapping says which."""
    assert tolerance_of(given) == made


@pytest.mark.parametrize(
    "given",
    [-1, float("nan"), float("inf"), "0.1", True, {"auc": {}}, {"auc": {"abs": 1}}],
)
def test_no_tolerance(given: Any) -> None:
    """What is no tolerance is refused."""
    with pytest.raises(InvalidInputError):
        tolerance_of(given)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project folder that is the working folder."""
    place = tmp_path / "project"
    for name in ("src/train.py", "data/a.csv", "conf/a.toml", "out/model.bin"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    monkeypatch.chdir(place)
    return place


def test_where_things_lie(here: Path, tmp_path: Path) -> None:
    """Places are noted relative to the working folder, where they are below it."""
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("x")
    registry = Registry(tmp_path / "registry", create=True)
    version = registry.register(
        "m",
        here / "out",
        code="src",
        data={"train": "data/a.csv", "test": elsewhere},
        config="conf/a.toml",
        command="python src/train.py",
        outputs={"metrics": "out/metrics.json"},
        environment=False,
    )
    assert version.recipe == Recipe(
        command=("python", "src/train.py"),
        outputs={"model": "out"},
        sources={
            "code": "src",
            "config/a.toml": "conf/a.toml",
            "data/train": "data/a.csv",
        },
        metrics=("out/metrics.json",),
    )


def test_an_output_out_of_the_tree(here: Path, tmp_path: Path) -> None:
    """A command is to write below its folder; another place is refused at once."""
    registry = Registry(tmp_path / "registry", create=True)
    for outputs in ({"model": "../x"}, {"metrics": os.fspath(tmp_path)}, {"code": "."}):
        with pytest.raises(InvalidInputError):
            registry.register("m", here / "out", command="make", outputs=outputs)
    with pytest.raises(InvalidInputError, match="without a command"):
        registry.register("m", here / "out", outputs={"model": "out"})
    assert registry.seq == 0


def test_without_a_command_there_is_no_recipe(here: Path, tmp_path: Path) -> None:
    """Nothing is made up: who said nothing has no recipe."""
    registry = Registry(tmp_path / "registry", create=True)
    assert registry.register("m", here / "out").recipe is None


@pytest.mark.parametrize(
    "place",
    ["../x", "/etc/passwd", "a/../../x", "C:/x", "a\\..\\x", "x\0y", "loop/x"],
)
def test_a_hostile_place_is_refused(tmp_path: Path, place: str) -> None:
    """A recipe is foreign data: nothing is written out of the folder."""
    top = tmp_path / "top"
    top.mkdir()
    (top / "loop").symlink_to(tmp_path)
    with pytest.raises(FormatError):
        inside(top, place)


def test_the_stage_is_set(tmp_path: Path) -> None:
    """Code, configuration and data stand where they stood; old outputs do not."""
    version = tmp_path / "version"
    for name in ("code/train.py", "code/out/old.bin", "data/train", "config/a.toml"):
        (version / name).parent.mkdir(parents=True, exist_ok=True)
        (version / name).write_text(name)
    fetched = tmp_path / "fetched.csv"
    fetched.write_text("far")
    recipe = Recipe(
        command=("python",),
        folder="work",
        outputs={"model": "out", "docs/card.md": "cards/card.md"},
        sources={
            "data/train": "data/a.csv",
            "data/far": "data/far.csv",
            "config/a.toml": "conf/a.toml",
        },
        metrics=("made/metrics.json",),
    )
    top = tmp_path / "run"
    set_stage(top, version, recipe, {"data/far": fetched})
    found = {p.relative_to(top).as_posix(): p for p in top.rglob("*") if p.is_file()}
    assert sorted(found) == ["conf/a.toml", "data/a.csv", "data/far.csv", "train.py"]
    assert found["data/far.csv"].read_text() == "far"
    folders = ("out", "cards", "made", "work")
    assert all((top / folder).is_dir() for folder in folders)
    (top / "out" / "model.bin").write_text("new")
    (top / "cards" / "card.md").write_text("new")
    (top / "out" / "link").symlink_to(fetched)
    assert sorted(files_below(top, recipe)) == ["docs/card.md", "model/model.bin"]
