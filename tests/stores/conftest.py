"""What the tests of stores share: no settings of the user's, and the servers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores.servers.azurite import AzureServer, azurite as run_azurite
from tests.stores.servers.fake_gcs import GcsServer, fake_gcs as run_fake_gcs
from tests.stores.servers.moto import moto as run_moto
from tests.stores.servers.s3_server import S3Server
from tests.stores.servers.seaweed import seaweed as run_seaweed
from tests.stores.servers.sshd import Sshd, sshd as run_sshd
from tests.stores.servers.wsgidav import Dav, wsgidav as run_wsgidav


@pytest.fixture(autouse=True)
def _no_cloud_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide whatever would choose a store or an identity; no metadata service either."""
    for name in list(os.environ):
        if name.startswith(
            ("AWS_", "FSSPEC_", "GOOGLE_", "AZURE_", "GCSFS_", "STORAGE_EMULATOR")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-keys"))


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Return SeaweedFS, running."""
    with run_seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Return moto's server, running."""
    with run_moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(params=["seaweed", pytest.param("moto", marks=pytest.mark.servers)])
def s3(request: pytest.FixtureRequest) -> S3Server:
    """Return each of the servers of S3."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsServer]:
    """Return fake-gcs-server, running."""
    pytest.importorskip("gcsfs", reason="NOT TESTED: pip install 'modelver[gcs]'")
    with run_fake_gcs(tmp_path_factory.mktemp("fake-gcs")) as server:
        yield server


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureServer]:
    """Return Azurite, running."""
    pytest.importorskip("adlfs", reason="NOT TESTED: pip install 'modelver[azure]'")
    with run_azurite(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Return OpenSSH's server, running."""
    pytest.importorskip("sshfs", reason="NOT TESTED: pip install 'modelver[sftp]'")
    with run_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def wsgidav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dav]:
    """Return WsgiDAV, running."""
    pytest.importorskip("webdav4", reason="NOT TESTED: pip install 'modelver[webdav]'")
    with run_wsgidav(tmp_path_factory.mktemp("wsgidav")) as server:
        yield server
