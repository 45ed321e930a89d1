"""Verification: the chain, the manifests, the objects; names what is damaged.

Reads around the log's own reader, which stops at the first damage: this goes on.
"""

import json
import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from modelver._store.attestations import AttestationStore
from modelver._store.check_bytes import BytesChecker, Found, Wanted, is_damage
from modelver._store.far import READ_LIMIT
from modelver._store.identity import Identity, open_registry
from modelver._store.layout import (
    LOG,
    OBJECTS,
    ROLLUPS,
    attestation_key,
    entry_key,
    manifest_key,
    object_key,
    object_of,
    seq_of,
)
from modelver._store.manifests import ManifestStore
from modelver._store.rollups import MAX_ROLLUP, unpack
from modelver._values.codec import entry_from_bytes
from modelver._values.digests import digest_of
from modelver._values.fold import Fold
from modelver._values.manifest import Manifest
from modelver._values.report import Problem, Report
from modelver._values.state import State, VersionState
from modelver.errors import (
    ErrorKind,
    FormatError,
    IntegrityError,
    StorageError,
    UpgradeRequiredError,
)
from modelver.plugin import Backend, KeyInfo

_ROLLUP: Final = re.compile(r"rollups/([0-9]{1,20})-([0-9]{1,20})\.json\.gz")


class Checker:
    """Checks one registry, or some of its versions."""

    def __init__(self, backend: Backend, identity: Identity, progress: Any) -> None:
        self._backend = backend
        self._identity = identity
        self._info = identity.info
        self._progress = progress
        self._problems: list[Problem] = []
        self._heads: list[str] = [identity.digest]
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
        wanted, sound = Wanted(), []
        for version in versions:
            manifest = self._check_manifest(manifests, version)
            if manifest is not None:
                sound.append(version)
                for file in manifest.bundle.files:
                    wanted.add(version.name, file, manifest.layout.files[file.path])
        if deep:
            self._check_attestations(versions)
        found = self._check_objects(wanted, deep=deep, listed=only is None)
        if found:
            self._name(found, sound, manifests)
        # Versions that only a damaged entry speaks of are versions too.
        known = {version.ref for version in versions}
        lost = {ref for p in self._problems for ref in p.versions} - known
        return Report(
            problems=tuple(self._problems),
            deep=deep,
            commits=state.seq,
            voids=len(state.voids),
            versions=len(versions) + len(lost),
            objects=found.objects,
            bytes=found.size,
            unreferenced=self._unreferenced,
        )

    def _check_attestations(self, versions: Iterable[VersionState]) -> None:
        """Read what commits cite of what was found out about versions."""
        store = AttestationStore(self._backend, self._info.digest)
        for version in versions:
            for attested in version.attestations:
                digest = attested.attest.digest
                try:
                    store.read(version.manifest, digest)
                except IntegrityError as error:
                    # What it says is lost, and nothing of the version.
                    self._note(error.kind, error.key or "", error.message)
                except StorageError as error:
                    key = attestation_key(version.manifest, digest)
                    self._note_unreadable(error, ErrorKind.OBJECT_DAMAGED, key)

    def _note(self, kind: str, key: str, message: str, *versions: str) -> None:
        refs = tuple(sorted(versions))
        self._problems.append(
            Problem(kind=kind, key=key, message=message, versions=refs)
        )

    def _note_unreadable(
        self, error: StorageError, kind: str, key: str, *versions: str
    ) -> None:
        """Note that something lies under a key that cannot be read.

        Raises:
            StorageError: It is the store that cannot be reached.
        """
        if not is_damage(error, self._backend):
            raise error
        self._note(kind, key, error.message, *versions)

    def _check_registry(self) -> None:
        try:
            found = open_registry(self._backend)
        except (IntegrityError, FormatError) as error:
            self._note(error.kind, "registry.json", error.message)
            return
        except StorageError as error:
            self._note_unreadable(error, ErrorKind.REGISTRY_DAMAGED, "registry.json")
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
            try:
                raw = self._backend.read(key, 0, READ_LIMIT)
            except StorageError as error:
                self._note_unreadable(error, ErrorKind.ENTRY_DAMAGED, key)
                fold.skip(seq, "", "damaged")
                self._heads.append("")  # nobody knows
                sound = False
                continue
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
            except StorageError as error:
                self._note_unreadable(error, "rollup-damaged", info.key)
                continue
            else:
                known = self._heads[first : last + 1]
                same = len(heads) == len(known) and all(
                    head in ("", own) for own, head in zip(heads, known, strict=True)
                )
                why = None if same else "a rollup holds other entries than the log"
            if why is not None:
                message = f"{why}; the log itself is read instead"
                self._note("rollup-damaged", info.key, message)

    def _manifest(
        self, manifests: ManifestStore, version: VersionState
    ) -> Manifest | None:
        key = manifest_key(version.manifest)
        try:
            return manifests.read(version.manifest)
        except (IntegrityError, FormatError) as error:
            self._note(error.kind, key, error.message, version.ref)
        except StorageError as error:
            kind = ErrorKind.MANIFEST_DAMAGED
            self._note_unreadable(error, kind, key, version.ref)
        return None

    def _check_manifest(
        self, manifests: ManifestStore, version: VersionState
    ) -> Manifest | None:
        manifest = self._manifest(manifests, version)
        if manifest is None:
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

    def _check_objects(self, wanted: Wanted, *, deep: bool, listed: bool) -> Found:
        sizes: dict[str, int] = {}
        if listed:
            for info in self._backend.list(OBJECTS):
                name = object_of(info.key)
                if name is not None:
                    sizes[name] = info.size
            self._unreferenced = len(sizes.keys() - wanted.ends.keys())
        bytes_of = BytesChecker(self._backend, self._info.digest, self._progress)
        if deep:
            return bytes_of.read(wanted)
        return bytes_of.measure(wanted, sizes if listed else None)

    def _name(
        self,
        found: Found,
        versions: Iterable[VersionState],
        manifests: ManifestStore,
    ) -> None:
        """Name what is wrong, and whom it hurts."""
        hurt: dict[str, set[str]] = {name: set() for name in found.bad}
        wrong: dict[tuple[str, str], dict[str, str]] = {}
        for version in versions:
            # It was sound a moment ago.
            manifest = self._manifest(manifests, version)
            if manifest is None:
                continue
            for file in manifest.bundle.files:
                cut = manifest.layout.files[file.path]
                objects = found.hurt_by(file, cut)
                for name in objects:
                    hurt[name].add(version.ref)
                if not objects and found.is_wrong(file, cut):
                    refs = wrong.setdefault((file.path, file.digest), {})
                    refs[version.ref] = manifest_key(version.manifest)
        for name, bad in sorted(found.bad.items()):
            self._note(bad.kind, object_key(name), bad.message, *hurt[name])
        for (path, _), refs in wrong.items():
            first = next(iter(refs))
            message = f"{path!r} of {first} is not what was registered"
            self._note("object-damaged", refs[first], message, *refs)


def _registered(raw: bytes) -> list[str]:
    """Return the refs that a damaged entry seems to have registered."""
    try:
        actions = json.loads(raw)["actions"]
        return [
            f"{a['name']}@{a['version']}" for a in actions if a["type"] == "register"
        ][:1000]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
