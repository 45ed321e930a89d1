"""OpenSSH's server, with a host key and a user key of its own, on a free port.

It is Debian's ``openssh-server``; nothing of the machine's own set-up is used.
"""

import getpass
import itertools
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field

from modelver.backends.sftp import SftpBackend
from tests.stores.servers.process import HOST, free_ports, program, running

_INSTALL: Final = "install it with: apt install openssh-server"
_NUMBERS: Final = itertools.count()

_CONFIG: Final = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
MaxSessions {sessions}
Subsystem sftp internal-sftp {flags}
"""


@define
class Sshd:
    """A server that is running.

    Attributes:
        port: On 127.0.0.1.
        folder: Its keys.
        root: A folder for registries, absolute, of this machine.
        pid: The server's; each connection has children of it.
    """

    port: int
    folder: Path
    root: Path
    pid: int = field(default=0)

    @property
    def options(self) -> dict[str, Any]:
        """What a client needs, as JSON would have it."""
        return {
            "username": getpass.getuser(),
            "client_keys": [str(self.folder / "user")],
            "known_hosts": str(self.folder / "known_hosts"),
            "agent_path": None,
            "config": None,
        }

    def url(self, name: str | None = None) -> str:
        """Return the address of the folder *name* below the root; None: a new one."""
        place = self.root / (name or f"registry-{next(_NUMBERS)}")
        return f"sftp://{HOST}:{self.port}{place}"

    def backend(self, url: str | None = None, **options: Any) -> SftpBackend:
        """Return a backend with the right keys, and *options* instead of them."""
        return SftpBackend(
            url or self.url(), storage_options={**self.options, **options}
        )

    def cut(self) -> None:
        """End every connection that there is, as a fallen network does."""
        for child in _below(self.pid):
            with suppress(ProcessLookupError):
                os.kill(child, 9)


def _below(pid: int) -> list[int]:
    """Return the processes that *pid* has started, and those that they have."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return [*found, *(deeper for child in found for deeper in _below(child))]


def _greets(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), 1) as one:
        return one.recv(4) == b"SSH-"
    return False


@contextmanager
def sshd(folder: Path, *, flags: str = "", sessions: int = 10) -> Iterator[Sshd]:
    """Run a server whose files are all below *folder*, which exists.

    Args:
        folder: Of this server alone.
        flags: Of its SFTP server: ``-R`` refuses to write.
        sessions: How many channels a connection may have.
    """
    # It is seldom on PATH.
    sbin = next(filter(os.path.exists, ("/usr/sbin/sshd", "/usr/local/sbin/sshd")), "")
    path = sbin or program("sshd", _INSTALL)
    if shutil.which("ssh-keygen") is None:
        pytest.skip("NOT TESTED: no ssh-keygen; apt install openssh-client")
    for name in ("host", "user"):
        command = [
            "ssh-keygen",
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-f",
            str(folder / name),
        ]
        subprocess.run(command, check=True)
    if os.getuid() == 0:  # it insists on this folder there
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    (port,) = free_ports(1)
    host = (folder / "host.pub").read_text()
    (folder / "known_hosts").write_text(f"[{HOST}]:{port} {host}")
    config = folder / "sshd_config"
    config.write_text(
        _CONFIG.format(port=port, folder=folder, flags=flags, sessions=sessions)
    )
    server = Sshd(port, folder, folder / "root")
    server.root.mkdir()
    start = [path, "-D", "-e", "-f", str(config)]
    with running(start, folder, lambda: _greets(port)) as server.pid:
        try:
            yield server
        finally:
            server.cut()
