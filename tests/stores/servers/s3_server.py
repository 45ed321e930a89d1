"""What a server of S3 is for the tests: an endpoint, credentials and buckets."""

import itertools
import os
from typing import Any, Final

from attrs import field, frozen

from modelver.backends.s3 import S3Backend

_NUMBERS: Final = itertools.count()


@frozen
class S3Server:
    """A running server with one bucket.

    Attributes:
        endpoint: Its URL.
        bucket: What is there for the tests.
        key: The id of the access key.
        secret: What belongs to it.
    """

    endpoint: str
    bucket: str
    key: str
    secret: str = field(repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """The storage options, for whoever opens it."""
        return {
            "endpoint_url": self.endpoint,
            "key": self.key,
            "secret": self.secret,
            "client_kwargs": {"region_name": "us-east-1"},
        }

    def url(self) -> str:
        """Return the address of a place where nothing is, another at each call."""
        return f"s3://{self.bucket}/place-{os.getpid()}-{next(_NUMBERS)}"

    def backend(self, url: str | None = None, **options: Any) -> S3Backend:
        """Return a backend over *url*, or over an empty place."""
        return S3Backend(url or self.url(), storage_options={**self.options, **options})

    def client(self) -> Any:
        """Return a client that is not the code under test: botocore's."""
        from botocore.config import Config  # noqa: PLC0415 - comes with s3fs
        from botocore.session import get_session  # noqa: PLC0415 - the same

        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )
