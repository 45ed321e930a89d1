"""What stores say of their keys, made one form of: a checksum is one, or is none."""

import base64
import hashlib
from pathlib import Path

import pytest

from modelver.backends._versions import checksum, etag
from modelver.backends.azure import AzureBackend
from modelver.backends.gcs import GcsBackend
from modelver.backends.local import LocalBackend
from modelver.backends.s3 import S3Backend
from modelver.backends.web import HttpBackend
from modelver.plugin import Versioned

SHA = hashlib.sha256(b"x").digest()
MD5 = hashlib.md5(b"x", usedforsecurity=False).digest()


def test_the_strongest_comes_first() -> None:
    """Bytes or base64; what is missing, or of another length, is passed over."""
    text = base64.b64encode(SHA).decode()
    assert checksum(sha256=text, md5=MD5) == f"sha256:{SHA.hex()}"
    assert checksum(sha256=None, md5=bytearray(MD5)) == f"md5:{MD5.hex()}"
    assert checksum(md5=None, crc32c="yZRlqg==") == "crc32c:c99465aa"
    assert checksum(sha256=f"{text}-3", md5="") is None
    assert checksum(md5="not base64!") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"9b2cf5-1"', "etag:9b2cf5-1"),
        ("0x8DC", "etag:0x8DC"),
        ('W/"weak"', None),
        ('""', None),
        ('"a b"', None),
        ('"ü"', None),
        ('"' + "x" * 300 + '"', None),
        (None, None),
        (7, None),
    ],
)
def test_entity_tags(text: object, expected: str | None) -> None:
    """A weak one stands for other bytes as well; a strange one is none."""
    assert etag(text) == expected


def test_who_knows_versions(tmp_path: Path) -> None:
    """Stores that keep sums say so; a folder does not, and is read."""
    kinds = (S3Backend, GcsBackend, AzureBackend, HttpBackend)
    for kind in kinds:
        assert all(hasattr(kind, name) for name in ("describe_key", "read_version"))
    assert not isinstance(LocalBackend(str(tmp_path)), Versioned)
