"""The store: registry.json, the log, manifests and objects, over a backend.

Knows keys, digests and commits; knows nothing of refs, folders or people. Verification
is ``modelver._store.check``, loaded when it is asked for.
"""

from modelver._store.attestations import AttestationStore
from modelver._store.commit import Committer
from modelver._store.far import is_far
from modelver._store.identity import create_registry, open_registry
from modelver._store.log import Folded, Log
from modelver._store.manifests import ManifestStore
from modelver._store.memory import HeadMemory, place_of
from modelver._store.mirror import Mirror, MirrorBackend
from modelver._store.objects import ObjectStore
from modelver._store.overlay import OverlayBackend

__all__ = [
    "AttestationStore",
    "Committer",
    "Folded",
    "HeadMemory",
    "Log",
    "ManifestStore",
    "Mirror",
    "MirrorBackend",
    "ObjectStore",
    "OverlayBackend",
    "create_registry",
    "is_far",
    "open_registry",
    "place_of",
]
