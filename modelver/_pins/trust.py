"""Which registries a pointer may send modelver to.

A pointer comes with a repository, from whoever wrote it. It pins bytes by digest, so
no registry can slip in others. But to open a registry is to send this user's
credentials to it, and to read what a stranger has written. So a pointer alone opens
none that the user has never heard of.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Final

from modelver._pins.git import Git
from modelver._pins.places import address_of, goes_along, is_own_folder
from modelver._registry.opening import VARIABLE
from modelver._registry.places import state_folder
from modelver._store import HeadMemory
from modelver._values.text import quoted
from modelver._values.url import scheme_of
from modelver.errors import ErrorKind, InvalidInputError

SETTING: Final = "modelver.trust"
"""The setting of Git, of the user or the machine, that names registries."""


class Trust:
    """What the user has said of registries, in any of the ways there are.

    Args:
        home: The upper folder of the repository, without links.
        git: The work tree; None where there is none.
        named: Addresses that this call names.
    """

    def __init__(self, home: Path, git: Git | None, named: Iterable[str] = ()) -> None:
        self._home = home
        self._git = git
        self._named = {_plain(url) for url in named}
        if said := os.environ.get(VARIABLE):
            self._named.add(_plain(said))
        self._set: list[str] | None = None

    def check(self, text: str, base: Path, where: str) -> str:
        """Return the address that a pointer in the folder *base* means.

        Raises:
            InvalidInputError: It is none (``BAD_URL``), or the user does not know it
                (``UNTRUSTED_REGISTRY``).
        """
        scheme_of(text)
        address = address_of(text, base)
        if self._is_along(text, address) or self._is_known(address):
            return address
        raise InvalidInputError(
            f"{where} names the registry {quoted(address)}, which was never used on "
            "this machine",
            kind=ErrorKind.UNTRUSTED_REGISTRY,
            hint=f"If you know it: modelver pull --trust {quote(address)} . For good, "
            f"and for all that begins so: git config --global --add {SETTING} URL/",
            registry=address,
        )

    def _is_along(self, text: str, address: str) -> bool:
        """Whether it is a folder in the repository or beside it."""
        if not is_own_folder(text):
            return False
        return goes_along(Path(os.path.realpath(address)), self._home)

    def _is_known(self, address: str) -> bool:
        plain = _plain(address)
        if plain in self._named:
            return True
        for known in {address, plain}:
            if HeadMemory(state_folder(), known).recall() is not None:
                return True
        if self._set is None:
            self._set = [] if self._git is None else self._git.own_settings(SETTING)
        return any(_covers(said, plain) for said in self._set)


def _covers(said: str, plain: str) -> bool:
    """Whether a setting names an address: itself, or all below ``s3://bucket/``."""
    steps = plain.lower().replace("%2e", ".").split("/")
    if said.endswith("/") and not said.endswith("//") and ".." not in steps:
        return f"{plain}/".startswith(said)
    return _plain(said) == plain


def _plain(url: str) -> str:
    """Return one spelling for an address."""
    if "://" in url:
        return url.rstrip("/")
    return os.path.abspath(Path(url).expanduser())  # noqa: PTH100 - keeps links
