"""A reader written from docs/reference/format-v1.md alone.

It knows ``json``, ``gzip`` and the two digests, and imports nothing of modelver's:
what it cannot find out, the page does not say. It believes nothing: a wrong byte is
an ``AssertionError``.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

MAX_ENTRY: Final = 2**20
PART: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?")
ALIAS: Final = re.compile(r"[a-z](?:[a-z0-9._-]{0,62}[a-z0-9])?")
NUMBER: Final = "(?:0|[1-9][0-9]*)"
WORD: Final = rf"(?:{NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
SEMVER: Final = re.compile(
    rf"{NUMBER}\.{NUMBER}\.{NUMBER}(?:-{WORD}(?:\.{WORD})*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
KNOWN: Final = frozenset(
    "register alias status tag note metrics withdraw restore feature".split()
)


class VoidError(Exception):
    """What an entry says has no effect."""


def digest(algorithm: str, data: bytes) -> str:
    """Return ``<algorithm>:<hex>``."""
    hasher = {"b3": blake3, "sha256": hashlib.sha256}[algorithm](data)
    return f"{algorithm}:{hasher.hexdigest()}"


def sealed(document: dict[str, Any], algorithm: str) -> bytes:
    """Return *document* as one line that ends in its check."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    body = text.encode().removesuffix(b"}")
    return body + f',"check":"{digest(algorithm, body)}"}}\n'.encode()


def unseal(raw: bytes, algorithm: str) -> Any:
    """Return the document that *raw* holds; void where it never was one."""
    length = {"b3": 80, "sha256": 84}[algorithm]
    body, tail = raw[:-length], raw[-length:]
    if len(raw) > MAX_ENTRY:
        raise VoidError("too long")
    if not re.fullmatch(rb',"check":"%b:[0-9a-f]{64}"}\n' % algorithm.encode(), tail):
        raise VoidError("no seal")
    assert tail == f',"check":"{digest(algorithm, body)}"}}\n'.encode(), "damage"
    return json.loads(body + b"}")


