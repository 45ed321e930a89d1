"""Files that Git holds as pointers: real bytes in the work tree, text in commits."""

import shutil
from pathlib import Path

import pytest

import modelver
from modelver._pins.pointer import parse
from modelver.errors import ErrorKind, InvalidInputError
from tests.pins.conftest import World


def held(world: World, ref: str) -> None:
    """Pin one file so that Git holds its pointer."""
    modelver.pin(ref, "m", registry=world.registry, file="w.bin", hold=True)


@pytest.fixture
def two(world: World) -> World:
    """Return a repository whose branches hold two versions of one file."""
    world.run("git", "install")
    held(world, "fraud@1.0.0")
    world.commit("one")
    world.git("checkout", "-b", "next")
    held(world, "fraud@1.1.0")
    world.commit("two")
    return world


def weights(world: World) -> bytes:
    """Return the file in the work tree."""
    return (world.repo / "m/w.bin").read_bytes()


def test_git_holds_the_pointer(two: World) -> None:
    """The file has the bytes, and the commit the text; Git sees no change."""
    assert weights(two) == b"two"
    pointer = parse(two.git("show", "HEAD:m/w.bin").encode(), "x")
    assert (pointer.version, pointer.file) == ("1.1.0", "model/w.bin")
    assert two.git("status", "--short") == ""
    assert '-  "version": "1.0.0"' in two.git("diff", "main", "next")


def test_a_checkout_brings_the_bytes(two: World) -> None:
    """Without any hook, and again and again."""
    for branch, content in [("main", b"one"), ("next", b"two"), ("main", b"one")]:
        two.git("checkout", branch)
        assert weights(two) == content
        assert two.git("status", "--short") == ""
    (two.repo / "m/w.bin").unlink()
    two.git("checkout", "--", "m/w.bin")
    assert weights(two) == b"one"
    (two.repo / "m/w.bin").touch()
    assert two.git("status", "--short") == ""


def test_changed_bytes_do_not_get_into_git(two: World) -> None:
    """They are refused with what to do; afterwards they can be pinned."""
    (two.repo / "m/w.bin").write_bytes(b"retrained weights")
    for words in (["add", "m/w.bin"], ["commit", "-am", "x"], ["stash"]):
        said = two.git(*words, code=1 if words == ["stash"] else 128)
        assert "m/w.bin is not fraud@1.1.0 any more" in said
        assert "modelver register" in said
    assert weights(two) == b"retrained weights"
    two.git("checkout", "main", code=1)
    assert weights(two) == b"retrained weights"
    two.register({"w.bin": b"retrained weights"}, "2.0.0")
    held(two, "fraud@2.0.0")
    two.commit("three")
    assert '"version": "2.0.0"' in two.git("show", "HEAD:m/w.bin")


def test_the_same_bytes_in_two_versions(two: World) -> None:
    """Git holds the pointer that was pinned, not another with the same content."""
    two.register({"w.bin": b"two", "more": b""}, "1.2.0")
    held(two, "fraud@1.2.0")
    assert two.git("status", "--short") == "M  m/w.bin\n"
    two.commit("same bytes")
    two.git("checkout", "main")
    two.git("checkout", "next")
    assert two.git("status", "--short") == ""
    assert '"version": "1.2.0"' in two.git("show", "HEAD:m/w.bin")


