"""With ``--json`` every verb prints one document, of the keys that the manual says."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from modelver._cli.parser import VERBS
from modelver._registry.registry import Registry

Run = Callable[..., Any]

VERSION: Final = (
    "ref name version digest seq created_at author message description bump "
    "bump_reason params metrics slices tags status status_reason aliases withdrawn "
    "parents inputs code size run notes evaluations"
)
COMMIT: Final = "seq txid time author tool message void actions"
REPORT: Final = (
    "ok deep commits voids versions intact damaged objects bytes unreferenced problems"
)
AUDIT: Final = "ref grade next_grade missing checks omitted"
USAGE: Final = "total deduplication models versions"
DIFF: Final = (
    "old new metrics slices params config files inputs packages code hardware tags"
)
REPRODUCTION: Final = "ref digest level ok results plan workdir attestation host"
ENVIRONMENT: Final = "ref implementation python packages fingerprints sources locks"
DIAGNOSIS: Final = (
    "url verdict means ok backend capabilities versions settings findings milliseconds "
    "skew left"
)
PIN: Final = "path target ref version digest state"
GIT: Final = "top hooks present filter interpreter works"
MOVE: Final = "seq time kind version previous author reason"

# A line for each verb, the keys of its document, and whether it is a list of them.
CALLS: Final = {
    "init": ("init", "url uuid statuses created", False),
    "register": ("register new train.csv", f"{VERSION} created", False),
    "get": ("get fraud", VERSION, False),
    "resolve": ("resolve fraud", "ref", False),
    "models": ("models", "name versions latest newest aliases", True),
    "versions": ("versions fraud", VERSION, True),
    "search": ("search", VERSION, True),
    "promote": ("promote fraud best", VERSION, False),
    "rollback": ("rollback fraud moved", VERSION, False),
    "clear-alias": ("clear-alias fraud staging", "name alias version", False),
    "aliases": ("aliases", "name alias version ref", True),
    "alias-history": ("alias-history fraud production", MOVE, True),
    "set-status": ("set-status fraud approved", VERSION, False),
    "tag": ("tag fraud a=b", VERSION, False),
    "untag": ("untag fraud@0.1.0 task", VERSION, False),
    "note": ("note fraud hello", VERSION, False),
    "evaluate": ("evaluate fraud auc=1", VERSION, False),
    "withdraw": ("withdraw fraud@0.3.0 --reason x", VERSION, False),
    "restore": ("restore fraud@0.2.0", VERSION, False),
    "diff": ("diff fraud@0.1.0 fraud@0.2.0", DIFF, False),
    "compare": ("compare fraud@0.1.0 fraud@0.2.0", "refs rows", False),
    "lineage": ("lineage fraud", "root nodes edges", False),
    "used-by": ("used-by train.csv", VERSION, True),
    "log": ("log", COMMIT, True),
    "files": ("files fraud", "path role size digest executable", True),
    "cat": ("cat fraud w.bin", "ref path size base64", False),
    "path": ("path fraud", "ref path", False),
    "checkout": ("checkout fraud out", "ref path", False),
    "verify": ("verify", REPORT, False),
    "du": ("du", USAGE, False),
    "audit": ("audit fraud@0.1.0", AUDIT, False),
    "gate": ("gate fraud@0.1.0 auc>0.5", "ref base passed tests", False),
    "pin": ("pin fraud@0.1.0 models", PIN, False),
    "pull": ("pull", PIN, True),
    "update": ("update", "path name ref old new", True),
    "git": ("git status", GIT, False),
    "env": ("env whole", ENVIRONMENT, False),
    "reproduce": ("reproduce fraud@0.1.0", REPRODUCTION, False),
    "reproducibility": ("reproducibility", "versions attempted levels", False),
    "doctor": ("doctor --read-only", DIAGNOSIS, False),
    "cache": ("cache", "folder size max_size max_age registries", False),
    "outcome": ("outcome TXID", "landed commit", False),
    "forget": ("forget", "url", False),
    "plugins": ("plugins", "group name target distribution version", True),
    "version": ("version", "modelver python", False),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_document(cli: Run, fraud: Registry, verb: str) -> None:
    """A verb prints one document with exactly these keys, and nothing else."""
    fraud.register("fraud", {"w.bin": b"three"}, version="0.3.0", environment=False)
    fraud.register("whole", {"w.bin": b"1"})
    for ref in ("fraud@0.1.0", "fraud@0.2.0"):
        fraud.promote(ref, "moved")
    if verb in ("pin", "pull", "update", "git"):
        subprocess.run(["git", "init", "-q"], check=True)  # noqa: S607 - the one on the PATH
    if verb in ("pull", "update"):
        assert cli("pin", "fraud@0.1.0", "models").code == 0
    line, keys, is_list = CALLS[verb]
    said = cli("--json", *line.replace("TXID", fraud.log()[0].txid).split())
    assert (said.code, said.err) == (0, "")
    assert isinstance(said.json, list) is is_list
    documents = said.json if is_list else [said.json]
    assert documents, "an empty list shows nothing"
    for document in documents:
        assert list(document) == keys.split()


def test_the_manual_names_the_keys() -> None:
    """The table of documents in the manual has the keys of every verb."""
    page = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
    table = page.read_text(encoding="utf-8").partition("## Documents")[2]
    words = " ".join(table.partition("<!-- verbs: begin -->")[0].split())
    for verb, (_, keys, _) in CALLS.items():
        assert f"`{verb}`" in words, verb
        if VERSION not in keys:
            shown = keys.removeprefix("old new ") if verb == "diff" else keys
            assert f"`{shown}`" in words or f" {shown}" in words, verb
    assert f"`{VERSION}`" in words


def test_errors_are_documents(cli: Run, fraud: Registry) -> None:
    """An error is one line of JSON on standard error, with class, kind and facts."""
    said = cli("get", "fraudd", "--json")
    assert (said.code, said.out) == (3, "")
    assert json.loads(said.err) == {
        "error": "ModelNotFoundError",
        "kind": "model",
        "message": "there is no model 'fraudd' in the registry",
        "hints": ["Close to it: fraud."],
        "facts": {"ref": "fraudd", "near": ["fraud"]},
    }
    assert fraud.seq == 3


def test_usage_errors_are_documents(cli: Run) -> None:
    """A slip of usage is told as the library tells a bad argument."""
    found = json.loads(cli("get", "--json").err)
    assert (found["error"], found["kind"]) == ("InvalidInputError", "bad-argument")


def test_warnings_are_documents(cli: Run, fraud: Registry) -> None:
    """A warning is one line of JSON, and the answer comes all the same."""
    fraud.clear_alias("fraud", "staging")
    fraud.withdraw("fraud@0.2.0", "bad")
    said = cli("resolve", "fraud@0.2.0", "--json")
    assert said.json == {"ref": "fraud@0.2.0"}
    assert json.loads(said.err)["warning"] == "WithdrawnWarning"
