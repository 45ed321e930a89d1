"""What goes to a terminal, what elsewhere; and nothing stored does anything there."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelver._cli import main
from modelver._cli.failure import Teller
from modelver._cli.output import Cell, Reply, Table, Text, show
from modelver._registry.registry import Registry
from modelver._values.codec import entry_to_bytes
from modelver._values.entry import Entry, Note, SetAlias, Tag
from modelver._values.text import UNSEEN
from modelver.errors import NotFoundError

Run = Callable[..., Any]

NASTY = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe\u200b\r\nmodelver: error: forged\t\x9b31m"
SGR = re.compile(r"\x1b\[[0-9;]*m")


def unseen(text: str) -> set[str]:
    """Return the characters that a terminal would act upon, layout left out."""
    return set(UNSEEN.findall(text)) - {"\n"}


@pytest.fixture
def hostile(fraud: Registry) -> Registry:
    """Return a registry whose log says nasty things of ``fraud@0.1.0``.

    The library refuses to write them: whoever harms has other means.
    """
    name, version = "fraud", "0.1.0"
    actions = (
        Note(name=name, version=version, text=NASTY),
        Tag(name=name, version=version, set={"nasty": NASTY}),
        SetAlias(name=name, version=version, alias="risky", reason=NASTY),
    )
    folder = Path(fraud.url) / "log"
    entry = Entry(
        format=1,
        seq=4,
        prev=fraud._core.state().head,
        txid="0" * 32,
        time="2026-03-01T09:30:00.000000Z",
        actor=NASTY,
        tool=NASTY,
        message=NASTY,
        actions=actions,
    )
    (folder / f"{4:020d}.json").write_bytes(entry_to_bytes(entry, "b3"))
    fraud.register(
        "fraud",
        {"w.bin": b"three", "esc.txt": NASTY.encode()},
        description="\u202edesrever\u2066",
        params={"p": NASTY, "nested": {"\u202ek": ["\u200b"]}},
        tags={"bidi": "a\u202eb"},
        config={"c\u202e": NASTY},
        environment=False,
    )
    assert fraud.seq == 5
    assert not fraud.log()[1].void, "the forged entry has no effect: forge it anew"
    return fraud


LOOKING = [
    "get fraud@0.1.0",
    "get fraud@newest",
    "versions fraud",
    "search",
    "aliases",
    "alias-history fraud risky",
    "log",
    "diff fraud@0.1.0 fraud@newest",
    "diff fraud@0.1.0 fraud@newest --format markdown",
    "compare fraud@0.1.0 fraud@newest",
    "lineage",
    "lineage --format mermaid",
    "files fraud@newest",
    "verify",
    "outcome 00000000000000000000000000000000",
]


@pytest.mark.parametrize("line", LOOKING)
def test_stored_text_does_nothing(
    cli: Run, terminal: Run, hostile: Registry, line: str
) -> None:
    """No control, bidi or invisible character of the store reaches any output."""
    words = line.split()
    plain, shown = cli(*words), terminal(*words)
    document = cli(*words, "--json")
    assert plain.code == shown.code == document.code == 0
    assert unseen(plain.out.replace("\t", "")) == set()
    assert unseen(SGR.sub("", shown.out)) == set()
    assert unseen(document.out) == set()
    forged = re.compile(r"^\s*modelver: error: forged", re.MULTILINE)
    assert not forged.search(plain.out + shown.out)
    assert hostile.seq == 5


def test_documents_keep_what_is_stored(cli: Run, hostile: Registry) -> None:
    """In JSON the text is escaped, and whole when it is read."""
    assert cli("get", "fraud@0.1.0", "--json").json["tags"]["nasty"] == NASTY
    assert cli("log", "--json").json[1]["message"] == NASTY
    assert hostile.seq == 5


def test_names_of_files_do_nothing(cli: Run, terminal: Run, tmp_path: Path) -> None:
    """An address with escape sequences is shown as text, in errors too."""
    url = str(tmp_path / "re\x1b[31mg\u202e")
    for said in (terminal("init", url), cli("init", url), cli("models", url)):
        assert unseen(SGR.sub("", said.out + said.err)) == set()
    missing = cli("models", "--registry", url + "x")
    assert (missing.code, unseen(missing.err)) == (3, set())
    assert unseen(cli("models", "--registry", url + "x", "--json").err) == set()


def test_words_do_nothing(cli: Run) -> None:
    """Nor does what was typed, where an error repeats it."""
    for words in ([NASTY], ["get", "a", NASTY], ["--" + NASTY], ["log", "-n", NASTY]):
        assert unseen(cli(*words).err) == set(), words


@pytest.mark.parametrize("as_json", [True, False])
def test_errors_do_nothing(
    as_json: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever an error or a warning says, in its hints and facts too, is text."""
    teller = Teller(json=as_json, colour=False)
    teller.error(NotFoundError(NASTY, hint=NASTY, ref=NASTY, near=[NASTY]))
    teller.warning("Warning", NASTY)
    said = capsys.readouterr().err
    assert unseen(said) == set()
    assert len(said.splitlines()) == (2 if as_json else 3)


