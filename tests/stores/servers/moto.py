"""moto's server: S3 as its authors read its manual, a second opinion."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.stores.servers.process import HOST, free_ports, is_open, program, running
from tests.stores.servers.s3_server import S3Server

_BUCKET: Final = "models"


@contextmanager
def moto(folder: Path) -> Iterator[S3Server]:
    """Run moto's server, which keeps everything in memory."""
    server = program("moto_server", "pip install 'moto[server]'")
    (port,) = free_ports(1)
    command = [server, "-H", HOST, "-p", str(port)]
    with running(command, folder, lambda: is_open(port)):
        found = S3Server(
            f"http://{HOST}:{port}", _BUCKET, "AKMOTOFORTESTS", "any/thing"
        )
        found.client().create_bucket(Bucket=_BUCKET)
        yield found
