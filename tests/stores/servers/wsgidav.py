"""WsgiDAV: a WebDAV server over a folder (PyPI: wsgidav, cheroot)."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

from tests.stores.servers.process import HOST, free_ports, is_open, program, running

_NUMBERS: Final = itertools.count()


@frozen
class Dav:
    """A server that is running.

    Attributes:
        port: On 127.0.0.1.
        root: The folder that it shows.
    """

    port: int
    root: Path

    def url(self, name: str | None = None) -> str:
        """Return the address of the folder *name*; None: a new one."""
        return f"webdav://{HOST}:{self.port}/{name or f'registry-{next(_NUMBERS)}'}"


@contextmanager
def wsgidav(folder: Path) -> Iterator[Dav]:
    """Run a server that shows ``root`` in *folder*, to everybody."""
    path = program("wsgidav", "pip install wsgidav cheroot")
    (port,) = free_ports(1)
    root = folder / "root"
    root.mkdir()
    words = ["--host", HOST, "--port", str(port), "--root", str(root)]
    command = [path, *words, "--auth", "anonymous", "--server", "cheroot", "-q"]
    with running(command, folder, lambda: is_open(port)):
        yield Dav(port, root)