class Foreign:
    """A registry in a folder, read once.

    Args:
        root: The folder.
        rollups: Take the entries from rollups where there are any.
    """

    def __init__(self, root: Path, *, rollups: bool = False) -> None:
        self.root = root
        self._rollups = rollups
        self.rolled = 0
        raw = (root / "registry.json").read_bytes()
        self.algorithm = "sha256" if b'"sha256:' in raw[-90:] else "b3"
        self.info = unseal(raw, self.algorithm)
        assert self.info["format"] == 1
        assert self.info["digest"] == self.algorithm
        assert re.fullmatch("[0-9a-f]{32}", self.info["uuid"])
        self.read: set[str] = set(self.info.get("read", []))
        self.write: set[str] = set(self.info.get("write", []))
        self.head = digest(self.algorithm, raw)
        self.seq = 0
        self.models: dict[str, dict[str, Any]] = {}
        self.voids: list[int] = []
        for raw in self._entries():
            self._take(raw)
        assert not self.read, "it needs features"

    def _entries(self) -> Iterator[bytes]:
        seq = 1
        while True:
            for size in (4096, 64) if self._rollups else ():
                key = f"rollups/{seq}-{seq + size - 1}.json.gz"
                if (self.root / key).exists():
                    found = self._unpack(self.root / key, seq, size)
                    self.rolled += size
                    yield from found
                    seq += size
                    break
            else:
                path = self.root / f"log/{seq:020d}.json"
                if not path.exists():
                    return
                yield path.read_bytes()[: MAX_ENTRY + 1]
                seq += 1

    def _unpack(self, path: Path, first: int, size: int) -> list[bytes]:
        raw = path.read_bytes()
        assert raw[:10].hex() == "1f8b08100000000002ff"
        seal, _, body = raw[10:].partition(b"\0")
        assert seal.decode() == digest(self.algorithm, body)
        head, _, plain = gzip.decompress(raw).partition(b"\n")
        said = json.loads(head)
        assert (said["format"], said["from"], said["to"]) == (
            1,
            first,
            first + size - 1,
        )
        entries = []
        for length in said["sizes"]:
            entries.append(plain[:length])
            plain = plain[length:]
        assert not plain
        assert len(entries) == size
        last = self.root / f"log/{first + size - 1:020d}.json"
        assert last.read_bytes() == entries[-1]
        return entries

    def _take(self, raw: bytes) -> None:
        self.seq += 1
        before, self.head = self.head, digest(self.algorithm, raw)
        try:
            entry = unseal(raw, self.algorithm)
            assert entry["format"] == 1
            assert (entry["seq"], entry["prev"]) == (self.seq, before), "chain"
            self._fold(entry)
        except VoidError:
            self.voids.append(self.seq)

    def _fold(self, entry: dict[str, Any]) -> None:
        kept = json.dumps([self.models, sorted(self.read), sorted(self.write)])
        try:
            for action in entry["actions"]:
                known = action.get("type") in KNOWN
                assert known or not entry.get("critical", True), "needs an upgrade"
                if known:
                    do: Callable[..., None] = getattr(self, f"_{action['type']}")
                    do(action, entry)
        except VoidError:
            models, read, write = json.loads(kept)
            self.models, self.read, self.write = models, set(read), set(write)
            raise

    def _version(self, action: dict[str, Any]) -> dict[str, Any]:
        versions = self.models.get(action["name"], {"versions": {}})["versions"]
        found: dict[str, Any] | None = versions.get(action["version"].split("+")[0])
        if found is None or found["version"] != action["version"]:
            raise VoidError("no such version")
        return found

    def _register(self, action: dict[str, Any], entry: dict[str, Any]) -> None:
        name, version = action["name"], action["version"]
        parts = name.split("/")
        if len(parts) > 3 or not all(PART.fullmatch(p) for p in parts):
            raise VoidError("no name")
        if len(version) > 128 or not SEMVER.fullmatch(version):
            raise VoidError("no number")
        for cited in (action["bundle"], action["manifest"]):
            if not re.fullmatch(rf"{self.algorithm}:[0-9a-f]{{64}}", cited):
                raise VoidError("no digest")
        record = action["record"]
        for parent in record.get("parents", []):
            if self._version(parent)["bundle"] != parent["bundle"]:
                raise VoidError("another parent")
        model = self.models.setdefault(
            name, {"versions": {}, "aliases": {}, "moves": []}
        )
        if version.split("+")[0] in model["versions"]:
            raise VoidError("taken")
        model["versions"][version.split("+")[0]] = {
            "version": version,
            "bundle": action["bundle"],
            "manifest": action["manifest"],
            "seq": entry["seq"],
            "time": entry["time"],
            "author": entry["actor"],
            "message": entry.get("message"),
            "description": record.get("description"),
            "params": record.get("params", {}),
            "metrics": dict(record.get("metrics", {})),
            "slices": {k: dict(v) for k, v in record.get("slices", {}).items()},
            "tags": dict(record.get("tags", {})),
            "parents": [
                f"{p['name']}@{p['version']}" for p in record.get("parents", [])
            ],
            "status": None,
            "notes": [],
            "evaluations": 0,
            "withdrawn": None,
        }

    def _alias(self, action: dict[str, Any], entry: dict[str, Any]) -> None:
        alias, version = action["alias"], action["version"]
        if not ALIAS.fullmatch(alias) or alias in {"latest", "newest"}:
            raise VoidError("no alias")
        model = self.models.get(action["name"])
        if model is None:
            raise VoidError("no model")
        previous = model["aliases"].get(alias)
        expect = action.get("expect")
        if expect is not None and expect["version"] != previous:
            raise VoidError("elsewhere")
        if version is None:
            if previous is None:
                raise VoidError("not set")
            del model["aliases"][alias]
        else:
            if self._version(action)["withdrawn"] is not None:
                raise VoidError("withdrawn")
            model["aliases"][alias] = version
        kind = action.get("kind", "promote")
        model["moves"].append([entry["seq"], alias, previous, version, kind])

    def _status(self, action: dict[str, Any], _: Any) -> None:
        status = action["status"]
        if status is not None and status not in self.info["statuses"]:
            raise VoidError("not declared")
        self._version(action)["status"] = status

    def _tag(self, action: dict[str, Any], _: Any) -> None:
        tags = self._version(action)["tags"]
        for key in action.get("unset", []):
            tags.pop(key, None)
        tags.update(action.get("set", {}))

    def _note(self, action: dict[str, Any], _: Any) -> None:
        self._version(action)["notes"].append(action["text"])

    def _metrics(self, action: dict[str, Any], _: Any) -> None:
        version = self._version(action)
        version["evaluations"] += 1
        if action.get("dataset") is None:
            version["metrics"].update(action.get("metrics", {}))
            for name, values in action.get("slices", {}).items():
                version["slices"].setdefault(name, {}).update(values)

    def _withdraw(self, action: dict[str, Any], _: Any) -> None:
        version = self._version(action)
        held = self.models[action["name"]]["aliases"].values()
        if version["withdrawn"] is not None or action["version"] in held:
            raise VoidError("withdrawn, or in use")
        version["withdrawn"] = action["reason"]

    def _restore(self, action: dict[str, Any], _: Any) -> None:
        version = self._version(action)
        if version["withdrawn"] is None:
            raise VoidError("not withdrawn")
        version["withdrawn"] = None

    def _feature(self, action: dict[str, Any], _: Any) -> None:
        self.read |= set(action.get("read", []))
        self.write |= set(action.get("write", []))

    # What modelver is asked as well.

    def files(self, version: dict[str, Any]) -> dict[str, bytes]:
        """Return the bytes of a version's files, each checked against its digest."""
        hexdigits = version["manifest"].split(":")[1]
        raw = (self.root / f"manifests/{hexdigits}.jsonl").read_bytes()
        assert digest(self.algorithm, raw) == version["manifest"]
        first, second, rest = raw.split(b"\n")
        assert rest == b""
        assert digest(self.algorithm, first) == version["bundle"]
        bundle, layout = json.loads(first), json.loads(second)
        found = {}
        for file in bundle["files"]:
            assert file["path"].startswith(file["role"] + "/")
            pieces = []
            for cut in layout["files"][file["path"]]:
                assert cut.get("codec", "none") == "none"
                name, start = cut["object"], cut["offset"]
                data = (self.root / f"objects/{name[:2]}/{name}").read_bytes()
                pieces.append(data[start : start + cut["length"]])
            data = b"".join(pieces)
            assert len(data) == file["size"]
            assert digest(self.algorithm, data) == file["digest"]
            found[file["path"]] = data
        assert set(layout["files"]) == set(found)
        return found

    def answers(self) -> dict[str, Any]:
        """Return all that the registry says, as JSON has it."""
        models = {}
        for name, model in self.models.items():
            versions = {}
            for version in model["versions"].values():
                files = self.files(version)
                told = {k: v for k, v in version.items() if k != "manifest"}
                told["files"] = {p: files[p].decode("latin-1") for p in sorted(files)}
                versions[version["version"]] = told
            models[name] = {
                "versions": versions,
                "aliases": model["aliases"],
                "moves": sorted(model["moves"], key=lambda move: (move[0], move[1])),
            }
        return {
            "uuid": self.info["uuid"],
            "seq": self.seq,
            "voids": self.voids,
            "models": models,
        }


def append(root: Path, *actions: Any, **fields: Any) -> bytes:
    """Commit *actions* by hand, whatever they are; *fields* replace the entry's own."""
    before = Foreign(root)
    document = {
        "format": 1,
        "seq": before.seq + 1,
        "prev": before.head,
        "txid": f"{before.seq + 1:032x}",
        "time": "2026-03-01T09:30:00.000000Z",
        "actor": "another program",
        "tool": "by hand",
        "message": None,
        "critical": True,
        "actions": list(actions),
        **fields,
    }
    raw = sealed(document, before.algorithm)
    (root / f"log/{before.seq + 1:020d}.json").write_bytes(raw)
    return raw


def append_junk(root: Path, data: bytes) -> None:
    """Write *data*, which is no entry, as the next one."""
    seq = Foreign(root).seq + 1
    (root / f"log/{seq:020d}.json").write_bytes(data)
