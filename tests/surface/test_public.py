"""The public surface: its names, its errors, and what importing it costs."""

import copy
import inspect
import pickle  # noqa: TID251 - errors cross processes by it
import subprocess
import sys

import pytest

import modelver
from modelver import errors
from modelver.errors import ErrorKind, ModelverError

EVERY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ModelverError)
]


def test_the_three_come_first() -> None:
    """A reader of ``modelver.__all__`` begins with what a user begins with."""
    assert modelver.__all__[:3] == ["Registry", "ModelVersion", "Lineage"]
    assert modelver.__all__[3:] == sorted(modelver.__all__[3:])


def test_every_name_is_there() -> None:
    """Each exported name can be had, has a docstring, and no other can."""
    for name in modelver.__all__:
        value = getattr(modelver, name)
        assert name.startswith("__") or inspect.getdoc(value), name
    assert dir(modelver) == sorted(modelver.__all__)
    with pytest.raises(AttributeError, match="registry"):
        _ = modelver.registry


def test_every_error_is_exported() -> None:
    """Whoever can be raised can be caught by its public name."""
    assert {kind.__name__ for kind in EVERY} <= set(modelver.__all__)


@pytest.mark.parametrize("kind", EVERY)
def test_errors_pickle_and_copy(kind: type[ModelverError]) -> None:
    """An error crosses processes with its message, kind, facts and notes."""
    error = kind("what happened", kind=ErrorKind.BUG, hint="do this", txid="7", key="k")
    error.add_note("and that")
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):  # noqa: S301
        assert type(twin) is kind
        assert str(twin) == twin.message == "what happened"
        assert (twin.kind, twin.facts) == (ErrorKind.BUG, {"txid": "7", "key": "k"})
        assert twin.hints == ("do this", "and that")


def test_kinds_are_told_apart() -> None:
    """No two causes share a code."""
    assert len({kind.value for kind in ErrorKind}) == len(ErrorKind)


def test_importing_loads_nothing_heavy() -> None:
    """``import modelver`` loads neither fsspec nor numpy nor a class of ours."""
    code = (
        "import sys, modelver\n"
        "heavy = {'fsspec', 'numpy', 'attrs', 'cattrs', 'pandas', 'rich', 'blake3'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(code) == "[]"


def test_a_local_registry_needs_no_fsspec(tmp_path: object) -> None:
    """Registering and resolving in a folder loads neither fsspec nor numpy."""
    code = (
        "import sys, modelver\n"
        f"r = modelver.Registry({str(tmp_path)!r} + '/r', create=True)\n"
        "r.register('m', {'m': b'1'}); r.get('m@latest').read('m')\n"
        "heavy = {'fsspec', 'numpy', 'pandas', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(code) == "[]"


def run(code: str) -> str:
    """Return what a fresh interpreter prints."""
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()
