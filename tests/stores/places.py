"""The stores that the same tests run on, by name, each on its server."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from attrs import frozen

from modelver._registry.opening import open_backend
from modelver.plugin import Backend

# Those of the normal run; their servers are packages from PyPI.
NORMAL: Final = ("seaweed", "fake_gcs")
# moto is none of those that can be raced for: it looks for a key, and writes it later.
EXCLUSIVE: Final = ("seaweed", "fake_gcs", "azurite", "sshd")
OVER_HTTP: Final = ("seaweed", "moto", "fake_gcs", "azurite")


@frozen
class Place:
    """Somewhere in a store where nothing is.

    Attributes:
        store: Its name.
        url: The address.
        options: What it is opened with.
    """

    store: str
    url: str
    options: Mapping[str, Any]

    def backend(self) -> Backend:
        """Return a backend over it, as a registry opens it."""
        return open_backend(self.url, self.options)


def chosen(*names: str) -> list[Any]:
    """Return *names* as parameters; those not of the normal run are marked."""
    return [
        pytest.param(name, marks=() if name in NORMAL else pytest.mark.servers)
        for name in names
    ]


def place_in(request: pytest.FixtureRequest) -> Callable[[str], Place]:
    """Return what makes a place in the store of a name, and starts its server."""

    def make(store: str) -> Place:
        server = request.getfixturevalue(store)
        return Place(store, server.url(), server.options)

    return make
