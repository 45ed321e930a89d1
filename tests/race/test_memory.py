"""Many use one memory at once: none is told a wrong digest, none fails, none hangs.

What a file holds follows from its path and its stamp here, so that every answer can be
judged, whoever gave it. To be told nothing is always allowed.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from modelver._bundle.memory import LocalMemory, Stamp, database
from modelver._bundle.memory.tables import Opened
from tests.unit.bundle.remembered import digest, stamp, truth, works

pytestmark = pytest.mark.race

PATHS: Final = [f"/{n}" for n in range(50)]
MANIFESTS: Final = [digest("manifest", n) for n in range(20)]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


def hammer(memory: LocalMemory, seed: int, rounds: int) -> int:
    """Use *memory* in every way, check every answer, and return how many there were."""
    chance = random.Random(seed)  # noqa: S311
    answers = 0
    for _ in range(rounds):
        asked = {path: stamp(chance.randrange(3)) for path in chance.sample(PATHS, 9)}
        match chance.randrange(8):
            case 0 | 1:
                memory.remember({p: (s, truth(p, s.size)) for p, s in asked.items()})
            case 2:
                manifest = chance.choice(MANIFESTS)
                memory.index(manifest, held_by(manifest))
            case 3:
                unseen = memory.unseen(MANIFESTS)
                assert unseen == [m for m in MANIFESTS if m in unseen]
            case 4:
                memory.close()
            case 5:
                part = digest("part", chance.randrange(40))
                for manifest in memory.holders(part):
                    assert part in held_by(manifest)
                    answers += 1
            case _:
                for path, said in memory.recall(asked).items():
                    assert said == truth(path, asked[path].size)
                    answers += 1
    return answers


def held_by(manifest: str) -> list[str]:
    """Return which parts a manifest holds."""
    number = MANIFESTS.index(manifest)
    return [digest("part", n) for n in range(40) if n % (number + 1) < 3]


@pytest.fixture(autouse=True)
def _restless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Change threads often, and try again at once where something was locked."""
    monkeypatch.setattr(database, "_REST", 0.0)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for a memory."""
    return tmp_path / "cache"


def _start(folder: Path, seed: int, rounds: int) -> subprocess.Popen[str]:
    path = [*filter(None, sys.path), str(Path(__file__).parents[2])]
    return subprocess.Popen(
        [sys.executable, __file__, str(folder), str(seed), str(rounds)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdout=subprocess.PIPE,
        text=True,
    )


def _sound(folder: Path) -> None:
    """Check that the file is one that SQLite has nothing to say against."""
    import sqlite3  # noqa: PLC0415 - workers load it when the memory does

    file = sqlite3.connect(folder / "memory.sqlite")
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    file.close()


def test_processes(folder: Path) -> None:
    """Four processes write and read at once; the file stays sound."""
    crew = [_start(folder, seed, 300) for seed in range(4)]
    answers = [int(one.communicate()[0]) for one in crew]
    assert [one.returncode for one in crew] == [0] * 4
    assert sum(answers) >= 100
    _sound(folder)


def test_processes_that_are_killed(folder: Path) -> None:
    """Whoever dies in the middle of a write leaves a file that others go on with."""
    chance = random.Random(1)  # noqa: S311
    memory = LocalMemory(folder)
    answers = 0
    for seed in range(12):
        victims = [_start(folder, seed, 10**9), _start(folder, -seed, 10**9)]
        while not memory.recall({p: stamp(n) for p in PATHS for n in [seed % 3]}):
            time.sleep(0.001)
        time.sleep(chance.random() / 20)
        for victim in victims:
            victim.kill()
        answers += hammer(memory, seed, 20)
        for victim in victims:
            victim.communicate()
            assert victim.returncode == -signal.SIGKILL, "it died by itself"
        answers += hammer(memory, seed, 20)
        assert works(memory)
    assert answers
    memory.close()
    _sound(folder)


def test_a_file_that_is_broken_while_it_is_used(folder: Path) -> None:
    """Whatever somebody does to the file, nobody is told what is wrong."""
    chance = random.Random(2)  # noqa: S311
    file = folder / "memory.sqlite"
    crew = [_start(folder, seed, 400) for seed in range(3)]

    def break_it() -> None:
        match chance.randrange(4):
            case 0:
                file.unlink()
            case 1:
                os.truncate(file, chance.randrange(file.stat().st_size + 1))
            case 2:
                file.write_bytes(chance.randbytes(9000))
            case _:
                with file.open("r+b") as opened:
                    opened.seek(chance.randrange(file.stat().st_size + 1))
                    opened.write(chance.randbytes(500))

    while any(one.poll() is None for one in crew):
        time.sleep(0.02)
        if file.exists():
            try:
                break_it()
            except FileNotFoundError:  # one of the crew began it anew
                continue
    assert [one.wait() for one in crew] == [0] * 3
    for one in crew:
        one.communicate()
    memory = LocalMemory(folder)
    assert works(memory) or works(memory)
    memory.close()


def _together(count: int, act: Callable[[int], object]) -> None:
    failed: list[BaseException] = []

    def run(number: int) -> None:
        try:
            act(number)
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    crew = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    if failed:
        raise failed[0]


@pytest.mark.parametrize("shared", [True, False], ids=["one", "many"])
def test_threads(folder: Path, *, shared: bool) -> None:
    """Eight threads, with one memory in common or one each."""
    one = LocalMemory(folder)
    answers = []

    def act(number: int) -> None:
        memory = one if shared else LocalMemory(folder)
        answers.append(hammer(memory, number, 100))
        memory.close()

    _together(8, act)
    assert sum(answers) >= 100
    one.close()
    _sound(folder)


def _child(act: Callable[[], bool]) -> int:
    """Fork, and return how the child ended: with 0 where *act* returned True."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            signal.alarm(120)  # a child that hangs is not waited for
            # No thread was in the middle of anything, whatever it was about to do.
            code = 0 if act() and not database._LEFT else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _opened(memory: LocalMemory) -> Opened | None:
    return memory._database._opened


