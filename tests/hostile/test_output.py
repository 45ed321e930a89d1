"""A registry full of hostile text, shown every way there is: no byte of it acts.

Every field of the log that takes free text holds escape sequences, bidi marks, line
breaks and markup. What is shown on a terminal, in a notebook or in a traceback is
searched, byte by byte.
"""

import re
import traceback
import warnings
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import ModelverError, ModelverWarning, Registry
from modelver._cli import main
from tests.damage.stores import flipped
from tests.hostile.forge import Forge, dumps, sealed
from tests.hostile.watching import untouched

# One of each kind: clears the screen, sets the clipboard, ends a string, turns the
# writing round, breaks the line, begins markup, leaves an attribute, is a formula.
EVIL: Final = (
    "=1+1\x1b[2J\x1b]52;c;aGk=\x07\x9b31m\u202e\u2066\u200b\r\n\x00\x7f"
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>`|"
    "[a](javascript:x)"
)
DIGEST: Final = "b3:" + "0" * 64

ACTS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def evil(where: str) -> str:
    """Return hostile text that says where it was."""
    return f"{where}{EVIL}"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Return a registry whose every free text is hostile."""
    forge = Forge(tmp_path / "r", tool=EVIL, created=EVIL)
    said = {"actor": evil("actor"), "tool": evil("tool"), "message": evil("message")}
    said |= {"time": evil("time"), "txid": evil("txid")}
    source = {"name": evil("input"), "digest": DIGEST, "size": 0, "kind": evil("kind")}
    source |= {name: evil(name) for name in ("uri", "version", "split", "license")}
    source["schema"] = {evil("column"): evil("type")}
    code = {"commit": evil("commit"), "system": evil("system")}
    environment = {
        "implementation": evil("implementation"),
        "python": evil("python"),
        "packages": {evil("package"): evil("release")},
    }
    config = dumps({evil("key"): evil("value"), "list": [evil("item")]})
    cited = forge.bundle(
        {"config/c.json": config, "model/w.bin": b"weights"},
        inputs=[source],
        code=code,
        environment=environment,
    )
    record: dict[str, Any] = {
        "params": {evil("param"): {evil("inner"): evil("value")}},
        "metrics": {evil("metric"): 0.5},
        "slices": {evil("slice"): {evil("metric"): 0.5}},
        "tags": {evil("tag"): evil("label")},
        "description": evil("description"),
        "inputs": [source],
        "code": code,
        "structure": evil("structure"),
        "bump": evil("bump"),
        "bump_reason": evil("bump reason"),
        "run": {evil("run"): evil("host")},
        "files": 2,
        "size": 7 + len(config),
    }

    def act(verb: str, number: str = "1.0.0", /, **fields: Any) -> dict[str, Any]:
        return {"type": verb, "name": "fraud", "version": number, **fields}

    for version in ("1.0.0", "1.1.0", "1.2.0"):
        number = {**record, "metrics": {evil("metric"): len(version)}}
        action = act("register", version, **cited, record=number)
        forge.commit(action, **said)
    forge.commit(act("note", text=evil("note")), **said)
    forge.commit(
        act("metrics", metrics={evil("later"): 1}, dataset=evil("data"), when=EVIL),
        act("metrics", metrics={evil("same"): 1}),
        act("status", status="approved", reason=evil("reason")),
        act("alias", alias="production", kind=evil("kind"), reason=evil("reason")),
        act("withdraw", "1.1.0", reason=evil("reason")),
        **said,
    )
    forge.commit({"type": evil("type")}, critical=False, **said)
    forge.commit(act("note", version=evil("version"), text=""), **said)
    forge.commit(act("status", status=evil("status")), **said)
    forge.commit(act("alias", alias=evil("alias")), **said)
    forge.commit({**act("note", text=""), "name": evil("name")}, **said)
    return Registry(forge.root, cache=tmp_path / "cache")


def _check_text(text: str) -> None:
    found = ACTS.search(text)
    assert found is None, ascii(text[max(0, found.start() - 60) : found.end() + 60])


class _Tags(HTMLParser):
    """Collects which elements, attributes and texts a piece of HTML has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.texts.append(data)


def _check_html(text: str) -> None:
    _check_text(text)
    parser = _Tags()
    parser.feed(text)
    assert "<script" not in text.lower()
    assert not parser.tags & {"script", "img", "a", "svg", "iframe", "link"}
    assert parser.attributes <= {
        "style",
        "class",
        "colspan",
        "rowspan",
        "scope",
        "title",
    }
    assert "(javascript:x)" in "".join(parser.texts), "it is shown, and does nothing"


SHOWN: Final[dict[str, Callable[[Registry], object]]] = {
    "registry": lambda r: r,
    "version": lambda r: r.get("fraud@1.0.0"),
    "versions": lambda r: r.versions("fraud"),
    "log": lambda r: "\n".join(map(str, r.log())),
    "summaries": lambda r: "\n".join(s for c in r.log() for s in c.summary()),
    "diff": lambda r: r.diff("fraud@1.0.0", "fraud@1.2.0"),
    "diff-repr": lambda r: repr(r.diff("fraud@1.0.0", "fraud@1.2.0")),
    "markdown": lambda r: r.diff("fraud@1.0.0", "fraud@1.2.0").to_markdown(),
    "compare": lambda r: r.compare(["fraud@1.0.0", "fraud@1.2.0"]),
    "compare-repr": lambda r: repr(r.compare(["fraud@1.0.0", "fraud@1.2.0"])),
    "lineage": lambda r: r.lineage("fraud@1.0.0"),
    "lineage-repr": lambda r: repr(r.lineage()),
    "mermaid": lambda r: r.lineage().to_mermaid(),
    "verify": lambda r: r.verify(),
    "audit": lambda r: r.get("fraud@1.0.0").audit(),
    "audits": lambda r: r.audit(),
    "gate": lambda r: r.gate("fraud@1.0.0", "slices.*.auc > 2 and auc > 2"),
    "search": lambda r: r.search("status = 'approved'"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_text(registry: Registry, name: str) -> None:
    """Nothing that is made to be printed holds what a terminal would obey."""
    text = str(SHOWN[name](registry))
    assert text
    _check_text(text)


@pytest.mark.parametrize("name", ["version", "diff", "compare", "lineage", "audit"])
def test_html(registry: Registry, name: str) -> None:
    """What a notebook shows has our own elements and attributes, and no others."""
    shown: Any = SHOWN[name](registry)
    _check_html(shown._repr_html_())


def test_mermaid(registry: Registry) -> None:
    """A graph's labels cannot end their own quotes, nor begin another line."""
    graph = registry.lineage().to_mermaid()
    for line in graph.splitlines():
        assert not re.search(r'[^\s]"[^"\])}|]*"[^"]*"', line), line
        assert "<script" not in line
        assert "click " not in line


REFUSED: Final[dict[str, Callable[[Registry], object]]] = {
    "promote-withdrawn": lambda r: r.promote("fraud@1.1.0", "production"),
    "untag": lambda r: r.untag("fraud", "missing"),
    "withdraw-held": lambda r: r.withdraw("fraud@1.0.0", "because"),
    "read-missing": lambda r: r.get("fraud@1.0.0").read("missing"),
    "no-version": lambda r: r.get("fraud@9.9.9"),
    "no-alias": lambda r: r.get("fraud@prod"),
    "no-model": lambda r: r.get("fruad"),
    "ambiguous": lambda r: r.get("b3:" + r.get("fraud@1.0.0").digest[3:9]),
    "expect": lambda r: r.promote("fraud@1.2.0", "production", expect="1.2.0"),
    "status": lambda r: r.set_status("fraud", "unheard-of"),
    "taken": lambda r: r.register("fraud", {"w": b"1"}, version="1.0.0"),
    "outcome": lambda r: r.at(99),
    "filter": lambda r: r.search(f"metrics.'{EVIL}' > 1"),
    "argument": lambda r: r.get(EVIL),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors(registry: Registry, name: str) -> None:
    """A traceback can be printed: neither the error nor its hints act."""
    warnings.simplefilter("ignore", ModelverWarning)
    with pytest.raises(ModelverError) as caught:
        REFUSED[name](registry)
    error = caught.value
    _check_text(error.message)
    for hint in error.hints:
        _check_text(hint)
    _check_text("".join(traceback.format_exception_only(error)))


def test_a_warning(registry: Registry) -> None:
    """The warning of a withdrawn version quotes a reason that somebody wrote."""
    with pytest.warns(ModelverWarning) as caught:
        registry.get("fraud@1.1.0")
    _check_text(str(caught[0].message))


def test_damage(registry: Registry) -> None:
    """What is damaged is named, and what its bytes say does not act."""
    forge_key = Path(registry.url) / f"log/{1:020d}.json"
    evil_entry = {
        "format": 1,
        "actions": [{"type": "register", "name": EVIL, "version": EVIL}],
    }
    forge_key.write_bytes(flipped(sealed(evil_entry), 200))
    for act in (Registry(registry.url).models, registry.models):
        with pytest.raises(ModelverError) as caught:
            act()
        _check_text("".join(traceback.format_exception_only(caught.value)))
    report = Registry(registry.url).verify()
    assert not report
    _check_text(str(report))


COMMANDS: Final = (
    "models", "versions fraud", "get fraud", "get fraud@1.1.0", "resolve fraud",
    "search", "search status='approved'", "aliases", "aliases fraud",
    "alias-history fraud production", "diff fraud@1.0.0 fraud@1.2.0",
    "compare fraud@1.0.0 fraud@1.2.0", "lineage", "lineage fraud@1.2.0",
    f"used-by {DIGEST}", "log", "log fraud", "files fraud", "verify",
    "untag fraud missing", "promote fraud@1.1.0 production",
    "get fraud@missing", "withdraw fraud@1.0.0 because",
)  # fmt: skip


@pytest.mark.parametrize("json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("line", COMMANDS)
def test_command_line(
    registry: Registry,
    capfdbinary: pytest.CaptureFixture[bytes],
    line: str,
    *,
    json: bool,
) -> None:
    """No command writes a byte that a terminal obeys, to neither of its outputs."""
    words = ["--registry", registry.url, *line.split()]
    capfdbinary.readouterr()
    main([*words, "--json"] if json else words)
    said = capfdbinary.readouterr()
    for raw in (said.out, said.err):
        _check_text(raw.decode("utf-8"))
        assert b"Traceback" not in raw
    assert said.out or said.err


def test_data_is_given_as_it_is(registry: Registry, tmp_path: Path) -> None:
    """Programs get what was stored, unchanged: escaping is for showing."""
    with untouched(tmp_path / "r"):
        version = registry.get("fraud@1.0.0")
        assert version.description == evil("description")
        assert version.tags == {evil("tag"): evil("label")}
        assert version.notes[0].text == evil("note")
        assert version.to_dict()["author"] == evil("actor")
