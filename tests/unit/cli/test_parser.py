"""Words become arguments, wherever the options stand."""

import shlex
from importlib import import_module
from itertools import pairwise

import pytest

from modelver._cli.parser import VERBS, parse
from modelver.errors import ErrorKind, InvalidInputError

PARTS = ["--registry", "r"], ["compare", "a"], ["--json"], ["b"], ["--differing"]


@pytest.mark.parametrize(
    "order",
    [
        (0, 1, 2, 3, 4),
        (1, 3, 0, 2, 4),
        (2, 0, 1, 4, 3),
        (0, 2, 1, 3, 4),
        (1, 0, 3, 4, 2),
    ],
    ids=str,
)
def test_options_stand_anywhere(order: tuple[int, ...]) -> None:
    """Before the verb, after it and between its words, options mean the same."""
    found = parse([text for n in order for text in PARTS[n]])
    assert (found.verb, found.refs, found.registry) == ("compare", ["a", "b"], "r")
    assert found.json
    assert found.differing


def test_the_later_option_wins() -> None:
    """What is said after the verb is said later."""
    assert parse(["--at", "1", "log", "--at", "2"]).at == "2"
    assert parse(["--at", "1", "log"]).at == "1"


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["register", "--", "fraud", "-x", "--json"], "files", ["-x", "--json"]),
        (["register", "--", "fraud", "--"], "files", ["--"]),
        (["get", "--", "-x"], "ref", "-x"),
        (["note", "f", "--json", "--", "-n"], "text", "-n"),
        (["compare", "a", "--json", "--", "-b"], "refs", ["a", "-b"]),
        (["note", "f", "-"], "text", "-"),
        (["evaluate", "f", "a=-1"], "metrics", ["a=-1"]),
        (["log"], "model", None),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else str(v),
)
def test_two_dashes_end_the_options(words: list[str], name: str, value: object) -> None:
    """What follows ``--`` is never an option, between whatever it stands."""
    assert getattr(parse(words), name) == value


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["regster"], "'regster'"),
        (["get"], "REF"),
        (["get", "a", "b"], "b"),
        (["get", "a", "--", "b"], ": b"),
        (["get", "a", "--bogus"], "--bogus"),
        (["get", "a", "--jso"], "--jso"),
        (["--bogus", "log"], "--bogus"),
        (["log", "-n", "0"], "'0'"),
        (["log", "-n", "x"], "'x'"),
        (["log", "-n", "٣"], "'٣'"),
        (["log", "-n", "9" * 1000], "99"),
        (["withdraw", "a"], "--reason"),
        (["--registry"], "--registry"),
        (["register", "a"], "FILE"),
        (["register", "a", "b", "--bump", "huge"], "huge"),
    ],
    ids=lambda v: " ".join(v)[:20] if isinstance(v, list) else "",
)
def test_slips_are_told(words: list[str], message: str) -> None:
    """A command line that cannot be right is an error that names the word."""
    with pytest.raises(InvalidInputError) as caught:
        parse(words)
    assert message in caught.value.message
    assert caught.value.kind == ErrorKind.BAD_ARGUMENT
    assert "--help" in caught.value.hints[-1]
    assert len(caught.value.message) < 300


def test_a_near_verb_is_proposed() -> None:
    """Who mistypes a verb is told the one that was meant."""
    with pytest.raises(InvalidInputError) as caught:
        parse(["regster", "x"])
    assert "register" in caught.value.hints[0]


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_is_there(name: str) -> None:
    """Each verb has a function, a line of help without a stop, and a right example."""
    verb = VERBS[name]
    module, _, function = verb.run.partition(":")
    assert callable(getattr(import_module(f"modelver._cli.{module}"), function))
    assert len(verb.short) < 70
    assert not verb.short.endswith(".")
    assert parse(shlex.split(verb.example)).verb == name


def test_words_come_before_options() -> None:
    """Help and manual list what must be given first."""
    for verb in VERBS.values():
        for one, next_ in pairwise(verb.arguments):
            assert one.is_option <= next_.is_option, verb.name


@pytest.mark.parametrize("name", ["", *VERBS])
def test_help_ends_well(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Help is printed without a colour, in lines that fit, and is no error."""
    with pytest.raises(SystemExit) as caught:
        parse([*filter(None, [name]), "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert f"modelver {name}".strip() in said
    assert "\x1b" not in said
    assert max(map(len, said.splitlines())) <= 88
