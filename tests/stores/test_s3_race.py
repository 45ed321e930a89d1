"""Sixteen processes create the same key, again and again, on a server of S3."""

import pytest

from tests.stores.crew import race
from tests.stores.servers.s3_server import S3Server


@pytest.mark.race
def test_one_winner(seaweed: S3Server) -> None:
    """A few rounds, for every run of the tests."""
    assert race(seaweed.url(), seaweed.options, 2) == 2


@pytest.mark.slow
def test_one_winner_each_of_20_rounds(seaweed: S3Server) -> None:
    """SeaweedFS lets losers wait for seconds, so there are not more."""
    assert race(seaweed.url(), seaweed.options, 20) == 20
