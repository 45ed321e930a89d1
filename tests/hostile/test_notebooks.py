"""Notebooks that never end, or were made to break whoever reads them."""

import json
import tracemalloc

import pytest

from modelver._capture import strip_outputs
from modelver._capture.notebook import MAX_STRIPPED

HEAD = b'{"nbformat": 4, "cells": [{"outputs": ["hf_SECRET"], "metadata": '


@pytest.mark.parametrize("depth", [100, 900, 5000, 1_000_000])
@pytest.mark.parametrize("bracket", [b"[", b'{"a":'], ids=["lists", "objects"])
def test_depth(depth: int, bracket: bytes) -> None:
    """However deep it is, there is an answer; one that can be read is stripped."""
    close = b"]" if bracket == b"[" else b"}"
    raw = HEAD + bracket * depth + b"1" + close * depth + b"}]}"
    found = strip_outputs(raw)
    assert found == raw or b"hf_SECRET" not in found
    if depth == 100:
        assert b"hf_SECRET" not in found


def test_depth_in_an_output() -> None:
    """What is removed need not be written."""
    deep = b"[" * 700 + b"]" * 700
    raw = b'{"nbformat": 4, "cells": [{"outputs": [' + deep + b"]}]}"
    assert json.loads(strip_outputs(raw))["cells"] == [{"outputs": []}]


def test_one_that_is_too_large_is_not_looked_into() -> None:
    """No more than the bytes themselves are held."""
    raw = HEAD + b"{}}]}" + b" " * MAX_STRIPPED
    tracemalloc.start()
    try:
        assert strip_outputs(raw) is raw
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("unit", [b"[],", b"{},", b'"",', b"0,"])
def test_millions_of_nothing(unit: bytes) -> None:
    """The most values that fit are read, stripped and written."""
    many = unit * (2**20 // len(unit))
    raw = HEAD + b"{}, " + b'"source": [' + many + b"0]}]}"
    assert b"hf_SECRET" not in strip_outputs(raw)
