"""A whole registry at Google's and at Microsoft's: one story, told from everywhere."""

import asyncio
import json
import multiprocessing
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from modelver import Registry
from modelver.errors import AlreadyExistsError
from modelver.testing.contract_base import side_by_side
from tests.stores.places import Place, chosen, place_in

# Of aiohttp, to Microsoft's client, about parts of some megabytes.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")

STORES = chosen("fake_gcs", "azurite")


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest) -> Place:
    """Return a place in each of the stores."""
    return place_in(request)(request.param)


def _open(place: Place, **more: Any) -> Registry:
    return Registry(place.url, storage_options=place.options, **more)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_story_of_a_model(place: Place, tmp_path: Path) -> None:
    """Register, get, check out, promote, roll back, search, verify: as in a folder."""
    bundle = tmp_path / "bundle"
    (bundle / "sub").mkdir(parents=True)
    # Two parts, and the second one ends in what looks like the end of an upload.
    weights = bytes(range(256)) * 2**17 + b"\r\n--==0==--\r\n" + b"x" * 2**20
    (bundle / "weights.bin").write_bytes(weights)
    (bundle / "sub" / "vocab.txt").write_text("one\ntwo\n")
    (bundle / "empty").write_bytes(b"")
    registry = _open(place, create=True)
    first = registry.register("fraud", bundle, metrics={"auc": 0.9})
    (bundle / "sub" / "vocab.txt").write_text("one\ntwo\nthree\n")
    second = registry.register("fraud", bundle, metrics={"auc": 0.95})
    assert registry.register("fraud", bundle).ref == second.ref
    registry.promote(first, "production", reason="the first")
    registry.promote(second, "production", reason="better")
    registry.rollback("fraud", "production", reason="it was not")
    # Somebody else, who has seen nothing.
    other = _open(place, cache=tmp_path / "cache")
    assert other.resolve("fraud@production") == first.ref
    assert [v.ref for v in other.search("metrics.auc > 0.92")] == [second.ref]
    assert {v.ref for v in other.versions("fraud")} == {first.ref, second.ref}
    found = other.get("fraud@latest").checkout(tmp_path / "out", "model")
    assert _files(found / "model") == _files(bundle)
    report = other.verify()
    assert report.ok, report
    assert other.get(first.ref).read("sub/vocab.txt") == b"one\ntwo\n"


def test_threads_share_a_registry(place: Place) -> None:
    """Eight threads register through one object: each version is there once."""
    registry = _open(place, create=True)
    made = side_by_side(
        8,
        lambda n: registry.register(f"m{n}", {"w": b"%d" % n}, environment=False).ref,
    )
    assert sorted(made) == [f"m{n}@0.1.0" for n in range(8)]
    assert sorted(registry.models()) == [f"m{n}" for n in range(8)]


def test_within_a_running_loop(place: Place) -> None:
    """As in a notebook: plain calls inside a coroutine work, and in ``to_thread``."""

    async def story() -> list[str]:
        registry = _open(place, create=True)
        here = registry.register("m", {"w": b"one"}, environment=False)
        there = await asyncio.to_thread(
            registry.register, "m", {"w": b"two"}, environment=False
        )
        return [here.ref, there.ref]

    assert asyncio.run(story()) == ["m@0.1.0", "m@0.2.0"]


def _register(registry: Registry, name: str, answers: Any) -> None:
    answers.put(registry.register(name, {"w": name.encode()}, environment=False).ref)


def test_forked_children_go_on(place: Place) -> None:
    """A registry that was open before a fork works in children and in the parent."""
    registry = _open(place, create=True)
    registry.register("parent", {"w": b"before"}, environment=False)
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    children = [
        fork.Process(target=_register, args=(registry, f"child{n}", answers))
        for n in range(3)
    ]
    for child in children:
        child.start()
    found = sorted(answers.get(timeout=60) for _ in children)
    registry.register("parent", {"w": b"after"}, environment=False)
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    assert found == [f"child{n}@0.1.0" for n in range(3)]
    assert sorted(registry.models()) == ["child0", "child1", "child2", "parent"]


def _run(script: str, place: Place) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            # From Python 3.12 on, of every fork beside a thread.
            *("-W", "ignore:This process:DeprecationWarning"),
            *("-c", textwrap.dedent(script)),
            json.dumps([place.url, dict(place.options)]),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("uses", [True, False], ids=["used", "unused"])
def test_a_forked_child_ends(place: Place, uses: bool) -> None:  # noqa: FBT001 - a parameter
    """A child that ends as any program does ends, and leaves the parent its loop."""
    done = _run(
        f"""
        import json, os, sys
        from modelver._registry.opening import open_backend
        url, options = json.loads(sys.argv[1])
        backend = open_backend(url, options)
        backend.create("log/1.json", b"x")
        if (pid := os.fork()) == 0:
            assert not {uses} or backend.read("log/1.json") == b"x"
            sys.exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
        for _ in range(3):
            assert backend.read("log/1.json") == b"x"
        print("well")
        """,
        place,
    )
    assert done.stdout.split() == ["well"], done.stderr
    assert done.stderr == ""


def test_spawned_children_open_it_anew(place: Place) -> None:
    """Another process with the same address sees the same registry."""
    _open(place, create=True)
    done = _run(
        """
        import json, sys
        from modelver import Registry
        url, options = json.loads(sys.argv[1])
        registry = Registry(url, storage_options=options)
        print(registry.register("m", {"w": b"x"}, environment=False).ref)
        """,
        place,
    )
    assert done.stdout.split() == ["m@0.1.0"], done.stderr
    assert done.stderr == ""
    assert _open(place).models() == ["m"]


def test_other_users_of_fsspec_do_not_meddle(place: Place) -> None:
    """Neither their listings nor their instance are ours."""
    import fsspec  # noqa: PLC0415 - this test's alone

    backend = place.backend()
    scheme, _, where = place.url.partition("://")
    theirs = fsspec.filesystem(scheme, **place.options)
    if scheme == "az":  # that of Google's would ask by gRPC
        assert theirs.find(where) == []
    backend.create("log/1.json", b"x")
    with pytest.raises(AlreadyExistsError):
        backend.create("log/1.json", b"y")
    assert backend.read("log/1.json") == b"x"
    assert [info.key for info in backend.list("")] == ["log/1.json"]
