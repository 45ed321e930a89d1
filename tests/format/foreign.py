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
from typing import Any, Final, NoReturn

from blake3 import blake3

MIB: Final = 2**20
SEALS: Final = {80: "b3", 84: "sha256"}
N: Final = "(?:0|[1-9][0-9]*)"
WORD: Final = f"(?:{N}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PRE: Final = rf"{WORD}(?:\.{WORD})*"
SEMVER: Final = re.compile(
    rf"{N}\.{N}\.{N}(?:-{PRE})?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
NUMBERLIKE: Final = re.compile(
    rf"v?(?:{N}\.{N}\.{N}(?:-{PRE})?|{N}\.{N}(?:\.x)?|{N}(?:\.x){{0,2}})"
)
PART: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?")
ALIAS: Final = re.compile(r"[a-z](?:[a-z0-9._-]*[a-z0-9])?")
DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9])(?:\..*)?")


class DamagedError(Exception):
    """Bytes are not what was written: stop, and say so."""


class UpgradeError(Exception):
    """It was written by a later release, and must not be guessed at."""


class VoidError(Exception):
    """An entry that has no effect."""


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


# Names.


def good_model(name: str) -> bool:
    """Whether a model may be called so."""
    parts = name.split("/")
    return len(name) <= 200 and len(parts) <= 3 and all(map(_good_part, parts))


def _good_part(part: str) -> bool:
    return bool(
        PART.fullmatch(part)
        and ".." not in part
        and not DEVICE.fullmatch(part)
        and not NUMBERLIKE.fullmatch(part)
    )


def good_alias(alias: str) -> bool:
    """Whether an alias may be called so."""
    return bool(
        len(alias) <= 64
        and ALIAS.fullmatch(alias)
        and ".." not in alias
        and not DEVICE.fullmatch(alias)
        and alias not in ("latest", "newest")
        and not re.match(r"v[0-9]|x(?:\.x)*\Z", alias)
    )


# JSON.


def strict(raw: bytes) -> Any:
    """Parse JSON as the format has it."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise VoidError("a key twice")
        return found

    def refuse(text: str) -> NoReturn:
        raise VoidError(text)

    def finite(text: str) -> float:
        if abs(float(text)) == float("inf"):
            raise VoidError(text)
        return float(text)

    def whole(text: str) -> int:
        if len(text) > 17 or abs(int(text)) > 2**53:
            raise VoidError(text)
        return int(text)

    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=once,
            parse_constant=refuse,
            parse_float=finite,
            parse_int=whole,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise VoidError(str(error)) from error
    if _depth(value) > 32:
        raise VoidError("nested too deep")
    return value


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def version_of(document: Any) -> None:
    """Check the number of the format."""
    found = document.get("format") if isinstance(document, dict) else None
    if type(found) is int and found > 1:
        raise UpgradeError(f"format {found}")
    if type(found) is not int or found != 1:
        raise VoidError("no format")


# What the fields are: name → (type, needed). Others are passed over.

TEXT: Final = "text"
MAYBE: Final = "text or null"
INT: Final = "integer"
BOOL: Final = "boolean"
ANY: Final = "object"
TEXTS: Final = "array of text"
NUMBERS: Final = "object of numbers"
LABELS: Final = "object of text"
SLICES: Final = "object of objects of numbers"
Fields = dict[str, tuple[Any, bool]]


def _fields(**types: Any) -> Fields:
    """Return a table; a name that ends in ``_`` may be left out."""
    return {
        name.rstrip("_"): (kind, not name.endswith("_")) for name, kind in types.items()
    }


REGISTRY: Final = _fields(
    format=INT, uuid=TEXT, digest=TEXT, read_=TEXTS, write_=TEXTS, statuses_=TEXTS,
    protected_aliases_=TEXTS, created_=TEXT, tool_=TEXT,
)  # fmt: skip
ENTRY: Final = _fields(
    format=INT, seq=INT, prev=TEXT, txid=TEXT, time=TEXT, actor=TEXT, tool=TEXT,
    message_=MAYBE, critical_=BOOL, actions=[None],
)  # fmt: skip
PARENT: Final = _fields(name=TEXT, version=TEXT, bundle=TEXT)
INPUT: Final = _fields(name=TEXT, digest=TEXT, size=INT, kind_=TEXT)
CODE: Final = _fields(commit=TEXT, system_=TEXT)
RECORD: Final = _fields(
    params_=ANY, metrics_=NUMBERS, slices_=SLICES, tags_=LABELS, description_=MAYBE,
    parents_=[PARENT], inputs_=[INPUT], code_=(CODE,), files_=INT, size_=INT,
    structure_=MAYBE, bump_=TEXT, bump_reason_=MAYBE, run_=ANY,
)  # fmt: skip
ACTIONS: Final = {
    "register": _fields(
        name=TEXT, version=TEXT, bundle=TEXT, manifest=TEXT, record=RECORD
    ),
    "alias": _fields(
        name=TEXT,
        alias=TEXT,
        version=MAYBE,
        kind_=TEXT,
        expect_=(_fields(version=MAYBE),),
        reason_=MAYBE,
    ),  # fmt: skip
    "status": _fields(name=TEXT, version=TEXT, status=MAYBE, reason_=MAYBE),
    "tag": _fields(name=TEXT, version=TEXT, set_=LABELS, unset_=TEXTS),
    "note": _fields(name=TEXT, version=TEXT, text=TEXT),
    "metrics": _fields(
        name=TEXT,
        version=TEXT,
        metrics_=NUMBERS,
        slices_=SLICES,
        dataset_=MAYBE,
        when_=MAYBE,
    ),  # fmt: skip
    "withdraw": _fields(name=TEXT, version=TEXT, reason=TEXT),
    "restore": _fields(name=TEXT, version=TEXT, reason_=MAYBE),
    "feature": _fields(read_=TEXTS, write_=TEXTS),
}


def check(value: Any, fields: Fields) -> None:
    """Check that an object has these fields, each of its type."""
    if not isinstance(value, dict):
        raise VoidError("no object")
    for name, (kind, needed) in fields.items():
        if name not in value:
            if needed:
                raise VoidError(f"{name} is missing")
        elif not _fits(value[name], kind):
            raise VoidError(f"{name} is no {kind}")


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, dict):
        check(value, kind)
        return True
    if isinstance(kind, tuple):  # null, or what is inside
        return value is None or _fits(value, kind[0])
    if isinstance(kind, list):
        if type(value) is list and kind[0] is not None:
            return all(_fits(item, kind[0]) for item in value)
        return type(value) is list
    if kind == TEXTS:
        return type(value) is list and all(type(v) is str for v in value)
    if kind in (NUMBERS, LABELS, SLICES, ANY):
        return type(value) is dict and all(
            _fits_inside(v, kind) for v in value.values()
        )
    allowed = {TEXT: [str], MAYBE: [str, type(None)], INT: [int], BOOL: [bool]}
    return type(value) in allowed[kind]


def _fits_inside(value: Any, kind: str) -> bool:
    if kind == SLICES:
        return _fits(value, NUMBERS)
    wanted: dict[str, list[type]] = {NUMBERS: [int, float], LABELS: [str]}
    return kind == ANY or type(value) in wanted[kind]
