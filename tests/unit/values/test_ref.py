"""Refs: each form is told from the others, and what is none says what is."""

from typing import Any

import pytest

from modelver._values.ranges import Range
from modelver._values.ref import (
    Alias,
    DigestPrefix,
    Exact,
    InRange,
    Latest,
    Newest,
    Ref,
    Selector,
)
from modelver._values.semver import Version
from modelver.errors import ErrorKind, InvalidInputError

RANGES = ["^1.2", "~1.2", "~=1.2", ">=1,<2", "1", "1.2", "!=1.2.3", "==1.2.3", "*"]
FORMS: list[tuple[str, str | None, Selector]] = [
    ("fraud", "fraud", Latest()),
    ("nlp/intent", "nlp/intent", Latest()),
    ("fraud@latest", "fraud", Latest()),
    ("fraud@newest", "fraud", Newest()),
    ("fraud@1.4.0", "fraud", Exact(Version(1, 4, 0))),
    ("fraud@v1.4.0", "fraud", Exact(Version(1, 4, 0))),
    ("fraud@1.4.0-rc.1+b", "fraud", Exact(Version.parse("1.4.0-rc.1+b"))),
    *[(f"fraud@{text}", "fraud", InRange(Range.parse(text))) for text in RANGES],
    ("fraud@1.x", "fraud", InRange(Range.parse("1"))),
    ("fraud@x", "fraud", InRange(Range.parse("*"))),
    ("fraud@v1", "fraud", InRange(Range.parse("1"))),
    ("fraud@>= 1 , < 2", "fraud", InRange(Range.parse(">=1,<2"))),
    ("fraud@production", "fraud", Alias("production")),
    ("fraud@vision", "fraud", Alias("vision")),
    ("fraud@b3:9f2c", "fraud", DigestPrefix("b3", "9f2c")),
    ("fraud@sha256:" + "0" * 64, "fraud", DigestPrefix("sha256", "0" * 64)),
    ("b3:9F2C", None, DigestPrefix("b3", "9f2c")),
    ("sha256:abcd", None, DigestPrefix("sha256", "abcd")),
]


@pytest.mark.parametrize(
    ("text", "name", "selector"), FORMS, ids=[text[:24] for text, _, _ in FORMS]
)
def test_each_form_is_told_from_the_others(
    text: str, name: str | None, selector: Selector
) -> None:
    """A ref says which model and which of its versions, and reads back the same."""
    ref = Ref.parse(text)
    assert ref == Ref(name, selector)
    assert Ref.parse(str(ref)) == ref


def test_a_bare_name_prints_what_it_asks() -> None:
    """Where nothing was said, `latest` is spelt out."""
    assert str(Ref.parse("fraud")) == "fraud@latest"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "@",
        "fraud@",
        "@latest",
        "@b3:9f2c",
        "fraud@@1",
        "fraud@1@2",
        " fraud",
        "fraud ",
        "fraud@ production",
        "fraud@ 7",
        "b3:éf2c",
        "b3:9f2c:9f2c",
        "fraud@1.4.0 ",
        "fraud@1.4.0\n",
        "fraud@01.2.3",
        "fraud@1.2.3.4",
        "fraud@v1.2.3.4",
        "fraud@=1",
        "fraud@٣",
        "fraud@1_000",
        "fraud@+7",
        "fraud@Production",
        "fraud@../x",
        "fraud@prod\u202e",
        "../x@1",
        "Fraud@1",
        "1.2.3",
        "fraud@b3:",
        "fraud@b3:9f2",
        "fraud@b3:9f2g",
        "fraud@b3:" + "0" * 65,
        "fraud@md5:9f2c",
        "fraud@:9f2c",
        "md5:9f2c",
        "b3:9f2c...",
        "s3://bucket/fraud",
        "models:/fraud/1",
        "fraud:1",
        "a" * 513,
        "fraud@" + "1" * 10_000_000,
    ],
    ids=lambda text: ascii(text[:20]) + str(len(text)),
)
def test_what_is_no_ref_is_refused(text: str) -> None:
    """Whatever is wrong in a ref, its kind is one, and what would do is said."""
    with pytest.raises(InvalidInputError) as caught:
        Ref.parse(text)
    assert caught.value.kind is ErrorKind.BAD_REF
    assert caught.value.hints
    assert len(caught.value.message) < 500


def test_the_refusal_names_the_part_and_lists_the_forms() -> None:
    """The message says which part is wrong, the hint every form of a ref."""
    with pytest.raises(InvalidInputError, match="'F' is not lower-case") as caught:
        Ref.parse("Fraud@1.2.0")
    for form in ("NAME@1.4.0", "NAME@^1.2", "NAME@production", "b3:9f2c"):
        assert form in caught.value.hints[0]
    assert caught.value.facts["ref"] == "Fraud@1.2.0"


@pytest.mark.parametrize("value", [None, 3, 1.2, b"fraud", ["fraud"]], ids=repr)
def test_what_is_not_text_is_refused(value: Any) -> None:
    """A number or a list is answered with its type, not with a traceback."""
    with pytest.raises(InvalidInputError, match="a ref is text, not") as caught:
        Ref.parse(value)
    assert caught.value.kind is ErrorKind.BAD_REF


def test_fields_are_held_to_the_grammar() -> None:
    """A ref made from values cannot say what no text could."""
    with pytest.raises(InvalidInputError, match="names no model"):
        Ref(None, Latest())
    with pytest.raises(InvalidInputError):
        Ref("Fraud", Latest())
    with pytest.raises(InvalidInputError):
        Alias("latest")
    for algorithm, digits in (
        ("md5", "9f2c"),
        ("b3", "9F2C"),
        ("b3", "9f"),
        ("b3", ""),
    ):
        with pytest.raises(InvalidInputError):
            DigestPrefix(algorithm, digits)
