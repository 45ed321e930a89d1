"""Addresses: which scheme they mean, and what must not be in one."""

import pytest

from modelver._values.url import scheme_of
from modelver.errors import ErrorKind, InvalidInputError


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("./registry", "file"),
        ("/a@b/c?token=d", "file"),
        ("C:\\models", "file"),
        ("file:///a@b", "file"),
        ("S3://bucket/a@b/c", "s3"),
        ("sftp://host/a@b", "sftp"),
        ("sftp://ada@host/srv/a@b", "sftp"),
        ("ssh://ada@host:22/~/registry", "ssh"),
        ("sftp://ada@[::1]:2222/registry", "sftp"),
        ("https://example.org:8443/a@b", "https"),
        ("http://[::1]:80/registry?page=2", "http"),
        ("example:///folder/x.sqlite?mode=ro", "example"),
        ("abfss://models@account.dfs.core.windows.net/r", "abfss"),
    ],
)
def test_scheme(url: str, scheme: str) -> None:
    """An address without credentials says which backend is meant."""
    assert scheme_of(url) == scheme


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:hunter2@example.org/r",
        "https://hunter2@example.org/r",
        "s3://AKIA:hunter2@bucket/r",
        "sftp://ada:hunter2@host/r",
        "ssh://ada%3Ahunter2@host/r",
        "sftp://:hunter2@host/r",
        "sftp://a@b:hunter2@host/r",
        "sftp://a@hunter2@host/r",
        # A slash, or what ends a host, in the password.
        "https://ada:hun/ter2hunter2@example.org/r",
        "https://example.org/r?token=hunter2",
        "https://example.org/r?X-Amz-Signature=hunter2",
        "az://container/r?sv=1&SIG=hunter2",
        "https://example.org/r?a=b;api_key=hunter2",
        "https://example.org/r#access_token=hunter2",
        "simplecache::https://ada:hunter2@example.org/r",
        "simplecache::https://example.org/r?password=hunter2",
        "abfss://models@account.dfs.core.windows.net/r?sig=hunter2",
        "abfss://models:hunter2@account.dfs.core.windows.net/r",
    ],
)
def test_credentials_are_refused_and_not_repeated(url: str) -> None:
    """Wherever they stand; an address is written to logs."""
    with pytest.raises(InvalidInputError) as caught:
        scheme_of(url)
    assert caught.value.kind is ErrorKind.BAD_URL
    assert "credentials" in caught.value.message
    told = f"{caught.value}{caught.value!r}{caught.value.facts}{caught.value.hints}"
    assert "hunter2" not in told
    assert "ada" not in told


@pytest.mark.parametrize("url", ["", "x" * 5000, "a\0b", "simplecache::s3://b/r"])
def test_no_address(url: str) -> None:
    """Empty, endless, broken, or a chain with a cache in it."""
    with pytest.raises(InvalidInputError):
        scheme_of(url)