def test_a_clone_before_and_after_installing(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First there are pointers; pulled, there are bytes and no change to commit."""
    clone = two.folder / "clone"
    two.git("clone", str(two.repo), str(clone), at=two.folder)
    monkeypatch.chdir(clone)
    path = clone / "m/w.bin"
    assert parse(path.read_bytes(), "x").version == "1.1.0"
    with pytest.raises(InvalidInputError, match="filter"):
        modelver.pull()
    two.run("git", "install")
    assert two.git("status", "--short", at=clone) == ""
    assert [pin.state for pin in modelver.pull(check=True)] == ["missing"]
    modelver.pull()
    assert path.read_bytes() == b"two"
    assert two.git("status", "--short", at=clone) == ""
    two.git("checkout", "main", at=clone)
    assert path.read_bytes() == b"one"


def test_what_cannot_be_had_stays_a_pointer(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkout goes on, with a word, and a pull mends it."""
    with monkeypatch.context() as patched:
        patched.setenv("MODELVER_CACHE_DIR", str(two.folder / "empty"))
        (two.folder / "registry").rename(two.folder / "away")
        said = two.git("checkout", "main")
        assert "m/w.bin is left as a pointer" in said
        assert "modelver pull" in said
    assert parse(weights(two), "x").version == "1.0.0"
    assert two.git("status", "--short") == ""
    two.git("add", "m/w.bin")
    (two.folder / "away").rename(two.folder / "registry")
    assert [pin.state for pin in modelver.pull()] == ["restored"]
    assert weights(two) == b"one"
    assert two.git("status", "--short") == ""


@pytest.mark.parametrize("how", ["gone", "broken", "script"])
def test_git_goes_on_without_modelver(two: World, how: str) -> None:
    """Checkouts leave pointers; bytes that are known may stay, others are refused."""
    script = two.repo / ".git/modelver/run"
    if how == "script":
        script.unlink()
    else:
        lines = script.read_text().splitlines()
        python = "/bin/false" if how == "broken" else "/nowhere/python"
        lines = [f"python='{python}'" if "python=" in x[:7] else x for x in lines]
        script.write_text("\n".join(lines).replace("command -v modelver", "false"))
    (two.repo / "m/w.bin").touch()
    if how != "script":
        assert two.git("status", "--short") == ""
        two.git("checkout", "main")
        assert parse(weights(two), "x").version == "1.0.0"
        two.git("add", "--all")
        assert two.git("status", "--short") == ""
    (two.repo / "m/w.bin").write_bytes(b"{" + b"x" * 20_000 + b"}")
    assert "modelver" in two.git("add", "--all", code=128)
    (two.repo / "m/w.bin").write_bytes(b"\x00\x01 small bytes")
    two.git("add", "--all", code=128)


def test_a_conflict_between_two_pins(two: World) -> None:
    """Git cannot decide, and neither text nor bytes get mixed."""
    two.register({"w.bin": b"three"}, "2.0.0")
    two.git("checkout", "main")
    held(two, "fraud@2.0.0")
    two.commit("three")
    assert "CONFLICT" in two.git("merge", "next", code=1)
    assert "conflict" in two.git("add", "--all", code=128)
    held(two, "fraud@1.1.0")
    two.commit("merged")
    assert weights(two) == b"two"
    assert two.git("status", "--short") == ""


def test_update_moves_what_git_holds(two: World) -> None:
    """The pointer in the index moves with the bytes."""
    held(two, "fraud@^1.0")
    two.register({"w.bin": b"patched"}, "1.1.1")
    (move,) = modelver.update()
    assert (move.old, move.new) == ("fraud@1.1.0", "fraud@1.1.1")
    assert weights(two) == b"patched"
    assert two.git("status", "--short") == "M  m/w.bin\n"


def test_large_files_stream(two: World) -> None:
    """Some megabytes pass both ways unchanged."""
    content = bytes(range(256)) * 40_000
    two.register({"w.bin": content}, "3.0.0")
    held(two, "fraud@3.0.0")
    two.commit("large")
    two.git("checkout", "main")
    two.git("checkout", "next")
    assert weights(two) == content


def test_names_with_blanks(two: World) -> None:
    """Attributes find files whose names want quoting."""
    two.register({"my [best] w'.bin": b"odd"}, "4.0.0")
    modelver.pin(
        "fraud@4.0.0", "m", registry=two.registry, file="my [best] w'.bin", hold=True
    )
    two.commit("odd")
    assert '"version": "4.0.0"' in two.git("show", "HEAD:m/my [best] w'.bin")
    two.git("checkout", "main")
    assert not Path("m/my [best] w'.bin").exists()
    two.git("checkout", "next")
    assert Path("m/my [best] w'.bin").read_bytes() == b"odd"


def test_holding_needs_a_file_and_the_filter(world: World) -> None:
    """Without the filter Git would take the bytes, so nothing is restored."""
    with pytest.raises(InvalidInputError, match="filter"):
        held(world, "fraud@1.0.0")
    assert not (world.repo / "m/w.bin").exists()
    with pytest.raises(InvalidInputError, match="each file"):
        modelver.pin("fraud", "m", registry=world.registry, hold=True)


def test_a_hostile_pointer_is_left_as_it_is(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Git holds may be a stranger's: an unknown registry is not contacted."""
    text = two.git("show", "HEAD:m/w.bin").replace(
        "../../registry", "http://127.0.0.1:9/registry"
    )
    oid = two.folder / "text"
    oid.write_text(text)
    name = two.git("hash-object", "-w", str(oid)).strip()
    two.git("update-index", "--cacheinfo", f"100644,{name},m/w.bin")
    (two.repo / "m/w.bin").unlink()
    said = two.git("checkout", "--", "m/w.bin")
    assert "was never used on this machine" in said
    assert weights(two) == text.encode()
    with pytest.raises(InvalidInputError) as caught:
        modelver.pull()
    assert caught.value.kind == ErrorKind.UNTRUSTED_REGISTRY
    shutil.rmtree(two.repo / ".git/modelver/restored")
    monkeypatch.setenv("MODELVER_OFFLINE", "1")
    with pytest.raises(InvalidInputError):
        modelver.pull()


def test_a_sparse_checkout_stays_sparse(two: World) -> None:
    """What a user has left out of the work tree is not restored."""
    (two.repo / "src").mkdir()
    (two.repo / "src/a.py").write_text("a")
    two.commit("source")
    two.git("sparse-checkout", "set", "src")
    assert not (two.repo / "m").exists()
    assert modelver.pull() == []
    assert not (two.repo / "m").exists()
    two.git("sparse-checkout", "disable")
    assert weights(two) == b"two"


def test_everything_through_the_filter(two: World) -> None:
    """Attributes that name all files make errors, and no program for each."""
    (two.repo / ".gitattributes").write_text("* filter=modelver\n")
    with pytest.raises(modelver.FormatError, match="no pointer"):
        modelver.pull()
    assert weights(two) == b"two"
