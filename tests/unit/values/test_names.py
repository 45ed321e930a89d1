"""Names: which are good, which lie, and what the refusal says."""

from typing import Any

import pytest

from modelver._values.names import (
    check_alias,
    check_metric_name,
    check_model_name,
    check_slice_name,
    check_status,
    check_tag_key,
    check_text,
    near,
)
from modelver.errors import ErrorKind, InvalidInputError

LIES = [
    "",
    "../../x",
    "..",
    "a..b",
    "Model",
    "mоdel",  # noqa: RUF001 - the second letter is Cyrillic
    "a@b",
    "`id`",
    "abc\n",
    "a b",
    "a\x00",
    "a\u202eb",
    "\ud800",
    "-a",
    "a-",
    ".a",
    "a.",
    "a:b",
    "a\\b",
    "é",
    "٣a",
    "con",
    "nul.txt",
    "com1",
]


@pytest.mark.parametrize(
    "name",
    [
        "fraud",
        "nlp/intent",
        "org/team/model",
        "x",
        "m",
        "7b",
        "llama-3.1-8b_chat",
        "resnet50.v2",
        "v1-encoder",
        "vit",
        "a" * 128,
        "1.2.3.4",
    ],
)
def test_good_model_names(name: str) -> None:
    """Lower-case ASCII words, in up to three parts, are names."""
    assert check_model_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *LIES,
        "/a",
        "a/",
        "a//b",
        "a/b/c/d",
        "a/../b",
        "a/.git",
        "aux/x",
        "x/lpt1.h5",
        "1",
        "1.2",
        "v1",
        "1.2.3",
        "v1.2.3-rc.1",
        "1.x",
        "fraud/1",
        "a" * 129,
        "a" * 201,
        "a" * 10_000_000,
    ],
    ids=lambda name: ascii(name[:20]) + str(len(name)),
)
def test_bad_model_names(name: str) -> None:
    """Paths, look-alikes, devices, versions and giants are no names."""
    with pytest.raises(InvalidInputError) as caught:
        check_model_name(name)
    assert caught.value.kind is ErrorKind.BAD_NAME
    assert caught.value.hints
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("name", "why", "proposal"),
    [
        ("Fraud Model", "'F' is not lower-case", "'fraud-model' would do."),
        ("a b", "U\\+0020", "'a-b' would do"),
        ("mоdel", "U\\+043E", "'m-del' would do"),  # noqa: RUF001 - Cyrillic
        ("1.2", "reads as a version", None),
        ("a/b/c/d", "it has 4 parts", None),
        ("CON", "not lower-case", None),
    ],
    ids=ascii,
)
def test_the_refusal_says_why_and_what_would_do(
    name: str, why: str, proposal: str | None
) -> None:
    """The message names the fault; a proposal is made only where it is a good one."""
    with pytest.raises(InvalidInputError, match=why) as caught:
        check_model_name(name)
    hint = caught.value.hints[0]
    assert "'nlp/intent'" in hint
    assert (proposal in hint) if proposal else ("would do" not in hint)


@pytest.mark.parametrize(
    "alias", ["production", "canary", "a", "eu-west.blue_2", "vision", "v", "xy", "xx"]
)
def test_good_aliases(alias: str) -> None:
    """Words that begin with a letter are aliases and statuses."""
    assert check_alias(alias) == alias
    assert check_status(alias) == alias


@pytest.mark.parametrize(
    "alias",
    [
        *LIES,
        "1",
        "1.2.3",
        "a/b",
        "a" * 65,
    ],
    ids=lambda name: ascii(name[:20]) + str(len(name)),
)
def test_bad_aliases_and_statuses(alias: str) -> None:
    """An alias becomes a key and a file: it is held to both grammars."""
    for check in (check_alias, check_status):
        with pytest.raises(InvalidInputError) as caught:
            check(alias)
        assert caught.value.kind is ErrorKind.BAD_NAME
        assert "'production'" in str(caught.value.hints) or "Shorten" in str(
            caught.value.hints
        )


@pytest.mark.parametrize(
    "alias", ["latest", "newest", "x", "x.x", "x.x.x", "v1", "v1.2.3", "v2.x", "v1-a"]
)
def test_an_alias_is_never_another_selector(alias: str) -> None:
    """What a ref reads as something else, or one day may, is no alias."""
    with pytest.raises(InvalidInputError):
        check_alias(alias)
    assert check_status(alias) == alias


