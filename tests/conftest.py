"""What every test stands on: hypothesis profiles, no network, no home folder."""

import ipaddress
import itertools
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

# Time measures the disk and the neighbours, not the code. Nothing is explained: every
# line is traced for that, and CPython 3.11 has been seen to hang in it beside threads.
settings.register_profile(
    "default",
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.too_slow],
)
_DEFAULT = settings.get_profile("default")
# The same examples for everybody: a change is judged by what it changed.
settings.register_profile("ci", _DEFAULT, derandomize=True, print_blob=True)
settings.register_profile(
    "nightly", _DEFAULT, max_examples=1000, stateful_step_count=200
)
# For each further Python, beside a run of the whole.
settings.register_profile("brief", settings.get_profile("ci"), max_examples=20)
# --hypothesis-profile is read later, and wins.
settings.load_profile("ci" if os.environ.get("CI") else "default")

# The code of these tests is this repository: it would be in every version. Here for the
# fixtures of a session; below for each test.
os.environ["MODELVER_CODE"] = "off"

# Example distributions are tested as installed: nox -s plugins.
_EXAMPLES = (Path(__file__).parent / "plugins").glob("*/pyproject.toml")
collect_ignore = [str(found.parent) for found in _EXAMPLES]


def _is_here(host: object) -> bool:
    if host in (None, "", b"", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _no_network(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail a test that reaches for another machine, unless it is marked remote.

    ``pytest.fail`` is no ``Exception``: code that takes an unreachable host for
    an answer cannot swallow it.
    """
    if request.node.get_closest_marker("remote") is not None:
        return

    def guard(name: str) -> None:
        real = getattr(socket.socket, name)

        def guarded(self: socket.socket, address: Any) -> Any:
            inet = self.family in (socket.AF_INET, socket.AF_INET6)
            if inet and not _is_here(address[0]):
                pytest.fail(f"a test may not connect to {address!r}")
            return real(self, address)

        monkeypatch.setattr(socket.socket, name, guarded)

    guard("connect")
    guard("connect_ex")
    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_here(host):
            pytest.fail(f"a test may not look up {host!r}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


@pytest.fixture(scope="session")
def _clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folders of the clients, one for each test, not made yet."""
    base = tmp_path_factory.mktemp("clients")
    return (base / str(n) for n in itertools.count())


@pytest.fixture(autouse=True)
def _own_client(_clients: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a client that has seen nothing, and no settings of the user's.

    Subprocesses inherit it. The folders lie beside ``tmp_path``, not in it: a test
    may register all of ``tmp_path``.
    """
    for name in list(os.environ):
        # Where GitHub runs the tests, what fails is annotated too.
        if name.startswith("MODELVER_") or name == "GITHUB_ACTIONS":
            monkeypatch.delenv(name)
    # The code of these tests is this repository: it would be in every version.
    monkeypatch.setenv("MODELVER_CODE", "off")
    home = next(_clients)
    monkeypatch.setenv("MODELVER_STATE_DIR", str(home / "state"))
    monkeypatch.setenv("MODELVER_CACHE_DIR", str(home / "cache"))
