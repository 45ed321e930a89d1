"""A whole registry in a bucket: one story, told from everywhere."""

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver import Registry
from modelver.testing.contract_base import side_by_side
from tests.stores.servers.s3_server import S3Server


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a folder of small files and one that is cut into parts."""
    folder = tmp_path / "bundle"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(os.urandom(40 * 2**20))
    (folder / "sub" / "vocab.txt").write_text("one\ntwo\n")
    (folder / "empty").write_bytes(b"")
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_story_of_a_model(s3: S3Server, bundle: Path, tmp_path: Path) -> None:
    """Register, get, check out, promote, roll back, search, verify: as in a folder."""
    url = s3.url()
    registry = Registry(url, create=True, storage_options=s3.options)
    first = registry.register("fraud", bundle, metrics={"auc": 0.9})
    (bundle / "sub" / "vocab.txt").write_text("one\ntwo\nthree\n")
    second = registry.register("fraud", bundle, metrics={"auc": 0.95})
    assert registry.register("fraud", bundle).ref == second.ref
    registry.promote(first, "production", reason="the first")
    registry.promote(second, "production", reason="better")
    registry.rollback("fraud", "production", reason="it was not")
    # Somebody else, who has seen nothing.
    other = Registry(url, storage_options=s3.options, cache=tmp_path / "cache")
    assert other.resolve("fraud@production") == first.ref
    assert [v.ref for v in other.search("metrics.auc > 0.92")] == [second.ref]
    assert [v.ref for v in other.versions("fraud")] == [second.ref, first.ref] or [
        v.ref for v in other.versions("fraud")
    ] == [first.ref, second.ref]
    found = other.get("fraud@latest").checkout(tmp_path / "out", "model")
    assert _files(found / "model") == _files(bundle)
    report = other.verify()
    assert report.ok, report
    assert other.get(first.ref).read("sub/vocab.txt") == b"one\ntwo\n"


def test_threads_share_a_registry(s3: S3Server) -> None:
    """Eight threads register through one object: each version is there once."""
    registry = Registry(s3.url(), create=True, storage_options=s3.options)
    made = side_by_side(
        8,
        lambda n: registry.register(f"m{n}", {"w": b"%d" % n}, environment=False).ref,
    )
    assert sorted(made) == [f"m{n}@0.1.0" for n in range(8)]
    assert sorted(registry.models()) == [f"m{n}" for n in range(8)]


def test_within_a_running_loop(s3: S3Server) -> None:
    """As in a notebook: plain calls inside a coroutine work, and in ``to_thread``."""

    async def story() -> tuple[str, str, int]:
        registry = Registry(s3.url(), create=True, storage_options=s3.options)
        first = registry.register("m", {"w": b"one"}, environment=False)
        ticks = 0
        done = asyncio.Event()

        async def tick() -> None:
            nonlocal ticks
            while not done.is_set():
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        second = await asyncio.to_thread(
            registry.register, "m", {"w": b"two"}, environment=False
        )
        done.set()
        await ticking
        return first.ref, second.ref, ticks

    first, second, ticks = asyncio.run(story())
    assert (first, second) == ("m@0.1.0", "m@0.2.0")
    assert ticks > 1  # the loop went on meanwhile


def _register(registry: Registry, name: str, answers: Any) -> None:
    answers.put(registry.register(name, {"w": name.encode()}, environment=False).ref)


def test_forked_children_go_on(s3: S3Server) -> None:
    """A registry that was open before a fork works in children and in the parent.

    Its threads did not come along, so that each opens connections of its own.
    """
    registry = Registry(s3.url(), create=True, storage_options=s3.options)
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
    assert registry.verify().ok


def test_forked_while_calls_are_under_way(s3: S3Server) -> None:
    """A fork in the middle of other threads' reads leaves no lock held in the child."""
    backend = s3.backend()
    backend.create("log/1.json", b"x" * 1000)
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            assert backend.read_many(["log/1.json"] * 4, 10) == [b"x" * 10] * 4

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    fork = multiprocessing.get_context("fork")
    try:
        for _ in range(5):
            answers = fork.SimpleQueue()
            child = fork.Process(
                target=lambda to=answers: to.put(backend.read("log/1.json", 0, 1))
            )
            child.start()
            child.join(60)
            assert child.exitcode == 0
            assert answers.get() == b"x"
    finally:
        done.set()
        for reader in readers:
            reader.join()


def test_spawned_children_open_it_anew(s3: S3Server) -> None:
    """Another process with the same address sees the same registry."""
    url = s3.url()
    Registry(url, create=True, storage_options=s3.options)
    script = textwrap.dedent(
        """
        import json, sys
        from modelver import Registry
        url, options = json.loads(sys.argv[1])
        registry = Registry(url, storage_options=options)
        print(registry.register("m", {"w": b"x"}, environment=False).ref)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps([url, s3.options])],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split() == ["m@0.1.0"]
    assert done.stderr == ""
    assert Registry(url, storage_options=s3.options).models() == ["m"]


def test_the_registry_is_found_where_the_environment_says(
    seaweed: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``MODELVER_REGISTRY`` and the variables of the AWS tools, and nothing else."""
    monkeypatch.setenv("MODELVER_REGISTRY", seaweed.url().replace("s3:", "s3a:"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", seaweed.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret)
    registry = Registry(create=True)
    registry.register("m", {"w": b"x"}, environment=False)
    assert Registry().models() == ["m"]
    assert Registry().url.startswith("s3://")


@pytest.mark.parametrize(
    "told",
    [repr, str, lambda registry: json.dumps(registry.get("m").to_dict(), default=str)],
    ids=["repr", "str", "dict"],
)
def test_no_secret_is_told(moto: S3Server, told: Callable[[Registry], str]) -> None:
    """Neither the registry nor a version repeats what it was opened with."""
    registry = Registry(moto.url(), create=True, storage_options=moto.options)
    registry.register("m", {"w": b"x"})
    assert moto.secret not in told(registry)
    assert moto.key not in told(registry)


@pytest.mark.servers
def test_one_address_in_two_stores(seaweed: S3Server, moto: S3Server) -> None:
    """A bucket of the same name at another endpoint is another registry."""
    url = seaweed.url()
    if moto.bucket != seaweed.bucket:
        moto.client().create_bucket(Bucket=seaweed.bucket)
    for server in (seaweed, moto):
        registry = Registry(url, create=True, storage_options=server.options)
        content = server.endpoint.encode()
        registry.register("m", {"w.bin": content}, environment=False)
        registry.get("m").path("w.bin")
    for server in (seaweed, moto):
        for offline in (False, True):
            again = Registry(url, storage_options=server.options, offline=offline)
            assert again.get("m").path("w.bin").read_bytes() == server.endpoint.encode()
