"""Which store an address means, where it names only what is in it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from modelver.backends._endpoint import (
    azure_endpoint,
    gcs_endpoint,
    place,
    s3_endpoint,
)

_LOCAL = "http://127.0.0.1:9000"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_PROFILE",
        "STORAGE_EMULATOR_HOST",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_CONNECTION_STRING",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, ""),
        ("", ""),
        ("https://s3.example.org", "s3.example.org"),
        ("https://S3.Example.org:443/", "s3.example.org"),
        ("http://s3.example.org:443", "s3.example.org:443"),
        ("http://127.0.0.1:9000", "127.0.0.1:9000"),
        ("localhost:4443", "localhost:4443"),
        ("https://user:secret@host/path/?sig=secret#x", "host/path"),
        ("https://s3.eu-central-1.amazonaws.com", ""),
        ("https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", ""),
        ("https://s3.cn-north-1.amazonaws.com.cn", "s3.cn-north-1.amazonaws.com.cn"),
        ("https://notamazonaws.com", "notamazonaws.com"),
        ("http://host:nonsense", "host"),
    ],
)
def test_a_place_is_a_host(endpoint: str | None, expected: str) -> None:
    """Host, port and path; none for the usual store, and never a credential."""
    assert place(endpoint, usual=("amazonaws.com",)) == expected


@given(st.text())
@example("http://[")
@example("//\u2100")
@example("http://host\udcff/")
def test_nonsense_is_a_place_like_any(endpoint: str) -> None:
    """Whatever somebody has set: the client will say that it is none."""
    assert place(endpoint).isascii()


def test_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options win over the environment, as they do in s3fs."""
    pytest.importorskip("s3fs", reason="NOT TESTED: pip install s3fs")
    assert s3_endpoint({}) == ""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all:1")
    assert s3_endpoint({}) == "all:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3:2")
    assert s3_endpoint({}) == "s3:2"
    inner: dict[str, Any] = {"client_kwargs": {"endpoint_url": "http://inner:3"}}
    assert s3_endpoint(inner) == "inner:3"
    assert s3_endpoint({**inner, "endpoint_url": _LOCAL}) == "127.0.0.1:9000"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert s3_endpoint({}) == ""


def test_s3_in_a_profile(tmp_path: Path) -> None:
    """What AWS's own file says of a profile, and of S3 in it, counts as well."""
    pytest.importorskip("s3fs", reason="NOT TESTED: pip install s3fs")
    (tmp_path / "config").write_text(
        "[default]\nendpoint_url = http://default:1\n"
        "[profile lab]\nendpoint_url = http://lab:2\n"
        "[profile special]\nservices = mine\nendpoint_url = http://special:3\n"
        "[services mine]\ns3 =\n  endpoint_url = http://mine:4\n"
    )
    assert s3_endpoint({}) == "default:1"
    assert s3_endpoint({"profile": "lab"}) == "lab:2"
    assert s3_endpoint({"profile": "special"}) == "mine:4"
    assert s3_endpoint({"profile": "nobody"}) == ""


def test_settings_of_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fsspec would pass to the filesystem counts like an option."""
    from fsspec.config import conf  # noqa: PLC0415 - 60 ms at import

    monkeypatch.setitem(conf, "s3", {"endpoint_url": _LOCAL})
    monkeypatch.setitem(conf, "gcs", {"endpoint_url": "http://gcs:1"})
    assert s3_endpoint({}) == "127.0.0.1:9000"
    assert gcs_endpoint({}) == "gcs:1"


def test_gcs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator is another store than Google's."""
    assert gcs_endpoint({}) == ""
    assert gcs_endpoint({"endpoint_url": "https://storage.googleapis.com"}) == ""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:4443")
    assert gcs_endpoint({}) == "localhost:4443"
    assert gcs_endpoint({"endpoint_url": _LOCAL}) == "127.0.0.1:9000"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ""),
        ({"account_name": "one"}, "one.blob.core.windows.net"),
        ({"account_name": "one", "account_host": "h.example"}, "h.example"),
        (
            {"connection_string": "AccountName=two;AccountKey=c2VjcmV0=="},
            "two.blob.core.windows.net",
        ),
        (
            {"connection_string": "AccountName=two;EndpointSuffix=core.chinacloud"},
            "two.blob.core.chinacloud",
        ),
        (
            {"connection_string": "BlobEndpoint=http://127.0.0.1:10000/dev1;A=b"},
            "127.0.0.1:10000/dev1",
        ),
        (
            {"connection_string": "UseDevelopmentStorage=true"},
            "127.0.0.1:10000/devstoreaccount1",
        ),
    ],
)
def test_azure(options: dict[str, Any], expected: str) -> None:
    """A container is one of an account, which its address need not name."""
    assert azure_endpoint(options) == expected
