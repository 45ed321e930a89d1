"""What ``doctor`` does: opens a store twice, has it probed, and tells of it."""

import os
import platform
from collections.abc import Mapping
from typing import Any, Final

from attrs import asdict

from modelver._plugins import plugins
from modelver._registry.opening import address, open_backend
from modelver._values.about import __version__
from modelver._values.diagnosis import Diagnosis
from modelver._values.url import scheme_of
from modelver.errors import InvalidInputError
from modelver.plugin import Backend, Described

_MOST_ROUNDS: Final = 1000


def doctor(
    url: str | os.PathLike[str] | None = None,
    *,
    storage_options: Mapping[str, Any] | None = None,
    backend: Backend | None = None,
    read_only: bool = False,
    rounds: int = 5,
) -> Diagnosis:
    """Probe a live store, and tell whether a registry is safe in it.

    A few dozen small keys are written below ``doctor/``, beside a registry that may be
    there, and deleted again as far as that is allowed. Nothing else is touched.

    Args:
        url: As for :class:`Registry`; there need not be a registry.
        storage_options: Passed to the backend.
        backend: A backend to probe instead of *url*; it stands for both clients.
        read_only: Write nothing; a store that cannot be written to is found out by
            itself.
        rounds: How many keys writers race for. More find out more, and take longer.

    Raises:
        InvalidInputError: The address cannot be one, or *rounds* is no number from 1
            upwards.
        PluginError: No backend is installed for the URL's scheme.
    """
    if type(rounds) is not int or not 1 <= rounds <= _MOST_ROUNDS:
        raise InvalidInputError(
            f"rounds is no whole number from 1 to {_MOST_ROUNDS}",
            hint="Five find most; a hundred are thorough.",
        )
    if backend is not None:
        first = second = backend
        where = backend.url
    else:
        where = address(url)
        first, second = (open_backend(where, storage_options) for _ in range(2))
    return diagnose(first, second, scheme_of(where), write=not read_only, rounds=rounds)


def diagnose(
    first: Backend, second: Backend, scheme: str, *, write: bool, rounds: int
) -> Diagnosis:
    """Probe the store of two clients."""
    from modelver._store.probe import Bench, probe  # noqa: PLC0415 - seldom used

    bench = Bench(first, second)
    findings = tuple(probe(bench, write=write, rounds=rounds))
    described = first if isinstance(first, Described) else None
    versions = {"modelver": __version__, "python": platform.python_version()}
    return Diagnosis(
        url=first.url,
        backend=_who(first, scheme),
        capabilities=asdict(first.capabilities),
        versions=versions | dict(described.packages() if described else {}),
        settings=dict(described.settings() if described else {}),
        findings=findings,
        milliseconds=bench.milliseconds,
        skew=bench.skew,
        left=bench.left,
    )


def _who(backend: Backend, scheme: str) -> str:
    """Return the class of a backend, and who brings it."""
    cls = type(backend)
    brings = [p for p in plugins() if (p.group, p.name) == ("backends", scheme)]
    said = f" of {brings[0].distribution} {brings[0].version}" if brings else ""
    return f"{cls.__module__}.{cls.__qualname__}{said}"
