"""A run that only rehearses: whatever it registers goes beside the registry.

``reproduce`` runs a training script that registers what it makes, as it did the first
time. With ``MODELVER_REHEARSAL`` set every registry is opened below an overlay in that
folder: the script finds all that is there, what it writes is there for itself alone,
and what it registered is noted for who rehearses.
"""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from modelver._plugins import load_backend
from modelver._store import OverlayBackend
from modelver._values.entry import Record
from modelver.errors import InternalError
from modelver.plugin import Backend

VARIABLE: Final = "MODELVER_REHEARSAL"
_NOTES: Final = "registered.jsonl"
_MAX_NOTES: Final = 64 * 2**20


@frozen(kw_only=True)
class Noted:
    """What a rehearsal would have registered.

    Attributes:
        url: Of the registry.
        place: Name of the overlay's folder, below that of the rehearsal.
        name: Of the model.
        bundle: Digest of the bundle.
        manifest: Digest of the manifest.
        metrics: By name.
        slices: Metrics by slice.
    """

    url: str
    place: str
    name: str
    bundle: str
    manifest: str
    metrics: dict[str, float]
    slices: dict[str, dict[str, float]]


def rehearsing() -> Path | None:
    """Return the folder of the rehearsal that this process is in, or None."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def overlay_of(backend: Backend, folder: Path, found: Noted) -> Backend:
    """Return the store in which the rehearsal of *folder* registered *found*.

    Args:
        backend: Of the registry that the rehearsal is of.
        folder: Of the rehearsal.
        found: What was noted; only a name below *folder* is believed.
    """
    return _over(backend, folder / Path(found.place).name)


def overlaid(backend: Backend) -> Backend:
    """Return *backend*, below an overlay where this is a rehearsal."""
    folder = rehearsing()
    if folder is None or isinstance(backend, OverlayBackend):
        return backend
    return _over(backend, folder / _place_of(backend.url))


def _place_of(url: str) -> str:
    return sha256(url.encode()).hexdigest()[:16]


def _over(backend: Backend, place: Path) -> Backend:
    above: Backend = load_backend("file")(os.fspath(place), storage_options=None)
    return OverlayBackend(backend, above)


def means_the_real_one(url: str | os.PathLike[str]) -> bool:
    """Return whether *url* is a relative path in a rehearsal.

    The script runs elsewhere now: what was ``../registry`` is where it is registered,
    which ``MODELVER_REGISTRY`` names.
    """
    named = os.fspath(url)
    if rehearsing() is None or "://" in named:
        return False
    return not Path(named).is_absolute()


def note(
    url: str, *, name: str, bundle: str, manifest: str | None, record: Record
) -> None:
    """Note what would have been registered, where this is a rehearsal."""
    folder = rehearsing()
    if folder is None:
        return
    if manifest is None:
        raise InternalError("a rehearsed registration has no manifest")
    said = {
        "url": url,
        "place": _place_of(url),
        "name": name,
        "bundle": bundle,
        "manifest": manifest,
        "metrics": dict(record.metrics),
        "slices": {key: dict(values) for key, values in record.slices.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _NOTES).open("ab") as file:
        file.write(json.dumps(said).encode() + b"\n")  # one write: whole, or not there


def noted(folder: Path) -> Iterator[Noted]:
    """Yield what was registered in the rehearsal of *folder*, in order."""
    try:
        with (folder / _NOTES).open("rb") as file:
            lines = file.read(_MAX_NOTES).splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        said: dict[str, Any] = json.loads(line)
        yield Noted(**said)
