"""``modelver.lock``: which versions an application runs with.

One JSON object at the top of a repository, a model after the other, so that two
branches that move different models merge without a conflict.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

from modelver._pins.find import Home
from modelver._pins.ignore import write_text
from modelver._pins.places import open_file
from modelver._pins.pointer import FORMAT, Pointer, read_pin
from modelver._pins.pull import Pin, as_registry
from modelver._pins.source import Sources
from modelver._pins.trust import Trust
from modelver._registry.registry import Registry
from modelver._registry.version import ModelVersion
from modelver._values.jsonstrict import loads
from modelver._values.names import check_model_name, near
from modelver._values.text import quoted
from modelver.errors import (
    ErrorKind,
    FormatError,
    InvalidInputError,
    NotFoundError,
    UpgradeRequiredError,
)

NAME: Final = "modelver.lock"
_MAX_LOCK: Final = 4 * 2**20


def lock_path(home: Path) -> Path:
    """Return where the lock of a home is."""
    return home / NAME


def read_lock(path: Path) -> dict[str, Pointer]:
    """Return the pins of a lock by their names; none where there is no lock.

    Raises:
        FormatError: It is none.
        UpgradeRequiredError: It is of a later format.
    """
    if not os.path.lexists(path):
        return {}
    shown = os.fspath(path)
    try:
        with os.fdopen(open_file(path), "rb") as file:
            said = loads(file.read(_MAX_LOCK + 1), limit=_MAX_LOCK)
        return _parse(said, shown)
    except UpgradeRequiredError:
        raise
    except (OSError, FormatError, InvalidInputError) as error:
        raise FormatError(
            f"{shown!r} is no lock of modelver: {error}",
            kind=ErrorKind.MALFORMED,
            hint="If two branches were merged into it, take one side and run: modelver "
            "update.",
            path=shown,
        ) from error


def _parse(said: Any, shown: str) -> dict[str, Pointer]:
    models = said.get("models") if isinstance(said, dict) else None
    if not isinstance(models, dict):
        raise FormatError("it has no models")
    found = {}
    for name, entry in models.items():
        whole = (
            {**entry, "format": said.get("format")} if isinstance(entry, dict) else 0
        )
        found[check_model_name(name)] = read_pin(whole, f"{shown}, {name}")
    return found


def write_lock(path: Path, pins: dict[str, Pointer]) -> None:
    """Write a lock: sorted, a field a line.

    Raises:
        StorageError: It cannot be written.
    """
    models: dict[str, Any] = {}
    for name, pin in pins.items():
        models[name] = {k: v for k, v in pin.to_dict().items() if k != "format"}
    said = {"format": FORMAT, "models": models}
    text = json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False)
    write_text(path, f"{text}\n".encode())


def add_to_lock(home: Home, name: str, pointer: Pointer) -> Pin:
    """Note a pin in the lock of a home, in the place of one of the same name."""
    path = lock_path(home.folder)
    pins = read_lock(path)
    pins[check_model_name(name)] = pointer
    write_lock(path, pins)
    return Pin(
        path=home.shown(path),
        target="",
        ref=pointer.ref,
        version=pointer.exact,
        digest=pointer.digest,
        state="locked",
    )


def locked(
    name: str,
    *,
    lock: str | os.PathLike[str] | None = None,
    registry: Registry | str | os.PathLike[str] | None = None,
) -> ModelVersion:
    """Return the version of a model that ``modelver.lock`` pins.

    ::

        model = modelver.locked("fraud").path()

    Args:
        name: As the lock calls it; the model's name, if nothing else was said.
        lock: The file; None: the one in the working folder or the nearest above it.
        registry: Ask this one, whatever address the lock names; it must be the same
            registry. A program that calls this runs with its user's consent, so the
            lock may name a registry that was never used on this machine.

    Raises:
        NotFoundError: There is no lock, or it does not pin this model.
        FormatError: The lock is damaged.
        IntegrityError: The version has another digest than was pinned, or another
            registry stands at the address.
        ModelverError: The registry cannot be opened.
    """
    path = _nearest() if lock is None else Path(lock)
    pins = read_lock(path)
    pin = pins.get(name)
    if pin is None:
        raise NotFoundError(
            f"{os.fspath(path)!r} pins no {quoted(name)}",
            kind=ErrorKind.MODEL,
            hint=f"Pin it: modelver pin {name} --lock",
            ref=name,
            near=near(name, pins),
        )
    base = path.absolute().parent
    trust = Trust(base, None, [_address(pin, base)])
    return Sources(trust, as_registry(registry)).version(pin, base, NAME)


def _address(pin: Pointer, base: Path) -> str:
    from modelver._pins.places import address_of  # noqa: PLC0415 - for this alone

    return address_of(pin.registry, base)


def _nearest() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / NAME).is_file():
            return folder / NAME
    raise NotFoundError(
        f"there is no {NAME} in {os.fspath(here)!r}, nor above it",
        kind=ErrorKind.FILE,
        hint="Pin a model for an application: modelver pin REF --lock",
    )