def test_a_file_on_a_terminal(cli: Run, terminal: Run, hostile: Registry) -> None:
    """Text of a bundle is shown harmless on a terminal; other bytes are refused."""
    said = terminal("cat", "fraud@newest", "esc.txt")
    assert (said.code, unseen(said.out.replace("\t", ""))) == (0, set())
    assert "owned" in said.out
    files = {"w": b"\xff", "zero": b"a\0b", "long": b"a" * (2**22 + 1)}
    hostile.register("raw", files, environment=False)
    for name in files:
        refused = terminal("cat", "raw", name)
        assert (refused.code, refused.out) == (2, "")
        assert "> FILE" in refused.err
        assert cli("cat", "raw", name).code == 0


# Terminals.


@pytest.fixture(params=["rich", "plain"])
def drawer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have rich once, and once not; return which of the two."""
    if request.param == "rich":
        pytest.importorskip("rich", reason="the cli extra is not installed")
    else:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    return str(request.param)


@pytest.mark.usefixtures("drawer")
def test_a_terminal_has_tables(terminal: Run, fraud: Registry) -> None:
    """On a terminal there is a head, columns are aligned, and sizes are readable."""
    head, *rows = SGR.sub("", terminal("versions", "fraud").out).splitlines()
    names = "ref registered author status aliases size metrics"
    assert head.split() == names.split(" ")
    assert len(rows) == 2
    for name, text in (("aliases", "production"), ("metrics", "auc=0.94 f1=0.8")):
        assert rows[0].index(text) == head.index(name)
    assert re.search(r" \d+ B ", rows[0])
    assert fraud.seq == 3


def test_colour(
    terminal: Run,
    cli: Run,
    fraud: Registry,
    drawer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Colour is for terminals alone, and for none that does not want it."""
    assert bool(SGR.search(terminal("versions", "fraud").out)) is (drawer == "rich")
    assert SGR.search(terminal("get", "nope").err)
    for line in ("versions fraud --no-color", "--no-color get nope"):
        said = terminal(*line.split())
        assert "\x1b" not in said.out + said.err
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            for line in ("versions fraud", "get nope"):
                said = terminal(*line.split())
                assert "\x1b" not in said.out + said.err, name
    said = cli("versions", "fraud")
    assert "\x1b" not in said.out
    assert fraud.seq == 3


