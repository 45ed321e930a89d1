"""The doctor at the bedside of real stores."""

import json
import uuid
from collections.abc import Callable

import pytest

from modelver import doctor
from modelver._cli import main
from tests.stores.places import Place, chosen, place_in

make_place = pytest.fixture(place_in)


@pytest.mark.parametrize("store", chosen("seaweed", "fake_gcs", "sshd"))
def test_a_real_store(make_place: Callable[[str], Place], store: str) -> None:
    """Every promise is kept, nothing is left, and clients and clocks are told."""
    place = make_place(store)
    rounds = 1 if store == "seaweed" else 3  # whose losers wait for seconds
    found = doctor(place.url, storage_options=place.options, rounds=rounds)
    assert [each.seen for each in found.findings if each.outcome == "failed"] == []
    assert (found.verdict, found.left) == ("good", ())
    assert list(place.backend().list("")) == []
    client = {"fake_gcs": "gcsfs", "sshd": "sshfs"}.get(store, "s3fs")
    assert client in found.versions
    assert found.skew is not None
    assert abs(found.skew) < 60


def test_secrets_are_not_told(
    make_place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of the options nor those of the environment."""
    place = make_place("moto")
    secret = uuid.uuid4().hex
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", secret)
    monkeypatch.setenv("AWS_PROFILE", "default")
    options = {**place.options, "secret": secret}
    found = doctor(place.url, storage_options=options, read_only=True)
    assert secret not in str(found) + json.dumps(found.to_dict())
    assert found.settings["AWS_ACCESS_KEY_ID"] == "(set)"
    assert found.settings["AWS_PROFILE"] == "default"


def test_a_bucket_that_is_not_there(
    make_place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, with what to do, by the exit code too."""
    options = make_place("moto").options
    monkeypatch.setenv("AWS_ENDPOINT_URL", options["endpoint_url"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", options["secret"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert main(["doctor", "s3://there-is-no-such-bucket/r"]) == 6
