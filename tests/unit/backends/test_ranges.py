"""Ranges of HTTP: which bytes of a body are the ones that were asked for."""

import pytest

from modelver.backends._ranges import Cutter, Span, headers_for, span_of

BODY = bytes(range(100))


@pytest.mark.parametrize(("start", "end"), [(0, None), (0, 5), (7, 20), (98, 200)])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_server_that_sends_the_whole(start: int, end: int | None, size: int) -> None:
    """However the body comes in pieces; and no more is taken than is wanted."""
    cutter = Cutter(span_of(200, {}, start, end))
    for at in range(0, len(BODY), size):
        if not cutter.take(BODY[at : at + size]):
            break
    assert cutter.data == BODY[start:end]


def test_a_server_that_knows_ranges() -> None:
    """Its body is the answer; what goes beyond is cut off."""
    span = span_of(206, {"content-range": "bytes 5-9/10"}, 5, 10)
    assert span == Span(0, 5)
    cutter = Cutter(span)
    assert not cutter.take(BODY)
    assert cutter.data == BODY[:5]


@pytest.mark.parametrize(
    "said",
    ["bytes 0-4/10", "bytes 6-9/10", "bytes */10", "", "bytes=5-9", "pages 5-9/10"],
)
def test_a_server_that_sends_another_range(said: str) -> None:
    """Bytes from elsewhere are never taken for the ones that were wanted."""
    with pytest.raises(OSError, match="asked for bytes from 5"):
        span_of(206, {"content-range": said}, 5, 10)


def test_headers() -> None:
    """The last byte counts in HTTP; nothing is to be packed on the way."""
    assert headers_for(5, 10) == {"Range": "bytes=5-9", "Accept-Encoding": "identity"}
    assert headers_for(5, None)["Range"] == "bytes=5-"
