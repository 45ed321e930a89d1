"""Verification: the chain, the manifests, the objects; names what is damaged.

Reads around the log's own reader, which stops at the first damage: this goes on.
"""

import json
import re
from collections.abc import Collection
from typing import Any, Final

from attrs import Factory, define

from modelver._store.identity import Identity, open_registry
from modelver._store.layout import (
    LOG,
    OBJECTS,
    ROLLUPS,
    entry_key,
    manifest_key,
    object_key,
    object_of,
    seq_of,
)
from modelver._store.log import READ_LIMIT
from modelver._store.manifests import ManifestStore
from modelver._store.rollups import MAX_ROLLUP, unpack
from modelver._values.codec import entry_from_bytes
from modelver._values.digests import digest_of, hex_of, new_hasher
from modelver._values.fold import Fold
from modelver._values.manifest import FileEntry, Manifest
from modelver._values.report import Problem, Report
from modelver._values.state import State, VersionState
from modelver.errors import FormatError, IntegrityError, UpgradeRequiredError
from modelver.plugin import Backend, KeyInfo

_PIECE: Final = 1024 * 1024
_ROLLUP: Final = re.compile(r"rollups/([0-9]{1,20})-([0-9]{1,20})\.json\.gz")


@define
class _Needed:
    """An object, who needs it, and how much of it."""

    versions: set[str] = Factory(set)
    size: int = 0


