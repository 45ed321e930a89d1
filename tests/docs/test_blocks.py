"""Every code block of the documentation runs, or says why not.

The blocks of one page run in order, in one fresh folder, in one namespace.
``docs/how-to/contribute.md`` tells writers the rules.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from markdown_it import MarkdownIt

from tests.stores.servers.azurite import azurite_for_everybody
from tests.stores.servers.fake_gcs import fake_gcs_for_everybody
from tests.stores.servers.seaweed import seaweed_for_everybody

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(
        page
        for page in (ROOT / "docs").rglob("*.md")
        if not {"_build", "changelog.d"} & set(page.relative_to(ROOT).parts)
    ),
]
# Pages whose blocks want a bucket, and the server that has one.
STORES = {
    "use-azure.md": azurite_for_everybody,
    "use-gcs.md": fake_gcs_for_everybody,
    "use-s3.md": seaweed_for_everybody,
}
RUN = {"console", "pycon", "python"}
# What a console block may run.
PROGRAMS = {
    "git": ["git"],
    "modelver": [sys.executable, "-m", "modelver"],
    "python": [sys.executable],
}
GIT_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
    },
}
INERT = {"html", "ini", "json", "mermaid", "output", "text", "toml", "yaml"}
# MyST: {note}, {toctree}, ...; those that only dress up code would hide it from here.
DIRECTIVE = re.compile(r"\{(?!code|sourcecode|doctest|testcode)[\w:-]+\}")
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>\S.*) -->", re.DOTALL)
EXIT = re.compile(r"\s+# exit (\d+)$")
COMPARE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@frozen
class Block:
    """One fenced block: where it stands, what it is, what it says."""

    page: Path
    line: int
    language: str
    text: str = field(repr=False)
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(page: Path, text: str) -> Iterator[Block]:
    """Yield the fenced and indented blocks of a page, in order."""
    reason: str | None = None
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in {"fence", "code_block"}:
            assert token.map is not None
            line = token.map[0] + 1
            language = token.info.split()[0] if token.info.strip() else ""
            yield Block(page, line, language, token.content, reason)
        marker = NOT_RUN.search(token.content) if token.type == "html_block" else None
        reason = marker["reason"] if marker else None


def escapes(block: Block) -> bool:
    """Return whether nobody has said what becomes of the block."""
    if block.language in RUN | INERT or block.reason:
        return False
    return DIRECTIVE.fullmatch(block.language) is None


def run_doctest(block: Block, names: dict[str, Any]) -> None:
    """Run ``>>>`` lines, and compare what they print."""
    parsed = doctest.DocTestParser().get_doctest(
        block.text, names, str(block), str(block.page), block.line
    )
    parsed.globs = names  # it has taken a copy: later blocks want the names
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=COMPARE, verbose=False)
    result = runner.run(parsed, out=said.append, clear_globs=False)
    assert result.attempted, f"{block}: a pycon block needs >>> lines"
    assert not result.failed, "\n".join([str(block), *said])


def run_python(block: Block, names: dict[str, Any]) -> None:
    """Run the block as a script whose tracebacks name the page and its lines."""
    padded = "\n" * block.line + block.text
    exec(compile(padded, str(block.page), "exec"), names)  # noqa: S102 -- our own pages


def steps(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with the output that is shown for it."""
    head, *rest = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert rest, f"{block}: a console block needs lines that begin with '$ '"
    assert not head.strip(), f"{block}: output stands before the first command"
    for part in rest:
        command, _, output = part.replace("\\\n", " ").partition("\n")
        yield command, output


