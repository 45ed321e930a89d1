"""Long logs, made in a second: keys and bytes as a writer would have left them."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve

from modelver._store.layout import REGISTRY, ROLLUP_SIZES, entry_key, rollup_key
from modelver._store.rollups import pack
from modelver._values.codec import entry_to_bytes, registry_to_bytes
from modelver._values.digests import digest_of
from modelver._values.entry import FORMAT, Action, Entry, Record, Register, SetAlias
from modelver._values.state import DEFAULT_STATUSES, RegistryInfo
from modelver.errors import AccessDeniedError
from modelver.plugin import Capabilities
from tests.damage.stores import Snapshot

TIME: Final = "2026-03-01T09:30:00.000000Z"
DIGEST: Final = "b3:" + "0" * 64


class LongLog:
    """A log of versions of one model, the last entry of which promotes one.

    Attributes:
        registry: ``registry.json``.
        entries: The raw entries, the first one at 0.
    """

    def __init__(self, versions: int) -> None:
        info = RegistryInfo(
            format=FORMAT,
            uuid="0" * 32,
            digest="b3",
            statuses=DEFAULT_STATUSES,
            created=TIME,
            tool="test",
        )
        self.registry = registry_to_bytes(info)
        self.entries: list[bytes] = []
        self._head = digest_of("b3", self.registry)
        for number in range(versions):
            metrics = {f"metric_{n}": (number + n) / 7 for n in range(5)}
            self._add(
                Register(
                    name="m",
                    version=f"0.{number}.0",
                    bundle=DIGEST,
                    manifest=DIGEST,
                    record=Record(metrics=metrics, files=1, size=1000),
                )
            )
        last = f"0.{versions - 1}.0"
        self._add(SetAlias(name="m", alias="production", version=last))

    def _add(self, action: Action) -> None:
        seq = len(self.entries) + 1
        entry = Entry(
            format=FORMAT,
            seq=seq,
            prev=self._head,
            txid=f"{seq:032x}",
            time=TIME,
            actor="test",
            tool="test",
            message=None,
            actions=(action,),
        )
        self.entries.append(entry_to_bytes(entry, "b3"))
        self._head = digest_of("b3", self.entries[-1])

    def keys(
        self, length: int | None = None, *, rollups: bool = True
    ) -> dict[str, bytes]:
        """Return all keys of a registry whose log has the first *length* entries."""
        entries = self.entries[:length]
        keys = {entry_key(seq): raw for seq, raw in enumerate(entries, 1)}
        if rollups:
            keys |= self._rolled(entries)
        return {REGISTRY: self.registry, **keys}

    def _rolled(self, entries: Sequence[bytes]) -> dict[str, bytes]:
        made = {}
        for size in ROLLUP_SIZES:
            for at in range(0, len(entries) - size + 1, size):
                raw = pack(at + 1, entries[at : at + size], "b3")
                made[rollup_key(at + 1, at + size)] = raw or b""
        return made


class FarStore(Snapshot):
    """Keys on the other side of the world.

    Attributes:
        stops: Answer None behind the first key that is missing, as a store may.
        refused: A prefix that may not be read.
    """

    def __init__(self, keys: Mapping[str, bytes], *, stops: bool = False) -> None:
        super().__init__(keys)
        self.capabilities: Capabilities = evolve(self.capabilities, read_window=8)
        self.stops = stops
        self.refused = ""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        if self.refused and key.startswith(self.refused):
            raise AccessDeniedError(f"{key!r} is refused", key=key)
        return super().read(key, start, end)

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        found = super().read_many(keys, limit)
        if not self.stops or None not in found:
            return found
        end = found.index(None)
        return found[:end] + [None] * (len(found) - end)
