"""Nonsense on the command line: an exit code, a sentence, no traceback, no write.

What the library refuses, the command line refuses with the library's words; and what
only a command line can be given, such as files of JSON, it refuses by itself.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import Registry
from modelver._cli import main
from tests.hostile.nonsense import (
    BIDI,
    BYTES_PATHS,
    ESCAPE,
    FILTERS,
    HALF,
    NAMES,
    NUMBERS,
    REFS,
    URLS,
    WHENS,
)
from tests.hostile.test_output import ACTS
from tests.hostile.watching import quick, untouched

REFUSALS: Final = (2, 3, 4, 5, 6)
Words = tuple[str, ...]


def _said(values: dict[str, Any]) -> dict[str, str]:
    """Return the values that a command line can be given: text without a NUL."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, str) and "\0" not in value and not value.startswith("-")
    }


LINES: Final[dict[str, Words]] = {
    **{f"name-{k}": ("register", v, "w.bin") for k, v in _said(NAMES).items()},
    **{f"get-{k}": ("get", v) for k, v in _said(REFS).items()},
    **{f"promote-{k}": ("promote", v, "p") for k, v in _said(REFS).items()},
    **{f"parent-{k}": ("register", "m", "w.bin", "--parent", v)
       for k, v in _said(REFS).items()},
    **{f"version-{k}": ("register", "m", "w.bin", "--version", v)
       for k, v in _said(NUMBERS).items()},
    **{f"filter-{k}": ("search", v) for k, v in _said(FILTERS).items()},
    **{f"url-{k}": ("--registry", v, "models") for k, v in _said(URLS).items() if v},
    **{f"at-{k}": ("models", "--at", v) for k, v in _said(WHENS).items()},
    **{f"path-{k}": ("register", "m", f"{v}=w.bin")
       for k, v in _said(BYTES_PATHS).items() if v},
    "metrics-nan": ("register", "m", "w.bin", "--metrics", "a=nan"),
    "metrics-infinite": ("register", "m", "w.bin", "--metrics", "a=inf"),
    "metrics-text": ("evaluate", "m", "a=good"),
    "metrics-empty": ("evaluate", "m", "a="),
    "metrics-no-name": ("evaluate", "m", "=1"),
    "metrics-long": ("evaluate", "m", "a=" + "9" * 1_000_000),
    "metrics-escape": ("evaluate", "m", f"{ESCAPE}=1"),
    "metrics-file-missing": ("evaluate", "m", "missing.json"),
    "metrics-file-folder": ("evaluate", "m", "folder"),
    "metrics-file-junk": ("evaluate", "m", "junk.json"),
    "metrics-file-list": ("evaluate", "m", "list.json"),
    "metrics-file-deep": ("evaluate", "m", "deep.json"),
    "metrics-file-nan": ("evaluate", "m", "nan.json"),
    "metrics-file-huge": ("evaluate", "m", "huge.json"),
    "metrics-file-utf16": ("evaluate", "m", "utf16.json"),
    "params-file-deep": ("register", "m", "w.bin", "--params", "deep.json"),
    "params-file-huge": ("register", "m", "w.bin", "--params", "huge.json"),
    "slices-file-flat": ("register", "m", "w.bin", "--slices", "nan.json"),
    "tag-no-value": ("tag", "m", "a"),
    "tag-long": ("tag", "m", "a=" + "x" * 1_000_000),
    "tag-escape": ("tag", "m", f"a={ESCAPE}"),
    "tag-half": ("tag", "m", f"a={HALF}"),
    "note-escape": ("note", "m", ESCAPE),
    "note-long": ("note", "m", "x" * 1_000_000),
    "status": ("set-status", "m", ESCAPE),
    "alias-escape": ("promote", "m", ESCAPE),
    "alias-bidi": ("promote", "m", BIDI),
    "reason-escape": ("promote", "m", "p", "--reason", ESCAPE),
    "author-escape": ("--author", ESCAPE, "note", "m", "x"),
    "files-missing": ("register", "m", "missing"),
    "files-device": ("register", "m", "/dev/zero"),
    "files-nothing": ("register", "m", "folder"),
    "cat-missing": ("cat", "m", "../../etc/passwd"),
    "checkout-below-a-file": ("checkout", "m", "w.bin/x"),
    "checkout-taken": ("checkout", "m", "w.bin"),
    "checkout-role": ("checkout", "m", "out", "--role", ESCAPE),
    "limit": ("search", "-n", "-5"),
    "limit-long": ("search", "-n", "9" * 10_000),
    "limit-text": ("log", "-n", "many"),
    "at-long": ("models", "--at", "9" * 10_000),
    "verb": ("explode",),
    "verb-escape": (ESCAPE,),
    "option": ("models", "--explode"),
    "option-escape": ("models", f"--{ESCAPE}"),
    "nothing-to-compare": ("compare",),
    "used-by": ("used-by", "missing"),
    "outcome": ("outcome", ESCAPE),
}  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a registry and files to hand over."""
    folder = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELVER_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        registry = Registry(folder / "r", create=True)
        registry.register("m", {"w": b"weights"}, environment=False)
    (folder / "w.bin").write_bytes(b"other")
    (folder / "folder").mkdir()
    (folder / "junk.json").write_bytes(b"\xff\xfe junk")
    (folder / "list.json").write_bytes(b"[1]")
    (folder / "deep.json").write_bytes(b'{"a":' * 50_000)
    (folder / "nan.json").write_bytes(b'{"a":NaN}')
    (folder / "huge.json").write_bytes(b'{"a":' + b"9" * 5000 + b"}")
    (folder / "utf16.json").write_bytes('{"a":1}'.encode("utf-16"))
    return folder


@pytest.fixture
def run(
    template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Callable[..., tuple[int, str, str]]:
    """Run words in a copy of the folder; return the exit code and both outputs."""
    shutil.copytree(template, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("MODELVER_REGISTRY", str(tmp_path / "here" / "r"))

    def act(*words: str) -> tuple[int, str, str]:
        capfdbinary.readouterr()
        code = main(words)
        said = capfdbinary.readouterr()
        return code, said.out.decode(), said.err.decode()

    return act


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("name", LINES)
def test_refused(
    run: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    name: str,
    *,
    as_json: bool,
) -> None:
    """Each line ends with its exit code and a sentence, in time, without a write."""
    words = [*LINES[name], *(["--json"] if as_json else [])]
    with untouched(tmp_path / "here"), quick(2):
        code, out, err = run(*words)
    if name == "outcome":
        assert code == 1
        return
    assert code in REFUSALS, (out, err)
    assert err.strip()
    assert len(err) < 10_000
    for text in (out, err):
        assert ACTS.search(text) is None, ascii(text)
        assert "Traceback" not in text
    if as_json and err.startswith("{"):
        said = json.loads(err)
        assert said["error"]


def test_how_many() -> None:
    """So many lines there are; none was lost on the way."""
    assert len(LINES) > 150
