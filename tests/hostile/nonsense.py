"""Every way to hand in nonsense: values by kind, and calls that take them."""

import math
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import modelver
from modelver import ModelVersion, Registry

LONG: Final = "a" * 10_000_000
HUGE: Final = 10**5000
ESCAPE: Final = "\x1b]52;c;aGk=\x07"
BIDI: Final = "a\u202eb"
HALF: Final = "a\ud800"
NAN: Final = math.nan
INF: Final = math.inf

Act = Callable[[Registry], object]


class Odd:
    """Something that is neither text nor a number, and says terrible things."""

    def __repr__(self) -> str:
        return ESCAPE

    __str__ = __repr__


def _round() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["itself"] = found
    return found


def _deep(depth: int) -> Any:
    found: Any = 0
    for _ in range(depth):
        found = [found]
    return found


def _shared(doublings: int) -> Any:
    """Return 2**doublings values in a few bytes: the billion laughs of JSON."""
    found: Any = [0]
    for _ in range(doublings):
        found = [found, found]
    return found


def _register(**words: Any) -> Act:
    words.setdefault("files", {"w": b"new"})
    words.setdefault("environment", False)
    return lambda reg: reg.register(words.get("name", "m"), **_without(words, "name"))


def _without(words: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in words.items() if key != name}


NAMES: Final = {
    "empty": "",
    "traversal": "../../x",
    "dots": "a..b",
    "capital": "Model",
    "cyrillic": "mоdel",  # noqa: RUF001 - the second letter is Cyrillic
    "at": "a@b",
    "command": "`id`",
    "newline": "abc\n",
    "nul": "a\0b",
    "escape": ESCAPE,
    "bidi": BIDI,
    "half": HALF,
    "device": "con",
    "number": "1.2.3",
    "long": LONG,
    "none": None,
    "integer": 7,
    "bytes": b"m",
    "odd": Odd(),
}
REFS: Final = {
    "empty": "",
    "no-name": "@1.0.0",
    "two": "m@1@2",
    "arabic": "m@٣.0.0",
    "underscore": "m@1_000.0.0",
    "plus": "m@+7",
    "space": "m@ 7",
    "leading-zero": "m@01.0.0",
    "short-digest": "b3:ab",
    "md5": "m@md5:" + "0" * 32,
    "traversal": "../../etc/passwd@1.0.0",
    "escape": f"m@{ESCAPE}",
    "bidi": BIDI,
    "half": HALF,
    "range-bomb": "m@" + ",".join([">=0"] * 1000),
    "long": LONG,
    "integer": 5,
    "none": None,
    "bytes": b"m",
    "odd": Odd(),
    "list": ["m"],
}
NUMBERS: Final = {
    "text": "one",
    "two-parts": "1.0",
    "v": "v",
    "newline": "1.0.0\n",
    "arabic": "٣.0.0",
    "leading-zero": "01.0.0",
    "negative": "-1.0.0",
    "space": " 1.0.0",
    "long": "1.0.0-" + "a" * 200,
    "digits": "1" * 10_000_000,
    "escape": f"1.0.0-{ESCAPE}",
}
METRICS: Final = {
    "nan": {"a": NAN},
    "infinite": {"a": INF},
    "minus-infinite": {"a": -INF},
    "text": {"a": "0.9"},
    "boolean": {"a": True},
    "none": {"a": None},
    "complex": {"a": 1j},
    "list": {"a": [0.9]},
    "odd": {"a": Odd()},
    "no-mapping": [("a", 1)],
    "name-empty": {"": 1},
    "name-number": {7: 1},
    "name-escape": {ESCAPE: 1},
    "name-bidi": {BIDI: 1},
    "name-long": {LONG: 1},
    "too-many": dict.fromkeys(map(str, range(100_000)), 1.0),
}
TAGS: Final = {
    "10MB": {"a": LONG},
    "10MB-key": {LONG: "a"},
    "escape": {"a": ESCAPE},
    "half": {"a": HALF},
    "none": {"a": None},
    "list": {"a": ["b"]},
    "key-empty": {"": "a"},
    "key-space": {"a b": "a"},
    "key-number": {7: "a"},
    "no-mapping": "a=b",
}
PARAMS: Final = {
    "nan": {"a": NAN},
    "infinite": {"a": [INF]},
    "round": _round(),
    "deep": {"a": _deep(200)},
    "huge": {"a": HUGE},
    "beyond-2^53": {"a": 2**53 + 1},
    "odd": {"a": Odd()},
    "key": {7: 1},
    "half": {"a": HALF},
    "10MB": {"a": LONG},
    "no-mapping": [1],
}
TEXTS: Final = {"escape": ESCAPE, "half": HALF, "long": LONG, "number": 7, "nul": "\0"}
FILTERS: Final = {
    "brackets": "(" * 100_000,
    "closed-brackets": "(" * 100_000 + "a = 1" + ")" * 100_000,
    "quotes": "metrics.a = '" + "a" * 1_000_000,
    "sql": "' OR 1=1--",
    "union": "name = 'm' union select * from secrets",
    "comment": "name = 'm' -- and nothing else",
    "semicolon": "name = 'm'; drop table models",
    "nan": "metrics.auc > NaN",
    "infinite": "metrics.auc > 1e999",
    "not": "not " * 100_000 + "name = 'm'",
    "and": "name = 'm' and " * 100_000 + "name = 'm'",
    "digits": "metrics.a > " + "9" * 1_000_000,
    "field": "__class__ = 'x'",
    "dunder": "metrics.__class__.__mro__ = 'x' or",
    "escape": ESCAPE,
    "number": 7,
    "bytes": b"name = 'm'",
}
URLS: Final = {
    "empty": "",
    "unknown": "gopher://x/y",
    "cache": "simplecache::s3://bucket/x",
    "reference": "reference::https://x/y",
    "zip": "zip://a.bin::file:///tmp/x.zip",
    "credentials": "s3://AKIAKEY:SECRET@bucket/x",
    "user": "https://user@host/x",
    "remote-file": "file://host/share",
    "query": "file:///tmp/x?y=1",
    "fragment": "file:///tmp/x#y",
    "nul": "./a\0b",
    "long": "/" + LONG,
    "integer": 7,
    "bytes": b"/tmp/x",
}
WHENS: Final = {
    "negative": -1,
    "beyond": 99,
    "text": "yesterday",
    "month": "2026-13-01",
    "long": LONG,
    "float": 1.5,
    "boolean": True,
    "odd": Odd(),
    "list": [1],
}
BYTES_PATHS: Final = {
    "absolute": "/etc/passwd",
    "traversal": "../x",
    "inner-traversal": "a/../../x",
    "empty": "",
    "double-slash": "a//b",
    "dot": "./a",
    "slash-at-end": "a/",
    "device": "CON",
    "device-ending": "nul.txt",
    "device-folder": "aux/x",
    "stream": "a:stream",
    "dot-at-end": "a.",
    "space-at-end": "a ",
    "drive": "C:\\x",
    "drive-relative": "D:foo",
    "unc": "\\\\host\\share",
    "backslash": "a\\..\\..\\x",
    "git": ".git/hooks/post-checkout",
    "git-case": ".GIT/config",
    "git-short": "git~1/config",
    "nul": "a\0b",
    "newline": "a\nb",
    "escape": ESCAPE,
    "bidi": BIDI,
    "half": HALF,
    "long": "a" * 2000,
    "10MB": LONG,
    "deep": "a/" * 100 + "a",
}

