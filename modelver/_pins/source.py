"""The registries that pointers name, each opened once, and what pins mean there."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelver._pins.pointer import Pointer
from modelver._pins.trust import Trust
from modelver._registry.registry import Registry
from modelver._registry.version import ModelVersion
from modelver._values.manifest import FileEntry
from modelver.errors import (
    ErrorKind,
    IntegrityError,
    ModelverError,
    NotFoundError,
    RegistryNotFoundError,
    StorageError,
)


class Sources:
    """Opens the registries of pointers, where the user trusts them.

    Args:
        trust: What the user knows.
        registry: Opened by the user; every pointer is asked of it, whatever address
            it names.
        cache: Folder of local copies.
    """

    def __init__(
        self,
        trust: Trust,
        registry: Registry | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        self._trust = trust
        self._registry = registry
        self._cache = cache
        self._opened: dict[str, Registry | ModelverError] = {}

    def registry(self, pin: Pointer, base: Path, where: str) -> Registry:
        """Return the registry of a pin.

        Args:
            pin: The pin.
            base: The folder that its address is seen from.
            where: What holds the pin, for messages.

        Raises:
            InvalidInputError: The user does not know it.
            IntegrityError: Another registry stands there.
            ModelverError: It cannot be opened; see ``Registry``.
        """
        found = self._registry or self._open(
            self._trust.check(pin.registry, base, where)
        )
        if found.uuid != pin.uuid:
            raise IntegrityError(
                f"{where} pins a version of the registry {pin.uuid}; in {found.url!r} "
                f"stands another one, {found.uuid}",
                kind=ErrorKind.REGISTRY_REPLACED,
                key="registry.json",
                expected=pin.uuid,
                actual=found.uuid,
                hint="Name the right one: --registry URL. Or pin again from this one: "
                "modelver pin REF FOLDER.",
            )
        return found

    def _open(self, address: str) -> Registry:
        if address not in self._opened:
            try:
                self._opened[address] = _open(address, self._cache)
            except ModelverError as error:  # the next pointer need not wait for it
                self._opened[address] = error
        found = self._opened[address]
        if isinstance(found, ModelverError):
            raise found
        return found

    def version(self, pin: Pointer, base: Path, where: str) -> ModelVersion:
        """Return the version that is pinned, by its digest.

        Raises:
            IntegrityError: The number has another digest.
            ModelverError: As for :meth:`registry`; or it is not there.
        """
        registry = self.registry(pin, base, where)
        version = registry.get(pin.exact)
        if version.digest != pin.digest:
            raise IntegrityError(
                f"{where} pins {pin.exact} as {pin.digest}; in {registry.url!r} it is "
                f"{version.digest}",
                kind=ErrorKind.PIN_MISMATCH,
                expected=pin.digest,
                actual=version.digest,
                hint="A version never changes, so the pin was edited, or two were "
                "merged into one: pin again with modelver pin REF FOLDER.",
            )
        return version


def _open(address: str, cache: str | os.PathLike[str] | None) -> Registry:
    """Open a registry, or what the cache has of one that cannot be reached.

    A pin names bytes by digest: what was fetched before is as good as what is there.
    """
    try:
        return Registry(address, read_only=True, cache=cache)
    except (StorageError, RegistryNotFoundError):
        with suppress(ModelverError):
            return Registry(address, offline=True, cache=cache)
        raise


def files_of(version: ModelVersion, pin: Pointer) -> dict[str, FileEntry]:
    """Return the files that a pin restores, by their place in its target.

    Of one role they stand at the top; of several, below their roles. A single file is
    the target itself, and has an empty place.

    Raises:
        NotFoundError: The version has no such file.
    """
    found: dict[str, FileEntry] = {}
    cut = len(pin.roles[0]) + 1 if len(pin.roles) == 1 else 0
    for file in version.files:
        if pin.file is None and file.role in pin.roles:
            found[file.path[cut:]] = file
        elif file.path == pin.file:
            found[""] = file
    if not found:
        asked = pin.file or f"of the roles {', '.join(pin.roles)}"
        raise NotFoundError(
            f"{version.ref} has no file {asked}",
            kind=ErrorKind.FILE,
            ref=version.ref,
            hint=f"See: modelver files {version.ref}",
        )
    if pin.file is not None and pin.content not in (None, found[""].digest):
        raise IntegrityError(
            f"{version.ref} has {pin.file} as {found[''].digest}, pinned is "
            f"{pin.content}",
            kind=ErrorKind.PIN_MISMATCH,
            expected=pin.content,
            actual=found[""].digest,
            hint="The pin was edited: pin again with modelver pin REF FOLDER --file.",
        )
    return found


def local_copies(
    version: ModelVersion, pin: Pointer, progress: Any = None
) -> dict[str, Path]:
    """Return verified local copies of what a pin restores, by place in its target."""
    if pin.file is not None:
        return {"": version.path(pin.file, progress=progress)}
    found = files_of(version, pin)
    held = {file.role for file in found.values()}
    roots = {role: version.path(role, progress=progress) for role in sorted(held)}
    return {
        place: roots[file.role] / file.path.removeprefix(f"{file.role}/")
        for place, file in found.items()
    }