def run_console(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the commands; compare the exit code, and the output where some is shown.

    What ``export`` sets ends with the test, as the page does.
    """
    for line, expected in steps(block):
        code = EXIT.search(line)
        words = shlex.split(EXIT.sub("", line))
        where = f"{block}: $ {line}"
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            monkeypatch.setenv(name, value)
            continue
        assert words[0] in PROGRAMS, f"{where}: cannot be run here"
        done = subprocess.run(
            [*PROGRAMS[words[0]], *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
            encoding="utf-8",
        )
        said = f"{where}\nended with {done.returncode} and said:\n{done.stdout}"
        assert done.returncode == (int(code[1]) if code else 0), said
        if expected.strip():
            same = doctest.OutputChecker().check_output(expected, done.stdout, COMPARE)
            assert same, f"{said}\nbut the page shows:\n{expected}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_page(
    page: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The blocks of a page do what the page says, in the order in which they stand."""
    with ExitStack() as held:
        if page.name in STORES:
            server = STORES[page.name](tmp_path_factory.mktemp("store"))
            for name, value in held.enter_context(server).items():
                monkeypatch.setenv(name, value)
        run_page(page, tmp_path, monkeypatch)


def run_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the blocks of *page* in *tmp_path*."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    monkeypatch.setenv("NO_COLOR", "1")
    for name, value in GIT_SETTINGS.items():  # nobody's own
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MODELVER_CODE", raising=False)  # a page shows what users get
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page, page.read_text(encoding="utf-8")):
        assert not escapes(block), (
            f"{block}: a block in {block.language!r} is neither run nor marked"
        )
        if block.reason is not None or block.language not in RUN:
            continue
        if block.language == "console":
            run_console(block, monkeypatch)
        elif block.language == "pycon" or block.text.lstrip().startswith(">>>"):
            run_doctest(block, names)
        else:
            run_python(block, names)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("```python\n1\n```", 0),
        ("```text\n1\n```", 0),
        ("```{note}\nYes.\n```", 0),
        ("```sh\nrm x\n```", 1),
        ("```\n1\n```", 1),
        ("```{code-block} python\n1\n```", 1),
        ("    indented = 1", 1),
        ("<!-- not run: needs a bucket -->\n```sh\nrm x\n```", 0),
        ("<!-- not run: -->\n```sh\nrm x\n```", 1),
        ("<!-- not run: needs a bucket -->\n\nText.\n\n```sh\nrm x\n```", 1),
        ("- item\n\n  ```bash\n  rm x\n  ```", 1),
    ],
    ids=lambda v: v.replace("\n", "|") if isinstance(v, str) else str(v),
)
def test_no_block_escapes(text: str, escaped: int) -> None:
    """A block is run, inert by its language, or marked with a reason right above it."""
    assert sum(map(escapes, blocks(ROOT / "x.md", text))) == escaped


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "assert not 1, 'x.md'"),
        ("pycon", ">>> 1 + 1\n3\n"),
        ("console", '$ python -c "raise SystemExit(1)"\n'),
        ("console", '$ python -c "raise SystemExit(1)"  # exit 2\n'),
        ("console", '$ python -c "print(5)"\n6\n'),
        ("console", "$ curl example.org\n"),
    ],
    ids=["python", "pycon", "exit", "other-exit", "output", "unknown-command"],
)
def test_a_wrong_block_fails(
    language: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block that does not do what it shows is found."""
    block = Block(ROOT / "x.md", 1, language, text, None)
    runs = {
        "python": lambda: run_python(block, {}),
        "pycon": lambda: run_doctest(block, {}),
        "console": lambda: run_console(block, monkeypatch),
    }
    with pytest.raises(AssertionError, match=r"x\.md"):
        runs[language]()


def test_a_right_block_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit codes, ellipses and exports mean what the writers' rules say."""
    names: dict[str, Any] = {}
    run_python(Block(ROOT / "x.md", 1, "python", "two = 2", None), names)
    run_doctest(Block(ROOT / "x.md", 1, "pycon", ">>> two + 1\n3\n", None), names)
    console = (
        "$ export MODELVER_TEST_BLOCKS=hello\n"
        "$ python -c \"import os; print(os.environ['MODELVER_TEST_BLOCKS'], 1, 2)\"\n"
        "hello ... 2\n"
        '$ python -c "raise SystemExit(3)"  # exit 3\n'
    )
    run_console(Block(ROOT / "x.md", 1, "console", console, None), monkeypatch)
