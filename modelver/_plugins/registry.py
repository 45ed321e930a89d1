"""Reads the entry-point groups that modelver declares.

Built-ins come the same way as third parties: through this distribution's own entry
points. Two distributions that claim one name are an error, never a choice.
"""

from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from attrs import frozen

from modelver.errors import ErrorKind, PluginError

GROUPS: Final = {
    "backends": "modelver.backends",
    "indexers": "modelver.indexers",
    "serializers": "modelver.serializers",
}
# The backend for whatever has no backend of its own.
FALLBACK: Final = "fsspec"


@frozen(kw_only=True)
class Plugin:
    """One entry point.

    Attributes:
        group: ``backends``, ``indexers`` or ``serializers``.
        name: URL scheme of a backend; else the name.
        target: ``module:attribute``.
        distribution: Who brings it.
        version: Of that distribution.
    """

    group: str
    name: str
    target: str
    distribution: str
    version: str


def _describe(group: str, point: EntryPoint) -> Plugin:
    return Plugin(
        group=group,
        name=point.name,
        target=point.value,
        distribution=_said(point, "Name"),
        version=_said(point, "Version"),
    )


def _said(point: EntryPoint, field: str) -> str:
    """Return what the distribution of *point* says; its metadata may be broken."""
    if point.dist is None or field not in point.dist.metadata:
        return "?"
    return point.dist.metadata[field]


def plugins() -> list[Plugin]:
    """Return every plug-in that is installed, sorted by group and name.

    Nothing is imported.
    """
    found = {
        _describe(group, point)
        for group, name in GROUPS.items()
        for point in entry_points(group=name)
    }
    return sorted(found, key=lambda p: (p.group, p.name, p.distribution))


@cache
def load(group: str, name: str) -> Any:
    """Import and return what the entry point *name* of *group* names.

    Raises:
        PluginError: There is none, there are two, or it does not import.
    """
    points = {p.value: p for p in entry_points(group=GROUPS[group], name=name)}
    found = sorted(points.values(), key=lambda point: point.value)
    if not found:
        known = sorted({point.name for point in entry_points(group=GROUPS[group])})
        raise PluginError(
            f"no {group[:-1]} is installed for {name!r}",
            kind=ErrorKind.UNKNOWN_PLUGIN,
            hint=f"Installed are: {', '.join(known) or 'none'}. Install the package "
            "that brings it, or see the how-to 'write a backend'.",
            group=group,
            name=name,
        )
    if len(found) > 1:
        claims = [_describe(group, point) for point in found]
        who = sorted(f"{claim.distribution} {claim.version}" for claim in claims)
        raise PluginError(
            f"the {group[:-1]} {name!r} is claimed by {' and by '.join(who)}",
            kind=ErrorKind.DUPLICATE_PLUGIN,
            hint="Uninstall all but one.",
            group=group,
            name=name,
            distributions=who,
        )
    try:
        return found[0].load()
    except PluginError:  # it says itself what is missing
        raise
    except Exception as error:
        plugin = _describe(group, found[0])
        raise PluginError(
            f"the {group[:-1]} {name!r} of {plugin.distribution} does not import: "
            f"{error}",
            kind=ErrorKind.BROKEN_PLUGIN,
            hint=f"Reinstall or upgrade {plugin.distribution} {plugin.version}.",
            group=group,
            name=name,
        ) from error


def load_backend(scheme: str) -> Any:
    """Return the factory of the backend for *scheme*, in the end the one for any other.

    Raises:
        PluginError: No distribution brings one, and fsspec does not know the scheme;
            or as for :func:`load`.
    """
    try:
        return load("backends", scheme)
    except PluginError as error:
        if error.kind is not ErrorKind.UNKNOWN_PLUGIN or scheme == FALLBACK:
            raise
        with suppress(PluginError):
            other = load("backends", FALLBACK)
            if other.knows(scheme):
                return other
        raise
