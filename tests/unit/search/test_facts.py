"""Nested values made flat: nothing is lost, and nothing gets too large."""

import time
from datetime import date
from typing import Any

import pytest

from modelver._values.facts import MAX_DEPTH, MAX_LEAVES, Facts, flatten
from modelver.errors import ErrorKind, InvalidInputError


@pytest.mark.parametrize(
    ("value", "flat"),
    [
        ({}, {}),
        ([], {}),
        ({"a": 1}, {"a": 1}),
        ({"a": {"b": {"c": None}}}, {"a.b.c": None}),
        ({"a": [1, {"b": 2}]}, {"a.0": 1, "a.1.b": 2}),
        ({"a": (1, 2)}, {"a.0": 1, "a.1": 2}),
        ({"a": {}, "b": []}, {"a": "{}", "b": "[]"}),
        ({1: True, "day": date(2026, 3, 1)}, {"1": True, "day": "2026-03-01"}),
        ([1.5, "x"], {"0": 1.5, "1": "x"}),
        (3, {"": 3}),
        ({"a.b": 1, "a": {"b": 2}}, {"a.b": 1, '"a.b"': 2}),
        ({"z": 1, "a": 2}, {"z": 1, "a": 2}),
    ],
)
def test_flatten(value: Any, flat: dict[str, Any]) -> None:
    """Keys are joined by dots, in the order that the value has."""
    assert flatten(value) == flat
    assert list(flatten(value)) == list(flat)


def test_flatten_puts_the_prefix_before_every_key() -> None:
    """The prefix is a level above all others."""
    assert flatten({"a": 1}, "train") == {"train.a": 1}
    assert flatten(7, "train") == {"train": 7}


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_flatten_goes_as_deep_as_it_says() -> None:
    """The deepest allowed value is flattened, one level more is refused."""
    assert len(flatten(_nested(MAX_DEPTH))) == 1
    assert len(flatten(list(range(MAX_LEAVES)))) == MAX_LEAVES


@pytest.mark.parametrize(
    "value",
    [
        _nested(MAX_DEPTH + 1),
        _nested(900),
        list(range(MAX_LEAVES + 1)),
        [[0] * 1000] * 1000,
        {"k" * 100_000: [{"a": n} for n in range(1000)]},
    ],
    ids=["deep", "very deep", "long", "wide", "keys"],
)
def test_flatten_refuses_what_is_too_large(value: Any) -> None:
    """Depth, count and the length of keys are bounded; the answer comes at once."""
    took = []
    for _ in range(3):
        start = time.process_time()
        with pytest.raises(InvalidInputError) as caught:
            flatten(value, "config")
        took.append(time.process_time() - start)
        assert caught.value.kind is ErrorKind.TOO_LARGE
        assert "config" in caught.value.message
    assert min(took) < 10


def test_flatten_ends_on_a_value_that_holds_itself() -> None:
    """A loop is as deep as nothing else, and refused."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidInputError):
        flatten(loop)


def test_size_is_of_all_files() -> None:
    """The size of a version is the sum of its files'."""
    files = {"a": ("model", "b3:1", 2), "b": ("code", "b3:2", 3)}
    assert Facts(ref="m@1.0.0", digest="b3:0", files=files).size == 5
