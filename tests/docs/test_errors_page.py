"""The page of errors says what ``modelver.errors`` and its callers say."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from modelver import errors
from modelver.errors import ErrorKind, ModelverError

ROOT = Path(__file__).parents[2]
COMMAND = "python docs/errors_table.py"


@pytest.fixture(scope="module")
def table() -> ModuleType:
    """Return the script that writes the page."""
    path = ROOT / "docs" / "errors_table.py"
    spec = importlib.util.spec_from_file_location("errors_table", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def raised() -> Iterator[tuple[str, str, str]]:
    """Yield where a kind is named for an error, the error's class, and the kind."""
    classes = {
        name
        for name in errors.__all__
        if isinstance(getattr(errors, name), type)
        and issubclass(getattr(errors, name), ModelverError)
    }
    for path in sorted((ROOT / "modelver").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            for word in call.keywords:
                if (
                    call.func.id in classes
                    and word.arg == "kind"
                    and isinstance(word.value, ast.Attribute)
                ):
                    where = f"{path.relative_to(ROOT)}:{call.lineno}"
                    yield where, call.func.id, word.value.attr


def test_the_page_is_as_generated(table: ModuleType) -> None:
    """The tables in the repository are those that the script writes today."""
    page = table.PAGE.read_text(encoding="utf-8")
    assert page == table.page_with_tables(page), f"run: {COMMAND}"


def test_every_class_is_on_the_page(table: ModuleType) -> None:
    """Every exported error and warning has its row, and none is told of twice."""
    page = table.PAGE.read_text(encoding="utf-8")
    tables = page.partition("<!-- classes: begin -->")[2]
    kinds = tables.partition("<!-- kinds: begin -->")[2].partition("<!-- kinds: end")[0]
    tables = tables.replace(kinds, "")
    for name in set(errors.__all__) - {"ErrorKind"}:
        assert tables.count(f"`~modelver.{name}`") == 1, name


def test_kinds_are_raised_as_the_page_says(table: ModuleType) -> None:
    """Each place that names a kind raises the class that stands beside it."""
    found = list(raised())
    assert len(found) > 50, "the search for raised kinds finds nothing any more"
    said = {kind.name: row[0] for kind, row in table.MEANING.items()}
    for where, cls, kind in found:
        assert issubclass(getattr(errors, said[kind]), getattr(errors, cls)), where


def test_default_kinds_are_raised_as_the_page_says(table: ModuleType) -> None:
    """The kind that a class has by itself stands beside that class."""
    for cls in table.public(ModelverError):
        if cls is ModelverError:
            continue
        said = getattr(errors, table.MEANING[cls.default_kind][0])
        assert issubclass(cls, said) or issubclass(said, cls), cls


def test_only_kinds_that_nothing_raises_are_reserved(table: ModuleType) -> None:
    """A kind without a meaning on the page is one that the code does not use."""
    own = ROOT / "modelver" / "errors.py"
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "modelver").rglob("*.py")
        if path != own
    )
    for kind in set(ErrorKind) - set(table.MEANING):
        assert f"ErrorKind.{kind.name}" not in code, kind
