"""The policies of the page on access rules allow what the design says, and no more."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
from markdown_it import MarkdownIt

from modelver import Registry
from modelver._store import layout

PAGE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "access-rules.md"
ROLES: Final = ("reader", "writer", "approver", "sweeper")
ACTIONS: Final = ("read", "create", "replace", "delete")

# A key below each prefix that a registry has, and who may do what besides reading.
KEYS: Final = {
    "registry.json": {"create": {"writer"}},
    "log/00000000000000000001.json": {"create": {"writer", "approver", "sweeper"}},
    "rollups/1-64.json.gz": {"create": {"writer"}},
    "manifests/ab.jsonl": {"create": {"writer"}},
    "objects/ab/ab.0": {"create": {"writer"}, "delete": {"sweeper"}},
    "attestations/ab/cd.json": {"create": {"writer"}},
    "approvals/production/ab.json": {"create": {"approver"}},
    "gc/ab.json": {"create": {"sweeper"}, "delete": {"sweeper"}},
}
DELETED_FROM: Final = ("objects/", "gc/")
# To create and to delete is to replace there; the page says so.
REPLACED: Final = {("gcs", "sweeper", "gc/ab.json")}
S3: Final = "arn:aws:s3:::models"
GCS: Final = "projects/_/buckets/models/objects"


def _blocks() -> Iterator[tuple[str, Any]]:
    """Yield each JSON block of the page, with the heading above it."""
    heading, inside = "", False
    for token in MarkdownIt("commonmark").parse(PAGE.read_text(encoding="utf-8")):
        inside = token.type == "heading_open" or inside
        if token.type == "inline" and inside:
            heading, inside = token.content, False
        if token.type == "fence" and token.info == "json":
            yield heading, json.loads(token.content)


POLICIES: Final = dict(_blocks())


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _fits(statement: Any, action: str, key: str, *, conditional: bool) -> bool:
    """Whether a statement speaks of a request to S3."""
    where = S3 if action == "s3:ListBucket" else f"{S3}/{key}"
    if action not in _listed(statement["Action"]):
        return False
    if not any(fnmatchcase(where, each) for each in _listed(statement["Resource"])):
        return False
    condition = statement.get("Condition", {"Null": {}})
    assert condition.keys() == {"Null"}, "a condition that this test does not know"
    assert condition["Null"].keys() <= {"s3:if-none-match"}
    return all(
        (value == "true") is not conditional for value in condition["Null"].values()
    )


def s3_allows(role: str, action: str, key: str) -> bool:
    """What S3 says: allowed by a policy of the identity, denied by none."""
    asked = {
        "read": "s3:GetObject",
        "list": "s3:ListBucket",
        "create": "s3:PutObject",
        "replace": "s3:PutObject",
        "delete": "s3:DeleteObject",
    }[action]
    words: dict[str, Any] = {"conditional": action == "create"}
    statements = [
        statement
        for name in {"reader", role}
        for statement in POLICIES[f"S3: {name}"]["Statement"]
    ]
    bucket = POLICIES["S3: for everybody, the bucket's own policy"]["Statement"]
    assert {each["Effect"] for each in statements} == {"Allow"}
    assert {each["Effect"] for each in bucket} == {"Deny"}
    return any(_fits(each, asked, key, **words) for each in statements) and not any(
        _fits(each, asked, key, **words) for each in bucket
    )


def _holds(expression: str, name: str) -> bool:
    """Evaluate a condition: tests of the name, joined by ``||``."""
    for test in expression.split(" || "):
        begins = re.fullmatch(r'resource\.name\.startsWith\("([^"]+)"\)', test)
        equals = re.fullmatch(r'resource\.name == "([^"]+)"', test)
        assert begins or equals, f"{test!r} is not known to this test"
        if (begins and name.startswith(begins[1])) or (equals and name == equals[1]):
            return True
    return False


def gcs_allows(role: str, action: str, key: str) -> bool:
    """What Google says: to replace is to delete and to create."""
    holds: set[str] = set()
    sweeps = POLICIES["GCS: the sweeper's role"]["includedPermissions"]
    permissions = {
        "roles/storage.objectViewer": ["storage.objects.get", "storage.objects.list"],
        "roles/storage.objectCreator": ["storage.objects.create"],
        "projects/example/roles/registrySweeper": sweeps,
    }
    for binding in POLICIES["GCS: bindings of the bucket"]["bindings"]:
        if f"group:{role}s@example.org" not in binding["members"]:
            continue
        condition = binding.get("condition")
        # A listing is asked of the bucket: a condition on an object's name fails.
        name = "projects/_/buckets/models" if action == "list" else f"{GCS}/{key}"
        if condition is None or _holds(condition["expression"], name):
            holds |= set(permissions[binding["role"]])
    needed = {
        "read": {"storage.objects.get"},
        "list": {"storage.objects.list"},
        "create": {"storage.objects.create"},
        "replace": {"storage.objects.create", "storage.objects.delete"},
        "delete": {"storage.objects.delete"},
    }[action]
    return needed <= holds


STORES: Final = {"s3": s3_allows, "gcs": gcs_allows}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_its_work_and_no_more(store: str, role: str) -> None:
    """Every role, every prefix, every action; outside the prefix nothing is written."""
    allows = STORES[store]
    assert allows(role, "list", "")
    for key, may in KEYS.items():
        for action in ACTIONS:
            expected = action == "read" or role in may.get(action, set())
            expected |= action == "replace" and (store, role, key) in REPLACED
            assert allows(role, action, f"registry/{key}") is expected, (action, key)
            if action != "read":
                assert not allows(role, action, f"elsewhere/{key}"), (action, key)


@pytest.mark.parametrize("store", STORES)
def test_only_two_prefixes_are_deleted_from(store: str) -> None:
    """As the design says, by a sweeper; and no other key is ever replaced."""
    for role in ROLES:
        for key in KEYS:
            deletes = STORES[store](role, "delete", f"registry/{key}")
            assert deletes is (role == "sweeper" and key.startswith(DELETED_FROM))
            replaces = STORES[store](role, "replace", f"registry/{key}")
            assert replaces is ((store, role, key) in REPLACED)


def test_the_bucket_denies_whatever_else_is_allowed() -> None:
    """An administrator neither replaces a key nor deletes from the log."""
    bucket = POLICIES["S3: for everybody, the bucket's own policy"]["Statement"]
    for key in KEYS:
        for action, conditional in (("s3:PutObject", False), ("s3:PutObject", True)):
            denied = any(
                _fits(each, action, f"registry/{key}", conditional=conditional)
                for each in bucket
            )
            assert denied is not conditional
        for action in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
            denied = any(
                _fits(each, action, f"registry/{key}", conditional=False)
                for each in bucket
            )
            assert denied is not key.startswith(DELETED_FROM)


@pytest.mark.parametrize("store", STORES)
def test_a_writer_may_create_whatever_a_registry_writes(store: str) -> None:
    """Every key of a registry in which something was done is one of the writer's."""
    url = f"memory://access-rules-{store}"
    registry = Registry(url, create=True)
    version = registry.register("m", {"w": b"first"}, environment=False)
    for n in range(70):  # enough for a rollup
        version = registry.register("m", {"w": b"%d" % n}, environment=False)
    registry.promote(version, "production", reason="test")
    registry.tag(version, team="fraud")
    registry.withdraw("m@0.1.0", reason="test")
    import fsspec  # noqa: PLC0415 - this test's alone

    root = "/" + url.removeprefix("memory://")
    keys = [path[len(root) + 1 :] for path in fsspec.filesystem("memory").find(root)]
    tops = {key.partition("/")[0] for key in keys}
    assert tops == {"registry.json", "log", "rollups", "manifests", "objects"}
    for key in keys:
        assert STORES[store]("writer", "create", f"registry/{key}"), key
        assert STORES[store]("reader", "read", f"registry/{key}"), key


def test_the_prefixes_are_those_of_the_store() -> None:
    """What the store spells is on the page, and in its table."""
    text = PAGE.read_text(encoding="utf-8")
    spelled = {
        layout.REGISTRY,
        layout.LOG,
        layout.ROLLUPS,
        layout.MANIFESTS,
        layout.OBJECTS,
    }
    assert spelled <= {
        key if key.endswith(".json") and "/" not in key else key.partition("/")[0] + "/"
        for key in KEYS
    }
    for prefix in {key.partition("/")[0] for key in KEYS}:
        assert re.search(rf"^\| `{re.escape(prefix)}/?` \|", text, re.MULTILINE)
