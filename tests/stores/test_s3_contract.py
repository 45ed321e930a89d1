"""S3 held to the contract of backends, on real servers."""

from pathlib import Path
from typing import Any

import pytest

from modelver.backends.s3 import S3Backend
from modelver.plugin import Backend
from modelver.testing.contract import BackendContract
from tests.stores.servers.s3_server import S3Server


class _S3Contract(BackendContract):
    """What the servers have in common."""

    server: S3Server

    def make(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - not a folder
        """Return a prefix that nothing else uses."""
        return self.server.backend()

    def reopen(self, backend: Backend) -> tuple[str, str, dict[str, Any]]:
        """Name the class, and give the credentials along."""
        factory = f"{S3Backend.__module__}:{S3Backend.__qualname__}"
        return factory, backend.url, self.server.options

    def raw_read(self, backend: Backend, key: str) -> bytes | None:
        """Read with botocore."""
        client = self.server.client()
        place = self._place(backend, key)
        try:
            found: bytes = client.get_object(**place)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None
        return found

    def raw_write(self, backend: Backend, key: str, data: bytes) -> None:
        """Write with botocore."""
        self.server.client().put_object(**self._place(backend, key), Body=data)

    def broken(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - not a folder
        """Return a prefix of a bucket that is not there."""
        return self.server.backend("s3://there-is-no-such-bucket/registry")

    def _place(self, backend: Backend, key: str) -> dict[str, str]:
        bucket, _, prefix = backend.url.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": f"{prefix}/{key}"}


class TestSeaweedFS(_S3Contract):
    """A real store; whoever loses a race waits there for a second or more."""

    rounds = 2

    @pytest.fixture(autouse=True)
    def _server(self, seaweed: S3Server) -> None:
        self.server = seaweed

    def broken(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - not a folder
        """Return a store that does not know us: a missing bucket it would make."""
        return self.server.backend(secret="not-the-secret")  # noqa: S106


@pytest.mark.servers
class TestMoto(_S3Contract):
    """A second opinion, but on races: it looks for a key, and writes it later."""

    @pytest.fixture(autouse=True)
    def _no_races(self, request: pytest.FixtureRequest) -> None:
        if "one_winner" in request.node.name:
            pytest.skip("NOT TESTED: of racers at moto two may win")

    @pytest.fixture(autouse=True)
    def _server(self, moto: S3Server) -> None:
        self.server = moto
