"""What an installer is told, of distributions that a stored text names.

A stored name, version or source is anybody's text. What is returned here is one word
or one line that means what it says, or nothing.
"""

import re
from collections.abc import Mapping
from typing import Final

from modelver._values.manifest import Environment

__all__ = ["LOCAL", "comments", "pin", "pins", "requirements_text", "unpinnable"]

LOCAL: Final = frozenset({"editable", "local", "unknown"})
"""Sources that lead to no place that another machine could reach."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")
# PEP 440, in the characters that it may have: nothing a shell or a file could misread.
_VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.!+_-]{0,198}[A-Za-z0-9])?")
_URL = re.compile(
    r"(?:(?:git|hg|svn|bzr)\+(?:https?|ssh|git|svn|sftp)|https?)://"
    r"[A-Za-z0-9\[][A-Za-z0-9._:\]-]*/[A-Za-z0-9._~!$&()*+,;=:@%/#-]{0,1000}"
)
# ssh needs somebody to log in as; the hosts of Git repositories all call them so.
_SSH: Final = "git+ssh://"
_WHY: Final = {
    "editable": "was installed in place, for editing",
    "local": "was installed from a file of that machine",
    "unknown": "was installed from an address that is not recorded",
}


def pin(name: str, version: str, source: str | None = None) -> str | None:
    """Return what installs exactly this distribution: ``name==version``, or a URL.

    None where nothing does: it came from that machine alone, or the text is no name,
    version or address. An index may hold another project of that name.
    """
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return None
    if source is None:
        return f"{name}=={version}"
    if source in LOCAL or not _URL.fullmatch(source) or ".." in source:
        return None
    if source.startswith(_SSH):
        source = f"{_SSH}git@{source.removeprefix(_SSH)}"
    return f"{name} @ {source}"


def pins(environment: Environment) -> dict[str, str]:
    """Return what installs each distribution that something installs, by name."""
    found = {
        name: pin(name, version, environment.sources.get(name))
        for name, version in sorted(environment.packages.items())
    }
    return {name: said for name, said in found.items() if said is not None}


def unpinnable(environment: Environment) -> dict[str, str]:
    """Return the other distributions, by name, each with why nothing installs it."""
    pinned = pins(environment)
    return {
        name: _WHY.get(environment.sources.get(name, ""), "has no name or version")
        for name in sorted(environment.packages)
        if name not in pinned
    }


def comments(left_out: Mapping[str, str]) -> list[str]:
    """Return a line of comment for each distribution that is left out."""
    named = {
        name if _NAME.fullmatch(name) else "a distribution": why
        for name, why in left_out.items()
    }
    return [f"# left out: {name} {why}" for name, why in named.items()]


def requirements_text(environment: Environment) -> str:
    """Return a requirements file of exactly these distributions, for ``--no-deps``."""
    lines = [*comments(unpinnable(environment)), *pins(environment).values()]
    return "".join(f"{line}\n" for line in lines)
