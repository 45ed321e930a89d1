"""How keys are spelled. Only the store knows."""

import re
from typing import Final

REGISTRY: Final = "registry.json"
LOG: Final = "log/"
ROLLUPS: Final = "rollups/"
MANIFESTS: Final = "manifests/"
OBJECTS: Final = "objects/"
ATTESTATIONS: Final = "attestations/"
# What `doctor` writes to see what the store does, and deletes again where it may.
DOCTOR: Final = "doctor/"

ROLLUP_SIZES: Final = (4096, 64)

_ENTRY = re.compile(r"log/([0-9]{20})\.json")
_OBJECT = re.compile(r"objects/([0-9a-f]{2})/((?:\1)[0-9a-f]{62}\.[0-9]+)")


def entry_key(seq: int) -> str:
    """``log/<20 digits>.json``."""
    return f"{LOG}{seq:020d}.json"


def seq_of(key: str) -> int | None:
    """Return the position that *key* names, or None if it is no entry's key."""
    match = _ENTRY.fullmatch(key)
    return int(match[1]) if match is not None else None


def rollup_key(first: int, last: int) -> str:
    """``rollups/<from>-<to>.json.gz``."""
    return f"{ROLLUPS}{first}-{last}.json.gz"


def manifest_key(digest: str) -> str:
    """``manifests/<hex>.jsonl``."""
    return f"{MANIFESTS}{digest.partition(':')[2]}.jsonl"


def attestation_key(manifest: str, digest: str) -> str:
    """``attestations/<manifest>/<hex>.json``."""
    return f"{ATTESTATIONS}{manifest.partition(':')[2]}/{digest.partition(':')[2]}.json"


def object_key(name: str) -> str:
    """``objects/<aa>/<hex>.<incarnation>``."""
    return f"{OBJECTS}{name[:2]}/{name}"


def object_of(key: str) -> str | None:
    """Return the object that *key* names, or None if it is no object's key."""
    match = _OBJECT.fullmatch(key)
    return match[2] if match is not None else None