CASES: dict[str, Act] = {}


def _cases(prefix: str, values: dict[str, Any], make: Callable[[Any], Act]) -> None:
    for name, value in values.items():
        CASES[f"{prefix}-{name}"] = make(value)


def _ref_cases(prefix: str, ask: Callable[[Registry, Any], object]) -> None:
    _cases(prefix, REFS, lambda ref: lambda reg: ask(reg, ref))


_cases("name", NAMES, lambda v: _register(name=v))
_cases("versions", NAMES, lambda v: lambda reg: reg.versions(v))
_cases("version", NUMBERS, lambda v: _register(version=v))
_cases("metrics", METRICS, lambda v: _register(metrics=v))
_cases("slices", METRICS, lambda v: _register(slices={"s": v}))
_cases("evaluate", METRICS, lambda v: lambda reg: reg.evaluate("m", v))
_cases("tags", TAGS, lambda v: _register(tags=v))
_cases("params", PARAMS, lambda v: _register(params=v))
_cases("message", TEXTS, lambda v: _register(message=v))
_cases("description", TEXTS, lambda v: _register(description=v))
_cases("author", TEXTS, lambda v: _register(author=v))
_cases("note", TEXTS, lambda v: lambda reg: reg.note("m", v))
_cases("reason", TEXTS, lambda v: lambda reg: reg.promote("m", "a", reason=v))
_cases("withdraw", TEXTS, lambda v: lambda reg: reg.withdraw("m", v))
_cases("filter", FILTERS, lambda v: lambda reg: reg.search(v))
# A metric may be called NaN, and 1e999 is a number where nothing is a float.
_cases(
    "gate",
    {k: v for k, v in FILTERS.items() if k not in {"nan", "infinite"}},
    lambda v: lambda reg: reg.gate("m", v),
)
_cases(
    "require",
    {"lower": "b", "none-such": "E", "escape": ESCAPE, "long": LONG, "odd": Odd()},
    lambda v: _register(require=v),
)
_cases("url", URLS, lambda v: lambda _: Registry(v))
_cases("at", WHENS, lambda v: lambda reg: reg.at(v))
_cases("path", BYTES_PATHS, lambda v: _register(files={v: b"x"}))
_ref_cases("get", lambda reg, ref: reg.get(ref))
_ref_cases("resolve", lambda reg, ref: reg.resolve(ref))
_ref_cases("gate-ref", lambda reg, ref: reg.gate(ref, "a > 0"))
_ref_cases("promote", lambda reg, ref: reg.promote(ref, "production"))
_ref_cases("diff", lambda reg, ref: reg.diff("m", ref))
_ref_cases("parents", lambda reg, ref: _register(parents=[ref])(reg))
_ref_cases("set-status", lambda reg, ref: reg.set_status(ref, "approved"))
_cases(
    "alias",
    {k: v for k, v in NAMES.items() if k != "traversal"} | {"latest": "latest"},
    lambda v: lambda reg: reg.promote("m", v),
)
CASES |= {
    "metrics-of-slices-too-many": _register(
        slices={str(n): {str(m): 1.0 for m in range(300)} for n in range(300)}
    ),
    "metrics-huge": _register(metrics={"a": HUGE}),
    "slices-name": _register(slices={ESCAPE: {"a": 1}}),
    "tags-huge": _register(tags={"a": HUGE}),
    "tags-million": _register(tags=dict(zip(map(str, range(10**6)), repeat("")))),
    "params-million": _register(params={"a": [0] * 10**6}),
    "params-100MB": _register(params={"a": LONG * 10}),
    "params-laughs": _register(params={"a": _shared(18)}),
    "config-round": _register(config=_round()),
    "config-deep": _register(config={"a": _deep(200)}),
    "config-key": _register(config={7: 1}),
    "config-nan": _register(config={"a": NAN}),
    "config-odd": _register(config={"a": Odd()}),
    "config-huge": _register(config={"a": HUGE}),
    "bump": _register(bump="huge"),
    "bump-huge": _register(bump=HUGE),
    "bump-and-version": _register(bump="major", version="9.0.0"),
    "version-huge": _register(version=HUGE),
    "pre": _register(pre="rc 1"),
    "pre-escape": _register(pre=ESCAPE),
    "aliases-latest": _register(aliases="latest"),
    "aliases-many": _register(aliases=["a"] * 100_000),
    "parents-many": _register(parents=["m"] * 100_000),
    "files-nothing": _register(files={}),
    "files-number": _register(files=7),
    "files-bytes": _register(files={"w": 7}),
    "files-none": _register(files={"w": None}),
    "files-collide": _register(files={"A": b"", "a": b""}),
    "files-collide-unicode": _register(files={"\u00e9": b"", "\u0065\u0301": b""}),
    "files-below-a-file": _register(files={"a": b"", "a/b": b""}),
    "status": lambda reg: reg.set_status("m", "unheard-of"),
    "status-long": lambda reg: reg.set_status("m", LONG),
    "status-odd": lambda reg: reg.set_status("m", Odd()),  # type: ignore[arg-type]
    "tag-nothing-there": lambda reg: reg.untag("m", "missing"),
    "untag-escape": lambda reg: reg.untag("m", ESCAPE),
    "note-empty": lambda reg: reg.note("m", "  "),
    "evaluate-nothing": lambda reg: reg.evaluate("m", {}),
    "evaluate-dataset": lambda reg: reg.evaluate("m", {"a": 1}, dataset=LONG),
    "evaluate-when": lambda reg: reg.evaluate("m", {"a": 1}, when="soon"),
    "evaluate-when-early": lambda reg: reg.evaluate(
        "m", {"a": 1}, when="0001-01-01T00:00:00+14:00"
    ),
    "at-early": lambda reg: reg.at("0001-01-01T00:00:00+14:00"),
    "at-late": lambda reg: reg.at("9999-12-31T23:59:59-14:00"),
    "at-huge": lambda reg: reg.at(HUGE),
    "rollback-nothing": lambda reg: reg.rollback("m", "production"),
    "rollback-to": lambda reg: reg.rollback("m", "production", to=LONG),
    "clear-nothing": lambda reg: reg.clear_alias("m", "production"),
    "expect": lambda reg: reg.promote("m", "production", expect="9.9.9"),
    "expect-escape": lambda reg: reg.promote("m", "production", expect=ESCAPE),
    "order": lambda reg: reg.search(order_by="metrics.a; drop"),
    "order-long": lambda reg: reg.search(order_by="metrics.a," * 100_000),
    "order-number": lambda reg: reg.search(order_by=7),  # type: ignore[arg-type]
    "audit-name": lambda reg: reg.audit(ESCAPE),
    "audit-ref": lambda reg: reg.audit("m@9.9.9"),
    "audit-number": lambda reg: reg.audit(7),  # type: ignore[arg-type]
    "audit-odd": lambda reg: reg.audit(Odd()),  # type: ignore[arg-type]
    "audit-long": lambda reg: reg.audit(LONG),
    "gate-nothing": lambda reg: reg.gate("m", []),
    "gate-many": lambda reg: reg.gate("m", ["a > 1"] * 100_000),
    "gate-base": lambda reg: reg.gate("m", "a > 1", base="m@production"),
    "gate-no-base": lambda reg: reg.gate("m", "a > base.a"),
    "gate-yet": lambda reg: reg.gate("m", "a > 1", no_base_yet=True),
    "limit-0": lambda reg: reg.search(limit=0),
    "limit-text": lambda reg: reg.search(limit="5"),  # type: ignore[arg-type]
    "limit-huge": lambda reg: reg.search(limit=HUGE),
    "compare-nothing": lambda reg: reg.compare([]),
    "compare-many": lambda reg: reg.compare(["m@9.9.9"] * 100_000),
    "used-by-nothing": lambda reg: reg.used_by("/does/not/exist"),
    "used-by-nul": lambda reg: reg.used_by("a\0b"),
    "used-by-long": lambda reg: reg.used_by(LONG),
    "used-by-home": lambda reg: reg.used_by("~nobody-of-this-name/x"),
    "used-by-device": lambda reg: reg.used_by("/dev/zero"),
    "used-by-number": lambda reg: reg.used_by(5),
    "url-home": lambda _: Registry("~nobody-of-this-name/x"),
    "url-a-file": lambda _: Registry(__file__),
    "url-below-a-file": lambda _: Registry(f"{__file__}/x", create=True),
    "url-too-long": lambda _: Registry("/tmp/" + "a" * 3000),  # noqa: S108
    "digest": lambda _: Registry("memory://md5", create=True, digest="md5"),
    "statuses": lambda _: Registry("memory://s", create=True, statuses=[ESCAPE]),
    "forget-url": lambda _: modelver.forget("s3://KEY:SECRET@bucket"),
    "draft-word": lambda reg: reg.draft("m", lr=0.1),
    "draft-name": lambda reg: reg.draft(ESCAPE),
    "draft-closed": lambda reg: reg.draft("m").log_metrics({"a": 1}),
    "transaction-closed": lambda reg: reg.transaction().promote("m", "a"),
    "transaction-message": lambda reg: reg.transaction(LONG),
}
VERSION_CASES: Final[dict[str, Callable[[ModelVersion, Path], object]]] = {
    "read-missing": lambda v, _: v.read("missing"),
    "read-traversal": lambda v, _: v.read("../../etc/passwd"),
    "read-absolute": lambda v, _: v.read("/etc/passwd"),
    "read-nul": lambda v, _: v.read("w\0"),
    "read-escape": lambda v, _: v.read(ESCAPE),
    "read-long": lambda v, _: v.read(LONG),
    "read-number": lambda v, _: v.read(5),  # type: ignore[arg-type]
    "open-write": lambda v, _: v.open("w", "w"),
    "open-mode": lambda v, _: v.open("w", ESCAPE),
    "open-encoding": lambda v, _: v.open("w", "r", encoding="no-such"),
    "path-traversal": lambda v, _: v.path("../.."),
    "path-absolute": lambda v, _: v.path("/etc"),
    "path-long": lambda v, _: v.path(LONG),
    "checkout-role": lambda v, out: v.checkout(out / "x", roles=["weights"]),
    "checkout-no-file": lambda v, out: v.checkout(out / "x", roles=["docs"]),
    "checkout-nul": lambda v, _: v.checkout("a\0b"),
    "checkout-root": lambda v, _: v.checkout("/"),
    "checkout-full": lambda v, out: v.checkout(out),
    "checkout-file": lambda v, out: v.checkout(out / "file"),
    "checkout-below-a-file": lambda v, out: v.checkout(out / "file" / "x"),
    "checkout-link": lambda v, out: v.checkout(out / "link"),
    "checkout-long": lambda v, out: v.checkout(out / ("a" * 300)),
    "checkout-home": lambda v, _: v.checkout("~nobody-of-this-name/x"),
    "checkout-number": lambda v, _: v.checkout(5),  # type: ignore[arg-type]
}
