"""A reader of format 1 that knows nothing of modelver: json, gzip and the digest.

Written from docs/reference/format-v1.md alone, as one would in another language, and
as plain: it reads a folder, keeps everything in dictionaries, and has no cache.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from tests.format.foreign_values import (
    ACTIONS,
    ENTRY,
    REGISTRY,
    SEMVER,
    DamagedError,
    UpgradeError,
    VoidError,
    check,
    good_alias,
    good_model,
    strict,
    version_of,
)

MIB: Final = 2**20
SEALS: Final = {80: "b3", 84: "sha256"}


class Foreign:
    """What a registry in a folder says.

    Attributes:
        models: Name → {"versions": number → facts, "aliases": alias → number}.
        voids: Position → why.
        seq: How many entries the log has.
        commits: The sound entries, by position.
    """

    def __init__(self, folder: Path, *, rollups: bool = False) -> None:
        self.folder = folder
        self.models: dict[str, dict[str, Any]] = {}
        self.voids: dict[int, str] = {}
        self.commits: dict[int, dict[str, Any]] = {}
        self.features: dict[str, set[str]] = {"read": set(), "write": set()}
        self.seq = 0
        self._open()
        self._read_log(rollups=rollups)

    # Bytes.

    def digest(self, data: bytes) -> str:
        """Return the digest of *data*, as the registry writes it."""
        hasher = blake3 if self.algorithm == "b3" else hashlib.sha256
        return f"{self.algorithm}:{hasher(data).hexdigest()}"

    def _key(self, key: str, limit: int) -> bytes | None:
        try:
            with (self.folder / key).open("rb") as file:
                return file.read(limit)
        except FileNotFoundError:
            return None

    def _open(self) -> None:
        raw = self._key("registry.json", MIB + 1)
        if raw is None:
            raise DamagedError("no registry")
        for length, algorithm in SEALS.items():
            if raw[-length:].startswith(f',"check":"{algorithm}:'.encode()):
                self.algorithm = algorithm
                break
        else:
            raise DamagedError("registry.json is not sealed")
        self.info = strict(self._unseal(raw) + b"}")
        version_of(self.info)
        check(self.info, REGISTRY)
        if self.info["digest"] != self.algorithm:
            raise DamagedError("registry.json is sealed by another digest")
        if not re.fullmatch("[0-9a-f]{32}", self.info["uuid"]):
            raise DamagedError("the uuid is none")
        self.statuses = self.info.get(
            "statuses",
            ["in-review", "approved", "staging", "production", "rejected", "archived"],
        )
        self.head = self.digest(raw)
        self._need(self.info)

    def _unseal(self, raw: bytes) -> bytes:
        length = 80 if self.algorithm == "b3" else 84
        body, seal = raw[:-length], raw[-length:]
        form = rf',"check":"{self.algorithm}:[0-9a-f]{{64}}"\}}\n'.encode()
        if re.fullmatch(form, seal):
            if seal != b',"check":"' + self.digest(body).encode() + b'"}\n':
                raise DamagedError("the check does not hold")
            return body
        try:
            sound = isinstance(strict(body + b"}"), dict)
        except VoidError:
            sound = False
        if sound:
            raise DamagedError("the check is damaged")
        raise VoidError("not sealed")

    # The log.

    def _entries(self, *, rollups: bool) -> Iterator[bytes]:
        seq = 1
        while True:
            rolled = self._rollup(seq) if rollups and seq % 64 == 1 else []
            for raw in rolled:
                yield raw
                seq += 1
            if rolled:
                continue
            raw_or_none = self._key(f"log/{seq:020d}.json", MIB + 1)
            if raw_or_none is None:
                return
            yield raw_or_none
            seq += 1

    def _rollup(self, first: int) -> list[bytes]:
        """Return what a rollup that begins here holds; the log is asked by nobody."""
        for size in (4096, 64):
            last = first + size - 1
            raw = self._key(f"rollups/{first}-{last}.json.gz", 32 * MIB + 1)
            if raw is None or (first - 1) % size:
                continue
            end = raw.index(b"\0", 10)
            assert raw[:10].hex() == "1f8b08100000000002ff"
            assert raw[10:end].decode() == self.digest(raw[end + 1 :])
            line, _, rest = gzip.decompress(raw).partition(b"\n")
            head = json.loads(line)
            assert (head["format"], head["from"], head["to"]) == (1, first, last)
            entries = []
            for length in head["sizes"]:
                entries.append(rest[:length])
                rest = rest[length:]
            assert (len(entries), rest) == (size, b"")
            return entries
        return []

    def _read_log(self, *, rollups: bool) -> None:
        for raw in self._entries(rollups=rollups):
            self.seq += 1
            try:
                entry = self._entry(raw)
                self._apply(entry)
                self.commits[self.seq] = entry
            except VoidError as why:
                self.voids[self.seq] = str(why)
            self.head = self.digest(raw)
        self._need({name: sorted(found) for name, found in self.features.items()})

    def _need(self, flags: dict[str, Any]) -> None:
        if flags.get("read"):
            raise UpgradeError(f"reading needs {flags['read']}")

    def _entry(self, raw: bytes) -> dict[str, Any]:
        if len(raw) > MIB:
            raise VoidError("too long")
        entry = strict(self._unseal(raw) + b"}")
        version_of(entry)
        check(entry, ENTRY)
        for action in entry["actions"]:
            if not isinstance(action, dict):
                raise VoidError("an action is no object")
            fields = ACTIONS.get(str(action.get("type")))
            if fields is not None:
                check(action, fields)
        if len(entry["actions"]) > 1000:
            raise VoidError("too many actions")
        if entry.get("critical", True):
            for action in entry["actions"]:
                if str(action.get("type")) not in ACTIONS:
                    raise UpgradeError(f"unknown action {action.get('type')}")
        if (entry["seq"], entry["prev"]) != (self.seq, self.head):
            raise DamagedError("the chain is broken")
        found: dict[str, Any] = entry
        return found

    def _apply(self, entry: dict[str, Any]) -> None:
        before = json.dumps(self.models), {k: set(v) for k, v in self.features.items()}
        try:
            for action in entry["actions"]:
                rule = getattr(self, f"_{action.get('type')}", None)
                if rule is not None and action["type"] in ACTIONS:
                    rule(action, entry)
        except VoidError:
            self.models, self.features = json.loads(before[0]), before[1]
            raise

    # The rules.

    def _version(self, name: str, number: str) -> dict[str, Any]:
        model = self.models.get(name)
        if model is None:
            raise VoidError(f"no model {name}")
        found = model["versions"].get(number.partition("+")[0])
        if found is None or found["version"] != number:
            raise VoidError(f"no version {number}")
        version: dict[str, Any] = found
        return version

    def _register(self, action: dict[str, Any], entry: dict[str, Any]) -> None:
        name, number, record = action["name"], action["version"], action["record"]
        if not good_model(name) or not SEMVER.fullmatch(number) or len(number) > 128:
            raise VoidError("a name or number that cannot be")
        for cited in (action["bundle"], action["manifest"]):
            if not re.fullmatch(f"{self.algorithm}:[0-9a-f]{{64}}", cited):
                raise VoidError("no digest")
        for parent in record.get("parents", []):
            found = self._version(parent["name"], parent["version"])
            if found["bundle"] != parent["bundle"]:
                raise VoidError("the parent holds another bundle")
        model = self.models.setdefault(
            name, {"versions": {}, "aliases": {}, "moves": {}}
        )
        key = number.partition("+")[0]
        if key in model["versions"]:
            raise VoidError("the number is taken")
        model["versions"][key] = {
            "version": number,
            "bundle": action["bundle"],
            "manifest": action["manifest"],
            "record": record,
            "seq": entry["seq"],
            "tags": dict(record.get("tags", {})),
            "metrics": dict(record.get("metrics", {})),
            "slices": {k: dict(v) for k, v in record.get("slices", {}).items()},
            "status": None,
            "notes": [],
            "evaluations": 0,
            "withdrawn": None,
        }

    def _alias(self, action: dict[str, Any], entry: dict[str, Any]) -> None:
        if not good_alias(action["alias"]):
            raise VoidError("no alias")
        model = self.models.get(action["name"])
        if model is None:
            raise VoidError("no model")
        present = model["aliases"].get(action["alias"])
        expect = action.get("expect")
        if expect is not None and expect["version"] != present:
            raise VoidError("the alias is elsewhere")
        if action["version"] is None:
            if present is None:
                raise VoidError("the alias is not set")
            del model["aliases"][action["alias"]]
        else:
            found = self._version(action["name"], action["version"])
            if found["withdrawn"] is not None:
                raise VoidError("withdrawn")
            model["aliases"][action["alias"]] = action["version"]
        move = [entry["seq"], action.get("kind", "promote"), present, action["version"]]
        model["moves"].setdefault(action["alias"], []).append(move)

    def _status(self, action: dict[str, Any], _: dict[str, Any]) -> None:
        if action["status"] is not None and action["status"] not in self.statuses:
            raise VoidError("an undeclared status")
        self._version(action["name"], action["version"])["status"] = action["status"]

    def _tag(self, action: dict[str, Any], _: dict[str, Any]) -> None:
        tags = self._version(action["name"], action["version"])["tags"]
        for key in action.get("unset", []):
            tags.pop(key, None)
        tags.update(action.get("set", {}))

    def _attest(self, action: dict[str, Any], _: dict[str, Any]) -> None:
        self._version(action["name"], action["version"])

    def _note(self, action: dict[str, Any], _: dict[str, Any]) -> None:
        notes = self._version(action["name"], action["version"])["notes"]
        notes.append(action["text"])

    def _metrics(self, action: dict[str, Any], _: dict[str, Any]) -> None:
        found = self._version(action["name"], action["version"])
        found["evaluations"] += 1
        if action.get("dataset") is None:
            found["metrics"].update(action.get("metrics", {}))
            for name, values in action.get("slices", {}).items():
                found["slices"].setdefault(name, {}).update(values)

    def _withdraw(self, action: dict[str, Any], _: dict[str, Any]) -> None:
        found = self._version(action["name"], action["version"])
        if found["withdrawn"] is not None:
            raise VoidError("withdrawn already")
        if action["version"] in self.models[action["name"]]["aliases"].values():
            raise VoidError("an alias names it")
        found["withdrawn"] = action["reason"]

    def _restore(self, action: dict[str, Any], _: dict[str, Any]) -> None:
        found = self._version(action["name"], action["version"])
        if found["withdrawn"] is None:
            raise VoidError("not withdrawn")
        found["withdrawn"] = None

    def _feature(self, action: dict[str, Any], _: dict[str, Any]) -> None:
        for flag in ("read", "write"):
            self.features[flag] |= set(action.get(flag, []))

    # Files.

    def files(self, name: str, number: str) -> dict[str, bytes]:
        """Return every file of a version, each digest checked."""
        version = self._version(name, number)
        hexdigits = version["manifest"].partition(":")[2]
        raw = self._key(f"manifests/{hexdigits}.jsonl", 64 * MIB + 1)
        if raw is None or self.digest(raw) != version["manifest"]:
            raise DamagedError("the manifest")
        first, second, end = raw.split(b"\n")
        if end or self.digest(first) != version["bundle"]:
            raise DamagedError("the bundle")
        bundle, layout = strict(first), strict(second)
        version_of(bundle)
        found = {}
        for file in bundle["files"]:
            data = b"".join(map(self._slice, layout["files"][file["path"]]))
            if len(data) != file["size"] or self.digest(data) != file["digest"]:
                raise DamagedError(file["path"])
            found[file["path"]] = data
        if found.keys() != layout["files"].keys():
            raise DamagedError("the layout")
        return found

    def _slice(self, piece: dict[str, Any]) -> bytes:
        if piece.get("codec", "none") != "none":
            raise UpgradeError(piece["codec"])
        name, stop = piece["object"], piece["offset"] + piece["length"]
        data = self._key(f"objects/{name[:2]}/{name}", stop)
        if data is None or len(data) != stop:
            raise DamagedError(name)
        return data[piece["offset"] :]

    def check_objects(self) -> int:
        """Check that every object holds what its name says; return how many."""
        count = 0
        for path in sorted((self.folder / "objects").glob("*/*")):
            hexdigits = path.name.partition(".")[0]
            assert path.parent.name == hexdigits[:2]
            assert self.digest(path.read_bytes()).partition(":")[2] == hexdigits
            count += 1
        return count