def test_a_narrow_terminal_loses_nothing(
    terminal: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rich folds a cell, its text goes on in the next line."""
    pytest.importorskip("rich", reason="the cli extra is not installed")
    word = "abcdefghij" * 10
    fraud.tag("fraud", long=word)
    monkeypatch.setenv("COLUMNS", "60")
    lines = SGR.sub("", terminal("get", "fraud").out).splitlines()
    assert max(map(len, lines)) <= 60
    assert word in re.sub(r"\s", "", "".join(lines))


SENTENCES = [
    ("register m train.csv", "m@0.1.0  the first version"),
    ("promote fraud production", "fraud@0.2.0 is production (it was 0.1.0)"),
    ("promote fraud brandnew", "fraud@0.2.0 is brandnew"),
    ("clear-alias fraud staging", "fraud@staging is cleared"),
    ("set-status fraud approved", "fraud@0.2.0 is approved"),
    ("set-status fraud none", "fraud@0.2.0 has no status"),
    ("tag fraud a=b c=d", "fraud@0.2.0 has a=b, c=d"),
    ("untag fraud@0.1.0 task", "fraud@0.1.0 has no task any more"),
    ("note fraud hello", "fraud@0.2.0 has a note more"),
    ("evaluate fraud auc=1 --dataset new", "fraud@0.2.0 is evaluated on new"),
    ("restore fraud", "fraud@0.2.0 is in use again"),
    ("aliases other", None),
    ("search metrics.auc>1", "no version matches"),
    ("outcome 0", "0 has not landed"),
    ("used-by fraud", "no version was made from it"),
]


@pytest.mark.parametrize(("line", "sentence"), SENTENCES, ids=lambda v: str(v)[:24])
def test_a_person_is_told(
    terminal: Run, fraud: Registry, line: str, sentence: str | None
) -> None:
    """On a terminal, a verb says what it did, and that there is nothing."""
    said = terminal(*line.split())
    assert said.out == (f"{sentence}\n" if sentence else "")
    assert fraud.seq >= 3


def test_a_rollback_is_told(terminal: Run, fraud: Registry) -> None:
    """Who rolls back sees where the alias is now, and where it was."""
    fraud.promote("fraud", "production")
    said = terminal("rollback", "fraud", "production")
    assert said.out == "fraud@0.1.0 is production again (it was 0.2.0)\n"


def test_many_rows_are_shown_at_once(terminal: Run, empty: Registry) -> None:
    """A table that takes long to lay out is shown in plain columns."""
    with empty.transaction() as tx:
        for n in range(600):
            tx.register(
                "m", {"w": str(n).encode()}, version=f"0.{n}.0", environment=False
            )
    said = terminal("versions", "m")
    assert len(said.out.splitlines()) == 601
    assert "\x1b" not in said.out


# Encodings.


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_poor_encodings(
    fraud: Registry, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an output cannot encode is escaped; a document stays a document."""
    fraud.note("fraud", "Grüße, 世界")

    def run(*words: str) -> str:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(words) == 0
        stream.flush()
        return raw.getvalue().decode(encoding)

    assert r"\u4e16" in run("get", "fraud")
    assert json.loads(run("get", "fraud", "--json"))["notes"][0]["text"].endswith(
        "世界"
    )


def test_documents_are_readable(cli: Run, fraud: Registry) -> None:
    """Where the output is UTF-8, letters of every script stay as they are."""
    fraud.note("fraud", "Grüße, 世界")
    assert "Grüße, 世界" in cli("get", "fraud", "--json").out


texts = st.text(st.characters(codec="utf-8") | st.sampled_from('\x1b\x9b\u202e\n\t\\"'))


def shown(reply: Reply, *, as_json: bool) -> str:
    """Return what is written of *reply* to a pipe."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", newline="\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        show(reply, as_json=as_json, colour=False)
    return raw.getvalue().decode()


@given(st.lists(st.lists(texts, min_size=3, max_size=3), max_size=5))
def test_a_record_is_a_line(rows: list[list[str]]) -> None:
    """Whatever cells hold, there is a line for each row and a tab between two cells."""
    table = Table(("a", "b", "c"), [[a, Cell(b), Cell(c, "other")] for a, b, c in rows])
    said = shown(Reply(None, table), as_json=False)
    assert said.count("\n") == len(rows)
    assert [line.count("\t") for line in said.split("\n")[:-1]] == [2] * len(rows)
    assert unseen(said.replace("\t", "")) == set()


@given(st.dictionaries(texts, texts | st.lists(texts)))
def test_documents_come_back(data: dict[str, Any]) -> None:
    """A document is what it was when it is read, and harmless before."""
    said = shown(Reply(data, Text("")), as_json=True)
    assert json.loads(said) == data
    assert unseen(said) == set()


@pytest.mark.parametrize("text", ["", "\n", "\n\n"], ids=repr)
def test_nothing_is_nothing(text: str) -> None:
    """A text without a word leaves no line that a script would read."""
    assert shown(Reply(None, Text(text)), as_json=False) in ("", "\n")
