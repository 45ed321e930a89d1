"""Executed cells as a script, and notebooks without their outputs."""

import ast
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelver._capture import executed_cells, notebook, strip_outputs


def _shell(monkeypatch: pytest.MonkeyPatch, cells: object) -> None:
    """Be an IPython that has executed *cells*."""
    module = ModuleType("IPython")
    history = SimpleNamespace(input_hist_parsed=cells)
    shell = SimpleNamespace(history_manager=history)
    vars(module)["get_ipython"] = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)


def test_the_cells_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its count; what was executed empty is passed over."""
    cells = ["", "import math\n", "", "x = 1\nx\n", "   \n", "print('ä', x)"]
    _shell(monkeypatch, cells)
    found = executed_cells()
    assert found is not None
    assert found.decode() == (
        "# In [1]:\nimport math\n\n# In [3]:\nx = 1\nx\n\n# In [5]:\nprint('ä', x)\n"
    )
    ast.parse(found)


def test_a_real_ipython() -> None:
    """What IPython made of magic commands is Python, and is what ran."""
    shells = pytest.importorskip("IPython.core.interactiveshell")
    shell = shells.InteractiveShell.instance()
    try:
        for cell in ("a = 1", "%pwd", "b = a + 1"):
            shell.run_cell(cell, store_history=True)
        found = executed_cells()
    finally:
        shells.InteractiveShell.clear_instance()
    assert found is not None
    assert b"# In [3]:\nb = a + 1\n" in found
    assert b"get_ipython().run_line_magic('pwd'" in found
    ast.parse(found)


@pytest.mark.parametrize(
    "cells",
    [None, [], [""], ["", "", "  "], "text", 7, ["", None, 5, b"x"]],
    ids=repr,
)
def test_no_cells(monkeypatch: pytest.MonkeyPatch, cells: object) -> None:
    """Nothing executed, or a history of another making: None."""
    _shell(monkeypatch, cells)
    assert executed_cells() is None


def test_no_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not imported to look; nor does one without a shell matter."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert executed_cells() is None
    assert "IPython" not in sys.modules
    module = ModuleType("IPython")
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert executed_cells() is None
    vars(module)["get_ipython"] = lambda: None
    assert executed_cells() is None


def test_endless_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than there is room for, the last are kept, and that is said."""
    monkeypatch.setattr(notebook, "MAX_CELLS", 100)
    _shell(monkeypatch, ["", *(f"x{n} = {n}" for n in range(1, 1000)), "y = '\udc80'"])
    found = executed_cells()
    assert found is not None
    assert len(found) < 200
    assert found.startswith(b"# 996 cells before these are left out.\n\n# In [997]:")
    assert found.endswith(b"# In [1000]:\ny = '?'\n")
    ast.parse(found)


def _book(**changes: Any) -> dict[str, Any]:
    code = {
        "cell_type": "code",
        "id": "a1",
        "execution_count": None,
        "metadata": {"tags": ["keep"]},
        "outputs": [],
        "source": ["print('ä')\n"],
    }
    text = {
        "cell_type": "markdown",
        "metadata": {},
        "source": "# T",
        "attachments": {"a.png": {"image/png": "AAAA"}},
    }
    return {
        "cells": [code | changes, text],
        "metadata": {"kernelspec": {"name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _raw(book: object) -> bytes:
    return (json.dumps(book, indent=1, ensure_ascii=False) + "\n").encode()


SECRET = [{"output_type": "stream", "name": "stdout", "text": ["hf_SECRET"]}]


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": SECRET},
        {"outputs": SECRET, "execution_count": 7},
        {"execution_count": 7},
        {"outputs": {"no": "list"}},
        {"metadata": {"tags": ["keep"], "execution": {"iopub.execute_input": "now"}}},
        {"metadata": {"tags": ["keep"], "executionInfo": {"user": {"userId": "1"}}}},
        {"metadata": {"tags": ["keep"], "ExecuteTime": {}, "papermill": {}}},
    ],
)
def test_what_a_run_leaves_behind_is_removed(changes: dict[str, Any]) -> None:
    """Outputs, counts and traces go; all else is as Jupyter would write it."""
    assert strip_outputs(_raw(_book(**changes))) == _raw(_book())


def test_what_belongs_to_the_whole_notebook() -> None:
    """States of widgets are outputs too."""
    book = _book()
    book["metadata"] |= {"widgets": {"state": "hf_SECRET"}, "papermill": {"start": 1}}
    assert strip_outputs(_raw(book)) == _raw(_book())


def test_an_old_notebook() -> None:
    """Until format 3 the cells lay in worksheets, with numbers of prompts."""
    cell = {"cell_type": "code", "input": "1", "language": "python", "metadata": {}}
    dirty = cell | {"outputs": SECRET, "prompt_number": 3}
    clean: dict[str, Any] = cell | {"outputs": [], "prompt_number": None}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}}
    found = strip_outputs(_raw(old | {"worksheets": [{"cells": [dirty]}]}))
    assert found == _raw(old | {"worksheets": [{"cells": [clean]}]})


def test_a_notebook_without_outputs_is_left_as_it_is() -> None:
    """Whatever its form: its bytes are those that Git has."""
    raw = json.dumps(_book(), indent=4).encode()
    assert strip_outputs(raw) == raw


def test_a_key_that_is_there_twice() -> None:
    """An output does not hide behind a second, empty one."""
    raw = _raw(_book(outputs=[]))
    hidden = raw.replace(b'"outputs": []', b'"outputs": ["hf_SECRET"], "outputs": []')
    assert b"hf_SECRET" in hidden
    assert strip_outputs(hidden) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"print('nbformat')",
        b'"nbformat"',
        b'{"nbformat": 4',
        b'{"nbformat": 4}',
        b'{"nbformat": "4", "cells": []}',
        b'{"nbformat": 4, "cells": {}}',
        b'[{"nbformat": 4, "cells": []}]',
        b'{"cells": [{"outputs": [1]}]}',
        b'{"nbformat": 4, "cells": [' + b"1" * 5000 + b"]}",
    ],
)
def test_what_is_no_notebook(raw: bytes) -> None:
    """It is returned as it is."""
    assert strip_outputs(raw) == raw


def test_half_a_character_survives() -> None:
    """A lone surrogate cannot be written plainly; it is escaped, and the rest too."""
    raw = json.dumps(_book(outputs=SECRET, source="'\ud800'")).encode()
    found = strip_outputs(raw)
    assert b"hf_SECRET" not in found
    assert json.loads(found)["cells"][0]["source"] == "'\ud800'"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", 7]),
        "outputs": JSON,
        "execution_count": JSON,
        "metadata": JSON | st.fixed_dictionaries({"scrolled": JSON}),
        "source": JSON,
    },
)


@given(st.lists(CELL | JSON, max_size=4), JSON)
def test_any_notebook(cells: list[Any], metadata: Any) -> None:
    """Stripping ends without an error, is done once, and leaves the sources alone."""
    book = {"nbformat": 4, "cells": cells, "metadata": metadata}
    once = strip_outputs(_raw(book))
    assert strip_outputs(once) == once
    found = json.loads(once)["cells"]
    assert len(found) == len(cells)
    for cell, before in zip(found, cells, strict=True):
        if isinstance(before, dict):
            assert cell.get("source") == before.get("source")
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    """What is no notebook comes back."""
    assert strip_outputs(raw) == raw
    assert strip_outputs(b'{"nbformat"' + raw) == b'{"nbformat"' + raw