def _remembers(memory: LocalMemory, path: str) -> bool:
    """Remember something, however long others have the file."""
    while not works(memory, path):
        time.sleep(0.001)
    return True


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forks(folder: Path) -> None:
    """A child of a process whose threads are at it is as good as any other process."""
    memory = LocalMemory(folder)
    stop = threading.Event()

    def busy() -> None:
        seed = 0
        while not stop.is_set():
            hammer(memory, seed, 10)
            seed += 1

    def fork() -> None:
        try:
            for number in range(15):
                memory.recall({PATHS[0]: stamp(0)})  # so that the file is open
                assert _child(lambda n=number: _remembers(memory, f"/child {n}")) == 0  # type: ignore[misc]
        finally:
            stop.set()

    _together(4, lambda n: fork() if n == 0 else busy())
    asked: dict[str, Stamp] = {f"/child {n}": stamp(1) for n in range(15)}
    assert set(memory.recall(asked)) == set(asked)
    memory.close()
    _sound(folder)


@forks
def test_a_child_does_not_touch_what_its_parent_has(folder: Path) -> None:
    """Both have a file of their own open, and each closes its own."""
    memory = LocalMemory(folder)
    assert works(memory)

    def act() -> bool:
        assert (memory._database._process, _opened(memory)) == (os.getpid(), None)
        assert memory.recall({"/a": stamp(1)})
        memory.close()
        return works(memory, "/b")

    assert _child(act) == 0
    assert memory.recall({"/a": stamp(1), "/b": stamp(1)}).keys() == {"/a", "/b"}
    memory.close()


def test_a_fork_that_python_is_not_told_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child opens the file anew, and leaves its parent's connection as it is."""
    memory = LocalMemory(folder)
    assert works(memory)
    before = _opened(memory)
    assert before is not None
    memory._database._lock.acquire()  # as if another thread of the parent had it
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: -1)
        assert memory.recall({"/a": stamp(1)})
        assert _opened(memory) not in {None, before}
        memory.close()
        assert _opened(memory) is None
    assert before.connection.execute("SELECT count(*) FROM files").fetchone() == (1,)
    database._LEFT.remove(before)
    before.connection.close()
    assert works(memory)
    memory.close()


if __name__ == "__main__":
    database._REST = 0.0  # type: ignore[misc]
    sys.stdout.write(
        str(hammer(LocalMemory(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])))
    )
