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


@contextmanager
def moto_for_everybody(folder: Path) -> Iterator[dict[str, str]]:
    """Run it, and yield the environment in which every tool finds it."""
    with moto(folder) as server:
        yield {
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": server.key,
            "AWS_SECRET_ACCESS_KEY": server.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