class Checker:
    """Checks one registry, or some of its versions."""

    def __init__(self, backend: Backend, identity: Identity, progress: Any) -> None:
        self._backend = backend
        self._identity = identity
        self._info = identity.info
        self._progress = progress
        self._problems: list[Problem] = []
        self._heads: list[str] = [identity.digest]
        self._needed: dict[str, _Needed] = {}
        self._checked = 0
        self._bytes = 0
        self._unreferenced = 0

    def run(self, *, deep: bool, only: Collection[str] | None = None) -> Report:
        """Check everything, or the versions whose refs are in *only*.

        Raises:
            StorageError: The store cannot tell.
        """
        self._check_registry()
        # Listed before the log is walked: what comes while it is walked is neither a
        # gap nor a rollup of entries that are not there.
        entries = list(self._backend.list(LOG)) if only is None else []
        rollups = list(self._backend.list(ROLLUPS)) if only is None else []
        state = self._check_log()
        self._check_rollups(rollups)
        self._check_gaps(entries)
        versions = [
            version
            for model in state.models.values()
            for version in model.versions.values()
            if only is None or version.ref in only
        ]
        manifests = ManifestStore(self._backend, self._info.digest)
        odd: list[tuple[VersionState, Manifest, FileEntry]] = []
        for version in versions:
            manifest = self._check_manifest(manifests, version)
            if manifest is not None:
                odd += self._count(version, manifest)
        self._check_objects(deep=deep, listed=only is None)
        if deep:
            for version, manifest, file in odd:
                self._check_file(version, manifest, file)
        # Versions that only a damaged entry speaks of are versions too.
        known = {version.ref for version in versions}
        lost = {ref for p in self._problems for ref in p.versions} - known
        return Report(
            problems=tuple(self._problems),
            deep=deep,
            commits=state.seq,
            voids=len(state.voids),
            versions=len(versions) + len(lost),
            objects=self._checked,
            bytes=self._bytes,
            unreferenced=self._unreferenced,
        )

    def _note(self, kind: str, key: str, message: str, *versions: str) -> None:
        refs = tuple(sorted(versions))
        self._problems.append(
            Problem(kind=kind, key=key, message=message, versions=refs)
        )

    def _check_registry(self) -> None:
        try:
            found = open_registry(self._backend)
        except (IntegrityError, FormatError) as error:
            self._note(error.kind, "registry.json", error.message)
            return
        if found.digest != self._identity.digest:
            self._note(
                "registry-replaced",
                "registry.json",
                "registry.json is not the one that was opened",
            )

    def _check_log(self) -> State:
        fold = Fold(self._identity.state())
        seq, sound = 0, True
        while True:
            seq += 1
            key = entry_key(seq)
            raw = self._backend.read(key, 0, READ_LIMIT)
            if raw is None:
                return fold.state()
            head = digest_of(self._info.digest, raw)
            try:
                entry = entry_from_bytes(raw, self._info.digest)
            except IntegrityError as error:
                message = f"commit {seq}: {error.message}"
                self._note(error.kind, key, message, *_registered(raw))
                fold.skip(seq, head, "damaged")
                sound = False
            except UpgradeRequiredError:
                raise
            except FormatError as error:
                fold.skip(seq, head, error.message)
                self._note(error.kind, key, f"commit {seq}: {error.message}")
            else:
                follows = (entry.seq, entry.prev) == (seq, self._heads[-1])
                if not follows and sound:
                    self._note(
                        "chain-broken",
                        key,
                        f"commit {seq} does not follow commit {seq - 1}: "
                        "one of them was rewritten or damaged",
                    )
                sound = True
                fold.apply(entry, head)
            self._heads.append(head)

    def _check_gaps(self, listed: list[KeyInfo]) -> None:
        head = len(self._heads) - 1
        beyond = sorted(
            seq
            for info in listed
            if (seq := seq_of(info.key)) is not None and seq > head
        )
        if beyond:
            self._note(
                "gap",
                entry_key(head + 1),
                f"commit {head + 1} is missing, though {len(beyond)} later ones are "
                f"there, up to {beyond[-1]}",
            )

    def _check_rollups(self, listed: list[KeyInfo]) -> None:
        for info in listed:
            match = _ROLLUP.fullmatch(info.key)
            if match is None:
                continue
            first, last = int(match[1]), int(match[2])
            try:
                raw = self._backend.read(info.key, 0, MAX_ROLLUP + 1) or b""
                found = unpack(raw, first, last, self._info.digest)
                heads = [digest_of(self._info.digest, entry) for entry in found]
            except FormatError as error:
                why: str | None = error.message
            else:
                same = heads == self._heads[first : last + 1]
                why = None if same else "a rollup holds other entries than the log"
            if why is not None:
                message = f"{why}; the log itself is read instead"
                self._note("rollup-damaged", info.key, message)

    def _check_manifest(
        self, manifests: ManifestStore, version: VersionState
    ) -> Manifest | None:
        try:
            manifest = manifests.read(version.manifest)
        except (IntegrityError, FormatError) as error:
            key = manifest_key(version.manifest)
            self._note(error.kind, key, error.message, version.ref)
            return None
        record, bundle = version.record, manifest.bundle
        said = (version.bundle, record.size, record.files, record.inputs, record.code)
        held = (manifest.bundle_digest, bundle.size, len(bundle.files))
        if said != (*held, bundle.inputs, bundle.code):
            self._note(
                "record-differs",
                manifest_key(version.manifest),
                f"the log says other things of {version.ref} than its manifest",
                version.ref,
            )
        return manifest

    def _count(
        self, version: VersionState, manifest: Manifest
    ) -> list[tuple[VersionState, Manifest, FileEntry]]:
        """Note which objects *version* needs; return files that are not one object."""
        odd = []
        for file in manifest.bundle.files:
            cut = manifest.layout.files[file.path]
            for piece in cut:
                needed = self._needed.setdefault(piece.object, _Needed())
                needed.versions.add(version.ref)
                needed.size = max(needed.size, piece.offset + piece.length)
            whole = len(cut) == 1 and cut[0].offset == 0
            if cut and not (whole and cut[0].object[:64] == hex_of(file.digest)):
                odd.append((version, manifest, file))
        return odd

    def _check_objects(self, *, deep: bool, listed: bool) -> None:
        sizes: dict[str, int] = {}
        if listed:
            for info in self._backend.list(OBJECTS):
                name = object_of(info.key)
                if name is not None:
                    sizes[name] = info.size
            self._unreferenced = len(sizes.keys() - self._needed.keys())
        if self._progress is not None:
            self._progress.set_size(sum(n.size for n in self._needed.values()))
        for name, needed in sorted(self._needed.items()):
            self._checked += 1
            if deep:
                self._read_object(name, needed)
            elif listed:
                self._compare_size(name, needed, sizes.get(name))
            else:
                end = needed.size
                found = self._backend.read(object_key(name), end - 1, end + 1)
                size = None if found is None else end - 1 + len(found)
                self._compare_size(name, needed, size)
            if self._progress is not None:
                self._progress.relative_update(needed.size)

    def _compare_size(self, name: str, needed: _Needed, size: int | None) -> None:
        if size is None:
            message, kind = f"the object {name} is missing", "object-missing"
        elif size < needed.size:
            message, kind = f"the object {name} is cut short", "object-damaged"
        else:
            self._bytes += size
            return
        self._note(kind, object_key(name), message, *needed.versions)

    def _read_object(self, name: str, needed: _Needed) -> None:
        hasher, at = new_hasher(self._info.digest), 0
        key = object_key(name)
        while True:
            piece = self._backend.read(key, at, at + _PIECE)
            if piece is None:
                message = f"the object {name} is missing"
                self._note("object-missing", key, message, *needed.versions)
                return
            hasher.update(piece)
            at += len(piece)
            if len(piece) < _PIECE:
                break
        self._bytes += at
        if hasher.hexdigest() != name[:64]:
            message = f"the object {name} holds other bytes than its name says"
            self._note("object-damaged", key, message, *needed.versions)

    def _check_file(
        self, version: VersionState, manifest: Manifest, file: FileEntry
    ) -> None:
        """Check a file that is made of several objects, or of a part of one."""
        hasher = new_hasher(self._info.digest)
        for piece in manifest.layout.files[file.path]:
            end = piece.offset + piece.length
            key = object_key(piece.object)
            for start in range(piece.offset, end, _PIECE):
                stop = min(start + _PIECE, end)
                found = self._backend.read(key, start, stop) or b""
                hasher.update(found)
                # A slice may claim petabytes that its object does not have.
                if len(found) < stop - start:
                    break
        if hasher.hexdigest() != hex_of(file.digest):
            self._note(
                "object-damaged",
                manifest_key(version.manifest),
                f"{file.path!r} of {version.ref} is not what was registered",
                version.ref,
            )


def _registered(raw: bytes) -> list[str]:
    """Return the refs that a damaged entry seems to have registered."""
    try:
        actions = json.loads(raw)["actions"]
        return [
            f"{a['name']}@{a['version']}" for a in actions if a["type"] == "register"
        ][:1000]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
