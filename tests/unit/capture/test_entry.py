"""Where the running code lies: found in real processes, as users start them."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from modelver._capture import entry_of, place_of_code

TELL = (
    "from modelver._capture import entry_of, place_of_code\n"
    "import sys; print(place_of_code(), entry_of(sys.argv[-1]))\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a script, a package, and a notebook in it."""
    folder = tmp_path / "project"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg/__init__.py").touch()
    for name in ("train.py", "pkg/run.py", "pkg/__main__.py"):
        (folder / name).write_text(TELL)
    (folder / "book.ipynb").write_text("{}")
    return folder


def _told(words: Sequence[str], where: Path, root: Path, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, *words, str(root)],
        cwd=where,
        env=os.environ | variables,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("words", "place", "entry"),
    [
        (["{p}/train.py"], "", "train.py"),
        (["{p}/pkg/run.py"], "pkg", "pkg/run.py"),
        (["-m", "pkg.run"], "pkg", "pkg/run.py"),
        (["-m", "pkg"], "pkg", "pkg/__main__.py"),
    ],
    ids=["script", "script-below", "module", "package"],
)
def test_a_script_says_where_the_code_is(
    project: Path, tmp_path: Path, words: list[str], place: str, entry: str
) -> None:
    """The script's folder counts, wherever it was started from."""
    words = [word.format(p=project) for word in words]
    where = project if "-m" in words else tmp_path
    assert _told(words, where, project) == f"{project / place} {entry}"


def test_a_script_through_a_link(project: Path, tmp_path: Path) -> None:
    """Where the script really lies counts."""
    (tmp_path / "link.py").symlink_to(project / "train.py")
    assert (
        _told([str(tmp_path / "link.py")], tmp_path, project) == f"{project} train.py"
    )


def test_code_without_a_script(project: Path) -> None:
    """Then the working folder counts, and there is no entry."""
    assert _told(["-c", TELL], project / "pkg", project) == f"{project / 'pkg'} None"


def test_a_root_elsewhere_has_no_entry(project: Path, tmp_path: Path) -> None:
    """A script that lies outside of the code is not its entry."""
    (tmp_path / "other").mkdir()
    told = _told([str(project / "train.py")], project, tmp_path / "other")
    assert told == f"{project} None"


def test_tests_and_tools_are_not_the_code(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is installed runs somebody's code: the working folder counts."""
    monkeypatch.chdir(project)
    assert place_of_code() == project  # pytest is what runs
    assert entry_of(project) is None
    scripts = Path(sysconfig.get_paths()["scripts"])
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    import modelver  # noqa: PLC0415 - only its place

    for file in (
        scripts / "pytest",
        stdlib / "timeit.py",
        Path(modelver.__file__).parent / "__main__.py",
        Path(pytest.__file__),
    ):
        monkeypatch.setitem(sys.modules, "__main__", _main(__file__=str(file)))
        assert file.is_file()
        assert place_of_code() == project


def _main(**names: object) -> ModuleType:
    module = ModuleType("__main__")
    vars(module).update(names)
    return module


@pytest.mark.parametrize("how", ["variable", "jupyter"])
def test_a_notebook(project: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A kernel whose server says which notebook it is for has an entry."""
    monkeypatch.chdir(project / "pkg")
    book = str(project / "book.ipynb")
    names = {"__vsc_ipynb_file__": book} if how == "variable" else {}
    monkeypatch.setitem(sys.modules, "__main__", _main(**names))
    if how == "jupyter":
        monkeypatch.setenv("JPY_SESSION_NAME", book)
    assert entry_of(project) is None  # this is no kernel
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    assert entry_of(project) == "book.ipynb"
    assert place_of_code() == project
    (project / "book.ipynb").unlink()
    assert entry_of(project) is None
    assert place_of_code() == project / "pkg"


@pytest.mark.parametrize(
    "file", [None, 7, "", "<stdin>", "a\0b", "missing.py", b"train.py"]
)
def test_a_main_that_has_no_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, file: object
) -> None:
    """Whatever ``__main__`` says, there is an answer."""
    monkeypatch.chdir(project)
    monkeypatch.setitem(sys.modules, "__main__", _main(__file__=file))
    assert entry_of(project) is None
    assert place_of_code() in (project, None)


def test_a_main_that_is_gone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it need a module at all."""
    monkeypatch.chdir(project)
    monkeypatch.delitem(sys.modules, "__main__")
    assert place_of_code() == project
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace())
    assert place_of_code() == project


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be removed there")
def test_a_working_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a script and without a folder there is no code."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert place_of_code() is None