@pytest.mark.parametrize(
    "key", ["task", "mlflow.user", "Data/source-1", "_x", "1", "a__"]
)
def test_good_tag_keys(key: str) -> None:
    """Keys of other systems can be kept: both cases, dots, slashes, underscores."""
    assert check_tag_key(key) == key


@pytest.mark.parametrize(
    "key", ["", "a b", "a=b", "é", ".a", "a.", "a..b", "a\n", "a'b", "a" * 129]
)
def test_bad_tag_keys(key: str) -> None:
    """A key can be written in a filter without quotes."""
    with pytest.raises(InvalidInputError) as caught:
        check_tag_key(key)
    assert caught.value.kind is ErrorKind.BAD_NAME


@pytest.mark.parametrize("check", [check_metric_name, check_slice_name])
def test_labels_are_any_visible_words(check: Any) -> None:
    """Metrics and slices have the user's own names, stored in form NFC."""
    for name in ("auc", "F1 @ 0.5 (macro)", "country=DE", "précision", "准确率", "🎯"):
        assert check(name) == name
    assert check("pre\u0301cision") == "précision"
    assert check("a" * 256) == "a" * 256


@pytest.mark.parametrize("check", [check_metric_name, check_slice_name])
@pytest.mark.parametrize(
    "name",
    [
        "",
        " a",
        "a ",
        "\u3000a",
        "a\nb",
        "a\x1b[2J",
        "a\u202eb",
        "a\u200bb",
        "\ud800",
        "a" * 257,
        "\ufb2c" * 200,  # three characters each in NFC
    ],
    ids=lambda name: ascii(name[:10]) + str(len(name)),
)
def test_labels_hide_nothing(check: Any, name: str) -> None:
    """What cannot be seen is no part of a name, and a name has an end."""
    with pytest.raises(InvalidInputError) as caught:
        check(name)
    assert caught.value.kind is ErrorKind.BAD_NAME
    assert caught.value.hints


def test_free_text_is_kept() -> None:
    """Descriptions keep their words and layout, whatever the language."""
    for text in ("", "a\n\tb", "\u202b模型\u200b", "e\u0301", "🎯"):
        assert check_text(text, "a note", 100) == text
    assert check_text("a\r\nb", "a note", 100) == "a\nb"
    assert check_text("é" * 50, "a note", 100) == "é" * 50


@pytest.mark.parametrize("text", ["a\rb", "\x00", "\x1b[2J", "\x7f", "\x9b", "\ud800"])
def test_free_text_holds_no_commands(text: str) -> None:
    """Control characters and halves of characters are refused."""
    with pytest.raises(InvalidInputError, match="a note holds") as caught:
        check_text(text, "a note", 100)
    assert caught.value.kind is ErrorKind.BAD_VALUE


@pytest.mark.parametrize(
    "text", ["a" * 101, "é" * 51, "a" * 10_000_000], ids=lambda text: str(len(text))
)
def test_free_text_is_bounded_in_bytes(text: str) -> None:
    """The limit counts bytes of UTF-8, and a giant is refused without being read."""
    with pytest.raises(InvalidInputError, match="a note may have 100 bytes") as caught:
        check_text(text, "a note", 100)
    assert caught.value.kind is ErrorKind.TOO_LARGE


@pytest.mark.parametrize(
    "check",
    [
        check_model_name,
        check_alias,
        check_status,
        check_tag_key,
        check_metric_name,
        check_slice_name,
    ],
)
@pytest.mark.parametrize("value", [None, 3, b"a", ["a"]], ids=repr)
def test_names_are_text(check: Any, value: Any) -> None:
    """What is not text is refused with its type."""
    with pytest.raises(InvalidInputError, match=f"text, not {type(value).__name__}"):
        check(value)


def test_free_text_is_text() -> None:
    """A number is not taken for a note."""
    value: Any = 3
    with pytest.raises(InvalidInputError, match="a note is text, not int"):
        check_text(value, "a note", 100)


def test_near_names() -> None:
    """The closest come first, then those that hold the word; never more than five."""
    names = ["fraud", "intent", "freud", "churn", "fraud-detection-of-the-bank"]
    assert near("frau", names)[0] == "fraud"
    assert near("bank", names) == ("fraud-detection-of-the-bank",)
    assert near("zzz", names) == ()
    assert near("", names) == ()
    assert len(near("fraud", [f"fraud{n}" for n in range(100)])) == 5
    long = "fraud" + "x" * 300
    assert near("fraud" + "x" * 299, [long]) == (long,)
