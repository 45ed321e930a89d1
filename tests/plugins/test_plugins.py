"""Entry points: read late, from real metadata on ``sys.path``."""

import importlib
import os
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelver._plugins import load, plugins
from modelver.errors import ErrorKind, PluginError
from modelver.plugin import Backend
from modelver.testing import BackendContract

EXAMPLE = Path(__file__).with_name("modelver-example-backend")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Forget what was loaded, before and after."""
    load.cache_clear()
    yield
    load.cache_clear()


class Site:
    """A folder on ``sys.path`` into which distributions are put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        name: str,
        points: str,
        *,
        version: str = "1.0",
        metadata: str | None = None,
    ) -> None:
        """Write what an installer would have written."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(text if metadata is None else metadata)
        (info / "entry_points.txt").write_text(textwrap.dedent(points))
        importlib.invalidate_caches()

    def module(self, name: str, text: str) -> None:
        """Write a module."""
        (self.folder / f"{name}.py").write_text(textwrap.dedent(text))
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return an empty folder in front of ``sys.path``."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return Site(folder)


def _caught(group: str, name: str) -> PluginError:
    with pytest.raises(PluginError) as caught:
        load(group, name)
    return caught.value


def test_a_plugin_is_found_by_name(site: Site) -> None:
    """What the entry point names is returned, and imported no sooner than asked."""
    site.install("fake-one", "[modelver.backends]\nfake1 = fake_module_1:Thing.part\n")
    site.module("fake_module_1", "class Thing:\n    part = 'the part'\n")
    (found,) = [p for p in plugins() if p.name == "fake1"]
    assert (found.group, found.distribution, found.version, found.target) == (
        "backends",
        "fake-one",
        "1.0",
        "fake_module_1:Thing.part",
    )
    assert "fake_module_1" not in sys.modules
    assert load("backends", "fake1") == "the part"


def test_a_plugin_installed_meanwhile_is_found(site: Site) -> None:
    """A name that was unknown a moment ago works after an installation."""
    assert _caught("indexers", "late").kind is ErrorKind.UNKNOWN_PLUGIN
    site.install("fake-late", "[modelver.indexers]\nlate = fake_late:thing\n")
    site.module("fake_late", "thing = 1")
    assert load("indexers", "late") == 1


def test_groups_are_apart(site: Site) -> None:
    """One name may be a backend here and an indexer there."""
    points = "[modelver.backends]\nx1 = fake_x:a\n[modelver.indexers]\nx1 = fake_x:b\n"
    site.install("fake-x", points)
    site.module("fake_x", "a, b = 'a', 'b'")
    assert (load("backends", "x1"), load("indexers", "x1")) == ("a", "b")
    assert _caught("serializers", "x1").kind is ErrorKind.UNKNOWN_PLUGIN


def test_an_unknown_name_says_what_there_is(site: Site) -> None:
    """The error names what is installed, and is answered without an import."""
    site.install("fake-known", "[modelver.backends]\nknown = fake_nowhere:a\n")
    error = _caught("backends", "s4")
    assert error.kind is ErrorKind.UNKNOWN_PLUGIN
    assert "'s4'" in error.message
    assert any("known" in hint for hint in error.hints)


def test_two_claims_are_an_error(site: Site) -> None:
    """Both distributions are named; neither is chosen or imported."""
    for who in ("one", "two"):
        site.install(f"fake-{who}", f"[modelver.backends]\ntwice = fake_{who}:make\n")
        site.module(f"fake_{who}", "raise AssertionError")
    error = _caught("backends", "twice")
    assert error.kind is ErrorKind.DUPLICATE_PLUGIN
    assert "fake-one 1.0" in error.message
    assert "fake-two 1.0" in error.message
    assert error.facts["distributions"] == ["fake-one 1.0", "fake-two 1.0"]
    assert len([p for p in plugins() if p.name == "twice"]) == 2


def test_nobody_replaces_a_built_in_by_name(site: Site) -> None:
    """A distribution that claims ``file`` is a duplicate, not a new default."""
    for who in ("fake-thief", "fake-owner"):
        site.install(who, f"[modelver.backends]\nfile = {who.replace('-', '_')}:make\n")
    assert _caught("backends", "file").kind is ErrorKind.DUPLICATE_PLUGIN


@pytest.mark.parametrize(
    ("target", "text"),
    [
        pytest.param("fake_gone:make", None, id="no-module"),
        pytest.param("fake_bare:make", "", id="no-attribute"),
        pytest.param("fake_raises:make", "1 / 0", id="raises"),
        pytest.param("fake_syntax:make", "def", id="syntax-error"),
        pytest.param("fake_needs:make", "import fake_missing_dep", id="no-dependency"),
        pytest.param("not a target", None, id="not-a-target"),
    ],
)
def test_a_broken_plugin(site: Site, target: str, text: str | None) -> None:
    """It is named with its distribution, with the cause, when it is asked for."""
    site.install("fake-broken", f"[modelver.backends]\nbroken = {target}\n")
    if text is not None:
        site.module(target.partition(":")[0], text)
    assert "broken" in {plugin.name for plugin in plugins()}
    error = _caught("backends", "broken")
    assert error.kind is ErrorKind.BROKEN_PLUGIN
    assert "fake-broken" in error.message
    assert error.__cause__ is not None
    assert any("1.0" in hint for hint in error.hints)


def test_broken_metadata_is_survived(site: Site) -> None:
    """A distribution without a name can be listed beside the others."""
    points = "[modelver.backends]\nnameless = fake_gone:make\n"
    site.install("fake-nameless", points, metadata="Metadata-Version: 2.1\n")
    site.install("fake-named", "[modelver.backends]\nnameless = fake_other:make\n")
    found = {p.distribution for p in plugins() if p.name == "nameless"}
    assert found == {"?", "fake-named"}


def test_importing_reads_no_entry_points() -> None:
    """``import modelver`` and its rooms leave the metadata alone."""
    program = """
import importlib.metadata, sys
def fail(*args, **kwargs): raise AssertionError
importlib.metadata.entry_points = importlib.metadata.distributions = fail
import modelver, modelver._plugins, modelver.plugin
"""
    subprocess.run([sys.executable, "-c", program], check=True)


class _Example(BackendContract):
    """The example, found by its entry point."""

    rounds = 5

    def make(self, tmp_path: Path) -> Backend:
        """Return what the entry point makes."""
        backend: Backend = load("backends", "example")(f"example://{tmp_path}/a.sqlite")
        return backend


@pytest.mark.parametrize(
    "name",
    [
        "test_create_twice",
        "test_list",
        "test_one_winner_among_processes",
        "test_one_winner_among_threads",
        "test_ranges_are_slices",
        "test_read_many",
        "test_upload",
        "test_upload_onto_a_key_leaves_it",
        "test_whole_or_nothing",
    ],
)
def test_the_example(
    name: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its sources it keeps the contract; the session of nox installs it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    points = "".join(
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items())
        for group, names in project["entry-points"].items()
    )
    site.install(project["name"], points, version=project["version"])
    monkeypatch.syspath_prepend(EXAMPLE / "src")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE / "src"), prepend=os.pathsep)
    suite = _Example()
    getattr(suite, name)(suite.make(tmp_path))
