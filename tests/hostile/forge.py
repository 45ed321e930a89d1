"""Registries written by hand, as somebody would who means harm: sealed and chained.

Uses nothing of modelver's, so that what it refuses to write can be written here.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

UUID: Final = "00112233445566778899aabbccddeeff"
TIME: Final = "2026-03-01T09:30:00.000000Z"
DIGEST: Final = "b3:" + "0" * 64


def digest(algorithm: str, data: bytes) -> str:
    """Return ``<algorithm>:<hex>``."""
    hasher = blake3(data) if algorithm == "b3" else hashlib.sha256(data)
    return f"{algorithm}:{hasher.hexdigest()}"


def dumps(value: Any) -> bytes:
    """Return compact JSON; NaN and lone surrogates are written as they come."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def sealed(body: bytes | Mapping[str, Any], algorithm: str = "b3") -> bytes:
    """Return *body*, an object of JSON, with its check as the last field."""
    raw = body if isinstance(body, bytes) else dumps(body)
    raw = raw.removesuffix(b"}")
    return raw + b',"check":"' + digest(algorithm, raw).encode() + b'"}\n'


def rolled(plain: bytes, algorithm: str = "b3") -> bytes:
    """Return *plain* as a gzip file whose comment is the digest of what follows it."""
    body = gzip.compress(plain, mtime=0)[10:]
    seal = digest(algorithm, body).encode()
    return bytes.fromhex("1f8b08100000000002ff") + seal + b"\0" + body


class Forge:
    """A registry in a folder, written key by key."""

    def __init__(self, root: Path, algorithm: str = "b3", **fields: Any) -> None:
        self.root = root
        self.algorithm = algorithm
        self.seq = 0
        self._said: dict[str, dict[str, Any]] = {}
        document = {
            "format": 1,
            "uuid": UUID,
            "digest": algorithm,
            "read": [],
            "write": [],
            "statuses": ["approved", "archived"],
            "protected_aliases": [],
            "created": TIME,
            "tool": "forge",
            **fields,
        }
        raw = sealed(document, algorithm)
        self.put("registry.json", raw)
        self.head = digest(algorithm, raw)

    def put(self, key: str, data: bytes) -> Path:
        """Write *data* under *key*, over whatever is there."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def object(self, data: bytes, incarnation: int = 0) -> str:
        """Write an object; return its name."""
        hexdigits = digest(self.algorithm, data).partition(":")[2]
        name = f"{hexdigits}.{incarnation}"
        self.put(f"objects/{name[:2]}/{name}", data)
        return name

    def file(self, path: str, data: bytes) -> tuple[dict[str, Any], list[Any]]:
        """Write a file's object; return what a manifest says of it, and its slices."""
        entry = {
            "path": path,
            "role": path.partition("/")[0],
            "size": len(data),
            "digest": digest(self.algorithm, data),
            "executable": False,
        }
        cut = {
            "object": self.object(data) if data else "",
            "offset": 0,
            "length": len(data),
            "codec": "none",
        }
        return entry, [cut] if data else []

    def manifest(self, line1: bytes, line2: bytes) -> dict[str, str]:
        """Write a manifest of two lines; return how a register action cites it."""
        raw = line1 + b"\n" + line2 + b"\n"
        cited = digest(self.algorithm, raw)
        self.put(f"manifests/{cited.partition(':')[2]}.jsonl", raw)
        return {"bundle": digest(self.algorithm, line1), "manifest": cited}

    def bundle(
        self, files: Mapping[str, bytes] | None = None, **fields: Any
    ) -> dict[str, str]:
        """Write a sound bundle; *fields* replace what its line says."""
        made = {
            path: self.file(path, data)
            for path, data in sorted((files or {"model/w.bin": b"weights"}).items())
        }
        line1 = {
            "format": 1,
            "files": [entry for entry, _ in made.values()],
            "inputs": [],
            "code": None,
            "environment": None,
            **fields,
        }
        line2 = {"files": {path: cut for path, (_, cut) in made.items()}}
        cited = self.manifest(dumps(line1), dumps(line2))
        sizes = [entry["size"] for entry, _ in made.values()]
        self._said[cited["manifest"]] = {"files": len(sizes), "size": sum(sizes)}
        return cited

    def entry(self, *actions: Any, **fields: Any) -> bytes:
        """Return the next entry, sealed and chained; *fields* replace its own."""
        document = {
            "format": 1,
            "seq": self.seq + 1,
            "prev": self.head,
            "txid": f"{self.seq + 1:032x}",
            "time": TIME,
            "actor": "mallory",
            "tool": "forge",
            "message": None,
            "critical": True,
            "actions": list(actions),
            **fields,
        }
        return sealed(document, self.algorithm)

    def raw(self, data: bytes) -> int:
        """Write *data* as the next entry, whatever it is; return its number."""
        self.seq += 1
        self.put(f"log/{self.seq:020d}.json", data)
        self.head = digest(self.algorithm, data[: 2**20 + 1])
        return self.seq

    def commit(self, *actions: Any, **fields: Any) -> int:
        """Write the next entry; return its number."""
        return self.raw(self.entry(*actions, **fields))

    def entries(self, first: int, last: int) -> list[bytes]:
        """Return the raw entries *first* to *last* as the log has them."""
        keys = (f"log/{seq:020d}.json" for seq in range(first, last + 1))
        return [(self.root / key).read_bytes() for key in keys]

    def rollup(
        self, first: int, entries: Sequence[bytes], *, head: bytes | None = None
    ) -> Path:
        """Write a rollup that is sealed as it should be, whatever it holds."""
        last = first + len(entries) - 1
        if head is None:
            sizes = [len(raw) for raw in entries]
            head = dumps({"format": 1, "from": first, "to": last, "sizes": sizes})
        raw = rolled(head + b"\n" + b"".join(entries), self.algorithm)
        return self.put(f"rollups/{first}-{last}.json.gz", raw)

    def register(
        self,
        name: str = "fraud",
        version: str = "1.0.0",
        cited: Mapping[str, str] | None = None,
        **record: Any,
    ) -> int:
        """Commit a registration; *record* replaces fields of its record."""
        cited = cited if cited is not None else self.bundle()
        action = {
            "type": "register",
            "name": name,
            "version": version,
            **cited,
            "record": {**self._said.get(cited["manifest"], {}), **record},
        }
        return self.commit(action)
